# SPDX-License-Identifier: Apache-2.0
"""The switch: login, routing, class 3 drops, pacing, zoning, name server, RSCN."""

from __future__ import annotations

import struct

import pytest

from portplex.executor import DeadlineExceeded, VirtualExecutor, sleep
from portplex.fabric.switch import Switch
from portplex.fabric.zoning import Zoning
from portplex.fc.constants import ORDERED_SETS, Address, CtCommand, Els, FcType, RCtl
from portplex.fc.header import Header
from portplex.framelink import Frame
from portplex.nport import els
from portplex.nport.ct import Ct, CtExplanation, CtReason, CtReject, fc4_types, parse_fc4_types, parse_id_list
from portplex.nport.n_port import NPort

from .nport_bench import DISK_WWPN, HOST_WWNN, HOST_WWPN, TIMERS, Fabric, RecordedLink, make_frame

FCP = FcType.FCP


def data_frame(s_id: int, d_id: int, tag: int = 0) -> bytes:
    return Header(RCtl.UNCATEGORIZED, d_id, 0, s_id, 0x30, 0x290000, 0, 0, tag, 1, 0xFFFF, 0).pack()


# ---- login and routing ----


@pytest.mark.fast
def test_fabric_login_assigns_addresses() -> None:
    executor = VirtualExecutor()
    switch = Switch(executor, domain=3, timers=TIMERS)
    ports = [NPort(executor, switch.attach(), name=f"n{i}", wwpn=100 + i, timers=TIMERS) for i in range(3)]
    assert [executor.run(port.fabric_login()) for port in ports] == [0x030100, 0x030200, 0x030300]
    assert executor.run(ports[1].fabric_login()) == 0x030200  # again: the same
    known = switch.port_by_wwpn(101)
    assert known is switch.ports[1]
    assert switch.port_by_id(0x030200) is known
    assert known.bb_credit == 16


@pytest.mark.fast
def test_fabric_login_answer_bytes() -> None:
    """LS_ACC of FLOGI to the N_Port at 010001h: addresses, F_Port bit, credit, R_A_TOV and E_D_TOV in ms, names."""
    executor = VirtualExecutor()
    switch = Switch(executor, bb_credit=5, timers=TIMERS)
    link = switch.attach(n_port_id=0x010001)
    answers: list[Frame] = []
    link.on_frame = answers.append
    flogi = els.LoginParameters(HOST_WWPN, HOST_WWNN).pack(Els.FLOGI)
    link.send(bytes.fromhex("22fffffe0000000001290000000000000001ffff00000000") + flogi)
    header, payload = Header.unpack(answers[0].data), answers[0].data[24:]
    assert (header.d_id, header.s_id, header.ox_id, header.f_ctl) == (0x010001, 0xFFFFFE, 1, 0x980000)
    assert payload[:20].hex() == "02000000" + "2020" + "0005" + "1000" + "0840" + "00002710" + "000007d0"
    assert struct.unpack_from(">QQ", payload, 20) == (switch.wwn + 1, switch.wwn)
    assert len(payload) == 116


@pytest.mark.fast
def test_refused_fabric_logins() -> None:
    executor = VirtualExecutor()
    switch = Switch(executor, timers=TIMERS)
    first = NPort(executor, switch.attach(), name="first", wwpn=7, timers=TIMERS)
    executor.run(first.fabric_login())
    for link, wwpn in ((switch.attach(), 7), (switch.attach(wwpn=9), 8), (switch.attach(), 0)):
        other = NPort(executor, link, name="other", wwpn=wwpn, timers=TIMERS)
        with pytest.raises(els.LsReject, match="FLOGI was rejected"):
            executor.run(other.fabric_login())
        assert other.n_port_id == 0
    for payload, reason in (
        (els.LoginParameters(5, 5, receive_size=255).pack(Els.FLOGI), 0x03),
        (els.LoginParameters(5, 5, class3_flags=0).pack(Els.FLOGI), 0x03),
        (bytes((Els.FLOGI, 0, 0, 0)), 0x07),
        (els.LoginParameters(5, 5).pack(Els.FDISC), 0x0B),
    ):
        port = NPort(executor, switch.attach(), name="bad", wwpn=5, timers=TIMERS)
        with pytest.raises(els.LsReject) as caught:
            executor.run(port.link_service(Address.FABRIC_LOGIN, payload, "login"))
        assert caught.value.reason == reason


