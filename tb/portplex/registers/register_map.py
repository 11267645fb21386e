# SPDX-License-Identifier: Apache-2.0
# Generated from hdl/array/management_registers.rdl by `portplex registers`; a test keeps both equal.
"""The management registers: byte address of the first element, and everything else a console has to know."""

from __future__ import annotations

from enum import IntEnum

from portplex.registers.model import Dimension, Field, RegisterInfo

# fmt: off

class Register(IntEnum):
    """Byte addresses; of an array, of its first element."""

    ID = 0x0000
    PARAMETERS = 0x0004
    CACHE_SEGMENTS = 0x0008
    STATUS = 0x000C
    FLUSH = 0x0010
    PARAMETERS2 = 0x0014
    INTERRUPT_STATUS = 0x0018
    INTERRUPT_ENABLE = 0x001C
    CLOCK = 0x0020
    CLOCK_SET = 0x0024
    TICKS_PER_SECOND = 0x0028
    LOAD_WINDOW = 0x0030
    LOAD_FLOOR = 0x0034
    REBALANCE = 0x0038
    REBALANCE_MARGIN = 0x003C
    SPREAD_FLOOR = 0x0040
    LOAD_WINDOWS = 0x0044
    PLACEMENT = 0x0048
    PORT_CONTROL = 0x0100
    PORT_STATUS = 0x0104
    PORT_WWPN = 0x0108
    PORT_WWPN_LOW = 0x010C
    PORT_WWNN = 0x0110
    PORT_WWNN_LOW = 0x0114
    PORT_ID = 0x0118
    E_D_TOV = 0x011C
    R_A_TOV = 0x0120
    R_T_TOV = 0x0124
    PORT_USAGE = 0x0128
    LOAD_IO = 0x012C
    LOAD_AMOUNT = 0x0130
    LOAD_ACCESS = 0x0134
    PORT_CREDIT = 0x0138
    LESB = 0x0140
    PORT_COUNTERS = 0x0180
    VOLUME_BASE = 0x0200
    VOLUME_BLOCKS = 0x0204
    VOLUME_FLAGS = 0x0208
    BACKUP_VOLUME = 0x0300
    BACKUP_PORT_ID = 0x0304
    BACKUP_LUN = 0x0308
    BACKUP_LBA = 0x030C
    BACKUP_CHUNK = 0x0310
    COPY_POINTER = 0x0314
    BACKUP_CONTROL = 0x0318
    BACKUP_STATE = 0x031C
    BACKUP_POINTER = 0x0320
    BACKUP_ERROR = 0x0324
    BACKUP_SENSE = 0x0328
    BACKUP_REFUSED = 0x032C
    BACKUP_PORTS = 0x0330
    PRIORITY_MODE = 0x0340
    BACKUP_QUANTUM = 0x0344
    ONLINE_TIME = 0x0348
    SCHEDULE_CONTROL = 0x0380
    SCHEDULE_DUE = 0x0384
    SCHEDULE_PERIOD = 0x0388
    SCHEDULE_LAST = 0x038C
    COUNTERS = 0x0400
    JOB_STATE = 0x0800
    JOB_POINTER = 0x0804
    JOB_COPY_POINTER = 0x0808
    JOB_ERROR = 0x080C
    JOB_SENSE = 0x0810
    STORE = 0x1000


# HDL parameters: the defaults.
DEFAULT_PARAMETERS: dict[str, int] = {"TASKS": 32, "BACKUP_SLOTS": 4, "RX_BUFFERS": 8, "VOLUMES": 4, "SEGMENTS": 512, "COUNTERS": 20, "DRIVE_BLOCKS": 32768, "PORTS": 1}

