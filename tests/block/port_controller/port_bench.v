// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

// Bench of the port controller: a link that moves whole frames at wire timing, a cache and a segment list, array signals as ports.
module port_bench #(
    parameter TASKS = 32,      // 1 to 256
    parameter TICK_WORDS = 16  // clocks in a tick
) (
    input  wire           clk,
    input  wire           rst,

    // Frames to the port
    input  wire           in_push,
    input  wire [191:0]   in_header,
    input  wire [16895:0] in_payload,
    input  wire [9:0]     in_words,
    input  wire           in_sof_initiate,
    input  wire           in_eof_terminate,
    output wire           in_room,
    output reg  [31:0]    in_popped,
    output reg  [31:0]    in_pop_time,

    // Frames from the port
    input  wire           out_enable,
    output reg  [31:0]    out_count,
    output reg  [191:0]   out_header,
    output reg  [16895:0] out_payload,
    output reg  [9:0]     out_words,
    output reg            out_sof_initiate,
    output reg            out_eof_terminate,
    output reg  [31:0]    out_time,
    output reg            out_underrun,
    input  wire           link_down_event,
    input  wire           link_reset_event,

    // Memory backdoor
    input  wire           mem_write,
    input  wire [19:0]    mem_addr,
    input  wire [127:0]   mem_wdata,
    output reg  [127:0]   mem_rdata,
    input  wire           list_write,
    input  wire [13:0]    list_addr,
    input  wire [19:0]    list_line,

    // Configuration
    input  wire [63:0]    cfg_wwnn,
    input  wire [15:0]    cfg_e_d_tov_ticks,
    input  wire [15:0]    cfg_r_a_tov_ticks,
    input  wire           prefer_backup,

    // Array
    input  wire           ti_valid,
    output wire           ti_ready,
    input  wire [3:0]     ti_op,
    input  wire [7:0]     ti_task,
    input  wire [8:0]     ti_slot,
    input  wire [11:0]    ti_offset,
    input  wire [16:0]    ti_length,
    input  wire [31:0]    ti_relative_offset,
    input  wire [23:0]    ti_port_id,
    input  wire [15:0]    ti_lun,
    input  wire [31:0]    ti_lba,
    input  wire [7:0]     ti_status,
    input  wire [23:0]    ti_sense,
    input  wire [31:0]    ti_residual,
    input  wire           ti_residual_under,
    input  wire           ti_residual_over,
    input  wire           ti_rsp_code_valid,
    input  wire [7:0]     ti_rsp_code,
    output wire           hr_valid,
    input  wire           hr_ready,
    output wire [1:0]     hr_op,
    output wire [7:0]     hr_task,
    output wire [23:0]    hr_port_id,
    output wire [5:0]     hr_login,
    output wire [63:0]    hr_lun,
    output wire [127:0]   hr_cdb,
    output wire [31:0]    hr_length,
    output wire           hr_read,
    output wire           hr_write,
    output wire [2:0]     hr_attribute,
    output wire [7:0]     hr_task_management,
    output wire           done_valid,
    input  wire           done_ready,
    output wire [3:0]     done_op,
    output wire [7:0]     done_task,
    output wire [8:0]     done_slot,
    output wire [7:0]     done_status,
    output wire [7:0]     done_scsi_status,
    output wire [23:0]    done_sense,
    output wire           online_waiting,
    output wire [8:0]     status_open_tasks,
    output wire [511:0]   port_counters
);

reg [31:0] now;
reg [15:0] tick_reg;
wire tick = tick_reg == 16'd0;

// ---- Link, receive: up to 8 frames ----

reg [191:0] header_mem [0:7];
reg [9:0] words_mem [0:7];
reg [1:0] delimiter_mem [0:7];
reg [31:0] payload_mem [0:8*1024-1];
reg [3:0] held;
reg [2:0] head;
reg [2:0] tail;
reg [31:0] rxf_rd_data;
wire [9:0] rxf_rd_addr;
wire rxf_pop;

assign in_room = held < 4'd8;

integer i;

always @(posedge clk) begin
    if (in_push) begin
        header_mem[tail] <= in_header;
        words_mem[tail] <= in_words;
        delimiter_mem[tail] <= {in_sof_initiate, in_eof_terminate};
        for (i = 0; i < 528; i = i + 1) payload_mem[{tail, i[9:0]}] <= in_payload[16895 - 32*i -: 32];
        tail <= tail + 3'd1;
    end
    if (rxf_pop) begin
        head <= head + 3'd1;
        in_popped <= in_popped + 32'd1;
        in_pop_time <= now;
    end
    held <= held + {3'd0, in_push} - {3'd0, rxf_pop};
    rxf_rd_data <= payload_mem[{head, rxf_rd_addr}];