@pytest.mark.fast
def test_class_3_drops_are_counted() -> None:
    """Not logged in, spoofed S_ID, unknown D_ID, bad CRC, EOFa and runt: dropped, counted, nobody told."""
    fabric = Fabric(2)
    counts = fabric.switch.counts
    stranger = fabric.switch.attach()
    heard: list[Frame] = []
    fabric.links[1].on_frame = stranger.on_frame = heard.append
    link = fabric.links[0]
    stranger.send(data_frame(0x010001, 0x010002))
    link.send(data_frame(0x010E00, 0x010002))
    link.send(data_frame(0x010001, 0x0A0B0C))
    port = fabric.switch.ports[0]
    good = make_frame(data_frame(0x010001, 0x010002))
    port.receive(Frame(good.data, good.sof, good.eof, 0, False))
    port.receive(Frame(good.data, good.sof, ORDERED_SETS["EOFa_POS"]))
    port.receive(Frame(good.data[:20], good.sof, good.eof))
    assert not heard
    assert (counts["not_logged_in"], counts["wrong_s_id"], counts["unreachable"], counts["bad_frame"]) == (1, 1, 1, 3)
    port.receive(good)
    assert [frame.data for frame in heard] == [good.data]
    fabric.links[1].send(good.data)  # the route is known now, but not for this port
    assert counts["wrong_s_id"] == 2
    assert len(heard) == 1


@pytest.mark.fast
def test_delivery_is_in_order_and_does_not_recurse() -> None:
    """Each delivery causes the next, 5000 deep; order of arrival is order of sending."""
    fabric = Fabric(2)
    first, second = fabric.links
    seen: list[int] = []

    def echo(frame: Frame) -> None:
        tag = Header.unpack(frame.data).seq_cnt
        seen.append(tag)
        if tag < 5000:
            first.send(data_frame(0x010001, 0x010002, tag + 2))

    second.on_frame = echo
    first.send(data_frame(0x010001, 0x010002, 0))
    first.send(data_frame(0x010001, 0x010002, 1))
    assert seen[:2] == [0, 2]
    assert [tag for tag in seen if tag % 2 == 0] == list(range(0, 5001, 2))


@pytest.mark.fast
def test_paced_port_and_full_queue() -> None:
    """At line rate a frame of 2048 bytes takes 527 words: SOF, header, payload, CRC, EOF and 6 fill words."""
    executor = VirtualExecutor()
    switch = Switch(executor, timers=TIMERS)
    sender = NPort(executor, switch.attach(n_port_id=0x010001), name="sender", wwpn=1, timers=TIMERS)
    slow_link = switch.attach(n_port_id=0x010002, rate=1.0, queue_limit=3)
    receiver = NPort(executor, slow_link, name="receiver", wwpn=2, timers=TIMERS)
    executor.run(sender.fabric_login())
    executor.run(receiver.fabric_login())
    times: list[int] = []
    slow_link.on_frame = lambda frame: times.append(executor.now())
    start = executor.now()
    for tag in range(5):
        sender.link.send(data_frame(0x010001, 0x010002, tag) + bytes(2048))
    executor.run_for(10_000)
    assert [time - start for time in times] == [527, 1054, 1581]
    assert switch.ports[1].counts["queue_full"] == 2


@pytest.mark.fast
def test_external_link_is_joined() -> None:
    """The array's side: frames leave through `send` with their delimiters; link down logs the port out."""
    executor = VirtualExecutor()
    switch = Switch(executor, timers=TIMERS)
    host = NPort(executor, switch.attach(n_port_id=0x010001), name="host", wwpn=1, timers=TIMERS)
    executor.run(host.fabric_login())
    array = RecordedLink()
    port = switch.connect(array, n_port_id=0x010E00)
    flogi = els.LoginParameters(2, 3).pack(Els.FLOGI)
    array.say(Header(0x22, 0xFFFFFE, 0, 0, 1, 0x290000, 0, 0, 0, 1, 0xFFFF, 0).pack() + flogi)
    assert Header.unpack(array.sent[0].data).d_id == port.n_port_id == 0x010E00
    for initiate, terminate in ((True, False), (False, True)):
        host.link.send(data_frame(0x010001, 0x010E00), initiate=initiate, terminate=terminate)
    names = {word: name for name, word in ORDERED_SETS.items()}
    assert [(names[f.sof], names[f.eof][:4]) for f in array.sent[1:]] == [("SOFi3", "EOFn"), ("SOFn3", "EOFt")]
    assert array.on_link is not None
    array.on_link(False)
    assert switch.port_by_id(0x010E00) is None
    host.link.send(data_frame(0x010001, 0x010E00))
    assert switch.counts["unreachable"] == 1
    array.say(data_frame(0x010E00, 0x010001))
    assert port.counts["link_down"] == 1


