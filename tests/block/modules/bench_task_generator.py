# SPDX-License-Identifier: Apache-2.0
"""task_generator: what it makes of each instruction, frame, end and loss, against figure 12 in Python."""

from __future__ import annotations

import os
import random
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

import cocotb
from clocked import Clocked, number
from task_model import (
    LOGIN,
    LOGOUT,
    NONE,
    NOT_LOGGED_IN,
    PROBE,
    PROTOCOL,
    READ,
    RECEIVE,
    RELEASE,
    RESPOND,
    SEND,
    VERIFY,
    WRITE,
    Context,
    Event,
    Kind,
    pack,
    unpack,
)  # fmt: skip

from portplex.bfm.pins import Pins
from portplex.fc.header import Header
from portplex.simulate import long_run

TASKS = int(os.environ["TASKS"])
REPLY_ROWS = 4
RESERVE = max(1, TASKS // 8) if TASKS >= 2 else 0
STATS = (
    "unknown_exchange", "sequence_error", "not_logged_in", "bad_header", "abts_received", "refused", "host_request",
)  # fmt: skip
RESPONDER = 0x800000
PEERS = range(0x010100, 0x010106)


@dataclass(frozen=True)
class Login:
    """What the login table says of an N_Port."""

    hit: int
    initiator: int
    target: int
    index: int
    words: int


LOGINS = {
    peer: Login(int(n != 0), int(n in (1, 2, 5)), int(n in (3, 4, 5)), n, 128 * n) for n, peer in enumerate(PEERS)
}


@dataclass
class Instruction:
    op: int
    task: int
    slot: int
    port_id: int
    lun: int = 0
    lba: int = 0
    offset: int = 0
    length: int = 512


@dataclass
class Received:
    kind: Event
    row: int
    header: Header
    cmnd_ok: int = 1


@dataclass
class Question:
    """Is this exchange open (REC, RRQ)."""

    peer: int
    own: int
    ox_id: int
    rx_id: int


@dataclass
class Given:
    """A step as the executor sees it."""

    event: Event | None = None
    row: int = 0
    context: Context | None = None
    reply: Kind | None = None
    done: tuple[int, int, int] | None = None
    kill_all: int = 0


class World:
    """Task table, executor, login table and link services around the generator, and the judge of what it does."""

    def __init__(self, dut: Any, rng: random.Random) -> None:
        self.dut = Pins(dut)
        self.rng = rng
        self.contexts: list[Context] = [unpack(0) for _ in range(TASKS)]
        self.free = deque(range(TASKS))
        self.before: list[Context] = list(self.contexts)  # when the source at hand was picked
        # sources
        self.instructions: deque[Instruction] = deque()
        self.frames: deque[Received] = deque()
        self.ends: deque[tuple[int, int]] = deque()
        self.timeouts: deque[int] = deque()
        self.logouts: deque[tuple[int, bool]] = deque()
        self.link_lost = False  # while a logout was being carried out
        self.questions: deque[Question] = deque()
        self.found = 0  # questions about an exchange that was open
        self.queue: deque[Instruction] = deque()  # the array's own operations that were taken
        self.login: tuple[Instruction, int] | None = None  # under way, clocks to its answer
        self.login_status = 0
        self.login_delay = 0  # clocks to the next answer, if the test wants it so
        self.reply_room = True
        self.queues_room = True
        self.may_release = True
        # what was seen
        self.steps: list[Given] = []  # since the last source was done with
        self.served: list[str] = []
        self.counters: Counter[str] = Counter()
        self.expected: Counter[str] = Counter()
        self.overtaken: Counter[str] = Counter()
        self.replies_sent = 0
        self.delay = -1
        self.step: Given | None = None
        self.own_step = False
        self.fields: tuple[int, ...] = ()
        self.finishing = self.releasing = False
        self.answers: dict[str, int] = {}
        self.granted: int | None = None

    # -- the two halves of a clock --

    def drive(self) -> None:
        dut, rng = self.dut, self.rng
        for name, value in self.answers.items():
            getattr(dut, name).value = value
        dut.reply_room.value, dut.queues_room.value = int(self.reply_room), int(self.queues_room)
        dut.ti_valid.value = int(bool(self.instructions))
        if self.instructions:
            i = self.instructions[0]
            for name in ("op", "task", "slot", "offset", "length", "port_id", "lun", "lba"):
                getattr(dut, f"ti_{name}").value = getattr(i, name)
        dut.rx_event_valid.value = int(bool(self.frames))
        if self.frames:
            f = self.frames[0]
            dut.rx_event_kind.value, dut.rx_event_row.value, dut.cmnd_ok.value = f.kind, f.row, f.cmnd_ok
            dut.rx_event_header.value = int.from_bytes(f.header.pack(), "big")
        dut.tx_valid.value = int(bool(self.ends))
        if self.ends:
            dut.tx_row.value, dut.tx_tag.value = self.ends[0]
        dut.timeout_valid.value = int(bool(self.timeouts))
        if self.timeouts:
            dut.timeout_row.value = self.timeouts[0]
        dut.logout_valid.value = int(bool(self.logouts))
        if self.logouts:
            dut.logout_id.value, dut.logout_all.value = self.logouts[0][0], int(self.logouts[0][1])
        dut.exchange_valid.value = int(bool(self.questions))
        if self.questions:
            for name, value in vars(self.questions[0]).items():
                getattr(dut, f"exchange_{name}").value = value
        dut.login_ready.value = int(rng.random() < 0.3)
        waiting = self.login is not None and self.login[1] == 0
        dut.login_done_valid.value = int(waiting)
        dut.login_done_status.value = self.login_status
        if self.login is not None and self.login[1] > 0:
            self.login = self.login[0], self.login[1] - 1
        dut.lookup_granted.value = int(rng.random() < 0.5)
        if self.granted is not None:
            login = LOGINS[self.granted]
            for name in ("hit", "initiator", "target", "index"):
                getattr(dut, f"lookup_{name}").value = getattr(login, name)
            dut.lookup_payload_words.value = login.words
        dut.free_row.value = self.free[0] if self.free else 0
        dut.free_count.value = len(self.free)
        self.finishing = self.delay == 0
        dut.step_finished.value = int(self.finishing)
        step = self.step
        self.releasing = bool(
            self.finishing and self.may_release and step is not None and step.event not in (None, Event.CREATE)
            and step.context is not None and rng.random() < 0.4
        )  # fmt: skip
        dut.release_valid.value = int(self.releasing)

    def sample(self) -> None:
        dut = self.dut
        self.count()
        row = number(dut.context_rd_row)
        self.answers = {
            "context_rd_data": pack(self.contexts[row if row < TASKS else 0]),
            "status_initiative": row & 1,
            "status_bytes": 0x1000 * row + 5,
        }
        if number(dut.exchange_done):
            self.judge_question(self.questions.popleft())
        asks = number(dut.lookup_valid) and number(dut.lookup_granted)
        self.granted = number(dut.lookup_id) if asks else None
        if number(dut.allocate):
            assert self.free and number(dut.free_row) == self.free.popleft()
        if self.step is not None:
            assert self.outputs() == self.fields, "the fields of a step changed before it was finished"
        if self.finishing:
            self.finish()
        elif self.delay > 0:
            self.delay -= 1
        if number(dut.step_start):
            assert self.step is None
            self.begin()
        self.acknowledgements()

    def count(self) -> None:
        self.counters.update(name for name in STATS if number(getattr(self.dut, f"stat_{name}")))

    def outputs(self) -> tuple[int, ...]:
        names = "to_engine event row context tag kill_all reply reply_kind done done_op done_slot done_status"
        return tuple(number(getattr(self.dut, f"step_{name}")) for name in names.split())

    # -- the executor --

    def begin(self) -> None:
        self.fields = self.outputs()
        engine, event, row, context, tag, kill_all, reply, kind, done, *completion = self.fields
        assert engine + reply + done == 1, "one thing a step"
        given = Given(row=row, kill_all=kill_all)
        if engine:
            given.event, given.context = Event(event), unpack(context)
        if reply:
            given.reply = Kind(kind)
        if done:
            given.done = completion[0], completion[1], completion[2]
        self.step = given
        self.delay = self.rng.randrange(6)
        if given.event == Event.TX_DONE:
            assert tag == self.ends[0][1]
        created = given.event == Event.CREATE and given.context is not None and given.context["initiator"]
        if created or (given.done is not None and given.done[0] in (WRITE, READ, VERIFY, PROBE)):
            self.judge_own(given)
        else:
            self.steps.append(given)

    def finish(self) -> None:
        assert self.step is not None
        step, self.step, self.delay = self.step, None, -1
        if step.event == Event.CREATE:
            assert step.context is not None
            self.contexts[step.row] = step.context
        if self.releasing:
            self.contexts[step.row] = self.contexts[step.row] | {"valid": 0}
            self.free.append(step.row)
        if self.own_step:  # nothing is acknowledged then
            self.before, self.own_step = list(self.contexts), False

    # -- what is expected --

    def of_role(self, initiator: int) -> int:
        return sum(1 for c in self.contexts if c["valid"] and c["initiator"] == initiator)

    def judge_own(self, given: Given) -> None:
        """A step of the array's own queue."""
        self.passed("queue")
        self.own_step = True
        assert self.login is None, "an operation has overtaken the login before it"
        i = self.queue.popleft()
        login = LOGINS[i.port_id]
        if login.hit and login.target:
            row = given.row
            assert self.contexts[row]["valid"] == 0 and row not in self.free
            assert len(self.free) + 1 + self.of_role(0) > RESERVE, "contexts are left for hosts"
            assert given.context == unpack(0) | {
                "valid": 1, "initiator": 1, "peer": i.port_id, "ox_id": row, "rx_id": NONE, "op": i.op, "slot": i.slot,
                "offset": i.offset, "length": i.length, "payload_words": login.words,
            }  # fmt: skip
            assert (number(self.dut.create_lun), number(self.dut.create_lba)) == (i.lun, i.lba)
        else:
            assert given.done == (i.op, i.slot, NOT_LOGGED_IN)

    def judge_question(self, asked: Question) -> None:
        """The first row of that exchange, in the order of the table; frames that came before were looked at."""
        dut = self.dut
        wanted = {"valid": 1, "initiator": asked.own, "peer": asked.peer, "ox_id": asked.ox_id}
        rows = [
            r for r, c in enumerate(self.contexts)
            if wanted.items() <= c.items() and (NONE in (asked.rx_id, c["rx_id"]) or c["rx_id"] == asked.rx_id)
        ]  # fmt: skip
        assert number(dut.exchange_open) == bool(rows), asked
        if rows:
            answer = (dut.exchange_responder, dut.exchange_initiative, dut.exchange_bytes)
            assert [number(s) for s in answer] == [self.contexts[rows[0]]["rx_id"], rows[0] & 1, 0x1000 * rows[0] + 5]
            self.found += 1
        self.served.append("question")

    def acknowledgements(self) -> None:
        dut = self.dut
        if number(dut.ti_ready):
            i = self.instructions.popleft()
            if i.op >= 8:
                self.queue.append(i)
                self.passed("ti")
            else:
                self.judge("ti", self.of_instruction(i))
        if number(dut.rx_event_ready):
            self.judge("rx", self.of_frame(self.frames.popleft()))
        if number(dut.tx_pop):
            row, _ = self.ends.popleft()
            assert number(dut.reply_sent) == (row >= TASKS)
            self.replies_sent += row >= TASKS
            if row >= TASKS:
                self.passed("tx")
            else:
                self.judge("tx", [Given(Event.TX_DONE, row)] if self.before[row]["valid"] else [])
        else:
            assert not number(dut.reply_sent)
        if number(dut.timeout_ready):
            row = self.timeouts.popleft()
            self.judge("timeout", [Given(Event.TIMEOUT, row)] if self.before[row]["valid"] else [])
        if number(dut.logout_ready):
            peer, everybody = self.logouts.popleft()
            rows = [r for r, c in enumerate(self.before) if c["valid"] and (everybody or c["peer"] == peer)]
            last_round = self.steps[len(self.steps) - len(rows) :]
            assert all(g.kill_all == everybody for g in last_round)
            if self.link_lost:  # what was ended before is ended once more, for the new reason
                assert all(g.event == Event.KILL for g in self.steps)
                self.steps, self.link_lost = last_round, False
            self.judge("logout", [Given(Event.KILL, r) for r in rows])
        if number(dut.login_valid):
            i = self.queue[0]
            assert (number(dut.login_id), number(dut.login_logout)) == (i.port_id, int(i.op == LOGOUT))
            if number(dut.login_ready):
                self.login = self.queue.popleft(), self.login_delay or self.rng.randrange(1, 30)
                self.login_status = self.rng.choice((0, 3, 6))
        if number(dut.login_done_ready):
            assert self.login is not None
            self.judge("login", [Given(done=(self.login[0].op, self.login[0].slot, self.login_status))])
            self.login = None

    def passed(self, source: str) -> None:
        """I7 in small: what has ended waits for at most the one thing that is being done."""
        self.served.append(source)
        pending = {"tx": self.ends, "timeout": self.timeouts, "logout": self.logouts}
        for name, waiting in pending.items():
            self.overtaken[name] = self.overtaken[name] + 1 if waiting and source in ("ti", "rx", "queue") else 0
            assert self.overtaken[name] <= 1, f"{source} went before {name}"

    def judge(self, source: str, expected: list[Given]) -> None:
        """A source is done with: exactly the expected steps, about the contexts they name."""
        self.passed(source)
        seen = [(g.event, g.row if g.event is not None else 0, g.reply, g.done) for g in self.steps]
        assert seen == [(g.event, g.row, g.reply, g.done) for g in expected], f"{source}: {self.steps}, not {expected}"
        for got, want in zip(self.steps, expected, strict=True):
            if got.event is not None:
                assert got.context == (want.context or self.before[got.row]), f"{source}: a wrong context"
        self.steps.clear()
        self.before = list(self.contexts)

    def of_instruction(self, i: Instruction) -> list[Given]:
        c = self.before[i.task] if i.task < TASKS else unpack(0)
        if c["valid"] and not c["initiator"]:
            return [Given(Event.INSTRUCTION, i.task)]
        return [Given(done=(i.op, i.slot, PROTOCOL))] if i.op in (SEND, RECEIVE) else []

    def of_frame(self, f: Received) -> list[Given]:
        h = f.header
        c = self.before[f.row] if f.row < TASKS else unpack(0)
        own = c["valid"] and c["initiator"] and c["peer"] == h.s_id
        exchange = [
            r for r, t in enumerate(self.before)
            if t["valid"] and not t["initiator"] and (t["peer"], t["ox_id"]) == (h.s_id, h.ox_id)
        ]  # fmt: skip
        if f.kind == Event.RX_DONE:
            return [Given(f.kind, f.row)] if c["valid"] and not c["initiator"] else []
        if f.kind == Event.CMND:
            return self.of_command(f, exchange)
        if f.kind == Event.ABTS:
            self.expected["abts_received"] += 1
            if h.f_ctl & RESPONDER:
                found = [f.row] if own and h.ox_id < TASKS else []
            elif h.rx_id == NONE:
                found = exchange[:1]
            else:
                found = [h.rx_id] if h.rx_id in exchange else []
            return [Given(Event.ABTS, found[0])] if found else [Given(reply=Kind.BA_RJT)]
        if own:
            return [Given(f.kind, f.row)]
        self.expected["unknown_exchange"] += 1
        return []

    def of_command(self, f: Received, exchange: list[int]) -> list[Given]:
        h = f.header
        login = LOGINS[h.s_id]
        free = sum(1 for c in self.before if not c["valid"])
        room = free > 0 and free + sum(1 for c in self.before if c["valid"] and c["initiator"]) > RESERVE
        reason = (
            "bad_header" if not f.cmnd_ok
            else "sequence_error" if exchange
            else "not_logged_in" if not (login.hit and login.initiator)
            else "host_request" if room
            else "refused"
        )  # fmt: skip
        self.expected[reason] += 1
        if reason == "host_request":
            row = self.steps[0].row if self.steps else -1
            assert number(self.dut.create_login) == login.index
            context = {"valid": 1, "peer": h.s_id, "ox_id": h.ox_id, "rx_id": row, "payload_words": login.words}
            return [Given(Event.CREATE, row, unpack(0) | context)]
        return [Given(reply=Kind.TASK_SET_FULL)] if reason == "refused" else []


class Bench:
    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.world = World(dut, self.rng)
        self.clocked = Clocked(dut, self.world)

    async def start(self) -> World:
        names = (
            "ti_valid ti_op ti_task ti_slot ti_offset ti_length ti_port_id ti_lun ti_lba rx_event_valid rx_event_kind "
            "rx_event_row rx_event_header cmnd_ok tx_valid tx_row tx_tag timeout_valid timeout_row lookup_granted "
            "lookup_hit lookup_index lookup_initiator lookup_target lookup_payload_words login_ready login_done_valid "
            "login_done_status logout_valid logout_id logout_all context_rd_data free_row release_valid step_finished "
            "exchange_valid exchange_peer exchange_own exchange_ox_id exchange_rx_id status_initiative status_bytes"
        )
        values = dict.fromkeys(names.split(), 0)
        await self.clocked.start(**values, reply_room=1, free_count=TASKS, free_ready=1, queues_room=1)
        return self.world

    def some_row(self) -> int:
        """Mostly one in use."""
        rng, contexts = self.rng, self.world.contexts
        used = [r for r, c in enumerate(contexts) if c["valid"]]
        return rng.choice(used) if used and rng.random() < 0.8 else rng.randrange(TASKS)

    def instruction(self, **given: Any) -> Instruction:
        rng = self.rng
        op = rng.choice((SEND, RECEIVE, RESPOND, RELEASE, LOGIN, WRITE, WRITE, READ, READ, VERIFY, PROBE, LOGOUT))
        task = self.some_row() if rng.random() < 0.9 else rng.randrange(256)
        fields = {
            "op": op, "task": task, "slot": rng.randrange(512), "port_id": rng.choice(PEERS),
            "lun": rng.randrange(1 << 16), "lba": rng.randrange(1 << 32), "offset": 4 * rng.randrange(1024),
            "length": 4 * rng.randrange(1, 16385),
        }  # fmt: skip
        return Instruction(**(fields | given))

    def frame(self, kind: Event | None = None) -> Received:
        rng = self.rng
        kinds = (
            Event.CMND,
            Event.CMND,
            Event.CMND,
            Event.RX_DONE,
            Event.ABTS,
            Event.XFER_RDY,
            Event.RSP,
            Event.BLS_REPLY,
        )
        kind = rng.choice(kinds) if kind is None else kind
        row = self.some_row()
        c = self.world.contexts[row]
        peer = c["peer"] if c["peer"] in LOGINS and rng.random() < 0.7 else rng.choice(PEERS)
        ox_id = c["ox_id"] if rng.random() < (0.1 if kind == Event.CMND else 0.8) else rng.randrange(1 << 16)
        rx_id = rng.choice((row, row, NONE, rng.randrange(1 << 16)))
        responder = bool(c["initiator"]) if rng.random() < 0.8 else rng.random() < 0.5
        if kind == Event.ABTS:  # dispatch names the row by the X_ID that is the port's own
            own = ox_id if responder else rx_id
            row = own if own < TASKS else 0
        f_ctl = RESPONDER if responder else 0
        header = Header(0, 0, 0, peer, 8, f_ctl, 0, 0, 0, ox_id, rx_id, 0)
        return Received(kind, row, header, int(rng.random() < 0.9))

    def question(self) -> Question:
        """Mostly about an exchange that is open, sometimes with one thing wrong."""
        rng = self.rng
        c = self.world.contexts[self.some_row()]
        asked = Question(c["peer"], c["initiator"], c["ox_id"], rng.choice((c["rx_id"], NONE)))
        wrong = rng.choice(("peer", "own", "ox_id", "rx_id", "", "", "", ""))
        if wrong:
            setattr(asked, wrong, getattr(asked, wrong) ^ 1)
        return asked

    async def until_idle(self, limit: int = 4000) -> None:
        """All sources are empty and all is counted."""
        world = self.world
        deadline = self.clocked.now + limit
        while any(
            (
                world.instructions,
                world.frames,
                world.ends,
                world.timeouts,
                world.logouts,
                world.queue,
                world.login,
                world.questions,
            )
        ):
            assert self.clocked.now < deadline, "something is still waiting"
            await self.clocked.clock()
        await self.clocked.clocks(20)
        assert world.step is None and not world.steps
        assert world.counters == world.expected


@cocotb.test()
async def random_sources(dut: Any) -> None:
    """Everything at once: each source has the steps it must have, nothing that has ended waits for what begins."""
    bench = Bench(dut)
    world = await bench.start()
    rng = bench.rng
    for clock in range(4000):
        world.reply_room = world.reply_room if rng.random() < 0.98 else rng.random() < 0.8
        world.queues_room = world.queues_room if rng.random() < 0.98 else rng.random() < 0.8
        if len(world.instructions) < 2 and len(world.queue) < 40 and rng.random() < 0.05:
            world.instructions.append(bench.instruction())
        if not world.frames and rng.random() < 0.1:
            world.frames.append(bench.frame())
        if len(world.ends) < 3 and rng.random() < 0.02:
            row = bench.some_row() if rng.random() < 0.8 else TASKS + rng.randrange(REPLY_ROWS)
            world.ends.append((row, rng.randrange(16)))
        if not world.timeouts and rng.random() < 0.01:
            world.timeouts.append(bench.some_row())
        if not world.questions and rng.random() < 0.01:
            world.questions.append(bench.question())
        if not world.logouts and clock % (400 if TASKS <= 16 else 1500) == 300:
            world.logouts.append((rng.choice(PEERS), rng.random() < 0.2))
        await bench.clocked.clock()
    world.reply_room = world.queues_room = True
    deadline = bench.clocked.now + 20_000
    while world.queue or world.instructions:  # contexts must be freed for them
        assert bench.clocked.now < deadline, f"{world.queue} {world.instructions}"
        if not world.ends:
            world.ends.append((bench.some_row(), 0))
        await bench.clocked.clocks(40)
    await bench.until_idle(12_000)
    assert {"ti", "rx", "queue", "tx", "timeout", "logout", "login", "question"} == set(world.served)


@cocotb.test(skip=TASKS > 16 and cocotb.SIM_NAME.startswith("Icarus") and not long_run())  # a search of every row
async def questions_about_exchanges(dut: Any) -> None:
    """A table of hosts' commands: each question is answered right, and only when no frame waits before it."""
    bench = Bench(dut)
    world = await bench.start()
    world.may_release = False
    for ox_id in range(TASKS - RESERVE):
        header = Header(0, 0, 0, PEERS[1 + ox_id % 2], 8, 0, 0, 0, 0, ox_id, NONE, 0)
        world.frames.append(Received(Event.CMND, 0, header))
    if RESERVE:
        world.instructions.append(bench.instruction(op=WRITE, port_id=PEERS[3]))
    await bench.until_idle(TASKS * (TASKS + 60) + 200)
    for _ in range(40 if TASKS <= 16 else 15):
        world.questions.append(bench.question())
    await bench.until_idle(60 * (TASKS + 40))
    assert world.found > 3 and not world.steps
    # a command that came first is in the table when the question is answered
    world.may_release = True
    world.logouts.append((0, True))
    await bench.until_idle(100 * TASKS)
    while any(c["valid"] for c in world.contexts):
        world.logouts.append((0, True))
        await bench.until_idle(100 * TASKS)
    found = world.found
    world.may_release = False
    world.queues_room = False
    world.frames.append(Received(Event.CMND, 0, Header(0, 0, 0, PEERS[1], 8, 0, 0, 0, 0, 0x77, NONE, 0)))
    world.questions.append(Question(PEERS[1], 0, 0x77, NONE))
    await bench.clocked.clocks(10)
    world.queues_room = True
    await bench.until_idle(20 * (TASKS + 40))
    assert world.found == found + 1


@cocotb.test()
async def every_reason_to_refuse_a_command(dut: Any) -> None:
    """Cut short, a second time in an open exchange, without login, from no initiator; none of them makes a task."""
    bench = Bench(dut)
    world = await bench.start()
    world.may_release = False

    def command(peer: int, ox_id: int, cmnd_ok: int = 1) -> Received:
        return Received(Event.CMND, 0, Header(0, 0, 0, PEERS[peer], 8, 0, 0, 0, 0, ox_id, NONE, 0), cmnd_ok)

    good = command(1, 7)
    world.frames.extend((command(1, 7, cmnd_ok=0), command(0, 7), command(3, 7), good, good))
    await bench.until_idle(5 * (TASKS + 60))
    assert world.counters == {"bad_header": 1, "not_logged_in": 2, "host_request": 1, "sequence_error": 1}
    assert world.of_role(0) == 1
    if TASKS > 1:  # the same OX_ID of another host is another exchange
        world.frames.append(command(2, 7))
        await bench.until_idle(TASKS + 60)
        assert world.of_role(0) == 2


@cocotb.test(skip=TASKS != 16)  # a search takes a clock a row
async def each_role_leaves_room(dut: Any) -> None:
    """Hosts fill the table but for the reserve, then get TASK SET FULL; the array still gets in. And the other way."""
    bench = Bench(dut)
    world = await bench.start()
    world.may_release = False
    for ox_id in range(TASKS):
        header = Header(0, 0, 0, PEERS[1], 8, 0, 0, 0, 0, ox_id, NONE, 0)
        world.frames.append(Received(Event.CMND, 0, header))
    await bench.until_idle(TASKS * (TASKS + 60))
    assert (world.of_role(0), world.expected["refused"]) == (TASKS - RESERVE, RESERVE)
    for _ in range(RESERVE):
        world.instructions.append(bench.instruction(op=WRITE, port_id=PEERS[3]))
    await bench.until_idle(100 * TASKS)
    assert world.of_role(1) == RESERVE and not world.free
    world.instructions.append(bench.instruction(op=READ, port_id=PEERS[3]))  # waits, and holds nothing else up
    world.instructions.append(bench.instruction(op=RESPOND, task=0))
    world.may_release = True
    deadline = bench.clocked.now + 1000
    while world.queue or world.instructions:
        assert bench.clocked.now < deadline, f"{world.queue} {world.instructions}"
        if not world.ends and not world.instructions and bench.rng.random() < 0.05:
            world.ends.append((bench.some_row(), 0))
        await bench.clocked.clock()
    await bench.until_idle()
    while any(c["valid"] for c in world.contexts):
        assert bench.clocked.now < deadline + 100_000
        if not world.logouts:
            world.logouts.append((0, True))
        await bench.clocked.clock()
    await bench.until_idle(100 * TASKS)
    world.may_release = False
    for _ in range(TASKS):
        world.instructions.append(bench.instruction(op=WRITE, port_id=PEERS[4]))
    await bench.clocked.clocks(100 * TASKS)
    assert world.of_role(1) == TASKS - RESERVE and len(world.queue) == RESERVE
    world.frames.append(Received(Event.CMND, 0, Header(0, 0, 0, PEERS[2], 8, 0, 0, 0, 0, 1, NONE, 0)))
    await bench.clocked.clocks(200)
    assert world.of_role(0) == 1 and not world.frames


@cocotb.test(skip=TASKS == 256)  # a search takes a clock a row
async def instructions_frames_and_operations_in_turn(dut: Any) -> None:
    """With all three always waiting, each is served in every three."""
    bench = Bench(dut)
    world = await bench.start()
    world.may_release = False
    world.login_delay = 400  # meanwhile operations gather
    world.instructions.append(bench.instruction(op=LOGIN))
    for _ in range(30):
        world.instructions.append(bench.instruction(op=WRITE, port_id=PEERS[0]))  # not logged in: a completion each
    while len(world.queue) < 20:
        assert bench.clocked.now < 2000
        await bench.clocked.clock()
    while "login" not in world.served:
        assert bench.clocked.now < 2000
        await bench.clocked.clock()
    world.instructions.clear()
    for _ in range(12):
        world.frames.append(bench.frame(Event.RSP))
        world.instructions.append(bench.instruction(op=RESPOND, task=0))
    world.served.clear()
    while world.frames and world.instructions and world.queue:
        assert bench.clocked.now < 4000
        await bench.clocked.clock()
    turns = world.served[1:]
    assert len(turns) > 20 and all(len(set(turns[i : i + 3])) == 3 for i in range(len(turns) - 2)), turns
    await bench.until_idle()


@cocotb.test()
async def no_reply_row_no_frame(dut: Any) -> None:
    """Without a reply row frames and TI_RELEASE wait, what needs none goes on; without room in the queues nothing."""
    bench = Bench(dut)
    world = await bench.start()
    world.may_release = False
    world.reply_room = False
    world.frames.append(bench.frame(Event.CMND))
    world.instructions.append(bench.instruction(op=LOGIN))
    world.instructions.append(bench.instruction(op=RELEASE, task=0))
    world.ends.append((TASKS, 0))
    await bench.clocked.clocks(200 + 2 * TASKS)
    assert world.frames and [i.op for i in world.instructions] == [RELEASE] and "login" in world.served
    assert world.replies_sent == 1 and not world.ends
    world.queues_room = False
    world.reply_room = True
    served = len(world.served)
    world.ends.append((0, 0))
    await bench.clocked.clocks(200 + 2 * TASKS)
    assert len(world.served) == served
    world.queues_room = True
    await bench.until_idle()


@cocotb.test()
async def the_link_is_lost_during_a_logout(dut: Any) -> None:
    """The link is lost while the tasks of one peer are ended: then all are ended, and only then it is acknowledged."""
    bench = Bench(dut)
    world = await bench.start()
    world.may_release = False
    for ox_id in range(min(TASKS, 6) - 1 or 1):
        header = Header(0, 0, 0, PEERS[1 + ox_id % 2], 8, 0, 0, 0, 0, ox_id, NONE, 0)
        world.frames.append(Received(Event.CMND, 0, header))
    await bench.until_idle(6 * (TASKS + 60))
    for moment in range(2, 40, 3):
        world.logouts.append((PEERS[1], False))
        await bench.clocked.clocks(moment)
        if world.logouts:
            world.logouts[0] = (0, True)
            world.link_lost = True
        await bench.until_idle(40 * TASKS + 500)
        world.link_lost = False
