# SPDX-License-Identifier: Apache-2.0
"""A Linux guest in QEMU whose network card is one end of an Ethernet side, and whose shell Python speaks to.

side = QemuStream(path)
side.start()
with Guest(guest_image(), net=path, log=folder, meanwhile=pump) as guest:
    guest.check("ls /sys/class/fc_host")

The guest has three consoles: the kernel's serial port, a virtio port with a shell for Python, a terminal for people. A
booted guest is saved once and restored at every start. No KVM: the processor is emulated.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import select
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from portplex.files import locked
from portplex.hil.guest_image import GuestImage
from portplex.simulate import SimulationFailed, UsageError

QEMU = "qemu-system-x86_64"
GUEST_MAC = bytes.fromhex("525400120001")
INTERFACE = "eth0"

_BOOT_SECONDS = 120.0
_RESTORE_SECONDS = 30.0
_SAVE_SECONDS = 60.0
_STOP_SECONDS = 5.0
_LAST_LINES = 12
_MACHINE = shlex.split("-accel tcg,thread=multi -M q35 -cpu max -m 512 -smp 1 -nographic -nodefaults -no-reboot")
_KERNEL_LINE = "console=ttyS0 panic=-1 oops=panic quiet loglevel=6"
_READY = b"@@ready\n"
_LEAVE = b"\x1d"  # Ctrl-]; the guest says it when the shell has ended


class GuestError(SimulationFailed):
    """The guest did not do what it should. The message ends with the last lines of its console."""


class Result(NamedTuple):
    """What a command in the guest gave: exit status, and output with error output among it."""

    status: int
    output: str


class Channel:
    """One of QEMU's character devices: a socket, and everything that came from it since the last `clear`."""

    def __init__(self, log: Path | None = None) -> None:
        self.socket, self.far = socket.socketpair()
        self.received = bytearray()
        self.closed = False
        self._log = log.open("wb", buffering=0) if log is not None else None

    def read(self) -> bytes:
        """What has come; call when readable."""
        try:
            data = self.socket.recv(65536)
        except OSError:
            data = b""
        self.closed = not data
        self.received += data
        if self._log is not None:
            self._log.write(data)
        return data

    def close(self) -> None:
        self.socket.close()
        self.far.close()
        if self._log is not None:
            self._log.close()


