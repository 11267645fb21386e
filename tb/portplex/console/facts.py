# SPDX-License-Identifier: Apache-2.0
"""What the console shows: every fact with its meaning (OpenAPI) and where in the array it is read.

A fact is a field of a model. `Reg` and `Word` name its register or word of the store, `Made` works it out from facts
above it; `read_facts` does the reading. Facts are read in the order in which they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from portplex.console.bus import LookBus
from portplex.console.texts import access, job_error, link_state, port_role, started
from portplex.management import (
    PRECEDENCE_WORD,
    BackupState,
    JobKind,
    PortUsage,
    PriorityMode,
)
from portplex.model.priority import PriorityTable
from portplex.model.schedule import TABLE_660
from portplex.registers.register_map import REGISTERS, Register


def same(number: int) -> int:
    return number


def bits(number: int) -> list[int]:
    """Numbers of the bits that are set."""
    return [bit for bit in range(number.bit_length()) if number >> bit & 1]


def named(kind: type[IntEnum]) -> Callable[[int], str]:
    """A number's name in lower case; the number itself where it has none."""
    names = {each.value: each.name.lower() for each in kind}
    return lambda number: names.get(number, str(number))


def names(kind: type[IntEnum]) -> str:
    """All of them, for a description."""
    return ", ".join(each.name.lower() for each in kind)


@dataclass(frozen=True)
class Reg:
    """A register, a `field` of it, an `element` of an array of counters, or two `words` from the upper one on.
    `seldom`: what only people change may be some looks old."""

    register: str
    field: str = ""
    element: str = ""
    words: int = 1
    says: Callable[[int], object] = same
    seldom: bool = False

    def addresses(self, *index: int) -> list[int]:
        info = REGISTERS[self.register]
        if self.element:
            index = (*index, info.elements.index(self.element))
        first = info.at(*index[: len(info.dimensions)])
        return [first + 4 * word for word in range(self.words)]

    def value(self, number: int) -> object:
        return self.says(REGISTERS[self.register].unpack(number)[self.field] if self.field else number)


@dataclass(frozen=True)
class Word:
    """A word of the management information store, `stride` further for the next."""

    word: int
    stride: int = 0
    says: Callable[[int], object] = same
    seldom: bool = True

    def addresses(self, *index: int) -> list[int]:
        return [Register.STORE + 4 * (self.word + self.stride * sum(index))]

    def value(self, number: int) -> object:
        return self.says(number)


@dataclass(frozen=True)
class Made:
    """Worked out from facts above it."""

    of: Callable[[Mapping[str, Any]], object]


class Fact(BaseModel):
    """Never changed once read."""

    model_config = ConfigDict(frozen=True)


F = TypeVar("F", bound=Fact)


async def read_facts(bus: LookBus, kind: type[F], *index: int, **known: object) -> F:
    """One model, of element `index` where there are several; what is `known` already is not read."""
    found: dict[str, Any] = dict(known)
    sources = {
        name: source
        for name, info in kind.model_fields.items()
        for source in info.metadata
        if isinstance(source, Reg | Word | Made)
    }
    read = [source for source in sources.values() if not isinstance(source, Made)]
    await bus.want({address: source.seldom for source in read for address in source.addresses(*index)})
    for name, source in sources.items():
        if isinstance(source, Made):
            found[name] = source.of(found)
        else:
            number = 0
            for address in source.addresses(*index):
                number = number << 32 | await bus.read(address)
            found[name] = source.value(number)
    return kind(**found)


def says(description: str) -> Any:
    return Field(description=description)


class Array(Fact):
    """The array as a whole."""

    tasks: Annotated[int, Reg("PARAMETERS", "tasks", seldom=True), says("contexts of a port's task table")]
    volumes: Annotated[int, Reg("PARAMETERS", "volumes", seldom=True), says("logical units it can have")]
    ports: Annotated[int, Reg("PARAMETERS2", "ports", seldom=True), says("Fibre Channel ports")]
    cache_segments: Annotated[int, Reg("CACHE_SEGMENTS", seldom=True), says("of 4 KiB")]
    clean: Annotated[bool, Reg("STATUS", "clean"), says("every segment of the cache is on the drives")]
    pinned: Annotated[
        bool, Reg("STATUS", "unpinned", says=lambda free: not free), says("the cache has segments in use")
    ]


