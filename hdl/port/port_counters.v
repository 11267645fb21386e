// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

// Port counters: sixteen saturating event counters, counter n in bits 32n+31:32n.
module port_counters (
    input  wire             clk,
    input  wire             rst,

    // One strobe a counter
    input  wire [15:0]      strobes,
    output reg  [32*16-1:0] counters
);

integer i;
initial counters = 512'd0;

always @(posedge clk) begin
    if (|strobes) begin : count
        reg [32*16-1:0] next;
        next = counters;
        for (i = 0; i < 16; i = i + 1) begin
            if (strobes[i] && !(&next[32*i +: 32])) next[32*i +: 32] = next[32*i +: 32] + 32'd1;
        end
        counters <= next;
    end
    if (rst) counters <= 512'd0;
end

endmodule

`resetall
