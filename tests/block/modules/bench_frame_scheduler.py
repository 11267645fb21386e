# SPDX-License-Identifier: Apache-2.0
"""frame_scheduler: what is chosen and when, and every word of what is sent, against a model of the choice alone."""

from __future__ import annotations

import os
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cocotb
from clocked import Clocked, number

from portplex.bfm.pins import Pins
from portplex.fc.header import Header

TASKS = int(os.environ["TASKS"])
REPLY_ROWS = 4
ROWS = TASKS + REPLY_ROWS
MY_ID = 0x010200
END_SEQUENCE, INITIATIVE = 0x080000, 0x010000
ELS_REPLY = Header(0x23, 0x010100, 0, MY_ID, 1, 0x980000, 0, 0, 0, 1, 2, 0)


def cache_word(address: int) -> int:
    """Content of the cache, by word address."""
    return (address * 0x9E3779B1 ^ address >> 3) & 0xFFFFFFFF


def segment_line(slot: int, index: int) -> int:
    """Where the segments of a slot are: scattered over the cache."""
    return ((slot * 37 + index * 11) * 7919 % 4093) * 256


@dataclass
class Sequence:
    """A sequence as the sequence builder would arm it; lengths in bytes."""

    row: int
    initiator: bool
    from_cache: bool
    length: int
    max_words: int
    header: Header  # F_CTL of the last frame; SEQ_ID is given when `seq_id_given`
    slot: int = 0
    position: int = 0
    tag: int = 0
    seq_id_given: bool = False
    sent: int = 0
    frames: int = 0
    seq_id: int | None = None

    def descriptor(self) -> int:
        h = self.header
        fields = (
            (h.r_ctl, 8), (h.type, 8), (h.f_ctl, 24), (h.d_id, 24), (h.ox_id, 16), (h.rx_id, 16), (h.parameter, 32),
            (self.length, 17), (self.slot, 9), (self.position, 17), (self.max_words, 10), (int(self.from_cache), 1),
            (int(self.initiator), 1), (self.tag, 4), (int(self.seq_id_given), 1), (h.seq_id, 8),
        )  # fmt: skip
        value = shift = 0
        for content, width in fields:
            value |= content << shift
            shift += width
        assert shift == 196
        return value

    def word(self, index: int) -> int:
        """Payload word `index` of the sequence."""
        if not self.from_cache:
            return iu_word(self.row, index)
        position = self.position + 4 * index
        return cache_word(segment_line(self.slot, position >> 12) * 4 + (position >> 2 & 1023))


def iu_word(row: int, index: int) -> int:
    return 0xA5000000 | row << 8 | index


