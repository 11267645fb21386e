// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Queue of task numbers, deep enough for every task once, so that a push never has to wait. */
module task_queue #(
    parameter TASKS = 32  // 1 to 256
) (
    input  wire       clk,
    input  wire       rst,

    // in
    input  wire       push,
    input  wire [7:0] push_task,

    // out: the oldest one
    output wire       head_valid,
    output wire [7:0] head_task,
    input  wire       pop
);

    localparam ADDR = TASKS > 128 ? 8 : TASKS > 64 ? 7 : TASKS > 32 ? 6 : TASKS > 16 ? 5 : 4;

    reg [7:0]  queue [0:(1<<ADDR)-1];
    reg [ADDR:0] write_ptr;
    reg [ADDR:0] read_ptr;

    integer i;

    initial begin
        write_ptr = 0; read_ptr = 0;
        for (i = 0; i < (1 << ADDR); i = i + 1)
            queue[i] = 8'd0;
        if (TASKS < 1 || TASKS > 256) begin
            $display("%m: TASKS=%0d: must be 1 to 256", TASKS);
            $finish;
        end
    end

    assign head_valid = write_ptr != read_ptr;
    assign head_task = queue[read_ptr[ADDR-1:0]];

    always @(posedge clk) begin
        if (push) begin
            queue[write_ptr[ADDR-1:0]] <= push_task;
            write_ptr <= write_ptr + 1'b1;
        end
        if (pop)
            read_ptr <= read_ptr + 1'b1;
        if (rst) begin
            write_ptr <= 0;
            read_ptr <= 0;
        end
    end

endmodule

`resetall
