// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

`include "link/rx_kinds.vh"

/* Receives frames into RX_BUFFERS buffers, keeps the good ones in order for the port, and discards the others with one event
   each. */
module frame_rx #(
    parameter RX_BUFFERS = 8  // 1 to 64
) (
    input  wire         clk,
    input  wire         rst,

    // Received words
    input  wire [3:0]   word_kind,
    input  wire [31:0]  word_data,
    input  wire         word_eof_positive,

    // Link state
    input  wire         active,
    input  wire         flush,                     // strobe: left AC

    // Queue of good frames
    output reg          rxf_valid,
    output reg  [191:0] rxf_header,
    output reg  [9:0]   rxf_words,
    output reg          rxf_sof_initiate,
    output reg          rxf_eof_terminate,
    input  wire [9:0]   rxf_rd_addr,
    output reg  [31:0]  rxf_rd_data,
    input  wire         rxf_pop,

    // Credit
    output reg  [1:0]   buffers_freed,      // R_RDYs newly owed

    // Events, numbered as the counters of the link error status block; bits that are not a receive event stay 0
    output reg  [15:0]  events
);

    localparam BUFFERS = RX_BUFFERS + 1;           // one more, for a head frame kept over a link reset
    localparam BUFFER_WIDTH = $clog2(BUFFERS);
    localparam [BUFFER_WIDTH-1:0] LAST_BUFFER = BUFFERS[BUFFER_WIDTH-1:0] - 1'b1;
    localparam [6:0] LIMIT = RX_BUFFERS[6:0];
    localparam [9:0] HEADER_WORDS = 10'd6;
    localparam [9:0] MIN_WORDS = 10'd7;            // header and CRC
    localparam [9:0] MAX_WORDS = 10'd535;          // header, 528 payload words, CRC
    localparam [31:0] CRC_RESIDUE = 32'hDEBB20E3;

    localparam EVENT_CRC = 5, EVENT_LONG = 6, EVENT_TRUNCATED = 7, EVENT_EOF = 8, EVENT_SOF = 9, EVENT_OVERRUN = 10,
        EVENT_CHARACTER = 11, EVENT_RESET = 12, EVENT_GOOD = 13;

    localparam [1:0]
        STATE_IDLE = 2'd0,     // between frames
        STATE_RECEIVE = 2'd1,  // after SOF, into a buffer
        STATE_DROP = 2'd2;     // rest of a frame that was refused at its start

    initial begin
        if (RX_BUFFERS < 1 || RX_BUFFERS > 64) begin
            $display("%m: RX_BUFFERS=%0d: must be 1 to 64", RX_BUFFERS);
            $finish;
        end
    end

    reg [1:0]   state_reg;
    reg         initiate_reg;
    reg         bad_character_reg;
    reg         too_long_reg;
    reg         disparity_reg;  // running disparity is positive
    reg [9:0]   words_reg;      // data words since SOF
    reg [31:0]  crc_reg;
    reg [191:0] header_reg;

    // Ring of buffers: committed_reg good frames from read_buffer_reg on, then the buffer being filled
    reg [BUFFER_WIDTH-1:0] write_buffer_reg;
    reg [BUFFER_WIDTH-1:0] read_buffer_reg;
    reg [6:0]   committed_reg;
    reg         stale_head_reg;    // the head came before the last link reset: no R_RDY is owed for it
    reg [6:0]   reset_events_reg;  // frames lost in a link reset and not yet counted

    reg [31:0]  payload_ram [0:BUFFERS*1024-1];
    reg [203:0] frame_ram [0:BUFFERS-1];  // header, words, initiate, terminate

    integer i;

    initial begin
        for (i = 0; i < BUFFERS * 1024; i = i + 1)
            payload_ram[i] = 32'd0;
        for (i = 0; i < BUFFERS; i = i + 1)
            frame_ram[i] = 204'd0;
    end

    wire [31:0] crc_next;
    wire        flip;

    crc32 crc32_inst (
        .crc_in(crc_reg),
        .data(word_data),
        .crc_out(crc_next)
    );

    word_flip word_flip_inst (
        .data(word_data),
        .flip(flip)
    );

    wire [9:0] payload_index = words_reg - HEADER_WORDS;
    wire [BUFFER_WIDTH-1:0] write_buffer_next = write_buffer_reg == LAST_BUFFER ? {BUFFER_WIDTH{1'b0}} : write_buffer_reg + 1'b1;
    wire [BUFFER_WIDTH-1:0] read_buffer_next = read_buffer_reg == LAST_BUFFER ? {BUFFER_WIDTH{1'b0}} : read_buffer_reg + 1'b1;
    wire pop = rxf_pop && rxf_valid;
    wire keep_head = rxf_valid && !rxf_pop;

    // Any ordered set ends a frame
    wire frame_end = state_reg == STATE_RECEIVE && word_kind != `RX_DATA && word_kind != `RX_INVALID;
    wire good_eof = word_kind == `RX_EOFT || word_kind == `RX_EOFN;
    wire commit = frame_end && good_eof && !bad_character_reg && !too_long_reg && words_reg >= MIN_WORDS
        && crc_reg == CRC_RESIDUE && word_eof_positive == disparity_reg;
    wire discard = frame_end && !commit;
    wire refuse = active && word_kind == `RX_SOF_CREDIT;  // a frame that is not received but took a credit

    always @(posedge clk) begin
        events <= 16'd0;
        buffers_freed <= 2'd0;

        if (word_kind == `RX_DATA) begin
            if (state_reg == STATE_RECEIVE) begin
                crc_reg <= crc_next;
                disparity_reg <= disparity_reg ^ flip;
                if (words_reg < HEADER_WORDS)
                    header_reg <= {header_reg[159:0], word_data};
                else
                    payload_ram[{write_buffer_reg, payload_index}] <= word_data;
                if (words_reg == MAX_WORDS)
                    too_long_reg <= 1'b1;
                else
                    words_reg <= words_reg + 10'd1;
            end else if (state_reg == STATE_IDLE) begin
                // SOF missing or not recognised
                events[EVENT_SOF] <= active;
                state_reg <= STATE_DROP;
            end
        end else if (word_kind == `RX_INVALID) begin
            bad_character_reg <= 1'b1;
        end else if (word_kind != `RX_FILL || state_reg != STATE_IDLE) begin
            // One event a frame: the first of these that applies. A flipped bit may also turn the running disparity, so CRC comes first
            if (frame_end) begin
                if (commit)
                    events[EVENT_GOOD] <= 1'b1;
                else if (bad_character_reg)
                    events[EVENT_CHARACTER] <= 1'b1;
                else if (too_long_reg)
                    events[EVENT_LONG] <= 1'b1;
                else if (word_kind == `RX_EOF_BAD)
                    events[EVENT_EOF] <= 1'b1;
                else if (!good_eof || words_reg < MIN_WORDS)
                    events[EVENT_TRUNCATED] <= 1'b1;
                else if (crc_reg != CRC_RESIDUE)
                    events[EVENT_CRC] <= 1'b1;
                else
                    events[EVENT_EOF] <= 1'b1;
            end
            state_reg <= STATE_IDLE;

            case (word_kind)
                `RX_SOFI3, `RX_SOFN3: begin
                    initiate_reg <= word_kind == `RX_SOFI3;
                    bad_character_reg <= 1'b0;
                    too_long_reg <= 1'b0;
                    disparity_reg <= 1'b1;         // a SOF leaves it positive
                    words_reg <= 10'd0;
                    crc_reg <= 32'hFFFFFFFF;
                    state_reg <= STATE_DROP;
                    if (!active)
                        events[EVENT_RESET] <= 1'b1;
                    else if (committed_reg - {6'd0, stale_head_reg} == LIMIT)
                        events[EVENT_OVERRUN] <= 1'b1;
                    else
                        state_reg <= STATE_RECEIVE;
                end
                `RX_SOF_CREDIT, `RX_SOF_OTHER: begin
                    events[EVENT_SOF] <= active;
                    state_reg <= STATE_DROP;
                end
                `RX_EOFT, `RX_EOFN, `RX_EOF_BAD:
                    if (state_reg == STATE_IDLE)
                        events[EVENT_SOF] <= active;
                default: ;
            endcase
        end

        if (commit) begin
            frame_ram[write_buffer_reg] <= {header_reg, words_reg - MIN_WORDS, initiate_reg, word_kind == `RX_EOFT};
            write_buffer_reg <= write_buffer_next;
        end
        if (commit != pop)
            committed_reg <= commit ? committed_reg + 7'd1 : committed_reg - 7'd1;
        if (pop || discard || refuse)
            buffers_freed <= {1'b0, pop && !stale_head_reg} + {1'b0, discard} + {1'b0, refuse};

        // Head of the queue
        if (pop) begin
            rxf_valid <= 1'b0;
            read_buffer_reg <= read_buffer_next;
            stale_head_reg <= 1'b0;
        end else if (!rxf_valid && committed_reg != 7'd0) begin
            rxf_valid <= 1'b1;
            {rxf_header, rxf_words, rxf_sof_initiate, rxf_eof_terminate} <= frame_ram[read_buffer_reg];
        end
        rxf_rd_data <= payload_ram[{read_buffer_reg, rxf_rd_addr}];

        if (reset_events_reg != 7'd0) begin
            reset_events_reg <= reset_events_reg - 7'd1;
            events[EVENT_RESET] <= 1'b1;
        end

        // Link reset or failure: only the frame that the port is looking at stays, until it is popped
        if (flush) begin
            state_reg <= state_reg == STATE_RECEIVE ? STATE_DROP : state_reg;
            events <= 16'd0;
            buffers_freed <= 2'd0;
            write_buffer_reg <= rxf_valid ? read_buffer_next : read_buffer_reg;
            committed_reg <= {6'd0, keep_head};
            stale_head_reg <= keep_head;
            rxf_valid <= keep_head;
            reset_events_reg <= committed_reg - {6'd0, rxf_valid} + {6'd0, state_reg == STATE_RECEIVE};
        end

        if (rst) begin
            rxf_valid <= 1'b0;
            rxf_header <= 192'd0;
            rxf_words <= 10'd0;
            rxf_sof_initiate <= 1'b0;
            rxf_eof_terminate <= 1'b0;
            rxf_rd_data <= 32'd0;
            buffers_freed <= 2'd0;
            events <= 16'd0;
            state_reg <= STATE_IDLE;
            initiate_reg <= 1'b0;
            bad_character_reg <= 1'b0;
            too_long_reg <= 1'b0;
            disparity_reg <= 1'b0;
            words_reg <= 10'd0;
            crc_reg <= 32'd0;
            header_reg <= 192'd0;
            write_buffer_reg <= {BUFFER_WIDTH{1'b0}};
            read_buffer_reg <= {BUFFER_WIDTH{1'b0}};
            committed_reg <= 7'd0;
            stale_head_reg <= 1'b0;
            reset_events_reg <= 7'd0;
        end
    end

endmodule

`resetall
