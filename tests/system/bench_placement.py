# SPDX-License-Identifier: Apache-2.0
"""Where the backup goes on two ports, and which job goes: load tables, moving, spreading, queue, verify, schedule."""

from __future__ import annotations

from typing import Any, ClassVar

import pyuvm

from portplex.management import BackupProgress, BackupState, JobKind, OrderRefused, PortUsage
from portplex.nport.backup_disk import TransferPolicy
from portplex.nport.host_initiator import HostInitiator
from portplex.scenario.backup import ENDED
from portplex.scenario.rig import MAIN, SECOND, SUB
from portplex.uvm.base_test import ArrayTest

CHUNK = 32
WINDOW, REBALANCE = 64, 64  # ticks
TICK = 256  # words


class _OnTwoPorts(ArrayTest):
    """What the tests below share: starting a job with everything copied, waiting for its state, who wrote what."""

    hosts = 2
    volumes: ClassVar[dict[int, int]] = {0: 256, 1: 128, 2: 1024}

    async def begin_job(self, job: int, volume: int = SUB, **where: Any) -> None:
        """Prepare and start a backup of a volume to the backup disk, all of it copied."""
        await self.management.prepare_backup(volume, port_id=self.rig.disk.n_port_id, chunk=CHUNK, **where)
        await self.management.set_copy_pointer(self.volumes[volume])
        await self.management.start_backup(job)

    async def until_state(self, job: int, *states: BackupState, timeout: int = 4_000_000) -> BackupProgress:
        found: BackupProgress | None = None

        async def there() -> bool:
            nonlocal found
            found = await self.management.job_progress(job)
            return found.state in states

        await self.rig.until(there, f"job {job} to be {[state.name for state in states]}", timeout)
        assert found is not None
        return found

    def written_once(self, volume: int = SUB, lba: int = 0, since: int = 0) -> dict[int, int]:
        """Each block of the image went out exactly once; how many by which of the array's N_Port_IDs."""
        times = [0] * self.volumes[volume]
        by: dict[int, int] = {}
        for record in self.rig.disk.writes[since:]:
            if lba <= record.lba < lba + len(times):
                for block in range(record.lba - lba, record.lba - lba + record.blocks):
                    times[block] += 1
                by[record.initiator] = by.get(record.initiator, 0) + record.blocks
        wrong = [block for block, count in enumerate(times) if count != 1]
        self.expect(not wrong, f"blocks of volume {volume} not written exactly once: {wrong[:8]}")
        return by

    def image_equal(self, volume: int, lba: int = 0) -> None:
        image = self.rig.images[volume]
        found = self.rig.disk.image()[512 * lba : 512 * lba + len(image)]
        self.expect(found == image, f"the backup image of volume {volume} differs")

    async def refused(self, reason: int, order: Any) -> None:
        try:
            await order
        except OrderRefused as error:
            self.expect(error.reason == reason, f"refused with {error.reason:02X}h, expected {reason:02X}h")
        else:
            self.expect(False, f"not refused, expected {reason:02X}h")


@pyuvm.test()
class LoadTablesCount(_OnTwoPorts):
    """Figures 5 and 6 by hand: a read counts its length, a write four times; sequential and random; totals 610."""

    async def scenario(self) -> None:
        rig, management = self.rig, self.management
        await self.ready()
        await management.set_placement(window=1024, rebalance=1024)
        host = rig.hosts[0]
        windows = await management.load_windows()

        async def next_window() -> bool:
            return await management.load_windows() > windows

        await rig.until(next_window, "the end of a load window", 3 * 1024 * TICK)
        windows = await management.load_windows()
        near, far = rig.paths[host][0], rig.paths[host][1]
        for lba in (0, 8, 16):
            await host.read(near[MAIN], lba, 8)
        await host.read(far[MAIN], 40, 16)
        data = rig.random.randbytes(1024)
        write = rig.models[MAIN].begin_write(100, data)
        await host.write(far[MAIN], 100, data)
        rig.models[MAIN].end_write(write)
        self.expect(await management.load_windows() == windows, "all commands in one window")
        await rig.until(next_window, "the end of a load window", 3 * 1024 * TICK)
        first, second = await management.port_load(0), await management.port_load(1)
        self.expect((first.commands, first.amount, first.sequential) == (3, 3 * 4096, True), f"port 0: {first}")
        self.expect(
            (second.commands, second.amount, second.sequential) == (2, 8192 + 4 * 1024, False), f"port 1: {second}"
        )
        totals = [await management.read_store(0x40 + word) for word in range(3)]
        self.expect(totals == [5, 3 * 4096 + 8192 + 4096, windows + 1], f"table 610: {totals}")


