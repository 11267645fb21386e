// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Management information store (seed 600): 1024 words that survive rst, for three clients served in turn. */
module management_store (
    input  wire            clk,
    input  wire            rst,

    // clients 0 register window, 1 backup engine, 2 allow list; read data one clock after a read was taken
    input  wire [2:0]      mis_valid,
    output wire [2:0]      mis_ready,
    input  wire [2:0]      mis_write,
    input  wire [3*10-1:0] mis_addr,
    input  wire [3*32-1:0] mis_wdata,
    output reg  [2:0]      mis_rdata_valid,
    output wire [3*32-1:0] mis_rdata
);

    reg [31:0] ram [0:1023];

    integer i;
    initial for (i = 0; i < 1024; i = i + 1) ram[i] = 32'd0;

    // The client served last has the lowest priority next time, so that each waits for at most two others.
    reg [1:0]  last_reg;
    reg [31:0] rdata_reg;
    reg [1:0]  pick;

    always @* begin
        case (last_reg)
            2'd0: pick = mis_valid[1] ? 2'd1 : mis_valid[2] ? 2'd2 : 2'd0;
            2'd1: pick = mis_valid[2] ? 2'd2 : mis_valid[0] ? 2'd0 : 2'd1;
            default: pick = mis_valid[0] ? 2'd0 : mis_valid[1] ? 2'd1 : 2'd2;
        endcase
    end

    assign mis_ready = 3'b001 << pick;
    assign mis_rdata = {3{rdata_reg}};

    wire        write = mis_write[pick];
    wire [9:0]  addr = mis_addr[10*pick +: 10];
    wire [31:0] wdata = mis_wdata[32*pick +: 32];

    initial begin
        mis_rdata_valid = 0;
        last_reg = 2;
        rdata_reg = 0;
    end

    always @(posedge clk) begin
        mis_rdata_valid <= mis_valid & mis_ready & ~mis_write;
        if (|mis_valid) begin
            last_reg <= pick;
            if (write)
                ram[addr] <= wdata;
            else
                rdata_reg <= ram[addr];
        end
        if (rst) begin
            last_reg <= 2'd2;
            mis_rdata_valid <= 3'd0;
        end
    end

endmodule

`resetall
