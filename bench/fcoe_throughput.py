# SPDX-License-Identifier: Apache-2.0
"""Throughput of a Python host over FCoE against the line rate of the simulated port, in wall time.

python bench/run.py fcoe_throughput
python bench/fcoe_throughput.py --profile    # needs perf: where the simulation's processor time goes
"""

from __future__ import annotations

import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from cpu_profile import simulation
from figures import Figure, table
from portplex.hil.ethernet import EthernetSide, QemuStream
from portplex.hil.fcoe_device import FcoeDevice
from portplex.nport.host_initiator import HostInitiator, LogicalUnit
from portplex.runs.serve import ServedProcess, ServeOptions
from portplex.scenario.rig import HOST_WWPN

SECONDS = 600
SETS = (("64 KiB sequential", 128, 8, 96, 0.6), ("4 KiB random", 8, 16, 400, 0.4))
"""Name, blocks, depth, commands, target."""


def guest_socket(path: str) -> EthernetSide:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    side = QemuStream(Path(path))
    side.adopt(connection)
    side.start = lambda: None  # type: ignore[method-assign]
    return side


class Load:
    """A host logged in with a served array."""

    def __init__(self, served: ServedProcess, path: str) -> None:
        self.served = served
        self.random = random.Random(1)
        self.device = FcoeDevice(path, served.options.control(), open_side=guest_socket)
        wwpn = HOST_WWPN + 1
        self.host = HostInitiator(
            self.device.executor,
            self.device.attach(wwpn),
            name="host",
            wwpn=wwpn,
            timers=self.device.timers,
            queue_depth=64,
        )
        self.unit: LogicalUnit = self.run(self._log_in())

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.device.run(coroutine, seconds=SECONDS)

    async def _log_in(self) -> LogicalUnit:
        await self.host.start()
        return (await self.host.discover(await self.host.wait_for_target()))[0]

    async def _commands(self, write: bool, places: list[int], blocks: int, depth: int) -> None:
        data = self.random.randbytes(512 * blocks)
        left = iter(places)

        async def worker() -> None:
            for lba in left:
                if write:
                    await self.host.write(self.unit, lba, data)
                else:
                    await self.host.read(self.unit, lba, blocks)

        workers = [self.device.executor.start(worker()) for _ in range(depth)]
        for done in workers:
            await done

    def share(self, write: bool, name: str, blocks: int, depth: int, commands: int) -> tuple[float, float]:
        """Payload over line rate in wall time, and words a second."""
        chunks = self.unit.blocks // blocks
        places = [
            blocks * (number % chunks if "sequential" in name else self.random.randrange(chunks))
            for number in range(commands)
        ]
        self.run(self._commands(write, places[:depth], blocks, depth))  # warm-up
        before, began = self.served.client.state(), time.monotonic()
        self.run(self._commands(write, places, blocks, depth))
        passed = time.monotonic() - began
        after = self.served.client.state()
        running = after["running_seconds"] - before["running_seconds"]
        speed = (after["words"] - before["words"]) / running
        return 512 * blocks * commands / passed / (4 * speed), speed


def with_load(action: Callable[[Load], Any]) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/net.sock"
        with ServedProcess(ServeOptions([f"socket:{path}"], ["16M"], tasks=32, name="fcoe_throughput")) as served:
            load = Load(served, path)
            result = action(load)
            load.device.close()
            return result


def measure() -> list[Figure]:
    def all_sets(load: Load) -> list[Figure]:
        figures = []
        for name, blocks, depth, commands, target in SETS:
            for write in (True, False):
                share, speed = load.share(write, name, blocks, depth, commands)
                what = f"FCoE host, {'write' if write else 'read'} {name} depth {depth}, of line rate in wall time"
                figures.append(Figure(what, share, "share", f">= {target}"))
                print(f"    {what}: {share:.3f} at {speed / 1e3:,.0f} k words/s", flush=True)
        return figures

    found: list[Figure] = with_load(all_sets)
    return found


def profile() -> None:
    """Processor time of the simulation by library and the largest symbols, for 64 KiB writes, then reads."""

    def record(load: Load) -> None:
        name, blocks, depth, commands, _ = SETS[0]
        pid = simulation(load.served.session)
        for write in (True, False):
            path = load.served.options.folder() / "perf.data"
            perf = subprocess.Popen(["perf", "record", "-q", "-F", "499", "-p", str(pid), "-o", str(path)])
            share, speed = load.share(write, name, blocks, depth, 2 * commands)
            perf.terminate()
            perf.wait()
            print(f"{'write' if write else 'read'} {name}: {share:.3f} of line rate, {speed / 1e3:,.0f} k words/s")
            for sort, most in (("dso", 12), ("dso,symbol", 25)):
                text = subprocess.run(
                    ["perf", "report", "-i", str(path), "--stdio", "-q", "--sort", sort],
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout
                print("\n".join(line for line in text.splitlines() if line.strip())[: 100 * most])

    with_load(record)


if __name__ == "__main__":
    if sys.argv[1:] == ["--profile"]:
        profile()
    else:
        print(table(measure()))
