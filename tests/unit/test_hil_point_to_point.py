# SPDX-License-Identifier: Apache-2.0
"""Point to point: a Python disk logs in first, or the scripted Linux host does."""

from __future__ import annotations

import pytest

from portplex.executor import VirtualExecutor
from portplex.fc.header import Header
from portplex.framelink import Frame
from portplex.hil.gateway import Gateway
from portplex.hil.point_to_point import PointToPoint
from portplex.nport import els
from portplex.nport.backup_disk import BackupDisk
from portplex.nport.host_initiator import HostInitiator

from .hil_bench import LINUX_MAC, LINUX_WWNN, LINUX_WWPN, TIMES, Cable, LinuxPointToPoint
from .nport_bench import DISK_WWNN, DISK_WWPN, TIMERS

LOW, HIGH = 0x010101, 0x010102


class Bench:
    """`answers`: the host answers a FLOGI, with the addresses by WWPN."""

    def __init__(self, wwpn: int = DISK_WWPN, *, answers: bool = True) -> None:
        self.executor = VirtualExecutor()
        self.node = PointToPoint(self.executor, times=TIMES)
        near, far = Cable.pair(self.executor)
        self.near = near
        self.gateway = Gateway(self.executor, near, self.node, times=TIMES)
        self.linux = LinuxPointToPoint(far)
        self.host = HostInitiator(
            self.executor, self.linux, name="linux", wwpn=LINUX_WWPN, wwnn=LINUX_WWNN, timers=TIMERS
        )
        self.disk = BackupDisk(
            self.executor, self.node, name="disk", wwpn=wwpn, wwnn=DISK_WWNN, timers=TIMERS, blocks=256
        )
        self.heard: list[Frame] = []
        if answers:
            self.linux.on_frame = self.answer
        self.gateway.start()

    def answer(self, frame: Frame) -> None:
        """What Linux does with a FLOGI whose S_ID is 0 and whose F_Port bit is clear."""
        header = Header.unpack(frame.data)
        if header.d_id != 0xFFFFFE:
            self.host.receive(frame)
            return
        self.heard.append(frame)
        theirs = els.LoginParameters.unpack(frame.data[24:])
        assert header.s_id == 0
        assert not theirs.flags & 0x1000
        mine, other = (LOW, HIGH) if theirs.wwpn > LINUX_WWPN else (HIGH, LOW)
        self.host.n_port_id = mine
        reply = Header(0x23, other, 0, mine, 1, 0x980000, 0, 0, 0, header.ox_id, 0x42, 0).pack()
        payload = els.LoginParameters(LINUX_WWPN, LINUX_WWNN, e_d_tov=2000).pack(2)
        self.linux.vn_mac = bytes.fromhex("0efc00") + mine.to_bytes(3, "big")
        self.linux.send_fcoe(self.linux.peer_mac, LINUX_MAC, reply + payload)

    def use(self) -> None:
        """PLOGI, PRLI, commands."""
        (unit,) = self.executor.run(self.host.discover(self.node.n_port_id))
        data = bytes(index * 3 & 0xFF for index in range(20480))
        self.executor.run(self.host.write(unit, 100, data))
        assert self.executor.run(self.host.read(unit, 100, 40)) == data
        assert bytes(self.disk.image())[51200 : 51200 + 20480] == data
        assert not self.disk.violations
        assert not self.host.violations
        assert self.linux.wrong_destination == 0


@pytest.mark.fast
@pytest.mark.parametrize(("wwpn", "own"), [(DISK_WWPN, HIGH), (LINUX_WWPN - 1, LOW)])
def test_target_first(wwpn: int, own: int) -> None:
    """FLOGI to 0e:fc:00:ff:ff:fe; the LS_ACC says both addresses."""
    bench = Bench(wwpn)
    assert bench.executor.run(bench.disk.fabric_login()) == own
    assert bench.near.sent[0][:6].hex() == "0efc00fffffe"
    assert bench.node.peer_id == bench.host.n_port_id == LOW + HIGH - own
    bench.use()
    assert bench.linux.fcoe[-1][:12].hex() == f"0efc00{bench.host.n_port_id:06x}0efc00{own:06x}"