class World:
    """Task table, segment list, cache, link services and link around the scheduler, and the judge of what it does."""

    def __init__(self, dut: Any, rng: random.Random) -> None:
        self.dut = Pins(dut)
        self.rng = rng
        # task table
        self.descriptors = [0] * ROWS
        self.progress = [0] * ROWS
        self.fresh = [False] * ROWS
        # the scheduler's own view, kept independently
        self.sequences: dict[int, Sequence] = {}  # ready rows
        self.after: dict[bool, int | None] = {True: None, False: None}  # a reset leaves them as they are
        self.open_ids: dict[int, int] = {}  # SEQ_ID -> row
        self.given: list[int] = []  # SEQ_IDs of new sequences, in order
        self.waited: dict[int, int] = {}
        self.longest_wait = 0
        # inputs of this clock
        self.arming: Sequence | None = None
        self.cancelling: int | None = None
        self.prefer_backup = False
        self.credit = True
        self.lost = False
        self.ls: tuple[Header, list[int]] | None = None
        # link
        self.phase = "idle"
        self.count = 8
        self.frames = 0
        self.current: tuple[Sequence | None, Header, bool, bool, list[int], int] | None = None
        self.chosen: tuple[str, int] | None = None
        self.cancelled_chosen = False
        self.was_busy = False
        self.was_request = False
        self.done_due: deque[tuple[int, int]] = deque()
        self.done_seen = 0
        self.ls_sent = 0
        self.order: list[int] = []
        # registered answers
        self.answers: dict[str, int] = {}
        self.read_pipe: deque[int | None] = deque([None, None], maxlen=2)

    # -- the two halves of a clock --

    def drive(self) -> None:
        dut = self.dut
        for name, value in self.answers.items():
            getattr(dut, name).value = value
        dut.arm.value = int(self.arming is not None)
        if self.arming is not None:
            dut.arm_row.value = self.arming.row
            dut.arm_initiator.value = int(self.arming.initiator)
        dut.cancel.value = int(self.cancelling is not None)
        if self.cancelling is not None:
            dut.cancel_row.value = self.cancelling
        dut.prefer_backup.value = int(self.prefer_backup)
        dut.link_lost.value = int(self.lost)
        dut.fr_rd_ready.value = int(self.rng.random() < 0.5 if self.slow else self.turn())
        due = self.read_pipe.popleft()
        dut.fr_rd_data_valid.value = int(due is not None)
        if due is not None:
            words = [cache_word(4 * due + i) for i in range(4)]
            dut.fr_rd_data.value = words[0] << 96 | words[1] << 64 | words[2] << 32 | words[3]
        dut.ls_tx_valid.value = int(self.ls is not None)
        if self.ls is not None:
            dut.ls_tx_header.value = int.from_bytes(self.ls[0].pack(), "big")
            dut.ls_tx_words.value = len(self.ls[1])
        request = self.credit and self.phase in ("idle", "eof")
        dut.txf_request.value = int(request)
        dut.txf_ready.value = int(self.phase == "idle" and self.count == 0 and self.credit)
        dut.txf_data_ready.value = int(self.phase == "payload")
        self.request = request

    clock_number = 0
    slow = False  # the cache answers at random instead of in turns of 4 clocks

    def turn(self) -> bool:
        self.clock_number += 1
        return self.clock_number % 4 == 0

    def sample(self) -> None:
        dut = self.dut
        self.table()
        self.read_pipe.append(number(dut.fr_rd_line) if number(dut.fr_rd_valid) and number(dut.fr_rd_ready) else None)
        self.choice()
        self.events()
        self.link()
        if self.arming is not None:
            self.sequences[self.arming.row] = self.arming
            self.waited[self.arming.row] = 0
            self.arming = None
        if self.cancelling is not None:
            if self.sequences.pop(self.cancelling, None) is not None:
                self.waited.pop(self.cancelling, None)
            if self.chosen == ("task", self.cancelling):
                self.cancelled_chosen = True
            self.open_ids = {seq_id: row for seq_id, row in self.open_ids.items() if row != self.cancelling}
            self.cancelling = None

    def table(self) -> None:
        """RAMs with registered outputs: data of the address seen at this edge is there after it."""
        dut = self.dut
        row = number(dut.descriptor_rd_row)
        iu = number(dut.iu_rd_addr)
        self.answers = {
            "descriptor_rd_data": self.descriptors[row],
            "progress_rd_data": self.progress[row],
            "progress_rd_fresh": int(self.fresh[row]),
            "iu_rd_data": iu_word(iu >> 4, iu & 15),
            "sl_rd_line": segment_line(number(dut.sl_rd_slot), number(dut.sl_rd_index))
            if number(dut.sl_use)
            else 0xFFFFF,
            "ls_tx_rd_data": (self.ls[1] + [0] * 1024)[number(dut.ls_tx_rd_addr)] if self.ls else 0,
        }
        if number(dut.progress_write):
            written = number(dut.progress_wr_row)
            self.progress[written] = number(dut.progress_wr_data)
            self.fresh[written] = False

    # -- the choice --

    def expected_choice(self) -> tuple[str, int]:
        """What to expect if the scheduler chooses now; row -2 is any, before the first frame of a class."""
        if self.ls is not None and len(self.open_ids) < 256:  # it needs a SEQ_ID
            return "ls", -1
        rows_with_id = ROWS if len(self.open_ids) < 256 else TASKS  # replies wait as link services do
        online = sorted(r for r, s in self.sequences.items() if not s.initiator and r < rows_with_id)
        backup = sorted(r for r, s in self.sequences.items() if s.initiator)
        take_backup = bool(backup) and (self.prefer_backup or not online)
        rows = backup if take_backup else online
        after = self.after[take_backup]
        if not rows:
            return "none", -1
        if after is None:
            return "task", rows[0] if len(rows) == 1 else -2
        return "task", ([r for r in rows if r > after] or rows)[0]

    def choice(self) -> None:
        """A row becomes busy one clock after it was chosen: the inputs of the clock before decided it."""
        busy = bool(number(self.dut.busy))
        if busy and not self.was_busy:
            assert self.was_request, "a frame was chosen before the link asked for one"
            row = number(self.dut.busy_row)
            assert self.decided in (("task", row), ("task", -2)), f"row {row} was chosen, not {self.decided}"
            self.chosen = ("task", row)
            self.cancelled_chosen = False
        self.was_busy = busy
        self.was_request = self.request
        if self.sequences or self.ls is not None:
            self.decided = self.expected_choice()

    decided: tuple[str, int] = ("none", -1)

    def events(self) -> None:
        dut = self.dut
        if number(dut.sequence_done):
            assert self.done_due, "a sequence is done that was not sent"
            assert self.done_due.popleft() == (number(dut.sequence_done_row), number(dut.sequence_done_tag))
            self.done_seen += 1

    # -- the wire --

    def link(self) -> None:
        dut = self.dut
        if self.lost:
            if self.current is not None and self.phase in ("header", "payload"):
                sequence, _, _, eof, _, _ = self.current
                if sequence is not None and eof:  # a frame that is cut off counts as sent
                    self.done_due.append((sequence.row, sequence.tag))
            self.phase, self.count, self.current = "idle", 8, None
            return
        if self.phase == "idle":
            self.count = max(0, self.count - 1) if self.credit else 8
            if number(dut.txf_valid) and number(dut.txf_ready):
                self.take()
        elif self.phase == "header":
            self.count -= 1
            if self.count == 0:
                assert self.current is not None
                self.phase = "payload" if self.current[5] else "crc"
        elif self.phase == "payload":
            assert self.current is not None
            assert number(dut.txf_data_valid), "underrun: a payload word was not there"
            self.current[4].append(number(dut.txf_data))
            if len(self.current[4]) == self.current[5]:
                if self.current[0] is None:
                    assert number(dut.ls_tx_ready), "link services are not told that their frame has been taken"
                    self.ls = None
                else:
                    assert not number(dut.ls_tx_ready)
                self.finish()
                self.phase = "crc"
        elif self.phase == "crc":
            self.phase = "eof"
        else:
            self.phase, self.count = "idle", self.rng.choice((6, 6, 6, 9))

    def take(self) -> None:
        dut = self.dut
        header = Header.unpack(number(dut.txf_header).to_bytes(24, "big"))
        words = number(dut.txf_words)
        sof, eof = bool(number(dut.txf_sof_initiate)), bool(number(dut.txf_eof_terminate))
        self.phase, self.count = "header", 6
        if not number(dut.busy):
            assert self.ls is not None
            expected = self.ls[0]._replace(seq_id=header.seq_id)
            assert header == expected and words == len(self.ls[1]) and sof and eof
            self.give(header.seq_id)
            self.current = (None, header, sof, eof, [], words)
            return
        row = number(dut.busy_row)
        assert not self.cancelled_chosen, f"row {row} was cancelled, its frame was offered all the same"
        sequence = self.sequences[row]
        self.account_wait(sequence)
        self.after[sequence.initiator] = row
        self.check_header(sequence, header, words, sof, eof)
        self.current = (sequence, header, sof, eof, [], words)
        if words == 0:
            self.finish()

    def give(self, seq_id: int) -> None:
        assert seq_id not in self.open_ids, f"SEQ_ID {seq_id:#x} is in use"
        self.given.append(seq_id)

    def account_wait(self, sequence: Sequence) -> None:
        """I7: between two frames of a row that is ready, each other ready row of its class sends at most one."""
        for row, other in self.sequences.items():
            if other.initiator == sequence.initiator:
                self.waited[row] = 0 if row == sequence.row else self.waited[row] + 1
                self.longest_wait = max(self.longest_wait, self.waited[row])
                assert self.waited[row] <= ROWS, f"row {row} has waited for {self.waited[row]} frames of its class"

    def check_header(self, s: Sequence, header: Header, words: int, sof: bool, eof: bool) -> None:
        left = s.length - s.sent
        last = left <= 4 * s.max_words
        size = left if last else 4 * s.max_words
        assert words == (size + 3) // 4, f"{words} words for {size} bytes"
        assert sof == (s.frames == 0) and eof == last
        f_ctl = s.header.f_ctl | -size & 3 if last else s.header.f_ctl & ~(END_SEQUENCE | INITIATIVE)
        if s.frames == 0:
            s.seq_id = header.seq_id
            if s.seq_id_given:
                assert header.seq_id == s.header.seq_id
            else:
                self.give(header.seq_id)
                self.open_ids[header.seq_id] = s.row
        assert s.seq_id is not None
        parameter = s.header.parameter + (s.sent if s.from_cache else 0)
        expected = s.header._replace(s_id=MY_ID, f_ctl=f_ctl, seq_id=s.seq_id, seq_cnt=s.frames, parameter=parameter)
        assert header == expected, f"{header} for {expected}"

    def finish(self) -> None:
        """The last payload word has gone over: what is in it, and what follows from it."""
        assert self.current is not None
        self.frames += 1
        sequence, _, _, eof, words, _ = self.current
        if sequence is None:
            self.ls_sent += 1
            self.order.append(-1)
            return
        first = sequence.sent // 4
        for i, word in enumerate(words):
            expected = sequence.word(first + i)
            valid = min(4, sequence.length - sequence.sent - 4 * i)
            shift = 32 - 8 * valid
            assert word >> shift == expected >> shift, f"row {sequence.row} word {first + i}: {word:08x} {expected:08x}"
        sequence.sent = min(sequence.length, sequence.sent + 4 * len(words))
        sequence.frames += 1
        self.order.append(sequence.row)
        if eof and self.sequences.get(sequence.row) is sequence:
            del self.sequences[sequence.row]
            del self.waited[sequence.row]
            self.done_due.append((sequence.row, sequence.tag))
        if eof and not sequence.seq_id_given and sequence.seq_id is not None:
            self.open_ids.pop(sequence.seq_id, None)

    def arm(self, sequence: Sequence) -> None:
        """Write the descriptor and strobe `arm` in the coming clock."""
        self.descriptors[sequence.row] = sequence.descriptor()
        self.fresh[sequence.row] = True
        self.arming = sequence


