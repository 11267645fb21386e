// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

// Port controller (100, 200): initiator and target tasks that share one Fibre Channel port frame by frame.
module port_controller #(
    parameter TASKS = 32,      // 1 to 256
    parameter RX_BUFFERS = 8,  // 1 to 64
    parameter LOGINS = 32      // 2 to 64
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             tick,

    // Configuration
    input  wire [63:0]      cfg_wwpn,
    input  wire [63:0]      cfg_wwnn,
    input  wire [15:0]      cfg_e_d_tov_ticks,
    input  wire [15:0]      cfg_r_a_tov_ticks,

    // Link: receive
    input  wire             rxf_valid,
    input  wire [191:0]     rxf_header,
    input  wire [9:0]       rxf_words,
    input  wire             rxf_sof_initiate,
    input  wire             rxf_eof_terminate,
    output wire [9:0]       rxf_rd_addr,
    input  wire [31:0]      rxf_rd_data,
    output wire             rxf_pop,

    // Link: transmit
    input  wire             txf_request,
    output wire             txf_valid,
    input  wire             txf_ready,
    output wire [191:0]     txf_header,
    output wire [9:0]       txf_words,
    output wire             txf_sof_initiate,
    output wire             txf_eof_terminate,
    output wire [31:0]      txf_data,
    output wire             txf_data_valid,
    input  wire             txf_data_ready,

    // Link: state
    input  wire             link_active,
    input  wire             link_down_event,
    input  wire             link_reset_event,
    output wire             bb_credit_set,
    output wire [7:0]       bb_credit_value,
    input  wire [32*16-1:0] lesb,

    // Allow list
    output wire             allow_valid,
    output wire [63:0]      allow_wwpn,
    input  wire             allow_done,
    input  wire             allow_ok,
    input  wire [20:0]      allow_entry,

    // Array: transfer instruction (410)
    input  wire             ti_valid,
    output wire             ti_ready,
    input  wire [3:0]       ti_op,
    input  wire [7:0]       ti_task,
    input  wire [8:0]       ti_slot,
    input  wire [11:0]      ti_offset,
    input  wire [16:0]      ti_length,
    input  wire [31:0]      ti_relative_offset,
    input  wire [23:0]      ti_port_id,
    input  wire [15:0]      ti_lun,
    input  wire [31:0]      ti_lba,
    input  wire [7:0]       ti_status,
    input  wire [23:0]      ti_sense,
    input  wire [31:0]      ti_residual,
    input  wire             ti_residual_under,
    input  wire             ti_residual_over,
    input  wire             ti_rsp_code_valid,
    input  wire [7:0]       ti_rsp_code,

    // Array: host request (420)
    output wire             hr_valid,
    input  wire             hr_ready,
    output wire [1:0]       hr_op,
    output wire [7:0]       hr_task,
    output wire [23:0]      hr_port_id,
    output wire [5:0]       hr_login,
    output wire [63:0]      hr_lun,
    output wire [127:0]     hr_cdb,
    output wire [31:0]      hr_length,
    output wire             hr_read,
    output wire             hr_write,
    output wire [2:0]       hr_attribute,
    output wire [7:0]       hr_task_management,

    // Array: completion
    output wire             done_valid,
    input  wire             done_ready,
    output wire [3:0]       done_op,
    output wire [7:0]       done_task,
    output wire [8:0]       done_slot,
    output wire [7:0]       done_status,
    output wire [7:0]       done_scsi_status,
    output wire [23:0]      done_sense,

    // Array: a new login took this row of the login table
    output wire             login_event_valid,
    output wire [5:0]       login_event_index,
    output wire [63:0]      login_event_wwpn,
    output wire [4:0]       login_event_initiator,
    output wire [15:0]      login_event_hidden,

    // an N_Port is logged out, or all are
    output wire             logout_event_valid,
    output wire [23:0]      logout_event_id,
    output wire             logout_event_all,

    // Array: class preference and what was granted
    input  wire             prefer_backup,
    output wire             stat_backup_frame,
    output wire             stat_online_frame,
    output wire [11:0]      stat_frame_bytes,
    output wire             online_waiting,

    // Cache: segment list
    output wire [8:0]       sl_rd_slot,
    output wire [4:0]       sl_rd_index,
    input  wire [19:0]      sl_rd_line,

    // Cache: front port
    output wire             fr_rd_valid,
    input  wire             fr_rd_ready,
    output wire [19:0]      fr_rd_line,
    input  wire             fr_rd_data_valid,
    input  wire [127:0]     fr_rd_data,
    output wire             fr_wr_valid,
    input  wire             fr_wr_ready,
    output wire [19:0]      fr_wr_line,
    output wire [127:0]     fr_wr_data,
    output wire [15:0]      fr_wr_strobe,

    // Status
    output wire [23:0]      my_id,
    output wire             my_id_valid,
    output wire             status_fabric_login,
    output wire [7:0]       status_logins,
    output wire [8:0]       status_open_tasks,
    output wire [32*16-1:0] port_counters
);

