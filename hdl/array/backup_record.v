// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Writes the records of jobs that changed into the management information store: job j at words 100h + 16j, and the job under way at 060h
   as well (table 630). A record is written from one snapshot, word F first and word 0 last: bitmap, then copy pointer, then backup
   pointer, then state. Whoever reads it in between, from word 0 on, sees a bitmap newer than the pointer and a copy pointer newer than
   the backup pointer; neither says that more is saved than is. */
module backup_record #(
    parameter JOBS = 8  // 1 to 8
) (
    input  wire             clk,
    input  wire             rst,

    input  wire [JOBS-1:0]  touched,
    input  wire [2:0]       current,
    output wire             record_read,
    output wire [2:0]       record_number,
    input  wire [16*32-1:0] record,
    output wire [JOBS-1:0]  settled,   // the store has the record as it is

    // management information store, client 1
    output reg              mis_valid,
    input  wire             mis_ready,
    output wire             mis_write,
    output wire [9:0]       mis_addr,
    output wire [31:0]      mis_wdata
);

    integer i;

    reg [JOBS-1:0]  dirty_reg;
    reg [2:0]       number_reg;
    reg [3:0]       word_reg;
    reg             shown_reg;    // to be written to 060h, too
    reg             second_reg;   // being written there
    reg [16*32-1:0] snapshot_reg;

    /* the job to be written next: the first after the one written last */
    reg [2:0] pick;

    always @* begin
        pick = number_reg;
        if (record_read) begin
            for (i = JOBS - 1; i >= 0; i = i - 1)
                if (dirty_reg[i] && i[2:0] <= number_reg)
                    pick = i[2:0];
            for (i = JOBS - 1; i >= 0; i = i - 1)
                if (dirty_reg[i] && i[2:0] > number_reg)
                    pick = i[2:0];
        end
    end

    wire [7:0] writing = mis_valid ? 8'd1 << number_reg : 8'd0;

    assign settled = ~(dirty_reg | touched | writing[JOBS-1:0]);
    assign record_read = !mis_valid && dirty_reg != {JOBS{1'b0}};
    assign record_number = pick;
    assign mis_write = 1'b1;
    assign mis_addr = second_reg ? {6'h06, word_reg} : {3'b010, number_reg, word_reg};
    assign mis_wdata = snapshot_reg[{word_reg, 5'd0} +: 32];

    always @(posedge clk) begin
        if (touched != {JOBS{1'b0}})
            dirty_reg <= dirty_reg | touched;
        if (mis_valid && mis_ready) begin
            if (word_reg == 4'd0) begin
                mis_valid <= shown_reg && !second_reg;
                second_reg <= shown_reg && !second_reg;
            end
            word_reg <= word_reg - 4'd1;
        end
        if (record_read) begin
            mis_valid <= 1'b1;
            number_reg <= pick;
            word_reg <= 4'd15;
            shown_reg <= pick == current;
            second_reg <= 1'b0;
            snapshot_reg <= record;
            dirty_reg[pick] <= touched[pick];
        end
        if (rst) begin
            mis_valid <= 1'b0;
            dirty_reg <= {JOBS{1'b0}};
            number_reg <= 3'd0;
        end
    end

    initial begin
        mis_valid = 1'b0;
        dirty_reg = {JOBS{1'b0}};
        number_reg = 3'd0;
        word_reg = 4'd0;
        shown_reg = 1'b0;
        second_reg = 1'b0;
        snapshot_reg = {16*32{1'b0}};
    end

endmodule

`resetall
