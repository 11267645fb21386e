# SPDX-License-Identifier: Apache-2.0
"""A backup on an array with two ports: its rate on both, what it sends, and how soon it is where the load is lighter.

The same volume is backed up by port 0 alone and then spread over both, all else idle. A larger one follows while hosts
read by the port that carries it, until it has moved 100 times. Whatever the array sends as initiator is counted on the
wires, what arrives is counted block by block at the backup disk, and the images are compared.

A port becomes lighter when a load window ends with tables that say so by more than the margin; the console reads them
all the time, and the moment before the first reading that says so counts. The backup runs there with its first WRITE.
A chunk takes the time from WRITE to FCP_RSP.
"""

from __future__ import annotations

from typing import Any

import cocotb

from figures import Figure
from on_array import Site, report, run
from portplex.executor import sleep
from portplex.fc.constants import FcType, RCtl
from portplex.framelink import Frame
from portplex.management import BackupState
from portplex.model.frame_rules import Direction
from portplex.nport.backup_disk import WriteRecord
from portplex.nport.host_initiator import HostInitiator
from portplex.scenario.backup import ENDED
from portplex.scenario.rig import MAIN, SECOND, SUB

PARAMETERS = {"PORTS": 2, "DRIVE_BLOCKS": 1 << 17}
MOVES = 100
CHUNK = 32  # blocks: so that one is not much longer than an interval
WINDOW = REBALANCE = 32  # ticks
TICK = 256  # words
MARGIN = 4096  # bytes a window
DEADLINE = 1_000_000  # words, for one move


class Wire:
    """The backup's frames on one port of the array."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget what was counted."""
        self.commands: list[int] = []  # words of the WRITEs
        self.data_bytes = 0
        self.last_answer = 0
        self.longest_chunk = 0
        self._open: dict[bytes, int] = {}  # OX_ID: word of the WRITE

    def tap(self, frame: Frame, direction: Direction) -> None:
        head = frame.data
        outward = direction is Direction.FROM_DEVICE
        if head[8] != FcType.FCP or outward == bool(head[9] >> 7):  # F_CTL: sent by the responder of the exchange
            return
        if head[0] == RCtl.UNSOLICITED_COMMAND and head[36] == 0x2A:  # WRITE(10)
            self.commands.append(frame.start)
            self._open[bytes(head[16:18])] = frame.start
        elif head[0] == RCtl.SOLICITED_DATA:
            self.data_bytes += len(head) - 24
        elif head[0] == RCtl.COMMAND_STATUS and (begun := self._open.pop(bytes(head[16:18]), None)) is not None:
            self.last_answer = frame.end
            self.longest_chunk = max(self.longest_chunk, frame.end - begun)


def not_once(writes: list[WriteRecord], blocks: int) -> int:
    """How many of the blocks from 0 on were not written exactly once."""
    times = [0] * blocks
    for record in writes:
        for block in range(record.lba, record.lba + record.blocks):
            times[block] += 1
    return sum(count != 1 for count in times)


