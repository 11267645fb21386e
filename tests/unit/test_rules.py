# SPDX-License-Identifier: Apache-2.0
"""Every rule of the checkers catches its fault, and good traffic breaks none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from portplex.fc.constants import ORDERED_SETS
from portplex.fc.layers import ELS_LS_ACC_PRLI, ELS_LS_RJT, ELS_PRLI, FC, FCP_CMND, FCP_RSP, FCP_XFER_RDY, SCSI_WRITE_10
from portplex.framelink import Frame
from portplex.model.frame_rules import Direction, FrameRules, Violation
from portplex.model.pointer_rules import PointerRules

HOST, ARRAY = 0x010001, 0x010E00
IN, OUT = Direction.TO_DEVICE, Direction.FROM_DEVICE
Step = tuple[Frame, Direction]


def frame(packet: FC, *, initiate: bool = True, terminate: bool = True) -> Frame:
    sof = ORDERED_SETS["SOFi3" if initiate else "SOFn3"]
    eof = ORDERED_SETS["EOFt_NEG" if terminate else "EOFn_NEG"]
    return Frame(bytes(packet), sof, eof)


def host(**fields: int) -> FC:
    return FC(d_id=ARRAY, s_id=HOST, **fields)


def array(**fields: int) -> FC:
    return FC(d_id=HOST, s_id=ARRAY, **fields)


def login() -> list[Step]:
    return [(frame(host(ox_id=1) / ELS_PRLI()), IN), (frame(array(ox_id=1) / ELS_LS_ACC_PRLI()), OUT)]


def data(port: Callable[..., FC], size: int, offset: int, count: int, f_ctl: int, **fields: int) -> FC:
    return port(r_ctl=1, type=8, f_ctl=f_ctl, parameter=offset, seq_cnt=count, **fields) / bytes(size)


def write() -> list[Step]:
    """A write of 4096 bytes in two frames."""
    command = FCP_CMND(write=1, cdb=SCSI_WRITE_10(blocks=8), fcp_dl=4096)
    ids = {"ox_id": 5, "rx_id": 9}
    return [
        *login(),
        (frame(host(ox_id=5) / command), IN),
        (frame(array(**ids) / FCP_XFER_RDY(burst_length=4096)), OUT),
        (frame(data(host, 2048, 0, 0, 0x000008, seq_id=2, **ids), terminate=False), IN),
        (frame(data(host, 2048, 2048, 1, 0x090008, seq_id=2, **ids), initiate=False), IN),
        (frame(array(seq_id=3, **ids) / FCP_RSP()), OUT),
    ]


def read() -> list[Step]:
    """A read of 4096 bytes in two frames."""
    ids = {"ox_id": 6, "rx_id": 4}
    return [
        *login(),
        (frame(host(ox_id=6) / FCP_CMND(read=1, fcp_dl=4096)), IN),
        (frame(data(array, 2048, 0, 0, 0x800008, seq_id=1, **ids), terminate=False), OUT),
        (frame(data(array, 2048, 2048, 1, 0x880008, seq_id=1, **ids), initiate=False), OUT),
        (frame(array(seq_id=2, **ids) / FCP_RSP()), OUT),
    ]


def judge(steps: list[Step]) -> FrameRules:
    rules = FrameRules()
    for step in steps:
        rules.observe(*step)
    rules.finish()
    return rules


def mutated(steps: list[Step], index: int, change: Callable[[FC], None]) -> list[Step]:
    old, direction = steps[index]
    packet = FC(old.data)
    change(packet)
    return [*steps[:index], (replace(old, data=bytes(packet)), direction), *steps[index + 1 :]]


@pytest.mark.fast
def test_good_exchanges_break_no_rule() -> None:
    rules = judge(write() + read())
    assert not rules.violations
    assert rules.counts["compared"] == 13
    assert rules.commands_accepted == 2


FAULTS: dict[str, tuple[str, list[Step]]] = {
    "bad CRC": ("bad CRC", [(replace(read()[3][0], crc_ok=False), OUT)]),
    "SEQ_CNT gap": ("SEQ_CNT 2", mutated(read(), 4, lambda p: setattr(p, "seq_cnt", 2))),
    "offset gap": ("offset", mutated(read(), 4, lambda p: setattr(p, "parameter", 1024))),
    "EOFt too early": ("EOFt, but", [*read()[:3], (replace(read()[3][0], eof=ORDERED_SETS["EOFt_POS"]), OUT)]),
    "EOFn at the end": ("EOFn, but", [*read()[:4], (replace(read()[4][0], eof=ORDERED_SETS["EOFn_POS"]), OUT)]),
    "EOFa": ("end delimiter", [*read()[:3], (replace(read()[3][0], eof=ORDERED_SETS["EOFa_NEG"]), OUT)]),
    "SOFn3 first": ("without an open", [*read()[:3], (replace(read()[3][0], sof=ORDERED_SETS["SOFn3"]), OUT)]),
    "SOFi3 inside": ("while open", [*read()[:4], (replace(read()[4][0], sof=ORDERED_SETS["SOFi3"]), OUT)]),
    "SOF of class 2": ("start delimiter", [*read()[:3], (replace(read()[3][0], sof=ORDERED_SETS["SOFi2"]), OUT)]),
    "initiative too early": ("initiative", mutated(read(), 3, lambda p: setattr(p, "f_ctl", 0x810008))),
    "RX_ID changes": ("RX_ID changed", mutated(read(), 5, lambda p: setattr(p, "rx_id", 77))),
    "wrong RX_ID from the originator": ("not the responder's", mutated(write(), 4, lambda p: setattr(p, "rx_id", 1))),
    "no login": ("not logged in", write()[2:]),
    "OX_ID used while open": ("used again", [*write()[:3], write()[2]]),
    "burst beyond the data length": (
        "XFER_RDY of",
        mutated(write(), 3, lambda p: setattr(p.payload, "burst_length", 8192)),
    ),
    "write data without XFER_RDY": ("write data", [*write()[:3], *write()[4:]]),
    "GOOD before the data": ("GOOD after", [*write()[:4], write()[6]]),
    "short read with GOOD": ("GOOD after", [*read()[:3], read()[5]]),
    "too much read data": ("read data", mutated(read(), 2, lambda p: setattr(p.payload, "fcp_dl", 2048))),
    "exchange never ends": ("never ended", write()[:-1]),
    "sequence never ends": ("never ended", read()[:4]),
    "reply to nothing": ("nobody asked for", [(frame(array(ox_id=3) / ELS_LS_RJT()), OUT)]),
    "nothing compared": ("no frame was compared", []),
}


@pytest.mark.fast
@pytest.mark.parametrize("name", FAULTS)
def test_planted_fault_is_caught(name: str) -> None:
    expected, steps = FAULTS[name]
    rules = judge(steps)
    assert any(expected in violation.text for violation in rules.violations), rules.violations
    assert rules.counts["failed"] >= 1


@pytest.mark.fast
def test_aborted_exchange_may_stay_without_response() -> None:
    abts = (frame(host(ox_id=5, r_ctl=0x81, type=0)), IN)
    assert not judge([*write()[:4], abts]).violations


@pytest.mark.fast
def test_frames_lost_in_a_link_reset_are_no_violation() -> None:
    """The exchange goes on behind the gap; without the reset the same gap is one."""
    rules = FrameRules()
    for index, step in enumerate(read()):
        if index == 3:
            rules.link_reset()  # and the first data frame is lost
            continue
        rules.observe(*step)
    rules.finish()
    assert not rules.violations
    assert judge([step for index, step in enumerate(read()) if index != 3]).violations


@pytest.mark.fast
def test_data_under_way_when_abts_comes_is_no_violation() -> None:
    steps = read()
    abts = (frame(host(ox_id=6, rx_id=4, r_ctl=0x81, type=0)), IN)
    answer = (frame(array(ox_id=6, rx_id=4, r_ctl=0x84, type=0, f_ctl=0x990000)), OUT)
    assert not judge([*steps[:4], abts, steps[4], answer]).violations
    late = [*steps[:4], abts, answer, steps[4]]
    assert any("outside an exchange" in violation.text for violation in judge(late).violations)


@pytest.mark.fast
def test_the_answer_to_abts_stands_in_the_sequence_of_the_abts() -> None:
    """Its SEQ_ID may be one that the aborted data had by chance."""
    steps = read()[:4]
    seq_id = steps[3][0].data[12]
    abts = (frame(host(ox_id=6, rx_id=4, r_ctl=0x81, type=0, seq_id=seq_id)), IN)
    answer = (frame(array(ox_id=6, rx_id=4, r_ctl=0x84, type=0, f_ctl=0x980000, seq_id=seq_id)), OUT)
    assert not judge([*steps, abts, answer]).violations


FABRIC, NAME_SERVER = 0xFFFFFE, 0xFFFFFC


def fabric_logo() -> list[Step]:
    logo = bytes.fromhex("05000000") + bytes(12)
    return [(frame(FC(d_id=ARRAY, s_id=FABRIC, r_ctl=0x22, type=1, f_ctl=0x290000, ox_id=3) / logo), IN)]


def direct_flogi() -> list[Step]:
    flogi = bytes.fromhex("04000000") + bytes(112)
    return [(frame(FC(d_id=FABRIC, s_id=0, r_ctl=0x22, type=1, f_ctl=0x290000, ox_id=3) / flogi), IN)]


def gone(answer: str = "01000000 fc020000 80010000 00090100", port: int = HOST) -> list[Step]:
    """The array asks the name server about a port, which knows none."""
    ask = bytes.fromhex("01000000 fc020000 01120000 00000000") + port.to_bytes(4, "big")
    question = FC(d_id=NAME_SERVER, s_id=ARRAY, r_ctl=0x02, type=0x20, f_ctl=0x290000, ox_id=0xF007) / ask
    reply = FC(d_id=ARRAY, s_id=NAME_SERVER, r_ctl=0x03, type=0x20, f_ctl=0x990000, ox_id=0xF007) / bytes.fromhex(
        answer
    )
    return [(frame(question), OUT), (frame(reply), IN)]


@pytest.mark.fast
@pytest.mark.parametrize("ends", [fabric_logo, direct_flogi, gone])
def test_a_login_that_ends_without_logo_ends_its_exchanges(ends: Callable[[], list[Step]]) -> None:
    """LOGO of the fabric, FLOGI of an N_Port, a port the name server no longer knows: a new command is one too many."""
    begun = write()[:4]
    assert any(violation.rule == "I8" for violation in judge(begun).violations)
    assert not judge([*begun, *ends()]).violations
    again = judge([*begun, *ends(), (frame(host(ox_id=8) / FCP_CMND(write=1, fcp_dl=4096)), IN)])
    assert any(violation.rule == "I11" for violation in again.violations)


@pytest.mark.fast
def test_a_login_stays_when_the_name_server_says_nothing_against_it() -> None:
    known = "01000000 fc020000 80020000 00000000 10000000c9000001"
    unsupported = "01000000 fc020000 80010000 000b0000"
    for steps in (gone(known), gone(unsupported), gone(port=HOST + 1)):
        assert any(violation.rule == "I8" for violation in judge([*write()[:4], *steps]).violations)


def pointers(*observations: tuple[int, int], confirmed: int = 100) -> PointerRules:
    rules = PointerRules(capacity=100, confirmed=lambda blocks: blocks <= confirmed)
    for time, (backup, copy) in enumerate(observations):
        rules.observe(time, backup, copy)
    return rules


@pytest.mark.fast
def test_pointers_that_grow_in_order_are_right() -> None:
    rules = pointers((0, 0), (0, 50), (50, 50), (50, 50), (100, 100))
    assert not rules.violations
    assert rules.counts["compared"] == 5
    assert rules.history == [(0, 0, 0), (1, 0, 50), (2, 50, 50), (4, 100, 100)]


@pytest.mark.fast
@pytest.mark.parametrize(
    ("expected", "observations", "confirmed"),
    [
        ("beyond copy_pointer", [(51, 50)], 100),
        ("beyond the capacity", [(0, 101)], 100),
        ("backup_pointer went back", [(20, 50), (10, 50)], 100),
        ("copy_pointer went back", [(0, 50), (0, 40)], 100),
        ("not every block", [(20, 50)], 10),
    ],
)
def test_planted_pointer_fault_is_caught(expected: str, observations: list[tuple[int, int]], confirmed: int) -> None:
    rules = pointers(*observations, confirmed=confirmed)
    assert any(expected in text for text in rules.violations)


@pytest.mark.fast
def test_violation_is_told_at_once() -> None:
    told: list[Violation] = []
    rules = FrameRules(on_violation=told.append, keep=1)
    for _ in range(2):
        rules.observe(frame(array(ox_id=5, rx_id=9) / FCP_RSP()), OUT)
        assert told == rules.violations and len(told) == 1
    assert rules.counts["failed"] > 1
