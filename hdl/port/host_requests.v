// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Row numbers are 9 bits whatever TASKS is; rows beyond the tables are never named. */
/* verilator lint_off WIDTHTRUNC */
/* verilator lint_off UNUSEDSIGNAL */

// Host requests (420): a record for each task, handed to the array in the order the requests came.
module host_requests #(
    parameter TASKS = 32      // 1 to 256
) (
    input  wire         clk,
    input  wire         rst,

    // In: a request, with its record when it opens the task
    input  wire         push,
    input  wire [1:0]   push_op,
    input  wire [7:0]   push_task,
    input  wire         record_write,
    input  wire [266:0] record_data,
    output wire         room,

    // Out: record fields as in `record_data`
    output wire         hr_valid,
    input  wire         hr_ready,
    output wire [1:0]   hr_op,
    output wire [7:0]   hr_task,
    output wire [266:0] hr_record
);

reg [266:0] record_mem [0:TASKS-1];
reg [266:0] record_reg;
reg shown_reg;

initial begin
    record_reg = 267'd0;
    shown_reg = 1'b0;
end

wire head_valid;
wire [9:0] head;

integer i;
initial begin
    for (i = 0; i < TASKS; i = i + 1) record_mem[i] = 267'd0;
    if (TASKS < 1 || TASKS > 256) begin
        $display("%m: TASKS %0d must be 1 to 256", TASKS);
        $finish;
    end
end

port_fifo #(.WIDTH(10), .DEPTH_LOG2(9)) queue (
    .clk(clk), .rst(rst), .push(push), .push_data({push_op, push_task}), .pop(hr_valid && hr_ready),
    .valid(head_valid), .head(head), .room(room)
);

assign hr_valid = shown_reg;
assign hr_op = head[9:8];
assign hr_task = head[7:0];
assign hr_record = record_reg;

always @(posedge clk) begin
    if (record_write) record_mem[push_task] <= record_data;
    // the record of the head is read in the clock before it is shown
    shown_reg <= head_valid && !(hr_valid && hr_ready);
    if (head_valid && !shown_reg) record_reg <= record_mem[head[7:0]];
    if (rst) shown_reg <= 1'b0;
end

endmodule

/* verilator lint_on UNUSEDSIGNAL */
/* verilator lint_on WIDTHTRUNC */

`resetall
