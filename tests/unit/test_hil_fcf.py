# SPDX-License-Identifier: Apache-2.0
"""The FCoE forwarder: a scripted Linux host logs in through FIP and uses a Python disk; bad input changes nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from scapy.layers.l2 import Ether

from portplex.executor import DeadlineExceeded, VirtualExecutor
from portplex.fabric.switch import Switch
from portplex.fabric.zoning import Zoning
from portplex.fc.capture import LINKTYPE_ETHERNET, CaptureWriter
from portplex.fc.constants import Els
from portplex.fc.header import Header
from portplex.fc.layers import FC, FIP, FIP_FKA, FIP_FLOGI, FIP_MAC, FIP_VN_ID, FCoE, FIP_Fabric, FIP_Name, FIP_Priority
from portplex.hil.fcf import Fcf
from portplex.hil.gateway import Gateway
from portplex.hil.node import DEFAULT_MAC
from portplex.nport import els
from portplex.nport.backup_disk import BackupDisk
from portplex.nport.host_initiator import HostInitiator

from .hil_bench import LINUX_MAC, LINUX_WWNN, LINUX_WWPN, TIMES, Cable, LinuxPort
from .nport_bench import DISK_WWNN, DISK_WWPN, HOST_WWPN, TIMERS

FABRIC_LOGIN = 0xFFFFFE
OTHER_MAC = bytes.fromhex("525400120002")


class Bench:
    """A Python disk on the switch, a Linux host behind the gateway."""

    def __init__(self, *, capture=None, zoning: Zoning | None = None, start: bool = True, **changes) -> None:
        self.executor = VirtualExecutor()
        self.switch = Switch(self.executor, zoning=zoning, timers=TIMERS)
        self.fcf = Fcf(self.executor, self.switch, times=TIMES, **changes)
        near, far = Cable.pair(self.executor)
        self.near = near
        self.gateway = Gateway(self.executor, near, self.fcf, times=TIMES, capture=capture)
        self.linux = LinuxPort(far)
        self.host = self.n_port(self.linux, "linux", LINUX_WWPN, LINUX_WWNN)
        link = self.switch.attach(n_port_id=0x010E00)
        self.disk = BackupDisk(
            self.executor, link, name="disk", wwpn=DISK_WWPN, wwnn=DISK_WWNN, timers=TIMERS, blocks=256
        )
        self.executor.run(self.disk.start())
        if start:
            self.gateway.start()

    def n_port(self, link, name: str, wwpn: int, wwnn: int) -> HostInitiator:
        return HostInitiator(self.executor, link, name=name, wwpn=wwpn, wwnn=wwnn, timers=TIMERS)

    def login(self) -> None:
        self.linux.solicit()
        self.executor.run_for(100)
        assert self.linux.last(1, 2) is not None
        self.executor.run(self.host.start(), 50_000)

    def second_linux(self) -> tuple[LinuxPort, HostInitiator]:
        """Another end node on the same wire."""
        side = Cable(self.executor)
        side.other = self.near
        port = LinuxPort(side, mac=OTHER_MAC, wwpn=LINUX_WWPN + 1, wwnn=LINUX_WWNN + 1)
        first = self.linux.receive

        def both(data: bytes) -> None:
            first(data)
            port.receive(data)

        assert self.near.other is not None
        self.near.other.on_frame = lambda data: (
            both(data) if data[0] & 1 else (port.receive if data[:6] in (port.mac, port.vn_mac) else first)(data)
        )
        return port, self.n_port(port, "second", port.wwpn, port.wwnn)

    def state(self) -> tuple:
        """All that bad input must leave alone."""
        ports = [(port.number, port.wwpn, port.n_port_id, port.up) for port in self.switch.ports]
        enodes = sorted((mac, link.vn_mac, link.n_port_id) for mac, link in self.fcf.enodes.items())
        return ports, enodes, dict(self.switch.counts), bytes(self.disk.image()), len(self.near.sent)


@pytest.mark.fast
def test_solicited_advertisement_is_as_observed() -> None:
    """2172 bytes, flags 8007h: priority, MAC, name, fabric with FC-MAP 0EFC00h, FKA period."""
    bench = Bench()
    bench.near.sent.clear()
    bench.linux.solicit()
    bench.executor.run_for(100)
    (answer,) = bench.near.sent
    assert len(answer) == 2172
    name = bench.switch.wwn.to_bytes(8, "big").hex()
    expected = (
        LINUX_MAC.hex() + DEFAULT_MAC.hex() + "8914"
        "1000"
        "0001"
        "0002"
        "000c"
        "8007"
        "01010080"
        "0202" + DEFAULT_MAC.hex() + "04030000" + name + "05040000000efc00" + name + "0c02000000001f40"
    )
    assert answer[:72].hex() == expected
    assert answer[72:] == bytes(2100)
    classes = [type(entry) for entry in Ether(answer)[FIP].descriptors]
    assert classes == [FIP_Priority, FIP_MAC, FIP_Name, FIP_Fabric, FIP_FKA]


@pytest.mark.fast
def test_small_receivers_get_small_advertisements() -> None:
    bench = Bench()
    bench.linux.solicit()
    frame = bytearray(bench.linux.side.sent[-1])
    at = bytes(frame).index(bytes.fromhex("0601086e"))
    frame[at + 2 : at + 4] = (1500).to_bytes(2, "big")
    bench.near.sent.clear()
    bench.gateway.receive(bytes(frame))
    assert [len(data) for data in bench.near.sent] == [1514]


@pytest.mark.fast
def test_advertisements_come_every_period() -> None:
    bench = Bench()
    bench.executor.run_for(80_500)
    multicast = [data for data in bench.near.sent if data[:6].hex() == "011018010001"]
    assert len(multicast) == 11  # at once, then every 8000 ms
    assert len(multicast[0]) == 72
    assert Ether(multicast[0])[FIP].flags == 0x8005
    bench.gateway.stop()
    bench.executor.run_for(80_000)
    assert len([data for data in bench.near.sent if data[:6].hex() == "011018010001"]) == 11


@pytest.mark.fast
def test_linux_logs_in_and_uses_a_python_disk() -> None:
    """The observed order: FIP FLOGI, PLOGI and registrations, GPN_FT, PLOGI, PRLI, RTV, commands."""
    bench = Bench()
    bench.login()
    host = bench.host
    reply = bench.linux.last(2, 2)
    assert reply is not None
    assert isinstance(reply.descriptors[0], FIP_FLOGI)
    assert bench.linux.vn_mac == bytes.fromhex("0efc00") + host.n_port_id.to_bytes(3, "big")
    port = bench.switch.port_by_wwpn(LINUX_WWPN)
    assert port is not None
    assert port.n_port_id == host.n_port_id
    entry = bench.switch.name_server.entry(host.n_port_id)
    assert entry is not None
    assert entry.types == {8}
    assert bench.executor.run(host.find_targets()) == [0x010E00]
    (unit,) = bench.executor.run(host.discover())
    bench.executor.run(host.link_service(unit.target, bytes((Els.RTV, 0, 0, 0)), "RTV"))
    data = bytes(index * 7 & 0xFF for index in range(65536))
    bench.executor.run(host.write(unit, 64, data))
    assert bytes(bench.disk.image())[64 * 512 : 192 * 512] == data
    assert bench.executor.run(host.read(unit, 0, 200)) == bytes(64 * 512) + data + bytes(8 * 512)
    assert not bench.disk.violations
    assert not host.violations
    assert bench.linux.wrong_destination == 0
    assert all(Ether(data)[FCoE].version == 0 for data in bench.linux.fcoe)
    frames = bench.fcf.counts["fcoe_sent"]
    assert frames == len(bench.linux.fcoe)
    assert bench.fcf.counts["fcoe_received"] > 32
    assert set(bench.gateway.counts) == {"received", "sent"}  # nothing was dropped


@pytest.mark.fast
def test_hosts_share_the_fabric_and_its_zones() -> None:
    """Two Linux hosts and a Python host; a zone hides the disk from one of them."""
    zones = Zoning({"a": [LINUX_WWPN, DISK_WWPN, HOST_WWPN], "b": [LINUX_WWPN + 1, HOST_WWPN]})
    bench = Bench(zoning=zones)
    bench.login()
    second, other = bench.second_linux()
    second.solicit()
    bench.executor.run(other.start(), 50_000)
    python = HostInitiator(
        bench.executor, bench.switch.attach(n_port_id=0x010001), name="python", wwpn=HOST_WWPN, timers=TIMERS
    )
    bench.executor.run(python.start())
    bench.executor.run_for(1_000)
    assert second.vn_mac != bench.linux.vn_mac
    assert sorted(bench.executor.run(bench.host.find_targets())) == [0x010001, 0x010E00]
    assert bench.executor.run(other.find_targets()) == [0x010001]
    assert sorted(bench.executor.run(python.find_targets())) == sorted(
        [0x010E00, bench.host.n_port_id, other.n_port_id]
    )
    with pytest.raises(DeadlineExceeded):
        bench.executor.run(other.port_login(0x010E00))
    assert bench.switch.counts["zoned_out"] == 1
    assert bench.host.counts["rscn"] >= 1  # the Python host came


@pytest.mark.fast
def test_refused_login_gets_its_answer_and_no_address() -> None:
    bench = Bench()
    bench.host.wwpn = DISK_WWPN  # logged in elsewhere
    bench.linux.solicit()
    with pytest.raises(els.LsReject):
        bench.executor.run(bench.host.fabric_login(), 20_000)
    reply = bench.linux.last(2, 2)
    assert reply is not None
    assert reply.descriptors[1].mac == "00:00:00:00:00:00"
    assert not bench.fcf.enodes
    bench.host.wwpn = LINUX_WWPN
    bench.login()
    assert len(bench.switch.ports) == 2  # the port of the refused login was used again


@pytest.mark.fast
def test_linux_logs_in_with_no_receive_size_in_class_3() -> None:
    """Solicitation and FLOGI as Linux 6.1 sends them: the class 3 parameters of a FLOGI say nothing but "valid"."""
    bench = Bench()
    solicitation = "01101801000252540012000189141000000100010006800002025254001200010403000010005254001200010601086e"
    flogi = (
        "025050"
        "4c5801525400120001891410000002000100268000"
        "07240000"
        "22fffffe0000000001290000000000000001ffff00000000"
        "0400000020"
        "20000a80000840"
        "0000000000000000"
        "2000525400120001"
        "1000525400120001" + "00" * 32 + "8800000000000000" + "00" * 40 + "0202000000000000"
    )
    for frame in (solicitation, flogi):
        bench.linux.side.send(bytes.fromhex(frame))
        bench.executor.run_for(200)
    reply = bench.linux.last(2, 2)
    assert reply is not None
    assert bytes(reply.descriptors[0].frame)[24] == Els.LS_ACC
    assert bench.switch.port_by_wwpn(0x2000_5254_0012_0001) is not None


@pytest.mark.fast
def test_additional_addresses_are_refused() -> None:
    """FDISC: the switch has no NPIV and says so; the login stays."""
    bench = Bench()
    bench.login()
    n_port_id, bench.host.n_port_id = bench.host.n_port_id, 0
    payload = els.LoginParameters(LINUX_WWPN + 9, LINUX_WWNN).pack(Els.FDISC)
    request = bench.host.link_service(FABRIC_LOGIN, payload, "FDISC")
    future = bench.executor.start(request)
    with pytest.raises((els.LsReject, DeadlineExceeded)):
        bench.executor.run_until(future, bench.executor.now() + 10_000)
    reply = bench.linux.last(2, 2)
    assert reply is not None
    assert bytes(reply.descriptors[0].frame)[24] == Els.LS_RJT
    assert bench.switch.port_by_wwpn(LINUX_WWPN).n_port_id == n_port_id


@pytest.mark.fast
def test_logout_and_login_again() -> None:
    bench = Bench()
    bench.login()
    first = bench.host.n_port_id
    bench.executor.run(bench.host.logout(FABRIC_LOGIN))
    reply = bench.linux.last(2, 2)
    assert reply is not None
    assert reply.descriptors[0].type == 9
    assert bench.switch.port_by_wwpn(LINUX_WWPN) is None
    assert not bench.fcf.enodes
    assert bench.fcf.counts["logouts"] == 1
    bench.host.n_port_id = 0
    bench.linux.vn_mac = b""
    bench.login()
    assert bench.host.n_port_id == first
    assert len(bench.switch.ports) == 2


@pytest.mark.fast
def test_logout_without_fip_ends_the_grant_too() -> None:
    """LOGO to FFFFFEh as plain FCoE: the switch logs the port out, and its MAC address is nobody's from then on."""
    bench = Bench()
    bench.login()
    bench.executor.run_for(1_000)
    n_port_id, vn_mac = bench.host.n_port_id, bench.linux.vn_mac
    logo = Header(0x22, FABRIC_LOGIN, 0, n_port_id, 1, 0x290000, 0, 0, 0, 0x99, 0xFFFF, 0).pack()
    bench.linux.send_fcoe(DEFAULT_MAC, vn_mac, logo + els.logo(n_port_id, LINUX_WWPN))
    bench.executor.run_for(100)
    assert bench.switch.port_by_wwpn(LINUX_WWPN) is None
    before = dict(bench.switch.counts)
    frame = Header(0x06, 0x010E00, 0, n_port_id, 8, 0x290000, 1, 0, 0, 77, 0xFFFF, 0).pack() + bytes(32)
    bench.linux.send_fcoe(DEFAULT_MAC, vn_mac, frame)
    bench.executor.run_for(100)
    assert bench.fcf.counts["fcoe_unknown_mac"] == 1
    assert dict(bench.switch.counts) == before
    bench.executor.run_for(8_000)
    assert not bench.fcf.enodes


