// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Clock, time supervisor and management information store wired together, for their bench. The bench is client 0 of the store. */
module time_bench #(
    parameter SCHEDULES = 4
) (
    input  wire                    clk,
    input  wire                    rst,
    input  wire                    tick,
    input  wire [15:0]             cfg_ticks_per_second,
    input  wire                    set_valid,
    input  wire [31:0]             set_seconds,
    output wire [31:0]             seconds,
    input  wire                    write_valid,
    output wire                    write_ready,
    input  wire [1:0]              write_entry,
    input  wire [1:0]              write_field,
    input  wire [31:0]             write_data,
    output wire                    write_refused,
    input  wire                    read_valid,
    input  wire [1:0]              read_entry,
    input  wire [1:0]              read_field,
    output wire [31:0]             read_data,

    // all entries at once, for the model beside it
    output wire [SCHEDULES*32-1:0] schedule_control,
    output wire [SCHEDULES*32-1:0] schedule_period,
    output wire [SCHEDULES*32-1:0] schedule_due,
    output wire [SCHEDULES*32-1:0] schedule_last,
    output wire [SCHEDULES*32-1:0] schedule_answer,

    output wire                    status_stored,
    output wire                    job_valid,
    input  wire                    job_ready,
    output wire [2:0]              job_command,
    output wire [2:0]              job_number,
    input  wire                    job_answer,
    input  wire [7:0]              job_refused,
    output wire                    stat_started,
    output wire                    stat_refused,

    // the supervisor's accesses, and the bench's
    output wire                    mis_taken,
    output wire                    mis_write,
    output wire [9:0]              mis_addr,
    output wire [31:0]             mis_wdata,
    input  wire                    window_valid,
    output wire                    window_ready,
    input  wire                    window_write,
    input  wire [9:0]              window_addr,
    input  wire [31:0]             window_wdata,
    output wire                    window_rdata_valid,
    output wire [31:0]             window_rdata
);

    wire        mis_valid;
    wire        mis_ready;
    wire        mis_rdata_valid;
    wire [31:0] mis_rdata;

    assign mis_taken = mis_valid && mis_ready;

    array_clock clock (
        .clk(clk), .tick(tick), .cfg_ticks_per_second(cfg_ticks_per_second), .set_valid(set_valid), .set_seconds(set_seconds),
        .seconds(seconds)
    );

    time_supervisor #(.SCHEDULES(SCHEDULES)) supervisor (
        .clk(clk), .rst(rst), .seconds(seconds), .write_valid(write_valid), .write_ready(write_ready), .write_entry(write_entry),
        .write_field(write_field), .write_data(write_data), .write_refused(write_refused), .read_valid(read_valid),
        .read_entry(read_entry), .read_field(read_field), .read_data(read_data),
        .status_stored(status_stored), .job_valid(job_valid), .job_ready(job_ready),
        .job_command(job_command), .job_number(job_number), .job_answer(job_answer), .job_refused(job_refused),
        .stat_started(stat_started), .stat_refused(stat_refused), .mis_valid(mis_valid), .mis_ready(mis_ready),
        .mis_write(mis_write), .mis_addr(mis_addr), .mis_wdata(mis_wdata), .mis_rdata_valid(mis_rdata_valid), .mis_rdata(mis_rdata)
    );

    genvar g;
    generate
        for (g = 0; g < SCHEDULES; g = g + 1) begin : entries
            assign schedule_control[32*g +: 32] = {21'd0, supervisor.job_reg[g], 7'd0, supervisor.enabled_reg[g]};
            assign schedule_period[32*g +: 32] = supervisor.period_reg[g];
            assign schedule_due[32*g +: 32] = supervisor.due_reg[g];
            assign schedule_last[32*g +: 32] = supervisor.last_reg[g];
            assign schedule_answer[32*g +: 32] = {23'd0, supervisor.answer_reg[g]};
        end
    endgenerate

    wire [1:0]  other_ready;
    wire [1:0]  other_rdata_valid;
    wire [63:0] other_rdata;
    wire        unused = &{1'b0, other_ready, other_rdata_valid, other_rdata};

    management_store #(.CLIENTS(4)) store (
        .clk(clk), .rst(rst),
        .mis_valid({mis_valid, 2'd0, window_valid}), .mis_ready({mis_ready, other_ready, window_ready}),
        .mis_write({mis_write, 2'd0, window_write}), .mis_addr({mis_addr, 20'd0, window_addr}),
        .mis_wdata({mis_wdata, 64'd0, window_wdata}),
        .mis_rdata_valid({mis_rdata_valid, other_rdata_valid, window_rdata_valid}),
        .mis_rdata({mis_rdata, other_rdata, window_rdata})
    );

endmodule

`resetall
