// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Link error status block: 16 saturating counters of 32 bits, one strobe each. */
module link_error_status_block (
    input  wire             clk,
    input  wire             rst,

    input  wire [15:0]      events,
    output reg  [32*16-1:0] counters  // counter n in bits 32n+31:32n
);

    integer n;

    always @(posedge clk) begin
        if (events != 16'd0) begin
            for (n = 0; n < 16; n = n + 1)
                if (events[n] && counters[32*n +: 32] != 32'hFFFFFFFF)
                    counters[32*n +: 32] <= counters[32*n +: 32] + 32'd1;
        end
        if (rst)
            counters <= {32*16{1'b0}};
    end

endmodule

`resetall
