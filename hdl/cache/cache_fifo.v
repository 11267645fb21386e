// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Small queue whose head can be seen before it is taken; pop and push may happen in one clock. */
module cache_fifo #(
    parameter WIDTH = 8,      // any
    parameter DEPTH_LOG2 = 4  // 1 to 16
) (
    input  wire                clk,
    input  wire                rst,

    // in: a push while full is ignored, unless the head leaves in the same clock
    input  wire                push,
    input  wire [WIDTH-1:0]    push_data,
    output wire                full,

    // out: a pop while empty is ignored
    input  wire                pop,
    output wire [WIDTH-1:0]    head,
    output wire                empty,
    output wire [DEPTH_LOG2:0] count
);

    localparam DEPTH = 1 << DEPTH_LOG2;

    reg [WIDTH-1:0] ram [0:DEPTH-1];
    reg [DEPTH_LOG2:0] write_reg;
    reg [DEPTH_LOG2:0] read_reg;

    integer i;
    initial for (i = 0; i < DEPTH; i = i + 1) ram[i] = 0;

    assign head = ram[read_reg[DEPTH_LOG2-1:0]];
    assign count = write_reg - read_reg;
    assign empty = write_reg == read_reg;
    assign full = count[DEPTH_LOG2];

    initial begin
        write_reg = 0;
        read_reg = 0;
    end

    always @(posedge clk) begin
        if (push && (!full || pop)) begin
            ram[write_reg[DEPTH_LOG2-1:0]] <= push_data;
            write_reg <= write_reg + 1'b1;
        end
        if (pop && !empty)
            read_reg <= read_reg + 1'b1;
        if (rst) begin
            write_reg <= 0;
            read_reg <= 0;
        end
    end

endmodule

`resetall
