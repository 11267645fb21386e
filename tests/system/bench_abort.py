# SPDX-License-Identifier: Apache-2.0
"""A host aborts commands (ABTS) in every phase of a read and of a write: BA_ACC, and nothing is left behind (I8)."""

from __future__ import annotations

import pyuvm

from portplex.fc.constants import RCtl
from portplex.fc.header import Header
from portplex.framelink import Frame
from portplex.model.volume import Outcome
from portplex.nport.host_initiator import CommandExchange, HostInitiator, TransportError
from portplex.nport.n_port import Timers
from portplex.scenario.injector import is_write_data, lose
from portplex.scsi import cdb
from portplex.uvm.base_test import ArrayTest

BLOCKS = 64


class _Aborts(ArrayTest):
    breaks_frames = True  # what the host still sends after ABTS is its own affair

    async def prepare(self) -> HostInitiator:
        units = await self.ready()
        host = self.rig.hosts[0]
        host.timers = Timers(e_d_tov=60_000, r_a_tov=20_000, link_service=200_000, command=400_000)
        await host.read(units[host][0], 0, BLOCKS)  # in the cache from now on
        self.units = units[host]
        return host

    async def abort_in(self, host: HostInitiator, phase: str, *, write: bool, accepted: bool = True) -> None:
        """Begin a command, wait for `phase`, let the host give it up; `accepted`: BA_ACC expected, else BA_RJT."""
        rig, port = self.rig, self.device.fc_port
        model = rig.models[0]
        data = rig.random.randbytes(512 * BLOCKS)
        begun = model.begin_write(0, data) if write else None
        hits = self.injector.hits
        if phase == "mid data" and write:
            self.injector.once(lambda header: is_write_data(header) and header.seq_cnt >= 5, lose, 11)
        if phase == "after FCP_RSP":
            rig.switch.on_forward = self.lose_response
        command = host.command(
            rig.array_id,
            0,
            cdb.write(0, BLOCKS) if write else cdb.read(0, BLOCKS),
            **({"data_out": data} if write else {"data_in": len(data)}),
        )
        aborts = (await self.management.counters())["abts_received"]
        known = set(host._originated)
        running = self.begin(command)
        await self.reach(lambda: bool(set(host._originated) - known), "the command to be open", 1000)
        exchange = next(x for x in host._originated.values() if isinstance(x, CommandExchange))
        if phase == "mid data" and write:
            await self.reach(
                lambda: self.injector.hits == hits + 11 and not port.pending(), "part of the data to be sent"
            )
        elif phase == "mid data":
            await self.reach(lambda: exchange.receiver.offset > 4096, "part of the data to arrive")
        elif phase == "before FCP_RSP" and write:
            await self.reach(lambda: exchange.state.startswith("sent") and not port.pending(), "all data to be sent")
        elif phase == "after FCP_RSP":
            await self.reach(lambda: self.lost > 0, "FCP_RSP to be lost")
        exchange.fail(TransportError("the host gives up"))
        ended = await running
        self.expect(isinstance(ended, TransportError), f"{phase}: the command ended {ended!r}")
        assert exchange.aborted is not None
        answer = exchange.aborted.result()
        self.expect(
            answer == accepted, f"{phase}, write {write}: ABTS was answered with {'BA_ACC' if answer else 'BA_RJT'}"
        )
        received = (await self.management.counters())["abts_received"] - aborts
        self.expect(received == 1, f"{phase}: abts_received moved by {received}")
        await self.tasks_free()
        rig.switch.on_forward = None
        if begun is not None:
            model.end_write(begun, Outcome.UNKNOWN)
        model.check_read(model.begin_read(0, BLOCKS), await host.read(self.units[0], 0, BLOCKS))
        rig.compared_blocks += BLOCKS

    lost = 0

    def lose_response(self, frame: Frame) -> Frame | None:
        header = Header.unpack(frame.data)
        if header.r_ctl == RCtl.COMMAND_STATUS and header.s_id == self.rig.array_id:
            self.lost += 1
            return None
        return frame


@pyuvm.test()
class ReadIsAborted(_Aborts):
    async def scenario(self) -> None:
        host = await self.prepare()
        await self.abort_in(host, "at once", write=False)
        await self.abort_in(host, "mid data", write=False)
        await self.abort_in(host, "after FCP_RSP", write=False, accepted=False)
        await self.reach(lambda: not host._resting, "RRQ after R_A_TOV")
        self.expect(host.counts["rrq_failed"] == 0, f"{host.counts['rrq_failed']} RRQs were refused")


@pyuvm.test()
class WriteIsAborted(_Aborts):
    async def scenario(self) -> None:
        host = await self.prepare()
        await self.abort_in(host, "before FCP_XFER_RDY", write=True)
        await self.abort_in(host, "mid data", write=True)
        await self.abort_in(host, "before FCP_RSP", write=True)
        await self.abort_in(host, "after FCP_RSP", write=True, accepted=False)


@pyuvm.test()
class ManyAbortsUnderLoad(_Aborts):
    """Every other command of a busy host is aborted at a random moment while a second one works."""

    hosts = 2

    async def scenario(self) -> None:
        host = await self.prepare()
        rig = self.rig
        other = rig.hosts[1]
        unit = next(u for u in await other.discover(rig.array_id) if u.lun == 1)
        stopped = False

        async def work() -> int:
            done = 0
            while not stopped:
                model = rig.models[1]
                data = rig.random.randbytes(8192)
                write = model.begin_write(16 * (done % 8), data)
                await other.write(unit, 16 * (done % 8), data)
                model.end_write(write)
                model.check_read(model.begin_read(0, 128), await other.read(unit, 0, 128))
                rig.compared_blocks += 128
                done += 1
            return done

        beside = self.begin(work())
        for _ in range(12):
            await self.abort_at_random(host)
        stopped = True
        done = await beside
        self.expect(isinstance(done, int) and done > 0, f"the other host ended with {done!r}")
        await self.tasks_free()

    async def abort_at_random(self, host: HostInitiator) -> None:
        rig = self.rig
        model = rig.models[0]
        data = rig.random.randbytes(512 * BLOCKS)
        begun = model.begin_write(0, data)
        known = set(host._originated)
        running = self.begin(host.command(rig.array_id, 0, cdb.write(0, BLOCKS), data_out=data))
        await self.reach(lambda: bool(set(host._originated) - known), "the command to be open", 1000)
        exchange = next(x for x in host._originated.values() if isinstance(x, CommandExchange))
        moment = self.executor.now() + rig.random.randrange(14_000)
        await self.reach(lambda: exchange.done.done() or self.executor.now() > moment, "the moment to give up")
        exchange.fail(TransportError("the host gives up"))
        ended = await running
        model.end_write(begun, Outcome.UNKNOWN if isinstance(ended, Exception) else Outcome.DONE)
