# SPDX-License-Identifier: Apache-2.0
"""page_service with the units in it, against model/scsi_target.py and model/reservations.py: pages, parameter lists and
blocks of many tasks in any order, one answer to each request; reservation check, unit attentions, logins, resets."""

from __future__ import annotations

import random
import struct
from typing import Any

import cocotb
from back_port import BackPort
from clocked import Clocked, number

from portplex.model.reservations import TYPES
from portplex.model.scsi_target import (
    ATTENTIONS,
    BLOCK,
    NO_SENSE,
    RESERVATION_CONFLICT,
    Answer,
    RefusedError,
    ScsiTarget,
    Sense,
    VolumeState,
    sense_word,
)

INQUIRY, VPD, SENSE, LUNS, CAPACITY_10, CAPACITY_16, MODE, OPCODES, GROUPS, RESERVE_IN = range(10)  # OP_*
OPEN, MODE_SELECT, UNMAP, RESERVE_OUT, RESERVE, RELEASE = range(15, 21)
FILL, ZERO, COMPARE, MATCH, SWAP = range(24, 29)
ACCESS = {"status": 1, "read": 2, "write": 3, "reserve": 4, "out": 5}  # ACCESS_*
SEGMENTS, PAGE_LINES, WWNN = 512, 128, 0x5005076801234567
VOLUMES = (VolumeState(4096), VolumeState(512), VolumeState(4096, present=False), VolumeState(64))
THERE, INITIATORS, TASKS = (0, 1, 3), (0, 1, 17, 31), (0, 5, 31, 255)


