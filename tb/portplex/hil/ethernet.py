# SPDX-License-Identifier: Apache-2.0
"""Ethernet sides of a gateway: QEMU's stream socket, a Linux network interface, a capture file.

All are non-blocking and have no thread: `poll` hands on what has come. A loop that has other things to wait for puts
`filenos()` into its own selector and calls `poll()` when one is readable.
"""

from __future__ import annotations

import ctypes
import fcntl
import select
import socket
import stat
import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from portplex.executor import Executor
from portplex.fc.capture import OUTBOUND
from portplex.fc.constants import ETHERTYPE_FCOE, ETHERTYPE_FIP, FCOE_SIZE
from portplex.hil.pcapng import CapturedFrame, read_frames
from portplex.simulate import UsageError

MAX_FRAME_BYTES = 65_550  # a length beyond this is no frame: the stream has lost its place
_READ_BYTES = 1 << 18
_AT_ONCE = 256  # frames handed on in one poll, so that the caller keeps its turn


class EthernetSide(Protocol):
    """Where Ethernet frames (without frame check sequence) come from and go to.

    `on_frame` is called once for each frame from inside `poll`; `on_link` when the other end comes or goes. `send`
    never blocks: a frame that cannot go is dropped and counted in `counts`.
    """

    on_frame: Callable[[bytes], None] | None
    on_link: Callable[[bool], None] | None
    counts: Counter[str]

    def start(self) -> None:
        """Open; UsageError with the reason when that cannot be."""
        ...

    def stop(self) -> None:
        """Close; may be called at any time and more than once."""
        ...

    def send(self, frame: bytes) -> None: ...

    def poll(self, seconds: float = 0.0) -> int:
        """Hand on frames that are there, after waiting at most `seconds` for the first; how many."""
        ...

    def filenos(self) -> list[int]:
        """File descriptors to watch for reading."""
        ...


class _Side:
    """What the sides share."""

    def __init__(self) -> None:
        self.on_frame: Callable[[bytes], None] | None = None
        self.on_link: Callable[[bool], None] | None = None
        self.counts: Counter[str] = Counter()

    def _hand_on(self, frame: bytes) -> None:
        self.counts["received"] += 1
        if self.on_frame is not None:
            self.on_frame(frame)

    def _link(self, up: bool) -> None:
        self.counts["link_up" if up else "link_down"] += 1
        if self.on_link is not None:
            self.on_link(up)


