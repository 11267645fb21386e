# SPDX-License-Identifier: Apache-2.0
"""Everything the management console sets before an array is of use."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from portplex.executor import DeadlineExceeded, Executor, sleep
from portplex.management import SEGMENT_BLOCKS, Management, PriorityMode

LOGIN_WORDS = 4_000_000


@dataclass(frozen=True)
class Settings:
    """`wwpn` is that of port 0, the next port has the next one. `volumes`: blocks of each logical unit by LUN, one
    behind the other on the drive; `protected`: LUNs that hosts cannot write. Timers in ticks."""

    wwpn: int
    wwnn: int
    volumes: Mapping[int, int]
    allowed: Sequence[int]
    protected: Collection[int] = ()
    e_d_tov: int = 1600
    r_a_tov: int = 4000
    r_t_tov: int = 40
    mode: PriorityMode = PriorityMode.ONLINE_FIRST
    backup_quantum: int = 65536
    online_time: int = 65536
    ports: int = 1


async def configure(management: Management, settings: Settings) -> None:
    """Write the settings; the ports stay down."""
    await management.identify()
    for port in range(settings.ports):
        await management.set_port(settings.wwpn + port, settings.wwnn, port=port)
        await management.set_timers(
            e_d_tov=settings.e_d_tov, r_a_tov=settings.r_a_tov, r_t_tov=settings.r_t_tov, port=port
        )
    await management.set_allow_list(settings.allowed)
    base = 0
    for lun, blocks in sorted(settings.volumes.items()):
        protected = lun in settings.protected
        await management.set_volume(lun, base_segment=base, blocks=blocks, write_protected=protected)
        base += blocks // SEGMENT_BLOCKS
    await management.set_priority(
        settings.mode, backup_quantum=settings.backup_quantum, online_time=settings.online_time
    )


async def go_online(management: Management, executor: Executor, timeout: int = LOGIN_WORDS, *, ports: int = 1) -> None:
    """Enable the ports and wait for their fabric logins; DeadlineExceeded when one does not come."""
    for port in range(ports):
        await management.enable_port(port=port)
    deadline = executor.now() + timeout
    for port in range(ports):
        while not (status := await management.port_status(port)).fabric_login:
            if executor.now() > deadline:
                raise DeadlineExceeded(f"the array's fabric login on port {port}", deadline, str(status))
            await sleep(executor, 500)
