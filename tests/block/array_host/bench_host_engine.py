# SPDX-License-Identifier: Apache-2.0
"""host_engine alone: port and cache manager as around the pair of engines, and a page service in Python in place of the
RTL. Pages are anything of any length and parameter lists get any answer, so that what is seen is the engine's part:
checks before a command, chunks, transfers, residuals, aborts, task management (contracts, sections 6 and 8)."""

from __future__ import annotations

import itertools
import os
import struct
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cocotb
from array_host_rig import (
    ACQUIRE_EXCLUSIVE,
    ACQUIRE_READ,
    ACQUIRE_WRITE,
    BLOCK,
    PAGE_LINES,
    RECEIVE,
    RELEASE_TASK,
    RESPOND,
    SEGMENTS,
    SEND,
    VOLUMES,
    WWNN,
    Command,
    Rig,
    lun_bytes,
)
from bench_array_host import (
    ABSENT,
    MAIN,
    PROTECTED,
    READS,
    SMALL,
    WRITES,
    block_cdb,
    data_in,
    data_out,
    plain,
    read,
    write,
)

from portplex.model.scsi_target import (
    ATTENTIONS,
    CHECK_CONDITION,
    GOOD,
    MAX_PAGE,
    MISCOMPARE,
    RESERVATION_CONFLICT,
    Answer,
    ScsiTarget,
    sense_word,
)

PORTS = int(os.environ.get("PORTS", "1"))
SENSE_OP, OPEN, UNMAP, FILL, ZERO, COMPARE, MATCH, SWAP, STORE = 2, 15, 17, *range(24, 30)  # OP_*
ACCESS = {1: "status", 2: "read", 3: "write", 4: "reserve", 5: "out"}  # ACCESS_*
SENSE_CDB = bytes([3, 0, 0, 0, 255, 0])
INFORMATION = 1 << 23  # of a sense: the INFORMATION field is valid
REFUSED = 0x052400


class Gate(ScsiTarget):
    """The reference model without what the page service makes of a parameter list."""

    def _call(self, cdb: bytes, volume: int, initiator: int, data: bytes, length: int) -> Answer:
        if cdb[0] == 0x42:
            return super()._call(cdb, volume, initiator, data, length)
        return Answer(volume=volume, moved=len(data), residual=len(data) - length)


