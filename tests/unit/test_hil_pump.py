# SPDX-License-Identifier: Apache-2.0
"""The pump: a simulation (here in virtual time) and the outside take turns, and time stands still when nothing is
open."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from portplex.executor import DeadlineExceeded, Future, VirtualExecutor, sleep
from portplex.fabric.switch import Switch
from portplex.hil.control import MAX_LINE, ControlClient, ControlError, ControlServer
from portplex.hil.enode import Enode
from portplex.hil.ethernet import QemuStream
from portplex.hil.fcf import Fcf
from portplex.hil.gateway import Gateway
from portplex.hil.node import FipTimes
from portplex.hil.pump import Pump
from portplex.hil.wall_clock import WallExecutor
from portplex.nport.backup_disk import BackupDisk
from portplex.nport.host_initiator import HostInitiator
from portplex.nport.n_port import Timers
from portplex.simulate import UsageError

from .hil_bench import LINUX_MAC, LINUX_WWNN, LINUX_WWPN
from .nport_bench import DISK_WWNN, DISK_WWPN

SECONDS = 20


class Simulation:
    """A simulation without a simulator. `asked` counts how often the pump wanted to know whether it is idle."""

    def __init__(self) -> None:
        self.executor = VirtualExecutor()
        self.asked = 0
        self.rests: Callable[[], bool] = lambda: True
        self.open: Callable[[], bool] = lambda: False

    def pending(self) -> bool:
        return self.executor.busy() or self.open()

    async def idle(self) -> bool:
        self.asked += 1
        return self.rests()


class Script:
    """A source that does `act` in each poll and hands on what it returns."""

    def __init__(self, act: Callable[[], int]) -> None:
        self.act = act

    def poll(self, seconds: float = 0.0) -> int:
        return self.act()

    def filenos(self) -> list[int]:
        return []


def pumped(simulation: Simulation, act: Callable[[Pump], int], **changes: int) -> Pump:
    """A pump with a script."""
    wall = WallExecutor()
    pump = Pump(simulation, wall, **changes)
    wall.sources.append(Script(lambda: act(pump)))
    return pump


@pytest.mark.fast
def test_time_stands_still_until_something_comes() -> None:
    simulation = Simulation()
    seen: list[tuple[bool, int]] = []

    def act(pump: Pump) -> int:
        seen.append((pump.paused, simulation.executor.now()))
        if pump.pauses == 2:
            pump.stop()
        return int(pump.paused and len([1 for paused, _ in seen if paused]) == 3)

    pump = pumped(simulation, act, poll_words=100, settle_words=1_000)
    simulation.executor.run(pump.run())
    still = [word for paused, word in seen if paused]
    assert len(still) == 4
    assert set(still[:3]) == {still[0]}, "simulated time moved during a pause"
    assert 1_000 <= still[0] <= 1_300
    assert 1_000 <= still[3] - still[0] <= 1_300, "the simulation settles again after what came"
    assert pump.seconds[1] >= 0.2  # three waits of 0.1 s
    moments = [word for paused, word in seen if not paused]
    assert {after - before for before, after in pairwise(moments)} == {100}


@pytest.mark.fast
@pytest.mark.parametrize("reason", ["waits for words", "frame queued", "array busy"])
def test_no_pause_while_something_is_open(reason: str) -> None:
    """A Python port that waits, a frame on its way in, an array that works: each keeps time running."""
    simulation = Simulation()
    executor = simulation.executor
    end = 50_000
    if reason == "waits for words":
        executor.start(sleep(executor, end))
    elif reason == "frame queued":
        simulation.open = lambda: executor.now() < end
    else:
        simulation.rests = lambda: executor.now() >= end
    paused: list[int] = []

    def act(pump: Pump) -> int:
        if pump.paused:
            paused.append(executor.now())
            pump.stop()
        return 0

    simulation.executor.run(pumped(simulation, act, poll_words=500, settle_words=1_000).run())
    assert len(paused) == 1
    assert end <= paused[0] <= end + 3_000
    assert simulation.asked <= 100 or reason == "array busy"


@pytest.mark.fast
def test_frames_of_the_device_count_as_work() -> None:
    """As long as frames pass the port the device is not even asked."""
    simulation = Simulation()

    def act(pump: Pump) -> int:
        if simulation.executor.now() < 20_000:
            assert not simulation.asked
            pump.observe(None, None)  # type: ignore[arg-type]
        elif pump.paused:
            pump.stop()
        return 0

    simulation.executor.run(pumped(simulation, act, poll_words=500, settle_words=1_000).run())
    assert simulation.asked == 1


@pytest.mark.fast
def test_each_clock_has_its_timers() -> None:
    """Advertisements follow the wall through a pause; words do not pass, so nothing that counts words can expire."""
    simulation = Simulation()
    executor = simulation.executor
    wall = WallExecutor()
    ours, guest = socket.socketpair()
    side = QemuStream(Path("unused"))
    side.adopt(ours)
    forwarder = Fcf(wall, Switch(executor), times=FipTimes(fka_ms=20))
    gateway = Gateway(wall, side, forwarder)
    wall.sources.append(gateway)
    pump = Pump(simulation, wall)
    words: list[int] = []

    def look() -> None:
        if pump.paused:
            words.append(executor.now())
        if forwarder.counts["advertisements"] >= 10:
            pump.stop()
        wall.call_at(wall.now() + wall.words(0.01), look)

    forwarder.start()
    look()
    started = time.monotonic()
    executor.run(pump.run())
    assert 0.15 <= time.monotonic() - started < SECONDS
    assert len(set(words)) == 1
    assert pump.pauses == 1
    guest.close()
    side.stop()


@pytest.mark.fast
def test_host_uses_a_disk_in_the_simulation() -> None:
    """Both ends of the Ethernet in real time, the disk and its switch in simulated time, the pump between: login, 64
    KiB each way. The deadlines of the disk are a few thousand words: none expires, however slow the test runs."""
    simulation = Simulation()
    executor = simulation.executor
    wall, outside = WallExecutor(), WallExecutor()
    ours, theirs = socket.socketpair()
    near, far = QemuStream(Path("unused")), QemuStream(Path("unused"))
    near.adopt(ours)
    far.adopt(theirs)
    tight = Timers(e_d_tov=3_000, r_a_tov=3_000, link_service=3_000, command=3_000)
    switch = Switch(executor, timers=tight)
    forwarder = Fcf(wall, switch)
    link = switch.attach(DISK_WWPN)
    disk = BackupDisk(executor, link, name="disk", wwpn=DISK_WWPN, wwnn=DISK_WWNN, timers=tight, blocks=256)
    executor.run(disk.start())
    wall.sources += [Gateway(wall, near, forwarder), Script(outside.turn)]
    enode = Enode(outside, wwnn=LINUX_WWNN, mac=LINUX_MAC)
    outside.sources.append(Gateway(outside, far, enode))
    patient = Timers(*[outside.words(SECONDS)] * 4)
    host = HostInitiator(outside, enode, name="host", wwpn=LINUX_WWPN, wwnn=LINUX_WWNN, timers=patient)
    pump = Pump(simulation, wall)
    data = random.Random(3).randbytes(65536)
    pauses: list[int] = []

    async def story() -> None:
        await host.start()
        (unit,) = await host.discover()
        await host.write(unit, 0, data)
        await sleep(outside, outside.words(0.3))  # a host that thinks
        pauses.append(pump.pauses)
        assert await host.read(unit, 0, 128) == data
        await host.logout(unit.target)

    enode.start()
    done = outside.start(story())
    done.add_done_callback(lambda _: pump.stop())
    limit = time.monotonic() + SECONDS
    wall.sources.append(Script(lambda: pump.stop() or 0 if time.monotonic() > limit else 0))
    executor.run(pump.run(), 10**12)
    done.result()
    assert bytes(disk.image())[:65536] == data
    assert pauses[0] >= 1
    assert not disk.violations
    assert not host.violations
    assert not host.counts["retries"]


@pytest.mark.fast
def test_wall_executor_keeps_time() -> None:
    """250 million words are a second; what never comes is given up at its deadline."""
    first, wall = time.monotonic(), WallExecutor()
    early = time.monotonic()
    time.sleep(0.02)
    late = time.monotonic()
    now = wall.now()
    assert late - early <= now / 250_000_000 <= time.monotonic() - first
    order: list[str] = []
    wall.call_at(wall.now() + wall.words(0.04), lambda: order.append("second"))
    wall.call_at(wall.now() + wall.words(0.02), lambda: order.append("first"))
    started = time.monotonic()
    wall.run(sleep(wall, wall.words(0.06)))
    assert 0.05 < time.monotonic() - started < SECONDS
    assert order == ["first", "second"]
    with pytest.raises(DeadlineExceeded, match="waited for a frame"):
        wall.run_until(wall.future(), wall.now() + wall.words(0.05), "a frame")


# ---- orders from another process ----


class Served:
    """A control server on a pump; `ask` runs a client in a thread."""

    def __init__(self, path: Path) -> None:
        self.simulation = Simulation()
        self.executor = self.simulation.executor
        self.registers = {0: 0x50504C58}
        self.pump = Pump(self.simulation, WallExecutor(), poll_words=100, settle_words=300)
        self.server = ControlServer(
            self.executor,
            path,
            {
                "read": self.read,
                "write": self.write,
                "state": lambda: {"words": self.executor.now()},
                "stop": self.pump.stop,
            },
        )
        self.simulation.open = lambda: self.server.open > 0
        self.waiting: list[tuple[int, Future[None]]] = []
        self.pump.wall.sources += [self.server, Script(self.serve)]
        self.server.start()

    def serve(self) -> int:
        """The bus: an access is answered three polls later, never in a pause."""
        while self.waiting and self.waiting[0][0] <= self.pump.polls:
            self.waiting.pop(0)[1].set_result(None)
        return 0

    async def access(self) -> None:
        future: Future[None] = self.executor.future()
        self.waiting.append((self.pump.polls + 3, future))
        await future

    async def read(self, address: int) -> int:
        await self.access()
        return self.registers[address]

    async def write(self, address: int, value: int) -> None:
        await self.access()
        self.registers[address] = value

    def ask(self, questions: Callable[[], None]) -> None:
        """Run the pump until a thread with the questions has ended."""
        failed: list[BaseException] = []
        ended = threading.Event()

        def run() -> None:
            try:
                questions()
            except BaseException as error:
                failed.append(error)
            finally:
                ended.set()

        def look() -> int:
            if ended.is_set():
                self.pump.stop()
            return 0

        self.pump.wall.sources.append(Script(look))
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self.executor.run(self.pump.run(), 10**12)
        thread.join(SECONDS)
        self.server.stop()
        if failed:
            raise failed[0]


@pytest.mark.fast
def test_registers_from_another_process(tmp_path: Path) -> None:
    """The same Management as inside; registers take simulated time, the state does not wake a pause."""
    path = tmp_path / ("long" * 30) / "control.sock"  # longer than a socket's address may be
    path.parent.mkdir()
    served = Served(path)

    def questions() -> None:
        client = ControlClient(path, timeout=SECONDS)
        client.ask(client.management.identify())
        client.ask(client.management.set_copy_pointer(77))
        assert client.order("read", address=0x314) == 77
        end = time.monotonic() + SECONDS
        while not served.pump.paused:
            assert time.monotonic() < end
        before = client.state()
        assert client.state() == before
        with pytest.raises(ControlError, match="order read: 4"):
            client.order("read", address=4)
        with pytest.raises(RuntimeError, match="something else than registers"):
            client.ask(sleep(served.executor, 5))
        client.close()

    served.ask(questions)
    assert served.registers[0x314] == 77
    assert not path.exists()


@pytest.mark.fast
def test_bad_orders_are_answered_and_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    served = Served(path)

    def questions() -> None:
        client = ControlClient(path, timeout=SECONDS)
        with pytest.raises(ControlError, match=r"order .*must be one of read, state, stop, write"):
            client.order("format")
        with pytest.raises(ControlError, match="unexpected keyword argument 'adress'"):
            client.order("read", adress=0)
        raw = socket.socket(socket.AF_UNIX)
        raw.settimeout(SECONDS)
        raw.connect(str(path))
        for line in (b"\xff\n", b"[1]\n", b'{"order": []}\n', b"\n"):
            raw.sendall(line)
            assert b"must be one of" in raw.recv(1000)
        raw.sendall(b"x" * (MAX_LINE + 1))
        assert raw.recv(1) == b"", "a line without an end closes the connection"
        raw.close()
        gone = socket.socket(socket.AF_UNIX)
        gone.connect(str(path))
        gone.sendall(json.dumps({"order": "read", "address": 0}).encode() + b"\n")
        gone.close()
        assert client.order("read", address=0) == 0x50504C58
        client.order("stop")
        client.close()

    served.ask(questions)
    assert served.registers == {0: 0x50504C58}
    with pytest.raises(ControlError, match="nobody answers"):
        ControlClient(path)
    with pytest.raises(UsageError, match=r"control socket .*none.*cannot be opened"):
        ControlServer(VirtualExecutor(), tmp_path / "none" / "s", {}).start()
