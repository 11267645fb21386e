# SPDX-License-Identifier: Apache-2.0
"""The SCSI target model against the parsers of `portplex.scsi` and values worked out by hand."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portplex.model.reservations import REGISTER, RELEASE, RESERVE, Reservations
from portplex.model.scsi_target import (
    BLOCK,
    COMMANDS,
    INVALID_OPCODE,
    LBA_OUT_OF_RANGE,
    NEXUS_LOSS,
    NO_LOGICAL_UNIT,
    WRITE_PROTECTED,
    Action,
    Answer,
    ScsiTarget,
    VolumeState,
    usage_map,
)
from portplex.scsi import vpd
from portplex.scsi.sense import Sense

pytestmark = pytest.mark.fast

WWNN = 0x5005076801234567


def target() -> ScsiTarget:
    unit = ScsiTarget([VolumeState(1000), VolumeState(64, write_protected=True), VolumeState(9, present=False)], WWNN)
    for waiting in unit.attentions.values():
        waiting.clear()
    return unit


def ask(cdb: bytes, length: int, lun: int = 0, unit: ScsiTarget | None = None) -> Answer:
    return (unit or target()).execute(cdb, bytes([0, lun]) + bytes(6), 0, length, length > 0, False)


def test_pages_parse() -> None:
    inquiry = vpd.Inquiry.unpack(ask(bytes([0x12, 0, 0, 0, 36, 0]), 36).data)
    assert (inquiry.device_type, inquiry.vendor, inquiry.product) == (vpd.DISK, "PORTPLEX", "ARRAY")
    assert ask(bytes([0x12, 0, 0, 0, 36, 0]), 36, lun=2).data[0] == vpd.NO_DEVICE
    page, body = vpd.parse_vpd_page(ask(bytes([0x12, 1, 0, 0, 255, 0]), 255).data)
    assert page == vpd.SUPPORTED_PAGES and {0x80, 0x83, 0xB0, 0xB1} <= set(body) and list(body) == sorted(body)
    for code in body:
        assert vpd.parse_vpd_page(ask(bytes([0x12, 1, code, 0, 255, 0]), 255).data)[0] == code
    names = []
    for lun in (0, 1):
        _, body = vpd.parse_vpd_page(ask(bytes([0x12, 1, 0x83, 0, 255, 0]), 255, lun).data)
        designators = {(a, t): value for a, t, value in vpd.parse_device_identification(body)}
        assert designators[2, 3] == WWNN.to_bytes(8, "big") and designators[0, 3][0] >> 4 == 6
        names.append(designators[0, 3])
    assert names[0] != names[1]
    assert vpd.parse_report_luns(ask(struct.pack(">BBBBHIBB", 0xA0, 0, 0, 0, 0, 256, 0, 0), 256).data) == [0, 1]
    assert vpd.parse_read_capacity(ask(bytes([0x25]) + bytes(9), 8).data) == (1000, BLOCK)
    assert vpd.parse_read_capacity(ask(struct.pack(">BBQIBB", 0x9E, 0x10, 0, 32, 0, 0), 32).data) == (1000, BLOCK)


def test_errors_in_their_order() -> None:
    unit = target()
    unit.login(0, 0)
    assert ask(bytes(6), 0, 2, unit).sense == NO_LOGICAL_UNIT
    assert Sense.unpack(ask(bytes([3, 0, 0, 0, 18, 0]), 18, 1, unit).data) == NEXUS_LOSS
    assert ask(b"\xff" + bytes(15), 0, 0, unit).sense == NEXUS_LOSS
    assert ask(b"\xff" + bytes(15), 0, 0, unit).sense == INVALID_OPCODE
    write = struct.pack(">BBIBHB", 0x2A, 0, 60, 0, 4, 0)
    assert unit.execute(write, bytes([0, 1]) + bytes(6), 0, 2048, False, True).sense == WRITE_PROTECTED
    assert ask(struct.pack(">BBIBHB", 0x28, 0, 60, 0, 5, 0), 2560, 1, unit).sense == LBA_OUT_OF_RANGE


@given(st.integers(0, 1100), st.integers(0, 300), st.integers(0, 200_000))
def test_residual(lba: int, blocks: int, length: int) -> None:
    """FCP-4 9.5.8: what is moved and the residual make up what was asked."""
    answer = ask(struct.pack(">BBIBHB", 0x28, 0, lba, 0, blocks, 0), length)
    if lba + blocks > 1000:
        assert answer.sense == LBA_OUT_OF_RANGE and answer.residual == -length
    else:
        assert answer.action is Action.READ and answer.moved == min(length, blocks * BLOCK)
        assert answer.residual == blocks * BLOCK - length
        staged = sum(count for _, count in answer.ranges)
        assert staged * BLOCK >= answer.moved > (staged - 1) * BLOCK or not answer.moved


@given(st.binary(min_size=16, max_size=16), st.integers(0, 4), st.integers(0, 1 << 32), st.booleans(), st.booleans())
def test_any_cdb_has_an_answer(cdb: bytes, lun: int, length: int, read: bool, write: bool) -> None:
    answer = target().execute(cdb, bytes([0, lun]) + bytes(6), 0, length, read, write)
    assert 0 <= answer.moved <= length and len(answer.data) in (0, answer.moved)
    if answer.sense == INVALID_OPCODE:
        assert cdb[0] not in {opcode for opcode, _, _ in COMMANDS}


# SPC-4 table 67: is a command of a registrant, of a stranger, kept out (write, read)
KEPT_OUT = {
    1: ((True, False), (True, False)),
    3: ((True, True), (True, True)),
    5: ((False, False), (True, False)),
    6: ((False, False), (True, True)),
    7: ((False, False), (True, False)),
    8: ((False, False), (True, True)),
}


@pytest.mark.parametrize("kind", sorted(KEPT_OUT))
def test_reservation_types(kind: int) -> None:
    """Holder 1, registrant 2, stranger 3."""
    unit = Reservations()
    for initiator in (1, 2):
        assert unit.out(REGISTER, initiator, 0, 0, 0x10 + initiator).status == 0
    assert unit.out(RESERVE, 1, kind, 0x11, 0).status == 0
    for initiator, (write, read) in zip((1, 2, 3), ((False, False), *KEPT_OUT[kind]), strict=True):
        assert (unit.conflict(initiator, "write"), unit.conflict(initiator, "read")) == (write, read)
        assert not unit.conflict(initiator, "status")
    assert unit.out(RESERVE, 2, kind, 0x12, 0).status == (0 if kind in (7, 8) else 0x18)
    told = unit.out(RELEASE, 1, kind, 0x11, 0).attentions
    assert told == [((6, 0x2A, 4), {2} if kind >= 5 else set())] and not unit.conflict(3, "write")


def test_usage_maps() -> None:
    """READ(10) as SBC-3 table 46 lays it out; the service action stands in its field."""
    assert usage_map(0x28, None) == bytes.fromhex("28 f8 ffffffff 00 ffff 04")
    assert usage_map(0xA3, 0x0C) == bytes.fromhex("a3 0c 87 ff ffff ffffffff 00 04")
    for opcode, action, size in COMMANDS:
        assert len(usage_map(opcode, action)) == size and usage_map(opcode, action)[0] == opcode


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="must be 1 to 16"):
        ScsiTarget([], WWNN)
    with pytest.raises(ValueError, match="8 bytes"):
        target().execute(bytes(6), b"\0", 0, 0, False, False)
    with pytest.raises(ValueError, match="at most 16"):
        target().execute(bytes(17), bytes(8), 0, 0, False, False)
