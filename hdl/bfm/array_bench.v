// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

`include "port/task_context.vh"

/* Top of the system tests: the storage array with a transactor on each connector, and the clock. Simulation only. */
module array_bench #(
    parameter PORTS = 1,         // 1 or 2
    parameter TASKS = 32,        // contexts of each port, 1 to 256 / PORTS
    parameter BACKUP_SLOTS = 4,  // 1 to 16
    parameter RX_BUFFERS = 8,    // 1 to 64
    parameter LOGINS = 32,       // 2 to 64
    parameter VOLUMES = 4,       // 1 to 16
    parameter CACHE_SETS = 64,   // power of two
    parameter CACHE_WAYS = 8,    // power of two, 2 to 16
    parameter TICK_WORDS = 256,  // clocks in a tick
    parameter DRIVE_BLOCKS = 32768, // blocks of the drive
    parameter DRIVE_LATENCY = 400   // clocks from a drive command to its first line
) (
    output wire clk,
    output wire rst,
    output wire wake,
    output wire irq,

    // the wire, for waves and for checkers that want words
    output wire [PORTS*32-1:0] to_array_data,
    output wire [PORTS*4-1:0]  to_array_charisk,
    output wire [PORTS*32-1:0] from_array_data,
    output wire [PORTS*4-1:0]  from_array_charisk,

    // checkers that are always on: what they have found, and how often they looked
    output wire [31:0] i4_failures,
    output wire [31:0] i4_checks,
    output wire [31:0] i7_failures,
    output wire [31:0] i7_checks
);

    wire [63:0] cycles;
    wire [PORTS-1:0] port_wake;
    wire axil_wake;

    clock_source #(.WAKES(PORTS + 1)) clock_source_inst (
        .clk(clk), .rst(rst), .cycles(cycles), .wake_request({port_wake, axil_wake}), .wake(wake)
    );

    genvar p;
    generate
        for (p = 0; p < PORTS; p = p + 1) begin : port
            fc_port_bfm #(.PORT(p)) bfm (
                .clk(clk), .rst(rst), .cycles(cycles),
                .rx_data(from_array_data[32*p +: 32]), .rx_charisk(from_array_charisk[4*p +: 4]),
                .tx_data(to_array_data[32*p +: 32]), .tx_charisk(to_array_charisk[4*p +: 4]),
                .wake_request(port_wake[p])
            );
        end
    endgenerate

    wire [15:0] awaddr;
    wire [15:0] araddr;
    wire [31:0] wdata;
    wire [31:0] rdata;
    wire [3:0] wstrb;
    wire [2:0] awprot;
    wire [2:0] arprot;
    wire [1:0] bresp;
    wire [1:0] rresp;
    wire awvalid;
    wire awready;
    wire wvalid;
    wire wready;
    wire bvalid;
    wire bready;
    wire arvalid;
    wire arready;
    wire rvalid;
    wire rready;

    axil_bfm #(.MASTER(0), .ADDR_WIDTH(16)) console (
        .clk(clk), .rst(rst), .cycles(cycles),
        .m_axil_awaddr(awaddr), .m_axil_awprot(awprot), .m_axil_awvalid(awvalid), .m_axil_awready(awready),
        .m_axil_wdata(wdata), .m_axil_wstrb(wstrb), .m_axil_wvalid(wvalid), .m_axil_wready(wready),
        .m_axil_bresp(bresp), .m_axil_bvalid(bvalid), .m_axil_bready(bready),
        .m_axil_araddr(araddr), .m_axil_arprot(arprot), .m_axil_arvalid(arvalid), .m_axil_arready(arready),
        .m_axil_rdata(rdata), .m_axil_rresp(rresp), .m_axil_rvalid(rvalid), .m_axil_rready(rready),
        .wake_request(axil_wake)
    );

    storage_array #(
        .PORTS(PORTS),
        .TASKS(TASKS),
        .BACKUP_SLOTS(BACKUP_SLOTS),
        .RX_BUFFERS(RX_BUFFERS),
        .LOGINS(LOGINS),
        .VOLUMES(VOLUMES),
        .CACHE_SETS(CACHE_SETS),
        .CACHE_WAYS(CACHE_WAYS),
        .TICK_WORDS(TICK_WORDS),
        .DRIVE_BLOCKS(DRIVE_BLOCKS),
        .DRIVE_LATENCY(DRIVE_LATENCY)
    ) array (
        .clk(clk), .rst(rst),
        .rx_data(to_array_data), .rx_charisk(to_array_charisk), .rx_invalid({PORTS*4{1'b0}}),
        .tx_data(from_array_data), .tx_charisk(from_array_charisk),
        .s_axil_awaddr(awaddr), .s_axil_awprot(awprot), .s_axil_awvalid(awvalid), .s_axil_awready(awready),
        .s_axil_wdata(wdata), .s_axil_wstrb(wstrb), .s_axil_wvalid(wvalid), .s_axil_wready(wready),
        .s_axil_bresp(bresp), .s_axil_bvalid(bvalid), .s_axil_bready(bready),
        .s_axil_araddr(araddr), .s_axil_arprot(arprot), .s_axil_arvalid(arvalid), .s_axil_arready(arready),
        .s_axil_rdata(rdata), .s_axil_rresp(rresp), .s_axil_rvalid(rvalid), .s_axil_rready(rready),
        .irq(irq)
    );

    /* what the checkers watch lies inside the array: it has no ports for them */
    destage_checker destage_checker_inst (
        .clk(clk), .rst(rst),
        .command(array.drive_cmd_valid && array.drive_cmd_ready),
        .command_write(array.drive_cmd_write), .command_tag(array.drive_cmd_tag),
        .status(array.drive_status_valid && array.drive_status_ready),
        .status_tag(array.drive_status_tag), .status_error(array.drive_status_error),
        .dirty_count(array.controller_inst.status_dirty_count),
        .failures(i4_failures), .cleaned(i4_checks)
    );

    localparam SCHEDULER_ROWS = TASKS + `REPLY_ROWS;
    localparam [2:0] SCHEDULER_SELECT = 3'd1;

    wire [PORTS*32-1:0] port_i7_failures;
    wire [PORTS*32-1:0] port_i7_checks;

    generate
        for (p = 0; p < PORTS; p = p + 1) begin : fairness
            fairness_checker #(.ROWS(SCHEDULER_ROWS)) checker_inst (
                .clk(clk), .rst(rst),
                .chosen(array.controller_inst.port[p].port_controller_inst.scheduler.state_reg == SCHEDULER_SELECT),
                .chosen_backup(array.controller_inst.port[p].port_controller_inst.scheduler.class_reg),
                .chosen_row(array.controller_inst.port[p].port_controller_inst.scheduler.row_reg),
                .ready_online(array.controller_inst.port[p].port_controller_inst.scheduler.ready_online_reg),
                .ready_backup(array.controller_inst.port[p].port_controller_inst.scheduler.ready_backup_reg),
                .prefer_backup(array.controller_inst.port[p].port_controller_inst.scheduler.prefer_backup),
                .sent_backup(array.controller_inst.port[p].port_controller_inst.scheduler.stat_backup_frame),
                .sent_online(array.controller_inst.port[p].port_controller_inst.scheduler.stat_online_frame),
                .sent_bytes(array.controller_inst.port[p].port_controller_inst.scheduler.stat_frame_bytes),
                .cfg_backup_quantum(array.controller_inst.array_controller_inst.cfg_backup_quantum),
                .cfg_online_time(array.controller_inst.array_controller_inst.cfg_online_time),
                .failures(port_i7_failures[32*p +: 32]), .choices(port_i7_checks[32*p +: 32])
            );
        end
    endgenerate

    /* One figure for all ports; PORTS is 1 or 2. */
    assign i7_failures = port_i7_failures[31:0] + (PORTS > 1 ? port_i7_failures[PORTS*32-1 -: 32] : 32'd0);
    assign i7_checks = port_i7_checks[31:0] + (PORTS > 1 ? port_i7_checks[PORTS*32-1 -: 32] : 32'd0);

    /* Read by bench/online_wait.py. */
    online_wait_probe online_wait_probe_inst (
        .clk(clk), .rst(rst),
        .online_ready(array.controller_inst.port[0].port_controller_inst.scheduler.online_ready),
        .online_frame(array.controller_inst.port[0].port_controller_inst.scheduler.stat_online_frame),
        .prefer_backup(array.controller_inst.port[0].port_controller_inst.scheduler.prefer_backup)
    );

endmodule

`resetall
