# SPDX-License-Identifier: Apache-2.0
"""Render `constants` as Verilog headers: `python -m portplex.fc.generate_headers` writes them into `hdl/`."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from pathlib import Path

from portplex.fc import constants
from portplex.simulate import project_root

# Macro prefix and width in bits of each group that the RTL uses.
GROUPS: tuple[tuple[str, int, type[IntEnum] | type[IntFlag]], ...] = (
    ("FC_RCTL", 8, constants.RCtl),
    ("FC_TYPE", 8, constants.FcType),
    ("FC_FCTL", 24, constants.FCtl),
    ("FC_FCTL_USUAL", 24, constants.FCtlUsual),
    ("FC_DFCTL", 8, constants.DfCtl),
    ("FC_ADDR", 24, constants.Address),
    ("FC_ELS", 8, constants.Els),
    ("FC_LSRJT", 8, constants.LsRjtReason),
    ("FC_LSRJT_EXP", 8, constants.LsRjtExplanation),
    ("FC_BARJT", 8, constants.BaRjtReason),
    ("FC_BARJT_EXP", 8, constants.BaRjtExplanation),
    ("FC_SERVICE", 16, constants.ServiceFlag),
    ("FC_CLASS", 16, constants.ClassFlag),
    ("FC_PRLI", 8, constants.PrliFlag),
    ("FC_PRLI_RSP", 4, constants.PrliResponse),
    ("FC_PRLI_FCP", 32, constants.PrliFcp),
    ("FC_CT", 16, constants.CtCommand),
    ("FC_CT_SERVICE", 8, constants.CtService),
    ("FC_NS_FEATURE", 8, constants.NameServerFeature),
    ("FCP_ATTRIBUTE", 3, constants.FcpAttribute),
    ("FCP_TMF", 8, constants.FcpTaskManagement),
    ("FCP_CMND", 8, constants.FcpCmndFlag),
    ("FCP_RSP", 8, constants.FcpRspFlag),
    ("FCP_RSP_CODE", 8, constants.FcpRspCode),
    ("SCSI_STATUS", 8, constants.ScsiStatus),
)

PREAMBLE = """\
// SPDX-License-Identifier: Apache-2.0
// Generated from tb/portplex/fc/constants.py by `python -m portplex.fc.generate_headers`; a test keeps both equal.
"""


def _guarded(guard: str, body: list[str]) -> str:
    return "\n".join([PREAMBLE + f"`ifndef {guard}", f"`define {guard}", *body, "", "`endif", ""])


def _define(name: str, width: int, value: int) -> str:
    return f"`define {name} {width}'h{value:0{(width + 3) // 4}X}"


def render_ordered_sets() -> str:
    """Text of `hdl/link/ordered_sets.vh`: `OS_<NAME>` for each ordered set, 32 bits."""
    body = ["", *(_define(f"OS_{name.upper()}", 32, word) for name, word in constants.ORDERED_SETS.items())]
    return _guarded("PORTPLEX_ORDERED_SETS_VH", body)


def render_fc_constants() -> str:
    """Text of `hdl/port/fc_constants.vh`: `<PREFIX>_<NAME>` for each member of each group, sized."""
    body: list[str] = []
    for prefix, width, group in GROUPS:
        body += ["", f"// {(group.__doc__ or '').strip()}"]
        body += [_define(f"{prefix}_{name}", width, int(member)) for name, member in group.__members__.items()]
    body += ["", "// Exchange identifier not assigned", _define("FC_X_ID_UNASSIGNED", 16, constants.X_ID_UNASSIGNED)]
    return _guarded("PORTPLEX_FC_CONSTANTS_VH", body)


def headers() -> dict[Path, str]:
    """Each generated file and the text it must hold."""
    hdl = project_root() / "hdl"
    return {
        hdl / "link" / "ordered_sets.vh": render_ordered_sets(),
        hdl / "port" / "fc_constants.vh": render_fc_constants(),
    }


def main() -> None:
    """Write the headers."""
    for path, text in headers().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
