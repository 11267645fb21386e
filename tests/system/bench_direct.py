# SPDX-License-Identifier: Apache-2.0
"""A host at the other end of the array's link, without a fabric: login both ways round, then reads and writes.

`Direct` does at the host's end what Linux's libfc does, point to point.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from zlib import crc32

import pyuvm

from portplex.executor import sleep
from portplex.fc.constants import Address, Els, FCtlUsual, FcType, RCtl
from portplex.fc.header import HEADER_BYTES, Header
from portplex.framelink import Frame, FrameLink
from portplex.nport import els
from portplex.nport.host_initiator import HostInitiator
from portplex.scenario.rig import ARRAY_WWPN, Rig
from portplex.uvm.base_test import ArrayTest

LOW, HIGH = 0x010101, 0x010102
LOWER, HIGHER = ARRAY_WWPN - 1, ARRAY_WWPN + 1


class Direct:
    """The host's link: FLOGI of either side, all other frames as they are."""

    def __init__(self, port: FrameLink, wwpn: int) -> None:
        self.port = port
        self.wwpn = wwpn
        self.on_frame = None
        self.on_link = None
        self.array_flogis = 0
        self.answers = True  # a FLOGI of the array

    def send(self, frame: bytes, *, initiate: bool = True, terminate: bool = True) -> None:
        self.port.send(frame, initiate=initiate, terminate=terminate)

    def receive(self, frame: Frame) -> None:
        header, payload = Header.unpack(frame.data), frame.data[HEADER_BYTES:]
        if header.d_id == Address.FABRIC_LOGIN:
            self.array_flogis += 1
            if self.answers:
                self.answer(header, els.LoginParameters.unpack(payload))
        elif header.r_ctl == RCtl.ELS_REPLY and len(payload) == els.LOGIN_BYTES and self.waiting():
            # the host asked FFFFFEh
            self.host_takes(frame, header.s_id)
        elif self.on_frame is not None:
            self.on_frame(frame)

    host: HostInitiator
    peer_id = 0

    def waiting(self) -> bool:
        return not self.host.n_port_id

    def host_takes(self, frame: Frame, s_id: int) -> None:
        self.peer_id = s_id
        data = frame.data[:4] + struct.pack(">I", Address.FABRIC_LOGIN) + frame.data[8:]
        assert self.on_frame is not None
        self.on_frame(replace(frame, data=data, crc=crc32(data)))

    def answer(self, header: Header, theirs: els.LoginParameters) -> None:
        """LS_ACC with F_Port clear: the lower name gets the lower address."""
        mine, other = (HIGH, LOW) if self.wwpn > theirs.wwpn else (LOW, HIGH)
        self.host.n_port_id, self.peer_id = mine, other
        head = Header(RCtl.ELS_REPLY, other, 0, mine, FcType.ELS, FCtlUsual.ELS_REPLY, 1, 0, 0, header.ox_id, 0x8001, 0)
        self.send(head.pack() + els.LoginParameters(self.wwpn, self.wwpn, 16).pack(Els.LS_ACC))


class _Direct(ArrayTest):
    hosts = 0
    wwpn = LOWER
    winds_down = False  # the rig's hosts are those of a fabric

    def make_rig(self) -> Rig:
        rig = super().make_rig()
        port = self.device.ports[0]
        self.link = link = Direct(port, self.wwpn)
        link.host = HostInitiator(self.executor, link, name="host", wwpn=self.wwpn)
        port.on_frame = link.receive  # not the switch's
        return rig

    async def scenario(self) -> None:
        link, host = self.link, self.link.host
        self.prepare(link)
        await self.bring_up_direct(link)
        higher = self.wwpn > ARRAY_WWPN
        await self.log_in(link, host)
        mine, other = (HIGH, LOW) if higher else (LOW, HIGH)
        self.expect(
            (host.n_port_id, link.peer_id) == (mine, other), f"addresses {host.n_port_id:06X}h, {link.peer_id:06X}h"
        )
        if higher:  # who has the higher name sends PLOGI
            self.expect(not host.sessions, "the array has sent PLOGI although its name is the lower one")
            await host.port_login(other)
        else:
            await self.reach(lambda: other in host.sessions, "PLOGI of the array")
        await host.process_login(other)
        await self.work(host, other)
        # the host starts again: FLOGI ends everything
        host.n_port_id = 0
        host._close_session(other, "the host starts again")
        await host.fabric_login()
        if higher:
            await host.port_login(other)
        else:
            await self.reach(lambda: other in host.sessions, "PLOGI of the array")
        await host.process_login(other)
        await self.work(host, other)
        await host.logout(other)
        await self.tasks_free()
        await self.management.flush()
        await self.rig.until(self.management.cache_clean, "a clean cache with nothing pinned (I8)", 4_000_000)
        await self.rig.compare()

    def prepare(self, link: Direct) -> None:
        pass

    async def bring_up_direct(self, link: Direct) -> None:
        raise NotImplementedError

    async def log_in(self, link: Direct, host: HostInitiator) -> None:
        raise NotImplementedError

    async def work(self, host: HostInitiator, array: int) -> None:
        model = self.rig.models[0]
        unit = next(u for u in await host.discover(array) if u.lun == 0)
        data = self.rig.random.randbytes(8192)
        write = model.begin_write(16, data)
        await host.write(unit, 16, data)
        model.end_write(write)
        model.check_read(model.begin_read(0, 64), await host.read(unit, 0, 64))
        self.rig.compared_blocks += 64


class _ArrayFirst(_Direct):
    """The array's FLOGI is the first: the host answers it."""

    async def bring_up_direct(self, link: Direct) -> None:
        await self.bring_up(allowed=[self.wwpn])

    async def log_in(self, link: Direct, host: HostInitiator) -> None:
        self.expect(link.array_flogis == 1, f"{link.array_flogis} FLOGIs of the array")


class _HostFirst(_Direct):
    """The host does not answer the array's FLOGI, but sends its own."""

    def prepare(self, link: Direct) -> None:
        link.answers = False

    async def bring_up_direct(self, link: Direct) -> None:
        host = link.host

        async def call() -> None:
            await self.reach(lambda: link.array_flogis > 0, "FLOGI of the array", 2_000_000)
            await sleep(self.executor, 500)
            await host.fabric_login()

        called = self.begin(call())
        await self.bring_up(allowed=[self.wwpn])
        ended = await called
        self.expect(ended is None, f"FLOGI of the host ended {ended!r}")

    async def log_in(self, link: Direct, host: HostInitiator) -> None:
        pass


@pyuvm.test()
class ArrayFirstAndHigher(_ArrayFirst):
    wwpn = LOWER


@pyuvm.test()
class ArrayFirstAndLower(_ArrayFirst):
    wwpn = HIGHER


@pyuvm.test()
class HostFirstAndLower(_HostFirst):
    wwpn = LOWER


@pyuvm.test()
class HostFirstAndHigher(_HostFirst):
    wwpn = HIGHER
