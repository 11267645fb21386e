# SPDX-License-Identifier: Apache-2.0
"""What the measurements on the simulated array share: starting the simulator, a rig that is logged in, and loads that
keep both directions of the port busy.

Outside the simulator: `run(module, settings)` simulates `array_bench` with the cocotb tests of `bench/<module>.py` and
returns what they `report`ed. Inside: `settings()`, `Site`, `report(...)`.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from portplex.bfm.simulated_array import SimulatedArray
from portplex.executor import Future, sleep
from portplex.fc.constants import FcType, RCtl
from portplex.framelink import Frame
from portplex.management import BackupState, OrderRefused, PriorityMode
from portplex.model.frame_rules import Direction, FrameRules
from portplex.nport.host_initiator import HostInitiator
from portplex.scenario.backup import ENDED
from portplex.scenario.rig import MAIN, SECOND, SUB, Rig, Units
from portplex.simulate import simulate

TOP = "array_bench"
SOURCES: list[str | Path] = [f"bfm/{TOP}.f"]
SETTINGS_VARIABLE, RESULT_VARIABLE = "BENCH_SETTINGS", "BENCH_RESULT"
FRAME_WORDS = 521  # a full frame on the wire: SOF, header, 2048 bytes, CRC, EOF
SLOT_WORDS = FRAME_WORDS + 6  # with the fill words after it
COMMAND_BLOCKS = 128  # 64 KiB
STAGGER_WORDS = 20_011


def run(
    module: str,
    settings: Mapping[str, Any] | None = None,
    *,
    parameters: Mapping[str, object] | None = None,
    env: Mapping[str, str] | None = None,
    seed: int = 1,
    testcase: str | None = None,
    profile: bool = False,
) -> dict[str, Any]:
    """Simulate on Verilator without waves; the dictionary the test reported. `profile` is `simulate`'s."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        both = {**(env or {}), SETTINGS_VARIABLE: json.dumps(settings or {}), RESULT_VARIABLE: str(result)}
        simulate(
            TOP,
            sources=SOURCES,
            test_module=str(Path(__file__).parent / f"{module}.py"),
            parameters=parameters,
            env=both,
            seed=seed,
            testcase=testcase,
            optimize="-O3",
            profile=profile,
        )
        found: dict[str, Any] = json.loads(result.read_text())
    return found


def settings() -> dict[str, Any]:
    """Inside the simulator: what `run` was given."""
    found: dict[str, Any] = json.loads(os.environ[SETTINGS_VARIABLE])
    return found


def report(result: Mapping[str, Any]) -> None:
    """Inside the simulator: what `run` returns."""
    Path(os.environ[RESULT_VARIABLE]).write_text(json.dumps(result))


class Seen(NamedTuple):
    """One good frame on the wire. `start` is the word of its SOF, `end` of its EOF; `data` bytes of FCP_DATA."""

    start: int
    end: int
    outward: bool  # from the array
    backup: bool  # of an exchange that the array has originated
    data: int


def seen(frame: Frame, direction: Direction) -> Seen:
    head = frame.data
    outward = direction is Direction.FROM_DEVICE
    responder = head[9] >> 7  # F_CTL: sent by the responder of the exchange
    fcp = head[8] == FcType.FCP
    data = len(head) - 24 if fcp and head[0] == RCtl.SOLICITED_DATA else 0
    return Seen(frame.start, frame.end, outward, fcp and outward != bool(responder), data)


