// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Clock, reset and time of a simulation, made in HDL because a clock driven from Python costs thirty times the speed; and the one
   signal that wakes Python. Simulation only. Python may ask for another reset through the C library; time goes on through it. */
module clock_source #(
    parameter HALF_PERIOD = 2,   // ns, 1 or more
    parameter RESET_CLOCKS = 16, // clocks of reset at the start, 1 or more
    parameter WAKES = 1          // 1 or more
) (
    output wire clk,
    output reg rst,
    output reg [63:0] cycles, // clocks since the first reset ended

    // transactors that have something for Python
    input  wire [WAKES-1:0] wake_request, // strobes
    output reg  wake                      // toggles
);

    `include "bfm/portplex_bfm.vh"

    localparam [3:0] POLL_PHASE = 4'd15;

    // with PORTPLEX_MAIN_CLOCK the simulator's main program makes the edges (tb/portplex/main_clock.h)
    reg main_clock /*verilator public_flat_rw*/;
    reg [31:0] half_period /*verilator public_flat_rd*/; // ns
    reg [31:0] reset_left;
    reg started; // the first reset is over
    reg [63:0] moment;
    integer asked;

    initial begin
        if (HALF_PERIOD < 1 || RESET_CLOCKS < 1 || WAKES < 1) begin
            $display("%m: HALF_PERIOD %0d, RESET_CLOCKS %0d and WAKES %0d must be at least 1", HALF_PERIOD, RESET_CLOCKS, WAKES);
            $finish;
        end
        main_clock = 1'b0;
        half_period = HALF_PERIOD;
        rst = 1'b1;
        cycles = 64'd0;
        wake = 1'b0;
        started = 1'b0;
        reset_left = RESET_CLOCKS;
        asked = 0;
        moment = 64'd0;
    end

    assign clk = main_clock;

`ifndef PORTPLEX_MAIN_CLOCK
    always #(HALF_PERIOD) main_clock = !main_clock;
`endif

    always @(posedge clk) begin
        if (|wake_request) wake <= !wake;
        if (started) begin
            cycles <= cycles + 64'd1;
            if (cycles[3:0] == POLL_PHASE) begin
                `PP_CLOCK_POLL(cycles, asked);
                if (asked != 0) begin
                    rst <= 1'b1;
                    reset_left <= asked;
                end
            end
        end
        if (rst) begin
            reset_left <= reset_left - 32'd1;
            if (reset_left <= 32'd1) begin
                rst <= 1'b0;
                started <= 1'b1;
                if (!started) begin
                    // verilator lint_off BLKSEQ
                    moment = $time; // Icarus hands a variable to C, not the call
                    // verilator lint_on BLKSEQ
                    `PP_TIME_ZERO(moment);
                end
            end
        end
    end

endmodule

`resetall
