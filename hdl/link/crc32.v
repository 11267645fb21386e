// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* CRC-32 of FC-FS over one word a clock: next register value from the register and the word. Table driven, since 256-entry tables
   simulate fastest. Bytes go in wire order (bits 31:24 first), each byte least significant bit first; the register starts at
   all ones, and a register run over data and CRC ends at DEBB20E3h. */
module crc32 (
    input  wire [31:0] crc_in,
    input  wire [31:0] data,
    output wire [31:0] crc_out
);

    reg [31:0] table_rom [0:255];

    integer i;
    integer bit_index;
    reg [31:0] value;

    initial begin
        for (i = 0; i < 256; i = i + 1) begin
            value = i;
            for (bit_index = 0; bit_index < 8; bit_index = bit_index + 1)
                value = value[0] ? (value >> 1) ^ 32'hEDB88320 : value >> 1;
            table_rom[i] = value;
        end
    end

    wire [31:0] step0 = table_rom[crc_in[7:0] ^ data[31:24]] ^ {8'd0, crc_in[31:8]};
    wire [31:0] step1 = table_rom[step0[7:0] ^ data[23:16]] ^ {8'd0, step0[31:8]};
    wire [31:0] step2 = table_rom[step1[7:0] ^ data[15:8]] ^ {8'd0, step1[31:8]};

    assign crc_out = table_rom[step2[7:0] ^ data[7:0]] ^ {8'd0, step2[31:8]};

endmodule

`resetall
