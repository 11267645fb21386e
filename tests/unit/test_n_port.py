# SPDX-License-Identifier: Apache-2.0
"""N_Ports on a recorded wire: known-answer frames both ways, what a peer may do wrong, and every deadline's message."""

from __future__ import annotations

import struct

import pytest

from portplex.executor import DeadlineExceeded, Future, VirtualExecutor
from portplex.fc.constants import Address, Els, FCtlUsual, RCtl
from portplex.fc.header import Header
from portplex.nport import els
from portplex.nport.backup_disk import BackupDisk
from portplex.nport.fcp import Rsp, xfer_rdy
from portplex.nport.host_initiator import HostInitiator, TransportError
from portplex.nport.n_port import LinkDown, NPort, Session
from portplex.scsi import cdb

from .nport_bench import DISK_WWNN, DISK_WWPN, HOST_WWNN, HOST_WWPN, TIMERS, RecordedLink, known_answers

HOST_ID = 0x010001
ARRAY_ID = 0x010E00
BURST = bytes((7 * i + 3) % 256 for i in range(4096))


@pytest.fixture
def executor() -> VirtualExecutor:
    return VirtualExecutor()


@pytest.fixture
def link() -> RecordedLink:
    return RecordedLink()


def make_host(executor: VirtualExecutor, link: RecordedLink, *, logged_in: bool = True) -> HostInitiator:
    host = HostInitiator(
        executor, link, name="host", wwpn=HOST_WWPN, wwnn=HOST_WWNN, timers=TIMERS, retries=0, n_port_id=HOST_ID
    )
    if logged_in:
        host.sessions[ARRAY_ID] = Session(ARRAY_ID, DISK_WWPN, DISK_WWNN, target=True)
    return host


def make_disk(executor: VirtualExecutor, link: RecordedLink, blocks: int = 8192) -> BackupDisk:
    disk = BackupDisk(
        executor, link, name="disk", wwpn=DISK_WWPN, wwnn=DISK_WWNN, timers=TIMERS, blocks=blocks, n_port_id=ARRAY_ID
    )
    disk.sessions[HOST_ID] = Session(HOST_ID, HOST_WWPN, HOST_WWNN, initiator=True)
    return disk


def number(port: NPort, *, ox_id: int = 0, seq_id: int = 0, rx_id: int = 0x8000) -> None:
    """What the port's next frames will be numbered."""
    port.next_ox_id, port.next_seq_id, port.next_rx_id = ox_id, seq_id, rx_id


def answer(link: RecordedLink, r_ctl: int, payload: bytes, *, f_ctl: int, **fields: int) -> None:
    """The array answers the last frame sent in its exchange."""
    asked = Header.unpack(link.sent[-1].data)
    initiate, terminate = bool(fields.pop("initiate", 1)), bool(fields.pop("terminate", 1))
    header = Header(
        r_ctl, HOST_ID, 0, ARRAY_ID, asked.type, f_ctl, 9, 0, 0, asked.ox_id, fields.pop("rx_id", 0x8010), 0
    )._replace(**fields)
    link.say(header.pack() + payload, initiate=initiate, terminate=terminate)


# ---- known-answer frames ----


@pytest.mark.fast
def test_fabric_login_frame(executor: VirtualExecutor, link: RecordedLink) -> None:
    host = make_host(executor, link, logged_in=False)
    host.n_port_id = 0
    number(host, ox_id=1)
    login = executor.start(host.fabric_login())
    executor.run_for(1)
    assert link.sent[0].data == known_answers()[1][0]
    accept = els.LoginParameters(1, 2, flags=0x1000).pack(Els.LS_ACC)
    header = Header(RCtl.ELS_REPLY, HOST_ID, 0, Address.FABRIC_LOGIN, 1, FCtlUsual.ELS_REPLY, 0, 0, 0, 1, 0x8001, 0)
    link.say(header.pack() + accept)
    assert executor.run_until(login, 100) == HOST_ID