@pytest.mark.fast
def test_wrong_switch_arguments_are_named() -> None:
    switch = Switch(VirtualExecutor())
    switch.attach(n_port_id=5)
    for wrong, message in (
        (lambda: switch.attach(n_port_id=5), "n_port_id = 000005h: another port"),
        (lambda: switch.attach(n_port_id=0xFFFFFC), "n_port_id = FFFFFCh: must be"),
        (lambda: switch.attach(rate=0), "rate = 0"),
        (lambda: switch.attach(queue_limit=0), "queue_limit = 0"),
        (lambda: Switch(VirtualExecutor(), domain=240), "domain = 240"),
        (lambda: Zoning({"a": [1 << 64]}), "zone a: WWPN"),
    ):
        with pytest.raises(ValueError, match=message):
            wrong()


# ---- name server ----


@pytest.mark.fast
def test_name_server_queries() -> None:
    fabric = Fabric(2)
    host = fabric.host
    port_id = struct.Struct(">I")

    def ask(command: CtCommand, body: bytes) -> bytes:
        return fabric.run(host.ct(Ct(command, body), command.name)).body

    assert ask(CtCommand.GPN_ID, port_id.pack(0x010E00)) == struct.pack(">Q", DISK_WWPN)
    assert ask(CtCommand.GNN_ID, port_id.pack(0x010002)) == struct.pack(">Q", HOST_WWNN + 1)
    assert ask(CtCommand.GSPN_ID, port_id.pack(0x010E00)) == b"\x04disk" + bytes(3)
    assert ask(CtCommand.GID_PN, struct.pack(">Q", DISK_WWPN)) == port_id.pack(0x010E00)
    assert ask(CtCommand.GID_FT, bytes((0, 0, 0, FCP))).hex() == "00010001" + "00010002" + "80010e00"
    names = ask(CtCommand.GPN_FT, bytes((0, 0, 0, FCP)))
    assert names[16:32].hex() == "00010002" + "00000000" + f"{HOST_WWPN + 1:016x}"
    assert [n_port_id for n_port_id, _ in parse_id_list(names, 16)] == [0x010001, 0x010002, 0x010E00]
    following = ask(CtCommand.GA_NXT, port_id.pack(0x010002))
    assert following[:12] == b"\x01\x01\x0e\x00" + struct.pack(">Q", DISK_WWPN)
    assert len(following) == 620
    assert ask(CtCommand.GA_NXT, port_id.pack(0x010E00))[:4] == b"\x01\x01\x00\x01"  # around the end
    entry = fabric.switch.name_server.entry(0x010E00)
    assert entry is not None
    assert (entry.types, entry.features, entry.node_name) == ({FCP}, {FCP: 1}, b"disk")
    assert fabric.switch.name_server.is_target(0x010E00)
    assert not fabric.switch.name_server.is_target(0x010001)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("command", "body", "reason", "explanation"),
    [
        (CtCommand.GPN_ID, b"\0\x0a\x0b\x0c", CtReason.UNABLE, CtExplanation.PORT_ID_NOT_REGISTERED),
        (CtCommand.GID_PN, bytes(8), CtReason.UNABLE, CtExplanation.PORT_NAME_NOT_REGISTERED),
        (CtCommand.GID_FT, bytes((0, 0, 0, 5)), CtReason.UNABLE, CtExplanation.FC4_TYPES_NOT_REGISTERED),
        (CtCommand.RFT_ID, b"\0\x01\x0e\0" + bytes(32), CtReason.UNABLE, CtExplanation.PORT_ID_NOT_REGISTERED),
        (CtCommand.RFF_ID, b"\0\x01\0\x01\0\0\x02\x28", CtReason.UNABLE, CtExplanation.FC4_TYPES_NOT_REGISTERED),
        (CtCommand.RSNN_NN, bytes(8) + b"\x01x", CtReason.UNABLE, CtExplanation.NODE_NAME_NOT_REGISTERED),
        (CtCommand.GPN_ID, b"", CtReason.INVALID_SIZE, CtExplanation.NONE),
        (0x0FFF, b"", CtReason.UNSUPPORTED, CtExplanation.NONE),
    ],
)
def test_name_server_rejects(command: int, body: bytes, reason: int, explanation: int) -> None:
    fabric = Fabric()
    with pytest.raises(CtReject, match=rf"request was rejected by the name server: reason {reason:02X}h") as caught:
        fabric.run(fabric.host.ct(Ct(command, body), "request"))
    assert (caught.value.reason, caught.value.explanation) == (reason, explanation)


@pytest.mark.fast
def test_name_server_needs_login_and_limits_its_answer() -> None:
    fabric = Fabric(2)
    answer = fabric.run(fabric.host.ct(Ct(CtCommand.GID_FT, bytes((0, 0, 0, FCP)), size=2), "GID_FT"))
    assert (answer.body.hex(), answer.size) == ("0001000100010002", 1)  # one word is left over
    fabric.switch.name_server.sessions.clear()
    with pytest.raises(CtReject):
        fabric.run(fabric.host.ct(Ct(CtCommand.GID_FT, bytes((0, 0, 0, FCP))), "GID_FT"))