REGISTERS: dict[str, RegisterInfo] = {
    "ID": RegisterInfo(name="ID", address=0x0000, fields=(
        Field(name="id", low=0, width=32, access="r", reset=1347439704),
    )),
    "PARAMETERS": RegisterInfo(name="PARAMETERS", address=0x0004, fields=(
        Field(name="tasks", low=0, width=9, access="r"),
        Field(name="volumes", low=9, width=5, access="r"),
        Field(name="backup_slots", low=14, width=5, access="r"),
        Field(name="rx_buffers", low=19, width=7, access="r"),
    )),
    "CACHE_SEGMENTS": RegisterInfo(name="CACHE_SEGMENTS", address=0x0008, fields=(
        Field(name="segments", low=0, width=32, access="r"),
    )),
    "STATUS": RegisterInfo(name="STATUS", address=0x000C, fields=(
        Field(name="clean", low=0, width=1, access="r"),
        Field(name="unpinned", low=1, width=1, access="r"),
        Field(name="backup_running", low=2, width=1, access="r"),
        Field(name="backup_done", low=3, width=1, access="r"),
        Field(name="backup_failed", low=4, width=1, access="r"),
    )),
    "FLUSH": RegisterInfo(name="FLUSH", address=0x0010, fields=(
        Field(name="flush", low=0, width=1, access="w", pulse=True),
    )),
    "PARAMETERS2": RegisterInfo(name="PARAMETERS2", address=0x0014, fields=(
        Field(name="ports", low=0, width=2, access="r"),
    )),
    "INTERRUPT_STATUS": RegisterInfo(name="INTERRUPT_STATUS", address=0x0018, fields=(
        Field(name="job_done", low=0, width=1, access="rw", clears=True),
        Field(name="job_failed", low=1, width=1, access="rw", clears=True),
        Field(name="port_lost", low=2, width=2, access="rw", width_is="PORTS", clears=True),
    )),
    "INTERRUPT_ENABLE": RegisterInfo(name="INTERRUPT_ENABLE", address=0x001C, fields=(
        Field(name="job_done", low=0, width=1, access="rw"),
        Field(name="job_failed", low=1, width=1, access="rw"),
        Field(name="port_lost", low=2, width=2, access="rw", width_is="PORTS"),
    )),
    "CLOCK": RegisterInfo(name="CLOCK", address=0x0020, fields=(
        Field(name="seconds", low=0, width=32, access="r"),
    )),
    "CLOCK_SET": RegisterInfo(name="CLOCK_SET", address=0x0024, fields=(
        Field(name="seconds", low=0, width=32, access="rw"),
    )),
    "TICKS_PER_SECOND": RegisterInfo(name="TICKS_PER_SECOND", address=0x0028, fields=(
        Field(name="ticks", low=0, width=16, access="rw", reset=1000, minimum=1),
    )),
    "LOAD_WINDOW": RegisterInfo(name="LOAD_WINDOW", address=0x0030, fields=(
        Field(name="ticks", low=0, width=16, access="rw", reset=256, minimum=1),
    ), store_word=0x0088, store_table=450),
    "LOAD_FLOOR": RegisterInfo(name="LOAD_FLOOR", address=0x0034, fields=(
        Field(name="bytes", low=0, width=32, access="rw", reset=1048576),
    ), store_word=0x0089, store_table=450),
    "REBALANCE": RegisterInfo(name="REBALANCE", address=0x0038, fields=(
        Field(name="ticks", low=0, width=16, access="rw", reset=512, minimum=1),
    ), store_word=0x008A, store_table=450),
    "REBALANCE_MARGIN": RegisterInfo(name="REBALANCE_MARGIN", address=0x003C, fields=(
        Field(name="bytes", low=0, width=32, access="rw", reset=1048576),
    ), store_word=0x008B, store_table=450),
    "SPREAD_FLOOR": RegisterInfo(name="SPREAD_FLOOR", address=0x0040, fields=(
        Field(name="bytes", low=0, width=32, access="rw"),
    ), store_word=0x008C, store_table=450),
    "LOAD_WINDOWS": RegisterInfo(name="LOAD_WINDOWS", address=0x0044, fields=(
        Field(name="count", low=0, width=32, access="r"),
    )),
    "PLACEMENT": RegisterInfo(name="PLACEMENT", address=0x0048, fields=(
        Field(name="ports", low=0, width=2, access="r"),
        Field(name="moves", low=16, width=16, access="r"),
    )),
    "PORT_CONTROL": RegisterInfo(name="PORT_CONTROL", address=0x0100, fields=(
        Field(name="enable", low=0, width=1, access="rw"),
        Field(name="reset", low=1, width=1, access="rw", pulse=True),
    ), dimensions=(
        Dimension(size=2, stride=1024, size_is="PORTS"),
    )),
    "PORT_STATUS": RegisterInfo(name="PORT_STATUS", address=0x0104, fields=(
        Field(name="link_state", low=0, width=4, access="r"),
        Field(name="fabric_login", low=4, width=1, access="r"),
        Field(name="logins", low=8, width=8, access="r"),
        Field(name="open_tasks", low=16, width=9, access="r"),
    ), dimensions=(
        Dimension(size=2, stride=1024, size_is="PORTS"),
    )),
    "PORT_WWPN": RegisterInfo(name="PORT_WWPN", address=0x0108, fields=(
        Field(name="wwpn", low=0, width=32, access="rw", reset=805306368),
    ), dimensions=(
        Dimension(size=2, stride=1024, size_is="PORTS"),
    )),
    "PORT_WWPN_LOW": RegisterInfo(name="PORT_WWPN_LOW", address=0x010C, fields=(
        Field(name="wwpn", low=0, width=32, access="rw", reset=1347944449),
    ), dimensions=(
        Dimension(size=2, stride=1024, size_is="PORTS"),
    )),
    "PORT_WWNN": RegisterInfo(name="PORT_WWNN", address=0x0110, fields=(
        Field(name="wwnn", low=0, width=32, access="rw", reset=805306368),
    ), dimensions=(
        Dimension(size=2, stride=1024, size_is="PORTS"),
    )),
    "PORT_WWNN_LOW": RegisterInfo(name="PORT_WWNN_LOW", address=0x0114, fields=(
        Field(name="wwnn", low=0, width=32, access="rw", reset=1347944448),
    ), dimensions=(
        Dimension(size=2, stride=1024, size_is="PORTS"),
    )),
    "PORT_ID": RegisterInfo(name="PORT_ID", address=0x0118, fields=(
        Field(name="id", low=0, width=24, access="r"),
    ), dimensions=(
        Dimension(size=2, stride=1024, size_is="PORTS"),
    )),
    "E_D_TOV": RegisterInfo(name="E_D_TOV", address=0x011C, fields=(
        Field(name="ticks", low=0, width=16, access="rw", reset=2000, minimum=1),
    ), dimensions=(
        Dimension(size=2, stride=1024, size_is="PORTS"),
    )),
    "R_A_TOV": RegisterInfo(name="R_A_TOV", address=0x0120, fields=(
        Field(name="ticks", low=0, width=16, access="rw", reset=10000, minimum=1),
    ), dimensions=(
        Dimension(size=2, stride=1024, size_is="PORTS"),
    )),
    "R_T_TOV": RegisterInfo(name="R_T_TOV", address=0x0124, fields=(
        Field(name="ticks", low=0, width=16, access="rw", reset=100, minimum=1),
    ), dimensions=(
        Dimension(size=2, stride=1024, size_is="PORTS"),
    )),
    "PORT_USAGE": RegisterInfo(name="PORT_USAGE", address=0x0128, fields=(
        Field(name="usage", low=0, width=2, access="rw", maximum=2),
    ), dimensions=(
        Dimension(size=2, stride=1024, size_is="PORTS"),
    ), store_word=0x0080, store_table=640),
    "LOAD_IO": RegisterInfo(name="LOAD_IO", address=0x012C, fields=(
        Field(name="commands", low=0, width=32, access="r"),
    ), dimensions=(
        Dimension(size=2, stride=1024, size_is="PORTS"),
    )),
    "LOAD_AMOUNT": RegisterInfo(name="LOAD_AMOUNT", address=0x0130, fields=(
        Field(name="bytes", low=0, width=32, access="r"),
    ), dimensions=(
        Dimension(size=2, stride=1024, size_is="PORTS"),
    )),
    "LOAD_ACCESS": RegisterInfo(name="LOAD_ACCESS", address=0x0134, fields=(
        Field(name="sequential", low=0, width=1, access="r"),
    ), dimensions=(
        Dimension(size=2, stride=1024, size_is="PORTS"),
    )),
    "PORT_CREDIT": RegisterInfo(name="PORT_CREDIT", address=0x0138, fields=(
        Field(name="frames", low=0, width=8, access="r"),
    ), dimensions=(
        Dimension(size=2, stride=1024, size_is="PORTS"),
    )),
    "LESB": RegisterInfo(name="LESB", address=0x0140, fields=(
        Field(name="count", low=0, width=32, access="r"),
    ), dimensions=(
        Dimension(size=2, stride=1024, size_is="PORTS"),
        Dimension(size=16, stride=4),
    ), elements=("link_failure", "loss_of_sync", "loss_of_signal", "primitive_sequence_error", "invalid_word", "invalid_crc", "too_long", "truncated", "bad_eof", "bad_sof", "overrun", "bad_length", "link_reset_discard", "frames_received", "frames_sent", "underrun")),
    "PORT_COUNTERS": RegisterInfo(name="PORT_COUNTERS", address=0x0180, fields=(
        Field(name="count", low=0, width=32, access="r"),
    ), dimensions=(
        Dimension(size=2, stride=1024, size_is="PORTS"),
        Dimension(size=16, stride=4),
    ), elements=("header_dropped", "not_logged_in", "unknown_exchange", "sequence_error", "wrong_d_id", "ls_rjt_sent", "ls_rjt_received", "abts_sent", "abts_received", "exchange_timeouts", "backup_frames", "online_frames", "host_requests", "task_set_full", "plogi_refused", "ls_timeouts")),
    "VOLUME_BASE": RegisterInfo(name="VOLUME_BASE", address=0x0200, fields=(
        Field(name="segment", low=0, width=32, access="rw", maximum=536870911),
    ), dimensions=(
        Dimension(size=16, stride=16, size_is="VOLUMES"),
    )),
    "VOLUME_BLOCKS": RegisterInfo(name="VOLUME_BLOCKS", address=0x0204, fields=(
        Field(name="blocks", low=0, width=32, access="rw", maximum_is="DRIVE_BLOCKS", step=8),
    ), dimensions=(
        Dimension(size=16, stride=16, size_is="VOLUMES"),
    )),
    "VOLUME_FLAGS": RegisterInfo(name="VOLUME_FLAGS", address=0x0208, fields=(
        Field(name="present", low=0, width=1, access="rw"),
        Field(name="write_protected", low=1, width=1, access="rw"),
    ), dimensions=(
        Dimension(size=16, stride=16, size_is="VOLUMES"),
    )),
    "BACKUP_VOLUME": RegisterInfo(name="BACKUP_VOLUME", address=0x0300, fields=(
        Field(name="volume", low=0, width=8, access="rw", maximum_is="VOLUMES - 1"),
    )),
    "BACKUP_PORT_ID": RegisterInfo(name="BACKUP_PORT_ID", address=0x0304, fields=(
        Field(name="port_id", low=0, width=24, access="rw"),
    )),
    "BACKUP_LUN": RegisterInfo(name="BACKUP_LUN", address=0x0308, fields=(
        Field(name="lun", low=0, width=16, access="rw"),
    )),
    "BACKUP_LBA": RegisterInfo(name="BACKUP_LBA", address=0x030C, fields=(
        Field(name="lba", low=0, width=32, access="rw"),
    )),
    "BACKUP_CHUNK": RegisterInfo(name="BACKUP_CHUNK", address=0x0310, fields=(
        Field(name="blocks", low=0, width=8, access="rw", reset=128, minimum=8, maximum=128, step=8),
    )),
    "COPY_POINTER": RegisterInfo(name="COPY_POINTER", address=0x0314, fields=(
        Field(name="blocks", low=0, width=32, access="rw"),
    )),
    "BACKUP_CONTROL": RegisterInfo(name="BACKUP_CONTROL", address=0x0318, fields=(
        Field(name="start_backup", low=0, width=1, access="w"),
        Field(name="start_restore", low=1, width=1, access="w"),
        Field(name="abort", low=2, width=1, access="w"),
        Field(name="pause", low=3, width=1, access="w"),
        Field(name="resume", low=4, width=1, access="w"),
        Field(name="start_verify", low=5, width=1, access="w"),
        Field(name="prepare", low=6, width=1, access="w"),
        Field(name="kind", low=8, width=2, access="w", maximum=2),
        Field(name="job", low=12, width=3, access="w"),
    ), command="job"),
    "BACKUP_STATE": RegisterInfo(name="BACKUP_STATE", address=0x031C, fields=(
        Field(name="state", low=0, width=4, access="r"),
    )),
    "BACKUP_POINTER": RegisterInfo(name="BACKUP_POINTER", address=0x0320, fields=(
        Field(name="blocks", low=0, width=32, access="r"),
    )),
    "BACKUP_ERROR": RegisterInfo(name="BACKUP_ERROR", address=0x0324, fields=(
        Field(name="error", low=0, width=8, access="r"),
        Field(name="scsi_status", low=8, width=8, access="r"),
    )),
    "BACKUP_SENSE": RegisterInfo(name="BACKUP_SENSE", address=0x0328, fields=(
        Field(name="sense", low=0, width=32, access="r"),
    )),
    "BACKUP_REFUSED": RegisterInfo(name="BACKUP_REFUSED", address=0x032C, fields=(
        Field(name="reason", low=0, width=8, access="r"),
    )),
    "BACKUP_PORTS": RegisterInfo(name="BACKUP_PORTS", address=0x0330, fields=(
        Field(name="ports", low=0, width=2, access="rw", width_is="PORTS"),
    )),
    "PRIORITY_MODE": RegisterInfo(name="PRIORITY_MODE", address=0x0340, fields=(
        Field(name="backup_first", low=0, width=1, access="rw"),
    ), store_word=0x00B0, store_table=670),
    "BACKUP_QUANTUM": RegisterInfo(name="BACKUP_QUANTUM", address=0x0344, fields=(
        Field(name="bytes", low=0, width=32, access="rw", reset=65536, maximum=2147483647),
    ), store_word=0x00B1, store_table=670),
    "ONLINE_TIME": RegisterInfo(name="ONLINE_TIME", address=0x0348, fields=(
        Field(name="clocks", low=0, width=32, access="rw", reset=65536, maximum=2147483647),
    ), store_word=0x00B2, store_table=670),
    "SCHEDULE_CONTROL": RegisterInfo(name="SCHEDULE_CONTROL", address=0x0380, fields=(
        Field(name="enabled", low=0, width=1, access="rw"),
        Field(name="operation", low=1, width=3, access="rw", maximum=0),
        Field(name="job", low=8, width=3, access="rw"),
    ), dimensions=(
        Dimension(size=4, stride=16),
    ), command="schedule", store_word=0x0090, store_stride=4, store_table=650),
    "SCHEDULE_DUE": RegisterInfo(name="SCHEDULE_DUE", address=0x0384, fields=(
        Field(name="seconds", low=0, width=32, access="rw"),
    ), dimensions=(
        Dimension(size=4, stride=16),
    ), command="schedule", store_word=0x00A0, store_stride=4, store_table=660),
    "SCHEDULE_PERIOD": RegisterInfo(name="SCHEDULE_PERIOD", address=0x0388, fields=(
        Field(name="seconds", low=0, width=32, access="rw"),
    ), dimensions=(
        Dimension(size=4, stride=16),
    ), command="schedule", store_word=0x0091, store_stride=4, store_table=650),
    "SCHEDULE_LAST": RegisterInfo(name="SCHEDULE_LAST", address=0x038C, fields=(
        Field(name="seconds", low=0, width=32, access="r"),
    ), dimensions=(
        Dimension(size=4, stride=16),
    ), store_word=0x00A1, store_stride=4, store_table=660),
    "COUNTERS": RegisterInfo(name="COUNTERS", address=0x0400, fields=(
        Field(name="count", low=0, width=32, access="r"),
    ), dimensions=(
        Dimension(size=64, stride=4, size_is="COUNTERS"),
    ), elements=("read_hits", "read_misses", "writes", "staged", "destaged", "stage_errors", "destage_errors", "acquires_put_back", "drive_errors", "reads", "backup_chunks", "backup_retries", "quanta", "quanta_ended_by_time", "bytes_read", "bytes_read_high", "bytes_written", "bytes_written_high", "open_host_tasks", "job_copy_pointer")),
    "JOB_STATE": RegisterInfo(name="JOB_STATE", address=0x0800, fields=(
        Field(name="state", low=0, width=4, access="r"),
    ), dimensions=(
        Dimension(size=8, stride=32),
    )),
    "JOB_POINTER": RegisterInfo(name="JOB_POINTER", address=0x0804, fields=(
        Field(name="blocks", low=0, width=32, access="r"),
    ), dimensions=(
        Dimension(size=8, stride=32),
    )),
    "JOB_COPY_POINTER": RegisterInfo(name="JOB_COPY_POINTER", address=0x0808, fields=(
        Field(name="blocks", low=0, width=32, access="r"),
    ), dimensions=(
        Dimension(size=8, stride=32),
    )),
    "JOB_ERROR": RegisterInfo(name="JOB_ERROR", address=0x080C, fields=(
        Field(name="error", low=0, width=32, access="r"),
    ), dimensions=(
        Dimension(size=8, stride=32),
    )),
    "JOB_SENSE": RegisterInfo(name="JOB_SENSE", address=0x0810, fields=(
        Field(name="sense", low=0, width=32, access="r"),
    ), dimensions=(
        Dimension(size=8, stride=32),
    )),
}
