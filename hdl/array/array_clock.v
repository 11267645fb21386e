// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Clock of the array: seconds since 1970-01-01 00:00 UTC without leap seconds. It has no reset: it goes on, as the store keeps its
   words. The last second (7 February 2106) stays. */
module array_clock (
    input  wire        clk,
    input  wire        tick,

    // ticks in a second; 0 counts as 1. May change at any time
    input  wire [15:0] cfg_ticks_per_second,

    // set by the console, ahead or back; the second begins anew
    input  wire        set_valid,
    input  wire [31:0] set_seconds,

    output reg  [31:0] seconds
);

    reg [15:0] ticks_reg;

    wire last = {1'b0, ticks_reg} + 17'd1 >= {1'b0, cfg_ticks_per_second};

    always @(posedge clk) begin
        if (tick) begin
            ticks_reg <= last ? 16'd0 : ticks_reg + 16'd1;
            if (last && !(&seconds))
                seconds <= seconds + 32'd1;
        end
        if (set_valid) begin
            seconds <= set_seconds;
            ticks_reg <= 16'd0;
        end
    end

    initial begin
        seconds = 32'd0;
        ticks_reg = 16'd0;
    end

endmodule

`resetall
