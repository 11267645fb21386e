# SPDX-License-Identifier: Apache-2.0
"""A device in an FCoE fabric on a network interface: the same scenarios as in simulation, in wall time.

device = FcoeDevice("veth0", Path("control.sock"))
facts = device.run(RoundTrip(device, seed=1).run(), seconds=60)
device.close()
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from portplex.device import Tap
from portplex.framelink import Frame, FrameLink
from portplex.hil.control import ControlClient
from portplex.hil.enode import Enode
from portplex.hil.ethernet import EthernetSide, Interface
from portplex.hil.gateway import Gateway
from portplex.hil.node import single_frame
from portplex.hil.wall_clock import WallExecutor
from portplex.management import Management
from portplex.model.frame_rules import Direction
from portplex.nport.n_port import Timers

T = TypeVar("T")

PATIENCE_SECONDS = 60.0


class _HostLink:
    """A host's link: its frames pass the device's taps."""

    def __init__(self, device: FcoeDevice, enode: Enode) -> None:
        self.on_frame: Callable[[Frame], None] | None = None
        self._device = device
        self._enode = enode
        enode.on_frame = self._received

    @property
    def on_link(self) -> Callable[[bool], None] | None:
        return self._enode.on_link

    @on_link.setter
    def on_link(self, action: Callable[[bool], None] | None) -> None:
        self._enode.on_link = action

    def send(self, frame: bytes, *, initiate: bool = True, terminate: bool = True) -> None:
        self._device.observe(single_frame(frame, self._device.executor.now()), Direction.TO_DEVICE)
        self._enode.send(frame, initiate=initiate, terminate=terminate)

    def _received(self, frame: Frame) -> None:
        self._device.observe(frame, Direction.FROM_DEVICE)
        if self.on_frame is not None:
            self.on_frame(frame)


class FcoeDevice:
    """A Device beyond a network interface. Its registers come through the control socket of a `portplex serve`. There
    is no port of it to connect to (`ports` is empty): it is in a fabric already, and hosts come in as ENodes, each
    through a packet socket of its own. Taps see the frames of these hosts."""

    ports: Sequence[FrameLink] = ()

    def __init__(
        self,
        interface: str,
        control: Path,
        *,
        open_side: Callable[[str], EthernetSide] = Interface,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.executor = WallExecutor()
        self.client = ControlClient(control)
        self.management: Management = self.client.management
        self.taps: list[Tap] = []
        self.port_taps = [self.taps]
        self.timers = Timers(*[self.executor.words(patience)] * 4)
        self._interface = interface
        self._open_side = open_side
        self._gateways: list[Gateway] = []
        self._counts: Counter[str] = Counter(
            {"frames_tx": 0, "frames_rx": 0, "payload_words_tx": 0, "payload_words_rx": 0}
        )

    def attach(self, wwpn: int) -> FrameLink:
        """A new ENode with a MAC address made of the WWPN's last bytes; UsageError when the interface cannot be
        used."""
        mac = bytes((0x02, *wwpn.to_bytes(8, "big")[3:]))
        enode = Enode(self.executor, wwnn=wwpn, mac=mac)
        gateway = Gateway(self.executor, self._open_side(self._interface), enode)
        gateway.start()
        self._gateways.append(gateway)
        self.executor.sources.append(gateway)
        return _HostLink(self, enode)

    def observe(self, frame: Frame, direction: Direction) -> None:
        way = "tx" if direction is Direction.FROM_DEVICE else "rx"
        self._counts[f"frames_{way}"] += 1
        self._counts[f"payload_words_{way}"] += len(frame.data) // 4 - 6
        for tap in self.taps:
            tap(frame, direction)

    def traffic(self) -> dict[str, int]:
        return {"words": self.executor.now(), **self._counts}

    def run(self, coroutine: Coroutine[Any, Any, T], *, seconds: float) -> T:
        """Run a scenario; DeadlineExceeded when it takes longer."""
        return self.executor.run(coroutine, self.executor.words(seconds))

    def close(self) -> None:
        for gateway in self._gateways:
            gateway.stop()
        self.client.close()
