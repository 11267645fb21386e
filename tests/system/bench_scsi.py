# SPDX-License-Identifier: Apache-2.0
"""Commands of a host through the whole array: answers of every length, residuals, every transfer command."""

from __future__ import annotations

import struct
from typing import ClassVar

import pyuvm

from portplex.executor import sleep
from portplex.fc.constants import ScsiStatus
from portplex.model.volume import Outcome
from portplex.nport.host_initiator import HostInitiator, Result
from portplex.scsi import cdb
from portplex.uvm.base_test import ArrayTest


@pyuvm.test()
class AnswersOfEveryLength(ArrayTest):
    """INQUIRY with every allocation length from 1 to 96, and REQUEST SENSE with 18: a prefix of the long answer, byte
    for byte, with the fill bytes of the last word counted in F_CTL."""

    async def scenario(self) -> None:
        units = await self.ready()
        host = self.rig.hosts[0]
        whole = (await host.command(self.rig.array_id, 0, cdb.inquiry(length=96), data_in=96)).data
        self.expect(whole[8:16] == b"PORTPLEX", f"vendor {whole[8:16]!r}")
        for length in range(1, 97):
            result = await host.command(self.rig.array_id, 0, cdb.inquiry(length=length), data_in=length)
            want = whole[: min(length, len(whole))]
            self.expect(result.data == want, f"INQUIRY of {length} bytes: {result.data.hex()}")
        sense = await host.command(self.rig.array_id, 0, bytes((3, 0, 0, 0, 18, 0)), data_in=18)
        self.expect(len(sense.data) == 18 and sense.data[0] & 0x7F == 0x70, f"REQUEST SENSE: {sense.data.hex()}")
        self.expect(bool(units), "no units")


@pyuvm.test()
class ResidualsAreCounted(ArrayTest):
    """FCP_DL larger or smaller than the command's own length: the residual says by how much, the data is right."""

    async def scenario(self) -> None:
        units = await self.ready()
        host = self.rig.hosts[0]
        unit = units[host][0]
        image = self.rig.images[0]
        under = await host.command(unit.target, 0, cdb.read(8, 2), data_in=4096)
        self.expect(under.data == image[4096:5120], "read with a longer FCP_DL: wrong data")
        self.expect(under.residual == 3072, f"read with a longer FCP_DL: residual {under.residual}")
        over = await host.command(unit.target, 0, cdb.read(8, 8), data_in=1024)
        self.expect(over.data == image[4096:5120], "read with a shorter FCP_DL: wrong data")
        self.expect(over.residual == -3072, f"read with a shorter FCP_DL: residual {over.residual}")


@pyuvm.test()
class EveryTransferCommand(ArrayTest):
    """READ and WRITE with 6, 10, 12 and 16 bytes reach the same blocks; what one wrote the others read."""

    async def scenario(self) -> None:
        units = await self.ready()
        host = self.rig.hosts[0]
        unit, model = units[host][0], self.rig.models[0]
        writes = {
            "WRITE(6)": lambda lba, n: struct.pack(">BBHBB", 0x0A, 0, lba, n, 0),
            "WRITE(10)": lambda lba, n: struct.pack(">BBIBHB", 0x2A, 0, lba, 0, n, 0),
            "WRITE(12)": lambda lba, n: struct.pack(">BBIIBB", 0xAA, 0, lba, n, 0, 0),
            "WRITE(16)": lambda lba, n: struct.pack(">BBQIBB", 0x8A, 0, lba, n, 0, 0),
        }
        reads = {
            "READ(6)": lambda lba, n: struct.pack(">BBHBB", 0x08, 0, lba, n, 0),
            "READ(10)": lambda lba, n: struct.pack(">BBIBHB", 0x28, 0, lba, 0, n, 0),
            "READ(12)": lambda lba, n: struct.pack(">BBIIBB", 0xA8, 0, lba, n, 0, 0),
            "READ(16)": lambda lba, n: struct.pack(">BBQIBB", 0x88, 0, lba, n, 0, 0),
        }
        for number, (name, build) in enumerate(writes.items()):
            lba, data = 16 * number + 3, self.rig.random.randbytes(5 * 512)
            write = model.begin_write(lba, data)
            result = await host.command(unit.target, 0, build(lba, 5), data_out=data)
            model.end_write(write, Outcome.DONE)
            self.expect(result.status == 0, f"{name}: status {result.status:02x}")
            for reader, ask in reads.items():
                found = await host.command(unit.target, 0, ask(lba, 5), data_in=len(data))
                self.expect(found.data == data, f"{reader} after {name}: wrong data")