@pytest.mark.fast
def test_silent_end_node_is_thrown_out() -> None:
    """Keep-alives hold the login; 2.5 periods without lose it, and the host is told by a clear virtual link."""
    bench = Bench()
    bench.login()
    n_port_id = bench.host.n_port_id
    for _ in range(12):
        bench.executor.run_for(8_000)
        bench.linux.keep_alive()
        bench.linux.keep_alive(n_port_id)
    bench.executor.run_for(100)
    assert bench.switch.port_by_wwpn(LINUX_WWPN) is not None
    assert (bench.fcf.counts["enode_keep_alives"], bench.fcf.counts["vn_keep_alives"]) == (12, 12)
    bench.executor.run_for(19_000)
    assert bench.switch.port_by_wwpn(LINUX_WWPN) is not None
    bench.executor.run_for(6_000)
    assert bench.switch.port_by_wwpn(LINUX_WWPN) is None
    clear = bench.linux.last(3, 2)
    assert clear is not None
    described = clear.descriptor(FIP_VN_ID)
    assert (described.n_port_id, described.port_name) == (n_port_id, LINUX_WWPN)
    assert clear.descriptor(FIP_Name).name_ == bench.switch.wwn
    sent = len(bench.linux.fcoe)
    bench.executor.start(bench.host.port_login(0x010E00)).add_done_callback(lambda done: None)
    bench.executor.run_for(1_000)
    assert bench.gateway.node.counts["fcoe_unknown_mac"] == 1
    assert len(bench.linux.fcoe) == sent


