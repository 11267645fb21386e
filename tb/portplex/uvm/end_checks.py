# SPDX-License-Identifier: Apache-2.0
"""What every run is held to when its traffic has ended, whatever the scenario was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portplex.bfm.fc_port import Stats
from portplex.model.frame_rules import FrameRules


def credit_problems(stats: Stats, *, unanswered: int = 0) -> list[str]:
    """I5 as the other end of the link counts it. `unanswered`: frames that at most get no R_RDY: lost in
    a link reset, or no frames at all to the array."""
    found = []
    if stats.bad["no_credit"]:
        found.append(f"I5: the array sent {stats.bad['no_credit']} frames without credit")
    answered, sent = stats.r_rdy_received, stats.frames_sent
    if not sent - unanswered <= answered <= sent:
        found.append(f"I5: {sent} frames sent to the array, {answered} R_RDYs came back")
    return found


def frame_problems(stats: Stats, *, cut: int = 0) -> list[str]:
    """I6 as the transactor sees it: no broken frame (CRC, EOF, length, K inside) came from the array. Nobody else is
    shown them, and a host that repeats its command would hide one. `cut`: frames that may be cut off, one each
    time the link was reset or lost."""
    if stats.frames_bad <= cut:
        return []
    kinds = ", ".join(f"{name} {count}" for name, count in stats.bad.items() if count and name != "no_credit")
    return [f"I6: {stats.frames_bad} broken frames from the array: {kinds}"]


def request_problems(counters: Mapping[str, int], rules: FrameRules) -> list[str]:
    """I11: no host request without a command of a host that was logged in."""
    requests = counters.get("host_requests", 0)
    if requests > rules.commands_accepted:
        return [f"I11: {requests} host requests from {rules.commands_accepted} commands of hosts that were logged in"]
    return []


def checker_problems(top: Any) -> list[str]:
    """I4 and I7 as the checkers inside `array_bench` count them; what they print is in the run's log."""
    found = []
    for rule, what in (("i4", "dirty data left the cache unconfirmed"), ("i7", "a task had to wait for too long")):
        failures = int(getattr(top, f"{rule}_failures").value)
        if failures:
            found.append(f"{rule.upper()}: {what}, {failures} times; the log says when")
    if not int(top.i7_checks.value):
        found.append("I7: the checker has seen no frame chosen")
    return found
