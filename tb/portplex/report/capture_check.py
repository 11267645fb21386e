# SPDX-License-Identifier: Apache-2.0
"""What Wireshark's dissectors say about a capture."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from portplex.simulate import SimulationFailed

# Linux uses OX_ID and SEQ_ID again at once: put together by them, frames of different commands look malformed.
_OPTIONS = ("-o", "fc.reassemble:FALSE")
_WRONG = "_ws.malformed || fcoe.crc.status == 0 || fc.crc.status == 0"


class CaptureCheck(NamedTuple):
    """Frames in a capture, those with a bad CRC or malformed, and the first of these as tshark prints them."""

    frames: int
    wrong: int
    first: list[str]


def check_capture(path: Path) -> CaptureCheck | None:
    """Have tshark read a capture of FC or FCoE frames; None when tshark is not here."""
    if shutil.which("tshark") is None:
        return None
    frames = _lines("-r", str(path), "-T", "fields", "-e", "frame.number")
    wrong = _lines("-r", str(path), *_OPTIONS, "-Y", _WRONG)
    return CaptureCheck(len(frames), len(wrong), wrong[:5])


def _lines(*arguments: str) -> list[str]:
    done = subprocess.run(["tshark", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SimulationFailed(f"tshark {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout.splitlines()
