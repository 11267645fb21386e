# SPDX-License-Identifier: Apache-2.0
"""Who may use the array: the allow list, port and process login, logout in the middle (figure 14, steps 1301, 1303)."""

from __future__ import annotations

import struct
from zlib import crc32

import pyuvm

from portplex.fabric.switch import FPort
from portplex.fabric.zoning import Zoning
from portplex.fc.constants import ORDERED_SETS, SOFI3, X_ID_UNASSIGNED, Address, FCtlUsual, FcType, RCtl
from portplex.fc.header import Header
from portplex.framelink import Frame
from portplex.model.volume import Outcome
from portplex.nport import els
from portplex.nport.els import LsReject
from portplex.nport.fcp import Cmnd
from portplex.nport.host_initiator import CommandExchange, HostInitiator
from portplex.nport.n_port import LinkDown, Timers
from portplex.scenario.injector import is_write_data, lose
from portplex.scenario.rig import ARRAY_WWPN
from portplex.scsi import cdb
from portplex.scsi.vpd import lun_bytes
from portplex.uvm.base_test import ArrayTest

STRANGER = 0x1000_0000_C900_00EE
EOFT_WORD = ORDERED_SETS["EOFt_NEG"]


def read_command(lun: int = 0) -> bytes:
    return Cmnd(lun_bytes(lun), cdb.read(0, 8), 4096, True, False).pack()


@pyuvm.test()
class StrangerIsRefused(ArrayTest):
    """A port that is not on the allow list gets LS_RJT, and its commands cause no host request (I11)."""

    hosts = 2
    breaks_frames = True  # commands without login are wrong on purpose

    async def scenario(self) -> None:
        rig = self.rig
        friend, stranger = rig.hosts
        await self.bring_up(allowed=[friend.wwpn, rig.disk.wwpn])
        for port in (friend, stranger, rig.disk):
            await port.start()
        try:
            await stranger.port_login(rig.array_id)
            self.problems.append("PLOGI of a port that is not on the allow list was accepted")
        except LsReject as rejection:
            self.expect(rejection.reason == 0x09, f"LS_RJT reason {rejection.reason:02X}h, expected 09h (unable)")
        await self.send_commands(stranger)
        before = await self.management.counters()
        self.expect(before["plogi_refused"] == 1, f"plogi_refused {before['plogi_refused']}, expected 1")
        self.expect(before["host_requests"] == 0, f"I11: {before['host_requests']} host requests before any login")
        self.expect(before["not_logged_in"] == 3, f"not_logged_in {before['not_logged_in']}, expected 3")
        self.expect((await self.management.port_status()).logins == 0, "the stranger is in the login table")
        units = await friend.discover(rig.array_id)
        self.expect(len(units) == 3, f"the friend sees {len(units)} units")
        data = await friend.read(units[0], 0, 8)
        self.expect(data == rig.images[0][:4096], "the friend reads wrong data")

    async def send_commands(self, host: HostInitiator) -> None:
        for ox_id in (0x51, 0x52, 0x53):
            host.send(
                RCtl.UNSOLICITED_COMMAND,
                self.rig.array_id,
                FcType.FCP,
                FCtlUsual.REQUEST,
                ox_id,
                X_ID_UNASSIGNED,
                read_command(),
            )
        await self.count("not_logged_in", 3)


@pyuvm.test()
class CommandNeedsProcessLogin(ArrayTest):
    """A command after PLOGI but before PRLI is dropped; after PRLI the same command is served."""

    breaks_frames = True

    async def scenario(self) -> None:
        rig = self.rig
        (host,) = rig.hosts
        await self.bring_up()
        await host.start()
        await host.port_login(rig.array_id)
        host.send(
            RCtl.UNSOLICITED_COMMAND,
            rig.array_id,
            FcType.FCP,
            FCtlUsual.REQUEST,
            0x60,
            X_ID_UNASSIGNED,
            read_command(),
        )
        await self.count("not_logged_in", 1)
        requests = (await self.management.counters())["host_requests"]
        self.expect(requests == 0, f"I11: {requests} host requests without process login")
        units = await host.discover(rig.array_id)
        self.expect(await host.read(units[0], 8, 8) == rig.images[0][4096:8192], "wrong data after PRLI")
        await host.process_logout(rig.array_id)
        await host.process_login(rig.array_id)
        self.expect(await host.read(units[0], 0, 8) == rig.images[0][:4096], "wrong data after PRLO and PRLI")


