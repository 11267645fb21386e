// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Row numbers are 9 bits whatever TASKS is; rows beyond the tables are never named. */
/* verilator lint_off WIDTHTRUNC */
/* verilator lint_off UNUSEDSIGNAL */

// Task table: one row for each exchange, split into RAMs with one writer each, with the free list and the exchange timers.
module task_table #(
    parameter TASKS = 32      // 1 to 256
) (
    input  wire         clk,
    input  wire         rst,
    input  wire         tick,

    // Context: read and written by the task engines, data one clock after the address
    input  wire [8:0]   context_rd_row,
    output reg  [153:0] context_rd_data,
    input  wire         context_write,
    input  wire [8:0]   context_wr_row,
    input  wire [153:0] context_wr_data,

    // Receive window: written by the task engines, read by rx_dispatch
    input  wire         window_write,
    input  wire [8:0]   window_wr_row,
    input  wire [133:0] window_wr_data,
    input  wire [8:0]   window_rd_row,
    output reg  [133:0] window_rd_data,

    // Receive progress: written and read by rx_dispatch, read by the task engines; fresh until the first frame
    input  wire         progress_write,
    input  wire [8:0]   progress_wr_row,
    input  wire [57:0]  progress_wr_data,
    output reg  [57:0]  progress_rd_data,
    output reg          progress_rd_fresh,
    output reg  [57:0]  engine_progress,
    output reg          engine_fresh,

    // Transmit descriptor: written by sequence_builder, read by frame_scheduler
    input  wire         descriptor_write,
    input  wire [8:0]   descriptor_wr_row,
    input  wire [195:0] descriptor_wr_data,
    input  wire [8:0]   descriptor_rd_row,
    output reg  [195:0] descriptor_rd_data,

    // Information units: written by sequence_builder, read by frame_scheduler
    input  wire         iu_write,
    input  wire [12:0]  iu_wr_addr,
    input  wire [31:0]  iu_wr_data,
    input  wire [12:0]  iu_rd_addr,
    output reg  [31:0]  iu_rd_data,

    // Transmit progress: written and read by frame_scheduler; fresh until the first frame
    input  wire         tx_progress_write,
    input  wire [8:0]   tx_progress_wr_row,
    input  wire [32:0]  tx_progress_wr_data,
    output reg  [32:0]  tx_progress_rd_data,
    output reg          tx_progress_rd_fresh,

    // Free list: the row free for longest is at the head
    output wire [8:0]   free_row,
    output wire [8:0]   free_count,
    output wire         free_ready,
    input  wire         allocate,
    input  wire         release_valid,
    input  wire [8:0]   release_row,

    // Exchange timers
    input  wire [15:0]  cfg_e_d_tov_ticks,
    input  wire [15:0]  cfg_r_a_tov_ticks,
    input  wire [1:0]   timer_command,
    input  wire [8:0]   timer_row,
    input  wire         rx_activity,
    input  wire [8:0]   rx_activity_row,
    input  wire         tx_activity,
    input  wire [8:0]   tx_activity_row,
    output reg          timeout_valid,
    output reg  [8:0]   timeout_row,
    input  wire         timeout_ready
);

`include "port/task_context.vh"

localparam ROWS = TASKS + `REPLY_ROWS;
localparam [8:0] LAST = TASKS - 1;

