# SPDX-License-Identifier: Apache-2.0
"""`portplex serve`: the simulated array with FCoE hosts in real time, through a guest's socket and an interface."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portplex.bfm.simulated_array import SimulatedArray
from portplex.executor import sleep
from portplex.hil.ethernet import EthernetSide, QemuStream
from portplex.hil.fcoe_device import FcoeDevice
from portplex.nport.host_initiator import HostInitiator
from portplex.runs.serve import ServedProcess, ServeOptions
from portplex.scenario.rig import HOST_WWPN
from portplex.scenario.round_trip import RoundTrip
from portplex.simulate import SimulationFailed, simulate

from ..unit.test_hil_ethernet import in_namespace, veth

__all__ = ["veth"]

SECONDS = 120
TASKS = 32  # with small volumes the build of the other system tests


def guest_socket(path: str) -> EthernetSide:
    """QEMU's end of its socket."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    side = QemuStream(Path("unused"))
    side.adopt(connection)
    side.start = lambda: None  # type: ignore[method-assign]
    return side


def running(session: int) -> list[str]:
    """Processes of a session that are not zombies."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = entry.read_text()
        except OSError:
            continue
        name, rest = text[: text.rindex(")") + 1], text[text.rindex(")") + 2 :].split()
        if int(rest[3]) == session and rest[0] != "Z":
            found.append(name)
    return found


def gone(session: int) -> None:
    """Until no process of a session is left."""
    end = time.monotonic() + 30
    while left := running(session):
        assert time.monotonic() < end, f"still there: {left}"
        time.sleep(0.05)


@pytest.fixture
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A path short enough for a socket."""
    path = f"/tmp/portplex-{os.getpid()}.sock"
    yield path
    Path(path).unlink(missing_ok=True)


def test_host_writes_reads_and_the_array_backs_up(
    simulator: str, net: str, tmp_path: Path, require_tool: Callable[[str], None]
) -> None:
    """Login, writes, reads; nothing moves while the host thinks; backup of one volume and restore into another, which
    the host then reads; images; captures."""
    image = tmp_path / "disk.img"
    blocks = 128 if simulator == "verilator" else 16
    saved = random.Random(7).randbytes(512 * blocks)
    image.write_bytes(saved)
    options = ServeOptions(
        sides=[f"socket:{net}"],
        volumes=["1M", str(image), f"{blocks // 2}K"],
        save=tmp_path,
        simulator=simulator,
        tasks=TASKS,
        name="test_serve",
    )
    data = random.Random(8).randbytes(512 * blocks)
    with ServedProcess(options) as served:
        session = served.session
        device = FcoeDevice(net, options.control(), open_side=guest_socket)
        host = HostInitiator(
            device.executor, device.attach(HOST_WWPN + 1), name="host", wwpn=HOST_WWPN + 1, timers=device.timers
        )

        async def first() -> list[Any]:
            await host.start()
            units = await host.discover(await host.wait_for_target())
            await host.write(units[0], 100, data)
            assert await host.read(units[0], 100, blocks) == data
            assert await host.read(units[1], 0, blocks) == saved
            return units

        units = device.run(first(), seconds=SECONDS)
        assert [unit.blocks for unit in units] == [2048, blocks, blocks]
        end = time.monotonic() + 30
        while not (before := served.client.state())["paused"]:
            assert time.monotonic() < end, f"no pause: {before}"
        assert before["open_tasks"] == 0
        assert before["clean"]
        device.run(sleep(device.executor, device.executor.words(0.5)), seconds=SECONDS)
        after = served.client.state()
        assert after["words"] == before["words"]
        assert after["running_seconds"] == before["running_seconds"]
        assert after["paused_seconds"] >= before["paused_seconds"] + 0.4

        for order, volume in (("backup", 1), ("restore", 2)):
            found = served.client.order(order, volume=volume, timeout=SECONDS)
            assert found["done"], found
            assert found["blocks"] == blocks
            assert not found.get("pointer_violations")
        assert device.run(host.read(units[2], 0, blocks), seconds=SECONDS) == saved
        state = served.client.state()
        assert [entry["wwpn"] for entry in state["hosts"]] == [f"{HOST_WWPN + 1:016x}"]
        device.close()
    gone(session)
    assert not options.control().exists()
    assert not Path(net).exists()
    summary = served.summary()
    assert not {"abts", "rec", "task_management"} & summary["counts"].keys()
    assert not host.violations
    assert (tmp_path / "volume0.img").read_bytes()[51200 : 51200 + len(data)] == data
    assert (tmp_path / "volume1.img").read_bytes() == (tmp_path / "volume2.img").read_bytes() == saved
    replayed(options, summary, tmp_path)
    require_tool("tshark")
    for capture in ("capture", "capture 0"):
        wrong = "_ws.malformed or fc.crc.status == 0 or fcoe.crc.status == 0"
        found = subprocess.run(
            ["tshark", "-o", "fc.reassemble:FALSE", "-r", summary["files"][capture], "-Y", wrong],
            capture_output=True,
            text=True,
            check=True,
        )
        assert found.stdout == ""


