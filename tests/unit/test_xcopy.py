# SPDX-License-Identifier: Apache-2.0
"""EXTENDED COPY lists and results against hand-written bytes; the model of the copy manager builds what is parsed."""

from __future__ import annotations

import pytest

from portplex.model.copy_manager import HELD, CopyEnd, CopyManager, JobEnd, Part
from portplex.scsi import xcopy
from portplex.scsi.sense import Sense
from portplex.scsi.xcopy import CopyFailure, CopyLimits, CopyState, CopyStatus

UNIT = bytes.fromhex("6005076801234567 0000000000000001")


def manager() -> CopyManager:
    return CopyManager(lambda volume: UNIT, lambda part: JobEnd(), ports=2)


@pytest.mark.fast
def test_lists() -> None:
    assert xcopy.extended_copy(108).hex(" ") == "83 00 00 00 00 00 00 00 00 00 00 00 00 6c 00 00"
    assert xcopy.receive_copy_results(4, 9, 256).hex(" ") == "84 04 09 00 00 00 00 00 00 00 00 00 01 00 00 00"
    far = xcopy.n_port_id(0x010E07, 300, relative_port=2)
    assert far.hex(" ", 4) == "e1000002 412c0000 00000000 00000000 00000000 00010e07 00000000 00000200"
    own = xcopy.identification(UNIT)
    assert own.hex(" ", 4) == "e4000000 01030010 60050768 01234567 00000000 00000001 00000000 00000200"
    move = xcopy.segment(0, 1, 77, 3, 10, 2)
    assert move.hex(" ", 4) == "02020018 00000001 0000004d 00000000 00000003 00000000 0000000a"
    head = xcopy.parameter_list([own, far], [move], list_id=5, usage=2)[:16]
    assert head.hex(" ", 4) == "05100040 00000000 0000001c 00000000"


@pytest.mark.fast
def test_results() -> None:
    seen: list[Part] = []
    copies = manager()
    copies.engine = lambda part: seen.append(part) or JobEnd(copied=128, error=0x0204, sense=0x072707)  # type: ignore[func-returns-value]
    data = xcopy.parameter_list(
        [xcopy.identification(UNIT), xcopy.n_port_id(0x010E07, 5, relative_port=2)], [xcopy.segment(0, 1, 200, 3, 10)]
    )
    assert copies.run(data, 1, 4) is copies.find(4, 1, 1)
    assert seen == [Part(1, 3, 203, 0x010E07, 5, 10, 2)]
    end = copies.find(4, 1, 1)
    assert end is not None and copies.find(5, 1, 1) is copies.find(4, 0, 1) is copies.find(4, 1, 2) is None
    assert CopyStatus.unpack(end.status_data()) == (CopyState.FAILED, 1, 0, 128 * 512)
    expected = CopyFailure(Sense(10, 0x0D, 1), 72, 0, False, 2, Sense(7, 0x27, 7))
    assert CopyFailure.unpack(end.failure_data()) == expected
    source = CopyEnd((10, 0x0D, 1), 1, 2, 0, 3, True, 2, Sense(3, 0x11, 0))
    assert CopyFailure.unpack(source.failure_data()) == (Sense(10, 0x0D, 1), 1, 2, True, 2, Sense(3, 0x11, 0))
    assert CopyFailure.unpack(CopyEnd((10, 8, 4), 9, 2, 0, 3).failure_data()) == (
        Sense(10, 8, 4),
        9,
        2,
        False,
        None,
        None,
    )
    assert CopyFailure.unpack(CopyEnd().failure_data()) is None
    assert CopyStatus.unpack(CopyEnd(processed=2, bytes_copied=512).status_data()) == (CopyState.COMPLETED, 2, 0, 512)
    limits = CopyLimits.unpack(copies.limits_data())
    assert limits == (True, 4, 8, 352, 65535 * 512, 1, 512, (0x02, 0xE1, 0xE4))


@pytest.mark.fast
def test_results_that_are_not() -> None:
    with pytest.raises(ValueError, match="must be 12 bytes"):
        CopyStatus.unpack(bytes(11))
    with pytest.raises(ValueError, match="10 bytes, 60 available"):
        CopyFailure.unpack(b"\0\0\0\x3c" + bytes(6))
    with pytest.raises(ValueError, match="wrong length"):
        CopyLimits.unpack(bytes(43))


@pytest.mark.fast
def test_results_are_held() -> None:
    """The last ones only, none without a list identifier, none of a list that was wrong."""
    copies = manager()
    for number in range(HELD + 1):
        copies.run(xcopy.parameter_list([], [], list_id=number), 0, 0)
    assert copies.find(0, 0, 0) is None and copies.find(0, 0, 1) is not None
    copies.run(xcopy.parameter_list([], [], list_id=0, usage=xcopy.NO_ID), 0, 0)
    copies.run(xcopy.parameter_list([], [b"\x0a" + bytes(27)], list_id=99), 0, 0)
    assert copies.find(0, 0, 0) is copies.find(0, 0, 99) is None
