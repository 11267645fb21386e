# SPDX-License-Identifier: Apache-2.0
"""The simulated array with a fabric whose other ports are real: what stands behind `portplex serve`.

Each Ethernet side gets a forwarder of its own in front of one switch, so hosts on several of them share the array. A
Python disk on the same switch takes backups; zones hide it, and hosts, from hosts. Without a fabric (VN2VN, point to
point) there is one side, and nowhere to back up to.

    served = ServedArray(SimulatedArray(cocotb.top), [QemuStream(path)], volumes=[65536, 65536])
    await served.bring_up()
    await served.pump.run()         # until served.pump.stop()
    await served.wind_down()
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from portplex.bfm.simulated_array import SimulatedArray
from portplex.executor import DeadlineExceeded, Executor, sleep
from portplex.fabric.switch import FPort, Switch
from portplex.fabric.zoning import Zoning
from portplex.fc.capture import LINKTYPE_ETHERNET, CaptureWriter
from portplex.fc.constants import Els, RCtl
from portplex.files import write_whole
from portplex.framelink import Frame
from portplex.hil.control import ControlServer
from portplex.hil.ethernet import EthernetSide, Replay
from portplex.hil.fcf import Fcf
from portplex.hil.gateway import Gateway
from portplex.hil.node import DEFAULT_MAC, LOGINS, FipTimes
from portplex.hil.point_to_point import PointToPoint
from portplex.hil.pump import POLL_WORDS, Pump
from portplex.hil.splice import Splice
from portplex.hil.vn2vn import Vn2vn
from portplex.hil.wall_clock import WallExecutor
from portplex.management import BLOCK_BYTES, JOBS, SEGMENT_BLOCKS, BackupProgress, BackupState
from portplex.model.backup import UNDER_WAY
from portplex.model.frame_rules import Direction
from portplex.model.pointer_rules import PointerRules
from portplex.nport.backup_disk import BackupDisk
from portplex.nport.n_port import Timers
from portplex.port_capture import PortCapture
from portplex.registers.register_map import REGISTERS, Register
from portplex.scenario.backup import ENDED, Confirmed
from portplex.scenario.bring_up import Settings, configure, go_online
from portplex.scenario.rig import ARRAY_WWNN, ARRAY_WWPN, BACKUP_WWPN

LONGEST_TICKS = 0xFFFF
"""The array's E_D_TOV and R_A_TOV: 17 million words, half a minute of wall time of a simulation under load."""

HOST_E_D_TOV_MS, HOST_R_A_TOV_MS = 60_000, 120_000
"""What fabric login tells hosts: Linux sends REC E_D_TOV + 1 s after a command, and a simulation takes its time. And
it waits for E_D_TOV twice before it sends a FLOGI again that was lost with its virtual link."""

FKA_MS = 30_000
ALLOWED = 32  # entries of the allow list
POLL_BACKUP = 4_000
FLUSH_WORDS = 40_000_000
FAREWELL_WORDS = 4_000

_COMMAND, _ABTS, _ELS = int(RCtl.UNSOLICITED_COMMAND), int(RCtl.ABTS), int(RCtl.ELS_REQUEST)


HostsNode = Fcf | Vn2vn | PointToPoint
"""The node of a side: the far end of its Ethernet are hosts."""


class ArrayZones(Zoning):
    """Everybody may talk to these ports, and only to them."""

    def __init__(self, centre: Collection[int]) -> None:
        super().__init__({})
        self.centre = frozenset(centre)

    def allows(self, one: int, other: int) -> bool:
        return one == other or one in self.centre or other in self.centre


