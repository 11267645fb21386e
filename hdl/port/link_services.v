// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Link services of a port: fabric bring-up, logins in both roles, the login table, answers to every ELS. */
module link_services #(
    parameter RX_BUFFERS    = 8,      // 1 to 64: BB_Credit offered
    parameter LOGINS        = 32,     // 2 to 64
    parameter RECEIVE_BYTES = 2112,   // 256 to 2112, multiple of 4: receive data field size offered
    parameter E_D_TOV_MS    = 2000,   // told to peers in PLOGI, and in RTV unless a fabric grants another
    parameter R_A_TOV_MS    = 10000   // told to peers in RTV unless a fabric grants another
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             tick,

    // Link
    input  wire             link_active,
    input  wire             link_down_event,
    input  wire             link_reset_event,
    output wire             bb_credit_set,
    output wire [7:0]       bb_credit_value,
    input  wire [32*16-1:0] lesb,

    // Configuration
    input  wire [63:0]      cfg_wwpn,
    input  wire [63:0]      cfg_wwnn,
    input  wire [15:0]      cfg_e_d_tov_ticks,
    input  wire [15:0]      cfg_r_a_tov_ticks,
    output wire [15:0]      e_d_tov_ticks,         // in use: a fabric may have granted others
    output wire [15:0]      r_a_tov_ticks,

    // Received frame
    input  wire             ls_rx_valid,
    input  wire [191:0]     ls_rx_header,
    input  wire [9:0]       ls_rx_words,
    input  wire             ls_rx_sof_initiate,
    input  wire             ls_rx_eof_terminate,
    output wire [9:0]       ls_rx_rd_addr,
    input  wire [31:0]      ls_rx_rd_data,
    output wire             ls_rx_done,

    // Frame to send
    output wire             ls_tx_valid,
    input  wire             ls_tx_ready,
    output wire [191:0]     ls_tx_header,
    output wire [9:0]       ls_tx_words,
    input  wire [9:0]       ls_tx_rd_addr,
    output wire [31:0]      ls_tx_rd_data,

    // Login table lookup
    input  wire             lookup_valid,
    input  wire [23:0]      lookup_id,
    output wire             lookup_done,
    output wire             lookup_hit,
    output wire [5:0]       lookup_index,
    output wire             lookup_initiator,
    output wire             lookup_target,
    output wire [9:0]       lookup_payload_words,

    // Logins for initiator tasks
    input  wire             login_valid,
    output wire             login_ready,
    input  wire [23:0]      login_id,
    input  wire             login_logout,
    output wire             login_done_valid,
    input  wire             login_done_ready,
    output wire [23:0]      login_done_id,
    output wire [7:0]       login_done_status,

    // Logouts to the task side
    output reg              logout_valid,
    input  wire             logout_ready,
    output reg  [23:0]      logout_id,
    output reg              logout_all,

    // Questions about an exchange (REC, RRQ)
    output wire             exchange_valid,
    output wire [23:0]      exchange_peer,
    output wire             exchange_own,
    output wire [15:0]      exchange_ox_id,
    output wire [15:0]      exchange_rx_id,
    input  wire             exchange_done,
    input  wire             exchange_open,
    input  wire [15:0]      exchange_responder,
    input  wire             exchange_initiative,
    input  wire [31:0]      exchange_bytes,

    // New image pair with an initiator, to the array
    output wire             login_event_valid,
    output wire [5:0]       login_event_index,
    output reg  [63:0]      login_event_wwpn,
    output reg  [4:0]       login_event_initiator,
    output reg  [15:0]      login_event_hidden,

    // Allow list
    output reg              allow_valid,
    output reg  [63:0]      allow_wwpn,
    input  wire             allow_done,
    input  wire             allow_ok,
    input  wire [20:0]      allow_entry,

    output wire [23:0]      my_id,
    output wire             my_id_valid,
    output wire             status_fabric_login,
    output wire [7:0]       status_logins,

    output wire             stat_ls_rjt_sent,
    output wire             stat_ls_rjt_received,
    output wire             stat_plogi_refused,
    output wire             stat_ls_timeout,
    output wire             stat_ls_dropped        // a link service frame that is neither a request nor an awaited reply
);

    wire unused_lesb = ^lesb[32*16-1:32*6];

    // A link reset keeps logins; frames it lost are sent again by whoever misses an answer
    wire unused_link_reset = link_reset_event;

    reg online;

    initial online = 1'b0;

    always @(posedge clk) begin
        if (link_active)
            online <= 1'b1;
        if (rst || link_down_event)
            online <= 1'b0;
    end

    assign status_fabric_login = my_id_valid;

    wire         capture_write;
    wire [4:0]   capture_addr;
    wire         request_valid;
    wire         request_done;
    wire         answer_valid;
    wire         answer_done;
    wire         dropped;
    wire         answer_unknown;
    wire [31:0]  word0;
    wire [31:0]  word1;
    wire [31:0]  word2;
    wire [31:0]  word3;
    wire [5:0]   request_rd_addr;
    wire [31:0]  word4;
    wire [63:0]  wwpn;
    wire         class3_valid;
    wire         size_valid;
    wire [9:0]   payload_words;

    wire         reply_write;
    wire [4:0]   reply_addr;
    wire [31:0]  reply_data;
    wire         reply_send;
    wire [191:0] reply_header;
    wire [5:0]   reply_words;
    wire         reply_busy;
    wire         request_write;
    wire [4:0]   request_addr;
    wire [31:0]  request_data;
    wire         request_send;
    wire [191:0] request_header;
    wire [5:0]   request_words;
    wire         request_taken;

    wire         a_valid;
    wire [2:0]   a_op;
    wire [23:0]  a_id;
    wire         a_initiator;
    wire         a_target;
    wire         a_done;
    wire         b_valid;
    wire [2:0]   b_op;
    wire [23:0]  b_id;
    wire [63:0]  b_wwpn;
    wire [9:0]   b_words;
    wire         b_initiator;
    wire         b_target;
    wire         b_done;
    wire         result_hit;
    wire         result_initiator;
    wire         result_target;
    wire [5:0]   result_index;
    wire [23:0]  result_id;
    wire [63:0]  result_wwpn;
    wire [20:0]  result_entry;
    reg  [20:0]  a_entry;    // of the PLOGI under way
    reg  [20:0]  b_entry;    // of the N_Port at the other end
    wire [23:0]  a_mask;
    wire         suspects;
    wire         b_peer;

    wire [31:0]  e_d_tov_ms;
    wire [31:0]  r_a_tov_ms;
    wire         in_fabric;
    wire         session_end;
    wire         session_direct;
    wire [23:0]  direct_id;
    wire [23:0]  direct_peer;
    wire         direct_higher;
    wire         services_end;
    wire         logged_out = link_down_event || session_end;       // everybody

    // Logouts of the responder and of the originator
    wire         a_event_valid;
    wire [23:0]  a_event_id;
    reg          a_event_taken;
    wire         b_event_valid;
    wire [23:0]  b_event_id;
    reg          b_event_taken;

    assign stat_ls_dropped = dropped || answer_unknown;

    // Logout events: what waits when the link goes down is overtaken by logout_all
    reg all_pending;
    reg a_offered;
    reg b_offered;

    initial begin
        all_pending   = 1'b0;
        a_offered     = 1'b0;
        b_offered     = 1'b0;
        a_event_taken = 1'b0;
        b_event_taken = 1'b0;
        logout_valid  = 1'b0;
        logout_id     = 24'd0;
        logout_all    = 1'b0;
    end

    always @(posedge clk) begin : logouts
        reg a_event;
        reg b_event;
        a_event = a_event_valid && !a_event_taken && !logged_out;
        b_event = b_event_valid && !b_event_taken && !logged_out;

        a_event_taken <= logout_valid && logout_ready && a_offered && !logged_out;
        b_event_taken <= logout_valid && logout_ready && b_offered && !logged_out;
        if (logout_valid) begin
            if (logout_ready) begin
                logout_valid <= 1'b0;
                a_offered    <= 1'b0;
                b_offered    <= 1'b0;
            end
        end else if (all_pending) begin
            logout_valid <= 1'b1;
            logout_all   <= 1'b1;
            logout_id    <= 24'd0;
            all_pending  <= 1'b0;
        end else if (a_event) begin
            logout_valid <= 1'b1;
            logout_all   <= 1'b0;
            logout_id    <= a_event_id;
            a_offered    <= 1'b1;
        end else if (b_event) begin
            logout_valid <= 1'b1;
            logout_all   <= 1'b0;
            logout_id    <= b_event_id;
            b_offered    <= 1'b1;
        end
        if (logged_out) begin
            all_pending <= 1'b1;
            a_offered   <= 1'b0;
            b_offered   <= 1'b0;
        end
        if (rst) begin
            logout_valid <= 1'b0;
            all_pending  <= 1'b0;
            a_offered    <= 1'b0;
            b_offered    <= 1'b0;
        end
    end

    // The allow list takes one question at a time: the responder's first
    wire        a_allow_valid;
    wire [63:0] a_allow_wwpn;
    reg         a_allow_pending;
    wire        b_allow_valid;
    wire [63:0] b_allow_wwpn;
    reg         b_allow_asked;
    reg         asking;
    reg         asking_b;
    wire        a_allow_done = allow_done && asking && !asking_b;
    wire        b_allow_done = allow_done && asking && asking_b && b_allow_asked;

    initial begin
        allow_valid     = 1'b0;
        allow_wwpn      = 64'd0;
        a_allow_pending = 1'b0;
        b_allow_asked   = 1'b0;
        asking          = 1'b0;
        asking_b        = 1'b0;
    end

    always @(posedge clk) begin : questions
        reg ask_a;
        reg ask_b;
        ask_a = !asking && a_allow_pending;
        ask_b = !asking && b_allow_valid && !b_allow_asked;

        allow_valid <= 1'b0;
        if (a_allow_valid)
            a_allow_pending <= 1'b1;
        if (allow_done)
            asking <= 1'b0;
        if (!b_allow_valid || b_allow_done)
            b_allow_asked <= 1'b0;                  // the originator may have lost its interest meanwhile
        if (ask_a) begin
            allow_valid     <= 1'b1;
            allow_wwpn      <= a_allow_wwpn;
            a_allow_pending <= 1'b0;
            asking          <= 1'b1;
            asking_b        <= 1'b0;
        end else if (ask_b) begin
            allow_valid   <= 1'b1;
            allow_wwpn    <= b_allow_wwpn;
            b_allow_asked <= 1'b1;
            asking        <= 1'b1;
            asking_b      <= 1'b1;
        end
        if (rst) begin
            allow_valid     <= 1'b0;
            a_allow_pending <= 1'b0;
            b_allow_asked   <= 1'b0;
            asking          <= 1'b0;
        end
    end

    ls_receive ls_receive_inst (
        .clk(clk),
        .rst(rst),
        .ls_rx_valid(ls_rx_valid),
        .ls_rx_header(ls_rx_header),
        .ls_rx_words(ls_rx_words),
        .ls_rx_sof_initiate(ls_rx_sof_initiate),
        .ls_rx_eof_terminate(ls_rx_eof_terminate),
        .ls_rx_rd_addr(ls_rx_rd_addr),
        .ls_rx_rd_data(ls_rx_rd_data),
        .ls_rx_done(ls_rx_done),
        .my_id(my_id),
        .my_id_valid(my_id_valid),
        .in_fabric(in_fabric),
        .reply_busy(reply_busy),
        .capture_write(capture_write),
        .capture_addr(capture_addr),
        .request_valid(request_valid),
        .request_done(request_done),
        .request_rd_addr(request_rd_addr),
        .reply_valid(answer_valid),
        .reply_done(answer_done),
        .stat_dropped(dropped),
        .word0(word0),
        .word1(word1),
        .word2(word2),
        .word3(word3),
        .word4(word4),
        .wwpn(wwpn),
        .class3_valid(class3_valid),
        .size_valid(size_valid),
        .payload_words(payload_words)
    );

    els_responder #(
        .RX_BUFFERS(RX_BUFFERS),
        .RECEIVE_BYTES(RECEIVE_BYTES),
        .E_D_TOV_MS(E_D_TOV_MS)
    ) els_responder_inst (
        .clk(clk),
        .rst(rst),
        .link_down_event(link_down_event),
        .cfg_wwpn(cfg_wwpn),
        .cfg_wwnn(cfg_wwnn),
        .my_id(my_id),
        .my_id_valid(my_id_valid),
        .lesb(lesb[32*6-1:0]),
        .e_d_tov_ms(e_d_tov_ms),
        .r_a_tov_ms(r_a_tov_ms),
        .request_valid(request_valid),
        .request_done(request_done),
        .request_header(ls_rx_header),
        .request_words(ls_rx_words),
        .word0(word0),
        .word1(word1),
        .word2(word2),
        .word4(word4),
        .wwpn(wwpn),
        .class3_valid(class3_valid),
        .size_valid(size_valid),
        .request_rd_addr(request_rd_addr),
        .request_rd_data(ls_rx_rd_data),
        .reply_write(reply_write),
        .reply_addr(reply_addr),
        .reply_data(reply_data),
        .reply_send(reply_send),
        .reply_header(reply_header),
        .reply_words(reply_words),
        .reply_busy(reply_busy),
        .table_valid(a_valid),
        .table_op(a_op),
        .table_id(a_id),
        .table_mask(a_mask),
        .table_initiator(a_initiator),
        .table_target(a_target),
        .table_done(a_done),
        .table_hit(result_hit),
        .table_hit_initiator(result_initiator),
        .table_hit_target(result_target),
        .table_index(result_index),
        .table_name_id(result_id),
        .allow_valid(a_allow_valid),
        .allow_wwpn(a_allow_wwpn),
        .allow_done(a_allow_done),
        .allow_ok(allow_ok),
        .logout_valid(a_event_valid),
        .logout_id(a_event_id),
        .logout_taken(a_event_taken),
        .exchange_valid(exchange_valid),
        .exchange_peer(exchange_peer),
        .exchange_own(exchange_own),
        .exchange_ox_id(exchange_ox_id),
        .exchange_rx_id(exchange_rx_id),
        .exchange_done(exchange_done),
        .exchange_open(exchange_open),
        .exchange_responder(exchange_responder),
        .exchange_initiative(exchange_initiative),
        .exchange_bytes(exchange_bytes),
        .session_end(session_end),
        .session_direct(session_direct),
        .direct_id(direct_id),
        .direct_peer(direct_peer),
        .direct_higher(direct_higher),
        .services_end(services_end),
        .login_event_valid(login_event_valid),
        .login_event_index(login_event_index),
        .stat_ls_rjt_sent(stat_ls_rjt_sent),
        .stat_plogi_refused(stat_plogi_refused)
    );

    els_originator #(
        .RX_BUFFERS(RX_BUFFERS),
        .RECEIVE_BYTES(RECEIVE_BYTES),
        .E_D_TOV_MS(E_D_TOV_MS),
        .R_A_TOV_MS(R_A_TOV_MS)
    ) els_originator_inst (
        .clk(clk),
        .rst(rst),
        .tick(tick),
        .link_active(link_active),
        .link_down_event(link_down_event),
        .cfg_wwpn(cfg_wwpn),
        .cfg_wwnn(cfg_wwnn),
        .cfg_e_d_tov_ticks(cfg_e_d_tov_ticks),
        .cfg_r_a_tov_ticks(cfg_r_a_tov_ticks),
        .my_id(my_id),
        .my_id_valid(my_id_valid),
        .bb_credit_set(bb_credit_set),
        .bb_credit_value(bb_credit_value),
        .in_fabric(in_fabric),
        .e_d_tov_ms(e_d_tov_ms),
        .r_a_tov_ms(r_a_tov_ms),
        .e_d_tov_ticks(e_d_tov_ticks),
        .r_a_tov_ticks(r_a_tov_ticks),
        .session_end(session_end),
        .session_direct(session_direct),
        .direct_id(direct_id),
        .direct_peer(direct_peer),
        .direct_higher(direct_higher),
        .services_end(services_end),
        .allow_valid(b_allow_valid),
        .allow_wwpn(b_allow_wwpn),
        .allow_done(b_allow_done),
        .allow_ok(allow_ok),
        .logout_valid(b_event_valid),
        .logout_id(b_event_id),
        .logout_taken(b_event_taken),
        .login_valid(login_valid),
        .login_ready(login_ready),
        .login_id(login_id),
        .login_logout(login_logout),
        .login_done_valid(login_done_valid),
        .login_done_ready(login_done_ready),
        .login_done_id(login_done_id),
        .login_done_status(login_done_status),
        .request_write(request_write),
        .request_addr(request_addr),
        .request_data(request_data),
        .request_send(request_send),
        .request_header(request_header),
        .request_words(request_words),
        .request_taken(request_taken),
        .reply_valid(answer_valid),
        .reply_done(answer_done),
        .reply_header(ls_rx_header),
        .reply_words(ls_rx_words),
        .word0(word0),
        .word1(word1),
        .word2(word2),
        .word3(word3),
        .word4(word4),
        .wwpn(wwpn),
        .class3_valid(class3_valid),
        .size_valid(size_valid),
        .payload_words(payload_words),
        .table_valid(b_valid),
        .table_op(b_op),
        .table_id(b_id),
        .table_wwpn(b_wwpn),
        .table_words(b_words),
        .table_peer(b_peer),
        .table_initiator(b_initiator),
        .table_target(b_target),
        .table_done(b_done),
        .table_hit(result_hit),
        .table_hit_target(result_target),
        .table_next_id(result_id),
        .table_next_wwpn(result_wwpn),
        .suspects(suspects),
        .stat_ls_rjt_received(stat_ls_rjt_received),
        .stat_ls_timeout(stat_ls_timeout),
        .stat_reply_unknown(answer_unknown)
    );

    ls_transmit ls_transmit_inst (
        .clk(clk),
        .rst(rst),
        .flush(link_down_event),
        .online(online),
        .reply_write(reply_write || capture_write),
        .reply_addr(capture_write ? capture_addr : reply_addr),
        .reply_data(capture_write ? ls_rx_rd_data : reply_data),
        .reply_send(reply_send),
        .reply_header(reply_header),
        .reply_words(reply_words),
        .reply_busy(reply_busy),
        .request_write(request_write),
        .request_addr(request_addr),
        .request_data(request_data),
        .request_send(request_send),
        .request_header(request_header),
        .request_words(request_words),
        .request_taken(request_taken),
        .ls_tx_valid(ls_tx_valid),
        .ls_tx_ready(ls_tx_ready),
        .ls_tx_header(ls_tx_header),
        .ls_tx_words(ls_tx_words),
        .ls_tx_rd_addr(ls_tx_rd_addr),
        .ls_tx_rd_data(ls_tx_rd_data)
    );

    login_table #(
        .LOGINS(LOGINS)
    ) login_table_inst (
        .clk(clk),
        .rst(rst),
        .clear(logged_out),
        .lookup_valid(lookup_valid),
        .lookup_id(lookup_id),
        .lookup_done(lookup_done),
        .lookup_hit(lookup_hit),
        .lookup_index(lookup_index),
        .lookup_initiator(lookup_initiator),
        .lookup_target(lookup_target),
        .lookup_payload_words(lookup_payload_words),
        .a_valid(a_valid),
        .a_op(a_op),
        .a_id(a_id),
        .a_mask(a_mask),
        .a_wwpn(wwpn),
        .a_words(payload_words),
        .a_entry(a_entry),
        .a_initiator(a_initiator),
        .a_target(a_target),
        .a_done(a_done),
        .b_valid(b_valid),
        .b_op(b_op),
        .b_id(b_id),
        .b_wwpn(b_wwpn),
        .b_words(b_words),
        .b_entry(b_peer ? b_entry : {16'hFFFF, 5'd0}),       // a device sees no volume
        .b_initiator(b_initiator),
        .b_target(b_target),
        .b_done(b_done),
        .result_hit(result_hit),
        .result_initiator(result_initiator),
        .result_target(result_target),
        .result_index(result_index),
        .result_entry(result_entry),
        .result_id(result_id),
        .result_wwpn(result_wwpn),
        .suspects(suspects),
        .status_logins(status_logins)
    );

    initial begin
        a_entry = 21'd0; b_entry = 21'd0; login_event_wwpn = 64'd0; login_event_initiator = 5'd0; login_event_hidden = 16'd0;
    end

    always @(posedge clk) begin
        if (a_allow_done)
            a_entry <= allow_entry;
        if (b_allow_done)
            b_entry <= allow_entry;
        // in step with login_event_valid
        login_event_wwpn <= result_wwpn;
        {login_event_hidden, login_event_initiator} <= result_entry;
    end

endmodule

`resetall
