# SPDX-License-Identifier: Apache-2.0
"""The backup job when the device, the fabric or the console interferes: it goes on where it may, stops where it must,
and the pointers never say more than is on the device (I1, I2). And the way back: restore."""

from __future__ import annotations

from typing import ClassVar

import pyuvm

from portplex.executor import sleep
from portplex.management import BackupProgress, BackupState
from portplex.nport.backup_disk import Fault, FaultKind
from portplex.nport.n_port import Timers
from portplex.registers.register_map import Register
from portplex.scenario.backup import ENDED, BackupJob
from portplex.scenario.rig import SUB
from portplex.scsi import sense
from portplex.scsi.cdb import OpCode
from portplex.uvm.base_test import ArrayTest

CHUNK = 32
JOB_COPY_POINTER = Register.COUNTERS + 4 * 19
NOT_ANSWERED, REJECTED, BAD_STATUS, TOO_SMALL = 2, 3, 4, 0x1A


class _Backup(ArrayTest):
    """A backup of 256 blocks in chunks of 32; `expected` says how it ends."""

    volumes: ClassVar[dict[int, int]] = {0: 64, 1: 64, 2: 256}
    e_d_tov = 40
    r_a_tov = 40
    expected = BackupState.DONE
    expected_error: int | None = 0
    retries = False  # the engine has to try something again

    async def before(self) -> None:
        """What the device is told before the job starts."""

    async def during(self, job: BackupJob) -> None:
        """What happens while it runs."""

    async def after(self, ended: BackupProgress) -> None:
        """Further expectations."""

    async def scenario(self) -> None:
        rig = self.rig
        await self.ready()
        rig.disk.timers = Timers(e_d_tov=60_000, r_a_tov=20_000, link_service=200_000)
        await self.before()
        job = BackupJob(rig, chunk=CHUNK)
        await job.start()
        running = self.begin(job.follow(6_000_000))
        await self.during(job)
        ended = await running
        if isinstance(ended, Exception):
            raise ended
        self.problems += job.pointers.violations
        rig.compared_blocks += job.pointers.counts["compared"]
        self.expect(ended.state is self.expected, f"the job ended {ended}, expected {self.expected.name}")
        if self.expected_error is not None:
            self.expect(ended.error & 0xFF == self.expected_error, f"error {ended.error:#x}")
        retried = await self.management.bus.read(Register.COUNTERS + 4 * 11)
        self.expect(bool(retried) == self.retries, f"{retried} retries")
        if self.expected is BackupState.DONE:
            wrong = rig.backup_differs()
            self.expect(wrong is None, f"I2: the backup image differs from block {wrong} on")
            self.expect(ended.backup_pointer == 256, f"backup pointer {ended.backup_pointer} at the end")
        else:
            size = 512 * ended.backup_pointer
            self.expect(rig.disk.image()[:size] == rig.images[SUB][:size], "I2: below the pointer the image differs")
        rig.compared_blocks += ended.backup_pointer
        await self.after(ended)

    async def written(self, chunks: int) -> None:
        """Until the device has answered that many chunks GOOD."""
        await self.reach(lambda: len(self.rig.disk.writes) >= chunks, f"{chunks} chunks", 2_000_000)


@pyuvm.test()
class DeviceBusy(_Backup):
    """BUSY twice, then TASK SET FULL once: tried again."""

    retries = True

    async def before(self) -> None:
        self.rig.disk.inject(Fault(FaultKind.BUSY, 2))
        self.rig.disk.inject(Fault(FaultKind.TASK_SET_FULL, 1))


@pyuvm.test()
class DeviceChecksOnce(_Backup):
    """CHECK CONDITION before and after the data, once each: tried again."""

    retries = True

    async def before(self) -> None:
        self.rig.disk.inject(Fault(FaultKind.CHECK_CONDITION, when=lambda c: c.lba == 32))
        self.rig.disk.inject(Fault(FaultKind.CHECK_AFTER_DATA, when=lambda c: c.lba == 160))


