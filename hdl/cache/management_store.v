// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Management information store (seed 600): 1024 words that survive rst, for clients served in turn. */
module management_store #(
    parameter CLIENTS = 3             // 2 to 16
) (
    input  wire                  clk,
    input  wire                  rst,

    // in the array: 0 register window, 1 backup engine, 2 load monitor, 3 time supervisor, 4 allow list; read data one clock after a read was taken
    input  wire [CLIENTS-1:0]    mis_valid,
    output reg  [CLIENTS-1:0]    mis_ready,
    input  wire [CLIENTS-1:0]    mis_write,
    input  wire [CLIENTS*10-1:0] mis_addr,
    input  wire [CLIENTS*32-1:0] mis_wdata,
    output reg  [CLIENTS-1:0]    mis_rdata_valid,
    output wire [CLIENTS*32-1:0] mis_rdata
);

    localparam WIDTH = $clog2(CLIENTS);
    localparam [WIDTH:0] COUNT = CLIENTS;
    localparam [WIDTH-1:0] LAST = CLIENTS - 1;

    initial
        if (CLIENTS < 2 || CLIENTS > 16) begin
            $display("%m: CLIENTS = %0d, must be 2 to 16", CLIENTS);
            $finish;
        end

    reg [31:0] ram [0:1023];

    integer i, turn;
    initial for (i = 0; i < 1024; i = i + 1) ram[i] = 32'd0;

    // The client served last has the lowest priority next time, so that each waits for at most all others once.
    reg [WIDTH-1:0] last_reg, pick;
    reg [WIDTH:0]   look;
    reg [31:0]      rdata_reg;

    always @* begin
        pick = last_reg;
        for (turn = CLIENTS - 1; turn > 0; turn = turn - 1) begin
            look = {1'b0, last_reg} + turn[WIDTH:0];
            if (look >= COUNT)
                look = look - COUNT;
            if (mis_valid[look[WIDTH-1:0]])
                pick = look[WIDTH-1:0];
        end
        mis_ready = {CLIENTS{1'b0}};
        mis_ready[pick] = 1'b1;
    end

    assign mis_rdata = {CLIENTS{rdata_reg}};

    wire        write = mis_write[pick];
    wire [9:0]  addr = mis_addr[10*pick +: 10];
    wire [31:0] wdata = mis_wdata[32*pick +: 32];

    initial begin
        mis_rdata_valid = 0;
        last_reg = LAST;
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
            last_reg <= LAST;
            mis_rdata_valid <= {CLIENTS{1'b0}};
        end
    end

endmodule

`resetall