`include "port/task_context.vh"

localparam [8:0] ALL_TASKS = TASKS[8:0];

initial begin
    if (TASKS < 1 || TASKS > 256 || RX_BUFFERS < 1 || RX_BUFFERS > 64 || LOGINS < 2 || LOGINS > 64) begin
        $display("%m: TASKS %0d must be 1 to 256, RX_BUFFERS %0d 1 to 64, LOGINS %0d 2 to 64", TASKS, RX_BUFFERS, LOGINS);
        $finish;
    end
end

// ---- Link services ----

wire ls_rx_valid;
wire [9:0] ls_rx_rd_addr;
wire ls_rx_done;
wire ls_tx_valid;
wire ls_tx_ready;
wire [191:0] ls_tx_header;
wire [9:0] ls_tx_words;
wire [9:0] ls_tx_rd_addr;
wire [31:0] ls_tx_rd_data;
wire rx_lookup;
wire gen_lookup;
wire [23:0] gen_lookup_id;
wire lookup_done;
wire lookup_hit;
wire [5:0] lookup_index;
wire lookup_initiator;
wire lookup_target;
wire [9:0] lookup_payload_words;
wire login_valid;
wire login_ready;
wire [23:0] login_id;
wire login_logout;
wire login_done_valid;
wire login_done_ready;
wire [23:0] login_done_id;
wire [7:0] login_done_status;
wire logout_valid;
wire logout_ready;
wire [23:0] logout_id;
wire logout_all;
assign logout_event_valid = logout_valid && logout_ready;
assign logout_event_id = logout_id;
assign logout_event_all = logout_all;
wire stat_ls_rjt_sent;
wire stat_ls_rjt_received;
wire stat_plogi_refused;
wire stat_ls_timeout;
wire stat_ls_dropped;

wire [15:0] e_d_tov_ticks;
wire [15:0] r_a_tov_ticks;
wire exchange_valid;
wire [23:0] exchange_peer;
wire exchange_own;
wire [15:0] exchange_ox_id;
wire [15:0] exchange_rx_id;
wire exchange_done;
wire exchange_open;
wire [15:0] exchange_responder;
wire exchange_initiative;
wire [31:0] exchange_bytes;

link_services #(.RX_BUFFERS(RX_BUFFERS), .LOGINS(LOGINS)) services (
    .clk(clk), .rst(rst), .tick(tick),
    .link_active(link_active), .link_down_event(link_down_event), .link_reset_event(link_reset_event),
    .bb_credit_set(bb_credit_set), .bb_credit_value(bb_credit_value), .lesb(lesb),
    .cfg_wwpn(cfg_wwpn), .cfg_wwnn(cfg_wwnn), .cfg_e_d_tov_ticks(cfg_e_d_tov_ticks), .cfg_r_a_tov_ticks(cfg_r_a_tov_ticks),
    .e_d_tov_ticks(e_d_tov_ticks), .r_a_tov_ticks(r_a_tov_ticks),
    .ls_rx_valid(ls_rx_valid), .ls_rx_header(rxf_header), .ls_rx_words(rxf_words), .ls_rx_sof_initiate(rxf_sof_initiate),
    .ls_rx_eof_terminate(rxf_eof_terminate), .ls_rx_rd_addr(ls_rx_rd_addr), .ls_rx_rd_data(rxf_rd_data), .ls_rx_done(ls_rx_done),
    .ls_tx_valid(ls_tx_valid), .ls_tx_ready(ls_tx_ready), .ls_tx_header(ls_tx_header), .ls_tx_words(ls_tx_words),
    .ls_tx_rd_addr(ls_tx_rd_addr), .ls_tx_rd_data(ls_tx_rd_data),
    .lookup_valid(rx_lookup || gen_lookup), .lookup_id(rx_lookup ? rxf_header[151:128] : gen_lookup_id),
    .lookup_done(lookup_done), .lookup_hit(lookup_hit), .lookup_index(lookup_index), .lookup_initiator(lookup_initiator),
    .lookup_target(lookup_target), .lookup_payload_words(lookup_payload_words),
    .login_valid(login_valid), .login_ready(login_ready), .login_id(login_id), .login_logout(login_logout),
    .login_done_valid(login_done_valid), .login_done_ready(login_done_ready), .login_done_id(login_done_id),
    .login_done_status(login_done_status),
    .logout_valid(logout_valid), .logout_ready(logout_ready), .logout_id(logout_id), .logout_all(logout_all),
    .exchange_valid(exchange_valid), .exchange_peer(exchange_peer), .exchange_own(exchange_own), .exchange_ox_id(exchange_ox_id),
    .exchange_rx_id(exchange_rx_id), .exchange_done(exchange_done), .exchange_open(exchange_open),
    .exchange_responder(exchange_responder), .exchange_initiative(exchange_initiative), .exchange_bytes(exchange_bytes),
    .login_event_valid(login_event_valid), .login_event_index(login_event_index),
    .login_event_wwpn(login_event_wwpn), .login_event_initiator(login_event_initiator), .login_event_hidden(login_event_hidden),
    .allow_valid(allow_valid), .allow_wwpn(allow_wwpn), .allow_done(allow_done), .allow_ok(allow_ok),
    .allow_entry(allow_entry),
    .my_id(my_id), .my_id_valid(my_id_valid), .status_fabric_login(status_fabric_login), .status_logins(status_logins),
    .stat_ls_rjt_sent(stat_ls_rjt_sent), .stat_ls_rjt_received(stat_ls_rjt_received), .stat_plogi_refused(stat_plogi_refused),
    .stat_ls_timeout(stat_ls_timeout), .stat_ls_dropped(stat_ls_dropped)
);

// ---- Task table ----

wire [8:0] context_rd_row;
wire [153:0] context_rd_data;
wire context_write;
wire [153:0] context_wr_data;
wire [8:0] step_row;
wire window_write;
wire [133:0] window_wr_data;
wire [8:0] window_rd_row;
wire [133:0] window_rd_data;
wire rx_progress_write;
wire [8:0] rx_progress_wr_row;
wire [57:0] rx_progress_wr_data;
wire [57:0] rx_progress_rd_data;
wire rx_progress_rd_fresh;
wire [57:0] engine_progress;
wire engine_fresh;
wire descriptor_write;
wire [8:0] descriptor_wr_row;
wire [195:0] descriptor_wr_data;
wire [8:0] descriptor_rd_row;
wire [195:0] descriptor_rd_data;
wire iu_write;
wire [12:0] iu_wr_addr;
wire [31:0] iu_wr_data;
wire [12:0] iu_rd_addr;
wire [31:0] iu_rd_data;
wire tx_progress_write;
wire [8:0] tx_progress_wr_row;
wire [32:0] tx_progress_wr_data;
wire [32:0] tx_progress_rd_data;
wire tx_progress_rd_fresh;
wire [8:0] free_row;
wire [8:0] free_count;
wire free_ready;
wire allocate;
wire release_valid;
wire [1:0] timer_command;
wire timeout_valid;
wire [8:0] timeout_row;
wire timeout_ready;

task_table #(.TASKS(TASKS)) table_of_tasks (
    .clk(clk), .rst(rst), .tick(tick),
    .context_rd_row(context_rd_row), .context_rd_data(context_rd_data),
    .context_write(context_write), .context_wr_row(step_row), .context_wr_data(context_wr_data),
    .window_write(window_write), .window_wr_row(step_row), .window_wr_data(window_wr_data),
    .window_rd_row(window_rd_row), .window_rd_data(window_rd_data),
    .progress_write(rx_progress_write), .progress_wr_row(rx_progress_wr_row), .progress_wr_data(rx_progress_wr_data),
    .progress_rd_data(rx_progress_rd_data), .progress_rd_fresh(rx_progress_rd_fresh),
    .engine_progress(engine_progress), .engine_fresh(engine_fresh),
    .descriptor_write(descriptor_write), .descriptor_wr_row(descriptor_wr_row), .descriptor_wr_data(descriptor_wr_data),
    .descriptor_rd_row(descriptor_rd_row), .descriptor_rd_data(descriptor_rd_data),
    .iu_write(iu_write), .iu_wr_addr(iu_wr_addr), .iu_wr_data(iu_wr_data), .iu_rd_addr(iu_rd_addr), .iu_rd_data(iu_rd_data),
    .tx_progress_write(tx_progress_write), .tx_progress_wr_row(tx_progress_wr_row), .tx_progress_wr_data(tx_progress_wr_data),
    .tx_progress_rd_data(tx_progress_rd_data), .tx_progress_rd_fresh(tx_progress_rd_fresh),
    .free_row(free_row), .free_count(free_count), .free_ready(free_ready), .allocate(allocate),
    .release_valid(release_valid), .release_row(step_row),
    .cfg_e_d_tov_ticks(e_d_tov_ticks), .cfg_r_a_tov_ticks(r_a_tov_ticks),
    .timer_command(timer_command), .timer_row(step_row),
    .rx_activity(rx_progress_write), .rx_activity_row(rx_progress_wr_row),
    .tx_activity(tx_progress_write), .tx_activity_row(tx_progress_wr_row),
    .timeout_valid(timeout_valid), .timeout_row(timeout_row), .timeout_ready(timeout_ready)
);

assign status_open_tasks = free_ready ? ALL_TASKS - free_count : 9'd0;

// ---- Receive ----

wire sl_use;
wire [8:0] tx_sl_slot;
wire [4:0] tx_sl_index;
wire [8:0] rx_sl_slot;
wire [4:0] rx_sl_index;
wire rx_busy;
wire [8:0] rx_busy_row;
wire event_valid;
wire event_ready;
wire [3:0] event_kind;
wire [8:0] event_row;
wire [191:0] event_header;
wire [9:0] event_words;
wire [383:0] event_payload;
wire rx_bad_header;
wire rx_not_logged_in;
wire rx_unknown_exchange;
wire rx_sequence_error;
wire rx_wrong_d_id;

assign sl_rd_slot = sl_use ? tx_sl_slot : rx_sl_slot;
assign sl_rd_index = sl_use ? tx_sl_index : rx_sl_index;

rx_dispatch #(.TASKS(TASKS)) dispatch (
    .clk(clk), .rst(rst), .my_id(my_id), .my_id_valid(my_id_valid),
    .rxf_valid(rxf_valid), .rxf_header(rxf_header), .rxf_words(rxf_words), .rxf_sof_initiate(rxf_sof_initiate),
    .rxf_eof_terminate(rxf_eof_terminate), .rxf_rd_addr(rxf_rd_addr), .rxf_rd_data(rxf_rd_data), .rxf_pop(rxf_pop),
    .ls_rx_valid(ls_rx_valid), .ls_rx_rd_addr(ls_rx_rd_addr), .ls_rx_done(ls_rx_done),
    .lookup_valid(rx_lookup), .lookup_hit(lookup_hit), .lookup_initiator(lookup_initiator),
    .window_rd_row(window_rd_row), .window_rd_data(window_rd_data),
    .progress_rd_data(rx_progress_rd_data), .progress_rd_fresh(rx_progress_rd_fresh),
    .progress_write(rx_progress_write), .progress_wr_row(rx_progress_wr_row), .progress_wr_data(rx_progress_wr_data),
    .busy(rx_busy), .busy_row(rx_busy_row),
    .sl_use(sl_use), .sl_rd_slot(rx_sl_slot), .sl_rd_index(rx_sl_index), .sl_rd_line(sl_rd_line),
    .fr_wr_valid(fr_wr_valid), .fr_wr_ready(fr_wr_ready), .fr_wr_line(fr_wr_line), .fr_wr_data(fr_wr_data), .fr_wr_strobe(fr_wr_strobe),
    .event_valid(event_valid), .event_ready(event_ready), .event_kind(event_kind), .event_row(event_row),
    .event_header(event_header), .event_words(event_words), .event_payload(event_payload),
    .stat_bad_header(rx_bad_header), .stat_not_logged_in(rx_not_logged_in), .stat_unknown_exchange(rx_unknown_exchange),
    .stat_sequence_error(rx_sequence_error), .stat_wrong_d_id(rx_wrong_d_id)
);

// ---- Transmit ----

wire cancel;
wire tx_busy;
wire [8:0] tx_busy_row;
wire sequence_done;
wire [8:0] sequence_done_row;
wire [3:0] sequence_done_tag;
wire online_ready;

frame_scheduler #(.TASKS(TASKS)) scheduler (
    .clk(clk), .rst(rst), .my_id(my_id), .my_id_valid(my_id_valid), .prefer_backup(prefer_backup), .online_ready(online_ready),
    .arm(descriptor_write), .arm_row(descriptor_wr_row), .arm_initiator(descriptor_wr_data[`TXD_INITIATOR]),
    .cancel(cancel), .cancel_row(step_row), .busy(tx_busy), .busy_row(tx_busy_row),
    .sequence_done(sequence_done), .sequence_done_row(sequence_done_row), .sequence_done_tag(sequence_done_tag),
    .descriptor_rd_row(descriptor_rd_row), .descriptor_rd_data(descriptor_rd_data),
    .progress_rd_data(tx_progress_rd_data), .progress_rd_fresh(tx_progress_rd_fresh),
    .progress_write(tx_progress_write), .progress_wr_row(tx_progress_wr_row), .progress_wr_data(tx_progress_wr_data),
    .iu_rd_addr(iu_rd_addr), .iu_rd_data(iu_rd_data),
    .sl_use(sl_use), .sl_rd_slot(tx_sl_slot), .sl_rd_index(tx_sl_index), .sl_rd_line(sl_rd_line),
    .fr_rd_valid(fr_rd_valid), .fr_rd_ready(fr_rd_ready), .fr_rd_line(fr_rd_line), .fr_rd_data_valid(fr_rd_data_valid),
    .fr_rd_data(fr_rd_data),
    .ls_tx_valid(ls_tx_valid), .ls_tx_ready(ls_tx_ready), .ls_tx_header(ls_tx_header), .ls_tx_words(ls_tx_words),
    .ls_tx_rd_addr(ls_tx_rd_addr), .ls_tx_rd_data(ls_tx_rd_data),
    .link_lost(link_down_event || link_reset_event), .txf_request(txf_request), .txf_valid(txf_valid), .txf_ready(txf_ready),
    .txf_header(txf_header), .txf_words(txf_words), .txf_sof_initiate(txf_sof_initiate), .txf_eof_terminate(txf_eof_terminate),
    .txf_data(txf_data), .txf_data_valid(txf_data_valid), .txf_data_ready(txf_data_ready),
    .stat_backup_frame(stat_backup_frame), .stat_online_frame(stat_online_frame), .stat_frame_bytes(stat_frame_bytes)
);

