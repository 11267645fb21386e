// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Storage array: a controller and its drive. Simulation only, since the drive is a model. */
module storage_array #(
    parameter PORTS = 1,           // 1 or 2
    parameter TASKS = 32,          // contexts of each port, 1 to 256 / PORTS
    parameter BACKUP_SLOTS = 4,    // 1 to 16
    parameter RX_BUFFERS = 8,      // 1 to 64
    parameter LOGINS = 32,         // 2 to 64
    parameter VOLUMES = 4,         // 1 to 16
    parameter CACHE_SETS = 64,     // power of two
    parameter CACHE_WAYS = 8,      // power of two, 2 to 16; sets times ways at most 1024
    parameter TICK_WORDS = 256,    // clocks in a tick, 2 to 65536
    parameter DRIVE_BLOCKS = 32768, // 8 to 8388608: blocks of the drive
    parameter DRIVE_LATENCY = 400  // 1 to 1000000: clocks from a drive command to its first line
) (
    input  wire                 clk,
    input  wire                 rst,

    // transceivers
    input  wire [PORTS*32-1:0]  rx_data,
    input  wire [PORTS*4-1:0]   rx_charisk,
    input  wire [PORTS*4-1:0]   rx_invalid,
    output wire [PORTS*32-1:0]  tx_data,
    output wire [PORTS*4-1:0]   tx_charisk,

    // AXI4-Lite slave of the management console
    input  wire [15:0]          s_axil_awaddr,
    input  wire [2:0]           s_axil_awprot,
    input  wire                 s_axil_awvalid,
    output wire                 s_axil_awready,
    input  wire [31:0]          s_axil_wdata,
    input  wire [3:0]           s_axil_wstrb,
    input  wire                 s_axil_wvalid,
    output wire                 s_axil_wready,
    output wire [1:0]           s_axil_bresp,
    output wire                 s_axil_bvalid,
    input  wire                 s_axil_bready,
    input  wire [15:0]          s_axil_araddr,
    input  wire [2:0]           s_axil_arprot,
    input  wire                 s_axil_arvalid,
    output wire                 s_axil_arready,
    output wire [31:0]          s_axil_rdata,
    output wire [1:0]           s_axil_rresp,
    output wire                 s_axil_rvalid,
    input  wire                 s_axil_rready,
    output wire                 irq            // an enabled interrupt is pending
);

    wire         drive_cmd_valid;
    wire         drive_cmd_ready;
    wire         drive_cmd_write;
    wire [9:0]   drive_cmd_tag;
    wire [31:0]  drive_cmd_block;
    wire [7:0]   drive_cmd_blocks;
    wire         drive_wdata_valid;
    wire         drive_wdata_ready;
    wire [127:0] drive_wdata;
    wire         drive_rdata_valid;
    wire         drive_rdata_ready;
    wire [127:0] drive_rdata;
    wire         drive_status_valid;
    wire         drive_status_ready;
    wire [9:0]   drive_status_tag;
    wire         drive_status_error;

    controller #(
        .PORTS(PORTS), .TASKS(TASKS), .BACKUP_SLOTS(BACKUP_SLOTS), .RX_BUFFERS(RX_BUFFERS), .LOGINS(LOGINS),
        .VOLUMES(VOLUMES), .CACHE_SETS(CACHE_SETS), .CACHE_WAYS(CACHE_WAYS), .TICK_WORDS(TICK_WORDS), .DRIVE_BLOCKS(DRIVE_BLOCKS)
    ) controller_inst (
        .clk(clk), .rst(rst), .rx_data(rx_data), .rx_charisk(rx_charisk), .rx_invalid(rx_invalid), .tx_data(tx_data),
        .tx_charisk(tx_charisk), .s_axil_awaddr(s_axil_awaddr), .s_axil_awprot(s_axil_awprot), .s_axil_awvalid(s_axil_awvalid),
        .s_axil_awready(s_axil_awready), .s_axil_wdata(s_axil_wdata), .s_axil_wstrb(s_axil_wstrb),
        .s_axil_wvalid(s_axil_wvalid), .s_axil_wready(s_axil_wready), .s_axil_bresp(s_axil_bresp),
        .s_axil_bvalid(s_axil_bvalid), .s_axil_bready(s_axil_bready), .s_axil_araddr(s_axil_araddr),
        .s_axil_arprot(s_axil_arprot), .s_axil_arvalid(s_axil_arvalid), .s_axil_arready(s_axil_arready),
        .s_axil_rdata(s_axil_rdata), .s_axil_rresp(s_axil_rresp), .s_axil_rvalid(s_axil_rvalid), .s_axil_rready(s_axil_rready),
        .irq(irq),
        .drive_cmd_valid(drive_cmd_valid), .drive_cmd_ready(drive_cmd_ready), .drive_cmd_write(drive_cmd_write),
        .drive_cmd_tag(drive_cmd_tag), .drive_cmd_block(drive_cmd_block), .drive_cmd_blocks(drive_cmd_blocks),
        .drive_wdata_valid(drive_wdata_valid), .drive_wdata_ready(drive_wdata_ready), .drive_wdata(drive_wdata),
        .drive_rdata_valid(drive_rdata_valid), .drive_rdata_ready(drive_rdata_ready), .drive_rdata(drive_rdata),
        .drive_status_valid(drive_status_valid), .drive_status_ready(drive_status_ready), .drive_status_tag(drive_status_tag),
        .drive_status_error(drive_status_error)
    );

    drive_model #(.CAPACITY_BLOCKS(DRIVE_BLOCKS), .LATENCY(DRIVE_LATENCY)) drive (
        .clk(clk), .rst(rst), .drive_cmd_valid(drive_cmd_valid), .drive_cmd_ready(drive_cmd_ready),
        .drive_cmd_write(drive_cmd_write), .drive_cmd_tag(drive_cmd_tag), .drive_cmd_block(drive_cmd_block),
        .drive_cmd_blocks(drive_cmd_blocks), .drive_status_valid(drive_status_valid), .drive_status_ready(drive_status_ready),
        .drive_status_tag(drive_status_tag), .drive_status_error(drive_status_error), .drive_wdata_valid(drive_wdata_valid),
        .drive_wdata_ready(drive_wdata_ready), .drive_wdata(drive_wdata), .drive_rdata_valid(drive_rdata_valid),
        .drive_rdata_ready(drive_rdata_ready), .drive_rdata(drive_rdata)
    );

endmodule

`resetall
