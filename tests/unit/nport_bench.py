# SPDX-License-Identifier: Apache-2.0
"""What the N_Port and fabric tests share: a recorded wire, known-answer frames, a small fabric."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from portplex.executor import VirtualExecutor
from portplex.fabric.switch import PortLink, Switch
from portplex.fabric.zoning import Zoning
from portplex.fc.constants import ORDERED_SETS
from portplex.framelink import Frame
from portplex.nport.backup_disk import BackupDisk, TransferPolicy
from portplex.nport.host_initiator import HostInitiator
from portplex.nport.n_port import Timers

HOST_WWPN = 0x1000_0000_C900_0001
HOST_WWNN = 0x2000_0000_C900_0001
DISK_WWPN = 0x5006_0E80_0000_5000
DISK_WWNN = 0x5006_0E80_0000_5001
TIMERS = Timers(e_d_tov=2_000, r_a_tov=5_000, link_service=4_000, command=20_000)


def known_answers() -> dict[int, tuple[bytes, str]]:
    """Header + payload and SOF name of the frames of protocol_facts section 12, by number, where the payload is given
    in hex."""
    path = Path(__file__).resolve().parents[1] / "data" / "known_answer_frames.json"
    found = {}
    for frame in json.loads(path.read_text())["frames"]:
        try:
            data = bytes.fromhex(frame["header"] + (frame["payload"] or ""))
        except (ValueError, TypeError):
            continue
        found[frame["number"]] = data, frame["sof"]
    return found


def make_frame(data: bytes, *, initiate: bool = True, terminate: bool = True) -> Frame:
    sof = ORDERED_SETS["SOFi3" if initiate else "SOFn3"]
    return Frame(data, sof, ORDERED_SETS["EOFt_NEG" if terminate else "EOFn_NEG"])


class RecordedLink:
    """A link whose other end is the test: what the port sends is in `sent`, what the test says goes in with `say`."""

    def __init__(self) -> None:
        self.on_frame: Callable[[Frame], None] | None = None
        self.on_link: Callable[[bool], None] | None = None
        self.sent: list[Frame] = []

    def send(self, frame: bytes, *, initiate: bool = True, terminate: bool = True) -> None:
        self.sent.append(make_frame(frame, initiate=initiate, terminate=terminate))

    def say(self, data: bytes, *, initiate: bool = True, terminate: bool = True) -> None:
        assert self.on_frame is not None
        self.on_frame(make_frame(data, initiate=initiate, terminate=terminate))


class Fabric:
    """A switch with a backup disk and hosts, all logged in; every wait of the tests is bounded by `run`."""

    def __init__(
        self,
        hosts: int = 1,
        *,
        blocks: int | list[int] = 256,
        policy: TransferPolicy | None = None,
        zoning: Zoning | None = None,
        full_at: int | None = None,
        queue_depth: int = 8,
        retries: int = 3,
        login: bool = True,
    ) -> None:
        self.executor = VirtualExecutor()
        self.switch = Switch(self.executor, zoning=zoning, timers=TIMERS)
        self.links: list[PortLink] = [self.switch.attach(n_port_id=0x010001 + index) for index in range(hosts)]
        self.hosts = [
            HostInitiator(
                self.executor,
                link,
                name=f"host {index}",
                wwpn=HOST_WWPN + index,
                wwnn=HOST_WWNN + index,
                timers=TIMERS,
                queue_depth=queue_depth,
                retries=retries,
                busy_delay=100,
            )
            for index, link in enumerate(self.links)
        ]
        self.disk = BackupDisk(
            self.executor,
            self.switch.attach(n_port_id=0x010E00),
            name="disk",
            wwpn=DISK_WWPN,
            wwnn=DISK_WWNN,
            timers=TIMERS,
            blocks=blocks,
            policy=policy,
            full_at=full_at,
        )
        if login:
            self.run(self.disk.start())
            for host in self.hosts:
                self.run(host.start())
            self.executor.run_for(0)  # state changes reach everybody

    @property
    def host(self) -> HostInitiator:
        return self.hosts[0]

    def run(self, coroutine, timeout: int = 5_000_000):
        return self.executor.run(coroutine, timeout)

    def nothing_left(self) -> bool:
        """No exchange open anywhere, no command slot taken."""
        ports = [self.disk, *self.hosts]
        return all(port.open_exchanges == 0 for port in ports) and all(not host.open_commands for host in self.hosts)
