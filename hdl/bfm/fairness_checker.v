// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Checker of invariant I7 (simulation only): watches every choice of the frame scheduler. A ready row of a class sends within ROWS choices
   of its class; the preferred class goes first; the other class waits for at most one turn of the preferred one. */
module fairness_checker #(
    parameter ROWS = 36,        // 2 to 260: rows that the scheduler chooses from
    parameter FRAME_SLOT = 543, // words of the longest frame with its fill words
    parameter OVERHEAD = 15     // words of a frame beyond its payload, fill words included
) (
    input  wire            clk,
    input  wire            rst,

    // one clock after a choice: what was chosen
    input  wire            chosen,
    input  wire            chosen_backup,
    input  wire [8:0]      chosen_row,

    // what there was to choose from, in every clock
    input  wire [ROWS-1:0] ready_online,
    input  wire [ROWS-1:0] ready_backup,
    input  wire            prefer_backup,

    // a chosen frame goes out
    input  wire            sent_backup,
    input  wire            sent_online,
    input  wire [11:0]     sent_bytes,

    // priority table
    input  wire [31:0]     cfg_backup_quantum,
    input  wire [31:0]     cfg_online_time,

    output reg  [31:0]     failures,
    output reg  [31:0]     choices
);

    localparam SHOWN = 10; // failures printed
    localparam ROW_BITS = $clog2(ROWS);
    localparam [31:0] SLOT = FRAME_SLOT;
    localparam [31:0] FRAME_WORDS = OVERHEAD;
    localparam [31:0] LONGEST = 32'd2112;

    reg [ROWS-1:0] online_before;
    reg [ROWS-1:0] backup_before;
    reg            prefer_before;
    reg            other_waited;   // the class not chosen had a row ready
    reg [31:0]     online_words;   // of online frames sent while backup was ready
    reg [31:0]     backup_bytes;   // of backup frames sent while online was ready
    reg [8:0]      waited [0:ROWS-1];
    integer        k;

    initial begin
        failures = 32'd0;
        choices = 32'd0;
        online_before = {ROWS{1'b0}};
        backup_before = {ROWS{1'b0}};
        prefer_before = 1'b0;
        other_waited = 1'b0;
        online_words = 32'd0;
        backup_bytes = 32'd0;
        for (k = 0; k < ROWS; k = k + 1)
            waited[k] = 9'd0;
    end

    wire [ROWS-1:0] class_before = chosen_backup ? backup_before : online_before;
    wire [ROWS-1:0] other_before = chosen_backup ? online_before : backup_before;
    wire [31:0]     limit = ROWS;

    /* verilator lint_off BLKSEQ */ // several rules may fail in one clock; an array written with <= in a loop costs every clock
    always @(posedge clk) begin
        online_before <= ready_online;
        backup_before <= ready_backup;
        prefer_before <= prefer_backup;
        if (chosen && !rst) begin
            choices = choices + 32'd1;
            other_waited <= |other_before;
            if (!class_before[chosen_row[ROW_BITS-1:0]]) begin
                failures = failures + 32'd1;
                if (failures <= SHOWN)
                    $display("%m at %0t: I7: row %0d was chosen, but is not ready", $time, chosen_row);
            end
            if (chosen_backup != prefer_before && |other_before) begin
                failures = failures + 32'd1;
                if (failures <= SHOWN)
                    $display("%m at %0t: I7: row %0d of the other class went before the preferred class", $time, chosen_row);
            end
            for (k = 0; k < ROWS; k = k + 1) begin
                if (k == {23'd0, chosen_row} || !(online_before[k] || backup_before[k]))
                    waited[k] = 9'd0;
                else if (class_before[k]) begin
                    waited[k] = waited[k] + 9'd1;
                    if ({23'd0, waited[k]} == limit + 32'd1) begin
                        failures = failures + 32'd1;
                        if (failures <= SHOWN)
                            $display("%m at %0t: I7: row %0d has waited for %0d frames of its class", $time, k, limit);
                    end
                end
            end
        end
        if (sent_online && !rst) begin
            backup_bytes <= 32'd0;
            online_words <= other_waited ? online_words + FRAME_WORDS + {22'd0, sent_bytes[11:2]} : 32'd0;
            if (other_waited && online_words > cfg_online_time + (SLOT << 1) && cfg_backup_quantum != 32'd0) begin
                failures = failures + 32'd1;
                online_words <= 32'd0;
                if (failures <= SHOWN)
                    $display("%m at %0t: I7: backup waited for %0d words of online frames, online time is %0d", $time, online_words,
                        cfg_online_time);
            end
        end
        if (sent_backup && !rst) begin
            online_words <= 32'd0;
            backup_bytes <= other_waited ? backup_bytes + {20'd0, sent_bytes} : 32'd0;
            if (other_waited && backup_bytes > cfg_backup_quantum + LONGEST && cfg_online_time >= (SLOT << 1)) begin
                failures = failures + 32'd1;
                backup_bytes <= 32'd0;
                if (failures <= SHOWN)
                    $display("%m at %0t: I7: online waited for %0d bytes of backup, the quantum is %0d", $time, backup_bytes,
                        cfg_backup_quantum);
            end
        end
        if (rst) begin
            other_waited <= 1'b0;
            online_words <= 32'd0;
            backup_bytes <= 32'd0;
            for (k = 0; k < ROWS; k = k + 1)
                waited[k] = 9'd0;
        end
    end
    /* verilator lint_on BLKSEQ */

endmodule

`resetall