@pyuvm.test()
class MovesToTheLighterPort(_OnTwoPorts):
    """Load shifts between the ports while the backup runs: it moves each time, no block is skipped or sent twice."""

    async def keep_reading(self, host: HostInitiator, port: int) -> None:
        """Random-looking reads of 4 KiB by one port, until the port changes or the test stops."""
        unit = self.rig.paths[host][port][MAIN]
        lba = 0
        while self.loaded == port:
            lba = (lba + 72) % 248
            await host.read(unit, lba, 8)

    async def scenario(self) -> None:
        rig, management = self.rig, self.management
        await self.ready()
        rig.disk.policy = TransferPolicy(write_latency=30_000)
        await management.set_placement(window=WINDOW, rebalance=REBALANCE, margin=4096)
        self.loaded = 0
        await self.begin_job(0)
        waits = []
        for turn in range(5):
            self.loaded = turn % 2
            loads = [self.begin(self.keep_reading(host, self.loaded)) for host in rig.hosts]
            begun = self.executor.now()

            async def elsewhere() -> bool:
                return (await management.placement())[0] == 2 - self.loaded

            await rig.until(elsewhere, f"the backup to leave port {self.loaded}", 40 * (WINDOW + REBALANCE) * TICK)
            waits.append(self.executor.now() - begun)
            self.loaded = -1
            for load in loads:
                ended = await load
                if isinstance(ended, Exception):
                    raise ended
        moves = (await management.placement())[1]
        ended = await self.until_state(0, *ENDED)
        self.expect(ended.state is BackupState.DONE, f"the job ended {ended}")
        self.expect(moves >= 4, f"{moves} moves")
        # a window may have begun just before the load; then the look, and what the bus takes to tell
        longest = (2 * WINDOW + REBALANCE) * TICK + 2_000
        self.expect(max(waits[1:]) <= longest, f"moved after {waits} words, at most {longest} expected")
        self.image_equal(SUB)
        by = self.written_once()
        self.expect(len(by) == 2, f"both ports have carried it: {by}")
        self.facts["moves"], self.facts["waits"] = moves, waits