class QemuStream(_Side):
    """The peer of `-netdev stream,server=off,addr.type=unix,addr.path=…`: listens on `path`, one guest at a time. Each
    frame comes with its length before it, 4 bytes, big-endian."""

    def __init__(self, path: Path, *, send_limit: int = 4 << 20) -> None:
        super().__init__()
        self.path = path
        self._send_limit = send_limit  # bytes that may wait for a guest that does not read
        self._listener: socket.socket | None = None
        self._guest: socket.socket | None = None
        self._input = bytearray()
        self._output = bytearray()

    def start(self) -> None:
        self._remove_stale()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(str(self.path))
            listener.listen(2)
        except OSError as error:
            listener.close()
            raise UsageError(f"socket {self.path}: cannot be opened ({error.strerror or error})") from None
        listener.setblocking(False)
        self._listener = listener

    def _remove_stale(self) -> None:
        """Take away what a killed run has left; a socket that somebody answers stays."""
        try:
            if not stat.S_ISSOCK(self.path.lstat().st_mode):
                raise UsageError(f"socket {self.path}: a file of this name is there and is no socket")
        except OSError:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(self.path))
            except OSError:
                self.path.unlink(missing_ok=True)
                return
        raise UsageError(f"socket {self.path}: is in use by another process")

    def adopt(self, guest: socket.socket) -> None:
        """Take a connected stream socket as the guest's."""
        guest.setblocking(False)
        self._guest = guest
        self._input.clear()
        self._output.clear()
        self._link(True)

    def stop(self) -> None:
        self._drop()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            self.path.unlink(missing_ok=True)

    @property
    def connected(self) -> bool:
        return self._guest is not None

    def filenos(self) -> list[int]:
        return [sock.fileno() for sock in (self._listener, self._guest) if sock is not None]

    def send(self, frame: bytes) -> None:
        if self._guest is None:
            self.counts["no_guest"] += 1
        elif len(self._output) + len(frame) + 4 > self._send_limit:
            self.counts["guest_does_not_read"] += 1
        else:
            self.counts["sent"] += 1
            self._output += struct.pack(">I", len(frame)) + frame
            self._flush()

    def _flush(self) -> None:
        if self._guest is None or not self._output:
            return
        try:
            sent = self._guest.send(self._output)
        except BlockingIOError:
            return
        except OSError:
            self._drop()
            return
        del self._output[:sent]

    def poll(self, seconds: float = 0.0) -> int:
        handed = self._frames()
        if handed:
            return handed
        reading = [sock for sock in (self._listener, self._guest) if sock is not None]
        if not reading:
            return 0
        writing = [self._guest] if self._guest is not None and self._output else []
        readable, writable, _ = select.select(reading, writing, [], seconds)
        if writable:
            self._flush()
        if self._listener in readable:
            self._accept()
        if self._guest is not None and self._guest in readable:
            self._read()
        return self._frames()

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            guest, _ = self._listener.accept()
        except OSError:
            return
        if self._guest is not None:
            self.counts["second_guest"] += 1
            guest.close()
            return
        self.adopt(guest)

    def _read(self) -> None:
        assert self._guest is not None
        try:
            data = self._guest.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._input += data
        else:
            self._drop()

    def _frames(self) -> int:
        """Hand on whole frames."""
        handed = at = 0
        data = self._input
        while handed < _AT_ONCE and len(data) - at >= 4:
            (size,) = struct.unpack_from(">I", data, at)
            if not 0 < size <= MAX_FRAME_BYTES:
                self.counts["bad_length"] += 1
                self._drop()
                return handed
            if len(data) - at - 4 < size:
                break
            frame = bytes(memoryview(data)[at + 4 : at + 4 + size])
            at += 4 + size
            handed += 1
            self._hand_on(frame)
            if self._guest is None:  # gone while it was handed on
                return handed
        del data[:at]
        return handed

    def _drop(self) -> None:
        if self._guest is None:
            return
        self._guest.close()
        self._guest = None
        self._input = bytearray()
        self._output = bytearray()
        self._link(False)


_SIOCGIFFLAGS, _SIOCGIFMTU = 0x8913, 0x8921
_IFF_UP = 1
_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, _PACKET_MR_PROMISC = 263, 1, 1
_SO_ATTACH_FILTER = 26
_ETH_P_ALL = 0x0003
_PACKET_OUTGOING = 4
# Classic BPF: accept a frame when the half-word at 12 is one of the two types.
_FILTER = b"".join(
    struct.pack("=HBBI", *instruction)
    for instruction in (
        (0x28, 0, 0, 12),
        (0x15, 1, 0, ETHERTYPE_FCOE),
        (0x15, 0, 1, ETHERTYPE_FIP),
        (0x06, 0, 0, 0x40000),
        (0x06, 0, 0, 0),
    )
)


