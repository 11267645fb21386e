# SPDX-License-Identifier: Apache-2.0
"""The base of every system test: the simulated array, the environment, a rig, and the checks that are always on.

@pyuvm.test()
class HostReads(ArrayTest):
    hosts = 1

    async def scenario(self) -> None:
        units = await self.ready()
        ...
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ClassVar

import cocotb
from pyuvm import ConfigDB, uvm_test

from portplex.bfm.fc_port import FcPort
from portplex.bfm.simulated_array import SimulatedArray
from portplex.executor import DeadlineExceeded, Future, sleep
from portplex.framelink import Frame
from portplex.management import PriorityMode
from portplex.model.frame_rules import Direction, FrameRules
from portplex.scenario.injector import Injector
from portplex.scenario.rig import Rig, Units
from portplex.uvm.end_checks import checker_problems, credit_problems, frame_problems, request_problems
from portplex.uvm.environment import PortplexEnvironment

SETTINGS_VARIABLE = "PORTPLEX_ARRAY_TEST"
CAPTURE, SEEN = "frames.pcapng", "seen.json"


class TestFailed(AssertionError):
    """Everything a test found wrong, one line each, and where to look."""


class ArrayTest(uvm_test):
    """Override `scenario`; class attributes say what the rig is like. Sizes in blocks, timers in ticks."""

    hosts: ClassVar[int] = 1
    queue_depth: ClassVar[int] = 4
    volumes: ClassVar[dict[int, int]] = {0: 256, 1: 128, 2: 256}
    backup_blocks: ClassVar[int | None] = None
    mode: ClassVar[PriorityMode] = PriorityMode.ONLINE_FIRST
    backup_quantum: ClassVar[int] = 65536
    online_time: ClassVar[int] = 20_000
    e_d_tov: ClassVar[int] = 100
    r_a_tov: ClassVar[int] = 200
    breaks_frames: ClassVar[bool] = False
    """Frames to the array are broken on purpose: the scoreboard believes only what the array sends."""
    winds_down: ClassVar[bool] = True
    """At the end the hosts log out, nothing may be left open, and the drive must equal the models."""
    unanswered: ClassVar[int] = 0
    """Frames that at most get no R_RDY: lost with the link, or no frames at all to the array."""

    def build_phase(self) -> None:
        self.settings: dict[str, Any] = json.loads(os.environ.get(SETTINGS_VARIABLE, "{}"))
        self.folder = Path.cwd()
        self.options: dict[str, Any] = self.settings.get("options", {})
        self.seed = cocotb.RANDOM_SEED
        self.problems: list[str] = []
        self.facts: dict[str, Any] = {}
        """What the test wants its launcher to see: written to seen.json."""
        self.device = SimulatedArray(cocotb.top)
        ConfigDB().set(None, "*", "DEVICE", self.device)
        ConfigDB().set(None, "*", "CAPTURE", self.folder / CAPTURE)
        self.env = PortplexEnvironment("env", self)

    def start_of_simulation_phase(self) -> None:
        device = self.device
        self.executor = device.executor
        self.management = device.management
        self.injector = Injector(device.fc_port)
        self.env.scoreboard.skip = self._skip
        self.rig = self.make_rig()
        for port, rules in zip(device.fc_ports, self.env.scoreboard.port_rules, strict=True):
            rules.strict_input = not self.breaks_frames
            self._tell_rules(port, rules)

    def _tell_rules(self, port: FcPort, rules: FrameRules) -> None:
        to_switch = port.on_link

        def link(up: bool) -> None:
            if not up:
                rules.link_down()
            if to_switch is not None:
                to_switch(up)

        port.on_link = link
        port.on_reset = rules.link_reset

    def _skip(self, frame: Frame, direction: Direction) -> bool:
        return direction is Direction.TO_DEVICE and self.injector.was_discarded()

    def make_rig(self) -> Rig:
        return Rig(
            self.device,
            self.device.drive,
            self.folder,
            seed=self.seed,
            hosts=self.hosts,
            queue_depth=self.queue_depth,
            volumes=dict(self.volumes),
            backup_blocks=self.backup_blocks,
        )

    async def bring_up(self, **changes: Any) -> None:
        """Console, drive, link and fabric login; what `changes` names goes to `Rig.bring_up`."""
        settings: dict[str, Any] = {
            "mode": self.mode,
            "backup_quantum": self.backup_quantum,
            "online_time": self.online_time,
            "e_d_tov": self.e_d_tov,
        }
        await self.rig.bring_up(**{**settings, **changes})
        await self.management.set_timers(e_d_tov=self.e_d_tov, r_a_tov=self.r_a_tov, r_t_tov=40)

    async def ready(self) -> Units:
        """Everything up and every host logged in: the units by host and LUN."""
        await self.bring_up()
        return await self.rig.log_in()

    async def scenario(self) -> None:
        raise NotImplementedError

    def expect(self, condition: bool, what: str) -> None:
        """Note `what` as a problem unless `condition` holds."""
        self.rig.compared_blocks += 1
        if not condition:
            self.problems.append(what)

    def begin(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Start something that may fail: the future's result is what it returned, or the exception that ended it."""

        async def run() -> Any:
            try:
                return await coroutine
            except Exception as error:
                return error

        return self.executor.start(run())

    async def reach(self, condition: Callable[[], bool], what: str, timeout: int = 400_000) -> None:
        """Until `condition` holds; looked at every 100 words."""
        deadline = self.executor.now() + timeout
        while not condition():
            if self.executor.now() > deadline:
                raise DeadlineExceeded(what, deadline, str(await self.management.port_status()))
            await sleep(self.executor, 100)

    async def count(self, name: str, least: int, timeout: int = 400_000) -> None:
        """Until the port's counter `name` has reached `least`."""

        async def reached() -> bool:
            return (await self.management.counters())[name] >= least

        await self.rig.until(reached, f"counter {name} to reach {least}", timeout)

    async def tasks_free(self, timeout: int = 400_000) -> None:
        """Until no task context of any port is in use."""

        async def free() -> bool:
            return not any([(await self.management.port_status(n)).open_tasks for n in range(len(self.device.ports))])

        await self.rig.until(free, "all task contexts to be free (I8)", timeout)

    async def run_phase(self) -> None:
        self.raise_objection()
        rig, scoreboard = self.rig, self.env.scoreboard
        try:
            await self.scenario()
            if self.winds_down:
                await rig.wind_down()
                await rig.compare()
        except Exception as error:
            self.logger.error(traceback.format_exc())
            self.problems.append(f"{type(error).__name__}: {error}")
        scoreboard.expect_end = self.winds_down
        scoreboard.close()
        self.env.capture.close()
        self.problems += [
            *rig.problems,
            *(rig.port_violations() if not self.breaks_frames else []),
            *scoreboard.problems(),
            *await self._port_problems(),
            *checker_problems(cocotb.top),
        ]
        if not scoreboard.compared or not rig.compared_blocks:
            self.problems.append("nothing was compared")
        (self.folder / SEEN).write_text(json.dumps(self.facts, indent=2) + "\n")
        self.drop_objection()

    async def _port_problems(self) -> list[str]:
        """I5, I6 and I11 of each port. What gets no R_RDY (`unanswered`) is lost on port 0; each reset or loss of a
        link may cut one frame off."""
        found: list[str] = []
        for number, port in enumerate(self.device.fc_ports):
            lost = 0 if number else self.unanswered
            found += credit_problems(port.stats, unanswered=lost) + frame_problems(
                port.stats, cut=port.resets + port.downs
            )
            counters = await self.management.counters(number)
            found += request_problems(counters, self.env.scoreboard.port_rules[number])
        return found

    def check_phase(self) -> None:
        where = [
            f"waves:   {self.settings.get('waves') or 'none (WAVES=1 writes them)'}",
            f"capture: {self.folder / CAPTURE}",
            f"log:     {self.folder / 'run.log'}",
            f"replay:  {self.settings.get('replay', '')}",
        ]
        for line in where:
            self.logger.info(line)
        if self.problems:
            raise TestFailed("\n".join([*self.problems, *where]))