@pytest.mark.fast
def test_port_and_process_login_frames(executor: VirtualExecutor, link: RecordedLink) -> None:
    """Frames 2 and 4 go out, 3 and 5 are understood; then LOGO is frame 13."""
    known = known_answers()
    host = make_host(executor, link, logged_in=False)
    number(host, ox_id=2, seq_id=1)
    login = executor.start(host.login(ARRAY_ID))
    executor.run_for(1)
    assert link.sent[0].data == known[2][0]
    link.say(known[3][0])
    executor.run_for(1)
    assert link.sent[1].data == known[4][0]
    link.say(known[5][0])
    session = executor.run_until(login, 100)
    assert (session.wwpn, session.wwnn, session.target, session.initiator) == (DISK_WWPN, DISK_WWNN, True, True)
    assert session.receive_size == 2048
    number(host, ox_id=4, seq_id=8)
    logout = executor.start(host.logout(ARRAY_ID))
    executor.run_for(1)
    assert link.sent[2].data == known[13][0]
    answer(link, RCtl.ELS_REPLY, els.accept(), f_ctl=FCtlUsual.ELS_REPLY)
    executor.run_until(logout, 100)
    assert ARRAY_ID not in host.sessions


@pytest.mark.fast
def test_answers_to_logins(executor: VirtualExecutor, link: RecordedLink) -> None:
    """The other side of frames 2 to 5 and 13."""
    known = known_answers()
    port = NPort(
        executor,
        link,
        name="array",
        wwpn=DISK_WWPN,
        wwnn=DISK_WWNN,
        timers=TIMERS,
        initiator=True,
        target=True,
        n_port_id=ARRAY_ID,
    )
    number(port, seq_id=1, rx_id=0x8001)
    for request, reply in ((2, 3), (4, 5)):
        link.say(known[request][0])
        assert link.sent[-1].data == known[reply][0]
    assert port.sessions[HOST_ID] == Session(HOST_ID, HOST_WWPN, HOST_WWNN, 2048, initiator=True)
    link.say(known[13][0])
    assert link.sent[-1].data[24:] == els.accept()
    assert not port.sessions


@pytest.mark.fast
def test_write_exchange_at_the_host(executor: VirtualExecutor, link: RecordedLink) -> None:
    """Frames 6 to 10: the host's are equal to the byte, the target's are understood."""
    known = known_answers()
    host = make_host(executor, link)
    number(host, ox_id=0x10, seq_id=3)
    write = executor.start(host.command(ARRAY_ID, 0, cdb.write_10(0x1000, 8), data_out=BURST))
    executor.run_for(1)
    assert link.sent[0].data == known[6][0]
    host.next_seq_id = 5
    link.say(known[7][0])
    sent = link.sent[1:]
    assert sent[0].data == bytes.fromhex("01010e00000100010800000805000000" + "0010801000000000") + BURST[:2048]
    assert sent[1].data == bytes.fromhex("01010e00000100010809000805000001" + "0010801000000800") + BURST[2048:]
    assert [(hex(frame.sof), hex(frame.eof)) for frame in sent] == [
        ("0xbcb55656", "0xbc95d5d5"),
        ("0xbcb53636", "0xbc957575"),
    ]
    link.say(known[10][0])
    assert executor.run_until(write, 100).status == 0
    assert host.open_exchanges == 0
    assert not host.violations


@pytest.mark.fast
def test_write_exchange_at_the_disk(executor: VirtualExecutor, link: RecordedLink) -> None:
    """The same exchange from the other end, and ABTS (frames 11 and 12)."""
    known = known_answers()
    disk = make_disk(executor, link)
    number(disk, seq_id=4, rx_id=0x8010)
    link.say(known[6][0])
    assert link.sent[0].data == known[7][0]
    link.say(bytes.fromhex("01010e000001000108000008050000000010801000000000") + BURST[:2048], terminate=False)
    disk.next_seq_id = 6
    link.say(bytes.fromhex("01010e000001000108090008050000010010801000000800") + BURST[2048:], initiate=False)
    assert link.sent[1].data == known[10][0]
    assert disk.image()[0x1000 * 512 :][:4096] == BURST
    assert not disk.violations
    number(disk, seq_id=6, rx_id=0x8011)
    command = bytearray(known[6][0])
    command[16:18] = b"\x00\x11"
    link.say(bytes(command))
    assert disk.open_exchanges == 1
    link.say(known[11][0])
    assert link.sent[-1].data == known[12][0]
    assert disk.open_exchanges == 0


