// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Whether four data characters turn the running disparity around. A character does when exactly one of its 6-bit and 4-bit
   sub-blocks is unbalanced, whatever the disparity before it, so no 8b/10b coder is needed. */
module word_flip (
    input  wire [31:0] data,
    output wire        flip
);

    // bit x: the 5b/6b code of Dx.y is unbalanced; bit y: the 3b/4b code is
    localparam [31:0] UNBALANCED_6B = 32'hE9818117;
    localparam [7:0]  UNBALANCED_4B = 8'h91;

    reg flip_rom [0:255];

    integer i;

    initial begin
        for (i = 0; i < 256; i = i + 1)
            flip_rom[i] = UNBALANCED_6B[i & 31] ^ UNBALANCED_4B[i >> 5];
    end

    assign flip = flip_rom[data[31:24]] ^ flip_rom[data[23:16]] ^ flip_rom[data[15:8]] ^ flip_rom[data[7:0]];

endmodule

`resetall
