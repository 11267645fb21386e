// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* AXI4-Lite slave for the test of the master: 64 registers from address 0; address 0200h and up answers DECERR, 0100h to 01FCh
   SLVERR, 0F00h and up not at all. Ready and valid come at changing distances, address and data in either order. */
module axil_registers (
    input  wire clk,
    input  wire rst,
    input  wire [15:0] s_axil_awaddr,
    input  wire        s_axil_awvalid,
    output reg         s_axil_awready,
    input  wire [31:0] s_axil_wdata,
    input  wire        s_axil_wvalid,
    output reg         s_axil_wready,
    output reg  [1:0]  s_axil_bresp,
    output reg         s_axil_bvalid,
    input  wire        s_axil_bready,
    input  wire [15:0] s_axil_araddr,
    input  wire        s_axil_arvalid,
    output reg         s_axil_arready,
    output reg  [31:0] s_axil_rdata,
    output reg  [1:0]  s_axil_rresp,
    output reg         s_axil_rvalid,
    input  wire        s_axil_rready
);

    reg [31:0] file [0:63];
    reg [15:0] address;
    reg [31:0] data;
    reg have_address;
    reg have_data;
    reg [15:0] dice; // moves the readies about

    integer i;
    initial begin
        for (i = 0; i < 64; i = i + 1) file[i] = 32'd0;
        dice = 16'hACE1;
        {s_axil_awready, s_axil_wready, s_axil_bvalid, s_axil_arready, s_axil_rvalid, have_address, have_data} = 7'd0;
        {s_axil_bresp, s_axil_rresp} = 4'd0;
        s_axil_rdata = 32'd0;
        address = 16'd0;
        data = 32'd0;
    end

    function [1:0] response(input [15:0] where);
        response = (where >= 16'h0200) ? 2'd3 : (where >= 16'h0100) ? 2'd2 : 2'd0;
    endfunction

    always @(posedge clk) begin
        dice <= {dice[14:0], dice[15] ^ dice[13] ^ dice[12] ^ dice[10]};
        s_axil_awready <= 1'b0;
        s_axil_wready <= 1'b0;
        s_axil_arready <= 1'b0;
        if (s_axil_awvalid && !s_axil_awready && !have_address && dice[1:0] == 2'd0) begin
            s_axil_awready <= 1'b1;
            have_address <= 1'b1;
            address <= s_axil_awaddr;
        end
        if (s_axil_wvalid && !s_axil_wready && !have_data && dice[3:2] == 2'd0) begin
            s_axil_wready <= 1'b1;
            have_data <= 1'b1;
            data <= s_axil_wdata;
        end
        if (have_address && have_data && !s_axil_bvalid && address < 16'h0F00) begin
            s_axil_bvalid <= 1'b1;
            s_axil_bresp <= response(address);
            if (address < 16'h0100) file[address[7:2]] <= data;
        end
        if (s_axil_bvalid && s_axil_bready) begin
            s_axil_bvalid <= 1'b0;
            have_address <= 1'b0;
            have_data <= 1'b0;
        end
        if (s_axil_arvalid && !s_axil_arready && !s_axil_rvalid && dice[5:4] == 2'd0 && s_axil_araddr < 16'h0F00) begin
            s_axil_arready <= 1'b1;
            s_axil_rvalid <= 1'b1;
            s_axil_rresp <= response(s_axil_araddr);
            s_axil_rdata <= (s_axil_araddr < 16'h0100) ? file[s_axil_araddr[7:2]] : 32'hDEADBEEF;
        end
        if (s_axil_rvalid && s_axil_rready) s_axil_rvalid <= 1'b0;
        if (rst) begin
            {s_axil_bvalid, s_axil_rvalid, have_address, have_data} <= 4'd0;
        end
    end

endmodule

`resetall
