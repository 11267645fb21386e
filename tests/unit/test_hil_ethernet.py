# SPDX-License-Identifier: Apache-2.0
"""Ethernet sides: QEMU's stream socket, a network interface over a veth pair, replay of a capture."""

from __future__ import annotations

import ctypes
import os
import random
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portplex.executor import VirtualExecutor
from portplex.fabric.switch import Switch
from portplex.fc.capture import INBOUND, LINKTYPE_ETHERNET, OUTBOUND, CaptureWriter
from portplex.hil.ethernet import Interface, QemuStream, Replay
from portplex.hil.fcf import Fcf
from portplex.hil.gateway import Gateway
from portplex.nport.backup_disk import BackupDisk
from portplex.nport.host_initiator import HostInitiator
from portplex.nport.n_port import Timers
from portplex.simulate import UsageError

from .hil_bench import LINUX_WWNN, LINUX_WWPN, TIMES, LinuxPort
from .nport_bench import DISK_WWNN, DISK_WWPN, TIMERS
from .test_hil_fcf import Bench

DEADLINE_SECONDS = 20
FIP = bytes.fromhex("0110180100025254001200018914") + bytes(46)


def until(condition: Callable[[], bool], act: Callable[[], object], what: str) -> None:
    """Repeat `act` until `condition`, not longer than the deadline."""
    end = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < end, f"waited {DEADLINE_SECONDS} s for {what}"
        act()


# ---- QEMU stream ----


@pytest.mark.fast
def test_stream_framing_in_pieces() -> None:
    """A 4-byte big-endian length before each frame, however the bytes are cut."""
    ours, guest = socket.socketpair()
    side = QemuStream(Path("unused"))
    got: list[bytes] = []
    side.on_frame = got.append
    side.adopt(ours)
    rng = random.Random(5)
    frames = [rng.randbytes(size) for size in (1, 60, 2172, 9000)] + [rng.randbytes(60) for _ in range(20)]
    stream = b"".join(struct.pack(">I", len(frame)) + frame for frame in frames)
    while stream:
        cut = rng.randrange(1, 700)
        guest.sendall(stream[:cut])
        stream = stream[cut:]
        side.poll(0.1)
    assert got == frames
    assert side.counts["received"] == len(frames)
    side.send(FIP)
    assert guest.recv(100) == bytes((0, 0, 0, 60)) + FIP
    assert side.poll(0) == 0
    side.stop()
    assert guest.recv(1) == b""
    guest.close()


@pytest.mark.fast
@pytest.mark.parametrize("length", [0, 65_551, 0xFFFFFFFF])
def test_stream_with_an_impossible_length_is_closed(length: int) -> None:
    ours, guest = socket.socketpair()
    side = QemuStream(Path("unused"))
    links: list[bool] = []
    side.on_link = links.append
    side.adopt(ours)
    guest.sendall(struct.pack(">I", length) + bytes(100))
    assert side.poll(1) == 0
    assert side.counts["bad_length"] == 1
    assert links == [True, False]
    assert not side.connected
    side.send(FIP)
    assert side.counts["no_guest"] == 1
    guest.close()


@pytest.mark.fast
def test_guest_that_does_not_read_is_not_waited_for() -> None:
    ours, guest = socket.socketpair()
    side = QemuStream(Path("unused"), send_limit=100_000)
    side.adopt(ours)
    for _ in range(1000):
        side.send(bytes(2172))
    assert side.counts["guest_does_not_read"] > 0
    received = bytearray()
    guest.setblocking(False)

    def read() -> None:
        side.poll(0)
        try:
            received.extend(guest.recv(1 << 20))
        except BlockingIOError:
            time.sleep(0.001)

    until(lambda: len(received) == side.counts["sent"] * 2176, read, "the frames that were taken")
    assert received[:4] == struct.pack(">I", 2172)
    side.stop()
    guest.close()


@pytest.mark.fast
def test_stream_socket_comes_and_goes(tmp_path: Path) -> None:
    """One guest at a time, the next may come when it has gone; a stale socket is replaced, one in use is not."""
    path = tmp_path / "net.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    side = QemuStream(path)
    links: list[bool] = []
    got: list[bytes] = []
    side.on_link, side.on_frame = links.append, got.append
    side.start()
    with pytest.raises(UsageError, match="is in use by another process"):
        QemuStream(path).start()
    until(lambda: side.counts["link_down"] == 1, lambda: side.poll(0.01), "the probe of the other to go")
    for number in (1, 2):
        guest = socket.socket(socket.AF_UNIX)
        guest.connect(str(path))
        until(lambda: side.connected, lambda: side.poll(0.01), "the guest")
        other = socket.socket(socket.AF_UNIX)
        other.connect(str(path))
        until(lambda: side.counts["second_guest"] == number, lambda: side.poll(0.01), "the second guest")  # noqa: B023
        assert other.recv(1) == b""
        other.close()
        guest.sendall(struct.pack(">I", 60) + FIP)
        until(lambda: len(got) == number, lambda: side.poll(0.01), "the frame")  # noqa: B023
        guest.close()
        until(lambda: not side.connected, lambda: side.poll(0.01), "the guest to go")
    assert links == [True, False] * 3
    side.stop()
    side.stop()
    assert not path.exists()