wire tx_valid;
wire [8:0] tx_row;
wire [3:0] tx_tag;
wire tx_pop;
wire tx_room;

port_fifo #(.WIDTH(13), .DEPTH_LOG2(10)) sequences_done (
    .clk(clk), .rst(rst), .push(sequence_done), .push_data({sequence_done_row, sequence_done_tag}), .pop(tx_pop),
    .valid(tx_valid), .head({tx_row, tx_tag}), .room(tx_room)
);

// ---- Tasks ----

wire reply_sent;
wire reply_room;
wire step_start;
wire step_to_engine;
wire [3:0] step_event;
wire [153:0] step_context;
wire [3:0] step_tag;
wire step_kill_all;
wire step_reply;
wire [3:0] step_reply_kind;
wire step_done;
wire [3:0] step_done_op;
wire [8:0] step_done_slot;
wire [7:0] step_done_status;
wire [15:0] create_lun;
wire [31:0] create_lba;
wire [5:0] create_login;
wire step_finished;
wire requests_room;
wire completions_room;
wire cmnd_ok;
wire gen_unknown_exchange;
wire gen_sequence_error;
wire gen_not_logged_in;
wire gen_bad_header;
wire stat_abts_received;
wire stat_refused;
wire stat_host_request;

task_generator #(.TASKS(TASKS)) generator (
    .clk(clk), .rst(rst),
    .ti_valid(ti_valid), .ti_ready(ti_ready), .ti_op(ti_op), .ti_task(ti_task), .ti_slot(ti_slot), .ti_offset(ti_offset),
    .ti_length(ti_length), .ti_port_id(ti_port_id), .ti_lun(ti_lun), .ti_lba(ti_lba),
    .rx_event_valid(event_valid), .rx_event_ready(event_ready), .rx_event_kind(event_kind), .rx_event_row(event_row),
    .rx_event_header(event_header), .cmnd_ok(cmnd_ok),
    .tx_valid(tx_valid), .tx_row(tx_row), .tx_tag(tx_tag), .tx_pop(tx_pop), .reply_sent(reply_sent), .reply_room(reply_room),
    .timeout_valid(timeout_valid), .timeout_row(timeout_row), .timeout_ready(timeout_ready),
    .lookup_valid(gen_lookup), .lookup_id(gen_lookup_id), .lookup_granted(!rx_lookup), .lookup_hit(lookup_hit),
    .lookup_index(lookup_index), .lookup_initiator(lookup_initiator), .lookup_target(lookup_target),
    .lookup_payload_words(lookup_payload_words),
    .login_valid(login_valid), .login_ready(login_ready), .login_id(login_id), .login_logout(login_logout),
    .login_done_valid(login_done_valid), .login_done_ready(login_done_ready), .login_done_status(login_done_status),
    .logout_valid(logout_valid), .logout_ready(logout_ready), .logout_id(logout_id), .logout_all(logout_all),
    .exchange_valid(exchange_valid), .exchange_peer(exchange_peer), .exchange_own(exchange_own), .exchange_ox_id(exchange_ox_id),
    .exchange_rx_id(exchange_rx_id), .exchange_done(exchange_done), .exchange_open(exchange_open),
    .exchange_responder(exchange_responder), .exchange_initiative(exchange_initiative), .exchange_bytes(exchange_bytes),
    .status_created(status_created), .status_burst(status_burst), .status_asked(status_asked),
    .status_initiative(status_initiative), .status_bytes(status_bytes),
    .context_rd_row(context_rd_row), .context_rd_data(context_rd_data),
    .free_row(free_row), .free_count(free_count), .free_ready(free_ready), .allocate(allocate), .release_valid(release_valid),
    .queues_room(requests_room && completions_room && tx_room),
    .step_start(step_start), .step_to_engine(step_to_engine), .step_event(step_event), .step_row(step_row),
    .step_context(step_context), .step_tag(step_tag), .step_kill_all(step_kill_all),
    .step_reply(step_reply), .step_reply_kind(step_reply_kind), .step_done(step_done), .step_done_op(step_done_op),
    .step_done_slot(step_done_slot), .step_done_status(step_done_status),
    .create_lun(create_lun), .create_lba(create_lba), .create_login(create_login), .step_finished(step_finished),
    .stat_unknown_exchange(gen_unknown_exchange), .stat_sequence_error(gen_sequence_error), .stat_not_logged_in(gen_not_logged_in),
    .stat_bad_header(gen_bad_header), .stat_abts_received(stat_abts_received), .stat_refused(stat_refused),
    .stat_host_request(stat_host_request)
);

