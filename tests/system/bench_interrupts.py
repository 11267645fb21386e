# SPDX-License-Identifier: Apache-2.0
"""Interrupts of the whole array: a job done, a job failed, a port lost, and what is none of these."""

from __future__ import annotations

from typing import ClassVar

import cocotb
import pyuvm

from portplex.executor import sleep
from portplex.management import BackupState, Interrupt
from portplex.nport.n_port import Timers
from portplex.scenario.backup import BackupJob
from portplex.uvm.base_test import ArrayTest

ALL = Interrupt.JOB_DONE | Interrupt.JOB_FAILED | Interrupt.PORT_0_LOST


@pyuvm.test()
class Interrupts(ArrayTest):
    """`irq` rises with each event that is enabled, and falls when it is cleared."""

    volumes: ClassVar[dict[int, int]] = {0: 64, 1: 64, 2: 64}
    breaks_frames = True  # the link goes down
    e_d_tov = 40
    r_a_tov = 40
    unanswered = 16

    async def told(self, event: Interrupt) -> None:
        """`irq` is high for this event and no other; it falls when the event is cleared."""
        await self.reach(lambda: bool(int(cocotb.top.irq.value)), f"irq for {event!r}", 400_000)
        found = await self.management.interrupts()
        self.expect(found == event, f"{found!r}, expected {event!r}")
        await self.management.clear_interrupts(found)
        await self.nothing_told(f"{event!r} was cleared")

    async def nothing_told(self, after: str) -> None:
        found = await self.management.interrupts()
        self.expect(not found and not int(cocotb.top.irq.value), f"{found!r} after {after}")

    async def backup(self) -> None:
        job = BackupJob(self.rig, chunk=32)
        await job.start()
        running = self.begin(job.follow(400_000))
        await self.told(Interrupt.JOB_DONE)
        ended = await running
        if isinstance(ended, Exception):
            raise ended
        self.problems += job.pointers.violations
        self.expect(ended.state is BackupState.DONE, f"the backup ended {ended}")

    async def verify_of_a_changed_image(self) -> None:
        """A job that is paused by an error counts as failed; this error is the one that is not tried again."""
        self.rig.disk.image()[5] ^= 1
        await self.management.start_verify()
        await self.told(Interrupt.JOB_FAILED)
        ended = await self.management.backup_progress()
        self.expect(ended.state is BackupState.PAUSED, f"the verify ended {ended}")

    async def scenario(self) -> None:
        rig, port = self.rig, self.device.fc_port
        await self.ready()
        rig.disk.timers = Timers(e_d_tov=60_000, r_a_tov=20_000, link_service=200_000)
        await self.nothing_told("the link came up")
        await self.backup_without_interrupts()
        await self.management.enable_interrupts(ALL)
        await self.backup()
        await self.verify_of_a_changed_image()
        resets = port.resets
        port.link_reset()
        await self.reach(lambda: port.resets > resets, "a link reset", 100_000)
        await port.wait_link(True, 100_000)
        await self.nothing_told("a link reset")
        port.disable()
        await self.told(Interrupt.PORT_0_LOST)
        await sleep(self.executor, 4_000)
        port.enable()
        await port.wait_link(True, 100_000)
        await self.management.enable_port(False)
        await port.wait_link(False, 100_000)
        await self.nothing_told("the console took the port offline")
        await self.management.enable_port()
        await port.wait_link(True, 100_000)
        await self.nothing_told("the port came back")

        async def logged_in() -> bool:
            return (await self.management.port_status()).fabric_login

        await rig.until(logged_in, "fabric login after the link came back", 400_000)
        for n_port in (*rig.hosts, rig.disk):
            n_port._close_session(rig.array_id, "the link was down")
        await rig.hosts[0].discover(rig.array_id)

    async def backup_without_interrupts(self) -> None:
        """What is not enabled is noted all the same, and does not reach the wire."""
        job = BackupJob(self.rig, chunk=32)
        await job.start()
        ended = await job.follow(400_000)
        self.expect(ended.state is BackupState.DONE, f"the backup ended {ended}")
        self.expect(not int(cocotb.top.irq.value), "irq although nothing is enabled")
        found = await self.management.interrupts()
        self.expect(found == Interrupt.JOB_DONE, f"{found!r} after a backup")
        await self.management.clear_interrupts(found)
