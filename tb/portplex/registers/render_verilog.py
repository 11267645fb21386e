# SPDX-License-Identifier: Apache-2.0
"""The registers in Verilog-2005: look-up, legal values, storage, and the list of those that live in the store as well.

A look-up and a write are each one `case` over the address in a clocked block, so nothing is computed while nobody asks.
"""

from __future__ import annotations

from dataclasses import dataclass

from portplex.registers.model import Dimension, Field, RegisterInfo
from portplex.registers.source import SOURCE, RegisterMap
from portplex.simulate import UsageError

HEAD = f"""\
// SPDX-License-Identifier: Apache-2.0
// Generated from {SOURCE} by `portplex registers`; a test keeps both equal.
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Registers of the management console: an AXI4-Lite slave with configuration, status, the backup job, tables of the
   management information store and a window to that store. Meaning of each register: docs/registers.md. */
"""

# Ports of every register block: caption, then direction, bits, name.
BUS = """\
AXI4-Lite slave
input 15:0 s_axil_awaddr
input 2:0 s_axil_awprot
input - s_axil_awvalid
output - s_axil_awready
input 31:0 s_axil_wdata
input 3:0 s_axil_wstrb
input - s_axil_wvalid
output - s_axil_wready
output 1:0 s_axil_bresp
output - s_axil_bvalid
input - s_axil_bready
input 15:0 s_axil_araddr
input 2:0 s_axil_arprot
input - s_axil_arvalid
output - s_axil_arready
output 31:0 s_axil_rdata
output 1:0 s_axil_rresp
output - s_axil_rvalid
input - s_axil_rready
management information store
output - mis_valid
input - mis_ready
output - mis_write
output 9:0 mis_addr
output 31:0 mis_wdata
input - mis_rdata_valid
input 31:0 mis_rdata
"""

# Between register_access and the registers: wires are its outputs.
ACCESS = """\
    wire        look;
    wire        write;
    wire [15:0] address;
    wire [31:0] wdata;
    reg         readable_reg;
    reg         legal_reg;
    reg  [31:0] rdata_reg;
    reg         stored_reg;
    reg  [9:0]  store_word_reg;
    reg         window_reg;
    wire [5:0]  mirror;
    reg  [15:0] mirror_address;
    reg  [31:0] mirror_reset;
    reg  [5:0]  mirror_first;
    reg         mirror_last;
"""

# Ports of register_access besides the bus: name there and here.
CONNECTED = {
    "look": "look",
    "write": "write",
    "address": "address",
    "wdata": "wdata",
    "readable": "readable_reg",
    "legal": "legal_reg",
    "rdata": "rdata_reg",
    "stored": "stored_reg",
    "store_word": "store_word_reg",
    "window": "window_reg",
    "mirror": "mirror",
    "mirror_address": "mirror_address",
    "mirror_reset": "mirror_reset",
    "mirror_first": "mirror_first",
    "mirror_last": "mirror_last",
}

INDEX = "ij"
Dimensions = tuple[Dimension, ...]


@dataclass
class _Port:
    driven: bool
    dimensions: Dimensions
    section: str
    width: int = 0
    reset: int = 0
    pulse: bool = False


@dataclass(frozen=True)
class _Mirror:
    address: int
    word: int
    reset: int
    table: int
    exists: str  # condition, empty when it always does


def _count(dimension: Dimension) -> str:
    return dimension.size_is or str(dimension.size)


def _bits(width: int) -> str:
    return "" if width == 1 else f"[{width - 1}:0] "


def _literal(width: int, value: int) -> str:
    return f"{width}'h{value:X}"


def _indent(lines: list[str], levels: int) -> list[str]:
    return ["    " * levels + line if line else "" for line in lines]


