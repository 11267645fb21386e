# SPDX-License-Identifier: Apache-2.0
"""Reservations of one logical unit: PERSISTENT RESERVE IN and OUT (SPC-4 5.12, 6.15, 6.16), RESERVE and RELEASE
(SPC-2 5.5)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

Sense = tuple[int, int, int]  # key, ASC, ASCQ

GOOD, CHECK_CONDITION, RESERVATION_CONFLICT = 0, 2, 0x18
REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, PREEMPT_AND_ABORT, REGISTER_AND_IGNORE = range(7)
READ_KEYS, READ_RESERVATION, REPORT_CAPABILITIES, READ_FULL_STATUS = range(4)

WRITE_EXCLUSIVE, EXCLUSIVE_ACCESS = 1, 3
TYPES = {1, 3, 5, 6, 7, 8}
EXCLUSIVE = {3, 6, 8}  # nobody else may read
REGISTRANTS = {5, 6, 7, 8}  # whoever is registered may do as the holder
ALL_REGISTRANTS = {7, 8}  # whoever is registered is a holder

PREEMPTED: Sense = (6, 0x2A, 3)
RELEASED: Sense = (6, 0x2A, 4)
REGISTRATIONS_PREEMPTED: Sense = (6, 0x2A, 5)


@dataclass(slots=True)
class Outcome:
    """Status and sense of a PERSISTENT RESERVE OUT, the unit attentions it raises, the initiators whose commands
    end."""

    status: int = GOOD
    sense: Sense = (0, 0, 0)
    attentions: list[tuple[Sense, set[int]]] = field(default_factory=list)
    aborts: set[int] = field(default_factory=set)


CONFLICT = Outcome(RESERVATION_CONFLICT)


@dataclass(slots=True)
class Reservations:
    """Registrations (initiator: key), the persistent reservation (type and holder), and RESERVE."""

    keys: dict[int, int] = field(default_factory=dict)
    kind: int | None = None  # type of the reservation, None: not reserved
    holder: int = 0
    generation: int = 0
    reserver: int | None = None

    def holds(self, initiator: int) -> bool:
        """Is this initiator a holder of the persistent reservation."""
        if self.kind is None or initiator not in self.keys:
            return False
        return self.kind in ALL_REGISTRANTS or self.holder == initiator

    def conflict(self, initiator: int, access: str) -> bool:
        """Does a reservation keep this initiator's command out; `access` is status, read, write, reserve or out."""
        if access == "reserve":
            return bool(self.keys)
        if access == "out":
            return self.reserver is not None
        if self.reserver not in (None, initiator):
            return True
        if access == "status" or self.kind is None or self.holds(initiator):
            return False
        if self.kind in REGISTRANTS and initiator in self.keys:
            return False
        return access == "write" or self.kind in EXCLUSIVE

    def legacy(self, initiator: int, *, release: bool) -> bool:
        """RESERVE or RELEASE; False: somebody else has reserved."""
        if release:
            self.reserver = None if self.reserver == initiator else self.reserver
            return True
        if self.reserver not in (None, initiator):
            return False
        self.reserver = initiator
        return True

    def nexus_lost(self, initiator: int, other_name: bool) -> None:
        """A new login: RESERVE ends; a registration stays, unless somebody else has this number now."""
        if self.reserver == initiator:
            self.reserver = None
        if other_name and initiator in self.keys:
            held = self.holds(initiator)
            del self.keys[initiator]
            if held and (self.kind not in ALL_REGISTRANTS or not self.keys):
                self.kind = None

    def out(self, action: int, initiator: int, scope_type: int, key: int, action_key: int) -> Outcome:
        """PERSISTENT RESERVE OUT with a legal parameter list."""
        if action in (REGISTER, REGISTER_AND_IGNORE):
            return self._register(initiator, key if action == REGISTER else None, action_key)
        if self.keys.get(initiator) != key:
            return CONFLICT
        if action in (RESERVE, PREEMPT, PREEMPT_AND_ABORT) and scope_type not in TYPES:
            return Outcome(CHECK_CONDITION, (5, 0x24, 0))
        others = set(self.keys) - {initiator}
        if action == RESERVE:
            if self.kind is None:
                self.kind, self.holder = scope_type, initiator
            elif not self.holds(initiator) or self.kind != scope_type:
                return CONFLICT
        elif action == RELEASE and self.holds(initiator):
            if self.kind != scope_type:
                return Outcome(CHECK_CONDITION, (5, 0x26, 4))
            told = others if self.kind in REGISTRANTS else set()
            self.kind = None
            return Outcome(attentions=[(RELEASED, told)])
        elif action == CLEAR:
            self.keys, self.kind = {}, None
            self.generation += 1
            return Outcome(attentions=[(PREEMPTED, others)])
        elif action in (PREEMPT, PREEMPT_AND_ABORT):
            return self._preempt(action == PREEMPT_AND_ABORT, initiator, scope_type, action_key)
        return Outcome()

    def _register(self, initiator: int, key: int | None, new: int) -> Outcome:
        if key is not None and self.keys.get(initiator, 0) != key:
            return CONFLICT
        outcome = Outcome()
        if new:
            self.keys[initiator] = new
        elif initiator in self.keys:
            held = self.holds(initiator)
            del self.keys[initiator]
            if held and (self.kind not in ALL_REGISTRANTS or not self.keys):
                if self.kind in REGISTRANTS:
                    outcome.attentions.append((RELEASED, set(self.keys)))
                self.kind = None
        else:
            return outcome
        self.generation += 1
        return outcome

    def _preempt(self, abort: bool, initiator: int, scope_type: int, action_key: int) -> Outcome:
        everyone = self.kind in ALL_REGISTRANTS
        if not action_key and not everyone:
            return Outcome(CHECK_CONDITION, (5, 0x26, 0))
        seizes = not action_key if everyone else self.kind is not None and self.keys[self.holder] == action_key
        removed = {i for i, key in self.keys.items() if not action_key or key == action_key}
        if seizes:
            removed -= {initiator}
        elif not removed:
            return CONFLICT
        self.keys = {i: key for i, key in self.keys.items() if i not in removed}
        self.generation += 1
        outcome = Outcome(
            attentions=[(REGISTRATIONS_PREEMPTED, removed - {initiator})], aborts=removed if abort else set()
        )
        if seizes:
            if self.kind != scope_type:
                outcome.attentions.append((RELEASED, set(self.keys) - {initiator}))
            self.kind, self.holder = scope_type, initiator
        elif not self.keys:
            self.kind = None
        return outcome

    def report(self, action: int, names: Sequence[int]) -> bytes:
        """Data of PERSISTENT RESERVE IN; `names` are the initiators' WWPNs."""
        everyone = self.kind in ALL_REGISTRANTS
        if action == REPORT_CAPABILITIES:
            return bytes([0, 8, 0, 0x80, 0xEA, 0x01, 0, 0])  # all six types
        body = b""
        if action == READ_KEYS:
            body = b"".join(struct.pack(">Q", self.keys[i]) for i in sorted(self.keys))
        elif action == READ_RESERVATION and self.kind is not None:
            body = struct.pack(">QIBBH", 0 if everyone else self.keys[self.holder], 0, 0, self.kind, 0)
        elif action == READ_FULL_STATUS:
            for i in sorted(self.keys):
                kind = self.kind or 0 if self.holds(i) else 0
                body += struct.pack(">Q4xBB4xHI", self.keys[i], int(self.holds(i)), kind, 1, 24)
                body += struct.pack(">8xQ8x", names[i])  # TransportID of Fibre Channel
        return struct.pack(">II", self.generation, len(body)) + body