class Clock(Fact):
    """The array's clock."""

    seconds: Annotated[int, Reg("CLOCK"), says("since 1970-01-01 00:00 UTC")]
    ticks_per_second: Annotated[int, Reg("TICKS_PER_SECOND", seldom=True), says("1 to 65535")]


class Load(Fact):
    """Load windows, and where the backup is placed."""

    windows: Annotated[int, Reg("LOAD_WINDOWS"), says("windows that have ended")]
    ports: Annotated[list[int], Reg("PLACEMENT", "ports", says=bits), says("that new chunks of the backup go to")]
    moves: Annotated[int, Reg("PLACEMENT", "moves"), says("times the ports changed within a job")]
    load_window: Annotated[int, Reg("LOAD_WINDOW", seldom=True), says("ticks in a window, 1 to 65535")]
    load_floor: Annotated[
        int, Reg("LOAD_FLOOR", seldom=True), says("bytes; controllers that both moved less are compared by commands")
    ]
    rebalance: Annotated[
        int, Reg("REBALANCE", seldom=True), says("ticks between two looks for a lighter port, 1 to 65535")
    ]
    rebalance_margin: Annotated[
        int, Reg("REBALANCE_MARGIN", seldom=True), says("bytes; the backup moves to a port that is lighter by more")
    ]
    spread_floor: Annotated[
        int, Reg("SPREAD_FLOOR", seldom=True), says("bytes; ports below it carry the backup together; 0 never")
    ]


class Port(Fact):
    """A Fibre Channel port. The load is that of the last whole window (figure 5)."""

    number: int
    link: Annotated[
        str,
        Reg("PORT_STATUS", "link_state", says=link_state),
        says("state of the port state machine (FC-FS); AC is active"),
    ]
    fabric_login: Annotated[bool, Reg("PORT_STATUS", "fabric_login", says=bool), says("FLOGI done")]
    usage: Annotated[str, Reg("PORT_USAGE", says=named(PortUsage), seldom=True), says(f"table 640: {names(PortUsage)}")]
    backup: Annotated[bool, says("new chunks of a backup go here")]
    role: Annotated[str, Made(port_role), says("offline, or which of online (hosts) and backup; idle for neither")]
    n_port_id: Annotated[int, Reg("PORT_ID"), says("0 without a fabric login")]
    wwpn: Annotated[str, Reg("PORT_WWPN", words=2, says="{:016x}".format, seldom=True), says("16 hex digits")]
    logins: Annotated[int, Reg("PORT_STATUS", "logins"), says("N_Ports logged in")]
    open_tasks: Annotated[int, Reg("PORT_STATUS", "open_tasks"), says("commands under way")]
    credit: Annotated[int, Reg("PORT_CREDIT"), says("frames that may be sent before the peer answers with R_RDY")]
    load_io: Annotated[int, Reg("LOAD_IO"), says("commands that read or wrote")]
    load_amount: Annotated[int, Reg("LOAD_AMOUNT"), says("bytes; a write counts four times")]
    load_access: Annotated[str, Reg("LOAD_ACCESS", says=access), says("random, sequential")]
    online_frames: Annotated[int, Reg("PORT_COUNTERS", element="online_frames"), says("sent for hosts, since reset")]
    backup_frames: Annotated[
        int, Reg("PORT_COUNTERS", element="backup_frames"), says("sent for backup jobs, since reset")
    ]
    host_requests: Annotated[int, Reg("PORT_COUNTERS", element="host_requests"), says("since reset")]


class Volume(Fact):
    """A logical unit."""

    number: int
    present: Annotated[bool, Reg("VOLUME_FLAGS", "present", says=bool, seldom=True), says("hosts see it")]
    blocks: Annotated[int, Reg("VOLUME_BLOCKS", seldom=True), says("of 512 bytes")]
    write_protected: Annotated[bool, Reg("VOLUME_FLAGS", "write_protected", says=bool, seldom=True)]


def _record(word: int, says: Callable[[int], object] = same) -> Word:
    return Word(0x100 + word, 16, says)


