// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Buffer-to-buffer credit both ways: frames that may still be sent to the peer, and R_RDYs owed to it. */
module bb_credit #(
    parameter RX_BUFFERS = 8  // 1 to 64: BB_Credit offered
) (
    input  wire        clk,
    input  wire        rst,

    // Link state
    input  wire        active,
    input  wire        restore,            // strobe: left AC, both directions start again
    input  wire        link_down,          // strobe: the login is gone too, BB_Credit is 1

    // Login
    input  wire        credit_set,
    input  wire [7:0]  credit_value,       // 0 is taken as 1

    // Transmit direction
    input  wire        frame_sent,         // strobe
    input  wire        r_rdy_received,     // strobe
    output wire        credit_available,
    output wire [7:0]  credit,

    // Receive direction
    input  wire [1:0]  buffers_freed,      // this clock
    input  wire        r_rdy_sent,         // strobe
    output wire        r_rdy_owed,
    output wire        r_rdy_urgent,       // so many are owed that the peer may run out of credit

    // Time-out
    input  wire        tick,
    input  wire [15:0] cfg_e_d_tov_ticks,  // 0: no time-out
    output reg         starved             // strobe: no credit for E_D_TOV
);

    localparam [7:0] URGENT = RX_BUFFERS > 1 ? RX_BUFFERS[8:1] : 8'd1;

    reg [7:0]  login_credit_reg;
    reg [7:0]  used_reg;           // frames sent and not answered by R_RDY (BB_Credit_CNT)
    reg [7:0]  owed_reg;
    reg [15:0] starved_ticks_reg;

    // An R_RDY that answers no frame is ignored: credit never exceeds the login's
    wire r_rdy_taken = r_rdy_received && used_reg != 8'd0;

    // A login may grant less than what is under way
    assign credit_available = used_reg < login_credit_reg;
    assign credit = credit_available ? login_credit_reg - used_reg : 8'd0;
    assign r_rdy_owed = owed_reg != 8'd0;
    assign r_rdy_urgent = owed_reg >= URGENT;

    always @(posedge clk) begin
        starved <= 1'b0;

        if (frame_sent && !r_rdy_taken)
            used_reg <= used_reg + 8'd1;
        else if (r_rdy_taken && !frame_sent)
            used_reg <= used_reg - 8'd1;

        if (buffers_freed != 2'd0 || r_rdy_sent)
            owed_reg <= owed_reg + {6'd0, buffers_freed} - {7'd0, r_rdy_sent};

        if (credit_set)
            login_credit_reg <= credit_value != 8'd0 ? credit_value : 8'd1;

        if (credit_available || !active) begin
            starved_ticks_reg <= 16'd0;
        end else if (tick && cfg_e_d_tov_ticks != 16'd0) begin
            starved_ticks_reg <= starved_ticks_reg + 16'd1;
            if (starved_ticks_reg == cfg_e_d_tov_ticks) begin
                starved <= 1'b1;
                starved_ticks_reg <= 16'd0;
            end
        end

        if (restore || rst) begin
            used_reg <= 8'd0;
            owed_reg <= 8'd0;
            starved <= 1'b0;
            starved_ticks_reg <= 16'd0;
        end
        if (link_down || rst)
            login_credit_reg <= 8'd1;
    end

endmodule

`resetall