end

// ---- Link, transmit: SOF, 6 header words, payload, CRC, EOF, 6 fill words ----

reg [10:0] place;          // words since the frame was taken
reg busy;
reg cut;
reg [191:0] header_reg;
reg [9:0] words_reg;
reg sof_reg;
reg eof_reg;
reg [31:0] time_reg;
reg underrun_reg;
reg [16895:0] payload_reg;
wire txf_valid;
wire [191:0] txf_header;
wire [9:0] txf_words;
wire txf_sof_initiate;
wire txf_eof_terminate;
wire [31:0] txf_data;
wire txf_data_valid;
wire [10:0] payload_end = 11'd7 + {1'b0, words_reg};

wire txf_request = out_enable && !cut && (!busy || place >= payload_end);
wire txf_ready = out_enable && !cut && !busy;
wire txf_data_ready = busy && !cut && place >= 11'd7 && place < payload_end;
wire [10:0] word_index = place - 11'd7;

always @(posedge clk) begin
    cut <= link_down_event || link_reset_event;
    place <= place + 11'd1;
    if (busy && place == payload_end) begin
        // CRC: the frame is complete
        out_count <= out_count + 32'd1;
        out_header <= header_reg;
        out_payload <= payload_reg;
        out_words <= words_reg;
        out_sof_initiate <= sof_reg;
        out_eof_terminate <= eof_reg;
        out_time <= time_reg;
        out_underrun <= underrun_reg;
    end
    if (busy && place == payload_end + 11'd7) busy <= 1'b0;
    if (txf_data_ready) begin
        payload_reg[16895 - 32*word_index -: 32] <= txf_data;
        if (!txf_data_valid) underrun_reg <= 1'b1;
    end
    if (txf_valid && txf_ready) begin
        busy <= 1'b1;
        place <= 11'd1;
        header_reg <= txf_header;
        words_reg <= txf_words;
        sof_reg <= txf_sof_initiate;
        eof_reg <= txf_eof_terminate;
        time_reg <= now;
        underrun_reg <= 1'b0;
    end
    if (link_down_event || link_reset_event) busy <= 1'b0;
end

// ---- Cache: 8192 lines, each client one turn in four clocks ----

reg [127:0] mem [0:8191];
reg [19:0] list_mem [0:16383];
reg [1:0] turn;
reg [127:0] read_first;
reg read_first_valid;
reg [127:0] fr_rd_data;
reg fr_rd_data_valid;
reg [19:0] sl_rd_line;
wire [8:0] sl_rd_slot;
wire [4:0] sl_rd_index;
wire fr_rd_valid;
wire [19:0] fr_rd_line;
wire fr_wr_valid;
wire [19:0] fr_wr_line;
wire [127:0] fr_wr_data;
wire [15:0] fr_wr_strobe;
wire fr_rd_ready = turn == 2'd0;
wire fr_wr_ready = turn == 2'd2;
integer b;

always @(posedge clk) begin
    turn <= turn + 2'd1;
    read_first_valid <= fr_rd_valid && fr_rd_ready;
    read_first <= mem[fr_rd_line[12:0]];
    fr_rd_data_valid <= read_first_valid;
    fr_rd_data <= read_first;
    if (fr_wr_valid && fr_wr_ready) begin
        for (b = 0; b < 16; b = b + 1) if (fr_wr_strobe[b]) mem[fr_wr_line[12:0]][8*b +: 8] <= fr_wr_data[8*b +: 8];
    end
    if (mem_write) mem[mem_addr[12:0]] <= mem_wdata;
    mem_rdata <= mem[mem_addr[12:0]];
    if (list_write) list_mem[list_addr] <= list_line;
    sl_rd_line <= list_mem[{sl_rd_slot, sl_rd_index}];
    now <= now + 32'd1;
    tick_reg <= tick ? TICK_WORDS[15:0] - 16'd1 : tick_reg - 16'd1;
end

integer k;
initial begin
    now = 0;
    tick_reg = 0;
    held = 0;
    head = 0;
    tail = 0;
    rxf_rd_data = 0;
    in_popped = 0;
    in_pop_time = 0;
    place = 0;
    busy = 0;
    cut = 0;
    header_reg = 0;
    words_reg = 0;
    sof_reg = 0;
    eof_reg = 0;
    time_reg = 0;
    underrun_reg = 0;
    payload_reg = 0;
    out_count = 0;
    out_header = 0;
    out_payload = 0;
    out_words = 0;
    out_sof_initiate = 0;
    out_eof_terminate = 0;
    out_time = 0;
    out_underrun = 0;
    mem_rdata = 0;
    turn = 0;
    read_first = 0;
    read_first_valid = 0;
    fr_rd_data = 0;
    fr_rd_data_valid = 0;
    sl_rd_line = 0;
    for (k = 0; k < 8192; k = k + 1) mem[k] = 128'd0;
    for (k = 0; k < 16384; k = k + 1) list_mem[k] = 20'd0;
    for (k = 0; k < 8192; k = k + 1) payload_mem[k] = 32'd0;
    for (k = 0; k < 8; k = k + 1) begin
        header_mem[k] = 192'd0;
        words_mem[k] = 10'd0;
        delimiter_mem[k] = 2'd0;
    end
end

port_controller #(.TASKS(TASKS)) port (
    .clk(clk), .rst(rst), .tick(tick),
    .cfg_wwpn(64'd0), .cfg_wwnn(cfg_wwnn), .cfg_e_d_tov_ticks(cfg_e_d_tov_ticks), .cfg_r_a_tov_ticks(cfg_r_a_tov_ticks),
    .rxf_valid(held != 4'd0), .rxf_header(header_mem[head]), .rxf_words(words_mem[head]),
    .rxf_sof_initiate(delimiter_mem[head][1]), .rxf_eof_terminate(delimiter_mem[head][0]),
    .rxf_rd_addr(rxf_rd_addr), .rxf_rd_data(rxf_rd_data), .rxf_pop(rxf_pop),
    .txf_request(txf_request), .txf_valid(txf_valid), .txf_ready(txf_ready), .txf_header(txf_header), .txf_words(txf_words),
    .txf_sof_initiate(txf_sof_initiate), .txf_eof_terminate(txf_eof_terminate),
    .txf_data(txf_data), .txf_data_valid(txf_data_valid), .txf_data_ready(txf_data_ready),
    .link_active(1'b1), .link_down_event(link_down_event), .link_reset_event(link_reset_event),
    .bb_credit_set(), .bb_credit_value(), .lesb(512'd0),
    .allow_valid(), .allow_wwpn(), .allow_done(1'b0), .allow_ok(1'b0), .allow_entry(21'd0),
    .ti_valid(ti_valid), .ti_ready(ti_ready), .ti_op(ti_op), .ti_task(ti_task), .ti_slot(ti_slot), .ti_offset(ti_offset),
    .ti_length(ti_length), .ti_relative_offset(ti_relative_offset), .ti_port_id(ti_port_id), .ti_lun(ti_lun), .ti_lba(ti_lba),
    .ti_status(ti_status), .ti_sense(ti_sense), .ti_residual(ti_residual), .ti_residual_under(ti_residual_under),
    .ti_residual_over(ti_residual_over), .ti_rsp_code_valid(ti_rsp_code_valid), .ti_rsp_code(ti_rsp_code),
    .hr_valid(hr_valid), .hr_ready(hr_ready), .hr_op(hr_op), .hr_task(hr_task), .hr_port_id(hr_port_id), .hr_login(hr_login),
    .hr_lun(hr_lun), .hr_cdb(hr_cdb), .hr_length(hr_length), .hr_read(hr_read), .hr_write(hr_write), .hr_attribute(hr_attribute),
    .hr_task_management(hr_task_management),
    .done_valid(done_valid), .done_ready(done_ready), .done_op(done_op), .done_task(done_task), .done_slot(done_slot),
    .done_status(done_status), .done_scsi_status(done_scsi_status), .done_sense(done_sense),
    .logout_event_valid(), .logout_event_id(), .logout_event_all(), .login_event_valid(), .login_event_index(),
    .prefer_backup(prefer_backup), .stat_backup_frame(), .stat_online_frame(), .stat_frame_bytes(), .online_waiting(online_waiting),
    .sl_rd_slot(sl_rd_slot), .sl_rd_index(sl_rd_index), .sl_rd_line(sl_rd_line),
    .fr_rd_valid(fr_rd_valid), .fr_rd_ready(fr_rd_ready), .fr_rd_line(fr_rd_line), .fr_rd_data_valid(fr_rd_data_valid),
    .fr_rd_data(fr_rd_data),
    .fr_wr_valid(fr_wr_valid), .fr_wr_ready(fr_wr_ready), .fr_wr_line(fr_wr_line), .fr_wr_data(fr_wr_data), .fr_wr_strobe(fr_wr_strobe),
    .my_id(), .my_id_valid(), .status_fabric_login(), .status_logins(), .status_open_tasks(status_open_tasks),
    .port_counters(port_counters)
);

endmodule

`resetall
