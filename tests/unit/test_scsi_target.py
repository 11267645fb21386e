# SPDX-License-Identifier: Apache-2.0
"""The SCSI target model against the parsers of `portplex.scsi` and values worked out by hand."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portplex.model.scsi_target import (
    BLOCK,
    COMMANDS,
    INVALID_OPCODE,
    LBA_OUT_OF_RANGE,
    NO_LOGICAL_UNIT,
    POWER_ON_RESET,
    WRITE_PROTECTED,
    Action,
    Answer,
    ScsiTarget,
    VolumeState,
)
from portplex.scsi import vpd
from portplex.scsi.sense import Sense

pytestmark = pytest.mark.fast

WWNN = 0x5005076801234567


def target() -> ScsiTarget:
    unit = ScsiTarget([VolumeState(1000), VolumeState(64, write_protected=True), VolumeState(9, present=False)], WWNN)
    unit.attentions.clear()
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
    unit.login(0)
    assert ask(bytes(6), 0, 2, unit).sense == NO_LOGICAL_UNIT
    assert Sense.unpack(ask(bytes([3, 0, 0, 0, 18, 0]), 18, 1, unit).data) == POWER_ON_RESET
    assert ask(b"\xff" + bytes(15), 0, 0, unit).sense == POWER_ON_RESET
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
        assert answer.staged * BLOCK >= answer.moved > (answer.staged - 1) * BLOCK or not answer.moved


@given(st.binary(min_size=16, max_size=16), st.integers(0, 4), st.integers(0, 1 << 32), st.booleans(), st.booleans())
def test_any_cdb_has_an_answer(cdb: bytes, lun: int, length: int, read: bool, write: bool) -> None:
    answer = target().execute(cdb, bytes([0, lun]) + bytes(6), 0, length, read, write)
    assert 0 <= answer.moved <= length and len(answer.data) in (0, answer.moved)
    if answer.sense == INVALID_OPCODE:
        assert cdb[0] not in {opcode for opcode, _, _ in COMMANDS}


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="must be 1 to 16"):
        ScsiTarget([], WWNN)
    with pytest.raises(ValueError, match="8 bytes"):
        target().execute(bytes(6), b"\0", 0, 0, False, False)
    with pytest.raises(ValueError, match="at most 16"):
        target().execute(bytes(17), bytes(8), 0, 0, False, False)
