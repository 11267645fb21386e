# SPDX-License-Identifier: Apache-2.0
"""What the array answers to a SCSI command: status, sense, data and residual, from the volumes and the CDB alone.

Commands run in the order of the calls. Standards: SPC-4 (INQUIRY, MODE SENSE, REPORT LUNS, REQUEST SENSE, REPORT
SUPPORTED OPERATION CODES), SBC-3 (reads, writes, READ CAPACITY, VERIFY, SYNCHRONIZE CACHE), SAM-5 (unit attention),
FCP-4 (residual, RSP_CODE). Blocks are 512 bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

BLOCK = 512
MAX_BLOCKS = 65535

Sense = tuple[int, int, int]  # key, ASC, ASCQ

NO_SENSE: Sense = (0, 0, 0)
INVALID_OPCODE: Sense = (5, 0x20, 0)
LBA_OUT_OF_RANGE: Sense = (5, 0x21, 0)
INVALID_FIELD: Sense = (5, 0x24, 0)
NO_LOGICAL_UNIT: Sense = (5, 0x25, 0)
INVALID_FIELD_IN_IU: Sense = (5, 0x0E, 3)
SAVING_NOT_SUPPORTED: Sense = (5, 0x39, 0)
POWER_ON_RESET: Sense = (6, 0x29, 0)
WRITE_PROTECTED: Sense = (7, 0x27, 0)

GOOD = 0
CHECK_CONDITION = 2
RSP_FIELDS_INVALID = 2
RSP_REJECTED = 4
RSP_INCORRECT_LUN = 9

# every command, in ascending order: opcode, service action, CDB length
COMMANDS: tuple[tuple[int, int | None, int], ...] = (
    (0x00, None, 6), (0x03, None, 6), (0x08, None, 6), (0x0A, None, 6), (0x12, None, 6), (0x1A, None, 6),
    (0x1B, None, 6),
    (0x25, None, 10), (0x28, None, 10), (0x2A, None, 10), (0x2F, None, 10), (0x35, None, 10), (0x5A, None, 10),
    (0x88, None, 16), (0x8A, None, 16), (0x8F, None, 16), (0x91, None, 16), (0x9E, 0x10, 16),
    (0xA0, None, 12), (0xA3, 0x0C, 12), (0xA8, None, 12), (0xAA, None, 12),
)  # fmt: skip


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
    VERIFY = "verify"


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
    staged: int = 0  # blocks that must be brought into the cache
    data: bytes = b""  # of a command that describes the array, as sent
    residual: int = 0  # bytes; over is positive, under negative


class _RefusedError(Exception):
    def __init__(self, sense: Sense) -> None:
        super().__init__(sense)
        self.sense = sense


def _number(cdb: bytes, first: int, size: int) -> int:
    return int.from_bytes(cdb[first : first + size], "big")


def cdb_length(opcode: int) -> int:
    """Bytes of a CDB, from the group code (SPC-4 4.2.5.1); 0 for the vendor and variable length groups."""
    return {0: 6, 1: 10, 2: 10, 4: 16, 5: 12}.get(opcode >> 5, 0)


def decode_lun(lun: bytes) -> int | None:
    """Number of a single level LUN, peripheral or flat addressing (SAM-5 4.7); None for any other form."""
    if len(lun) != 8:
        raise ValueError(f"lun={lun!r}: must be 8 bytes")
    return lun[1] if not any(lun[2:]) and lun[0] in (0x00, 0x40) else None


class ScsiTarget:
    """The SCSI side of the array: volumes, identity and the unit attentions of 64 logins."""

    def __init__(self, volumes: Sequence[VolumeState], wwnn: int) -> None:
        if not 1 <= len(volumes) <= 16:
            raise ValueError(f"volumes: {len(volumes)} of them; must be 1 to 16")
        self.volumes = list(volumes)
        self.wwnn = wwnn
        self.attentions = {(login, volume) for login in range(64) for volume in range(16)}

    def login(self, index: int) -> None:
        """A new initiator took this row of the login table."""
        self.attentions |= {(index, volume) for volume in range(16)}

    def reset_volume(self, volume: int | None = None) -> None:
        """LOGICAL UNIT RESET of one volume, or TARGET RESET: a unit attention for every login."""
        volumes = range(16) if volume is None else [volume]
        self.attentions |= {(login, v) for login in range(64) for v in volumes}

    def find(self, lun: bytes) -> int | None:
        """Volume behind a LUN, None when there is none."""
        number = decode_lun(lun)
        if number is None or number >= len(self.volumes) or not self.volumes[number].there:
            return None
        return number

    def task_management(self, flags: int, lun: bytes) -> int:
        """RSP_CODE of a task management request, with its effect on unit attentions."""
        if flags not in (0x02, 0x04, 0x10, 0x20):
            return RSP_REJECTED
        volume = self.find(lun)
        if volume is None and flags != 0x20:
            return RSP_INCORRECT_LUN
        if flags in (0x10, 0x20):
            self.reset_volume(volume if flags == 0x10 else None)
        return 0

    def execute(self, cdb: bytes, lun: bytes, login: int, length: int, read: bool, write: bool) -> Answer:
        """One command; `length` is FCP_DL in bytes, `read` and `write` are the direction flags of FCP_CMND."""
        cdb = cdb.ljust(16, b"\0")
        if len(cdb) != 16:
            raise ValueError(f"cdb: {len(cdb)} bytes; must be at most 16")
        try:
            return self._execute(cdb, lun, login, length, read, write)
        except _RefusedError as refused:
            return Answer(CHECK_CONDITION, refused.sense, residual=-length)

    def _execute(self, cdb: bytes, lun: bytes, login: int, length: int, read: bool, write: bool) -> Answer:
        opcode = cdb[0]
        volume = self.find(lun)
        if volume is None and not (opcode in (0x03, 0x12) or (opcode == 0xA0 and decode_lun(lun) == 0)):
            raise _RefusedError(NO_LOGICAL_UNIT)
        if opcode not in (0x03, 0x12, 0xA0) and (login, volume) in self.attentions:
            self.attentions.discard((login, volume or 0))
            raise _RefusedError(POWER_ON_RESET)
        if opcode not in {c[0] for c in COMMANDS}:
            raise _RefusedError(INVALID_OPCODE)
        media = self._media(cdb)
        if media is None:
            page, allocation = self._page(cdb, volume, login)
            action, lba, blocks, wanted = Action.NONE, 0, 0, min(len(page), allocation)
        else:
            action, lba, blocks = media
            page, wanted = b"", blocks * BLOCK if action in (Action.READ, Action.WRITE) else 0
        if cdb[cdb_length(opcode) - 1] & 4:  # NACA
            raise _RefusedError(INVALID_FIELD)
        if media is not None and volume is not None:
            if lba + blocks > self.volumes[volume].blocks:
                raise _RefusedError(LBA_OUT_OF_RANGE)
            if action is Action.WRITE and self.volumes[volume].write_protected:
                raise _RefusedError(WRITE_PROTECTED)
        against = read if action is Action.WRITE else write
        if (read and write) or (wanted and (against or (length and not read and not write))):
            return Answer(rsp_code=RSP_FIELDS_INVALID)
        moved = min(wanted, length)
        if action is Action.WRITE and moved % BLOCK:
            raise _RefusedError(INVALID_FIELD_IN_IU)
        if opcode == 0x03 and wanted and volume is not None:
            self.attentions.discard((login, volume))
        staged = blocks if action is Action.VERIFY else -(-moved // BLOCK) if media else 0
        return Answer(
            action=action,
            volume=volume or 0,
            lba=lba,
            moved=moved,
            staged=0 if action is Action.NONE else staged,
            data=page[:moved],
            residual=wanted - length,
        )

    def _media(self, cdb: bytes) -> tuple[Action, int, int] | None:
        """Action, first block and blocks of a command with a block range, or None."""
        opcode, size = cdb[0], cdb_length(cdb[0])
        if opcode in (0x08, 0x0A):
            return (Action.WRITE if opcode == 0x0A else Action.READ), _number(cdb, 1, 3) & 0x1FFFFF, cdb[4] or 256
        lba = _number(cdb, 2, 8 if size == 16 else 4)
        blocks = _number(cdb, 10, 4) if size == 16 else _number(cdb, 6, 4) if size == 12 else _number(cdb, 7, 2)
        if opcode in (0x35, 0x91):
            return Action.NONE, lba, blocks
        if opcode in (0x28, 0x2A, 0x88, 0x8A, 0xA8, 0xAA):
            if cdb[1] & 0xF8 or blocks > MAX_BLOCKS:
                raise _RefusedError(INVALID_FIELD)
            return (Action.WRITE if opcode & 0x0F == 0x0A else Action.READ), lba, blocks
        if opcode in (0x2F, 0x8F):
            if cdb[1] & 0xFE or blocks > MAX_BLOCKS:
                raise _RefusedError(INVALID_FIELD)
            return Action.VERIFY, lba, blocks
        return None

    def _page(self, cdb: bytes, volume: int | None, login: int) -> tuple[bytes, int]:
        """Data of a command without a block range, and its allocation length in bytes."""
        match cdb[0]:
            case 0x03:
                self._need(not cdb[1] & 1)
                pending = volume is not None and (login, volume) in self.attentions
                sense = NO_LOGICAL_UNIT if volume is None else POWER_ON_RESET if pending else NO_SENSE
                return bytes([0x70, 0, sense[0], 0, 0, 0, 0, 12, 0, 0, 0, 0, sense[1], sense[2]]).ljust(20, b"\0"), cdb[
                    4
                ]
            case 0x12:
                self._need(not cdb[1] & 2 and bool(cdb[1] & 1 or not cdb[2]))
                data = self.vpd(cdb[2], volume or 0) if cdb[1] & 1 else self.inquiry()
                if volume is None:
                    data = b"\x7f" + data[1:]
                return data, _number(cdb, 3, 2)
            case 0x1A | 0x5A:
                ten = cdb[0] == 0x5A
                return self._mode(cdb[2], cdb[3], ten, volume or 0), _number(cdb, 7, 2) if ten else cdb[4]
            case 0x1B:
                self._need(not cdb[4] & 0xF2 and cdb[4] & 1 == 1)
                return b"", 0
            case 0x25:
                self._need(not any(cdb[2:6]) and not cdb[8] & 1)
                last = self.volumes[volume or 0].blocks - 1
                return last.to_bytes(4, "big") + BLOCK.to_bytes(4, "big"), 8
            case 0x9E:
                self._need(cdb[1] & 0x1F == 0x10 and not any(cdb[2:10]) and not cdb[14] & 1)
                last = self.volumes[volume or 0].blocks - 1
                return (last.to_bytes(8, "big") + BLOCK.to_bytes(4, "big") + b"\0\x03").ljust(32, b"\0"), _number(
                    cdb, 10, 4
                )
            case 0xA0:
                self._need(cdb[2] <= 2)
                luns = [] if cdb[2] == 1 else [v for v, state in enumerate(self.volumes) if state.there]
                return (8 * len(luns)).to_bytes(4, "big") + bytes(4) + b"".join(
                    bytes([0, v]) + bytes(6) for v in luns
                ), _number(cdb, 6, 4)
            case 0xA3:
                self._need(cdb[1] & 0x1F == 0x0C and cdb[2] == 0)
                entries = b"".join(
                    bytes([opcode, 0, 0, action or 0, 0, int(action is not None), 0, size])
                    for opcode, action, size in COMMANDS
                )
                return len(entries).to_bytes(4, "big") + entries, _number(cdb, 6, 4)
            case _:
                return b"", 0

    @staticmethod
    def _need(legal: bool, sense: Sense = INVALID_FIELD) -> None:
        if not legal:
            raise _RefusedError(sense)

    def inquiry(self) -> bytes:
        """Standard INQUIRY data of a disk (SPC-4 table 175)."""
        return bytes([0, 0, 6, 0x12, 31, 0, 0, 2]) + b"PORTPLEX" + b"ARRAY".ljust(16) + b"0001"

    def serial(self, volume: int) -> bytes:
        """Unit serial number: node name in hexadecimal, volume."""
        return f"{self.wwnn:016X}LU0{volume:X}".encode()

    def vpd(self, page: int, volume: int) -> bytes:
        """A vital product data page, header included."""
        wwnn = self.wwnn.to_bytes(8, "big")
        unit = ((0x6 << 124) | ((self.wwnn & (1 << 60) - 1) << 64) | volume).to_bytes(16, "big")
        bodies = {
            0x80: self.serial(volume),
            0x83: b"\x01\x03\x00\x10" + unit + b"\x01\x23\x00\x08" + wwnn + b"\x01\x14\x00\x04\x00\x00\x00\x01",
            0x86: b"\x00\x01\x02".ljust(60, b"\0"),
            0x87: b"\x3f\xff\x00\x00",
            0xB0: (b"\0\0\x00\x08" + MAX_BLOCKS.to_bytes(4, "big") + (128).to_bytes(4, "big")).ljust(60, b"\0"),
            0xB1: b"\x00\x01".ljust(60, b"\0"),
            0xB2: bytes(4),
        }
        bodies[0x00] = bytes([0, *sorted(bodies)])
        self._need(page in bodies)
        return bytes([0, page]) + len(bodies[page]).to_bytes(2, "big") + bodies[page]

    def _mode(self, page: int, subpage: int, ten: bool, volume: int) -> bytes:
        control, code = page >> 6, page & 0x3F
        self._need(control != 3, SAVING_NOT_SUPPORTED)
        self._need(code in (0x08, 0x0A, 0x3F) and (subpage == 0 or (code == 0x3F and subpage == 0xFF)))
        changeable = control == 1
        caching = (b"\x08\x12" + (b"" if changeable else b"\x04")).ljust(20, b"\0")
        control_page = (b"\x0a\x0a\x00" + (b"" if changeable else b"\x10")).ljust(12, b"\0")
        body = (caching if code in (0x08, 0x3F) else b"") + (control_page if code in (0x0A, 0x3F) else b"")
        protect = 0x80 * self.volumes[volume].write_protected
        if ten:
            return (len(body) + 6).to_bytes(2, "big") + bytes([0, protect, 0, 0, 0, 0]) + body
        return bytes([len(body) + 3, 0, protect, 0]) + body


def sense_word(sense: Sense) -> int:
    """Sense as the 24-bit field of a transfer instruction: {0, key, ASC, ASCQ}."""
    return sense[0] << 16 | sense[1] << 8 | sense[2]
