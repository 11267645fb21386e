# SPDX-License-Identifier: Apache-2.0
"""Hosts and the backup disk over the switch, whole flows in virtual time, with and without faults."""

from __future__ import annotations

import random

import pytest

from portplex.executor import DeadlineExceeded
from portplex.fc.constants import FcpRspCode, FcpTaskManagement, RCtl, ScsiStatus
from portplex.fc.header import Header
from portplex.framelink import Frame
from portplex.model.volume import VolumeModel
from portplex.nport.backup_disk import Fault, FaultKind, TransferPolicy
from portplex.nport.host_initiator import CommandFailed, LogicalUnit, TransportError
from portplex.nport.workload import Latencies, Mix, Workload
from portplex.scsi import cdb, sense, vpd
from portplex.scsi.cdb import WRITES

from .nport_bench import DISK_WWNN, DISK_WWPN, HOST_WWPN, Fabric

DISK_ID = 0x010E00
UNIT = LogicalUnit(DISK_ID, 0, 256, 512, "PORTPLEX", "BACKUP DISK")


def ready(fabric: Fabric) -> Fabric:
    for host in fabric.hosts:
        fabric.run(host.login(DISK_ID))
    return fabric


class Lose:
    """Loses the `count` frames after the first `skip` that satisfy `which`."""

    def __init__(self, which, skip: int = 0, count: int = 1) -> None:
        self.which, self.skip, self.count, self.lost = which, skip, count, 0

    def __call__(self, frame: Frame) -> Frame | None:
        if self.lost < self.count and self.which(Header.unpack(frame.data)):
            if self.skip:
                self.skip -= 1
            else:
                self.lost += 1
                return None
        return frame


def is_r_ctl(r_ctl: int):
    return lambda header: header.r_ctl == r_ctl and header.type in (0, 8)


@pytest.mark.fast
def test_discovery() -> None:
    fabric = Fabric(blocks=[256, 100])
    units = fabric.run(fabric.host.discover())
    assert units == [UNIT, LogicalUnit(DISK_ID, 1, 100, 512, "PORTPLEX", "BACKUP DISK")]
    assert fabric.nothing_left()


@pytest.mark.fast
def test_write_and_read_back() -> None:
    fabric = ready(Fabric(policy=TransferPolicy(burst=8192, ready_delay=10, read_latency=300, write_latency=200)))
    data = random.Random(1).randbytes(65536)
    wrote = fabric.run(fabric.host.write(UNIT, 100, data))
    assert wrote.latency == 8 * 10 + 200  # eight bursts; the switch itself takes no time
    assert fabric.run(fabric.host.read(UNIT, 100, 128)) == data
    assert bytes(fabric.disk.image()) == bytes(100 * 512) + data + bytes(28 * 512)
    record = fabric.disk.writes[0]
    assert (record.lba, record.blocks, record.initiator) == (100, 128, 0x010001)
    assert not fabric.disk.violations
    assert fabric.nothing_left()


@pytest.mark.fast
def test_other_commands() -> None:
    fabric = ready(Fabric(blocks=[256, 100]))
    host = fabric.host

    def ask(command: bytes, length: int, lun: int = 0):
        return fabric.run(host.command(DISK_ID, lun, command, data_in=length))

    assert ask(cdb.test_unit_ready(), 0).status == ScsiStatus.GOOD
    assert vpd.parse_vpd_page(ask(cdb.inquiry(0x00), 252).data) == (0x00, bytes((0x00, 0x80, 0x83, 0xB0)))
    assert vpd.parse_vpd_page(ask(cdb.inquiry(0x80), 252, 1).data)[1] == f"{DISK_WWNN:016X}0001".encode()
    assert len(vpd.parse_vpd_page(ask(cdb.inquiry(0xB0), 252).data)[1]) == 60
    short = ask(cdb.inquiry(length=5), 8)  # five bytes: fill bytes in the frame, residual 3
    assert (short.data, short.residual) == (b"\0\0\x06\x12\x1f", 3)
    assert vpd.parse_read_capacity(ask(cdb.read_capacity_10(), 8, 1).data) == (100, 512)
    assert sense.Sense.unpack(ask(cdb.request_sense(18), 18).data) == sense.NO_SENSE
    assert ask(cdb.mode_sense_6(length=4), 4).data == b"\3\0\0\0"
    assert ask(cdb.inquiry(), 252, 7).data[0] == vpd.NO_DEVICE
    assert ask(cdb.synchronize_cache_10(), 0).status == ScsiStatus.GOOD
    for command, lun, length, reason in (
        (b"\xc7" + bytes(15), 0, 0, sense.INVALID_OPCODE),
        (cdb.read_10(256, 1), 0, 512, sense.LBA_OUT_OF_RANGE),
        (cdb.read_10(0, 2), 0, 512, sense.INVALID_FIELD),
        (cdb.test_unit_ready(), 7, 0, sense.LUN_NOT_SUPPORTED),
        (cdb.inquiry(0xC0), 0, 252, sense.INVALID_FIELD),
    ):
        result = ask(command, length, lun)
        assert (result.status, result.sense, result.residual) == (ScsiStatus.CHECK_CONDITION, reason, length)
    assert fabric.nothing_left()


