// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

// Stand-in for link services in block tests: a fixed login table, logins and logouts as the test commands (through `cfg_wwnn`).
// Initiators are 0100xx, targets 0200xx, both 0300xx. cfg_wwnn: 23:0 logout ID, 24 logout all, 25 logout (rising edge), 63:56 login status.
/* verilator lint_off UNUSEDSIGNAL */
/* verilator lint_off UNUSEDPARAM */
module link_services #(
    parameter RX_BUFFERS = 8,  // ignored
    parameter LOGINS = 32      // ignored
) (
    input  wire         clk,
    input  wire         rst,
    input  wire         tick,
    input  wire         link_active,
    input  wire         link_down_event,
    input  wire         link_reset_event,
    output wire         bb_credit_set,
    output wire [7:0]   bb_credit_value,
    input  wire [511:0] lesb,
    input  wire [63:0]  cfg_wwpn,
    input  wire [63:0]  cfg_wwnn,
    input  wire [15:0]  cfg_e_d_tov_ticks,
    input  wire [15:0]  cfg_r_a_tov_ticks,
    output wire [15:0]  e_d_tov_ticks,
    output wire [15:0]  r_a_tov_ticks,
    input  wire         ls_rx_valid,
    input  wire [191:0] ls_rx_header,
    input  wire [9:0]   ls_rx_words,
    input  wire         ls_rx_sof_initiate,
    input  wire         ls_rx_eof_terminate,
    output wire [9:0]   ls_rx_rd_addr,
    input  wire [31:0]  ls_rx_rd_data,
    output wire         ls_rx_done,
    output reg          ls_tx_valid,
    input  wire         ls_tx_ready,
    output reg  [191:0] ls_tx_header,
    output wire [9:0]   ls_tx_words,
    input  wire [9:0]   ls_tx_rd_addr,
    output reg  [31:0]  ls_tx_rd_data,
    input  wire         lookup_valid,
    input  wire [23:0]  lookup_id,
    output reg          lookup_done,
    output reg          lookup_hit,
    output reg  [5:0]   lookup_index,
    output reg          lookup_initiator,
    output reg          lookup_target,
    output wire [9:0]   lookup_payload_words,
    input  wire         login_valid,
    output wire         login_ready,
    input  wire [23:0]  login_id,
    input  wire         login_logout,
    output reg          login_done_valid,
    input  wire         login_done_ready,
    output reg  [23:0]  login_done_id,
    output wire [7:0]   login_done_status,
    output reg          logout_valid,
    input  wire         logout_ready,
    output wire [23:0]  logout_id,
    output wire         logout_all,
    output wire         exchange_valid,
    output wire [23:0]  exchange_peer,
    output wire         exchange_own,
    output wire [15:0]  exchange_ox_id,
    output wire [15:0]  exchange_rx_id,
    input  wire         exchange_done,
    input  wire         exchange_open,
    input  wire [15:0]  exchange_responder,
    input  wire         exchange_initiative,
    input  wire [31:0]  exchange_bytes,
    output wire         login_event_valid,
    output wire [5:0]   login_event_index,
    output wire [63:0]  login_event_wwpn,
    output wire [4:0]   login_event_initiator,
    output wire [15:0]  login_event_hidden,
    output wire         allow_valid,
    output wire [63:0]  allow_wwpn,
    input  wire         allow_done,
    input  wire         allow_ok,
    input  wire [20:0]  allow_entry,
    output wire [23:0]  my_id,
    output wire         my_id_valid,
    output wire         status_fabric_login,
    output wire [7:0]   status_logins,
    output wire         stat_ls_rjt_sent,
    output wire         stat_ls_rjt_received,
    output wire         stat_plogi_refused,
    output wire         stat_ls_timeout,
    output wire         stat_ls_dropped
);

// Nobody asks about exchanges here
assign exchange_valid = 1'b0;
assign exchange_peer = 24'd0;
assign exchange_own = 1'b0;
assign exchange_ox_id = 16'd0;
assign exchange_rx_id = 16'd0;
assign e_d_tov_ticks = cfg_e_d_tov_ticks;
assign r_a_tov_ticks = cfg_r_a_tov_ticks;

reg logout_seen;

initial begin
    ls_tx_valid = 1'b0;
    ls_tx_header = 192'd0;
    ls_tx_rd_data = 32'd0;
    lookup_done = 1'b0;
    lookup_hit = 1'b0;
    lookup_index = 6'd0;
    lookup_initiator = 1'b0;
    lookup_target = 1'b0;
    login_done_valid = 1'b0;
    login_done_id = 24'd0;
    logout_valid = 1'b0;
    logout_seen = 1'b0;
end

assign bb_credit_set = 1'b0;
assign bb_credit_value = 8'd8;
assign lookup_payload_words = 10'd512;
assign my_id = 24'h010E00;
assign my_id_valid = 1'b1;
assign status_fabric_login = 1'b1;
assign status_logins = 8'd1;
assign login_event_valid = 1'b0;
assign login_event_index = 6'd0;
assign login_event_wwpn = 64'd0;
assign login_event_initiator = 5'd0;
assign login_event_hidden = 16'd0;
assign allow_valid = 1'b0;
assign allow_wwpn = 64'd0;
assign stat_ls_rjt_sent = 1'b0;
assign stat_ls_rjt_received = 1'b0;
assign stat_plogi_refused = 1'b0;
assign stat_ls_timeout = 1'b0;
assign stat_ls_dropped = 1'b0;

// Every request is answered with an LS_ACC of one word.
assign ls_rx_rd_addr = 10'd0;
assign ls_rx_done = ls_rx_valid && !ls_tx_valid;
assign ls_tx_words = 10'd1;
assign login_ready = 1'b1;
assign login_done_status = cfg_wwnn[63:56];
assign logout_id = cfg_wwnn[23:0];
assign logout_all = cfg_wwnn[24];

always @(posedge clk) begin
    lookup_done <= lookup_valid;
    lookup_hit <= lookup_id[23:8] == 16'h0100 || lookup_id[23:8] == 16'h0200 || lookup_id[23:8] == 16'h0300;
    lookup_initiator <= lookup_id[23:8] != 16'h0200;
    lookup_target <= lookup_id[23:8] != 16'h0100;
    lookup_index <= lookup_id[5:0];
    ls_tx_rd_data <= {22'h008000, ls_tx_rd_addr};
    if (ls_rx_done) begin
        ls_tx_valid <= 1'b1;
        ls_tx_header <= {8'h23, ls_rx_header[151:128], 8'h00, my_id, 8'h01, 24'h980000, 32'd0, ls_rx_header[63:48], 16'h1234, 32'd0};
    end
    if (ls_tx_ready) ls_tx_valid <= 1'b0;
    if (login_valid && !login_done_valid) begin
        login_done_valid <= 1'b1;
        login_done_id <= login_id;
    end
    if (login_done_ready) login_done_valid <= 1'b0;
    logout_seen <= cfg_wwnn[25];
    if (cfg_wwnn[25] && !logout_seen) logout_valid <= 1'b1;
    if (logout_ready) logout_valid <= 1'b0;
end

endmodule

`resetall
