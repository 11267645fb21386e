# SPDX-License-Identifier: Apache-2.0
"""What a run has exercised: frames by kind and direction, sizes, and how initiator and target frames alternate."""

from __future__ import annotations

from collections import Counter

from pyuvm import uvm_subscriber

from portplex.fc.constants import FcType, RCtl
from portplex.fc.header import HEADER_BYTES, Header
from portplex.model.frame_rules import Direction
from portplex.uvm.items import ObservedFrame

RESPONDER = 1 << 23
TYPES = {code.value: code.name for code in FcType}
R_CTLS = {code.value: code.name for code in RCtl}


class FrameCoverage(uvm_subscriber):
    """Counts in `bins`: `frame/<direction>/<type>/<r_ctl>`, `size/<words, rounded up to a power of two>`, and
    `switch/<role>-<role>` for the FCP frames of the device: which role sent one after the other on the shared port."""

    def build_phase(self) -> None:
        self.bins: Counter[str] = Counter()
        self._last_role = ""

    def write(self, item: ObservedFrame) -> None:
        data = item.frame.data
        if len(data) < HEADER_BYTES:  # a runt that a test has sent
            return
        header = Header.unpack(data)
        outward = item.direction is Direction.FROM_DEVICE
        self.bins[f"frame/{'tx' if outward else 'rx'}/{header.type:02x}/{header.r_ctl:02x}"] += 1
        self.bins[f"size/{1 << (len(data) // 4 - 1).bit_length()}"] += 1
        if outward and header.type == FcType.FCP:
            role = "target" if header.f_ctl & RESPONDER else "initiator"
            if self._last_role:
                self.bins[f"switch/{self._last_role}-{role}"] += 1
            self._last_role = role

    def named(self) -> dict[str, int]:
        """The bins with names for TYPE and R_CTL where the standard has them."""
        found = {}
        for key, count in sorted(self.bins.items()):
            if key.startswith("frame/"):
                _, side, kind, r_ctl = key.split("/")
                key = f"frame/{side}/{TYPES.get(int(kind, 16), kind)}/{R_CTLS.get(int(r_ctl, 16), r_ctl)}"
            found[key] = count
        return found
