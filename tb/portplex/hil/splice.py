# SPDX-License-Identifier: Apache-2.0
"""A device's port at a node of its own, without a fabric: VN2VN or point to point."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from portplex.executor import Executor
from portplex.fc.constants import SOFI3, Els, FcType, RCtl
from portplex.fc.header import HEADER_BYTES
from portplex.framelink import Frame, FrameLink
from portplex.nport import els
from portplex.nport.sequence import EOFT

_DOWN_WORDS = 4_000  # how long the device's link stays down
_LOGINS = (Els.FLOGI, Els.PLOGI, Els.LS_ACC)


class DevicePort(Protocol):
    """What brings the device's link down and up: FcPort."""

    def disable(self) -> None: ...

    def enable(self) -> None: ...


class Splice:
    """Frames pass as they are. `admit` is awaited with the WWPN of every login before the device sees it: it asks its
    allow list at once. The frames behind wait."""

    def __init__(
        self,
        executor: Executor,
        link: FrameLink,
        port: DevicePort,
        node: FrameLink,
        admit: Callable[[int], Coroutine[Any, Any, None]],
    ) -> None:
        self._executor = executor
        self._link, self._port, self._node = link, port, node
        self._admit = admit
        self._waiting: deque[Frame] = deque()
        link.on_frame = self._from_device
        node.on_frame = self._to_device
        node.on_link = self._link_changed

    def _from_device(self, frame: Frame) -> None:
        self._node.send(frame.data, initiate=frame.sof == SOFI3, terminate=frame.eof in EOFT)

    def _to_device(self, frame: Frame) -> None:
        self._waiting.append(frame)
        if len(self._waiting) == 1:
            self._hand_on()

    def _hand_on(self) -> None:
        while self._waiting:
            frame = self._waiting[0]
            wwpn = login_wwpn(frame.data)
            if wwpn is not None:
                self._executor.start(self._admit_first(frame, wwpn))
                return
            self._send(self._waiting.popleft())

    async def _admit_first(self, frame: Frame, wwpn: int) -> None:
        await self._admit(wwpn)
        if self._waiting and self._waiting[0] is frame:  # else the link has gone down
            self._send(self._waiting.popleft())
            self._hand_on()

    def _send(self, frame: Frame) -> None:
        self._link.send(frame.data, initiate=frame.sof == SOFI3, terminate=frame.eof in EOFT)

    def _link_changed(self, up: bool) -> None:
        """The login with the other end is over: the device must begin again."""
        self._waiting.clear()
        if up:
            self._executor.call_at(self._executor.now() + _DOWN_WORDS, self._port.enable)
        else:
            self._port.disable()


def login_wwpn(data: bytes) -> int | None:
    """WWPN in a FLOGI, a PLOGI, or the LS_ACC to one of them; None for every other frame."""
    payload = data[HEADER_BYTES:]
    if data[8] != FcType.ELS or data[0] not in (RCtl.ELS_REQUEST, RCtl.ELS_REPLY) or len(payload) < els.LOGIN_BYTES:
        return None
    return els.LoginParameters.unpack(payload).wwpn if payload[0] in _LOGINS else None