class TwoPorts:
    """The array with hosts and a backup disk, every backup frame counted."""

    def __init__(self, dut: Any) -> None:
        self.site = Site(
            dut, seed=cocotb.RANDOM_SEED, hosts=2, main_blocks=16_384, sub_blocks=65_536, keep_frames=False
        )
        self.rig, self.executor = self.site.rig, self.site.executor
        self.management = self.rig.management
        self.wires = [Wire(), Wire()]
        for wire, taps in zip(self.wires, self.site.device.port_taps, strict=True):
            taps.append(wire.tap)
        self.loaded = -1

    async def begin(self, volume: int, *, ports: int = 0, chunk: int = 128) -> None:
        """Start job 0, all of the volume copied."""
        self.rig.disk.writes.clear()
        for wire in self.wires:
            wire.clear()
        await self.management.prepare_backup(volume, port_id=self.rig.disk.n_port_id, chunk=chunk, ports=ports)
        await self.management.set_copy_pointer(self.rig.models[volume].blocks)
        await self.management.start_backup()

    async def end(self, volume: int) -> dict[str, Any]:
        """Await the end of job 0; what it has sent, and what the disk has of it."""

        async def over() -> bool:
            return (await self.management.job_progress(0)).state in ENDED

        await self.rig.until(over, "the end of the job", 40_000_000)
        found = await self.management.job_progress(0)
        if found.state is not BackupState.DONE or self.rig.backup_differs(volume) is not None:
            self.site.problems.append(f"job ended {found}, or the image differs")
        blocks = self.rig.models[volume].blocks
        begun = min(wire.commands[0] for wire in self.wires if wire.commands)
        return {
            "words": max(wire.last_answer for wire in self.wires) - begun,
            "bytes": 512 * blocks,
            "sent": [wire.data_bytes for wire in self.wires],
            "not_once": not_once(self.rig.disk.writes, blocks),
        }

    async def keep_reading(self, host: HostInitiator, port: int) -> None:
        """Reads of 4 KiB in no order by one port, one after the other, until the load goes elsewhere."""
        unit, lba = self.rig.paths[host][port][MAIN], 0
        while self.loaded == port:
            lba = (lba + 72) % 248
            await host.read(unit, lba, 8)

    async def tables(self) -> tuple[int, int]:
        """Amounts of both ports in the last whole window."""
        for _ in range(10):
            windows = await self.management.load_windows()
            amounts = (await self.management.port_load(0)).amount, (await self.management.port_load(1)).amount
            if await self.management.load_windows() == windows:
                return amounts
        raise RuntimeError(f"window {windows} is over before both tables are read, ten times")

    async def move(self, loaded: int) -> int:
        """Load the port that carries the backup; words from the other one's being lighter to the backup there."""
        self.loaded, other = loaded, 1 - loaded
        loads = [self.executor.start(self.keep_reading(host, loaded)) for host in self.rig.hosts]
        deadline = self.executor.now() + DEADLINE
        lighter = self.executor.now()
        while True:
            amounts = await self.tables()
            if amounts[loaded] > amounts[other] + MARGIN:
                break
            lighter = self.executor.now()
            if lighter > deadline:
                raise RuntimeError(f"port {loaded} does not become the heavier one: {amounts}")
        carried = self.wires[other].commands
        while not carried or carried[-1] < lighter:
            await sleep(self.executor, 100)
            if self.executor.now() > deadline:
                raise RuntimeError(f"the backup stays on port {loaded}")
        self.loaded = -1
        for load in loads:
            await load
        return next(word for word in carried if word >= lighter) - lighter


@cocotb.test()
async def two_ports(dut: Any) -> None:
    bench = TwoPorts(dut)
    management = bench.management
    await bench.site.start(backup_quantum=65_536, online_time=2_108)
    settings = {"window": WINDOW, "rebalance": REBALANCE, "margin": MARGIN}
    await management.set_placement(**settings)
    await bench.begin(SECOND, ports=1)
    one = await bench.end(SECOND)
    await management.set_placement(**settings, spread_floor=1 << 30)
    await bench.begin(SECOND)
    both = await bench.end(SECOND)
    await management.set_placement(**settings)
    await bench.begin(SUB, chunk=CHUNK)
    before = (await management.placement())[1]
    waits = [await bench.move(turn % 2) for turn in range(MOVES)]
    state = (await management.job_progress(0)).state
    if state is not BackupState.TRANSFER:
        bench.site.problems.append(f"job {state.name} before the last move")
    moved = await bench.end(SUB)
    report(
        {
            "one": one,
            "both": both,
            "moved": moved,
            "moves": (await management.placement())[1] - before,
            "waits": waits,
            "chunk": max(wire.longest_chunk for wire in bench.wires),
            "problems": bench.site.found_wrong(),
        }
    )


def measured() -> dict[str, Any]:
    found = run("two_ports", parameters=PARAMETERS)
    if found["problems"] or found["moves"] < MOVES or min(found["both"]["sent"]) == 0:
        raise RuntimeError(f"the run does not count: {found['moves']} moves, {found['problems'][:3]}")
    return found


def measure() -> list[Figure]:
    found = measured()
    one, both, moved = found["one"], found["both"], found["moved"]
    interval = REBALANCE * TICK
    figures = [
        Figure("backup rate on two idle ports against one", one["words"] / both["words"], "times", ">= 1.95"),
        Figure(
            f"from a port becoming lighter to the backup running there, worst of {MOVES} moves",
            max(found["waits"]),
            "words",
            f"<= {interval + found['chunk']}",
        ),
    ]
    for what, job in ((f"{found['moves']} moves", moved), ("spread over both ports", both)):
        figures += [
            Figure(f"bytes sent for each byte backed up, {what}", sum(job["sent"]) / job["bytes"], "bytes", "<= 1"),
            Figure(f"blocks not sent exactly once, {what}", job["not_once"], "blocks", "<= 0"),
        ]
    return figures


if __name__ == "__main__":
    found = measured()
    found["waits"].sort()
    print(found)
