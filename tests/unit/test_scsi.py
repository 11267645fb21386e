# SPDX-License-Identifier: Apache-2.0
"""CDBs, sense data and what units say about themselves, against hand-written bytes and round trips."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portplex.nport.fcp import Cmnd, Rsp
from portplex.scsi import cdb, sense, vpd
from portplex.scsi.cdb import Cdb, OpCode


@pytest.mark.fast
@pytest.mark.parametrize(
    ("built", "expected"),
    [
        (cdb.read_10(0x1000, 8), "28 00 00 00 10 00 00 00 08 00"),
        (cdb.write_10(0x1000, 8), "2a 00 00 00 10 00 00 00 08 00"),
        (cdb.read_16(1 << 33, 8), "88 00 00 00 00 02 00 00 00 00 00 00 00 08 00 00"),
        (cdb.write_16(1, 0x10000), "8a 00 00 00 00 00 00 00 00 01 00 01 00 00 00 00"),
        (cdb.inquiry(), "12 00 00 00 fc 00"),
        (cdb.inquiry(0x83, 255), "12 01 83 00 ff 00"),
        (cdb.report_luns(1024), "a0 00 00 00 00 00 00 00 04 00 00 00"),
        (cdb.read_capacity_10(), "25"),
        (cdb.read_capacity_16(32), "9e 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00"),
        (cdb.request_sense(18), "03 00 00 00 12 00"),
        (cdb.mode_sense_6(0x08, 192), "1a 00 08 00 c0 00"),
        (cdb.test_unit_ready(), "00"),
        (cdb.synchronize_cache_10(), "35"),
    ],
)
def test_cdb_bytes(built: bytes, expected: str) -> None:
    assert built == bytes.fromhex(expected).ljust(16, b"\0")


@pytest.mark.fast
@given(st.integers(0, (1 << 40) - 1), st.integers(0, (1 << 20) - 1))
def test_block_commands_round_trip(lba: int, blocks: int) -> None:
    long = lba >= 1 << 32 or blocks >= 1 << 16
    read, write = cdb.parse(cdb.read(lba, blocks)), cdb.parse(cdb.write(lba, blocks))
    assert read == Cdb(OpCode.READ_16 if long else OpCode.READ_10, lba, blocks)
    assert write == Cdb(OpCode.WRITE_16 if long else OpCode.WRITE_10, lba, blocks)
    assert read.name == ("READ(16)" if long else "READ(10)")


@pytest.mark.fast
def test_cdb_parsing_and_limits() -> None:
    assert cdb.parse(cdb.inquiry(0xB0, 300)) == Cdb(OpCode.INQUIRY, length=300, page=0xB0, evpd=True)
    assert cdb.parse(cdb.report_luns(8)).length == 8
    assert cdb.parse(cdb.read_capacity_16(32)).name == "READ CAPACITY(16)"
    assert cdb.parse(b"\xc7" + bytes(15)) == Cdb(0xC7)
    assert Cdb(0xC7).name == "opcode c7h"
    with pytest.raises(ValueError, match="lba = 4294967296: must be 0 to 4294967295"):
        cdb.read_10(1 << 32, 1)


@pytest.mark.fast
def test_sense_formats() -> None:
    fixed = sense.LBA_OUT_OF_RANGE.pack()
    assert fixed.hex() == "70000500000000" + "0a" + "00000000" + "2100" + "00000000"
    assert sense.Sense.unpack(fixed) == sense.LBA_OUT_OF_RANGE
    assert sense.Sense.unpack(bytes.fromhex("7206290000000000")) == sense.POWER_ON
    assert str(sense.SPACE_EXHAUSTED) == "DATA PROTECT, 27h/07h"
    with pytest.raises(ValueError, match="must be fixed or descriptor"):
        sense.Sense.unpack(b"\x00\x01")


@pytest.mark.fast
def test_unit_descriptions() -> None:
    inquiry = vpd.Inquiry(0, "PORTPLEX", "BACKUP DISK", "0001")
    assert inquiry.pack()[8:] == b"PORTPLEXBACKUP DISK     0001"
    assert vpd.Inquiry.unpack(inquiry.pack()) == inquiry
    assert vpd.parse_vpd_page(vpd.vpd_page(0x80, b"S1")) == (0x80, b"S1")
    with pytest.raises(ValueError, match="says 9 bytes, 2 are there"):
        vpd.parse_vpd_page(b"\x00\x80\x00\x09S1")
    assert vpd.parse_device_identification(vpd.device_identification(0x5006)) == [(0, 3, (0x5006).to_bytes(8, "big"))]
    assert vpd.parse_read_capacity(vpd.read_capacity_10(100)) == (100, 512)
    assert vpd.parse_read_capacity(vpd.read_capacity_16(1 << 34)) == (1 << 34, 512)
    assert vpd.read_capacity_10(1 << 34)[:4] == b"\xff\xff\xff\xff"


@pytest.mark.fast
@given(st.lists(st.integers(0, 16383), max_size=20))
def test_lun_lists_round_trip(luns: list[int]) -> None:
    assert vpd.parse_report_luns(vpd.report_luns(luns)) == luns
    assert all(len(vpd.lun_bytes(lun)) == 8 for lun in luns)
    assert vpd.parse_lun(b"\xc1" + bytes(7)) == -1


@pytest.mark.fast
@given(
    st.integers(0, 255),
    st.integers(-1000, 1000),
    st.binary(max_size=32),
    st.one_of(st.none(), st.integers(0, 255)),
)
def test_response_round_trip(status: int, residual: int, sense_data: bytes, code: int | None) -> None:
    packed = Rsp(status, residual, sense_data, code).pack()
    assert len(packed) % 4 == 0
    back = Rsp.unpack(packed)
    assert (back.status, back.residual, back.code) == (status, residual, code)
    assert back.sense == sense_data + bytes(-len(sense_data) % 4)


@pytest.mark.fast
def test_command_unit_bytes() -> None:
    """Payload of known-answer frame 6."""
    expected = "0000000000000000000000012a00000010000000080000000000000000001000"
    cmnd = Cmnd(bytes(8), cdb.write_10(0x1000, 8), 4096, write=True)
    assert cmnd.pack().hex() == expected
    assert Cmnd.unpack(bytes.fromhex(expected)) == cmnd
    with pytest.raises(ValueError, match="additional CDB length"):
        Cmnd.unpack(bytes(11) + b"\x11" + bytes(20))
    with pytest.raises(ValueError, match="FCP_RSP of 24 bytes says 0 bytes of RSP_INFO and 18 of sense"):
        Rsp.unpack(bytes(10) + b"\x02\x02" + bytes(4) + b"\0\0\0\x12" + bytes(4))