@pytest.mark.fast
def test_long_answers_come_in_several_frames() -> None:
    """200 ports: GPN_FT is 3216 bytes."""
    fabric = Fabric(1)
    for index in range(198):
        fabric.switch.name_server.add(0x020000 + index, 0x5000 + index, 0)
        entry = fabric.switch.name_server.entry(0x020000 + index)
        assert entry is not None
        entry.types = {FCP}
    fabric.switch.visible = lambda one, other: True  # type: ignore[method-assign]
    assert len(fabric.run(fabric.host.find_targets())) == 199
    assert not fabric.host.violations


@pytest.mark.fast
def test_fc4_type_bitmap() -> None:
    assert fc4_types({0x08}).hex() == "00000100" + "00" * 28
    assert fc4_types({0x28}).hex() == "00000000" + "00000100" + "00" * 24
    assert parse_fc4_types(fc4_types({8, 0x28, 255})) == {8, 0x28, 255}


# ---- zoning and state changes ----


@pytest.mark.fast
def test_zones_hide_and_separate() -> None:
    zoning = Zoning({"one": [HOST_WWPN, DISK_WWPN], "two": [HOST_WWPN + 1]})
    fabric = Fabric(2, zoning=zoning)
    inside, outside = fabric.hosts
    assert fabric.run(inside.find_targets()) == [0x010E00]
    assert fabric.run(outside.find_targets()) == []
    with pytest.raises(DeadlineExceeded, match="reply to PLOGI from 010E00h"):
        fabric.run(outside.port_login(0x010E00))
    assert fabric.switch.counts["zoned_out"] == 1
    assert fabric.disk.sessions.keys() == {Address.NAME_SERVER}
    fabric.run(inside.login(0x010E00))
    fabric.switch.set_zoning(Zoning.open())
    fabric.run(outside.login(0x010E00))
    assert fabric.disk.sessions.keys() == {Address.NAME_SERVER, 0x010001, 0x010002}


@pytest.mark.fast
def test_state_changes_are_told() -> None:
    """RSCN to registered ports in the same zone: a port comes, goes, changes zone."""
    fabric = Fabric(2, zoning=Zoning({"a": [HOST_WWPN, DISK_WWPN], "b": [HOST_WWPN + 1, 99]}))
    told: list[list[list[int]]] = [[], []]
    for host, heard in zip(fabric.hosts, told, strict=True):
        host.on_rscn = heard.append
    switch, executor = fabric.switch, fabric.executor
    before = switch.fabric_controller.counts["rscn_accepted"]
    disk_port = switch.port_by_id(0x010E00)
    assert disk_port is not None
    disk_port.set_up(False)
    executor.run_for(10)
    assert told == [[[0x010E00]], []]
    disk_port.set_up(True)
    fabric.run(fabric.disk.fabric_login())
    executor.run_for(10)
    assert told == [[[0x010E00], [0x010E00]], []]
    switch.set_zoning(Zoning({"c": [HOST_WWPN, HOST_WWPN + 1]}))
    executor.run_for(10)
    assert told == [[[0x010E00], [0x010E00], [0x010002, 0x010E00]], [[0x010001]]]
    assert switch.fabric_controller.counts["rscn_accepted"] - before == 4
    fabric.run(fabric.host.logout(Address.FABRIC_LOGIN))
    executor.run_for(10)
    assert told[1][-1] == [0x010001]


@pytest.mark.fast
def test_unanswered_state_change_is_counted() -> None:
    fabric = Fabric(2)
    fabric.switch.fabric_controller.counts.clear()
    fabric.links[1].on_frame = None
    port = fabric.switch.port_by_id(0x010E00)
    assert port is not None
    port.set_up(False)
    fabric.run(sleep(fabric.executor, TIMERS.link_service + 1))
    assert fabric.switch.fabric_controller.counts == {"rscn_accepted": 1, "rscn_unanswered": 1}


@pytest.mark.fast
def test_registration_can_be_cleared() -> None:
    fabric = Fabric(1)
    registered = fabric.switch.fabric_controller.registered
    assert 0x010001 in registered
    fabric.run(fabric.host.link_service(Address.FABRIC_CONTROLLER, bytes((Els.SCR, 0, 0, 0, 0, 0, 0, 0xFF)), "SCR"))
    assert 0x010001 not in registered
    with pytest.raises(els.LsReject, match="LOGICAL_ERROR"):
        fabric.run(fabric.host.link_service(Address.FABRIC_CONTROLLER, bytes((Els.SCR, 0, 0, 0, 0, 0, 0, 9)), "SCR"))