class Site:
    """The array with hosts and a backup disk, logged in; every frame goes through the frame rules, those of port 0 into
    `frames`."""

    def __init__(
        self,
        dut: Any,
        *,
        seed: int,
        hosts: int = 4,
        queue_depth: int = 64,
        main_blocks: int = 2048,
        sub_blocks: int = 4096,
        keep_frames: bool = True,
        own_rules: bool = True,
    ) -> None:
        """`keep_frames`: note the frames in `frames`; `own_rules` is off where a scoreboard holds the frame rules."""
        self.device = SimulatedArray(dut)
        self.executor = self.device.executor
        self.random = random.Random(seed)
        self.rules = [FrameRules() for _ in self.device.port_taps]
        self.frames: list[Seen] = []
        self.problems: list[str] = []
        self.stopped = False
        self.stagger = STAGGER_WORDS
        self.read_commands = self.write_commands = self.backups = 0
        if own_rules:
            for rules, taps in zip(self.rules, self.device.port_taps, strict=True):
                taps.append(rules.observe)
        if keep_frames:
            self.device.taps.append(lambda frame, direction: self.frames.append(seen(frame, direction)))
        volumes = {MAIN: main_blocks, SECOND: main_blocks, SUB: sub_blocks}
        self.rig = Rig(
            self.device,
            self.device.drive,
            Path.cwd(),
            seed=seed,
            hosts=hosts,
            queue_depth=queue_depth,
            volumes=volumes,
        )
        self.units: Units = {}
        self._jobs: list[Future[None]] = []

    async def start(
        self, mode: PriorityMode = PriorityMode.ONLINE_FIRST, *, backup_quantum: int = 65536, online_time: int = 20_000
    ) -> None:
        """Console, drive image, link, logins."""
        await self.rig.bring_up(mode=mode, backup_quantum=backup_quantum, online_time=online_time)
        self.units = await self.rig.log_in()

    async def keep_backing_up(self, chunk: int = COMMAND_BLOCKS) -> None:
        """Back the whole sub volume up, all of it copied already, again and again until `stop`."""
        management = self.rig.management
        await management.prepare_backup(SUB, port_id=self.rig.disk.n_port_id, chunk=chunk)
        await management.set_copy_pointer(self.rig.models[SUB].blocks)
        await management.start_backup()

        async def again() -> None:
            while not self.stopped:
                await sleep(self.executor, 5_000)
                if await management.backup_state() in ENDED:
                    found = await management.backup_progress()
                    if found.state is not BackupState.DONE or self.rig.backup_differs() is not None:
                        self.problems.append(
                            f"backup ended {found.state.name}, error {found.error:#x}, or image differs"
                        )
                    self.backups += 1
                    await management.start_backup()
            with contextlib.suppress(OrderRefused):  # it may have ended by itself
                await management.abort_backup()

        self._jobs.append(self.executor.start(again()))

    def keep_reading(self, count: int, *, blocks: int = COMMAND_BLOCKS, span: int | None = None) -> None:
        """`count` reads of the main volume open at all times, spread over the hosts; what comes is compared."""
        image = self.rig.images[MAIN]
        span = self.rig.models[MAIN].blocks if span is None else span

        async def reader(host: HostInitiator) -> None:
            unit = self.units[host][MAIN]
            while not self.stopped:
                lba = self.random.randrange(0, span - blocks + 1, 8)
                data = await host.read(unit, lba, blocks)
                self.read_commands += 1
                if data != image[lba * 512 : (lba + blocks) * 512]:
                    self.problems.append(f"{host.name}: READ of {blocks} blocks at {lba} returned other bytes")

        self._spread(count, reader)

    def keep_writing(self, count: int, *, blocks: int = COMMAND_BLOCKS) -> None:
        """`count` writes to the second volume open at all times, spread over the hosts, each to a range of its own."""
        span = self.rig.models[SECOND].blocks // blocks
        if count > span:
            raise ValueError(f"count={count}: the volume has room for {span} writes of {blocks} blocks at a time")
        free = list(range(span))

        async def writer(host: HostInitiator) -> None:
            unit = self.units[host][SECOND]
            model = self.rig.models[SECOND]
            data = self.random.randbytes(blocks * 512)
            while not self.stopped:
                place = free.pop(self.random.randrange(len(free)))
                write = model.begin_write(place * blocks, data)
                await host.write(unit, place * blocks, data)
                model.end_write(write)
                self.write_commands += 1
                free.append(place)

        self._spread(count, writer)

    def _spread(self, count: int, job: Callable[[HostInitiator], Any]) -> None:
        """Start `count` jobs, each a while after the one before: tasks served in turn that began together would end
        together for ever, and the line would stand still in between."""

        async def later(number: int) -> None:
            await sleep(self.executor, 1 + number * self.stagger)
            await job(self.rig.hosts[number % len(self.rig.hosts)])

        for number in range(count):
            self._jobs.append(self.executor.start(later(number)))

    async def stop(self) -> None:
        """Let every command that is open end."""
        self.stopped = True
        for job in self._jobs:
            await job

    def found_wrong(self) -> list[str]:
        """Broken rules of frames, wrong data."""
        broken = [f"{v.rule} at word {v.time}: {v.text}" for rules in self.rules for v in rules.violations]
        return self.problems + broken + self.rig.port_violations()
