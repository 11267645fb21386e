// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Controller: Fibre Channel ports (link and port controller each), the cache, the array controller and the drive controller, wired as
   in docs/contracts.md, and the tick. */
module controller #(
    parameter PORTS = 1,           // 1 or 2
    parameter TASKS = 32,          // contexts of each port, 1 to 256 / PORTS
    parameter BACKUP_SLOTS = 4,    // 1 to 16
    parameter RX_BUFFERS = 8,      // 1 to 64
    parameter LOGINS = 32,         // 2 to 64
    parameter VOLUMES = 4,         // 1 to 16
    parameter CACHE_SETS = 64,     // power of two
    parameter CACHE_WAYS = 8,      // power of two, 2 to 16; sets times ways at most 1024
    parameter TICK_WORDS = 256,    // clocks in a tick, 2 to 65536
    parameter DRIVE_BLOCKS = 32768 // blocks of the drive
) (
    input  wire                 clk,
    input  wire                 rst,

    // transceivers
    input  wire [PORTS*32-1:0]  rx_data,
    input  wire [PORTS*4-1:0]   rx_charisk,
    input  wire [PORTS*4-1:0]   rx_invalid,
    output wire [PORTS*32-1:0]  tx_data,
    output wire [PORTS*4-1:0]   tx_charisk,

    // AXI4-Lite slave of the management console
    input  wire [15:0]          s_axil_awaddr,
    input  wire [2:0]           s_axil_awprot,
    input  wire                 s_axil_awvalid,
    output wire                 s_axil_awready,
    input  wire [31:0]          s_axil_wdata,
    input  wire [3:0]           s_axil_wstrb,
    input  wire                 s_axil_wvalid,
    output wire                 s_axil_wready,
    output wire [1:0]           s_axil_bresp,
    output wire                 s_axil_bvalid,
    input  wire                 s_axil_bready,
    input  wire [15:0]          s_axil_araddr,
    input  wire [2:0]           s_axil_arprot,
    input  wire                 s_axil_arvalid,
    output wire                 s_axil_arready,
    output wire [31:0]          s_axil_rdata,
    output wire [1:0]           s_axil_rresp,
    output wire                 s_axil_rvalid,
    input  wire                 s_axil_rready,
    output wire                 irq,           // an enabled interrupt is pending

    // drive
    output wire                 drive_cmd_valid,
    input  wire                 drive_cmd_ready,
    output wire                 drive_cmd_write,
    output wire [9:0]           drive_cmd_tag,
    output wire [31:0]          drive_cmd_block,
    output wire [7:0]           drive_cmd_blocks,
    output wire                 drive_wdata_valid,
    input  wire                 drive_wdata_ready,
    output wire [127:0]         drive_wdata,
    input  wire                 drive_rdata_valid,
    output wire                 drive_rdata_ready,
    input  wire [127:0]         drive_rdata,
    input  wire                 drive_status_valid,
    output wire                 drive_status_ready,
    input  wire [9:0]           drive_status_tag,
    input  wire                 drive_status_error
);

    localparam SEGMENTS = CACHE_SETS * CACHE_WAYS;
    localparam LAST_WORD = TICK_WORDS - 1;

    initial begin
        if (PORTS < 1 || PORTS > 2) begin
            $display("%m: PORTS = %0d, must be 1 or 2", PORTS);
            $finish;
        end
        if (TASKS < 1 || TASKS * PORTS > 256) begin
            $display("%m: TASKS = %0d, must be 1 to 256 / PORTS", TASKS);
            $finish;
        end
        if (BACKUP_SLOTS < 1 || BACKUP_SLOTS > 16) begin
            $display("%m: BACKUP_SLOTS = %0d, must be 1 to 16", BACKUP_SLOTS);
            $finish;
        end
        if (RX_BUFFERS < 1 || RX_BUFFERS > 64) begin
            $display("%m: RX_BUFFERS = %0d, must be 1 to 64", RX_BUFFERS);
            $finish;
        end
        if (LOGINS < 2 || LOGINS > 64) begin
            $display("%m: LOGINS = %0d, must be 2 to 64", LOGINS);
            $finish;
        end
        if (VOLUMES < 1 || VOLUMES > 16) begin
            $display("%m: VOLUMES = %0d, must be 1 to 16", VOLUMES);
            $finish;
        end
        if (CACHE_SETS < 1 || (CACHE_SETS & (CACHE_SETS - 1)) != 0) begin
            $display("%m: CACHE_SETS = %0d, must be a power of two", CACHE_SETS);
            $finish;
        end
        if (CACHE_WAYS < 2 || CACHE_WAYS > 16 || (CACHE_WAYS & (CACHE_WAYS - 1)) != 0) begin
            $display("%m: CACHE_WAYS = %0d, must be a power of two from 2 to 16", CACHE_WAYS);
            $finish;
        end
        if (TICK_WORDS < 2 || TICK_WORDS > 65536) begin
            $display("%m: TICK_WORDS = %0d, must be 2 to 65536", TICK_WORDS);
            $finish;
        end
    end

    /* The tick all time constants are counted in. */
    reg [15:0] tick_count_reg;
    reg        tick;

    always @(posedge clk) begin
        tick <= tick_count_reg == LAST_WORD[15:0];
        tick_count_reg <= tick_count_reg == LAST_WORD[15:0] ? 16'd0 : tick_count_reg + 16'd1;
        if (rst) begin
            tick <= 1'b0;
            tick_count_reg <= 16'd0;
        end
    end

    initial begin
        tick = 1'b0;
        tick_count_reg = 16'd0;
    end

    wire [PORTS-1:0]           link_enable;
    wire [PORTS-1:0]           link_active;
    wire [PORTS-1:0]           link_reset_request;
    wire [PORTS*16-1:0]        cfg_e_d_tov_ticks;
    wire [PORTS*16-1:0]        cfg_r_t_tov_ticks;
    wire [PORTS*4-1:0]         status_link_state;
    wire [PORTS*512-1:0]       lesb;
    wire [PORTS*64-1:0]        cfg_wwpn;
    wire [PORTS*64-1:0]        cfg_wwnn;
    wire [PORTS*16-1:0]        cfg_r_a_tov_ticks;
    wire [PORTS-1:0]           allow_valid;
    wire [PORTS*64-1:0]        allow_wwpn;
    wire [PORTS-1:0]           allow_done;
    wire                  allow_ok;
    wire [20:0]           allow_entry;
    wire                  ti_valid;
    wire                  ti_ready;
    wire [3:0]            ti_op;
    wire                  ti_port;
    wire [7:0]            port_ti_task;
    wire [PORTS-1:0]           port_ti_valid;
    wire [PORTS-1:0]           port_ti_ready;
    wire [PORTS-1:0]           port_hr_valid;
    wire [PORTS-1:0]           port_hr_ready;
    wire [PORTS*2-1:0]         port_hr_op;
    wire [PORTS*8-1:0]         port_hr_task;
    wire [PORTS*24-1:0]        port_hr_port_id;
    wire [PORTS*6-1:0]         port_hr_login;
    wire [PORTS*64-1:0]        port_hr_lun;
    wire [PORTS*128-1:0]       port_hr_cdb;
    wire [PORTS*32-1:0]        port_hr_length;
    wire [PORTS-1:0]           port_hr_read;
    wire [PORTS-1:0]           port_hr_write;
    wire [PORTS*3-1:0]         port_hr_attribute;
    wire [PORTS*8-1:0]         port_hr_task_management;
    wire [PORTS-1:0]           port_done_valid;
    wire [PORTS-1:0]           port_done_ready;
    wire [PORTS*4-1:0]         port_done_op;
    wire [PORTS*8-1:0]         port_done_task;
    wire [PORTS*9-1:0]         port_done_slot;
    wire [PORTS*8-1:0]         port_done_status;
    wire [PORTS*8-1:0]         port_done_scsi_status;
    wire [PORTS*24-1:0]        port_done_sense;
    wire [PORTS-1:0]           port_login_event_valid;
    wire [PORTS*6-1:0]         port_login_event_index;
    wire [PORTS*64-1:0]        port_login_event_wwpn;
    wire [PORTS*5-1:0]         port_login_event_initiator;
    wire [PORTS*16-1:0]        port_login_event_hidden;
    wire [7:0]            ti_task;
    wire [8:0]            ti_slot;
    wire [11:0]           ti_offset;
    wire [16:0]           ti_length;
    wire [31:0]           ti_relative_offset;
    wire [23:0]           ti_port_id;
    wire [15:0]           ti_lun;
    wire [31:0]           ti_lba;
    wire [7:0]            ti_status;
    wire [23:0]           ti_sense;
    wire [31:0]           ti_residual;
    wire                  ti_residual_under;
    wire                  ti_residual_over;
    wire                  ti_rsp_code_valid;
    wire [7:0]            ti_rsp_code;
    wire                  hr_valid;
    wire                  hr_ready;
    wire [1:0]            hr_op;
    wire [7:0]            hr_task;
    wire [23:0]           hr_port_id;
    wire [6:0]            hr_login;
    wire [63:0]           hr_lun;
    wire [127:0]          hr_cdb;
    wire [31:0]           hr_length;
    wire                  hr_read;
    wire                  hr_write;
    wire [2:0]            hr_attribute;
    wire [7:0]            hr_task_management;
    wire                  done_valid;
    wire                  done_ready;
    wire [3:0]            done_op;
    wire [7:0]            done_task;
    wire [8:0]            done_slot;
    wire [7:0]            done_status;
    wire [7:0]            done_scsi_status;
    wire [23:0]           done_sense;
    wire                  login_event_valid;
    wire [6:0]            login_event_index;
    wire [63:0]           login_event_wwpn;
    wire [4:0]            login_event_initiator;
    wire [15:0]           login_event_hidden;
    wire [PORTS-1:0]           logout_event_valid;
    wire [PORTS*24-1:0]        logout_event_id;
    wire [PORTS-1:0]           logout_event_all;
    wire [PORTS-1:0]           prefer_backup;
    wire [PORTS-1:0]           stat_backup_frame;
    wire [PORTS*12-1:0]        stat_frame_bytes;
    wire [PORTS-1:0]           online_waiting;
    wire [PORTS*9-1:0]         sl_rd_slot;
    wire [PORTS*5-1:0]         sl_rd_index;
    wire [PORTS*20-1:0]        sl_rd_line;
    wire [PORTS-1:0]           fr_rd_valid;
    wire [PORTS-1:0]           fr_rd_ready;
    wire [PORTS*20-1:0]        fr_rd_line;
    wire [PORTS-1:0]           fr_rd_data_valid;
    wire [PORTS*128-1:0]       fr_rd_data;
    wire [PORTS-1:0]           fr_wr_valid;
    wire [PORTS-1:0]           fr_wr_ready;
    wire [PORTS*20-1:0]        fr_wr_line;
    wire [PORTS*128-1:0]       fr_wr_data;
    wire [PORTS*16-1:0]        fr_wr_strobe;
    wire [PORTS*24-1:0]        my_id;
    wire [PORTS-1:0]           status_fabric_login;
    wire [PORTS*8-1:0]         status_logins;
    wire [PORTS*9-1:0]         status_open_tasks;
    wire [PORTS*8-1:0]         status_tx_credit;
    wire [PORTS*512-1:0]       port_counters;
    wire [1:0]            chunk_valid;
    wire [1:0]            chunk_ready;
    wire [5:0]            chunk_op;
    wire [17:0]           chunk_slot;
    wire [15:0]           chunk_volume;
    wire [63:0]           chunk_lba;
    wire [15:0]           chunk_blocks;
    wire [1:0]            chunk_rsp_valid;
    wire [1:0]            chunk_rsp_ready;
    wire [5:0]            chunk_rsp_op;
    wire [17:0]           chunk_rsp_slot;
    wire [1:0]            chunk_rsp_error;
    wire                  sl_wr_valid;
    wire                  sl_wr_ready;
    wire [8:0]            sl_wr_slot;
    wire [4:0]            sl_wr_index;
    wire [19:0]           sl_wr_line;
    wire [8:0]            page_rd_slot;
    wire [4:0]            page_rd_index;
    wire [19:0]           page_rd_line;
    wire                  page_bk_valid;
    wire                  page_bk_ready;
    wire                  page_bk_write;
    wire [19:0]           page_bk_line;
    wire [127:0]          page_bk_wdata;
    wire [3:0]            mis_valid;
    wire [3:0]            mis_ready;
    wire [3:0]            mis_write;
    wire [4*10-1:0]       mis_addr;
    wire [4*32-1:0]       mis_wdata;
    wire [VOLUMES*32-1:0] cfg_volume_base;
    wire [VOLUMES*32-1:0] cfg_volume_blocks;
    wire                  flush;
    wire                  drv_valid;
    wire                  drv_ready;
    wire                  drv_write;
    wire [9:0]            drv_tag;
    wire [7:0]            drv_volume;
    wire [31:0]           drv_segment;
    wire [19:0]           drv_line;
    wire                  drv_rsp_valid;
    wire                  drv_rsp_ready;
    wire [9:0]            drv_rsp_tag;
    wire                  drv_rsp_error;
    wire                  drive_bk_valid;
    wire                  drive_bk_ready;
    wire                  drive_bk_write;
    wire [19:0]           drive_bk_line;
    wire [127:0]          drive_bk_wdata;
    wire                  stat_drive_error;
    wire [15:0]           status_dirty_count;
    wire                  status_pinned;
    wire                  status_busy;
    wire                  stat_read_hit;
    wire                  stat_read_miss;
    wire                  cache_staged;
    wire                  cache_destaged;
    wire                  stat_stage_error;
    wire                  stat_destage_error;
    wire                  stat_backoff;

    /* verilator lint_off UNUSEDSIGNAL */ // for waves only, or counted elsewhere; SCSI responder and backup engine only write
    wire drive_staged;
    wire drive_destaged;
    wire [1:0] bk_rdata_valid;
    wire [2*128-1:0] bk_rdata;
    wire [3:0] mis_rdata_valid;
    wire [4*32-1:0] mis_rdata;
    /* verilator lint_on UNUSEDSIGNAL */

    genvar p;
    generate
        for (p = 0; p < PORTS; p = p + 1) begin : port
            wire rxf_valid;
            wire [191:0] rxf_header;
            wire [9:0] rxf_words;
            wire rxf_sof_initiate;
            wire rxf_eof_terminate;
            wire [9:0] rxf_rd_addr;
            wire [31:0] rxf_rd_data;
            wire rxf_pop;
            wire txf_request;
            wire txf_valid;
            wire txf_ready;
            wire [191:0] txf_header;
            wire [9:0] txf_words;
            wire txf_sof_initiate;
            wire txf_eof_terminate;
            wire [31:0] txf_data;
            wire txf_data_valid;
            wire txf_data_ready;
            wire link_down_event;
            wire link_reset_event;
            wire bb_credit_set;
            wire [7:0] bb_credit_value;

            /* verilator lint_off UNUSEDSIGNAL */ // for waves only
            wire txf_done;
            wire my_id_valid;
            wire stat_online_frame;
            /* verilator lint_on UNUSEDSIGNAL */

            link #(.RX_BUFFERS(RX_BUFFERS)) link_inst (
                .clk(clk), .rst(rst), .rx_data(rx_data[32*p +: 32]), .rx_charisk(rx_charisk[4*p +: 4]), .rx_invalid(rx_invalid[4*p +: 4]),
                .tx_data(tx_data[32*p +: 32]), .tx_charisk(tx_charisk[4*p +: 4]), .rxf_valid(rxf_valid), .rxf_header(rxf_header),
                .rxf_words(rxf_words), .rxf_sof_initiate(rxf_sof_initiate), .rxf_eof_terminate(rxf_eof_terminate),
                .rxf_rd_addr(rxf_rd_addr), .rxf_rd_data(rxf_rd_data), .rxf_pop(rxf_pop), .txf_request(txf_request), .txf_valid(txf_valid),
                .txf_ready(txf_ready), .txf_header(txf_header), .txf_words(txf_words), .txf_sof_initiate(txf_sof_initiate),
                .txf_eof_terminate(txf_eof_terminate), .txf_data(txf_data), .txf_data_valid(txf_data_valid),
                .txf_data_ready(txf_data_ready), .txf_done(txf_done), .link_enable(link_enable[p]), .link_active(link_active[p]),
                .link_down_event(link_down_event), .link_reset_event(link_reset_event), .link_reset_request(link_reset_request[p]),
                .bb_credit_set(bb_credit_set), .bb_credit_value(bb_credit_value), .tick(tick),
                .cfg_e_d_tov_ticks(cfg_e_d_tov_ticks[16*p +: 16]), .cfg_r_t_tov_ticks(cfg_r_t_tov_ticks[16*p +: 16]),
                .status_link_state(status_link_state[4*p +: 4]), .status_tx_credit(status_tx_credit[8*p +: 8]),
                .lesb(lesb[512*p +: 512])
            );

            port_controller #(.TASKS(TASKS), .RX_BUFFERS(RX_BUFFERS), .LOGINS(LOGINS)) port_controller_inst (
                .clk(clk), .rst(rst), .tick(tick), .cfg_wwpn(cfg_wwpn[64*p +: 64]), .cfg_wwnn(cfg_wwnn[64*p +: 64]),
                .cfg_e_d_tov_ticks(cfg_e_d_tov_ticks[16*p +: 16]), .cfg_r_a_tov_ticks(cfg_r_a_tov_ticks[16*p +: 16]),
                .rxf_valid(rxf_valid), .rxf_header(rxf_header), .rxf_words(rxf_words), .rxf_sof_initiate(rxf_sof_initiate),
                .rxf_eof_terminate(rxf_eof_terminate), .rxf_rd_addr(rxf_rd_addr), .rxf_rd_data(rxf_rd_data), .rxf_pop(rxf_pop),
                .txf_request(txf_request), .txf_valid(txf_valid), .txf_ready(txf_ready), .txf_header(txf_header), .txf_words(txf_words),
                .txf_sof_initiate(txf_sof_initiate), .txf_eof_terminate(txf_eof_terminate), .txf_data(txf_data),
                .txf_data_valid(txf_data_valid), .txf_data_ready(txf_data_ready), .link_active(link_active[p]),
                .link_down_event(link_down_event), .link_reset_event(link_reset_event), .bb_credit_set(bb_credit_set),
                .bb_credit_value(bb_credit_value), .lesb(lesb[512*p +: 512]), .allow_valid(allow_valid[p]),
                .allow_wwpn(allow_wwpn[64*p +: 64]), .allow_done(allow_done[p]), .allow_ok(allow_ok), .allow_entry(allow_entry),
                .ti_valid(port_ti_valid[p]), .ti_ready(port_ti_ready[p]), .ti_op(ti_op), .ti_task(port_ti_task), .ti_slot(ti_slot),
                .ti_offset(ti_offset), .ti_length(ti_length), .ti_relative_offset(ti_relative_offset), .ti_port_id(ti_port_id),
                .ti_lun(ti_lun), .ti_lba(ti_lba), .ti_status(ti_status), .ti_sense(ti_sense), .ti_residual(ti_residual),
                .ti_residual_under(ti_residual_under), .ti_residual_over(ti_residual_over), .ti_rsp_code_valid(ti_rsp_code_valid),
                .ti_rsp_code(ti_rsp_code), .hr_valid(port_hr_valid[p]), .hr_ready(port_hr_ready[p]), .hr_op(port_hr_op[2*p +: 2]),
                .hr_task(port_hr_task[8*p +: 8]), .hr_port_id(port_hr_port_id[24*p +: 24]), .hr_login(port_hr_login[6*p +: 6]),
                .hr_lun(port_hr_lun[64*p +: 64]), .hr_cdb(port_hr_cdb[128*p +: 128]), .hr_length(port_hr_length[32*p +: 32]),
                .hr_read(port_hr_read[p]), .hr_write(port_hr_write[p]), .hr_attribute(port_hr_attribute[3*p +: 3]),
                .hr_task_management(port_hr_task_management[8*p +: 8]), .done_valid(port_done_valid[p]), .done_ready(port_done_ready[p]),
                .done_op(port_done_op[4*p +: 4]), .done_task(port_done_task[8*p +: 8]), .done_slot(port_done_slot[9*p +: 9]),
                .done_status(port_done_status[8*p +: 8]), .done_scsi_status(port_done_scsi_status[8*p +: 8]),
                .done_sense(port_done_sense[24*p +: 24]), .login_event_valid(port_login_event_valid[p]),
                .login_event_index(port_login_event_index[6*p +: 6]), .login_event_wwpn(port_login_event_wwpn[64*p +: 64]),
                .login_event_initiator(port_login_event_initiator[5*p +: 5]), .login_event_hidden(port_login_event_hidden[16*p +: 16]),
                .logout_event_valid(logout_event_valid[p]), .logout_event_id(logout_event_id[24*p +: 24]),
                .logout_event_all(logout_event_all[p]),
                .prefer_backup(prefer_backup[p]), .stat_backup_frame(stat_backup_frame[p]), .stat_online_frame(stat_online_frame),
                .stat_frame_bytes(stat_frame_bytes[12*p +: 12]), .online_waiting(online_waiting[p]), .sl_rd_slot(sl_rd_slot[9*p +: 9]),
                .sl_rd_index(sl_rd_index[5*p +: 5]), .sl_rd_line(sl_rd_line[20*p +: 20]), .fr_rd_valid(fr_rd_valid[p]),
                .fr_rd_ready(fr_rd_ready[p]), .fr_rd_line(fr_rd_line[20*p +: 20]), .fr_rd_data_valid(fr_rd_data_valid[p]),
                .fr_rd_data(fr_rd_data[128*p +: 128]), .fr_wr_valid(fr_wr_valid[p]), .fr_wr_ready(fr_wr_ready[p]),
                .fr_wr_line(fr_wr_line[20*p +: 20]), .fr_wr_data(fr_wr_data[128*p +: 128]), .fr_wr_strobe(fr_wr_strobe[16*p +: 16]),
                .my_id(my_id[24*p +: 24]), .my_id_valid(my_id_valid), .status_fabric_login(status_fabric_login[p]),
                .status_logins(status_logins[8*p +: 8]), .status_open_tasks(status_open_tasks[9*p +: 9]),
                .port_counters(port_counters[512*p +: 512])
            );
        end
    endgenerate

    port_mux #(.PORTS(PORTS), .TASKS(TASKS)) port_mux_inst (
        .clk(clk), .rst(rst),
        .port_ti_valid(port_ti_valid), .port_ti_ready(port_ti_ready), .port_ti_task(port_ti_task), .port_hr_valid(port_hr_valid),
        .port_hr_ready(port_hr_ready), .port_hr_op(port_hr_op), .port_hr_task(port_hr_task), .port_hr_port_id(port_hr_port_id),
        .port_hr_login(port_hr_login), .port_hr_lun(port_hr_lun), .port_hr_cdb(port_hr_cdb), .port_hr_length(port_hr_length),
        .port_hr_read(port_hr_read), .port_hr_write(port_hr_write), .port_hr_attribute(port_hr_attribute),
        .port_hr_task_management(port_hr_task_management), .port_done_valid(port_done_valid), .port_done_ready(port_done_ready),
        .port_done_op(port_done_op), .port_done_task(port_done_task), .port_done_slot(port_done_slot),
        .port_done_status(port_done_status), .port_done_scsi_status(port_done_scsi_status), .port_done_sense(port_done_sense),
        .port_login_event_valid(port_login_event_valid), .port_login_event_index(port_login_event_index),
        .port_login_event_wwpn(port_login_event_wwpn), .port_login_event_initiator(port_login_event_initiator),
        .port_login_event_hidden(port_login_event_hidden),
        .ti_valid(ti_valid), .ti_ready(ti_ready), .ti_op(ti_op), .ti_port(ti_port), .ti_task(ti_task), .hr_valid(hr_valid),
        .hr_ready(hr_ready), .hr_op(hr_op), .hr_task(hr_task), .hr_port_id(hr_port_id), .hr_login(hr_login), .hr_lun(hr_lun),
        .hr_cdb(hr_cdb), .hr_length(hr_length), .hr_read(hr_read), .hr_write(hr_write), .hr_attribute(hr_attribute),
        .hr_task_management(hr_task_management), .done_valid(done_valid), .done_ready(done_ready), .done_op(done_op),
        .done_task(done_task), .done_slot(done_slot), .done_status(done_status), .done_scsi_status(done_scsi_status),
        .done_sense(done_sense), .login_event_valid(login_event_valid), .login_event_index(login_event_index),
        .login_event_wwpn(login_event_wwpn), .login_event_initiator(login_event_initiator), .login_event_hidden(login_event_hidden)
    );

    array_controller #(
        .PORTS(PORTS), .TASKS(TASKS), .BACKUP_SLOTS(BACKUP_SLOTS), .RX_BUFFERS(RX_BUFFERS), .VOLUMES(VOLUMES), .SEGMENTS(SEGMENTS),
        .DRIVE_BLOCKS(DRIVE_BLOCKS)
    ) array_controller_inst (
        .clk(clk), .rst(rst), .tick(tick), .s_axil_awaddr(s_axil_awaddr), .s_axil_awprot(s_axil_awprot),
        .s_axil_awvalid(s_axil_awvalid), .s_axil_awready(s_axil_awready), .s_axil_wdata(s_axil_wdata),
        .s_axil_wstrb(s_axil_wstrb), .s_axil_wvalid(s_axil_wvalid), .s_axil_wready(s_axil_wready), .s_axil_bresp(s_axil_bresp),
        .s_axil_bvalid(s_axil_bvalid), .s_axil_bready(s_axil_bready), .s_axil_araddr(s_axil_araddr),
        .s_axil_arprot(s_axil_arprot), .s_axil_arvalid(s_axil_arvalid), .s_axil_arready(s_axil_arready),
        .s_axil_rdata(s_axil_rdata), .s_axil_rresp(s_axil_rresp), .s_axil_rvalid(s_axil_rvalid), .s_axil_rready(s_axil_rready),
        .irq(irq),
        .ti_valid(ti_valid), .ti_ready(ti_ready), .ti_op(ti_op), .ti_port(ti_port), .ti_task(ti_task), .ti_slot(ti_slot), .ti_offset(ti_offset),
        .ti_length(ti_length), .ti_relative_offset(ti_relative_offset), .ti_port_id(ti_port_id), .ti_lun(ti_lun),
        .ti_lba(ti_lba), .ti_status(ti_status), .ti_sense(ti_sense), .ti_residual(ti_residual),
        .ti_residual_under(ti_residual_under), .ti_residual_over(ti_residual_over), .ti_rsp_code_valid(ti_rsp_code_valid),
        .ti_rsp_code(ti_rsp_code), .hr_valid(hr_valid), .hr_ready(hr_ready), .hr_op(hr_op), .hr_task(hr_task),
        .hr_port_id(hr_port_id), .hr_login(hr_login), .hr_lun(hr_lun), .hr_cdb(hr_cdb), .hr_length(hr_length),
        .hr_read(hr_read), .hr_write(hr_write), .hr_attribute(hr_attribute), .hr_task_management(hr_task_management),
        .done_valid(done_valid), .done_ready(done_ready), .done_op(done_op), .done_task(done_task), .done_slot(done_slot),
        .done_status(done_status), .done_scsi_status(done_scsi_status), .done_sense(done_sense),
        .login_event_valid(login_event_valid), .login_event_index(login_event_index), .login_event_wwpn(login_event_wwpn),
        .login_event_initiator(login_event_initiator), .login_event_hidden(login_event_hidden), .logout_event_valid(logout_event_valid), .logout_event_id(logout_event_id),
        .logout_event_all(logout_event_all), .prefer_backup(prefer_backup),
        .online_waiting(online_waiting), .stat_backup_frame(stat_backup_frame), .stat_frame_bytes(stat_frame_bytes),
        .chunk_valid(chunk_valid), .chunk_ready(chunk_ready), .chunk_op(chunk_op), .chunk_slot(chunk_slot),
        .chunk_volume(chunk_volume), .chunk_lba(chunk_lba), .chunk_blocks(chunk_blocks), .chunk_rsp_valid(chunk_rsp_valid),
        .chunk_rsp_ready(chunk_rsp_ready), .chunk_rsp_op(chunk_rsp_op), .chunk_rsp_slot(chunk_rsp_slot),
        .chunk_rsp_error(chunk_rsp_error), .sl_wr_valid(sl_wr_valid), .sl_wr_ready(sl_wr_ready), .sl_wr_slot(sl_wr_slot),
        .sl_wr_index(sl_wr_index), .sl_wr_line(sl_wr_line), .sl_rd_slot(page_rd_slot), .sl_rd_index(page_rd_index),
        .sl_rd_line(page_rd_line), .bk_rdata_valid(bk_rdata_valid[1]), .bk_rdata(bk_rdata[255:128]),
        .bk_valid(page_bk_valid), .bk_ready(page_bk_ready),
        .bk_write(page_bk_write), .bk_line(page_bk_line), .bk_wdata(page_bk_wdata), .mis_valid(mis_valid),
        .mis_ready(mis_ready), .mis_write(mis_write), .mis_addr(mis_addr), .mis_wdata(mis_wdata),
        .mis_rdata_valid(mis_rdata_valid), .mis_rdata(mis_rdata), .link_enable(link_enable),
        .link_reset_request(link_reset_request), .cfg_wwpn(cfg_wwpn), .cfg_wwnn(cfg_wwnn),
        .cfg_e_d_tov_ticks(cfg_e_d_tov_ticks), .cfg_r_a_tov_ticks(cfg_r_a_tov_ticks), .cfg_r_t_tov_ticks(cfg_r_t_tov_ticks),
        .cfg_volume_base(cfg_volume_base), .cfg_volume_blocks(cfg_volume_blocks), .flush(flush),
        .status_link_state(status_link_state), .status_fabric_login(status_fabric_login), .status_logins(status_logins),
        .status_open_tasks(status_open_tasks), .status_tx_credit(status_tx_credit), .my_id(my_id), .lesb(lesb), .port_counters(port_counters),
        .status_clean(status_dirty_count == 16'd0 && !status_busy), .status_unpinned(!status_pinned),
        .stat_events({stat_drive_error, stat_backoff, stat_destage_error, stat_stage_error, cache_destaged, cache_staged, stat_read_miss, stat_read_hit})
    );

    cache #(.PORTS(PORTS), .TASKS(PORTS * TASKS), .BACKUP_SLOTS(BACKUP_SLOTS), .CACHE_SETS(CACHE_SETS), .CACHE_WAYS(CACHE_WAYS)) cache_inst (
        .clk(clk), .rst(rst), .fr_rd_valid(fr_rd_valid), .fr_rd_ready(fr_rd_ready), .fr_rd_line(fr_rd_line),
        .fr_rd_data_valid(fr_rd_data_valid), .fr_rd_data(fr_rd_data), .fr_wr_valid(fr_wr_valid), .fr_wr_ready(fr_wr_ready),
        .fr_wr_line(fr_wr_line), .fr_wr_data(fr_wr_data), .fr_wr_strobe(fr_wr_strobe), .sl_rd_slot(sl_rd_slot),
        .sl_rd_index(sl_rd_index), .sl_rd_line(sl_rd_line), .sl_wr_valid(sl_wr_valid), .sl_wr_ready(sl_wr_ready),
        .page_rd_slot(page_rd_slot), .page_rd_index(page_rd_index), .page_rd_line(page_rd_line),
        .sl_wr_slot(sl_wr_slot), .sl_wr_index(sl_wr_index), .sl_wr_line(sl_wr_line), .bk_valid({page_bk_valid, drive_bk_valid}),
        .bk_ready({page_bk_ready, drive_bk_ready}), .bk_write({page_bk_write, drive_bk_write}),
        .bk_line({page_bk_line, drive_bk_line}), .bk_wdata({page_bk_wdata, drive_bk_wdata}), .bk_rdata_valid(bk_rdata_valid),
        .bk_rdata(bk_rdata), .chunk_valid(chunk_valid), .chunk_ready(chunk_ready), .chunk_op(chunk_op), .chunk_slot(chunk_slot),
        .chunk_volume(chunk_volume), .chunk_lba(chunk_lba), .chunk_blocks(chunk_blocks), .chunk_rsp_valid(chunk_rsp_valid),
        .chunk_rsp_ready(chunk_rsp_ready), .chunk_rsp_op(chunk_rsp_op), .chunk_rsp_slot(chunk_rsp_slot),
        .chunk_rsp_error(chunk_rsp_error), .drv_valid(drv_valid), .drv_ready(drv_ready), .drv_write(drv_write),
        .drv_tag(drv_tag), .drv_volume(drv_volume), .drv_segment(drv_segment), .drv_line(drv_line),
        .drv_rsp_valid(drv_rsp_valid), .drv_rsp_ready(drv_rsp_ready), .drv_rsp_tag(drv_rsp_tag), .drv_rsp_error(drv_rsp_error),
        .mis_valid(mis_valid), .mis_ready(mis_ready), .mis_write(mis_write), .mis_addr(mis_addr), .mis_wdata(mis_wdata),
        .mis_rdata_valid(mis_rdata_valid), .mis_rdata(mis_rdata), .allow_valid(allow_valid), .allow_wwpn(allow_wwpn),
        .allow_done(allow_done), .allow_ok(allow_ok), .allow_entry(allow_entry), .flush(flush), .status_dirty_count(status_dirty_count),
        .status_pinned(status_pinned), .status_busy(status_busy), .stat_read_hit(stat_read_hit),
        .stat_read_miss(stat_read_miss), .stat_staged(cache_staged), .stat_destaged(cache_destaged),
        .stat_stage_error(stat_stage_error), .stat_destage_error(stat_destage_error), .stat_backoff(stat_backoff)
    );

    drive_controller #(.VOLUMES(VOLUMES)) drive_controller_inst (
        .clk(clk), .rst(rst), .drv_valid(drv_valid), .drv_ready(drv_ready), .drv_write(drv_write), .drv_tag(drv_tag),
        .drv_volume(drv_volume), .drv_segment(drv_segment), .drv_line(drv_line), .drv_rsp_valid(drv_rsp_valid),
        .drv_rsp_ready(drv_rsp_ready), .drv_rsp_tag(drv_rsp_tag), .drv_rsp_error(drv_rsp_error), .bk_valid(drive_bk_valid),
        .bk_ready(drive_bk_ready), .bk_write(drive_bk_write), .bk_line(drive_bk_line), .bk_wdata(drive_bk_wdata),
        .bk_rdata_valid(bk_rdata_valid[0]), .bk_rdata(bk_rdata[127:0]), .drive_cmd_valid(drive_cmd_valid),
        .drive_cmd_ready(drive_cmd_ready), .drive_cmd_write(drive_cmd_write), .drive_cmd_tag(drive_cmd_tag),
        .drive_cmd_block(drive_cmd_block), .drive_cmd_blocks(drive_cmd_blocks), .drive_wdata_valid(drive_wdata_valid),
        .drive_wdata_ready(drive_wdata_ready), .drive_wdata(drive_wdata), .drive_rdata_valid(drive_rdata_valid),
        .drive_rdata_ready(drive_rdata_ready), .drive_rdata(drive_rdata), .drive_status_valid(drive_status_valid),
        .drive_status_ready(drive_status_ready), .drive_status_tag(drive_status_tag), .drive_status_error(drive_status_error),
        .cfg_volume_base(cfg_volume_base), .cfg_volume_blocks(cfg_volume_blocks), .stat_staged(drive_staged),
        .stat_destaged(drive_destaged), .stat_drive_error(stat_drive_error)
    );

endmodule

`resetall
