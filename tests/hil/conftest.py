# SPDX-License-Identifier: Apache-2.0
"""The guest's image and saved state, made once."""

from __future__ import annotations

import os
from socket import AF_UNIX
from socket import socket as listening_socket

import pytest

from portplex.hil.guest import saved_state
from portplex.hil.guest_image import guest_image
from portplex.simulate import UsageError


@pytest.fixture
def image(require_tool):
    for tool in ("qemu-system-x86_64", "apt-get", "dpkg"):
        require_tool(tool)
    try:
        image = guest_image()
    except UsageError as error:  # no network, another architecture
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))
    saved_state(image)
    return image


@pytest.fixture
def socket(tmp_path):
    """A socket for the network card of a guest that has nobody to talk to."""
    with listening_socket(AF_UNIX) as listener:
        listener.bind(str(tmp_path / "net"))
        listener.listen(8)
        yield tmp_path / "net"
