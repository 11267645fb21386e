# SPDX-License-Identifier: Apache-2.0
"""A scripted Linux host on an Ethernet of two ends, in virtual time. It builds and reads its frames with the scapy
layers, so that the gateway's own codecs are held against something else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from scapy.layers.l2 import Ether

from portplex.executor import VirtualExecutor
from portplex.fc.constants import ORDERED_SETS
from portplex.fc.layers import (
    FC,
    FIP,
    FIP_ALL_FCFS,
    FIP_ALL_VN2VN,
    FIP_FDISC,
    FIP_FLOGI,
    FIP_LOGO,
    FIP_MAC,
    FIP_VN_ID,
    FCoE,
    FIP_FC4_Features,
    FIP_FCoE_Size,
    FIP_Name,
)
from portplex.framelink import Frame
from portplex.hil.node import DEFAULT_MAC, FipTimes

LINUX_MAC = bytes.fromhex("525400120001")
LINUX_WWPN = 0x1000_5254_0012_0001
LINUX_WWNN = 0x2000_5254_0012_0001
TIMES = FipTimes(words_per_ms=1)
SOFS = {0x2E: ORDERED_SETS["SOFi3"], 0x36: ORDERED_SETS["SOFn3"]}
EOFS = {0x41: ORDERED_SETS["EOFn_NEG"], 0x42: ORDERED_SETS["EOFt_NEG"]}


def text(mac: bytes) -> str:
    return mac.hex(":")


class Cable:
    """One end of an Ethernet in virtual time: a frame sent arrives at `other` ten words later."""

    def __init__(self, executor: VirtualExecutor) -> None:
        self.executor = executor
        self.on_frame: Callable[[bytes], None] | None = None
        self.on_link: Callable[[bool], None] | None = None
        self.counts: Counter[str] = Counter()
        self.other: Cable | None = None
        self.sent: list[bytes] = []

    @classmethod
    def pair(cls, executor: VirtualExecutor) -> tuple[Cable, Cable]:
        one, two = cls(executor), cls(executor)
        one.other, two.other = two, one
        return one, two

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def filenos(self) -> list[int]:
        return []

    def poll(self, seconds: float = 0.0) -> int:
        return 0

    def send(self, frame: bytes) -> None:
        self.sent.append(frame)
        self.executor.call_at(self.executor.now() + 10, lambda: self._arrive(frame))

    def _arrive(self, frame: bytes) -> None:
        assert self.other is not None
        if self.other.on_frame is not None:
            self.other.on_frame(frame)


class LinuxPort:
    """What stands below the host's N_Port in all three modes; a FrameLink. `fip` and `fcoe` keep what was received."""

    fc_map = 0x0EFC00

    def __init__(self, side, *, mac: bytes = LINUX_MAC, wwpn: int = LINUX_WWPN, wwnn: int = LINUX_WWNN) -> None:
        self.on_frame: Callable[[Frame], None] | None = None
        self.on_link: Callable[[bool], None] | None = None
        self.side = side
        self.mac = mac
        self.vn_mac = b""
        self.wwpn, self.wwnn = wwpn, wwnn
        self.peer_mac = DEFAULT_MAC
        self.fip: list[FIP] = []
        self.fcoe: list[bytes] = []
        self.wrong_destination = 0
        side.on_frame = self.receive

    # ---- FIP ----

    def say(self, packet: FIP, destination: str, source: bytes | None = None, size: int = 46) -> None:
        data = bytes(Ether(dst=destination, src=text(source or self.mac)) / packet)
        self.side.send(data.ljust(14 + size, b"\0"))

    def solicit(self, **changes) -> None:
        """What every mode begins with."""
        descriptors = [FIP_MAC(mac=text(self.mac)), FIP_Name(name_=self.wwnn), FIP_FCoE_Size()]
        self.say(FIP(operation=1, subcode=1, flags="FPMA", descriptors=descriptors), FIP_ALL_FCFS)

    def keep_alive(self, n_port_id: int | None = None) -> None:
        descriptors = [FIP_MAC(mac=text(self.mac))]
        if n_port_id is not None:
            descriptors.append(FIP_VN_ID(mac=text(self.vn_mac), n_port_id=n_port_id, port_name=self.wwpn))
        packet = FIP(operation=3, subcode=1, flags="FPMA", descriptors=descriptors)
        self.say(packet, text(self.peer_mac), self.vn_mac if n_port_id is not None else None)

    def link_service(self, layer, frame: bytes, mac: bytes = bytes(6), subcode: int = 1) -> None:
        packet = FIP(
            operation=2, subcode=subcode, flags="FPMA", descriptors=[layer(frame=FC(frame)), FIP_MAC(mac=text(mac))]
        )
        self.say(packet, text(self.peer_mac))

    def last(self, operation: int, subcode: int) -> FIP | None:
        found = [packet for packet in self.fip if (packet.operation, packet.subcode) == (operation, subcode)]
        return found[-1] if found else None

    # ---- frames ----

    def send(self, frame: bytes, *, initiate: bool = True, terminate: bool = True) -> None:
        """Fabric mode: FLOGI, FDISC and LOGO to FFFFFEh go in FIP."""
        kinds = {0x04: FIP_FLOGI, 0x51: FIP_FDISC, 0x05: FIP_LOGO}
        if frame[1:4] == b"\xff\xff\xfe" and frame[0] == 0x22 and frame[24] in kinds:
            self.link_service(kinds[frame[24]], frame, self.vn_mac or bytes(6))
        else:
            self.send_fcoe(self.peer_mac, self.vn_mac, frame, initiate=initiate, terminate=terminate)

    def send_fcoe(
        self, destination: bytes, source: bytes, frame: bytes, *, initiate: bool = True, terminate: bool = True
    ) -> None:
        head = FCoE(sof=0x2E if initiate else 0x36, eof=0x42 if terminate else 0x41)
        self.side.send(bytes(Ether(dst=text(destination), src=text(source)) / head / FC(frame)))

    def receive(self, data: bytes) -> None:
        packet = Ether(data)
        if packet.type == 0x8914:
            fip = packet[FIP]
            self.fip.append(fip)
            self.receive_fip(fip, data[6:12])
        elif packet.type == 0x8906:
            frame = data[28:-8]
            # What Linux does: a D_ID that is not the lower half of the address is dropped.
            if data[3:6] != frame[1:4]:
                self.wrong_destination += 1
                return
            self.fcoe.append(data)
            self.deliver(frame, SOFS[data[27]], EOFS[data[-4]], packet[FCoE].crc)

    def deliver(self, frame: bytes, sof: int = SOFS[0x2E], eof: int = EOFS[0x42], crc: int = 0) -> None:
        if self.on_frame is not None:
            self.on_frame(Frame(frame, sof, eof, crc))

    def receive_fip(self, fip: FIP, source: bytes) -> None:
        if (fip.operation, fip.subcode) == (2, 2):
            encapsulated = fip.descriptors[0]
            if encapsulated.type == 7 and bytes(encapsulated.frame)[24] == 2:
                self.vn_mac = bytes.fromhex(fip.descriptors[1].mac.replace(":", ""))
            self.deliver(bytes(encapsulated.frame))


