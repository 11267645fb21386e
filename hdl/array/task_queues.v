// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Queues of task numbers in one RAM, each deep enough for every task once, so that a push never has to wait. */
module task_queues #(
    parameter QUEUES = 5,  // 1 to 7
    parameter TASKS  = 32  // 1 to 256
) (
    input  wire                clk,
    input  wire                rst,

    // in: to one queue a clock
    input  wire                push,
    input  wire [2:0]          push_queue,
    input  wire [7:0]          push_task,

    // out: which queues hold something, the oldest one of one of them
    output reg  [QUEUES-1:0]   head_valid,
    input  wire [2:0]          head_queue,
    output wire [7:0]          head_task,
    input  wire                pop
);

    localparam ADDR = TASKS > 128 ? 8 : TASKS > 64 ? 7 : TASKS > 32 ? 6 : TASKS > 16 ? 5 : 4;

    reg [7:0]      tasks [0:(8<<ADDR)-1];  // {queue, place}
    reg [ADDR-1:0] write_ptr [0:QUEUES-1];
    reg [ADDR-1:0] read_ptr [0:QUEUES-1];

    integer i;

    initial begin
        head_valid = {QUEUES{1'b0}};
        for (i = 0; i < QUEUES; i = i + 1) begin
            write_ptr[i] = 0;
            read_ptr[i] = 0;
        end
        for (i = 0; i < (8 << ADDR); i = i + 1)
            tasks[i] = 8'd0;
        if (QUEUES < 1 || QUEUES > 7) begin
            $display("%m: QUEUES=%0d: must be 1 to 7", QUEUES);
            $finish;
        end
        if (TASKS < 1 || TASKS > 256) begin
            $display("%m: TASKS=%0d: must be 1 to 256", TASKS);
            $finish;
        end
    end

    assign head_task = tasks[{head_queue, read_ptr[head_queue]}];

    always @(posedge clk) begin
        if (pop) begin
            read_ptr[head_queue] <= read_ptr[head_queue] + 1'b1;
            if (read_ptr[head_queue] + 1'b1 == write_ptr[head_queue])
                head_valid[head_queue] <= 1'b0;
        end
        if (push) begin
            tasks[{push_queue, write_ptr[push_queue]}] <= push_task;
            write_ptr[push_queue] <= write_ptr[push_queue] + 1'b1;
            head_valid[push_queue] <= 1'b1;
        end
        if (rst) begin
            head_valid <= {QUEUES{1'b0}};
            for (i = 0; i < QUEUES; i = i + 1) begin
                write_ptr[i] <= 0;
                read_ptr[i] <= 0;
            end
        end
    end

endmodule

`resetall
