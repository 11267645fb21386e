# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of host engine and SCSI responder: the reference model `scsi_target` says what each must answer."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import cocotb
from array_host_rig import ABORT, BLOCK, RECEIVE, RELEASE_TASK, RESPOND, SEND, Command, Rig, lun_bytes

from portplex.management import BackupState
from portplex.model.backup import Refusal
from portplex.model.copy_manager import JobEnd
from portplex.model.scsi_target import COMMANDS, COMMANDS_CLEARED, VolumeState
from portplex.scsi import xcopy
from portplex.simulate import long_run

MAIN, PROTECTED, ABSENT, SMALL = range(4)  # volumes of the rig
SLOW = cocotb.SIM_NAME.startswith("Icarus") and not long_run()  # a part of the cases, then


def block_cdb(opcode: int, lba: int, blocks: int, flags: int = 0) -> bytes:
    """CDB of a command with a block range: 6, 10, 12 or 16 bytes by its group."""
    if opcode < 0x20:
        return struct.pack(">BBHBB", opcode, flags | lba >> 16, lba & 0xFFFF, blocks & 0xFF, 0)
    if opcode < 0x60:
        return struct.pack(">BBIBHB", opcode, flags, lba, 0, blocks, 0)
    if opcode < 0xA0:
        return struct.pack(">BBQIBB", opcode, flags, lba, blocks, 0, 0)
    return struct.pack(">BBIIBB", opcode, flags, lba, blocks, 0, 0)


def read(opcode: int, lba: int, blocks: int, length: int | None = None, volume: int = MAIN, **more: Any) -> Command:
    size = blocks * BLOCK if length is None else length
    return Command(block_cdb(opcode, lba, blocks), size, size > 0, False, lun_bytes(volume), **more)


def write(
    rig: Rig, opcode: int, lba: int, blocks: int, length: int | None = None, volume: int = MAIN, **more: Any
) -> Command:
    size = blocks * BLOCK if length is None else length
    payload = rig.rng.randbytes(size)
    return Command(block_cdb(opcode, lba, blocks), size, False, size > 0, lun_bytes(volume), payload=payload, **more)


def plain(cdb: bytes, volume: int = MAIN, **more: Any) -> Command:
    """A command without data."""
    return Command(cdb, lun=lun_bytes(volume), **more)


def data_in(cdb: bytes, length: int, volume: int = MAIN, **more: Any) -> Command:
    return Command(cdb, length, length > 0, False, lun_bytes(volume), **more)


def data_out(rig: Rig, cdb: bytes, data: int | bytes, volume: int = MAIN, **more: Any) -> Command:
    """A command with these data, or so many random bytes."""
    payload = rig.rng.randbytes(data) if isinstance(data, int) else data
    more.setdefault("length", len(payload))
    return Command(
        cdb,
        read=False,
        write=more["length"] > 0,
        lun=lun_bytes(volume),
        payload=payload.ljust(more["length"], b"\0"),
        **more,
    )


async def rig_for(dut: Any, **options: Any) -> Rig:
    rig = Rig(dut, **options)
    await rig.start()
    return rig


async def play(dut: Any, commands: Iterable[Command], **options: Any) -> Rig:
    """Each command with the array idle, then nothing may be left."""
    rig = await rig_for(dut, **options)
    for command in commands:
        await rig.run(command)
    await rig.settle()
    return rig


READS, WRITES = (0x08, 0x28, 0xA8, 0x88), (0x0A, 0x2A, 0xAA, 0x8A)


# ---- reads and writes ----


@cocotb.test()
async def test_read_simple(dut: Any) -> None:
    """All four lengths of READ; unaligned starts, up to the last block, several chunks."""
    cases = [(0, 1), (5, 3), (7, 128), (8, 129), (100, 250)]
    rig = await play(
        dut,
        [read(op, lba, n) for op in READS for lba, n in cases]
        + [read(0x28, 69999, 1), read(0x28, 0, 64, volume=SMALL)],
    )
    assert sum(op == SEND for op, _, _ in rig.log) == 4 * 7 + 2


@cocotb.test()
async def test_read_0blocks(dut: Any) -> None:
    """No data; READ(6) with 0 means 256 blocks."""
    rig = await play(dut, [*(read(op, 10, 0) for op in READS[1:]), read(0x08, 10, 256), read(0x28, 70000, 0)])
    assert sum(op == SEND for op, _, _ in rig.log) == 2


@cocotb.test()
async def test_read_beyond_eol(dut: Any) -> None:
    await play(
        dut,
        [
            *(read(op, 60, 5, volume=SMALL) for op in READS),
            *(read(op, 64, 1, volume=SMALL) for op in READS),
            read(0x28, 70001, 0),
            read(0x28, 0xFFFFFFFF, 2),
            read(0x88, 1 << 32, 1),
            read(0x88, (1 << 64) - 1, 1),
        ],
    )


@cocotb.test()
async def test_read_residuals(dut: Any) -> None:
    """FCP_DL smaller than the transfer length: only so much is sent, odd lengths too; and larger."""
    lengths = (0, 1, 4, 511, 512, 1001, 65536, 65538, 100 * BLOCK)
    over = [read(op, 33, 200, length) for op in READS for length in lengths]
    under = [read(op, 3, 2, length) for op in READS for length in (1025, 4096, 1 << 31)] + [read(0x28, 3, 0, 512)]
    await play(dut, over + under)


@cocotb.test()
async def test_read_invalid(dut: Any) -> None:
    """Protection, NACA, and more blocks than VPD page B0h announces."""
    flagged = [data_in(block_cdb(op, 0, 1, flag), BLOCK) for op in READS[1:] for flag in (0x20, 0x40, 0x80, 0xE0)]
    naca = [data_in(block_cdb(op, 0, 1)[:-1] + b"\x04", BLOCK) for op in READS]
    large = [read(op, 0, 65536, BLOCK) for op in (0xA8, 0x88)]
    await play(dut, [*flagged, *naca, *large])


@cocotb.test()
async def test_read_flags(dut: Any) -> None:
    """DPO is a hint; with FUA each chunk is destaged before it is read, and a drive error then is a write error."""
    flagged = [data_in(block_cdb(op, 9, 200, flag), 200 * BLOCK) for op in READS[1:] for flag in (0x08, 0x10, 0x18)]
    forced = block_cdb(0x28, 9, 200, 0x08)
    bad = [data_in(forced, 200 * BLOCK, stage_error=n, fault_sense=e) for n, e in ((2, 0x030C00), (3, 0x031100))]
    await play(dut, flagged + bad)


@cocotb.test()
async def test_read_longest(dut: Any) -> None:
    """65535 blocks, 512 chunks: the largest transfer."""
    await play(dut, [read(0x28, 1, 65535)], delay=3, stall=0.0)


@cocotb.test()
async def test_read_drive_error(dut: Any) -> None:
    """The first or a later chunk cannot be staged: medium error, the residual says what had been sent."""
    await play(dut, [read(0x28, 9, 300, stage_error=n, fault_sense=0x031100) for n in (0, 1, 2)])


@cocotb.test()
async def test_read_transfer_fails(dut: Any) -> None:
    """A SEND that ends with timeout or protocol error: aborted command, the chunk is released."""
    cases = [(2, 0x0B4B06), (5, 0x0B4B00), (6, 0x0B4B00)]
    await play(
        dut, [read(0x28, 9, 300, transfer_status={n: s}, fault_sense=sense) for n in (0, 2) for s, sense in cases]
    )


@cocotb.test()
async def test_write_simple(dut: Any) -> None:
    rig = await rig_for(dut)
    for op in WRITES:
        for lba, blocks in ((0, 1), (5, 3), (7, 128), (8, 129), (100, 250)):
            await rig.run(write(rig, op, lba, blocks))
            await rig.run(read(0x28, max(lba - 1, 0), blocks + 2))
    await rig.settle()
    assert sum(op == RECEIVE for op, _, _ in rig.log) == 4 * 7


@cocotb.test()
async def test_write_0blocks(dut: Any) -> None:
    rig = await rig_for(dut)
    await rig.run(*(write(rig, op, 10, 0) for op in WRITES[1:]), write(rig, 0x0A, 10, 256))
    await rig.settle()


@cocotb.test()
async def test_write_beyond_eol(dut: Any) -> None:
    rig = await rig_for(dut)
    await rig.run(*(write(rig, op, 60, 5, volume=SMALL) for op in WRITES), write(rig, 0x8A, 1 << 40, 1))
    await rig.settle()


@cocotb.test()
async def test_write_residuals(dut: Any) -> None:
    """FCP_DL smaller than the transfer: whole blocks are written, a part of a block is refused; and larger."""
    rig = await rig_for(dut)
    for op in WRITES:
        for length in (0, 512, 1001, 65536, 66048):
            await rig.run(write(rig, op, 33, 200, length))
    await rig.run(*(write(rig, op, 3 + 10 * n, 2, 3000) for n, op in enumerate(WRITES)), write(rig, 0x2A, 0, 0, 512))
    await rig.settle()


@cocotb.test()
async def test_write_invalid(dut: Any) -> None:
    rig = await rig_for(dut)
    bad = [Command(block_cdb(op, 0, 1, 0x20), BLOCK, False, True, payload=bytes(BLOCK)) for op in WRITES[1:]]
    await rig.run(*bad, write(rig, 0x8A, 0, 65536, BLOCK))
    await rig.settle()


@cocotb.test()
async def test_write_flags(dut: Any) -> None:
    """DPO is a hint; with FUA each chunk is on the drive before the next one and GOOD, or it is a write error."""
    rig = await rig_for(dut)
    for op in WRITES[1:]:
        for flag in (0x08, 0x10, 0x18):
            await rig.run(data_out(rig, block_cdb(op, 9, 200, flag), 200 * BLOCK))
    for number in (1, 3):
        command = data_out(rig, block_cdb(0x2A, 9, 200, 8), 200 * BLOCK, stage_error=number, fault_sense=0x030C00)
        await rig.run(command)
    await rig.settle()


@cocotb.test()
async def test_write_protected(dut: Any) -> None:
    rig = await rig_for(dut)
    await rig.run(*(write(rig, op, 0, 4, volume=PROTECTED) for op in WRITES), write(rig, 0x2A, 0, 0, volume=PROTECTED))
    await rig.run(read(0x28, 0, 4, volume=PROTECTED))
    await rig.settle()


@cocotb.test()
async def test_write_drive_error(dut: Any) -> None:
    """A segment that is only partly covered cannot be staged, or the release reports an error."""
    rig = await rig_for(dut)
    for number in (0, 1, 2):
        await rig.run(write(rig, 0x2A, 9, 300, stage_error=number, fault_sense=0x030C00))
        await rig.run(write(rig, 0x2A, 9, 300, release_error=number, fault_sense=0x030C00))
    await rig.settle()


@cocotb.test()
async def test_write_transfer_fails(dut: Any) -> None:
    """Data-out that ends short (timeout, protocol error): discarded, aborted command, earlier chunks counted."""
    rig = await rig_for(dut)
    for number in (0, 2):
        for status, sense in ((2, 0x0B4B06), (4, 0x0B4B00), (5, 0x0B4B00)):
            await rig.run(write(rig, 0x2A, 9, 300, transfer_status={number: status}, fault_sense=sense))
    await rig.settle()


@cocotb.test()
async def direction_flags_contradict(dut: Any) -> None:
    """RDDATA and WRDATA against the command: RSP_CODE 02h; without data any is fine, with residual."""
    flags = [(r, w) for r in (False, True) for w in (False, True)]
    rig = await rig_for(dut)
    for r, w in flags:
        for length in (0, 512):
            for cdb in (
                block_cdb(0x28, 0, 1),
                block_cdb(0x2A, 0, 1),
                block_cdb(0x28, 0, 0),
                bytes(6),
                bytes([0x12, 0, 0, 0, 36, 0]),
            ):
                await rig.run(Command(cdb, length, r, w, payload=bytes(length)))
    await rig.settle()


# ---- commands that check blocks only ----


@cocotb.test()
async def test_verify_simple(dut: Any) -> None:
    """The blocks are staged, nothing is sent; a drive error is a medium error."""
    rig = await play(dut, [plain(block_cdb(op, 7, n)) for op in (0x2F, 0x8F) for n in (1, 300)])
    assert not any(op == SEND for op, _, _ in rig.log)


@cocotb.test()
async def test_verify_drive_error(dut: Any) -> None:
    await play(
        dut, [plain(block_cdb(0x2F, 7, 300), stage_error=n, fault_sense=e) for n, e in ((1, 0x031100), (2, 0x030C00))]
    )


@cocotb.test()
async def test_verify_0blocks(dut: Any) -> None:
    await play(dut, [plain(block_cdb(op, 7, 0, flag)) for op in (0x2F, 0x8F) for flag in (0, 2, 6)])