@pytest.mark.fast
def test_workload_verifies_everything() -> None:
    """Four hosts on one unit and one model, all overlapping; the disk's image equals the model's."""
    fabric = ready(Fabric(4, policy=TransferPolicy(burst=16384, ready_delay=50, read_latency=400, write_latency=700)))
    model = VolumeModel(256)
    works = [
        Workload(fabric.executor, host, UNIT, model, Mix(interval=20), seed=index)
        for index, host in enumerate(fabric.hosts)
    ]
    runs = [fabric.executor.start(work.run(60)) for work in works]
    for run in runs:
        report = fabric.executor.run_until(run, 10_000_000, "the workload")
        assert report.commands == 60
        assert report.problems == []
        assert report.compared_blocks > 0
        assert 400 <= report.latency().summary()["p50"] <= report.latency().summary()["max"]
    model.check_image(fabric.disk.image())
    assert model.counts["failed"] == 0
    assert model.compared > 1000
    assert not fabric.disk.violations
    assert fabric.nothing_left()


@pytest.mark.fast
def test_workload_is_reproducible() -> None:
    def once() -> tuple[list[int], bytes]:
        fabric = ready(Fabric(2, policy=TransferPolicy(write_latency=90, read_latency=70)))
        model = VolumeModel(256)
        works = [Workload(fabric.executor, h, UNIT, model, Mix(), seed=5) for h in fabric.hosts]
        runs = [fabric.executor.start(work.run(30)) for work in works]
        for run in runs:
            fabric.executor.run_until(run, 10_000_000)
        return [record.lba for record in fabric.disk.writes], bytes(fabric.disk.image())

    assert once() == once()


@pytest.mark.fast
def test_workload_finds_planted_corruption() -> None:
    """One bit flipped on the disk behind everybody's back."""
    fabric = ready(Fabric())
    model = VolumeModel(256)
    fabric.disk.image()[77 * 512 + 13] ^= 0x10
    mix = Mix(read_share=1, sizes=(4096,), sequential=1)
    report = fabric.run(Workload(fabric.executor, fabric.host, UNIT, model, mix, seed=1).run(32))
    assert len(report.problems) == 1
    assert "block 77 is" in report.problems[0]
    assert model.counts["failed"] == 1
    assert report.compared_blocks == 256


@pytest.mark.fast
def test_queue_depth_is_kept() -> None:
    fabric = ready(Fabric(queue_depth=3, policy=TransferPolicy(read_latency=100)))
    deepest = 0

    def watch(frame: Frame) -> Frame:
        nonlocal deepest
        deepest = max(deepest, fabric.disk.open_exchanges)
        return frame

    fabric.switch.on_forward = watch
    reads = [fabric.executor.start(fabric.host.read(UNIT, index, 1)) for index in range(10)]
    for read in reads:
        fabric.executor.run_until(read, 5_000)
    assert deepest == 3
    assert fabric.executor.now() == 400  # ten reads, three at a time, 100 words each
    assert fabric.nothing_left()


# ---- lost frames ----