reg [`CTX_WIDTH-1:0] context_mem [0:TASKS-1];
reg [`RXW_WIDTH-1:0] window_mem [0:TASKS-1];
reg [`RXP_WIDTH-1:0] progress_mem [0:TASKS-1];
reg [`TXD_WIDTH-1:0] descriptor_mem [0:ROWS-1];
reg [`TXP_WIDTH-1:0] tx_progress_mem [0:ROWS-1];
reg [31:0] iu_mem [0:ROWS*16-1];
reg [8:0] free_mem [0:TASKS-1];
reg [17:0] start_mem [0:TASKS-1];

reg [TASKS-1:0] rx_fresh_reg;
reg [ROWS-1:0] tx_fresh_reg;

initial begin
    rx_fresh_reg = {TASKS{1'b0}};
    tx_fresh_reg = {ROWS{1'b0}};
end

integer i;
initial begin
    context_rd_data = 0;
    window_rd_data = 0;
    progress_rd_data = 0;
    progress_rd_fresh = 1'b0;
    engine_progress = 0;
    engine_fresh = 1'b0;
    descriptor_rd_data = 0;
    iu_rd_data = 0;
    tx_progress_rd_data = 0;
    tx_progress_rd_fresh = 1'b0;
    timeout_valid = 1'b0;
    timeout_row = 9'd0;
    for (i = 0; i < TASKS; i = i + 1) begin
        context_mem[i] = 0;
        window_mem[i] = 0;
        progress_mem[i] = 0;
        free_mem[i] = 9'd0;
        start_mem[i] = 18'd0;
    end
    for (i = 0; i < ROWS; i = i + 1) begin
        descriptor_mem[i] = 0;
        tx_progress_mem[i] = 0;
    end
    for (i = 0; i < ROWS * 16; i = i + 1) iu_mem[i] = 32'd0;
    if (TASKS < 1 || TASKS > 256) begin
        $display("%m: TASKS %0d must be 1 to 256", TASKS);
        $finish;
    end
end

// A reset empties the table row by row, together with the free list.
reg [8:0] clear_row_reg;
reg clearing_reg;

initial begin
    clear_row_reg = 9'd0;
    clearing_reg = 1'b1;
end

always @(posedge clk) begin
    if (clearing_reg) begin
        context_mem[clear_row_reg] <= 0;
        window_mem[clear_row_reg] <= 0;
    end else begin
        if (context_write) context_mem[context_wr_row] <= context_wr_data;
        if (window_write) window_mem[window_wr_row] <= window_wr_data;
    end
    context_rd_data <= context_mem[context_rd_row > LAST ? 9'd0 : context_rd_row];
    window_rd_data <= window_mem[window_rd_row > LAST ? 9'd0 : window_rd_row];

    // Arming a window makes its progress fresh; the first frame accepted ends that.
    if (progress_write) begin
        progress_mem[progress_wr_row] <= progress_wr_data;
        rx_fresh_reg[progress_wr_row] <= 1'b0;
    end
    if (window_write && window_wr_data[`RXW_ARMED]) rx_fresh_reg[window_wr_row] <= 1'b1;
    progress_rd_data <= progress_mem[window_rd_row > LAST ? 9'd0 : window_rd_row];
    progress_rd_fresh <= rx_fresh_reg[window_rd_row > LAST ? 9'd0 : window_rd_row];
    engine_progress <= progress_mem[context_rd_row > LAST ? 9'd0 : context_rd_row];
    engine_fresh <= rx_fresh_reg[context_rd_row > LAST ? 9'd0 : context_rd_row];

    if (descriptor_write) begin
        descriptor_mem[descriptor_wr_row] <= descriptor_wr_data;
        tx_fresh_reg[descriptor_wr_row] <= 1'b1;
    end
    descriptor_rd_data <= descriptor_mem[descriptor_rd_row];
    if (clearing_reg) begin
        tx_progress_mem[clear_row_reg] <= 0;
    end else if (tx_progress_write) begin
        tx_progress_mem[tx_progress_wr_row] <= tx_progress_wr_data;
        tx_fresh_reg[tx_progress_wr_row] <= 1'b0;
    end
    tx_progress_rd_data <= tx_progress_mem[descriptor_rd_row];
    tx_progress_rd_fresh <= tx_fresh_reg[descriptor_rd_row];

    if (iu_write) iu_mem[iu_wr_addr] <= iu_wr_data;
    iu_rd_data <= iu_mem[iu_rd_addr];
end

// ---- Free list ----

reg [8:0] free_read_reg;
reg [8:0] free_write_reg;
reg [8:0] free_count_reg;

initial begin
    free_read_reg = 9'd0;
    free_write_reg = 9'd0;
    free_count_reg = 9'd0;
end

assign free_row = free_mem[free_read_reg];
assign free_count = free_count_reg;
assign free_ready = !clearing_reg;

wire free_push = clearing_reg || release_valid;

always @(posedge clk) begin
    if (free_push) begin
        free_mem[free_write_reg] <= clearing_reg ? clear_row_reg : release_row;
        free_write_reg <= free_write_reg == LAST ? 9'd0 : free_write_reg + 9'd1;
    end
    if (allocate) free_read_reg <= free_read_reg == LAST ? 9'd0 : free_read_reg + 9'd1;
    if (free_push != allocate) free_count_reg <= free_push ? free_count_reg + 9'd1 : free_count_reg - 9'd1;
    if (clearing_reg) begin
        clear_row_reg <= clear_row_reg + 9'd1;
        if (clear_row_reg == LAST) clearing_reg <= 1'b0;
    end
    if (rst) begin
        clear_row_reg <= 9'd0;
        clearing_reg <= 1'b1;
        free_read_reg <= 9'd0;
        free_write_reg <= 9'd0;
        free_count_reg <= 9'd0;
    end
end

// ---- Exchange timers ----
// One row is looked at every 16 clocks. A frame of the exchange in either direction starts its time again.

reg [TASKS-1:0] run_reg;
reg [TASKS-1:0] settle_reg;
reg [TASKS-1:0] activity_reg;
reg [17:0] now_reg;
reg [3:0] pace_reg;
reg [8:0] scan_reg;

initial begin
    run_reg = {TASKS{1'b0}};
    settle_reg = {TASKS{1'b0}};
    activity_reg = {TASKS{1'b0}};
    now_reg = 18'd0;
    pace_reg = 4'd0;
    scan_reg = 9'd0;
end

wire [17:0] elapsed = now_reg - start_mem[scan_reg];
wire [17:0] limit = settle_reg[scan_reg] ? {2'b00, cfg_r_a_tov_ticks} : {1'b0, cfg_e_d_tov_ticks, 1'b0};

always @(posedge clk) begin
    if (tick) now_reg <= now_reg + 18'd1;
    pace_reg <= pace_reg + 4'd1;
    if (timeout_ready) timeout_valid <= 1'b0;
    if (pace_reg == 4'd15 && !timeout_valid) begin
        scan_reg <= scan_reg == LAST ? 9'd0 : scan_reg + 9'd1;
        if (run_reg[scan_reg]) begin
            if (activity_reg[scan_reg]) begin
                start_mem[scan_reg] <= now_reg;
                activity_reg[scan_reg] <= 1'b0;
            end else if (elapsed > limit) begin
                timeout_valid <= 1'b1;
                timeout_row <= scan_reg;
                run_reg[scan_reg] <= 1'b0;
            end
        end
    end
    if (rx_activity) activity_reg[rx_activity_row] <= 1'b1;
    if (tx_activity && tx_activity_row <= LAST) activity_reg[tx_activity_row] <= 1'b1;
    if (timer_command != `TIMER_KEEP) begin
        run_reg[timer_row] <= timer_command != `TIMER_STOP;
        settle_reg[timer_row] <= timer_command == `TIMER_SETTLE;
        activity_reg[timer_row] <= 1'b1;
        // a timeout seen but not yet acted on is out of date now
        if (timer_row == (timeout_valid ? timeout_row : scan_reg)) timeout_valid <= 1'b0;
    end
    if (rst) begin
        run_reg <= {TASKS{1'b0}};
        timeout_valid <= 1'b0;
    end
end

endmodule

/* verilator lint_on UNUSEDSIGNAL */
/* verilator lint_on WIDTHTRUNC */

`resetall