def block_16(opcode: int, lba: int, blocks: int, flags: int = 0) -> bytes:
    """CDB of a 16-byte command with a block range."""
    return struct.pack(">BBQIBB", opcode, flags, lba, blocks, 0, 0)


@pyuvm.test()
class BlocksWithoutMovingThem(ArrayTest):
    """WRITE SAME, UNMAP, COMPARE AND WRITE, VERIFY with data, WRITE AND VERIFY, PRE-FETCH, software write protection:
    what they leave is read back, and is on the drive at the end."""

    async def scenario(self) -> None:
        units = await self.ready()
        self.host = self.rig.hosts[0]
        rng, image = self.rig.random, bytearray(self.rig.images[0])
        one, two = rng.randbytes(512), rng.randbytes(512)
        await self.change(block_16(0x93, 3, 150), one, image, 3, one * 150)  # WRITE SAME(16)
        await self.change(block_16(0x93, 20, 9, 0x01), None, image, 20, bytes(9 * 512))  # without data
        lists = struct.pack(">HHIQIIQII", 38, 32, 0, 5, 2, 0, 60, 30, 0)
        self.model_write(image, 5, bytes(1024))
        await self.change(struct.pack(">BB5xHB6x", 0x42, 0, 40, 0), lists, image, 60, bytes(30 * 512))  # UNMAP
        compare = struct.pack(">BBQ3xBBB", 0x89, 0, 100, 1, 0, 0)
        await self.change(compare, one + two, image, 100, two)
        await self.change(struct.pack(">BBIBHB6x", 0x2E, 0, 200, 0, 3, 0), two * 3, image, 200, two * 3)
        wrong = await self.command(compare, two[:77] + b"\x00\x01" + two[79:] + one)
        self.expect(wrong.status == ScsiStatus.CHECK_CONDITION and wrong.sense == (0xE, 0x1D, 0), f"compare: {wrong}")
        good = await self.command(block_16(0x8F, 95, 9, 0x02), bytes(image[95 * 512 : 104 * 512]))  # VERIFY, BYTCHK 1
        self.expect(good.status == ScsiStatus.GOOD, f"verify: {good}")
        bad = await self.command(block_16(0x8F, 95, 9, 0x02), bytes(9 * 512))
        self.expect(bad.sense == (0xE, 0x1D, 0), f"verify of other data: {bad}")
        ahead = await self.command(block_16(0x90, 0, 64), None)
        self.expect(ahead.status == ScsiStatus.CONDITION_MET, f"prefetch: {ahead}")
        for protect in (8, 0):
            pages = bytes(4) + bytes([0x0A, 0x0A, 0, 0x10, protect]) + bytes(7)
            select = await self.command(struct.pack(">BB2xBB10x", 0x15, 0x10, 16, 0), pages)
            self.expect(select.status == ScsiStatus.GOOD, f"MODE SELECT: {select}")
            if protect:
                refused = await self.command(cdb.write(0, 1), one)
                self.expect(refused.sense == (7, 0x27, 2), f"write to a protected unit: {refused}")
        unit = units[self.host][0]
        self.expect(await self.host.read(unit, 0, 250) == image[: 250 * 512], "what was written is not there")

    async def command(self, command: bytes, data: bytes | None) -> Result:
        return await self.host.command(self.rig.array_id, 0, command, data_out=data)

    def model_write(self, image: bytearray, lba: int, data: bytes) -> None:
        image[512 * lba : 512 * lba + len(data)] = data
        model = self.rig.models[0]
        model.end_write(model.begin_write(lba, data), Outcome.DONE)

    async def change(self, command: bytes, data: bytes | None, image: bytearray, lba: int, after: bytes) -> None:
        """A command after which `after` stands at `lba`."""
        result = await self.command(command, data)
        self.expect(result.status == ScsiStatus.GOOD, f"{command.hex()}: status {result.status:02x}, {result.sense}")
        self.model_write(image, lba, after)