@pyuvm.test()
class SpreadsOverLightPorts(_OnTwoPorts):
    """Both ports idle: with a spread floor both carry the backup; it keeps off a port that is for online work only."""

    async def timed(self) -> tuple[int, dict[int, int]]:
        """Words that a whole backup takes, and the blocks by port."""
        before, begun = len(self.rig.disk.writes), self.executor.now()
        await self.begin_job(0)
        ended = await self.until_state(0, *ENDED)
        self.expect(ended.state is BackupState.DONE, f"the job ended {ended}")
        self.image_equal(SUB)
        return self.executor.now() - begun, self.written_once(since=before)

    async def scenario(self) -> None:
        rig, management = self.rig, self.management
        await self.ready()
        first, second = (port.n_port_id for port in rig.ports)
        await management.set_placement(window=WINDOW, rebalance=REBALANCE)
        alone, by = await self.timed()
        self.expect(set(by) == {first}, f"one port, the lower one: {by}")
        await management.set_placement(window=WINDOW, rebalance=REBALANCE, spread_floor=1 << 30)
        together, by = await self.timed()
        self.expect(min(by.get(first, 0), by.get(second, 0)) > self.volumes[SUB] // 4, f"both ports: {by}")
        self.expect(together < alone, f"{together} words on two ports, {alone} on one")
        await management.set_usage(0, PortUsage.ONLINE_ONLY)
        _, by = await self.timed()
        self.expect(set(by) == {second}, f"port 0 is for online work only: {by}")
        await management.set_usage(0, PortUsage.BOTH)
        self.facts["alone"], self.facts["together"] = alone, together


@pyuvm.test()
class JobsInAQueue(_OnTwoPorts):
    """Two volumes, each with its own record; pause lets the other one go; every refusal has its reason."""

    backup_blocks = 2048

    async def scenario(self) -> None:
        rig, management = self.rig, self.management
        await self.ready()
        rig.disk.policy = TransferPolicy(write_latency=10_000)
        await self.begin_job(0)
        await self.begin_job(1, SECOND, lba=1024)
        self.expect((await management.job_progress(1)).state is BackupState.QUEUED, "job 1 waits")
        await self.refused(0x16, self.begin_job(0))
        await self.refused(0x15, self.begin_job(2))
        await self.refused(0x16, management.resume(3))
        await self.refused(0x14, self.self_backup())

        async def moving() -> bool:
            return (await management.job_progress(0)).backup_pointer >= 2 * CHUNK

        await rig.until(moving, "job 0 to have chunks on the device", 1_000_000)
        await management.pause(0)
        paused = await self.until_state(0, BackupState.PAUSED)
        self.expect(0 < paused.backup_pointer < 1024 and not paused.error, f"paused in the middle: {paused}")
        done = await self.until_state(1, *ENDED)
        self.expect(done.state is BackupState.DONE and done.backup_pointer == 128, f"job 1: {done}")
        sent = sum(record.blocks for record in rig.disk.writes if record.lba < 1024)
        await management.resume(0)
        done = await self.until_state(0, *(state for state in ENDED if state is not BackupState.PAUSED))
        self.expect(done.state is BackupState.DONE and done.backup_pointer == 1024, f"job 0: {done}")
        self.expect(sent < 1024, "it was paused before the end")
        self.written_once()
        self.written_once(SECOND, 1024)
        self.image_equal(SUB)
        self.image_equal(SECOND, 1024)

    async def self_backup(self) -> None:
        await self.management.prepare_backup(MAIN, port_id=self.rig.array_id, chunk=CHUNK)
        await self.management.start_backup(2)


@pyuvm.test()
class VerifyAndSchedule(_OnTwoPorts):
    """A prepared job starts once at its time; a verify agrees, and finds the one byte that was changed."""

    hosts = 1
    volumes: ClassVar[dict[int, int]] = {0: 64, 1: 64, 2: 96}

    async def scenario(self) -> None:
        rig, management = self.rig, self.management
        await self.ready()
        await management.set_clock(1_000_000, ticks_per_second=4)
        await management.prepare_backup(SUB, port_id=rig.disk.n_port_id, chunk=CHUNK)
        await management.set_copy_pointer(96)
        await management.prepare_job(3, JobKind.BACKUP)
        try:
            await management.set_schedule(0, job=3, due=999_999)
        except Exception as error:
            self.expect("SLVERR" in str(error), f"a time that has passed: {error}")
        else:
            self.expect(False, "a time that has passed was taken")
        due = await management.clock() + 3
        await management.set_schedule(0, job=3, due=due)
        self.expect((await management.job_progress(3)).state is BackupState.PREPARED, "it waits for its time")
        ended = await self.until_state(3, *ENDED)
        self.expect(ended.state is BackupState.DONE, f"the scheduled job ended {ended}")
        entry = await management.schedule(0)
        self.expect(due <= entry.last <= due + 1 and not entry.enabled, f"started at its time, once: {entry}")
        self.image_equal(SUB)
        self.written_once()
        await management.start_verify(0)
        ended = await self.until_state(0, *ENDED)
        self.expect(ended.state is BackupState.DONE and not ended.error, f"verify of an equal image: {ended}")
        rig.disk.image()[512 * 77 + 5] ^= 1
        await management.start_verify(0)
        ended = await self.until_state(0, *ENDED)
        self.expect(ended.state is BackupState.PAUSED and ended.sense == 0x0E1D00, f"verify of a changed one: {ended}")
        self.expect(ended.backup_pointer == 64, f"blocks below 64 are equal: {ended}")
        await management.abort_backup(0)
