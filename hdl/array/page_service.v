// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* What a command wants beside moving chunks, one request at a time: pages built (scsi_responder), parameter lists carried out
   (parameter_list, persistent_reservation), blocks filled or compared (block_worker). */
module page_service #(
    parameter PORTS    = 1,   // 1 or 2: target ports
    parameter TASKS    = 32,  // contexts of each port
    parameter VOLUMES  = 4,   // 1 to 16
    parameter SEGMENTS = 512  // cache segments; the pages of the tasks follow them
) (
    input  wire                  clk,
    input  wire                  rst,

    // request
    input  wire                  rs_valid,
    output wire                  rs_ready,
    input  wire [7:0]            rs_task,
    input  wire [4:0]            rs_op,         // OP_*
    input  wire [31:0]           rs_arg,        // as scsi_decode gives it; blocks: first block of the chunk
    input  wire [7:0]            rs_blocks,     // of the chunk
    input  wire [10:0]           rs_length,     // bytes of the parameter list
    input  wire [5:0]            rs_descriptor, // UNMAP: which descriptor
    input  wire [3:0]            rs_volume,
    input  wire [4:0]            rs_initiator,
    input  wire [24:0]           rs_port_id,    // {port, N_Port_ID of the initiator}
    input  wire                  rs_lun_ok,
    input  wire [23:0]           rs_sense,      // REQUEST SENSE

    // answer
    output wire                  rs_done_valid,
    input  wire                  rs_done_ready,
    output wire [7:0]            rs_done_task,
    output wire [11:0]           rs_done_length,  // bytes of the page
    output reg  [7:0]            rs_done_status,
    output reg  [23:0]           rs_done_sense,   // bit 23: rs_done_lba is the INFORMATION of the sense data
    output wire                  rs_done_range,   // UNMAP: rs_done_lba and rs_done_bytes are to be zeroed
    output reg  [31:0]           rs_done_lba,
    output wire [24:0]           rs_done_bytes,
    output wire [31:0]           rs_done_abort,   // initiators whose commands to this volume must end

    // a line of a page for the copy manager: taken between requests
    input  wire                  line_valid,
    input  wire [19:0]           line,
    output wire                  line_done,

    // results of copies
    output wire                  find,
    output wire [16:0]           find_key,
    input  wire                  find_done,
    input  wire                  find_hit,
    input  wire                  find_ended,
    input  wire [130:0]          find_result,

    // reservation check
    input  wire [3:0]            check_volume,
    input  wire [4:0]            check_initiator,
    input  wire [2:0]            check_access,
    output wire                  conflict,

    // events
    input  wire                  login_valid,
    input  wire [4:0]            login_initiator,
    input  wire [63:0]           login_wwpn,
    input  wire [1:0]            logout_valid,  // of each port
    input  wire [47:0]           logout_id,
    input  wire [1:0]            logout_all,
    input  wire [15:0]           reset_volumes,

    // unit attentions
    output wire                  raise_valid,
    input  wire                  raise_ready,
    output reg  [7:0]            raise_condition,
    output reg  [31:0]           raise_initiators,
    output reg  [15:0]           raise_volumes,

    // segment list: write entry 0 of a slot; read, one clock later
    output wire                  sl_wr_valid,
    input  wire                  sl_wr_ready,
    output wire [8:0]            sl_wr_slot,
    output wire [4:0]            sl_wr_index,
    output wire [19:0]           sl_wr_line,
    output wire [8:0]            sl_rd_slot,
    output wire [4:0]            sl_rd_index,
    input  wire [19:0]           sl_rd_line,

    // cache back port
    output wire                  bk_valid,
    input  wire                  bk_ready,
    output wire                  bk_write,
    output reg  [19:0]           bk_line,
    output reg  [127:0]          bk_wdata,
    input  wire                  bk_rdata_valid,
    input  wire [127:0]          bk_rdata,

    // identity, volumes
    input  wire [63:0]           cfg_wwnn,
    input  wire [VOLUMES*32-1:0] cfg_volume_blocks,
    input  wire [VOLUMES*2-1:0]  cfg_volume_flags,
    output wire [15:0]           software_protect
);

    localparam [7:0] MODE_CHANGED = 8'h08;
    localparam [23:0] SENSE_FIELD = 24'h052400, SENSE_MISCOMPARE = 24'h8E1D00;
    localparam [4:0] OP_SWAP = 5'd28;
    localparam [1:0] UNIT_LIST = 2'd2, UNIT_BLOCKS = 2'd3;

    reg         busy_reg;
    reg         reading_reg;  // a line for the copy manager
    reg         asked_reg;    // the cache has been asked for it
    reg [4:0]   op_reg;
    reg [7:0]   task_reg;
    reg [3:0]   volume_reg;
    reg [4:0]   initiator_reg;
    reg [24:0]  port_id_reg;

    wire        start = rs_valid && rs_ready;
    wire [1:0]  unit = op_reg[4:3];  // 0 and 1: pages
    wire        taken = rs_done_valid && rs_done_ready;

    initial begin
        busy_reg = 0; reading_reg = 0; asked_reg = 0; op_reg = 0; task_reg = 0; volume_reg = 0; initiator_reg = 0; port_id_reg = 0;
    end

    always @(posedge clk) begin
        if (start) begin
            busy_reg <= 1'b1;
            op_reg <= rs_op;
            task_reg <= rs_task;
            volume_reg <= rs_volume;
            initiator_reg <= rs_initiator;
            port_id_reg <= rs_port_id;
        end else if (taken)
            busy_reg <= 1'b0;
        if (line_done)
            reading_reg <= 1'b0;
        else if (line_valid && !busy_reg)
            reading_reg <= 1'b1;
        asked_reg <= reading_reg && (asked_reg || bk_ready);
        if (rst) begin
            busy_reg <= 1'b0;
            reading_reg <= 1'b0;
        end
    end

    /* Persistent reservations. */
    wire [3:0]  in_volume;
    wire [4:0]  in_initiator;
    wire [31:0] in_registered, in_generation;
    wire        in_held, in_holds;
    wire [3:0]  in_type;
    wire [63:0] in_holder_key, in_key, in_wwpn;
    wire        pr_start, pr_done, pr_raise_valid;
    wire [4:0]  pr_action;
    wire [7:0]  pr_scope_type, pr_status, pr_condition;
    wire [63:0] pr_key, pr_action_key;
    wire [23:0] pr_sense;
    wire [31:0] pr_abort_initiators, pr_raise_initiators;

    persistent_reservation reservation (
        .clk(clk), .rst(rst),
        .check_volume(check_volume), .check_initiator(check_initiator), .check_access(check_access), .conflict(conflict),
        .login_valid(login_valid), .login_initiator(login_initiator), .login_wwpn(login_wwpn),
        .logout_valid(logout_valid), .logout_id(logout_id), .logout_all(logout_all), .reset_volumes(reset_volumes),
        .in_volume(in_volume), .in_initiator(in_initiator), .in_registered(in_registered), .in_generation(in_generation),
        .in_held(in_held), .in_type(in_type), .in_holder_key(in_holder_key), .in_key(in_key), .in_wwpn(in_wwpn), .in_holds(in_holds),
        .start(pr_start), .op(op_reg), .volume(volume_reg), .initiator(initiator_reg), .port_id(port_id_reg), .action(pr_action),
        .scope_type(pr_scope_type), .key(pr_key), .action_key(pr_action_key), .done(pr_done), .status(pr_status), .sense(pr_sense),
        .abort_initiators(pr_abort_initiators), .raise_valid(pr_raise_valid), .raise_ready(raise_ready),
        .raise_condition(pr_condition), .raise_initiators(pr_raise_initiators)
    );

    /* Pages. */
    wire         page_done, page_bad, page_bk_valid;
    wire [19:0]  page_bk_line;
    wire [127:0] page_bk_wdata;

    scsi_responder #(.PORTS(PORTS), .TASKS(TASKS), .VOLUMES(VOLUMES), .SEGMENTS(SEGMENTS)) responder (
        .clk(clk), .rst(rst), .start(start && !rs_op[4]), .op(rs_op), .task_number(rs_task), .arg(rs_arg), .volume(rs_volume),
        .lun_ok(rs_lun_ok), .initiator(rs_initiator), .sense(rs_sense), .done(page_done), .done_taken(taken), .done_length(rs_done_length), .done_bad(page_bad),
        .sl_wr_valid(sl_wr_valid), .sl_wr_ready(sl_wr_ready), .sl_wr_slot(sl_wr_slot), .sl_wr_index(sl_wr_index),
        .sl_wr_line(sl_wr_line), .bk_valid(page_bk_valid), .bk_ready(bk_ready), .bk_line(page_bk_line), .bk_wdata(page_bk_wdata),
        .in_volume(in_volume), .in_initiator(in_initiator), .in_registered(in_registered), .in_generation(in_generation),
        .in_held(in_held), .in_type(in_type), .in_holder_key(in_holder_key), .in_key(in_key), .in_wwpn(in_wwpn), .in_holds(in_holds),
        .find(find), .find_key(find_key), .find_done(find_done), .find_hit(find_hit), .find_ended(find_ended), .find_result(find_result),
        .cfg_wwnn(cfg_wwnn), .cfg_volume_blocks(cfg_volume_blocks), .cfg_volume_flags(cfg_volume_flags),
        .software_protect(software_protect)
    );

    /* Parameter lists. */
    wire         list_done, list_bk_valid, list_raise_valid;
    wire [19:0]  list_bk_line;
    wire [7:0]   list_status;
    wire [23:0]  list_sense;
    wire [31:0]  range_lba;

    parameter_list #(.VOLUMES(VOLUMES), .SEGMENTS(SEGMENTS)) list (
        .clk(clk), .rst(rst), .start(start && rs_op[4:3] == UNIT_LIST), .op(rs_op), .task_number(rs_task), .volume(rs_volume),
        .arg(rs_arg), .length(rs_length), .descriptor(rs_descriptor), .done(list_done), .done_taken(taken),
        .status(list_status), .sense(list_sense), .range_valid(rs_done_range), .range_lba(range_lba), .range_bytes(rs_done_bytes),
        .abort_initiators(rs_done_abort), .bk_valid(list_bk_valid), .bk_ready(bk_ready), .bk_line(list_bk_line),
        .bk_rdata_valid(bk_rdata_valid), .bk_rdata(bk_rdata),
        .pr_start(pr_start), .pr_action(pr_action), .pr_scope_type(pr_scope_type), .pr_key(pr_key), .pr_action_key(pr_action_key),
        .pr_done(pr_done), .pr_status(pr_status), .pr_sense(pr_sense), .pr_abort_initiators(pr_abort_initiators),
        .raise_valid(list_raise_valid), .raise_ready(raise_ready), .software_protect(software_protect), .reset_volumes(reset_volumes),
        .cfg_volume_blocks(cfg_volume_blocks)
    );

    /* Blocks. */
    wire         worker_done, worker_bk_valid, worker_bk_write, differs;
    wire [19:0]  worker_bk_line;
    wire [127:0] worker_bk_wdata;
    wire [31:0]  offset;

    block_worker #(.SEGMENTS(SEGMENTS)) worker (
        .clk(clk), .rst(rst), .start(start && rs_op[4:3] == UNIT_BLOCKS), .op(rs_op), .task_number(rs_task), .first(rs_arg[2:0]),
        .blocks(rs_blocks), .done(worker_done), .done_taken(taken), .differs(differs), .offset(offset),
        .index(sl_rd_index), .segment_line(sl_rd_line), .bk_valid(worker_bk_valid), .bk_ready(bk_ready), .bk_write(worker_bk_write),
        .bk_line(worker_bk_line), .bk_wdata(worker_bk_wdata), .bk_rdata_valid(bk_rdata_valid), .bk_rdata(bk_rdata)
    );

    assign sl_rd_slot = {1'b0, task_reg};

    /* One unit works at a time. */
    assign bk_valid = (reading_reg && !asked_reg) || page_bk_valid || list_bk_valid || worker_bk_valid;
    assign bk_write = page_bk_valid || (worker_bk_valid && worker_bk_write);
    assign raise_valid = pr_raise_valid || list_raise_valid;

    // what goes with a request is put together while there is one
    always @* begin
        bk_line = 20'd0;
        bk_wdata = 128'd0;
        if (bk_valid) begin
            bk_line = reading_reg ? line : page_bk_valid ? page_bk_line : list_bk_valid ? list_bk_line : worker_bk_line;
            bk_wdata = page_bk_valid ? page_bk_wdata : worker_bk_wdata;
        end
    end

    always @* begin
        raise_condition = 8'd0;
        raise_initiators = 32'd0;
        raise_volumes = 16'd0;
        if (raise_valid) begin
            raise_condition = list_raise_valid ? MODE_CHANGED : pr_condition;
            raise_initiators = list_raise_valid ? ~(32'd1 << initiator_reg) : pr_raise_initiators;
            raise_volumes = 16'd1 << volume_reg;
        end
    end

    always @* begin
        rs_done_status = 8'h00;
        rs_done_sense = 24'd0;
        rs_done_lba = range_lba;
        if (rs_done_valid) case (unit)
            UNIT_LIST: begin
                rs_done_status = list_status;
                rs_done_sense = list_sense;
            end
            UNIT_BLOCKS: begin
                rs_done_lba = offset;
                if (differs) begin
                    rs_done_status = 8'h02;
                    // the offset is told where the standard asks for it: COMPARE AND WRITE
                    rs_done_sense = op_reg == OP_SWAP ? SENSE_MISCOMPARE : SENSE_MISCOMPARE & 24'h7FFFFF;
                end
            end
            default:
                if (page_bad) begin
                    rs_done_status = 8'h02;
                    rs_done_sense = SENSE_FIELD;
                end
        endcase
    end

    assign rs_ready = !busy_reg && !line_valid;
    assign line_done = reading_reg && bk_rdata_valid;
    assign rs_done_valid = busy_reg && (page_done || list_done || worker_done);
    assign rs_done_task = task_reg;

endmodule

`resetall
