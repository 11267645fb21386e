// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* How much write data the hosts of one port may be asked for. What is asked for comes through one line, and behind it, in the fabric, every
   command that hosts send meanwhile: so there is room only while less than WINDOW bytes have been asked for and have not come. When none of
   that has come in full for QUIET clocks, a host may have gone: it is no longer counted, and the others go on. */
module write_window #(
    parameter WINDOW = 196608,  // bytes, 65536 to 1048576
    parameter QUIET = 65536     // clocks, 256 to 1048576
) (
    input  wire        clk,
    input  wire        rst,

    output wire        room,    // one more transfer may be asked for, of any size

    // `task` asks for `bytes`, or what it asked for has come, or will not; one of the two a clock
    input  wire        asked,
    input  wire        ended,
    input  wire [7:0]  task_number,
    input  wire [16:0] bytes    // up to 65536; with `ended` as with `asked`
);

    localparam [31:0] LIMIT = WINDOW;
    localparam [31:0] PATIENCE = QUIET;

    initial
        if (WINDOW < 65536 || WINDOW > 1048576 || QUIET < 256 || QUIET > 1048576) begin
            $display("%m: WINDOW=%0d (65536 to 1048576), QUIET=%0d (256 to 1048576)", WINDOW, QUIET);
            $finish;
        end

    reg [255:0] counted_reg;  // a task has one transfer at a time
    reg [20:0]  bytes_reg;    // of those that are counted: less than WINDOW and one transfer
    reg [20:0]  quiet_reg;

    // what is asked for in this clock counts already
    assign room = {11'd0, bytes_reg} + (asked ? {15'd0, bytes} : 32'd0) < LIMIT;

    initial begin
        counted_reg = 256'd0;
        bytes_reg = 21'd0;
        quiet_reg = 21'd0;
    end

    always @(posedge clk) begin : count
        reg forget;
        forget = {11'd0, quiet_reg} == PATIENCE;
        if ({11'd0, bytes_reg} >= LIMIT)
            quiet_reg <= quiet_reg + 21'd1;
        if (asked || (ended && counted_reg[task_number])) begin
            if (ended)
                quiet_reg <= 21'd0;
            bytes_reg <= asked ? bytes_reg + {4'd0, bytes} : bytes_reg - {4'd0, bytes};
            counted_reg[task_number] <= asked;
        end
        if (forget || rst) begin  // forget: the window is full, nothing is asked for in this clock
            counted_reg <= 256'd0;
            bytes_reg <= 21'd0;
            quiet_reg <= 21'd0;
        end
    end

endmodule

`resetall