class Interface(_Side):
    """A Linux network interface through a packet socket, promiscuous, FCoE and FIP only. Untagged: frames of a VLAN are
    to be taken from its own interface."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self._socket: socket.socket | None = None

    def start(self) -> None:
        try:
            index = socket.if_nametoindex(self.name)
        except OSError:
            raise UsageError(f"interface {self.name!r}: there is none of this name") from None
        try:
            opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # bound to a protocol below, not before
        except PermissionError:
            raise UsageError(
                f"interface {self.name!r}: raw frames need the right CAP_NET_RAW; run as root, "
                "or give it with `setcap cap_net_raw+ep` to the Python in use"
            ) from None
        try:
            self._check(opened)
            program = ctypes.create_string_buffer(_FILTER, len(_FILTER))
            described = struct.pack("HL", len(_FILTER) // 8, ctypes.addressof(program))
            opened.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)
            membership = struct.pack("iHH8s", index, _PACKET_MR_PROMISC, 0, bytes(8))
            opened.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, membership)
            opened.bind((self.name, _ETH_P_ALL))
            opened.setblocking(False)
        except UsageError:
            opened.close()
            raise
        except OSError as error:
            opened.close()
            raise UsageError(f"interface {self.name!r}: cannot be opened ({error.strerror or error})") from None
        self._socket = opened
        self._link(True)

    def _check(self, opened: socket.socket) -> None:
        """Up, and long enough for full frames."""
        request = struct.pack("16s16x", self.name.encode())
        (flags,) = struct.unpack_from("H", fcntl.ioctl(opened, _SIOCGIFFLAGS, request), 16)
        (mtu,) = struct.unpack_from("i", fcntl.ioctl(opened, _SIOCGIFMTU, request), 16)
        if not flags & _IFF_UP:
            raise UsageError(f"interface {self.name!r}: is down; `ip link set {self.name} up`")
        if mtu < FCOE_SIZE:
            raise UsageError(
                f"interface {self.name!r}: MTU {mtu}, must be {FCOE_SIZE} at least; `ip link set {self.name} mtu 2500`"
            )

    def stop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            self._link(False)

    def filenos(self) -> list[int]:
        return [] if self._socket is None else [self._socket.fileno()]

    def send(self, frame: bytes) -> None:
        if self._socket is None:
            self.counts["closed"] += 1
            return
        try:
            self._socket.send(frame)
            self.counts["sent"] += 1
        except OSError:  # down, no buffer, longer than the MTU
            self.counts["send_failed"] += 1

    def poll(self, seconds: float = 0.0) -> int:
        opened = self._socket
        if opened is None:
            return 0
        if seconds > 0:
            select.select([opened], [], [], seconds)
        handed = 0
        while handed < _AT_ONCE and self._socket is opened:
            try:
                frame, address = opened.recvfrom(MAX_FRAME_BYTES)
            except BlockingIOError:
                break
            except OSError:  # the interface went down; it may come again
                self.counts["receive_failed"] += 1
                break
            if address[2] != _PACKET_OUTGOING:
                handed += 1
                self._hand_on(frame)
        return handed


class Replay(_Side):
    """Plays the inbound frames of a pcapng file. Frames sent go nowhere (a gateway's capture has them).

    With an executor they come at the distances of the file (`words_per_ns` 0.25 is 4 ns a word); without, each `poll`
    hands on as many as it may. With `absolute`, the file's times are the executor's own, not distances. `done` says
    that the file is at its end.
    """

    def __init__(
        self, path: Path, *, executor: Executor | None = None, words_per_ns: float = 0.25, absolute: bool = False
    ) -> None:
        super().__init__()
        self.path = path
        self._executor = executor
        self._words_per_ns = words_per_ns
        self._absolute = absolute
        self._frames: list[CapturedFrame] = []
        self._next = 0
        self._started = 0

    @property
    def done(self) -> bool:
        return self._next >= len(self._frames)

    def start(self) -> None:
        self._frames = [frame for frame in read_frames(self.path) if frame.direction != OUTBOUND]
        if not self._frames:
            raise UsageError(f"capture {self.path}: all its frames are outbound, none is to be replayed")
        self._next = 0
        self._started = self._executor.now() if self._executor is not None else 0
        self._link(True)

    def stop(self) -> None:
        if self._frames:
            self._frames = []
            self._link(False)

    def filenos(self) -> list[int]:
        return []

    def send(self, frame: bytes) -> None:
        self.counts["sent"] += 1

    def poll(self, seconds: float = 0.0) -> int:
        handed = 0
        while handed < _AT_ONCE and self.due:
            frame = self._frames[self._next]
            self._next += 1
            handed += 1
            self._hand_on(frame.data)
        return handed

    @property
    def due(self) -> bool:
        """Is it time for the next frame?"""
        if self.done or self._executor is None:
            return not self.done
        time_ns = self._frames[self._next].time_ns
        if self._absolute:
            return self._executor.now() >= time_ns * self._words_per_ns
        after = (time_ns - self._frames[0].time_ns) * self._words_per_ns
        return self._executor.now() - self._started >= after