class _Renderer:
    def __init__(self, source: RegisterMap) -> None:
        self.source = source
        self.ports: dict[str, _Port] = {}
        for register in source.registers:
            for field in register.fields:
                self._add_port(register, field)
        self.mirrors = self._find_mirrors()

    def _add_port(self, register: RegisterInfo, field: Field) -> None:
        wiring = self.source.wiring[register.name, field.name]
        if not wiring.port:
            return
        port = self.ports.setdefault(wiring.port, _Port(wiring.driven, register.dimensions, register.section))
        if (port.driven, port.dimensions) != (wiring.driven, register.dimensions):
            raise UsageError(f"{register.name}.{field.name}: its port {wiring.port} is used in another way elsewhere")
        port.width = max(port.width, wiring.low + field.width)
        port.reset |= field.reset << wiring.low
        port.pulse = field.pulse

    def _find_mirrors(self) -> list[_Mirror]:
        found = []
        for register in self.source.registers:
            if register.store_word is None:
                continue
            if len(register.dimensions) > 1:
                raise UsageError(f"{register.name}: an array of arrays cannot be mirrored")
            for index in range(register.size):
                at = register.at(*[index] * len(register.dimensions))
                exists = f"{_count(register.dimensions[0])} > {index}" if index else ""
                word = register.store_word + index
                found.append(_Mirror(at, word, register.reset, register.store_table, exists))
        return sorted(found, key=lambda mirror: (mirror.table, mirror.word))

    def render(self) -> str:
        lines = [f"module {SOURCE.rsplit('/')[-1].removesuffix('.rdl')} #("]
        parameters = self.source.parameters
        for parameter in parameters:
            comma = "" if parameter is parameters[-1] else ","
            lines.append(f"    parameter {parameter.name} = {parameter.default}{comma} // {parameter.legal}")
        lines += [") (", *_indent(self._port_list(), 1), ");", "", *_indent(self._localparams(), 1), ""]
        lines += [*ACCESS.splitlines(), "", *_indent(self._instance(), 1), ""]
        lines += [*_indent(self._aliases(), 1), "", *_indent(self._mirror_list(), 1), ""]
        lines += [*_indent(self._clocked(), 1), "", "endmodule", "", "`resetall", ""]
        return HEAD + "\n".join(lines)

    def _port_list(self) -> list[str]:
        rows: list[tuple[str, str, str]] = [("input  wire", "", "clk"), ("input  wire", "", "rst")]
        for line in BUS.splitlines():
            direction, _, rest = line.partition(" ")
            if direction not in ("input", "output"):
                rows.append(("", "", line))
                continue
            bits, name = rest.split()
            rows.append((f"{direction:6} wire", f"[{bits}]" if bits != "-" else "", name))
        section = ""
        for name, port in self.ports.items():
            if port.section != section:
                section = port.section
                rows.append(("", "", section))
            bits = f"[{port.width - 1}:0]" if port.width > 1 else ""
            if port.dimensions:
                bits = f"[{'*'.join(_count(d) for d in port.dimensions)}*{port.width}-1:0]"
            rows.append(("output reg " if port.driven else "input  wire", bits, name))
        column = max(len(bits) for _, bits, _ in rows)
        lines = []
        for direction, bits, name in rows:
            comma = "" if name == rows[-1][2] else ","
            lines += [f"{direction} {bits:{column}} {name}{comma}"] if direction else ["", f"// {name}"]
        return lines

    @staticmethod
    def _instance() -> list[str]:
        names = {"clk": "clk", "rst": "rst"}
        names |= {
            line.split()[2]: line.split()[2] for line in BUS.splitlines() if line.split()[0] in ("input", "output")
        }
        names |= CONNECTED
        pairs = [f".{port}({net})" for port, net in names.items()]
        lines = ["register_access #(.MIRRORS(MIRRORS)) register_access_inst ("]
        for start in range(0, len(pairs), 4):
            comma = "," if start + 4 < len(pairs) else ""
            lines.append(f"    {', '.join(pairs[start : start + 4])}{comma}")
        return [*lines, ");"]

    def _localparams(self) -> list[str]:
        lines = [f"localparam MIRRORS = {len(self.mirrors)};"]
        for register in self.source.registers:
            for field in register.fields:
                if field.maximum_is:
                    lines.append(f"localparam [31:0] {self._limit_name(register, field)} = {field.maximum_is};")
                wiring = self.source.wiring[register.name, field.name]
                if wiring.value_is and field.width > 1:
                    lines.append(
                        f"localparam {_bits(field.width)}{self._value_name(register, field)} = {wiring.value_is};"
                    )
        sizes = {d.size_is: d.size for r in self.source.registers for d in r.dimensions if d.size_is}
        lines += ["", "initial begin"]
        for name, size in sizes.items():
            lines += [f"    if ({name} < 1 || {name} > {size}) begin"]
            lines += [
                f'        $display("%m: {name} = %0d, must be 1 to {size}", {name});',
                "        $finish;",
                "    end",
            ]
        return [*lines, "end"]

    @staticmethod
    def _limit_name(register: RegisterInfo, field: Field) -> str:
        return f"LIMIT_{register.name}_{field.name.upper()}"

    @staticmethod
    def _value_name(register: RegisterInfo, field: Field) -> str:
        return f"VALUE_{register.name}_{field.name.upper()}"

    def _slice(self, register: RegisterInfo, field: Field) -> str:
        """The field's bits of its port, of element i (and j)."""
        wiring = self.source.wiring[register.name, field.name]
        port = self.ports[wiring.port]
        if register.dimensions:
            element = INDEX[0]
            for name, dimension in zip(INDEX[1:], register.dimensions[1:], strict=False):
                element = f"({_count(dimension)}*{element} + {name})"
            base = f"{port.width}*{element} + {wiring.low}" if wiring.low else f"{port.width}*{element}"
            return f"{wiring.port}[{base} +: {field.width}]"
        if port.width == field.width:
            return wiring.port
        high = wiring.low + field.width - 1
        return f"{wiring.port}[{high}:{wiring.low}]" if field.width > 1 else f"{wiring.port}[{high}]"

    def _value(self, register: RegisterInfo) -> str:
        """The word that a read gives."""
        parts: list[str] = []
        at = 32
        for field in sorted(register.fields, key=lambda field: -field.low):
            if field.pulse or "r" not in field.access:
                continue
            gap = at - field.low - field.width
            parts += [f"{gap}'d0"] if gap else []
            wiring = self.source.wiring[register.name, field.name]
            if wiring.port:
                parts.append(self._slice(register, field))
            elif wiring.value_is:
                parts.append(self._value_name(register, field) if field.width > 1 else f"{wiring.value_is}")
            else:
                parts.append(_literal(field.width, field.reset))
            at = field.low
        parts += [f"{at}'d0"] if at else []
        return parts[0] if len(parts) == 1 else f"{{{', '.join(parts)}}}"

    @staticmethod
    def _bits_of(field: Field) -> str:
        if field.width == 32:
            return "wdata"
        return f"wdata[{field.low + field.width - 1}:{field.low}]" if field.width > 1 else f"wdata[{field.low}]"

    def _legal(self, register: RegisterInfo) -> str:
        """The condition under which a write is taken; empty for a register that is only read."""
        writable = [field for field in register.fields if "w" in field.access]
        if not writable:
            return ""
        terms = []
        reserved = 0xFFFFFFFF & ~sum(field.mask for field in writable)
        if reserved:
            terms.append(f"(wdata & 32'h{reserved:08X}) == 32'd0")
        for field in writable:
            bits = self._bits_of(field)
            word = bits if field.width == 32 else f"{{{32 - field.width}'d0, {bits}}}"
            if field.minimum:
                terms.append(f"{bits} >= {_literal(field.width, field.minimum)}")
            if field.maximum is not None:
                terms.append(f"{bits} <= {_literal(field.width, field.maximum)}")
            if field.maximum_is:
                terms.append(f"{word} <= {self._limit_name(register, field)}")
            if field.step > 1:
                terms.append(f"({bits} & {_literal(field.width, field.step - 1)}) == {field.width}'d0")
        if register.at_most_one:
            chosen = f"(wdata & 32'h{register.at_most_one:X})"
            terms.append(f"({chosen} & ({chosen} - 32'd1)) == 32'd0")
        return " && ".join(terms) or "1'b1"

    def _aliases(self) -> list[str]:
        lines = [
            "/* A word of the store that a register mirrors is that register. */",
            "reg [31:0] at;",
            "always @* begin",
        ]
        lines += ["    at = {16'd0, address};", "    case (address)"]
        for mirror in self.mirrors:
            condition = f"if ({mirror.exists}) " if mirror.exists else ""
            word = self.source.window.address + 4 * mirror.word
            lines.append(f"        16'h{word:04X}: {condition}at = 32'h{mirror.address:04X};")
        return [*lines, "        default: ;", "    endcase", "end"]

    def _mirror_list(self) -> list[str]:
        """The registers that live in the store too, table after table."""
        target = "{mirror_address, mirror_reset, mirror_first, mirror_last}"
        lines = ["always @*", "    case (mirror)"]
        tables = [mirror.table for mirror in self.mirrors]
        for number, mirror in enumerate(self.mirrors):
            last = number + 1 == len(tables) or tables[number + 1] != mirror.table
            value = f"16'h{mirror.address:04X}, 32'd{mirror.reset}, 6'd{tables.index(mirror.table)}, 1'b{int(last)}"
            lines.append(f"        6'd{number}: {target} = {{{value}}}; // table {mirror.table}")
        return [*lines, f"        default: {target} = 55'd0;", "    endcase"]

    def _over_all(self, bodies: dict[str, list[str]]) -> list[str]:
        """One `case` for the single registers, and one in a loop for each kind of array."""
        kinds: dict[Dimensions, list[RegisterInfo]] = {}
        for register in self.source.registers:
            if bodies.get(register.name):
                kinds.setdefault(register.dimensions, []).append(register)
        lines: list[str] = []
        for dimensions, registers in kinds.items():
            selector = "at"
            for depth, (name, dimension) in enumerate(zip(INDEX, dimensions, strict=False)):
                lines += _indent([f"for ({name} = 0; {name} < {_count(dimension)}; {name} = {name} + 1)"], depth)
                selector += f" - 32'h{dimension.stride:X}*{name}"
            block = [f"case ({selector})"]
            for register in registers:
                body = bodies[register.name]
                label = f"32'h{register.address:04X}:"
                comment = f" // {register.name}"
                block += _indent([f"{label} begin{comment}", *_indent(body, 1), "end"], 1)
            lines += _indent([*block, "    default: ;", "endcase"], len(dimensions))
        return lines

    def _clocked(self) -> list[str]:
        looks, writes = {}, {}
        for register in self.source.registers:
            looks[register.name] = self._look(register)
            writes[register.name] = [
                f"{self._slice(register, field)} <= {self._bits_of(field)};"
                for field in register.fields
                if "w" in field.access
            ]
        window = self.source.window
        last = window.address + 4 * window.words - 1
        pulses = [(name, port) for name, port in self.ports.items() if port.pulse]
        lines = ["integer i;", "integer j;", "", "always @(posedge clk) begin"]
        lines += [f"    {name} <= {self._reset_of(port)};" for name, port in pulses]
        lines += ["", "    if (look) begin"]
        look = ["readable_reg <= 1'b0;", "legal_reg <= 1'b0;", "rdata_reg <= 32'd0;", "stored_reg <= 1'b0;"]
        look += ["store_word_reg <= address[11:2];", "window_reg <= 1'b0;"]
        look += [f"if (address >= 16'h{window.address:04X} && address <= 16'h{last:04X}) begin"]
        look += [
            "    readable_reg <= 1'b1;",
            "    legal_reg <= 1'b1;",
            "    stored_reg <= 1'b1;",
            "    window_reg <= 1'b1;",
            "end",
        ]
        lines += _indent([*look, *self._over_all(looks)], 2)
        lines += ["    end", "", "    if (write) begin", *_indent(self._over_all(writes), 2), "    end", ""]
        driven = [(name, port) for name, port in self.ports.items() if port.driven]
        lines += [
            "    if (rst) begin",
            *(f"        {name} <= {self._reset_of(port)};" for name, port in driven),
            "    end",
            "end",
            "",
        ]
        results = ("readable_reg", "legal_reg", "rdata_reg", "stored_reg", "store_word_reg", "window_reg")
        lines += ["initial begin", *(f"    {name} = {self._reset_of(port)};" for name, port in driven)]
        widths = (1, 1, 32, 1, 10, 1)
        return [*lines, *(f"    {name} = {width}'d0;" for name, width in zip(results, widths, strict=True)), "end"]

    @staticmethod
    def _reset_of(port: _Port) -> str:
        value = _literal(port.width, port.reset)
        return f"{{{'*'.join(_count(d) for d in port.dimensions)}{{{value}}}}}" if port.dimensions else value

    def _look(self, register: RegisterInfo) -> list[str]:
        lines = ["readable_reg <= 1'b1;"]
        value = self._value(register)
        if value != "32'd0":
            lines.append(f"rdata_reg <= {value};")
        if legal := self._legal(register):
            lines.append(f"legal_reg <= {legal};")
        if register.store_word is not None:
            word = f"10'h{register.store_word:03X}"
            if register.dimensions:
                word += f" + {INDEX[0]}[9:0]"
            lines += ["stored_reg <= 1'b1;", f"store_word_reg <= {word};"]
        return lines


def render_verilog(source: RegisterMap) -> str:
    """Text of `hdl/array/management_registers.v`."""
    return _Renderer(source).render()
