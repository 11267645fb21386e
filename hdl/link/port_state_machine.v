// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

`include "link/ordered_sets.vh"
`include "link/rx_kinds.vh"

/* FC_Port state machine (FC-FS-5 table 22): link initialisation, link reset, link failure, offline. Says which word to send while
   the link is not active. */
module port_state_machine (
    input  wire        clk,
    input  wire        rst,

    // Received words
    input  wire [3:0]  word_kind,
    input  wire        in_sync,

    // Control
    input  wire        link_enable,
    input  wire        reset_request,
    input  wire        tick,
    input  wire [15:0] cfg_r_t_tov_ticks,  // 0: no time-out

    // State
    output wire [3:0]  state,
    output reg         active,
    output reg  [31:0] state_word,   // to send while not active
    output reg         left_active,  // strobe in the first clock out of AC
    output reg         link_down_event,
    output reg         link_reset_event,
    output reg         stat_link_failure,
    output reg         stat_sequence_error
);

    localparam [3:0]
        STATE_AC = 4'd0,   // active
        STATE_LR1 = 4'd1,  // LR transmit
        STATE_LR2 = 4'd2,  // LR receive
        STATE_LR3 = 4'd3,  // LRR receive
        STATE_LF1 = 4'd4,  // NOS receive
        STATE_LF2 = 4'd5,  // NOS transmit
        STATE_OL1 = 4'd6,  // OLS transmit
        STATE_OL2 = 4'd7,  // OLS receive
        STATE_OL3 = 4'd8;  // wait for OLS

    reg [3:0]  state_reg;
    reg [3:0]  state_next;
    reg        was_up_reg;      // AC was reached since the link was last down
    reg [3:0]  last_kind_reg;
    reg [1:0]  same_count_reg;  // words equal to last_kind_reg, up to 3
    reg [15:0] wait_ticks_reg;  // in this state
    reg [15:0] lost_ticks_reg;  // without synchronisation

    wire time_out = tick && cfg_r_t_tov_ticks != 16'd0 && wait_ticks_reg == cfg_r_t_tov_ticks;
    wire sync_time_out = tick && cfg_r_t_tov_ticks != 16'd0 && lost_ticks_reg == cfg_r_t_tov_ticks;

    // A primitive sequence counts from its third word on
    wire recognised = same_count_reg == 2'd3;
    wire waits = state_reg == STATE_LR1 || state_reg == STATE_LR2 || state_reg == STATE_LR3 || state_reg == STATE_LF1
        || state_reg == STATE_OL2;

    assign state = state_reg;

    always @* begin
        state_next = state_reg;
        if (recognised) begin
            case (last_kind_reg)
                `RX_OLS: state_next = STATE_OL2;
                `RX_NOS: state_next = STATE_LF1;
                `RX_LR: state_next = state_reg == STATE_OL3 || state_reg == STATE_LF2 ? STATE_LF2 : STATE_LR2;
                `RX_LRR:
                    case (state_reg)
                        STATE_LF1, STATE_LF2, STATE_OL1: state_next = state_reg;
                        STATE_OL3: state_next = STATE_LF2;
                        default: state_next = STATE_LR3;
                    endcase
                `RX_FILL:
                    if (state_reg == STATE_LR2 || state_reg == STATE_LR3)
                        state_next = STATE_AC;
                default: state_next = state_reg;
            endcase
        end
        if (state_reg == STATE_AC && state_next == STATE_AC && reset_request)
            state_next = STATE_LR1;
        // The peer did not answer, or cannot be heard
        if (waits && time_out && state_next == state_reg)
            state_next = state_reg == STATE_OL2 ? STATE_OL3 : STATE_LF2;
        if (sync_time_out && state_reg != STATE_OL1)
            state_next = state_reg == STATE_OL2 || state_reg == STATE_OL3 ? STATE_OL3 : STATE_LF2;
        if (!link_enable)
            state_next = STATE_OL1;
    end

    always @(posedge clk) begin
        link_down_event <= 1'b0;
        link_reset_event <= 1'b0;
        left_active <= 1'b0;
        stat_link_failure <= 1'b0;
        stat_sequence_error <= 1'b0;

        last_kind_reg <= word_kind;
        if (word_kind != last_kind_reg)
            same_count_reg <= 2'd1;
        else if (same_count_reg != 2'd3)
            same_count_reg <= same_count_reg + 2'd1;

        if (in_sync)
            lost_ticks_reg <= 16'd0;
        else if (tick)
            lost_ticks_reg <= sync_time_out ? 16'd0 : lost_ticks_reg + 16'd1;

        if (tick && waits)
            wait_ticks_reg <= wait_ticks_reg + 16'd1;

        if (state_next != state_reg) begin
            state_reg <= state_next;
            wait_ticks_reg <= 16'd0;
            active <= state_next == STATE_AC;
            case (state_next)
                STATE_LR1, STATE_OL2: state_word <= `OS_LR;
                STATE_LR2: state_word <= `OS_LRR;
                STATE_LF1, STATE_OL1: state_word <= `OS_OLS;
                STATE_LF2, STATE_OL3: state_word <= `OS_NOS;
                default: state_word <= `OS_IDLE;
            endcase
            left_active <= state_reg == STATE_AC;
            case (state_next)
                STATE_AC: was_up_reg <= 1'b1;
                STATE_LR1, STATE_LR2, STATE_LR3: link_reset_event <= state_reg == STATE_AC;
                default: begin
                    // Also when a link reset fails: whoever was told of the reset learns that the link is down
                    link_down_event <= was_up_reg;
                    was_up_reg <= 1'b0;
                end
            endcase
            stat_link_failure <= (state_next == STATE_LF1 || state_next == STATE_LF2)
                && state_reg != STATE_LF1 && state_reg != STATE_LF2;
            // LRR that nobody asked for, or a link reset where only OLS may come
            stat_sequence_error <= (state_reg == STATE_AC && state_next == STATE_LR3)
                || (state_reg == STATE_OL3 && state_next == STATE_LF2 && recognised);
        end

        if (rst) begin
            active <= 1'b0;
            state_word <= `OS_NOS;
            left_active <= 1'b0;
            link_down_event <= 1'b0;
            link_reset_event <= 1'b0;
            stat_link_failure <= 1'b0;
            stat_sequence_error <= 1'b0;
            state_reg <= STATE_LF2;
            was_up_reg <= 1'b0;
            last_kind_reg <= `RX_INVALID;
            same_count_reg <= 2'd0;
            wait_ticks_reg <= 16'd0;
            lost_ticks_reg <= 16'd0;
        end
    end

endmodule

`resetall
