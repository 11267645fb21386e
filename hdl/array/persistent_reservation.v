// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Registrations and reservations of 16 volumes by 32 initiators: PERSISTENT RESERVE OUT (SPC-4 5.12) and RESERVE/RELEASE (SPC-2 5.5). */
module persistent_reservation (
    input  wire        clk,
    input  wire        rst,

    // does a reservation keep this command out: ACCESS_*
    input  wire [3:0]  check_volume,
    input  wire [4:0]  check_initiator,
    input  wire [2:0]  check_access,
    output reg         conflict,

    // an initiator has logged in: its RESERVE ends, and another name ends its registrations too
    input  wire        login_valid,
    input  wire [4:0]  login_initiator,
    input  wire [63:0] login_wwpn,

    // an N_Port is logged out of a port, or all are: its RESERVE ends
    input  wire [1:0]  logout_valid,
    input  wire [47:0] logout_id,
    input  wire [1:0]  logout_all,

    // reset of volumes: their RESERVE ends
    input  wire [15:0] reset_volumes,

    // what PERSISTENT RESERVE IN tells
    input  wire [3:0]  in_volume,
    input  wire [4:0]  in_initiator,
    output wire [31:0] in_registered,
    output wire [31:0] in_generation,
    output wire        in_held,
    output wire [3:0]  in_type,
    output wire [63:0] in_holder_key,  // 0 when all registrants hold it
    output wire [63:0] in_key,
    output wire [63:0] in_wwpn,
    output wire        in_holds,       // in_initiator is a holder

    // an action; the answer stands from done on
    input  wire        start,
    input  wire [4:0]  op,             // OP_RESERVE_OUT, OP_RESERVE, OP_RELEASE
    input  wire [3:0]  volume,
    input  wire [4:0]  initiator,
    input  wire [24:0] port_id,        // {port, N_Port_ID}
    input  wire [4:0]  action,
    input  wire [7:0]  scope_type,
    input  wire [63:0] key,
    input  wire [63:0] action_key,
    output wire        done,
    output reg  [7:0]  status,
    output reg  [23:0] sense,
    output reg  [31:0] abort_initiators,  // whose commands must end

    // unit attentions
    output wire        raise_valid,
    input  wire        raise_ready,
    output wire [7:0]  raise_condition,
    output wire [31:0] raise_initiators
);

