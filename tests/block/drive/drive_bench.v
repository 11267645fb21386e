// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Drive controller with its drive, for the block test. */
module drive_bench #(
    parameter BLOCKS = 256,  // capacity of the drive
    parameter LATENCY = 100  // clocks
) (
    input  wire         clk,
    input  wire         rst,
    input  wire         drv_valid,
    output wire         drv_ready,
    input  wire         drv_write,
    input  wire [9:0]   drv_tag,
    input  wire [7:0]   drv_volume,
    input  wire [31:0]  drv_segment,
    input  wire [19:0]  drv_line,
    output wire         drv_rsp_valid,
    input  wire         drv_rsp_ready,
    output wire [9:0]   drv_rsp_tag,
    output wire         drv_rsp_error,
    output wire         bk_valid,
    input  wire         bk_ready,
    output wire         bk_write,
    output wire [19:0]  bk_line,
    output wire [127:0] bk_wdata,
    input  wire         bk_rdata_valid,
    input  wire [127:0] bk_rdata,
    input  wire [63:0]  cfg_volume_base,
    input  wire [63:0]  cfg_volume_blocks,
    output wire         stat_staged,
    output wire         stat_destaged,
    output wire         stat_drive_error
);

    wire         cmd_valid, cmd_ready, cmd_write, wdata_valid, wdata_ready, rdata_valid, rdata_ready;
    wire         status_valid, status_ready, status_error;
    wire [9:0]   cmd_tag, status_tag;
    wire [31:0]  cmd_block;
    wire [7:0]   cmd_blocks;
    wire [127:0] wdata, rdata;

    drive_controller #(.VOLUMES(2), .QUEUE(16)) controller (
        .clk(clk), .rst(rst), .drv_valid(drv_valid), .drv_ready(drv_ready), .drv_write(drv_write), .drv_tag(drv_tag),
        .drv_volume(drv_volume), .drv_segment(drv_segment), .drv_line(drv_line), .drv_rsp_valid(drv_rsp_valid),
        .drv_rsp_ready(drv_rsp_ready), .drv_rsp_tag(drv_rsp_tag), .drv_rsp_error(drv_rsp_error),
        .bk_valid(bk_valid), .bk_ready(bk_ready), .bk_write(bk_write), .bk_line(bk_line), .bk_wdata(bk_wdata),
        .bk_rdata_valid(bk_rdata_valid), .bk_rdata(bk_rdata),
        .drive_cmd_valid(cmd_valid), .drive_cmd_ready(cmd_ready), .drive_cmd_write(cmd_write), .drive_cmd_tag(cmd_tag),
        .drive_cmd_block(cmd_block), .drive_cmd_blocks(cmd_blocks), .drive_wdata_valid(wdata_valid),
        .drive_wdata_ready(wdata_ready), .drive_wdata(wdata), .drive_rdata_valid(rdata_valid),
        .drive_rdata_ready(rdata_ready), .drive_rdata(rdata), .drive_status_valid(status_valid),
        .drive_status_ready(status_ready), .drive_status_tag(status_tag), .drive_status_error(status_error),
        .cfg_volume_base(cfg_volume_base), .cfg_volume_blocks(cfg_volume_blocks),
        .stat_staged(stat_staged), .stat_destaged(stat_destaged), .stat_drive_error(stat_drive_error)
    );

    drive_model #(.CAPACITY_BLOCKS(BLOCKS), .LATENCY(LATENCY), .QUEUE(16)) drive (
        .clk(clk), .rst(rst), .drive_cmd_valid(cmd_valid), .drive_cmd_ready(cmd_ready), .drive_cmd_write(cmd_write),
        .drive_cmd_tag(cmd_tag), .drive_cmd_block(cmd_block), .drive_cmd_blocks(cmd_blocks), .drive_wdata_valid(wdata_valid),
        .drive_wdata_ready(wdata_ready), .drive_wdata(wdata), .drive_rdata_valid(rdata_valid),
        .drive_rdata_ready(rdata_ready), .drive_rdata(rdata), .drive_status_valid(status_valid),
        .drive_status_ready(status_ready), .drive_status_tag(status_tag), .drive_status_error(status_error)
    );

endmodule

`resetall