class LinuxVn2vn(LinuxPort):
    """A host in VN2VN mode, as observed: two probes, claim, beacons; FLOGI in FIP to the neighbour."""

    def __init__(self, side, n_port_id: int = 0x1234, **changes) -> None:
        super().__init__(side, **changes)
        self.n_port_id = n_port_id
        self.vn_mac = bytes.fromhex("0efd00") + n_port_id.to_bytes(3, "big")

    def vn(self, subcode: int, destination: str = FIP_ALL_VN2VN, flags: int = 0) -> None:
        descriptors = [
            FIP_MAC(mac=text(self.mac)),
            FIP_Name(name_=self.wwnn),
            FIP_VN_ID(mac=text(self.vn_mac), n_port_id=self.n_port_id, port_name=self.wwpn),
        ]
        if subcode in (3, 4):
            descriptors += [FIP_FC4_Features(), FIP_FCoE_Size()]
        source = self.vn_mac if subcode == 5 else None  # as observed
        self.say(FIP(operation=5, subcode=subcode, flags=flags, descriptors=descriptors), destination, source)

    def receive_fip(self, fip: FIP, source: bytes) -> None:
        own = self.vn_mac
        super().receive_fip(fip, source)
        self.vn_mac = own  # the address in a reply is the neighbour's
        if fip.operation == 5 and fip.subcode == 3:
            self.vn(4, text(source))

    def send(self, frame: bytes, *, initiate: bool = True, terminate: bool = True) -> None:
        destination = bytes.fromhex("0efd00") + frame[1:4]
        self.send_fcoe(destination, self.vn_mac, frame, initiate=initiate, terminate=terminate)


class LinuxPointToPoint(LinuxPort):
    """A host point to point: answers a FLOGI, then uses the addresses of its answer."""

    def send(self, frame: bytes, *, initiate: bool = True, terminate: bool = True) -> None:
        destination = bytes.fromhex("0efc00") + frame[1:4]
        source = self.vn_mac if self.vn_mac else self.mac
        self.send_fcoe(destination, source, frame, initiate=initiate, terminate=terminate)
