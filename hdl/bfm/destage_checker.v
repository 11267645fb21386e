// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Checker of invariant I4 (simulation only): the number of dirty segments falls only by segments whose write the drive has confirmed a
   moment ago. A confirmation that clears nothing (written again meanwhile) is forgotten after AGE clocks. */
module destage_checker #(
    parameter AGE = 512 // clocks from a confirmation to the segment being clean, at most
) (
    input  wire        clk,
    input  wire        rst,

    // the drive takes a command
    input  wire        command,
    input  wire        command_write,
    input  wire [9:0]  command_tag,

    // the drive answers
    input  wire        status,
    input  wire [9:0]  status_tag,
    input  wire        status_error,

    // the cache
    input  wire [15:0] dirty_count,

    output reg  [31:0] failures,
    output reg  [31:0] cleaned
);

    localparam SHOWN = 10;
    localparam [31:0] LIFE = AGE;

    reg [1023:0] write_open;
    reg [15:0]   dirty_before;
    reg [15:0]   confirmed;
    reg [31:0]   age;

    initial begin
        failures = 32'd0;
        cleaned = 32'd0;
        write_open = 1024'd0;
        dirty_before = 16'd0;
        confirmed = 16'd0;
        age = 32'd0;
    end

    wire fell = dirty_count < dirty_before && !rst;
    wire [15:0] fall = dirty_before - dirty_count;

    /* verilator lint_off BLKSEQ */ // a confirmation counts in the clock in which it comes
    always @(posedge clk) begin
        dirty_before <= dirty_count;
        age <= age + 32'd1;
        if (age == LIFE)
            confirmed = 16'd0;
        if (command)
            write_open[command_tag] <= command_write;
        if (status && write_open[status_tag] && !status_error) begin
            confirmed = confirmed + 16'd1;
            age <= 32'd0;
        end
        if (fell) begin
            cleaned <= cleaned + {16'd0, fall};
            if (confirmed < fall) begin
                failures = failures + 32'd1;
                confirmed = 16'd0;
                if (failures <= SHOWN)
                    $display("%m at %0t: I4: %0d segments became clean, the drive has confirmed %0d", $time, fall, confirmed);
            end else
                confirmed = confirmed - fall;
        end
        if (rst) begin
            dirty_before <= 16'd0;
            confirmed = 16'd0;
            write_open <= 1024'd0;
        end
    end
    /* verilator lint_on BLKSEQ */

endmodule

`resetall
