# SPDX-License-Identifier: Apache-2.0
"""The commands as a user meets them: one message and status 2 for a mistake, nothing that looks whole when broken."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PORTPLEX = Path(sys.executable).with_name("portplex")
SMALL = ("sim", "--seed", "11", "--hosts", "1", "--blocks", "64")


def portplex(
    *arguments: str, env: dict[str, str] | None = None, limit: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command; `limit` is the largest file it may write, in bytes."""

    def restrict() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [PORTPLEX, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        preexec_fn=restrict,
    )


def outside_make() -> dict[str, str]:
    """The environment without what a `make test` around this hands on: its variables would count here, too."""
    handed = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "SIM", "SEED", "WAVES", "HOSTS", "BLOCKS", "TASKS", "JOBS", "ARGS")
    return {name: value for name, value in os.environ.items() if name not in handed}


def one_message(done: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


@pytest.mark.fast
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sim", "--sim", "questa"), ("'questa'", "verilator, icarus")),
        (("sim", "--sim", "icarus", "--profile"), ("profile", "'icarus'", "must be verilator")),
        (("sim", "--blocks", "65"), ("blocks=65", "64 to 16384", "multiple of 8")),
        (("sim", "--blocks", "0"), ("blocks=0", "64 to 16384")),
        (("sim", "--hosts", "0"), ("hosts=0", "1 to 16")),
        (("sim", "--hosts", "17"), ("hosts=17", "1 to 16")),
        (("sim", "--tasks", "300"), ("tasks=300", "4 to 256")),
        (("sim", "--seed", "-1"), ("seed=-1",)),
        (("sim", "--seed", "4294967296"), ("seed=4294967296", "0 to 4294967295")),
        (("sim", "--hosts", "many"), ("hosts='many'", "whole number", "1 to 16")),
        (("sim", "--hosts", ""), ("hosts=''", "1 to 16")),
        (("array", "copy-pointer", "far"), ("blocks='far'", "whole number")),
        (("serve", "--replay", os.devnull, "--name", "../else"), ("name='../else'", "folder")),
        (("sim", "--mode", "fair"), ("'fair'", "online_first", "backup_first")),
        (("sim", "--no-such-option"), ("--no-such-option",)),
        (("no-such-command",), ("no-such-command",)),
    ],
)
def test_wrong_argument_is_named(arguments: tuple[str, ...], words: tuple[str, ...], tmp_path: Path) -> None:
    one_message(portplex(*arguments, env={"PORTPLEX_BUILD": str(tmp_path / "out")}), 2, *words)
    assert not (tmp_path / "out").exists(), "nothing is written for a wrong argument"


@pytest.mark.fast
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("HOST=3", ("HOST: must be one of", "HOSTS")),
        ("HOSTS=", ("hosts=''", "1 to 16")),
        ("HOSTS=2 3", ("hosts='2 3'", "1 to 16")),
        ("SEED=x", ("seed='x'", "whole number")),
        ("WAVES=yes", ("WAVES=yes", "0 or 1")),
        ("SIM=vcs", ("'vcs'", "verilator, icarus")),
    ],
)
def test_wrong_variable_of_make_is_named(given: str, words: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.run(
        ["make", "sim", given],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**outside_make(), "PORTPLEX_BUILD": str(tmp_path / "out")},
    )
    one_message(done, 2, *words)
    assert not (tmp_path / "out").exists(), "nothing is written for a wrong variable"


@pytest.mark.fast
def test_missing_simulator_is_said(tmp_path: Path) -> None:
    done = portplex("sim", "--sim", "icarus", env={"PATH": str(tmp_path), "PORTPLEX_BUILD": str(tmp_path / "out")})
    one_message(done, 2, "icarus", "not installed")


@pytest.mark.fast
def test_folder_that_cannot_be_written_is_said() -> None:
    one_message(portplex(*SMALL, env={"PORTPLEX_BUILD": "/proc/portplex"}), 2, "/proc/portplex", "PORTPLEX_BUILD")


@pytest.mark.fast
def test_checkout_without_hdl_is_said(tmp_path: Path) -> None:
    one_message(portplex(*SMALL, env={"PORTPLEX_ROOT": str(tmp_path)}), 2, "PORTPLEX_ROOT", "hdl")


@pytest.mark.fast
def test_waves_before_any_run_is_said(tmp_path: Path) -> None:
    one_message(portplex("waves", env={"PORTPLEX_BUILD": str(tmp_path)}), 2, "make sim")


def test_full_disk_leaves_no_whole_file() -> None:
    good = portplex(*SMALL)
    assert good.returncode == 0, good.stdout + good.stderr
    folder = Path(json.loads((ROOT / "sim_build" / "last_run.json").read_text())["folder"])
    assert json.loads((folder / "summary.json").read_text())["result"] == "passed"
    assert (folder / "frames.pcapng").stat().st_size > 100_000

    full = portplex(*SMALL, limit=100_000)
    assert full.returncode == 1
    assert "File too large" in full.stdout
    assert json.loads((folder / "summary.json").read_text())["result"] == "failed"
    assert not list(folder.glob("*.img"))
    assert not list(folder.glob("*.part"))


def test_make_prints_its_targets_and_variables() -> None:
    out = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for word in (
        "sim",
        "test",
        "test-fast",
        "lint",
        "waves",
        "bench",
        "clean",
        "SIM=",
        "SEED=",
        "WAVES=",
        "HOSTS=",
        "BLOCKS=",
    ):
        assert word in out
    handed = ["make", "-n", "test-fast", 'ARGS=-k "a=b or c" --HOST=1']
    out = subprocess.run(handed, cwd=ROOT, capture_output=True, text=True, check=True, env=outside_make()).stdout
    assert '-k "a=b or c" --HOST=1' in out


@pytest.mark.fast
def test_lint_is_clean() -> None:
    done = portplex("lint")
    assert done.returncode == 0, done.stdout


@pytest.mark.fast
def test_setup_names_what_is_missing(tmp_path: Path) -> None:
    for tool in ("sh", "cat", "dirname"):
        found = shutil.which(tool)
        assert found
        (tmp_path / tool).symlink_to(found)
    done = subprocess.run(
        ["sh", "tb/setup_tools.sh", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": str(tmp_path)},
    )
    assert "missing: iverilog" in done.stdout
    assert "missing: tshark" in done.stdout