class Bench:
    def __init__(self, dut: Any) -> None:
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.world = World(dut, self.rng)
        self.clocked = Clocked(dut, self.world)
        self.dut = dut

    async def start(self) -> World:
        names = (
            "prefer_backup arm arm_row arm_initiator cancel cancel_row descriptor_rd_data progress_rd_data "
            "progress_rd_fresh iu_rd_data sl_rd_line fr_rd_ready fr_rd_data_valid fr_rd_data ls_tx_valid ls_tx_header "
            "ls_tx_words ls_tx_rd_data link_lost txf_request txf_ready txf_data_ready"
        )
        await self.clocked.start(my_id=MY_ID, my_id_valid=1, **dict.fromkeys(names.split(), 0))
        return self.world

    def sequence(self, row: int, **given: Any) -> Sequence:
        rng = self.rng
        initiator = row < TASKS and rng.random() < 0.5
        if row >= TASKS or rng.random() < 0.3:
            words = rng.randrange(0, 14)
            made: dict[str, Any] = {"from_cache": False, "length": 4 * words, "max_words": 16}
        else:
            position = 4 * rng.randrange(0, 1024)
            length = rng.choice((rng.randrange(1, 200), rng.randrange(1, 6000), 4 * rng.randrange(1, 500)))
            most = rng.choice((16, 64, 127, 512))
            made = {
                "from_cache": True,
                "length": length,
                "max_words": most,
                "slot": rng.randrange(0, TASKS),
                "position": position,
            }
        header = Header(
            r_ctl=rng.randrange(256), d_id=rng.randrange(1 << 24), cs_ctl=0, s_id=0, type=8,
            f_ctl=rng.choice((0x090008, 0x880008, 0x990000)), seq_id=rng.randrange(256), df_ctl=0, seq_cnt=0,
            ox_id=rng.randrange(1 << 16), rx_id=rng.randrange(1 << 16), parameter=rng.randrange(1 << 31),
        )  # fmt: skip
        made |= {
            "row": row,
            "initiator": initiator,
            "header": header,
            "tag": rng.randrange(16),
            "seq_id_given": row >= TASKS,
        }
        return Sequence(**(made | given))

    async def arm(self, sequence: Sequence) -> None:
        self.world.arm(sequence)
        await self.clocked.clock()

    def reply(self, row: int) -> Sequence:
        """TASK SET FULL on a reply row: a sequence of one frame, with a SEQ_ID of the scheduler's choice."""
        return self.sequence(TASKS + row, initiator=False, seq_id_given=False)

    async def open_all(self) -> None:
        """Every task half-way through a sequence of two frames, row 0 first; the reply rows are the next in turn."""
        world = self.world
        await self.arm(self.sequence(TASKS - 1, initiator=False, from_cache=False, length=4, max_words=16))
        await self.until_idle(200)
        world.credit = False
        for row in range(TASKS):
            await self.arm(
                self.sequence(row, initiator=False, from_cache=True, length=8, max_words=1, slot=0, position=4 * row)
            )
        world.credit = True
        await self.until(lambda: len(world.open_ids) == TASKS, "not all are open", 60 * TASKS + 1000)

    async def open_and_starve(self, row: int) -> None:
        """A backup sequence of which one frame has gone and the rest waits as long as anything online is ready."""
        world = self.world
        world.prefer_backup = True
        await self.arm(self.sequence(row, initiator=True, from_cache=True, length=8, max_words=1, slot=0, position=0))
        await self.until(lambda: row in world.open_ids.values(), "no frame of the sequence")
        world.prefer_backup = False
        await self.arm(self.reply(0))

    async def until(self, condition: Callable[[], bool], otherwise: str, limit: int = 200) -> None:
        deadline = self.clocked.now + limit
        while not condition():
            assert self.clocked.now < deadline, otherwise
            await self.clocked.clock()

    async def replies(self, count: int) -> None:
        """So many new sequences of the online class, with one always ready."""
        world = self.world
        target = len(world.given) + count
        deadline = self.clocked.now + 60 * count
        while len(world.given) < target:
            assert self.clocked.now < deadline, f"{target - len(world.given)} frames are missing"
            row = next((r for r in range(REPLY_ROWS) if TASKS + r not in world.sequences), None)
            if row is not None and len(world.sequences) < 4 and not self.under_way(TASKS + row):
                await self.arm(self.reply(row))
            else:
                await self.clocked.clock()

    def under_way(self, row: int) -> bool:
        return bool(number(self.dut.busy)) and number(self.dut.busy_row) == row

    async def until_idle(self, limit: int) -> None:
        world = self.world
        deadline = self.clocked.now + limit
        while world.sequences or world.ls is not None or world.done_due or world.phase != "idle":
            assert self.clocked.now < deadline, f"{len(world.sequences)} sequences are still waiting"
            await self.clocked.clock()


