// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Segment list: where in the data RAM the index-th 4 KiB segment of a slot's chunk begins; written by the cache manager before it
   answers an acquire and by the page service for its page, read by each FC port and by the page service. */
module segment_list #(
    parameter SLOTS = 36, // TASKS + BACKUP_SLOTS, 2 to 272
    parameter PORTS = 1   // readers, 1 to 3
) (
    input  wire                clk,

    // write, from the cache manager
    input  wire                wr_valid,
    input  wire [8:0]          wr_slot,
    input  wire [4:0]          wr_index,
    input  wire [19:0]         wr_line,

    // write, from the page service; waits for the cache manager
    input  wire                sl_wr_valid,
    output wire                sl_wr_ready,
    input  wire [8:0]          sl_wr_slot,
    input  wire [4:0]          sl_wr_index,
    input  wire [19:0]         sl_wr_line,

    // read, data one clock after the address
    input  wire [PORTS*9-1:0]  sl_rd_slot,
    input  wire [PORTS*5-1:0]  sl_rd_index,
    output reg  [PORTS*20-1:0] sl_rd_line
);

    localparam ENTRIES = SLOTS * 32;
    localparam ADDR = $clog2(ENTRIES);

    reg [19:0] ram [0:ENTRIES-1];

    integer i;
    initial begin
        if (SLOTS < 2 || SLOTS > 272 || PORTS < 1 || PORTS > 3) begin
            $display("%m: SLOTS=%0d (2 to 272), PORTS=%0d (1 to 3)", SLOTS, PORTS);
            $finish;
        end
        for (i = 0; i < ENTRIES; i = i + 1) ram[i] = 20'd0;
    end

    assign sl_wr_ready = !wr_valid;

    wire        write = wr_valid || sl_wr_valid;
    wire [13:0] write_addr = wr_valid ? {wr_slot, wr_index} : {sl_wr_slot, sl_wr_index};

    always @(posedge clk)
        if (write && {18'd0, write_addr} < ENTRIES)
            ram[write_addr[ADDR-1:0]] <= wr_valid ? wr_line : sl_wr_line;

    genvar p;
    generate
        for (p = 0; p < PORTS; p = p + 1) begin : reader
            wire [13:0] rd_addr = {sl_rd_slot[9*p +: 9], sl_rd_index[5*p +: 5]};
            always @(posedge clk)
                sl_rd_line[20*p +: 20] <= {18'd0, rd_addr} < ENTRIES ? ram[rd_addr[ADDR-1:0]] : 20'd0;
        end
    endgenerate

endmodule

`resetall
