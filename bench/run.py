# SPDX-License-Identifier: Apache-2.0
"""`make bench`: every measurement, one after another, into sim_build/bench/bench.json.

    python bench/run.py                    # all
    python bench/run.py throughput growth  # some; bench.json then holds these only
    python bench/run.py --hil              # those with a Linux guest, into bench_hil.json (`make bench-hil`)

Exit status 0 when everything was measured, also when a target was missed (the table says so); 1 when a measurement
failed, and then bench.json is not written; 2 for an unknown name.
"""

from __future__ import annotations

import importlib
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, table, write
from portplex.simulate import build_root

Measurement = Callable[[], list[Figure]]
NAMES = (
    "throughput",
    "online_wait",
    "online_loss",
    "time_share",
    "two_ports",
    "array_speed",
    "growth",
    "main_job_time",
    "fcoe_throughput",
    "console_page",
)
HIL_NAMES = ("guest_throughput",)  # they need QEMU


def measurements(names: Sequence[str]) -> dict[str, Measurement]:
    """Measurements by name: the `measure` of the module of that name."""
    return {name: importlib.import_module(name).measure for name in names}


def run(chosen: Sequence[str], known: Mapping[str, Measurement], path: Path) -> int:
    """Measure what is chosen (everything when empty), print, write `path`; the exit status."""
    unknown = [name for name in chosen if name not in known]
    if unknown:
        print(f"unknown measurement {unknown[0]!r}: must be one of {', '.join(known)}", file=sys.stderr)
        return 2
    names = list(chosen) or list(known)
    figures: list[Figure] = []
    failed: list[str] = []
    path.unlink(missing_ok=True)
    for number, name in enumerate(names, 1):
        print(f"[{number}/{len(names)}] {name} ...", flush=True)
        began = time.monotonic()
        try:
            found = known[name]()
            figures += found
            print("\n".join("    " + line for line in table(found).splitlines()))
        except Exception:
            failed.append(name)
            traceback.print_exc()
        print(f"    {time.monotonic() - began:.0f} s", flush=True)
    if failed:
        print(f"not measured: {', '.join(failed)}; {path} is not written", file=sys.stderr)
        return 1
    write(figures, path)
    missed = [figure.name for figure in figures if not figure.holds]
    print(f"\n{table(figures)}\n\n{len(figures)} figures in {path}")
    print(f"MISSED: {'; '.join(missed)}" if missed else "every target is reached")
    return 0


def main(arguments: Sequence[str]) -> int:
    folder = build_root() / "bench"
    if arguments and arguments[0] == "--hil":
        return run(arguments[1:], measurements(HIL_NAMES), folder / "bench_hil.json")
    return run(arguments, measurements(NAMES), folder / "bench.json")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
