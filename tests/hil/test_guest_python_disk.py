# SPDX-License-Identifier: Apache-2.0
"""A real Linux kernel logs in through the gateway, in each of the three ways, and uses a Python disk; no RTL in it.
What the guest wrote is read from the disk's image, and what it reads was put there from Python."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from portplex.fabric.switch import Switch
from portplex.fc.capture import LINKTYPE_ETHERNET, CaptureWriter
from portplex.framelink import FrameLink
from portplex.hil.ethernet import QemuStream
from portplex.hil.fcf import Fcf
from portplex.hil.gateway import Gateway
from portplex.hil.guest import Guest
from portplex.hil.node import FipTimes, Node
from portplex.hil.point_to_point import PointToPoint
from portplex.hil.vn2vn import Vn2vn
from portplex.hil.wall_clock import WallExecutor
from portplex.nport.backup_disk import BackupDisk
from portplex.nport.n_port import Timers

SECONDS = WallExecutor.words(1)
TIMERS = Timers(e_d_tov=20 * SECONDS, r_a_tov=20 * SECONDS, link_service=10 * SECONDS, command=60 * SECONDS)
LOWER, HIGHER = 0x1000_00C0_DD00_0001, 0x5000_00C0_DD00_0001  # than the guest's; of neighbours the higher sends PLOGI
BLOCKS = 65_536


class Bench:
    """A Python disk with two units; the guest's Ethernet is on its switch, or at its own link."""

    def __init__(self, way: str, wwpn: int, socket: Path, capture: Path, times: FipTimes | None = None) -> None:
        self.way = way
        self.executor = executor = WallExecutor()
        self.node: Node
        link: FrameLink
        if way == "fabric":
            switch = Switch(executor, timers=TIMERS)
            self.node, link = Fcf(executor, switch), switch.attach(wwpn)
        else:
            self.node = link = (Vn2vn if way == "vn2vn" else PointToPoint)(executor, times=times)
        self.disk = BackupDisk(executor, link, name="disk", wwpn=wwpn, timers=TIMERS, blocks=[BLOCKS, BLOCKS])
        self.capture = CaptureWriter(capture, ["guest"], link_type=LINKTYPE_ETHERNET)
        self.gateway = Gateway(executor, QemuStream(socket), self.node, capture=self.capture)
        executor.sources.append(self.gateway)
        self.gateway.start()
        if way == "fabric":
            executor.run(self.disk.start())
        else:
            executor.start(self.disk.fabric_login())  # ends when the guest answers

    def stop(self) -> None:
        self.gateway.stop()
        self.executor.run_for(SECONDS // 100)  # what the switch tells its ports about that
        self.capture.close()


WAYS = [("fabric", LOWER), ("vn2vn", LOWER), ("vn2vn", HIGHER), ("point to point", LOWER)]


@pytest.fixture(
    params=WAYS, ids=["fabric", "vn2vn, Linux sends PLOGI", "vn2vn, the disk sends PLOGI", "point to point"]
)
def bench(request, tmp_path):
    bench = Bench(*request.param, tmp_path / "net", tmp_path / "guest.pcapng")
    yield bench
    bench.stop()


def test_linux_writes_and_reads_a_python_disk(bench, image, tmp_path):
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    known = rng.randbytes(1 << 20)
    bench.disk.image(1)[: len(known)] = known
    with Guest(image, net=tmp_path / "net", log=tmp_path, meanwhile=bench.executor.turn) as guest:
        guest.login(vn2vn=bench.way == "vn2vn")
        disks = guest.wait_for_disks(2)
        # From the disk to the guest.
        assert guest.check(f"head -c 1048576 {disks[1]} | sha256sum").split()[0] == hashlib.sha256(known).hexdigest()
        # From the guest to the disk, and back past the guest's cache.
        guest.check("dd if=/dev/urandom of=/tmp/data bs=64k count=16 2>/dev/null")
        wrote = guest.check("sha256sum </tmp/data").split()[0]
        guest.check(f"dd if=/tmp/data of={disks[0]} bs=64k seek=4 oflag=direct 2>/dev/null")
        image_bytes = bytes(bench.disk.image(0)[4 * 65536 : 20 * 65536])
        assert hashlib.sha256(image_bytes).hexdigest() == wrote
        read = f"dd if={disks[0]} bs=64k skip=4 count=16 iflag=direct 2>/dev/null | sha256sum"
        assert guest.check(read).split()[0] == wrote
    assert bench.disk.violations == []
    assert {name: n for name, n in bench.gateway.counts.items() if name.startswith(("fcoe", "fip"))} == {}


def test_beacon_while_the_kernel_makes_its_port(image, tmp_path):
    """Linux 6.1 hears FIP before it has a port to hear it with, and a beacon is then a null pointer to it."""
    bench = Bench("vn2vn", LOWER, tmp_path / "net", tmp_path / "guest.pcapng", FipTimes(beacon_ms=1, missed=60_000))
    with Guest(image, net=tmp_path / "net", log=tmp_path, meanwhile=bench.executor.turn) as guest:
        for _ in range(2):
            guest.login(vn2vn=True)
            guest.wait_for_disks(2)
            guest.logout()
            guest.wait_for("! ls /sys/class/fc_host/*", 60, "the guest's host to go")
    bench.stop()
