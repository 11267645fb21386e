// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Row numbers are 9 bits whatever TASKS is; rows beyond the tables are never named. */
/* verilator lint_off WIDTHTRUNC */
/* verilator lint_off UNUSEDSIGNAL */

// Frame scheduler: chooses the next frame at the last moment among the sequences that are armed, and streams it out.
module frame_scheduler #(
    parameter TASKS = 32      // 1 to 256
) (
    input  wire         clk,
    input  wire         rst,

    // Identity
    input  wire [23:0]  my_id,
    input  wire         my_id_valid,

    // Preferred class: 1 = initiator tasks (backup), 0 = target tasks (online)
    input  wire         prefer_backup,
    output wire         online_ready,

    // A sequence is armed or cancelled
    input  wire         arm,
    input  wire [8:0]   arm_row,
    input  wire         arm_initiator,
    input  wire         cancel,
    input  wire [8:0]   cancel_row,

    // The row whose frame is under way
    output wire         busy,
    output wire [8:0]   busy_row,

    // The last frame of a sequence has been handed over
    output reg          sequence_done,
    output wire [8:0]   sequence_done_row,
    output wire [3:0]   sequence_done_tag,

    // Task table
    output wire [8:0]   descriptor_rd_row,
    input  wire [195:0] descriptor_rd_data,
    input  wire [32:0]  progress_rd_data,
    input  wire         progress_rd_fresh,
    output wire         progress_write,
    output wire [8:0]   progress_wr_row,
    output wire [32:0]  progress_wr_data,
    output wire [12:0]  iu_rd_addr,
    input  wire [31:0]  iu_rd_data,

    // Segment list; the scheduler goes first
    output wire         sl_use,
    output wire [8:0]   sl_rd_slot,
    output wire [4:0]   sl_rd_index,
    input  wire [19:0]  sl_rd_line,

    // Front port of the cache, read client
    output wire         fr_rd_valid,
    input  wire         fr_rd_ready,
    output wire [19:0]  fr_rd_line,
    input  wire         fr_rd_data_valid,
    input  wire [127:0] fr_rd_data,

    // Link services: single-frame sequences, served before any task
    input  wire         ls_tx_valid,
    output wire         ls_tx_ready,
    input  wire [191:0] ls_tx_header,
    input  wire [9:0]   ls_tx_words,
    output wire [9:0]   ls_tx_rd_addr,
    input  wire [31:0]  ls_tx_rd_data,

    // Link
    input  wire         link_lost,
    input  wire         txf_request,
    output wire         txf_valid,
    input  wire         txf_ready,
    output reg  [191:0] txf_header,
    output reg  [9:0]   txf_words,
    output reg          txf_sof_initiate,
    output reg          txf_eof_terminate,
    output wire [31:0]  txf_data,
    output wire         txf_data_valid,
    input  wire         txf_data_ready,

    // Statistics: a frame of a task was granted
    output reg          stat_backup_frame,
    output reg          stat_online_frame,
    output reg  [11:0]  stat_frame_bytes
);

`include "port/fc_constants.vh"
`include "port/task_context.vh"

