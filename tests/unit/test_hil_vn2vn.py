# SPDX-License-Identifier: Apache-2.0
"""VN2VN: a scripted Linux host and a Python disk on one Ethernet, without a fabric."""

from __future__ import annotations

from itertools import pairwise

import pytest

from portplex.executor import VirtualExecutor
from portplex.fc.header import Header
from portplex.fc.layers import FC, FIP, FIP_FLOGI, FIP_LOGO, FIP_VN_ID, FIP_FC4_Features, FIP_FCoE_Size
from portplex.hil.gateway import Gateway
from portplex.hil.node import DEFAULT_MAC
from portplex.hil.vn2vn import State, Vn2vn
from portplex.nport import els
from portplex.nport.backup_disk import BackupDisk
from portplex.nport.host_initiator import HostInitiator

from .hil_bench import LINUX_WWNN, LINUX_WWPN, TIMES, Cable, LinuxVn2vn
from .nport_bench import DISK_WWNN, DISK_WWPN, TIMERS

LINUX_ID = 0x1234
DISK_ID = DISK_WWPN & 0xFFFF
LOW_WWPN = 0x1000_0000_0000_5000


class Bench:
    def __init__(self, wwpn: int = LOW_WWPN, linux_id: int = LINUX_ID) -> None:
        self.executor = VirtualExecutor()
        self.node = Vn2vn(self.executor, times=TIMES)
        near, far = Cable.pair(self.executor)
        self.near = near
        self.gateway = Gateway(self.executor, near, self.node, times=TIMES)
        self.linux = LinuxVn2vn(far, linux_id)
        self.host = HostInitiator(
            self.executor,
            self.linux,
            name="linux",
            wwpn=LINUX_WWPN,
            wwnn=LINUX_WWNN,
            timers=TIMERS,
            n_port_id=linux_id,
        )
        self.disk = BackupDisk(
            self.executor, self.node, name="disk", wwpn=wwpn, wwnn=DISK_WWNN, timers=TIMERS, blocks=256
        )
        self.gateway.start()

    def subcodes(self) -> list[int]:
        return [packet.subcode for packet in self.linux.fip if packet.operation == 5]

    def join(self) -> None:
        """The disk takes its address; Linux probes, claims, beacons, logs in with FIP FLOGI and PLOGI, as observed."""
        self.executor.run(self.disk.fabric_login())
        self.linux.vn(1)
        self.executor.run_for(100)
        self.linux.vn(1)
        self.executor.run_for(100)
        self.linux.vn(3)
        self.executor.run_for(400)
        self.linux.vn(5)
        self.executor.run_for(100)
        self.login()

    def login(self) -> None:
        request = Header(0x22, self.node.n_port_id, 0, self.linux.n_port_id, 1, 0x290000, 0, 0, 0, 0x700, 0xFFFF, 0)
        payload = els.LoginParameters(LINUX_WWPN, LINUX_WWNN).pack(4)
        self.linux.link_service(FIP_FLOGI, request.pack() + payload, self.linux.vn_mac)
        self.executor.run_for(100)


@pytest.mark.fast
def test_node_probes_claims_and_beacons() -> None:
    """Two probes 100 ms apart, claim after another 100 ms, up and first beacon 400 ms later, then every 8 s."""
    bench = Bench()
    assert bench.executor.run(bench.disk.fabric_login()) == DISK_ID
    assert bench.executor.now() == 600
    bench.executor.run_for(16_100)
    assert bench.subcodes() == [1, 1, 3, 5, 5, 5]
    claim = bench.linux.fip[2]
    vn = claim.descriptor(FIP_VN_ID)
    assert (vn.mac, vn.n_port_id, vn.port_name) == (
        f"0e:fd:00:00:{DISK_ID >> 8:02x}:{DISK_ID & 255:02x}",
        DISK_ID,
        LOW_WWPN,
    )
    assert claim.descriptor(FIP_FC4_Features) is not None
    assert claim.descriptor(FIP_FCoE_Size).size == 2158
    assert [len(packet.descriptors) for packet in bench.linux.fip] == [3, 3, 5, 3, 3, 3]
    assert all(data[:6].hex() == "011018010004" for data in bench.near.sent)