@cocotb.test()
async def random_sequences(dut: Any) -> None:
    """Both classes, reply rows and link services; every choice, header, word and SEQ_ID is checked by the world."""
    bench = Bench(dut)
    world = await bench.start()
    rng = bench.rng
    armed = 0
    while armed < (70 if TASKS < 256 else 25):
        if rng.random() < 0.05:
            world.prefer_backup = rng.random() < 0.5
        if rng.random() < 0.02:
            world.credit = not world.credit
        if world.ls is None and rng.random() < 0.002 and world.phase == "payload":
            header = Header(0x22, 0xFFFFFE, 0, MY_ID, 1, 0x290000, 0, 0, 0, 0xF000 + armed, 0xFFFF, 0)
            world.ls = (header, [rng.randrange(1 << 32) for _ in range(rng.randrange(1, 30))])
        free = [
            r for r in range(ROWS) if r not in world.sequences and not (world.was_busy and number(dut.busy_row) == r)
        ]
        if free and rng.random() < (0.2 if len(world.sequences) < 3 else 0.01):
            await bench.arm(bench.sequence(rng.choice(free)))
            armed += 1
        else:
            await bench.clocked.clock()
    world.credit = True
    await bench.until_idle(40_000)
    assert world.done_seen == armed and world.frames >= armed


