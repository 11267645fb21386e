# SPDX-License-Identifier: Apache-2.0
"""Two Fibre Channel ports on one controller: hosts on both at once see the same volumes, and one another's data."""

from __future__ import annotations

from typing import ClassVar

import pyuvm

from portplex.executor import DeadlineExceeded
from portplex.nport.host_initiator import HostInitiator, LinkDown, LogicalUnit, TransportError
from portplex.nport.n_port import Timers
from portplex.nport.workload import Mix, Workload
from portplex.scenario.rig import MAIN, SECOND
from portplex.scsi import cdb
from portplex.uvm.base_test import ArrayTest


@pyuvm.test()
class HostsOnBothPorts(ArrayTest):
    """Two hosts on each port read and write the same two volumes; what one wrote, the others read over either port."""

    hosts = 4
    volumes: ClassVar[dict[int, int]] = {0: 256, 1: 256, 2: 64}

    async def scenario(self) -> None:
        rig = self.rig
        await self.ready()
        self.expect(len({port.n_port_id for port in rig.ports}) == 2, "each port has an N_Port_ID of its own")
        mix = Mix(read_share=0.5, sizes=(512, 4096, 32768, 65536))
        loads = [
            Workload(
                rig.executor,
                host,
                rig.paths[host][number % 2][lun],
                rig.models[lun],
                mix,
                self.seed + 10 * number + lun,
            )
            for number, host in enumerate(rig.hosts)
            for lun in (MAIN, SECOND)
        ]
        running = [self.begin(load.run(commands=20)) for load in loads]
        for report in [await load for load in running]:
            if isinstance(report, Exception):
                raise report
            rig.compared_blocks += report.compared_blocks
        for number in range(2):
            requests = (await self.management.counters(number))["host_requests"]
            self.expect(requests >= 80, f"port {number} has served {requests} requests")


@pyuvm.test()
class OneHostOnEachPort(ArrayTest):
    """A host on each port: what one writes the other one reads by its port."""

    hosts = 2
    volumes: ClassVar[dict[int, int]] = {0: 64, 1: 64}

    async def scenario(self) -> None:
        rig = self.rig
        await self.ready()
        first, second = rig.hosts
        data = rig.random.randbytes(4096)
        write = rig.models[MAIN].begin_write(3, data)
        await first.write(rig.paths[first][0][MAIN], 3, data)
        rig.models[MAIN].end_write(write)
        self.expect(await second.read(rig.paths[second][1][MAIN], 3, 8) == data, "what the other port's host wrote")
        for number, path in enumerate(rig.paths[first]):
            await self.identify(first, path[MAIN], number)

    async def identify(self, host: HostInitiator, unit: LogicalUnit, port: int) -> None:
        """SPC-4: MULTIP, the relative target port identifier in VPD 83h, both ports in the one target port group."""
        inquiry = await host.command(unit.target, MAIN, cdb.inquiry(), data_in=36)
        page = await host.command(unit.target, MAIN, cdb.inquiry(0x83), data_in=252)
        groups = await host.command(unit.target, MAIN, bytes.fromhex("a30a00000000000000400000"), data_in=64)
        self.expect(inquiry.data[6] & 0x10 != 0, "MULTIP")
        self.expect(
            bytes([1, 0x14, 0, 4, 0, 0, 0, port + 1]) in page.data,
            f"relative target port {port + 1}: {page.data.hex()}",
        )
        self.expect(groups.data.hex() == "0000001000010001000000020000000100000002", groups.data.hex())


@pyuvm.test()
class OnePortGoes(ArrayTest):
    """The link of port 1 goes in the middle of its host's reads: they end, port 0 goes on, the host comes back."""

    hosts = 2
    volumes: ClassVar[dict[int, int]] = {0: 256, 1: 64, 2: 64}

    async def scenario(self) -> None:
        rig, management = self.rig, self.management
        units = await self.ready()
        first, second = rig.hosts
        second.timers = Timers(e_d_tov=60_000, r_a_tov=20_000, link_service=200_000, command=400_000)
        near, far = units[first][MAIN], units[second][MAIN]
        image = rig.images[MAIN]
        reads = [self.begin(second.read(far, lba, 128)) for lba in (0, 128)]
        frames = (await management.counters(1))["frames_sent"]

        async def data_flows() -> bool:
            return (await management.counters(1))["frames_sent"] > frames + 3

        await rig.until(data_flows, "data frames on port 1", 400_000)
        await management.enable_port(False, port=1)
        for lba in range(0, 256, 64):
            data = await first.read(near, lba, 64)
            self.expect(data == image[512 * lba : 512 * (lba + 64)], f"blocks {lba} to {lba + 63} by port 0")
        await management.enable_port(port=1)
        ended = [await read for read in reads]
        lost = (LinkDown, TransportError, DeadlineExceeded)
        self.expect(any(isinstance(read, lost) for read in ended), f"a read that the link took with it: {ended}")

        async def logged_in() -> bool:
            return (await management.port_status(1)).fabric_login

        await rig.until(logged_in, "fabric login of port 1 once more", 4_000_000)
        target = rig.ports[1].n_port_id
        again = next(unit for unit in await second.discover(target) if unit.lun == MAIN)
        self.expect(await second.read(again, 0, 8) == image[:4096], "the host reads by port 1 again")