class Guest:
    """`net` is the socket of a `QemuStream` that listens. The console goes to `log/console.log`. `meanwhile(seconds)`
    is called again and again while the guest is waited for, and should return after about so many seconds: it is
    where the gateway polls when it lives in the same process."""

    def __init__(
        self,
        image: GuestImage,
        *,
        net: Path,
        log: Path,
        mac: bytes = GUEST_MAC,
        meanwhile: Callable[[float], object] | None = None,
    ) -> None:
        self.image = image
        self.net = net
        self.log = log
        self.mac = mac
        self.meanwhile = meanwhile
        self._machine: _Machine | None = None
        self._commands = 0

    # ---- life ----

    def start(self) -> None:
        """Restore the booted guest (boot and save it first when that has not been done) and bring its interface up.
        UsageError without QEMU or a listening socket, GuestError when the guest fails; then nothing is left running."""
        state = saved_state(self.image)
        machine = _Machine(self.image, self.net, self.log, self.meanwhile)
        self._machine = machine
        try:
            machine.start(f"exec:cat {shlex.quote(str(state))}")
            machine.wait_paused(_RESTORE_SECONDS)
            machine.qmp("cont")
            self.check(f"date -s @{int(time.time())} >/dev/null; sysctl -qw net.ipv6.conf.{INTERFACE}.disable_ipv6=1")
            self.check(f"ip link set {INTERFACE} address {self.mac.hex(':')} mtu 2500 promisc on up")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the guest at once, as if its plug were pulled; may be called at any time and more than once."""
        machine, self._machine = self._machine, None
        if machine is not None:
            machine.stop()

    def __enter__(self) -> Guest:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ---- commands ----

    def run(self, command: str, timeout: float = 60.0) -> Result:
        """Run a shell command to its end. GuestError when that takes more than `timeout` seconds, or the guest dies."""
        machine = self.machine
        self._commands += 1
        begin, end = f"@@begin {self._commands}\n".encode(), f"@@end {self._commands} ".encode()
        shell = machine.shell
        shell.received.clear()
        quoted = shlex.quote(command)
        machine.send(
            f"echo; echo @@begin {self._commands}; sh -c {quoted} </dev/null; echo @@end {self._commands} $?\n"
        )
        pattern = re.compile(re.escape(begin) + b"(.*)" + re.escape(end) + rb"(\d+)\n", re.DOTALL)
        machine.wait(lambda: end in shell.received and pattern.search(shell.received), timeout, f"`{command}` to end")
        found = pattern.search(shell.received)
        assert found is not None
        return Result(int(found[2]), found[1].decode(errors="replace"))

    def check(self, command: str, timeout: float = 60.0) -> str:
        """The output of a shell command that must succeed: GuestError when its exit status is not 0."""
        status, output = self.run(command, timeout)
        if status:
            raise self.machine.error(f"`{command}` ended with status {status}: {output.strip()[-2000:]}")
        return output

    def wait_for(self, command: str, timeout: float, what: str) -> str:
        """Repeat a shell command every 0.1 s of guest time until it succeeds; its output then. GuestError naming `what`
        after `timeout` seconds."""
        try:
            return self.check(f'until out=$({command}) 2>/dev/null; do sleep 0.1; done; echo "$out"', timeout)
        except GuestError as error:
            raise GuestError(f"waited for {what}: {error}") from None

    def login(self, *, vn2vn: bool = False) -> None:
        """Have the kernel's FCoE initiator log in: with the fabric, with a point-to-point peer that has sent its FLOGI
        first, or with its neighbours when `vn2vn`. The interface is down meanwhile: the kernel takes in FIP before the
        port for it is there, and a beacon at that moment is a panic (Linux 6.1, fcoe_ctlr_vn_recv)."""
        create = f"echo {INTERFACE} >/sys/module/libfcoe/parameters/create{'_vn2vn' if vn2vn else ''}"
        self.check(f"ip link set {INTERFACE} down && {create} && ip link set {INTERFACE} up")

    def logout(self) -> None:
        self.check(f"echo {INTERFACE} >/sys/module/libfcoe/parameters/destroy")

    def wait_for_disks(self, count: int, timeout: float = 60.0) -> list[str]:
        """Wait until `count` disks are there; their devices (/dev/sda, ...) in order of LUN."""
        names = f"set -- $(ls -d /sys/class/scsi_disk/*/device/block/*); [ $# = {count} ] && echo $*"
        found = self.wait_for(names, timeout, f"{count} disks to appear")
        parts = [path.split("/") for path in found.split()]
        return [f"/dev/{name}" for _, name in sorted((int(part[4].split(":")[3]), part[-1]) for part in parts)]

    def interact(self, stdin: int, stdout: int) -> None:
        """Join the guest's terminal to file descriptors, until stdin ends, Ctrl-] is pressed or the shell is left."""
        people = self.machine.people
        people.socket.send(b"\n")
        while not people.closed:
            for readable in select.select([people.socket.fileno(), stdin], [], [])[0]:
                data = os.read(stdin, 4096) if readable == stdin else people.read()
                os.write(stdout if readable != stdin else people.socket.fileno(), data.replace(_LEAVE, b""))
                if not data or _LEAVE in data:
                    return

    @property
    def pid(self) -> int:
        """Of QEMU."""
        return self.machine.pid

    @property
    def machine(self) -> _Machine:
        if self._machine is None:
            raise GuestError("the guest has not been started")
        return self._machine


