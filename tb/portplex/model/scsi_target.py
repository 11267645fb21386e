# SPDX-License-Identifier: Apache-2.0
"""What the array answers to a SCSI command: status, sense, data and residual, from the volumes and the CDB alone.

Commands run in the order of the calls. Standards: SPC-4 (INQUIRY, MODE SENSE and SELECT, REPORT LUNS, REQUEST SENSE,
REPORT SUPPORTED OPERATION CODES, REPORT TARGET PORT GROUPS, persistent reservations), SPC-2 (RESERVE, RELEASE), SBC-3
(commands with blocks), SAM-5 (unit attention, task management), FCP-4 (residual, RSP_CODE). Blocks are 512 bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from portplex.model.backup import Refusal
from portplex.model.copy_manager import CopyManager, JobEnd, Part
from portplex.model.reservations import Reservations

BLOCK = 512
MAX_BLOCKS = 65535
MAX_LIST = 1024  # bytes of a parameter list
MAX_PAGE = 2048  # bytes of data that describe the array

Sense = tuple[int, int, int]  # key, ASC, ASCQ

NO_SENSE: Sense = (0, 0, 0)
NOT_READY: Sense = (2, 4, 2)  # initializing command required
PARAMETER_LIST_LENGTH: Sense = (5, 0x1A, 0)
INVALID_OPCODE: Sense = (5, 0x20, 0)
LBA_OUT_OF_RANGE: Sense = (5, 0x21, 0)
INVALID_FIELD: Sense = (5, 0x24, 0)
NO_LOGICAL_UNIT: Sense = (5, 0x25, 0)
INVALID_FIELD_IN_LIST: Sense = (5, 0x26, 0)
INVALID_FIELD_IN_IU: Sense = (5, 0x0E, 3)
SAVING_NOT_SUPPORTED: Sense = (5, 0x39, 0)
WRITE_PROTECTED: Sense = (7, 0x27, 0)
SOFTWARE_WRITE_PROTECTED: Sense = (7, 0x27, 2)
MISCOMPARE: Sense = (0xE, 0x1D, 0)

# unit attentions
POWER_ON_RESET: Sense = (6, 0x29, 0)
RESET_OCCURRED: Sense = (6, 0x29, 3)
NEXUS_LOSS: Sense = (6, 0x29, 7)
MODE_CHANGED: Sense = (6, 0x2A, 1)
RESERVATIONS_PREEMPTED: Sense = (6, 0x2A, 3)
RESERVATIONS_RELEASED: Sense = (6, 0x2A, 4)
REGISTRATIONS_PREEMPTED: Sense = (6, 0x2A, 5)
COMMANDS_CLEARED: Sense = (6, 0x2F, 0)
CAPACITY_CHANGED: Sense = (6, 0x2A, 9)
LUNS_CHANGED: Sense = (6, 0x3F, 0x0E)
# in the order in which they are reported; one report covers the first three
ATTENTIONS = (
    POWER_ON_RESET, RESET_OCCURRED, NEXUS_LOSS, MODE_CHANGED, RESERVATIONS_PREEMPTED, RESERVATIONS_RELEASED,
    REGISTRATIONS_PREEMPTED, COMMANDS_CLEARED, CAPACITY_CHANGED, LUNS_CHANGED,
)  # fmt: skip

GOOD = 0
CHECK_CONDITION = 2
CONDITION_MET = 4
RESERVATION_CONFLICT = 0x18
RSP_FIELDS_INVALID = 2
RSP_REJECTED = 4
RSP_INCORRECT_LUN = 9

# every command, in ascending order: opcode, service action, CDB length
COMMANDS: tuple[tuple[int, int | None, int], ...] = (
    (0x00, None, 6), (0x03, None, 6), (0x08, None, 6), (0x0A, None, 6), (0x12, None, 6), (0x15, None, 6), (0x16,
    None, 6),
    (0x17, None, 6), (0x1A, None, 6), (0x1B, None, 6),
    (0x25, None, 10), (0x28, None, 10), (0x2A, None, 10), (0x2E, None, 10), (0x2F, None, 10), (0x34, None, 10),
    (0x35, None, 10),
    (0x41, None, 10), (0x42, None, 10), (0x55, None, 10), (0x56, None, 10), (0x57, None, 10), (0x5A, None, 10),
    *((0x5E, action, 10) for action in range(4)), *((0x5F, action, 10) for action in range(7)),
    (0x83, 0x00, 16), (0x84, 0x00, 16), (0x84, 0x03, 16), (0x84, 0x04, 16),
    (0x88, None, 16), (0x89, None, 16), (0x8A, None, 16), (0x8E, None, 16), (0x8F, None, 16), (0x90, None, 16),
    (0x91, None, 16),
    (0x93, None, 16), (0x9E, 0x10, 16),
    (0xA0, None, 12), (0xA3, 0x0A, 12), (0xA3, 0x0C, 12), (0xA8, None, 12), (0xAA, None, 12),
)  # fmt: skip

# bits of byte 1 that are looked at (the others are 0 here, or the service action)
FLAGS = {
    0x03: 0x01, 0x08: 0x1F, 0x0A: 0x1F, 0x12: 0x03, 0x15: 0x11, 0x16: 0x1F, 0x17: 0x1F, 0x28: 0xF8, 0x2A: 0xF8,
    0x2E: 0xF6, 0x2F: 0xF6,
    0x1B: 0x01, 0x34: 0x02, 0x35: 0x06, 0x91: 0x06,
    0x41: 0xF7, 0x42: 0x01, 0x55: 0x11, 0x56: 0x1F, 0x57: 0x1F, 0x88: 0xF8, 0x89: 0xF8, 0x8A: 0xF8,
    0x8E: 0xF6, 0x8F: 0xF6,
    0x90: 0x02, 0x93: 0xF7, 0xA8: 0xF8, 0xAA: 0xF8,
}  # fmt: skip

READS = {0x08, 0x28, 0x88, 0xA8}
WRITES = {0x0A, 0x2A, 0x8A, 0xAA}
# how a reservation of somebody else meets a command (SPC-4 table 66, SBC-3 table 13, SPC-2 table 9)
ACCESS = {
    **dict.fromkeys((0x00, 0x25, 0x5E, 0x9E, 0xA3), "status"),
    **dict.fromkeys((*READS, 0x1A, 0x2F, 0x34, 0x5A, 0x8F, 0x90), "read"),
    **dict.fromkeys((*WRITES, 0x15, 0x2E, 0x35, 0x41, 0x42, 0x55, 0x83, 0x84, 0x89, 0x8E, 0x91, 0x93), "write"),
    **dict.fromkeys((0x16, 0x17, 0x56, 0x57), "reserve"),
    0x5F: "out",
}


@dataclass(frozen=True, slots=True)
class VolumeState:
    """Capacity in blocks and flags of one logical unit; absent when it has no blocks."""

    blocks: int
    present: bool = True
    write_protected: bool = False

    @property
    def there(self) -> bool:
        return self.present and self.blocks > 0


class Action(Enum):
    """What a command does with blocks."""

    NONE = "none"
    READ = "read"
    WRITE = "write"
    VERIFY = "verify"  # also PRE-FETCH
    SYNC = "synchronize"
    CONFIRM = "write and verify"
    PROVE = "write and compare"
    FILL = "write same"
    ZERO = "write zeros"
    COMPARE = "compare"
    MATCH = "compare with one block"
    SWAP = "compare and write"

    @property
    def writes(self) -> bool:
        return self in (Action.WRITE, Action.CONFIRM, Action.PROVE, Action.FILL, Action.ZERO, Action.SWAP)

    @property
    def takes(self) -> bool:
        """Data come from the host, blocks of the range."""
        return self in (Action.WRITE, Action.CONFIRM)

    @property
    def compares(self) -> bool:
        return self in (Action.COMPARE, Action.MATCH, Action.SWAP)


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of a command in which no drive and no transfer fails."""

    status: int = GOOD
    sense: Sense = NO_SENSE
    rsp_code: int | None = None
    action: Action = Action.NONE
    volume: int = 0
    lba: int = 0
    moved: int = 0  # bytes that pass the port
    ranges: tuple[tuple[int, int], ...] = ()  # first block and blocks of the volume that are worked on
    through: bool = False  # chunks are destaged, after they are written or before they are read
    data: bytes = b""  # of a command that describes the array, as sent
    residual: int = 0  # bytes; over is positive, under negative
    information: int | None = None  # of the sense data
    segment: int = 0  # of an EXTENDED COPY that ended in it
    # first block and new contents, of commands that do not write what they receive
    changes: tuple[tuple[int, bytes], ...] = ()
    aborts: frozenset[int] = frozenset()  # initiators whose commands to this volume end