class EngineRig(Rig):
    """The rig with a page service of its own: one request at a time, answers after a while."""

    page_inputs = (
        "rs_ready", "rs_done_valid", "rs_done_task", "rs_done_length", "rs_done_status", "rs_done_sense",
        "rs_done_range", "rs_done_lba", "rs_done_bytes", "rs_done_abort", "conflict", "software_protect",
        "raise_valid", "raise_condition", "raise_initiators", "raise_volumes", "copy_ready", "copy_done_valid",
        "copy_done_task", "copy_done_status", "copy_done_sense", "copy_done_left", "copy_done_segment",
    )  # fmt: skip

    def __init__(self, dut: Any, **options: Any) -> None:
        super().__init__(dut, **options)
        self.target = Gate(VOLUMES, WWNN, SEGMENTS * 8)
        self.target.images = self.images
        self.working: int | None = None  # task of the request under way
        self.rs_done: deque[tuple[int, ...]] = deque()
        self.raises: deque[tuple[int, int, int]] = deque()  # condition, initiators, volumes
        self.resets: list[int] = []
        self.replies: deque[tuple[int, int, int]] = deque()  # to parameter lists: status, sense, aborted initiators
        self.acquired = 0  # chunks asked for
        self.refuse = 0.1  # share of pages that are refused
        self.copying: int | None = None  # task of the copy under way
        self.copy_done: deque[tuple[int, ...]] = deque()
        self.copied: list[int] = []  # tasks, in the order in which they were asked for
        self.copy_replies: deque[tuple[int, int, int, int]] = deque()  # status, sense, blocks left, segment
        self.copy_aborts = 0
        self.hold_copy = False
        self.hold_copy_done = False
        self.hold_rs = False
        self.hold_rs_done = False

    def configure(self) -> None:
        pass

    def login_name(self, wwpn: int) -> None:
        pass

    def page_side(self, go: Callable[[], int]) -> None:
        dut = self.dut
        ready = int(self.working is None and go() and not self.hold_rs)
        dut.rs_ready.value = ready
        if ready and int(dut.rs_valid.value):
            self.page_request()
        ready = int(self.copying is None and go() and not self.hold_copy)
        dut.copy_ready.value = ready
        if ready and int(dut.copy_valid.value):
            self.copy_request()
        if int(dut.copy_abort.value):
            assert self.copying is not None and self.open[self.copying].abort_accepted, "no such copy is under way"
            self.copy_aborts += 1
        fields = ("task", "status", "sense", "left", "segment")
        self.drive_queue("copy_done", self.copy_done, tuple(f"copy_done_{f}" for f in fields), hold=self.hold_copy_done)
        unit = self.target.reservations[int(dut.check_volume.value)]
        access = ACCESS.get(int(dut.check_access.value))
        dut.conflict.value = int(access is not None and unit.conflict(int(dut.check_initiator.value), access))
        dut.software_protect.value = sum(1 << v for v in self.target.software_protect)
        if int(dut.reset_volumes.value):
            self.resets.append(int(dut.reset_volumes.value))
        fields = ("task", "length", "status", "sense", "range", "lba", "bytes", "abort")
        self.drive_queue("rs_done", self.rs_done, tuple(f"rs_done_{f}" for f in fields), hold=self.hold_rs_done)
        self.drive_queue("raise", self.raises, ("raise_condition", "raise_initiators", "raise_volumes"))

    def taken(self, name: str, entry: tuple[int, ...]) -> None:
        if name == "rs_done":
            self.working = None
            if entry[-1]:
                self.note_before(self.open[entry[0]])
        elif name == "copy_done":
            self.copying = None
        elif name == "raise":
            condition, initiators, volumes = entry
            sense = next(a for n, a in enumerate(CONDITIONS) if condition >> n & 1)
            self.target.attend(sense, members(initiators), members(volumes))
        else:
            super().taken(name, entry)  # type: ignore[arg-type]

    def copy_request(self) -> None:
        """An EXTENDED COPY that has come whole; what becomes of it."""
        dut = self.dut
        task = int(dut.copy_task.value)
        command = self.open[task]
        answer = command.answer
        assert answer is not None and command.cdb[0] == 0x83 and not command.responded and not command.lost
        assert command.moved == int(dut.copy_length.value) == len(command.payload)
        assert self.page(task, command.moved) == command.payload
        assert int(dut.copy_volume.value) == self.target.find(command.lun, command.login)
        assert int(dut.copy_initiator.value) == self.target.initiator(command.login)
        self.copying = task
        self.copied.append(task)
        status, sense, left, segment = self.copy_replies.popleft() if self.copy_replies else (GOOD, 0, 0, 0)
        key = (sense >> 16 & 15, sense >> 8 & 255, sense & 255)
        information = left if sense & INFORMATION else None
        command.answer = replace(answer, status=status, sense=key, information=information, segment=segment)
        self.after(self.copy_done.append, (task, status, sense, left, segment))

    def page_request(self) -> None:
        """The engine's request, checked against its command, and what the page service makes of it."""
        dut = self.dut
        task, op, argument = int(dut.rs_task.value), int(dut.rs_op.value), int(dut.rs_arg.value)
        command = self.open[task]
        answer = command.answer
        assert command.accepted and answer is not None and not command.responded and not command.lost
        assert command.transfer is None and task not in self.chunk_busy
        volume = self.target.find(command.lun, command.login)
        assert int(dut.rs_lun_ok.value) == (volume is not None)
        assert int(dut.rs_initiator.value) == self.target.initiator(command.login)
        assert int(dut.rs_port_id.value) == task // (self.tasks // PORTS) << 24 | command.port_id
        assert volume is None or int(dut.rs_volume.value) == volume
        self.working = task
        line = SEGMENTS * 256 + PAGE_LINES * task
        length, status, sense, range_, lba, size, abort = 0, GOOD, 0, 0, 0, 0, 0
        if op >= FILL:
            chunk = self.chunks[task]
            assert (argument, int(dut.rs_blocks.value)) == (chunk.lba, chunk.blocks)
            status, sense, lba = self.work(op, task)
        else:
            assert task not in self.chunks, "a page or a list, and a chunk at the same time"
            self.segment_list[task] = line
            if op < OPEN:
                length = self.rng.randint(1, MAX_PAGE)
                data = self.rng.randbytes(length)
                if op == SENSE_OP:
                    assert int(dut.rs_sense.value) == int.from_bytes(answer.data[2:3] + answer.data[12:14], "big")
                if self.rng.random() < self.refuse:
                    status, sense = CHECK_CONDITION, REFUSED
                    command.answer = Answer(status, (5, 0x24, 0), residual=-command.length)
                else:
                    for at in range(0, length, 16):
                        self.pages[line + at // 16] = data[at : at + 16].ljust(16, b"\0")
                    wanted = min(self.target.page(command.cdb, volume, command.login)[1], length)
                    moved = min(wanted, command.length)
                    command.answer = Answer(data=data[:moved], moved=moved, residual=wanted - command.length)
            elif op > OPEN:
                wanted = int(dut.rs_length.value)
                assert command.moved == wanted, "a list that has not come whole"
                assert self.page(task, wanted) == command.payload[:wanted]
                if op == UNMAP and not answer.status:
                    index = int(dut.rs_descriptor.value)
                    if index < len(answer.ranges):
                        range_, (lba, blocks) = 1, answer.ranges[index]
                        size = blocks * BLOCK
                elif op == UNMAP:
                    status, sense = answer.status, sense_word(answer.sense)
                elif self.replies:
                    status, sense, abort = self.replies.popleft()
                    key = (sense >> 16 & 15, sense >> 8 & 255, sense & 255)
                    command.answer = replace(answer, status=status, sense=key, aborts=frozenset(members(abort)))
        self.after(self.rs_done.append, (task, length, status, sense, range_, lba, size, abort))

    def page(self, task: int, size: int) -> bytes:
        line = SEGMENTS * 256 + PAGE_LINES * task
        return b"".join(self.pages[line + i] for i in range(-(-size // 16)))[:size]

    def work(self, op: int, task: int) -> tuple[int, int, int]:
        """Blocks of the page against those of the chunk; status, sense, offset of the first byte that differs."""
        chunk = self.chunks[task]
        at = chunk.lba * BLOCK
        here = bytes(self.images[chunk.volume][at : at + chunk.blocks * BLOCK])
        after = here
        if op in (COMPARE, MATCH, SWAP):
            given = self.page(task, BLOCK) * chunk.blocks if op == MATCH else self.page(task, len(here))
            if given != here:
                offset = next(i for i, (a, b) in enumerate(zip(here, given, strict=True)) if a != b)
                return CHECK_CONDITION, sense_word(MISCOMPARE) | INFORMATION * (op == SWAP), offset * (op == SWAP)
            if op == SWAP:
                after = self.page(task, 2 * BLOCK)[BLOCK:]
        elif op == FILL:
            after = self.page(task, BLOCK) * chunk.blocks
        elif op == STORE:
            after = self.page(task, len(here))
        elif op == ZERO:
            after = bytes(len(here))
        if chunk.write:
            first = chunk.lba % 8 * 32
            chunk.lines = {first + i: after[16 * i : 16 * i + 16] for i in range(len(after) // 16)}
        return GOOD, 0, 0

    def chunk_request(self) -> None:
        self.acquired += int(self.dut.chunk_op.value) in (ACQUIRE_READ, ACQUIRE_WRITE, ACQUIRE_EXCLUSIVE)
        super().chunk_request()

    async def settle(self) -> None:
        await super().settle()
        assert self.working is None and not self.rs_done and not self.raises and not self.replies
        assert self.copying is None and not self.copy_done and not self.copy_replies


CONDITIONS = ATTENTIONS  # bit n of raise_condition


def members(mask: int) -> list[int]:
    """Numbers of the bits that are set."""
    return [n for n in range(32) if mask >> n & 1]


async def rig_for(dut: Any, **options: Any) -> EngineRig:
    rig = EngineRig(dut, **options)
    await rig.start()
    return rig


def inquiry(allocation: int, length: int | None = None, **more: Any) -> Command:
    return data_in(struct.pack(">BBBHB", 0x12, 0, 0, allocation, 0), allocation if length is None else length, **more)


def write_same(rig: Rig, lba: int, blocks: int, **more: Any) -> Command:
    return data_out(rig, block_cdb(0x93, lba, blocks), BLOCK, **more)


def reserve_out(rig: Rig, action: int = 6, **more: Any) -> Command:
    return data_out(rig, bytes([0x5F, action, 0, 0, 0, 0, 0, 0, 24, 0]), 24, **more)


def unmap(rig: Rig, *ranges: tuple[int, int], **more: Any) -> Command:
    data = struct.pack(">HH4x", 6 + 16 * len(ranges), 16 * len(ranges))
    data += b"".join(struct.pack(">QI4x", *r) for r in ranges)
    return data_out(rig, struct.pack(">B6xHx", 0x42, len(data)), data, **more)


def swap(rig: Rig, lba: int, *, equal: bool, **more: Any) -> Command:
    here = bytes(rig.images[MAIN][lba * BLOCK : (lba + 1) * BLOCK])
    first = here if equal else here[:100] + bytes([here[100] ^ 1]) + here[101:]
    return data_out(rig, struct.pack(">BxQ3xBxx", 0x89, lba, 1), first + rig.rng.randbytes(BLOCK), **more)


@cocotb.test()
async def commands_by_the_model(dut: Any) -> None:
    """Every check before a command, residuals and failures, one command at a time."""
    rig = await rig_for(dut)
    rig.refuse = 0
    commands = [plain(bytes(6)), plain(b"\xff"), plain(bytes(6), ABSENT), plain(bytes(6), 9)]
    for lun in ("4003000000000000", "8000000000000000", "0003000100000000", "0103000000000000"):
        commands.append(Command(bytes(6), lun=bytes.fromhex(lun)))
    for opcode in (*READS, *WRITES):
        for lba, blocks in ((7, 3), (0, 200), (69_990, 10), (69_991, 10)):
            blocks = min(blocks, 200 if opcode > 0x0A else 100)
            for length in (None, blocks * BLOCK - BLOCK, blocks * BLOCK + 4, blocks * BLOCK - 12, 0):
                make = read if opcode in READS else lambda *a: write(rig, *a)
                commands.append(make(opcode, lba, blocks, length))
    commands += [read(0x28, 0, 0), read(0x28, 0, 1, volume=PROTECTED), write(rig, 0x2A, 0, 1, volume=PROTECTED)]
    commands += [read(0x88, 1 << 40, 1), write(rig, 0x8A, 1 << 40, 1), read(0x28, 0, 8, volume=ABSENT)]
    for both in ((True, True), (False, False), (False, True), (True, False)):
        commands += [replace(c, read=both[0], write=both[1]) for c in (read(0x28, 0, 1), write(rig, 0x2A, 0, 1))]
        commands.append(replace(inquiry(36), read=both[0], write=both[1]))
    for number in (0, 1):
        commands.append(read(0x28, 5, 200, stage_error=number, fault_sense=0x031100))
        commands.append(write(rig, 0x2A, 5, 200, stage_error=number, fault_sense=0x030C00))
        commands.append(write(rig, 0x2A, 5, 200, release_error=number, fault_sense=0x030C00))
        for status in range(2, 8):
            fault = {"transfer_status": {number: status}, "fault_sense": 0x0B4B06 if status == 2 else 0x0B4B00}
            commands += [read(0x28, 5, 200, **fault), write(rig, 0x2A, 5, 200, **fault)]
    commands.append(inquiry(36, transfer_status={0: 5}, fault_sense=0x0B4B00))
    for command in commands:
        await rig.run(command)
    assert sum(op == SEND for op, _, _ in rig.log) > 30 and sum(op == RECEIVE for op, _, _ in rig.log) > 20
    await rig.settle()


@cocotb.test()
async def protection_and_reservations(dut: Any) -> None:
    """Software write protection and reservations, as the page service tells them: what is kept out, what is not."""
    rig = await rig_for(dut)
    everything = [
        lambda login: read(0x28, 0, 1, login=login), lambda login: write(rig, 0x2A, 0, 1, login=login),
        lambda login: plain(bytes(6), login=login), lambda login: inquiry(36, login=login),
        lambda login: write_same(rig, 0, 1, login=login), lambda login: plain(b"\x16" + bytes(5), login=login),
        lambda login: reserve_out(rig, login=login), lambda login: unmap(rig, (0, 1), login=login),
    ]  # fmt: skip
    unit = rig.target.reservations[MAIN]
    outcomes = set()
    for kind, reserver in ((None, None), (1, None), (3, None), (6, None), (None, 8)):
        rig.target.software_protect = set() if kind or reserver else {MAIN}
        unit.kind, unit.holder, unit.reserver = kind, 8, reserver
        unit.keys = {8: 1, 13: 2} if kind else {}
        for login in (1, 2, 3):  # initiators 8: holder, 13: registered, 18
            for make in everything:
                command = make(login)
                await rig.run(command)
                assert command.response is not None
                outcomes.add(command.response[0])
    assert outcomes == {GOOD, CHECK_CONDITION, RESERVATION_CONFLICT}
    await rig.settle()


@cocotb.test()
async def pages_of_any_length(dut: Any) -> None:
    """What is sent: as much as page, allocation length and FCP_DL have; a page that is refused."""
    rig = await rig_for(dut)
    rng = rig.rng
    for _ in range(50):
        allocation = rng.choice((0, 1, 36, 255, 2048, 2049, 65535, rng.randrange(3000)))
        await rig.run(inquiry(allocation, rng.choice((allocation, rng.randrange(3000))), volume=rng.randrange(4)))
    await rig.settle()


@cocotb.test()
async def lists_and_blocks(dut: Any) -> None:
    """Parameter lists arrive whole, their answers go to the host; blocks are worked on chunk by chunk."""
    rig = await rig_for(dut)
    for reply in ((0, 0, 0), (2, 0x052604, 0), (0x18, 0, 0)):
        for length in (24, 20, 28):
            if length >= 24:
                rig.replies.append(reply)
            await rig.run(reserve_out(rig, length=length))
        rig.replies.append(reply)
        await rig.run(plain(bytes([0x16]).ljust(6, b"\0")))
    await rig.run(unmap(rig, (3, 300), (1000, 1), (5000, 128)), unmap(rig), unmap(rig, (69_999, 2)))
    await rig.run(unmap(rig, (3, 300), (0, 9), stage_error=1, fault_sense=0x030C00))
    for blocks in (1, 130):
        await rig.run(write_same(rig, 300, blocks))
        await rig.run(plain(block_cdb(0x93, 300, blocks, 1)), data_out(rig, block_cdb(0x8F, 300, blocks, 6), BLOCK))
        here = bytes(rig.images[MAIN][3 * BLOCK : (3 + blocks) * BLOCK])
        await rig.run(data_out(rig, block_cdb(0x8F, 3, blocks, 2), here))
        await rig.run(data_out(rig, block_cdb(0x8F, 3, blocks, 2), here[:-1] + bytes([here[-1] ^ 1])))
        await rig.run(data_out(rig, block_cdb(0x8E, 900, blocks), blocks * BLOCK), plain(block_cdb(0x8F, 5, blocks)))
        await rig.run(data_out(rig, block_cdb(0x8E, 900, blocks, 2), blocks * BLOCK), plain(block_cdb(0x35, 5, blocks)))
        await rig.run(data_out(rig, block_cdb(0x8A, 900, blocks, 8), blocks * BLOCK))
    await rig.run(swap(rig, 77, equal=True), swap(rig, 78, equal=False), plain(block_cdb(0x90, 0, 0)))
    await rig.run(write_same(rig, 300, 9, transfer_status={0: 5}, fault_sense=0x0B4B00))
    await rig.settle()


def copy(rig: Rig, **more: Any) -> Command:
    size = rig.rng.choice((16, 108, 368))
    return data_out(rig, struct.pack(">B9xIxx", 0x83, size), size, **more)


@cocotb.test()
async def copies_are_parked(dut: Any) -> None:
    """EXTENDED COPY waits for the copy manager without holding anything else; one at a time, in their order."""
    rig = await rig_for(dut)
    for reply in ((0, 0, 0, 0), (2, 0x051A00, 0, 0), (2, 0x8A0804, 77, 5), (2, 0x8A0D01, 0, 0)):
        rig.copy_replies.append(reply)
        await rig.run(copy(rig))
    await rig.run(copy(rig, volume=ABSENT), plain(struct.pack(">B9xIxx", 0x83, 0)))
    rig.hold_copy_done = True
    copies = [rig.submit(copy(rig, login=n)) for n in range(5)]
    others = [read(0x28, 900, 100), write(rig, 0x2A, 9, 9), inquiry(36), write_same(rig, 99, 9)]
    for command in others:
        rig.submit(command)
    while any(c.finished is None for c in others):
        await rig.step()
    assert all(c.response is None for c in copies) and len(rig.copied) == 5
    for command in (copies[3], copies[1]):  # those that wait end at once
        rig.abort(command)
        while command.finished is None:
            await rig.step()
    assert rig.copying == copies[0].task and not rig.copy_aborts
    rig.hold_copy_done = False
    await rig.run()
    assert rig.copied[4:] == [copies[n].task for n in (0, 2, 4)]
    await rig.settle()


@cocotb.test()
async def attentions_told_by_others(dut: Any) -> None:
    """raise_* sets unit attentions while commands run and others log in; each is reported once, or by REQUEST SENSE, in
    its order."""
    rig = await rig_for(dut)
    rng = rig.rng
    for _ in range(40):
        for _ in range(rng.randrange(3)):
            rig.raises.append((1 << rng.randrange(1, 8), rng.getrandbits(32), rng.choice((1, 9, 0xFFFF))))
        if rng.random() < 0.3:
            await rig.login(rng.randrange(8), hidden=0)
        makers = [lambda login: plain(bytes(6), login=login), lambda login: read(0x28, 4, 2, login=login)]
        makers += [lambda login: data_in(SENSE_CDB, 255, login=login), lambda login: inquiry(36, login=login)]
        for _ in range(5):
            rig.submit(rng.choice(makers)(rng.randrange(8)))
        while rig.open or rig.raises:
            if rng.random() < 0.1:
                await rig.login(8 + rng.randrange(8))
            await rig.step()
    while any(rig.target.attentions[rig.target.initiator(n), v] for n in range(8) for v in (MAIN, PROTECTED, SMALL)):
        await rig.run(*(plain(bytes(6), v, login=n) for n in range(8) for v in (MAIN, PROTECTED, SMALL)))
    await rig.settle()


@cocotb.test()
async def abort_in_each_state(dut: Any) -> None:
    """Two tasks stopped in one place, one in the output, one in the queue behind it; both are aborted there."""
    rig = await rig_for(dut, stall=0.1)
    rig.refuse = 0
    # what is held, what is held after a transfer has begun, the command, what must not be seen of it any more
    reading, list_ = (lambda: read(0x28, 5, 200)), (lambda: write_same(rig, 9, 3))
    writing = lambda: write(rig, 0x2A, 5, 200)  # noqa: E731
    places = (
        *(("hold_rs", "", make) for make in (lambda: inquiry(36), list_)),
        *(("hold_rs_done", "", make) for make in (lambda: inquiry(36), list_)),
        *((where, "", make) for where in ("hold_chunk", "hold_chunk_rsp", "hold_ti") for make in (reading, writing)),
        *(("hold_done", "", make) for make in (reading, writing, lambda: inquiry(36), list_)),
        *(("hold_done", then, make) for then in ("hold_chunk", "hold_chunk_rsp") for make in (reading, writing, list_)),
        *(("hold_done", then, list_) for then in ("hold_rs", "hold_rs_done", "hold_ti")),
        ("hold_ti", "", lambda: plain(bytes(6))), ("hold_ti", "", lambda: plain(b"\xff")),
        ("hold_copy", "", lambda: copy(rig)), ("hold_copy_done", "", lambda: copy(rig)),
        ("hold_copy_done", "hold_ti", lambda: copy(rig)),
    )  # fmt: skip
    for first, then, make in places:
        setattr(rig, first, True)
        commands = [rig.submit(make()) for _ in range(3)]
        for _ in range(200):
            await rig.step()
        if then:
            setattr(rig, then, True)
            setattr(rig, first, False)
            for _ in range(200):
                await rig.step()
        before, acquired = len(rig.log), rig.acquired
        assert all(c.accepted and c.response is None for c in commands) or first == "hold_ti", f"{first} {then}"
        rig.rng.shuffle(commands)
        for command in commands:
            if command.finished is None:
                rig.abort(command)
        for _ in range(60):
            await rig.step()
        for hold in (
            "hold_copy",
            "hold_copy_done",
            "hold_rs",
            "hold_rs_done",
            "hold_chunk",
            "hold_chunk_rsp",
            "hold_ti",
            "hold_done",
        ):
            setattr(rig, hold, False)
        await rig.run(limit=5000)
        what = f"{first} {then} {commands[0].cdb.hex()}: {rig.log[before:]}"
        for command in commands:
            entries = [op for op, task, _ in rig.log[before:] if task == command.task]
            assert entries.count(RELEASE_TASK) == int(command.aborted), what
            assert not command.aborted or entries[-1] == RELEASE_TASK, what
        # what waited in the queue is dropped
        assert (first, then) != ("hold_chunk", "") or rig.acquired - acquired <= 1, what
        assert sum(op == RESPOND for op, _, _ in rig.log[before:]) <= 1, what  # the one in the output
    # the port has ended the task itself
    for make in (read(0x28, 5, 200), write(rig, 0x2A, 5, 200), inquiry(36)):
        before = len(rig.log)
        await rig.run(replace(make, transfer_status={0: 1}))
        assert [op for op, _, _ in rig.log[before:]].count(RELEASE_TASK) == 1 and rig.log[-1][0] == RELEASE_TASK
    # a function that waits for a command
    rig.hold_done = True
    waited = rig.submit(read(0x28, 5, 200))
    while waited.transfer is None:
        await rig.step()
    function = rig.submit(Command(management=0x02, lun=lun_bytes(MAIN)))
    for _ in range(200):
        await rig.step()
    rig.abort(function)
    while function.finished is None:
        await rig.step()
    rig.hold_done = False
    await rig.run()
    assert function.response is None and waited.response is None and waited.cancelled
    await rig.settle()


@cocotb.test()
async def write_data_in_turn(dut: Any) -> None:
    """Hosts of a port are asked for three chunks at a time however many writes are open; reads, lists and status do not
    wait behind them, and what is aborted while it waits is never asked for."""
    rig = await rig_for(dut, stall=0.1)
    rig.refuse = 0
    rig.hold_done = True
    each = rig.tasks // PORTS
    chunks = itertools.count(0, 128)
    ports = [[rig.submit(write(rig, 0x2A, next(chunks), 128), each * p + n) for n in range(8)] for p in range(PORTS)]
    writes = [w for mine in ports for w in mine]

    def asked(mine: list[Command]) -> list[Command]:
        """Those whose data have been asked for."""
        return [w for op, task, _ in rig.log if op == RECEIVE for w in mine if w.task == task]

    for _ in range(300 * PORTS + 300):
        await rig.step()
    assert all(w.accepted for w in writes) and [len(asked(mine)) for mine in ports] == [3] * PORTS, rig.log
    commands = (read(0x28, 5000, 8), inquiry(36), write_same(rig, 6000, 3), plain(bytes(6)))
    small = [rig.submit(c, rig.tasks - 1 - n) for n, c in enumerate(commands)]
    for _ in range(300):
        await rig.step()
    assert [c.transfer for c in small[:3]] == [SEND, SEND, RECEIVE] and small[3].finished is not None
    assert [len(asked(mine)) for mine in ports] == [3] * PORTS
    aborted = [w for mine in ports for w in [w for w in mine if w not in asked(mine)][1:3]]
    for command in aborted:
        rig.abort(command)
    while not all(w.abort_accepted for w in aborted):
        await rig.step()
    rig.hold_done = False
    most = 0
    while rig.open:
        most = max(most, *(sum(w.transfer == RECEIVE for w in mine) for mine in ports))
        await rig.step()
    assert most == 3
    assert Counter(asked(writes)) == Counter(w for w in writes if w not in aborted)
    await rig.settle()


@cocotb.test()
async def task_management_and_others_that_end_commands(dut: Any) -> None:
    """Each function, and an action of the page service, end what they should, and are answered last."""
    rig = await rig_for(dut, delay=40)
    for flags in (0x02, 0x04, 0x10, 0x20, 0x40, 0x03, 0):
        rig.resets.clear()
        before = [read(0x28, 200 * n, 300, login=1 + n % 2) for n in range(4)]
        before += [write_same(rig, 3, 5, volume=SMALL, login=2), inquiry(36, login=2)]
        function = Command(management=flags, lun=lun_bytes(MAIN), login=1) if flags else reserve_out(rig, 5, login=1)
        hit = (1 << 13, [13]) if not flags else (0, [])
        if not flags:
            rig.replies.append((0, 0, hit[0]))
        for command in (*before, function):
            rig.submit(command)
        await rig.run()
        concerned = [c for c in before if rig.concerned(function, c)]
        assert bool(concerned) == (flags in (0, 0x02, 0x04, 0x10, 0x20))
        assert all(c.cancelled or c.respond_cycle < function.respond_cycle for c in concerned)
        assert all(c.response is not None for c in before if c not in concerned)
        assert rig.resets == {0x10: [1 << MAIN], 0x20: [0xFFFF]}.get(flags, [])
        if flags == 0x04:
            others = {rig.target.initiator(c.login) for c in concerned if c.cancelled} - {8}
            rig.target.attend(ATTENTIONS[7], others, [MAIN])
        await rig.take_attentions()
    await rig.settle()


def anything(rig: EngineRig, task: int) -> Command:
    """A command of any kind, in blocks of the task's own."""
    rng = rig.rng
    lba, blocks, login = 1000 + 2000 * task + rng.randrange(500), rng.choice((1, 9, 130)), rng.randrange(8)
    length = rng.choice((None, None, blocks * BLOCK + 512, blocks * BLOCK - 512))
    status = 0 if length == 0 else rng.choice((0, 0, 0, 0, 5, 2))
    fault = {"transfer_status": {0: status}, "fault_sense": {5: 0x0B4B00, 2: 0x0B4B06}.get(status, 0)}
    makers: tuple[Callable[[], Command], ...] = (
        lambda: read(0x28, lba, blocks, length, login=login, **fault),
        lambda: write(rig, 0x2A, lba, blocks, length, login=login, **fault),
        lambda: write_same(rig, lba, blocks, login=login),
        lambda: unmap(rig, (lba, blocks), (lba + 700, 1), login=login),
        lambda: inquiry(rng.randrange(300), rng.randrange(300), login=login),
        lambda: reserve_out(rig, login=login),
        lambda: copy(rig, login=login),
        lambda: plain(block_cdb(0x8F, lba, blocks), login=login),
        lambda: Command(management=rng.choice((0x02, 0x40)), lun=lun_bytes(rng.randrange(4)), login=login),
    )
    return rng.choice(makers)()


@cocotb.test()
async def interleaved(dut: Any) -> None:
    """All tasks at once with anything, each interface slow or fast in turn, aborts and failures in between."""
    rig = await rig_for(dut)
    rng = rig.rng
    for stall, delay in ((0.05, 5), (0.5, 60), (0.85, 20)):
        rig.stall, rig.delay = stall, delay
        left, total = 100, 0
        while left or rig.open:
            free = [t for t in range(rig.tasks) if t not in rig.open]
            if left and free and rng.random() < 0.3:
                task = rng.choice(free)
                rig.submit(anything(rig, task), task)
                left, total = left - 1, total + 1
            if rig.open and rng.random() < 0.01:
                command = rng.choice(list(rig.open.values()))
                if command.accepted and not command.aborted:
                    rig.abort(command)
            await rig.step()
            assert rig.cycle < 300_000, f"still open: {rig.open}"
        assert total == 100
        await rig.settle()