@pytest.mark.fast
def test_vn_port_without_keep_alive_is_thrown_out() -> None:
    """The end node lives but its VN_Port does not: 2.5 times 90 s."""
    bench = Bench()
    bench.login()
    for _ in range(29):
        bench.executor.run_for(8_000)
        bench.linux.keep_alive()
        if bench.switch.port_by_wwpn(LINUX_WWPN) is None:
            break
    assert 225_000 < bench.executor.now() < 240_000
    assert bench.fcf.counts["keep_alive_lost"] == 1


@pytest.mark.fast
def test_stop_clears_links_and_lost_ethernet_forgets_them() -> None:
    bench = Bench()
    bench.login()
    bench.gateway.stop()
    bench.executor.run_for(100)
    assert bench.linux.last(3, 2) is not None
    assert bench.switch.port_by_wwpn(LINUX_WWPN) is None
    again = Bench()
    again.login()
    sent = len(again.near.sent)
    assert again.near.on_link is not None
    again.near.on_link(False)
    assert again.switch.port_by_wwpn(LINUX_WWPN) is None
    assert len(again.near.sent) == sent
    for one in (bench, again):
        one.executor.run_for(10_000)


def flogi(**fields) -> FC:
    payload = els.LoginParameters(LINUX_WWPN + 7, LINUX_WWNN).pack(Els.FLOGI)
    return FC(**{"d_id": FABRIC_LOGIN, "r_ctl": 0x22, "type": 1, "f_ctl": 0x290000, "ox_id": 9, **fields}) / payload