@pytest.mark.fast
def test_linux_uses_a_python_disk() -> None:
    bench = Bench()
    bench.join()
    response = bench.linux.last(5, 4)
    assert response is not None
    assert max(len(data) for data in bench.near.sent) == 2172  # the claim response, as long as the largest frame
    accept = bench.linux.last(2, 2)
    assert accept is not None
    header = Header.unpack(bytes(accept.descriptors[0].frame))
    assert (header.d_id, header.s_id, header.ox_id) == (LINUX_ID, DISK_ID, 0x700)
    parameters = els.LoginParameters.unpack(bytes(accept.descriptors[0].frame)[24:])
    assert parameters.wwpn == LOW_WWPN < LINUX_WWPN  # so Linux sends PLOGI
    assert not parameters.flags & 0x1000
    (unit,) = bench.executor.run(bench.host.discover(DISK_ID))
    data = bytes(index & 0xFF for index in range(16384))
    bench.executor.run(bench.host.write(unit, 8, data))
    assert bytes(bench.disk.image())[4096 : 4096 + 16384] == data
    assert bench.executor.run(bench.host.read(unit, 8, 32)) == data
    assert not bench.disk.violations
    assert not bench.host.violations
    assert bench.linux.wrong_destination == 0


def refuse_plogi(linux: LinuxVn2vn, times: int) -> list[int]:
    """Answer the first PLOGIs as Linux does while its own FLOGI is open; the times at which any came."""
    came: list[int] = []
    deliver = linux.deliver

    def take(frame: bytes, *rest: int) -> None:
        header = Header.unpack(frame)
        if header.r_ctl == 0x22 and frame[24] == 3:
            came.append(linux.side.executor.now())
            if len(came) <= times:
                head = Header(0x23, header.s_id, 0, header.d_id, 1, 0x980000, 0, 0, 0, header.ox_id, 0x42, 0)
                linux.send(head.pack() + els.reject(0x20, 0x62))
                return
        deliver(frame, *rest)

    linux.deliver = take  # type: ignore[method-assign]
    return came


@pytest.mark.fast
@pytest.mark.parametrize("refusals", [0, 2])
def test_higher_name_sends_plogi(refusals: int) -> None:
    """The node does it for its N_Port, again every 2 s, and the N_Port is logged in when the neighbour is."""
    bench = Bench(wwpn=DISK_WWPN)
    came = refuse_plogi(bench.linux, refusals)
    bench.join()
    assert DISK_WWPN > LINUX_WWPN
    bench.executor.run_for(refusals * 2_000 + 100)
    assert len(came) == refusals + 1
    assert all(2_000 <= later - sooner < 2_050 for sooner, later in pairwise(came))
    assert DISK_ID in bench.host.sessions
    assert LINUX_ID in bench.disk.sessions
    assert bench.node.hosts() == [(bench.linux.mac, LINUX_ID, LINUX_WWPN)]
    bench.executor.run(bench.host.process_login(DISK_ID))
    (unit,) = bench.executor.run(bench.host.discover(DISK_ID))
    data = bytes(index & 0xFF for index in range(8192))
    bench.executor.run(bench.host.write(unit, 8, data))
    assert bench.executor.run(bench.host.read(unit, 8, 16)) == data
    assert not bench.disk.violations
    assert not bench.host.violations
    bench.executor.run_for(10_000)
    assert len(came) == refusals + 1
    assert bench.node.counts["port_logins"] == 1


@pytest.mark.fast
def test_plogi_that_is_never_accepted_ends() -> None:
    bench = Bench(wwpn=DISK_WWPN)
    came = refuse_plogi(bench.linux, 100)
    bench.join()
    bench.executor.run_for(12_000)
    assert len(came) == 5
    assert bench.node.counts["plogi_failed"] == 1
    assert not bench.disk.sessions
    bench.login()  # the host's next FLOGI starts it again
    assert len(came) == 6


@pytest.mark.fast
def test_plogi_the_n_port_refuses_is_taken_back() -> None:
    """The neighbour has accepted, the N_Port has it not on its list: LOGO."""
    bench = Bench(wwpn=DISK_WWPN)
    bench.disk.allowed = {LOW_WWPN}
    bench.join()
    bench.executor.run_for(100)
    assert bench.node.counts["port_login_refused"] == 1
    assert not bench.disk.sessions
    assert not bench.host.sessions