@cocotb.test()
async def test_verify_beyond_eol(dut: Any) -> None:
    rig = await play(dut, [plain(block_cdb(op, 60, 5), SMALL) for op in (0x2F, 0x8F)])
    for op in (0x2F, 0x8F):
        await rig.run(data_out(rig, block_cdb(op, 60, 5, 2), 5 * BLOCK, SMALL))
        await rig.run(data_out(rig, block_cdb(op, 64, 1, 6), BLOCK, SMALL))
    await rig.settle()


@cocotb.test()
async def test_verify_residuals(dut: Any) -> None:
    """FCP_DL without data that move; with BYTCHK, FCP_DL shorter than what is compared is refused."""
    rig = await play(dut, [Command(block_cdb(0x2F, 7, 9), 4096, read=r, write=not r) for r in (False, True)])
    for flag in (2, 6):
        size = BLOCK if flag == 6 else 5 * BLOCK
        await rig.run(data_out(rig, block_cdb(0x8F, 10, 5, flag), size - 4))
        await rig.run(data_out(rig, block_cdb(0x8F, 10, 5, flag), block_of(rig, 10, 5)[:size] + bytes(512)))
    await rig.settle()


@cocotb.test()
async def test_verify_invalid(dut: Any) -> None:
    """BYTCHK 2 and protection are not offered; more blocks than announced."""
    bad = [plain(block_cdb(op, 0, 1, flag)) for op in (0x2F, 0x8F) for flag in (0x04, 0x20, 0x24)]
    await play(dut, [*bad, plain(block_cdb(0x8F, 0, 65536))])


@cocotb.test()
async def test_synchronize_cache_simple(dut: Any) -> None:
    """The range is destaged, chunk by chunk; with IMMED or SYNC_NV only the range is checked. A drive error is told."""
    commands = [plain(block_cdb(op, 7, 57, flag), SMALL) for op in (0x35, 0x91) for flag in (0, 2, 4)]
    long = [plain(block_cdb(0x91, 3, 66000)), plain(block_cdb(0x35, 100, 300))]
    bad = plain(block_cdb(0x35, 100, 300), stage_error=2, fault_sense=0x030C00)
    await play(dut, [*commands, *long, bad], delay=3, stall=0.0)
    assert [c.chunks for c in (*commands, *long)] == [1, 0, 0, 1, 0, 0, 516, 3]


@cocotb.test()
async def test_synchronize_cache_0blocks(dut: Any) -> None:
    await play(dut, [plain(block_cdb(op, lba, 0), SMALL) for op in (0x35, 0x91) for lba in (0, 64)])


@cocotb.test()
async def test_synchronize_cache_beyond_eol(dut: Any) -> None:
    await play(dut, [plain(block_cdb(op, 60, 5), SMALL) for op in (0x35, 0x91)] + [plain(block_cdb(0x91, 1 << 33, 0))])


@cocotb.test()
async def test_synchronize_cache_residuals(dut: Any) -> None:
    await play(
        dut, [Command(block_cdb(op, 7, 9), 512, read=r, write=not r) for op in (0x35, 0x91) for r in (False, True)]
    )


@cocotb.test()
async def test_synchronize_cache_invalid(dut: Any) -> None:
    """NACA."""
    await play(dut, [plain(block_cdb(op, 7, 9)[:-1] + b"\x04") for op in (0x35, 0x91)])


# ---- commands that describe the array ----

PAGE_LENGTHS = (0, 1, 4, 5, 7, 8, 18, 36, 64, 252, 255)


def inquiry(page: int | None, allocation: int) -> bytes:
    return struct.pack(">BBBHB", 0x12, page is not None, page or 0, allocation, 0)


PAGES = (None, 0x00, 0x80, 0x83, 0x86, 0x87, 0xB0, 0xB1, 0xB2)


@cocotb.test()
async def test_test_unit_ready_simple(dut: Any) -> None:
    await play(dut, [plain(bytes(6), volume) for volume in range(4)])


@cocotb.test()
async def test_test_unit_ready_residuals(dut: Any) -> None:
    """FCP_DL that is not 0, with either direction flag."""
    await play(dut, [Command(bytes(6), 512, read=r, write=not r) for r in (False, True)])


@cocotb.test()
async def test_test_unit_ready_invalid(dut: Any) -> None:
    """NACA."""
    await play(dut, [plain(bytes(5) + b"\x04")])


@cocotb.test()
async def test_inquiry_simple(dut: Any) -> None:
    """Standard data and every page, of each volume."""
    await play(dut, [data_in(inquiry(page, 255), 255, volume) for page in PAGES for volume in (MAIN, PROTECTED, SMALL)])


@cocotb.test()
async def test_inquiry_absent_lun(dut: Any) -> None:
    """Peripheral qualifier 3h; LUN forms that are not single level are absent too."""
    rig = await rig_for(dut)
    absent = [
        lun_bytes(ABSENT),
        lun_bytes(4),
        lun_bytes(20),
        lun_bytes(255),
        b"\x01" + bytes(7),
        bytes(7) + b"\x01",
        b"\xc1\x01" + bytes(6),
    ]
    for lun in absent:
        await rig.run(Command(inquiry(None, 36), 36, True, lun=lun), Command(inquiry(0x83, 255), 255, True, lun=lun))
        await rig.run(Command(bytes(6), lun=lun), Command(block_cdb(0x28, 0, 1), BLOCK, True, lun=lun))
    await rig.run(Command(inquiry(None, 36), 36, True, lun=b"\x40\x03" + bytes(6)))
    await rig.settle()


@cocotb.test()
async def test_inquiry_residuals(dut: Any) -> None:
    """FCP_DL below the allocation length; the allocation length truncates and FCP_DL is larger."""
    over = [data_in(inquiry(page, 255), length) for page in (None, 0x83) for length in PAGE_LENGTHS]
    under = [data_in(inquiry(page, n), 256) for page in (None, 0x83) for n in (*PAGE_LENGTHS, 256, 65535)]
    await play(dut, over + under)


@cocotb.test()
async def test_inquiry_invalid(dut: Any) -> None:
    bad = [data_in(inquiry(page, 255), 255) for page in (0x01, 0x81, 0x82, 0x88, 0xB3, 0xFF)]
    await play(
        dut, [*bad, data_in(bytes([0x12, 0, 0x80, 0, 255, 0]), 255), data_in(bytes([0x12, 2, 0, 0, 255, 0]), 255)]
    )


@cocotb.test()
async def test_request_sense_simple(dut: Any) -> None:
    """No sense, the unit attention (once), and an absent logical unit as sense data."""
    sense = bytes([3, 0, 0, 0, 18, 0])
    rig = await rig_for(dut, attentions=True)
    for volume in (MAIN, MAIN, ABSENT, SMALL):
        await rig.run(data_in(sense, 18, volume, login=9))
    await rig.run(plain(bytes(6), login=9), plain(bytes(6), SMALL, login=9))
    await rig.settle()


@cocotb.test()
async def test_request_sense_residuals(dut: Any) -> None:
    over = [data_in(bytes([3, 0, 0, 0, 252, 0]), length) for length in PAGE_LENGTHS]
    await play(dut, over + [data_in(bytes([3, 0, 0, 0, n, 0]), 252) for n in PAGE_LENGTHS])


@cocotb.test()
async def test_request_sense_invalid(dut: Any) -> None:
    await play(dut, [data_in(bytes([3, 1, 0, 0, 252, 0]), 252)])


def report_luns(select: int, allocation: int) -> bytes:
    return struct.pack(">BBBBHIBB", 0xA0, 0, select, 0, 0, allocation, 0, 0)


@cocotb.test()
async def test_report_luns_simple(dut: Any) -> None:
    await play(dut, [data_in(report_luns(select, 1024), 1024) for select in (0, 1, 2)])


@cocotb.test()
async def test_report_luns_residuals(dut: Any) -> None:
    over = [data_in(report_luns(0, 4096), length) for length in PAGE_LENGTHS]
    await play(dut, over + [data_in(report_luns(0, n), 4096) for n in (*PAGE_LENGTHS, 0xFFFFFFFF)])


@cocotb.test()
async def test_report_luns_invalid(dut: Any) -> None:
    """Unknown selections; an absent LUN other than 0."""
    await play(
        dut, [data_in(report_luns(s, 64), 64) for s in (3, 0x10, 0xFF)] + [data_in(report_luns(0, 64), 64, ABSENT)]
    )


def read_capacity_16(allocation: int, lba: int = 0, action: int = 0x10, partial: int = 0) -> bytes:
    return struct.pack(">BBQIBB", 0x9E, action, lba, allocation, partial, 0)


@cocotb.test()
async def test_read_capacity_simple(dut: Any) -> None:
    luns = (MAIN, PROTECTED, ABSENT, SMALL)
    await play(
        dut,
        [data_in(bytes([0x25]) + bytes(9), 8, v) for v in luns] + [data_in(read_capacity_16(32), 32, v) for v in luns],
    )


@cocotb.test()
async def test_read_capacity_residuals(dut: Any) -> None:
    over = [data_in(bytes([0x25]) + bytes(9), length) for length in (0, 4, 7)]
    over += [data_in(read_capacity_16(32), length) for length in (0, 12, 31)]
    under = [data_in(read_capacity_16(n), 512) for n in (0, 12, 13, 32, 1 << 31)]
    await play(dut, [*over, data_in(bytes([0x25]) + bytes(9), 512), *under])


@cocotb.test()
async def test_read_capacity_invalid(dut: Any) -> None:
    ten = [data_in(bytes([0x25, 0, 0, 0, 0, 1, 0, 0, 0, 0]), 8), data_in(bytes([0x25, 0, 0, 0, 0, 0, 0, 0, 1, 0]), 8)]
    bad = [read_capacity_16(32, lba=1), read_capacity_16(32, action=0x12), read_capacity_16(32, partial=1)]
    await play(dut, ten + [data_in(cdb, 32) for cdb in bad])


def mode_sense(ten: bool, page: int, allocation: int, subpage: int = 0) -> bytes:
    if ten:
        return struct.pack(">BBBBBHHB", 0x5A, 0, page, subpage, 0, 0, allocation, 0)
    return struct.pack(">BBBBBB", 0x1A, 0, page, subpage, allocation, 0)


@cocotb.test()
async def test_mode_sense_simple(dut: Any) -> None:
    """Caching, control and all pages, current, changeable and default values; the write protect bit."""
    pages = [code | control << 6 for code in (0x08, 0x0A, 0x3F) for control in (0, 1, 2)]
    await play(
        dut,
        [data_in(mode_sense(ten, p, 255), 255, v) for ten in (False, True) for p in pages for v in (MAIN, PROTECTED)],
    )


@cocotb.test()
async def test_mode_sense_residuals(dut: Any) -> None:
    over = [data_in(mode_sense(ten, 0x3F, 255), n) for ten in (False, True) for n in PAGE_LENGTHS]
    await play(dut, over + [data_in(mode_sense(ten, 0x3F, n), 256) for ten in (False, True) for n in PAGE_LENGTHS])


@cocotb.test()
async def test_mode_sense_invalid(dut: Any) -> None:
    """Unknown pages and subpages; saved values."""
    bad = [(0x01, 0), (0x00, 0), (0x08, 1), (0x3F, 1), (0x3F, 0xFF), (0xC8, 0), (0xFF, 0), (0xC1, 0)]
    await play(dut, [data_in(mode_sense(ten, page, 255, sub), 255) for ten in (False, True) for page, sub in bad])


def report_opcodes(allocation: int, options: int = 0, action: int = 0x0C) -> bytes:
    return struct.pack(">BBBBHIBB", 0xA3, action, options, 0, 0, allocation, 0, 0)


@cocotb.test()
async def test_report_supported_operation_codes_simple(dut: Any) -> None:
    await play(dut, [data_in(report_opcodes(512), 512)])


@cocotb.test()
async def test_report_supported_operation_codes_residuals(dut: Any) -> None:
    over = [data_in(report_opcodes(512), n) for n in PAGE_LENGTHS]
    await play(dut, over + [data_in(report_opcodes(n), 512) for n in (*PAGE_LENGTHS, 1 << 20)])


@cocotb.test()
async def test_report_supported_operation_codes_invalid(dut: Any) -> None:
    """Reporting options, service actions; a service action of a command that has none, also when nothing is wanted."""
    bad = (report_opcodes(64, 3), report_opcodes(64, 0x87), report_opcodes(64, 0, 0x0B))
    wrong = [data_in(report_opcodes(allocation, 2), 64) for allocation in (64, 0)]
    await play(dut, [*(data_in(cdb, 64) for cdb in bad), *wrong])


def start_stop(byte: int, immediate: int = 0) -> bytes:
    return bytes([0x1B, immediate, 0, 0, byte, 0])