def fip_frame(packet: FIP, destination: bytes = DEFAULT_MAC, source: bytes = OTHER_MAC) -> bytes:
    return bytes(Ether(dst=destination.hex(":"), src=source.hex(":")) / packet).ljust(60, b"\0")


MAC = FIP_MAC(mac=OTHER_MAC.hex(":"))
LOGIN = FIP(operation=2, subcode=1, descriptors=[FIP_FLOGI(frame=flogi()), MAC])
SOLICIT = FIP(descriptors=[MAC, FIP_Name(name_=1)])
ALL_FCFS = bytes.fromhex("011018010002")
BAD_FIP = {
    "fip_unexpected": fip_frame(FIP(operation=1, subcode=2, descriptors=[MAC])),
    "fip_unexpected-vlan": fip_frame(FIP(operation=4, subcode=1, descriptors=[MAC])),
    "fip_unexpected-vn2vn": fip_frame(FIP(operation=5, subcode=1, descriptors=[MAC])),
    "fip_unexpected-operation": fip_frame(FIP(operation=0xFFF8, subcode=1)),
    "fip_unexpected-reply": fip_frame(FIP(operation=2, subcode=2, descriptors=[FIP_FLOGI(frame=flogi()), MAC])),
    "fip_unexpected-multicast": fip_frame(LOGIN, ALL_FCFS),
    "fip_not_for_us": fip_frame(LOGIN, bytes.fromhex("525400000099")),
    "fip_missing_descriptor": fip_frame(SOLICIT, ALL_FCFS),
    "fip_missing_descriptor-login": fip_frame(FIP(operation=2, subcode=1, descriptors=[MAC])),
    "fip_mac_mismatch": bytes.fromhex("011018010002525400120009891410000001000100068000")
    + bytes.fromhex("02025254001200010403000000000000000000010601086e" + "00" * 14),
    "fip_els": fip_frame(FIP(operation=2, subcode=1, descriptors=[FIP_FLOGI(frame=flogi(s_id=5)), MAC])),
    "fip_els-destination": fip_frame(FIP(operation=2, subcode=1, descriptors=[FIP_FLOGI(frame=flogi(d_id=5)), MAC])),
    "fip_els-reply": fip_frame(FIP(operation=2, subcode=1, descriptors=[FIP_FLOGI(frame=flogi(r_ctl=0x23)), MAC])),
    "fip_unknown_enode": fip_frame(FIP(operation=3, subcode=1, descriptors=[MAC])),
    "fip_unknown_enode-spoofed": fip_frame(FIP(operation=3, subcode=1, descriptors=[FIP_MAC(mac=LINUX_MAC.hex(":"))])),
    "fip_unknown_vn_port": fip_frame(
        FIP(operation=3, subcode=1, descriptors=[FIP_MAC(mac=LINUX_MAC.hex(":")), FIP_VN_ID(n_port_id=5)]),
        source=LINUX_MAC,
    ),
    "fip_version": fip_frame(FIP(version=2, operation=2, subcode=1, descriptors=[FIP_FLOGI(frame=flogi()), MAC])),
    "fip_length": fip_frame(FIP(length=300, operation=2, subcode=1, descriptors=[FIP_FLOGI(frame=flogi()), MAC])),
    "ethernet_source": fip_frame(LOGIN, source=ALL_FCFS),
    "ethernet_short": b"\x02" * 13,
    "other_ethertype": bytes.fromhex("ffffffffffff5254001200020806") + bytes(46),
}


