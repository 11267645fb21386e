# SPDX-License-Identifier: GPL-2.0-only

# scapy.contrib.description = Fibre Channel basic link services (FC-FS)
# scapy.contrib.status = loads

"""
Basic link services (FC-FS-5 clause 13, TYPE 00h). ABTS has no payload: it is `FC(r_ctl=0x81, type=0)`.

    >>> FC(r_ctl=0x84, type=0) / BA_ACC(ox_id=0x11, rx_id=0x8011)
"""

from __future__ import annotations

from typing import Any, ClassVar

from scapy.fields import ByteEnumField, ByteField, ShortField, XByteField, XShortField
from scapy.packet import NoPayload, Packet, bind_layers

from portplex.fc.constants import BaRjtExplanation, BaRjtReason, FcType, RCtl
from portplex.fc.frame import FC

BA_RJT_REASONS = {code.value: code.name for code in BaRjtReason}
BA_RJT_EXPLANATIONS = {code.value: code.name for code in BaRjtExplanation}


class _Answer(Packet):
    def answers(self, other: Packet) -> int:
        # ABTS has no payload of its own, so only the frame headers can tell; FC.answers has compared them.
        return int(isinstance(other, NoPayload))


class BA_ACC(_Answer):
    """Basic accept; the defaults are those of a whole exchange that was aborted."""

    name = "BA_ACC"
    fields_desc: ClassVar[list[Any]] = [
        XByteField("seq_id_validity", 0),
        XByteField("last_seq_id", 0),
        ShortField("reserved", 0),
        XShortField("ox_id", 0xFFFF),
        XShortField("rx_id", 0xFFFF),
        XShortField("low_seq_cnt", 0),
        XShortField("high_seq_cnt", 0xFFFF),
    ]

    def mysummary(self) -> Any:
        return self.sprintf("BA_ACC ox %ox_id% rx %rx_id%")


class BA_RJT(_Answer):
    """Basic reject."""

    name = "BA_RJT"
    fields_desc: ClassVar[list[Any]] = [
        ByteField("reserved", 0),
        ByteEnumField("reason", 0x09, BA_RJT_REASONS),
        ByteEnumField("explanation", 0, BA_RJT_EXPLANATIONS),
        XByteField("vendor", 0),
    ]

    def mysummary(self) -> Any:
        return self.sprintf("BA_RJT %reason% (%explanation%)")


bind_layers(FC, BA_ACC, r_ctl=RCtl.BA_ACC.value, type=FcType.BLS.value)
bind_layers(FC, BA_RJT, r_ctl=RCtl.BA_RJT.value, type=FcType.BLS.value)