@cocotb.test()
async def test_start_stop_unit_simple(dut: Any) -> None:
    """A stopped unit refuses everybody what wants the medium and answers the rest, until it is started or reset."""
    rig = await rig_for(dut)
    for start in (start_stop(1), start_stop(5, 1), None):
        for stop in (start_stop(0), start_stop(4), start_stop(0, 1)):
            await rig.run(plain(stop, SMALL))
            await try_everything(rig, 2, SMALL)
            await rig.run(data_in(bytes([3, 0, 0, 0, 20, 0]), 20, SMALL), data_in(bytes([0x25]) + bytes(9), 8, SMALL))
            await rig.run(plain(unmap_cdb(0), SMALL), plain(block_cdb(0x34, 0, 1), SMALL), plain(bytes(6)))
            await rig.run(data_out(rig, compare_and_write(1, 1), 1024, SMALL), read(0x28, 60, 5, volume=SMALL))
            await rig.run(plain(stop, SMALL), plain(bytes(6), SMALL))
            if start:
                await rig.run(plain(start, SMALL))
            else:
                await rig.run(Command(management=0x10, lun=lun_bytes(SMALL), login=2))
                await rig.take_attentions()
            await try_everything(rig, 2, SMALL)
    await rig.settle()


@cocotb.test()
async def test_start_stop_unit_flush(dut: Any) -> None:
    """Stopping destages the whole volume, unless NO_FLUSH or IMMED is set; an error of the drive is told."""
    rig = await rig_for(dut, delay=3, stall=0.0)
    commands = [plain(start_stop(0)), plain(start_stop(4)), plain(start_stop(0, 1)), plain(start_stop(1))]
    for command in commands:
        await rig.run(command)
    assert [c.chunks for c in commands] == [-(-70000 // 128), 0, 0, 0]
    await rig.run(plain(start_stop(0), stage_error=3, fault_sense=0x030C00))
    await rig.run(plain(bytes(6)))
    await rig.settle()


@cocotb.test()
async def test_start_stop_unit_reserved(dut: Any) -> None:
    """Somebody else's write exclusive reservation lets a unit be started, not stopped."""
    rig = await rig_for(dut)
    for command in (
        *(reserve_out(rig, REGISTER, 1, 0, 0x11), reserve_out(rig, RESERVE, 1, 0x11, kind=1)),
        *(plain(start_stop(byte), login=login) for login in (2, 1) for byte in (1, 4)),
    ):
        await rig.run(command)
    await rig.settle()


@cocotb.test()
async def test_start_stop_unit_residuals(dut: Any) -> None:
    await play(dut, [Command(start_stop(1), 512, read=r, write=not r) for r in (False, True)])


@cocotb.test()
async def test_start_stop_unit_invalid(dut: Any) -> None:
    """Ejecting and power conditions are not offered; NACA. Nothing is stopped."""
    bad = [plain(start_stop(byte, immediate)) for immediate in (0, 1) for byte in (2, 3, 0x10, 0x31)]
    await play(dut, [*bad, plain(start_stop(0)[:-1] + b"\x04"), plain(bytes(6))])


# ---- commands that work on blocks without sending or receiving each of them ----


def same(opcode: int, lba: int, blocks: int, flags: int = 0) -> bytes:
    return block_cdb(opcode, lba, blocks, flags)


def block_of(rig: Rig, lba: int, blocks: int = 1, volume: int = MAIN) -> bytes:
    return bytes(rig.images[volume][lba * BLOCK : (lba + blocks) * BLOCK])


@cocotb.test()
async def test_write_and_verify_simple(dut: Any) -> None:
    """Each chunk is written, then staged once more; DPO is a hint."""
    rig = await rig_for(dut)
    for op in (0x2E, 0x8E):
        for lba, blocks in ((5, 3), (100, 250)):
            await rig.run(data_out(rig, block_cdb(op, lba, blocks, 0x10), blocks * BLOCK))
            await rig.run(read(0x28, lba, blocks))
    await rig.settle()


VERIFYING = (0x2E, 0x8E)


@cocotb.test()
async def test_write_and_verify_0blocks(dut: Any) -> None:
    await play(dut, [plain(block_cdb(op, 7, 0)) for op in VERIFYING])


@cocotb.test()
async def test_write_and_verify_beyond_eol(dut: Any) -> None:
    rig = await rig_for(dut)
    await rig.run(*(data_out(rig, block_cdb(op, 60, 5), 5 * BLOCK, SMALL) for op in VERIFYING))
    await rig.run(data_out(rig, block_cdb(0x8E, 1 << 32, 1), BLOCK))
    await rig.settle()


@cocotb.test()
async def test_write_and_verify_residuals(dut: Any) -> None:
    """FCP_DL smaller (whole blocks, and not) and larger than the transfer."""
    rig = await rig_for(dut)
    for op in VERIFYING:
        for size in (1024, 1001, 3000):
            await rig.run(data_out(rig, block_cdb(op, 30, 4), size))
    await rig.settle()


@cocotb.test()
async def test_write_and_verify_invalid(dut: Any) -> None:
    """BYTCHK 2 and 3 and protection are not offered; more blocks than announced."""
    rig = await rig_for(dut)
    for op in VERIFYING:
        await rig.run(*(data_out(rig, block_cdb(op, 0, 1, flag), BLOCK) for flag in (0x04, 0x06, 0x20)))
    await rig.run(data_out(rig, block_cdb(0x8E, 0, 65536), BLOCK))
    await rig.settle()


@cocotb.test()
async def test_write_and_verify_protected(dut: Any) -> None:
    rig = await rig_for(dut)
    await rig.run(*(data_out(rig, block_cdb(op, 0, 1), BLOCK, PROTECTED) for op in VERIFYING))
    await rig.settle()


@cocotb.test()
async def test_write_and_verify_drive_error(dut: Any) -> None:
    """When it is written, destaged, read again; with and without comparison."""
    rig = await rig_for(dut)
    for flag in (0, 2):
        for number, sense in ((0, 0x030C00), (1, 0x030C00), (2, 0x031100), (5, 0x031100)):
            command = block_cdb(0x2E, 0, 200, flag)
            await rig.run(data_out(rig, command, 200 * BLOCK, stage_error=number, fault_sense=sense))
        await rig.run(data_out(rig, block_cdb(0x2E, 0, 9, flag), 9 * BLOCK, release_error=0, fault_sense=0x030C00))
    await rig.settle()


@cocotb.test()
async def test_write_and_verify_bytchk(dut: Any) -> None:
    """BYTCHK 1: a page full of blocks is written, destaged, read again and compared; what came back different is a
    miscompare, and nothing goes on after it. FCP_DL shorter than the blocks is refused."""
    rig = await rig_for(dut)
    for op in VERIFYING:
        for lba, blocks in ((5, 1), (6, 4), (100, 23)):
            await rig.run(data_out(rig, block_cdb(op, lba, blocks, 0x12), blocks * BLOCK))
            await rig.run(read(0x28, lba - 1, blocks + 2))
        await rig.run(data_out(rig, block_cdb(op, 100, 23, 2), 23 * BLOCK, rot=3, fault_sense=0x0E1D00))
        await rig.run(data_out(rig, block_cdb(op, 100, 8, 2), 4 * BLOCK), data_out(rig, block_cdb(op, 9, 2, 2), 2000))
        await rig.run(plain(block_cdb(op, 7, 0, 2)), data_out(rig, block_cdb(op, 0, 1, 2), BLOCK, PROTECTED))
        await rig.run(data_out(rig, block_cdb(op, 10, 9, 2), 9 * BLOCK, transfer_status={1: 2}, fault_sense=0x0B4B06))
        await rig.run(data_out(rig, block_cdb(op, 10, 9, 2), 9 * BLOCK, transfer_status={1: 1}))
    await rig.settle()


@cocotb.test()
async def test_verify_bytchk_simple(dut: Any) -> None:
    """BYTCHK 1 compares every block with one of the host, BYTCHK 3 all of them with one; what differs is a
    miscompare."""
    rig = await rig_for(dut)
    for op in (0x2F, 0x8F):
        for lba, blocks in ((0, 1), (7, 4), (13, 23)):
            good = block_of(rig, lba, blocks)
            await rig.run(data_out(rig, block_cdb(op, lba, blocks, 2), good))
            bad = bytearray(good)
            bad[rig.rng.randrange(len(bad))] ^= 0x40
            command = data_out(rig, block_cdb(op, lba, blocks, 2), bytes(bad))
            await rig.run(command)
            assert command.response is not None and command.response[1] == 0x0E1D00
        one = rig.rng.randbytes(BLOCK)
        await rig.run(data_out(rig, same(0x41, 300, 140), one))
        await rig.run(data_out(rig, block_cdb(op, 300, 140, 6), one), data_out(rig, block_cdb(op, 299, 140, 6), one))
    await rig.settle()


@cocotb.test()
async def test_verify_bytchk_fails(dut: Any) -> None:
    """Drive error, failed transfer, abort by the port."""
    rig = await rig_for(dut)
    for flag in (2, 6):
        size = BLOCK if flag == 6 else 5 * BLOCK
        await rig.run(data_out(rig, block_cdb(0x8F, 10, 5, flag), size, stage_error=1, fault_sense=0x031100))
        await rig.run(data_out(rig, block_cdb(0x8F, 10, 5, flag), size, transfer_status={0: 2}, fault_sense=0x0B4B06))
        await rig.run(data_out(rig, block_cdb(0x8F, 10, 5, flag), size, transfer_status={0: 1}))
    await rig.settle()


@cocotb.test()
async def test_write_same_simple(dut: Any) -> None:
    """One block into many; with UNMAP the same; without data (NDOB) zeros."""
    rig = await rig_for(dut)
    for op in (0x41, 0x93):
        for lba, blocks, flags in ((5, 3, 0), (100, 250, 0x08), (4, 1, 0)):
            await rig.run(data_out(rig, same(op, lba, blocks, flags), BLOCK))
            await rig.run(read(0x28, lba - 1, blocks + 2))
    await rig.run(plain(same(0x93, 110, 9, 0x01)), plain(same(0x93, 210, 129, 0x09)))
    await rig.run(read(0x28, 100, 250))
    assert block_of(rig, 112) == bytes(BLOCK)
    await rig.settle()


@cocotb.test()
async def test_write_same_0blocks(dut: Any) -> None:
    """Refused: VPD page B0h says so (WSNZ)."""
    rig = await rig_for(dut)
    await rig.run(*(data_out(rig, same(op, 5, 0), BLOCK) for op in (0x41, 0x93)), plain(same(0x93, 5, 0, 1)))
    await rig.settle()


@cocotb.test()
async def test_write_same_beyond_eol(dut: Any) -> None:
    rig = await rig_for(dut)
    await rig.run(*(data_out(rig, same(op, lba, 5), BLOCK, SMALL) for op in (0x41, 0x93) for lba in (60, 64)))
    await rig.run(data_out(rig, same(0x93, 1 << 32, 1), BLOCK), plain(same(0x93, 60, 5, 1), SMALL))
    await rig.settle()


@cocotb.test()
async def test_write_same_residuals(dut: Any) -> None:
    """FCP_DL longer than a block; shorter is refused."""
    rig = await rig_for(dut)
    for op in (0x41, 0x93):
        for length in (516, 1024, 4096):
            await rig.run(data_out(rig, same(op, 9, 2), BLOCK, length=length))
        await rig.run(*(data_out(rig, same(op, 9, 2), n) for n in (4, 508)))
    await rig.settle()


@cocotb.test()
async def test_write_same_invalid(dut: Any) -> None:
    """PBDATA, LBDATA, ANCHOR, protection, NDOB in 10 bytes; more blocks than announced."""
    rig = await rig_for(dut)
    for op in (0x41, 0x93):
        await rig.run(*(data_out(rig, same(op, 9, 2, flag), BLOCK) for flag in (0x02, 0x04, 0x10, 0x18, 0x20)))
    await rig.run(data_out(rig, same(0x41, 9, 2, 1), BLOCK), data_out(rig, same(0x93, 9, 65536), BLOCK))
    await rig.settle()


@cocotb.test()
async def test_write_same_protected(dut: Any) -> None:
    rig = await rig_for(dut)
    await rig.run(*(data_out(rig, same(op, 0, 1), BLOCK, PROTECTED) for op in (0x41, 0x93)))
    await rig.settle()


@cocotb.test()
async def test_write_same_drive_error(dut: Any) -> None:
    rig = await rig_for(dut)
    await rig.run(data_out(rig, same(0x41, 9, 300), BLOCK, stage_error=1, fault_sense=0x030C00))
    await rig.run(data_out(rig, same(0x41, 9, 300), BLOCK, release_error=1, fault_sense=0x030C00))
    await rig.settle()


def unmap(*ranges: tuple[int, int], length: int | None = None) -> bytes:
    body = b"".join(struct.pack(">QII", lba, blocks, 0) for lba, blocks in ranges)
    return struct.pack(">HHI", len(body) + 6, len(body) if length is None else length, 0) + body


def unmap_cdb(length: int, flags: int = 0) -> bytes:
    return struct.pack(">BBIBHB", 0x42, flags, 0, 0, length, 0)


@cocotb.test()
async def test_unmap_simple(dut: Any) -> None:
    """The blocks of every descriptor read as zeros, others keep what they have."""
    rig = await rig_for(dut)
    lists = (((5, 3),), ((100, 130), (300, 1), (0, 2)), tuple((400 + 3 * n, 2) for n in range(63)))
    for ranges in lists:
        data = unmap(*ranges)
        await rig.run(data_out(rig, unmap_cdb(len(data)), data))
        await rig.run(read(0x28, 0, 600))
    assert block_of(rig, 5, 3) == bytes(3 * BLOCK)
    await rig.settle()


@cocotb.test()
async def test_unmap_0blocks(dut: Any) -> None:
    """No list, no descriptor, descriptors of 0 blocks among others, a last descriptor that is not whole."""
    rig = await rig_for(dut)
    await rig.run(plain(unmap_cdb(0)))
    for data in (
        unmap(),
        unmap((5, 0)),
        unmap((5, 0), (9, 1), (12, 0), (14, 2), (70000, 0)),
        unmap((5, 1), (9, 1), length=24),
    ):
        await rig.run(data_out(rig, unmap_cdb(len(data)), data))
    await rig.run(data_out(rig, unmap_cdb(20), unmap((20, 1))[:20]))
    await rig.run(read(0x28, 0, 30))
    await rig.settle()


@cocotb.test()
async def test_unmap_beyond_eol(dut: Any) -> None:
    """Nothing is unmapped when one range ends beyond the volume."""
    rig = await rig_for(dut)
    for data in (unmap((5, 2), (69999, 2)), unmap((1 << 32, 1)), unmap((0, 1 << 31))):
        await rig.run(data_out(rig, unmap_cdb(len(data)), data))
    await rig.settle()


@cocotb.test()
async def test_unmap_residuals(dut: Any) -> None:
    """FCP_DL shorter than the list is refused, longer is a residual."""
    rig = await rig_for(dut)
    data = unmap((5, 2))
    await rig.run(data_out(rig, unmap_cdb(24), data[:20]), data_out(rig, unmap_cdb(24), data, length=100))
    await rig.settle()


@cocotb.test()
async def test_unmap_invalid(dut: Any) -> None:
    """More blocks in all than announced, list lengths, ANCHOR."""
    rig = await rig_for(dut)
    for data in (unmap((0, 65536)), unmap((0, 40000), (40000, 30000))):
        await rig.run(data_out(rig, unmap_cdb(len(data)), data))
    data = unmap((5, 2))
    await rig.run(*(data_out(rig, unmap_cdb(n), data[:n].ljust(n, b"\0")) for n in (4, 7, 1028)))
    await rig.run(data_out(rig, unmap_cdb(24, 1), data))
    await rig.settle()


@cocotb.test()
async def test_unmap_protected(dut: Any) -> None:
    """Write protected volume, drive error."""
    rig = await rig_for(dut)
    data = unmap((5, 2))
    await rig.run(data_out(rig, unmap_cdb(24), data, PROTECTED))
    await rig.run(data_out(rig, unmap_cdb(24), data, stage_error=0, fault_sense=0x030C00))
    await rig.settle()


def compare_and_write(lba: int, blocks: int, flags: int = 0) -> bytes:
    return struct.pack(">BBQ3xBBB", 0x89, flags, lba, blocks, 0, 0)


@cocotb.test()
async def test_compare_and_write_simple(dut: Any) -> None:
    """Equal: the second block is written. Different: nothing is, and the sense data tell where."""
    rig = await rig_for(dut)
    for lba in (0, 7, 69999):
        new = rig.rng.randbytes(BLOCK)
        await rig.run(data_out(rig, compare_and_write(lba, 1), block_of(rig, lba) + new))
        assert block_of(rig, lba) == new
        for offset in (0, 15, 16, 200, 511):
            wrong = bytearray(new)
            wrong[offset] ^= 1
            wrong[511] ^= 2
            command = data_out(rig, compare_and_write(lba, 1, 0x18), bytes(wrong) + bytes(BLOCK))
            await rig.run(command)
            assert command.response is not None and command.response[1] == 0x8E1D00 and command.information == offset
    await rig.settle()


@cocotb.test()
async def test_compare_and_write_0blocks(dut: Any) -> None:
    await play(dut, [plain(compare_and_write(9, 0))])


@cocotb.test()
async def test_compare_and_write_beyond_eol(dut: Any) -> None:
    rig = await rig_for(dut)
    await rig.run(data_out(rig, compare_and_write(64, 1), 1024, SMALL))
    await rig.run(data_out(rig, compare_and_write(1 << 32, 1), 1024))
    await rig.settle()


@cocotb.test()
async def test_compare_and_write_residuals(dut: Any) -> None:
    """FCP_DL shorter than both blocks is refused, longer is a residual."""
    rig = await rig_for(dut)
    await rig.run(data_out(rig, compare_and_write(9, 1), 512))
    await rig.run(data_out(rig, compare_and_write(9, 1), block_of(rig, 9) * 3))
    await rig.settle()


@cocotb.test()
async def test_compare_and_write_invalid(dut: Any) -> None:
    """More blocks than announced, protection."""
    rig = await rig_for(dut)
    await rig.run(data_out(rig, compare_and_write(9, 2), 2048), data_out(rig, compare_and_write(9, 1, 0x20), 1024))
    await rig.settle()


@cocotb.test()
async def test_compare_and_write_protected(dut: Any) -> None:
    """Write protected volume, drive error, failed transfer."""
    rig = await rig_for(dut)
    await rig.run(data_out(rig, compare_and_write(9, 1), 1024, PROTECTED))
    await rig.run(data_out(rig, compare_and_write(9, 1), 1024, stage_error=0, fault_sense=0x030C00))
    same_block = block_of(rig, 9)
    forced = data_out(rig, compare_and_write(9, 1, 8), same_block * 2, stage_error=1, fault_sense=0x030C00)
    await rig.run(forced)  # FUA: the drive refuses what was written
    await rig.run(data_out(rig, compare_and_write(9, 1), 1024, transfer_status={0: 5}, fault_sense=0x0B4B00))
    await rig.settle()


@cocotb.test()
async def test_prefetch_simple(dut: Any) -> None:
    """CONDITION MET when half of the cache takes the blocks, otherwise GOOD; 0 blocks are all up to the end."""
    rig = await rig_for(dut, delay=3, stall=0.0)
    cdbs = [
        block_cdb(op, lba, n)
        for op in (0x34, 0x90)
        for lba, n in ((5, 3), (7, 300), (9, 2048), (9, 2049), (69000, 0), (60000, 0))
    ]
    commands = [plain(cdb) for cdb in cdbs]
    for command in commands:
        await rig.run(command)
    assert [c.response[0] for c in commands if c.response] == [4, 4, 4, 0, 4, 0] * 2
    await rig.settle()


@cocotb.test()
async def test_prefetch_0blocks(dut: Any) -> None:
    """0 blocks are all up to the end, which may be none."""
    await play(dut, [plain(block_cdb(op, lba, 0), SMALL) for op in (0x34, 0x90) for lba in (0, 60, 64)])


@cocotb.test()
async def test_prefetch_beyond_eol(dut: Any) -> None:
    await play(dut, [plain(block_cdb(op, lba, 5), SMALL) for op in (0x34, 0x90) for lba in (60, 64)])


@cocotb.test()
async def test_prefetch_residuals(dut: Any) -> None:
    await play(dut, [data_in(block_cdb(op, 1, 1), 512) for op in (0x34, 0x90)])


@cocotb.test()
async def test_prefetch_invalid(dut: Any) -> None:
    """NACA."""
    await play(dut, [plain(block_cdb(op, 1, 1)[:-1] + b"\x04") for op in (0x34, 0x90)])


@cocotb.test()
async def test_prefetch_immediate(dut: Any) -> None:
    """IMMED: answered at once, CONDITION MET when the blocks would fit; nothing is staged."""
    cases = ((5, 3), (9, 2048), (9, 2049), (69000, 0), (60000, 0))
    commands = [plain(block_cdb(op, lba, n, 2)) for op in (0x34, 0x90) for lba, n in cases]
    await play(dut, [*commands, *(plain(block_cdb(op, 60, 5, 2), SMALL) for op in (0x34, 0x90))])
    assert [c.response[0] for c in commands if c.response] == [4, 4, 0, 4, 0] * 2
    assert not any(c.chunks for c in commands)


@cocotb.test()
async def test_prefetch_drive_error(dut: Any) -> None:
    await play(dut, [plain(block_cdb(0x34, 7, 300), stage_error=1, fault_sense=0x031100)])


# ---- mode parameters ----

CONTROL = bytes.fromhex("0a0a0010 00000000 00000000")
CACHING = bytes.fromhex("08120400").ljust(20, b"\0")
PROTECT = bytes.fromhex("0a0a0010 08000000 00000000")


def mode_select(ten: bool, length: int, flags: int = 0x10) -> bytes:
    if ten:
        return struct.pack(">BB5xHB", 0x55, flags, length, 0)
    return struct.pack(">BB2xBB", 0x15, flags, length, 0)


@cocotb.test()
async def test_mode_select_simple(dut: Any) -> None:
    """Software write protect: it can be set and taken away, the other initiators get a unit attention."""
    rig = await rig_for(dut)
    for ten in (False, True):
        for pages in (PROTECT, CACHING + PROTECT, CONTROL, CACHING, PROTECT + CONTROL, b""):
            data = bytes(8 if ten else 4) + pages
            await rig.run(data_out(rig, mode_select(ten, len(data)), data))
            for login in (1, 2, 2):
                await rig.run(data_in(mode_sense(ten, 0x3F, 255), 255, login=login))
                await rig.run(write(rig, 0x2A, 9, 2, login=login))
                await rig.run(write(rig, 0x2A, 9, 2, volume=SMALL, login=login))
    await rig.run(plain(mode_select(False, 0)), plain(mode_select(True, 0)))
    await rig.settle()


@cocotb.test()
async def test_mode_select_reset(dut: Any) -> None:
    """LOGICAL UNIT RESET takes the changed values back."""
    rig = await rig_for(dut)
    await rig.run(data_out(rig, mode_select(False, 16), bytes(4) + PROTECT))
    await rig.run(Command(management=0x10, lun=lun_bytes(MAIN)))
    await rig.take_attentions()
    await rig.run(data_in(mode_sense(False, 0x0A, 255), 255), write(rig, 0x2A, 9, 2))
    await rig.settle()


@cocotb.test()
async def test_mode_select_residuals(dut: Any) -> None:
    """FCP_DL shorter than the list is refused, longer is a residual."""
    rig = await rig_for(dut)
    for ten in (False, True):
        data = bytes(8 if ten else 4) + CONTROL
        await rig.run(data_out(rig, mode_select(ten, len(data)), data[:8]))
        await rig.run(data_out(rig, mode_select(ten, len(data)), data, length=len(data) + 100))
    await rig.settle()


@cocotb.test()
async def test_mode_select_invalid(dut: Any) -> None:
    """PF and SP, list lengths, truncated pages, values that cannot be changed, unknown pages, block descriptors."""
    rig = await rig_for(dut)
    for ten in (False, True):
        header = bytes(8 if ten else 4)
        size = len(header) + 12
        await rig.run(*(data_out(rig, mode_select(ten, size, flags), header + CONTROL) for flags in (0x00, 0x01, 0x11)))
        await rig.run(data_out(rig, mode_select(ten, size - 1), (header + CONTROL)[:-1]))
        for cut in range(4, size, 4):
            await rig.run(data_out(rig, mode_select(ten, cut), (header + CONTROL)[:cut]))
        for at in range(len(header) + 12):
            data = bytearray(header + CONTROL)
            data[at] ^= 1 << rig.rng.randrange(8)
            await rig.run(data_out(rig, mode_select(ten, size), bytes(data)))
            await rig.run(data_out(rig, mode_select(ten, size), header + CONTROL))
            await rig.take_attentions()
        for page in (bytes.fromhex("01020000"), CACHING[:2] + bytes(18), PROTECT[:11] + b"\x01"):
            await rig.run(data_out(rig, mode_select(ten, len(header + page)), header + page))
    await rig.settle()


# ---- what the target offers ----


@cocotb.test()
async def test_report_supported_operation_codes_one(dut: Any) -> None:
    """Each operation code alone, with and without service action and timeouts; those that are not offered are not
    supported."""
    commands = []
    for opcode, action, _ in COMMANDS:
        for options in (1, 2, 0x81, 0x82):
            commands.append(data_in(report_one(opcode, action or 0, options), 64))
    commands += [
        data_in(report_one(opcode, action, options), 64)
        for opcode, action in ((0x04, 0), (0x5F, 7), (0xA3, 9))
        for options in (1, 2)
    ]
    commands += [data_in(report_opcodes(2048, 0x80), 2048), data_in(report_opcodes(1200, 0x80), 2048)]
    await play(dut, commands, delay=3, stall=0.0)


def report_one(opcode: int, action: int, options: int) -> bytes:
    return struct.pack(">BBBBHIBB", 0xA3, 0x0C, options, opcode, action, 64, 0, 0)


def report_groups(allocation: int, form: int = 0) -> bytes:
    return struct.pack(">BB4xIBB", 0xA3, 0x0A | form << 5, allocation, 0, 0)


@cocotb.test()
async def test_report_target_port_groups_simple(dut: Any) -> None:
    """One group, active/optimized."""
    await play(dut, [data_in(report_groups(255), 255, volume) for volume in (MAIN, SMALL)])


@cocotb.test()
async def test_report_target_port_groups_residuals(dut: Any) -> None:
    await play(dut, [data_in(report_groups(n), m) for n in (0, 4, 16, 255) for m in (0, 5, 16, 64)])


@cocotb.test()
async def test_report_target_port_groups_invalid(dut: Any) -> None:
    """The extended header is not offered."""
    await play(dut, [data_in(report_groups(64, 1), 64)])


# ---- reservations ----

REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, PREEMPT_AND_ABORT, REGISTER_IGNORE = range(7)
TYPES = (1, 3, 5, 6, 7, 8)


def reserve_out(
    rig: Rig, action: int, login: int, key: int = 0, new: int = 0, kind: int = 0, flags: int = 0, **more: Any
) -> Command:
    data = struct.pack(">QQ4xB3x", key, new, flags)
    return data_out(rig, struct.pack(">BBB2xIB", 0x5F, action, kind, 24, 0), data, login=login, **more)


def reserve_in(action: int, login: int = 1, allocation: int = 2048, **more: Any) -> Command:
    return data_in(
        struct.pack(">BB5xHB", 0x5E, action, allocation, 0), more.pop("length", allocation), login=login, **more
    )


async def look(rig: Rig) -> None:
    """All service actions of PERSISTENT RESERVE IN."""
    for action in range(4):
        await rig.run(reserve_in(action))


async def try_everything(rig: Rig, login: int, volume: int = MAIN) -> None:
    """A command of each kind meets the reservation, or the stopped unit."""
    other = [
        data_in(inquiry(None, 36), 36),
        data_in(report_luns(0, 64), 64),
        plain(bytes(6)),
        data_in(mode_sense(True, 0x3F, 64), 64),
    ]
    other += [data_in(read_capacity_16(32), 32), plain(block_cdb(0x35, 3, 1)), plain(bytes([0x1B, 0, 0, 0, 1, 0]))]
    other += [
        plain(block_cdb(0x2F, 1, 1)),
        plain(bytes([0xFF]) + bytes(15)),
        data_in(report_groups(16), 16),
        plain(unmap_cdb(0)),
    ]
    for command in (*other, read(0x28, 3, 1), write(rig, 0x2A, 3, 1)):
        command.login, command.lun = login, lun_bytes(volume)
        await rig.run(command)


@cocotb.test()
async def test_persistent_reserve_out_types(dut: Any) -> None:
    """Every type against holder, registrant and stranger; release, and what the others are told."""
    rig = await rig_for(dut, delay=3, stall=0.0)
    await rig.run(reserve_out(rig, REGISTER, 1, 0, 0x1111), reserve_out(rig, REGISTER, 2, 0, 0x2222))
    for kind in (1, 6, 7) if SLOW else TYPES:  # each group of initiators, both kinds of access
        await rig.run(reserve_out(rig, RESERVE, 1, 0x1111, kind=kind))
        await look(rig)
        for login in (1, 2, 3):
            await try_everything(rig, login)
        await rig.run(reserve_out(rig, RESERVE, 2, 0x2222, kind=kind), reserve_out(rig, RESERVE, 1, 0x1111, kind=kind))
        await rig.run(reserve_out(rig, RELEASE, 2, 0x2222, kind=kind))
        await rig.run(reserve_out(rig, RELEASE, 1, 0x1111, kind=4 - kind if kind < 4 else 11 - kind))
        await rig.run(reserve_out(rig, RELEASE, 1, 0x1111, kind=kind))
        for login in (2, 2, 1, 3):
            await rig.run(plain(bytes(6), login=login))
    await rig.settle()


@cocotb.test()
async def test_persistent_reserve_out_simple(dut: Any) -> None:
    """Registering with wrong keys, again, ignoring, unregistering as holder; CLEAR; PREEMPT of registrations and of
    the reservation."""
    rig = await rig_for(dut, delay=3, stall=0.0)
    steps = [
        (REGISTER, 1, 5, 0x11, 0), (REGISTER, 1, 0, 0x11, 0), (REGISTER, 1, 0, 0x12, 0), (REGISTER, 1, 0x11, 0x13, 0),
        (REGISTER_IGNORE, 2, 99, 0x22, 0), (REGISTER_IGNORE, 3, 0, 0x22, 0), (REGISTER_IGNORE, 4, 0, 0, 0),
        (REGISTER, 4, 0, 0, 0),
        (RESERVE, 1, 0x11, 0, 1), (RESERVE, 1, 0x13, 0, 2), (RESERVE, 1, 0x13, 0, 0x11), (RESERVE, 1, 0x13, 0, 5),
        (PREEMPT, 2, 0x22, 0x77, 5), (PREEMPT, 2, 0x22, 0, 5), (PREEMPT, 2, 0x22, 0x13, 9), (PREEMPT, 2, 0x22, 0x13, 3),
        (REGISTER, 1, 0x13, 0, 0), (REGISTER, 1, 0, 0x11, 0), (PREEMPT, 2, 0x22, 0x22, 6), (REGISTER, 3, 0, 0x33, 0),
        (PREEMPT, 1, 0x11, 0x33, 1), (REGISTER, 2, 0x22, 0, 0), (RESERVE, 1, 0x11, 0, 7), (REGISTER, 3, 0, 0x33, 0),
        (PREEMPT, 3, 0x33, 0x11, 8), (REGISTER, 1, 0, 0x11, 0), (PREEMPT, 1, 0x11, 0, 8), (REGISTER, 2, 0, 0x22, 0),
        (CLEAR, 3, 0x33, 0, 0),
        (CLEAR, 2, 0x22, 0, 0), (REGISTER, 1, 0, 0x11, 0), (RESERVE, 1, 0x11, 0, 8), (REGISTER, 1, 0x11, 0, 0),
    ]  # fmt: skip
    for action, login, key, new, kind in steps:
        await rig.run(reserve_out(rig, action, login, key, new, kind))
        await look(rig)
        for other in (1, 2, 3, 4):
            for _ in range(3):
                await rig.run(plain(bytes(6), login=other))
    await rig.settle()


@cocotb.test()
async def test_persistent_reserve_out_random(dut: Any) -> None:
    """Random actions of four initiators with keys that often fit."""
    rig = await rig_for(dut, delay=3, stall=0.0)
    rng = rig.rng
    for _ in range(250):
        login = rng.randrange(1, 5)
        mine = rig.target.reservations[MAIN].keys.get(rig.target.initiator(login), 0)
        keys = (mine, mine, mine, *rig.target.reservations[MAIN].keys.values(), 0, rng.randrange(1, 4))
        action = rng.choice(
            (
                REGISTER,
                REGISTER,
                RESERVE,
                RELEASE,
                PREEMPT,
                PREEMPT_AND_ABORT,
                REGISTER_IGNORE,
                rng.choice((CLEAR, RESERVE)),
            )
        )
        kind = rig.target.reservations[MAIN].kind or rng.choice(TYPES)
        kind = rng.choice((kind, kind, rng.choice(TYPES), rng.randrange(16)))
        await rig.run(reserve_out(rig, action, login, rng.choice(keys), rng.choice(keys), kind))
        await rig.run(reserve_in(rng.randrange(4), rng.randrange(1, 5)))
        await rig.run(plain(bytes(6), login=rng.randrange(1, 5)))
        command = (
            write(rig, 0x2A, 3, 1, login=rng.randrange(1, 6))
            if rng.random() < 0.5
            else read(0x28, 3, 1, login=rng.randrange(1, 6))
        )
        await rig.run(command)
    await rig.settle()


@cocotb.test()
async def test_persistent_reserve_out_invalid(dut: Any) -> None:
    """Service actions and flags that are not offered, list lengths."""
    rig = await rig_for(dut, delay=3, stall=0.0)
    await rig.run(reserve_out(rig, 7, 1), *(reserve_out(rig, REGISTER, 1, 0, 5, flags=flag) for flag in (1, 4, 8, 13)))
    for length in (0, 20, 28):
        await rig.run(data_out(rig, struct.pack(">BBB2xIB", 0x5F, 0, 0, length, 0), length))
    await look(rig)
    await rig.settle()


@cocotb.test()
async def test_persistent_reserve_out_residuals(dut: Any) -> None:
    """FCP_DL shorter than the list is refused, longer is a residual."""
    rig = await rig_for(dut, delay=3, stall=0.0)
    await rig.run(
        reserve_out(rig, REGISTER, 1, 0, 5, length=100), data_out(rig, struct.pack(">BBB2xIB", 0x5F, 0, 0, 24, 0), 20)
    )
    await look(rig)
    await rig.settle()


@cocotb.test()
async def test_persistent_reserve_in_simple(dut: Any) -> None:
    """All service actions with nobody and with everybody registered."""
    rig = await rig_for(dut, delay=3, stall=0.0)
    await look(rig)
    for login in range(8):
        await rig.run(reserve_out(rig, REGISTER_IGNORE, login, 0, login + 1))
    await look(rig)
    await rig.settle()


@cocotb.test()
async def test_persistent_reserve_in_residuals(dut: Any) -> None:
    """Allocation lengths and FCP_DL that cut the data short, or are longer."""
    rig = await rig_for(dut, delay=3, stall=0.0)
    await rig.run(reserve_out(rig, REGISTER, 1, 0, 5))
    await rig.run(*(reserve_in(a, 1, n, length=m) for a in range(4) for n in (0, 7, 16, 40) for m in (0, 8, 64)))
    await rig.settle()


@cocotb.test()
async def test_persistent_reserve_in_invalid(dut: Any) -> None:
    await play(dut, [reserve_in(action) for action in (4, 0x1F)])


@cocotb.test()
async def test_persistent_reserve_out_login(dut: Any) -> None:
    """A registration is of the port name: it stays over a new login and another row, not over another name."""
    rig = await rig_for(dut, delay=3, stall=0.0)
    await rig.run(reserve_out(rig, REGISTER, 1, 0, 0x11), reserve_out(rig, RESERVE, 1, 0x11, kind=3))
    await rig.login(6, rig.target.initiator(1))
    await rig.run(plain(bytes(6), login=6), write(rig, 0x2A, 3, 1, login=6), write(rig, 0x2A, 3, 1, login=2))
    await rig.login(6, rig.target.initiator(1), wwpn=77)
    await look(rig)
    await rig.run(plain(bytes(6), login=6), write(rig, 0x2A, 3, 1, login=2))
    await rig.settle()


@cocotb.test()
async def test_persistent_reserve_out_abort(dut: Any) -> None:
    """The commands of the preempted initiator to this volume end without an answer, then PREEMPT AND ABORT is GOOD."""
    rig = await rig_for(dut, delay=40)
    await rig.run(reserve_out(rig, REGISTER, 1, 0, 0x11), reserve_out(rig, REGISTER, 2, 0, 0x22))
    doomed = [rig.submit(read(0x28, 200 * n, 2000, login=2)) for n in range(4)]
    spared = [rig.submit(read(0x28, 200 * n, 300, login=3)) for n in range(2)] + [
        rig.submit(read(0x28, 0, 60, volume=SMALL, login=2))
    ]
    preempt = rig.submit(reserve_out(rig, PREEMPT_AND_ABORT, 1, 0x11, 0x22, kind=1))
    await rig.run()
    assert preempt.response is not None and preempt.response[0] == 0
    # one that had its answer before the list of the preemption was there is none of the set
    assert all(c.cancelled or c.respond_cycle < preempt.respond_cycle for c in doomed)
    assert any(c.cancelled for c in doomed) and all(c.response is not None for c in spared)
    await rig.settle()


def legacy(opcode: int, flags: int = 0) -> bytes:
    """RESERVE or RELEASE, 6 or 10 bytes."""
    return bytes([opcode, flags]) + bytes(4 if opcode < 0x20 else 8)


@cocotb.test()
async def test_reserve_simple(dut: Any) -> None:
    """RESERVE keeps everybody else out but for INQUIRY and the like; it ends with RELEASE of its holder, a logout
    (of the holder, not of others; of all when the link goes down), a new login, a reset."""
    rig = await rig_for(dut, delay=3, stall=0.0)
    for take, give in ((0x16, 0x17), (0x56, 0x57)):
        for end in ("release", "login", "logout", "link down", "reset"):
            for op, login in ((take, 1), (take, 1), (take, 2), (give, 2)):
                await rig.run(plain(legacy(op), login=login))
            if end == "release":  # the reservation is the same however it ends
                await try_everything(rig, 1)
                await try_everything(rig, 2)
            else:
                await rig.run(write(rig, 0x2A, 3, 1, login=1), write(rig, 0x2A, 3, 1, login=2))
            await rig.run(reserve_out(rig, REGISTER, 1, 0, 5), reserve_in(0, 1, 64), reserve_in(0, 2, 64))
            if end == "release":
                await rig.run(plain(legacy(give), login=1))
            elif end == "login":
                await rig.login(1)
            elif end == "logout":
                await rig.logout(2)
                await rig.run(plain(bytes(6), login=2))
                await rig.logout(1)
            elif end == "link down":
                await rig.logout(None)
            else:
                await rig.run(Command(management=0x10, lun=lun_bytes(MAIN), login=2))
            await rig.take_attentions()
            if end == "release":
                await try_everything(rig, 2)
            else:
                await rig.run(write(rig, 0x2A, 3, 1, login=2), reserve_in(0, 2, 64))
    await rig.settle()


@cocotb.test()
async def test_reserve_residuals(dut: Any) -> None:
    await play(dut, [Command(legacy(op), 64, read=r, write=not r) for op in (0x16, 0x56) for r in (False, True)])


@cocotb.test()
async def test_reserve_invalid(dut: Any) -> None:
    """Third party and extents are not offered; refused while anybody is registered."""
    rig = await play(dut, [plain(legacy(op, flags)) for op in (0x16, 0x56) for flags in (0x01, 0x10)])
    await rig.run(reserve_out(rig, REGISTER, 3, 0, 5))
    await rig.run(*(plain(legacy(op), login=login) for op in (0x16, 0x56) for login in (3, 1)))
    await rig.settle()


@cocotb.test()
async def test_release_simple(dut: Any) -> None:
    """Of nothing, of somebody else's reservation (which stays), of the own one with the other length of CDB."""
    rig = await rig_for(dut, delay=3, stall=0.0)
    for take, give in ((0x16, 0x57), (0x56, 0x17)):
        steps = ((give, 1), (take, 1), (give, 2), (0x2A, 2), (give, 1), (0x2A, 2))
        for op, login in steps:
            await rig.run(write(rig, op, 3, 1, login=login) if op == 0x2A else plain(legacy(op), login=login))
    await rig.settle()


@cocotb.test()
async def test_release_residuals(dut: Any) -> None:
    await play(dut, [Command(legacy(op), 64, read=r, write=not r) for op in (0x17, 0x57) for r in (False, True)])


@cocotb.test()
async def test_release_invalid(dut: Any) -> None:
    """Third party and extents are not offered; refused while anybody is registered."""
    rig = await play(dut, [plain(legacy(op, flags)) for op in (0x17, 0x57) for flags in (0x01, 0x10)])
    await rig.run(reserve_out(rig, REGISTER, 3, 0, 5))
    await rig.run(*(plain(legacy(op), login=login) for op in (0x17, 0x57) for login in (3, 1)))
    await rig.settle()


@cocotb.test()
async def hidden_volumes_are_absent(dut: Any) -> None:
    """A masked volume is not there for its initiator, in any command; a target reset leaves it alone."""
    rig = await rig_for(dut, delay=3, stall=0.0)
    await rig.login(2, hidden=1 << MAIN)
    await rig.take_attentions()
    for login in (1, 2):
        for volume in (MAIN, SMALL):
            await rig.run(
                data_in(report_luns(0, 64), 64, volume, login=login),
                data_in(inquiry(None, 36), 36, volume, login=login),
            )
            await rig.run(read(0x28, 1, 1, volume=volume, login=login), plain(bytes(6), volume, login=login))
            await rig.run(data_in(bytes([3, 0, 0, 0, 20, 0]), 20, volume, login=login))
    await rig.run(
        Command(management=0x10, lun=lun_bytes(MAIN), login=2), Command(management=0x20, lun=lun_bytes(MAIN), login=2)
    )
    await rig.run(plain(bytes(6), MAIN), plain(bytes(6), SMALL))
    await rig.take_attentions()
    await rig.settle()


@cocotb.test()
async def unknown_opcodes(dut: Any) -> None:
    """All 256 operation codes, with nothing else set: known ones run, the others are invalid."""
    await play(dut, [Command(bytes([op]) + bytes(15)) for op in range(256)], delay=3, stall=0.0)


@cocotb.test()
async def random_cdbs(dut: Any) -> None:
    """Known commands with one to three random bytes, on all LUNs, with any flags and lengths."""
    rig = await rig_for(dut, delay=3, stall=0.0)
    rng = rig.rng
    for _ in range(800):
        opcode, action, size = rng.choice(COMMANDS)
        cdb = bytearray([opcode, action or 0]).ljust(size, b"\0")
        for _ in range(rng.randint(1, 3)):
            cdb[rng.randrange(1, size)] = rng.choice((rng.randrange(256), 1 << rng.randrange(8), 0))
        length = rng.choice((0, 8, 36, 255, 512, 1024, 4096, rng.randrange(3000)))
        lun = lun_bytes(rng.choice((SMALL, SMALL, SMALL, ABSENT)))
        flags = rng.choice(((True, False), (True, False), (False, True), (False, True), (False, False), (True, True)))
        await rig.run(Command(bytes(cdb), length, *flags, lun, payload=rng.randbytes(length)))
    await rig.settle()


# ---- unit attention, task management ----


@cocotb.test()
async def unit_attention_after_reset_and_login(dut: Any) -> None:
    """Reported once to each login and volume; INQUIRY and REPORT LUNS leave it; a new login sets it again."""
    rig = await rig_for(dut, attentions=True)
    for login in (0, 5, 63):
        await rig.login(login)
        for volume in (MAIN, SMALL):
            exempt = [
                data_in(inquiry(None, 36), 36, volume, login=login),
                data_in(report_luns(0, 64), 64, volume, login=login),
            ]
            for command in (
                *exempt,
                read(0x28, 0, 1, volume=volume, login=login),
                read(0x28, 0, 1, volume=volume, login=login),
            ):
                await rig.run(command)
                assert command.response is not None
            assert command.response[0] == 0
    await rig.login(5)
    for login in (0, 5, 5, 63):
        for volume in (PROTECTED, MAIN, SMALL):
            await rig.run(plain(bytes(6), volume, login=login))
    await rig.settle()


@cocotb.test()
async def unit_attention_capacity_changed(dut: Any) -> None:
    """Every initiator that has logged in is told, once, for this volume alone; the new capacity counts at once."""
    rig = await rig_for(dut)
    for blocks in (69000, 69000, 70000):
        await rig.change_volume(MAIN, VolumeState(blocks))
        for login in (1, 2, 2):
            await rig.run(plain(bytes(6), SMALL, login=login), plain(bytes(6), login=login))
            await rig.run(data_in(bytes([0x25]) + bytes(9), 8, login=login), read(0x28, 69000, 1, login=login))
        await rig.take_attentions()
    await rig.change_volume(MAIN, VolumeState(70000, write_protected=True))  # a mode parameter, no attention
    await rig.run(plain(bytes(6)))
    await rig.change_volume(MAIN, VolumeState(70000))
    await rig.settle()


@cocotb.test()
async def unit_attention_luns_changed(dut: Any) -> None:
    """A volume appears and goes: everybody is told at every volume; REPORT LUNS takes it back. So for an initiator that
    logs in and sees other volumes than before."""
    rig = await rig_for(dut)
    for state in (VolumeState(4096), VolumeState(0), VolumeState(4096, present=False), VolumeState(4096)):
        await rig.change_volume(ABSENT, state)
        await rig.run(data_in(report_luns(0, 64), 64, login=3))
        for login in (1, 2, 3, 1):
            for volume in (MAIN, ABSENT, SMALL):
                await rig.run(plain(bytes(6), volume, login=login))
        await rig.take_attentions()
    for hidden in (0, 1 << SMALL, 1 << SMALL, 0):
        await rig.login(4, hidden=hidden)
        for volume in (MAIN, SMALL, MAIN):
            await rig.run(plain(bytes(6), volume, login=4))
        await rig.run(data_in(report_luns(0, 64), 64, login=4), plain(bytes(6), PROTECTED, login=4))
        await rig.take_attentions()
    await rig.change_volume(ABSENT, VolumeState(4096, present=False))
    await rig.take_attentions()
    await rig.settle()


@cocotb.test()
async def task_management_codes(dut: Any) -> None:
    """Complete, rejected, incorrect LUN; a reset leaves a unit attention for every login."""
    rig = await rig_for(dut)
    for flags in (0x02, 0x04, 0x10, 0x20, 0x40, 0x01, 0x06, 0x80):
        for volume in (MAIN, ABSENT):
            await rig.run(Command(management=flags, lun=lun_bytes(volume)))
            for login in (1, 2):
                await rig.run(plain(bytes(6), login=login), plain(bytes(6), SMALL, login=login))
    await rig.settle()


@cocotb.test()
async def task_management_ends_commands(dut: Any) -> None:
    """The commands of the set end without an answer, then the function is answered; other commands go on."""
    rig = await rig_for(dut, delay=40)
    for flags in (0x02, 0x04, 0x10, 0x20):
        before = [read(0x28, 200 * n, 8 if n % 2 else 600, login=1 + n % 2) for n in range(6)]
        before += [write(rig, 0x2A, 3, 5, volume=SMALL, login=2), data_in(inquiry(None, 36), 36)]
        function = Command(management=flags, lun=lun_bytes(MAIN), login=1)
        second = Command(management=0x02, lun=lun_bytes(MAIN), login=2)
        after = [read(0x28, 300 * n, 10, login=1) for n in range(3)]
        functions = [function, second] if flags == 0x20 else [function]  # a second one adds its commands to the set
        for command in (*before, *functions, *after):
            rig.submit(command)
        await rig.run()
        concerned = [c for c in before if rig.concerned(function, c)]
        assert concerned and all(c.cancelled or c.respond_cycle < function.respond_cycle for c in concerned)
        assert any(c.cancelled for c in concerned)
        spared = [c for c in (*before, *after) if c not in concerned]
        assert all(c.response is not None for c in spared if not rig.concerned(second, c)), (
            "a command that is not of the set"
        )
        if flags == 0x04:  # a unit attention for the others
            rig.target.attend(
                COMMANDS_CLEARED, {rig.target.initiator(c.login) for c in concerned if c.cancelled} - {8}, [MAIN]
            )
        for login in range(3):
            for volume in (MAIN, PROTECTED, SMALL):
                await rig.run(plain(bytes(6), volume, login=login), plain(bytes(6), volume, login=login))
        await rig.take_attentions()
    await rig.settle()


@cocotb.test()
async def resets_come_in_their_turn(dut: Any) -> None:
    """A RESERVE before a reset that waits for the page service, or is there, leaves nothing."""
    rig = await rig_for(dut, delay=3)
    for flags in (0x10, 0x20):
        for waiting in range(9):
            pages = [data_in(inquiry(None, 96), 96, volume=SMALL, login=n % 3) for n in range(waiting)]
            function = Command(management=flags, lun=lun_bytes(MAIN), login=1)
            for command in (*pages, plain(legacy(0x16), login=2), function):
                rig.submit(command)
            if waiting == 5:
                rig.submit(plain(legacy(0x16), login=1))  # this one finds a unit attention
            await rig.run()
            await rig.take_attentions()
            await rig.run(write(rig, 0x2A, 9, 2, login=1), plain(legacy(0x16), login=1), plain(legacy(0x17), login=1))
    await rig.settle()


@cocotb.test()
async def task_management_aborted(dut: Any) -> None:
    """A function that waits is aborted itself: RELEASE, and no answer."""
    rig = await rig_for(dut, delay=40)
    slow = rig.submit(read(0x28, 0, 600))
    function = rig.submit(Command(management=0x02, lun=lun_bytes(MAIN)))
    while not function.accepted:
        await rig.step()
    rig.hold_ti = True  # the command cannot end
    for _ in range(200):
        await rig.step()
    assert slow.response is None and function.response is None
    rig.abort(function)
    rig.hold_ti = False
    await rig.run()
    assert function.response is None and slow.response is None
    await rig.settle()


# ---- aborts ----


async def abort_sweep(rig: Rig, make: Any, last: int, step: int = 1) -> None:
    """Abort a command 0, step, 2*step, ... clocks after its start; each time exactly one RELEASE, and nothing left."""
    for clocks in range(0, last, step):
        command = rig.submit(make())
        for _ in range(clocks):
            if command.finished is not None:
                break
            await rig.step()
        if command.finished is None and not command.aborted:
            rig.abort(command)
        before = len(rig.log)
        await rig.run(limit=3000)
        released = [entry for entry in rig.log[before:] if entry[0] == RELEASE_TASK]
        assert len(released) == int(command.aborted), f"abort after {clocks} clocks: {rig.log[before:]}"
    await rig.settle()


@cocotb.test()
async def abort_read_anywhere(dut: Any) -> None:
    rig = await rig_for(dut, delay=6)
    await abort_sweep(rig, lambda: read(0x28, 5, 200), 130)


@cocotb.test()
async def abort_write_anywhere(dut: Any) -> None:
    rig = await rig_for(dut, delay=6)
    await abort_sweep(rig, lambda: write(rig, 0x2A, 5, 200), 130)


@cocotb.test()
async def abort_inquiry_anywhere(dut: Any) -> None:
    rig = await rig_for(dut, delay=6)
    await abort_sweep(rig, lambda: data_in(inquiry(0xB0, 64), 64), 110)


@cocotb.test()
async def abort_by_the_port(dut: Any) -> None:
    """A transfer ends with status 1 before its ABORT arrives: no answer until then."""
    rig = await rig_for(dut)
    for number in (0, 1):
        await rig.run(
            read(0x28, 5, 200, transfer_status={number: 1}), write(rig, 0x2A, 500, 200, transfer_status={number: 1})
        )
    await rig.run(data_in(inquiry(None, 36), 36, transfer_status={0: 1}))
    assert sum(op == RELEASE_TASK for op, _, _ in rig.log) == 5
    await rig.settle()


# ---- many tasks ----


@cocotb.test()
async def tasks_go_on_without_each_other(dut: Any) -> None:
    """While one task's completion is outstanding for ever so long, all others run to their end."""
    rig = await rig_for(dut)
    stuck = rig.submit(read(0x28, 0, 8, transfer_status={0: 0}), task=7)
    while stuck.transfer is None:
        await rig.step()
    rig.later.clear()  # its completion is lost in the port for now
    for n in range(60):
        rig.submit(read(0x28, 10 * n, 3))
        while len(rig.open) > 1:
            await rig.step()
    assert stuck.response is None
    rig.complete(stuck, 0, 8 * BLOCK)
    await rig.run()
    await rig.settle()


@cocotb.test()
async def full_port_queue(dut: Any) -> None:
    """The port takes no instruction while 32 commands and then aborts arrive: all are taken, none lost."""
    rig = await rig_for(dut)
    rig.hold_ti = True
    commands = [rig.submit(data_in(inquiry(None, 36), 36) if n % 2 else plain(bytes(6))) for n in range(32)]
    while not all(c.accepted for c in commands):
        await rig.step()
    for _ in range(1500):
        await rig.step()
    for command in commands[::3]:
        rig.abort(command)
    while any(op == ABORT for op, _ in rig.hr):
        await rig.step()
    rig.hold_ti = False
    await rig.run()
    assert all(c.response is not None for c in commands if not c.aborted)
    await rig.settle()


def random_change(rig: Rig, lba: int, blocks: int, login: int) -> Command:
    """A command that writes or compares blocks other than READ and WRITE do; comparisons often fit."""
    rng = rig.rng
    there, fits = bytearray(block_of(rig, lba, blocks)), rng.random() < 0.6
    if not fits:
        there[rng.randrange(len(there))] ^= 1 << rng.randrange(8)
    flag = rng.choice((0, 0, 8, 0x10))
    some = min(blocks, 20)
    ranges = unmap((lba, some), (lba + some, blocks - some))
    return rng.choice(
        (
            lambda: data_out(rig, same(rng.choice((0x41, 0x93)), lba, blocks, rng.choice((0, 8))), BLOCK),
            lambda: plain(same(0x93, lba, blocks, 1)),
            lambda: data_out(rig, unmap_cdb(len(ranges)), ranges),
            lambda: data_out(rig, block_cdb(rng.choice((0x2E, 0x8E)), lba, blocks), blocks * BLOCK),
            lambda: data_out(rig, block_cdb(0x2E, lba, some, 2), some * BLOCK),
            lambda: data_out(rig, block_cdb(rng.choice((0x2F, 0x8F)), lba, some, 2), bytes(there[: some * BLOCK])),
            lambda: data_out(rig, block_cdb(0x2F, lba, 1, 6), bytes(there[:BLOCK])),
            lambda: data_out(rig, compare_and_write(lba, 1, flag), bytes(there[:BLOCK]) + rng.randbytes(BLOCK)),
            lambda: plain(block_cdb(0x35, lba, blocks)),
            lambda: plain(block_cdb(0x34, lba, blocks, rng.choice((0, 2)))),
        )
    )().by(login)


def random_command(rig: Rig, region: int) -> Command:
    """Anything: reads and writes in the task's own region of blocks, good and bad, inquiries, task management."""
    rng = rig.rng
    login = rng.randrange(8)
    kind = rng.randrange(14)
    size = 66000 // rig.tasks
    lba = 1000 + region * size + rng.randrange(size // 2)
    blocks = min(rng.choice((1, 2, 7, 8, 16, 100, 128, 129, 300)), size // 2)
    length = rng.choice((None, None, None, None, blocks * BLOCK + 512, max(blocks - 1, 0) * BLOCK))
    if kind >= 10:
        return random_change(rig, lba, blocks, login)
    if kind < 4:
        return read(rng.choice(READS[1:]), lba, blocks, length, login=login)
    if kind < 7:
        return write(rig, rng.choice(WRITES[1:]), lba, blocks, length, login=login)
    if kind == 7:
        return data_in(
            inquiry(rng.choice(PAGES), rng.randrange(256)), rng.randrange(256), rng.randrange(5), login=login
        )
    if kind == 8:
        return read(0x28, rng.choice((69990, 0)), 20, volume=rng.choice((MAIN, ABSENT, SMALL, PROTECTED)), login=login)
    return rng.choice(
        (
            Command(management=rng.choice((0x02, 0x20, 0x40)), lun=lun_bytes(rng.randrange(4)), login=login),
            data_in(report_luns(0, 64), 64, login=login),
            plain(block_cdb(0x35, 0, 0), login=login),
            plain(block_cdb(0x2F, lba, 200), login=login),
            data_in(mode_sense(True, 0x3F, 64), 64, login=login),
        )
    )


async def mix(dut: Any, commands: int, abort_share: float) -> None:
    rig = await rig_for(dut, delay=200, tasks=int(os.environ.get("ARRAY_HOST_TASKS", "32")))
    left = commands
    total = []
    while left or rig.open:
        free = [t for t in range(rig.tasks) if t not in rig.open]
        if left and free and rig.rng.random() < 0.2:
            task = rig.rng.choice(free)
            total.append(rig.submit(random_command(rig, task), task))
            left -= 1
        if rig.open and rig.rng.random() < abort_share:
            command = rig.rng.choice(list(rig.open.values()))
            if not command.aborted and command.accepted:
                rig.abort(command)
        await rig.step()
        assert rig.cycle < 400_000, f"still open: {rig.open}"
    await rig.settle()
    assert all(c.finished is not None for c in total)
    assert abort_share or not any(c.aborted and not c.cancelled for c in total)


@cocotb.test()
async def interleaved_tasks(dut: Any) -> None:
    """All tasks at once, completions in any order, against the model."""
    await mix(dut, 200, 0.0)


@cocotb.test()
async def interleaved_tasks_with_aborts(dut: Any) -> None:
    await mix(dut, 400, 0.02)


@cocotb.test()
async def reset_ends_everything(dut: Any) -> None:
    """Reset under load: rows idle, unit attentions set, nothing issued, and commands run again."""
    rig = await rig_for(dut)
    for n in range(20):
        rig.submit(read(0x28, 100 * n, 50))
    for _ in range(200):
        await rig.step()
    dut.rst.value = 1
    again = Rig(dut, attentions=True)
    dut.hr_valid.value = dut.done_valid.value = dut.chunk_rsp_valid.value = 0
    for _ in range(4):
        await again.step()
    dut.rst.value = 0
    await again.settle()
    for n in range(32):
        await again.run(
            read(0x28, 8 * n, 4, volume=SMALL if n % 2 else MAIN, login=n % 4) if n < 7 else plain(bytes(6), login=n)
        )
    await again.settle()
    assert any(op == RESPOND for op, _, _ in again.log)


# ---- copies ----

DEVICE, ELSEWHERE = 0x010E07, 0x010E08


def copy_list(rig: Rig, *segments: bytes, volume: int = MAIN, cscds: Sequence[bytes] = (), **more: Any) -> bytes:
    """A parameter list from the volume to LUN 5 of a device, or with these descriptors."""
    usual = (xcopy.identification(rig.target.designator(volume)), xcopy.n_port_id(DEVICE, 5))
    return xcopy.parameter_list(cscds or usual, segments, **more)


def extended_copy(rig: Rig, data: bytes, volume: int = MAIN, **more: Any) -> Command:
    return data_out(rig, xcopy.extended_copy(len(data)), data, volume, **more)


def copy_results(action: int, list_id: int = 1, length: int = 200, **more: Any) -> Command:
    return data_in(xcopy.receive_copy_results(action, list_id, length), length, **more)


def all_results(list_id: int = 1, **more: Any) -> list[Command]:
    """RECEIVE COPY STATUS and FAILED SEGMENT DETAILS of a copy."""
    return [copy_results(action, list_id, **more) for action in (0, 4)]


@cocotb.test()
async def test_extended_copy_simple(dut: Any) -> None:
    """Segments one after the other, at any block, of any length; sources and destinations by any descriptor."""
    rig = await rig_for(dut)
    rig.copier.quick = 0.5
    move = xcopy.segment
    own = xcopy.identification(rig.target.designator(SMALL))
    lists = [
        copy_list(rig, move(0, 1, 8, 0, 0)),
        copy_list(rig, move(0, 1, 1, 69999, 0xFFFFFFFE), move(0, 1, 1000, 3, 77), move(0, 1, 0, 0, 0)),
        copy_list(rig, *(move(0, 1, 1 + n, 10 * n, 1000 * n, n % 4 & 3) for n in range(8)), list_id=0, usage=3),
        copy_list(rig, list_id=7),
        copy_list(rig, move(0xFFFF, 0, 5, 6, 7), cscds=[xcopy.n_port_id(ELSEWHERE, 300, block_length=0)]),
        copy_list(rig, move(1, 0, 5, 6, 7), cscds=[xcopy.n_port_id(DEVICE, relative_port=1), own], volume=SMALL),
        copy_list(rig, move(3, 2, 9, 6, 7), cscds=[xcopy.n_port_id(n, n) for n in range(3)] + [own]),
        copy_list(rig, cscds=(), list_id=9),
        xcopy.parameter_list([], []) + bytes(64),
        b"",
    ]
    for number, data in enumerate(lists):
        volume = SMALL if number in (5, 6) else MAIN
        command = extended_copy(rig, data, volume)
        await rig.run(command)
        assert command.response is not None and command.response[0] == 0
        await rig.run(*all_results(data[0] if data else 1, volume=volume))
    copied = [(p.volume, p.first, p.end - p.first, p.port_id, p.lun, p.lba) for p in rig.copier.parts]
    assert copied[:3] == [
        (MAIN, 0, 8, DEVICE, 5, 0), (MAIN, 69999, 1, DEVICE, 5, 0xFFFFFFFE), (MAIN, 3, 1000, DEVICE, 5, 77)
    ]  # fmt: skip
    assert copied[11:] == [
        (MAIN, 6, 5, ELSEWHERE, 0x412C, 7), (SMALL, 6, 5, DEVICE, 0, 7), (SMALL, 6, 9, 2, 2, 7)
    ]  # fmt: skip
    assert [p.ports for p in rig.copier.parts[11:]] == [0, 1, 0]
    await rig.settle()


@cocotb.test()
async def test_extended_copy_residuals(dut: Any) -> None:
    """FCP_DL shorter than the list is refused, longer is a residual."""
    rig = await rig_for(dut)
    data = copy_list(rig, xcopy.segment(0, 1, 8, 0, 0))
    await rig.run(data_out(rig, xcopy.extended_copy(len(data)), data[:-4]))
    await rig.run(data_out(rig, xcopy.extended_copy(len(data)), data, length=len(data) + 100))
    await rig.run(extended_copy(rig, data, transfer_status={0: 5}, fault_sense=0x0B4B00))
    await rig.settle()


@cocotb.test()
async def test_extended_copy_invalid(dut: Any) -> None:
    """Everything that is wrong with CDB and list, each with its own sense; lists with anything turned, cut anywhere."""
    rig = await rig_for(dut)
    rig.copier.quick = 0.5
    move = xcopy.segment(0, 1, 8, 0, 0)
    good = copy_list(rig, move)
    own, far = xcopy.identification(rig.target.designator(MAIN)), xcopy.n_port_id(DEVICE, 5)
    other = xcopy.identification(rig.target.designator(SMALL))
    tape = bytes([0xE1, 1]) + far[2:]
    deep = far[:6] + b"\0\1" + far[8:]
    before = {
        xcopy.parameter_list([own, far], [move], usage=1): 0x052600,
        xcopy.parameter_list([own, far], [move], usage=3): 0x052600,
        xcopy.parameter_list([own] * 5, [move]): 0x052606,
        xcopy.parameter_list([own, far], [move] * 9): 0x052608,
        xcopy.parameter_list([own, far], [move], inline=bytes(4)): 0x05260B,
        good[:-4]: 0x051A00,
        good[:3] + b"\x44" + good[4:]: 0x051A00,
        good[:3] + b"\x3c" + good[4:]: 0x052600,
        xcopy.parameter_list([own, b"\xe0" + far[1:]], [move]): 0x052607,
        xcopy.parameter_list([own, far[:1] + b"\x20" + far[2:]], [move]): 0x052600,
        xcopy.parameter_list([own, xcopy.n_port_id(DEVICE, block_length=4096)], [move]): 0x052600,
        xcopy.parameter_list([own, far], [b"\x0a" + move[1:]]): 0x052609,
        xcopy.parameter_list([own, far], [move[:3] + b"\x19" + move[4:]]): 0x052600,
        xcopy.parameter_list([own, far], [move[:1] + b"\x04" + move[2:]]): 0x052600,
        xcopy.parameter_list([own, far], [move, move[:12]]): 0x052600,
    }
    during = {
        xcopy.parameter_list([own, far], [move, xcopy.segment(2, 1, 8, 0, 0)]): 0x0A0804,
        xcopy.parameter_list([own, far], [xcopy.segment(0, 2, 8, 0, 0)]): 0x0A0804,
        xcopy.parameter_list([other, far], [move]): 0x0A0804,
        xcopy.parameter_list([own, other], [move]): 0x0A0804,
        xcopy.parameter_list([far, far], [move]): 0x0A0804,
        xcopy.parameter_list([own, deep], [move]): 0x0A0804,
        xcopy.parameter_list([own, xcopy.n_port_id(DEVICE, relative_port=2)], [move]): 0x0A0804,
        xcopy.parameter_list([own, tape], [move]): 0x0A0D03,
        xcopy.parameter_list([own, own], [move]): 0x0A260C,
        xcopy.parameter_list([own, far], [xcopy.segment(0, 0xFFFF, 8, 0, 0)]): 0x0A260C,
        xcopy.parameter_list([own, far], [move, move, xcopy.segment(0, 1, 8, 69993, 0)]): 0x0A2100,
        xcopy.parameter_list([own, far], [xcopy.segment(0, 1, 8, 1 << 32, 0)]): 0x0A2100,
        xcopy.parameter_list([own, far], [xcopy.segment(0, 1, 8, 0, 1 << 63)]): 0x0A2100,
        xcopy.parameter_list([own, far], [xcopy.segment(0, 1, 8, 0, 0xFFFFFFF8)]): 0x0A2100,
    }
    for data, sense in (before | during).items():
        command = extended_copy(rig, data)
        await rig.run(command)
        assert command.response is not None
        assert command.response[:2] == (2, sense | (0x800000 if data in during else 0)), data.hex()
        await rig.run(*all_results())
    for action in (1, 0x1F):
        await rig.run(data_out(rig, bytes([0x83, action]) + xcopy.extended_copy(16)[2:], bytes(16)))
    for length in (4, 12, 17, 1028):
        await rig.run(data_out(rig, xcopy.extended_copy(length), bytes(length)))
    await rig.run(extended_copy(rig, good, ABSENT))
    outcomes = set()
    longer = copy_list(rig, move, xcopy.segment(0xFFFF, 1, 3, 9, 8), move)
    for _ in range(150):
        data = bytearray(longer)
        for _ in range(rig.rng.choice((1, 1, 2))):
            data[rig.rng.randrange(len(data))] ^= 1 << rig.rng.randrange(8)
        cut = rig.rng.choice((len(data), rig.rng.randrange(16, len(data), 4)))
        command = extended_copy(rig, bytes(data[:cut]))
        await rig.run(command)
        assert command.response is not None
        outcomes.add(command.response[1])
        await rig.run(*all_results(data[0]))
    assert len(outcomes) > 6, f"only {outcomes}"
    await rig.settle()


@cocotb.test()
async def test_receive_copy_results_simple(dut: Any) -> None:
    """Operating parameters; a copy while it is under way, then its end; results of the last eight, by initiator, unit
    and list identifier."""
    rig = await rig_for(dut)
    await rig.run(copy_results(3))
    rig.copier.quick = 0.5
    move = xcopy.segment
    rig.copier.hold = True
    running = rig.submit(extended_copy(rig, copy_list(rig, move(0, 1, 8, 0, 0), move(0, 1, 300, 8, 0), list_id=4)))
    while not rig.copier.parts:
        await rig.step()
    seen = []
    for moved in range(4):
        if moved:
            before = len(rig.copier.parts), rig.copier.jobs[7].pointer
            rig.copier.hold = False
            while (len(rig.copier.parts), rig.copier.jobs[7].pointer) == before:
                await rig.step()
            rig.copier.hold = True
        for _ in range(20):
            await rig.step()
        status = copy_results(0, 4)
        task = rig.submit(status).task
        while task in rig.open:
            status.answer = None if status.answer is None else replace(status.answer, data=bytes(status.received))
            await rig.step()
        seen.append(xcopy.CopyStatus.unpack(bytes(status.received)))
    assert running.response is None and {s.state for s in seen} == {xcopy.CopyState.IN_PROGRESS}
    assert seen[0].segments == 1 and seen[-1].segments == 2
    assert sorted(s.moved for s in seen) == [s.moved for s in seen] and seen[-1].moved > 8 * 512
    rig.copier.hold = False
    await rig.run()
    await rig.run(*all_results(4))
    for number in range(20):
        login, list_id = rig.rng.randrange(3), rig.rng.randrange(3)
        data = copy_list(rig, move(0, 1, 1 + number, 0, 69990 if number % 3 else 1), list_id=list_id)
        await rig.run(extended_copy(rig, data, login=login))
        for asked in range(3):
            await rig.run(*all_results(rig.rng.randrange(5), login=asked))
    await rig.settle()


@cocotb.test()
async def test_receive_copy_results_residuals(dut: Any) -> None:
    rig = await rig_for(dut)
    await rig.run(extended_copy(rig, copy_list(rig, xcopy.segment(0, 1, 8, 69999, 0))))
    for action in (0, 3, 4):
        for allocation in (0, 1, 4, 46, 47, 60, 78, 200):
            cdb = xcopy.receive_copy_results(action, 1, allocation)
            await rig.run(data_in(cdb, allocation), data_in(cdb, 200), data_in(cdb, 10), data_in(cdb, 0))
    await rig.settle()


@cocotb.test()
async def test_receive_copy_results_invalid(dut: Any) -> None:
    """Service actions that are not offered, list identifiers nobody has used."""
    rig = await rig_for(dut)
    await rig.run(*(copy_results(action) for action in range(8)))
    await rig.run(*(data_out(rig, c.cdb, 4) for c in (copy_results(0), copy_results(3))))
    await rig.settle()


@cocotb.test()
async def copies_that_fail(dut: Any) -> None:
    """What becomes of a job: each refusal of the engine, each error of a device, an end by the console, no free job."""
    rig = await rig_for(dut)
    rig.copier.quick = 0.5
    ends = [
        JobEnd(reason) for reason in Refusal if reason not in (Refusal.NONE, Refusal.STATE, Refusal.NOTHING_PREPARED)
    ]
    ends += [JobEnd(copied=n, error=e) for n, e in ((0, 1), (3, 2), (299, 3), (0, 5), (128, 6), (129, 7))]
    ends += [JobEnd(copied=200, error=0x0204, sense=s) for s in (0x072707, 0x030C00, 0x0E1D00)]
    ends += [JobEnd(copied=n, error=s << 8 | 4) for n, s in ((0, 8), (128, 0x28))]
    ends += [
        JobEnd(copied=0, error=0x021A, sense=0x052100),
        JobEnd(copied=256, error=0x20),
        JobEnd(copied=77, aborted=True),
    ]
    data = copy_list(rig, xcopy.segment(0, 1, 8, 0, 0), xcopy.segment(0, 1, 300, 100, 5), xcopy.segment(0, 1, 8, 0, 0))
    senses = set()
    for end in ends:
        rig.target.copies.engine = lambda part, end=end: end if part.first == 100 else JobEnd()  # type: ignore[misc]
        cancelled = rig.copier.cancelled
        command = extended_copy(rig, data)
        await rig.run(command)
        assert command.response is not None and command.response[0] == 2 and command.segment == 1
        senses.add(command.response[1] & 0xFFFF)
        paused = bool(end.error) and end.error & 0xFF != 0x1A
        assert rig.copier.cancelled == cancelled + paused, "a job that is paused holds the volume"
        await rig.run(*all_results())
    assert len(senses) == 7, f"{senses}"
    for states in ((BackupState.TRANSFER,) * 8, (BackupState.PREPARED, BackupState.PAUSED) * 4):
        for job, state in zip(rig.copier.jobs, states, strict=True):
            job.state, job.part = state, None
        rig.target.copies.engine = lambda part: JobEnd(no_job=True)
        await rig.run(extended_copy(rig, data))
        await rig.run(*all_results())
    rig.target.copies.engine = lambda part: JobEnd()
    rig.copier.jobs[2].state = BackupState.DONE
    await rig.run(extended_copy(rig, data))
    assert rig.copier.jobs[2].end is not None, "not the job that was free"
    await rig.settle()


@cocotb.test()
async def copies_wait_and_others_go_on(dut: Any) -> None:
    """Copies one after the other in the order in which they came, while every other command goes on."""
    rig = await rig_for(dut)
    rig.copier.hold = True
    copies = []
    for number in range(4):
        data = copy_list(rig, xcopy.segment(0, 1, 8, 8 * number, 0), list_id=number)
        copies.append(rig.submit(extended_copy(rig, data, login=1 + number % 2)))
        for _ in range(400):
            await rig.step()
    for round_ in range(3):
        await_these = [write(rig, 0x2A, 500 * round_, 9), read(0x28, 10, 70), data_in(inquiry(None, 36), 36)]
        for command in await_these:
            rig.submit(command)
        while any(c.finished is None for c in await_these):
            await rig.step()
    assert len(rig.copier.parts) == 1 and all(c.response is None for c in copies)
    rig.copier.hold = False
    await rig.run()
    assert [p.first for p in rig.copier.parts] == [0, 8, 16, 24]
    await rig.settle()


@cocotb.test()
async def copies_are_aborted(dut: Any) -> None:
    """By the port and by resets, in any clock, waiting or under way: the job is ended first, then one RELEASE; the next
    copy goes on."""
    rig = await rig_for(dut)
    rig.copier.quick = 0.2
    data = copy_list(rig, xcopy.segment(0, 1, 5000, 0, 0), xcopy.segment(0, 1, 8, 9, 0), list_id=0, usage=3)
    for clocks in range(0, 900, 9 if long_run() else 45 if SLOW else 27):
        copies = [rig.submit(extended_copy(rig, data, login=1 + n)) for n in range(2)]
        for _ in range(clocks):
            await rig.step()
        victim = copies[rig.rng.randrange(2)]
        if clocks % 2 and victim.finished is None and not victim.aborted:
            rig.abort(victim)
            await rig.run()
        else:
            rig.submit(Command(management=rig.rng.choice((0x10, 0x20)), lun=lun_bytes(MAIN), login=0))
            await rig.run()
            await rig.take_attentions()
        free = (BackupState.DONE, BackupState.ABORTED, BackupState.IDLE)
        assert all(job.state in free for job in rig.copier.jobs), "a job of a copy that has ended"
    assert rig.copier.cancelled > 5
    await rig.settle()
