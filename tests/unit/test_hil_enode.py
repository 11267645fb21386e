# SPDX-License-Identifier: Apache-2.0
"""The host's side of a fabric login in FIP, against the forwarder and against frames built with scapy."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from scapy.layers.l2 import Ether

from portplex.executor import DeadlineExceeded, VirtualExecutor
from portplex.fabric.switch import Switch
from portplex.fc.layers import FC, FIP, FIP_FKA, FIP_FLOGI, FIP_MAC, FIP_VN_ID, FCoE, FIP_Fabric, FIP_Name, FIP_Priority
from portplex.hil.enode import Enode
from portplex.hil.fcf import Fcf
from portplex.hil.gateway import Gateway
from portplex.hil.node import DEFAULT_MAC
from portplex.nport.backup_disk import BackupDisk
from portplex.nport.host_initiator import HostInitiator

from .hil_bench import LINUX_MAC, LINUX_WWNN, LINUX_WWPN, TIMES, Cable, text
from .nport_bench import DISK_WWNN, DISK_WWPN, TIMERS

OTHER_MAC = bytes.fromhex("0250504c5899")


class Bench:
    """An ENode with a host on one end of an Ethernet; a forwarder with a disk behind it on the other."""

    def __init__(self) -> None:
        self.executor = VirtualExecutor()
        near, far = Cable.pair(self.executor)
        self.near, self.far = near, far
        self.switch = Switch(self.executor, timers=TIMERS)
        self.fcf = Fcf(self.executor, self.switch, times=TIMES)
        self.forwarder = Gateway(self.executor, far, self.fcf, times=TIMES)
        link = self.switch.attach(DISK_WWPN)
        self.disk = BackupDisk(
            self.executor, link, name="disk", wwpn=DISK_WWPN, wwnn=DISK_WWNN, timers=TIMERS, blocks=64
        )
        self.executor.run(self.disk.start())
        self.enode = Enode(self.executor, wwnn=LINUX_WWNN, mac=LINUX_MAC, times=TIMES)
        self.gateway = Gateway(self.executor, near, self.enode, times=TIMES)
        self.host = HostInitiator(
            self.executor, self.enode, name="host", wwpn=LINUX_WWPN, wwnn=LINUX_WWNN, timers=TIMERS
        )

    def login(self) -> None:
        self.forwarder.start()
        self.gateway.start()
        self.executor.run(self.host.start(), 50_000)

    def sent(self, operation: int, subcode: int) -> list[FIP]:
        packets = [Ether(data)[FIP] for data in self.near.sent if data[12:14] == b"\x89\x14"]
        return [packet for packet in packets if (packet.operation, packet.subcode) == (operation, subcode)]

    def state(self) -> tuple:
        enode = self.enode
        return enode.fcf_mac, enode.vn_mac, enode.n_port_id, self.host.n_port_id, len(self.near.sent)


@pytest.mark.fast
def test_enode_logs_in_and_carries_a_host() -> None:
    bench = Bench()
    bench.login()
    enode, host = bench.enode, bench.host
    solicitation = bench.sent(1, 1)[0]
    found = [type(entry).__name__ for entry in solicitation.descriptors]
    assert found == ["FIP_MAC", "FIP_Name", "FIP_FCoE_Size"]
    (request,) = bench.sent(2, 1)
    assert [type(entry) for entry in request.descriptors] == [FIP_FLOGI, FIP_MAC]
    assert request.descriptors[1].mac == "00:00:00:00:00:00"
    assert enode.vn_mac == bytes.fromhex("0efc00") + host.n_port_id.to_bytes(3, "big")
    (unit,) = bench.executor.run(host.discover())
    data = bytes(range(256)) * 32
    bench.executor.run(host.write(unit, 3, data))
    assert bench.executor.run(host.read(unit, 3, 16)) == data
    assert bytes(bench.disk.image())[3 * 512 : 19 * 512] == data
    assert not host.violations
    assert set(bench.gateway.counts) == {"received", "sent"}
    assert bench.fcf.counts["fcoe_received"] == enode.counts["fcoe_sent"]


@pytest.mark.fast
def test_flogi_waits_for_a_forwarder() -> None:
    """Solicitations every 2 s until one answers."""
    bench = Bench()
    far, bench.near.other = bench.near.other, Cable(bench.executor)
    bench.gateway.start()
    done = bench.executor.start(bench.host.fabric_login())
    done.add_done_callback(lambda _: None)
    bench.executor.run_for(3_500)
    assert len(bench.sent(1, 1)) == 2
    assert not bench.sent(2, 1)
    bench.near.other = far
    bench.forwarder.start()
    bench.executor.run_for(1_000)
    assert done.done()
    assert bench.host.n_port_id
    bench.executor.run_for(10_000)
    assert len(bench.sent(1, 1)) == 3


@pytest.mark.fast
def test_keep_alives_hold_the_login() -> None:
    """Every FKA period from the ENode, every 90 s from the VN_Port: the forwarder keeps the host for ten minutes."""
    bench = Bench()
    bench.login()
    bench.executor.run_for(600_000)
    assert bench.fcf.knows(LINUX_MAC)
    assert bench.host.n_port_id
    assert bench.fcf.counts["keep_alive_lost"] == 0
    alive = bench.sent(3, 1)
    assert len([packet for packet in alive if packet.haslayer(FIP_VN_ID)]) == 6
    assert 70 <= len([packet for packet in alive if not packet.haslayer(FIP_VN_ID)]) <= 75


@pytest.mark.fast
def test_login_ends_with_the_forwarder_and_comes_again() -> None:
    """Cleared by a forwarder that stops; and a forwarder that just falls silent is given up after 2.5 periods."""
    bench = Bench()
    bench.login()
    downs: list[bool] = []
    told = bench.enode.on_link
    assert told is not None

    def link(up: bool) -> None:
        downs.append(up)
        told(up)

    bench.enode.on_link = link
    bench.forwarder.stop()
    bench.executor.run_for(100)
    assert bench.enode.counts["cleared"] == 1
    assert downs == [False, True]
    assert bench.host.n_port_id == 0
    bench.forwarder.start()
    bench.executor.run_for(2_500)
    bench.executor.run(bench.host.start(), 50_000)
    assert bench.host.n_port_id
    bench.near.other, bench.far.other = Cable(bench.executor), Cable(bench.executor)  # cut
    bench.executor.run_for(36_000)
    assert bench.enode.counts["forwarder_lost"] == 1
    assert downs == [False, True, False, True]
    assert not bench.enode.fcf_mac


@pytest.mark.fast
def test_logout_in_fip() -> None:
    bench = Bench()
    bench.login()
    granted = bench.enode.vn_mac
    bench.executor.run(bench.host.link_service(0xFFFFFE, bytes((5, 0, 0, 0)) + bytes(12), "LOGO"))
    bench.executor.run_for(100)
    assert text(granted) == bench.sent(2, 1)[-1].descriptors[1].mac
    assert not bench.fcf.knows(LINUX_MAC)
    assert not bench.enode.vn_mac


def _advertisement(flags: int = 0x8005, mac: str = text(OTHER_MAC)) -> FIP:
    descriptors = [
        FIP_Priority(priority=1),
        FIP_MAC(mac=mac),
        FIP_Name(name_=1),
        FIP_Fabric(fc_map=0x0EFC00, fabric_name=1),
        FIP_FKA(period=8000),
    ]
    return FIP(operation=1, subcode=2, flags=flags, descriptors=descriptors)


def _clear(n_port_id: int, mac: str = text(DEFAULT_MAC)) -> FIP:
    named = FIP_VN_ID(mac="0e:fc:00:01:02:03", n_port_id=n_port_id, port_name=1)
    return FIP(operation=3, subcode=2, flags="FPMA", descriptors=[FIP_MAC(mac=mac), FIP_Name(name_=1), named])


def _reply(bench: Bench) -> FIP:
    frame = FC(bytes.fromhex("23010300 00fffffe 01980000 00000000 12348000 00000000 02000000"))
    return FIP(operation=2, subcode=2, flags="FPMA", descriptors=[FIP_FLOGI(frame=frame), FIP_MAC(mac=text(OTHER_MAC))])


@pytest.mark.fast
@pytest.mark.parametrize(
    ("source", "packet", "reason"),
    [
        (OTHER_MAC, lambda _: _clear(0x010203), "fip_unexpected"),
        (DEFAULT_MAC, lambda _: _clear(0x010203), "fip_unknown_vn_port"),
        (DEFAULT_MAC, lambda bench: _clear(bench.enode.n_port_id, text(OTHER_MAC)), "fip_mac_mismatch"),
        (OTHER_MAC, lambda _: _advertisement(mac=text(DEFAULT_MAC)), "fip_unexpected"),
        (OTHER_MAC, lambda _: _advertisement(flags=0x8004), "fip_unexpected"),
        (OTHER_MAC, _reply, "fip_unexpected"),
        (DEFAULT_MAC, _reply, "fip_els"),
    ],
)
def test_bad_fip_changes_nothing(source: bytes, packet: Callable[[Bench], FIP], reason: str) -> None:
    bench = Bench()
    bench.login()
    before = bench.state()
    bench.gateway.receive(bytes(Ether(dst=text(LINUX_MAC), src=text(source)) / packet(bench)).ljust(60, b"\0"))
    assert bench.gateway.counts[reason] == 1
    assert bench.state() == before


@pytest.mark.fast
def test_other_forwarders_are_heard_and_left_alone() -> None:
    bench = Bench()
    bench.login()
    before = bench.state()
    for flags in (0x8005, 0x8007):
        frame = bytes(Ether(dst=text(LINUX_MAC), src=text(OTHER_MAC)) / _advertisement(flags))
        bench.gateway.receive(frame)
    assert bench.state() == before


@pytest.mark.fast
@pytest.mark.parametrize(
    ("destination", "source", "d_id", "reason"),
    [
        (OTHER_MAC, DEFAULT_MAC, None, "fcoe_not_for_us"),
        (None, OTHER_MAC, None, "fcoe_unknown_mac"),
        (None, DEFAULT_MAC, 0x010203, "fcoe_wrong_id"),
    ],
)
def test_fcoe_for_others_changes_nothing(
    destination: bytes | None, source: bytes, d_id: int | None, reason: str
) -> None:
    bench = Bench()
    bench.login()
    heard: list[object] = []
    bench.enode.on_frame = heard.append
    before = bench.state()
    head = bytes.fromhex("22") + (d_id or bench.enode.n_port_id).to_bytes(3, "big") + bytes(20)
    frame = Ether(dst=text(destination or bench.enode.vn_mac), src=text(source)) / FCoE(sof=0x2E, eof=0x42) / FC(head)
    bench.gateway.receive(bytes(frame))
    assert bench.enode.counts[reason] == 1
    assert not heard
    assert bench.state() == before


@pytest.mark.fast
def test_nothing_is_sent_without_a_login() -> None:
    bench = Bench()
    bench.gateway.start()
    with pytest.raises(DeadlineExceeded):
        bench.executor.run(bench.host.link_service(0x010203, bytes((3, 0, 0, 0)), "PLOGI"))
    assert bench.enode.counts["to_nobody"] == 1
    assert not [data for data in bench.near.sent if data[12:14] == b"\x89\x06"]
