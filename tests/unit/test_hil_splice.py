# SPDX-License-Identifier: Apache-2.0
"""The device's port at a node without a switch: frames in order, logins when they are admitted, link down and up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from portplex.executor import VirtualExecutor, sleep
from portplex.fc.header import Header
from portplex.framelink import Frame
from portplex.hil.splice import Splice, login_wwpn
from portplex.nport import els

from .nport_bench import DISK_WWPN, HOST_WWPN, RecordedLink, make_frame

ASKED = 1_000  # words until a login is admitted


class Port:
    """What brings the device's link down and up."""

    def __init__(self, now: Callable[[], int]) -> None:
        self.changes: list[tuple[str, int]] = []
        self._now = now

    def disable(self) -> None:
        self.changes.append(("down", self._now()))

    def enable(self) -> None:
        self.changes.append(("up", self._now()))


class Bench:
    def __init__(self) -> None:
        self.executor = VirtualExecutor()
        self.device, self.node = RecordedLink(), RecordedLink()
        self.port = Port(self.executor.now)
        self.admitted: list[int] = []
        Splice(self.executor, self.device, self.port, self.node, self.admit)

    async def admit(self, wwpn: int) -> None:
        await sleep(self.executor, ASKED)
        self.admitted.append(wwpn)

    def sent(self) -> list[bytes]:
        return [frame.data for frame in self.device.sent]


def command(number: int) -> bytes:
    return Header(0x06, 2, 0, 1, 8, 0x290000, 0, 0, 0, number, 0xFFFF, 0).pack() + bytes(32)


def login(code: int, r_ctl: int, wwpn: int = HOST_WWPN) -> bytes:
    return Header(r_ctl, 2, 0, 1, 1, 0x290000, 0, 0, 0, 9, 0xFFFF, 0).pack() + els.LoginParameters(wwpn, 1).pack(code)


@pytest.mark.fast
def test_frames_pass_as_they_are() -> None:
    bench = Bench()
    for initiate, terminate in ((True, True), (True, False), (False, False), (False, True)):
        bench.node.say(command(1), initiate=initiate, terminate=terminate)
        bench.device.say(command(2), initiate=initiate, terminate=terminate)
        expected = make_frame(b"", initiate=initiate, terminate=terminate)
        for link, number in ((bench.device, 1), (bench.node, 2)):
            frame: Frame = link.sent[-1]
            assert (frame.data, frame.sof, frame.eof) == (command(number), expected.sof, expected.eof)
    assert bench.executor.now() == 0


@pytest.mark.fast
@pytest.mark.parametrize(("code", "r_ctl"), [(4, 0x22), (3, 0x22), (2, 0x23)], ids=["FLOGI", "PLOGI", "LS_ACC"])
def test_login_waits_until_it_is_admitted(code: int, r_ctl: int) -> None:
    """And so does what comes behind it, in order."""
    bench = Bench()
    frames = [command(1), login(code, r_ctl), command(2), login(code, r_ctl, DISK_WWPN), command(3)]
    for frame in frames:
        bench.node.say(frame)
    bench.executor.run_for(ASKED - 100)
    assert bench.sent() == frames[:1]
    bench.executor.run_for(200)
    assert (bench.sent(), bench.admitted) == (frames[:3], [HOST_WWPN])
    bench.executor.run_for(ASKED)
    assert (bench.sent(), bench.admitted) == (frames, [HOST_WWPN, DISK_WWPN])


@pytest.mark.fast
def test_login_that_is_over_takes_the_link_down_for_a_while() -> None:
    """What still waited belongs to the old login."""
    bench = Bench()
    bench.node.say(login(3, 0x22))
    bench.node.say(command(1))
    assert bench.node.on_link is not None
    bench.node.on_link(False)
    bench.node.on_link(True)
    bench.node.say(command(2))
    bench.executor.run_for(10_000)
    (down, at), (up, later) = bench.port.changes
    assert (down, up, later - at) == ("down", "up", 4_000)
    assert bench.sent() == [command(2)]


@pytest.mark.fast
def test_only_logins_have_a_wwpn() -> None:
    assert login_wwpn(login(3, 0x22)) == HOST_WWPN
    assert login_wwpn(login(3, 0x22)[:100]) is None
    assert login_wwpn(login(5, 0x22)) is None
    assert login_wwpn(command(1)) is None
