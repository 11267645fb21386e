// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

// First-in first-out queue whose head is visible; its users make sure by count that it never overflows.
module port_fifo #(
    parameter WIDTH = 8,      // 1 to 512
    parameter DEPTH_LOG2 = 4  // 2 to 10
) (
    input  wire                  clk,
    input  wire                  rst,

    // In
    input  wire                  push,
    input  wire [WIDTH-1:0]      push_data,

    // Out
    input  wire                  pop,
    output wire                  valid,
    output reg  [WIDTH-1:0]      head,

    // Room for at least two more (it says no one early)
    output wire                  room
);

reg [WIDTH-1:0] mem [0:(1<<DEPTH_LOG2)-1];
reg [DEPTH_LOG2:0] count_reg;
reg [DEPTH_LOG2-1:0] write_reg;
reg [DEPTH_LOG2-1:0] read_reg;

initial begin
    count_reg = 0;
    write_reg = 0;
    read_reg = 0;
end

integer i;
initial begin
    head = {WIDTH{1'b0}};
    for (i = 0; i < (1 << DEPTH_LOG2); i = i + 1) mem[i] = {WIDTH{1'b0}};
    if (DEPTH_LOG2 < 2 || DEPTH_LOG2 > 10 || WIDTH < 1 || WIDTH > 512) begin
        $display("%m: WIDTH %0d must be 1 to 512, DEPTH_LOG2 %0d must be 2 to 10", WIDTH, DEPTH_LOG2);
        $finish;
    end
end

localparam [DEPTH_LOG2:0] ONE = 1;
localparam [DEPTH_LOG2-1:0] STEP = 1;

// a wire of its own: Icarus does not cut a sum to its width when it is an index
wire [DEPTH_LOG2-1:0] read_next = read_reg + STEP;

assign valid = count_reg != 0;
assign room = !count_reg[DEPTH_LOG2] && count_reg[DEPTH_LOG2-1:0] < {{(DEPTH_LOG2-1){1'b1}}, 1'b0};

always @(posedge clk) begin
    if (push) begin
        mem[write_reg] <= push_data;
        write_reg <= write_reg + STEP;
    end
    if (pop) begin
        read_reg <= read_next;
    end
    // the head register follows the queue: a push into an empty (or just emptied) queue goes straight to it
    if (push && (count_reg == 0 || (pop && count_reg == ONE))) head <= push_data;
    else if (pop) head <= mem[read_next];
    if (push != pop) count_reg <= push ? count_reg + ONE : count_reg - ONE;
    if (rst) begin
        count_reg <= 0;
        write_reg <= 0;
        read_reg <= 0;
    end
end

endmodule

`resetall
