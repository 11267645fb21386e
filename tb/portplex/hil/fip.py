# SPDX-License-Identifier: Apache-2.0
"""FIP with struct: pack and unpack with every check a receiver owes (FC-BB-5; the scapy layer is `fc/fip.py`)."""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from portplex.executor import Executor
from portplex.fc.constants import ETHERTYPE_FIP, FC_MAP, FCOE_SIZE, FcType, FipDescriptor
from portplex.hil.fcoe import ETHERNET_BYTES, MIN_ETHERNET_BYTES
from portplex.nport.ct import fc4_types

ALL_FCOE = bytes.fromhex("011018010000")
ALL_ENODES = bytes.fromhex("011018010001")
ALL_FCFS = bytes.fromhex("011018010002")
ALL_VN2VN = bytes.fromhex("011018010004")
NO_MAC = bytes(6)

_HEAD = struct.Struct(">6s6sHBxHxBHH")
_DESCRIPTORS_AT = ETHERNET_BYTES + 10
_NAME = struct.Struct(">2xQ")
_FABRIC = struct.Struct(">H4sQ")
_VN_ID = struct.Struct(">6sIQ")
_FKA = struct.Struct(">xBI")

# Bytes of a descriptor behind type and length; those that carry a frame have a least length.
_BODY: dict[int, int] = {
    FipDescriptor.PRIORITY: 2,
    FipDescriptor.MAC: 6,
    FipDescriptor.FC_MAP: 6,
    FipDescriptor.NAME: 10,
    FipDescriptor.FABRIC: 14,
    FipDescriptor.FCOE_SIZE: 2,
    FipDescriptor.VN_ID: 18,
    FipDescriptor.FKA: 6,
    FipDescriptor.VENDOR: 10,
    FipDescriptor.VLAN: 2,
    FipDescriptor.FC4_FEATURES: 162,
}
ENCAPSULATING = frozenset(
    (int(FipDescriptor.FLOGI), int(FipDescriptor.FDISC), int(FipDescriptor.LOGO), int(FipDescriptor.ELP))
)
_REPEATABLE = frozenset((int(FipDescriptor.VN_ID), int(FipDescriptor.VLAN), int(FipDescriptor.VENDOR)))
_LEAST_FRAME = 2 + 24 + 4  # reserved, header, one word
_NOT_CRITICAL = 128


