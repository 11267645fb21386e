// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

`include "link/rx_kinds.vh"

/* One end of a Fibre Channel link, from transmission words to frames: FC-1 word synchronisation, FC_Port state machine, buffer
   credit, frames in and out, link error status block. */
module link #(
    parameter RX_BUFFERS = 8  // 1 to 64: receive buffers = BB_Credit offered
) (
    input  wire             clk,
    input  wire             rst,

    // Transceiver
    input  wire [31:0]      rx_data,
    input  wire [3:0]       rx_charisk,
    input  wire [3:0]       rx_invalid,
    output wire [31:0]      tx_data,
    output wire [3:0]       tx_charisk,

    // Received frames
    output wire             rxf_valid,
    output wire [191:0]     rxf_header,
    output wire [9:0]       rxf_words,
    output wire             rxf_sof_initiate,
    output wire             rxf_eof_terminate,
    input  wire [9:0]       rxf_rd_addr,
    output wire [31:0]      rxf_rd_data,
    input  wire             rxf_pop,

    // Frames to send
    output wire             txf_request,
    input  wire             txf_valid,
    output wire             txf_ready,
    input  wire [191:0]     txf_header,
    input  wire [9:0]       txf_words,
    input  wire             txf_sof_initiate,
    input  wire             txf_eof_terminate,
    input  wire [31:0]      txf_data,
    input  wire             txf_data_valid,
    output wire             txf_data_ready,
    output wire             txf_done,

    // Link state and control
    input  wire             link_enable,
    output wire             link_active,
    output wire             link_down_event,
    output wire             link_reset_event,
    input  wire             link_reset_request,
    input  wire             bb_credit_set,
    input  wire [7:0]       bb_credit_value,

    // Configuration
    input  wire             tick,
    input  wire [15:0]      cfg_e_d_tov_ticks,
    input  wire [15:0]      cfg_r_t_tov_ticks,

    // Status
    output wire [3:0]       status_link_state,
    output wire [7:0]       status_tx_credit,
    output wire [32*16-1:0] lesb
);

    wire [3:0]  word_kind;
    wire [31:0] word_data;
    wire        word_eof_positive;
    wire        in_sync;
    wire        sync_lost;
    wire        invalid_word;
    wire [31:0] state_word;
    wire        left_active;
    wire        link_failure;
    wire        sequence_error;
    wire        starved;
    wire        credit_available;
    wire        r_rdy_owed;
    wire        r_rdy_urgent;
    wire        frame_start;
    wire        r_rdy_start;
    wire [1:0]  buffers_freed;
    wire [15:0] rx_events;
    wire        frame_sent;
    wire        underrun;

    word_receiver word_receiver_inst (
        .clk(clk),
        .rst(rst),
        .rx_data(rx_data),
        .rx_charisk(rx_charisk),
        .rx_invalid(rx_invalid),
        .word_kind(word_kind),
        .word_data(word_data),
        .word_eof_positive(word_eof_positive),
        .in_sync(in_sync),
        .stat_sync_lost(sync_lost),
        .stat_invalid_word(invalid_word)
    );

    port_state_machine port_state_machine_inst (
        .clk(clk),
        .rst(rst),
        .word_kind(word_kind),
        .in_sync(in_sync),
        .link_enable(link_enable),
        .reset_request(link_reset_request || starved),
        .tick(tick),
        .cfg_r_t_tov_ticks(cfg_r_t_tov_ticks),
        .state(status_link_state),
        .active(link_active),
        .state_word(state_word),
        .left_active(left_active),
        .link_down_event(link_down_event),
        .link_reset_event(link_reset_event),
        .stat_link_failure(link_failure),
        .stat_sequence_error(sequence_error)
    );

    bb_credit #(
        .RX_BUFFERS(RX_BUFFERS)
    ) bb_credit_inst (
        .clk(clk),
        .rst(rst),
        .active(link_active),
        .restore(left_active),
        .link_down(link_down_event),
        .credit_set(bb_credit_set),
        .credit_value(bb_credit_value),
        .frame_sent(frame_start),
        .r_rdy_received(link_active && word_kind == `RX_R_RDY),
        .credit_available(credit_available),
        .credit(status_tx_credit),
        .buffers_freed(buffers_freed),
        .r_rdy_sent(r_rdy_start),
        .r_rdy_owed(r_rdy_owed),
        .r_rdy_urgent(r_rdy_urgent),
        .tick(tick),
        .cfg_e_d_tov_ticks(cfg_e_d_tov_ticks),
        .starved(starved)
    );

    frame_rx #(
        .RX_BUFFERS(RX_BUFFERS)
    ) frame_rx_inst (
        .clk(clk),
        .rst(rst),
        .word_kind(word_kind),
        .word_data(word_data),
        .word_eof_positive(word_eof_positive),
        .active(link_active),
        .flush(left_active),
        .rxf_valid(rxf_valid),
        .rxf_header(rxf_header),
        .rxf_words(rxf_words),
        .rxf_sof_initiate(rxf_sof_initiate),
        .rxf_eof_terminate(rxf_eof_terminate),
        .rxf_rd_addr(rxf_rd_addr),
        .rxf_rd_data(rxf_rd_data),
        .rxf_pop(rxf_pop),
        .buffers_freed(buffers_freed),
        .events(rx_events)
    );

    frame_tx frame_tx_inst (
        .clk(clk),
        .rst(rst),
        .active(link_active),
        .state_word(state_word),
        .credit_available(credit_available),
        .r_rdy_owed(r_rdy_owed),
        .r_rdy_urgent(r_rdy_urgent),
        .frame_start(frame_start),
        .r_rdy_start(r_rdy_start),
        .txf_request(txf_request),
        .txf_valid(txf_valid),
        .txf_ready(txf_ready),
        .txf_header(txf_header),
        .txf_words(txf_words),
        .txf_sof_initiate(txf_sof_initiate),
        .txf_eof_terminate(txf_eof_terminate),
        .txf_data(txf_data),
        .txf_data_valid(txf_data_valid),
        .txf_data_ready(txf_data_ready),
        .txf_done(txf_done),
        .tx_data(tx_data),
        .tx_charisk(tx_charisk),
        .stat_frame_sent(frame_sent),
        .stat_underrun(underrun)
    );

    // Counter 2, loss of signal, has no source at a word interface: a dead transceiver shows as loss of synchronisation
    link_error_status_block link_error_status_block_inst (
        .clk(clk),
        .rst(rst),
        .events(rx_events | {underrun, frame_sent, 9'd0, invalid_word, sequence_error, 1'b0, sync_lost, link_failure}),
        .counters(lesb)
    );

endmodule

`resetall