class RefusedError(Exception):
    """The command ends with this status and sense."""

    def __init__(self, sense: Sense, status: int = CHECK_CONDITION) -> None:
        super().__init__(sense)
        self.sense = sense
        self.status = status


class PageRefusedError(RefusedError):
    """The same, found out only when the page is built: after the direction flags have been looked at."""


def _number(cdb: bytes, first: int, size: int) -> int:
    return int.from_bytes(cdb[first : first + size], "big")


def cdb_length(opcode: int) -> int:
    """Bytes of a CDB, from the group code (SPC-4 4.2.5.1); 0 for the vendor and variable length groups."""
    return {0: 6, 1: 10, 2: 10, 4: 16, 5: 12}.get(opcode >> 5, 0)


def access_of(cdb: bytes) -> str:
    """How a reservation of somebody else meets this command, "" when none does. Starting a unit is allowed where
    stopping it is not."""
    if cdb[0] == 0x1B:
        return "status" if cdb[4] & 1 else "write"
    return ACCESS.get(cdb[0], "")


def decode_lun(lun: bytes) -> int | None:
    """Number of a single level LUN, peripheral or flat addressing (SAM-5 4.7); None for any other form."""
    if len(lun) != 8:
        raise ValueError(f"lun={lun!r}: must be 8 bytes")
    return lun[1] if not any(lun[2:]) and lun[0] in (0x00, 0x40) else None