class _Leaves(ArrayTest):
    """A host goes away in the middle of a write; the array drops the write and is free for others."""

    hosts = 2
    e_d_tov = 25

    async def leave(self, host: HostInitiator) -> None:
        raise NotImplementedError

    async def scenario(self) -> None:
        rig = self.rig
        units = await self.ready()
        leaver, stayer = rig.hosts
        leaver.timers = Timers(e_d_tov=50_000, r_a_tov=25_000, link_service=200_000, command=400_000)
        model = rig.models[0]
        data = rig.random.randbytes(65536)
        write = model.begin_write(0, data)
        self.injector.once(lambda header: is_write_data(header) and header.seq_cnt >= 10, lose, 22)
        running = self.begin(leaver.write(units[leaver][0], 0, data))
        await self.mid_write()
        await self.leave(leaver)
        ended = await running
        self.expect(isinstance(ended, LinkDown), f"the write ended {ended!r} although its host had left")
        model.end_write(write, Outcome.UNKNOWN)
        await self.tasks_free()
        await self.after(leaver, stayer)

    async def mid_write(self) -> None:
        """Until the first third of the data has arrived; the rest never leaves the host."""
        port = self.device.fc_port
        await self.reach(
            lambda: self.injector.hits == 22 and not port.pending(), "a third of the write data to be sent"
        )
        await self.reach(lambda: port.stats.r_rdy_received == port.stats.frames_sent, "it to be taken by the array")

    async def after(self, leaver: HostInitiator, stayer: HostInitiator) -> None:
        """The other host works on; the one that left may come back."""
        rig = self.rig
        unit = next(u for u in await stayer.discover(rig.array_id) if u.lun == 0)
        data = rig.random.randbytes(8192)
        write = rig.models[0].begin_write(128, data)
        await stayer.write(unit, 128, data)
        rig.models[0].end_write(write)
        expected = rig.models[0].begin_read(0, 144)
        rig.models[0].check_read(expected, await stayer.read(unit, 0, 128) + await stayer.read(unit, 128, 16))
        rig.compared_blocks += 144


@pyuvm.test()
class HostLogsOutInMidWrite(_Leaves):
    async def leave(self, host: HostInitiator) -> None:
        await host.logout(self.rig.array_id)


@pyuvm.test()
class ProcessLogoutInMidWrite(_Leaves):
    async def leave(self, host: HostInitiator) -> None:
        await host.process_logout(self.rig.array_id)
        await host.logout(self.rig.array_id)


@pyuvm.test()
class NewLoginInMidWrite(_Leaves):
    """PLOGI again is an implicit logout."""

    async def leave(self, host: HostInitiator) -> None:
        host._close_session(self.rig.array_id, "the host has forgotten everything")
        await host.login(self.rig.array_id)


class _Vanishes(_Leaves):
    """The host is gone without a word: no task, no login, no credit and no cache segment may stay behind."""

    timeouts = 0
    """Exchange timeouts it takes."""
    logins = 1
    """Of the two hosts' logins, those that stay."""

    def vanish(self, host: HostInitiator, port: FPort) -> None:
        raise NotImplementedError

    async def leave(self, host: HostInitiator) -> None:
        rig = self.rig
        port = rig.switch.port_by_wwpn(host.wwpn)
        assert port is not None
        status = await self.management.port_status()
        self.expect(status.open_tasks == 1, f"{status.open_tasks} open tasks in the middle of a write, expected 1")
        self.expect(not await self.management.cache_clean(), "the write has pinned nothing")
        before = (await self.management.counters())["exchange_timeouts"]
        self.vanish(host, port)
        host._link_changed(False)
        rig.hosts[1]._close_session(port.address, "it has vanished")
        await self.count("exchange_timeouts", before + self.timeouts)
        await self.tasks_free()
        await self.management.flush()
        await rig.until(self.management.cache_clean, "a clean cache with nothing pinned", 4_000_000)
        after = (await self.management.counters())["exchange_timeouts"]
        self.expect(after == before + self.timeouts, f"{after - before} exchange timeouts, expected {self.timeouts}")
        logins = (await self.management.port_status()).logins
        self.expect(logins == self.logins, f"{logins} logins, expected {self.logins}")
        await self.reach(
            lambda: self.device.fc_port.stats.r_rdy_received == self.device.fc_port.stats.frames_sent, "R_RDYs (I5)"
        )


@pyuvm.test()
class HostFallsSilentInMidWrite(_Vanishes):
    """Nobody notices: the exchange timeout ends the task."""

    timeouts = 1
    logins = 2

    def vanish(self, host: HostInitiator, port: FPort) -> None:
        cut = port.n_port_id

        def lose_all(frame: Frame) -> Frame | None:
            header = Header.unpack(frame.data)
            return None if cut in (header.s_id, header.d_id) else frame

        self.rig.switch.on_forward = lose_all