class World:
    """Cache with its segment list, unit attentions and the rest of the array around the page service."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = rng = random.Random(cocotb.RANDOM_SEED)
        self.memory = BackPort(dut, rng)
        self.clocked = Clocked(dut, self.memory, self)
        self.target = ScsiTarget(VOLUMES, WWNN)
        self.target.nexuses = {i: (i, 0) for i in INITIATORS}
        self.target.images = [bytearray(rng.randbytes(v.blocks * BLOCK)) for v in VOLUMES]
        self.lists: dict[tuple[int, int], int] = {}  # slot and index: line
        self.line = 0
        self.seen: int | None = None  # the copy manager's line
        self.told: dict[tuple[int, int], set[Sense]] = {}
        self.answers = 0
        # of the last answer
        self.length, self.abort = 0, 0
        self.range: tuple[int, int] | None = None

    async def start(self) -> None:
        dut = self.dut
        names = (
            "rs_valid rs_task rs_op rs_arg rs_blocks rs_length rs_descriptor rs_volume rs_initiator rs_lun_ok rs_sense "
            "rs_done_ready check_volume check_initiator check_access login_valid login_initiator login_wwpn "
            "logout_valid logout_id logout_all rs_port_id "
            "line_valid line find_done find_hit find_ended find_result "
            "reset_volumes raise_ready sl_wr_ready sl_rd_line bk_ready bk_rdata_valid bk_rdata"
        )
        await self.clocked.start(**dict.fromkeys(names.split(), 0))
        dut.cfg_wwnn.value = WWNN
        dut.cfg_volume_blocks.value = sum(v.blocks << 32 * i for i, v in enumerate(VOLUMES))
        dut.cfg_volume_flags.value = sum((v.present | v.write_protected << 1) << 2 * i for i, v in enumerate(VOLUMES))
        for waiting in self.target.attentions.values():
            waiting.clear()

    def drive(self) -> None:
        dut, rng = self.dut, self.rng
        dut.raise_ready.value, dut.sl_wr_ready.value = rng.randrange(2), rng.randrange(2)
        dut.sl_rd_line.value = self.line

    def sample(self) -> None:
        dut = self.dut
        if number(dut.raise_valid) and number(dut.raise_ready):
            condition = number(dut.raise_condition)
            assert condition.bit_count() == 1
            initiators, volumes = number(dut.raise_initiators), number(dut.raise_volumes)
            for i in range(32):
                for v in range(16):
                    if initiators >> i & 1 and volumes >> v & 1:
                        self.told.setdefault((i, v), set()).add(ATTENTIONS[condition.bit_length() - 1])
        if number(dut.sl_wr_valid) and number(dut.sl_wr_ready):
            self.lists[number(dut.sl_wr_slot), number(dut.sl_wr_index)] = number(dut.sl_wr_line)
        self.line = self.lists.get((number(dut.sl_rd_slot), number(dut.sl_rd_index)), 0xFFFFF)
        if number(dut.line_done):
            self.seen = number(dut.bk_rdata)
        self.answers += number(dut.rs_done_valid) & number(dut.rs_done_ready)

    async def ask(self, **request: int) -> tuple[int, ...]:
        """One request; its status, sense and INFORMATION (0 when the sense has none), as they were taken."""
        dut, rng = self.dut, self.rng
        before = self.answers
        for name in ("arg", "blocks", "length", "descriptor", "volume", "initiator", "lun_ok", "sense"):
            signal = getattr(dut, f"rs_{name}")
            signal.value = request.get(name, rng.getrandbits(len(signal)))
        dut.rs_task.value, dut.rs_op.value, dut.rs_valid.value = request["task"], request["op"], 1
        for _ in range(10):
            ready = number(dut.rs_ready)
            await self.clocked.clock()
            if ready:
                break
        else:
            raise AssertionError("idle, and a request is not taken in 10 clocks")
        # the next request waits already, of another task
        dut.rs_task.value, dut.rs_op.value, dut.rs_volume.value = rng.getrandbits(8), rng.getrandbits(5), 2
        dut.rs_initiator.value, dut.rs_arg.value = rng.getrandbits(5), rng.getrandbits(32)
        for _ in range(20_000):
            if number(dut.rs_done_valid):
                break
            assert not number(dut.rs_ready), "a second request is taken"
            await self.clocked.clock()
        else:
            raise AssertionError(f"{request}: no answer in 20000 clocks")
        dut.rs_valid.value = 0
        got = self.answer()
        await self.clocked.clocks(rng.randrange(3))
        assert number(dut.rs_done_valid) and self.answer() == got, "the answer did not stay"
        assert number(dut.rs_done_task) == request["task"]
        dut.rs_done_ready.value = 1
        await self.clocked.clock()
        dut.rs_done_ready.value = 0
        assert self.answers == before + 1
        await self.clocked.clocks(rng.randrange(2))
        assert not number(dut.rs_done_valid), "a second answer"
        return got

    def answer(self) -> tuple[int, ...]:
        dut = self.dut
        sense = number(dut.rs_done_sense)
        self.length, self.abort = number(dut.rs_done_length), number(dut.rs_done_abort)
        lba, size = number(dut.rs_done_lba), number(dut.rs_done_bytes)
        self.range = (lba, size // BLOCK) if number(dut.rs_done_range) else None
        return number(dut.rs_done_status), sense, lba if sense >> 23 else 0

    def execute(self, cdb: bytes, volume: int, initiator: int, data: bytes = b"") -> Answer:
        lun = bytes([0, volume]) + bytes(6)
        return self.target.execute(cdb, lun, initiator, len(data), False, bool(data), data)

    async def check(self, access: str, volume: int, initiator: int) -> bool:
        """Does a reservation keep this command out; output and model say the same."""
        dut = self.dut
        dut.check_volume.value, dut.check_initiator.value = volume, initiator
        dut.check_access.value = ACCESS[access]
        await self.clocked.clock()
        expected = self.target.reservations[volume].conflict(initiator, access)
        assert number(dut.conflict) == expected, f"{access} of {initiator} to volume {volume}"
        return expected

    def compare_state(self, what: str) -> None:
        """Unit attentions told since the last call, software write protection."""
        expected = {key: set(waiting) for key, waiting in self.target.attentions.items() if waiting}
        assert self.told == expected, what
        self.told.clear()
        for waiting in self.target.attentions.values():
            waiting.clear()
        assert number(self.dut.software_protect) == sum(1 << v for v in self.target.software_protect), what

    # ---- one request of each unit ----

    async def page(self) -> str:
        """A page of data, byte for byte as the host would get it."""
        rng, target = self.rng, self.target
        volume, task, initiator = rng.choice(THERE), rng.choice(TASKS), rng.choice(INITIATORS)
        vpd, action, sense = rng.choice((0, 0x80, 0x83, 0x86, 0x87, 0xB0, 0xB1, 0xB2)), rng.randrange(4), NO_SENSE
        op, argument, cdb = rng.choice(
            (
                (INQUIRY, 0, bytes([0x12])), (VPD, vpd, bytes([0x12, 1, vpd])), (SENSE, 0, bytes([3])),
                (CAPACITY_10, 0, bytes([0x25])), (CAPACITY_16, 0, bytes([0x9E, 0x10])),
                (MODE, 7, bytes([0x5A, 0, 0x3F])),
                (GROUPS, 0, bytes([0xA3, 0x0A])), (LUNS, 0, bytes([0xA0])), (OPCODES, 0, bytes([0xA3, 0x0C])),
                *((RESERVE_IN, action, bytes([0x5E, action])),) * 4,
            )
        )  # fmt: skip
        if op == SENSE:
            sense = rng.choice((NO_SENSE, *ATTENTIONS))
            target.attentions[initiator, volume] = {sense} - {NO_SENSE}
        try:
            data = target.page(cdb.ljust(16, b"\0"), volume, initiator)[0]
            expected = (0, 0, 0)
        except RefusedError as refused:
            data, expected = b"", (refused.status, sense_word(refused.sense), 0)
        target.attentions[initiator, volume].clear()
        request = {"task": task, "op": op, "volume": volume, "initiator": initiator, "sense": sense_word(sense)}
        got = await self.ask(arg=argument, lun_ok=1, **request)
        assert got == expected, cdb.hex()
        if not got[0]:
            assert self.length == len(data), cdb.hex()
            assert self.memory.get(self.lists[task, 0], len(data)) == data, cdb.hex()
        return f"page {cdb.hex()}"

    async def open(self, task: int, payload: bytes) -> None:
        """The page becomes the task's buffer; the port puts the host's data there."""
        assert (await self.ask(task=task, op=OPEN, volume=0, lun_ok=1))[0] == 0
        assert self.lists[task, 0] == SEGMENTS * 256 + PAGE_LINES * task
        self.memory.put(self.lists[task, 0], payload)

    async def list_(self) -> str:
        """A parameter list, or a command without data that changes reservations."""
        rng, target = self.rng, self.target
        volume, task, initiator = rng.choice(THERE), rng.choice(TASKS), rng.choice(INITIATORS)
        unit = target.reservations[volume]
        op = rng.choice((MODE_SELECT, UNMAP, *(RESERVE_OUT,) * 6, RESERVE, RELEASE))
        data, argument, access = b"", 0, "write"
        if op == MODE_SELECT:
            data = (bytes(4) + b"\x0a\x0a\0\x10" + rng.choice((b"\0", b"\x08", b"\x08", b"\x18"))).ljust(16, b"\0")
            cdb = bytes([0x15, 0x10, 0, 0, 16])
        elif op == UNMAP:
            if volume in target.software_protect:
                return "nothing"
            ranges = [(rng.randrange(80), rng.randrange(3)) for _ in range(rng.randrange(4))]
            data = struct.pack(">HH4x", 0, 16 * len(ranges)) + b"".join(struct.pack(">QI4x", *r) for r in ranges)
            cdb = struct.pack(">B6xH", 0x42, len(data))
        elif op == RESERVE_OUT:
            access, action, kind = "out", rng.choice((0, 0, 1, 2, 3, 4, 5, 6)), rng.choice((*TYPES, unit.kind or 2))
            keys = (
                unit.keys.get(initiator, 0),
                unit.keys.get(initiator, 0),
                *unit.keys.values(),
                0,
                rng.randrange(1, 9),
            )
            argument = action << 8 | kind
            data = struct.pack(">QQ4xB3x", rng.choice(keys), rng.choice(keys), rng.choice((0, 0, 0, 0, 8)))
            cdb = bytes([0x5F, action, kind, 0, 0, 0, 0, 0, 24])
        else:
            cdb, access = bytes([0x17 if op == RELEASE else 0x16]), "reserve"
        cdb = cdb.ljust(16, b"\0")
        conflict = await self.check(access, volume, initiator)
        answer = self.execute(cdb, volume, initiator, data)
        what = f"{cdb.hex()} {data.hex()} of {initiator} to volume {volume}"
        if conflict:  # the host engine asks no more
            assert answer.status == RESERVATION_CONFLICT
            return "conflict"
        if data:
            await self.open(task, data)
        found = []
        for descriptor in range(5):
            got = await self.ask(
                task=task, op=op, arg=argument, length=len(data), descriptor=descriptor, volume=volume,
                initiator=initiator, lun_ok=1,
            )  # fmt: skip
            assert got == (answer.status, sense_word(answer.sense), 0), what
            assert self.abort == sum(1 << i for i in answer.aborts), what
            if self.range is None:
                break
            found.append(self.range)
        if op == UNMAP:
            assert tuple(r for r in found if r[1]) == answer.ranges, what
        else:
            assert not found
        self.compare_state(what)
        return f"{op} {answer.status}"

    async def blocks(self) -> str:
        """Blocks of a chunk filled or compared, where the segment list says that they are."""
        rng, memory = self.rng, self.memory
        volume, task, initiator = rng.choice(THERE), rng.choice(TASKS), rng.choice(INITIATORS)
        op, count = rng.choice(((FILL, 9), (ZERO, 9), (COMPARE, 4), (MATCH, 9), (SWAP, 1)))
        count, image = rng.randint(1, count), self.target.images[volume]
        lba = rng.randrange(VOLUMES[volume].blocks - count)
        cdb = {
            FILL: struct.pack(">BxQI", 0x93, lba, count), ZERO: struct.pack(">BBQI", 0x93, 1, lba, count),
            COMPARE: struct.pack(">BBQI", 0x8F, 2, lba, count), MATCH: struct.pack(">BBQI", 0x8F, 6, lba, count),
            SWAP: struct.pack(">BxQ3xB", 0x89, lba, count),
        }[op].ljust(16, b"\0")  # fmt: skip
        if op == MATCH:
            image[lba * BLOCK : (lba + count) * BLOCK] = bytes(image[lba * BLOCK : (lba + 1) * BLOCK]) * count  # type: ignore[index]
        here = bytes(image[lba * BLOCK : (lba + count) * BLOCK])
        payload = {FILL: rng.randbytes(BLOCK), ZERO: b"", COMPARE: here, MATCH: here[:BLOCK]}.get(op, here + here[::-1])
        if rng.random() < 0.4 and payload and op != FILL:
            at = rng.randrange(min(len(payload), len(here)))
            payload = payload[:at] + bytes([payload[at] ^ 1 << rng.randrange(8)]) + payload[at + 1 :]
        access = "read" if op in (COMPARE, MATCH) else "write"
        conflict = await self.check(access, volume, initiator)
        answer = self.execute(cdb, volume, initiator, payload)
        if conflict or (access == "write" and volume in self.target.software_protect):
            assert answer.status
            return "kept out"
        if payload:
            await self.open(task, payload)
        segments = rng.sample(range(SEGMENTS), 3)
        first = lba - lba % 8
        for index, segment in enumerate(segments):
            self.lists[task, index] = 256 * segment
            at = (first + 8 * index) * BLOCK
            memory.put(256 * segment, bytes(image[at : at + 8 * BLOCK]).ljust(8 * BLOCK, b"\0"))
        got = await self.ask(task=task, op=op, arg=lba, blocks=count, volume=volume, initiator=initiator, lun_ok=1)
        sense = sense_word(answer.sense) | (answer.information is not None) << 23
        what = f"{cdb.hex()} volume {volume}"
        assert got == (answer.status, sense, answer.information or 0), what
        for lba_, data in answer.changes:
            image[lba_ * BLOCK : lba_ * BLOCK + len(data)] = data  # type: ignore[index]
        for index, segment in enumerate(segments):
            at = (first + 8 * index) * BLOCK
            data = bytes(image[at : at + 8 * BLOCK])
            assert memory.get(256 * segment, len(data)) == data, what
        return f"{op} {answer.status}"

    async def line_of_a_page(self) -> str:
        """The copy manager reads a line between two requests."""
        dut, rng = self.dut, self.rng
        line = SEGMENTS * 256 + rng.randrange(1 << 15)
        self.memory.put(line, rng.randbytes(16))
        dut.line.value, dut.line_valid.value = line, 1
        self.seen = None
        for _ in range(100):
            await self.clocked.clock()
            if self.seen is not None:
                break
        assert self.seen == int.from_bytes(self.memory.get(line, 16), "big"), f"line {line:05x}: {self.seen}"
        dut.line_valid.value = 0
        return "line"

    async def event(self) -> str:
        """A new login, with the same name or another one, or a reset of volumes."""
        dut, rng, target = self.dut, self.rng, self.target
        if rng.randrange(2):
            initiator = rng.choice(INITIATORS)
            name = rng.choice((target.names[initiator], rng.getrandbits(64)))
            dut.login_valid.value, dut.login_initiator.value, dut.login_wwpn.value = 1, initiator, name
            target.login(initiator, initiator, name)
            for waiting in target.attentions.values():  # of the login itself the host engine knows
                waiting.clear()
        else:
            volumes = rng.getrandbits(4)
            dut.reset_volumes.value = volumes
            reset = {v for v in range(16) if volumes >> v & 1}
            target.software_protect -= reset
            for v in reset:
                target.reservations[v].reserver = None
        await self.clocked.clock()
        dut.login_valid.value = dut.reset_volumes.value = 0
        await self.clocked.clock()
        self.compare_state("login or reset")
        return "event"


@cocotb.test()
async def serves_any_mixture(dut: Any) -> None:
    world = World(dut)
    await world.start()
    wanted = {f"{op} {status}" for op in (MODE_SELECT, RESERVE_OUT, COMPARE, MATCH, SWAP) for status in (0, 2)}
    wanted |= {f"{op} 0" for op in (UNMAP, RESERVE, RELEASE, FILL, ZERO)} | {"conflict", "kept out", "event", "line"}
    rounds = 0
    while rounds < 250 or wanted:  # and until every outcome was there
        unit = world.rng.choice(
            (world.page, world.page, *(world.list_,) * 5, *(world.blocks,) * 2, world.event, world.line_of_a_page)
        )
        wanted.discard(await unit())
        for volume in THERE:
            await world.check(world.rng.choice(sorted(ACCESS)), volume, world.rng.choice(INITIATORS))
        rounds += 1
        assert rounds < 3000, f"never seen: {sorted(wanted)}"
