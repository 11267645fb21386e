# SPDX-License-Identifier: Apache-2.0
"""The registers in Verilog-2005: look-up, legal values, storage, and the list of those that live in the store as well.

A look-up and a write are each one `case` over the address in a clocked block, so nothing is computed while nobody asks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from portplex.registers.model import Dimension, Field, RegisterInfo
from portplex.registers.source import SOURCE, Kind, RegisterMap
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
    wire        write;
    wire [15:0] address;
    wire [31:0] wdata;
    reg         readable_reg;
    reg         legal_reg;
    reg  [31:0] rdata_reg;
    reg         stored_reg;
    reg  [9:0]  store_word_reg;
    reg         window_reg;
    reg         waits_reg;
    wire        answered;
    wire        refused;
    wire        loading;
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
    "waits": "waits_reg",
    "answered": "answered",
    "refused": "refused",
    "loading": "loading",
    "mirror": "mirror",
    "mirror_address": "mirror_address",
    "mirror_reset": "mirror_reset",
    "mirror_first": "mirror_first",
    "mirror_last": "mirror_last",
}

INDEX = "ij"
Dimensions = tuple[Dimension, ...]


RESULTS = {"readable": 1, "legal": 1, "rdata": 32, "stored": 1, "store_word": 10, "window": 1, "waits": 1}


@dataclass
class _Signal:
    """A port, or a register inside; as wide as `width` or as the HDL parameter `width_is`, for each element."""

    direction: str  # output, input, or nothing
    dimensions: Dimensions
    section: str
    width: int = 0
    width_is: str = ""
    reset: int = 0
    pulse: bool = False

    @property
    def bits(self) -> str:
        if self.dimensions:
            return f"[{'*'.join(_count(d) for d in self.dimensions)}*{self.width}-1:0]"
        if self.width_is:
            return f"[{self.width_is}-1:0]"
        return f"[{self.width - 1}:0]" if self.width > 1 else ""

    @property
    def reset_value(self) -> str:
        value = _literal(self.width, self.reset)
        if self.width_is:
            return f"{{{self.width_is}{{1'b0}}}}"
        return f"{{{'*'.join(_count(d) for d in self.dimensions)}{{{value}}}}}" if self.dimensions else value


@dataclass(frozen=True)
class _Mirror:
    address: int
    word: int
    reset: int
    table: int
    exists: str  # condition, empty when it always does
    loaded: bool  # the registers keep the word, and load it after a reset


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
        self.signals: dict[str, _Signal] = {}
        self.commands = sorted({register.command for register in source.registers if register.command})
        self.events: list[tuple[RegisterInfo, Field]] = []
        for register in source.registers:
            for field in register.fields:
                self._add_signals(register, field)
            if strobe := source.strobes.get(register.name):
                self.signals[strobe] = _Signal("output", (), register.section, width=1, pulse=True)
            self._add_command(register)
        self.mirrors = self._find_mirrors()

    def _add_signals(self, register: RegisterInfo, field: Field) -> None:
        wiring = self.source.wiring[register.name, field.name]
        if wiring.kind in (Kind.EVENT, Kind.INTERNAL):
            self._add_signal("", register, field)
        if wiring.kind is Kind.EVENT:
            self.signals.setdefault("irq", _Signal("output", (), register.section, width=1))
            self.events.append((register, field))
        if wiring.port:
            driven = wiring.kind in (Kind.SETTING, Kind.STROBE)
            self._add_signal("output" if driven else "input", register, field)

    def _add_signal(self, direction: str, register: RegisterInfo, field: Field) -> None:
        wiring = self.source.wiring[register.name, field.name]
        name = wiring.port if direction else self._name(register, field)
        dimensions = () if wiring.looked_up else register.dimensions
        fresh = _Signal(direction, dimensions, register.section, width_is=field.width_is)
        signal = self.signals.setdefault(name, fresh)
        if (signal.direction, signal.dimensions) != (direction, dimensions):
            raise UsageError(f"{register.name}.{field.name}: its port {name} is used in another way elsewhere")
        if field.width_is and (register.dimensions or field.reset or wiring.low):
            raise UsageError(f"{register.name}.{field.name}: width_is goes with no array, no reset value, no port_low")
        signal.width = max(signal.width, wiring.low + field.width)
        signal.reset |= field.reset << wiring.low
        signal.pulse = wiring.kind is Kind.STROBE

    def _add_command(self, register: RegisterInfo) -> None:
        if register.command and f"{register.command}_valid" not in self.signals:
            for name, direction, width in (("valid", "output", 1), ("ready", "input", 1), ("answer", "input", 1)):
                signal = _Signal(direction, (), register.section, width=width)
                self.signals[f"{register.command}_{name}"] = signal
            self.signals[f"{register.command}_refused"] = _Signal("input", (), register.section, width=8)

    def _name(self, register: RegisterInfo, field: Field) -> str:
        """The signal that has the field's value."""
        wiring = self.source.wiring[register.name, field.name]
        inside = wiring.kind in (Kind.EVENT, Kind.INTERNAL)
        return f"{register.name.lower()}_{field.name}_reg" if inside else wiring.port

    def _find_mirrors(self) -> list[_Mirror]:
        found = []
        for register in self.source.registers:
            if register.store_word is None:
                continue
            if len(register.dimensions) > 1:
                raise UsageError(f"{register.name}: an array of arrays cannot be mirrored")
            for number in range(register.size):
                index = [number] * len(register.dimensions)
                size_is = register.dimensions[0].size_is if register.dimensions else ""
                exists = f"{size_is} > {number}" if size_is and number else ""
                at, word = register.at(*index), register.word(*index)
                found.append(_Mirror(at, word, register.reset, register.store_table, exists, register.mirrored))
        return sorted(found, key=lambda mirror: (mirror.table, mirror.word))

    def render(self) -> str:
        lines = [f"module {SOURCE.rsplit('/')[-1].removesuffix('.rdl')} #("]
        parameters = self.source.parameters
        for parameter in parameters:
            comma = "" if parameter is parameters[-1] else ","
            lines.append(f"    parameter {parameter.name} = {parameter.default}{comma} // {parameter.legal}")
        lines += [") (", *_indent(self._port_list(), 1), ");", "", *_indent(self._localparams(), 1), ""]
        lines += [*ACCESS.splitlines(), "", *_indent(self._instance(), 1), ""]
        inside = [(name, signal) for name, signal in self.signals.items() if not signal.direction]
        lines += [f"    reg  {signal.bits:11} {name};" for name, signal in inside] + [""] * bool(inside)
        lines += [*_indent(self._answers(), 1), ""]
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
        for name, signal in self.signals.items():
            if signal.direction and signal.section != section:
                section = signal.section
                rows.append(("", "", section))
            if signal.direction:
                rows.append(("output reg " if signal.direction == "output" else "input  wire", signal.bits, name))
        rows += [("", "", "The register that is looked up, or whose command is valid")]
        rows += [("output wire", "", "look"), ("output wire", "[15:0]", "look_address")]
        rows += [("output wire", "[31:0]", "command_data")]
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
        lines = [f"localparam MIRRORS = {sum(mirror.loaded for mirror in self.mirrors)};"]
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

    def _answers(self) -> list[str]:
        """How the units' answers reach the bus."""
        answers = [f"{name}_answer" for name in self.commands]
        refusals = [f"{name}_answer && {name}_refused != 8'd0" for name in self.commands]
        never = "1'b0"
        lines = [f"assign answered = {' || '.join(answers) or never};"]
        lines += [f"assign refused = {' || '.join(refusals) or never};"]
        return [*lines, "assign look_address = at[15:0];", "assign command_data = wdata;"]

    def _slice(self, register: RegisterInfo, field: Field) -> str:
        """The field's bits of its signal, of element i (and j)."""
        name, low = self._name(register, field), self.source.wiring[register.name, field.name].low
        signal = self.signals[name]
        if signal.dimensions:
            element = INDEX[0]
            for letter, dimension in zip(INDEX[1:], register.dimensions[1:], strict=False):
                element = f"({_count(dimension)}*{element} + {letter})"
            base = f"{signal.width}*{element} + {low}" if low else f"{signal.width}*{element}"
            return f"{name}[{base} +: {field.width}]"
        if signal.width == field.width:
            return name
        high = low + field.width - 1
        return f"{name}[{high}:{low}]" if field.width > 1 else f"{name}[{high}]"

    def _value(self, register: RegisterInfo) -> str:
        """The word that a read gives."""
        parts: list[str] = []
        at = 32
        for field in sorted(register.fields, key=lambda field: -field.low):
            if field.pulse or "r" not in field.access or field.width_is:
                continue
            gap = at - field.low - field.width
            parts += [f"{gap}'d0"] if gap else []
            wiring = self.source.wiring[register.name, field.name]
            if wiring.kind is Kind.VALUE:
                parts.append(self._value_name(register, field) if field.width > 1 else f"{wiring.value_is}")
            elif wiring.kind is Kind.CONSTANT:
                parts.append(_literal(field.width, field.reset))
            else:
                parts.append(self._slice(register, field))
            at = field.low
        parts += [f"{at}'d0"] if at else []
        return parts[0] if len(parts) == 1 else f"{{{', '.join(parts)}}}"

    @staticmethod
    def _bits_of(field: Field) -> str:
        if field.width == 32:
            return "wdata"
        if field.width_is:
            return f"wdata[{field.low} +: {field.width_is}]"
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
            bits = self._bits_of(replace(field, width_is=""))
            word = bits if field.width == 32 else f"{{{32 - field.width}'d0, {bits}}}"
            if field.width_is:
                terms.append(f"{word} < (32'd1 << {field.width_is})")
            if field.minimum:
                terms.append(f"{bits} >= {_literal(field.width, field.minimum)}")
            if field.maximum is not None:
                terms.append(f"{bits} <= {_literal(field.width, field.maximum)}")
            if field.maximum_is:
                terms.append(f"{word} <= {self._limit_name(register, field)}")
            if field.step > 1:
                terms.append(f"({bits} & {_literal(field.width, field.step - 1)}) == {field.width}'d0")
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
        lines = ["always @* begin", f"    {target} = 55'd0;", "    if (loading)", "        case (mirror)"]
        loaded = [mirror for mirror in self.mirrors if mirror.loaded]
        tables = [mirror.table for mirror in loaded]
        for number, mirror in enumerate(loaded):
            last = number + 1 == len(tables) or tables[number + 1] != mirror.table
            value = f"16'h{mirror.address:04X}, 32'd{mirror.reset}, 6'd{tables.index(mirror.table)}, 1'b{int(last)}"
            lines.append(f"            6'd{number}: {target} = {{{value}}}; // table {mirror.table}")
        return [*lines, "            default: ;", "        endcase", "end"]

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
        looks = {register.name: self._look(register) for register in self.source.registers}
        writes = {register.name: self._write(register) for register in self.source.registers}
        window = self.source.window
        last = window.address + 4 * window.words - 1
        lines = ["integer i;", "integer j;", "", "always @(posedge clk) begin"]
        lines += [f"    {name} <= {signal.reset_value};" for name, signal in self.signals.items() if signal.pulse]
        if self.events:
            lines.append(
                f"    irq <= {' || '.join(self._interrupt(register, field) for register, field in self.events)};"
            )
        for name in self.commands:
            lines += [f"    if ({name}_ready)", f"        {name}_valid <= 1'b0;"]
        look = [f"{name}_reg <= {width}'d0;" for name, width in RESULTS.items() if name != "store_word"]
        look += ["store_word_reg <= address[11:2];"]
        look += [f"if (address >= 16'h{window.address:04X} && address <= 16'h{last:04X}) begin"]
        look += [f"    {name}_reg <= 1'b1;" for name in ("readable", "legal", "stored", "window")] + ["end"]
        lines += ["", "    if (look) begin", *_indent([*look, *self._over_all(looks)], 2), "    end", ""]
        lines += ["    if (write) begin", *_indent(self._over_all(writes), 2), "    end"]
        for register, field in self.events:  # after a write that takes the event back: a new one is not lost
            lines += _indent(self._event(register, field), 1)
        lines.append("")
        kept = [(name, signal) for name, signal in self.signals.items() if signal.direction != "input"]
        lines += ["    if (rst) begin", *(f"        {name} <= {signal.reset_value};" for name, signal in kept)]
        lines += ["    end", "end", "", "initial begin"]
        lines += [f"    {name} = {signal.reset_value};" for name, signal in kept]
        return [*lines, *(f"    {name}_reg = {width}'d0;" for name, width in RESULTS.items()), "end"]

    def _event(self, register: RegisterInfo, field: Field) -> list[str]:
        """The bits that an event sets; one by one, so that nothing has to be read."""
        name, port = self._name(register, field), self.source.wiring[register.name, field.name].port
        width = field.width_is or str(field.width)
        if width == "1":
            return [f"if ({port})", f"    {name} <= 1'b1;"]
        loop = f"for (i = 0; i < {width}; i = i + 1)"
        return [loop, f"    if ({port}[i])", f"        {name}[i] <= 1'b1;"]

    def _interrupt(self, register: RegisterInfo, field: Field) -> str:
        """The condition under which this interrupt is asked for."""
        enable = self.source.wiring[register.name, field.name].enable
        by = next(r for r in self.source.registers if enable and r.name == enable[0])
        enabling = next(f for f in by.fields if enable and f.name == enable[1])
        return f"|({self._name(register, field)} & {self._name(by, enabling)})"

    def _write(self, register: RegisterInfo) -> list[str]:
        """What a write of the register does."""
        lines = [f"{register.command}_valid <= 1'b1;"] if register.command else []
        for field in register.fields:
            kind = self.source.wiring[register.name, field.name].kind
            if kind in (Kind.SETTING, Kind.INTERNAL, Kind.STROBE):
                lines.append(f"{self._slice(register, field)} <= {self._bits_of(field)};")
            elif kind is Kind.EVENT:
                name = self._name(register, field)
                lines.append(f"{name} <= {name} & ~{self._bits_of(field)};")
        if strobe := self.source.strobes.get(register.name):
            lines.append(f"{strobe} <= 1'b1;")
        return lines

    def _look(self, register: RegisterInfo) -> list[str]:
        lines = ["readable_reg <= 1'b1;"]
        value = self._value(register)
        if value != "32'd0":
            lines.append(f"rdata_reg <= {value};")
        if legal := self._legal(register):
            lines.append(f"legal_reg <= {legal};")
        for field in register.fields:
            if field.width_is and "r" in field.access:
                lines.append(f"rdata_reg[{field.low} +: {field.width_is}] <= {self._name(register, field)};")
        if register.command and "w" in register.access:
            lines.append("waits_reg <= 1'b1;")
        if register.mirrored:
            word = f"10'h{register.store_word:03X}"
            if register.dimensions:
                word += (
                    f" + {INDEX[0]}[9:0]"
                    if register.store_stride == 1
                    else f" + 10'd{register.store_stride}*{INDEX[0]}[9:0]"
                )
            lines += ["stored_reg <= 1'b1;", f"store_word_reg <= {word};"]
        elif register.store_word is not None:
            lines += ["stored_reg <= 1'b0;", *([] if legal else ["legal_reg <= 1'b0;"])]
        return lines


def render_verilog(source: RegisterMap) -> str:
    """Text of `hdl/array/management_registers.v`."""
    return _Renderer(source).render()
