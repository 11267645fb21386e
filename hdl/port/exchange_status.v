// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Row numbers are 9 bits whatever TASKS is; rows beyond the table are never named. */
/* verilator lint_off WIDTHTRUNC */
/* verilator lint_off UNUSEDSIGNAL */

// What REC asks of an open exchange: who holds the sequence initiative, and how many bytes have been moved.
module exchange_status #(
    parameter TASKS = 32      // 1 to 256
) (
    input  wire         clk,

    // What happens to target tasks
    input  wire         created,
    input  wire [8:0]   created_row,
    input  wire         burst,              // a data transfer begins
    input  wire [8:0]   burst_row,
    input  wire [31:0]  burst_offset,       // relative offset of its first byte
    input  wire [16:0]  burst_length,
    input  wire         asked,              // its FCP_XFER_RDY is out
    input  wire [8:0]   asked_row,

    // The row in question; one clock later its context and receive progress are here, and so is the answer
    input  wire [8:0]   row,
    input  wire [153:0] row_context,
    input  wire [57:0]  progress,
    input  wire         progress_fresh,
    output wire         initiative,         // this port holds it
    output wire [31:0]  bytes               // of finished bursts, and what has come of the one that is being received
);

`include "port/task_context.vh"

reg [48:0] burst_mem [0:TASKS-1];
reg [TASKS-1:0] asked_reg;
reg [48:0] burst_data_reg;
reg asked_data_reg;

integer i;
initial begin
    for (i = 0; i < TASKS; i = i + 1) burst_mem[i] = 49'd0;
    asked_reg = {TASKS{1'b0}};
    burst_data_reg = 49'd0;
    asked_data_reg = 1'b0;
    if (TASKS < 1 || TASKS > 256) begin
        $display("%m: TASKS %0d must be 1 to 256", TASKS);
        $finish;
    end
end

always @(posedge clk) begin
    if (created || burst) begin
        burst_mem[created ? created_row : burst_row] <= created ? 49'd0 : {burst_length, burst_offset};
        asked_reg[created ? created_row : burst_row] <= 1'b0;
    end
    if (asked) asked_reg[asked_row] <= 1'b1;
    burst_data_reg <= burst_mem[row < TASKS ? row : 9'd0];
    asked_data_reg <= asked_reg[row < TASKS ? row : 9'd0];
end

wire [3:0] state = row_context[`CTX_STATE];
wire receiving = state == `TARGET_RECEIVE;
wire [31:0] first = burst_data_reg[31:0];
wire [16:0] received = progress_fresh ? 17'd0 : progress[`RXP_DONE];
wire [16:0] moved = receiving ? received : state == `TARGET_SEND ? 17'd0 : burst_data_reg[48:32];

assign initiative = row_context[`CTX_INITIATOR] ? state == `INITIATOR_CMND || state == `INITIATOR_DATA : !(receiving && asked_data_reg);
assign bytes = row_context[`CTX_INITIATOR] ? {15'd0, row_context[`CTX_DONE]} : first + {15'd0, moved};

endmodule

/* verilator lint_on UNUSEDSIGNAL */
/* verilator lint_on WIDTHTRUNC */

`resetall
