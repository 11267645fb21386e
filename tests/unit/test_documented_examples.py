# SPDX-License-Identifier: Apache-2.0
"""The examples of the pages run as they stand; docs/own_device.md has a test with a simulator of its own."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from portplex.executor import VirtualExecutor
from portplex.fabric.switch import Switch
from portplex.fabric.zoning import Zoning
from portplex.nport.backup_disk import BackupDisk
from portplex.nport.host_initiator import HostInitiator
from portplex.scsi import xcopy

DOCS = Path(__file__).resolve().parents[2] / "docs"


def run_example(page: str, start: str, names: dict[str, Any]) -> dict[str, Any]:
    """Execute the indented block of `page` that begins with `start`, without the line that awaits."""
    (block,) = [
        found
        for found in re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", (DOCS / page).read_text(), re.MULTILINE)
        if found.strip().startswith(start)
    ]
    lines = [line for line in textwrap.dedent(block).splitlines() if not line.startswith("await ")]
    exec("\n".join(lines), names)
    return names


@pytest.mark.fast
def test_example_of_the_layers(capsys: pytest.CaptureFixture[str]) -> None:
    frame = run_example("fc_layers.md", "from portplex.fc.layers", {})["frame"]
    assert len(bytes(frame)) == 4 + 24 + 32 + 8
    assert "fcp_dl    = 0x1000" in capsys.readouterr().out


@pytest.mark.fast
def test_examples_of_fabric_and_ports() -> None:
    executor = VirtualExecutor()
    names: dict[str, Any] = {
        "executor": executor,
        "Switch": Switch,
        "Zoning": Zoning,
        "HostInitiator": HostInitiator,
        "host_wwpn": 0x1000_0000_C900_0001,
        "array_wwpn": 0x5005_0760_0E80_0001,
        "fc_port": Switch(executor, domain=2).attach(),
        "xcopy": xcopy,
        "naa_of_the_volume": bytes(8),
    }
    run_example("fabric.md", "switch = Switch", names)
    switch, host = names["switch"], names["host"]
    names["disk"] = disk = BackupDisk(executor, switch.attach(), name="disk", wwpn=names["array_wwpn"])

    async def logins() -> None:
        await disk.start()
        await host.start()

    executor.run(logins())
    assert host.n_port_id == 0x010001
    run_example("nport.md", "cscds = ", names)
    assert len(names["data"]) > 64
    executor.run_for(100_000)  # what the logins have set off