@pytest.mark.fast
def test_flogi_waits_for_the_host() -> None:
    """Nobody there: again every 2 s; a solicitation brings it at once."""
    bench = Bench(answers=False)
    login = bench.executor.start(
        bench.disk.request(0x22, 1, 0xFFFFFE, els.LoginParameters(1, 1).pack(4), "FLOGI", 90_000)
    )
    bench.executor.run_for(9_000)
    assert len(bench.near.sent) == 5
    bench.linux.on_frame = bench.answer
    bench.linux.solicit()
    bench.executor.run_for(100)
    assert login.done()
    assert len(bench.near.sent) == 6
    assert bench.node.counts["solicitations"] == 1
    bench.executor.run_for(9_000)
    assert len(bench.near.sent) == 6


@pytest.mark.fast
@pytest.mark.parametrize("source", [None, bytes(6)], ids=["its VN_Port", "zero, as Linux 6.1"])
@pytest.mark.parametrize(("wwpn", "own"), [(DISK_WWPN, HIGH), (LINUX_WWPN - 1, LOW)])
def test_host_first(wwpn: int, own: int, source: bytes | None) -> None:
    """The host's FLOGI crosses the N_Port's: both get addresses by WWPN. `source` is what the host sends from then."""
    bench = Bench(wwpn, answers=False)
    bench.linux.on_frame = lambda frame: (
        bench.host.receive(frame) if frame.data[0] != 0x22 or frame.data[24] != 4 else None
    )
    login = bench.executor.start(bench.disk.fabric_login())
    bench.executor.run_for(100)
    answers: list[Frame] = []
    bench.linux.on_frame = answers.append
    request = Header(0x22, 0xFFFFFE, 0, 0, 1, 0x290000, 0, 0, 0, 0x55, 0xFFFF, 0).pack()
    flogi = request + els.LoginParameters(LINUX_WWPN, LINUX_WWNN).pack(4)
    bench.linux.send_fcoe(bytes.fromhex("0efc00fffffe"), LINUX_MAC, flogi)
    bench.executor.run_for(100)
    assert login.result() == own
    header = Header.unpack(answers[-1].data)
    other = LOW + HIGH - own
    assert (header.r_ctl, header.d_id, header.s_id, header.ox_id) == (0x23, other, own, 0x55)
    parameters = els.LoginParameters.unpack(answers[-1].data[24:])
    assert (parameters.wwpn, parameters.flags & 0x1000) == (wwpn, 0)
    bench.host.n_port_id = other
    bench.linux.vn_mac = bytes.fromhex("0efc00") + other.to_bytes(3, "big")
    if source is not None:
        whole = bench.linux.send_fcoe
        bench.linux.send_fcoe = lambda to, _, frame, **marks: whole(to, source, frame, **marks)  # type: ignore[method-assign]
    bench.linux.on_frame = bench.host.receive
    bench.use()
    assert bench.node.hosts() == [(LINUX_MAC, other, LINUX_WWPN)]
    # The host starts again: the N_Port's sessions are over, and its new FLOGI is answered from what is known.
    bench.linux.send_fcoe(bytes.fromhex("0efc00fffffe"), LINUX_MAC, flogi)
    bench.executor.run_for(100)
    assert (bench.disk.n_port_id, bench.disk.sessions) == (0, {})
    assert bench.executor.run(bench.disk.fabric_login()) == own
    bench.host.sessions.clear()
    bench.use()


@pytest.mark.fast
def test_host_that_takes_leave_is_listed_no_longer() -> None:
    """A LOGO to FFFFFEh is accepted, of the host alone; with its next FLOGI it is back."""
    bench = Bench()
    own = bench.executor.run(bench.disk.fabric_login())
    node, linux, peer = bench.node, bench.linux, bench.node.peer_id
    here = [(LINUX_MAC, peer, LINUX_WWPN)]
    assert node.hosts() == here
    answers: list[Frame] = []
    linux.on_frame = answers.append
    fabric = bytes.fromhex("0efc00fffffe")

    def request(s_id: int, source: bytes, payload: bytes) -> None:
        header = Header(0x22, 0xFFFFFE, 0, s_id, 1, 0x290000, 0, 0, 0, 0x66, 0xFFFF, 0).pack()
        linux.send_fcoe(fabric, source, header + payload)
        bench.executor.run_for(50)

    logo = els.logo(peer, LINUX_WWPN)
    request(peer, bytes.fromhex("525400990001"), logo)
    request(own, linux.vn_mac, logo)
    request(0, linux.vn_mac, logo)
    assert (node.hosts(), node.counts["fcoe_unknown_mac"], answers) == (here, 3, [])
    request(peer, linux.vn_mac, logo)
    assert (node.hosts(), node.counts["logouts"]) == ([], 1)
    (answer,) = answers
    header = Header.unpack(answer.data)
    assert (header.r_ctl, header.d_id, header.s_id, header.ox_id) == (0x23, peer, 0xFFFFFE, 0x66)
    assert answer.data[24:] == bytes.fromhex("02000000")
    request(0, LINUX_MAC, els.LoginParameters(LINUX_WWPN, LINUX_WWNN).pack(4))
    assert node.hosts() == here


