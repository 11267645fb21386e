// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* AXI4-Lite master: takes one access at a time from the C library, does it on the bus, hands the answer back and has Python
   woken. Every access has a deadline. Simulation only. */
module axil_bfm #(
    parameter MASTER = 0,     // number of the master in the C library, 0 to 255
    parameter ADDR_WIDTH = 16 // 1 to 32
) (
    input  wire clk,
    input  wire rst,
    input  wire [63:0] cycles,

    // AXI4-Lite master
    output reg  [ADDR_WIDTH-1:0] m_axil_awaddr,
    output wire [2:0]  m_axil_awprot,
    output reg         m_axil_awvalid,
    input  wire        m_axil_awready,
    output reg  [31:0] m_axil_wdata,
    output wire [3:0]  m_axil_wstrb,
    output reg         m_axil_wvalid,
    input  wire        m_axil_wready,
    input  wire [1:0]  m_axil_bresp,
    input  wire        m_axil_bvalid,
    output reg         m_axil_bready,
    output reg  [ADDR_WIDTH-1:0] m_axil_araddr,
    output wire [2:0]  m_axil_arprot,
    output reg         m_axil_arvalid,
    input  wire        m_axil_arready,
    input  wire [31:0] m_axil_rdata,
    input  wire [1:0]  m_axil_rresp,
    input  wire        m_axil_rvalid,
    output reg         m_axil_rready,

    output reg  wake_request // strobe: there is something for Python
);

    `include "bfm/portplex_bfm.vh"

    localparam [31:0] STATUS_DEADLINE = 32'd4; // after the four values of RESP
    localparam [31:0] STATUS_RESET    = 32'd5;

    assign m_axil_awprot = 3'd0;
    assign m_axil_arprot = 3'd0;
    assign m_axil_wstrb = 4'hF;

    // verilator lint_off UNUSEDSIGNAL
    // whole integers because C fills them
    integer request;
    integer address;
    integer data;
    integer deadline;
    // verilator lint_on UNUSEDSIGNAL
    reg [31:0] clocks_left;
    reg        busy;

    initial begin
        if (MASTER < 0 || MASTER > 255 || ADDR_WIDTH < 1 || ADDR_WIDTH > 32) begin
            $display("%m: MASTER %0d must be 0 to 255, ADDR_WIDTH %0d 1 to 32", MASTER, ADDR_WIDTH);
            $finish;
        end
        m_axil_awaddr = {ADDR_WIDTH{1'b0}};
        m_axil_araddr = {ADDR_WIDTH{1'b0}};
        m_axil_wdata = 32'd0;
        wake_request = 1'b0;
        request = 0;
        address = 0;
        data = 0;
        deadline = 0;
        busy = 1'b0;
        clocks_left = 32'd0;
        m_axil_awvalid = 1'b0;
        m_axil_wvalid = 1'b0;
        m_axil_bready = 1'b0;
        m_axil_arvalid = 1'b0;
        m_axil_rready = 1'b0;
    end

    task release_bus;
        begin
            m_axil_awvalid <= 1'b0;
            m_axil_wvalid <= 1'b0;
            m_axil_bready <= 1'b0;
            m_axil_arvalid <= 1'b0;
            m_axil_rready <= 1'b0;
        end
    endtask

    task finish_access(input [31:0] status, input [31:0] value);
        begin
            `PP_AXIL_DONE(MASTER, cycles, status, value);
            busy <= 1'b0;
            wake_request <= 1'b1;
        end
    endtask

    always @(posedge clk) begin
        wake_request <= 1'b0;
        if (rst) begin
            if (busy) finish_access(STATUS_RESET, 32'd0);
            release_bus;
        end else if (!busy) begin
            if (cycles[2:0] == 3'd0) begin
                `PP_AXIL_TAKE(MASTER, cycles, request, address, data, deadline);
                if (request != 0) begin
                    busy <= 1'b1;
                    clocks_left <= deadline;
                    if (request == 2) begin
                        m_axil_awaddr <= address[ADDR_WIDTH-1:0];
                        m_axil_wdata <= data;
                        m_axil_awvalid <= 1'b1;
                        m_axil_wvalid <= 1'b1;
                        m_axil_bready <= 1'b1;
                    end else begin
                        m_axil_araddr <= address[ADDR_WIDTH-1:0];
                        m_axil_arvalid <= 1'b1;
                        m_axil_rready <= 1'b1;
                    end
                end
            end
        end else begin
            clocks_left <= clocks_left - 32'd1;
            if (m_axil_awready) m_axil_awvalid <= 1'b0;
            if (m_axil_wready) m_axil_wvalid <= 1'b0;
            if (m_axil_arready) m_axil_arvalid <= 1'b0;
            if (m_axil_bvalid && m_axil_bready) begin
                m_axil_bready <= 1'b0;
                finish_access({30'd0, m_axil_bresp}, 32'd0);
            end else if (m_axil_rvalid && m_axil_rready) begin
                m_axil_rready <= 1'b0;
                finish_access({30'd0, m_axil_rresp}, m_axil_rdata);
            end else if (clocks_left == 32'd0) begin
                release_bus;
                finish_access(STATUS_DEADLINE, 32'd0);
            end
        end
    end

endmodule

`resetall
