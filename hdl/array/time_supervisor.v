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

    // setting an entry. `write_refused` tells beside `write_valid` whether what is shown is refused; then nothing changes
    input  wire                    write_valid,
    output wire                    write_ready,     // 0 until the entries are back from the store
    input  wire [1:0]              write_entry,
    input  wire [1:0]              write_field,     // 0 control, 1 due, 2 period
    input  wire [31:0]             write_data,
    output reg                     write_refused,

    // reading an entry: the word that `read_field` names, while `read_valid` is high
    input  wire                    read_valid,
    input  wire [1:0]              read_entry,
    input  wire [1:0]              read_field,      // as write_field; 3 last fired
    output wire [31:0]             read_data,
    output wire                    status_stored,   // the store holds the entries as they are

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
    localparam [31:0] LIMIT_LESS_1 = SCHEDULES - 1;
    localparam [1:0] LAST_ENTRY = LIMIT_LESS_1[1:0];

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

    /* No entry has a start to come or has changed: nothing to do until one is set. */
    wire awake = state_reg != STATE_LOOK || enabled_reg != 4'd0 || changed_reg != 4'd0 || storing_reg || write_valid;

    assign write_ready = !loading;
    assign status_stored = !loading && !storing_reg && changed_reg == 4'd0;
    assign job_valid = state_reg == STATE_ASK;
    assign job_command = START_PREPARED;
    assign job_number = number_reg;

    wire [31:0] write_due = write_valid ? due_reg[write_entry] : 32'd0;

    /* Enabled means: the due time is to come. Operations other than 0 do not exist. */
    always @* begin
        write_refused = 1'b0;
        if (write_valid) begin
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
    end

    assign read_data = !read_valid ? 32'd0
        : read_field == FIELD_CONTROL ? {21'd0, job_reg[read_entry], 7'd0, enabled_reg[read_entry]}
        : read_field == FIELD_DUE ? due_reg[read_entry]
        : read_field == FIELD_PERIOD ? period_reg[read_entry] : last_reg[read_entry];

    // 650 at 090h: control, period; 660 at 0A0h: due, last fired, last answer; four words an entry
    assign mis_valid = state_reg == STATE_LOAD || storing_reg;
    assign mis_write = storing_reg;
    assign mis_addr = !mis_valid ? 10'd0
        : word_reg == WORD_CONTROL ? {6'h09, word_entry_reg, 2'd0}
        : word_reg == WORD_PERIOD ? {6'h09, word_entry_reg, 2'd1}
        : {6'h0A, word_entry_reg, 2'd2 - word_reg[1:0]};
    assign mis_wdata = !storing_reg ? 32'd0
        : word_reg == WORD_ANSWER ? {23'd0, answer_reg[word_entry_reg]}
        : word_reg == WORD_LAST ? last_reg[word_entry_reg]
        : word_reg == WORD_DUE ? due_reg[word_entry_reg]
        : word_reg == WORD_PERIOD ? period_reg[word_entry_reg]
        : {21'd0, job_reg[word_entry_reg], 7'd0, enabled_reg[word_entry_reg]};

    always @(posedge clk) begin
        if (awake) begin : work
            reg [2:0]  state;
            reg [1:0]  entry;
            reg [2:0]  word;
            reg        last_word;
            reg        touched;    // the entry looked at is set in this clock
            reg [3:0]  enabled;
            reg [3:0]  changed;
            reg [3:0]  marked;     // entries that change in this clock
            reg [31:0] period;
            reg [32:0] step;       // one of the division: the remainder stays below the period
            reg [32:0] next_due;
            reg [2:0]  put_word;
            reg [1:0]  put_entry;
            reg [31:0] put_data;
            reg        strange;

            // as this clock finds them: Verilator then needs no second copy of the registers
            state = state_reg;
            entry = entry_reg;
            word = word_reg;
            last_word = word == WORD_CONTROL;
            touched = write_taken && write_entry == entry;
            enabled = enabled_reg;
            marked = 4'd0;

            /* A word of an entry comes from the store after a reset, from its user later. */
            if (write_taken || state == STATE_LOAD_DATA && mis_rdata_valid) begin
                put_entry = loading ? word_entry_reg : write_entry;
                put_data = loading ? mis_rdata : write_data;
                put_word = loading ? word : write_field == FIELD_CONTROL ? WORD_CONTROL
                    : write_field == FIELD_DUE ? WORD_DUE : WORD_PERIOD;
                strange = put_data[31:11] != 21'd0 || put_data[7:1] != 7'd0;
                marked[put_entry] = !loading || put_word == WORD_CONTROL && strange;
                case (put_word)
                    WORD_DUE: due_reg[put_entry] <= put_data;
                    WORD_LAST: last_reg[put_entry] <= put_data;
                    WORD_ANSWER: answer_reg[put_entry] <= put_data[8:0];
                    WORD_PERIOD: period_reg[put_entry] <= put_data;
                    default: begin
                        /* what could not have been written stands for an entry that is off */
                        enabled[put_entry] = put_data[0] && !strange;
                        job_reg[put_entry] <= put_data[10:8];
                    end
                endcase
            end

            case (state)
                STATE_LOAD:
                    if (mis_ready)
                        state_reg <= STATE_LOAD_DATA;
                STATE_LOAD_DATA:
                    if (mis_rdata_valid) begin
                        state_reg <= last_word && word_entry_reg == LAST_ENTRY ? STATE_LOOK : STATE_LOAD;
                        word_reg <= last_word ? WORD_ANSWER : word + 3'd1;
                        word_entry_reg <= word_entry_reg + {1'b0, last_word};
                    end
                STATE_LOOK: begin
                    stat_started <= 1'b0;
                    stat_refused <= 1'b0;
                    if (enabled_reg[entry] && due_reg[entry] <= seconds && !touched) begin
                        moment_reg <= seconds;
                        number_reg <= job_reg[entry];
                        left_reg <= seconds - due_reg[entry];
                        remainder_reg <= 32'd0;
                        count_reg <= 5'd31;
                        state_reg <= period_reg[entry] == 32'd0 ? STATE_ADVANCE : STATE_DIVIDE;
                    end else
                        entry_reg <= entry == LAST_ENTRY ? 2'd0 : entry + 2'd1;
                end
                STATE_DIVIDE: begin
                    period = period_reg[entry];
                    step = {remainder_reg, left_reg[31]};
                    remainder_reg <= step >= {1'b0, period} ? step[31:0] - period : step[31:0];
                    left_reg <= {left_reg[30:0], 1'b0};
                    if (touched)   // set anew: looked at anew
                        state_reg <= STATE_LOOK;
                    else if (count_reg == 5'd0)
                        state_reg <= STATE_ADVANCE;
                    count_reg <= count_reg - 5'd1;
                end
                STATE_ADVANCE: begin
                    state_reg <= STATE_LOOK;
                    if (!touched) begin
                        period = period_reg[entry];
                        next_due = {1'b0, moment_reg} - {1'b0, remainder_reg} + {1'b0, period};
                        if (period == 32'd0 || next_due[32])   // once, or after the last second of the clock
                            enabled[entry] = 1'b0;
                        else
                            due_reg[entry] <= next_due[31:0];
                        last_reg[entry] <= moment_reg;
                        answer_reg[entry] <= 9'h100;
                        marked[entry] = 1'b1;
                        state_reg <= STATE_KEEP;
                    end
                end
                STATE_KEEP:
                    if (!changed_reg[entry] && !(storing_reg && word_entry_reg == entry))
                        state_reg <= STATE_ASK;
                default:   // STATE_ASK, STATE_ANSWER
                    if (job_answer && (state == STATE_ANSWER || job_ready)) begin
                        answer_reg[entry] <= {1'b0, job_refused};
                        marked[entry] = 1'b1;
                        stat_started <= job_refused == 8'd0;
                        stat_refused <= job_refused != 8'd0;
                        entry_reg <= entry == LAST_ENTRY ? 2'd0 : entry + 2'd1;
                        state_reg <= STATE_LOOK;
                    end else if (job_ready)
                        state_reg <= STATE_ANSWER;
            endcase

            /* Changed entries go into the store, lowest first; one that changes again meanwhile goes once more. */
            changed = changed_reg;
            if (storing_reg) begin
                if (mis_ready) begin
                    word_reg <= last_word ? WORD_ANSWER : word + 3'd1;
                    storing_reg <= !last_word;
                end
            end else if (changed != 4'd0 && !loading) begin
                storing_reg <= 1'b1;
                word_entry_reg <= changed[0] ? 2'd0 : changed[1] ? 2'd1 : changed[2] ? 2'd2 : 2'd3;
                changed = changed & (changed - 4'd1);
            end
            changed_reg <= changed | marked;
            enabled_reg <= enabled;
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