@cocotb.test(skip=TASKS == 256)  # nothing in it depends on TASKS
async def every_length_is_filled_up(dut: Any) -> None:
    """A last frame of 1 to 9 bytes: rounded up to words, F_CTL bits 1:0 say how many bytes of it are fill."""
    bench = Bench(dut)
    world = await bench.start()
    for length in (*range(1, 10), 63, 64, 65, 66, 67, 68, 2045, 2048, 2049):
        for position in (0, 4, 12):
            await bench.arm(bench.sequence(0, from_cache=True, length=length, max_words=16, slot=0, position=position))
            await bench.until_idle(4000)
    assert world.done_seen == 18 * 3


@cocotb.test()
async def nobody_is_passed_over(dut: Any) -> None:
    """I7: with every row ready all the time, each sends once in as many frames as there are rows of its class."""
    bench = Bench(dut)
    world = await bench.start()
    world.prefer_backup = True
    backup = TASKS // 2
    for row in range(TASKS):
        length = 16 if TASKS > 16 else 64
        await bench.arm(
            bench.sequence(row, initiator=row < backup, from_cache=True, length=length, max_words=4, slot=0, position=0)
        )
        if row == 0 and TASKS > 1:
            world.credit = False  # nothing moves until all are ready
            await bench.clocked.clocks(60)
    world.order.clear()
    world.credit = True
    await bench.until_idle(100 * TASKS * 4 + 1000)
    assert world.longest_wait <= max(backup, TASKS - backup) - 1, world.longest_wait
    classes = [row < backup for row in world.order]
    assert classes == sorted(classes, reverse=True), "the preferred class did not go first"
    assert set(world.order) >= set(range(1, TASKS))


