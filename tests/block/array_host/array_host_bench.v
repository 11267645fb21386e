// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Host engine and page service wired together, for their bench. */
module array_host_bench #(
    parameter TASKS    = 32,
    parameter VOLUMES  = 4,
    parameter SEGMENTS = 512
) (
    input  wire clk,
    input  wire rst,
    input  wire hr_valid,
    output wire hr_ready,
    input  wire [1:0] hr_op,
    input  wire [7:0] hr_task,
    input  wire [23:0] hr_port_id,
    input  wire [6:0] hr_login,
    input  wire [63:0] hr_lun,
    input  wire [127:0] hr_cdb,
    input  wire [31:0] hr_length,
    input  wire hr_read,
    input  wire hr_write,
    input  wire [2:0] hr_attribute,
    input  wire [7:0] hr_task_management,
    input  wire login_event_valid,
    input  wire [6:0] login_event_index,
    input  wire [4:0] login_event_initiator,
    input  wire [15:0] login_event_hidden,
    input  wire [63:0] login_event_wwpn,
    input  wire logout_event_valid,
    input  wire [23:0] logout_event_id,
    input  wire logout_event_all,
    output wire ti_valid,
    input  wire ti_ready,
    output wire [3:0] ti_op,
    output wire [7:0] ti_task,
    output wire [8:0] ti_slot,
    output wire [11:0] ti_offset,
    output wire [16:0] ti_length,
    output wire [31:0] ti_relative_offset,
    output wire [23:0] ti_port_id,
    output wire [15:0] ti_lun,
    output wire [31:0] ti_lba,
    output wire [7:0] ti_status,
    output wire [23:0] ti_sense,
    output wire [31:0] ti_residual,
    output wire ti_residual_under,
    output wire ti_residual_over,
    output wire ti_rsp_code_valid,
    output wire [7:0] ti_rsp_code,
    input  wire done_valid,
    output wire done_ready,
    input  wire [3:0] done_op,
    input  wire [7:0] done_task,
    input  wire [8:0] done_slot,
    input  wire [7:0] done_status,
    input  wire [7:0] done_scsi_status,
    input  wire [23:0] done_sense,
    output wire chunk_valid,
    input  wire chunk_ready,
    output wire [2:0] chunk_op,
    output wire [8:0] chunk_slot,
    output wire [7:0] chunk_volume,
    output wire [31:0] chunk_lba,
    output wire [7:0] chunk_blocks,
    input  wire chunk_rsp_valid,
    output wire chunk_rsp_ready,
    input  wire [2:0] chunk_rsp_op,
    input  wire [8:0] chunk_rsp_slot,
    input  wire chunk_rsp_error,
    input  wire [VOLUMES*32-1:0] cfg_volume_blocks,
    input  wire [VOLUMES*2-1:0] cfg_volume_flags,
    output wire stat_read,
    output wire stat_write,
    output wire [16:0] stat_bytes,
    output wire [8:0] status_open,
    output wire sl_wr_valid,
    input  wire sl_wr_ready,
    output wire [8:0] sl_wr_slot,
    output wire [4:0] sl_wr_index,
    output wire [19:0] sl_wr_line,
    output wire bk_valid,
    input  wire bk_ready,
    output wire bk_write,
    output wire [19:0] bk_line,
    output wire [127:0] bk_wdata,
    input  wire bk_rdata_valid,
    input  wire [127:0] bk_rdata,
    output wire [8:0] sl_rd_slot,
    output wire [4:0] sl_rd_index,
    input  wire [19:0] sl_rd_line,
    input  wire [63:0] cfg_wwnn,
    output wire job_valid,
    input  wire job_ready,
    output wire [2:0] job_command,
    output wire [2:0] job_number,
    input  wire job_answer,
    input  wire [7:0] job_refused,
    output wire [7:0] job_volume,
    output wire [23:0] job_port_id,
    output wire [15:0] job_lun,
    output wire [31:0] job_lba,
    output wire job_ports,
    output wire [31:0] job_first,
    output wire [31:0] job_end,
    input  wire [31:0] job_state,
    input  wire [255:0] job_pointer,
    input  wire [255:0] job_error,
    input  wire [255:0] job_sense
);

    wire        copy_valid;
    wire        copy_ready;
    wire [7:0]  copy_task;
    wire [3:0]  copy_volume;
    wire [4:0]  copy_initiator;
    wire [10:0] copy_length;
    wire        copy_abort;
    wire        copy_done_valid;
    wire        copy_done_ready;
    wire [7:0]  copy_done_task;
    wire [7:0]  copy_done_status;
    wire [23:0] copy_done_sense;
    wire [31:0] copy_done_left;
    wire [15:0] copy_done_segment;
    wire        find;
    wire [16:0] find_key;
    wire        find_done;
    wire        find_hit;
    wire        find_ended;
    wire [130:0] find_result;
    wire        line_valid;
    wire [19:0] line;
    wire        line_done;

    wire job_follow;
    copy_manager #(.SEGMENTS(SEGMENTS)) copy (
        .clk(clk), .rst(rst),
        .copy_valid(copy_valid), .copy_ready(copy_ready), .copy_task(copy_task), .copy_volume(copy_volume),
        .copy_initiator(copy_initiator), .copy_length(copy_length), .copy_abort(copy_abort), .copy_done_valid(copy_done_valid),
        .copy_done_ready(copy_done_ready), .copy_done_task(copy_done_task), .copy_done_status(copy_done_status),
        .copy_done_sense(copy_done_sense), .copy_done_left(copy_done_left), .copy_done_segment(copy_done_segment),
        .find(find), .find_key(find_key), .find_done(find_done), .find_hit(find_hit), .find_ended(find_ended), .find_result(find_result),
        .line_valid(line_valid), .line(line), .line_done(line_done), .line_data(bk_rdata),
        .job_valid(job_valid), .job_ready(job_ready), .job_command(job_command), .job_number(job_number), .job_answer(job_answer),
        .job_refused(job_refused), .job_volume(job_volume), .job_port_id(job_port_id), .job_lun(job_lun), .job_lba(job_lba),
        .job_ports(job_ports), .job_first(job_first), .job_end(job_end),
        .job_state(job_state), .job_follow(job_follow),
        .job_pointer(job_follow ? job_pointer[{job_number, 5'd0} +: 32] : 32'd0),
        .job_error(job_follow ? job_error[{job_number, 5'd0} +: 16] : 16'd0),
        .job_sense(job_follow ? job_sense[{job_number, 5'd0} +: 24] : 24'd0), .cfg_wwnn(cfg_wwnn)
    );

    wire        rs_valid;
    wire        rs_ready;
    wire [7:0]  rs_task;
    wire [4:0]  rs_op;
    wire [31:0] rs_arg;
    wire [7:0]  rs_blocks;
    wire [10:0] rs_length;
    wire [5:0]  rs_descriptor;
    wire [3:0]  rs_volume;
    wire [4:0]  rs_initiator;
    wire [24:0] rs_port_id;
    wire        rs_lun_ok;
    wire [23:0] rs_sense;
    wire        rs_done_valid;
    wire        rs_done_ready;
    wire [7:0]  rs_done_task;
    wire [11:0] rs_done_length;
    wire [7:0]  rs_done_status;
    wire [23:0] rs_done_sense;
    wire        rs_done_range;
    wire [31:0] rs_done_lba;
    wire [24:0] rs_done_bytes;
    wire [31:0] rs_done_abort;
    wire [3:0]  check_volume;
    wire [4:0]  check_initiator;
    wire [2:0]  check_access;
    wire        conflict;
    wire [15:0] software_protect;
    wire [15:0] reset_volumes;
    wire        raise_valid;
    wire        raise_ready;
    wire [7:0]  raise_condition;
    wire [31:0] raise_initiators;
    wire [15:0] raise_volumes;

    host_engine #(.TASKS(TASKS), .VOLUMES(VOLUMES), .SEGMENTS(SEGMENTS)) engine (
        .clk(clk), .rst(rst),
        .hr_valid(hr_valid), .hr_ready(hr_ready), .hr_op(hr_op), .hr_task(hr_task), .hr_port_id(hr_port_id), .hr_login(hr_login),
        .hr_lun(hr_lun), .hr_cdb(hr_cdb), .hr_length(hr_length), .hr_read(hr_read), .hr_write(hr_write),
        .hr_attribute(hr_attribute), .hr_task_management(hr_task_management),
        .login_event_valid(login_event_valid), .login_event_index(login_event_index),
        .login_event_initiator(login_event_initiator), .login_event_hidden(login_event_hidden),
        .ti_valid(ti_valid), .ti_ready(ti_ready), .ti_op(ti_op), .ti_task(ti_task), .ti_slot(ti_slot),
        .ti_offset(ti_offset), .ti_length(ti_length), .ti_relative_offset(ti_relative_offset),
        .ti_port_id(ti_port_id), .ti_lun(ti_lun), .ti_lba(ti_lba), .ti_status(ti_status), .ti_sense(ti_sense),
        .ti_residual(ti_residual), .ti_residual_under(ti_residual_under), .ti_residual_over(ti_residual_over),
        .ti_rsp_code_valid(ti_rsp_code_valid), .ti_rsp_code(ti_rsp_code),
        .done_valid(done_valid), .done_ready(done_ready), .done_op(done_op), .done_task(done_task),
        .done_slot(done_slot), .done_status(done_status), .done_scsi_status(done_scsi_status), .done_sense(done_sense),
        .chunk_valid(chunk_valid), .chunk_ready(chunk_ready), .chunk_op(chunk_op), .chunk_slot(chunk_slot),
        .chunk_volume(chunk_volume), .chunk_lba(chunk_lba), .chunk_blocks(chunk_blocks),
        .chunk_rsp_valid(chunk_rsp_valid), .chunk_rsp_ready(chunk_rsp_ready), .chunk_rsp_op(chunk_rsp_op),
        .chunk_rsp_slot(chunk_rsp_slot), .chunk_rsp_error(chunk_rsp_error),
        .rs_valid(rs_valid), .rs_ready(rs_ready), .rs_task(rs_task), .rs_op(rs_op), .rs_arg(rs_arg), .rs_blocks(rs_blocks),
        .rs_length(rs_length), .rs_descriptor(rs_descriptor), .rs_volume(rs_volume), .rs_initiator(rs_initiator), .rs_port_id(rs_port_id),
        .rs_lun_ok(rs_lun_ok), .rs_sense(rs_sense), .rs_done_valid(rs_done_valid), .rs_done_ready(rs_done_ready),
        .rs_done_task(rs_done_task), .rs_done_length(rs_done_length), .rs_done_status(rs_done_status), .rs_done_sense(rs_done_sense),
        .rs_done_range(rs_done_range), .rs_done_lba(rs_done_lba), .rs_done_bytes(rs_done_bytes), .rs_done_abort(rs_done_abort),
        .copy_valid(copy_valid), .copy_ready(copy_ready), .copy_task(copy_task), .copy_volume(copy_volume),
        .copy_initiator(copy_initiator), .copy_length(copy_length), .copy_abort(copy_abort), .copy_done_valid(copy_done_valid),
        .copy_done_ready(copy_done_ready), .copy_done_task(copy_done_task), .copy_done_status(copy_done_status),
        .copy_done_sense(copy_done_sense), .copy_done_left(copy_done_left), .copy_done_segment(copy_done_segment),
        .check_volume(check_volume), .check_initiator(check_initiator), .check_access(check_access), .conflict(conflict),
        .software_protect(software_protect), .reset_volumes(reset_volumes), .raise_valid(raise_valid), .raise_ready(raise_ready),
        .raise_condition(raise_condition), .raise_initiators(raise_initiators), .raise_volumes(raise_volumes),
        .cfg_volume_blocks(cfg_volume_blocks), .cfg_volume_flags(cfg_volume_flags),
        .stat_read(stat_read), .stat_write(stat_write), .stat_bytes(stat_bytes), .status_open(status_open)
    );

    page_service #(.VOLUMES(VOLUMES), .SEGMENTS(SEGMENTS)) service (
        .clk(clk), .rst(rst),
        .rs_valid(rs_valid), .rs_ready(rs_ready), .rs_task(rs_task), .rs_op(rs_op), .rs_arg(rs_arg), .rs_blocks(rs_blocks),
        .rs_length(rs_length), .rs_descriptor(rs_descriptor), .rs_volume(rs_volume), .rs_initiator(rs_initiator), .rs_port_id(rs_port_id),
        .rs_lun_ok(rs_lun_ok), .rs_sense(rs_sense), .rs_done_valid(rs_done_valid), .rs_done_ready(rs_done_ready),
        .rs_done_task(rs_done_task), .rs_done_length(rs_done_length), .rs_done_status(rs_done_status), .rs_done_sense(rs_done_sense),
        .rs_done_range(rs_done_range), .rs_done_lba(rs_done_lba), .rs_done_bytes(rs_done_bytes), .rs_done_abort(rs_done_abort),
        .line_valid(line_valid), .line(line), .line_done(line_done), .find(find), .find_key(find_key), .find_done(find_done),
        .find_hit(find_hit), .find_ended(find_ended), .find_result(find_result),
        .check_volume(check_volume), .check_initiator(check_initiator), .check_access(check_access), .conflict(conflict),
        .login_valid(login_event_valid), .login_initiator(login_event_initiator), .login_wwpn(login_event_wwpn),
        .logout_valid({1'b0, logout_event_valid}), .logout_id({24'd0, logout_event_id}), .logout_all({1'b0, logout_event_all}),
        .reset_volumes(reset_volumes), .raise_valid(raise_valid), .raise_ready(raise_ready), .raise_condition(raise_condition),
        .raise_initiators(raise_initiators), .raise_volumes(raise_volumes),
        .sl_wr_valid(sl_wr_valid), .sl_wr_ready(sl_wr_ready), .sl_wr_slot(sl_wr_slot), .sl_wr_index(sl_wr_index), .sl_wr_line(sl_wr_line),
        .sl_rd_slot(sl_rd_slot), .sl_rd_index(sl_rd_index), .sl_rd_line(sl_rd_line),
        .bk_valid(bk_valid), .bk_ready(bk_ready), .bk_write(bk_write), .bk_line(bk_line), .bk_wdata(bk_wdata),
        .bk_rdata_valid(bk_rdata_valid), .bk_rdata(bk_rdata),
        .cfg_wwnn(cfg_wwnn), .cfg_volume_blocks(cfg_volume_blocks), .cfg_volume_flags(cfg_volume_flags),
        .software_protect(software_protect)
    );

endmodule

`resetall