@pyuvm.test()
class DeviceCannotWrite(_Backup):
    """A chunk that never succeeds pauses the job; the pointer stays below it, status and sense are shown."""

    expected = BackupState.PAUSED
    expected_error = BAD_STATUS
    retries = True

    async def before(self) -> None:
        self.rig.disk.inject(Fault(FaultKind.CHECK_CONDITION, 1000, when=lambda c: c.lba == 96))

    async def after(self, ended: BackupProgress) -> None:
        found = sense.WRITE_ERROR
        self.expect(ended.backup_pointer <= 96, f"backup pointer {ended.backup_pointer} beyond the chunk that failed")
        self.expect(ended.error >> 8 & 0xFF == 0x02, f"SCSI status in BACKUP_ERROR {ended.error:#x}")
        expected = found.key << 16 | found.asc << 8 | found.ascq
        self.expect(ended.sense == expected, f"BACKUP_SENSE {ended.sense:06x}, expected {expected:06x}")


@pyuvm.test()
class DeviceFull(_Backup):
    """Space exhausted at block 128."""

    expected = BackupState.PAUSED
    expected_error = BAD_STATUS
    retries = True

    async def before(self) -> None:
        self.rig.disk.full_at = 128

    async def after(self, ended: BackupProgress) -> None:
        self.expect(ended.backup_pointer == 128, f"backup pointer {ended.backup_pointer}, the device took 128 blocks")


@pyuvm.test()
class DeviceSilent(_Backup):
    """A command is not answered: timeout, ABTS, tried again."""

    retries = True

    async def before(self) -> None:
        self.rig.disk.inject(Fault(FaultKind.SILENCE, when=lambda c: c.lba == 64))

    async def after(self, ended: BackupProgress) -> None:
        self.expect(self.rig.disk.counts["abts_received"] == 1, f"{self.rig.disk.counts['abts_received']} ABTS")
        counters = await self.management.counters()
        self.expect(counters["exchange_timeouts"] >= 1 and counters["abts_sent"] == 1, f"{counters}")


@pyuvm.test()
class DeviceSilentAfterData(_Backup):
    """The data is stored but GOOD never comes: the pointer waits, the chunk is sent again."""

    retries = True

    async def before(self) -> None:
        self.rig.disk.inject(Fault(FaultKind.SILENCE_AFTER_DATA, when=lambda c: c.lba == 96))

    async def after(self, ended: BackupProgress) -> None:
        self.expect(self.rig.disk.counts["abts_received"] == 1, f"{self.rig.disk.counts['abts_received']} ABTS")


@pyuvm.test()
class DeviceSilentForever(_Backup):
    """No command is answered any more: the job is paused after its retries and leaves nothing open."""

    expected = BackupState.PAUSED
    expected_error = None
    retries = True

    async def before(self) -> None:
        self.rig.disk.inject(Fault(FaultKind.SILENCE, 1000, when=lambda c: c.opcode == OpCode.WRITE_10 and c.lba >= 64))

    async def after(self, ended: BackupProgress) -> None:
        self.expect(ended.backup_pointer == 64, f"backup pointer {ended.backup_pointer}, 64 blocks were answered GOOD")
        self.expect(ended.error & 0xFF in (1, NOT_ANSWERED), f"error {ended.error:#x}")


@pyuvm.test()
class DeviceRefusesLogin(_Backup):
    """LS_RJT for PLOGI: the job fails at once, nothing is written."""

    expected = BackupState.FAILED
    expected_error = REJECTED

    async def before(self) -> None:
        self.rig.disk.allowed = set()

    async def after(self, ended: BackupProgress) -> None:
        self.expect(ended.backup_pointer == 0 and not self.rig.disk.writes, "something was written without login")


