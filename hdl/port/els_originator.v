// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

`include "port/fc_constants.vh"

/* Sends this port's own link services, one exchange at a time: fabric bring-up, then logins and logouts for the initiator tasks. */
module els_originator #(
    parameter RX_BUFFERS    = 8,      // 1 to 64
    parameter RECEIVE_BYTES = 2112,   // 256 to 2112, multiple of 4
    parameter E_D_TOV_MS    = 2000,   // told to the peer, and in use unless a fabric grants another
    parameter R_A_TOV_MS    = 10000   // in use unless a fabric grants another
) (
    input  wire         clk,
    input  wire         rst,
    input  wire         tick,
    input  wire         link_active,
    input  wire         link_down_event,

    input  wire [63:0]  cfg_wwpn,
    input  wire [63:0]  cfg_wwnn,
    input  wire [15:0]  cfg_e_d_tov_ticks,
    input  wire [15:0]  cfg_r_a_tov_ticks,

    output reg  [23:0]  my_id,
    output reg          my_id_valid,
    output reg          bb_credit_set,
    output reg  [7:0]   bb_credit_value,
    output reg          in_fabric,            // a fabric gave the address

    // In use: the register's unless a fabric grants another value, then one tick for a millisecond
    output reg  [31:0]  e_d_tov_ms,
    output reg  [31:0]  r_a_tov_ms,
    output reg  [15:0]  e_d_tov_ticks,
    output reg  [15:0]  r_a_tov_ticks,

    // From the responder: all logins end, or those with the fabric's services
    input  wire         session_end,
    input  wire         session_direct,       // an N_Port at the other end has sent FLOGI; these hold for it:
    input  wire [23:0]  direct_id,
    input  wire [23:0]  direct_peer,
    input  wire         direct_higher,
    input  wire         services_end,

    // May this port log in (without a fabric the peer is whoever is there): valid stays until done
    output reg          allow_valid,
    output reg  [63:0]  allow_wwpn,
    input  wire         allow_done,
    input  wire         allow_ok,

    // A port that has gone is logged out: valid stays until taken
    output reg          logout_valid,
    output reg  [23:0]  logout_id,
    input  wire         logout_taken,

    // Login and logout for the task side
    input  wire         login_valid,
    output reg          login_ready,
    input  wire [23:0]  login_id,
    input  wire         login_logout,
    output reg          login_done_valid,
    input  wire         login_done_ready,
    output reg  [23:0]  login_done_id,
    output reg  [7:0]   login_done_status,

    // Request, to ls_transmit
    output reg          request_write,
    output reg  [4:0]   request_addr,
    output reg  [31:0]  request_data,
    output reg          request_send,
    output reg  [191:0] request_header,
    output reg  [5:0]   request_words,
    input  wire         request_taken,

    // Reply, from ls_receive
    input  wire         reply_valid,
    output reg          reply_done,
    input  wire [191:0] reply_header,
    input  wire [9:0]   reply_words,
    input  wire [31:0]  word0,
    input  wire [31:0]  word1,
    input  wire [31:0]  word2,
    input  wire [31:0]  word3,
    input  wire [31:0]  word4,
    input  wire [63:0]  wwpn,
    input  wire         class3_valid,
    input  wire         size_valid,
    input  wire [9:0]   payload_words,

    // Login table
    output reg          table_valid,
    output reg  [2:0]   table_op,
    output wire [23:0]  table_id,
    output reg  [63:0]  table_wwpn,
    output reg  [9:0]   table_words,
    output wire         table_peer,           // the row is for the N_Port at the other end, which may be a host
    output reg          table_initiator,
    output reg          table_target,
    input  wire         table_done,
    input  wire         table_hit,
    input  wire         table_hit_target,
    input  wire [23:0]  table_next_id,
    input  wire [63:0]  table_next_wwpn,
    input  wire         suspects,             // ports that changed wait to be looked at

    output reg          stat_ls_rjt_received,
    output reg          stat_ls_timeout,
    output reg          stat_reply_unknown    // strobe: a reply to no request of this port
);

    localparam [7:0] LOGIN_GOOD       = 8'd0;   // done_status of the contracts
    localparam [7:0] LOGIN_TIMEOUT    = 8'd2;
    localparam [7:0] LOGIN_REJECTED   = 8'd3;
    localparam [7:0] LOGIN_PROTOCOL   = 8'd5;
    localparam [7:0] LOGIN_LINK_DOWN  = 8'd6;
    localparam [7:0] LOGIN_LOGGED_OUT = 8'd7;

    localparam [2:0] OP_FIND   = 3'd0;
    localparam [2:0] OP_ADD    = 3'd2;
    localparam [2:0] OP_REMOVE = 3'd3;
    localparam [2:0] OP_ROLES  = 3'd4;
    localparam [2:0] OP_NEXT   = 3'd6;

    localparam [23:0] DIRECT_LOW  = 24'h010101;   // addresses of two N_Ports without a fabric
    localparam [23:0] DIRECT_HIGH = 24'h010102;

    localparam [3:0] STEP_FLOGI  = 4'd0;
    localparam [3:0] STEP_SERVER = 4'd1;        // PLOGI to the name server
    localparam [3:0] STEP_RFT_ID = 4'd2;
    localparam [3:0] STEP_RFF_ID = 4'd3;
    localparam [3:0] STEP_SCR    = 4'd4;
    localparam [3:0] STEP_PLOGI  = 4'd5;
    localparam [3:0] STEP_PRLI   = 4'd6;
    localparam [3:0] STEP_LOGO   = 4'd7;
    localparam [3:0] STEP_PEER   = 4'd8;        // PLOGI to the N_Port at the other end of the link
    localparam [3:0] STEP_GPN_ID = 4'd9;        // is that port still there

    localparam [1:0] RESULT_GOOD     = 2'd0;
    localparam [1:0] RESULT_REJECTED = 2'd1;
    localparam [1:0] RESULT_TIMEOUT  = 2'd2;
    localparam [1:0] RESULT_PROTOCOL = 2'd3;    // an answer that makes no sense

    localparam [4:0] STATE_DOWN   = 5'd0;
    localparam [4:0] STATE_BUILD  = 5'd1;
    localparam [4:0] STATE_SEND   = 5'd2;       // until the scheduler has taken the frame
    localparam [4:0] STATE_WAIT   = 5'd3;       // for the answer
    localparam [4:0] STATE_RESULT = 5'd4;
    localparam [4:0] STATE_DELAY  = 5'd5;       // back-off before a retry
    localparam [4:0] STATE_IDLE   = 5'd6;
    localparam [4:0] STATE_FIND   = 5'd7;
    localparam [4:0] STATE_ADD    = 5'd8;
    localparam [4:0] STATE_ROLES  = 5'd9;
    localparam [4:0] STATE_REMOVE = 5'd10;
    localparam [4:0] STATE_DONE   = 5'd11;
    localparam [4:0] STATE_ABTS   = 5'd12;      // the peer may forget an exchange that timed out
    localparam [4:0] STATE_ABORT  = 5'd13;      // until the scheduler has taken the ABTS
    localparam [4:0] STATE_DIRECT = 5'd14;      // the other end is an N_Port
    localparam [4:0] STATE_ALLOW  = 5'd15;
    localparam [4:0] STATE_NEXT   = 5'd16;      // a port that changed
    localparam [4:0] STATE_GONE   = 5'd17;
    localparam [4:0] STATE_EVENT  = 5'd18;      // the task side takes the logout

    localparam [7:0] CT_UNABLE = 8'h09;         // reason: no such port

    localparam [2:0] SERVER_ATTEMPTS = 3'd2;    // registration is tolerated to fail
    localparam [2:0] BUSY_ATTEMPTS   = 3'd4;    // LS_RJT logical busy

    reg [4:0]  state_reg;
    reg [3:0]  step_reg;
    reg [2:0]  attempt;                         // failed so far, stays at 7
    reg [1:0]  result;
    reg        busy;                            // LS_RJT said busy
    reg [19:0] timer;
    reg [7:0]  counter;                         // SEQ_ID and low byte of OX_ID
    reg [4:0]  index;
    reg        login_active;                    // a login of the task side is open
    reg        login_is_logout;
    reg        login_added;                     // the row is new: a login that fails later takes it away again
    reg        login_failed;                    // LOGO only cleans up; the status is known
    reg [7:0]  login_status;
    reg [23:0] answer_id;
    reg [23:0] answer_peer;
    reg [7:0]  answer_credit;
    reg        answer_fabric;                   // FLOGI was answered by a fabric, not by an N_Port at the other end
    reg        answer_gone;                     // the name server knows no such port, or another under this address
    reg [31:0] answer_e_d_tov;                  // milliseconds
    reg [31:0] answer_r_a_tov;
    reg [23:0] peer_id;                         // the N_Port at the other end, or the port that changed
    reg [63:0] peer_wwpn;
    reg        higher;                          // without a fabric: this port's name is the higher one
    reg        posted;                          // a frame waits for the scheduler
    reg        services_ended;

    assign table_peer = step_reg == STEP_PEER;
    assign table_id   = step_reg == STEP_PEER || step_reg == STEP_GPN_ID ? peer_id : login_done_id;

    localparam [31:0] E_D_TOV = E_D_TOV_MS;
    localparam [31:0] R_A_TOV = R_A_TOV_MS;

    // What each step sends
    function is_ct;
        input [3:0] step;
        is_ct = step == STEP_RFT_ID || step == STEP_RFF_ID || step == STEP_GPN_ID;
    endfunction

    function [4:0] last_word;
        input [3:0] step;
        case (step)
            STEP_RFT_ID: last_word = 5'd12;
            STEP_RFF_ID: last_word = 5'd5;
            STEP_SCR:    last_word = 5'd1;
            STEP_GPN_ID: last_word = 5'd4;
            STEP_PRLI:   last_word = 5'd4;
            STEP_LOGO:   last_word = 5'd3;
            default:     last_word = 5'd28;
        endcase
    endfunction

    function [23:0] destination;
        input [3:0] step;
        case (step)
            STEP_FLOGI:  destination = `FC_ADDR_FABRIC_LOGIN;
            STEP_SERVER,
            STEP_RFT_ID,
            STEP_RFF_ID,
            STEP_GPN_ID: destination = `FC_ADDR_NAME_SERVER;
            STEP_PEER:   destination = peer_id;
            STEP_SCR:    destination = `FC_ADDR_FABRIC_CONTROLLER;
            default:     destination = login_done_id;
        endcase
    endfunction

    wire [31:0] parameter_word;

    service_parameters #(
        .RX_BUFFERS(RX_BUFFERS),
        .RECEIVE_BYTES(RECEIVE_BYTES),
        .E_D_TOV_MS(E_D_TOV_MS)
    ) service_parameters_inst (
        .index(index),
        .fabric(step_reg == STEP_FLOGI),
        .cfg_wwpn(cfg_wwpn),
        .cfg_wwnn(cfg_wwnn),
        .word(parameter_word)
    );

    function [31:0] build_word;
        input [3:0] step;
        case (step)
            STEP_FLOGI:
                build_word = index == 5'd0 ? {`FC_ELS_FLOGI, 24'd0} : parameter_word;
            STEP_SERVER, STEP_PLOGI, STEP_PEER:
                build_word = index == 5'd0 ? {`FC_ELS_PLOGI, 24'd0} : parameter_word;
            STEP_RFT_ID, STEP_RFF_ID:
                case (index)
                    5'd0:    build_word = 32'h01000000;                                             // CT revision
                    5'd1:    build_word = {`FC_CT_SERVICE_DIRECTORY, `FC_CT_SERVICE_NAME_SERVER, 16'd0};
                    5'd2:    build_word = {step == STEP_RFT_ID ? `FC_CT_RFT_ID : `FC_CT_RFF_ID, 16'd0};
                    5'd4:    build_word = {8'd0, my_id};
                    5'd5:    build_word = step == STEP_RFT_ID ? 32'h00000100 :                      // FC-4 type map: bit 8
                                          {16'd0, `FC_NS_FEATURE_TARGET | `FC_NS_FEATURE_INITIATOR, `FC_TYPE_FCP};
                    default: build_word = 32'd0;
                endcase
            STEP_GPN_ID:
                case (index)
                    5'd0:    build_word = 32'h01000000;
                    5'd1:    build_word = {`FC_CT_SERVICE_DIRECTORY, `FC_CT_SERVICE_NAME_SERVER, 16'd0};
                    5'd2:    build_word = {`FC_CT_GPN_ID, 16'd0};
                    5'd4:    build_word = {8'd0, peer_id};
                    default: build_word = 32'd0;
                endcase
            STEP_SCR:
                build_word = index == 5'd0 ? {`FC_ELS_SCR, 24'd0} : 32'h00000003;                   // full registration
            STEP_PRLI:
                case (index)
                    5'd0:    build_word = {`FC_ELS_PRLI, 24'h100014};
                    5'd1:    build_word = {`FC_TYPE_FCP, 8'd0, `FC_PRLI_IMAGE_PAIR, 8'd0};
                    5'd4:    build_word = `FC_PRLI_FCP_INITIATOR | `FC_PRLI_FCP_TARGET | `FC_PRLI_FCP_READ_XFER_RDY_DISABLED;
                    default: build_word = 32'd0;
                endcase
            default:                                                                                // LOGO
                case (index)
                    5'd0:    build_word = {`FC_ELS_LOGO, 24'd0};
                    5'd1:    build_word = {8'd0, my_id};
                    5'd2:    build_word = cfg_wwpn[63:32];
                    default: build_word = cfg_wwpn[31:0];
                endcase
        endcase
    endfunction

    // E_D_TOV in a login: milliseconds, or nanoseconds when the peer says so (x / 1,000,000 to 1 part in 10^5)
    wire [44:0] from_ns    = {13'd0, word4} * 45'd4295;
    wire unused_reply = ^{reply_header[191:184], reply_header[159:152], reply_header[119:64], reply_header[47:0], word0[23:0], word1[31:24], word2[15:0], from_ns[31:0]};
    wire [31:0] told_e_d   = word2[26] ? {19'd0, from_ns[44:32]} : word4;
    wire [31:0] use_e_d    = answer_e_d_tov == 32'd0 ? E_D_TOV : answer_e_d_tov;
    wire [31:0] use_r_a    = answer_r_a_tov == 32'd0 ? R_A_TOV : answer_r_a_tov;

    function [7:0] told_credit;
        input [15:0] credit;
        told_credit = credit == 16'd0 ? 8'd1 : credit[15:8] != 8'd0 ? 8'd255 : credit[7:0];
    endfunction

    // The answer: does it belong to the open exchange, and what does it say
    wire [7:0] opcode = word0[31:24];

    function is_match;
        input [3:0] step;
        is_match = reply_header[63:48] == {8'hF0, counter}
                   && (step == STEP_FLOGI || (reply_header[151:128] == destination(step) && reply_header[183:160] == my_id))
                   && reply_header[127:120] == (is_ct(step) ? `FC_TYPE_CT : `FC_TYPE_ELS);
    endfunction

    function is_rjt;
        input [3:0] step;
        is_rjt = is_ct(step) ? word2[31:16] == `FC_CT_REJECT && reply_words >= 10'd4 :
                 opcode == `FC_ELS_LS_RJT && reply_words == 10'd2;
    endfunction

    function is_good;
        input [3:0] step;
        case (step)
            STEP_FLOGI:
                is_good = opcode == `FC_ELS_LS_ACC && reply_words >= 10'd29 && (reply_header[183:160] != 24'd0 || !word2[28]);
            STEP_SERVER, STEP_PLOGI, STEP_PEER:
                is_good = opcode == `FC_ELS_LS_ACC && reply_words >= 10'd29 && class3_valid && size_valid;
            STEP_RFT_ID, STEP_RFF_ID:
                is_good = word2[31:16] == `FC_CT_ACCEPT && reply_words >= 10'd4;
            STEP_GPN_ID:
                is_good = word2[31:16] == `FC_CT_ACCEPT && reply_words >= 10'd6;
            STEP_PRLI:
                is_good = opcode == `FC_ELS_LS_ACC && reply_words >= 10'd5 && word1[31:24] == `FC_TYPE_FCP;
            default:
                is_good = opcode == `FC_ELS_LS_ACC;
        endcase
    endfunction

    // PRLI was accepted in form: is there an image pair with a target now
    wire is_target = (word1[11:8] == `FC_PRLI_RSP_EXECUTED || word1[11:8] == `FC_PRLI_RSP_CONDITIONAL) && word4[4];

    task start_step(input [3:0] next);
        begin
            step_reg  <= next;
            state_reg <= STATE_BUILD;
        end
    endtask

    task ask_table(input [2:0] op, input [4:0] next);
        begin
            table_valid <= 1'b1;
            table_op    <= op;
            state_reg   <= next;
        end
    endtask

    task finish(input [7:0] status);
        begin
            table_valid  <= 1'b0;
            login_status <= status;
            state_reg    <= STATE_DONE;
        end
    endtask

    // A login that fails after PLOGI takes the peer's half of it back as well
    task fail(input [7:0] status, input added);
        begin
            table_valid <= 1'b0;
            if (added) begin
                login_failed <= 1'b1;
                login_status <= status;
                start_step(STEP_LOGO);
            end else begin
                finish(status);
            end
        end
    endtask

    initial begin
        state_reg            = STATE_DOWN;
        step_reg             = STEP_FLOGI;
        attempt              = 3'd0;
        result               = RESULT_GOOD;
        busy                 = 1'b0;
        timer                = 20'd0;
        counter              = 8'd0;
        index                = 5'd0;
        login_active         = 1'b0;
        login_is_logout      = 1'b0;
        login_added          = 1'b0;
        login_failed         = 1'b0;
        login_status         = 8'd0;
        answer_id            = 24'd0;
        answer_peer          = 24'd0;
        answer_credit        = 8'd1;
        answer_fabric        = 1'b0;
        answer_gone          = 1'b0;
        answer_e_d_tov       = 32'd0;
        answer_r_a_tov       = 32'd0;
        peer_id              = 24'd0;
        peer_wwpn            = 64'd0;
        higher               = 1'b0;
        posted               = 1'b0;
        services_ended       = 1'b0;
        in_fabric            = 1'b0;
        e_d_tov_ms           = E_D_TOV;
        r_a_tov_ms           = R_A_TOV;
        e_d_tov_ticks        = 16'd0;
        r_a_tov_ticks        = 16'd0;
        allow_valid          = 1'b0;
        allow_wwpn           = 64'd0;
        logout_valid         = 1'b0;
        logout_id            = 24'd0;
        my_id                = 24'd0;
        my_id_valid          = 1'b0;
        bb_credit_set        = 1'b0;
        bb_credit_value      = 8'd1;
        login_ready          = 1'b0;
        login_done_valid     = 1'b0;
        login_done_id        = 24'd0;
        login_done_status    = 8'd0;
        request_write        = 1'b0;
        request_addr         = 5'd0;
        request_data         = 32'd0;
        request_send         = 1'b0;
        request_header       = 192'd0;
        request_words        = 6'd0;
        reply_done           = 1'b0;
        table_valid          = 1'b0;
        table_op             = OP_FIND;
        table_wwpn           = 64'd0;
        table_words          = 10'd0;
        table_initiator      = 1'b0;
        table_target         = 1'b0;
        stat_ls_rjt_received = 1'b0;
        stat_ls_timeout      = 1'b0;
        stat_reply_unknown   = 1'b0;
    end

    always @(posedge clk) begin : originate
        // As this clock finds them
        reg [4:0] state;
        reg [3:0] step;
        reg       new_login;      // the task side asks for one
        reg       login_refused;  // which it cannot have
        reg       login_lost;
        reg       may_send;
        reg       added;
        reg       failed;
        reg       ended;
        reg       expired;        // the timer, in this tick
        // The answer
        reg       match;
        reg       good;
        reg       rejected;
        reg       retry;

        state         = state_reg;
        step          = step_reg;
        new_login     = login_valid && !login_ready && !login_done_valid;
        login_refused = new_login && !login_active && !my_id_valid;
        login_lost    = login_active && (link_down_event || session_end);
        may_send      = !posted;
        added         = login_added;
        failed        = login_failed;
        ended         = services_ended;
        expired       = tick && timer[19:1] == 19'd0;
        match         = 1'b0;

        bb_credit_set        <= 1'b0;
        login_ready          <= 1'b0;
        request_write        <= 1'b0;
        request_send         <= 1'b0;
        stat_ls_rjt_received <= 1'b0;
        stat_ls_timeout      <= 1'b0;
        stat_reply_unknown   <= 1'b0;
        e_d_tov_ticks        <= e_d_tov_ms == E_D_TOV ? cfg_e_d_tov_ticks : e_d_tov_ms[31:16] != 16'd0 ? 16'hFFFF : e_d_tov_ms[15:0];
        r_a_tov_ticks        <= r_a_tov_ms == R_A_TOV ? cfg_r_a_tov_ticks : r_a_tov_ms[31:16] != 16'd0 ? 16'hFFFF : r_a_tov_ms[15:0];
        if (services_end)
            services_ended <= 1'b1;
        if (tick)
            timer <= timer - 20'd1;

        if (login_done_valid && login_done_ready)
            login_done_valid <= 1'b0;

        // A reply that nobody waits for goes at once
        if (reply_valid && !reply_done) begin
            match              = state == STATE_WAIT && is_match(step);
            stat_reply_unknown <= !match;
        end
        reply_done <= reply_valid && !reply_done;

        case (state)
            STATE_DOWN:
                if (link_active && may_send)
                    start_step(STEP_FLOGI);

            STATE_BUILD: begin
                request_write <= 1'b1;
                request_addr  <= index;
                request_data  <= build_word(step);
                if (index == last_word(step)) begin
                    request_send   <= 1'b1;
                    posted         <= 1'b1;
                    request_words  <= {1'b0, index} + 6'd1;
                    request_header <= {is_ct(step) ? `FC_RCTL_UNSOLICITED_CONTROL : `FC_RCTL_ELS_REQUEST, destination(step), 8'h00,
                                       step == STEP_FLOGI ? 24'd0 : my_id, is_ct(step) ? `FC_TYPE_CT : `FC_TYPE_ELS, `FC_FCTL_USUAL_REQUEST,
                                       counter, 24'h000000, 8'hF0, counter, `FC_X_ID_UNASSIGNED, 32'h00000000};
                    state_reg      <= STATE_SEND;
                end
                if (index == 5'd0)
                    counter <= counter + 8'd1;
                index <= index + 5'd1;
            end

            STATE_SEND:
                if (request_taken) begin
                    timer     <= {3'd0, r_a_tov_ticks, 1'b0};   // 2 x R_A_TOV
                    state_reg <= STATE_WAIT;
                end

            STATE_WAIT:
                if (match) begin
                    good                 = is_good(step);
                    rejected             = is_rjt(step);
                    result               <= good ? RESULT_GOOD : rejected ? RESULT_REJECTED : RESULT_PROTOCOL;
                    busy                 <= rejected && !is_ct(step) && word1[23:16] == `FC_LSRJT_LOGICAL_BUSY;
                    stat_ls_rjt_received <= !good && rejected && !is_ct(step);
                    answer_id            <= reply_header[183:160] != 24'd0 ? reply_header[183:160] : cfg_wwpn > wwpn ? DIRECT_HIGH : DIRECT_LOW;
                    answer_e_d_tov       <= told_e_d;
                    answer_r_a_tov       <= word3;
                    answer_gone          <= good ? {word4, wwpn[63:32]} != peer_wwpn : rejected && word3[23:16] == CT_UNABLE;
                    answer_credit        <= told_credit(word1[15:0]);
                    answer_peer          <= reply_header[151:128];
                    answer_fabric        <= word2[28];
                    table_wwpn           <= wwpn;
                    table_words          <= payload_words;
                    table_initiator      <= word4[5];
                    table_target         <= is_target;
                    state_reg            <= STATE_RESULT;
                end else if (expired) begin
                    result          <= RESULT_TIMEOUT;
                    busy            <= 1'b0;
                    stat_ls_timeout <= 1'b1;
                    state_reg       <= step == STEP_FLOGI ? STATE_RESULT : STATE_ABTS;   // no ABTS without an address
                end

            STATE_ABTS: begin
                request_send   <= 1'b1;
                posted         <= 1'b1;
                request_words  <= 6'd0;
                request_header <= {`FC_RCTL_ABTS, destination(step), 8'h00, my_id, `FC_TYPE_BLS, `FC_FCTL_USUAL_ABTS,
                                   counter, 24'h000000, 8'hF0, counter, `FC_X_ID_UNASSIGNED, 32'h00000000};
                state_reg      <= STATE_ABORT;
            end

            STATE_ABORT:
                if (request_taken)
                    state_reg <= STATE_RESULT;

            STATE_RESULT: begin
                retry = 1'b0;
                case (step)
                    STEP_FLOGI:
                        if (result == RESULT_GOOD) begin
                            my_id           <= answer_id;
                            my_id_valid     <= 1'b1;
                            in_fabric       <= answer_fabric;
                            bb_credit_set   <= 1'b1;
                            bb_credit_value <= answer_credit;
                            services_ended  <= 1'b0;
                            if (answer_fabric) begin
                                e_d_tov_ms <= use_e_d;
                                r_a_tov_ms <= use_r_a;
                                start_step(STEP_SERVER);
                            end else begin
                                peer_id   <= answer_peer != 24'd0 && answer_peer != `FC_ADDR_FABRIC_LOGIN ? answer_peer :
                                             answer_id == DIRECT_LOW ? DIRECT_HIGH : DIRECT_LOW;
                                peer_wwpn <= table_wwpn;
                                higher    <= cfg_wwpn > table_wwpn;
                                state_reg <= STATE_DIRECT;
                            end
                        end else begin
                            retry = 1'b1;
                        end
                    STEP_SERVER, STEP_RFT_ID, STEP_RFF_ID, STEP_SCR:
                        if (result != RESULT_GOOD && attempt + 3'd1 < SERVER_ATTEMPTS)
                            retry = 1'b1;
                        else if (step == STEP_SCR)
                            state_reg <= STATE_IDLE;
                        else if (step == STEP_SERVER && result != RESULT_GOOD)
                            start_step(STEP_SCR);
                        else
                            start_step(step + 4'd1);
                    STEP_PEER:
                        if (result == RESULT_GOOD)
                            ask_table(OP_ADD, STATE_ADD);
                        else if (attempt + 3'd1 < SERVER_ATTEMPTS)
                            retry = 1'b1;
                        else
                            state_reg <= STATE_IDLE;
                    STEP_GPN_ID:
                        if ((result == RESULT_GOOD || result == RESULT_REJECTED) && answer_gone)
                            ask_table(OP_REMOVE, STATE_GONE);
                        else
                            state_reg <= STATE_IDLE;
                    STEP_PLOGI, STEP_PRLI:
                        if (result == RESULT_GOOD && step == STEP_PLOGI)
                            ask_table(OP_ADD, STATE_ADD);
                        else if (result == RESULT_GOOD && table_target)
                            ask_table(OP_ROLES, STATE_ROLES);
                        else if (busy && attempt + 3'd1 < BUSY_ATTEMPTS)
                            retry = 1'b1;
                        else
                            fail(result == RESULT_TIMEOUT ? LOGIN_TIMEOUT : result == RESULT_PROTOCOL ? LOGIN_PROTOCOL : LOGIN_REJECTED, added);
                    default: begin                                  // LOGO: the row goes whatever the peer says
                        if (!failed)
                            login_status <= result == RESULT_GOOD ? LOGIN_GOOD : result == RESULT_TIMEOUT ? LOGIN_TIMEOUT :
                                            result == RESULT_PROTOCOL ? LOGIN_PROTOCOL : LOGIN_REJECTED;
                        ask_table(OP_REMOVE, STATE_REMOVE);
                    end
                endcase
                if (retry) begin
                    timer     <= {4'd0, e_d_tov_ticks} << (attempt < 3'd3 ? attempt : 3'd3);  // 1, 2, 4, 8 times E_D_TOV
                    state_reg <= STATE_DELAY;
                end
                attempt <= !retry ? 3'd0 : attempt == 3'd7 ? 3'd7 : attempt + 3'd1;
            end

            STATE_DELAY:
                if (expired)
                    state_reg <= STATE_BUILD;

            // The port with the higher name sends PLOGI, unless the other was quicker
            STATE_DIRECT:
                if (may_send) begin
                    step_reg <= STEP_PEER;
                    if (higher) begin
                        allow_valid <= 1'b1;
                        allow_wwpn  <= peer_wwpn;
                        state_reg   <= STATE_ALLOW;
                    end else begin
                        state_reg <= STATE_IDLE;
                    end
                end

            STATE_ALLOW:
                if (allow_done) begin
                    allow_valid <= 1'b0;
                    if (allow_ok)
                        ask_table(OP_FIND, STATE_FIND);
                    else
                        state_reg <= STATE_IDLE;
                end

            // A port that changed: the name server says whether it is still there
            STATE_NEXT:
                if (table_done) begin
                    table_valid <= 1'b0;
                    peer_id     <= table_next_id;
                    peer_wwpn   <= table_next_wwpn;
                    if (table_hit)
                        start_step(STEP_GPN_ID);
                    else
                        state_reg <= STATE_IDLE;
                end

            STATE_GONE:
                if (table_done) begin
                    table_valid  <= 1'b0;
                    logout_valid <= table_hit;
                    logout_id    <= peer_id;
                    state_reg    <= table_hit ? STATE_EVENT : STATE_IDLE;
                end

            STATE_EVENT:
                if (logout_taken) begin
                    logout_valid <= 1'b0;
                    state_reg    <= STATE_IDLE;
                end

            STATE_IDLE:
                if (ended && in_fabric) begin
                    services_ended <= 1'b0;
                    start_step(STEP_SERVER);
                end else if (suspects && in_fabric) begin
                    step_reg <= STEP_GPN_ID;
                    ask_table(OP_NEXT, STATE_NEXT);
                end else if (new_login && !link_down_event) begin
                    login_ready     <= 1'b1;
                    login_active    <= 1'b1;
                    login_added     <= 1'b0;
                    login_failed    <= 1'b0;
                    login_done_id   <= login_id;
                    login_is_logout <= login_logout;
                    step_reg        <= STEP_PLOGI;
                    ask_table(OP_FIND, STATE_FIND);
                end

            STATE_FIND:
                if (table_done) begin
                    table_valid <= 1'b0;
                    if (step == STEP_PEER) begin
                        if (table_hit)
                            state_reg <= STATE_IDLE;
                        else
                            start_step(STEP_PEER);
                    end else if (login_is_logout ? !table_hit : table_hit && table_hit_target)
                        finish(LOGIN_GOOD);
                    else
                        start_step(login_is_logout ? STEP_LOGO : table_hit ? STEP_PRLI : STEP_PLOGI);
                end

            STATE_ADD:
                if (table_done) begin
                    table_valid <= 1'b0;
                    login_added <= 1'b1;
                    if (step == STEP_PEER) begin                    // PRLI is for whoever has commands
                        state_reg <= STATE_IDLE;
                    end else if (table_hit) begin
                        start_step(STEP_PRLI);
                    end else begin                                  // no free row
                        login_failed <= 1'b1;
                        login_status <= LOGIN_REJECTED;
                        start_step(STEP_LOGO);
                    end
                end

            STATE_ROLES:
                if (table_done)
                    finish(table_hit ? LOGIN_GOOD : LOGIN_LOGGED_OUT);

            STATE_REMOVE:
                if (table_done) begin
                    table_valid <= 1'b0;
                    state_reg   <= STATE_DONE;
                end

            default: begin
                login_active      <= 1'b0;
                login_done_valid  <= 1'b1;
                login_done_status <= login_status;
                state_reg         <= STATE_IDLE;
            end
        endcase

        // Without a fabric login there is nothing to wait for
        if (login_refused) begin
            login_ready       <= 1'b1;
            login_done_valid  <= 1'b1;
            login_done_id     <= login_id;
            login_done_status <= LOGIN_LINK_DOWN;
        end

        if (request_taken)
            posted <= 1'b0;
        if (state != STATE_BUILD)
            index <= 5'd0;
        if (login_lost) begin
            login_done_valid  <= 1'b1;
            login_done_status <= LOGIN_LINK_DOWN;
        end
        if (link_down_event || session_end) begin
            attempt      <= 3'd0;
            login_active <= 1'b0;
            table_valid  <= 1'b0;
            allow_valid  <= 1'b0;
            logout_valid <= 1'b0;
            my_id_valid  <= 1'b0;
            in_fabric    <= 1'b0;
            e_d_tov_ms   <= E_D_TOV;
            r_a_tov_ms   <= R_A_TOV;
            state_reg    <= STATE_DOWN;
        end
        if (session_direct) begin
            my_id           <= direct_id;
            my_id_valid     <= 1'b1;
            bb_credit_set   <= 1'b1;
            bb_credit_value <= told_credit(word1[15:0]);
            peer_id         <= direct_peer;
            peer_wwpn       <= wwpn;
            higher          <= direct_higher;
            state_reg       <= STATE_DIRECT;
        end
        if (link_down_event) begin
            request_send    <= 1'b0;
            posted          <= 1'b0;
            my_id_valid     <= 1'b0;
            bb_credit_set   <= 1'b1;
            bb_credit_value <= 8'd1;                                // until the next login
            state_reg       <= STATE_DOWN;
        end
        if (rst) begin
            state_reg        <= STATE_DOWN;
            attempt          <= 3'd0;
            counter          <= 8'd0;
            login_active     <= 1'b0;
            login_ready      <= 1'b0;
            login_done_valid <= 1'b0;
            my_id            <= 24'd0;
            my_id_valid      <= 1'b0;
            in_fabric        <= 1'b0;
            posted           <= 1'b0;
            services_ended   <= 1'b0;
            allow_valid      <= 1'b0;
            logout_valid     <= 1'b0;
            table_valid      <= 1'b0;
            request_send     <= 1'b0;
            reply_done       <= 1'b0;
        end
    end

endmodule

`resetall
