# SPDX-License-Identifier: Apache-2.0
"""word_flip against an 8b/10b coder made from the code tables and rules of protocol facts, section 2."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import Timer

CODES_6B = [
    "100111", "011101", "101101", "110001", "110101", "101001", "011001", "111000",
    "111001", "100101", "010101", "110100", "001101", "101100", "011100", "010111",
    "011011", "100011", "010011", "110010", "001011", "101010", "011010", "111010",
    "110011", "100110", "010110", "110110", "001110", "101110", "011110", "101011",
]  # fmt: skip
CODES_4B = ["1011", "1001", "0101", "1100", "1101", "1010", "0110", "1110"]


def invert(code: str) -> str:
    return code.translate(str.maketrans("01", "10"))


def encode(byte: int, positive: bool) -> tuple[str, bool]:
    """The ten bits of Dx.y at this running disparity, and the running disparity after it."""
    x, y = byte & 31, byte >> 5
    six = CODES_6B[x]
    if positive and (six.count("1") != 3 or x == 7):
        six = invert(six)
    middle = positive if six.count("1") == 3 else six.count("1") > 3
    four = CODES_4B[y]
    if y == 7 and x in ((11, 13, 14) if middle else (17, 18, 20)):
        four = "0111"
    if middle and (four.count("1") != 2 or y == 3):
        four = invert(four)
    return six + four, middle if four.count("1") == 2 else four.count("1") > 2


@cocotb.test()
async def equals_an_8b10b_coder(dut: Any) -> None:
    """Every character alone in every place, at both disparities; random words."""
    for positive in (False, True):
        codes = {encode(byte, positive)[0] for byte in range(256)}
        assert len(codes) == 256 and all(4 <= code.count("1") <= 6 for code in codes)
    # the check of the protocol facts: the data characters of IDLE, R_RDY and SOFi3
    assert encode(0x95, True)[0] == "1010100010" and encode(0xB5, False)[0] == "1010101010"
    assert encode(0x4A, False)[0] == "0101010101" and encode(0x56, True)[0] == "0110100101"
    rng = random.Random(cocotb.RANDOM_SEED)
    words = [byte << 8 * place for byte in range(256) for place in range(4)]
    for word in (*words, *(rng.randrange(1 << 32) for _ in range(2000))):
        dut.data.value = word
        await Timer(1, "ns")
        for start in (False, True):
            disparity = start
            for byte in word.to_bytes(4, "big"):
                disparity = encode(byte, disparity)[1]
            assert int(dut.flip.value) == (disparity != start), f"{word:08x} at {'+' if start else '-'}"
