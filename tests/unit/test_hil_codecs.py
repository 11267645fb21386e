# SPDX-License-Identifier: Apache-2.0
"""FCoE and FIP with struct against the scapy layers, hand-written bytes, and bad input."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.l2 import Ether

from portplex.executor import VirtualExecutor
from portplex.fc.constants import ORDERED_SETS
from portplex.fc.layers import (
    FC,
    FIP,
    FIP_ELP,
    FIP_FC_MAP,
    FIP_FDISC,
    FIP_FKA,
    FIP_FLOGI,
    FIP_LOGO,
    FIP_MAC,
    FIP_VLAN,
    FIP_VN_ID,
    FCoE,
    FIP_Fabric,
    FIP_FC4_Features,
    FIP_FCoE_Size,
    FIP_Name,
    FIP_Priority,
    FIP_Vendor,
)
from portplex.hil import fip
from portplex.hil.fcoe import decode, encode, mac_of, n_port_id_of
from portplex.hil.fip import Fip, FipError, RateLimit, VnId

from .nport_bench import known_answers

ROOT = Path(__file__).resolve().parents[2]
HERE, THERE = bytes.fromhex("0250504c5801"), bytes.fromhex("0efc00010e00")
MACS = st.binary(min_size=6, max_size=6)
WWNS = st.integers(0, (1 << 64) - 1)
FRAMES = st.integers(6, 534).flatmap(lambda words: st.binary(min_size=4 * words, max_size=4 * words))


@pytest.mark.fast
def test_fip_campaign() -> None:
    command = [sys.executable, "-m", "scapy.tools.UTscapy", "-t", "tests/unit/fip.uts", "-f", "text", "-q"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    passed = re.search(r"PASSED=(\d+) FAILED=0", done.stdout)
    assert passed, done.stdout[-3000:]
    assert int(passed[1]) >= 10, done.stdout[-3000:]


@pytest.mark.fast
@given(FRAMES, MACS, MACS, st.booleans(), st.booleans())
def test_fcoe_equals_scapy(frame: bytes, destination: bytes, source: bytes, initiate: bool, terminate: bool) -> None:
    data = encode(destination, source, frame, initiate=initiate, terminate=terminate)
    head = Ether(dst=destination.hex(":"), src=source.hex(":"))
    layer = FCoE(sof=0x2E if initiate else 0x36, eof=0x42 if terminate else 0x41)
    assert data == bytes(head / layer / FC(frame))
    assert len(data) == len(frame) + 36 >= 60
    counts: Counter[str] = Counter()
    decoded = decode(data, counts, 99)
    assert decoded is not None
    assert (decoded.destination, decoded.source, decoded.frame.data) == (destination, source, frame)
    assert decoded.frame.sof == ORDERED_SETS["SOFi3" if initiate else "SOFn3"]
    assert decoded.frame.eof == ORDERED_SETS["EOFt_NEG" if terminate else "EOFn_NEG"]
    assert (decoded.frame.crc_ok, decoded.frame.start, decoded.frame.end) == (True, 99, 99)
    assert not counts


@pytest.mark.fast
def test_fcoe_bytes_of_a_known_frame() -> None:
    """Known-answer frame 13 (LOGO), its CRC, SOFi3 2Eh and EOFt 42h."""
    frame, _ = known_answers()[13]
    expected = THERE.hex() + HERE.hex() + "8906" + "00" * 13 + "2e" + frame.hex() + "c6eaedc5" + "42000000"
    assert encode(THERE, HERE, frame).hex() == expected


@pytest.mark.fast
def test_fcoe_addresses() -> None:
    assert mac_of(0x010E00) == THERE
    assert n_port_id_of(THERE) == 0x010E00
    assert n_port_id_of(HERE) is None
    assert mac_of(0x1234, 0x0EFD00).hex() == "0efd00001234"


@pytest.mark.fast
@pytest.mark.parametrize("size", [0, 20, 26, 2140, 2137])
def test_fcoe_refuses_to_send_impossible_frames(size: int) -> None:
    with pytest.raises(ValueError, match=f"frame of {size} bytes: must be 24 to 2136, a multiple of 4"):
        encode(THERE, HERE, bytes(size))


def changed(at: int, value: int) -> bytes:
    data = bytearray(encode(THERE, HERE, known_answers()[13][0]))
    data[at] = value
    return bytes(data)


GOOD = encode(THERE, HERE, known_answers()[13][0])
BAD_FCOE = {
    "fcoe_short": GOOD[:59],
    "fcoe_short-empty": GOOD[:14],
    "fcoe_long": GOOD[:28] + bytes(2140) + GOOD[-8:],
    "fcoe_length": GOOD[:-9] + GOOD[-8:],
    "fcoe_version": changed(14, 0x10),
    "fcoe_sof": changed(27, 0x2F),
    "fcoe_class": changed(27, 0x2D),
    "fcoe_class-f": changed(27, 0x28),
    "fcoe_eof": changed(len(GOOD) - 4, 0x43),
    "fcoe_invalid": changed(len(GOOD) - 4, 0x50),
    "fcoe_invalid-eofni": changed(len(GOOD) - 4, 0x49),
    "fcoe_crc": changed(30, GOOD[30] ^ 1),
    "fcoe_crc-itself": changed(len(GOOD) - 8, GOOD[-8] ^ 0x80),
}


@pytest.mark.fast
@pytest.mark.parametrize("reason", BAD_FCOE)
def test_bad_fcoe_is_counted(reason: str) -> None:
    counts: Counter[str] = Counter()
    assert decode(BAD_FCOE[reason], counts) is None
    assert counts == {reason.split("-")[0]: 1}


@pytest.mark.fast
@given(st.integers(0, 8 * (len(GOOD) - 28 - 4) - 1))
def test_one_wrong_bit_is_never_accepted(bit: int) -> None:
    """Any bit of header, payload or CRC."""
    data = bytearray(GOOD)
    data[28 + bit // 8] ^= 1 << bit % 8
    assert decode(bytes(data), Counter()) is None


DESCRIPTORS = st.one_of(
    st.integers(0, 255).map(lambda value: (fip.priority(value), FIP_Priority(priority=value))),
    MACS.map(lambda value: (fip.mac(value), FIP_MAC(mac=value.hex(":")))),
    WWNS.map(lambda value: (fip.name(value), FIP_Name(name_=value))),
    WWNS.map(lambda value: (fip.fabric(value), FIP_Fabric(fabric_name=value))),
    st.integers(0, 65535).map(lambda value: (fip.fcoe_size(value), FIP_FCoE_Size(size=value))),
    st.integers(0, (1 << 32) - 1).map(lambda value: (fip.fka(value), FIP_FKA(period=value))),
    st.tuples(MACS, st.integers(0, (1 << 24) - 1), WWNS).map(
        lambda v: (fip.vn_id(VnId(*v)), FIP_VN_ID(mac=v[0].hex(":"), n_port_id=v[1], port_name=v[2]))
    ),
    st.tuples(
        st.sampled_from((FIP_FLOGI, FIP_FDISC, FIP_LOGO, FIP_ELP)), FRAMES.filter(lambda f: 28 <= len(f) < 900)
    ).map(lambda v: (fip.encapsulated(v[0]().type, v[1]), v[0](frame=FC(v[1])))),
)


@pytest.mark.fast
@given(
    MACS, MACS, st.integers(0, 0xFFFF), st.integers(0, 255), st.integers(0, 0xFFFF), st.lists(DESCRIPTORS, max_size=5)
)
def test_fip_equals_scapy(destination, source, operation, subcode, flags, pairs) -> None:
    built = fip.fip(destination, source, operation, subcode, flags, *(one for one, _ in pairs))
    layer = FIP(operation=operation, subcode=subcode, flags=flags, descriptors=[other for _, other in pairs])
    data = bytes(Ether(dst=destination.hex(":"), src=source.hex(":")) / layer)
    assert built.pack() == data.ljust(60, b"\0")
    assert bytes(Ether(built.pack())) == built.pack()
    kinds = [one[0] for one, _ in pairs]
    if any(kinds.count(kind) > 1 and kind != 11 for kind in kinds):
        with pytest.raises(FipError, match="fip_duplicate_descriptor"):
            Fip.unpack(data)
    else:
        assert Fip.unpack(data) == built
        assert Fip.unpack(built.pack(2158)) == built
        assert len(built.pack(2158)) == max(2172, len(data))


@pytest.mark.fast
def test_fip_says_what_it_holds() -> None:
    """Read back by other means than it was written: scapy builds, struct reads."""
    layer = FIP(
        operation=1,
        subcode=2,
        flags=0x8007,
        descriptors=[
            FIP_Priority(priority=7),
            FIP_MAC(mac=HERE.hex(":")),
            FIP_FC_MAP(),
            FIP_Name(name_=0x1122334455667788),
            FIP_Fabric(fc_map=0x0EFC01, fabric_name=5),
            FIP_FCoE_Size(size=1500),
            FIP_VN_ID(mac=THERE.hex(":"), n_port_id=0x010E00, port_name=9),
            FIP_VN_ID(mac=HERE.hex(":"), n_port_id=2, port_name=3),
            FIP_FKA(period=3_600_000),
            FIP_Vendor(),
            FIP_VLAN(vlan=100),
            FIP_FC4_Features(),
        ],
    )
    frame = Fip.unpack(bytes(Ether(dst=THERE.hex(":"), src=HERE.hex(":")) / layer))
    assert (frame.priority_value, frame.mac, frame.name, frame.fabric) == (7, HERE, 0x1122334455667788, (0x0EFC01, 5))
    assert (frame.fcoe_size, frame.fka_period) == (1500, 3_600_000)
    assert frame.vn_ids == [VnId(THERE, 0x010E00, 9), VnId(HERE, 2, 3)]
    with pytest.raises(FipError, match="fip_missing_descriptor"):
        _ = frame.encapsulated
    assert fip.fc4_features(3)[1].hex() == "0000" + "00000100" + "00" * 28 + "00" * 4 + "00000003" + "00" * 120


def listed(descriptors: str, words: int | None = None, version: int = 0x10) -> bytes:
    body = bytes.fromhex(descriptors)
    head = THERE + HERE + bytes.fromhex("8914") + bytes((version, 0, 0, 1, 0, 1))
    length = len(body) // 4 if words is None else words
    return (head + length.to_bytes(2, "big") + bytes(2) + body).ljust(60, b"\0")


BAD_FIP = {
    "fip_short": listed("")[:23],
    "fip_version": listed("0202" + HERE.hex(), version=0x20),
    "fip_length": listed("0202" + HERE.hex(), words=200),
    "fip_length-zero": listed("0200" + HERE.hex()),
    "fip_length-zero-not-critical": listed("80000000"),
    "fip_length-beyond": listed("0203" + HERE.hex()),
    "fip_descriptor_length": listed("0201" + "0102"),
    "fip_descriptor_length-long": listed("0102" + "008000000000"),
    "fip_descriptor_length-encapsulated": listed("0702" + "00" * 6),
    "fip_unknown_descriptor": listed("7f01" + "0000"),
    "fip_unknown_descriptor-0": listed("0001" + "0000"),
    "fip_duplicate_descriptor": listed("0202" + HERE.hex() + "0202" + THERE.hex()),
}


@pytest.mark.fast
@pytest.mark.parametrize("reason", BAD_FIP)
def test_bad_fip_has_its_reason(reason: str) -> None:
    with pytest.raises(FipError) as caught:
        Fip.unpack(BAD_FIP[reason])
    assert caught.value.reason == reason.split("-")[0]


@pytest.mark.fast
def test_unknown_descriptors_that_are_not_critical_are_passed_over() -> None:
    frame = Fip.unpack(listed("8002" + "aa" * 6 + "0202" + HERE.hex() + "f101" + "0000"))
    assert frame.descriptors == ((2, HERE),)


@pytest.mark.fast
@given(st.binary(max_size=200), st.integers(0, 60))
def test_any_fip_bytes_are_read_or_refused(body: bytes, words: int) -> None:
    data = listed(body.hex(), words)
    with contextlib.suppress(FipError):
        assert len(Fip.unpack(data).descriptors) <= words
    packet = Ether(data)
    packet.show2(dump=True)
    assert bytes(Ether(data)) == data


@pytest.mark.fast
def test_rate_limit() -> None:
    """A burst, then one a period; strangers share four bursts; those who are known do not pay for them."""
    executor = VirtualExecutor()
    limit = RateLimit(executor, burst=5, period=100)
    assert [limit.allows(HERE, False) for _ in range(7)] == [True] * 5 + [False] * 2
    executor.run_for(250)
    assert [limit.allows(HERE, False) for _ in range(4)] == [True, True, False, False]
    strangers = [limit.allows(number.to_bytes(6, "big"), False) for number in range(1000)]
    assert sum(strangers) <= 20
    assert limit.allows(THERE, True)
    executor.run_for(10_000)
    assert limit.allows(HERE, False)