def saved_state(image: GuestImage) -> Path:
    """The saved state of the booted guest; boots one and saves it when there is none for this image and QEMU."""
    folder = image.kernel.parent
    key = hashlib.sha256(f"{image.key} {qemu_version()} {_MACHINE} {_KERNEL_LINE}".encode()).hexdigest()[:16]
    path = folder / f"booted-{key}.state"
    with locked(folder / ".state.lock"):
        if not path.exists():
            for old in folder.glob("booted-*"):
                old.unlink()
            _boot_and_save(image, path)
    return path


def _boot_and_save(image: GuestImage, path: Path) -> None:
    part = path.with_suffix(".part")
    with _nobody_on_the_net() as net:
        machine = _Machine(image, net, path.parent / "boot")
        try:
            machine.start(None)
            machine.wait(lambda: _READY in machine.shell.received, _BOOT_SECONDS, "the shell to come up")
            machine.qmp("stop")
            machine.qmp("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
            machine.qmp("migrate", uri=f"exec:cat >{shlex.quote(str(part))}")
            machine.wait_migrated(_SAVE_SECONDS)
            part.replace(path)
        finally:
            machine.stop()
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def _nobody_on_the_net() -> Iterator[Path]:
    """A socket QEMU can connect its network card to."""
    with tempfile.TemporaryDirectory(prefix="portplex-") as folder, socket.socket(socket.AF_UNIX) as listener:
        path = Path(folder) / "net"
        listener.bind(str(path))
        listener.listen(8)
        yield path


def qemu_version() -> str:
    """First line of what QEMU says of itself; UsageError when it is not here."""
    if shutil.which(QEMU) is None:
        raise UsageError(f"{QEMU} is not here: `make hil` installs it where it may (Debian: qemu-system-x86)")
    return subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]