wire status_created;
wire status_burst;
wire status_asked;
wire status_initiative;
wire [31:0] status_bytes;

exchange_status #(.TASKS(TASKS)) exchanges (
    .clk(clk),
    .created(status_created), .created_row(free_row),
    .burst(status_burst), .burst_row(step_row), .burst_offset(ti_relative_offset), .burst_length(ti_length),
    .asked(status_asked), .asked_row(step_row),
    .row(context_rd_row), .row_context(context_rd_data), .progress(engine_progress), .progress_fresh(engine_fresh),
    .initiative(status_initiative), .bytes(status_bytes)
);

wire request_push;
wire [1:0] request_op;
wire [63:0] cmnd_lun;
wire [2:0] cmnd_attribute;
wire [7:0] cmnd_task_management;
wire cmnd_read;
wire cmnd_write;
wire [127:0] cmnd_cdb;
wire [31:0] cmnd_length;
wire done_push;
wire [60:0] done_data;
wire stat_timeout;
wire stat_abts_sent;
wire exec_sequence_error;
wire exec_unknown_exchange;

task_executor #(.TASKS(TASKS)) executor (
    .clk(clk), .rst(rst),
    .start(step_start), .to_engine(step_to_engine), .event_code(step_event), .row(step_row), .row_context(step_context), .tx_tag(step_tag),
    .kill_all(step_kill_all), .direct_reply(step_reply), .direct_kind(step_reply_kind), .direct_done(step_done),
    .direct_op(step_done_op), .direct_slot(step_done_slot), .direct_status(step_done_status), .finished(step_finished),
    .rx_header(event_header), .rx_words(event_words), .rx_payload(event_payload),
    .progress(engine_progress), .progress_fresh(engine_fresh),
    .ti_op(ti_op), .ti_slot(ti_slot), .ti_offset(ti_offset), .ti_length(ti_length), .ti_relative_offset(ti_relative_offset),
    .ti_status(ti_status), .ti_sense(ti_sense), .ti_residual(ti_residual), .ti_residual_under(ti_residual_under),
    .ti_residual_over(ti_residual_over), .ti_rsp_code_valid(ti_rsp_code_valid), .ti_rsp_code(ti_rsp_code),
    .create_lun(create_lun), .create_lba(create_lba), .ti_lba(ti_lba),
    .context_write(context_write), .context_wr_data(context_wr_data), .window_write(window_write), .window_wr_data(window_wr_data),
    .descriptor_write(descriptor_write), .descriptor_wr_row(descriptor_wr_row), .descriptor_wr_data(descriptor_wr_data),
    .iu_write(iu_write), .iu_wr_addr(iu_wr_addr), .iu_wr_data(iu_wr_data),
    .timer_command(timer_command), .release_valid(release_valid),
    .cancel(cancel), .tx_busy(tx_busy), .tx_busy_row(tx_busy_row), .rx_busy(rx_busy), .rx_busy_row(rx_busy_row),
    .reply_sent(reply_sent), .reply_sent_row(tx_row), .reply_room(reply_room),
    .request_push(request_push), .request_op(request_op), .cmnd_lun(cmnd_lun), .cmnd_attribute(cmnd_attribute),
    .cmnd_task_management(cmnd_task_management), .cmnd_read(cmnd_read), .cmnd_write(cmnd_write), .cmnd_cdb(cmnd_cdb),
    .cmnd_length(cmnd_length), .cmnd_ok(cmnd_ok),
    .done_push(done_push), .done_data(done_data),
    .stat_timeout(stat_timeout), .stat_abts_sent(stat_abts_sent), .stat_sequence_error(exec_sequence_error),
    .stat_unknown_exchange(exec_unknown_exchange)
);