@pytest.mark.fast
def test_bad_input_changes_nothing() -> None:
    bench = Bench()
    bench.executor.run(bench.disk.fabric_login())
    bench.executor.run(bench.host.login(bench.node.n_port_id))
    node, linux = bench.node, bench.linux
    own, peer = node.n_port_id, node.peer_id
    sent = len(bench.near.sent)
    stranger = bytes.fromhex("525400990001")
    here = bytes.fromhex("0efc00") + own.to_bytes(3, "big")

    def command(d_id: int, s_id: int) -> bytes:
        return Header(0x06, d_id, 0, s_id, 8, 0x290000, 1, 0, 0, 77, 0xFFFF, 0).pack() + bytes(32)

    flogi = Header(0x22, 0xFFFFFE, 0, 0, 1, 0x290000, 0, 0, 0, 0x55, 0xFFFF, 0).pack()
    payload = els.LoginParameters(LINUX_WWPN, LINUX_WWNN).pack(4)
    for reason, destination, source, frame in (
        ("fcoe_unknown_mac", here, stranger, command(own, peer)),
        ("fcoe_wrong_id", here, linux.vn_mac, command(own, peer + 9)),
        ("fcoe_wrong_id", here, linux.vn_mac, command(own + 9, peer)),
        ("fcoe_not_for_us", bytes.fromhex("0efc00070707"), linux.vn_mac, command(own, peer)),
        ("fcoe_unknown_mac", bytes.fromhex("0efc00fffffe"), stranger, flogi + payload),
        ("fcoe_unknown_mac", bytes.fromhex("0efc00fffffe"), linux.vn_mac, flogi + payload[:96]),
        ("login_parameters", bytes.fromhex("0efc00fffffe"), linux.vn_mac, flogi + els.LoginParameters(0, 0).pack(4)),
        (
            "login_parameters",
            bytes.fromhex("0efc00fffffe"),
            linux.vn_mac,
            flogi + els.LoginParameters(DISK_WWPN, 1).pack(4),
        ),
    ):
        before = node.counts[reason]
        linux.send_fcoe(destination, source, frame)
        bench.executor.run_for(50)
        assert node.counts[reason] == before + 1, reason
        assert (node.n_port_id, node.peer_id, len(bench.near.sent)) == (own, peer, sent), reason
        assert peer in bench.disk.sessions, reason
    linux.keep_alive()
    bench.executor.run_for(50)
    assert bench.gateway.counts["fip_unexpected"] == 1


@pytest.mark.fast
def test_switches_are_no_hosts() -> None:
    """An LS_ACC with the F_Port bit, without addresses, to another exchange: not believed."""
    bench = Bench(answers=False)
    bench.executor.start(bench.disk.fabric_login()).add_done_callback(lambda done: None)
    bench.executor.run_for(100)
    ox_id = Header.unpack(bench.linux.fcoe[0][28:]).ox_id
    good = els.LoginParameters(LINUX_WWPN, LINUX_WWNN).pack(2)
    switch = els.LoginParameters(LINUX_WWPN, LINUX_WWNN, flags=0x1000).pack(2)
    for d_id, s_id, exchange, payload in (
        (HIGH, 0xFFFFFE, ox_id, switch),
        (0, LOW, ox_id, good),
        (LOW, LOW, ox_id, good),
        (HIGH, LOW, ox_id + 1, good),
        (HIGH, LOW, ox_id, good[:60]),
        (HIGH, LOW, ox_id, els.reject(9)),
    ):
        reply = Header(0x23, d_id, 0, s_id, 1, 0x980000, 0, 0, 0, exchange, 0x42, 0).pack()
        bench.linux.send_fcoe(bench.linux.peer_mac, LINUX_MAC, reply + payload)
    bench.executor.run_for(50)
    assert (bench.node.n_port_id, bench.disk.n_port_id) == (0, 0)
    assert (bench.node.counts["login_answer"], bench.node.counts["fabric_answered"]) == (5, 1)
    bench.gateway.stop()
    sent = len(bench.near.sent)
    bench.executor.run_for(10_000)
    assert len(bench.near.sent) == sent
