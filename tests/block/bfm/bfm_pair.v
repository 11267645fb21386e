// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Two FC port transactors on one wire, and an AXI4-Lite master on a small register file; the wire is brought out to be watched. */
module bfm_pair (
    output wire clk,
    output wire rst,
    output wire wake,
    output wire [31:0] a_data,
    output wire [3:0]  a_charisk,
    output wire [31:0] b_data,
    output wire [3:0]  b_charisk
);

    wire [63:0] cycles;
    wire wake_a;
    wire wake_b;
    wire wake_m;

    clock_source #(.WAKES(3)) clock_source_inst (.clk(clk), .rst(rst), .cycles(cycles), .wake_request({wake_a, wake_b, wake_m}), .wake(wake));

    fc_port_bfm #(.PORT(0), .R_T_TOV_WORDS(400)) a (
        .clk(clk), .rst(rst), .cycles(cycles), .rx_data(b_data), .rx_charisk(b_charisk), .tx_data(a_data), .tx_charisk(a_charisk),
        .wake_request(wake_a)
    );

    fc_port_bfm #(.PORT(1), .R_T_TOV_WORDS(400)) b (
        .clk(clk), .rst(rst), .cycles(cycles), .rx_data(a_data), .rx_charisk(a_charisk), .tx_data(b_data), .tx_charisk(b_charisk),
        .wake_request(wake_b)
    );

    wire [15:0] awaddr;
    wire [15:0] araddr;
    wire [31:0] wdata;
    wire [31:0] rdata;
    wire [3:0] wstrb;
    wire [2:0] awprot;
    wire [2:0] arprot;
    wire [1:0] bresp;
    wire [1:0] rresp;
    wire awvalid, awready, wvalid, wready, bvalid, bready, arvalid, arready, rvalid, rready;

    axil_bfm #(.MASTER(0)) master (
        .clk(clk), .rst(rst), .cycles(cycles),
        .m_axil_awaddr(awaddr), .m_axil_awprot(awprot), .m_axil_awvalid(awvalid), .m_axil_awready(awready),
        .m_axil_wdata(wdata), .m_axil_wstrb(wstrb), .m_axil_wvalid(wvalid), .m_axil_wready(wready),
        .m_axil_bresp(bresp), .m_axil_bvalid(bvalid), .m_axil_bready(bready),
        .m_axil_araddr(araddr), .m_axil_arprot(arprot), .m_axil_arvalid(arvalid), .m_axil_arready(arready),
        .m_axil_rdata(rdata), .m_axil_rresp(rresp), .m_axil_rvalid(rvalid), .m_axil_rready(rready),
        .wake_request(wake_m)
    );

    axil_registers registers (
        .clk(clk), .rst(rst),
        .s_axil_awaddr(awaddr), .s_axil_awvalid(awvalid), .s_axil_awready(awready),
        .s_axil_wdata(wdata), .s_axil_wvalid(wvalid), .s_axil_wready(wready),
        .s_axil_bresp(bresp), .s_axil_bvalid(bvalid), .s_axil_bready(bready),
        .s_axil_araddr(araddr), .s_axil_arvalid(arvalid), .s_axil_arready(arready),
        .s_axil_rdata(rdata), .s_axil_rresp(rresp), .s_axil_rvalid(rvalid), .s_axil_rready(rready)
    );

    // always full words, unprivileged
    wire unused = &{wstrb, awprot, arprot};

endmodule

`resetall
