# SPDX-License-Identifier: Apache-2.0
"""How long `make sim` takes once it is built: the default size on Verilator, a smaller one on Icarus."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from figures import Figure
from portplex.simulate import available_simulators

SEED = "2"
SMALLER = ("--hosts", "2", "--blocks", "128")


def wall_seconds(*options: str) -> float:
    """Of `portplex sim` with these options, from start to exit. Raises RuntimeError when the run does not pass."""
    command = [str(Path(sys.executable).parent / "portplex"), "sim", "--seed", SEED, *options]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-500:]}"
        )
    return time.monotonic() - began


def measure() -> list[Figure]:
    wall_seconds()  # builds what is missing
    figures = [Figure("make sim, built, Verilator", wall_seconds(), "s", "<= 30")]
    if "icarus" in available_simulators():
        wall_seconds("--sim", "icarus", *SMALLER)
        seconds = wall_seconds("--sim", "icarus", *SMALLER)
        figures.append(Figure("make sim HOSTS=2 BLOCKS=128, built, Icarus", seconds, "s", "<= 90"))
    else:
        print("    Icarus is not installed: not measured")
    return figures


if __name__ == "__main__":
    print(measure())