LOSSES = [
    ("write data", is_r_ctl(RCtl.SOLICITED_DATA), True, 1),
    ("last write data", is_r_ctl(RCtl.SOLICITED_DATA), True, 31),
    ("XFER_RDY", is_r_ctl(RCtl.DATA_DESCRIPTOR), True, 0),
    ("RSP of a write", is_r_ctl(RCtl.COMMAND_STATUS), True, 0),
    ("write command", is_r_ctl(RCtl.UNSOLICITED_COMMAND), True, 0),
    ("read data", is_r_ctl(RCtl.SOLICITED_DATA), False, 1),
    ("first read data", is_r_ctl(RCtl.SOLICITED_DATA), False, 0),
    ("last read data", is_r_ctl(RCtl.SOLICITED_DATA), False, 31),
    ("RSP of a read", is_r_ctl(RCtl.COMMAND_STATUS), False, 0),
    ("read command", is_r_ctl(RCtl.UNSOLICITED_COMMAND), False, 0),
]


@pytest.mark.fast
@pytest.mark.parametrize(("which", "write", "skip"), [loss[1:] for loss in LOSSES], ids=[loss[0] for loss in LOSSES])
def test_lost_frame_is_recovered(which, write: bool, skip: int) -> None:
    """ABTS, then the command again, with the right result; nothing is left open."""
    fabric = ready(Fabric())
    data = random.Random(skip).randbytes(65536)
    if not write:
        fabric.disk.image()[:65536] = data
    lose = fabric.switch.on_forward = Lose(which, skip)
    if write:
        fabric.run(fabric.host.write(UNIT, 0, data))
    else:
        assert fabric.run(fabric.host.read(UNIT, 0, 128)) == data
    assert bytes(fabric.disk.image()[:65536]) == data
    assert lose.lost == 1
    assert fabric.host.counts["abts_sent"] == 1
    assert fabric.host.counts["retries"] == 1
    assert fabric.nothing_left()


@pytest.mark.fast
@pytest.mark.parametrize("r_ctl", [RCtl.ABTS, RCtl.BA_ACC])
def test_lost_abort_is_sent_again(r_ctl: int) -> None:
    fabric = ready(Fabric())
    fabric.disk.inject(Fault(FaultKind.SILENCE))
    lose = fabric.switch.on_forward = Lose(is_r_ctl(r_ctl))
    assert fabric.run(fabric.host.read(UNIT, 0, 1)) == bytes(512)
    assert lose.lost == 1
    assert fabric.host.counts["abts_sent"] == 2
    assert fabric.nothing_left()


@pytest.mark.fast
def test_workload_survives_random_loss() -> None:
    """One frame in 150 is lost, whatever it is; every read is still right."""
    fabric = ready(Fabric(3, retries=8, policy=TransferPolicy(read_latency=50, write_latency=80)))
    rng = random.Random(11)
    fabric.switch.on_forward = lambda frame: None if rng.random() < 1 / 150 else frame
    model = VolumeModel(256)
    mix = Mix(sizes=(512, 8192, 32768))
    works = [Workload(fabric.executor, h, UNIT, model, mix, i) for i, h in enumerate(fabric.hosts)]
    runs = [fabric.executor.start(work.run(50)) for work in works]
    for run in runs:
        report = fabric.executor.run_until(run, 50_000_000)
        assert report.problems == []
    assert fabric.switch.counts["lost_on_purpose"] > 3
    fabric.switch.on_forward = None
    model.check_image(fabric.disk.image())
    assert sum(host.counts["retries"] for host in fabric.hosts) > 3
    assert fabric.nothing_left()


# ---- a disk that misbehaves ----


@pytest.mark.fast
@pytest.mark.parametrize("kind", [FaultKind.BUSY, FaultKind.TASK_SET_FULL])
def test_busy_disk_is_asked_again(kind: FaultKind) -> None:
    fabric = ready(Fabric())
    fabric.disk.inject(Fault(kind, count=2))
    fabric.run(fabric.host.write(UNIT, 4, bytes(range(256)) * 2))
    assert fabric.executor.now() == 300  # two pauses, the second twice as long
    assert fabric.host.counts["busy"] == 2
    assert len(fabric.disk.writes) == 1


