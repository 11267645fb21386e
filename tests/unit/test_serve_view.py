# SPDX-License-Identifier: Apache-2.0
"""What `portplex serve` shows of its state in a terminal."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from portplex.runs.serve import state_table


def state(**changes: Any) -> dict[str, Any]:
    found = {
        "words": 1_000_000,
        "running_seconds": 4.0,
        "paused_seconds": 6.0,
        "paused": False,
        "hosts": [{"side": 0, "mac": "52:54:00:12:00:01", "n_port_id": "010300", "wwpn": "2000525400120001"}],
        "logins": 2,
        "open_tasks": 5,
        "backup": {"state": "RUNNING", "backup_pointer": 1024, "copy_pointer": 32768},
        "traffic": {"payload_words_tx": 250_000, "payload_words_rx": 500_000},
        "counts": {"commands": 1234, "rec": 1},
    }
    return {**found, **changes}


def shown(now: dict[str, Any], before: dict[str, Any] | None = None) -> list[str]:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(state_table(now, before))
    return [" ".join(line.split()) for line in capture.get().splitlines()]


@pytest.mark.fast
def test_state_for_a_person() -> None:
    """Logins, open commands, pointers, and rates since the last look: half a second, 250,000 words."""
    lines = shown(state())
    assert "simulated time 1,000,000 words" in lines
    assert "hosts 2000525400120001 at 010300 (side 0)" in lines
    assert "logins with the array 2" in lines
    assert "open commands 5 of 1,234" in lines
    assert "backup RUNNING, pointers 1,024 / 32,768" in lines
    assert "out of patience 0 ABTS, 1 REC, 0 task management" in lines
    assert not any(line.startswith("speed") for line in lines)
    later = state(
        words=1_250_000, running_seconds=4.5, traffic={"payload_words_tx": 300_000, "payload_words_rx": 600_000}
    )
    lines = shown(later, state())
    assert "speed 500 k words/s: the line carries 2.00 MB/s" in lines
    assert "payload from / to the array 0.40 / 0.80 MB/s" in lines
    lines = shown(state(paused=True, hosts=[]))
    assert "simulated time 1,000,000 words (paused: nothing to do)" in lines
    assert "hosts none" in lines