# ---- what a peer may do wrong ----


def read_command(host: HostInitiator, executor: VirtualExecutor, blocks: int = 8) -> Future:
    command = executor.start(host.command(ARRAY_ID, 0, cdb.read_10(0, blocks), data_in=blocks * 512))
    executor.run_for(1)
    return command


DATA = {"f_ctl": FCtlUsual.READ_DATA, "terminate": 0}
LAST = {"f_ctl": FCtlUsual.READ_DATA_LAST}

WRONG_DATA = [
    ("SEQ_CNT", [DATA, {**LAST, "initiate": 0, "seq_cnt": 2, "parameter": 2048}]),
    ("SEQ_CNT", [{**DATA, "seq_cnt": 1}]),
    ("SEQ_ID", [DATA, {**LAST, "initiate": 0, "seq_cnt": 1, "parameter": 2048, "seq_id": 10}]),
    ("OFFSET", [DATA, {**LAST, "initiate": 0, "seq_cnt": 1, "parameter": 1024}]),
    ("OFFSET", [{**DATA, "parameter": 2048}]),
    ("SOF", [{**DATA, "initiate": 0}]),
    ("SOF", [DATA, {**LAST, "seq_cnt": 1, "parameter": 2048}]),
    ("EOF", [{**DATA, "terminate": 1}]),
    ("EOF", [DATA, {**LAST, "initiate": 0, "terminate": 0, "seq_cnt": 1, "parameter": 2048}]),
    ("F_CTL", [{**DATA, "f_ctl": FCtlUsual.READ_DATA | 0x010000}]),
    ("F_CTL", [{**DATA, "f_ctl": FCtlUsual.READ_DATA & ~8}]),
    ("RX_ID", [DATA, {**LAST, "initiate": 0, "seq_cnt": 1, "parameter": 2048, "rx_id": 0x8011}]),
    ("LENGTH", [LAST, {**LAST, "parameter": 2048}, {**LAST, "parameter": 4096}]),
]


@pytest.mark.fast
@pytest.mark.parametrize(("rule", "frames"), WRONG_DATA)
def test_wrong_read_data_is_caught(
    executor: VirtualExecutor, link: RecordedLink, rule: str, frames: list[dict[str, int]]
) -> None:
    """The rule is named, the host sends ABTS, and the command fails."""
    host = make_host(executor, link)
    command = read_command(host, executor)
    for fields in frames:
        assert not host.violations
        answer(link, RCtl.SOLICITED_DATA, bytes(2048), **fields)
    assert [violation.rule for violation in host.violations] == [rule]
    executor.run_for(1)
    assert Header.unpack(link.sent[-1].data).r_ctl == RCtl.ABTS
    answer(link, RCtl.BA_ACC, bytes(12), f_ctl=FCtlUsual.ELS_REPLY)
    with pytest.raises(TransportError, match="READ"):
        executor.run_until(command, 1000)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("rule", "burst", "fields"),
    [
        ("OFFSET", (0, 8192), {}),
        ("OFFSET", (4096, 512), {}),
        ("OFFSET", (0, 0), {}),
        ("F_CTL", (0, 4096), {"f_ctl": FCtlUsual.RESPONSE}),
        ("EOF", (0, 4096), {"terminate": 0}),
    ],
)
def test_wrong_transfer_ready_is_caught(
    executor: VirtualExecutor, link: RecordedLink, rule: str, burst: tuple[int, int], fields: dict[str, int]
) -> None:
    host = make_host(executor, link)
    executor.start(host.command(ARRAY_ID, 0, cdb.write_10(0, 8), data_out=BURST)).add_done_callback(lambda _: None)
    executor.run_for(1)
    answer(link, RCtl.DATA_DESCRIPTOR, xfer_rdy(*burst), **{"f_ctl": FCtlUsual.XFER_RDY, **fields})
    assert [violation.rule for violation in host.violations] == [rule]
    executor.run_for(1)
    assert [Header.unpack(frame.data).r_ctl for frame in link.sent] == [RCtl.UNSOLICITED_COMMAND, RCtl.ABTS]