@pyuvm.test()
class DeviceTooSmall(ArrayTest):
    """The image would end one block beyond the device: the job fails before anything is written. Exactly as large as
    the image is large enough."""

    volumes: ClassVar[dict[int, int]] = {0: 64, 1: 64, 2: 256}

    async def scenario(self) -> None:
        rig = self.rig
        await self.ready()
        room = len(rig.disk.image()) // 512
        failed = await self.save_to(room - 255)
        self.expect(failed.state is BackupState.FAILED and failed.error & 0xFF == TOO_SMALL, f"the job ended {failed}")
        found = sense.LBA_OUT_OF_RANGE
        expected = found.key << 16 | found.asc << 8 | found.ascq
        self.expect(failed.sense == expected, f"BACKUP_SENSE {failed.sense:06x}, expected {expected:06x}")
        self.expect(failed.backup_pointer == 0 and not rig.disk.writes, "something was written")
        ended = await self.save_to(room - 256)
        self.expect(ended.state is BackupState.DONE, f"the job ended {ended}")
        self.expect(rig.disk.image()[-256 * 512 :] == rig.images[SUB], "I2: the image differs")
        rig.compared_blocks += 256

    async def save_to(self, lba: int) -> BackupProgress:
        """Save the volume to the blocks from `lba` on."""
        rig, management = self.rig, self.management
        await management.prepare_backup(SUB, port_id=rig.disk.n_port_id, lba=lba, chunk=CHUNK)
        await management.set_copy_pointer(256)
        await management.start_backup()

        async def ended() -> bool:
            return await management.backup_state() in ENDED

        await rig.until(ended, "the end of the backup", 1_000_000)
        return await management.backup_progress()


@pyuvm.test()
class DeviceLogsOut(_Backup):
    """LOGO from the device in mid-backup: the array logs in again and goes on."""

    retries = True

    async def during(self, job: BackupJob) -> None:
        await self.written(2)
        await self.rig.disk.logout(self.rig.array_id)

    async def after(self, ended: BackupProgress) -> None:
        self.expect(len(self.rig.disk.writes) >= 8, f"{len(self.rig.disk.writes)} writes")


@pyuvm.test()
class DeviceSendsProcessLogout(_Backup):
    """PRLO from the device in mid-backup."""

    retries = True

    async def during(self, job: BackupJob) -> None:
        await self.written(3)
        await self.rig.disk.process_logout(self.rig.array_id)


@pyuvm.test()
class DeviceIsNotThere(_Backup):
    """Nobody has the port ID: the login times out, is tried again, and the job is paused."""

    expected = BackupState.PAUSED
    expected_error = None
    retries = True

    async def before(self) -> None:
        self.rig.disk.n_port_id += 0x100  # what the console is told

    async def during(self, job: BackupJob) -> None:
        self.rig.disk.n_port_id -= 0x100

    async def after(self, ended: BackupProgress) -> None:
        self.expect(ended.backup_pointer == 0 and not self.rig.disk.writes, f"the job ended {ended}")


@pyuvm.test()
class ConsoleAborts(_Backup):
    """The console ends the job in the middle; what is counted stays counted, and a new job runs to its end."""

    expected = BackupState.ABORTED
    expected_error = None

    async def during(self, job: BackupJob) -> None:
        await self.written(3)
        await self.management.abort_backup()

    async def after(self, ended: BackupProgress) -> None:
        self.expect(0 < ended.backup_pointer < 256, f"backup pointer {ended.backup_pointer}")
        again = BackupJob(self.rig, chunk=64)
        await again.start()
        second = await again.follow(4_000_000)
        self.expect(second.state is BackupState.DONE, f"the second job ended {second}")
        self.expect(self.rig.backup_differs() is None, "I2: the second job's image differs")
        self.problems += again.pointers.violations


