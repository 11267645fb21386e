# SPDX-License-Identifier: Apache-2.0
"""rx_dispatch: each check of a header, exchange and sequence alone, one fault in an otherwise good frame."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import cocotb
from clocked import Clocked, number

from portplex.fc.header import Header

TASKS = int(os.environ["TASKS"])
MY_ID, PEER, OTHER = 0x010200, 0x010300, 0x010400
COUNTERS = ("bad_header", "not_logged_in", "unknown_exchange", "sequence_error", "wrong_d_id")
EVENT_RX_DONE, EVENT_ABTS, EVENT_XFER_RDY, EVENT_RSP, EVENT_BLS_REPLY, EVENT_CMND = 3, 5, 7, 8, 9, 10


def segment_line(slot: int, index: int) -> int:
    """Where the segments of a slot are: scattered over the cache."""
    return (slot * 32 + index) * 7919 % 4096 * 256


@dataclass
class Frame:
    """A received frame; payload in words."""

    header: Header
    payload: list[int]
    sof: bool = True  # SOFi3
    eof: bool = True  # EOFt

    def but(self, **change: Any) -> Frame:
        """The same with header fields, `payload`, `sof` or `eof` changed."""
        own = {k: change.pop(k) for k in ("payload", "sof", "eof") if k in change}
        return replace(self, header=self.header._replace(**change), **own)


@dataclass
class Window:
    """Receive window of a row, as the task engines write it; lengths and positions in bytes."""

    peer: int = PEER
    ox_id: int = 0x1234
    rx_id: int = 2
    from_responder: bool = False
    armed: bool = True
    notify: bool = True
    slot: int = 5
    position: int = 0
    base: int = 0
    length: int = 256
    # progress
    fresh: bool = True
    progress: int = 0

    def pack(self) -> int:
        value = shift = 0
        for content, width in (
            (self.armed, 1), (self.notify, 1), (self.from_responder, 1), (self.peer, 24), (self.ox_id, 16),
            (self.rx_id, 16), (self.slot, 9), (self.position, 17), (self.base, 32), (self.length, 17),
        ):  # fmt: skip
            value |= int(content) << shift
            shift += width
        assert shift == 134
        return value


@dataclass
class World:
    """Link queue, task table, login table, cache and event consumer around the dispatch."""

    dut: Any
    rng: random.Random
    windows: dict[int, Window] = field(default_factory=dict)
    logins: dict[int, bool] = field(default_factory=lambda: {PEER: True})  # S_ID -> is an initiator
    frame: Frame | None = None
    popped: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTERS, 0))
    events: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    memory: dict[int, int] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)
    services: int = 0
    hold_list: bool = False  # the scheduler uses the segment list in most clocks

    def drive(self) -> None:
        dut, frame = self.dut, self.frame
        for name, value in self.answers.items():
            getattr(dut, name).value = value
        dut.rxf_valid.value = int(frame is not None)
        if frame is not None:
            dut.rxf_header.value = int.from_bytes(frame.header.pack(), "big")
            dut.rxf_words.value = len(frame.payload)
            dut.rxf_sof_initiate.value, dut.rxf_eof_terminate.value = int(frame.sof), int(frame.eof)
        dut.fr_wr_ready.value = int(self.rng.random() < 0.5)
        dut.event_ready.value = int(self.rng.random() < 0.3)
        dut.sl_use.value = int(self.hold_list and self.rng.random() < 0.7)
        dut.ls_rx_done.value = int(number(dut.ls_rx_valid) and self.rng.random() < 0.2)
        dut.ls_rx_rd_addr.value = self.rng.randrange(4)

    def sample(self) -> None:
        dut, frame = self.dut, self.frame
        for name in COUNTERS:
            self.counts[name] += number(getattr(dut, f"stat_{name}"))
        if number(dut.event_valid) and number(dut.event_ready):
            self.events.append(
                tuple(number(getattr(dut, f"event_{n}")) for n in ("kind", "row", "header", "words", "payload"))  # type: ignore[arg-type]
            )
        if number(dut.fr_wr_valid) and number(dut.fr_wr_ready):
            line, data, strobe = (number(getattr(dut, f"fr_wr_{n}")) for n in ("line", "data", "strobe"))
            for i in range(16):
                if strobe >> 15 - i & 1:
                    self.memory[16 * line + i] = data >> 8 * (15 - i) & 0xFF
        row = number(dut.window_rd_row)
        window = self.windows.get(row, Window(armed=False))
        self.answers = {
            "window_rd_data": window.pack(),
            "progress_rd_data": window.progress,
            "progress_rd_fresh": int(window.fresh),
            "sl_rd_line": segment_line(number(dut.sl_rd_slot), number(dut.sl_rd_index))
            if not number(dut.sl_use)
            else 3,
        }
        address = number(dut.rxf_rd_addr)
        self.answers["rxf_rd_data"] = frame.payload[address] if frame and address < len(frame.payload) else 0xDEADBEEF
        if number(dut.lookup_valid) and frame is not None:
            self.answers["lookup_hit"] = int(frame.header.s_id in self.logins)
            self.answers["lookup_initiator"] = int(self.logins.get(frame.header.s_id, False))
        if number(dut.ls_rx_valid):
            assert frame is not None and frame.header.type in (0x01, 0x20)
            self.services += number(dut.ls_rx_done)
        if number(dut.progress_write):
            written = self.windows[number(dut.progress_wr_row)]
            written.progress, written.fresh = number(dut.progress_wr_data), False
        if number(dut.rxf_pop):
            assert frame is not None, "a pop of an empty queue"
            self.frame = None
            self.popped += 1


class Bench:
    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.world = World(dut, self.rng)
        self.clocked = Clocked(dut, self.world)

    async def start(self) -> World:
        names = (
            "rxf_valid rxf_header rxf_words rxf_sof_initiate rxf_eof_terminate rxf_rd_data ls_rx_rd_addr ls_rx_done "
            "lookup_hit lookup_initiator window_rd_data progress_rd_data progress_rd_fresh sl_use sl_rd_line "
            "fr_wr_ready event_ready"
        )
        await self.clocked.start(my_id=MY_ID, my_id_valid=1, **dict.fromkeys(names.split(), 0))
        return self.world

    async def receive(self, frame: Frame) -> None:
        """Put one frame in, wait until it is done with and everything it causes has happened."""
        world = self.world
        world.frame = frame
        popped = world.popped
        deadline = self.clocked.now + 40 * len(frame.payload) + 200
        while world.popped == popped:
            assert self.clocked.now < deadline, "the frame is never popped"
            await self.clocked.clock()
        for _ in range(60):
            await self.clocked.clock()

    async def dropped(self, frame: Frame, reason: str, what: str) -> None:
        """The frame counts once, for `reason`, and does nothing else."""
        world = self.world
        before, events, memory = dict(world.counts), len(world.events), dict(world.memory)
        states = {row: (w.fresh, w.progress) for row, w in world.windows.items()}
        await self.receive(frame)
        assert {n: c - before[n] for n, c in world.counts.items() if c != before[n]} == {reason: 1}, what
        assert len(world.events) == events and world.memory == memory, f"{what}: it had an effect"
        assert states == {row: (w.fresh, w.progress) for row, w in world.windows.items()}, what

    def words(self, count: int) -> list[int]:
        return [self.rng.randrange(1 << 32) for _ in range(count)]


def command() -> Frame:
    """Frame 6 of the protocol facts in shape: FCP_CMND of 8 words."""
    return Frame(Header(0x06, MY_ID, 0, PEER, 8, 0x290000, 7, 0, 0, 0x1234, 0xFFFF, 0), list(range(100, 108)))


def transfer_ready() -> Frame:
    return Frame(Header(0x05, MY_ID, 0, PEER, 8, 0x890000, 7, 0, 0, 0, 9, 0), [0, 512, 0])


def response() -> Frame:
    return Frame(Header(0x07, MY_ID, 0, PEER, 8, 0x990000, 7, 0, 0, 0, 9, 0), [0] * 6)


def abort() -> Frame:
    return Frame(Header(0x81, MY_ID, 0, PEER, 0, 0x090000, 7, 0, 0, 0x1234, 0xFFFF, 0), [])


def abort_accepted() -> Frame:
    return Frame(Header(0x84, MY_ID, 0, PEER, 0, 0x980000, 7, 0, 0, 0, 9, 0), [0, 0x00010009, 0xFFFF])


GOOD: tuple[tuple[str, Callable[[], Frame], int], ...] = (
    ("FCP_CMND", command, EVENT_CMND),
    ("FCP_XFER_RDY", transfer_ready, EVENT_XFER_RDY),
    ("FCP_RSP", response, EVENT_RSP),
    ("ABTS", abort, EVENT_ABTS),
    ("BA_ACC", abort_accepted, EVENT_BLS_REPLY),
)


@cocotb.test()
async def single_frames_become_events(dut: Any) -> None:
    """Kind, row, header and the first 12 payload words of each control frame; a longer one is cut at 12."""
    bench = Bench(dut)
    world = await bench.start()
    for name, make, kind in GOOD:
        frame = make()
        for words in {len(frame.payload), 12, 20} if name in ("FCP_CMND", "FCP_RSP") else {len(frame.payload)}:
            payload = bench.words(words)
            world.events.clear()
            await bench.receive(frame.but(payload=payload))
            own = frame.header.ox_id if frame.header.f_ctl >> 23 else frame.header.rx_id
            [(got, row, header, count, captured)] = world.events
            assert (got, count) == (kind, words), name
            assert own >= TASKS or row == own
            assert header == int.from_bytes(frame.header.pack(), "big")
            first = (payload + [0] * 12)[:12]
            assert captured == sum(w << 352 - 32 * i for i, w in enumerate(first)), name
    assert not any(world.counts.values()) and not world.memory


@cocotb.test()
async def every_header_check_alone(dut: Any) -> None:
    """One field wrong in an otherwise good frame: counted under its own reason, nothing else happens."""
    bench = Bench(dut)
    world = await bench.start()
    for name, make, _ in GOOD:
        good = make()
        f_ctl = good.header.f_ctl
        await bench.dropped(good.but(d_id=MY_ID ^ 1), "wrong_d_id", f"{name} to another port")
        await bench.dropped(good.but(s_id=OTHER), "not_logged_in", f"{name} of a stranger")
        for df_ctl in (0x40, 0x20, 0x01):
            await bench.dropped(good.but(df_ctl=df_ctl), "bad_header", f"{name} DF_CTL {df_ctl:#x}")
        await bench.dropped(good.but(eof=False), "bad_header", f"{name} EOFn")
        await bench.dropped(good.but(f_ctl=f_ctl & ~0x080000), "bad_header", f"{name} without End_Sequence")
        await bench.dropped(good.but(f_ctl=f_ctl | 0x400000), "bad_header", f"{name} from a sequence recipient")
        await bench.dropped(good.but(type=0x28), "bad_header", f"{name} TYPE 28h")
        await bench.dropped(good.but(r_ctl=0x02 if good.header.type == 8 else 0x86), "bad_header", f"{name} R_CTL")
        if good.header.type == 8:
            await bench.dropped(good.but(sof=False), "bad_header", f"{name} SOFn3")
            await bench.dropped(good.but(payload=good.payload[:-1]), "bad_header", f"{name} one word short")
            await bench.dropped(good.but(f_ctl=f_ctl ^ 0x800000), "bad_header", f"{name} from the wrong side")
            for bit in (0x040000, 0x008000, 0x004000, 0x000200, 0x000008):
                await bench.dropped(good.but(f_ctl=f_ctl | bit), "bad_header", f"{name} F_CTL {bit:#x}")
        if f_ctl >> 23:
            await bench.dropped(good.but(ox_id=TASKS), "unknown_exchange", f"{name} for OX_ID {TASKS}")
    cmnd = command()
    await bench.dropped(cmnd.but(seq_cnt=1), "bad_header", "FCP_CMND SEQ_CNT 1")
    await bench.dropped(cmnd.but(rx_id=0), "bad_header", "FCP_CMND with an RX_ID")
    await bench.dropped(cmnd.but(f_ctl=0x280000), "bad_header", "FCP_CMND that keeps sequence initiative")
    await bench.dropped(cmnd.but(f_ctl=0x090000), "bad_header", "FCP_CMND without First_Sequence")
    await bench.dropped(cmnd.but(f_ctl=0x290002), "bad_header", "FCP_CMND with fill bytes")
    await bench.dropped(response().but(f_ctl=0x890000), "bad_header", "FCP_RSP without Last_Sequence")
    await bench.dropped(transfer_ready().but(payload=[0] * 4), "bad_header", "FCP_XFER_RDY of 4 words")
    await bench.dropped(abort_accepted().but(f_ctl=0x180000), "bad_header", "BA_ACC from the originator")
    world.logins[PEER] = False
    await bench.dropped(cmnd, "not_logged_in", "FCP_CMND of a peer that is no initiator")
    world.logins[PEER] = True
    dut.my_id_valid.value = 0
    await bench.dropped(cmnd, "wrong_d_id", "before the fabric login")
    dut.my_id_valid.value = 1
    assert not world.events
    await bench.receive(cmnd)
    assert len(world.events) == 1


@cocotb.test()
async def services_go_to_link_services(dut: Any) -> None:
    """TYPE 01h and 20h pass whatever else is wrong with them, also before there is an address."""
    bench = Bench(dut)
    world = await bench.start()
    dut.my_id_valid.value = 0
    for n, kind in enumerate((0x01, 0x20, 0x01)):
        await bench.receive(Frame(Header(0x22, n, 0, OTHER, kind, 0x290000, 0, n, 0, 1, 0xFFFF, 0), [1, 2, 3]))
        assert world.services == n + 1
    assert not world.events and not any(world.counts.values())


def data(window: Window, row: int, words: list[int], done: int = 0, **change: Any) -> Frame:
    """A solicited data frame that fits the window after `done` bytes; the last one ends the sequence."""
    last = done + 4 * len(words) == window.length
    f_ctl = (0x800008 if window.from_responder else 0x000008) | (0x080000 if last else 0)
    header = Header(
        0x01, MY_ID, 0, window.peer, 8, f_ctl, 3, 0, 0,
        row if window.from_responder else window.ox_id, 0x77 if window.from_responder else row, window.base + done,
    )  # fmt: skip
    return Frame(header, words, sof=done == 0, eof=last).but(**change)


@cocotb.test()
async def every_data_check_alone(dut: Any) -> None:
    bench = Bench(dut)
    world = await bench.start()
    for from_responder in (False, True):
        row = TASKS - 1
        window = Window(from_responder=from_responder, base=0x1000, length=256)
        window.ox_id, window.rx_id = (row, 0xFFFF) if from_responder else (0x1234, row)
        world.windows = {row: window}
        words = bench.words(16)
        first = data(window, row, words)
        f_ctl = first.header.f_ctl
        await bench.dropped(first.but(d_id=0x010201), "wrong_d_id", "D_ID")
        for bit in (0x400000, 0x040000, 0x008000, 0x004000, 0x000200, 0x000002, 0x000001):
            await bench.dropped(first.but(f_ctl=f_ctl | bit), "bad_header", f"F_CTL {bit:#x}")
        await bench.dropped(first.but(f_ctl=f_ctl & ~8), "bad_header", "no relative offset present")
        await bench.dropped(first.but(f_ctl=f_ctl | 0x010000), "bad_header", "initiative without End_Sequence")
        await bench.dropped(first.but(f_ctl=f_ctl | 0x080000), "bad_header", "End_Sequence in EOFn")
        await bench.dropped(first.but(eof=True), "bad_header", "EOFt without End_Sequence")
        await bench.dropped(first.but(payload=[]), "bad_header", "no payload")
        await bench.dropped(first.but(df_ctl=0x20), "bad_header", "DF_CTL")
        await bench.dropped(first.but(s_id=OTHER), "not_logged_in", "a stranger")
        world.logins[OTHER] = True
        await bench.dropped(first.but(s_id=OTHER), "unknown_exchange", "another host")
        del world.logins[OTHER]
        own, other = ("ox_id", "rx_id") if from_responder else ("rx_id", "ox_id")
        await bench.dropped(first.but(**{own: TASKS}), "unknown_exchange", "own X_ID beyond the table")
        await bench.dropped(first.but(**{own: 0xFFFF}), "unknown_exchange", "own X_ID FFFFh")
        if not from_responder:
            await bench.dropped(first.but(**{other: 0x1235}), "unknown_exchange", "OX_ID")
        flipped = first.but(f_ctl=f_ctl ^ 0x800000, ox_id=row, rx_id=row)
        await bench.dropped(flipped, "unknown_exchange", "from the wrong side")
        window.armed = False
        await bench.dropped(first, "unknown_exchange", "nothing expected")
        window.armed = True
        await bench.dropped(first.but(sof=False), "sequence_error", "first frame with SOFn3")
        await bench.dropped(first.but(seq_cnt=1), "sequence_error", "first SEQ_CNT 1")
        await bench.dropped(first.but(parameter=0x1004), "sequence_error", "relative offset")
        await bench.dropped(first.but(payload=bench.words(65)), "sequence_error", "longer than the burst")
        await bench.dropped(first.but(payload=bench.words(64)), "sequence_error", "complete without End_Sequence")
        # the good one, then each check of a following frame
        await bench.receive(first)
        assert not window.fresh
        second = data(window, row, bench.words(16), 64, seq_cnt=1)
        await bench.dropped(second.but(sof=True), "sequence_error", "SOFi3 inside a sequence")
        await bench.dropped(second.but(seq_id=4), "sequence_error", "another SEQ_ID inside a sequence")
        await bench.dropped(second.but(seq_cnt=0), "sequence_error", "SEQ_CNT again")
        await bench.dropped(second.but(seq_cnt=2), "sequence_error", "SEQ_CNT jumps: a frame was lost")
        await bench.dropped(second.but(parameter=0x1080), "sequence_error", "offset jumps")
        if from_responder:
            await bench.dropped(second.but(rx_id=0x78), "unknown_exchange", "RX_ID changes")
        await bench.receive(second.but(f_ctl=second.header.f_ctl | 0x080000, eof=True))  # the sequence ends early
        third = data(window, row, bench.words(32), 128, sof=True, seq_cnt=2, seq_id=9)
        await bench.dropped(third.but(sof=False), "sequence_error", "a new sequence with SOFn3")
        await bench.dropped(third.but(seq_cnt=3), "sequence_error", "a new sequence whose SEQ_CNT jumps")
        before = len(world.events)
        await bench.receive(third)
        assert [e[:2] for e in world.events[before:]] == [(EVENT_RX_DONE, row)]
        written = [world.memory[16 * segment_line(window.slot, 0) + i] for i in range(256)]
        expected = b"".join(w.to_bytes(4, "big") for f in (first, second, third) for w in f.payload)
        assert bytes(written) == expected and len(world.memory) == 256
        world.memory.clear()


@cocotb.test()
async def bursts_land_where_they_belong(dut: Any) -> None:
    """Random windows, positions and frame lengths; the event comes after the last byte, and only if asked for."""
    bench = Bench(dut)
    world = await bench.start()
    rng = bench.rng
    for number_ in range(25):
        row = rng.randrange(TASKS)
        window = Window(
            rx_id=row, slot=rng.randrange(300), position=4 * rng.randrange(2048), base=4 * rng.randrange(1 << 20),
            length=4 * rng.randrange(1, 250), notify=rng.random() < 0.7,
        )  # fmt: skip
        world.windows = {row: window}
        world.memory.clear()
        world.events.clear()
        world.hold_list = rng.random() < 0.5
        burst = bench.words(window.length // 4)
        done = count = 0
        while done < len(burst):
            size = min(rng.randrange(1, 120), len(burst) - done)
            frame = data(window, row, burst[done : done + size], 4 * done, seq_cnt=count)
            await bench.receive(frame)
            done, count = done + size, count + 1
        expected = {}
        for i, byte in enumerate(b"".join(w.to_bytes(4, "big") for w in burst)):
            at = window.position + i
            expected[16 * segment_line(window.slot, at >> 12) + (at & 0xFFF)] = byte
        assert world.memory == expected, f"burst {number_}"
        assert [e[:2] for e in world.events] == ([(EVENT_RX_DONE, row)] if window.notify else [])
    assert not any(world.counts.values())