@pyuvm.test()
class HostLinkFailsInMidWrite(_Vanishes):
    """RSCN: the name server no longer knows the port, long before the exchange would time out."""

    e_d_tov = 2000

    def vanish(self, host: HostInitiator, port: FPort) -> None:
        port.set_up(False)


@pyuvm.test()
class FabricDropsHostInMidWrite(_Vanishes):
    """An implicit logout by the fabric, the link stays."""

    e_d_tov = 2000

    def vanish(self, host: HostInitiator, port: FPort) -> None:
        self.rig.switch.logout(port)


@pyuvm.test()
class HostIsZonedOutInMidWrite(_Vanishes):
    """The zones change: the array no longer sees the host, which is still there."""

    e_d_tov = 2000

    def vanish(self, host: HostInitiator, port: FPort) -> None:
        rig = self.rig
        rig.switch.set_zoning(Zoning({"rest": {ARRAY_WWPN, rig.hosts[1].wwpn, rig.disk.wwpn}, "alone": {host.wwpn}}))


@pyuvm.test()
class FabricLogsArrayOut(_Leaves):
    """LOGO from FFFFFEh in the middle of a write: everybody is logged out, the array comes back by itself."""

    e_d_tov = 2000

    async def leave(self, host: HostInitiator) -> None:
        rig = self.rig
        port, array = rig.port, rig.array_id
        logo = els.logo(array, rig.switch.wwn)
        head = Header(
            RCtl.ELS_REQUEST, array, 0, Address.FABRIC_LOGIN, FcType.ELS, FCtlUsual.REQUEST, 1, 0, 0, 0x77, 0xFFFF, 0
        )
        data = head.pack() + logo
        now = self.executor.now()
        rig.switch.enqueue(port, Frame(data, SOFI3, EOFT_WORD, crc32(data), True, now, now))
        await self.reach(lambda: port.counts["f_port_unexpected"] == 1, "LS_ACC to the LOGO")
        rig.switch.logout(port)
        for other in [*rig.hosts, rig.disk]:
            other._close_session(array, "the fabric has logged the array out")

        async def back() -> bool:
            return rig.array_id == array and (await self.management.port_status()).fabric_login

        await rig.until(back, "the array's fabric login", 2_000_000)
        await self.tasks_free()
        self.expect((await self.management.port_status()).logins == 0, "a login has outlived the fabric login")


@pyuvm.test()
class RecTellsTheState(_Leaves):
    """REC in the phases of a write: initiative and bytes, then LS_RJT for an exchange that has ended; RTV; RRQ."""

    e_d_tov = 2000

    async def rec(self, host: HostInitiator, ox_id: int) -> tuple[int, int]:
        """FC-4 value and E_STAT."""
        request = struct.pack(">IIHH", 0x13000000, host.n_port_id, ox_id, 0xFFFF)
        reply = await host.link_service(self.rig.array_id, request, "REC")
        same, _, originator, responder, value, e_stat = struct.unpack(">HHIIII", reply[4:])
        self.expect((same, originator, responder) == (ox_id, host.n_port_id, self.rig.array_id), f"REC: {reply.hex()}")
        return value, e_stat

    async def leave(self, host: HostInitiator) -> None:
        array = self.rig.array_id
        exchange = next(x for x in host._originated.values() if isinstance(x, CommandExchange))
        value, e_stat = await self.rec(host, exchange.ox_id)
        # frames 0 to 9 of the burst have arrived
        self.expect(value == 10 * 2048, f"REC: {value} bytes, expected 20480")
        self.expect(e_stat == 0x80000000, f"E_STAT {e_stat:08X}h: the host has the initiative")
        for bad, originator in ((0x3333, host.n_port_id), (exchange.ox_id, array)):
            try:
                await host.link_service(array, struct.pack(">IIHH", 0x13000000, originator, bad, 0xFFFF), "REC")
                self.problems.append(f"REC of exchange {bad:04X}h was accepted")
            except els.LsReject as reject:
                self.expect((reject.reason, reject.explanation) == (3, 0x17), f"REC: {reject}")
        rtv = await host.link_service(array, struct.pack(">I", 0x0E000000), "RTV")
        self.expect(struct.unpack(">III", rtv[4:]) == (10000, 2000, 0), f"RTV: {rtv.hex()}")
        await host.logout(array)
        await host.login(array)
        try:
            await self.rec(host, exchange.ox_id)
            self.problems.append("REC of an exchange that ended with the login was accepted")
        except els.LsReject as reject:
            self.expect((reject.reason, reject.explanation) == (3, 0x17), f"REC: {reject}")
        rrq = struct.pack(">IIHH", 0x12000000, host.n_port_id, exchange.ox_id, 0xFFFF)
        self.expect((await host.link_service(array, rrq, "RRQ"))[:1] == b"\2", "RRQ")