@pyuvm.test()
class TwoHostsAndReservations(ArrayTest):
    """A persistent reservation keeps the other host out, names its holder's port, and is preempted; a logical unit
    reset
    ends the other host's commands, and both hear of it."""

    hosts: ClassVar[int] = 2

    async def scenario(self) -> None:
        units = await self.ready()
        first, second = self.rig.hosts
        self.unit = units[first][0]
        for key, host in ((0x11, first), (0x22, second)):
            self.expect(await self.out(host, 0, 0, key) == ScsiStatus.GOOD, "REGISTER")
        self.expect(await self.out(first, 1, 0x11, 0, 3) == ScsiStatus.GOOD, "RESERVE")
        read = await second.command(self.unit.target, 0, cdb.read(0, 1), data_in=512)
        self.expect(read.status == ScsiStatus.RESERVATION_CONFLICT, f"read of a reserved unit: {read.status:02x}")
        full = await second.command(self.unit.target, 0, struct.pack(">BB5xHB6x", 0x5E, 3, 512, 0), data_in=512)
        names = {full.data[at : at + 8]: full.data[at + 32 : at + 40] for at in (8, 56)}
        expected = {
            key.to_bytes(8, "big"): host.wwpn.to_bytes(8, "big") for key, host in ((0x11, first), (0x22, second))
        }
        self.expect(names == expected, f"READ FULL STATUS: {full.data.hex()}")
        self.expect(await self.out(second, 4, 0x22, 0x11, 3) == ScsiStatus.GOOD, "PREEMPT")
        told = await first.command(self.unit.target, 0, cdb.test_unit_ready())
        self.expect(told.sense == (6, 0x2A, 5), f"the preempted host hears {told.sense}")
        self.expect(await self.out(second, 3, 0x22, 0) == ScsiStatus.GOOD, "CLEAR")
        reset = await second.task_management(self.unit.target, 0, 0x10)
        self.expect(reset.code == 0, f"LOGICAL UNIT RESET: {reset}")
        for host in (first, second):
            told = await host.command(self.unit.target, 0, cdb.test_unit_ready())
            self.expect(told.sense == (6, 0x29, 3), f"after the reset {host.name} hears {told.sense}")

    async def out(self, host: HostInitiator, action: int, key: int, new: int, kind: int = 0) -> int:
        """PERSISTENT RESERVE OUT: its status."""
        command = struct.pack(">BBB2xIB6x", 0x5F, action, kind, 24, 0)
        data = struct.pack(">QQ8x", key, new)
        return (await host.command(self.unit.target, 0, command, data_out=data)).status


@pyuvm.test()
class MaskedVolume(ArrayTest):
    """A volume that the console hides from one host is absent for it from its next login on, not for the other."""

    hosts: ClassVar[int] = 2

    async def scenario(self) -> None:
        units = await self.ready()
        first, second = self.rig.hosts
        everything = sorted(units[first])
        await self.management.hide(1, [1])
        await second.logout(self.rig.array_id)
        for host, expected in ((first, everything), (second, [lun for lun in everything if lun != 1])):
            seen = sorted(u.lun for u in await host.discover() if u.target == self.rig.array_id)
            self.expect(seen == expected, f"{host.name} sees {seen}, not {expected}")
        result = await second.command(self.rig.array_id, 1, cdb.read(0, 1), data_in=512)
        self.expect(result.sense == (5, 0x25, 0), f"read of a hidden volume: {result}")


@pyuvm.test()
class CompareAndWriteIsAtomic(ArrayTest):
    """A plain write meets a COMPARE AND WRITE of another host to the same block, at every offset in time: whichever is
    first, the block holds what was plainly written; it is never lost between comparing and writing."""

    hosts: ClassVar[int] = 2
    rounds = 60

    async def scenario(self) -> None:
        units = await self.ready()
        first, second = self.rig.hosts
        target, lba, rng = units[first][0].target, 77, self.rig.random
        model = self.rig.models[0]
        old = self.rig.images[0][lba * 512 : lba * 512 + 512]
        swap = struct.pack(">BBQ3xBBB", 0x89, 0, lba, 1, 0, 0)
        outcomes = set()
        for number in range(self.rounds):
            new, plain = rng.randbytes(512), rng.randbytes(1024)
            first_lba = lba - number % 2
            swapping = self.begin(first.command(target, 0, swap, data_out=old + new))
            # its data come right behind those of the other host, where comparing is near; or at any time
            await sleep(self.executor, rng.randrange(40) if number % 4 else rng.randrange(600))
            write = model.begin_write(first_lba, plain)
            written = await second.command(target, 0, cdb.write(first_lba, 2), data_out=plain)
            model.end_write(write, Outcome.DONE)
            swapped = await swapping
            if isinstance(swapped, Exception):
                raise swapped
            self.expect(written.status == ScsiStatus.GOOD, f"write: {written}")
            found = await first.command(target, 0, cdb.read(first_lba, 2), data_in=1024)
            self.expect(found.data == plain, f"round {number}: a write that was answered GOOD is lost ({swapped})")
            outcomes.add(swapped.sense)
            old = plain[512 * (lba - first_lba) :][:512]
        self.expect(outcomes == {None, (0xE, 0x1D, 0)}, f"only {outcomes}: the offsets met one order only")


