# SPDX-License-Identifier: Apache-2.0
"""The simulated array as a device: the bench `array_bench` with its transactors, under cocotb."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from portplex.bfm.axil import AxiLite
from portplex.bfm.executor import CocotbExecutor
from portplex.bfm.simulated_ports import SimulatedPorts
from portplex.executor import DeadlineExceeded, sleep
from portplex.management import Management

IMAGE_DEADLINE = 1000
IMAGE_NAME_BYTES = 256


class SimulatedDrive:
    """Back door to drive_model: images in and out through files."""

    def __init__(self, model: Any, executor: CocotbExecutor) -> None:
        self._model = model
        self._executor = executor

    async def load(self, image: Path) -> None:
        await self._transfer(image, self._model.load_image)

    async def save(self, image: Path, blocks: int) -> None:
        self._model.save_blocks.value = blocks
        await self._transfer(image, self._model.save_image)

    async def _transfer(self, image: Path, request: Any) -> None:
        name = str(image).encode()
        if len(name) > IMAGE_NAME_BYTES:
            raise ValueError(f"image {image}: its path has {len(name)} bytes, {IMAGE_NAME_BYTES} are allowed")
        self._model.image_name.value = int.from_bytes(name, "big")
        request.value = 1
        await self._until(1, f"drive image {image}")
        failed = int(self._model.image_error.value)
        request.value = 0
        await self._until(0, "the drive to be ready for the next image")
        if failed:
            raise OSError(f"drive image {image} could not be read or written")

    async def _until(self, level: int, what: str) -> None:
        deadline = self._executor.now() + IMAGE_DEADLINE
        while int(self._model.image_done.value) != level:
            if self._executor.now() > deadline:
                raise DeadlineExceeded(what, deadline, f"image_done {int(self._model.image_done.value)}")
            await sleep(self._executor, 2)


class SimulatedArray(SimulatedPorts):
    """Device over `array_bench`: its Fibre Channel ports, the AXI4-Lite management port, the drive's back door."""

    management: Management

    def __init__(self, dut: Any) -> None:
        super().__init__(dut, len(dut.to_array_data) // 32)
        self.management = Management(AxiLite(self.transactors, 0))
        self.drive = SimulatedDrive(dut.array.drive, self.executor)