@pytest.mark.fast
def test_stream_mistakes_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path, message in (
        (tmp_path / "file", "is no socket"),
        (tmp_path / "none" / "s", "cannot be opened"),
        (tmp_path / ("x" * 120), "cannot be opened"),
    ):
        with pytest.raises(UsageError, match=message):
            QemuStream(path).start()


# ---- network interface ----


def in_namespace(name: str, act: Callable[[], None]) -> None:
    """Run `act` in a thread of its own inside a network namespace."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            with Path(f"/run/netns/{name}").open() as handle:
                libc = ctypes.CDLL(None, use_errno=True)
                if libc.setns(handle.fileno(), 0x40000000):
                    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            act()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


def ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"`ip {' '.join(arguments)}` failed ({done.stderr.strip()}): network namespaces need root")


@pytest.fixture
def veth(require_tool: Callable[[str], None]) -> Iterator[tuple[str, str, str, str]]:
    """Two namespaces of this test's own, joined by a veth pair: name and interface of each."""
    require_tool("ip")
    if os.geteuid() != 0:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("AF_PACKET and network namespaces need root; run this test as root")
    tag = f"{os.getpid():x}"
    one, two = f"portplex-{tag}a", f"portplex-{tag}b"
    near, far = f"pp{tag}a"[:15], f"pp{tag}b"[:15]
    try:
        ip("netns", "add", one)
        ip("netns", "add", two)
        ip("link", "add", near, "netns", one, "mtu", "2500", "type", "veth", "peer", "name", far, "netns", two)
        ip("-n", two, "link", "set", far, "mtu", "2500", "up")
        ip("-n", one, "link", "set", near, "up")
        yield one, near, two, far
    finally:
        for name in (one, two):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


@pytest.mark.fast
def test_login_and_data_over_a_veth_pair(veth: tuple[str, str, str, str]) -> None:
    """The whole fabric login, a write and a read, through two packet sockets."""
    one, near, two, far = veth
    executor = VirtualExecutor()
    switch = Switch(executor, timers=TIMERS)
    here, there = Interface(near), Interface(far)
    gateway = Gateway(executor, here, Fcf(executor, switch, times=TIMES), times=TIMES)
    linux = LinuxPort(there)
    timers = Timers(e_d_tov=10**9, r_a_tov=10**9, link_service=10**9, command=10**9)  # real time decides here
    host = HostInitiator(executor, linux, name="linux", wwpn=LINUX_WWPN, wwnn=LINUX_WWNN, timers=timers)
    disk = BackupDisk(
        executor,
        switch.attach(n_port_id=0x010E00),
        name="disk",
        wwpn=DISK_WWPN,
        wwnn=DISK_WWNN,
        timers=timers,
        blocks=256,
    )
    executor.run(disk.start())
    in_namespace(one, gateway.start)
    in_namespace(two, there.start)

    def run(coroutine, what: str):
        future = executor.start(coroutine)
        future.add_done_callback(lambda done: None)

        def turn() -> None:
            executor.run_for(1)
            gateway.poll(0.001)
            there.poll(0.001)

        until(future.done, turn, what)
        return future.result()

    linux.solicit()
    until(lambda: linux.last(1, 2) is not None, lambda: (gateway.poll(0.01), there.poll(0.01)), "the advertisement")
    run(host.start(), "login")
    (unit,) = run(host.discover(), "discovery")
    data = random.Random(3).randbytes(65536)
    run(host.write(unit, 0, data), "write")
    assert run(host.read(unit, 0, 128), "read") == data
    assert bytes(disk.image())[:65536] == data
    # Neither side hears itself, and other traffic on the wire stays below.
    assert not [data for data in linux.fip if data.operation == 1 and data.subcode == 1]
    assert "other_ethertype" not in gateway.counts
    assert "ethernet_source" not in gateway.counts
    also = Interface(near)
    in_namespace(one, also.start)
    heard = here.counts["received"]
    also.send(FIP)  # what another program sends on this interface is not received on it
    until(lambda: there.counts["received"] > 0 and there.poll(0.01) > 0, lambda: None, "the frame at the far end")
    here.poll(0.05)
    assert here.counts["received"] == heard
    also.stop()
    sent = here.counts["sent"]
    ip("-n", one, "link", "set", near, "down")
    here.send(FIP)
    here.poll(0)
    assert here.counts["sent"] == sent
    assert here.counts["send_failed"] == 1
    gateway.stop()
    there.stop()
    executor.run_for(100)  # the switch tells its ports that the host has gone
    there.send(FIP)
    assert there.counts["closed"] == 1


