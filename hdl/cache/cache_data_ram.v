// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Cache data RAM: 128-bit lines, a front port that serves the FC ports in fixed turns of four clocks and a back port with two
   clients, both in the same clock. Contents survive rst. */
module cache_data_ram #(
    parameter PORTS = 1,      // FC ports on the front port, 1 or 2
    parameter SEGMENTS = 512, // 4 KiB segments, 1 to 1024
    parameter TASKS = 32      // pages of 128 lines after the last segment, 1 to 256
) (
    input  wire                 clk,
    input  wire                 rst,

    // front port, read: port p is served in turn 2p of every four clocks
    input  wire [PORTS-1:0]     fr_rd_valid,
    output wire [PORTS-1:0]     fr_rd_ready,
    input  wire [PORTS*20-1:0]  fr_rd_line,
    output reg  [PORTS-1:0]     fr_rd_data_valid,
    output wire [PORTS*128-1:0] fr_rd_data,

    // front port, write: port p is served in turn 2p + 1
    input  wire [PORTS-1:0]     fr_wr_valid,
    output wire [PORTS-1:0]     fr_wr_ready,
    input  wire [PORTS*20-1:0]  fr_wr_line,
    input  wire [PORTS*128-1:0] fr_wr_data,
    input  wire [PORTS*16-1:0]  fr_wr_strobe,

    // back port: clients 0 drive controller (first), 1 SCSI responder
    input  wire [1:0]           bk_valid,
    output wire [1:0]           bk_ready,
    input  wire [1:0]           bk_write,
    input  wire [2*20-1:0]      bk_line,
    input  wire [2*128-1:0]     bk_wdata,
    output reg  [1:0]           bk_rdata_valid,
    output wire [2*128-1:0]     bk_rdata
);

    localparam LINES = SEGMENTS * 256 + TASKS * 128;
    localparam ADDR = $clog2(LINES);

    integer i;
    initial begin
        if (PORTS < 1 || PORTS > 2 || SEGMENTS < 1 || SEGMENTS > 1024 || TASKS < 1 || TASKS > 256) begin
            $display("%m: PORTS=%0d (1 to 2), SEGMENTS=%0d (1 to 1024), TASKS=%0d (1 to 256)", PORTS, SEGMENTS, TASKS);
            $finish;
        end
    end

    reg [127:0] ram [0:LINES-1];
    initial for (i = 0; i < LINES; i = i + 1) ram[i] = 128'd0;

    // Whose turn it is does not depend on who asks, so each client has its line every four clocks whatever the others do.
    reg [1:0] turn_reg;

    assign fr_rd_ready = turn_reg[0] ? {PORTS{1'b0}} : {{(PORTS-1){1'b0}}, 1'b1} << turn_reg[1];
    assign fr_wr_ready = turn_reg[0] ? {{(PORTS-1){1'b0}}, 1'b1} << turn_reg[1] : {PORTS{1'b0}};

    wire [PORTS-1:0] read_taken = fr_rd_valid & fr_rd_ready;
    wire [PORTS-1:0] write_taken = fr_wr_valid & fr_wr_ready;

    wire [19:0]  front_read_line;
    wire [19:0]  front_write_line;
    wire [127:0] front_write_data;
    wire [15:0]  front_write_strobe;

    generate
        if (PORTS == 1) begin : one_port
            assign front_read_line = fr_rd_line[19:0];
            assign front_write_line = fr_wr_line[19:0];
            assign front_write_data = fr_wr_data[127:0];
            assign front_write_strobe = fr_wr_strobe[15:0];
        end else begin : two_ports
            assign front_read_line = turn_reg[1] ? fr_rd_line[PORTS*20-1 -: 20] : fr_rd_line[19:0];
            assign front_write_line = turn_reg[1] ? fr_wr_line[PORTS*20-1 -: 20] : fr_wr_line[19:0];
            assign front_write_data = turn_reg[1] ? fr_wr_data[PORTS*128-1 -: 128] : fr_wr_data[127:0];
            assign front_write_strobe = turn_reg[1] ? fr_wr_strobe[PORTS*16-1 -: 16] : fr_wr_strobe[15:0];
        end
    endgenerate

    assign bk_ready = {!bk_valid[0], 1'b1};

    wire         back_taken = |bk_valid;
    wire         back_write = bk_valid[0] ? bk_write[0] : bk_write[1];
    wire [19:0]  back_line = bk_valid[0] ? bk_line[19:0] : bk_line[39:20];
    wire [127:0] back_wdata = bk_valid[0] ? bk_wdata[127:0] : bk_wdata[255:128];

    // two register stages for each port, as a block RAM with output register has
    reg [127:0]     front_ram_reg;
    reg [127:0]     front_out_reg;
    reg [PORTS-1:0] front_pending_reg;
    reg [127:0]     back_ram_reg;
    reg [127:0]     back_out_reg;
    reg [1:0]       back_pending_reg;

    assign fr_rd_data = {PORTS{front_out_reg}};
    assign bk_rdata = {2{back_out_reg}};

    initial begin
        fr_rd_data_valid = 0;
        bk_rdata_valid = 0;
        turn_reg = 0;
        front_ram_reg = 0;
        front_out_reg = 0;
        front_pending_reg = 0;
        back_ram_reg = 0;
        back_out_reg = 0;
        back_pending_reg = 0;
    end

    always @(posedge clk) begin
        turn_reg <= turn_reg + 2'd1;

        front_pending_reg <= read_taken;
        fr_rd_data_valid <= front_pending_reg;
        if (|read_taken)
            front_ram_reg <= {12'd0, front_read_line} < LINES ? ram[front_read_line[ADDR-1:0]] : 128'd0;
        if (|front_pending_reg)
            front_out_reg <= front_ram_reg;

        back_pending_reg <= bk_valid & bk_ready & ~bk_write;
        bk_rdata_valid <= back_pending_reg;
        if (back_taken && !back_write)
            back_ram_reg <= {12'd0, back_line} < LINES ? ram[back_line[ADDR-1:0]] : 128'd0;
        if (|back_pending_reg)
            back_out_reg <= back_ram_reg;

        // lines beyond the end are not there: a write is dropped, a read gives 0
        if (|write_taken && {12'd0, front_write_line} < LINES) begin
            if (&front_write_strobe)
                ram[front_write_line[ADDR-1:0]] <= front_write_data;
            else
                for (i = 0; i < 16; i = i + 1)
                    if (front_write_strobe[i])
                        ram[front_write_line[ADDR-1:0]][8*i +: 8] <= front_write_data[8*i +: 8];
        end
        if (back_taken && back_write && {12'd0, back_line} < LINES)
            ram[back_line[ADDR-1:0]] <= back_wdata;

        if (rst) begin
            turn_reg <= 0;
            front_pending_reg <= 0;
            fr_rd_data_valid <= 0;
            back_pending_reg <= 0;
            bk_rdata_valid <= 0;
        end
    end

endmodule

`resetall