def usage_map(opcode: int, action: int | None) -> bytes:
    """CDB usage data of REPORT SUPPORTED OPERATION CODES (SPC-4 6.37.3): the operation code, then the bits that are
    looked at."""
    size = cdb_length(opcode)
    lba_at, count_at = {6: (1, 4), 10: (2, 7), 12: (2, 6), 16: (2, 10)}[size]
    count_size = {6: 1, 10: 2, 12: 4, 16: 4}[size]
    looked_at: dict[int, int] = {}
    if opcode in (*READS, *WRITES, 0x2E, 0x2F, 0x34, 0x35, 0x41, 0x8E, 0x8F, 0x90, 0x91, 0x93, 0x25, 0x9E, 0x89):
        looked_at |= {lba_at + i: 0xFF for i in range({6: 3, 16: 8}.get(size, 4))}
    if opcode not in (0x00, 0x16, 0x17, 0x1B, 0x25, 0x56, 0x57, 0x89):
        looked_at |= {count_at + i: 0xFF for i in range(count_size)}
    special = {
        0x12: {2: 0xFF, 3: 0xFF}, 0x1A: {2: 0xFF, 3: 0xFF}, 0x1B: {4: 0xF7}, 0x25: {8: 0x01}, 0x5A: {2: 0xFF, 3: 0xFF},
        0x5F: dict.fromkeys(range(5, 9), 255), 0x89: {13: 0xFF}, 0x9E: {14: 0x01}, 0xA0: {2: 0xFF}, 0xA3: {},
    }  # fmt: skip
    looked_at |= special.get(opcode, {})
    if (opcode == 0x5F and action in (1, 2, 4, 5)) or (opcode == 0x84 and action in (0, 4)):
        looked_at[2] = 0xFF
    looked_at[1] = FLAGS.get(opcode, 0)
    if action is not None:
        looked_at[1] = action | (0xE0 if (opcode, action) == (0xA3, 0x0A) else 0)
    if (opcode, action) == (0xA3, 0x0C):
        looked_at |= {2: 0x87, 3: 0xFF, 4: 0xFF, 5: 0xFF}
    looked_at[size - 1] = 0x04
    return bytes([opcode]) + bytes(looked_at.get(i, 0) for i in range(1, size))


