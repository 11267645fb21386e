# SPDX-License-Identifier: Apache-2.0
"""Throughput of a real Linux kernel over FCoE against the line rate of the simulated port, in wall time, and with perf
where the processor time goes meanwhile.

make bench-hil    # not part of make bench: it needs QEMU
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from cpu_profile import CpuProfile, simulation
from figures import Figure
from portplex.hil.guest import Guest
from portplex.hil.guest_image import guest_image
from portplex.runs.serve import ServedProcess, ServeOptions

SECONDS = 8
SETS = (("64 KiB sequential", "{}", "64k", 8, 0.6), ("4 KiB random", "rand{}", "4k", 16, 0.4))
"""Name, fio's rw, block size, depth, target."""


def seconds(guest: Guest) -> float:
    """What the guest's clock says."""
    return float(guest.check("cat /proc/uptime").split()[0])


def share(served: ServedProcess, guest: Guest, disk: str, rw: str, block: str, depth: int) -> tuple[float, float]:
    """Bytes a second over what the line carries in the simulation's running time, and words a second. The guest's clock
    must go as the host's does."""
    before, began, uptime = served.client.state(), time.monotonic(), seconds(guest)
    text = guest.check(
        f"fio --name=t --filename={disk} --rw={rw} --bs={block} --iodepth={depth} --ioengine=libaio --direct=1"
        f" --time_based --runtime={SECONDS} --output-format=json 2>/dev/null",
        SECONDS + 120,
    )
    after, passed = served.client.state(), time.monotonic() - began
    if abs((seconds(guest) - uptime) / passed - 1) > 0.05:
        raise RuntimeError(f"{seconds(guest) - uptime:.1f} s have passed in the guest, {passed:.1f} s outside")
    found = json.loads(text[text.index("{") :])["jobs"][0]["write" if "write" in rw else "read"]
    speed = (after["words"] - before["words"]) / (after["running_seconds"] - before["running_seconds"])
    return found["io_bytes"] / (found["runtime"] / 1000) / (4 * speed), speed


def measure() -> list[Figure]:
    figures = []
    image = guest_image()
    with tempfile.TemporaryDirectory(prefix="portplex-") as folder:
        net = Path(folder) / "net"
        served = ServedProcess(ServeOptions([f"socket:{net}"], ["16M"], tasks=32, name="guest_throughput"))
        with served, Guest(image, net=net, log=Path(folder)) as guest:
            guest.login()
            (disk,) = guest.wait_for_disks(1)
            for name, pattern, block, depth, target in SETS:
                for way in ("write", "read"):
                    with _profile(served, guest, Path(folder)) as profile:
                        value, speed = share(served, guest, disk, pattern.format(way), block, depth)
                    what = f"Linux guest, {way} {name} depth {depth}, of line rate in wall time"
                    figures.append(Figure(what, value, "share", f">= {target}"))
                    print(f"    {what}: {value:.3f} at {speed / 1e3:,.0f} k words/s", flush=True)
                    print(f"    processor time: {profile or 'not known, perf is missing'}", flush=True)
    return figures


def _profile(served: ServedProcess, guest: Guest, folder: Path) -> contextlib.AbstractContextManager[CpuProfile | None]:
    """Nothing without perf."""
    if not CpuProfile.possible():
        return contextlib.nullcontext()
    return CpuProfile({"simulation": simulation(served.session), "guest (QEMU)": guest.pid}, folder)
