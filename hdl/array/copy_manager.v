// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Copy manager (SPC-4 5.17): carries out EXTENDED COPY commands one at a time. Each segment is a job of the backup engine, of a part of
   the volume; what becomes of it is followed in the job's state. */
module copy_manager #(
    parameter PORTS    = 1,   // 1 to 4
    parameter JOBS     = 8,   // 1 to 8
    parameter SEGMENTS = 512  // cache segments
) (
    input  wire                clk,
    input  wire                rst,

    // a command whose parameter list is in the page of its task
    input  wire                copy_valid,
    output wire                copy_ready,
    input  wire [7:0]          copy_task,
    input  wire [3:0]          copy_volume,
    input  wire [4:0]          copy_initiator,
    input  wire [10:0]         copy_length,      // bytes of the list
    input  wire                copy_abort,       // strobe: the command under way is to end

    // its end
    output wire                copy_done_valid,
    input  wire                copy_done_ready,
    output reg  [7:0]          copy_done_task,
    output wire [7:0]          copy_done_status,
    output wire [23:0]         copy_done_sense,  // bit 23: INFORMATION is valid
    output wire [31:0]         copy_done_left,   // INFORMATION: blocks of the segment that were not copied
    output wire [15:0]         copy_done_segment,

    // RECEIVE COPY STATUS and FAILURE DETAILS: strobe, then a strobe
    input  wire                find,
    input  wire [16:0]         find_key,         // {initiator, volume, list identifier}
    output wire                find_done,
    output wire                find_hit,
    output wire                find_ended,
    output wire [130:0]        find_result,      // RESULT_WIDTH

    // a line of the page
    output wire                line_valid,
    output wire [19:0]         line,
    input  wire                line_done,
    input  wire [127:0]        line_data,

    // orders to the backup engine, with what they ask for
    output wire                job_valid,
    input  wire                job_ready,
    output wire [2:0]          job_command,
    output reg  [2:0]          job_number,
    input  wire                job_answer,
    input  wire [7:0]          job_refused,
    output wire [7:0]          job_volume,
    output wire [23:0]         job_port_id,
    output wire [15:0]         job_lun,
    output wire [31:0]         job_lba,
    output wire [PORTS-1:0]    job_ports,
    output wire [31:0]         job_first,
    output wire [31:0]         job_end,

    // all jobs
    input  wire [JOBS*4-1:0]   job_state,
    output wire                job_follow,
    input  wire [31:0]         job_pointer,    // of job_number, beside job_follow
    input  wire [15:0]         job_error,
    input  wire [23:0]         job_sense,

    input  wire [63:0]         cfg_wwnn
);

