# SPDX-License-Identifier: Apache-2.0
"""The known-answer frames of the project's protocol facts, section 12.

Their CRC was checked with zlib and Wireshark, their EOF word with an 8b/10b model.
"""

from __future__ import annotations

from typing import NamedTuple


class KnownAnswer(NamedTuple):
    """One frame and how it must look on the wire."""

    name: str
    sof: str
    header: bytes
    payload: bytes
    crc: bytes  # as transmitted
    eof_word: int
    total_bytes: int  # SOF, header, payload, CRC, EOF


_BURST = bytes((7 * i + 3) % 256 for i in range(4096))
_CREATE_ASSOCIATION = (
    bytes.fromhex("03000000 000003f8 00000003 000003f0 0004 0000")
    + bytes(36)
    + bytes.fromhex("ffff 001f 00000000")
    + bytes(range(16))
    + b"nqn.2014-08.org.nvmexpress:uuid:host".ljust(256, b"\0")
    + b"nqn.2016-06.io.example:cnode1".ljust(256, b"\0")
).ljust(1024, b"\0")

KNOWN_ANSWERS: tuple[KnownAnswer, ...] = (
    KnownAnswer(
        "FLOGI",
        "SOFi3",
        bytes.fromhex("22fffffe0000000001290000000000000001ffff00000000"),
        bytes.fromhex(
            "040000002020001000000840000000000000000010000000c900000120000000"
            "c900000100000000000000000000000000000000000000000000000000000000"
            "00000000880000000000084000ff000000010000000000000000000000000000"
            "0000000000000000000000000000000000000000"
        ),
        bytes.fromhex("1a7ee85c"),
        0xBCB57575,
        152,
    ),
    KnownAnswer(
        "PLOGI",
        "SOFi3",
        bytes.fromhex("22010e000001000101290000010000000002ffff00000000"),
        bytes.fromhex(
            "03000000202000108000084000ff001f000007d010000000c900000120000000"
            "c900000100000000000000000000000000000000000000000000000000000000"
            "00000000880000000000084000ff000000010000000000000000000000000000"
            "0000000000000000000000000000000000000000"
        ),
        bytes.fromhex("871c98e0"),
        0xBCB57575,
        152,
    ),
    KnownAnswer(
        "LS_ACC(PLOGI)",
        "SOFi3",
        bytes.fromhex("2301000100010e0001980000010000000002800100000000"),
        bytes.fromhex(
            "02000000202000108000084000ff001f000007d050060e800000500050060e80"
            "0000500100000000000000000000000000000000000000000000000000000000"
            "00000000880000000000084000ff000000010000000000000000000000000000"
            "0000000000000000000000000000000000000000"
        ),
        bytes.fromhex("320a932b"),
        0xBC957575,
        152,
    ),
    KnownAnswer(
        "PRLI(FCP init)",
        "SOFi3",
        bytes.fromhex("22010e000001000101290000020000000003ffff00000000"),
        bytes.fromhex("2010001408002000000000000000000000000022"),
        bytes.fromhex("0bc64bc2"),
        0xBC957575,
        56,
    ),
    KnownAnswer(
        "LS_ACC(PRLI, init+targ)",
        "SOFi3",
        bytes.fromhex("2301000100010e0001980000020000000003800200000000"),
        bytes.fromhex("0210001408002100000000000000000000000032"),
        bytes.fromhex("0fd53668"),
        0xBC957575,
        56,
    ),
    KnownAnswer(
        "FCP_CMND WRITE(10) 8 blk @0x1000",
        "SOFi3",
        bytes.fromhex("06010e000001000108290000030000000010ffff00000000"),
        bytes.fromhex("0000000000000000000000012a00000010000000080000000000000000001000"),
        bytes.fromhex("6c5d862c"),
        0xBC957575,
        68,
    ),
    KnownAnswer(
        "FCP_XFER_RDY",
        "SOFi3",
        bytes.fromhex("0501000100010e0008890000040000000010801000000000"),
        bytes.fromhex("000000000000100000000000"),
        bytes.fromhex("76a8167e"),
        0xBCB57575,
        48,
    ),
    KnownAnswer(
        "FCP_DATA 1/2",
        "SOFi3",
        bytes.fromhex("01010e000001000108000008050000000010801000000000"),
        _BURST[:2048],
        bytes.fromhex("a5ad1ba9"),
        0xBCB5D5D5,
        2084,
    ),
    KnownAnswer(
        "FCP_DATA 2/2",
        "SOFn3",
        bytes.fromhex("01010e000001000108090008050000010010801000000800"),
        _BURST[2048:],
        bytes.fromhex("8fa27b9e"),
        0xBC957575,
        2084,
    ),
    KnownAnswer(
        "FCP_RSP good",
        "SOFi3",
        bytes.fromhex("0701000100010e0008990000060000000010801000000000"),
        bytes.fromhex("000000000000000000000000000000000000000000000000"),
        bytes.fromhex("43d52b7e"),
        0xBC957575,
        60,
    ),
    KnownAnswer(
        "ABTS",
        "SOFi3",
        bytes.fromhex("81010e000001000100090000070000000011ffff00000000"),
        b"",
        bytes.fromhex("f8823b82"),
        0xBC957575,
        36,
    ),
    KnownAnswer(
        "BA_ACC",
        "SOFi3",
        bytes.fromhex("8401000100010e0000980000070000000011801100000000"),
        bytes.fromhex("00000000001180110000ffff"),
        bytes.fromhex("3ce0cd86"),
        0xBC957575,
        48,
    ),
    KnownAnswer(
        "LOGO",
        "SOFi3",
        bytes.fromhex("22010e000001000101290000080000000004ffff00000000"),
        bytes.fromhex("050000000001000110000000c9000001"),
        bytes.fromhex("c6eaedc5"),
        0xBC957575,
        52,
    ),
    KnownAnswer(
        "NVMe_CMND write",
        "SOFi3",
        bytes.fromhex("06010e000001000108290000090000000020ffff00000000"),
        bytes.fromhex(
            "fd28001800000001000100020003000000000001000010000140000001000000"
            "000000000000000000000000000000000000000000000000001000000000005a"
            "0010000000000000070000000000000000000000000000000000000000000000"
        ),
        bytes.fromhex("44379388"),
        0xBC957575,
        132,
    ),
    KnownAnswer(
        "NVMe_XFER_RDY",
        "SOFi3",
        bytes.fromhex("0501000100010e00088900000a0000000020802000000000"),
        bytes.fromhex("000000000000100000000000"),
        bytes.fromhex("01201210"),
        0xBCB57575,
        48,
    ),
    KnownAnswer(
        "NVMe_RSP (12 zero bytes)",
        "SOFi3",
        bytes.fromhex("0701000100010e00089900000b0000000020802000000000"),
        bytes.fromhex("000000000000000000000000"),
        bytes.fromhex("8343053d"),
        0xBC957575,
        48,
    ),
    KnownAnswer(
        "NVMe_ERSP",
        "SOFi3",
        bytes.fromhex("0801000100010e00089900000b0000000020802000000000"),
        bytes.fromhex("0000000800000001000010000000000000000000000000000000000000000000"),
        bytes.fromhex("e86f86f4"),
        0xBCB57575,
        68,
    ),
    KnownAnswer(
        "NVMe LS Create Association",
        "SOFi3",
        bytes.fromhex("32010e0000010001282900000c0000000021ffff00000000"),
        _CREATE_ASSOCIATION,
        bytes.fromhex("6c8e5686"),
        0xBC957575,
        1060,
    ),
)
