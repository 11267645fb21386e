# SPDX-License-Identifier: Apache-2.0
"""Transmit descriptor: the record between sequence builder and frame scheduler, lowest field first."""

from __future__ import annotations

DESCRIPTOR = {
    "r_ctl": 8, "type": 8, "f_ctl": 24, "d_id": 24, "ox_id": 16, "rx_id": 16, "parameter": 32, "length": 17, "slot": 9,
    "position": 17, "max_words": 10, "from_cache": 1, "initiator": 1, "tag": 4, "seq_id_given": 1, "seq_id": 8,
}  # fmt: skip


def unpack_descriptor(value: int) -> dict[str, int]:
    fields = {}
    for name, width in DESCRIPTOR.items():
        fields[name] = value & (1 << width) - 1
        value >>= width
    return fields