`include "array/backup_constants.vh"
`include "array/copy_limits.vh"

    localparam [7:0] CHECK_CONDITION = 8'h02;
    localparam [31:0] LAST_JOB = JOBS - 1;

    // ASC and ASCQ; the sense key is COPY ABORTED
    localparam [15:0]
        IN_PROGRESS   = 16'h0016,  // another job works on the volume
        UNREACHABLE   = 16'h0804,
        DEVICE_FAILED = 16'h0D01,  // third party device failure
        NO_ANSWER     = 16'h0D02,  // copy target device not reachable
        RANGE         = 16'h2100,
        OPERATION     = 16'h260C,  // the destination is the array itself
        NO_JOB        = 16'h5503,  // insufficient resources
        OPERATOR      = 16'h5A00;  // the console has ended the job

    localparam [3:0]
        STATE_IDLE    = 4'd0,
        STATE_LIST    = 4'd1,   // the list is being checked
        STATE_SEGMENT = 4'd3,   // it is being read
        STATE_PICK    = 4'd4,   // a job that can be started, from the last one down
        STATE_ORDER   = 4'd5,
        STATE_ANSWER  = 4'd6,   // of the engine
        STATE_FOLLOW  = 4'd7,   // the job is under way
        STATE_CANCEL  = 4'd8,   // and is to end
        STATE_CANCEL_ANSWER = 4'd9,
        STATE_DRAIN   = 4'd10,
        STATE_STORE   = 4'd11,
        STATE_DONE    = 4'd12,
        STATE_NEXT    = 4'd13;  // the next segment

    reg [3:0]  state_reg;
    reg [3:0]  volume_reg;
    reg [4:0]  initiator_reg;
    reg [10:0] length_reg;
    reg        start_reg;
    reg        next_reg;
    reg        abort_reg;
    reg        known_reg;        // the list is right: there is a result
    reg [3:0]  segment_reg;
    reg [31:0] bytes_reg;        // copied by segments before this one
    reg [31:0] copied_reg;       // blocks of this segment
    reg        refused_reg;
    reg [23:0] sense_reg;
    reg        device_reg;       // a device's sense data are held
    reg        source_reg;       // of the source
    reg [7:0]  status_reg;
    reg [23:0] device_sense_reg;

    wire        list_done;
    wire [23:0] list_sense;
    wire [7:0]  list_id;
    wire        no_id;
    wire [3:0]  segments;
    wire [15:0] blocks;
    wire [31:0] first;
    wire [31:0] destination;

    copy_list #(.PORTS(PORTS), .SEGMENTS(SEGMENTS)) list (
        .clk(clk), .rst(rst), .start(start_reg), .task_number(copy_done_task), .length(length_reg), .volume(volume_reg),
        .next(next_reg), .segment(segment_reg), .done(list_done), .sense(list_sense), .list_id(list_id), .no_id(no_id),
        .segments(segments), .blocks(blocks), .source(first), .destination(destination), .port_id(job_port_id), .lun(job_lun),
        .ports(job_ports), .line_valid(line_valid), .line(line), .line_done(line_done), .line_data(line_data), .cfg_wwnn(cfg_wwnn)
    );

    assign job_volume = {4'd0, volume_reg};
    assign job_first = first;
    assign job_end = first + {16'd0, blocks};
    assign job_lba = destination - first;  // block b of the volume goes to block job_lba + b, modulo 2**32
    assign job_valid = state_reg == STATE_ORDER || state_reg == STATE_CANCEL;
    assign job_command = state_reg == STATE_ORDER ? START_BACKUP : ABORT;

    // the job, worked out within the clock in the states that look at it; a prepared job is left alone
    reg [3:0]  job;
    reg        free;
    reg        at_device;
    assign     job_follow = state_reg == STATE_PICK || state_reg == STATE_FOLLOW || state_reg == STATE_DRAIN;

    task fail;
        input [15:0] why;
        begin
            refused_reg <= 1'b1;
            sense_reg <= {8'h8A, why};
            state_reg <= STATE_STORE;
        end
    endtask

    assign copy_ready = state_reg == STATE_IDLE;
    assign copy_done_valid = state_reg == STATE_DONE;
    assign copy_done_status = refused_reg ? CHECK_CONDITION : 8'h00;
    assign copy_done_sense = sense_reg;
    assign copy_done_left = {16'd0, blocks} - copied_reg;
    assign copy_done_segment = sense_reg[23] ? {12'd0, segment_reg} : 16'd0;

    // segments processed: the one under way counts
    reg  [15:0] processed;
    reg  [RESULT_WIDTH-1:0] result;
    wire        holding = known_reg && !no_id;
    wire        store = holding && state_reg == STATE_STORE;

    always @* begin
        processed = 16'd0;
        result = {RESULT_WIDTH{1'b0}};
        if (store || find) begin
            processed = {12'd0, segment_reg} + (segment_reg == segments ? 16'd0 : 16'd1);
            result[130:82] = {refused_reg, processed, bytes_reg + {copied_reg[22:0], 9'd0}};
            result[81:34] = {sense_reg[15:0], copy_done_left};
            result[33:0] = {device_reg, source_reg, status_reg, device_sense_reg};
        end
    end

    copy_results #(.WIDTH(RESULT_WIDTH)) held (
        .clk(clk), .rst(rst), .current_valid(holding), .current_key({initiator_reg, volume_reg, list_id}),
        .current_result(result), .store(store), .find(find), .find_key(find_key),
        .find_done(find_done), .find_hit(find_hit), .find_ended(find_ended), .find_result(find_result)
    );

    always @(posedge clk) begin : step
        reg [3:0] state;
        if (job_follow) begin
            // verilator lint_off BLKSEQ
            job = job_state[{job_number, 2'd0} +: 4];
            free = job == JOB_IDLE || job == JOB_DONE || job == JOB_FAILED || job == JOB_ABORTED;
            at_device = job_error[7:0] == 8'd4 || job_error[7:0] == ERROR_SMALL;
            // verilator lint_on BLKSEQ
        end
        // as this clock finds it: Verilator then needs no second copy of the register
        state = state_reg;
        start_reg <= 1'b0;
        next_reg <= 1'b0;
        case (state)
            STATE_IDLE:
                if (copy_valid) begin
                    copy_done_task <= copy_task;
                    volume_reg <= copy_volume;
                    initiator_reg <= copy_initiator;
                    length_reg <= copy_length;
                    start_reg <= 1'b1;
                    abort_reg <= 1'b0;
                    segment_reg <= 4'd0;
                    bytes_reg <= 32'd0;
                    copied_reg <= 32'd0;
                    refused_reg <= 1'b0;
                    sense_reg <= 24'd0;
                    device_reg <= 1'b0;
                    source_reg <= 1'b0;
                    status_reg <= 8'd0;
                    device_sense_reg <= 24'd0;
                    state_reg <= STATE_LIST;
                end

            STATE_LIST:
                if (list_done) begin
                    known_reg <= list_sense == 24'd0;
                    refused_reg <= list_sense != 24'd0;
                    sense_reg <= list_sense;
                    state_reg <= list_sense != 24'd0 ? STATE_STORE : STATE_NEXT;
                end

            STATE_NEXT:
                if (abort_reg || segment_reg == segments) begin
                    refused_reg <= abort_reg;
                    state_reg <= STATE_STORE;
                end else begin
                    next_reg <= 1'b1;
                    copied_reg <= 32'd0;
                    state_reg <= STATE_SEGMENT;
                end

            STATE_SEGMENT:
                if (list_done) begin
                    job_number <= LAST_JOB[2:0];
                    state_reg <= STATE_PICK;
                    if (list_sense != 24'd0)
                        fail(list_sense[15:0]);
                    else if (blocks == 16'd0) begin
                        segment_reg <= segment_reg + 4'd1;
                        state_reg <= STATE_NEXT;
                    end
                end

            STATE_PICK:
                if (free)
                    state_reg <= STATE_ORDER;
                else if (job_number == 3'd0)
                    fail(NO_JOB);
                else
                    job_number <= job_number - 3'd1;

            STATE_ORDER:
                if (job_ready)
                    state_reg <= STATE_ANSWER;

            STATE_ANSWER:
                if (job_answer)
                    case (job_refused)
                        8'd0: state_reg <= STATE_FOLLOW;
                        REFUSED_STATE: state_reg <= STATE_PICK;  // somebody else was faster
                        REFUSED_SELF: fail(OPERATION);
                        REFUSED_CONFLICT: fail(IN_PROGRESS);
                        REFUSED_PORTS: fail(UNREACHABLE);
                        default: fail(RANGE);  // the volume is not so large, or not there any more
                    endcase

            STATE_FOLLOW: begin
                copied_reg <= job_pointer - first;
                if (job == JOB_DONE) begin
                    bytes_reg <= bytes_reg + {7'd0, blocks, 9'd0};
                    copied_reg <= 32'd0;
                    segment_reg <= segment_reg + 4'd1;
                    state_reg <= STATE_NEXT;
                end else if (job == JOB_ABORTED)
                    fail(OPERATOR);
                else if (job == JOB_FAILED || (job == JOB_PAUSED && job_error != 16'd0)) begin
                    device_reg <= at_device || job_error[7:0] == ERROR_CACHE;
                    source_reg <= job_error[7:0] == ERROR_CACHE;
                    status_reg <= at_device ? job_error[15:8] : CHECK_CONDITION;
                    device_sense_reg <= job_error[7:0] == ERROR_CACHE ? 24'h031100 : job_sense;
                    fail(at_device || job_error[7:0] == ERROR_CACHE ? DEVICE_FAILED : NO_ANSWER);
                    if (job == JOB_PAUSED)  // the volume is free again
                        state_reg <= STATE_CANCEL;
                end else if (abort_reg) begin
                    refused_reg <= 1'b1;
                    state_reg <= STATE_CANCEL;
                end
            end

            STATE_CANCEL:
                if (job_ready)
                    state_reg <= STATE_CANCEL_ANSWER;

            STATE_CANCEL_ANSWER:
                if (job_answer)
                    state_reg <= STATE_DRAIN;  // refused: it is ending by itself

            STATE_DRAIN:
                if (free) begin
                    copied_reg <= job_pointer - first;
                    state_reg <= STATE_STORE;
                end

            STATE_STORE: begin
                known_reg <= 1'b0;
                state_reg <= STATE_DONE;
            end

            default:
                if (copy_done_ready)
                    state_reg <= STATE_IDLE;
        endcase
        if (copy_abort && state != STATE_IDLE)
            abort_reg <= 1'b1;
        if (rst) begin
            state_reg <= STATE_IDLE;
            known_reg <= 1'b0;
            start_reg <= 1'b0;
            next_reg <= 1'b0;
        end
    end

    initial begin
        state_reg = STATE_IDLE; copy_done_task = 0; volume_reg = 0; initiator_reg = 0; length_reg = 0; start_reg = 0; next_reg = 0;
        abort_reg = 0; known_reg = 0; segment_reg = 0; bytes_reg = 0; copied_reg = 0; refused_reg = 0; sense_reg = 0; device_reg = 0;
        source_reg = 0; status_reg = 0; device_sense_reg = 0; job_number = 0;
        job = JOB_IDLE; free = 0; at_device = 0;
    end

endmodule

`resetall