@pytest.mark.fast
def test_good_without_the_data_is_no_success(executor: VirtualExecutor, link: RecordedLink) -> None:
    """A lost data sequence before FCP_RSP GOOD, and FCP_RSP in the middle of a sequence."""
    host = make_host(executor, link)
    command = read_command(host, executor)
    answer(link, RCtl.SOLICITED_DATA, bytes(2048), **LAST)
    answer(link, RCtl.COMMAND_STATUS, Rsp(0).pack(), f_ctl=FCtlUsual.RESPONSE)
    with pytest.raises(TransportError, match="GOOD with residual 0, but 2048 of 4096 bytes came"):
        executor.run_until(command, 1000)
    command = read_command(host, executor)
    answer(link, RCtl.SOLICITED_DATA, bytes(2048), **DATA)
    answer(link, RCtl.COMMAND_STATUS, Rsp(0).pack(), f_ctl=FCtlUsual.RESPONSE)
    assert host.violations[-1].rule == "ORDER"


@pytest.mark.fast
@pytest.mark.parametrize(
    ("rule", "header"),
    [
        ("SEQ_CNT", "01010e000001000108090008050000010010801000000000"),
        ("OFFSET", "01010e000001000108090008050000000010801000000800"),
        ("F_CTL", "01010e000001000108190008050000000010801000000000"),
        ("RX_ID", "01010e000001000108090008050000000010801100000000"),
        ("LENGTH", "01010e000001000108090008050000000010801000000000"),  # ends the burst after one frame of two
        ("R_CTL", "05010e000001000108090008050000000010801000000000"),
    ],
)
def test_wrong_write_data_is_caught(executor: VirtualExecutor, link: RecordedLink, rule: str, header: str) -> None:
    disk = make_disk(executor, link)
    number(disk, rx_id=0x8010)
    link.say(known_answers()[6][0])
    link.say(bytes.fromhex(header) + bytes(2048))
    assert [violation.rule for violation in disk.violations] == [rule]
    assert not disk.writes
    assert not any(disk.image())


@pytest.mark.fast
def test_data_nobody_asked_for_changes_nothing(executor: VirtualExecutor, link: RecordedLink) -> None:
    """The same burst twice: the second finds no exchange."""
    disk = make_disk(executor, link)
    number(disk, rx_id=0x8010)
    link.say(known_answers()[6][0])
    first = bytes.fromhex("01010e000001000108000008050000000010801000000000") + BURST[:2048]
    last = bytes.fromhex("01010e000001000108090008050000010010801000000800") + BURST[2048:]
    for _ in range(2):
        link.say(first, terminate=False)
        link.say(last, initiate=False)
    assert len(disk.writes) == 1
    assert disk.counts["unknown_exchange"] == 2


@pytest.mark.fast
def test_commands_without_login_get_logo(executor: VirtualExecutor, link: RecordedLink) -> None:
    disk = make_disk(executor, link)
    disk.sessions.clear()
    link.say(known_answers()[6][0])
    executor.run_for(1)
    assert disk.counts["not_logged_in"] == 1
    assert disk.counts["commands"] == 0
    header = Header.unpack(link.sent[0].data)
    assert (header.d_id, header.r_ctl, link.sent[0].data[24]) == (HOST_ID, RCtl.ELS_REQUEST, Els.LOGO)
    executor.run_for(10_000)
    assert disk.counts["logo_unanswered"] == 1


def els_request(payload: bytes, ox_id: int = 5) -> bytes:
    return Header(0x22, ARRAY_ID, 0, HOST_ID, 1, 0x290000, 0, 0, 0, ox_id, 0xFFFF, 0).pack() + payload


@pytest.mark.fast
@pytest.mark.parametrize(
    ("payload", "reason", "explanation"),
    [
        (bytes((0x7A, 0, 0, 0)), 0x0B, 0x2C),  # LIRR: unsupported
        (bytes((0x03, 0, 0, 0)), 0x07, 0x2D),  # PLOGI far too short
        (els.LoginParameters(1, 2, class3_flags=0).pack(Els.PLOGI), 0x03, 0x01),
        (els.LoginParameters(1, 2, receive_size=255).pack(Els.PLOGI), 0x03, 0x01),
        (els.prli(0x22), 0x09, 0x1E),
        (els.prlo(), 0x09, 0x1E),
        (bytes((0x61, 4, 0, 9)), 0x07, 0x2D),  # RSCN with a wrong length
    ],
)
def test_refused_link_services(
    executor: VirtualExecutor, link: RecordedLink, payload: bytes, reason: int, explanation: int
) -> None:
    disk = make_disk(executor, link)
    disk.sessions.clear()
    link.say(els_request(payload))
    reply = link.sent[-1].data[24:]
    assert reply == bytes((1, 0, 0, 0, 0, reason, explanation, 0))
    assert not disk.sessions