@pytest.mark.fast
@pytest.mark.parametrize("reason", BAD_FIP)
def test_bad_fip_changes_nothing(reason: str) -> None:
    bench = Bench()
    bench.login()
    bench.executor.run_for(1_000)
    before = bench.state()
    drops = bench.gateway.counts.copy()
    bench.gateway.receive(BAD_FIP[reason])
    assert bench.state() == before
    drops.update(("received", reason.split("-")[0]))
    assert bench.gateway.counts == drops


@pytest.mark.fast
def test_fcoe_from_strangers_changes_nothing() -> None:
    """An address that was never granted, the ENode's own address, another's S_ID, another destination."""
    bench = Bench()
    bench.login()
    bench.executor.run_for(1_000)
    me = bench.host.n_port_id
    linux = bench.linux
    frame = Header(0x06, 0x010E00, 0, me, 8, 0x290000, 1, 0, 0, 77, 0xFFFF, 0).pack() + bytes(32)
    forged = Header(0x06, 0x010E00, 0, me + 1, 8, 0x290000, 1, 0, 0, 77, 0xFFFF, 0).pack() + bytes(32)
    before = bench.state()
    for destination, source, data in (
        (DEFAULT_MAC, bytes.fromhex("0efc00099900"), frame),
        (DEFAULT_MAC, LINUX_MAC, frame),
        (DEFAULT_MAC, linux.vn_mac, forged),
        (bytes.fromhex("0efc00010e00"), linux.vn_mac, frame),
    ):
        linux.send_fcoe(destination, source, data)
    bench.executor.run_for(100)
    assert bench.state() == before
    counts = bench.fcf.counts
    assert (counts["fcoe_unknown_mac"], counts["fcoe_wrong_s_id"], counts["fcoe_not_for_us"]) == (2, 1, 1)


