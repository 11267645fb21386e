// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

`include "port/fc_constants.vh"

/* Sends this port's own link services, one exchange at a time: fabric bring-up, then logins and logouts for the initiator tasks. */
module els_originator #(
    parameter RX_BUFFERS    = 8,      // 1 to 64
    parameter RECEIVE_BYTES = 2112,   // 256 to 2112, multiple of 4
    parameter E_D_TOV_MS    = 2000    // told to the peer
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
    output reg          table_initiator,
    output reg          table_target,
    input  wire         table_done,
    input  wire         table_hit,
    input  wire         table_hit_target,

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

    localparam [2:0] STEP_FLOGI  = 3'd0;
    localparam [2:0] STEP_SERVER = 3'd1;        // PLOGI to the name server
    localparam [2:0] STEP_RFT_ID = 3'd2;
    localparam [2:0] STEP_RFF_ID = 3'd3;
    localparam [2:0] STEP_SCR    = 3'd4;
    localparam [2:0] STEP_PLOGI  = 3'd5;
    localparam [2:0] STEP_PRLI   = 3'd6;
    localparam [2:0] STEP_LOGO   = 3'd7;

    localparam [1:0] RESULT_GOOD     = 2'd0;
    localparam [1:0] RESULT_REJECTED = 2'd1;
    localparam [1:0] RESULT_TIMEOUT  = 2'd2;
    localparam [1:0] RESULT_PROTOCOL = 2'd3;    // an answer that makes no sense

    localparam [3:0] STATE_DOWN   = 4'd0;
    localparam [3:0] STATE_BUILD  = 4'd1;
    localparam [3:0] STATE_SEND   = 4'd2;       // until the scheduler has taken the frame
    localparam [3:0] STATE_WAIT   = 4'd3;       // for the answer
    localparam [3:0] STATE_RESULT = 4'd4;
    localparam [3:0] STATE_DELAY  = 4'd5;       // back-off before a retry
    localparam [3:0] STATE_IDLE   = 4'd6;
    localparam [3:0] STATE_FIND   = 4'd7;
    localparam [3:0] STATE_ADD    = 4'd8;
    localparam [3:0] STATE_ROLES  = 4'd9;
    localparam [3:0] STATE_REMOVE = 4'd10;
    localparam [3:0] STATE_DONE   = 4'd11;
    localparam [3:0] STATE_ABTS   = 4'd12;      // the peer may forget an exchange that timed out
    localparam [3:0] STATE_ABORT  = 4'd13;      // until the scheduler has taken the ABTS

    localparam [2:0] SERVER_ATTEMPTS = 3'd2;    // registration is tolerated to fail
    localparam [2:0] BUSY_ATTEMPTS   = 3'd4;    // LS_RJT logical busy

    reg [3:0]  state;
    reg [2:0]  step;
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
    reg [7:0]  answer_credit;
    reg        answer_fabric;                   // FLOGI was answered by a fabric, not by an N_Port at the other end
    reg [23:0] destination;

    assign table_id = login_done_id;

    // What each step sends
    reg  [4:0] last_word;
    reg        is_ct;

    always @* begin
        is_ct = step == STEP_RFT_ID || step == STEP_RFF_ID;
        case (step)
            STEP_RFT_ID: last_word = 5'd12;
            STEP_RFF_ID: last_word = 5'd5;
            STEP_SCR:    last_word = 5'd1;
            STEP_PRLI:   last_word = 5'd4;
            STEP_LOGO:   last_word = 5'd3;
            default:     last_word = 5'd28;
        endcase
        case (step)
            STEP_FLOGI:  destination = `FC_ADDR_FABRIC_LOGIN;
            STEP_SERVER,
            STEP_RFT_ID,
            STEP_RFF_ID: destination = `FC_ADDR_NAME_SERVER;
            STEP_SCR:    destination = `FC_ADDR_FABRIC_CONTROLLER;
            default:     destination = login_done_id;
        endcase
    end

    wire [31:0] parameter_word;

    service_parameters #(
        .RX_BUFFERS(RX_BUFFERS),
        .RECEIVE_BYTES(RECEIVE_BYTES),
        .E_D_TOV_MS(E_D_TOV_MS)
    ) service_parameters_inst (
        .index(index),
        .fabric(step == STEP_FLOGI),
        .cfg_wwpn(cfg_wwpn),
        .cfg_wwnn(cfg_wwnn),
        .word(parameter_word)
    );

    reg [31:0] build_word;

    always @* begin
        build_word = 32'd0;
        case (step)
            STEP_FLOGI:
                build_word = index == 5'd0 ? {`FC_ELS_FLOGI, 24'd0} : parameter_word;
            STEP_SERVER, STEP_PLOGI:
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
    end

    // The answer: does it belong to the open exchange, and what does it say
    wire [7:0]  opcode   = word0[31:24];
    wire        is_match = reply_header[63:48] == {8'hF0, counter}
                           && (step == STEP_FLOGI || (reply_header[151:128] == destination && reply_header[183:160] == my_id))
                           && reply_header[127:120] == (is_ct ? `FC_TYPE_CT : `FC_TYPE_ELS);
    wire        is_rjt   = is_ct ? word2[31:16] == `FC_CT_REJECT && reply_words >= 10'd4 :
                           opcode == `FC_ELS_LS_RJT && reply_words == 10'd2;

    wire unused_reply = ^{reply_header[191:184], reply_header[159:152], reply_header[119:64], reply_header[47:0], word0[23:0], word1[31:24], word2[15:0],
                          word4[31:6], word4[3:0]};

    reg is_good;

    always @* begin
        is_good = opcode == `FC_ELS_LS_ACC;
        case (step)
            STEP_FLOGI:
                is_good = opcode == `FC_ELS_LS_ACC && reply_words >= 10'd29 && reply_header[183:160] != 24'd0;
            STEP_SERVER, STEP_PLOGI:
                is_good = opcode == `FC_ELS_LS_ACC && reply_words >= 10'd29 && class3_valid && size_valid;
            STEP_RFT_ID, STEP_RFF_ID:
                is_good = word2[31:16] == `FC_CT_ACCEPT && reply_words >= 10'd4;
            STEP_PRLI:
                is_good = opcode == `FC_ELS_LS_ACC && reply_words >= 10'd5 && word1[31:24] == `FC_TYPE_FCP;
            default: ;
        endcase
    end

    // PRLI was accepted in form: is there an image pair with a target now
    wire is_target = (word1[11:8] == `FC_PRLI_RSP_EXECUTED || word1[11:8] == `FC_PRLI_RSP_CONDITIONAL) && word4[4];

    // 1, 2, 4, 8 times E_D_TOV
    wire [2:0]  back_off_shift = attempt < 3'd3 ? attempt : 3'd3;
    wire [19:0] back_off       = {4'd0, cfg_e_d_tov_ticks} << back_off_shift;

    task start_step(input [2:0] next);
        begin
            step    <= next;
            index   <= 5'd0;
            attempt <= 3'd0;
            counter <= counter + 8'd1;
            state   <= STATE_BUILD;
        end
    endtask

    task retry_later;
        begin
            attempt <= attempt == 3'd7 ? 3'd7 : attempt + 3'd1;
            timer   <= back_off;
            state   <= STATE_DELAY;
        end
    endtask

    task ask_table(input [2:0] op, input [3:0] next);
        begin
            table_valid <= 1'b1;
            table_op    <= op;
            state       <= next;
        end
    endtask

    task finish(input [7:0] status);
        begin
            table_valid  <= 1'b0;
            login_status <= status;
            state        <= STATE_DONE;
        end
    endtask

    // A login that fails after PLOGI takes the peer's half of it back as well
    task fail(input [7:0] status);
        begin
            table_valid <= 1'b0;
            if (login_added) begin
                login_failed <= 1'b1;
                login_status <= status;
                start_step(STEP_LOGO);
            end else begin
                finish(status);
            end
        end
    endtask

    initial begin
        state                = STATE_DOWN;
        step                 = STEP_FLOGI;
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
        answer_credit        = 8'd1;
        answer_fabric        = 1'b0;
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

    always @(posedge clk) begin
        bb_credit_set        <= 1'b0;
        login_ready          <= 1'b0;
        request_write        <= 1'b0;
        request_send         <= 1'b0;
        reply_done           <= 1'b0;
        stat_ls_rjt_received <= 1'b0;
        stat_ls_timeout      <= 1'b0;
        stat_reply_unknown   <= 1'b0;

        if (login_done_valid && login_done_ready)
            login_done_valid <= 1'b0;

        // Without a fabric login there is nothing to wait for
        if (login_valid && !login_ready && !login_done_valid && !login_active && !my_id_valid) begin
            login_ready       <= 1'b1;
            login_done_valid  <= 1'b1;
            login_done_id     <= login_id;
            login_done_status <= LOGIN_LINK_DOWN;
        end

        // A reply that nobody waits for goes at once
        if (reply_valid && !reply_done) begin
            reply_done         <= 1'b1;
            stat_reply_unknown <= !(state == STATE_WAIT && is_match);
        end

        case (state)
            STATE_DOWN: begin
                login_active <= 1'b0;
                if (link_active)
                    start_step(STEP_FLOGI);
            end

            STATE_BUILD: begin
                request_write <= 1'b1;
                request_addr  <= index;
                request_data  <= build_word;
                index         <= index + 5'd1;
                if (index == last_word) begin
                    request_send   <= 1'b1;
                    request_words  <= {1'b0, last_word} + 6'd1;
                    request_header <= {is_ct ? `FC_RCTL_UNSOLICITED_CONTROL : `FC_RCTL_ELS_REQUEST, destination, 8'h00,
                                       step == STEP_FLOGI ? 24'd0 : my_id, is_ct ? `FC_TYPE_CT : `FC_TYPE_ELS, `FC_FCTL_USUAL_REQUEST,
                                       counter, 24'h000000, 8'hF0, counter, `FC_X_ID_UNASSIGNED, 32'h00000000};
                    state          <= STATE_SEND;
                end
            end

            STATE_SEND:
                if (request_taken) begin
                    timer <= {3'd0, cfg_r_a_tov_ticks, 1'b0};       // 2 x R_A_TOV
                    state <= STATE_WAIT;
                end

            STATE_WAIT:
                if (reply_valid && !reply_done && is_match) begin
                    result               <= is_good ? RESULT_GOOD : is_rjt ? RESULT_REJECTED : RESULT_PROTOCOL;
                    busy                 <= is_rjt && !is_ct && word1[23:16] == `FC_LSRJT_LOGICAL_BUSY;
                    stat_ls_rjt_received <= !is_good && is_rjt && !is_ct;
                    answer_id            <= reply_header[183:160];
                    answer_credit        <= word1[15:0] == 16'd0 ? 8'd1 : word1[15:8] != 8'd0 ? 8'd255 : word1[7:0];
                    answer_fabric        <= word2[28];
                    table_wwpn           <= wwpn;
                    table_words          <= payload_words;
                    table_initiator      <= word4[5];
                    table_target         <= is_target;
                    state                <= STATE_RESULT;
                end else if (tick) begin
                    timer <= timer - 20'd1;
                    if (timer[19:1] == 19'd0) begin
                        result          <= RESULT_TIMEOUT;
                        busy            <= 1'b0;
                        stat_ls_timeout <= 1'b1;
                        state           <= step == STEP_FLOGI ? STATE_RESULT : STATE_ABTS;   // no ABTS without an address
                    end
                end

            STATE_ABTS: begin
                request_send   <= 1'b1;
                request_words  <= 6'd0;
                request_header <= {`FC_RCTL_ABTS, destination, 8'h00, my_id, `FC_TYPE_BLS, `FC_FCTL_USUAL_ABTS,
                                   counter, 24'h000000, 8'hF0, counter, `FC_X_ID_UNASSIGNED, 32'h00000000};
                state          <= STATE_ABORT;
            end

            STATE_ABORT:
                if (request_taken)
                    state <= STATE_RESULT;

            STATE_RESULT:
                case (step)
                    STEP_FLOGI:
                        if (result == RESULT_GOOD) begin
                            my_id           <= answer_id;
                            my_id_valid     <= 1'b1;
                            bb_credit_set   <= 1'b1;
                            bb_credit_value <= answer_credit;
                            if (answer_fabric)
                                start_step(STEP_SERVER);
                            else
                                state <= STATE_IDLE;
                        end else begin
                            retry_later;
                        end
                    STEP_SERVER, STEP_RFT_ID, STEP_RFF_ID, STEP_SCR:
                        if (result != RESULT_GOOD && attempt + 3'd1 < SERVER_ATTEMPTS)
                            retry_later;
                        else if (step == STEP_SCR)
                            state <= STATE_IDLE;
                        else if (step == STEP_SERVER && result != RESULT_GOOD)
                            start_step(STEP_SCR);
                        else
                            start_step(step + 3'd1);
                    STEP_PLOGI, STEP_PRLI:
                        if (result == RESULT_GOOD && step == STEP_PLOGI)
                            ask_table(OP_ADD, STATE_ADD);
                        else if (result == RESULT_GOOD && table_target)
                            ask_table(OP_ROLES, STATE_ROLES);
                        else if (busy && attempt + 3'd1 < BUSY_ATTEMPTS)
                            retry_later;
                        else
                            fail(result == RESULT_TIMEOUT ? LOGIN_TIMEOUT : result == RESULT_PROTOCOL ? LOGIN_PROTOCOL : LOGIN_REJECTED);
                    default: begin                                  // LOGO: the row goes whatever the peer says
                        if (!login_failed)
                            login_status <= result == RESULT_GOOD ? LOGIN_GOOD : result == RESULT_TIMEOUT ? LOGIN_TIMEOUT :
                                            result == RESULT_PROTOCOL ? LOGIN_PROTOCOL : LOGIN_REJECTED;
                        ask_table(OP_REMOVE, STATE_REMOVE);
                    end
                endcase

            STATE_DELAY:
                if (tick) begin
                    timer <= timer - 20'd1;
                    if (timer[19:1] == 19'd0) begin
                        index   <= 5'd0;
                        counter <= counter + 8'd1;
                        state   <= STATE_BUILD;
                    end
                end

            STATE_IDLE:
                if (login_valid && !login_ready && !login_done_valid && !link_down_event) begin
                    login_ready     <= 1'b1;
                    login_active    <= 1'b1;
                    login_added     <= 1'b0;
                    login_failed    <= 1'b0;
                    login_done_id   <= login_id;
                    login_is_logout <= login_logout;
                    ask_table(OP_FIND, STATE_FIND);
                end

            STATE_FIND:
                if (table_done) begin
                    table_valid <= 1'b0;
                    if (login_is_logout ? !table_hit : table_hit && table_hit_target)
                        finish(LOGIN_GOOD);
                    else
                        start_step(login_is_logout ? STEP_LOGO : table_hit ? STEP_PRLI : STEP_PLOGI);
                end

            STATE_ADD:
                if (table_done) begin
                    table_valid <= 1'b0;
                    login_added <= 1'b1;
                    if (table_hit) begin
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
                    state       <= STATE_DONE;
                end

            default: begin
                login_active      <= 1'b0;
                login_done_valid  <= 1'b1;
                login_done_status <= login_status;
                state             <= STATE_IDLE;
            end
        endcase

        if (link_down_event) begin
            if (login_active) begin
                login_done_valid  <= 1'b1;
                login_done_status <= LOGIN_LINK_DOWN;
            end
            login_active    <= 1'b0;
            table_valid     <= 1'b0;
            request_send    <= 1'b0;
            my_id_valid     <= 1'b0;
            bb_credit_set   <= 1'b1;
            bb_credit_value <= 8'd1;                                // until the next login
            state           <= STATE_DOWN;
        end
        if (rst) begin
            state            <= STATE_DOWN;
            counter          <= 8'd0;
            login_active     <= 1'b0;
            login_ready      <= 1'b0;
            login_done_valid <= 1'b0;
            my_id            <= 24'd0;
            my_id_valid      <= 1'b0;
            table_valid      <= 1'b0;
            request_send     <= 1'b0;
            reply_done       <= 1'b0;
        end
    end

endmodule

`resetall