class FipError(ValueError):
    """A FIP frame that must be dropped; `reason` is the counter it goes to."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class VnId(NamedTuple):
    """A VN_Port ID descriptor."""

    mac: bytes
    n_port_id: int
    wwpn: int


class Fip(NamedTuple):
    """A FIP frame. `descriptors` are (type, bytes behind type and length), in order."""

    destination: bytes
    source: bytes
    operation: int
    subcode: int
    flags: int
    descriptors: tuple[tuple[int, bytes], ...]

    def pack(self, size: int = 0) -> bytes:
        """The Ethernet frame, padded with zeros to 60 bytes and to `size` bytes behind the Ethernet header."""
        body = b"".join(bytes((kind, (len(data) + 2) // 4)) + data for kind, data in self.descriptors)
        head = _HEAD.pack(
            self.destination,
            self.source,
            ETHERTYPE_FIP,
            0x10,
            self.operation,
            self.subcode,
            len(body) // 4,
            self.flags,
        )
        return (head + body).ljust(max(MIN_ETHERNET_BYTES, ETHERNET_BYTES + size), b"\0")

    @classmethod
    def unpack(cls, data: bytes) -> Fip:
        """From an Ethernet frame of type 8914h. FipError with reason `fip_short`, `fip_version`, `fip_length` (the list
        does not fit the frame, or a descriptor the list), `fip_descriptor_length`, `fip_unknown_descriptor` (critical)
        or `fip_duplicate_descriptor`. Unknown descriptors that are not critical are left out."""
        if len(data) < _DESCRIPTORS_AT:
            raise FipError("fip_short")
        destination, source, _, version, operation, subcode, words, flags = _HEAD.unpack_from(data)
        if version >> 4 != 1:
            raise FipError("fip_version")
        at, end = _DESCRIPTORS_AT, _DESCRIPTORS_AT + 4 * words
        if end > len(data):
            raise FipError("fip_length")
        found: list[tuple[int, bytes]] = []
        seen: set[int] = set()
        while at < end:
            kind, size = data[at], 4 * data[at + 1]
            if not size or at + size > end:
                raise FipError("fip_length")
            body = data[at + 2 : at + size]
            at += size
            expected = _BODY.get(kind)
            if kind in ENCAPSULATING:
                if len(body) < _LEAST_FRAME:
                    raise FipError("fip_descriptor_length")
            elif expected is None:
                if kind < _NOT_CRITICAL:
                    raise FipError("fip_unknown_descriptor")
                continue
            elif len(body) != expected:
                raise FipError("fip_descriptor_length")
            if kind in seen and kind not in _REPEATABLE:
                raise FipError("fip_duplicate_descriptor")
            seen.add(kind)
            found.append((kind, body))
        return cls(destination, source, operation, subcode, flags, tuple(found))

    # ---- what the descriptors say; FipError `fip_missing_descriptor` when one is not there ----

    def body(self, kind: int) -> bytes:
        for entry, data in self.descriptors:
            if entry == kind:
                return data
        raise FipError("fip_missing_descriptor")

    def has(self, kind: int) -> bool:
        return any(entry == kind for entry, _ in self.descriptors)

    @property
    def mac(self) -> bytes:
        return self.body(FipDescriptor.MAC)

    @property
    def name(self) -> int:
        return int(_NAME.unpack(self.body(FipDescriptor.NAME))[0])

    @property
    def fcoe_size(self) -> int:
        return int.from_bytes(self.body(FipDescriptor.FCOE_SIZE), "big")

    @property
    def priority_value(self) -> int:
        return self.body(FipDescriptor.PRIORITY)[1]

    @property
    def fabric(self) -> tuple[int, int]:
        """FC-MAP and fabric name."""
        _, fc_map, name = _FABRIC.unpack(self.body(FipDescriptor.FABRIC))
        return int.from_bytes(fc_map[1:], "big"), name

    @property
    def fka_period(self) -> int:
        """Milliseconds."""
        return int(_FKA.unpack(self.body(FipDescriptor.FKA))[1])

    @property
    def vn_ids(self) -> list[VnId]:
        return [
            VnId(mac, n_port_id & 0xFFFFFF, wwpn)
            for mac, n_port_id, wwpn in (
                _VN_ID.unpack(data) for kind, data in self.descriptors if kind == FipDescriptor.VN_ID
            )
        ]

    @property
    def encapsulated(self) -> tuple[int, bytes]:
        """Descriptor type and frame (header and payload) of a link service; exactly one must be there."""
        carried = [(kind, data[2:]) for kind, data in self.descriptors if kind in ENCAPSULATING]
        if len(carried) != 1:
            raise FipError("fip_missing_descriptor" if not carried else "fip_duplicate_descriptor")
        return carried[0]


# ---- descriptors to send ----


def priority(value: int) -> tuple[int, bytes]:
    return FipDescriptor.PRIORITY, bytes((0, value))


def mac(address: bytes) -> tuple[int, bytes]:
    return FipDescriptor.MAC, address


def name(wwn: int) -> tuple[int, bytes]:
    return FipDescriptor.NAME, _NAME.pack(wwn)


def fabric(wwn: int, fc_map: int = FC_MAP, vf_id: int = 0) -> tuple[int, bytes]:
    return FipDescriptor.FABRIC, _FABRIC.pack(vf_id, fc_map.to_bytes(4, "big"), wwn)


def fcoe_size(size: int = FCOE_SIZE) -> tuple[int, bytes]:
    return FipDescriptor.FCOE_SIZE, size.to_bytes(2, "big")


def fka(period_ms: int) -> tuple[int, bytes]:
    return FipDescriptor.FKA, _FKA.pack(0, period_ms)


def vn_id(entry: VnId) -> tuple[int, bytes]:
    return FipDescriptor.VN_ID, _VN_ID.pack(*entry)


def fc4_features(features: int) -> tuple[int, bytes]:
    """FCP only; `features` as in RFF_ID (1 target, 2 initiator): 4 bits a type, type 0 in the lowest of word 0."""
    table = bytearray(128)
    word, nibble = divmod(FcType.FCP, 8)
    table[4 * word : 4 * word + 4] = (features << 4 * nibble).to_bytes(4, "big")
    return FipDescriptor.FC4_FEATURES, bytes(2) + fc4_types({FcType.FCP}) + bytes(table)


def encapsulated(kind: int, frame: bytes) -> tuple[int, bytes]:
    """Header and payload of a link service; `frame` is a multiple of 4 bytes."""
    return kind, bytes(2) + frame


def fip(
    destination: bytes, source: bytes, operation: int, subcode: int, flags: int, *descriptors: tuple[int, bytes]
) -> Fip:
    return Fip(destination, source, operation, subcode, flags, descriptors)


def require(frame: Fip, kinds: Iterable[int]) -> None:
    """FipError when one of these descriptors is missing."""
    for kind in kinds:
        frame.body(kind)


# ---- rate limit ----


class TokenBucket:
    """`burst` at once, then one every `period` words."""

    __slots__ = ("_executor", "_full", "_level", "_period", "_time")

    def __init__(self, executor: Executor, burst: int, period: int) -> None:
        self._executor = executor
        self._period = max(period, 1)
        self._full = burst * self._period
        self._level = self._full
        self._time = executor.now()

    def take(self) -> bool:
        now = self._executor.now()
        self._level = min(self._full, self._level + now - self._time)
        self._time = now
        if self._level < self._period:
            return False
        self._level -= self._period
        return True


class RateLimit:
    """A bucket for each MAC address and one for all strangers together: a storm, from one address or from many, is held
    back, and the hosts that are logged in keep their own."""

    _SOURCES = 256  # buckets kept

    def __init__(self, executor: Executor, *, burst: int, period: int) -> None:
        self._executor = executor
        self._burst = burst
        self._period = period
        self._strangers = TokenBucket(executor, 4 * burst, max(period // 4, 1))
        self._buckets: OrderedDict[bytes, TokenBucket] = OrderedDict()

    def allows(self, source: bytes, known: bool) -> bool:
        bucket = self._buckets.get(source)
        if bucket is None:
            bucket = self._buckets[source] = TokenBucket(self._executor, self._burst, self._period)
            if len(self._buckets) > self._SOURCES:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(source)
        return bucket.take() and (known or self._strangers.take())
