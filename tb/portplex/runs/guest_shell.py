# SPDX-License-Identifier: Apache-2.0
"""`portplex guest`: a shell in a Linux guest on the simulated array's port."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import termios
import tty
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from portplex.hil.guest import Guest, qemu_version, saved_state
from portplex.hil.guest_image import guest_image
from portplex.runs.serve import ServedProcess, ServeOptions
from portplex.simulate import UsageError, build_root

_SCRIPT_SECONDS = 3600.0


def guest_shell(socket: Path | None, volumes: Sequence[str], console: Console) -> int:
    """A guest at the socket of a running `portplex serve`, or at an array of its own with these volumes. In a terminal
    a shell; else standard input is run as a script, and its exit status returned."""
    if socket is not None and not socket.is_socket():
        raise UsageError(f"socket {socket}: is not there; start `portplex serve --socket {socket}` first")
    qemu_version()  # before anything is downloaded or built
    console.print("guest image ...")
    image = guest_image()
    saved_state(image)
    log = build_root() / "guest" / "log"
    with contextlib.ExitStack() as stack:
        if socket is None:
            socket = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portplex-"))) / "net"
            options = ServeOptions([f"socket:{socket}"], volumes, name="guest")
            console.print("simulated array ...")
            stack.enter_context(ServedProcess(options))
            disks = len(options.volumes)
        else:
            disks = 0
        console.print("guest ...")
        guest = stack.enter_context(Guest(image, net=socket, log=log))
        guest.login()
        if disks:
            console.print(f"disks: {' '.join(guest.wait_for_disks(disks))}")
        if not sys.stdin.isatty():
            status, output = guest.run(sys.stdin.read(), _SCRIPT_SECONDS)
            sys.stdout.write(output)
            return status
        console.print("a shell in the guest; `exit` or Ctrl-] leaves and stops it")
        with _raw_terminal():
            guest.interact(sys.stdin.fileno(), sys.stdout.fileno())
    return 0


@contextlib.contextmanager
def _raw_terminal() -> Iterator[None]:
    """Every key goes to the guest, Ctrl-C too."""
    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
        print()