localparam ROWS = TASKS + `REPLY_ROWS;

localparam [2:0] STATE_IDLE = 3'd0;
localparam [2:0] STATE_SELECT = 3'd1;
localparam [2:0] STATE_FETCH = 3'd2;
localparam [2:0] STATE_LOOKUP = 3'd3;
localparam [2:0] STATE_LEAD = 3'd4;
localparam [2:0] STATE_OFFER = 3'd5;
localparam [2:0] STATE_DATA = 3'd6;
localparam [2:0] STATE_FLUSH = 3'd7;

localparam [1:0] SOURCE_CACHE = 2'd0;
localparam [1:0] SOURCE_IU = 2'd1;
localparam [1:0] SOURCE_LS = 2'd2;

reg [2:0] state_reg;
reg [2:0] lead_reg;
reg [1:0] source_reg;
reg [8:0] row_reg;
reg cancelled_reg;
reg lost_reg;            // the link was lost since this frame was chosen
reg [9:0] left_reg;    // payload words still to be handed over
reg [9:0] index_reg;   // next payload word of a RAM source
reg [16:0] done_reg;   // bytes of the sequence sent when this frame is out
reg [15:0] next_cnt_reg;
reg [7:0] seq_id_reg;
reg last_reg;
reg own_seq_reg;
reg [3:0] tag_reg;
reg class_reg;
reg [16:0] position_reg;

initial begin
    state_reg = STATE_IDLE;
    lead_reg = 3'd0;
    source_reg = SOURCE_CACHE;
    row_reg = 9'd0;
    cancelled_reg = 1'b0;
    lost_reg = 1'b0;
    left_reg = 10'd0;
    index_reg = 10'd0;
    done_reg = 17'd0;
    next_cnt_reg = 16'd0;
    seq_id_reg = 8'd0;
    last_reg = 1'b0;
    own_seq_reg = 1'b0;
    tag_reg = 4'd0;
    class_reg = 1'b0;
    position_reg = 17'd0;
end

reg [ROWS-1:0] ready_online_reg;
reg [ROWS-1:0] ready_backup_reg;
reg [8:0] after_online_reg;
reg [8:0] after_backup_reg;

initial begin
    ready_online_reg = {ROWS{1'b0}};
    ready_backup_reg = {ROWS{1'b0}};
    after_online_reg = 9'd0;
    after_backup_reg = 9'd0;
end

assign online_ready = |ready_online_reg;
assign busy = state_reg != STATE_IDLE && source_reg != SOURCE_LS;
assign busy_row = row_reg;
assign sequence_done_row = row_reg;
assign sequence_done_tag = tag_reg;

// ---- SEQ_ID: counts up, passing over those of sequences that are still open ----

reg [255:0] seq_open_reg;
reg [7:0] seq_next_reg;
reg [ROWS-1:0] row_open_reg;         // the sequence of the row is open under row_seq_id_mem
reg [7:0] row_seq_id_mem [0:ROWS-1];

integer i;
initial begin
    seq_open_reg = 256'd0;
    seq_next_reg = 8'd0;
    row_open_reg = {ROWS{1'b0}};
    for (i = 0; i < ROWS; i = i + 1) row_seq_id_mem[i] = 8'd0;
end

// ---- Choice: the first ready row after the one served last, called only when a frame may go ----

function [8:0] choose;
    input [ROWS-1:0] ready;
    input [8:0] after;
    integer k;
    reg [8:0] first;
    reg [8:0] beyond;
    reg first_found;
    reg beyond_found;
    begin
        first = 9'd0;
        beyond = 9'd0;
        first_found = 1'b0;
        beyond_found = 1'b0;
        for (k = 0; k < ROWS; k = k + 1) begin
            if (ready[k]) begin
                if (!first_found) first = k[8:0];
                first_found = 1'b1;
                if (!beyond_found && k[8:0] > after) begin
                    beyond = k[8:0];
                    beyond_found = 1'b1;
                end
            end
        end
        choose = beyond_found ? beyond : first;
    end
endfunction

// ---- The frame of the chosen row ----

wire [195:0] d = descriptor_rd_data;
wire [16:0] sent = progress_rd_fresh ? 17'd0 : progress_rd_data[`TXP_DONE];
wire [15:0] seq_cnt = progress_rd_fresh ? 16'd0 : progress_rd_data[`TXP_SEQ_CNT];
wire [16:0] remaining = d[`TXD_LENGTH] - sent;
wire [16:0] largest = {5'd0, d[`TXD_MAX_WORDS], 2'b00};
wire last = remaining <= largest;
wire [16:0] bytes = last ? remaining : largest;
// a SEND of any length: the last word is filled up, and F_CTL says by how much
/* verilator lint_off UNUSEDSIGNAL */
wire [16:0] filled = bytes + 17'd3;
/* verilator lint_on UNUSEDSIGNAL */
wire [9:0]  words = filled[11:2];
wire [1:0]  fill = 2'd0 - bytes[1:0];
wire [16:0] position = d[`TXD_POSITION] + sent;
wire [23:0] f_ctl = last ? d[`TXD_F_CTL] | {22'd0, fill} : d[`TXD_F_CTL] & ~(`FC_FCTL_END_SEQUENCE | `FC_FCTL_SEQUENCE_INITIATIVE);
wire [31:0] parameter_word = d[`TXD_FROM_CACHE] ? d[`TXD_PARAMETER] + {15'd0, sent} : d[`TXD_PARAMETER];

assign descriptor_rd_row = row_reg;

assign sl_use = state_reg == STATE_FETCH || state_reg == STATE_LOOKUP;
assign sl_rd_slot = d[`TXD_SLOT];
assign sl_rd_index = state_reg == STATE_FETCH ? position[16:12] : position_reg[16:12] + 5'd1;

wire flush = state_reg == STATE_FLUSH;
wire reader_idle;
wire [31:0] reader_word;
wire reader_valid;
wire start_reader = state_reg == STATE_LOOKUP && source_reg == SOURCE_CACHE;
reg next_base_valid_reg;

initial begin
    next_base_valid_reg = 1'b0;
end

port_cache_reader reader (
    .clk(clk), .rst(rst),
    .start(start_reader), .position(position_reg), .words(txf_words), .base(sl_rd_line),
    .next_base_valid(next_base_valid_reg), .next_base(sl_rd_line),
    .flush(flush), .idle(reader_idle),
    .word(reader_word), .word_valid(reader_valid), .word_ready(state_reg == STATE_DATA && source_reg == SOURCE_CACHE && txf_data_ready),
    .fr_rd_valid(fr_rd_valid), .fr_rd_ready(fr_rd_ready), .fr_rd_line(fr_rd_line),
    .fr_rd_data_valid(fr_rd_data_valid), .fr_rd_data(fr_rd_data)
);

// An offer is withdrawn when its task is cancelled or the link is lost before the link has taken it.
assign txf_valid = state_reg == STATE_OFFER && !cancelled_reg && !lost_reg && !link_lost;
assign txf_data_valid = state_reg == STATE_DATA && (source_reg == SOURCE_CACHE ? reader_valid : 1'b1);
assign txf_data = source_reg == SOURCE_CACHE ? reader_word : source_reg == SOURCE_IU ? iu_rd_data : ls_tx_rd_data;

wire pass = txf_data_valid && txf_data_ready;
wire take = txf_valid && txf_ready;
wire cancel_now = cancel && busy && row_reg == cancel_row;
wire [9:0] ram_addr = pass ? index_reg + 10'd1 : index_reg;

assign iu_rd_addr = {row_reg, ram_addr[3:0]};
assign ls_tx_rd_addr = ram_addr;

// A frame that is cut off by the loss of the link counts as sent: exchanges recover, frames do not.
wire finish = (take && txf_words == 10'd0) || (state_reg == STATE_DATA && ((pass && left_reg == 10'd1) || link_lost));

assign ls_tx_ready = finish && source_reg == SOURCE_LS;
assign progress_write = finish && source_reg != SOURCE_LS;
assign progress_wr_row = row_reg;
assign progress_wr_data = {next_cnt_reg, done_reg};

initial begin
    sequence_done = 1'b0;
    txf_header = 192'd0;
    txf_words = 10'd0;
    txf_sof_initiate = 1'b0;
    txf_eof_terminate = 1'b0;
    stat_backup_frame = 1'b0;
    stat_online_frame = 1'b0;
    stat_frame_bytes = 12'd0;
    if (TASKS < 1 || TASKS > 256) begin
        $display("%m: TASKS %0d must be 1 to 256", TASKS);
        $finish;
    end
end

always @(posedge clk) begin : schedule
    // As this clock finds them
    reg [2:0] state;
    reg [8:0] row;
    reg [8:0] after_online;
    reg [8:0] after_backup;
    reg [7:0] seq_next;
    reg seq_next_open;
    reg seq_id_left;
    reg [7:0] seq_id;
    reg last_sent;           // the last frame of a task's sequence has been handed over
    // What is ready
    reg [ROWS-1:0] ready_online;
    reg any_online;
    reg any_backup;
    reg take_backup;

    state = state_reg;
    row = row_reg;
    after_online = after_online_reg;
    after_backup = after_backup_reg;
    seq_next = seq_next_reg;
    seq_next_open = seq_open_reg[seq_next];
    // With 256 sequences open what has no sequence under way (link services, replies) waits, and they go on.
    seq_id_left = 1'b1;
    if (seq_next_open) seq_id_left = !(&seq_open_reg);
    last_sent = finish && last_reg && source_reg != SOURCE_LS;

    sequence_done <= last_sent && !cancelled_reg;
    stat_backup_frame <= 1'b0;
    stat_online_frame <= 1'b0;
    next_base_valid_reg <= start_reader;
    if (seq_next_open) seq_next_reg <= seq_next + 8'd1;

    // A cancelled sequence gives its SEQ_ID back
    if (cancel) begin
        if (row_open_reg[cancel_row]) seq_open_reg[row_seq_id_mem[cancel_row]] <= 1'b0;
        row_open_reg[cancel_row] <= 1'b0;
    end

    case (state)
        STATE_IDLE: begin
            lead_reg <= 3'd0;
            index_reg <= 10'd0;
            ready_online = ready_online_reg & {{`REPLY_ROWS{seq_id_left}}, {TASKS{1'b1}}};
            any_online = |ready_online;
            any_backup = |ready_backup_reg;
            take_backup = any_backup && (prefer_backup || !any_online);
            if (txf_request && !link_lost && !cancel) begin
                if (ls_tx_valid && seq_id_left) begin
                    if (!seq_next_open) begin
                        source_reg <= SOURCE_LS;
                        state_reg <= STATE_LEAD;
                        // SEQ_ID is given here, so that no two open sequences share one
                        txf_header <= {ls_tx_header[191:96], seq_next, ls_tx_header[87:0]};
                        txf_words <= ls_tx_words;
                        left_reg <= ls_tx_words;
                        txf_sof_initiate <= 1'b1;
                        txf_eof_terminate <= 1'b1;
                        last_reg <= 1'b1;
                        lead_reg <= 3'd2;
                        seq_next_reg <= seq_next + 8'd1;
                    end
                end else if (my_id_valid && (any_online || any_backup)) begin
                    source_reg <= SOURCE_IU;
                    state_reg <= STATE_SELECT;
                    class_reg <= take_backup;
                    row_reg <= take_backup ? choose(ready_backup_reg, after_backup) : choose(ready_online, after_online);
                end
            end
        end
        STATE_SELECT: state_reg <= STATE_FETCH;
        STATE_FETCH: begin
            // A new sequence waits here for a SEQ_ID. One comes: the others hold at most TASKS - 1. A sequence under way has its own and
            // never waits, so that 256 of them, with every SEQ_ID in use, come to an end.
            if (!(progress_rd_fresh && !d[`TXD_SEQ_ID_GIVEN] && seq_next_open)) state_reg <= STATE_LOOKUP;
            seq_id = d[`TXD_SEQ_ID_GIVEN] ? d[`TXD_SEQ_ID] : progress_rd_fresh ? seq_next : row_seq_id_mem[row];
            source_reg <= d[`TXD_FROM_CACHE] ? SOURCE_CACHE : SOURCE_IU;
            position_reg <= position;
            txf_header <= {d[`TXD_R_CTL], d[`TXD_D_ID], 8'h00, my_id, d[`TXD_TYPE], f_ctl, seq_id, 8'h00, seq_cnt,
                d[`TXD_OX_ID], d[`TXD_RX_ID], parameter_word};
            txf_words <= words;
            left_reg <= words;
            txf_sof_initiate <= progress_rd_fresh;
            txf_eof_terminate <= last;
            last_reg <= last;
            done_reg <= sent + bytes;
            next_cnt_reg <= seq_cnt + 16'd1;
            seq_id_reg <= seq_id;
            own_seq_reg <= !d[`TXD_SEQ_ID_GIVEN];
            tag_reg <= d[`TXD_TAG];
        end
        STATE_LOOKUP: state_reg <= STATE_LEAD;
        STATE_LEAD: begin
            // Offered 6 clocks after the request, 7 when the frame starts inside a line: the cache is then ahead of the link.
            if (lead_reg == (source_reg == SOURCE_CACHE && position_reg[3:2] != 2'd0 ? 3'd2 : 3'd1) || lead_reg >= 3'd2) begin
                state_reg <= STATE_OFFER;
            end
            lead_reg <= lead_reg + 3'd1;
        end
        STATE_OFFER: begin
            if (take) begin
                state_reg <= txf_words == 10'd0 ? STATE_IDLE : STATE_DATA;
                if (source_reg != SOURCE_LS) begin
                    stat_backup_frame <= class_reg;
                    stat_online_frame <= !class_reg;
                    stat_frame_bytes <= {txf_words, 2'b00};
                    if (class_reg) after_backup_reg <= row;
                    else after_online_reg <= row;
                    // the SEQ_ID is in use from the first frame of a sequence to the last one, or until it is cancelled
                    if (own_seq_reg) begin
                        seq_open_reg[seq_id_reg] <= !last_reg && !cancel_now;
                        row_open_reg[row] <= !last_reg && !cancel_now;
                        row_seq_id_mem[row] <= seq_id_reg;
                        if (txf_sof_initiate) seq_next_reg <= seq_id_reg + 8'd1;
                    end
                end
            end else if (cancelled_reg || lost_reg || link_lost) begin
                state_reg <= STATE_FLUSH;
            end
        end
        STATE_DATA: begin
            if (pass) begin
                left_reg <= left_reg - 10'd1;
                index_reg <= index_reg + 10'd1;
            end
            if (finish) state_reg <= link_lost ? STATE_FLUSH : STATE_IDLE;
        end
        default: begin
            if (reader_idle) state_reg <= STATE_IDLE;
        end
    endcase

    if (last_sent) begin
        ready_online_reg[row] <= 1'b0;
        ready_backup_reg[row] <= 1'b0;
    end
    if (arm) begin
        ready_online_reg[arm_row] <= !arm_initiator;
        ready_backup_reg[arm_row] <= arm_initiator;
    end
    if (cancel) begin
        ready_online_reg[cancel_row] <= 1'b0;
        ready_backup_reg[cancel_row] <= 1'b0;
        if (cancel_now) cancelled_reg <= 1'b1;
    end
    if (state == STATE_IDLE) cancelled_reg <= 1'b0;
    lost_reg <= state != STATE_IDLE && (lost_reg || link_lost);
    if (rst) begin
        state_reg <= STATE_IDLE;
        ready_online_reg <= {ROWS{1'b0}};
        ready_backup_reg <= {ROWS{1'b0}};
        seq_open_reg <= 256'd0;
        row_open_reg <= {ROWS{1'b0}};
    end
end

endmodule

/* verilator lint_on UNUSEDSIGNAL */
/* verilator lint_on WIDTHTRUNC */

`resetall