@pyuvm.test()
class CopyPointerStopsTheBackup(ArrayTest):
    """No chunk reaches beyond the copy pointer, however long that stands; and it never goes back (figure 7)."""

    volumes: ClassVar[dict[int, int]] = {0: 64, 1: 64, 2: 256}

    async def scenario(self) -> None:
        rig, management = self.rig, self.management
        await self.ready()
        await management.prepare_backup(SUB, port_id=rig.disk.n_port_id, chunk=CHUNK)
        await management.set_copy_pointer(0)
        await management.start_backup()
        for copied in (0, 8, 31, 32, 33, 100, 255):
            await management.set_copy_pointer(copied)
            await self.stands(copied // CHUNK * CHUNK)
        await management.set_copy_pointer(40)  # the console may write it, the job does not go back
        await self.stands(224)
        found = await management.bus.read(JOB_COPY_POINTER)
        self.expect(found == 255, f"the job's copy pointer went back to {found}")
        await management.set_copy_pointer(10_000)  # beyond the volume: the capacity counts

        async def done() -> bool:
            return await management.backup_state() is BackupState.DONE

        await rig.until(done, "the end of the backup", 400_000)
        found = await management.bus.read(JOB_COPY_POINTER)
        self.expect(found == 256, f"the job's copy pointer {found}, the volume has 256 blocks")
        self.expect(rig.backup_differs() is None, "I2: the image differs")

    async def stands(self, blocks: int) -> None:
        """The pointer reaches `blocks` and then nothing more is sent for 40,000 words."""
        rig = self.rig

        async def reached() -> bool:
            found = await self.management.backup_progress()
            return found.state is BackupState.TRANSFER and found.backup_pointer == blocks

        await rig.until(reached, f"the backup pointer at {blocks}", 200_000)
        frames = (await self.management.counters())["backup_frames"]
        await sleep(self.executor, 40_000)
        pointer, _ = await self.management.backup_pointers()
        highest = max((record.lba + record.blocks for record in rig.disk.writes), default=0)
        self.expect(
            pointer == blocks and highest == blocks, f"pointer {pointer}, written up to {highest}: {blocks} due"
        )
        later = (await self.management.counters())["backup_frames"]
        self.expect(later == frames, f"{later - frames} backup frames while the backup had to stand at {blocks}")


@pyuvm.test()
class RestoreIntoOtherVolumes(ArrayTest):
    """Backup, then restore over a volume in use and into another one: both equal the image; hosts work meanwhile."""

    volumes: ClassVar[dict[int, int]] = {0: 256, 1: 256, 2: 256}

    async def scenario(self) -> None:
        rig = self.rig
        units = await self.ready()
        (host,) = rig.hosts
        job = BackupJob(rig, chunk=64)
        await job.start()
        ended = await job.follow()
        self.expect(ended.state is BackupState.DONE, f"the backup ended {ended}")
        self.problems += job.pointers.violations
        # LUN 0 is in the cache, partly dirty, when it is restored over
        model = rig.models[0]
        data = rig.random.randbytes(16384)
        write = model.begin_write(40, data)
        await host.write(units[host][0], 40, data)
        model.end_write(write)
        await host.read(units[host][0], 128, 64)
        for lun, chunk in ((0, 40), (1, 128)):
            await self.restore(lun, chunk)
            image = rig.models[lun].begin_write(0, rig.images[SUB])
            rig.models[lun].end_write(image)
            data = b"".join([await host.read(units[host][lun], lba, 64) for lba in range(0, 256, 64)])
            self.expect(data == rig.images[SUB], f"LUN {lun} does not hold what was saved")
            rig.compared_blocks += 256

    async def restore(self, lun: int, chunk: int) -> None:
        rig = self.rig
        await self.management.prepare_backup(lun, port_id=rig.disk.n_port_id, chunk=chunk)
        await self.management.set_copy_pointer(256)
        await self.management.start_restore()

        async def ended() -> bool:
            return await self.management.backup_state() in ENDED

        await rig.until(ended, "the end of the restore", 1_000_000)
        found = await self.management.backup_progress()
        self.expect(found.state is BackupState.DONE and found.backup_pointer == 256, f"the restore ended {found}")