`include "array/scsi_kinds.vh"

    localparam [4:0]
        ACTION_REGISTER      = 5'd0,
        ACTION_RESERVE       = 5'd1,
        ACTION_RELEASE       = 5'd2,
        ACTION_CLEAR         = 5'd3,
        ACTION_PREEMPT       = 5'd4,
        ACTION_PREEMPT_ABORT = 5'd5,
        ACTION_IGNORE        = 5'd6;

    localparam [7:0] GOOD = 8'h00, CHECK_CONDITION = 8'h02, RESERVATION_CONFLICT = 8'h18;
    localparam [23:0]
        SENSE_FIELD   = 24'h052400,
        SENSE_LIST    = 24'h052600,
        SENSE_RELEASE = 24'h052604;  // invalid release of persistent reservation

    localparam [7:0] PREEMPTED = 8'h10, RELEASED = 8'h20, REGISTRATIONS = 8'h40;

    localparam [2:0]
        STATE_IDLE    = 3'd0,
        STATE_JUDGE   = 3'd1,
        STATE_SCAN    = 3'd2,  // whom a PREEMPT removes, one initiator a clock
        STATE_PREEMPT = 3'd3,
        STATE_RAISE   = 3'd4,
        STATE_RAISE_2 = 3'd5,
        STATE_DONE    = 3'd6;

    reg [63:0] keys       [0:511];  // {volume, initiator}
    reg [63:0] names      [0:31];
    reg [31:0] registered [0:15];
    reg [31:0] generation [0:15];
    reg [15:0] held;
    reg [3:0]  types      [0:15];
    reg [4:0]  holders    [0:15];
    reg [15:0] reserved;            // RESERVE
    reg [4:0]  reservers  [0:15];
    reg [24:0] reserver_ids [0:15]; // {port, N_Port_ID}

    reg [2:0]  state_reg;
    reg [4:0]  scan_reg;
    reg [31:0] victims_reg;
    reg [31:0] raise_reg;           // told `condition_reg`
    reg [7:0]  condition_reg;
    reg [31:0] released_reg;        // told that the reservation was released

    integer i;

    /* Check: worked out while a command is asked about. */
    reg         known, all_hold, holds, exclusive, kept_out, reserved_away;
    wire [3:0]  check_type = types[check_volume];
    wire [4:0]  check_holder = holders[check_volume];
    wire [4:0]  check_reserver = reservers[check_volume];
    wire [31:0] check_registered = registered[check_volume];

    always @* begin
        known = 1'b0;
        all_hold = 1'b0;
        holds = 1'b0;
        exclusive = 1'b0;
        kept_out = 1'b0;
        reserved_away = 1'b0;
        conflict = 1'b0;
        if (check_access != ACCESS_FREE) begin
            known = check_registered[check_initiator];
            all_hold = check_type >= 4'd7;
            holds = known && (all_hold || check_holder == check_initiator);
            exclusive = check_type == 4'd3 || check_type == 4'd6 || check_type == 4'd8;
            kept_out = held[check_volume] && !holds && !(check_type >= 4'd5 && known);  // from 5 on registrants may pass
            reserved_away = reserved[check_volume] && check_reserver != check_initiator;
            case (check_access)
                ACCESS_STATUS:  conflict = reserved_away;
                ACCESS_READ:    conflict = reserved_away || (kept_out && exclusive);
                ACCESS_WRITE:   conflict = reserved_away || kept_out;
                ACCESS_RESERVE: conflict = |check_registered;
                ACCESS_OUT:     conflict = reserved[check_volume];
                default:        conflict = 1'b0;
            endcase
        end
    end

    /* What PERSISTENT RESERVE IN tells. */
    wire in_all = types[in_volume] >= 4'd7;
    assign in_registered = registered[in_volume];
    assign in_generation = generation[in_volume];
    assign in_held = held[in_volume];
    assign in_type = types[in_volume];
    assign in_holder_key = in_all ? 64'd0 : keys[{in_volume, holders[in_volume]}];
    assign in_key = keys[{in_volume, in_initiator}];
    assign in_wwpn = names[in_initiator];
    assign in_holds = in_held && (in_all || holders[in_volume] == in_initiator);

    /* Actions: what volume and initiator are to one another, worked out within the clock in the states that look at it. */
    reg  [31:0] here, self, others;
    reg  [63:0] my_key;
    reg         mine, key_ok, taken, all_own, own, same_type, seizes;
    wire        acting = state_reg == STATE_JUDGE || state_reg == STATE_SCAN || state_reg == STATE_PREEMPT;
    wire        type_ok = scope_type == 8'd1 || scope_type == 8'd3 || (scope_type >= 8'd5 && scope_type <= 8'd8);
    wire        typed = action == ACTION_RESERVE || action == ACTION_PREEMPT || action == ACTION_PREEMPT_ABORT;

    assign done = state_reg == STATE_DONE;
    assign raise_valid = (state_reg == STATE_RAISE && |raise_reg) || (state_reg == STATE_RAISE_2 && |released_reg);
    assign raise_condition = state_reg == STATE_RAISE ? condition_reg : RELEASED;
    assign raise_initiators = state_reg == STATE_RAISE ? raise_reg : released_reg;

    initial begin
        state_reg = STATE_IDLE; scan_reg = 0; victims_reg = 0; raise_reg = 0; condition_reg = 0; released_reg = 0; held = 0; reserved = 0;
        status = 0; sense = 0; abort_initiators = 0; conflict = 0;
        here = 0; self = 0; others = 0; my_key = 0; mine = 0; key_ok = 0; taken = 0; all_own = 0; own = 0; same_type = 0; seizes = 0;
        for (i = 0; i < 512; i = i + 1)
            keys[i] = 64'd0;
        for (i = 0; i < 32; i = i + 1)
            names[i] = 64'd0;
        for (i = 0; i < 16; i = i + 1) begin
            registered[i] = 32'd0; generation[i] = 32'd0; types[i] = 4'd0; holders[i] = 5'd0; reservers[i] = 5'd0;
            reserver_ids[i] = 25'd0;
        end
    end

    always @(posedge clk) begin : act
        reg [2:0] state;
        reg [4:0] scan;
        // as this clock finds it: Verilator then needs no second copy of the register
        state = state_reg;
        if (acting) begin
            // verilator lint_off BLKSEQ
            here = registered[volume];
            self = 32'd1 << initiator;
            others = here & ~self;
            mine = here[initiator];
            my_key = keys[{volume, initiator}];
            key_ok = mine && my_key == key;
            taken = held[volume];
            all_own = taken && types[volume] >= 4'd7;
            own = taken && mine && (all_own || holders[volume] == initiator);
            same_type = scope_type == {4'd0, types[volume]};
            seizes = taken && (all_own ? action_key == 64'd0 : keys[{volume, holders[volume]}] == action_key);
            // verilator lint_on BLKSEQ
        end

        case (state)
            STATE_IDLE:
                if (start) begin
                    status <= GOOD;
                    sense <= 24'd0;
                    scan_reg <= 5'd0;
                    victims_reg <= 32'd0;
                    raise_reg <= 32'd0;
                    released_reg <= 32'd0;
                    condition_reg <= REGISTRATIONS;
                    abort_initiators <= 32'd0;
                    state_reg <= STATE_JUDGE;
                end

            STATE_JUDGE: begin
                state_reg <= STATE_RAISE;
                // what was no conflict when the command came may be one now
                if (op == OP_RESERVE_OUT ? reserved[volume] : |here)
                    status <= RESERVATION_CONFLICT;
                else if (op == OP_RESERVE) begin
                    if (reserved[volume] && reservers[volume] != initiator)
                        status <= RESERVATION_CONFLICT;
                    else begin
                        reserved[volume] <= 1'b1;
                        reservers[volume] <= initiator;
                        reserver_ids[volume] <= port_id;
                    end
                end else if (op == OP_RELEASE) begin
                    if (reservers[volume] == initiator)
                        reserved[volume] <= 1'b0;
                end else if (action == ACTION_REGISTER || action == ACTION_IGNORE) begin
                    if (action == ACTION_REGISTER && (mine ? my_key != key : key != 64'd0))
                        status <= RESERVATION_CONFLICT;
                    else if (action_key != 64'd0) begin
                        keys[{volume, initiator}] <= action_key;
                        registered[volume] <= here | self;
                        generation[volume] <= generation[volume] + 32'd1;
                    end else if (mine) begin
                        registered[volume] <= others;
                        generation[volume] <= generation[volume] + 32'd1;
                        if (all_own ? others == 32'd0 : own) begin
                            held[volume] <= 1'b0;
                            if (types[volume] >= 4'd5)
                                released_reg <= others;
                        end
                    end
                end else if (!key_ok)
                    status <= RESERVATION_CONFLICT;
                else if (typed && !type_ok) begin
                    status <= CHECK_CONDITION;
                    sense <= SENSE_FIELD;
                end else case (action)
                    ACTION_RESERVE:
                        if (!taken) begin
                            held[volume] <= 1'b1;
                            types[volume] <= scope_type[3:0];
                            holders[volume] <= initiator;
                        end else if (!own || !same_type)
                            status <= RESERVATION_CONFLICT;
                    ACTION_RELEASE:
                        if (own) begin
                            if (same_type) begin
                                held[volume] <= 1'b0;
                                if (types[volume] >= 4'd5)
                                    released_reg <= others;
                            end else begin
                                status <= CHECK_CONDITION;
                                sense <= SENSE_RELEASE;
                            end
                        end
                    ACTION_CLEAR: begin
                        held[volume] <= 1'b0;
                        registered[volume] <= 32'd0;
                        generation[volume] <= generation[volume] + 32'd1;
                        condition_reg <= PREEMPTED;
                        raise_reg <= others;
                    end
                    default:  // PREEMPT, PREEMPT AND ABORT
                        if (action_key == 64'd0 && !all_own) begin
                            status <= CHECK_CONDITION;
                            sense <= SENSE_LIST;
                        end else
                            state_reg <= STATE_SCAN;
                endcase
            end

            STATE_SCAN: begin
                scan = scan_reg;
                victims_reg[scan] <= here[scan] && !(seizes && scan == initiator)
                                     && (action_key == 64'd0 || keys[{volume, scan}] == action_key);
                scan_reg <= scan + 5'd1;
                if (&scan)
                    state_reg <= STATE_PREEMPT;
            end

            STATE_PREEMPT: begin
                state_reg <= STATE_RAISE;
                if (!seizes && victims_reg == 32'd0)
                    status <= RESERVATION_CONFLICT;
                else begin
                    registered[volume] <= here & ~victims_reg;
                    generation[volume] <= generation[volume] + 32'd1;
                    raise_reg <= victims_reg & ~self;
                    abort_initiators <= action == ACTION_PREEMPT_ABORT ? victims_reg : 32'd0;
                    if (seizes) begin
                        types[volume] <= scope_type[3:0];
                        holders[volume] <= initiator;
                        released_reg <= same_type ? 32'd0 : others & ~victims_reg;
                    end else if ((here & ~victims_reg) == 32'd0)
                        held[volume] <= 1'b0;  // all registrants held it, and none is left
                end
            end

            STATE_RAISE:
                if (!raise_valid || raise_ready)
                    state_reg <= STATE_RAISE_2;

            STATE_RAISE_2:
                if (!raise_valid || raise_ready)
                    state_reg <= STATE_DONE;

            default:
                state_reg <= STATE_IDLE;
        endcase

        if (login_valid) begin
            names[login_initiator] <= login_wwpn;
            /* verilator unroll_disable */ // an array written in a loop once in a while must not cost every clock
            for (i = 0; i < 16; i = i + 1) begin
                if (reservers[i] == login_initiator)
                    reserved[i] <= 1'b0;
                if (names[login_initiator] != login_wwpn && registered[i][login_initiator]) begin
                    registered[i][login_initiator] <= 1'b0;
                    if (types[i] >= 4'd7 ? registered[i] == 32'd1 << login_initiator : holders[i] == login_initiator)
                        held[i] <= 1'b0;
                end
            end
        end
        if (|logout_valid) for (i = 0; i < 16; i = i + 1)
            if (reserver_ids[i][24] ? logout_valid[1] && (logout_all[1] || reserver_ids[i][23:0] == logout_id[47:24])
                                    : logout_valid[0] && (logout_all[0] || reserver_ids[i][23:0] == logout_id[23:0]))
                reserved[i] <= 1'b0;
        if (|reset_volumes) for (i = 0; i < 16; i = i + 1)
            if (reset_volumes[i])
                reserved[i] <= 1'b0;

        if (rst) begin
            state_reg <= STATE_IDLE;
            held <= 16'd0;
            reserved <= 16'd0;
            /* verilator unroll_disable */
            for (i = 0; i < 16; i = i + 1) begin
                registered[i] <= 32'd0;
                generation[i] <= 32'd0;
            end
        end
    end

endmodule

`resetall
