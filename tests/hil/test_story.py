# SPDX-License-Identifier: Apache-2.0
"""Linux guests on the simulated array; only with PORTPLEX_HIL=1. The story of `make hil`, a script through the command
line, two guests at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import typer

from portplex import cli
from portplex.hil.guest import GUEST_MAC, Guest
from portplex.runs import hil_story
from portplex.runs.serve import ServedProcess, ServeOptions
from portplex.simulate import build_root

pytestmark = pytest.mark.skipif(not os.environ.get("PORTPLEX_HIL"), reason="make test-hil runs it")


def portplex(*arguments: str, text: str = "", timeout: float = 1200) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "portplex", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=timeout)


def test_linux_uses_the_array_while_it_is_backed_up(image):
    done = portplex("hil")
    assert done.returncode == 0, done.stdout + done.stderr
    path = next(line.split()[-1] for line in done.stdout.splitlines() if line.startswith("summary:"))
    summary = json.loads(Path(path).read_text())
    assert summary["result"] == "passed"
    assert summary["backup"]["blocks"] == summary["restore"]["blocks"] == 32768
    assert {fio["depth"] for fio in summary["fio"]} == {1, 4, 16}
    assert summary["files"] == 12
    assert not {"abts", "rec", "task_management"} & summary["counts"].keys()
    assert all(found["frames"] > 1000 and not found["wrong"] for found in summary["captures"].values())


def test_a_script_in_a_guest(image):
    script = "sg_readcap /dev/sda | grep 'Number of logical blocks'; exit 5"
    done = portplex("guest", "--volume", "1M", text=script)
    assert done.returncode == 5, done.stderr
    assert "Number of logical blocks=2048" in done.stdout
    assert (build_root() / "guest" / "log" / "console.log").is_file()


PANIC = "echo '<3>last words' >/dev/kmsg; echo c >/proc/sysrq-trigger"


def nothing_is_left(folder: Path) -> None:
    """Neither the simulation of this run nor a QEMU on its socket."""
    assert not (folder / "control.sock").exists()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        assert str(folder) not in command, command


def test_script_that_panics_the_guest_ends_everything(image):
    done = portplex("guest", "--volume", "1M", text=PANIC)
    assert done.returncode == 1
    assert "Kernel panic" in done.stderr
    assert "last words" in done.stderr
    assert "Traceback" not in done.stderr
    nothing_is_left(ServeOptions([], ["1M"], name="guest").folder())


def test_story_in_which_the_guest_panics_fails(image, monkeypatch, capfd):
    """One message with the last console lines, everything stopped, exit status 1, a summary."""
    left: list[int] = []

    def tell(story: hil_story.Story, guest: Guest, served: ServedProcess) -> None:
        left.extend((guest.pid, served.session))
        guest.login()
        guest.check(PANIC)

    monkeypatch.setattr(hil_story, "_tell", tell)
    with pytest.raises(typer.Exit) as ended:
        cli.hil()
    assert ended.value.exit_code == 1
    said = capfd.readouterr().out
    assert said.count("last lines of its console") == 1
    assert "Kernel panic" in said
    assert "last words" in said
    folder = ServeOptions([], hil_story.VOLUMES, name="hil").folder()
    assert json.loads((folder / "story.json").read_text())["result"] == "failed"
    assert not [pid for pid in left if Path(f"/proc/{pid}").exists()]
    nothing_is_left(folder)


def fio(disk: str, offset: str, depth: int) -> str:
    """1 MiB written at random and read back, with checksums."""
    return (
        f"fio --name=v --filename={disk} --offset={offset} --size=1M --rw=randwrite --bs=4k --iodepth={depth}"
        " --ioengine=libaio --direct=1 --verify=crc32c --verify_fatal=1 --randrepeat=0"
    )


def test_two_guests_at_once(image, tmp_path):
    """Each has a volume of its own, and both write their half of a third."""
    sockets = [tmp_path / "one", tmp_path / "two"]
    options = ServeOptions([f"socket:{path}" for path in sockets], ["16M"] * 3, name="two_guests")
    macs = [GUEST_MAC, GUEST_MAC[:5] + b"\x02"]
    served = ServedProcess(options)
    with served, ExitStack() as stack:
        guests = [
            stack.enter_context(Guest(image, net=path, log=tmp_path / f"{path.name}_log", mac=mac))
            for path, mac in zip(sockets, macs, strict=True)
        ]
        for guest in guests:
            guest.login()
        for number, guest in enumerate(guests):
            disks = guest.wait_for_disks(3)
            own, shared = fio(disks[number], "0", 8), fio(disks[2], "0" if number == 0 else "8M", 4)
            guest.check(f"(({own} && {shared}) >/tmp/out 2>&1; echo $? >/tmp/status) >/dev/null 2>&1 &")
        # Both are at work at the same time: frames of each came before the first had ended.
        before = [node["fcoe_received"] for node in served.client.state()["nodes"]]
        for guest in guests:
            status = guest.wait_for("grep . /tmp/status", 300, "fio to end")
            assert status == "0\n", guest.run("tail -20 /tmp/out").output
            if guest is guests[0]:
                after = [node["fcoe_received"] for node in served.client.state()["nodes"]]
                assert all(later - sooner > 100 for sooner, later in zip(before, after, strict=True)), (before, after)
        assert len(served.client.state()["hosts"]) == 2
    counts = served.summary()["counts"]
    assert not {"abts", "rec", "task_management"} & counts.keys(), counts
