// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

`include "port/fc_constants.vh"

/* Answers every ELS request with exactly one LS_ACC or LS_RJT, and keeps the login table and the task side in step with it. */
module els_responder #(
    parameter RX_BUFFERS    = 8,      // 1 to 64
    parameter RECEIVE_BYTES = 2112,   // 256 to 2112, multiple of 4
    parameter E_D_TOV_MS    = 2000    // told to the peer in LS_ACC to PLOGI
) (
    input  wire            clk,
    input  wire            rst,
    input  wire            link_down_event,

    input  wire [63:0]     cfg_wwpn,
    input  wire [63:0]     cfg_wwnn,
    input  wire [23:0]     my_id,
    input  wire            my_id_valid,
    input  wire [32*6-1:0] lesb,
    input  wire [31:0]     e_d_tov_ms,          // in use, told to the peer in LS_ACC to RTV
    input  wire [31:0]     r_a_tov_ms,

    // Request, from ls_receive
    input  wire            request_valid,
    output reg             request_done,
    input  wire [191:0]    request_header,
    input  wire [9:0]      request_words,
    input  wire [31:0]     word0,
    input  wire [31:0]     word1,
    input  wire [31:0]     word2,
    input  wire [31:0]     word4,
    input  wire [63:0]     wwpn,
    input  wire            class3_valid,
    input  wire            size_valid,
    output reg  [5:0]      request_rd_addr,     // RSCN: its pages, two clocks later
    input  wire [31:0]     request_rd_data,

    // Reply, to ls_transmit
    output reg             reply_write,
    output reg  [4:0]      reply_addr,
    output reg  [31:0]     reply_data,
    output reg             reply_send,
    output reg  [191:0]    reply_header,
    output reg  [5:0]      reply_words,
    input  wire            reply_busy,

    // Login table
    output reg             table_valid,
    output reg  [2:0]      table_op,
    output reg  [23:0]     table_id,
    output wire [23:0]     table_mask,
    output wire            table_initiator,
    output wire            table_target,
    input  wire            table_done,
    input  wire            table_hit,
    input  wire            table_hit_initiator,
    input  wire            table_hit_target,
    input  wire [5:0]      table_index,
    input  wire [23:0]     table_name_id,

    // Allow list
    output reg             allow_valid,
    output reg  [63:0]     allow_wwpn,
    input  wire            allow_done,
    input  wire            allow_ok,

    // This N_Port is logged out: valid stays until taken
    output reg             logout_valid,
    output reg  [23:0]     logout_id,
    input  wire            logout_taken,

    // Is there such an exchange (REC, RRQ): valid stays until done
    output reg             exchange_valid,
    output wire [23:0]     exchange_peer,
    output wire            exchange_own,        // this port is its originator
    output wire [15:0]     exchange_ox_id,
    output wire [15:0]     exchange_rx_id,
    input  wire            exchange_done,
    input  wire            exchange_open,
    input  wire [15:0]     exchange_responder,
    input  wire            exchange_initiative,
    input  wire [31:0]     exchange_bytes,

    // All logins end: the fabric's own has gone, or an N_Port at the other end has begun anew
    output reg             session_end,
    output reg             session_direct,      // the latter; these hold for it:
    output wire [23:0]     direct_id,           // this port's address from now on
    output wire [23:0]     direct_peer,
    output wire            direct_higher,       // this port has the higher name: it sends PLOGI
    output reg             services_end,        // name server or fabric controller have logged out

    output reg             login_event_valid,
    output reg  [5:0]      login_event_index,

    output reg             stat_ls_rjt_sent,
    output reg             stat_plogi_refused
);

    // Explanations that only this module uses
    localparam [7:0] EXP_RECEIVE_SIZE = 8'h07;   // service parameter error: receive data field size
    localparam [7:0] EXP_PORT_NAME    = 8'h0D;   // invalid N_Port name
    localparam [7:0] EXP_N_PORT_ID    = 8'h1F;   // invalid N_Port_ID

    localparam [23:0] DIRECT_LOW  = 24'h010101;  // addresses of two N_Ports without a fabric
    localparam [23:0] DIRECT_HIGH = 24'h010102;

    localparam [2:0] OP_FIND      = 3'd0;
    localparam [2:0] OP_FIND_NAME = 3'd1;
    localparam [2:0] OP_ADD       = 3'd2;
    localparam [2:0] OP_REMOVE    = 3'd3;
    localparam [2:0] OP_ROLES     = 3'd4;
    localparam [2:0] OP_SUSPECT   = 3'd5;

    localparam [4:0] STATE_IDLE        = 5'd0;
    localparam [4:0] STATE_DECIDE      = 5'd1;   // by opcode and length
    localparam [4:0] STATE_FIND        = 5'd2;   // is the sender logged in
    localparam [4:0] STATE_LOGGED_IN   = 5'd3;   // requests that need a login
    localparam [4:0] STATE_REMOVE      = 5'd4;   // LOGO, PLOGI again: the old login goes first
    localparam [4:0] STATE_EVENT       = 5'd5;   // the task side takes the logout
    localparam [4:0] STATE_PARAMETERS  = 5'd6;   // PLOGI: service parameters
    localparam [4:0] STATE_ALLOW       = 5'd7;
    localparam [4:0] STATE_NAME        = 5'd8;   // the same port logged in under another N_Port_ID
    localparam [4:0] STATE_NAME_REMOVE = 5'd9;
    localparam [4:0] STATE_ADD         = 5'd10;
    localparam [4:0] STATE_ROLES       = 5'd11;
    localparam [4:0] STATE_BUILD       = 5'd12;
    localparam [4:0] STATE_SEND        = 5'd13;
    localparam [4:0] STATE_FINISH      = 5'd14;
    localparam [4:0] STATE_EXCHANGE    = 5'd15;   // REC, RRQ: the task side looks for the exchange
    localparam [4:0] STATE_PAGE        = 5'd16;   // RSCN: read a page,
    localparam [4:0] STATE_PAGE_MARK   = 5'd17;   // and mark the ports it names
    localparam [4:0] STATE_LEAVE       = 5'd18;   // LOGO of the fabric: the answer goes out before the address does

    reg [4:0] state_reg;
    reg [4:0] after_event;
    reg       refused;
    reg [7:0] reason;
    reg [7:0] explanation;
    reg [4:0] index;
    reg [4:0] build_last;      // last word this module writes; the rest of an ECHO is there already
    reg [5:0] send_words;
    reg [7:0] counter;         // SEQ_ID of the replies and low byte of their RX_ID
    reg [3:0] page_code;       // response code of a PRLI or PRLO page
    reg       establish;
    reg [1:0] page_wait;
    reg       lost;            // the link went down while the allow list was looking

    wire [23:0] s_id   = request_header[151:128];
    wire [15:0] ox_id  = request_header[63:48];
    wire [1:0]  fill   = request_header[97:96];
    wire [7:0]  opcode = word0[31:24];

    wire unused_header = ^{request_header[191:184], request_header[159:152], request_header[127:98], request_header[95:64], request_header[47:0]};
    wire unused_word   = ^{word4[31:6], word4[3:0], request_rd_data[31:26]};
    // FLOGI of an N_Port at the other end of the link; ls_receive drops it in a fabric
    wire is_direct     = opcode == `FC_ELS_FLOGI && request_header[183:160] == `FC_ADDR_FABRIC_LOGIN;
    wire from_fabric   = s_id == `FC_ADDR_FABRIC_LOGIN;
    wire from_services = s_id == `FC_ADDR_NAME_SERVER || s_id == `FC_ADDR_FABRIC_CONTROLLER;

    // Lengths, in words
    wire page_length_ok = request_words >= 10'd5 && request_words[1:0] == 2'd1 && word0[23:16] == 8'h10
                          && word0[15:0] == {4'd0, request_words, 2'b00};
    wire rscn_length_ok = request_words >= 10'd2 && request_words <= 10'd64 && word0[23:16] == 8'h04
                          && word0[15:0] == {4'd0, request_words, 2'b00};
    wire several_pages  = request_words != 10'd5;
    wire page_is_fcp    = word1[31:24] == `FC_TYPE_FCP;
    wire page_pair      = word1[13];                    // establish image pair
    wire page_has_pa    = word1[15] || word1[14];       // process associators: this port has none
    wire peer_initiator = word4[5];
    wire peer_target    = word4[4];

    wire [31:0] parameter_word;

    service_parameters #(
        .RX_BUFFERS(RX_BUFFERS),
        .RECEIVE_BYTES(RECEIVE_BYTES),
        .E_D_TOV_MS(E_D_TOV_MS)
    ) service_parameters_inst (
        .index(index),
        .fabric(opcode == `FC_ELS_FLOGI),
        .cfg_wwpn(cfg_wwpn),
        .cfg_wwnn(cfg_wwnn),
        .word(parameter_word)
    );

    // Without a fabric the lower name has the lower address
    assign direct_higher = cfg_wwpn > wwpn;
    assign direct_id     = direct_higher ? DIRECT_HIGH : DIRECT_LOW;
    assign direct_peer   = direct_higher ? DIRECT_LOW : DIRECT_HIGH;

    // REC and RRQ: originator's address, then both X_IDs
    assign exchange_own   = word1[23:0] == my_id;
    assign exchange_peer  = s_id;
    assign exchange_ox_id = word2[31:16];
    assign exchange_rx_id = word2[15:0];
    localparam [31:0] E_STAT_RESPONDER  = 32'h80000000;
    localparam [31:0] E_STAT_INITIATIVE = 32'h40000000;

    // RSCN page: address format in bits 25:24, then the address
    assign table_mask = request_rd_data[25:24] == 2'd0 ? 24'hFFFFFF : request_rd_data[25:24] == 2'd1 ? 24'hFFFF00 :
                        request_rd_data[25:24] == 2'd2 ? 24'hFF0000 : 24'h000000;

    assign table_initiator = opcode == `FC_ELS_PRLI && peer_initiator;
    assign table_target    = opcode == `FC_ELS_PRLI && peer_target;

    // Word `index` of the reply
    reg [31:0] build_word;

    always @* begin
        build_word = 32'd0;
        if (refused) begin
            build_word = index == 5'd0 ? {`FC_ELS_LS_RJT, 24'd0} : {8'd0, reason, explanation, 8'd0};
        end else if (index == 5'd0) begin
            build_word = {`FC_ELS_LS_ACC, 24'd0};
            if (opcode == `FC_ELS_PRLI || opcode == `FC_ELS_PRLO)
                build_word = {`FC_ELS_LS_ACC, 24'h100014};
        end else begin
            case (opcode)
                `FC_ELS_PLOGI, `FC_ELS_FLOGI:
                    build_word = parameter_word;
                `FC_ELS_PRLI:
                    case (index)
                        5'd1:    build_word = {word1[31:24], 8'd0, 2'b00, establish, 1'b0, page_code, 8'd0};
                        5'd4:    build_word = page_code != `FC_PRLI_RSP_EXECUTED ? 32'd0 :
                                     `FC_PRLI_FCP_INITIATOR | `FC_PRLI_FCP_TARGET | `FC_PRLI_FCP_READ_XFER_RDY_DISABLED;
                        default: build_word = 32'd0;
                    endcase
                `FC_ELS_PRLO:
                    build_word = index == 5'd1 ? {word1[31:24], 8'd0, 4'd0, page_code, 8'd0} : 32'd0;
                `FC_ELS_ADISC:
                    case (index)
                        5'd2:    build_word = cfg_wwpn[63:32];
                        5'd3:    build_word = cfg_wwpn[31:0];
                        5'd4:    build_word = cfg_wwnn[63:32];
                        5'd5:    build_word = cfg_wwnn[31:0];
                        5'd6:    build_word = {8'd0, my_id};
                        default: build_word = 32'd0;        // hard address: none
                    endcase
                `FC_ELS_RTV:
                    case (index)
                        5'd1:    build_word = r_a_tov_ms;
                        5'd2:    build_word = e_d_tov_ms;
                        default: build_word = 32'd0;
                    endcase
                `FC_ELS_RLS:
                    case (index)
                        5'd1:    build_word = lesb[31:0];
                        5'd2:    build_word = lesb[63:32];
                        5'd3:    build_word = lesb[95:64];
                        5'd4:    build_word = lesb[127:96];
                        5'd5:    build_word = lesb[159:128];
                        default: build_word = lesb[191:160];
                    endcase
                `FC_ELS_REC:
                    case (index)
                        5'd1:    build_word = {exchange_ox_id, exchange_responder};
                        5'd2:    build_word = {8'd0, word1[23:0]};
                        5'd3:    build_word = {8'd0, exchange_own ? s_id : my_id};
                        5'd4:    build_word = exchange_bytes;
                        default: build_word = (exchange_own ? 32'd0 : E_STAT_RESPONDER) | (exchange_initiative ? E_STAT_INITIATIVE : 32'd0);
                    endcase
                default:
                    build_word = 32'd0;
            endcase
        end
    end

    // LS_RJT: why
    task refuse(input [7:0] why, input [7:0] detail);
        begin
            refused     <= 1'b1;
            reason      <= why;
            explanation <= detail;
            build_last  <= 5'd1;
            send_words  <= 6'd2;
            table_valid <= 1'b0;
            state_reg   <= STATE_BUILD;
        end
    endtask

    // LS_ACC of this many words
    task accept(input [5:0] words);
        begin
            build_last  <= words[4:0] - 5'd1;
            send_words  <= words;
            table_valid <= 1'b0;
            state_reg   <= STATE_BUILD;
        end
    endtask

    task ask_table(input [2:0] op, input [23:0] id, input [4:0] next);
        begin
            table_valid <= 1'b1;
            table_op    <= op;
            table_id    <= id;
            state_reg   <= next;
        end
    endtask

    // The task side ends all tasks with this N_Port before anything else happens
    task logout(input [23:0] id, input [4:0] next);
        begin
            table_valid  <= 1'b0;
            logout_valid <= 1'b1;
            logout_id    <= id;
            after_event  <= next;
            state_reg    <= STATE_EVENT;
        end
    endtask

    initial begin
        state_reg          = STATE_IDLE;
        after_event        = STATE_IDLE;
        refused            = 1'b0;
        reason             = 8'd0;
        explanation        = 8'd0;
        index              = 5'd0;
        build_last         = 5'd0;
        send_words         = 6'd0;
        counter            = 8'd0;
        page_code          = 4'd0;
        establish          = 1'b0;
        page_wait          = 2'd0;
        lost               = 1'b0;
        request_rd_addr    = 6'd0;
        exchange_valid     = 1'b0;
        session_end        = 1'b0;
        session_direct     = 1'b0;
        services_end       = 1'b0;
        request_done       = 1'b0;
        reply_write        = 1'b0;
        reply_addr         = 5'd0;
        reply_data         = 32'd0;
        reply_send         = 1'b0;
        reply_header       = 192'd0;
        reply_words        = 6'd0;
        table_valid        = 1'b0;
        table_op           = OP_FIND;
        table_id           = 24'd0;
        allow_valid        = 1'b0;
        allow_wwpn         = 64'd0;
        logout_valid       = 1'b0;
        logout_id          = 24'd0;
        login_event_valid  = 1'b0;
        login_event_index  = 6'd0;
        stat_ls_rjt_sent   = 1'b0;
        stat_plogi_refused = 1'b0;
    end

    always @(posedge clk) begin : respond
        // As this clock finds them
        reg [4:0] state;
        reg [4:0] next;
        reg       is_refused;
        reg [4:0] last;
        reg [5:0] words;
        reg       new_request;
        reg       sent;

        state       = state_reg;
        next        = after_event;
        is_refused  = refused;
        last        = build_last;
        words       = send_words;
        new_request = request_valid && !request_done;
        sent        = !reply_send && !reply_busy;

        request_done       <= 1'b0;
        reply_write        <= 1'b0;
        reply_send         <= 1'b0;
        allow_valid        <= 1'b0;
        login_event_valid  <= 1'b0;
        stat_ls_rjt_sent   <= 1'b0;
        stat_plogi_refused <= 1'b0;
        session_end        <= 1'b0;
        session_direct     <= 1'b0;
        services_end       <= 1'b0;

        case (state)
            STATE_IDLE: begin
                refused   <= 1'b0;
                establish <= 1'b0;
                lost      <= 1'b0;
                index     <= 5'd0;
                page_wait <= 2'd0;
                request_rd_addr <= 6'd1;
                if (new_request)
                    state_reg <= (my_id_valid || is_direct) && !link_down_event ? STATE_DECIDE : STATE_FINISH;
            end

            STATE_DECIDE:
                if (request_words == 10'd0)
                    refuse(`FC_LSRJT_LOGICAL_ERROR, `FC_LSRJT_EXP_INVALID_LENGTH);
                else
                    case (opcode)
                        `FC_ELS_PLOGI:
                            if (request_words != 10'd29 && request_words != 10'd64)
                                refuse(`FC_LSRJT_LOGICAL_ERROR, `FC_LSRJT_EXP_INVALID_LENGTH);
                            else if (s_id == 24'd0 || s_id == my_id)
                                refuse(`FC_LSRJT_LOGICAL_ERROR, `FC_LSRJT_EXP_INVALID_S_ID);
                            else
                                ask_table(OP_REMOVE, s_id, STATE_REMOVE);
                        `FC_ELS_LOGO:
                            if (request_words != 10'd4)
                                refuse(`FC_LSRJT_LOGICAL_ERROR, `FC_LSRJT_EXP_INVALID_LENGTH);
                            else
                                ask_table(OP_REMOVE, s_id, STATE_REMOVE);
                        `FC_ELS_FLOGI:
                            if (!is_direct)
                                refuse(`FC_LSRJT_UNSUPPORTED, `FC_LSRJT_EXP_NONE);
                            else if (request_words != 10'd29 && request_words != 10'd64)
                                refuse(`FC_LSRJT_LOGICAL_ERROR, `FC_LSRJT_EXP_INVALID_LENGTH);
                            else if (!class3_valid)
                                refuse(`FC_LSRJT_LOGICAL_ERROR, `FC_LSRJT_EXP_SERVICE_PARAMETER_OPTION);
                            else if (!size_valid)
                                refuse(`FC_LSRJT_LOGICAL_ERROR, EXP_RECEIVE_SIZE);
                            else if (wwpn == 64'd0 || wwpn == cfg_wwpn)
                                refuse(`FC_LSRJT_LOGICAL_ERROR, EXP_PORT_NAME);
                            else
                                accept(6'd29);
                        `FC_ELS_RSCN:
                            if (!rscn_length_ok)
                                refuse(`FC_LSRJT_LOGICAL_ERROR, `FC_LSRJT_EXP_INVALID_LENGTH);
                            else if (s_id == `FC_ADDR_FABRIC_CONTROLLER)
                                state_reg <= STATE_PAGE;
                            else
                                accept(6'd1);
                        `FC_ELS_PRLI, `FC_ELS_PRLO, `FC_ELS_ADISC, `FC_ELS_RTV, `FC_ELS_RLS, `FC_ELS_ECHO, `FC_ELS_REC, `FC_ELS_RRQ:
                            ask_table(OP_FIND, s_id, STATE_FIND);
                        default:
                            refuse(`FC_LSRJT_UNSUPPORTED, `FC_LSRJT_EXP_NONE);
                    endcase

            STATE_FIND:
                if (table_done) begin
                    table_valid <= 1'b0;
                    // The fabric's own servers (FFFFxxh and above) ask without a login
                    if (!table_hit && (s_id[23:12] != 12'hFFF || opcode == `FC_ELS_PRLI || opcode == `FC_ELS_PRLO))
                        refuse(`FC_LSRJT_UNABLE, `FC_LSRJT_EXP_PLOGI_REQUIRED);
                    else
                        state_reg <= STATE_LOGGED_IN;
                end

            STATE_LOGGED_IN:
                case (opcode)
                    `FC_ELS_PRLI:
                        if (!page_length_ok) begin
                            refuse(`FC_LSRJT_LOGICAL_ERROR, `FC_LSRJT_EXP_INVALID_LENGTH);
                        end else if (several_pages || !page_is_fcp || page_has_pa || !(peer_initiator || peer_target)) begin
                            page_code <= several_pages ? `FC_PRLI_RSP_MULTIPLE :
                                         page_is_fcp && page_has_pa ? `FC_PRLI_RSP_NO_PROCESS : `FC_PRLI_RSP_INVALID;
                            accept(6'd5);
                        end else begin
                            page_code <= `FC_PRLI_RSP_EXECUTED;
                            establish <= page_pair;
                            if (!page_pair)
                                accept(6'd5);
                            else if (table_hit_initiator)
                                logout(s_id, STATE_ROLES);      // PRLI again clears what the old image pair had open
                            else
                                ask_table(OP_ROLES, s_id, STATE_ROLES);
                        end
                    `FC_ELS_PRLO:
                        if (!page_length_ok) begin
                            refuse(`FC_LSRJT_LOGICAL_ERROR, `FC_LSRJT_EXP_INVALID_LENGTH);
                        end else if (several_pages || !page_is_fcp || !(table_hit_initiator || table_hit_target)) begin
                            page_code <= several_pages ? `FC_PRLI_RSP_MULTIPLE :
                                         page_is_fcp ? `FC_PRLI_RSP_NO_PROCESS : `FC_PRLI_RSP_INVALID;
                            accept(6'd5);
                        end else begin
                            page_code <= `FC_PRLI_RSP_EXECUTED;
                            ask_table(OP_ROLES, s_id, STATE_ROLES);
                        end
                    `FC_ELS_ADISC:
                        if (request_words != 10'd7)
                            refuse(`FC_LSRJT_LOGICAL_ERROR, `FC_LSRJT_EXP_INVALID_LENGTH);
                        else
                            accept(6'd7);
                    `FC_ELS_RTV:
                        if (request_words != 10'd1)
                            refuse(`FC_LSRJT_LOGICAL_ERROR, `FC_LSRJT_EXP_INVALID_LENGTH);
                        else
                            accept(6'd4);
                    `FC_ELS_RLS:
                        if (request_words != 10'd2)
                            refuse(`FC_LSRJT_LOGICAL_ERROR, `FC_LSRJT_EXP_INVALID_LENGTH);
                        else if (word1[23:0] != 24'd0 && word1[23:0] != my_id)
                            refuse(`FC_LSRJT_UNABLE, EXP_N_PORT_ID);
                        else
                            accept(6'd7);
                    `FC_ELS_REC, `FC_ELS_RRQ:
                        if (request_words != 10'd3) begin
                            refuse(`FC_LSRJT_LOGICAL_ERROR, `FC_LSRJT_EXP_INVALID_LENGTH);
                        end else if (word1[23:0] != s_id && word1[23:0] != my_id) begin
                            refuse(`FC_LSRJT_LOGICAL_ERROR, `FC_LSRJT_EXP_INVALID_S_ID);
                        end else begin
                            exchange_valid <= 1'b1;
                            state_reg      <= STATE_EXCHANGE;
                        end
                    default:                                    // ECHO
                        if (request_words > 10'd29) begin
                            refuse(`FC_LSRJT_LOGICAL_ERROR, `FC_LSRJT_EXP_INVALID_LENGTH);
                        end else begin
                            build_last <= 5'd0;
                            send_words <= request_words[5:0];
                            state_reg  <= STATE_BUILD;
                        end
                endcase

            STATE_REMOVE:
                if (table_done) begin
                    if (table_hit)
                        logout(s_id, opcode == `FC_ELS_PLOGI ? STATE_PARAMETERS : STATE_BUILD);
                    else
                        state_reg <= opcode == `FC_ELS_PLOGI ? STATE_PARAMETERS : STATE_BUILD;
                    table_valid <= 1'b0;
                    build_last  <= 5'd0;
                    send_words  <= 6'd1;
                end

            STATE_EVENT:
                if (logout_taken) begin
                    logout_valid <= 1'b0;
                    if (next == STATE_ROLES)
                        ask_table(OP_ROLES, s_id, STATE_ROLES);
                    else if (next == STATE_ADD)
                        ask_table(OP_ADD, s_id, STATE_ADD);
                    else
                        state_reg <= next;
                end

            STATE_PARAMETERS:
                if (!class3_valid) begin
                    refuse(`FC_LSRJT_LOGICAL_ERROR, `FC_LSRJT_EXP_SERVICE_PARAMETER_OPTION);
                end else if (!size_valid) begin
                    refuse(`FC_LSRJT_LOGICAL_ERROR, EXP_RECEIVE_SIZE);
                end else if (wwpn == 64'd0) begin
                    refuse(`FC_LSRJT_LOGICAL_ERROR, EXP_PORT_NAME);
                end else begin
                    allow_valid <= 1'b1;
                    allow_wwpn  <= wwpn;
                    state_reg   <= STATE_ALLOW;
                end

            STATE_ALLOW:
                if (allow_done) begin
                    if (lost) begin
                        state_reg <= STATE_FINISH;
                    end else if (allow_ok) begin
                        ask_table(OP_FIND_NAME, s_id, STATE_NAME);
                    end else begin
                        stat_plogi_refused <= 1'b1;
                        refuse(`FC_LSRJT_UNABLE, `FC_LSRJT_EXP_NONE);
                    end
                end

            STATE_NAME:
                if (table_done) begin
                    if (table_hit) begin
                        table_id    <= table_name_id;
                        table_op    <= OP_REMOVE;
                        table_valid <= 1'b1;
                        state_reg   <= STATE_NAME_REMOVE;
                    end else begin
                        ask_table(OP_ADD, s_id, STATE_ADD);
                    end
                end

            STATE_NAME_REMOVE:
                if (table_done)
                    logout(table_id, STATE_ADD);

            STATE_ADD:
                if (table_done) begin
                    if (table_hit)
                        accept(6'd29);
                    else
                        refuse(`FC_LSRJT_UNABLE, `FC_LSRJT_EXP_NO_RESOURCES);
                end

            STATE_ROLES:
                if (table_done) begin
                    if (opcode == `FC_ELS_PRLO) begin
                        logout(s_id, STATE_BUILD);
                        build_last <= 5'd4;
                        send_words <= 6'd5;
                    end else begin
                        login_event_valid <= table_hit && peer_initiator;
                        login_event_index <= table_index;
                        accept(6'd5);
                    end
                end

            STATE_EXCHANGE:
                if (exchange_done) begin
                    exchange_valid <= 1'b0;
                    // REC asks about an open exchange; RRQ gives up the X_IDs of one that was aborted
                    if (exchange_open != (opcode == `FC_ELS_REC))
                        refuse(`FC_LSRJT_LOGICAL_ERROR, `FC_LSRJT_EXP_INVALID_OX_ID_RX_ID);
                    else
                        accept(opcode == `FC_ELS_REC ? 6'd6 : 6'd1);
                end

            STATE_PAGE: begin
                if (page_wait == 2'd3)
                    ask_table(OP_SUSPECT, request_rd_data[23:0], STATE_PAGE_MARK);
                page_wait <= page_wait + 2'd1;
            end

            STATE_PAGE_MARK:
                if (table_done) begin
                    table_valid <= 1'b0;
                    if ({4'd0, request_rd_addr} == request_words - 10'd1)
                        accept(6'd1);
                    else
                        state_reg <= STATE_PAGE;
                    request_rd_addr <= request_rd_addr + 6'd1;
                end

            STATE_LEAVE:
                if (sent) begin
                    session_end <= 1'b1;
                    state_reg   <= STATE_FINISH;
                end

            STATE_BUILD: begin
                reply_write <= 1'b1;
                reply_addr  <= index;
                reply_data  <= build_word;
                if (index == last) begin
                    counter   <= counter + 8'd1;
                    state_reg <= STATE_SEND;
                end
                index <= index + 5'd1;
            end

            STATE_SEND: begin
                reply_send       <= 1'b1;
                reply_words      <= words;
                reply_header     <= {`FC_RCTL_ELS_REPLY, is_direct && !is_refused ? direct_peer : s_id, 8'h00,
                                     !is_direct ? my_id : is_refused ? `FC_ADDR_FABRIC_LOGIN : direct_id, `FC_TYPE_ELS,
                                     `FC_FCTL_USUAL_ELS_REPLY | (opcode == `FC_ELS_ECHO && !is_refused ? {22'd0, fill} : 24'd0),
                                     counter, 24'h000000, ox_id, 8'hF0, counter, 32'h00000000};
                stat_ls_rjt_sent <= is_refused;
                session_end      <= is_direct && !is_refused;
                session_direct   <= is_direct && !is_refused;
                services_end     <= opcode == `FC_ELS_LOGO && !is_refused && from_services;
                state_reg        <= opcode == `FC_ELS_LOGO && !is_refused && from_fabric ? STATE_LEAVE : STATE_FINISH;
            end

            default: begin
                request_done <= request_valid;
                state_reg    <= STATE_IDLE;
            end
        endcase

        if (link_down_event && state != STATE_IDLE) begin
            // Nobody is logged in any more: forget the request, but let the allow list finish, which takes one question at a time
            table_valid  <= 1'b0;
            logout_valid <= 1'b0;
            reply_send   <= 1'b0;
            allow_valid    <= 1'b0;
            exchange_valid <= 1'b0;
            session_end    <= 1'b0;
            lost         <= 1'b1;
            state_reg    <= state == STATE_ALLOW && !allow_done ? STATE_ALLOW : STATE_FINISH;
        end
        if (rst) begin
            state_reg    <= STATE_IDLE;
            counter      <= 8'd0;
            request_done <= 1'b0;
            reply_send   <= 1'b0;
            table_valid  <= 1'b0;
            allow_valid  <= 1'b0;
            logout_valid <= 1'b0;
            exchange_valid <= 1'b0;
        end
    end

endmodule

`resetall