@cocotb.test()
async def all_sequences_open_at_once(dut: Any) -> None:
    """Every task half-way through a sequence: with 256 of them every SEQ_ID is in use, and still all come to an end."""
    bench = Bench(dut)
    world = await bench.start()
    await bench.open_all()
    world.ls = (ELS_REPLY, [1, 2, 3])
    await bench.arm(bench.reply(0))
    await bench.until_idle(60 * TASKS + 2000)
    assert world.done_seen == TASKS + 2 and not world.open_ids


@cocotb.test()
async def cancelled_sequences_give_their_ids_back(dut: Any) -> None:
    """With every SEQ_ID in use one task is cancelled: a reply gets its SEQ_ID. Then all: the next login goes out."""
    bench = Bench(dut)
    world = await bench.start()
    await bench.open_all()
    world.cancelling = TASKS // 2
    await bench.clocked.clock()
    await bench.arm(bench.reply(0))
    await bench.until(lambda: TASKS in world.order, "no reply", 600)
    for row in range(TASKS):
        world.cancelling = row
        await bench.clocked.clock()
    world.ls = (ELS_REPLY, [1, 2, 3])
    await bench.until_idle(200)
    assert world.ls_sent == 1 and not world.open_ids


@cocotb.test(skip=TASKS != 1)  # a task and the reply rows are enough
async def ids_wrap_past_an_open_sequence(dut: Any) -> None:
    """One sequence stays open while every other SEQ_ID is given once and the count begins again."""
    bench = Bench(dut)
    world = await bench.start()
    await bench.open_and_starve(0)
    (kept,) = world.open_ids
    await bench.replies(300)
    assert world.given[1:256] == [(kept + 1 + i) % 256 for i in range(255)], "a SEQ_ID was left out"
    assert world.given[256] == (kept + 1) % 256 and world.open_ids[kept] == 0
    world.prefer_backup = True
    await bench.until_idle(200)
    assert not world.open_ids


