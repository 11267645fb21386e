// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Time supervisor (seed figures 9 and 10): starts prepared jobs at set times. An entry whose time has come is first moved to its next
   time, in the store as well, and then the engine is asked: whatever happens to clock or reset, no time fires twice. */
module time_supervisor #(
    parameter SCHEDULES = 4           // entries, 1 to 4: what tables 650 and 660 have room for
) (
    input  wire                    clk,
    input  wire                    rst,

    // array_clock
    input  wire [31:0]             seconds,

    // setting an entry. `write_refused` tells at any time whether what is shown is refused; then nothing changes
    input  wire                    write_valid,
    output wire                    write_ready,     // 0 until the entries are back from the store
    input  wire [1:0]              write_entry,
    input  wire [1:0]              write_field,     // 0 control, 1 due, 2 period
    input  wire [31:0]             write_data,
    output reg                     write_refused,

    // entries, for readers: words of tables 650 and 660
    output wire [SCHEDULES*32-1:0] schedule_control,
    output wire [SCHEDULES*32-1:0] schedule_period,
    output wire [SCHEDULES*32-1:0] schedule_due,
    output wire [SCHEDULES*32-1:0] schedule_last,
    output wire [SCHEDULES*32-1:0] schedule_answer,
    output wire                    status_stored,   // the store holds what these say

    // backup engine: START_PREPARED
    output wire                    job_valid,
    input  wire                    job_ready,
    output wire [2:0]              job_command,
    output wire [2:0]              job_number,
    input  wire                    job_answer,      // strobe, at the earliest as the command is taken
    input  wire [7:0]              job_refused,     // 0: taken

    output reg                     stat_started,
    output reg                     stat_refused,

    // management information store
    output wire                    mis_valid,
    input  wire                    mis_ready,
    output wire                    mis_write,
    output wire [9:0]              mis_addr,
    output wire [31:0]             mis_wdata,
    input  wire                    mis_rdata_valid,
    input  wire [31:0]             mis_rdata
);

    localparam [2:0] START_PREPARED = 3'd4;
    localparam [31:0] LIMIT = SCHEDULES;

    localparam [1:0] FIELD_CONTROL = 2'd0;
    localparam [1:0] FIELD_DUE = 2'd1;
    localparam [1:0] FIELD_PERIOD = 2'd2;

    /* Words of an entry in the order they are stored. A reset in between leaves an entry that is still due, or one that says it has
       asked: a start is never lost without a trace. */
    localparam [2:0] WORD_ANSWER = 3'd0;
    localparam [2:0] WORD_LAST = 3'd1;
    localparam [2:0] WORD_DUE = 3'd2;
    localparam [2:0] WORD_PERIOD = 3'd3;
    localparam [2:0] WORD_CONTROL = 3'd4;

    localparam [2:0] STATE_LOAD = 3'd0;       // a word is asked of the store
    localparam [2:0] STATE_LOAD_DATA = 3'd1;
    localparam [2:0] STATE_LOOK = 3'd2;       // one entry a clock, in turn
    localparam [2:0] STATE_DIVIDE = 3'd3;     // seconds since the due time, modulo the period
    localparam [2:0] STATE_ADVANCE = 3'd4;
    localparam [2:0] STATE_KEEP = 3'd5;       // until the store has it
    localparam [2:0] STATE_ASK = 3'd6;
    localparam [2:0] STATE_ANSWER = 3'd7;

    initial
        if (SCHEDULES < 1 || SCHEDULES > 4) begin
            $display("%m: SCHEDULES = %0d, must be 1 to 4", SCHEDULES);
            $finish;
        end

    integer i;

    reg [2:0]  state_reg;
    reg [1:0]  entry_reg;        // the entry looked at
    reg [31:0] moment_reg;       // when it was found due
    reg [2:0]  number_reg;       // job it starts
    reg [4:0]  count_reg;
    reg [31:0] left_reg;         // dividend, its next bit at the top
    reg [31:0] remainder_reg;

    reg [3:0]  enabled_reg;
    reg [2:0]  job_reg [0:3];
    reg [31:0] period_reg [0:3];
    reg [31:0] due_reg [0:3];
    reg [31:0] last_reg [0:3];
    reg [8:0]  answer_reg [0:3]; // bit 8: asked, not answered

    reg [3:0]  changed_reg;      // entries the store does not hold as they are
    reg        storing_reg;
    reg [1:0]  word_entry_reg;   // word under way, in a load as well
    reg [2:0]  word_reg;

    wire loading = state_reg == STATE_LOAD || state_reg == STATE_LOAD_DATA;
    wire write_taken = write_valid && write_ready && !write_refused;
    wire touched = write_taken && write_entry == entry_reg;

    assign write_ready = !loading;
    assign status_stored = !loading && !storing_reg && changed_reg == 4'd0;
    assign job_valid = state_reg == STATE_ASK;
    assign job_command = START_PREPARED;
    assign job_number = number_reg;

    wire [31:0] write_due = due_reg[write_entry];

    /* Enabled means: the due time is to come. Operations other than 0 do not exist. */
    always @* begin
        case (write_field)
            FIELD_CONTROL: write_refused = write_data[31:11] != 21'd0 || write_data[7:1] != 7'd0
                || write_data[0] && write_due <= seconds;
            FIELD_DUE: write_refused = enabled_reg[write_entry] && write_data <= seconds;
            FIELD_PERIOD: write_refused = 1'b0;
            default: write_refused = 1'b1;
        endcase
        if ({30'd0, write_entry} >= LIMIT)
            write_refused = 1'b1;
    end

    genvar g;
    generate
        for (g = 0; g < SCHEDULES; g = g + 1) begin : read
            assign schedule_control[32*g +: 32] = {21'd0, job_reg[g], 7'd0, enabled_reg[g]};
            assign schedule_period[32*g +: 32] = period_reg[g];
            assign schedule_due[32*g +: 32] = due_reg[g];
            assign schedule_last[32*g +: 32] = last_reg[g];
            assign schedule_answer[32*g +: 32] = {23'd0, answer_reg[g]};
        end
    endgenerate

    /* One step of the division: the remainder stays below the period. */
    wire [31:0] period = period_reg[entry_reg];
    wire [32:0] step = {remainder_reg, left_reg[31]};
    wire [31:0] step_less = step[31:0] - period;
    wire [32:0] next_due = {1'b0, moment_reg} - {1'b0, remainder_reg} + {1'b0, period};
    wire        ends = period == 32'd0 || next_due[32];   // once, or after the last second of the clock
    wire        kept = !changed_reg[entry_reg] && !(storing_reg && word_entry_reg == entry_reg);

    assign mis_valid = state_reg == STATE_LOAD || storing_reg;
    assign mis_write = storing_reg;
    // 650 at 090h: control, period; 660 at 0A0h: due, last fired, last answer; four words an entry
    assign mis_addr = word_reg == WORD_CONTROL ? {6'h09, word_entry_reg, 2'd0}
        : word_reg == WORD_PERIOD ? {6'h09, word_entry_reg, 2'd1}
        : {6'h0A, word_entry_reg, 2'd2 - word_reg[1:0]};

    assign mis_wdata = word_reg == WORD_ANSWER ? {23'd0, answer_reg[word_entry_reg]}
        : word_reg == WORD_LAST ? last_reg[word_entry_reg]
        : word_reg == WORD_DUE ? due_reg[word_entry_reg]
        : word_reg == WORD_PERIOD ? period_reg[word_entry_reg]
        : {21'd0, job_reg[word_entry_reg], 7'd0, enabled_reg[word_entry_reg]};

    wire last_word = word_reg == WORD_CONTROL;

    always @(posedge clk) begin
        stat_started <= 1'b0;
        stat_refused <= 1'b0;

        /* Changed entries go into the store, lowest first; one that changes again meanwhile goes once more. */
        if (storing_reg && mis_ready) begin
            word_reg <= last_word ? WORD_ANSWER : word_reg + 3'd1;
            storing_reg <= !last_word;
        end
        if (!storing_reg && !loading)
            for (i = 3; i >= 0; i = i - 1)
                if (changed_reg[i]) begin
                    storing_reg <= 1'b1;
                    word_entry_reg <= i[1:0];
                end
        if (!storing_reg && !loading)
            changed_reg <= changed_reg & (changed_reg - 4'd1);

        case (state_reg)
            STATE_LOAD: if (mis_ready)
                state_reg <= STATE_LOAD_DATA;
            STATE_LOAD_DATA: if (mis_rdata_valid) begin
                state_reg <= STATE_LOAD;
                word_reg <= last_word ? WORD_ANSWER : word_reg + 3'd1;
                case (word_reg)
                    WORD_DUE: due_reg[word_entry_reg] <= mis_rdata;
                    WORD_LAST: last_reg[word_entry_reg] <= mis_rdata;
                    WORD_ANSWER: answer_reg[word_entry_reg] <= mis_rdata[8:0];
                    WORD_PERIOD: period_reg[word_entry_reg] <= mis_rdata;
                    default: begin
                        /* a word that could not have been written stands for an entry that is off */
                        enabled_reg[word_entry_reg] <= mis_rdata[0] && mis_rdata[31:11] == 21'd0 && mis_rdata[7:1] == 7'd0;
                        job_reg[word_entry_reg] <= mis_rdata[10:8];
                        changed_reg[word_entry_reg] <= mis_rdata[31:11] != 21'd0 || mis_rdata[7:1] != 7'd0;
                        word_entry_reg <= word_entry_reg + 2'd1;
                        if ({30'd0, word_entry_reg} == LIMIT - 32'd1)
                            state_reg <= STATE_LOOK;
                    end
                endcase
            end
            STATE_LOOK:
                if (enabled_reg[entry_reg] && due_reg[entry_reg] <= seconds && !touched) begin
                    moment_reg <= seconds;
                    number_reg <= job_reg[entry_reg];
                    left_reg <= seconds - due_reg[entry_reg];
                    remainder_reg <= 32'd0;
                    count_reg <= 5'd31;
                    state_reg <= period == 32'd0 ? STATE_ADVANCE : STATE_DIVIDE;
                end else
                    entry_reg <= {30'd0, entry_reg} == LIMIT - 32'd1 ? 2'd0 : entry_reg + 2'd1;
            STATE_DIVIDE: begin
                remainder_reg <= step >= {1'b0, period} ? step_less : step[31:0];
                left_reg <= {left_reg[30:0], 1'b0};
                count_reg <= count_reg - 5'd1;
                if (count_reg == 5'd0)
                    state_reg <= STATE_ADVANCE;
                /* set anew: looked at anew */
                if (touched)
                    state_reg <= STATE_LOOK;
            end
            STATE_ADVANCE: begin
                state_reg <= STATE_LOOK;
                if (!touched) begin
                    if (ends)
                        enabled_reg[entry_reg] <= 1'b0;
                    else
                        due_reg[entry_reg] <= next_due[31:0];
                    last_reg[entry_reg] <= moment_reg;
                    answer_reg[entry_reg] <= 9'h100;
                    changed_reg[entry_reg] <= 1'b1;
                    state_reg <= STATE_KEEP;
                end
            end
            STATE_KEEP: if (kept)
                state_reg <= STATE_ASK;
            default: begin   // STATE_ASK, STATE_ANSWER
                if (job_valid && job_ready)
                    state_reg <= STATE_ANSWER;
                if (job_answer && (state_reg == STATE_ANSWER || job_ready)) begin
                    state_reg <= STATE_LOOK;
                    answer_reg[entry_reg] <= {1'b0, job_refused};
                    changed_reg[entry_reg] <= 1'b1;
                    stat_started <= job_refused == 8'd0;
                    stat_refused <= job_refused != 8'd0;
                    entry_reg <= {30'd0, entry_reg} == LIMIT - 32'd1 ? 2'd0 : entry_reg + 2'd1;
                end
            end
        endcase

        if (write_taken) begin
            changed_reg[write_entry] <= 1'b1;
            case (write_field)
                FIELD_CONTROL: begin
                    enabled_reg[write_entry] <= write_data[0];
                    job_reg[write_entry] <= write_data[10:8];
                end
                FIELD_DUE: due_reg[write_entry] <= write_data;
                default: period_reg[write_entry] <= write_data;
            endcase
        end

        if (rst) begin
            state_reg <= STATE_LOAD;
            entry_reg <= 2'd0;
            enabled_reg <= 4'd0;
            changed_reg <= 4'd0;
            storing_reg <= 1'b0;
            word_entry_reg <= 2'd0;
            word_reg <= WORD_ANSWER;
            stat_started <= 1'b0;
            stat_refused <= 1'b0;
        end
    end

    initial begin
        state_reg = STATE_LOAD;
        entry_reg = 2'd0;
        moment_reg = 32'd0;
        number_reg = 3'd0;
        count_reg = 5'd0;
        left_reg = 32'd0;
        remainder_reg = 32'd0;
        enabled_reg = 4'd0;
        changed_reg = 4'd0;
        storing_reg = 1'b0;
        word_entry_reg = 2'd0;
        word_reg = WORD_ANSWER;
        stat_started = 1'b0;
        stat_refused = 1'b0;
        for (i = 0; i < 4; i = i + 1) begin
            job_reg[i] = 3'd0;
            period_reg[i] = 32'd0;
            due_reg[i] = 32'd0;
            last_reg[i] = 32'd0;
            answer_reg[i] = 9'd0;
        end
    end

endmodule

`resetall