@pytest.mark.fast
def test_fip_storms_are_held_back() -> None:
    """10,000 solicitations from one address, then 10,000 logins from as many: few answers, few ports of the switch, the
    host that is logged in keeps its login and its keep-alives."""
    bench = Bench(max_enodes=4)
    bench.login()
    sent = len(bench.near.sent)
    solicitation = bytearray(bench.linux.side.sent[0])
    solicitation[6:12] = solicitation[26:32] = OTHER_MAC
    for _ in range(10_000):
        bench.gateway.receive(bytes(solicitation))
    assert len(bench.near.sent) - sent == 16
    assert bench.gateway.counts["fip_rate"] == 9_984
    login = bytearray(fip_frame(LOGIN))
    at = bytes(login).index((LINUX_WWPN + 7).to_bytes(8, "big"))
    for number in range(10_000):
        login[8:12] = number.to_bytes(4, "big")
        login[at + 4 : at + 8] = (number + 0x1000_0000).to_bytes(4, "big")
        bench.gateway.receive(bytes(login))
    assert len(bench.switch.ports) == 1 + 4
    assert len(bench.fcf.enodes) == 4
    assert bench.gateway.counts["fip_no_room"] > 0
    n_port_id = bench.host.n_port_id
    bench.linux.keep_alive()
    bench.executor.run_for(100)
    assert bench.fcf.counts["enode_keep_alives"] == 1
    assert bench.switch.port_by_id(n_port_id) is not None
    bench.executor.run_for(30_000)  # those that never kept alive go, and make room
    assert len(bench.fcf.enodes) == 0


@pytest.mark.fast
def test_capture_of_a_login_in_tshark(tmp_path: Path, require_tool: Callable[[str], None]) -> None:
    """A third party reads FIP and FCoE as meant: operations, addresses, CRC; nothing malformed."""
    require_tool("tshark")
    path = tmp_path / "login.pcapng"
    with CaptureWriter(path, ["gateway"], link_type=LINKTYPE_ETHERNET) as capture:
        bench = Bench(capture=capture)
        bench.login()
        (unit,) = bench.executor.run(bench.host.discover())
        bench.executor.run(bench.host.write(unit, 0, bytes(8192)))
        bench.linux.keep_alive(bench.host.n_port_id)
        bench.executor.run(bench.host.logout(FABRIC_LOGIN))
        bench.gateway.stop()

    def tshark(*arguments: str) -> list[str]:
        command = ["tshark", "-r", path, "-o", "fc.reassemble:FALSE", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    assert not tshark("-Y", "_ws.malformed")
    fip = [line.split("\t") for line in tshark("-Y", "fip", "-T", "fields", "-e", "fip.opcode", "-e", "fip.fab.map")]
    assert [int(code, 0) for code, _ in fip] == [1, 1, 1, 2, 2, 3, 2, 2]  # the observed order, keep-alive, logout
    assert [fc_map for code, fc_map in fip if fc_map] == ["0e.fc.00"] * 2
    crc = tshark("-Y", "fcoe", "-T", "fields", "-e", "fcoe.crc.status")
    assert len(crc) > 30
    assert set(crc) == {"1"}