@pyuvm.test()
class ToTheMedium(ArrayTest):
    """FUA, SYNCHRONIZE CACHE and WRITE AND VERIFY leave nothing dirty when they are answered; stopping a unit neither.
    A stopped unit is not ready for either host until it is started."""

    hosts: ClassVar[int] = 2

    async def scenario(self) -> None:
        units = await self.ready()
        self.host, other = self.rig.hosts
        self.target = units[self.host][0].target
        rng = self.rig.random
        await self.management.flush()
        await self.rig.until(self.management.cache_clean, "a clean cache", 400_000)
        for opcode, flags in ((0x2A, 0x08), (0x2E, 0x00), (0x2E, 0x02)):
            await self.write(opcode, flags, 100, rng.randbytes(70 * 512))
            self.expect(await self.management.cache_clean(), f"{opcode:02x}h, flags {flags:02x}: not on the drive")
        for number, ends in enumerate((bytes((0x35, *bytes(9))), bytes((0x1B, *bytes(5))))):
            await self.write(0x2A, 0, 40 * number, rng.randbytes(128 * 512))
            self.expect(not await self.management.cache_clean(), "a write of 64 KiB is on the drive at once")
            result = await self.host.command(self.target, 0, ends)
            self.expect(result.status == ScsiStatus.GOOD, f"{ends.hex()}: {result}")
            self.expect(await self.management.cache_clean(), f"{ends.hex()}: not on the drive")
        for host in (self.host, other):
            for command, length in ((cdb.test_unit_ready(), 0), (cdb.read(0, 1), 512)):
                result = await host.command(self.target, 0, command, data_in=length)
                self.expect(result.sense == (2, 4, 2), f"{host.name}, stopped unit: {result}")
        started = await other.command(self.target, 0, bytes((0x1B, 0, 0, 0, 1, 0)))
        found = await self.host.command(self.target, 0, cdb.read(0, 250), data_in=250 * 512)
        self.expect(started.status == found.status == ScsiStatus.GOOD, f"after START: {started}, {found.status:02x}")

    async def write(self, opcode: int, flags: int, lba: int, data: bytes) -> None:
        model = self.rig.models[0]
        write = model.begin_write(lba, data)
        command = struct.pack(">BBIBHB", opcode, flags, lba, 0, len(data) // 512, 0)
        result = await self.host.command(self.target, 0, command, data_out=data)
        model.end_write(write, Outcome.DONE)
        self.expect(result.status == ScsiStatus.GOOD, f"{command.hex()}: {result}")


@pyuvm.test()
class WhatOthersChange(ArrayTest):
    """RESERVE ends with the logout of its holder; a capacity that the console changes, and a volume that it takes away,
    are told to every host, once."""

    hosts: ClassVar[int] = 2

    async def scenario(self) -> None:
        units = await self.ready()
        first, self.second = self.rig.hosts
        self.target = units[first][0].target
        reserved = await first.command(self.target, 0, bytes((0x16, *bytes(5))))
        self.expect(reserved.status == ScsiStatus.GOOD, f"RESERVE: {reserved}")
        await self.second_hears(ScsiStatus.RESERVATION_CONFLICT, None)
        await first.logout(self.target)
        await self.second_hears(ScsiStatus.GOOD, None)
        await first.discover()
        blocks = units[first][0].blocks
        for number in (blocks - 8, blocks):
            await self.management.set_volume(0, base_segment=0, blocks=number)
            for host in (first, self.second):
                told = await host.command(self.target, 0, cdb.test_unit_ready())
                self.expect(told.sense == (6, 0x2A, 9), f"{number} blocks: {host.name} hears {told}")
            await self.second_hears(ScsiStatus.GOOD, None)
            capacity = await first.command(self.target, 0, bytes((0x25, *bytes(9))), data_in=8)
            last = int.from_bytes(capacity.data[:4], "big")
            self.expect(last == number - 1, f"READ CAPACITY: {last}, not {number - 1}")

    async def second_hears(self, status: int, sense: tuple[int, int, int] | None) -> None:
        told = await self.second.command(self.target, 0, cdb.test_unit_ready())
        self.expect((told.status, told.sense) == (status, sense), f"the second host hears {told}")