@cocotb.test(skip=TASKS != 8)
async def a_cancelled_row_holds_no_id_of_another(dut: Any) -> None:
    """Row 0 is cancelled half-way and again before a frame of it is taken; then its old SEQ_ID belongs to row 1."""
    bench = Bench(dut)
    world = await bench.start()
    await bench.open_and_starve(0)
    (old,) = world.open_ids
    world.cancelling = 0
    await bench.until(lambda: not bench.under_way(0), "the cancelled frame has no end")
    await bench.arm(bench.sequence(0, initiator=True, from_cache=True, length=8, max_words=1, slot=0, position=0))
    await bench.until(lambda: bench.under_way(0), "the row is not chosen")
    world.credit = False
    await bench.clocked.clocks(10)
    world.cancelling = 0
    await bench.clocked.clocks(2)
    world.credit = True
    await bench.until_idle(200)
    while world.given[-1] != (old - 1) % 256:
        await bench.arm(bench.reply(0))
        await bench.until_idle(200)
    await bench.open_and_starve(1)
    assert world.open_ids == {old: 1}
    world.cancelling = 0
    await bench.clocked.clock()
    await bench.arm(bench.sequence(0, initiator=False, from_cache=True, length=4, max_words=1, slot=0, position=0))
    await bench.replies(260)  # the world would see `old` given again
    assert world.open_ids[old] == 1


@cocotb.test(skip=TASKS == 256)  # nothing in it depends on TASKS
async def cancelled_rows_are_silent(dut: Any) -> None:
    """Cancelled while waiting, while chosen, while on the wire: no later frame, no `sequence_done`."""
    bench = Bench(dut)
    world = await bench.start()
    rng = bench.rng
    row = 0
    for round_number in range(60):
        before = world.done_seen
        sequence = bench.sequence(row, initiator=False, from_cache=True, length=300, max_words=32, slot=0, position=8)
        await bench.arm(sequence)
        await bench.clocked.clocks(round_number if round_number < 30 else rng.randrange(0, 120))
        if row not in world.sequences:
            await bench.until_idle(1000)
            continue
        world.cancelling = row
        await bench.clocked.clock()
        frames = sequence.frames
        just_sent = sequence.sent == sequence.length  # its last word went over in the very clock of the cancel
        await bench.clocked.clocks(150)
        assert not number(dut.busy) and world.done_seen == before + just_sent
        assert sequence.frames <= frames + 1
    await bench.arm(bench.sequence(row, initiator=False))
    await bench.until_idle(8000)


@cocotb.test(skip=TASKS == 256)  # nothing in it depends on TASKS
async def nothing_goes_out_over_a_lost_link(dut: Any) -> None:
    """The link is lost at any moment: the offer is withdrawn, the frame under way is given up, work goes on."""
    bench = Bench(dut)
    world = await bench.start()
    for moment in (*range(2, 26), 40, 60):
        sequence = bench.sequence(0, initiator=True, from_cache=True, length=64, max_words=16, slot=0, position=4)
        await bench.arm(sequence)
        await bench.clocked.clocks(moment)
        world.lost = True
        for _ in range(3):
            await bench.clocked.clock()
            assert not number(dut.txf_valid)
        world.sequences.clear()  # port_controller cancels every row then
        world.waited.clear()
        world.cancelling = 0
        await bench.clocked.clock()
        world.lost = False
        assert not world.done_due
        world.open_ids.clear()
        world.done_seen = 0
        for _ in range(40):
            deadline = number(dut.busy)
            await bench.clocked.clock()
        assert not deadline, "the scheduler is still busy with the row of a lost link"
    await bench.arm(bench.sequence(0, initiator=True, from_cache=True, length=640, max_words=16, slot=0, position=0))
    await bench.until_idle(4000)
    assert world.done_seen == 1


@cocotb.test()
async def waits_for_an_address(dut: Any) -> None:
    """Before the fabric login there is no S_ID: link services may send, tasks may not."""
    bench = Bench(dut)
    world = await bench.start()
    dut.my_id_valid.value = 0
    await bench.arm(bench.sequence(0, from_cache=False, length=12, max_words=16, seq_id_given=False))
    await bench.clocked.clocks(50)
    assert world.frames == 0 and number(dut.online_ready) == int(not world.sequences[0].initiator)
    world.ls = (Header(0x22, 0xFFFFFE, 0, 0, 1, 0x290000, 0, 0, 0, 0xF000, 0xFFFF, 0), list(range(29)))
    while world.ls is not None:
        assert bench.clocked.now < 300
        await bench.clocked.clock()
    assert world.order == [-1]
    dut.my_id_valid.value = 1
    await bench.until_idle(200)
    assert world.order == [-1, 0]
