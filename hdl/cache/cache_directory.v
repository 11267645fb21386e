// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Set-associative cache directory, one operation at a time: the whole set is read as one RAM word, judged, and written back, so that
   an operation is complete or has not happened when rst comes. After rst a walk over all sets keeps valid and dirty segments and
   clears what belonged to work under way (pins, filling, blank, destaging). Replacement is true LRU: each way holds its rank. */
module cache_directory #(
    parameter CACHE_SETS = 64, // power of two, 2 to 512
    parameter CACHE_WAYS = 8,  // power of two, 2 to 16; sets x ways at most 1024
    parameter SET_WIDTH = $clog2(CACHE_SETS), // derived
    parameter WAY_WIDTH = $clog2(CACHE_WAYS)  // derived
) (
    input  wire                 clk,
    input  wire                 rst,

    // request; the response comes 2 clocks later, and the next request may come with it
    input  wire                 req_valid,
    output wire                 req_ready,
    input  wire [2:0]           req_op,
    input  wire                 req_flag,    // ACQUIRE: overwritten in full; UNPIN: written; FILLED: mark dirty; DESTAGED: drive confirmed; CLEAN: done before
    input  wire                 req_exclusive, // ACQUIRE: nobody else may have it pinned
    input  wire [7:0]           req_volume,  // ACQUIRE, CLEAN
    input  wire [28:0]          req_segment, // ACQUIRE, CLEAN
    input  wire [SET_WIDTH-1:0] req_set,     // all others
    input  wire [WAY_WIDTH-1:0] req_way,     // all others except SCAN

    // response
    output reg                  rsp_valid,
    output reg  [2:0]           rsp_status,
    output reg  [SET_WIDTH-1:0] rsp_set,
    output reg  [WAY_WIDTH-1:0] rsp_way,
    output reg  [7:0]           rsp_volume,
    output reg  [28:0]          rsp_segment,

    // status
    output reg  [15:0]          status_dirty_count,
    output reg  [15:0]          status_pin_count
);

    // operations
    localparam OP_ACQUIRE = 3'd0;  // find and pin, or allocate a way
    localparam OP_COMMIT = 3'd1;   // a pinned segment is going to be written: from now on it may differ from the drive
    localparam OP_FILLED = 3'd2;   // staging succeeded
    localparam OP_UNPIN = 3'd3;    // one pin less; what never became valid is dropped
    localparam OP_SCAN = 3'd4;     // begin to destage the oldest dirty unpinned way of a set
    localparam OP_DESTAGED = 3'd5; // the drive answered
    localparam OP_CLEAN = 3'd6;    // begin to destage one segment, if it is dirty

    // results
    localparam ST_HIT = 3'd0;      // present and pinned; SCAN: found; CLEAN: not dirty
    localparam ST_FILL = 3'd1;     // allocated, to be staged; CLEAN: its destage begins
    localparam ST_BLANK = 3'd2;    // allocated, to be overwritten in full; CLEAN: dirty and pinned, or written while it is destaged
    localparam ST_BUSY = 3'd3;     // allocated by somebody else and not valid yet, or exclusive; CLEAN: it is being destaged
    localparam ST_FULL = 3'd4;     // no way can be given; SCAN: nothing to destage

    initial begin
        if (CACHE_SETS < 2 || CACHE_SETS > 512 || (CACHE_SETS & (CACHE_SETS - 1)) != 0 || CACHE_WAYS < 2 || CACHE_WAYS > 16
            || (CACHE_WAYS & (CACHE_WAYS - 1)) != 0 || CACHE_SETS * CACHE_WAYS > 1024) begin
            $display("%m: CACHE_SETS=%0d, CACHE_WAYS=%0d: powers of two, sets 2 to 512, ways 2 to 16, product at most 1024", CACHE_SETS, CACHE_WAYS);
            $finish;
        end
    end

    // one way in the set's word
    localparam VALID = 0;
    localparam DIRTY = 1;
    localparam FILLING = 2;   // allocated, the drive's data is on its way
    localparam BLANK = 3;     // allocated for an overwrite in full
    localparam DESTAGING = 4;
    localparam REDIRTIED = 5; // written while destaging
    localparam PINS = 6;      // 9 bits: each slot pins a segment at most once
    localparam RANK = 15;     // 4 bits: 0 = used last
    localparam VOLUME = 19;   // 8 bits
    localparam SEGMENT = 27;  // 29 bits
    localparam EXCLUSIVE = 56; // its one pin is exclusive
    localparam ENTRY = 57;
    localparam WORD = ENTRY * CACHE_WAYS;

    reg [WORD-1:0] ram [0:CACHE_SETS-1];

    integer i;
    integer w;
    reg [WORD-1:0] word;

    initial begin
        word = {WORD{1'b0}};
        for (w = 0; w < CACHE_WAYS; w = w + 1) word[ENTRY*w + RANK +: 4] = w[3:0];
        for (i = 0; i < CACHE_SETS; i = i + 1) ram[i] = word;
    end

    // Set of a segment: its low bits, with the volume's bits reversed into them, so that consecutive segments use consecutive sets
    // and the same segment of neighbouring volumes lies far apart.
    wire [SET_WIDTH-1:0] acquire_set;
    genvar b;
    generate
        for (b = 0; b < SET_WIDTH; b = b + 1) begin : hash
            if (SET_WIDTH - 1 - b < 8) begin : mixed
                assign acquire_set[b] = req_segment[b] ^ req_volume[SET_WIDTH-1-b];
            end else begin : plain
                assign acquire_set[b] = req_segment[b];
            end
        end
    endgenerate

    localparam STATE_RECOVER_READ = 2'd0;
    localparam STATE_IDLE = 2'd1;
    localparam STATE_RECOVER_WRITE = 2'd2;
    localparam STATE_JUDGE = 2'd3;

    reg [1:0]           state_reg;
    reg [WORD-1:0]      word_reg;
    reg [2:0]           op_reg;
    reg                 flag_reg;
    reg                 exclusive_reg;
    reg [7:0]           volume_reg;
    reg [28:0]          segment_reg;
    reg [SET_WIDTH-1:0] set_reg;
    reg [WAY_WIDTH-1:0] way_reg;

    wire [SET_WIDTH-1:0] set = req_op == OP_ACQUIRE || req_op == OP_CLEAN ? acquire_set : req_set;

    assign req_ready = state_reg == STATE_IDLE;

    // values of one judgement
    reg [ENTRY-1:0]     entry;
    reg                 found;
    reg                 choice;
    reg                 used;
    reg [4:0]           score;
    reg [4:0]           best;
    reg [3:0]           rank;
    reg [WAY_WIDTH-1:0] way;
    reg [WAY_WIDTH-1:0] choice_way;
    reg [2:0]           status;
    reg                 touch;
    reg                 was_dirty;
    reg [15:0]          dirty;

    initial begin
        rsp_valid = 0;
        rsp_status = 0;
        rsp_set = 0;
        rsp_way = 0;
        rsp_volume = 0;
        rsp_segment = 0;
        status_dirty_count = 0;
        status_pin_count = 0;
        state_reg = STATE_RECOVER_READ;
        word_reg = 0;
        op_reg = 0;
        flag_reg = 0;
        exclusive_reg = 0;
        volume_reg = 0;
        segment_reg = 0;
        set_reg = 0;
        way_reg = 0;
    end

    // The values above live only within one clock; blocking assignment is what is meant.
    /* verilator lint_off BLKSEQ */
    always @(posedge clk) begin
        rsp_valid <= 1'b0;

        case (state_reg)
            STATE_RECOVER_READ: begin
                word_reg <= ram[set_reg];
                state_reg <= STATE_RECOVER_WRITE;
            end

            STATE_RECOVER_WRITE: begin
                word = word_reg;
                dirty = 16'd0;
                for (w = 0; w < CACHE_WAYS; w = w + 1) begin
                    word[ENTRY*w + FILLING] = 1'b0;
                    word[ENTRY*w + BLANK] = 1'b0;
                    word[ENTRY*w + DESTAGING] = 1'b0;
                    word[ENTRY*w + REDIRTIED] = 1'b0;
                    word[ENTRY*w + EXCLUSIVE] = 1'b0;
                    word[ENTRY*w + PINS +: 9] = 9'd0;
                    if (word[ENTRY*w + DIRTY]) dirty = dirty + 16'd1;
                end
                ram[set_reg] <= word;
                status_dirty_count <= status_dirty_count + dirty;
                state_reg <= &set_reg ? STATE_IDLE : STATE_RECOVER_READ;
                set_reg <= set_reg + 1'b1;
            end

            STATE_IDLE:
                if (req_valid) begin
                    word_reg <= ram[set];
                    op_reg <= req_op;
                    flag_reg <= req_flag;
                    exclusive_reg <= req_exclusive;
                    volume_reg <= req_volume;
                    segment_reg <= req_segment;
                    set_reg <= set;
                    way_reg <= req_way;
                    state_reg <= STATE_JUDGE;
                end

            STATE_JUDGE: begin
                word = word_reg;
                status = ST_HIT;
                touch = 1'b0;
                way = way_reg;

                if (op_reg == OP_ACQUIRE || op_reg == OP_SCAN || op_reg == OP_CLEAN) begin
                    // ACQUIRE chooses an unused way, else the oldest clean one; SCAN the oldest dirty one
                    found = 1'b0;
                    choice = 1'b0;
                    choice_way = {WAY_WIDTH{1'b0}};
                    best = 5'd0;
                    for (w = 0; w < CACHE_WAYS; w = w + 1) begin
                        entry = word[ENTRY*w +: ENTRY];
                        used = entry[VALID] || entry[FILLING] || entry[BLANK];
                        if (used && entry[VOLUME +: 8] == volume_reg && entry[SEGMENT +: 29] == segment_reg) begin
                            found = 1'b1;
                            way = w[WAY_WIDTH-1:0];
                        end
                        score = {!used, entry[RANK +: 4]};
                        if ((!choice || score > best) && (op_reg == OP_SCAN
                                ? entry[DIRTY] && entry[VALID] && !entry[DESTAGING] && entry[PINS +: 9] == 9'd0
                                : !used || (entry[VALID] && !entry[DIRTY] && entry[PINS +: 9] == 9'd0))) begin
                            choice = 1'b1;
                            choice_way = w[WAY_WIDTH-1:0];
                            best = score;
                        end
                    end
                    if (op_reg == OP_SCAN || !found) way = choice_way;
                    if (op_reg == OP_CLEAN) begin
                        entry = word[ENTRY*way +: ENTRY];
                        if (found && !flag_reg && entry[VALID] && entry[DIRTY])
                            status = entry[DESTAGING] && !entry[REDIRTIED] ? ST_BUSY
                                     : entry[DESTAGING] || entry[PINS +: 9] != 9'd0 ? ST_BLANK : ST_FILL;
                    end else if (op_reg == OP_ACQUIRE && found) begin
                        entry = word[ENTRY*way +: ENTRY];
                        if (entry[FILLING] || entry[BLANK] || entry[EXCLUSIVE] || (exclusive_reg && entry[PINS +: 9] != 9'd0))
                            status = ST_BUSY;
                        else touch = 1'b1;
                    end else if (!choice)
                        status = ST_FULL;
                    else if (op_reg == OP_ACQUIRE) begin
                        touch = 1'b1;
                        status = flag_reg ? ST_BLANK : ST_FILL;
                    end
                end

                entry = word[ENTRY*way +: ENTRY];
                was_dirty = entry[DIRTY];
                case (op_reg)
                    OP_ACQUIRE:
                        if (status == ST_HIT) begin
                            entry[PINS +: 9] = entry[PINS +: 9] + 9'd1;
                            entry[EXCLUSIVE] = exclusive_reg;
                        end else if (touch) begin
                            entry[EXCLUSIVE] = exclusive_reg;
                            entry[RANK-1:0] = {RANK{1'b0}};
                            entry[FILLING] = !flag_reg;
                            entry[BLANK] = flag_reg;
                            entry[PINS +: 9] = 9'd1;
                            entry[VOLUME +: 8] = volume_reg;
                            entry[SEGMENT +: 29] = segment_reg;
                        end
                    OP_COMMIT: begin
                        entry[DIRTY] = 1'b1;
                        entry[REDIRTIED] = entry[DESTAGING];
                    end
                    OP_FILLED: begin
                        entry[FILLING] = 1'b0;
                        entry[VALID] = 1'b1;
                        entry[DIRTY] = flag_reg;
                    end
                    OP_UNPIN: begin
                        entry[PINS +: 9] = entry[PINS +: 9] - 9'd1;
                        entry[EXCLUSIVE] = 1'b0;
                        if (flag_reg) begin
                            entry[VALID] = 1'b1;
                            entry[DIRTY] = 1'b1;
                            entry[REDIRTIED] = entry[DESTAGING];
                        end
                        entry[FILLING] = 1'b0;
                        entry[BLANK] = 1'b0;
                    end
                    OP_SCAN:
                        if (status == ST_HIT) entry[DESTAGING] = 1'b1;
                    OP_CLEAN:
                        if (status == ST_FILL) entry[DESTAGING] = 1'b1;
                    OP_DESTAGED: begin
                        if (flag_reg && !entry[REDIRTIED]) entry[DIRTY] = 1'b0;
                        entry[DESTAGING] = 1'b0;
                        entry[REDIRTIED] = 1'b0;
                    end
                    default: ;
                endcase
                word[ENTRY*way +: ENTRY] = entry;

                if (touch) begin
                    rank = entry[RANK +: 4];
                    for (w = 0; w < CACHE_WAYS; w = w + 1)
                        if (word[ENTRY*w + RANK +: 4] < rank)
                            word[ENTRY*w + RANK +: 4] = word[ENTRY*w + RANK +: 4] + 4'd1;
                    word[ENTRY*way + RANK +: 4] = 4'd0;
                end

                ram[set_reg] <= word;
                if (was_dirty != entry[DIRTY])
                    status_dirty_count <= entry[DIRTY] ? status_dirty_count + 16'd1 : status_dirty_count - 16'd1;
                if (touch)
                    status_pin_count <= status_pin_count + 16'd1;
                if (op_reg == OP_UNPIN)
                    status_pin_count <= status_pin_count - 16'd1;

                rsp_valid <= 1'b1;
                rsp_status <= status;
                rsp_set <= set_reg;
                rsp_way <= way;
                rsp_volume <= entry[VOLUME +: 8];
                rsp_segment <= entry[SEGMENT +: 29];
                state_reg <= STATE_IDLE;
            end
        endcase

        if (rst) begin
            state_reg <= STATE_RECOVER_READ;
            set_reg <= 0;
            rsp_valid <= 1'b0;
            status_dirty_count <= 16'd0;
            status_pin_count <= 16'd0;
        end
    end
    /* verilator lint_on BLKSEQ */

endmodule

`resetall
