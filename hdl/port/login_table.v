// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Who is logged in: one row for each peer N_Port, searched only when somebody asks. */
module login_table #(
    parameter LOGINS = 32  // 2 to 64
) (
    input  wire        clk,
    input  wire        rst,
    input  wire        clear,               // link down: all rows go

    // Lookup of the task side, answered one clock later
    input  wire        lookup_valid,
    input  wire [23:0] lookup_id,
    output reg         lookup_done,
    output reg         lookup_hit,
    output reg  [5:0]  lookup_index,
    output reg         lookup_initiator,
    output reg         lookup_target,
    output reg  [9:0]  lookup_payload_words,

    // Responder: valid stays until done
    input  wire        a_valid,
    input  wire [2:0]  a_op,
    input  wire [23:0] a_id,
    input  wire [23:0] a_mask,              // SUSPECT: the bits of a_id that count
    input  wire [63:0] a_wwpn,
    input  wire [9:0]  a_words,
    input  wire [20:0] a_entry,             // of the allow list
    input  wire        a_initiator,
    input  wire        a_target,
    output reg         a_done,

    // Originator: valid stays until done
    input  wire        b_valid,
    input  wire [2:0]  b_op,
    input  wire [23:0] b_id,
    input  wire [63:0] b_wwpn,
    input  wire [9:0]  b_words,
    input  wire [20:0] b_entry,
    input  wire        b_initiator,
    input  wire        b_target,
    output reg         b_done,

    // Answer to either, with done
    output reg         result_hit,          // the row was found (ADD: there is a row for it now)
    output reg         result_initiator,    // roles before the operation
    output reg         result_target,
    output reg  [5:0]  result_index,
    output reg  [23:0] result_id,           // FIND_NAME: where that port is logged in; NEXT: which port
    output reg  [63:0] result_wwpn,         // its name
    output reg  [20:0] result_entry,        // its entry in the allow list

    output wire        suspects,            // a port that changed is to be looked at

    output reg  [7:0]  status_logins
);

    localparam [2:0] OP_FIND      = 3'd0;   // by N_Port_ID
    localparam [2:0] OP_FIND_NAME = 3'd1;   // by WWPN
    localparam [2:0] OP_ADD       = 3'd2;   // PLOGI done; a row that exists keeps its roles
    localparam [2:0] OP_REMOVE    = 3'd3;
    localparam [2:0] OP_ROLES     = 3'd4;   // PRLI done (or undone, with both roles 0)
    localparam [2:0] OP_SUSPECT   = 3'd5;   // the fabric says that these ports changed
    localparam [2:0] OP_NEXT      = 3'd6;   // one of them, which is suspect no longer

    initial begin
        if (LOGINS < 2 || LOGINS > 64) begin
            $display("%m: LOGINS=%0d, must be 2 to 64", LOGINS);
            $finish;
        end
    end

    // Always 64 deep, so that a row number fits exactly; rows from LOGINS on are never used
    reg [63:0] used;
    reg [63:0] initiator;
    reg [63:0] target;
    reg [63:0] suspect;
    reg [23:0] row_id    [0:63];
    reg [63:0] row_wwpn  [0:63];
    reg [9:0]  row_words [0:63];
    reg [20:0] row_entry [0:63];

    // First clock: search. Second clock: act on what was found.
    reg        acting;
    reg        from_b;
    reg [2:0]  op;
    reg        match;
    reg [5:0]  match_index;
    reg        free;
    reg [5:0]  free_index;

    wire        take_a      = a_valid && !a_done;
    wire        take_b      = b_valid && !b_done && !take_a;
    wire [2:0]  search_op   = take_a ? a_op : b_op;
    wire [23:0] search_id   = take_a ? a_id : b_id;
    wire [63:0] search_wwpn = take_a ? a_wwpn : b_wwpn;

    wire [5:0]  row         = match ? match_index : free_index;
    wire [23:0] act_id      = from_b ? b_id : a_id;
    wire [63:0] act_wwpn    = from_b ? b_wwpn : a_wwpn;
    wire [9:0]  act_words   = from_b ? b_words : a_words;

    assign suspects = |suspect;

    integer i;

    initial begin
        for (i = 0; i < 64; i = i + 1) begin
            row_id[i]    = 24'd0;
            row_wwpn[i]  = 64'd0;
            row_words[i] = 10'd0;
            row_entry[i] = 21'd0;
        end
        used                 = 64'd0;
        initiator            = 64'd0;
        target               = 64'd0;
        suspect              = 64'd0;
        lookup_done          = 1'b0;
        lookup_hit           = 1'b0;
        lookup_index         = 6'd0;
        lookup_initiator     = 1'b0;
        lookup_target        = 1'b0;
        lookup_payload_words = 10'd0;
        acting               = 1'b0;
        from_b               = 1'b0;
        op                   = OP_FIND;
        match                = 1'b0;
        match_index          = 6'd0;
        free                 = 1'b0;
        free_index           = 6'd0;
        a_done               = 1'b0;
        b_done               = 1'b0;
        result_hit           = 1'b0;
        result_initiator     = 1'b0;
        result_target        = 1'b0;
        result_index         = 6'd0;
        result_id            = 24'd0;
        result_wwpn          = 64'd0;
        result_entry         = 21'd0;
        status_logins        = 8'd0;
    end

    always @(posedge clk) begin : serve
        reg [63:0] in_use;      // used and suspect as this clock finds them
        reg [63:0] marked;
        reg        search;

        in_use = used;
        marked = suspect;
        search = take_a || take_b;

        lookup_done <= lookup_valid;
        if (lookup_valid) begin
            lookup_hit           <= 1'b0;
            lookup_index         <= 6'd0;
            lookup_initiator     <= 1'b0;
            lookup_target        <= 1'b0;
            lookup_payload_words <= 10'd0;
            for (i = 0; i < LOGINS; i = i + 1)
                if (in_use[i] && row_id[i] == lookup_id) begin
                    lookup_hit           <= 1'b1;
                    lookup_index         <= i[5:0];
                    lookup_initiator     <= initiator[i];
                    lookup_target        <= target[i];
                    lookup_payload_words <= row_words[i];
                end
        end

        a_done <= 1'b0;
        b_done <= 1'b0;
        if (acting) begin
            acting           <= 1'b0;
            a_done           <= !from_b;
            b_done           <= from_b;
            result_hit       <= match;
            result_initiator <= match && initiator[row];
            result_target    <= match && target[row];
            result_index     <= row;
            result_id        <= row_id[row];
            result_wwpn      <= row_wwpn[row];
            result_entry     <= row_entry[row];
            case (op)
                OP_ADD: begin
                    result_hit <= match || free;
                    if (match || free) begin
                        used[row]      <= 1'b1;
                        row_id[row]    <= act_id;
                        row_wwpn[row]  <= act_wwpn;
                        row_words[row] <= act_words;
                        row_entry[row] <= from_b ? b_entry : a_entry;
                        suspect[row]   <= 1'b0;
                        if (!match) begin
                            initiator[row] <= 1'b0;
                            target[row]    <= 1'b0;
                            status_logins  <= status_logins + 8'd1;
                        end
                    end
                end
                OP_REMOVE:
                    if (match) begin
                        used[row]      <= 1'b0;
                        initiator[row] <= 1'b0;
                        target[row]    <= 1'b0;
                        suspect[row]   <= 1'b0;
                        status_logins  <= status_logins - 8'd1;
                    end
                OP_ROLES:
                    if (match) begin
                        initiator[row] <= from_b ? b_initiator : a_initiator;
                        target[row]    <= from_b ? b_target : a_target;
                    end
                OP_NEXT:
                    if (match)
                        suspect[row] <= 1'b0;
                default: ;
            endcase
        end else if (search) begin
            acting <= 1'b1;
            from_b <= !take_a;
            op     <= search_op;
            match  <= 1'b0;
            free   <= 1'b0;
            for (i = 0; i < LOGINS; i = i + 1) begin
                if (!in_use[i]) begin
                    free       <= 1'b1;
                    free_index <= i[5:0];
                end else if (search_op == OP_FIND_NAME ? row_wwpn[i] == search_wwpn : search_op == OP_NEXT ? marked[i] :
                             ((row_id[i] ^ search_id) & (search_op == OP_SUSPECT ? a_mask : 24'hFFFFFF)) == 24'd0) begin
                    match       <= 1'b1;
                    match_index <= i[5:0];
                    if (search_op == OP_SUSPECT)
                        suspect[i] <= 1'b1;
                end
            end
        end

        if (rst || clear) begin
            used          <= 64'd0;
            initiator     <= 64'd0;
            target        <= 64'd0;
            suspect       <= 64'd0;
            acting        <= 1'b0;
            a_done        <= 1'b0;
            b_done        <= 1'b0;
            status_logins <= 8'd0;
        end
    end

endmodule

`resetall
