# SPDX-License-Identifier: Apache-2.0
"""Numbers of the array in words (docs/contracts.md sections 3, 6 and 11)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from portplex.management import REFUSALS
from portplex.model.schedule import ASKED

LINK_STATES = ("AC", "LR1", "LR2", "LR3", "LF1", "LF2", "OL1", "OL2", "OL3")

_ERRORS = {
    1: "aborted",
    2: "the destination does not answer: not logged in, or out of reach",
    3: "the destination rejects the login or the command",
    4: "the destination answered with a SCSI status other than GOOD",
    5: "protocol error at the destination",
    6: "the link of the port is down",
    7: "the destination is not logged in",
    0x11: "the volume is absent",
    0x12: "the chunk is not 8 to 128 blocks and a multiple of 8",
    0x13: "the image ends beyond the last LBA",
    0x1A: "the destination is too small for the image",
    0x20: "drive error of the array's own",
}
_STATUSES = {0x02: "CHECK CONDITION", 0x08: "BUSY", 0x18: "RESERVATION CONFLICT", 0x28: "TASK SET FULL"}


def link_state(number: int) -> str:
    """Name as FC-FS has it."""
    return LINK_STATES[number] if number < len(LINK_STATES) else f"state {number}"


def job_error(error: int, sense: int) -> str:
    """Registers BACKUP_ERROR and BACKUP_SENSE; empty for none."""
    number, status = error & 0xFF, error >> 8 & 0xFF
    if not number:
        return ""
    text = _ERRORS.get(number, f"error {number:02X}h")
    if status:
        text += f" ({_STATUSES.get(status, f'status {status:02X}h')}"
        if status == 0x02:
            text += f", sense {sense >> 16 & 0xF:X}/{sense >> 8 & 0xFF:02X}/{sense & 0xFF:02X}"
        text += ")"
    return text


def access(sequential: int) -> str:
    """Register LOAD_ACCESS."""
    return "sequential" if sequential else "random"


def port_role(port: Mapping[str, Any]) -> str:
    """What a port does, from its link, login, usage and placement."""
    if port["link"] != LINK_STATES[0] or not port["fabric_login"]:
        return "offline"
    kinds = ["online"] if port["usage"] != "backup_only" else []
    return " and ".join(kinds + ["backup"] * port["backup"]) or "idle"


def started(last: int, answer: int) -> str:
    """The answer to the last start of a schedule."""
    if not last:
        return ""
    if answer == ASKED:
        return "the backup engine has not answered"
    return f"refused: {REFUSALS.get(answer, f'reason {answer:02X}h')}" if answer else "started"


def moment(seconds: int) -> str:
    """A time of the array's clock."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