@pytest.mark.fast
def test_silent_neighbour_is_forgotten() -> None:
    """Beacons hold it; without any for 2.5 periods the disk hears a LOGO, and its frames are unknown."""
    bench = Bench()
    bench.join()
    bench.executor.run(bench.host.login(DISK_ID))
    for _ in range(5):
        bench.executor.run_for(8_000)
        bench.linux.vn(5)
    bench.executor.run_for(100)
    assert LINUX_ID in bench.disk.sessions
    bench.executor.run_for(30_000)
    assert bench.node.counts["neighbour_lost"] == 1
    assert not bench.disk.sessions
    bench.executor.start(bench.host.port_login(DISK_ID)).add_done_callback(lambda done: None)
    bench.executor.run_for(5_000)
    assert bench.node.counts["fcoe_unknown_mac"] == 1


@pytest.mark.fast
def test_beacons_of_linux_hold_the_neighbour() -> None:
    """Claim notification and beacon as Linux 6.1 sends them, the beacon from the address of its VN_Port."""
    claim = (
        "011018010004"
        "525400120001"
        "8914"
        "10000005000300340000"
        "0202525400120001"
        "040300001000525400120001"
        "0b050efd00009c7f00009c7f2000525400120001"
        "0f290000000001000000000100000000" + "00" * 27 + "02" + "00" * 120 + "0601086e"
    )
    beacon = (
        "011018010004"
        "0efd00009c7f"
        "8914"
        "100000050005000a0000"
        "0202525400120001"
        "040300001000525400120001"
        "0b050efd00009c7f00009c7f2000525400120001"
    )
    bench = Bench()
    bench.executor.run(bench.disk.fabric_login())
    bench.linux.side.send(bytes.fromhex(claim))
    for _ in range(6):
        bench.executor.run_for(8_000)
        bench.linux.side.send(bytes.fromhex(beacon))
    bench.executor.run_for(100)
    assert bench.node.neighbours[0x9C7F].wwpn == 0x2000_5254_0012_0001
    assert not bench.gateway.counts["fip_mac_mismatch"]
    bench.linux.side.send(bytes.fromhex(beacon.replace("0efd00009c7f8914", "0efd00009c7e8914")))
    bench.executor.run_for(100)
    assert bench.gateway.counts["fip_mac_mismatch"] == 1


@pytest.mark.fast
def test_logout_in_fip() -> None:
    bench = Bench()
    bench.join()
    bench.executor.run(bench.host.login(DISK_ID))
    request = Header(0x22, DISK_ID, 0, LINUX_ID, 1, 0x290000, 0, 0, 0, 0x701, 0xFFFF, 0)
    bench.linux.link_service(FIP_LOGO, request.pack() + els.logo(LINUX_ID, LINUX_WWPN))
    bench.executor.run_for(100)
    reply = bench.linux.last(2, 2)
    assert reply is not None
    assert (reply.descriptors[0].type, bytes(reply.descriptors[0].frame)[24]) == (9, 2)
    assert not bench.disk.sessions
    bench.login()
    bench.executor.run(bench.host.port_login(DISK_ID))
    assert LINUX_ID in bench.disk.sessions


@pytest.mark.fast
def test_taken_addresses_are_given_up_or_kept() -> None:
    """A reply to the probe: another address. A probe for one's own: a reply. A claim for it: the higher WWPN wins."""
    bench = Bench(linux_id=DISK_ID)
    login = bench.executor.start(bench.disk.fabric_login())
    bench.executor.run_for(50)
    bench.linux.vn(2, DEFAULT_MAC.hex(":"))
    other = bench.executor.run_until(login, 5_000)
    assert other not in (DISK_ID, 0, 0xFFFF)
    assert bench.node.counts["address_lost"] == 1

    keeps = Bench(wwpn=LINUX_WWPN + (DISK_ID - (LINUX_WWPN & 0xFFFF)) + 0x10000, linux_id=DISK_ID)
    assert keeps.executor.run(keeps.disk.fabric_login()) == DISK_ID
    keeps.linux.vn(1)
    keeps.executor.run_for(50)
    assert keeps.subcodes()[-1] == 2, keeps.gateway.counts
    keeps.linux.vn(3)
    keeps.executor.run_for(50)
    assert keeps.subcodes()[-1] == 3
    assert keeps.node.n_port_id == DISK_ID

    loses = Bench(linux_id=DISK_ID)
    loses.executor.run(loses.disk.fabric_login())
    loses.linux.vn(3)
    loses.executor.run_for(50)
    assert loses.node.state is State.PROBING
    assert loses.disk.n_port_id == 0  # the link went down and up: it must log in again
    assert loses.executor.run(loses.disk.fabric_login()) == loses.node.n_port_id != DISK_ID


