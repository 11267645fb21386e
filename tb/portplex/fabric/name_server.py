# SPDX-License-Identifier: Apache-2.0
"""The name server at FFFFFCh (FC-GS): who is in the fabric, seen through the zones."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portplex.executor import Executor
from portplex.fc.constants import Address, CtCommand, CtService, FcType
from portplex.fc.header import Header
from portplex.framelink import FrameLink
from portplex.nport.ct import Ct, CtExplanation, CtReason, fc4_types, id_list, parse_fc4_types
from portplex.nport.n_port import NPort, Timers

if TYPE_CHECKING:
    from portplex.fabric.switch import Switch

N_PORT = 0x01  # port type


@dataclass(slots=True)
class Entry:
    """What is registered for one N_Port. `features` is by FC-4 type."""

    n_port_id: int
    wwpn: int
    wwnn: int
    port_name: bytes = b""
    node_name: bytes = b""
    types: set[int] = field(default_factory=set)
    features: dict[int, int] = field(default_factory=dict)


class _Reject(Exception):
    def __init__(self, reason: int, explanation: int = CtExplanation.NONE) -> None:
        super().__init__()
        self.reason = reason
        self.explanation = explanation


class NameServer(NPort):
    """Answers CT requests from ports that are logged in with it. A port sees itself and those it shares a zone with."""

    def __init__(self, executor: Executor, link: FrameLink, switch: Switch, *, timers: Timers, wwpn: int) -> None:
        super().__init__(executor, link, name="name server", wwpn=wwpn, timers=timers, n_port_id=Address.NAME_SERVER)
        self._switch = switch
        self._entries: dict[int, Entry] = {}  # by N_Port_ID

    def add(self, n_port_id: int, wwpn: int, wwnn: int) -> None:
        """Fabric login registers the names."""
        self._entries[n_port_id] = Entry(n_port_id, wwpn, wwnn)

    def remove(self, n_port_id: int) -> None:
        self._entries.pop(n_port_id, None)
        self.sessions.pop(n_port_id, None)

    def entry(self, n_port_id: int) -> Entry | None:
        return self._entries.get(n_port_id)

    def ct_request(self, header: Header, payload: bytes) -> None:
        try:
            request = Ct.unpack(payload)
        except struct.error:
            self.counts["runt_ct"] += 1
            return
        try:
            body = self._answer(header.s_id, request)
        except _Reject as rejected:
            self.counts["ct_rejected"] += 1
            reply = Ct(CtCommand.REJECT, reason=rejected.reason, explanation=rejected.explanation)
        except (struct.error, IndexError):
            self.counts["ct_rejected"] += 1
            reply = Ct(CtCommand.REJECT, reason=CtReason.INVALID_SIZE)
        else:
            room = 4 * request.size if request.size else len(body)
            reply = Ct(CtCommand.ACCEPT, body[:room], max(0, len(body) - room) // 4)
        self.reply(header, reply.pack())

    def _answer(self, s_id: int, request: Ct) -> bytes:
        if s_id not in self.sessions:
            raise _Reject(CtReason.PROTOCOL_ERROR)
        if (request.gs_type, request.gs_subtype) != (CtService.DIRECTORY, CtService.NAME_SERVER):
            raise _Reject(CtReason.INVALID_COMMAND)
        handler = _HANDLERS.get(request.command)
        if handler is None:
            raise _Reject(CtReason.UNSUPPORTED)
        return handler(self, s_id, request.body)

    def _visible(self, s_id: int) -> list[Entry]:
        """Entries this port may see, by rising N_Port_ID."""
        return [
            self._entries[n_port_id]
            for n_port_id in sorted(self._entries)
            if n_port_id == s_id or self._switch.visible(s_id, n_port_id)
        ]

    def _by_port_id(self, s_id: int, body: bytes) -> Entry:
        (n_port_id,) = struct.unpack_from(">I", body)
        for entry in self._visible(s_id):
            if entry.n_port_id == n_port_id & 0xFFFFFF:
                return entry
        raise _Reject(CtReason.UNABLE, CtExplanation.PORT_ID_NOT_REGISTERED)

    def _own(self, s_id: int, body: bytes) -> Entry:
        """The entry a registration is for: only a port's own."""
        (n_port_id,) = struct.unpack_from(">I", body)
        entry = self._entries.get(n_port_id & 0xFFFFFF)
        if entry is None or entry.n_port_id != s_id:
            raise _Reject(CtReason.UNABLE, CtExplanation.PORT_ID_NOT_REGISTERED)
        return entry

    # ---- queries ----

    def _ga_nxt(self, s_id: int, body: bytes) -> bytes:
        """The port with the next higher N_Port_ID, around the end to the lowest."""
        (n_port_id,) = struct.unpack_from(">I", body)
        entries = self._visible(s_id)
        if not entries:
            raise _Reject(CtReason.UNABLE, CtExplanation.PORT_ID_NOT_REGISTERED)
        entry = next((e for e in entries if e.n_port_id > n_port_id & 0xFFFFFF), entries[0])
        return struct.pack(
            ">IQB255sQB255s8x16sI32s16sQI",
            N_PORT << 24 | entry.n_port_id,
            entry.wwpn,
            len(entry.port_name),
            entry.port_name,
            entry.wwnn,
            len(entry.node_name),
            entry.node_name,
            bytes(16),
            1 << 3,
            fc4_types(entry.types),
            bytes(16),
            self._switch.wwn,
            0,
        )

    def _gpn_id(self, s_id: int, body: bytes) -> bytes:
        return struct.pack(">Q", self._by_port_id(s_id, body).wwpn)

    def _gnn_id(self, s_id: int, body: bytes) -> bytes:
        return struct.pack(">Q", self._by_port_id(s_id, body).wwnn)

    def _gspn_id(self, s_id: int, body: bytes) -> bytes:
        name = self._by_port_id(s_id, body).port_name
        return bytes((len(name),)) + name

    def _gid_pn(self, s_id: int, body: bytes) -> bytes:
        (wwpn,) = struct.unpack_from(">Q", body)
        for entry in self._visible(s_id):
            if entry.wwpn == wwpn:
                return struct.pack(">I", entry.n_port_id)
        raise _Reject(CtReason.UNABLE, CtExplanation.PORT_NAME_NOT_REGISTERED)

    def _of_type(self, s_id: int, body: bytes) -> list[Entry]:
        _, domain, area, fc4_type = struct.unpack_from(">BBBB", body)
        found = [
            entry
            for entry in self._visible(s_id)
            if fc4_type in entry.types
            and domain in (0, entry.n_port_id >> 16)
            and area in (0, entry.n_port_id >> 8 & 0xFF)
        ]
        if not found:
            raise _Reject(CtReason.UNABLE, CtExplanation.FC4_TYPES_NOT_REGISTERED)
        return found

    def _gid_ft(self, s_id: int, body: bytes) -> bytes:
        return id_list([(entry.n_port_id, b"") for entry in self._of_type(s_id, body)])

    def _gpn_ft(self, s_id: int, body: bytes) -> bytes:
        return id_list([(e.n_port_id, struct.pack(">4xQ", e.wwpn)) for e in self._of_type(s_id, body)])

    # ---- registrations ----

    def _rnn_id(self, s_id: int, body: bytes) -> bytes:
        (self._own(s_id, body).wwnn,) = struct.unpack_from(">Q", body, 4)
        return b""

    def _rspn_id(self, s_id: int, body: bytes) -> bytes:
        self._own(s_id, body).port_name = body[5 : 5 + body[4]]
        return b""

    def _rsnn_nn(self, s_id: int, body: bytes) -> bytes:
        (wwnn,) = struct.unpack_from(">Q", body)
        named = [entry for entry in self._entries.values() if entry.wwnn == wwnn]
        if s_id not in [entry.n_port_id for entry in named]:
            raise _Reject(CtReason.UNABLE, CtExplanation.NODE_NAME_NOT_REGISTERED)
        for entry in named:
            entry.node_name = body[9 : 9 + body[8]]
        return b""

    def _rft_id(self, s_id: int, body: bytes) -> bytes:
        self._own(s_id, body).types = parse_fc4_types(body[4:])
        return b""

    def _rff_id(self, s_id: int, body: bytes) -> bytes:
        entry = self._own(s_id, body)
        if body[7] not in entry.types:
            raise _Reject(CtReason.UNABLE, CtExplanation.FC4_TYPES_NOT_REGISTERED)
        entry.features[body[7]] = body[6]
        return b""

    def is_target(self, n_port_id: int) -> bool:
        """Has the port registered the FCP target feature?"""
        entry = self._entries.get(n_port_id)
        return entry is not None and bool(entry.features.get(FcType.FCP, 0) & 1)


_HANDLERS: dict[int, Callable[[NameServer, int, bytes], bytes]] = {
    CtCommand.GA_NXT: NameServer._ga_nxt,
    CtCommand.GPN_ID: NameServer._gpn_id,
    CtCommand.GNN_ID: NameServer._gnn_id,
    CtCommand.GSPN_ID: NameServer._gspn_id,
    CtCommand.GID_PN: NameServer._gid_pn,
    CtCommand.GID_FT: NameServer._gid_ft,
    CtCommand.GPN_FT: NameServer._gpn_ft,
    CtCommand.RNN_ID: NameServer._rnn_id,
    CtCommand.RSPN_ID: NameServer._rspn_id,
    CtCommand.RSNN_NN: NameServer._rsnn_nn,
    CtCommand.RFT_ID: NameServer._rft_id,
    CtCommand.RFF_ID: NameServer._rff_id,
}