class ScsiTarget:
    """The SCSI side of the array: volumes, identity, and what it keeps for 32 initiators."""

    def __init__(self, volumes: Sequence[VolumeState], wwnn: int, cache_blocks: int = 4096) -> None:
        if not 1 <= len(volumes) <= 16:
            raise ValueError(f"volumes: {len(volumes)} of them; must be 1 to 16")
        self.volumes = list(volumes)
        self.wwnn = wwnn
        self.cache_blocks = cache_blocks
        self.images: Sequence[bytes | bytearray] = [b""] * len(volumes)  # contents, for comparisons
        self.nexuses: dict[int, tuple[int, int]] = {}  # login: initiator, hidden volumes (a bit each)
        self.attentions: dict[tuple[int, int], set[Sense]] = {
            (initiator, volume): {POWER_ON_RESET} for initiator in range(32) for volume in range(16)
        }
        self.reservations = [Reservations() for _ in range(16)]
        self.names = [0] * 32
        self.software_protect: set[int] = set()
        self.stopped: set[int] = set()
        self.copies = CopyManager(self.designator, self.copy_part)
        self.masks: dict[int, int] = {}  # initiators that have logged in: volumes they did not see, last time

    def designator(self, volume: int) -> bytes:
        """NAA 6 designator of a logical unit: node name without its first digit, then the volume."""
        return ((0x6 << 124) | ((self.wwnn & (1 << 60) - 1) << 64) | volume).to_bytes(16, "big")

    def copy_part(self, part: Part) -> JobEnd:
        """What the backup engine makes of a segment where no device fails."""
        return JobEnd(Refusal.VOLUME if part.end > self.volumes[part.volume].blocks else Refusal.NONE)

    # ---- events ----

    def login(self, index: int, initiator: int, wwpn: int = 0, hidden: int = 0) -> None:
        """An initiator (entry of the allow list) took this row of the login table; it does not see the `hidden`
        volumes."""
        self.nexuses[index] = (initiator, hidden)
        self.attend(NEXUS_LOSS, [initiator], range(16))
        if self.masks.get(initiator, hidden) != hidden:
            self.attend(LUNS_CHANGED, [initiator], range(16))
        self.masks[initiator] = hidden
        for reservations in self.reservations:
            reservations.nexus_lost(initiator, self.names[initiator] != wwpn)
        self.names[initiator] = wwpn

    def logout(self, index: int | None) -> None:
        """This login (None: every one) is over: a RESERVE of it ends."""
        for reservations in self.reservations:
            if index is None or reservations.reserver == self.initiator(index):
                reservations.reserver = None

    def configure(self, number: int, state: VolumeState) -> None:
        """The console changes a volume: everybody who has logged in is told of a new capacity, or of other volumes."""
        before, self.volumes[number] = self.volumes[number], state
        if before.there != state.there:
            self.attend(LUNS_CHANGED, self.masks, range(16))
        elif state.there and before.blocks != state.blocks:
            self.attend(CAPACITY_CHANGED, self.masks, [number])

    def attend(self, condition: Sense, initiators: Iterable[int], volumes: Iterable[int]) -> None:
        """A unit attention condition for these initiators and volumes."""
        volumes = list(volumes)
        for initiator in initiators:
            for volume in volumes:
                self.attentions[initiator, volume].add(condition)

    def initiator(self, login: int) -> int:
        return self.nexuses.get(login, (0, 0))[0]

    def find(self, lun: bytes, login: int) -> int | None:
        """Volume behind a LUN for this login, None when there is none."""
        number = decode_lun(lun)
        if number is None or number >= len(self.volumes) or not self.volumes[number].there:
            return None
        return None if self.nexuses.get(login, (0, 0))[1] >> number & 1 else number

    def task_management(self, flags: int, lun: bytes, login: int, hit: Iterable[int] = ()) -> int:
        """RSP_CODE of a task management request, and its effects; `hit` are the initiators whose commands CLEAR TASK
        SET ended."""
        if flags not in (0x02, 0x04, 0x10, 0x20):
            return RSP_REJECTED
        volume = self.find(lun, login)
        if volume is None and flags != 0x20:
            return RSP_INCORRECT_LUN
        if flags == 0x04:
            self.attend(COMMANDS_CLEARED, set(hit) - {self.initiator(login)}, [volume or 0])
        if flags in (0x10, 0x20):
            hidden = self.nexuses.get(login, (0, 0))[1]
            volumes = [volume or 0] if flags == 0x10 else [v for v in range(16) if not hidden >> v & 1]
            self.attend(RESET_OCCURRED, range(32), volumes)
            self.software_protect -= set(volumes)
            self.stopped -= set(volumes)
            for number in volumes:
                self.reservations[number].reserver = None
        return 0

    # ---- commands ----

    def execute(
        self, cdb: bytes, lun: bytes, login: int, length: int, read: bool, write: bool, payload: bytes = b""
    ) -> Answer:
        """One command; `length` is FCP_DL in bytes, `read` and `write` are the direction flags of FCP_CMND, `payload`
        what the
        host would send."""
        cdb = cdb.ljust(16, b"\0")
        if len(cdb) != 16:
            raise ValueError(f"cdb: {len(cdb)} bytes; must be at most 16")
        try:
            return self._execute(cdb, lun, login, length, read, write, payload)
        except RefusedError as refused:
            return Answer(refused.status, refused.sense, residual=-length)

    def _execute(
        self, cdb: bytes, lun: bytes, login: int, length: int, read: bool, write: bool, payload: bytes
    ) -> Answer:
        opcode = cdb[0]
        volume = self.find(lun, login)
        initiator = self.initiator(login)
        if volume is None and not (opcode in (0x03, 0x12) or (opcode == 0xA0 and decode_lun(lun) == 0)):
            raise RefusedError(NO_LOGICAL_UNIT)
        if opcode not in (0x03, 0x12, 0xA0) and volume is not None and self.attentions[initiator, volume]:
            raise RefusedError(self.report(initiator, volume))
        access = access_of(cdb)
        if access and volume is not None and self.reservations[volume].conflict(initiator, access):
            raise RefusedError(NO_SENSE, RESERVATION_CONFLICT)
        if opcode not in {c[0] for c in COMMANDS}:
            raise RefusedError(INVALID_OPCODE)
        media, page, list_length, allocation = self.media(cdb), b"", self.list_length(cdb), 0
        late = None
        if media is None and list_length is None:
            try:
                page, allocation = self.page(cdb, volume, login)
            except PageRefusedError as refused:
                late, page, allocation = refused, b"\0", _number(cdb, 10 if opcode == 0x84 else 6, 4)
        action, lba, blocks = media or (Action.NONE, 0, 0)
        if cdb[cdb_length(opcode) - 1] & 4:  # NACA
            raise RefusedError(INVALID_FIELD)
        medium = opcode in (0x00, 0x42, 0x83) or (media is not None and opcode != 0x1B)
        if volume in self.stopped and medium:
            raise RefusedError(NOT_READY)
        if media is not None and volume is not None and lba + blocks > self.volumes[volume].blocks:
            raise RefusedError(LBA_OUT_OF_RANGE)
        if (action.writes or opcode == 0x42) and volume is not None:
            if self.volumes[volume].write_protected:
                raise RefusedError(WRITE_PROTECTED)
            if volume in self.software_protect:
                raise RefusedError(SOFTWARE_WRITE_PROTECTED)
        bytes_wanted = {Action.FILL: BLOCK, Action.MATCH: BLOCK, Action.SWAP: 2 * BLOCK}
        if list_length is not None:
            wanted = list_length
        elif action in bytes_wanted:
            wanted = bytes_wanted[action] if blocks else 0
        elif action in (Action.READ, Action.COMPARE, Action.PROVE) or action.takes:
            wanted = blocks * BLOCK
        else:
            wanted = min(len(page), allocation)
        out = (
            action.takes
            or action in bytes_wanted
            or action in (Action.COMPARE, Action.PROVE)
            or list_length is not None
        )
        asked = min(allocation, MAX_PAGE) if page else wanted
        against = read if out else write
        if (read and write) or (asked and (against or (length and not read and not write))):
            return Answer(rsp_code=RSP_FIELDS_INVALID)
        if late is not None:
            raise late
        moved = min(wanted, length)
        if (action.takes and moved % BLOCK) or (out and not action.takes and moved != wanted):
            raise RefusedError(INVALID_FIELD_IN_IU)
        if opcode == 0x03 and wanted and volume is not None:
            self.report(initiator, volume)
        if opcode == 0xA0:  # SAM-5 5.14.1
            for number in range(16):
                self.attentions[initiator, number].discard(LUNS_CHANGED)
        if opcode == 0x1B and volume is not None:
            self.stopped = self.stopped - {volume} if cdb[4] & 1 else self.stopped | {volume}
        if list_length is not None and volume is not None:
            return self._call(cdb, volume, initiator, payload[:wanted], length)
        return self._blocks(cdb, action, volume or 0, lba, blocks, moved, wanted - length, page, payload)

    def report(self, initiator: int, volume: int) -> Sense:
        """The unit attention that comes first (NO_SENSE: none); it, or all of the first three, are gone then."""
        waiting = self.attentions[initiator, volume]
        first = next((a for a in ATTENTIONS if a in waiting), NO_SENSE)
        waiting -= set(ATTENTIONS[:3]) if first in ATTENTIONS[:3] else {first}
        return first

    def _blocks(
        self,
        cdb: bytes,
        action: Action,
        volume: int,
        lba: int,
        blocks: int,
        moved: int,
        residual: int,
        page: bytes,
        payload: bytes,
    ) -> Answer:
        """End of a command that is not refused."""
        status, information = GOOD, None
        changes: tuple[tuple[int, bytes], ...] = ()
        if action is Action.READ or action.takes:
            blocks = -(-moved // BLOCK)
        if cdb[0] in (0x34, 0x90):  # PRE-FETCH: to the end, and as much as half of the cache takes
            blocks = blocks or self.volumes[volume].blocks - lba
            status = CONDITION_MET if blocks <= self.cache_blocks // 2 else GOOD
            blocks = 0 if cdb[1] & 2 else min(blocks, self.cache_blocks // 2)
        if action is Action.SYNC:
            blocks = blocks or self.volumes[volume].blocks - lba
        there = blocks if action.compares else 0
        here = bytes(self.images[volume][lba * BLOCK : (lba + there) * BLOCK])
        if action.compares:
            expected = payload[:BLOCK] * blocks if action is Action.MATCH else payload[: len(here)]
            if here != expected:
                offset = next(i for i, (a, b) in enumerate(zip(here, expected, strict=True)) if a != b)
                information = offset if action is Action.SWAP else None
                return Answer(
                    CHECK_CONDITION, MISCOMPARE, None, action, volume, lba, moved, ((lba, blocks),),
                    residual=residual, information=information, through=self.through(cdb),
                )  # fmt: skip
        if action in (Action.FILL, Action.ZERO):
            changes = ((lba, (payload[:BLOCK] if action is Action.FILL else bytes(BLOCK)) * blocks),)
        if action is Action.SWAP and blocks:
            changes = ((lba, payload[BLOCK : 2 * BLOCK]),)
        if action is Action.PROVE:
            changes = ((lba, payload[: blocks * BLOCK]),)
        return Answer(
            status=status,
            action=action,
            volume=volume,
            lba=lba,
            moved=moved,
            ranges=((lba, blocks),) if action is not Action.NONE and blocks else (),
            data=page[:moved],
            residual=residual,
            changes=changes,
            through=self.through(cdb),
        )

    @staticmethod
    def through(cdb: bytes) -> bool:
        """Does the command want the medium: FUA, or what is verified."""
        fua = cdb[0] in (*READS, *WRITES, 0x89) and cdb[0] not in (0x08, 0x0A) and bool(cdb[1] & 8)
        return fua or cdb[0] in (0x2E, 0x2F, 0x8E, 0x8F)

    def media(self, cdb: bytes) -> tuple[Action, int, int] | None:
        """Action, first block and blocks of a command with a block range, or None."""
        opcode, size = cdb[0], cdb_length(cdb[0])
        if opcode in (0x08, 0x0A):
            return (Action.WRITE if opcode == 0x0A else Action.READ), _number(cdb, 1, 3) & 0x1FFFFF, cdb[4] or 256
        lba = _number(cdb, 2, 8 if size == 16 else 4)
        blocks = _number(cdb, 10, 4) if size == 16 else _number(cdb, 6, 4) if size == 12 else _number(cdb, 7, 2)
        flags = cdb[1]
        match opcode:
            case 0x1B:  # stopping destages everything, but for IMMED and NO_FLUSH
                self._need(not cdb[4] & 0xF2)
                return None if cdb[4] & 5 or flags & 1 else (Action.SYNC, 0, 0)
            case 0x35 | 0x91:  # IMMED: the background does it; SYNC_NV: the cache is good enough
                return Action.NONE if flags & 6 else Action.SYNC, lba, blocks
            case 0x34 | 0x90:
                return Action.VERIFY, lba, blocks
            case 0x89:
                self._need(not flags & 0xE0 and cdb[13] <= 1)
                return Action.SWAP, lba, cdb[13]
            case 0x41 | 0x93:
                self._need(not flags & (0xF6 if opcode == 0x93 else 0xF7) and 0 < blocks <= MAX_BLOCKS)
                return (Action.ZERO if flags & 1 else Action.FILL), lba, blocks
            case 0x2F | 0x8F:
                self._need(not flags & 0xE0 and flags & 6 != 4 and blocks <= MAX_BLOCKS)
                return {0: Action.VERIFY, 2: Action.COMPARE, 6: Action.MATCH}[flags & 6], lba, blocks
            case 0x2E | 0x8E:
                self._need(not flags & 0xE4 and blocks <= MAX_BLOCKS)
                return (Action.PROVE if flags & 2 else Action.CONFIRM), lba, blocks
        if opcode in (*READS, *WRITES):
            self._need(not flags & 0xE0 and blocks <= MAX_BLOCKS)
            return (Action.WRITE if opcode in WRITES else Action.READ), lba, blocks
        return None

    # ---- parameter lists ----

    def list_length(self, cdb: bytes) -> int | None:
        """Parameter list length in bytes of a command that has a list or acts without data, None for the others."""
        opcode, flags = cdb[0], cdb[1]
        if opcode in (0x16, 0x17, 0x56, 0x57):
            self._need(not flags & 0x1F)
            return 0
        if opcode == 0x83:
            self._need(not flags & 0x1F)
            length = _number(cdb, 10, 4)
            self._need(length % 4 == 0 and (length == 0 or 16 <= length <= MAX_LIST), PARAMETER_LIST_LENGTH)
            return length
        if opcode not in (0x15, 0x42, 0x55, 0x5F):
            return None
        length = cdb[4] if opcode == 0x15 else _number(cdb, 5, 4) if opcode == 0x5F else _number(cdb, 7, 2)
        if opcode in (0x15, 0x55):
            self._need(flags & 0x11 == 0x10)
        if opcode == 0x42:
            self._need(not flags & 1)
        if opcode == 0x5F:
            self._need(flags & 0x1F <= 6)
            self._need(length == 24, PARAMETER_LIST_LENGTH)
        self._need(length % 4 == 0 and length <= MAX_LIST, PARAMETER_LIST_LENGTH)
        self._need(opcode != 0x42 or length != 4, PARAMETER_LIST_LENGTH)
        return length

    def _call(self, cdb: bytes, volume: int, initiator: int, data: bytes, length: int) -> Answer:
        """A command whose parameter list (`data`) has come; `length` is FCP_DL."""
        residual = len(data) - length
        try:
            if cdb[0] in (0x15, 0x55) and data:
                self._mode_select(data, 8 if cdb[0] == 0x55 else 4, volume, initiator)
            elif cdb[0] == 0x42 and data:
                ranges = self._unmap(data, volume)
                return Answer(
                    action=Action.ZERO, volume=volume, moved=len(data), ranges=tuple(r for r in ranges if r[1]),
                    residual=residual,
                    changes=tuple((lba, bytes(blocks * BLOCK)) for lba, blocks in ranges),
                )  # fmt: skip
            elif cdb[0] == 0x83 and data:
                end = self.copies.run(data, volume, initiator)
                status, segment = (CHECK_CONDITION, end.segment) if end.failed else (GOOD, 0)
                return Answer(
                    status, end.sense, volume=volume, moved=len(data), residual=residual, information=end.left,
                    segment=segment,
                )  # fmt: skip
            elif cdb[0] in (0x16, 0x56, 0x17, 0x57):
                if not self.reservations[volume].legacy(initiator, release=cdb[0] & 1 == 1):
                    raise RefusedError(NO_SENSE, RESERVATION_CONFLICT)
            elif cdb[0] == 0x5F:
                self._need(not data[20] & 0x0D, INVALID_FIELD_IN_LIST)
                outcome = self.reservations[volume].out(
                    cdb[1] & 0x1F, initiator, cdb[2], _number(data, 0, 8), _number(data, 8, 8)
                )
                if outcome.status:
                    raise RefusedError(outcome.sense, outcome.status)
                for condition, initiators in outcome.attentions:
                    self.attend(condition, initiators, [volume])
                return Answer(volume=volume, moved=len(data), residual=residual, aborts=frozenset(outcome.aborts))
        except RefusedError as refused:
            return Answer(refused.status, refused.sense, volume=volume, moved=len(data), residual=residual)
        return Answer(volume=volume, moved=len(data), residual=residual)

    def _mode_select(self, data: bytes, header: int, volume: int, initiator: int) -> None:
        """SPC-4 6.9: pages as MODE SENSE shows them; the software write protect bit may be changed."""
        protect = volume in self.software_protect
        self._need(not data[1 if header == 4 else 2], INVALID_FIELD_IN_LIST)  # medium type
        self._need(len(data) >= header, PARAMETER_LIST_LENGTH)
        self._need(not any(data[3:4] if header == 4 else data[6:8]), INVALID_FIELD_IN_LIST)  # block descriptors
        pages = data[header:]
        while pages:
            code = pages[0] & 0x7F
            now = {0x08: b"\x08\x12\x04".ljust(20, b"\0"), 0x0A: b"\x0a\x0a\0\x10".ljust(12, b"\0")}.get(code)
            self._need(now is not None and pages[1:4] == now[1:4], INVALID_FIELD_IN_LIST)
            assert now is not None
            given, pages = pages[: len(now)], pages[len(now) :]
            for at in range(4, len(now), 4):
                self._need(len(given) > at, PARAMETER_LIST_LENGTH)
                swp = given[at] & 8 if code == 0x0A and at == 4 else 0
                self._need(given[at : at + 4] == bytes([now[at] | swp]) + now[at + 1 : at + 4], INVALID_FIELD_IN_LIST)
            if code == 0x0A:
                protect = bool(given[4] & 8)
        if protect != (volume in self.software_protect):
            self.software_protect ^= {volume}
            self.attend(MODE_CHANGED, set(range(32)) - {initiator}, [volume])

    def _unmap(self, data: bytes, volume: int) -> list[tuple[int, int]]:
        """SBC-3 5.28: first block and blocks of each descriptor."""
        room = min(_number(data, 2, 2), len(data) - 8) // 16
        ranges = [(_number(data, at, 8), _number(data, at + 8, 4)) for at in range(8, 8 + 16 * room, 16)]
        total = 0
        for lba, blocks in ranges:
            self._need(lba + blocks <= self.volumes[volume].blocks, LBA_OUT_OF_RANGE)
            total += blocks
            self._need(total <= MAX_BLOCKS, INVALID_FIELD_IN_LIST)
        return ranges

    # ---- data that describe the array ----

    def page(self, cdb: bytes, volume: int | None, login: int) -> tuple[bytes, int]:
        """Data of a command without a block range, and its allocation length in bytes."""
        match cdb[0]:
            case 0x03:
                self._need(not cdb[1] & 1)
                waiting = self.attentions[self.initiator(login), volume] if volume is not None else set()
                idle = NO_LOGICAL_UNIT if volume is None else NOT_READY if volume in self.stopped else NO_SENSE
                sense = next((a for a in ATTENTIONS if a in waiting), idle)
                fixed = bytes([0x70, 0, sense[0], 0, 0, 0, 0, 12, 0, 0, 0, 0, sense[1], sense[2]])
                return fixed.ljust(20, b"\0"), cdb[4]
            case 0x12:
                self._need(not cdb[1] & 2 and bool(cdb[1] & 1 or not cdb[2]))
                data = self.vpd(cdb[2], volume or 0) if cdb[1] & 1 else self.inquiry()
                if volume is None:
                    data = b"\x7f" + data[1:]
                return data, _number(cdb, 3, 2)
            case 0x1A | 0x5A:
                ten = cdb[0] == 0x5A
                return self._mode(cdb[2], cdb[3], ten, volume or 0), _number(cdb, 7, 2) if ten else cdb[4]
            case 0x25:
                self._need(not any(cdb[2:6]) and not cdb[8] & 1)
                last = self.volumes[volume or 0].blocks - 1
                return last.to_bytes(4, "big") + BLOCK.to_bytes(4, "big"), 8
            case 0x9E:
                self._need(cdb[1] & 0x1F == 0x10 and not any(cdb[2:10]) and not cdb[14] & 1)
                last = self.volumes[volume or 0].blocks - 1
                # 8 blocks to a segment; logical block provisioning management, unmapped blocks read as zeros
                capacity = last.to_bytes(8, "big") + BLOCK.to_bytes(4, "big") + b"\0\x03\xc0"
                return capacity.ljust(32, b"\0"), _number(cdb, 10, 4)
            case 0xA0:
                self._need(cdb[2] <= 2)
                every = range(len(self.volumes))
                luns = (
                    [] if cdb[2] == 1 else [v for v in every if self.find(bytes([0, v]) + bytes(6), login) is not None]
                )
                return (8 * len(luns)).to_bytes(4, "big") + bytes(4) + b"".join(
                    bytes([0, v]) + bytes(6) for v in luns
                ), _number(cdb, 6, 4)
            case 0x5E:
                self._need(cdb[1] & 0x1F <= 3)
                return self.reservations[volume or 0].report(cdb[1] & 3, self.names), _number(cdb, 7, 2)
            case 0x84:
                self._need(cdb[1] & 0x1F in (0, 3, 4))
                if cdb[1] & 0x1F == 3:
                    return self.copies.limits_data(), _number(cdb, 10, 4)
                found = self.copies.find(self.initiator(login), volume or 0, cdb[2])
                if found is None:
                    raise PageRefusedError(INVALID_FIELD)
                return found.failure_data() if cdb[1] & 4 else found.status_data(), _number(cdb, 10, 4)
            case 0xA3 if cdb[1] == 0x0A:  # one group, active/optimized, of one port
                return bytes.fromhex("0000000c 00010001 00000001 00000001"), _number(cdb, 6, 4)
            case 0xA3:
                self._need(cdb[1] & 0x1F == 0x0C and cdb[2] & 7 <= 2)
                return self._operation_codes(cdb), _number(cdb, 6, 4)
            case _:
                return b"", 0

    def _operation_codes(self, cdb: bytes) -> bytes:
        """REPORT SUPPORTED OPERATION CODES: all of them, or one; command timeouts are not told (0)."""
        timeouts = bytes.fromhex("000a") + bytes(10) if cdb[2] & 0x80 else b""
        if cdb[2] & 7 == 0:
            entries = b"".join(
                bytes([opcode, 0, 0, action or 0, 0, (action is not None) | 2 * bool(timeouts), 0, size]) + timeouts
                for opcode, action, size in COMMANDS
            )
            return len(entries).to_bytes(4, "big") + entries
        opcode, action = cdb[3], _number(cdb, 4, 2) if cdb[2] & 7 == 2 else None
        if any((a is None) != (action is None) for o, a, _ in COMMANDS if o == opcode):
            raise PageRefusedError(INVALID_FIELD)
        if (opcode, action) not in {(o, a) for o, a, _ in COMMANDS}:
            return b"\0\x01\0\0"
        usage = usage_map(opcode, action)
        return bytes([0, 3 | 0x80 * bool(timeouts), 0, len(usage)]) + usage + timeouts

    @staticmethod
    def _need(legal: bool, sense: Sense = INVALID_FIELD) -> None:
        if not legal:
            raise RefusedError(sense)

    def inquiry(self) -> bytes:
        """Standard INQUIRY data of a disk (SPC-4 table 175)."""
        return bytes([0, 0, 6, 0x12, 31, 0x18, 0, 2]) + b"PORTPLEX" + b"ARRAY".ljust(16) + b"0001"

    def serial(self, volume: int) -> bytes:
        """Unit serial number: node name in hexadecimal, volume."""
        return f"{self.wwnn:016X}LU0{volume:X}".encode()

    def vpd(self, page: int, volume: int) -> bytes:
        """A vital product data page, header included."""
        wwnn = self.wwnn.to_bytes(8, "big")
        unit = self.designator(volume)
        bodies = {
            0x80: self.serial(volume),
            0x83: b"\x01\x03\x00\x10"
            + unit
            + b"\x01\x23\x00\x08"
            + wwnn
            + b"\x01\x14\x00\x04\x00\x00\x00\x01"
            + b"\x01\x15\x00\x04\x00\x00\x00\x01",
            0x86: b"\x00\x01\x02".ljust(60, b"\0"),
            0x87: b"\x3f\xff\x00\x00",
            0xB0: struct.pack(
                ">BBHIIIIIIIQ20x", 1, 1, 8, MAX_BLOCKS, 128, 0, MAX_BLOCKS, (MAX_LIST - 8) // 16, 8, 1 << 31, MAX_BLOCKS
            ),
            0xB1: b"\x00\x01".ljust(60, b"\0"),
            0xB2: b"\0\xe4\0\0",  # UNMAP, WRITE SAME (16) and (10) unmap, read as zeros
        }
        bodies[0x00] = bytes([0, *sorted(bodies)])
        self._need(page in bodies)
        return bytes([0, page]) + len(bodies[page]).to_bytes(2, "big") + bodies[page]

    def _mode(self, page: int, subpage: int, ten: bool, volume: int) -> bytes:
        control, code = page >> 6, page & 0x3F
        self._need(control != 3, SAVING_NOT_SUPPORTED)
        self._need(code in (0x08, 0x0A, 0x3F) and (subpage == 0 or (code == 0x3F and subpage == 0xFF)))
        changeable = control == 1
        protect = volume in self.software_protect
        caching = (b"\x08\x12" + (b"" if changeable else b"\x04")).ljust(20, b"\0")
        swp = 8 if changeable or (control == 0 and protect) else 0
        control_page = (b"\x0a\x0a\x00" + (b"\0" if changeable else b"\x10") + bytes([swp])).ljust(12, b"\0")
        body = (caching if code in (0x08, 0x3F) else b"") + (control_page if code in (0x0A, 0x3F) else b"")
        flags = 0x80 * (self.volumes[volume].write_protected or protect) | 0x10  # DPO and FUA are known
        if ten:
            return (len(body) + 6).to_bytes(2, "big") + bytes([0, flags, 0, 0, 0, 0]) + body
        return bytes([len(body) + 3, 0, flags, 0]) + body


def sense_word(sense: Sense) -> int:
    """Sense as the 24-bit field of a transfer instruction: {0, key, ASC, ASCQ}."""
    return sense[0] << 16 | sense[1] << 8 | sense[2]
