// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Unit attention conditions that wait for each initiator and volume. They are reported one at a time, the lowest bit first; one report
   covers bits 2:0, of which the first tells all that the others would (SAM-5 5.14). */
module unit_attention (
    input  wire        clk,
    input  wire        rst,
    output wire        busy,           // conditions are being set: what `sense` says may be old

    // what waits for one initiator and volume, while `look` is 1
    input  wire        look,
    input  wire [4:0]  initiator,
    input  wire [3:0]  volume,
    output wire        pending,
    output reg  [23:0] sense,          // {0, key, asc, ascq} of the first one
    input  wire        report,         // it is reported in this clock
    input  wire        forget,         // what says that the logical units have changed is taken back, for every volume: they are reported

    // an I_T nexus is new
    input  wire        nexus_valid,
    input  wire [4:0]  nexus_initiator,

    // conditions, one bit each, for some initiators and volumes: strobe, when not busy
    input  wire        raise_valid,
    input  wire [9:0]  raise_condition,
    input  wire [31:0] raise_initiators,
    input  wire [15:0] raise_volumes
);

    localparam POWER_ON = 10'h001, NEXUS_LOSS = 10'h004, LUNS_CHANGED = 10'h200;
    localparam STATE_CLEAR = 2'd0, STATE_IDLE = 2'd1, STATE_SET = 2'd2;

    // a row an initiator: 10 conditions a volume
    reg [159:0] rows [0:31];
    reg [1:0]   state_reg;
    reg [4:0]   count_reg;
    reg [31:0]  nexus_reg;        // new I_T nexuses not yet noted
    reg [31:0]  initiators_reg;
    reg [159:0] conditions_reg;

    integer i;

    // the row that is written in this clock
    reg         write;
    reg [4:0]   at;
    reg [159:0] row;

    wire [159:0] row_here = rows[initiator];
    reg [7:0]    place;
    reg [9:0]    here;
    reg [9:0]    first;

    assign pending = |here;
    assign busy = state_reg != STATE_IDLE || |nexus_reg;

    always @* begin
        place = 8'd0;
        here = 10'd0;
        first = 10'd0;
        sense = 24'h000000;
        if (look || report) begin
            place = {1'b0, volume, 3'd0} + {3'd0, volume, 1'b0};
            here = row_here[place +: 10];
            first = here & (~here + 10'd1);
            case (first)
                10'h001: sense = 24'h062900;  // power on, reset
                10'h002: sense = 24'h062903;  // bus device reset function occurred
                10'h004: sense = 24'h062907;  // I_T nexus loss
                10'h008: sense = 24'h062A01;  // mode parameters changed
                10'h010: sense = 24'h062A03;  // reservations preempted
                10'h020: sense = 24'h062A04;  // reservations released
                10'h040: sense = 24'h062A05;  // registrations preempted
                10'h080: sense = 24'h062F00;  // commands cleared by another initiator
                10'h100: sense = 24'h062A09;  // capacity data have changed
                10'h200: sense = 24'h063F0E;  // reported LUNs data have changed
                default: sense = 24'h000000;
            endcase
        end
    end

    initial begin
        for (i = 0; i < 32; i = i + 1)
            rows[i] = 160'd0;
        state_reg = STATE_CLEAR; count_reg = 0; nexus_reg = 0; initiators_reg = 0; conditions_reg = 0;
        write = 0; at = 0; row = 0;
    end

    // verilator lint_off BLKSEQ
    always @(posedge clk) begin : note
        reg [1:0] state;
        // as this clock finds it: Verilator then needs no second copy of the register
        state = state_reg;
        write = 1'b0;
        at = count_reg;
        case (state)
            STATE_CLEAR: begin
                write = 1'b1;
                row = {16{POWER_ON}};
                count_reg <= at + 5'd1;
                if (&at)
                    state_reg <= STATE_IDLE;
            end
            default:
                // a nexus may be new in any clock: what it sets waits until what is looked at has been reported
                if (report) begin
                    write = 1'b1;
                    at = initiator;
                    row = row_here;
                    row[place +: 10] = here & ~(|first[2:0] ? 10'h007 : first);
                end else if (forget) begin
                    write = 1'b1;
                    at = initiator;
                    row = row_here & ~{16{LUNS_CHANGED}};
                end else if (state == STATE_SET) begin
                    if (!look) begin
                        write = initiators_reg[at];
                        row = rows[at] | conditions_reg;
                        count_reg <= at + 5'd1;
                        if (&at)
                            state_reg <= STATE_IDLE;
                    end
                end else if (|nexus_reg) begin
                    initiators_reg <= nexus_reg;
                    conditions_reg <= {16{NEXUS_LOSS}};
                    nexus_reg <= 32'd0;
                    state_reg <= STATE_SET;
                end else if (raise_valid) begin
                    initiators_reg <= raise_initiators;
                    for (i = 0; i < 16; i = i + 1)
                        conditions_reg[10*i +: 10] <= raise_volumes[i] ? raise_condition : 10'd0;
                    state_reg <= STATE_SET;
                end
        endcase
        if (write)
            rows[at] <= row;
        if (nexus_valid)
            nexus_reg[nexus_initiator] <= 1'b1;
        if (rst) begin
            state_reg <= STATE_CLEAR;
            count_reg <= 5'd0;
            nexus_reg <= 32'd0;
        end
    end
    // verilator lint_on BLKSEQ

endmodule

`resetall