@pytest.mark.fast
def test_lost_ethernet_ends_the_login() -> None:
    bench = Bench()
    bench.join()
    assert bench.near.on_link is not None
    bench.near.on_link(False)
    assert (bench.node.state, bench.disk.n_port_id, bench.node.neighbours) == (State.IDLE, 0, {})
    assert bench.executor.run(bench.disk.fabric_login()) == DISK_ID


@pytest.mark.fast
def test_bad_input_changes_nothing() -> None:
    bench = Bench()
    bench.join()
    bench.executor.run(bench.host.login(DISK_ID))
    node, linux = bench.node, bench.linux
    neighbours, sent = dict(node.neighbours), len(bench.near.sent)
    known = repr(neighbours)

    def tell(reason: str, act) -> None:
        before = bench.gateway.counts[reason] + node.counts[reason]
        act()
        bench.executor.run_for(50)
        assert bench.gateway.counts[reason] + node.counts[reason] == before + 1, reason
        assert repr(node.neighbours) == known, reason
        assert (node.n_port_id, node.state, len(bench.near.sent)) == (DISK_ID, State.UP, sent), reason

    def claim(**fields) -> None:
        kept = {name: getattr(linux, name) for name in fields}
        for name, value in fields.items():
            setattr(linux, name, value)
        linux.vn(3)
        for name, value in kept.items():
            setattr(linux, name, value)

    def flogi(s_id: int = LINUX_ID, d_id: int = DISK_ID, wwpn: int = LINUX_WWPN, size: int = 116) -> None:
        request = Header(0x22, d_id, 0, s_id, 1, 0x290000, 0, 0, 0, 0x710, 0xFFFF, 0)
        linux.link_service(FIP_FLOGI, request.pack() + els.LoginParameters(wwpn, 1).pack(4)[:size])

    frame = Header(0x06, DISK_ID, 0, LINUX_ID, 8, 0x290000, 1, 0, 0, 77, 0xFFFF, 0).pack() + bytes(32)
    here = bytes.fromhex("0efd00") + DISK_ID.to_bytes(3, "big")
    tell("fip_address_taken", lambda: claim(wwpn=LINUX_WWPN + 1))
    tell("fip_vn_id", lambda: claim(vn_mac=bytes.fromhex("0efd00001235")))
    tell("fip_vn_id", lambda: claim(n_port_id=0xFFFF, vn_mac=bytes.fromhex("0efd0000ffff")))
    tell("fip_own_name", lambda: claim(wwpn=LOW_WWPN))
    tell("fip_unexpected", lambda: linux.vn(6))
    tell("fip_missing_descriptor", lambda: linux.say(FIP(operation=5, subcode=3), "01:10:18:01:00:04"))
    tell("fip_not_for_us", lambda: linux.vn(3, "52:54:00:00:00:99"))
    tell("fip_not_for_us", linux.solicit)
    tell("fip_unknown_neighbour", lambda: flogi(s_id=LINUX_ID + 1))
    tell("fip_unexpected", lambda: flogi(d_id=DISK_ID + 1))
    tell("fip_els", lambda: flogi(wwpn=LINUX_WWPN + 1))
    tell("fip_els", lambda: flogi(size=100))
    tell("fcoe_unknown_mac", lambda: linux.send_fcoe(here, linux.mac, frame))
    tell("fcoe_not_for_us", lambda: linux.send_fcoe(bytes.fromhex("0efc00") + here[3:], linux.vn_mac, frame))
    assert bytes(FC(frame)) == frame
    assert LINUX_ID in bench.disk.sessions