@pytest.mark.fast
def test_busy_for_too_long_is_reported() -> None:
    fabric = ready(Fabric(retries=2))
    fabric.disk.inject(Fault(FaultKind.BUSY, count=1_000_000))
    before = fabric.executor.now()
    with pytest.raises(CommandFailed, match=r"host 0: READ\(10\) to LUN 0 of 010E00h: BUSY \(08h\)"):
        fabric.run(fabric.host.read(UNIT, 0, 1))
    waited = fabric.executor.now() - before
    assert 0.9 * fabric.host.timers.command < waited <= fabric.host.timers.command


@pytest.mark.fast
@pytest.mark.parametrize("kind", [FaultKind.CHECK_CONDITION, FaultKind.CHECK_AFTER_DATA])
def test_check_condition_is_reported(kind: FaultKind) -> None:
    fabric = ready(Fabric())
    fabric.disk.inject(Fault(kind, sense=sense.WRITE_ERROR, when=lambda command: command.opcode in WRITES))
    assert fabric.run(fabric.host.read(UNIT, 0, 1)) == bytes(512)
    with pytest.raises(CommandFailed, match=r"CHECK CONDITION|CHECK_CONDITION \(02h\), MEDIUM ERROR, 0Ch/00h"):
        fabric.run(fabric.host.write(UNIT, 0, b"\1" * 512))
    assert not any(fabric.disk.image())
    assert not fabric.disk.writes


@pytest.mark.fast
def test_unit_attention_is_passed_over() -> None:
    fabric = ready(Fabric())
    fabric.disk.inject(Fault(FaultKind.CHECK_CONDITION, sense=sense.POWER_ON))
    assert fabric.run(fabric.host.read(UNIT, 0, 1)) == bytes(512)
    assert fabric.host.counts["retries"] == 1


@pytest.mark.fast
@pytest.mark.parametrize("kind", [FaultKind.SILENCE, FaultKind.SILENCE_AFTER_DATA])
def test_silent_disk_is_aborted_and_retried(kind: FaultKind) -> None:
    fabric = ready(Fabric())
    fabric.disk.inject(Fault(kind))
    fabric.run(fabric.host.write(UNIT, 0, b"\2" * 512))
    assert fabric.host.counts["abts_sent"] == fabric.disk.counts["abts_received"] == 1
    assert len(fabric.disk.writes) == 1
    assert fabric.nothing_left()


@pytest.mark.fast
def test_disk_that_stays_silent() -> None:
    fabric = ready(Fabric(retries=1))
    fabric.disk.inject(Fault(FaultKind.SILENCE, count=2))
    with pytest.raises(DeadlineExceeded, match=r"host 0: FCP_RSP of READ\(10\) to LUN 0 of 010E00h.*FCP_CMND sent"):
        fabric.run(fabric.host.read(UNIT, 0, 1))
    assert fabric.nothing_left()


@pytest.mark.fast
def test_full_disk() -> None:
    fabric = ready(Fabric(full_at=100))
    fabric.run(fabric.host.write(UNIT, 99, bytes(512)))
    with pytest.raises(CommandFailed, match="DATA PROTECT, 27h/07h"):
        fabric.run(fabric.host.write(UNIT, 99, bytes(1024)))
    assert [record.blocks for record in fabric.disk.writes] == [1]


@pytest.mark.fast
def test_disk_verifies() -> None:
    fabric = ready(Fabric())
    fabric.run(fabric.host.write(UNIT, 8, bytes(range(256)) * 4))
    last = len(fabric.disk.image()) // 512 - 1

    def verify(lba: int, blocks: int, data: bytes | None = None):
        command = cdb.verify_10(lba, blocks, bytchk=int(data is not None))
        return fabric.run(fabric.host.command(DISK_ID, 0, command, data_out=data))

    assert verify(8, 2, bytes(range(256)) * 4).status == verify(last, 1).status == 0
    assert verify(8, 2, bytes(1024)).sense == sense.MISCOMPARE
    assert verify(last, 2).sense == verify(last, 2, bytes(1024)).sense == sense.LBA_OUT_OF_RANGE
    assert fabric.disk.image()[4096:5120] == bytes(range(256)) * 4 and len(fabric.disk.writes) == 1
    assert fabric.nothing_left()