def replayed(options: ServeOptions, summary: dict[str, Any], tmp_path: Path) -> None:
    """The replay line's side: the same commands at the same words bring the same blocks."""
    written = (tmp_path / "volume0.img").read_bytes()
    again = replace(options, sides=[f"replay:{summary['files']['capture 0']}"], save=None, name="test_replay")
    with ServedProcess(again) as served:
        end = time.monotonic() + SECONDS
        while (state := served.client.state())["counts"] != summary["counts"] or not state["paused"]:
            assert time.monotonic() < end, f"replayed so far: {state}"
            time.sleep(0.1)
        served.client.order("save", folder=str(tmp_path), timeout=SECONDS)
    assert (tmp_path / "volume0.img").read_bytes() == written


def test_same_scenario_through_link_and_fcoe(veth: tuple[str, str, str, str]) -> None:
    """D10: one scenario, two devices: SimulatedArray and FcoeDevice. Both bring the same facts."""
    seed, volumes = 11, [4096, 512]
    run = simulate(
        "array_bench",
        sources=["bfm/array_bench.f"],
        test_module=str(Path(__file__).with_name("bench_round_trip.py")),
        parameters={"TASKS": TASKS},
        name="test_round_trip",
        env={"PORTPLEX_ROUND_TRIP": json.dumps({"volumes": volumes, "seed": seed})},
        optimize="-O3",
    )
    through_link = json.loads((run.folder / "seen.json").read_text())
    one, near, two, far = veth
    options = ServeOptions(sides=[f"interface:{near}"], volumes=["2M", "256K"], tasks=TASKS, name="test_interface")
    served = ServedProcess(options)
    in_namespace(one, lambda: served.__enter__() and None)
    try:
        facts: dict[str, Any] = {}

        def scenario() -> None:
            device = FcoeDevice(far, options.control())
            assert not isinstance(device, SimulatedArray)
            facts.update(device.run(RoundTrip(device, seed=seed).run(), seconds=SECONDS))
            facts["frames"] = device.traffic()
            device.close()

        in_namespace(two, scenario)
    finally:
        served.__exit__()
    frames = facts.pop("frames")
    assert json.loads(json.dumps(facts)) == through_link
    assert through_link["violations"] == []
    assert through_link["logins"] == 2
    assert frames["payload_words_rx"] > 0
    gone(served.session)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_simulation_is_left_behind(number: signal.Signals, net: str) -> None:
    """The launcher is stopped or killed: so is the simulation, in a pause."""
    options = ServeOptions(
        sides=[f"socket:{net}"], volumes=["1M"], tasks=TASKS, name=f"test_orphan_{number.name}", capture=False
    )
    served = ServedProcess(options)
    served.__enter__()
    try:
        assert any("array_bench" in name for name in running(served.session))
        with pytest.raises(SimulationFailed, match=r"did not come up.*a simulation is running in"):
            ServedProcess(options).__enter__()
        os.kill(served.session, number)
        gone(served.session)
    finally:
        served.kill()
    with ServedProcess(options):  # what was left of the sockets is no hindrance
        pass
    assert not Path(net).exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no side: name a --socket, an --interface or a --replay"),
        (["--interface", "nosuch0"], "interface 'nosuch0': there is none of this name"),
        (["--socket", "/nosuch/folder/s"], "socket /nosuch/folder/s: cannot be opened"),
        (["--replay", "/nosuch.pcapng"], "nosuch.pcapng"),
        (["--socket", "S", "--volume", "nosuch.img"], "volume 'nosuch.img': must be a size such as 64M, or a file"),
        (["--socket", "S", "--volume", "3"], "volume '3': must be a size"),
        (["--socket", "S", "--volume", "1K"], "volume '1K': its size must be a multiple of 4K, from 4K to 4G"),
        (["--socket", "S", "--volume", "3G", "--volume", "2G"], "the drive has at most 8388608 (4G)"),
        (["--socket", "S", "--tasks", "3"], "tasks=3: must be 4 to 256"),
        (["--socket", "S", "--ports", "3"], "ports=3: must be 1 to 2"),
        (["--socket", "S", "--ports", "2", "--login", "vn2vn"], "2 ports given, must be one without a fabric"),
        (["--socket", "S", "--sim", "questa"], "simulator 'questa'"),
        (["--socket", "S", "--allow", "12"], "allow '12': must be a WWPN of 16 hex digits"),
        (["--socket", "S", "--save", "/nosuch"], "save /nosuch: there is no such folder"),
        (["--socket", "S", "--poll-words", "0"], "poll-words=0: must be 1 or more"),
        (["--socket", "S", "--e-d-tov-ms", "0"], "e-d-tov-ms=0: must be 1 or more"),
        (["--socket", "S", "--login", "loop"], "login=loop: must be one of fabric, vn2vn, point-to-point"),
        (["--socket", "S", "--socket", "T", "--login", "vn2vn"], "login=vn2vn: 2 sides given, must be one"),
    ],
)
def test_mistakes_are_named_before_anything_is_built(arguments: list[str], message: str, net: str) -> None:
    arguments = [net if argument == "S" else argument for argument in arguments]
    done = subprocess.run(
        [sys.executable, "-m", "portplex", "serve", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not Path(net).exists()


def test_no_rights_for_an_interface_are_said(require_tool: Callable[[str], None]) -> None:
    """A process without CAP_NET_RAW: one line, exit status 2, nothing built."""
    require_tool("setpriv")
    limits = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"] if os.geteuid() == 0 else []
    command = [*limits, sys.executable, "-m", "portplex", "serve", "--interface", "lo"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "interface 'lo': raw frames need the right CAP_NET_RAW; run as root" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
