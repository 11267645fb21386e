// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Array controller 300: host engine, page service, backup engine, priority arbiter and management registers. It merges the transfer
   instructions of hosts and backup into one stream and takes each completion to the engine that asked. */
module array_controller #(
    parameter PORTS = 1,          // 1 or 2
    parameter TASKS = 32,         // contexts of each port, 1 to 256 / PORTS
    parameter BACKUP_SLOTS = 4,   // 1 to 16
    parameter RX_BUFFERS = 8,     // 1 to 64
    parameter VOLUMES = 4,        // 1 to 16
    parameter SEGMENTS = 512,     // cache segments
    parameter DRIVE_BLOCKS = 32768 // blocks of the drive
) (
    input  wire                  clk,
    input  wire                  rst,
    input  wire                  tick,

    // AXI4-Lite slave of the management console
    input  wire [15:0]           s_axil_awaddr,
    input  wire [2:0]            s_axil_awprot,
    input  wire                  s_axil_awvalid,
    output wire                  s_axil_awready,
    input  wire [31:0]           s_axil_wdata,
    input  wire [3:0]            s_axil_wstrb,
    input  wire                  s_axil_wvalid,
    output wire                  s_axil_wready,
    output wire [1:0]            s_axil_bresp,
    output wire                  s_axil_bvalid,
    input  wire                  s_axil_bready,
    input  wire [15:0]           s_axil_araddr,
    input  wire [2:0]            s_axil_arprot,
    input  wire                  s_axil_arvalid,
    output wire                  s_axil_arready,
    output wire [31:0]           s_axil_rdata,
    output wire [1:0]            s_axil_rresp,
    output wire                  s_axil_rvalid,
    input  wire                  s_axil_rready,
    output wire                  irq,

    // transfer instruction
    output wire                  ti_valid,
    input  wire                  ti_ready,
    output wire [3:0]            ti_op,
    output wire                  ti_port,             // of an initiator operation
    output wire [7:0]            ti_task,
    output wire [8:0]            ti_slot,
    output wire [11:0]           ti_offset,
    output wire [16:0]           ti_length,
    output wire [31:0]           ti_relative_offset,
    output wire [23:0]           ti_port_id,
    output wire [15:0]           ti_lun,
    output wire [31:0]           ti_lba,
    output wire [7:0]            ti_status,
    output wire [23:0]           ti_sense,
    output wire [31:0]           ti_residual,
    output wire                  ti_residual_under,
    output wire                  ti_residual_over,
    output wire                  ti_rsp_code_valid,
    output wire [7:0]            ti_rsp_code,

    // host request
    input  wire                  hr_valid,
    output wire                  hr_ready,
    input  wire [1:0]            hr_op,
    input  wire [7:0]            hr_task,
    input  wire [23:0]           hr_port_id,
    input  wire [6:0]            hr_login,
    input  wire [63:0]           hr_lun,
    input  wire [127:0]          hr_cdb,
    input  wire [31:0]           hr_length,
    input  wire                  hr_read,
    input  wire                  hr_write,
    input  wire [2:0]            hr_attribute,
    input  wire [7:0]            hr_task_management,

    // completion
    input  wire                  done_valid,
    output wire                  done_ready,
    input  wire [3:0]            done_op,
    input  wire [7:0]            done_task,
    input  wire [8:0]            done_slot,
    input  wire [7:0]            done_status,
    input  wire [7:0]            done_scsi_status,
    input  wire [23:0]           done_sense,

    // login event
    input  wire                  login_event_valid,
    input  wire [6:0]            login_event_index,
    input  wire [63:0]           login_event_wwpn,
    input  wire [4:0]            login_event_initiator,
    input  wire [15:0]           login_event_hidden,

    // logout events of each port
    input  wire [PORTS-1:0]      logout_event_valid,
    input  wire [PORTS*24-1:0]   logout_event_id,
    input  wire [PORTS-1:0]      logout_event_all,

    // class preference
    output wire [PORTS-1:0]      prefer_backup,
    input  wire [PORTS-1:0]      online_waiting,
    input  wire [PORTS-1:0]      stat_backup_frame,
    input  wire [PORTS*12-1:0]   stat_frame_bytes,

    // chunk service of the cache: clients 0 host engine, 1 backup engine
    output wire [1:0]            chunk_valid,
    input  wire [1:0]            chunk_ready,
    output wire [5:0]            chunk_op,
    output wire [17:0]           chunk_slot,
    output wire [15:0]           chunk_volume,
    output wire [63:0]           chunk_lba,
    output wire [15:0]           chunk_blocks,
    input  wire [1:0]            chunk_rsp_valid,
    output wire [1:0]            chunk_rsp_ready,
    input  wire [5:0]            chunk_rsp_op,
    input  wire [17:0]           chunk_rsp_slot,
    input  wire [1:0]            chunk_rsp_error,

    // segment list and cache back port, for the page service
    output wire                  sl_wr_valid,
    input  wire                  sl_wr_ready,
    output wire [8:0]            sl_wr_slot,
    output wire [4:0]            sl_wr_index,
    output wire [19:0]           sl_wr_line,
    output wire [8:0]            sl_rd_slot,
    output wire [4:0]            sl_rd_index,
    input  wire [19:0]           sl_rd_line,
    output wire                  bk_valid,
    input  wire                  bk_ready,
    output wire                  bk_write,
    output wire [19:0]           bk_line,
    output wire [127:0]          bk_wdata,
    input  wire                  bk_rdata_valid,
    input  wire [127:0]          bk_rdata,

    // management information store: clients 0 registers, 1 backup engine, 2 load monitor, 3 time supervisor
    output wire [3:0]            mis_valid,
    input  wire [3:0]            mis_ready,
    output wire [3:0]            mis_write,
    output wire [4*10-1:0]       mis_addr,
    output wire [4*32-1:0]       mis_wdata,
    /* verilator lint_off UNUSEDSIGNAL */ // two clients only write
    input  wire [3:0]            mis_rdata_valid,
    input  wire [4*32-1:0]       mis_rdata,
    /* verilator lint_on UNUSEDSIGNAL */

    // configuration from the registers
    output wire [PORTS-1:0]      link_enable,
    output wire [PORTS-1:0]      link_reset_request,
    output wire [PORTS*64-1:0]   cfg_wwpn,
    output wire [PORTS*64-1:0]   cfg_wwnn,
    output wire [PORTS*16-1:0]   cfg_e_d_tov_ticks,
    output wire [PORTS*16-1:0]   cfg_r_a_tov_ticks,
    output wire [PORTS*16-1:0]   cfg_r_t_tov_ticks,
    output wire [VOLUMES*32-1:0] cfg_volume_base,
    output wire [VOLUMES*32-1:0] cfg_volume_blocks,
    output wire                  flush,

    // status for the registers
    input  wire [PORTS*4-1:0]    status_link_state,
    input  wire [PORTS-1:0]      status_fabric_login,
    input  wire [PORTS*8-1:0]    status_logins,
    input  wire [PORTS*9-1:0]    status_open_tasks,
    input  wire [PORTS*8-1:0]    status_tx_credit,
    input  wire [PORTS*24-1:0]   my_id,
    input  wire [PORTS*512-1:0]  lesb,
    input  wire [PORTS*512-1:0]  port_counters,
    input  wire                  status_clean,
    input  wire                  status_unpinned,

    // strobes to count: read hit, read miss, staged, destaged, stage error, destage error, acquire put back, drive error
    input  wire [7:0]            stat_events
);

    localparam COUNTED = 18;   // counters that are kept here
    localparam COUNTERS = COUNTED + 2;
    localparam HOST_TASKS = PORTS * TASKS;
    localparam JOBS = 8;
    localparam SCHEDULES = 4;
    localparam [7:0] COPY_CHUNK = 8'd128;  // blocks of a chunk of an EXTENDED COPY

    /* Volumes and backup job, from the registers. */
    wire [VOLUMES*2-1:0] cfg_volume_flags;
    wire [7:0]  backup_volume;
    wire [23:0] backup_port_id;
    wire [15:0] backup_lun;
    wire [31:0] backup_lba;
    wire [7:0]  backup_chunk;
    wire [31:0] copy_pointer;
    wire [PORTS-1:0] backup_ports;
    wire        copy_set;
    wire [PORTS-1:0] backup_active;
    wire [JOBS*4-1:0]  job_state;
    wire [31:0] job_data;
    wire [31:0] job_0_pointer;
    wire [31:0] job_0_copy;
    wire [15:0] job_0_error;
    wire [23:0] job_0_sense;
    wire        job_follow;
    wire [31:0] follow_pointer;
    wire [15:0] follow_error;
    wire [23:0] follow_sense;
    wire [PORTS-1:0] job_mask;
    wire        job_started;
    wire        job_active;
    wire        job_valid;
    wire        job_ready;
    wire [2:0]  job_command;
    wire [2:0]  job_number;
    wire [1:0]  job_kind;
    wire        job_answer;
    wire [7:0]  job_refused;

    /* Orders of the console and of the time supervisor. */
    /* verilator lint_off UNUSEDSIGNAL */ // which of a unit's registers; what is for waves only
    wire [15:0] look_address;
    wire        timed_stored;
    wire        timed_started;
    wire        timed_refused;
    wire        window_end;
    /* verilator lint_on UNUSEDSIGNAL */
    wire        look;
    wire [31:0] command_data;
    wire        console_valid;
    wire        console_ready;
    wire        console_answer;
    wire [7:0]  console_refused;
    wire [7:0]  status_refused;
    wire        timed_valid;
    wire        timed_ready;
    wire [2:0]  timed_command;
    wire [2:0]  timed_number;
    wire        timed_answer;

    /* Clock and schedules: registers CONTROL, DUE, PERIOD, LAST of an entry are its fields 0, 1, 2, 3. */
    wire [15:0] cfg_ticks_per_second;
    wire        clock_set;
    wire [31:0] clock_set_seconds;
    wire [31:0] seconds;
    wire        schedule_valid;
    wire        schedule_ready;
    wire        schedule_refused;
    wire [31:0] schedule_data;

    /* Load of the ports, and where the backup goes. */
    wire [15:0] cfg_load_window;
    wire [31:0] cfg_load_floor;
    wire [15:0] cfg_rebalance;
    wire [31:0] cfg_rebalance_margin;
    wire [31:0] cfg_spread_floor;
    wire [PORTS*2-1:0]  cfg_usage;
    wire [PORTS*32-1:0] load_io;
    wire [PORTS*32-1:0] load_amount;
    wire [PORTS-1:0]    load_sequential;
    wire [31:0] controller_io;
    wire [31:0] controller_amount;
    wire [31:0] load_windows;
    wire [PORTS-1:0] place_ports;
    wire [15:0] moves;
    wire        command_taken;
    wire [7:0]  command_task;
    wire        command_write;
    wire [3:0]  command_volume;
    wire [31:0] command_lba;
    wire [31:0] command_blocks;

    wire        event_done;
    wire        event_failed;
    wire        backup_ti_port;
    wire        cfg_backup_first;
    wire [31:0] cfg_backup_quantum;
    wire [31:0] cfg_online_time;

    wire        stat_read;
    wire        stat_write;
    wire [16:0] stat_bytes;
    wire [8:0]  host_open;
    wire        stat_chunk;
    wire        stat_retry;
    wire [PORTS-1:0] stat_quantum;
    wire [PORTS-1:0] stat_quantum_short;

    reg [PORTS-1:0] port_ready;    // link and fabric login are fine
    reg [PORTS-1:0] usable_ports;  // table 640 lets a backup use them
    reg [PORTS-1:0] load_command;  // the port whose host sent it
    integer u;

    always @*
        for (u = 0; u < PORTS; u = u + 1) begin
            port_ready[u] = status_link_state[4*u +: 4] == 4'd0 && status_fabric_login[u];
            usable_ports[u] = !cfg_usage[2*u];
            load_command[u] = command_taken && {24'd0, command_task} >= u * TASKS && {24'd0, command_task} < (u + 1) * TASKS;
        end

    /* Counters 0400h on; they wrap. The last two pairs are bytes read and written, low word first; then two states. */
    reg [COUNTED*32-1:0] counters_reg;
    wire        counts = |stat_events || stat_write || stat_read || stat_chunk || stat_retry || |stat_quantum;
    integer n;

    always @(posedge clk) begin
        if (counts) begin : count
            reg [COUNTED*32-1:0] next;
            reg [11:0]           events;
            next = counters_reg;
            events = {stat_retry, stat_chunk, stat_read, stat_events[7:2], stat_write, stat_events[1:0]};
            for (n = 0; n < 12; n = n + 1)
                if (events[n])
                    next[32*n +: 32] = next[32*n +: 32] + 32'd1;
            for (n = 0; n < PORTS; n = n + 1) begin
                next[32*12 +: 32] = next[32*12 +: 32] + {31'd0, stat_quantum[n]};
                next[32*13 +: 32] = next[32*13 +: 32] + {31'd0, stat_quantum_short[n]};
            end
            if (stat_read)
                next[32*14 +: 64] = next[32*14 +: 64] + {47'd0, stat_bytes};
            if (stat_write)
                next[32*16 +: 64] = next[32*16 +: 64] + {47'd0, stat_bytes};
            counters_reg <= next;
        end
        if (rst)
            counters_reg <= {COUNTED*32{1'b0}};
    end

    initial counters_reg = {COUNTED*32{1'b0}};

    reg [31:0] counter_data;

    always @* begin
        counter_data = 32'd0;
        if (look)
            case (look_address[6:2])
                5'd18: counter_data = {23'd0, host_open};
                5'd19: counter_data = job_0_copy;
                default: counter_data = counters_reg[32*look_address[6:2] +: 32];
            endcase
    end

    /* Transfer instructions: host and backup take turns; a choice shown stays until it is taken. */
    wire        host_ti_valid;
    wire        host_ti_ready;
    wire [3:0]  host_ti_op;
    wire [7:0]  host_ti_task;
    wire [8:0]  host_ti_slot;
    wire [11:0] host_ti_offset;
    wire [16:0] host_ti_length;
    wire [31:0] host_ti_relative_offset;
    wire [23:0] host_ti_port_id;
    wire [15:0] host_ti_lun;
    wire [31:0] host_ti_lba;
    wire [7:0]  host_ti_status;
    wire [23:0] host_ti_sense;
    wire [31:0] host_ti_residual;
    wire        host_ti_residual_under;
    wire        host_ti_residual_over;
    wire        host_ti_rsp_code_valid;
    wire [7:0]  host_ti_rsp_code;
    wire        backup_ti_valid;
    wire        backup_ti_ready;
    wire [3:0]  backup_ti_op;
    wire [8:0]  backup_ti_slot;
    wire [11:0] backup_ti_offset;
    wire [16:0] backup_ti_length;
    wire [23:0] backup_ti_port_id;
    wire [15:0] backup_ti_lun;
    wire [31:0] backup_ti_lba;

    reg  turn_reg;     // 1: it is the backup's turn
    reg  held_reg;
    reg  held_backup_reg;
    wire choose_backup = held_reg ? held_backup_reg : backup_ti_valid && (turn_reg || !host_ti_valid);

    assign ti_valid = host_ti_valid || backup_ti_valid;
    assign ti_op = choose_backup ? backup_ti_op : host_ti_op;
    assign ti_port = choose_backup && backup_ti_port;
    assign ti_task = choose_backup ? 8'd0 : host_ti_task;
    assign ti_slot = choose_backup ? backup_ti_slot : host_ti_slot;
    assign ti_offset = choose_backup ? backup_ti_offset : host_ti_offset;
    assign ti_length = choose_backup ? backup_ti_length : host_ti_length;
    assign ti_relative_offset = choose_backup ? 32'd0 : host_ti_relative_offset;
    assign ti_port_id = choose_backup ? backup_ti_port_id : host_ti_port_id;
    assign ti_lun = choose_backup ? backup_ti_lun : host_ti_lun;
    assign ti_lba = choose_backup ? backup_ti_lba : host_ti_lba;
    assign ti_status = choose_backup ? 8'd0 : host_ti_status;
    assign ti_sense = choose_backup ? 24'd0 : host_ti_sense;
    assign ti_residual = choose_backup ? 32'd0 : host_ti_residual;
    assign ti_residual_under = !choose_backup && host_ti_residual_under;
    assign ti_residual_over = !choose_backup && host_ti_residual_over;
    assign ti_rsp_code_valid = !choose_backup && host_ti_rsp_code_valid;
    assign ti_rsp_code = choose_backup ? 8'd0 : host_ti_rsp_code;
    assign host_ti_ready = ti_ready && !choose_backup;
    assign backup_ti_ready = ti_ready && choose_backup;

    always @(posedge clk) begin
        held_reg <= ti_valid && !ti_ready;
        held_backup_reg <= choose_backup;
        if (ti_valid && ti_ready)
            turn_reg <= !choose_backup;
        if (rst) begin
            held_reg <= 1'b0;
            held_backup_reg <= 1'b0;
            turn_reg <= 1'b0;
        end
    end

    initial begin
        held_reg = 1'b0;
        held_backup_reg = 1'b0;
        turn_reg = 1'b0;
    end

    /* Completions: operations from 8 on are of the initiator. */
    wire host_done_ready;
    wire backup_done_ready;
    assign done_ready = done_op[3] ? backup_done_ready : host_done_ready;

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

    // logouts of two ports
    wire [1:0]  logouts = {PORTS > 1 && logout_event_valid[PORTS-1], logout_event_valid[0]};
    wire [1:0]  logouts_all = {PORTS > 1 && logout_event_all[PORTS-1], logout_event_all[0]};
    wire [47:0] logout_ids = {logout_event_id[PORTS*24-1 -: 24], logout_event_id[23:0]};
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
    wire        copy_job_valid;
    wire        copy_job_ready;
    wire [2:0]  copy_job_command;
    wire [2:0]  copy_job_number;
    wire        copy_job_answer;
    wire [7:0]  copy_job_volume;
    wire [23:0] copy_job_port_id;
    wire [15:0] copy_job_lun;
    wire [31:0] copy_job_lba;
    wire [PORTS-1:0] copy_job_ports;
    wire [31:0] copy_job_first;
    wire [31:0] copy_job_end;
    wire        job_part;  // the order to the engine is the copy manager's
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

    page_service #(.PORTS(PORTS), .TASKS(TASKS), .VOLUMES(VOLUMES), .SEGMENTS(SEGMENTS)) page_service_inst (
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
        .logout_valid(logouts), .logout_id(logout_ids), .logout_all(logouts_all),
        .reset_volumes(reset_volumes), .raise_valid(raise_valid), .raise_ready(raise_ready), .raise_condition(raise_condition),
        .raise_initiators(raise_initiators), .raise_volumes(raise_volumes),
        .sl_wr_valid(sl_wr_valid), .sl_wr_ready(sl_wr_ready), .sl_wr_slot(sl_wr_slot), .sl_wr_index(sl_wr_index), .sl_wr_line(sl_wr_line),
        .sl_rd_slot(sl_rd_slot), .sl_rd_index(sl_rd_index), .sl_rd_line(sl_rd_line),
        .bk_valid(bk_valid), .bk_ready(bk_ready), .bk_write(bk_write), .bk_line(bk_line), .bk_wdata(bk_wdata),
        .bk_rdata_valid(bk_rdata_valid), .bk_rdata(bk_rdata),
        .cfg_wwnn(cfg_wwnn[63:0]), .cfg_volume_blocks(cfg_volume_blocks), .cfg_volume_flags(cfg_volume_flags),
        .software_protect(software_protect)
    );

    host_engine #(.PORTS(PORTS), .TASKS(HOST_TASKS), .VOLUMES(VOLUMES), .SEGMENTS(SEGMENTS)) host_engine_inst (
        .clk(clk), .rst(rst),
        .hr_valid(hr_valid), .hr_ready(hr_ready), .hr_op(hr_op), .hr_task(hr_task), .hr_port_id(hr_port_id), .hr_login(hr_login),
        .hr_lun(hr_lun), .hr_cdb(hr_cdb), .hr_length(hr_length), .hr_read(hr_read), .hr_write(hr_write),
        .hr_attribute(hr_attribute), .hr_task_management(hr_task_management),
        .login_event_valid(login_event_valid), .login_event_index(login_event_index),
        .login_event_initiator(login_event_initiator), .login_event_hidden(login_event_hidden),
        .ti_valid(host_ti_valid), .ti_ready(host_ti_ready), .ti_op(host_ti_op), .ti_task(host_ti_task), .ti_slot(host_ti_slot),
        .ti_offset(host_ti_offset), .ti_length(host_ti_length), .ti_relative_offset(host_ti_relative_offset),
        .ti_port_id(host_ti_port_id), .ti_lun(host_ti_lun), .ti_lba(host_ti_lba), .ti_status(host_ti_status), .ti_sense(host_ti_sense),
        .ti_residual(host_ti_residual), .ti_residual_under(host_ti_residual_under), .ti_residual_over(host_ti_residual_over),
        .ti_rsp_code_valid(host_ti_rsp_code_valid), .ti_rsp_code(host_ti_rsp_code),
        .done_valid(done_valid && !done_op[3]), .done_ready(host_done_ready), .done_op(done_op), .done_task(done_task),
        .done_slot(done_slot), .done_status(done_status), .done_scsi_status(done_scsi_status), .done_sense(done_sense),
        .chunk_valid(chunk_valid[0]), .chunk_ready(chunk_ready[0]), .chunk_op(chunk_op[2:0]), .chunk_slot(chunk_slot[8:0]),
        .chunk_volume(chunk_volume[7:0]), .chunk_lba(chunk_lba[31:0]), .chunk_blocks(chunk_blocks[7:0]),
        .chunk_rsp_valid(chunk_rsp_valid[0]), .chunk_rsp_ready(chunk_rsp_ready[0]), .chunk_rsp_op(chunk_rsp_op[2:0]),
        .chunk_rsp_slot(chunk_rsp_slot[8:0]), .chunk_rsp_error(chunk_rsp_error[0]),
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
        .stat_read(stat_read), .stat_write(stat_write), .stat_bytes(stat_bytes), .status_open(host_open),
        .command_taken(command_taken), .command_task(command_task), .command_write(command_write), .command_volume(command_volume),
        .command_lba(command_lba), .command_blocks(command_blocks)
    );

    /* EXTENDED COPY. */
    copy_manager #(.PORTS(PORTS), .JOBS(JOBS), .SEGMENTS(SEGMENTS)) copy_manager_inst (
        .clk(clk), .rst(rst),
        .copy_valid(copy_valid), .copy_ready(copy_ready), .copy_task(copy_task), .copy_volume(copy_volume),
        .copy_initiator(copy_initiator), .copy_length(copy_length), .copy_abort(copy_abort), .copy_done_valid(copy_done_valid),
        .copy_done_ready(copy_done_ready), .copy_done_task(copy_done_task), .copy_done_status(copy_done_status),
        .copy_done_sense(copy_done_sense), .copy_done_left(copy_done_left), .copy_done_segment(copy_done_segment),
        .find(find), .find_key(find_key), .find_done(find_done), .find_hit(find_hit), .find_ended(find_ended), .find_result(find_result),
        .line_valid(line_valid), .line(line), .line_done(line_done), .line_data(bk_rdata),
        .job_valid(copy_job_valid), .job_ready(copy_job_ready), .job_command(copy_job_command), .job_number(copy_job_number),
        .job_answer(copy_job_answer), .job_refused(job_refused), .job_volume(copy_job_volume), .job_port_id(copy_job_port_id),
        .job_lun(copy_job_lun), .job_lba(copy_job_lba), .job_ports(copy_job_ports), .job_first(copy_job_first), .job_end(copy_job_end),
        .job_state(job_state), .job_follow(job_follow), .job_pointer(follow_pointer), .job_error(follow_error), .job_sense(follow_sense),
        .cfg_wwnn(cfg_wwnn[63:0])
    );

    /* Backup: orders of console, time supervisor and copy manager, the engine, the load of the ports and where chunks go. */
    job_commands job_commands_inst (
        .clk(clk), .rst(rst),
        .console_valid(console_valid), .console_ready(console_ready), .console_data(command_data), .console_answer(console_answer),
        .console_refused(console_refused), .status_refused(status_refused),
        .timed_valid(timed_valid), .timed_ready(timed_ready), .timed_command(timed_command), .timed_number(timed_number),
        .timed_answer(timed_answer),
        .copy_valid(copy_job_valid), .copy_ready(copy_job_ready), .copy_command(copy_job_command), .copy_number(copy_job_number),
        .copy_answer(copy_job_answer), .job_part(job_part),
        .job_valid(job_valid), .job_ready(job_ready), .job_command(job_command), .job_number(job_number), .job_kind(job_kind),
        .job_answer(job_answer), .job_refused(job_refused)
    );

    array_clock array_clock_inst (
        .clk(clk), .tick(tick), .cfg_ticks_per_second(cfg_ticks_per_second), .set_valid(clock_set), .set_seconds(clock_set_seconds),
        .seconds(seconds)
    );

    time_supervisor #(.SCHEDULES(SCHEDULES)) time_supervisor_inst (
        .clk(clk), .rst(rst), .seconds(seconds),
        .write_valid(schedule_valid), .write_ready(schedule_ready), .write_entry(look_address[5:4]),
        .write_field(look_address[3:2]), .write_data(command_data), .write_refused(schedule_refused),
        .read_valid(look), .read_entry(look_address[5:4]), .read_field(look_address[3:2]), .read_data(schedule_data),
        .status_stored(timed_stored),
        .job_valid(timed_valid), .job_ready(timed_ready), .job_command(timed_command), .job_number(timed_number),
        .job_answer(timed_answer), .job_refused(job_refused), .stat_started(timed_started), .stat_refused(timed_refused),
        .mis_valid(mis_valid[3]), .mis_ready(mis_ready[3]), .mis_write(mis_write[3]), .mis_addr(mis_addr[39:30]),
        .mis_wdata(mis_wdata[127:96]), .mis_rdata_valid(mis_rdata_valid[3]), .mis_rdata(mis_rdata[127:96])
    );

    load_monitor #(.PORTS(PORTS)) load_monitor_inst (
        .clk(clk), .rst(rst), .tick(tick), .cfg_load_window(cfg_load_window),
        .command(load_command), .command_write({PORTS{command_write}}), .command_volume({PORTS{command_volume}}),
        .command_lba({PORTS{command_lba}}), .command_blocks({PORTS{command_blocks}}),
        .load_io(load_io), .load_amount(load_amount), .load_sequential(load_sequential), .controller_io(controller_io),
        .controller_amount(controller_amount), .load_windows(load_windows), .window_end(window_end),
        .mis_valid(mis_valid[2]), .mis_ready(mis_ready[2]), .mis_write(mis_write[2]), .mis_addr(mis_addr[29:20]),
        .mis_wdata(mis_wdata[95:64])
    );

    backup_placement #(.CONTROLLERS(1), .PORTS(PORTS)) backup_placement_inst (
        .clk(clk), .rst(rst), .tick(tick),
        .cfg_usage(cfg_usage), .cfg_rebalance(cfg_rebalance), .cfg_rebalance_margin(cfg_rebalance_margin),
        .cfg_spread_floor(cfg_spread_floor), .cfg_load_floor(cfg_load_floor),
        .port_ready(port_ready), .load_amount(load_amount), .load_sequential(load_sequential),
        .controller_io(controller_io), .controller_amount(controller_amount), .holder(1'b0),
        .job_active(job_active), .job_started(job_started), .job_mask(job_mask), .place_ports(place_ports), .moves(moves)
    );

    backup_engine #(
        .TASKS(HOST_TASKS), .BACKUP_SLOTS(BACKUP_SLOTS), .VOLUMES(VOLUMES), .PORTS(PORTS), .JOBS(JOBS)
    ) backup_engine_inst (
        .clk(clk), .rst(rst), .tick(tick),
        .job_valid(job_valid), .job_ready(job_ready), .job_command(job_command), .job_number(job_number), .job_kind(job_kind),
        .job_answer(job_answer), .job_refused(job_refused),
        .cfg_volume(job_part ? copy_job_volume : backup_volume), .cfg_port_id(job_part ? copy_job_port_id : backup_port_id),
        .cfg_lun(job_part ? copy_job_lun : backup_lun), .cfg_lba(job_part ? copy_job_lba : backup_lba),
        .cfg_chunk(job_part ? COPY_CHUNK : backup_chunk),
        .cfg_copy_pointer(copy_pointer), .cfg_ports(job_part ? copy_job_ports : backup_ports), .cfg_part(job_part),
        .cfg_first(copy_job_first), .cfg_end(copy_job_end), .copy_set(copy_set), .cfg_volume_blocks(cfg_volume_blocks),
        .cfg_volume_flags(cfg_volume_flags), .my_id(my_id),
        .usable_ports(usable_ports), .place_ports(place_ports), .job_mask(job_mask), .job_started(job_started),
        .job_active(job_active), .backup_active(backup_active),
        .job_state(job_state), .read_valid(look), .read_number(look_address[7:5]), .read_word(look_address[4:2]), .read_data(job_data),
        .follow(job_follow), .follow_number(copy_job_number), .follow_pointer(follow_pointer), .follow_error(follow_error),
        .follow_sense(follow_sense), .first_pointer(job_0_pointer), .first_copy(job_0_copy), .first_error(job_0_error),
        .first_sense(job_0_sense),
        .event_done(event_done), .event_failed(event_failed), .stat_chunk(stat_chunk), .stat_retry(stat_retry),
        .chunk_valid(chunk_valid[1]), .chunk_ready(chunk_ready[1]), .chunk_op(chunk_op[5:3]), .chunk_slot(chunk_slot[17:9]),
        .chunk_volume(chunk_volume[15:8]), .chunk_lba(chunk_lba[63:32]), .chunk_blocks(chunk_blocks[15:8]),
        .chunk_rsp_valid(chunk_rsp_valid[1]), .chunk_rsp_ready(chunk_rsp_ready[1]), .chunk_rsp_op(chunk_rsp_op[5:3]),
        .chunk_rsp_slot(chunk_rsp_slot[17:9]), .chunk_rsp_error(chunk_rsp_error[1]),
        .ti_valid(backup_ti_valid), .ti_ready(backup_ti_ready), .ti_op(backup_ti_op), .ti_port(backup_ti_port), .ti_slot(backup_ti_slot),
        .ti_offset(backup_ti_offset),
        .ti_length(backup_ti_length), .ti_port_id(backup_ti_port_id), .ti_lun(backup_ti_lun), .ti_lba(backup_ti_lba),
        .done_valid(done_valid && done_op[3]), .done_ready(backup_done_ready), .done_op(done_op), .done_slot(done_slot),
        .done_status(done_status), .done_scsi_status(done_scsi_status), .done_sense(done_sense),
        .mis_valid(mis_valid[1]), .mis_ready(mis_ready[1]), .mis_write(mis_write[1]), .mis_addr(mis_addr[19:10]),
        .mis_wdata(mis_wdata[63:32])
    );

    /* One table 670, one arbiter for each port. */
    genvar p;
    generate
        for (p = 0; p < PORTS; p = p + 1) begin : port
            priority_arbiter priority_arbiter_inst (
                .clk(clk), .rst(rst),
                .cfg_backup_first(cfg_backup_first), .cfg_backup_quantum(cfg_backup_quantum), .cfg_online_time(cfg_online_time),
                .backup_active(backup_active[p]), .online_waiting(online_waiting[p]), .stat_backup_frame(stat_backup_frame[p]),
                .stat_frame_bytes(stat_frame_bytes[12*p +: 12]), .prefer_backup(prefer_backup[p]),
                .stat_quantum(stat_quantum[p]), .stat_quantum_short(stat_quantum_short[p])
            );
        end
    endgenerate

    /* Interrupts. */
    wire [PORTS-1:0] event_port_lost;

    port_lost #(.PORTS(PORTS)) port_lost_inst (
        .clk(clk), .rst(rst), .link_enable(link_enable), .status_link_state(status_link_state), .event_port_lost(event_port_lost)
    );

    management_registers #(
        .TASKS(TASKS), .BACKUP_SLOTS(BACKUP_SLOTS), .RX_BUFFERS(RX_BUFFERS), .VOLUMES(VOLUMES), .SEGMENTS(SEGMENTS),
        .COUNTERS(COUNTERS), .DRIVE_BLOCKS(DRIVE_BLOCKS), .PORTS(PORTS)
    ) management_registers_inst (
        .clk(clk), .rst(rst),
        .s_axil_awaddr(s_axil_awaddr), .s_axil_awprot(s_axil_awprot), .s_axil_awvalid(s_axil_awvalid), .s_axil_awready(s_axil_awready),
        .s_axil_wdata(s_axil_wdata), .s_axil_wstrb(s_axil_wstrb), .s_axil_wvalid(s_axil_wvalid), .s_axil_wready(s_axil_wready),
        .s_axil_bresp(s_axil_bresp), .s_axil_bvalid(s_axil_bvalid), .s_axil_bready(s_axil_bready),
        .s_axil_araddr(s_axil_araddr), .s_axil_arprot(s_axil_arprot), .s_axil_arvalid(s_axil_arvalid), .s_axil_arready(s_axil_arready),
        .s_axil_rdata(s_axil_rdata), .s_axil_rresp(s_axil_rresp), .s_axil_rvalid(s_axil_rvalid), .s_axil_rready(s_axil_rready),
        .mis_valid(mis_valid[0]), .mis_ready(mis_ready[0]), .mis_write(mis_write[0]), .mis_addr(mis_addr[9:0]),
        .mis_wdata(mis_wdata[31:0]), .mis_rdata_valid(mis_rdata_valid[0]), .mis_rdata(mis_rdata[31:0]),
        .link_enable(link_enable), .link_reset_request(link_reset_request), .cfg_wwpn(cfg_wwpn), .cfg_wwnn(cfg_wwnn),
        .cfg_e_d_tov_ticks(cfg_e_d_tov_ticks), .cfg_r_a_tov_ticks(cfg_r_a_tov_ticks), .cfg_r_t_tov_ticks(cfg_r_t_tov_ticks),
        .status_link_state(status_link_state), .status_fabric_login(status_fabric_login), .status_logins(status_logins),
        .status_open_tasks(status_open_tasks), .status_tx_credit(status_tx_credit), .my_id(my_id), .lesb(lesb), .port_counters(port_counters),
        .flush(flush), .status_clean(status_clean), .status_unpinned(status_unpinned),
        .event_done(event_done), .event_failed(event_failed), .event_port_lost(event_port_lost), .irq(irq),
        .cfg_volume_base(cfg_volume_base), .cfg_volume_blocks(cfg_volume_blocks), .cfg_volume_flags(cfg_volume_flags),
        .counter_data(counter_data), .job_data(job_data), .schedule_data(schedule_data),
        .cfg_backup_volume(backup_volume), .cfg_backup_port_id(backup_port_id), .cfg_backup_lun(backup_lun),
        .cfg_backup_lba(backup_lba), .cfg_backup_chunk(backup_chunk), .cfg_copy_pointer(copy_pointer),
        .cfg_backup_ports(backup_ports), .copy_set(copy_set),
        .job_valid(console_valid), .job_ready(console_ready), .job_answer(console_answer), .job_refused(console_refused),
        .status_backup_state(job_state[3:0]), .status_backup_pointer(job_0_pointer), .status_backup_error(job_0_error),
        .status_backup_sense({8'd0, job_0_sense}), .status_refused(status_refused),
        .look(look), .look_address(look_address), .command_data(command_data),
        .seconds(seconds), .clock_set(clock_set), .clock_set_seconds(clock_set_seconds), .cfg_ticks_per_second(cfg_ticks_per_second),
        .schedule_valid(schedule_valid), .schedule_ready(schedule_ready), .schedule_answer(schedule_valid && schedule_ready),
        .schedule_refused({7'd0, schedule_refused}),
        .cfg_load_window(cfg_load_window), .cfg_load_floor(cfg_load_floor), .cfg_rebalance(cfg_rebalance),
        .cfg_rebalance_margin(cfg_rebalance_margin), .cfg_spread_floor(cfg_spread_floor), .cfg_usage(cfg_usage),
        .load_io(load_io), .load_amount(load_amount), .load_sequential(load_sequential), .load_windows(load_windows),
        .status_place_ports({{2-PORTS{1'b0}}, place_ports}), .status_moves(moves),
        .cfg_backup_first(cfg_backup_first), .cfg_backup_quantum(cfg_backup_quantum), .cfg_online_time(cfg_online_time)
    );

endmodule

`resetall
