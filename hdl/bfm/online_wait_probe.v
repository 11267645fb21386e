// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Measures how long online frames wait from the clock in which one is ready to the clock in which the link takes it, apart for
   the clocks in which online and in which backup was preferred. For one online frame at a time. Simulation only. */
module online_wait_probe (
    input wire clk,
    input wire rst,

    // frame scheduler
    input wire online_ready,
    input wire online_frame,   // strobe: a frame of an online task was taken
    input wire prefer_backup
);

    /* Read by the bench: longest waits in clocks, and how many frames they are the longest of. */
    reg [31:0] longest_online /*verilator public_flat_rd*/;
    reg [31:0] longest_backup /*verilator public_flat_rd*/;
    reg [31:0] frames /*verilator public_flat_rd*/;
    reg [31:0] frames_in_backup /*verilator public_flat_rd*/;  // those that waited while backup was preferred

    reg [31:0] online_reg;
    reg [31:0] backup_reg;
    reg        taken_reg;

    always @(posedge clk) begin
        if (!online_ready) begin
            online_reg <= 32'd0;
            backup_reg <= 32'd0;
            taken_reg <= 1'b0;
        end else if (online_frame) begin
            taken_reg <= 1'b1;
            if (!taken_reg) begin
                frames <= frames + 32'd1;
                if (backup_reg != 32'd0)
                    frames_in_backup <= frames_in_backup + 32'd1;
                if (online_reg > longest_online)
                    longest_online <= online_reg;
                if (backup_reg > longest_backup)
                    longest_backup <= backup_reg;
            end
        end else if (!taken_reg) begin
            if (prefer_backup)
                backup_reg <= backup_reg + 32'd1;
            else
                online_reg <= online_reg + 32'd1;
        end
        if (rst) begin
            longest_online <= 32'd0;
            longest_backup <= 32'd0;
            frames <= 32'd0;
            frames_in_backup <= 32'd0;
        end
    end

    initial begin
        longest_online = 32'd0;
        longest_backup = 32'd0;
        frames = 32'd0;
        frames_in_backup = 32'd0;
        online_reg = 32'd0;
        backup_reg = 32'd0;
        taken_reg = 1'b0;
    end

endmodule

`resetall
