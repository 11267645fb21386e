# SPDX-License-Identifier: Apache-2.0
"""Who may use the array: the allow list, port and process login, logout in the middle (figure 14, steps 1301, 1303)."""

from __future__ import annotations

import pyuvm

from portplex.fc.constants import X_ID_UNASSIGNED, FCtlUsual, FcType, RCtl
from portplex.model.volume import Outcome
from portplex.nport.els import LsReject
from portplex.nport.fcp import Cmnd
from portplex.nport.host_initiator import HostInitiator
from portplex.nport.n_port import LinkDown, Timers
from portplex.scenario.injector import is_write_data, lose
from portplex.scsi import cdb
from portplex.scsi.vpd import lun_bytes
from portplex.uvm.base_test import ArrayTest

STRANGER = 0x1000_0000_C900_00EE


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
    e_d_tov = 50

    async def leave(self, host: HostInitiator) -> None:
        raise NotImplementedError

    async def scenario(self) -> None:
        rig = self.rig
        units = await self.ready()
        leaver, stayer = rig.hosts
        leaver.timers = Timers(e_d_tov=100_000, r_a_tov=50_000, link_service=200_000, command=400_000)
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
        expected = rig.models[0].begin_read(0, 256)
        rig.models[0].check_read(expected, await stayer.read(unit, 0, 128) + await stayer.read(unit, 128, 128))
        rig.compared_blocks += 256


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


@pyuvm.test()
class HostVanishesInMidWrite(_Leaves):
    """Nothing more comes from the host: the exchange timeout gives the context free and the write does not count."""

    async def leave(self, host: HostInitiator) -> None:
        rig = self.rig
        port = rig.switch.port_by_wwpn(host.wwpn)
        assert port is not None
        port.set_up(False)
        host._link_changed(False)
        rig.hosts[1]._close_session(port.address, "it has vanished")
        status = await self.management.port_status()
        self.expect(status.open_tasks == 1, f"{status.open_tasks} open tasks in the middle of a write, expected 1")
        timeouts = (await self.management.counters())["exchange_timeouts"]
        await self.count("exchange_timeouts", timeouts + 1)