@pytest.mark.fast
def test_allow_list_of_the_disk(executor: VirtualExecutor, link: RecordedLink) -> None:
    disk = make_disk(executor, link)
    disk.allowed = {HOST_WWPN + 1}
    disk.sessions.clear()
    link.say(els_request(els.LoginParameters(HOST_WWPN, HOST_WWNN).pack(Els.PLOGI)))
    assert link.sent[-1].data[24] == Els.LS_RJT
    link.say(els_request(els.LoginParameters(HOST_WWPN + 1, HOST_WWNN).pack(Els.PLOGI)))
    assert link.sent[-1].data[24] == Els.LS_ACC
    assert disk.counts["plogi_refused"] == 1


@pytest.mark.fast
def test_small_link_services(executor: VirtualExecutor, link: RecordedLink) -> None:
    """ADISC, ECHO, RTV, RLS, RRQ."""
    make_disk(executor, link)
    expected = {
        els.adisc(Els.ADISC, HOST_ID, HOST_WWPN, HOST_WWNN): struct.pack(
            ">B3xIQQI", 2, 0, DISK_WWPN, DISK_WWNN, ARRAY_ID
        ),
        b"\x10\0\0\0hello...": b"\x02\0\0\0hello...",
        b"\x0e\0\0\0": struct.pack(">B3xIII", 2, 10_000, 2000, 0),
        b"\x0f\0\0\0\0\x01\x0e\0": b"\x02" + bytes(27),
        els.rrq(HOST_ID, 1, 2): b"\x02\0\0\0",
    }
    for request, reply in expected.items():
        link.say(els_request(request))
        assert link.sent[-1].data[24:] == reply


@pytest.mark.fast
def test_odd_frames_are_counted(executor: VirtualExecutor, link: RecordedLink) -> None:
    host = make_host(executor, link)
    link.say(bytes(20))
    link.say(Header(1, 0x020202, 0, ARRAY_ID, 8, 0x880008, 0, 0, 0, 1, 2, 0).pack())
    link.say(Header(1, HOST_ID, 0, ARRAY_ID, 8, 0x880008, 0, 0, 0, 1, 2, 0).pack())
    link.say(Header(0x81, HOST_ID, 0, ARRAY_ID, 0, 0x090000, 0, 0, 0, 1, 0xFFFF, 0).pack())
    assert host.counts["runt"] == host.counts["wrong_d_id"] == host.counts["unknown_exchange"] == 1
    assert Header.unpack(link.sent[-1].data).r_ctl == RCtl.BA_RJT
    assert link.sent[-1].data[24:] == bytes((0, 3, 3, 0))


# ---- deadlines and rejections say what they are about ----


@pytest.mark.fast
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda host: host.fabric_login(), "host: reply to FLOGI from FFFFFEh until word 4000; last seen: nothing"),
        (lambda host: host.port_login(0x020202), "host: reply to PLOGI from 020202h"),
        (lambda host: host.process_login(ARRAY_ID), "host: reply to PRLI from 010E00h"),
        (lambda host: host.process_logout(ARRAY_ID), "host: reply to PRLO from 010E00h"),
        (lambda host: host.logout(ARRAY_ID), "host: reply to LOGO from 010E00h"),
        (lambda host: host.register(), "host: reply to PLOGI from FFFFFCh"),
        (lambda host: host.find_targets(), "host: reply to GPN_FT from FFFFFCh"),
    ],
)
def test_link_service_deadlines(executor: VirtualExecutor, link: RecordedLink, call, message: str) -> None:
    host = make_host(executor, link)
    with pytest.raises(DeadlineExceeded) as caught:
        executor.run(call(host))
    assert message in str(caught.value)
    assert executor.now() == TIMERS.link_service
    assert host.open_exchanges == 0


