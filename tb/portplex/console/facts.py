# SPDX-License-Identifier: Apache-2.0
"""What the console shows: everything read from an array in one look, as JSON and with its meaning (OpenAPI)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from portplex.management import BackupState, PriorityMode


class Fact(BaseModel):
    """Never changed once read."""

    model_config = ConfigDict(frozen=True)


class Array(Fact):
    """The array as a whole."""

    tasks: Annotated[int, Field(description="contexts of a port's task table")]
    volumes: Annotated[int, Field(description="logical units it can have")]
    cache_segments: Annotated[int, Field(description="of 4 KiB")]
    clean: Annotated[bool, Field(description="every segment of the cache is on the drives")]
    pinned: Annotated[bool, Field(description="the cache has segments in use")]


class Port(Fact):
    """A Fibre Channel port."""

    number: int
    role: Annotated[str, Field(description="offline, online (hosts), or online and backup")]
    link: Annotated[str, Field(description="state of the port state machine (FC-FS); AC is active")]
    fabric_login: bool
    n_port_id: int
    wwpn: Annotated[str, Field(description="16 hex digits")]
    logins: int
    open_tasks: int
    online_frames: Annotated[int, Field(description="sent for hosts, since reset")]
    backup_frames: Annotated[int, Field(description="sent for backup jobs, since reset")]
    host_requests: Annotated[int, Field(description="since reset")]


class Volume(Fact):
    """A logical unit that is there."""

    number: int
    blocks: Annotated[int, Field(description="of 512 bytes")]
    write_protected: bool


class Job(Fact):
    """A backup job: what is saved where, and how far it is. Pointers count blocks."""

    number: int
    state: Annotated[str, Field(description=", ".join(state.name.lower() for state in BackupState))]
    volume: Annotated[int, Field(description="target LU (631)")]
    capacity: Annotated[int, Field(description="blocks of the volume")]
    backup_pointer: Annotated[int, Field(description="blocks below it are confirmed by the destination (632)")]
    copy_pointer: Annotated[int, Field(description="blocks of the image that exist (633)")]
    port_id: Annotated[int, Field(description="N_Port_ID of the destination")]
    lun: Annotated[int, Field(description="at the destination")]
    lba: Annotated[int, Field(description="first block at the destination")]
    error: Annotated[int, Field(description="register BACKUP_ERROR; 0 none")]
    error_text: Annotated[str, Field(description="the same in words, with the sense data")]


class Priority(Fact):
    """Table 670 (figure 11 of the source document)."""

    mode: Annotated[str, Field(description=", ".join(mode.name.lower() for mode in PriorityMode))]
    backup_quantum: Annotated[int, Field(description="bytes")]
    online_time: Annotated[int, Field(description="clocks")]
    backup_share: Annotated[float, Field(description="percent of the wire that both settings give a backup")]


class FabricPort(Fact):
    """A port that is logged in with the fabric: a destination, unless it is the array itself."""

    n_port_id: int
    wwpn: Annotated[str, Field(description="16 hex digits")]
    what: Annotated[str, Field(description="array, backup disk, host")]


class Snapshot(Fact):
    """Everything, at one moment."""

    array: Array
    ports: list[Port]
    volumes: list[Volume]
    jobs: Annotated[list[Job], Field(description="records that have been used")]
    priority: Priority
    fabric: Annotated[list[FabricPort] | None, Field(description="null where the console cannot see the fabric")]
