# SPDX-License-Identifier: Apache-2.0
"""What runs inside the simulator for `portplex serve`: the served array until it is told to stop, then summary.json."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import cocotb

from portplex.bfm.simulated_array import SimulatedArray
from portplex.executor import Executor
from portplex.files import write_whole
from portplex.hil.ethernet import EthernetSide, Interface, QemuStream, Replay
from portplex.hil.served_array import ServedArray
from portplex.hil.wall_clock import WallExecutor
from portplex.simulate import UsageError

SETTINGS_VARIABLE = "PORTPLEX_SERVE"
SUMMARY, CONTROL = "summary.json", "control.sock"

_PARENT_LOOK_SECONDS = 1


def open_side(text: str, executor: Executor | None = None) -> EthernetSide:
    """An Ethernet side from `socket:PATH`, `interface:NAME` or `replay:FILE` (a capture of serve's own, times of
    `executor`)."""
    kind, _, name = text.partition(":")
    if kind == "socket":
        return QemuStream(Path(name))
    if kind == "interface":
        return Interface(name)
    if kind == "replay":
        return Replay(Path(name), executor=executor, absolute=True)
    raise ValueError(f"side {text!r}: must begin with socket:, interface: or replay:")


@cocotb.test()
async def serve(dut: Any) -> None:
    """Settings come as JSON in the environment."""
    settings: dict[str, Any] = json.loads(os.environ[SETTINGS_VARIABLE])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the launcher, too, which stops us in good order
    folder = Path(settings["folder"])
    wall = WallExecutor()
    device = SimulatedArray(dut)
    served = ServedArray(
        device,
        [open_side(side, device.executor) for side in settings["sides"]],
        volumes=settings["volumes"],
        folder=folder,
        control=Path(settings["control"]),
        allowed=settings["allowed"],
        login=settings["login"],
        capture=settings["capture"],
        wall=wall,
        **settings["tuning"],
    )
    parent = os.getppid()

    def watch() -> None:
        """A launcher that was killed takes the simulation with it."""
        if os.getppid() != parent:
            served.pump.stop()
        wall.call_at(wall.now() + wall.words(_PARENT_LOOK_SECONDS), watch)

    error = ""
    try:
        await served.bring_up(Path(settings["image"]) if settings["image"] else None)
        watch()
        await served.pump.run()
        if settings["save"]:
            await served.save(settings["save"])
    except UsageError as mistake:
        error = str(mistake)
    finally:
        summary = {**served.state(), "error": error, "files": settings["files"], "replay": settings["replay"]}
        await served.wind_down()
        write_whole(folder / SUMMARY, json.dumps(summary, indent=2) + "\n")
