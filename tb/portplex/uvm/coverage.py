# SPDX-License-Identifier: Apache-2.0
"""What a run has exercised: frames by kind and direction, sizes, and how initiator and target frames alternate."""

from __future__ import annotations

from collections import Counter

from pyuvm import uvm_subscriber

from portplex.fc.constants import HEADER_BYTES, FcType, RCtl
from portplex.model.frame_rules import Direction
from portplex.uvm.items import ObservedFrame

RESPONDER = 1 << 7  # exchange responder, in the first byte of F_CTL
TYPES = {code.value: code.name for code in FcType}
R_CTLS = {code.value: code.name for code in RCtl}
FCP = FcType.FCP.value  # to look up an enum's member takes longer than to compare it
FROM_DEVICE = Direction.FROM_DEVICE


class FrameCoverage(uvm_subscriber):
    """Counts `frame/<direction>/<type>/<r_ctl>`, `size/<words, rounded up to a power of two>`, and
    `switch/<role>-<role>` for the FCP frames of the device: which role sent one after the other on the shared port."""

    def build_phase(self) -> None:
        self._frames: Counter[tuple[bool, int, int]] = Counter()
        self._sizes: Counter[int] = Counter()
        self._switches: Counter[tuple[str, str]] = Counter()
        self._last_role = ""

    def write(self, item: ObservedFrame) -> None:
        data = item.frame.data
        if len(data) < HEADER_BYTES:  # broken on purpose: no header to go by
            self._sizes[0] += 1
            return
        r_ctl, kind = data[0], data[8]
        outward = item.direction is FROM_DEVICE
        self._frames[outward, kind, r_ctl] += 1
        self._sizes[(len(data) // 4 - 1).bit_length()] += 1
        if outward and kind == FCP:
            role = "target" if data[9] & RESPONDER else "initiator"
            self._switches[self._last_role, role] += 1
            self._last_role = role

    def named(self) -> dict[str, int]:
        """The bins, with names for TYPE and R_CTL where the standard has them."""
        found = {f"size/{1 << bits}": count for bits, count in self._sizes.items()}
        found |= {f"switch/{before}-{role}": count for (before, role), count in self._switches.items() if before}
        for (outward, kind, r_ctl), count in self._frames.items():
            side = "tx" if outward else "rx"
            found[f"frame/{side}/{TYPES.get(kind, f'{kind:02x}')}/{R_CTLS.get(r_ctl, f'{r_ctl:02x}')}"] = count
        return dict(sorted(found.items()))