@pytest.mark.fast
@pytest.mark.parametrize(
    ("flags", "lun", "ended"),
    [
        (FcpTaskManagement.LUN_RESET, 0, 2),
        (FcpTaskManagement.CLEAR_TASK_SET, 0, 2),
        (FcpTaskManagement.ABORT_TASK_SET, 0, 1),
        (FcpTaskManagement.LUN_RESET, 1, 0),
        (FcpTaskManagement.TARGET_RESET, 1, 2),
    ],
)
def test_task_management(flags: int, lun: int, ended: int) -> None:
    """Two hosts have one command each open at LUN 0."""
    fabric = ready(Fabric(2, blocks=[256, 256], policy=TransferPolicy(read_latency=1000)))
    for host in fabric.hosts:
        read = fabric.executor.start(host.command(DISK_ID, 0, cdb.read_10(0, 1), data_in=512))
        read.add_done_callback(lambda _: None)  # it may fail
    fabric.executor.run_for(10)
    result = fabric.run(fabric.host.task_management(DISK_ID, lun, flags))
    assert result.code == FcpRspCode.COMPLETE
    assert fabric.disk.open_exchanges == 2 - ended
    fabric.executor.run_for(100_000)
    assert fabric.nothing_left()


@pytest.mark.fast
def test_task_management_for_an_absent_unit() -> None:
    fabric = ready(Fabric())
    result = fabric.run(fabric.host.task_management(DISK_ID, 9, FcpTaskManagement.LUN_RESET))
    assert result.code == FcpRspCode.BAD_LUN


@pytest.mark.fast
def test_logout_ends_open_commands() -> None:
    """PRLO, then LOGO, in the middle of a read: the disk forgets the task, the host's read runs into its deadline or
    fails."""
    fabric = ready(Fabric(retries=0, policy=TransferPolicy(read_latency=500)))
    host = fabric.host
    read = fabric.executor.start(host.read(UNIT, 0, 1))
    fabric.executor.run_for(100)
    fabric.run(host.process_logout(DISK_ID))
    assert fabric.disk.open_exchanges == 0
    with pytest.raises((DeadlineExceeded, TransportError)):
        fabric.executor.run_until(read, 100_000)
    fabric.run(host.logout(DISK_ID))
    assert 0x010001 not in fabric.disk.sessions
    fabric.run(host.login(DISK_ID))
    assert fabric.run(host.read(UNIT, 0, 1)) == bytes(512)
    assert fabric.switch.name_server.entry(DISK_ID).wwpn == DISK_WWPN
    assert fabric.disk.sessions[0x010001].wwpn == HOST_WWPN


@pytest.mark.fast
def test_latency_percentiles() -> None:
    latencies = Latencies()
    assert latencies.summary() == {"p50": 0, "p99": 0, "max": 0}
    for words in range(200, 0, -1):
        latencies.add(words)
    assert latencies.summary() == {"p50": 100, "p99": 198, "max": 200}
    assert latencies.percentile(0.1) == 1


@pytest.mark.fast
def test_wrong_workloads_are_named() -> None:
    fabric = ready(Fabric())
    model = VolumeModel(256)
    for mix, message in (
        (lambda: Mix(read_share=1.5), "read_share = 1.5"),
        (lambda: Mix(sizes=(100,)), r"sizes = \(100,\)"),
        (lambda: Mix(first_lba=200, blocks=100), "first_lba = 200, blocks = 100: the unit has 256"),
        (lambda: Mix(blocks=10), "sizes up to 65536 bytes: the range has 5120"),
    ):
        with pytest.raises(ValueError, match=message):
            Workload(fabric.executor, fabric.host, UNIT, model, mix(), seed=0)


@pytest.mark.fast
def test_wait_for_target_ends_with_what_was_last_seen() -> None:
    fabric = Fabric(login=False)
    fabric.run(fabric.host.start())
    with pytest.raises(DeadlineExceeded, match="an FCP port to register"):
        fabric.run(fabric.host.wait_for_target(timeout=10_000))
    fabric.run(fabric.disk.start())
    assert fabric.run(fabric.host.wait_for_target(timeout=10_000)) == fabric.disk.n_port_id