class ServedArray:
    """`volumes`: blocks of each logical unit, from LUN 0 on. `allowed`: WWPNs that may log in with the array, or None
    for every host that logs in (32 at most). `login` is one of `node.LOGINS`. Files go to `folder`; `capture` makes
    port.pcapng and ethernet<n>.pcapng."""

    def __init__(
        self,
        device: SimulatedArray,
        sides: Sequence[EthernetSide],
        *,
        volumes: Sequence[int],
        folder: Path,
        control: Path | None = None,
        allowed: Sequence[int] | None = None,
        login: str = "fabric",
        capture: bool = True,
        fka_ms: int = FKA_MS,
        e_d_tov_ms: int = HOST_E_D_TOV_MS,
        r_a_tov_ms: int = HOST_R_A_TOV_MS,
        poll_words: int = POLL_WORDS,
        wall: WallExecutor | None = None,
    ) -> None:
        for lun, blocks in enumerate(volumes):
            if blocks < SEGMENT_BLOCKS or blocks % SEGMENT_BLOCKS:
                raise ValueError(f"volume {lun}: {blocks} blocks, must be a positive multiple of {SEGMENT_BLOCKS}")
        self.device = device
        self.volumes = list(volumes)
        self.folder = folder
        self.management = device.management
        self.counts: Counter[str] = Counter()  # commands, and signs of a host that lost patience
        self.wall = wall or WallExecutor()
        self.pump = Pump(self, self.wall, poll_words=poll_words)
        self._grow = allowed is None
        self._own = [ARRAY_WWPN + port for port in range(len(device.ports))]
        self._allowed = [*self._own, BACKUP_WWPN, *(allowed or ())]
        self._capture = PortCapture(folder / "port.pcapng", len(device.ports)) if capture else None
        self._captures: list[CaptureWriter] = []
        self._node: Callable[[bytes], HostsNode]
        self.disk: BackupDisk | None = None
        self._switch: Switch | None = None
        times = FipTimes(fka_ms=fka_ms)
        if login == "fabric":
            self._node = self._fabric(times, e_d_tov_ms, r_a_tov_ms)
        elif login in LOGINS and len(sides) == len(device.ports) == 1:
            self._node = self._no_fabric(login, times)
        else:
            raise ValueError(
                f"login={login!r}, {len(sides)} sides, {len(device.ports)} ports: must be one of {LOGINS}, with one "
                "side and one port but for the first"
            )
        self.nodes: list[HostsNode] = []
        self.gateways = [self._gateway(number, side, capture) for number, side in enumerate(sides)]
        self.wall.sources += self.gateways
        self._replays = [side for side in sides if isinstance(side, Replay)]
        for number, taps in enumerate(device.port_taps):
            taps += [self.pump.observe, self._count]
            if self._capture is not None:
                taps.append(partial(self._capture.observe, port=number))
        self.control: ControlServer | None = None
        if control is not None:
            self.control = ControlServer(device.executor, control, self._orders())
            self.wall.sources.append(self.control)
        self._open_tasks = 0
        self._logins = 0
        self._clean = True
        self._backup: dict[str, Any] = {}
        self._note(BackupProgress(BackupState.IDLE, 0, 0, 0, 0))
        self._job = False

    def _fabric(self, times: FipTimes, e_d_tov_ms: int, r_a_tov_ms: int) -> Callable[[bytes], HostsNode]:
        """A switch with the array and the backup disk; what makes a forwarder in front of it."""
        executor = self.device.executor
        timers = Timers(e_d_tov=20_000_000, r_a_tov=4_000_000, link_service=4_000_000, command=400_000_000)
        switch = Switch(
            executor,
            zoning=ArrayZones(self._own),
            timers=timers,
            e_d_tov_ms=e_d_tov_ms,
            r_a_tov_ms=r_a_tov_ms,
        )
        self._switch = switch
        for port, wwpn in zip(self.device.ports, self._own, strict=True):
            switch.connect(port, wwpn=wwpn)
        self.disk = BackupDisk(
            executor,
            switch.attach(BACKUP_WWPN),
            name="backup disk",
            wwpn=BACKUP_WWPN,
            timers=timers,
            blocks=max(self.volumes),
            allowed=set(self._own),
        )
        switch.on_login = self._logged_in
        return lambda mac: Fcf(self.wall, switch, mac=mac, times=times)

    def _no_fabric(self, login: str, times: FipTimes) -> Callable[[bytes], HostsNode]:
        """What makes the node at the array's port."""

        def node(mac: bytes) -> HostsNode:
            made = (Vn2vn if login == "vn2vn" else PointToPoint)(self.wall, mac=mac, times=times)
            Splice(self.device.executor, self.device.ports[0], self.device.fc_port, made, self._admit)
            return made

        return node

    def _gateway(self, number: int, side: EthernetSide, capture: bool) -> Gateway:
        node = self._node(DEFAULT_MAC[:5] + bytes((DEFAULT_MAC[5] + number,)))
        self.nodes.append(node)
        writer = None
        if capture:
            writer = CaptureWriter(
                self.folder / f"ethernet{number}.pcapng", [f"side {number}"], link_type=LINKTYPE_ETHERNET
            )
            self._captures.append(writer)
        return Gateway(self.wall, side, node, capture=writer, capture_clock=self.executor)

    # ---- the pump's questions ----

    @property
    def executor(self) -> Executor:
        return self.device.executor

    def pending(self) -> bool:
        return (
            any(port.pending() for port in self.device.fc_ports)
            or self.device.executor.busy()
            or (self.control is not None and self.control.open > 0)
            or any(not (replay.done or replay.due) for replay in self._replays)
        )

    async def idle(self) -> bool:
        """Also notes what the state shows of the registers."""
        management = self.management
        status = await management.bus.read(Register.STATUS)
        ports = [await management.port_status(port) for port in range(len(self._own))]
        self._clean = status & 3 == 3
        self._open_tasks, self._logins = sum(port.open_tasks for port in ports), sum(port.logins for port in ports)
        states = [await management.bus.read(REGISTERS["JOB_STATE"].at(job)) for job in range(JOBS)]
        running = [job for job, state in enumerate(states) if state in (*UNDER_WAY, BackupState.QUEUED)]
        if running:
            self._note(await management.job_progress(running[0]))
        return self._clean and not running and not self._open_tasks

    def _note(self, progress: BackupProgress) -> None:
        self._backup = {**asdict(progress), "state": progress.state.name}

    # ---- life ----

    async def bring_up(self, image: Path | None = None) -> None:
        """Registers, the drive from `image`, the link, fabric login, then the sides; UsageError for a side that cannot
        be opened."""
        settings = Settings(
            ARRAY_WWPN,
            ARRAY_WWNN,
            volumes=dict(enumerate(self.volumes)),
            allowed=self._allowed,
            e_d_tov=LONGEST_TICKS,
            r_a_tov=LONGEST_TICKS,
            ports=len(self._own),
        )
        await configure(self.management, settings)
        if image is not None:
            await self.device.drive.load(image)
        if self.disk is not None:
            await go_online(self.management, self.executor, ports=len(self._own))
            await self.disk.start()
        for gateway in self.gateways:
            gateway.start()
        if self.disk is None:
            await self.management.enable_port()  # its FLOGI waits for a host
        if self.control is not None:
            self.control.start()

    async def wind_down(self) -> None:
        """Take leave of the hosts and close everything."""
        for gateway in self.gateways:
            gateway.stop()
        await sleep(self.executor, FAREWELL_WORDS)  # the array hears that they have gone
        if self.control is not None:
            self.control.stop()
        if self._capture is not None:
            self._capture.close()
        for writer in self._captures:
            writer.close()

    def _logged_in(self, port: FPort) -> None:
        """A host is with the fabric."""
        self.executor.start(self._admit(port.wwpn))

    async def _admit(self, wwpn: int) -> None:
        """A host that has come may log in with the array, unless somebody has said who may."""
        if wwpn in self._allowed:
            return
        if not self._grow or len(self._allowed) == ALLOWED:
            self.counts["not_allowed"] += 1
            return
        self._allowed.append(wwpn)
        await self.management.allow(len(self._allowed) - 1, wwpn)

    def _count(self, frame: Frame, direction: Direction) -> None:
        """What a host sends when it has waited too long: ABTS, REC, task management."""
        kind = frame.data[0]
        if direction is not Direction.TO_DEVICE or kind not in (_COMMAND, _ABTS, _ELS):
            return
        if kind == _ABTS:
            self.counts["abts"] += 1
        elif kind == _COMMAND:
            self.counts["task_management" if len(frame.data) > 34 and frame.data[34] else "commands"] += 1
        elif len(frame.data) > 24 and frame.data[24] == Els.REC:
            self.counts["rec"] += 1

    # ---- orders ----

    def _orders(self) -> dict[str, Any]:
        return {
            "read": self.management.bus.read,
            "read_many": self.read_many,
            "write": self.management.bus.write,
            "state": self.state,
            "fabric": self.fabric,
            "backup": self.backup,
            "restore": self.restore,
            "save": self.save,
            "stop": self.pump.stop,
        }

    async def read_many(self, addresses: Sequence[int]) -> list[int]:
        """Registers one after another, in one order: a console reads some hundred ten times a second."""
        return [await self.management.bus.read(address) for address in addresses]

    def fabric(self) -> list[dict[str, Any]] | None:
        """Who is logged in with the fabric; None where there is none."""
        if self._switch is None:
            return None
        kinds = {**dict.fromkeys(self._own, "array"), BACKUP_WWPN: "backup disk"}
        return [
            {"n_port_id": port.n_port_id, "wwpn": f"{port.wwpn:016x}", "what": kinds.get(port.wwpn, "host")}
            for port in self._switch.ports
            if port.n_port_id
        ]

    def state(self) -> dict[str, Any]:
        """What is going on, as JSON. What comes from registers is at most 50 polls old, and exact in a pause: asking
        takes no simulated time."""
        running, still = self.pump.seconds
        hosts = [
            {
                "side": number,
                "mac": host.mac.hex(":"),
                "n_port_id": f"{host.n_port_id:06x}",
                "wwpn": f"{host.wwpn:016x}",
            }
            for number, node in enumerate(self.nodes)
            for host in node.hosts()
        ]
        return {
            "launcher": os.getppid(),
            "words": self.executor.now(),
            "running_seconds": round(running, 3),
            "paused_seconds": round(still, 3),
            "paused": self.pump.paused,
            "pauses": self.pump.pauses,
            "hosts": hosts,
            "logins": self._logins,
            "open_tasks": self._open_tasks,
            "clean": self._clean,
            "backup": self._backup,
            "traffic": self.device.traffic(),
            "counts": dict(self.counts),
            "gateways": [dict(gateway.counts) for gateway in self.gateways],
            "nodes": [dict(node.counts) for node in self.nodes],
            "sides": [dict(gateway.side.counts) for gateway in self.gateways],
            "violations": len(self.disk.violations) if self.disk is not None else 0,
        }

    async def backup(self, volume: int, chunk: int = 128) -> dict[str, Any]:
        """Back a volume up to the Python disk; how it ended, when it has. ValueError for a volume that is not there,
        RuntimeError while a job runs, or without a fabric."""
        rules = PointerRules(self._blocks(volume), Confirmed(self._backup_disk()))
        result = await self._run_job(volume, chunk, rules)
        return {**result, "pointer_violations": rules.violations}

    async def restore(self, volume: int, chunk: int = 128) -> dict[str, Any]:
        """Bring what the Python disk holds back into a volume."""
        return await self._run_job(volume, chunk, None)

    def _backup_disk(self) -> BackupDisk:
        if self.disk is None:
            raise RuntimeError("without a fabric there is no backup disk")
        return self.disk

    def _blocks(self, volume: int) -> int:
        if not 0 <= volume < len(self.volumes):
            raise ValueError(f"volume={volume}: must be 0 to {len(self.volumes) - 1}")
        return self.volumes[volume]

    async def _run_job(self, volume: int, chunk: int, rules: PointerRules | None) -> dict[str, Any]:
        blocks = self._blocks(volume)
        if not 8 <= chunk <= 128 or chunk % SEGMENT_BLOCKS:
            raise ValueError(f"chunk={chunk}: must be 8 to 128 and a multiple of {SEGMENT_BLOCKS}")
        disk = self._backup_disk()
        if self._job:
            raise RuntimeError("a backup or restore is running")
        self._job = True
        management, executor = self.management, self.executor
        started = executor.now()
        try:
            await management.prepare_backup(volume, port_id=disk.n_port_id, chunk=chunk)
            await management.set_copy_pointer(blocks)
            await (management.start_backup() if rules is not None else management.start_restore())
            while True:
                backup, copy = await management.backup_pointers()
                if rules is not None:
                    rules.observe(executor.now(), backup, copy)
                found = await management.backup_progress()
                self._note(found)
                if found.state in ENDED:
                    if found.state is BackupState.PAUSED:
                        await management.abort_backup()  # the next order begins from the first block
                    break
                await sleep(executor, POLL_BACKUP)
        finally:
            self._job = False
        return {
            "state": found.state.name,
            "done": found.state is BackupState.DONE,
            "blocks": found.backup_pointer,
            "error": found.error,
            "words": executor.now() - started,
        }

    async def save(self, folder: str) -> list[str]:
        """Write what hosts have written to the drive, then each volume to `folder`/volume<n>.img; the files' names."""
        management, executor = self.management, self.executor
        await management.flush()
        deadline = executor.now() + FLUSH_WORDS
        while not await management.cache_clean():
            if executor.now() > deadline:
                raise DeadlineExceeded("a clean cache", deadline, str(await management.port_status()))
            await sleep(executor, 2_000)
        target = Path(folder)
        names = []
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            whole = Path(scratch) / "drive.img"
            await self.device.drive.save(whole, sum(self.volumes))
            with whole.open("rb") as file:
                for lun, blocks in enumerate(self.volumes):
                    write_whole(target / f"volume{lun}.img", file.read(blocks * BLOCK_BYTES))
                    names.append(str(target / f"volume{lun}.img"))
        return names