// ---- Queues to the array ----

localparam [1:0] REQUEST_ABORT = 2'd1;

host_requests #(.TASKS(TASKS)) requests (
    .clk(clk), .rst(rst), .push(request_push), .push_op(request_op), .push_task(step_row[7:0]),
    .record_write(request_push && request_op != REQUEST_ABORT),
    .record_data({step_context[`CTX_PEER], create_login, cmnd_lun, cmnd_cdb, cmnd_length, cmnd_read, cmnd_write, cmnd_attribute,
        cmnd_task_management}),
    .room(requests_room), .hr_valid(hr_valid), .hr_ready(hr_ready), .hr_op(hr_op), .hr_task(hr_task),
    .hr_record({hr_port_id, hr_login, hr_lun, hr_cdb, hr_length, hr_read, hr_write, hr_attribute, hr_task_management})
);

port_fifo #(.WIDTH(61), .DEPTH_LOG2(9)) completions (
    .clk(clk), .rst(rst), .push(done_push), .push_data(done_data), .pop(done_valid && done_ready),
    .valid(done_valid), .head({done_op, done_task, done_slot, done_status, done_scsi_status, done_sense}), .room(completions_room)
);

assign online_waiting = online_ready || hr_valid;

// ---- Counters ----
// Strobes that can come together from two places are spread over two clocks by the later place: they end a step, at least 3 clocks long.

reg [3:0] spread_reg;
initial spread_reg = 4'd0;
always @(posedge clk) begin
    spread_reg <= {rx_unknown_exchange && (gen_unknown_exchange || exec_unknown_exchange || stat_ls_dropped),
        rx_sequence_error && (gen_sequence_error || exec_sequence_error),
        rx_not_logged_in && gen_not_logged_in, rx_bad_header && gen_bad_header};
end

port_counters counter_file (
    .clk(clk), .rst(rst),
    .strobes({
        stat_ls_timeout,
        stat_plogi_refused,
        stat_refused,
        stat_host_request,
        stat_online_frame,
        stat_backup_frame,
        stat_timeout,
        stat_abts_received,
        stat_abts_sent,
        stat_ls_rjt_received,
        stat_ls_rjt_sent,
        rx_wrong_d_id,
        rx_sequence_error || gen_sequence_error || exec_sequence_error || spread_reg[2],
        rx_unknown_exchange || gen_unknown_exchange || exec_unknown_exchange || stat_ls_dropped || spread_reg[3],
        rx_not_logged_in || gen_not_logged_in || spread_reg[1],
        rx_bad_header || gen_bad_header || spread_reg[0]
    }),
    .counters(port_counters)
);

// The lookup answers in a fixed time, and there is one login at a time.
wire unused = &{1'b0, lookup_done, login_done_id, 1'b0};

endmodule

`resetall