@pytest.mark.fast
def test_command_and_abort_deadlines(executor: VirtualExecutor, link: RecordedLink) -> None:
    """A dead target: the command's deadline, three ABTS, then the deadline of ABTS; the peer counts as logged out."""
    host = make_host(executor, link)
    command = executor.start(host.command(ARRAY_ID, 0, cdb.write_10(0, 8), data_out=BURST, timeout=9_000))
    executor.run_for(1)
    answer(link, RCtl.DATA_DESCRIPTOR, xfer_rdy(0, 4096), f_ctl=FCtlUsual.XFER_RDY)
    with pytest.raises(DeadlineExceeded) as caught:
        executor.run_until(command, 100_000)
    assert "host: answer to ABTS of WRITE(10) to LUN 0 of 010E00h until word 15000" in str(caught.value)
    assert "FCP_RSP of WRITE(10) to LUN 0 of 010E00h until word 9000; last seen: sent the burst of 4096 bytes" in str(
        caught.value.__context__
    )
    assert host.counts["abts_sent"] == 3
    assert ARRAY_ID not in host.sessions
    assert host.open_exchanges == host.open_commands == 0


@pytest.mark.fast
def test_aborted_exchange_rests(executor: VirtualExecutor, link: RecordedLink) -> None:
    """Its OX_ID is not used for R_A_TOV; then RRQ names it."""
    host = make_host(executor, link)
    number(host, ox_id=0x42)
    command = executor.start(host.command(ARRAY_ID, 0, cdb.read_10(0, 1), data_in=512, timeout=100))
    executor.run_for(200)
    answer(link, RCtl.BA_ACC, bytes(12), f_ctl=FCtlUsual.ELS_REPLY)
    with pytest.raises(DeadlineExceeded):
        executor.run_until(command, 1000)
    host.next_ox_id = 0x42
    assert host.take_ox_id() == 0x43
    executor.run_for(TIMERS.r_a_tov + 10)
    assert link.sent[-1].data[24:] == els.rrq(HOST_ID, 0x42, 0xFFFF)
    answer(link, RCtl.ELS_REPLY, els.accept(), f_ctl=FCtlUsual.ELS_REPLY)
    executor.run_for(10)
    host.next_ox_id = 0x42
    assert host.take_ox_id() == 0x42


@pytest.mark.fast
def test_rejection_is_explained(executor: VirtualExecutor, link: RecordedLink) -> None:
    host = make_host(executor, link)
    login = executor.start(host.port_login(ARRAY_ID))
    executor.run_for(1)
    answer(link, RCtl.ELS_REPLY, els.reject(0x05, 0x00), f_ctl=FCtlUsual.ELS_REPLY)
    with pytest.raises(els.LsReject, match="PLOGI was rejected: reason 05h LOGICAL_BUSY, explanation 00h NONE"):
        executor.run_until(login, 100)


@pytest.mark.fast
def test_link_down_ends_everything(executor: VirtualExecutor, link: RecordedLink) -> None:
    host = make_host(executor, link)
    command = read_command(host, executor)
    assert link.on_link is not None
    link.on_link(False)
    with pytest.raises(LinkDown, match="host: the link went down"):
        executor.run_until(command, 100)
    assert (host.n_port_id, host.sessions, host.open_exchanges) == (0, {}, 0)
    with pytest.raises(LinkDown, match="not logged in with a target at 010E00h"):
        executor.run(host.command(ARRAY_ID, 0, cdb.test_unit_ready()))


@pytest.mark.fast
def test_wrong_arguments_are_named(executor: VirtualExecutor, link: RecordedLink) -> None:
    with pytest.raises(ValueError, match="queue_depth = 0"):
        HostInitiator(executor, link, name="host", wwpn=1, queue_depth=0)
    with pytest.raises(ValueError, match="blocks = 0"):
        BackupDisk(executor, link, name="disk", wwpn=1, blocks=0)
    host = make_host(executor, link)
    with pytest.raises(ValueError, match="data_in = 512 together with data_out"):
        executor.run(host.command(ARRAY_ID, 0, cdb.read_10(0, 1), data_in=512, data_out=b""))