@pytest.mark.fast
def test_interface_mistakes_are_named(veth: tuple[str, str, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """No such interface, down, MTU too small, no rights: one sentence each, with what helps."""
    one, near, _, _ = veth
    with pytest.raises(UsageError, match="there is none of this name"):
        Interface("nosuch0").start()
    ip("-n", one, "link", "set", near, "mtu", "1500")
    with pytest.raises(UsageError, match=f"MTU 1500, must be 2158 at least; `ip link set {near} mtu 2500`"):
        in_namespace(one, Interface(near).start)
    ip("-n", one, "link", "set", near, "mtu", "2500", "down")
    with pytest.raises(UsageError, match="is down"):
        in_namespace(one, Interface(near).start)

    def refuse(*arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(UsageError, match="raw frames need the right CAP_NET_RAW; run as root"):
        in_namespace(one, Interface(near).start)


# ---- replay ----


@pytest.mark.fast
def test_captured_login_is_replayed(tmp_path: Path) -> None:
    """What a gateway captured makes another gateway say the same; only inbound frames are played."""
    path = tmp_path / "login.pcapng"
    with CaptureWriter(path, ["gateway"], link_type=LINKTYPE_ETHERNET) as capture:
        bench = Bench(capture=capture)
        bench.login()
        bench.executor.run_for(2_000)
        said = [data for data in bench.near.sent if data[12:14] == b"\x89\x14"]
    again = Bench(start=False)
    replay = Replay(path, executor=again.executor, words_per_ns=0.25)
    gateway = Gateway(again.executor, replay, again.fcf, times=TIMES)
    heard: list[bytes] = []
    transmit = again.fcf.transmit
    again.fcf.transmit = lambda data: (heard.append(data), transmit(data))[1]
    gateway.start()
    for _ in range(10_000):
        gateway.poll()
        again.executor.run_for(10)
        if replay.done:
            break
    assert replay.done
    assert again.switch.port_by_wwpn(LINUX_WWPN) is not None
    fip = [data for data in heard if data[12:14] == b"\x89\x14"]
    assert [data[:72] for data in fip if data[17] == 1][:2] == [data[:72] for data in said if data[17] == 1][:2]
    assert [data for data in fip if data[17] == 2] == [data for data in said if data[17] == 2]
    gateway.stop()
    again.executor.run_for(100)  # the switch tells its ports that the host has gone


@pytest.mark.fast
def test_replay_keeps_distances_and_skips_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "c.pcapng"
    with CaptureWriter(path, ["e"], link_type=LINKTYPE_ETHERNET) as capture:
        for index in range(10):
            capture.write(
                1_000_000 + 4_000 * index, FIP + bytes((index,)), direction=OUTBOUND if index % 2 else INBOUND
            )
    executor = VirtualExecutor()
    replay = Replay(path, executor=executor)
    times: list[tuple[int, int]] = []
    replay.on_frame = lambda data: times.append((data[-1], executor.now()))
    replay.start()
    while not replay.done:
        replay.poll()
        executor.run_for(100)
    assert times == [(index, 1_000 * index) for index in range(0, 10, 2)]
    at_once = Replay(path)
    at_once.start()
    assert at_once.poll() == 5


def pcapng(
    order: str, link_type: int = 1, resolution: bytes = b"", frames: tuple[tuple[int, bytes], ...] = ()
) -> bytes:
    def block(kind: int, body: bytes) -> bytes:
        size = struct.pack(order + "I", len(body) + 12)
        return struct.pack(order + "I", kind) + size + body + size

    options = struct.pack(order + "HH", 9, 1) + resolution + bytes(3) + bytes(4) if resolution else b""
    data = block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    data += block(1, struct.pack(order + "HHI", link_type, 0, 0) + options)
    data += block(0x0BAD, b"skip")
    for stamp, frame in frames:
        head = struct.pack(order + "IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(frame), len(frame))
        data += block(6, head + frame + bytes(-len(frame) % 4))
    return data


@pytest.mark.fast
def test_captures_of_others_are_read(tmp_path: Path) -> None:
    """Both byte orders, microseconds by default, other resolutions."""
    path = tmp_path / "c.pcapng"
    for order in "<>":
        for resolution, ticks in ((b"", 7), (b"\x09", 7_000), (b"\x03", 0)):
            path.write_bytes(pcapng(order, resolution=resolution, frames=((0, FIP), (ticks, FIP + b"x"))))
            executor = VirtualExecutor()
            replay = Replay(path, executor=executor, words_per_ns=1)
            got: list[bytes] = []
            replay.on_frame = got.append
            replay.start()
            assert replay.poll() == (2 if ticks == 0 else 1)
            executor.run_for(7_000)
            replay.poll()
            assert got == [FIP, FIP + b"x"]


@pytest.mark.fast
def test_capture_mistakes_are_named(tmp_path: Path) -> None:
    path = tmp_path / "c.pcapng"
    with pytest.raises(UsageError, match="cannot be read"):
        Replay(path).start()
    good = pcapng("<", frames=((0, FIP),))
    for data, message in (
        (b"", "holds no whole Ethernet frame"),
        (b"not a capture at all", "no whole pcapng file"),
        (good[:-5], "no whole pcapng file"),
        (good[:30], "no whole pcapng file"),
        (pcapng("<", link_type=225, frames=((0, FIP),)), "holds no whole Ethernet frame"),
    ):
        path.write_bytes(data)
        with pytest.raises(UsageError, match=message):
            Replay(path).start()