class Job(Fact):
    """A backup job: what is saved where, and how far it is. Pointers count blocks; the backup pointer is read before
    the copy pointer, so that growth in between cannot look wrong."""

    number: int
    state: Annotated[str, Reg("JOB_STATE", says=named(BackupState)), says(names(BackupState))]
    backup_pointer: Annotated[int, Reg("JOB_POINTER"), says("blocks below it are confirmed by the device (632)")]
    copy_pointer: Annotated[int, Reg("JOB_COPY_POINTER"), says("blocks of the image that exist (633)")]
    error: Annotated[int, Reg("JOB_ERROR", says=lambda word: word & 0xFFFF), says("register JOB_ERROR; 0 none")]
    sense: Annotated[int, Reg("JOB_SENSE"), says("sense key, code and qualifier of the error")]
    error_text: Annotated[
        str, Made(lambda job: job_error(job["error"], job["sense"])), says("the same in words: the reason")
    ]
    kind: Annotated[str, _record(9, named(JobKind)), says(names(JobKind))]
    volume: Annotated[int, _record(1), says("target LU (631)")]
    first: Annotated[int, _record(15), says("block of the volume that it begins with; not 0 for a host's copy")]
    capacity: Annotated[int, _record(4), says("blocks of the volume, or where a host's copy ends")]
    port_id: Annotated[int, _record(5), says("N_Port_ID of the device")]
    lun: Annotated[int, _record(6), says("at the device")]
    lba: Annotated[int, _record(7), says("first block at the device")]
    chunk: Annotated[int, _record(10), says("blocks")]
    ports: Annotated[list[int], _record(11, bits), says("that it may use; none: any")]


class Schedule(Fact):
    """An entry of tables 650 and 660: when a prepared job is started. Times as those of the clock."""

    number: int
    enabled: Annotated[bool, Reg("SCHEDULE_CONTROL", "enabled", says=bool)]
    operation: Annotated[str, Reg("SCHEDULE_CONTROL", "operation", says=lambda _: "backup"), says("backup")]
    job: Annotated[int, Reg("SCHEDULE_CONTROL", "job", seldom=True), says("that is started")]
    due: Annotated[int, Reg("SCHEDULE_DUE"), says("next time")]
    period: Annotated[int, Reg("SCHEDULE_PERIOD", seldom=True), says("seconds; 0 once")]
    last: Annotated[int, Reg("SCHEDULE_LAST"), says("when it was started last; 0 never")]
    answer: Annotated[int, Word(TABLE_660 + 2, 4, seldom=False), says("to the last start; 0 taken")]
    answer_text: Annotated[str, Made(lambda entry: started(entry["last"], entry["answer"])), says("the same in words")]


def _share(now: Mapping[str, Any]) -> float:
    """Percent; the same in both modes."""
    return round(100 * PriorityTable(False, now["backup_quantum"], now["online_time"]).backup_share(), 1)


class Priority(Fact):
    """Table 670 (figure 11 of the source document)."""

    mode: Annotated[str, Reg("PRIORITY_MODE", says=named(PriorityMode), seldom=True), says(names(PriorityMode))]
    percent: Annotated[int, Word(PRECEDENCE_WORD), says("of the line for backup, as a person gave it; 0: not so")]
    backup_quantum: Annotated[int, Reg("BACKUP_QUANTUM", seldom=True), says("bytes")]
    online_time: Annotated[int, Reg("ONLINE_TIME", seldom=True), says("clocks")]
    backup_share: Annotated[float, Made(_share), says("percent of the line that both settings give a backup")]


class FabricPort(Fact):
    """A port that is logged in with the fabric: a destination, unless it is the array itself."""

    n_port_id: int
    wwpn: Annotated[str, says("16 hex digits")]
    what: Annotated[str, says("array, backup disk, host")]


class Snapshot(Fact):
    """Everything, at one moment; settings may be a few looks old."""

    array: Array
    clock: Clock
    load: Load
    ports: list[Port]
    volumes: Annotated[list[Volume], says("that are there")]
    jobs: Annotated[list[Job], says("that have been used")]
    schedules: list[Schedule]
    priority: Priority
    fabric: Annotated[list[FabricPort] | None, says("null where the console cannot see the fabric")]