class _Machine:
    """One QEMU process with its channels."""

    def __init__(
        self, image: GuestImage, net: Path, log: Path, meanwhile: Callable[[float], object] | None = None
    ) -> None:
        log.mkdir(parents=True, exist_ok=True)
        self._image = image
        self._net = net
        self._log = log
        self._meanwhile = meanwhile
        self.kernel = Channel(log / "console.log")
        self.shell = Channel(log / "commands.log")
        self.people = Channel()
        self._monitor = Channel()
        self._channels = (self.kernel, self.shell, self.people, self._monitor)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, incoming: str | None) -> None:
        """Start QEMU: from the kernel, or from a saved state at the migration address `incoming`."""
        if not self._net.is_socket():
            raise UsageError(f"socket {self._net}: is not there; start the gateway first")
        command = [*self._command(), *(["-incoming", incoming] if incoming else [])]
        # A guest does not outlive this process, and a Ctrl-C in the terminal is this process's to handle.
        command = ["setpriv", "--pdeathsig", "KILL", "--", *command]
        with (self._log / "qemu.log").open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                pass_fds=[channel.far.fileno() for channel in self._channels],
                start_new_session=True,
            )
        for channel in self._channels:
            channel.far.close()
        self.qmp("qmp_capabilities")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def _command(self) -> list[str]:
        command = [QEMU, *_MACHINE, "-kernel", str(self._image.kernel), "-initrd", str(self._image.initramfs)]
        command += ["-append", _KERNEL_LINE]
        for number, channel in enumerate(self._channels):
            command += ["-chardev", f"socket,id=c{number},fd={channel.far.fileno()}"]
        # Shells are on virtio: an emulated 16550 forgets the interrupt for its last bytes now and then.
        command += ["-serial", "chardev:c0", "-device", "virtio-serial-pci"]
        command += ["-device", "virtserialport,chardev=c1,name=python", "-device", "virtconsole,chardev=c2"]
        command += ["-mon", "chardev=c3,mode=control"]
        command += ["-netdev", f"stream,id=n0,server=off,addr.type=unix,addr.path={self._net}"]
        return [*command, "-device", f"virtio-net-pci,netdev=n0,mac={GUEST_MAC.hex(':')},romfile="]

    def stop(self) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for channel in self._channels:
            channel.close()

    # ---- waiting ----

    def send(self, text: str) -> None:
        try:
            self.shell.socket.sendall(text.encode())
        except OSError:
            raise self._ended() from None

    def wait(self, done: Callable[[], object], timeout: float, what: str) -> None:
        """Take in what comes until `done()` is true; GuestError when it is not after `timeout` seconds or QEMU ends."""
        deadline = time.monotonic() + timeout
        while not done():
            if any(channel.closed for channel in self._channels):
                raise self._ended(what)
            left = deadline - time.monotonic()
            if left <= 0:
                raise self.error(f"waited {timeout:g} s for {what}")
            pause = min(left, 0.5)
            if self._meanwhile is not None:
                self._meanwhile(min(pause, 0.005))
                pause = 0.0
            for channel in self._channels:
                if channel.socket in select.select([c.socket for c in self._channels], [], [], pause)[0]:
                    channel.read()
                pause = 0.0

    def qmp(self, command: str, **arguments: Any) -> Any:
        """The answer to a command of QEMU's monitor."""
        monitor = self._monitor
        monitor.received.clear()
        request = {"execute": command, **({"arguments": arguments} if arguments else {})}
        try:
            monitor.socket.sendall(json.dumps(request).encode() + b"\n")
        except OSError:
            raise self._ended(command) from None
        answers: list[Any] = []

        def answered() -> bool:
            lines = bytes(monitor.received).split(b"\n")
            answers[:] = [reply for line in lines[:-1] if (reply := json.loads(line)).keys() & {"return", "error"}]
            return bool(answers)

        self.wait(answered, _STOP_SECONDS * 2, f"QEMU to answer {command}")
        if "error" in answers[0]:
            raise self.error(f"QEMU refused {command}: {answers[0]['error']['desc']}")
        return answers[0]["return"]

    def wait_paused(self, timeout: float) -> None:
        """Until a restored machine stands still."""
        self.wait(
            lambda: self.qmp("query-status")["status"] in ("paused", "running"), timeout, "QEMU to restore the state"
        )

    def wait_migrated(self, timeout: float) -> None:
        """Until the state is saved."""
        self.wait(lambda: self.qmp("query-migrate").get("status") in ("completed", "failed"), timeout, "QEMU to save")
        status = self.qmp("query-migrate")
        if status["status"] != "completed":
            raise self.error(f"QEMU could not save the guest: {status.get('error-desc', status['status'])}")

    # ---- what went wrong ----

    def error(self, reason: str) -> GuestError:
        lines = [line for line in _plain(self.kernel.received).splitlines() if line.strip()][-_LAST_LINES:]
        shell = [line for line in _plain(self.shell.received).splitlines() if line.strip()][-_LAST_LINES:]
        text = "".join(f"\n  {line}" for line in lines) or " (it has said nothing)"
        if shell:
            text += "\nlast lines of its shell:" + "".join(f"\n  {line}" for line in shell)
        return GuestError(f"guest: {reason}\nlast lines of its console:{text}\nall of it: {self._log / 'console.log'}")

    def _ended(self, what: str = "") -> GuestError:
        """QEMU is gone: a panic, a mistake in its command line, or somebody killed it."""
        assert self._process is not None
        with contextlib.suppress(OSError):
            while select.select([self.kernel.socket], [], [], 0.2)[0] and self.kernel.read():
                pass
        status = self._process.poll()
        said = (self._log / "qemu.log").read_text(errors="replace").strip()
        panic = next((line for line in _plain(self.kernel.received).splitlines() if "Kernel panic" in line), None)
        reason = panic or f"QEMU has ended (status {status}) {said}".strip()
        return self.error(reason + (f", while waiting for {what}" if what else ""))


def _plain(data: bytes | bytearray) -> str:
    """Text without a terminal's control sequences."""
    text = bytes(data).decode(errors="replace").replace("\r", "")
    return re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|c)", "", text)
