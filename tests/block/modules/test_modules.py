# SPDX-License-Identifier: Apache-2.0
"""Benches of single modules that are otherwise seen only inside a composite."""

from __future__ import annotations

from pathlib import Path

import pytest

from portplex.simulate import simulate

HERE = Path(__file__).parent


def run(top: str, sources: list[str], simulator: str, **parameters: int) -> None:
    """Run `bench_<top>.py`; it sees the parameters as environment variables of the same names."""
    simulate(
        top,
        sources=sources,
        test_module=str(HERE / f"bench_{top}.py"),
        simulator=simulator,
        parameters=parameters,
        env={name: str(value) for name, value in parameters.items()},
    )


# the least, a common size, and as many sequences as there are SEQ_IDs
@pytest.mark.parametrize("tasks", [1, 8, 256])
def test_frame_scheduler(simulator: str, tasks: int) -> None:
    run("frame_scheduler", ["port/frame_scheduler.v", "port/port_cache_reader.v"], simulator, TASKS=tasks)


def test_port_cache_reader(simulator: str) -> None:
    run("port_cache_reader", ["port/port_cache_reader.v"], simulator)


def test_port_cache_writer(simulator: str) -> None:
    run("port_cache_writer", ["port/port_cache_writer.v"], simulator)


@pytest.mark.parametrize("tasks", [1, 8, 256])
def test_rx_dispatch(simulator: str, tasks: int) -> None:
    run("rx_dispatch", ["port/rx_dispatch.v", "port/port_cache_writer.v"], simulator, TASKS=tasks)


@pytest.mark.parametrize("tasks", [1, 8])
def test_task_table(simulator: str, tasks: int) -> None:
    run("task_table", ["port/task_table.v"], simulator, TASKS=tasks)


def test_word_flip(simulator: str) -> None:
    run("word_flip", ["link/word_flip.v"], simulator)


def test_word_receiver(simulator: str) -> None:
    run("word_receiver", ["link/word_receiver.v"], simulator)


@pytest.mark.parametrize(
    ("top", "folder", "strobes"), [("link_error_status_block", "link", "events"), ("port_counters", "port", "strobes")]
)
def test_event_counters(simulator: str, top: str, folder: str, strobes: str) -> None:
    simulate(
        top,
        sources=[f"{folder}/{top}.v"],
        test_module=str(HERE / "bench_event_counters.py"),
        simulator=simulator,
        env={"STROBES": strobes},
    )


@pytest.mark.parametrize(
    ("top", "folder", "parameters"),
    [
        ("port_fifo", "port", {"WIDTH": 8, "DEPTH_LOG2": 4}),
        ("port_fifo", "port", {"WIDTH": 512, "DEPTH_LOG2": 2}),
        ("port_fifo", "port", {"WIDTH": 1, "DEPTH_LOG2": 6}),
        ("cache_fifo", "cache", {"WIDTH": 8, "DEPTH_LOG2": 4}),
        ("cache_fifo", "cache", {"WIDTH": 33, "DEPTH_LOG2": 1}),
    ],
)
def test_queues(simulator: str, top: str, folder: str, parameters: dict[str, int]) -> None:
    simulate(
        top,
        sources=[f"{folder}/{top}.v"],
        test_module=str(HERE / "bench_queues.py"),
        simulator=simulator,
        parameters=parameters,
        env={"TOP": top, **{name: str(value) for name, value in parameters.items()}},
    )


@pytest.mark.parametrize(("queues", "tasks"), [(1, 16), (5, 32), (7, 256)])
def test_task_queues(simulator: str, queues: int, tasks: int) -> None:
    run("task_queues", ["array/task_queues.v"], simulator, QUEUES=queues, TASKS=tasks)


@pytest.mark.parametrize("tasks", [1, 32, 256])
def test_host_requests(simulator: str, tasks: int) -> None:
    run("host_requests", ["port/host_requests.v", "port/port_fifo.v"], simulator, TASKS=tasks)


def test_scsi_decode(simulator: str) -> None:
    run("scsi_decode", ["array/scsi_decode.v"], simulator)


def test_fcp_codec(simulator: str) -> None:
    run("fcp_codec", ["port/fcp_codec.v"], simulator)


@pytest.mark.parametrize("buffers", [1, 4])
def test_frame_rx(simulator: str, buffers: int) -> None:
    sources = ["link/frame_rx.v", "link/crc32.v", "link/word_flip.v"]
    run("frame_rx", sources, simulator, RX_BUFFERS=buffers)


def test_frame_tx(simulator: str) -> None:
    run("frame_tx", ["link/frame_tx.v", "link/crc32.v", "link/word_flip.v"], simulator)


def test_target_task(simulator: str) -> None:
    run("target_task", ["port/target_task.v"], simulator)


def test_initiator_task(simulator: str) -> None:
    run("initiator_task", ["port/initiator_task.v"], simulator)


def test_sequence_builder(simulator: str) -> None:
    run("sequence_builder", ["port/sequence_builder.v"], simulator)


@pytest.mark.parametrize("tasks", [1, 256])
def test_task_executor(simulator: str, tasks: int) -> None:
    parts = ("task_executor", "initiator_task", "target_task", "sequence_builder", "fcp_codec")
    run("task_executor", [f"port/{part}.v" for part in parts], simulator, TASKS=tasks)


@pytest.mark.parametrize("tasks", [1, 16, 256])
def test_task_generator(simulator: str, tasks: int) -> None:
    run("task_generator", ["port/task_generator.v", "port/port_fifo.v"], simulator, TASKS=tasks)


@pytest.mark.parametrize("tasks", [1, 32, 256])
def test_exchange_status(simulator: str, tasks: int) -> None:
    run("exchange_status", ["port/exchange_status.v"], simulator, TASKS=tasks)
