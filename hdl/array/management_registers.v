// SPDX-License-Identifier: Apache-2.0
// Generated from hdl/array/management_registers.rdl by `portplex registers`; a test keeps both equal.
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Registers of the management console: an AXI4-Lite slave with configuration, status, the backup job, tables of the
   management information store and a window to that store. Meaning of each register: docs/registers.md. */
module management_registers #(
    parameter TASKS = 32, // 1 to 256
    parameter BACKUP_SLOTS = 4, // 1 to 16
    parameter RX_BUFFERS = 8, // 1 to 64
    parameter VOLUMES = 4, // 1 to 16
    parameter SEGMENTS = 512, // cache segments
    parameter COUNTERS = 20, // counters from 0400h on, 1 to 64
    parameter DRIVE_BLOCKS = 32768, // blocks of the drive, the most a volume can have
    parameter PORTS = 1 // 1 or 2
) (
    input  wire                   clk,
    input  wire                   rst,

    // AXI4-Lite slave
    input  wire [15:0]            s_axil_awaddr,
    input  wire [2:0]             s_axil_awprot,
    input  wire                   s_axil_awvalid,
    output wire                   s_axil_awready,
    input  wire [31:0]            s_axil_wdata,
    input  wire [3:0]             s_axil_wstrb,
    input  wire                   s_axil_wvalid,
    output wire                   s_axil_wready,
    output wire [1:0]             s_axil_bresp,
    output wire                   s_axil_bvalid,
    input  wire                   s_axil_bready,
    input  wire [15:0]            s_axil_araddr,
    input  wire [2:0]             s_axil_arprot,
    input  wire                   s_axil_arvalid,
    output wire                   s_axil_arready,
    output wire [31:0]            s_axil_rdata,
    output wire [1:0]             s_axil_rresp,
    output wire                   s_axil_rvalid,
    input  wire                   s_axil_rready,

    // management information store
    output wire                   mis_valid,
    input  wire                   mis_ready,
    output wire                   mis_write,
    output wire [9:0]             mis_addr,
    output wire [31:0]            mis_wdata,
    input  wire                   mis_rdata_valid,
    input  wire [31:0]            mis_rdata,

    // Array
    input  wire                   status_clean,
    input  wire                   status_unpinned,
    output reg                    flush,
    output reg                    irq,
    input  wire                   event_done,
    input  wire                   event_failed,
    input  wire [PORTS-1:0]       event_port_lost,

    // Clock
    input  wire [31:0]            seconds,
    output reg  [31:0]            clock_set_seconds,
    output reg                    clock_set,
    output reg  [15:0]            cfg_ticks_per_second,

    // Load and placement of the backup
    output reg  [15:0]            cfg_load_window,
    output reg  [31:0]            cfg_load_floor,
    output reg  [15:0]            cfg_rebalance,
    output reg  [31:0]            cfg_rebalance_margin,
    output reg  [31:0]            cfg_spread_floor,
    input  wire [31:0]            load_windows,
    input  wire [1:0]             status_place_ports,
    input  wire [15:0]            status_moves,

    // Ports
    output reg  [PORTS*1-1:0]     link_enable,
    output reg  [PORTS*1-1:0]     link_reset_request,
    input  wire [PORTS*4-1:0]     status_link_state,
    input  wire [PORTS*1-1:0]     status_fabric_login,
    input  wire [PORTS*8-1:0]     status_logins,
    input  wire [PORTS*9-1:0]     status_open_tasks,
    output reg  [PORTS*64-1:0]    cfg_wwpn,
    output reg  [PORTS*64-1:0]    cfg_wwnn,
    input  wire [PORTS*24-1:0]    my_id,
    output reg  [PORTS*16-1:0]    cfg_e_d_tov_ticks,
    output reg  [PORTS*16-1:0]    cfg_r_a_tov_ticks,
    output reg  [PORTS*16-1:0]    cfg_r_t_tov_ticks,
    output reg  [PORTS*2-1:0]     cfg_usage,
    input  wire [PORTS*32-1:0]    load_io,
    input  wire [PORTS*32-1:0]    load_amount,
    input  wire [PORTS*1-1:0]     load_sequential,
    input  wire [PORTS*8-1:0]     status_tx_credit,
    input  wire [PORTS*16*32-1:0] lesb,
    input  wire [PORTS*16*32-1:0] port_counters,

    // Logical volumes
    output reg  [VOLUMES*32-1:0]  cfg_volume_base,
    output reg  [VOLUMES*32-1:0]  cfg_volume_blocks,
    output reg  [VOLUMES*2-1:0]   cfg_volume_flags,

    // Backup job
    output reg  [7:0]             cfg_backup_volume,
    output reg  [23:0]            cfg_backup_port_id,
    output reg  [15:0]            cfg_backup_lun,
    output reg  [31:0]            cfg_backup_lba,
    output reg  [7:0]             cfg_backup_chunk,
    output reg  [31:0]            cfg_copy_pointer,
    output reg                    copy_set,
    output reg                    job_valid,
    input  wire                   job_ready,
    input  wire                   job_answer,
    input  wire [7:0]             job_refused,
    input  wire [3:0]             status_backup_state,
    input  wire [31:0]            status_backup_pointer,
    input  wire [15:0]            status_backup_error,
    input  wire [31:0]            status_backup_sense,
    input  wire [7:0]             status_refused,
    output reg  [PORTS-1:0]       cfg_backup_ports,

    // Priority (table 670)
    output reg                    cfg_backup_first,
    output reg  [31:0]            cfg_backup_quantum,
    output reg  [31:0]            cfg_online_time,

    // Schedules (tables 650 and 660)
    input  wire [31:0]            schedule_data,
    output reg                    schedule_valid,
    input  wire                   schedule_ready,
    input  wire                   schedule_answer,
    input  wire [7:0]             schedule_refused,

    // Counters
    input  wire [31:0]            counter_data,

    // Jobs
    input  wire [31:0]            job_data,

    // The register that is looked up, or whose command is valid
    output wire                   look,
    output wire [15:0]            look_address,
    output wire [31:0]            command_data
);

    localparam MIRRORS = 10;
    localparam [8:0] VALUE_PARAMETERS_TASKS = TASKS;
    localparam [4:0] VALUE_PARAMETERS_VOLUMES = VOLUMES;
    localparam [4:0] VALUE_PARAMETERS_BACKUP_SLOTS = BACKUP_SLOTS;
    localparam [6:0] VALUE_PARAMETERS_RX_BUFFERS = RX_BUFFERS;
    localparam [31:0] VALUE_CACHE_SEGMENTS_SEGMENTS = SEGMENTS;
    localparam [1:0] VALUE_PARAMETERS2_PORTS = PORTS;
    localparam [31:0] LIMIT_VOLUME_BLOCKS_BLOCKS = DRIVE_BLOCKS;
    localparam [31:0] LIMIT_BACKUP_VOLUME_VOLUME = VOLUMES - 1;

    initial begin
        if (PORTS < 1 || PORTS > 2) begin
            $display("%m: PORTS = %0d, must be 1 to 2", PORTS);
            $finish;
        end
        if (VOLUMES < 1 || VOLUMES > 16) begin
            $display("%m: VOLUMES = %0d, must be 1 to 16", VOLUMES);
            $finish;
        end
        if (COUNTERS < 1 || COUNTERS > 64) begin
            $display("%m: COUNTERS = %0d, must be 1 to 64", COUNTERS);
            $finish;
        end
    end

    wire        write;
    wire [15:0] address;
    wire [31:0] wdata;
    reg         readable_reg;
    reg         legal_reg;
    reg  [31:0] rdata_reg;
    reg         stored_reg;
    reg  [9:0]  store_word_reg;
    reg         window_reg;
    reg         waits_reg;
    wire        answered;
    wire        refused;
    wire        loading;
    wire [5:0]  mirror;
    reg  [15:0] mirror_address;
    reg  [31:0] mirror_reset;
    reg  [5:0]  mirror_first;
    reg         mirror_last;

    register_access #(.MIRRORS(MIRRORS)) register_access_inst (
        .clk(clk), .rst(rst), .s_axil_awaddr(s_axil_awaddr), .s_axil_awprot(s_axil_awprot),
        .s_axil_awvalid(s_axil_awvalid), .s_axil_awready(s_axil_awready), .s_axil_wdata(s_axil_wdata), .s_axil_wstrb(s_axil_wstrb),
        .s_axil_wvalid(s_axil_wvalid), .s_axil_wready(s_axil_wready), .s_axil_bresp(s_axil_bresp), .s_axil_bvalid(s_axil_bvalid),
        .s_axil_bready(s_axil_bready), .s_axil_araddr(s_axil_araddr), .s_axil_arprot(s_axil_arprot), .s_axil_arvalid(s_axil_arvalid),
        .s_axil_arready(s_axil_arready), .s_axil_rdata(s_axil_rdata), .s_axil_rresp(s_axil_rresp), .s_axil_rvalid(s_axil_rvalid),
        .s_axil_rready(s_axil_rready), .mis_valid(mis_valid), .mis_ready(mis_ready), .mis_write(mis_write),
        .mis_addr(mis_addr), .mis_wdata(mis_wdata), .mis_rdata_valid(mis_rdata_valid), .mis_rdata(mis_rdata),
        .look(look), .write(write), .address(address), .wdata(wdata),
        .readable(readable_reg), .legal(legal_reg), .rdata(rdata_reg), .stored(stored_reg),
        .store_word(store_word_reg), .window(window_reg), .waits(waits_reg), .answered(answered),
        .refused(refused), .loading(loading), .mirror(mirror), .mirror_address(mirror_address),
        .mirror_reset(mirror_reset), .mirror_first(mirror_first), .mirror_last(mirror_last)
    );

    reg              interrupt_status_job_done_reg;
    reg              interrupt_status_job_failed_reg;
    reg  [PORTS-1:0] interrupt_status_port_lost_reg;
    reg              interrupt_enable_job_done_reg;
    reg              interrupt_enable_job_failed_reg;
    reg  [PORTS-1:0] interrupt_enable_port_lost_reg;

    assign answered = job_answer || schedule_answer;
    assign refused = job_answer && job_refused != 8'd0 || schedule_answer && schedule_refused != 8'd0;
    assign look_address = at[15:0];
    assign command_data = wdata;

    /* A word of the store that a register mirrors is that register. */
    reg [31:0] at;
    always @* begin
        at = {16'd0, address};
        case (address)
            16'h1220: at = 32'h0030;
            16'h1224: at = 32'h0034;
            16'h1228: at = 32'h0038;
            16'h122C: at = 32'h003C;
            16'h1230: at = 32'h0040;
            16'h1200: at = 32'h0128;
            16'h1204: if (PORTS > 1) at = 32'h0528;
            16'h1240: at = 32'h0380;
            16'h1244: at = 32'h0388;
            16'h1250: at = 32'h0390;
            16'h1254: at = 32'h0398;
            16'h1260: at = 32'h03A0;
            16'h1264: at = 32'h03A8;
            16'h1270: at = 32'h03B0;
            16'h1274: at = 32'h03B8;
            16'h1280: at = 32'h0384;
            16'h1284: at = 32'h038C;
            16'h1290: at = 32'h0394;
            16'h1294: at = 32'h039C;
            16'h12A0: at = 32'h03A4;
            16'h12A4: at = 32'h03AC;
            16'h12B0: at = 32'h03B4;
            16'h12B4: at = 32'h03BC;
            16'h12C0: at = 32'h0340;
            16'h12C4: at = 32'h0344;
            16'h12C8: at = 32'h0348;
            default: ;
        endcase
    end

    always @* begin
        {mirror_address, mirror_reset, mirror_first, mirror_last} = 55'd0;
        if (loading)
            case (mirror)
                6'd0: {mirror_address, mirror_reset, mirror_first, mirror_last} = {16'h0030, 32'd256, 6'd0, 1'b0}; // table 450
                6'd1: {mirror_address, mirror_reset, mirror_first, mirror_last} = {16'h0034, 32'd1048576, 6'd0, 1'b0}; // table 450
                6'd2: {mirror_address, mirror_reset, mirror_first, mirror_last} = {16'h0038, 32'd512, 6'd0, 1'b0}; // table 450
                6'd3: {mirror_address, mirror_reset, mirror_first, mirror_last} = {16'h003C, 32'd1048576, 6'd0, 1'b0}; // table 450
                6'd4: {mirror_address, mirror_reset, mirror_first, mirror_last} = {16'h0040, 32'd0, 6'd0, 1'b1}; // table 450
                6'd5: {mirror_address, mirror_reset, mirror_first, mirror_last} = {16'h0128, 32'd0, 6'd5, 1'b0}; // table 640
                6'd6: {mirror_address, mirror_reset, mirror_first, mirror_last} = {16'h0528, 32'd0, 6'd5, 1'b1}; // table 640
                6'd7: {mirror_address, mirror_reset, mirror_first, mirror_last} = {16'h0340, 32'd0, 6'd7, 1'b0}; // table 670
                6'd8: {mirror_address, mirror_reset, mirror_first, mirror_last} = {16'h0344, 32'd65536, 6'd7, 1'b0}; // table 670
                6'd9: {mirror_address, mirror_reset, mirror_first, mirror_last} = {16'h0348, 32'd65536, 6'd7, 1'b1}; // table 670
                default: ;
            endcase
    end

    integer i;
    integer j;

    always @(posedge clk) begin
        flush <= 1'h0;
        clock_set <= 1'h0;
        link_reset_request <= {PORTS{1'h0}};
        copy_set <= 1'h0;
        irq <= |(interrupt_status_job_done_reg & interrupt_enable_job_done_reg) || |(interrupt_status_job_failed_reg & interrupt_enable_job_failed_reg) || |(interrupt_status_port_lost_reg & interrupt_enable_port_lost_reg);
        if (job_ready)
            job_valid <= 1'b0;
        if (schedule_ready)
            schedule_valid <= 1'b0;

        if (look) begin
            readable_reg <= 1'd0;
            legal_reg <= 1'd0;
            rdata_reg <= 32'd0;
            stored_reg <= 1'd0;
            window_reg <= 1'd0;
            waits_reg <= 1'd0;
            store_word_reg <= address[11:2];
            if (address >= 16'h1000 && address <= 16'h1FFF) begin
                readable_reg <= 1'b1;
                legal_reg <= 1'b1;
                stored_reg <= 1'b1;
                window_reg <= 1'b1;
            end
            case (at)
                32'h0000: begin // ID
                    readable_reg <= 1'b1;
                    rdata_reg <= 32'h50504C58;
                end
                32'h0004: begin // PARAMETERS
                    readable_reg <= 1'b1;
                    rdata_reg <= {6'd0, VALUE_PARAMETERS_RX_BUFFERS, VALUE_PARAMETERS_BACKUP_SLOTS, VALUE_PARAMETERS_VOLUMES, VALUE_PARAMETERS_TASKS};
                end
                32'h0008: begin // CACHE_SEGMENTS
                    readable_reg <= 1'b1;
                    rdata_reg <= VALUE_CACHE_SEGMENTS_SEGMENTS;
                end
                32'h000C: begin // STATUS
                    readable_reg <= 1'b1;
                    rdata_reg <= {27'd0, status_backup_state == 4'd5, status_backup_state == 4'd4, status_backup_state >= 4'd1 && status_backup_state <= 4'd3 || status_backup_state == 4'd10, status_unpinned, status_clean};
                end
                32'h0010: begin // FLUSH
                    readable_reg <= 1'b1;
                    legal_reg <= (wdata & 32'hFFFFFFFE) == 32'd0;
                end
                32'h0014: begin // PARAMETERS2
                    readable_reg <= 1'b1;
                    rdata_reg <= {30'd0, VALUE_PARAMETERS2_PORTS};
                end
                32'h0018: begin // INTERRUPT_STATUS
                    readable_reg <= 1'b1;
                    rdata_reg <= {30'd0, interrupt_status_job_failed_reg, interrupt_status_job_done_reg};
                    legal_reg <= (wdata & 32'hFFFFFFF0) == 32'd0 && {30'd0, wdata[3:2]} < (32'd1 << PORTS);
                    rdata_reg[2 +: PORTS] <= interrupt_status_port_lost_reg;
                end
                32'h001C: begin // INTERRUPT_ENABLE
                    readable_reg <= 1'b1;
                    rdata_reg <= {30'd0, interrupt_enable_job_failed_reg, interrupt_enable_job_done_reg};
                    legal_reg <= (wdata & 32'hFFFFFFF0) == 32'd0 && {30'd0, wdata[3:2]} < (32'd1 << PORTS);
                    rdata_reg[2 +: PORTS] <= interrupt_enable_port_lost_reg;
                end
                32'h0020: begin // CLOCK
                    readable_reg <= 1'b1;
                    rdata_reg <= seconds;
                end
                32'h0024: begin // CLOCK_SET
                    readable_reg <= 1'b1;
                    rdata_reg <= clock_set_seconds;
                    legal_reg <= 1'b1;
                end
                32'h0028: begin // TICKS_PER_SECOND
                    readable_reg <= 1'b1;
                    rdata_reg <= {16'd0, cfg_ticks_per_second};
                    legal_reg <= (wdata & 32'hFFFF0000) == 32'd0 && wdata[15:0] >= 16'h1;
                end
                32'h0030: begin // LOAD_WINDOW
                    readable_reg <= 1'b1;
                    rdata_reg <= {16'd0, cfg_load_window};
                    legal_reg <= (wdata & 32'hFFFF0000) == 32'd0 && wdata[15:0] >= 16'h1;
                    stored_reg <= 1'b1;
                    store_word_reg <= 10'h088;
                end
                32'h0034: begin // LOAD_FLOOR
                    readable_reg <= 1'b1;
                    rdata_reg <= cfg_load_floor;
                    legal_reg <= 1'b1;
                    stored_reg <= 1'b1;
                    store_word_reg <= 10'h089;
                end
                32'h0038: begin // REBALANCE
                    readable_reg <= 1'b1;
                    rdata_reg <= {16'd0, cfg_rebalance};
                    legal_reg <= (wdata & 32'hFFFF0000) == 32'd0 && wdata[15:0] >= 16'h1;
                    stored_reg <= 1'b1;
                    store_word_reg <= 10'h08A;
                end
                32'h003C: begin // REBALANCE_MARGIN
                    readable_reg <= 1'b1;
                    rdata_reg <= cfg_rebalance_margin;
                    legal_reg <= 1'b1;
                    stored_reg <= 1'b1;
                    store_word_reg <= 10'h08B;
                end
                32'h0040: begin // SPREAD_FLOOR
                    readable_reg <= 1'b1;
                    rdata_reg <= cfg_spread_floor;
                    legal_reg <= 1'b1;
                    stored_reg <= 1'b1;
                    store_word_reg <= 10'h08C;
                end
                32'h0044: begin // LOAD_WINDOWS
                    readable_reg <= 1'b1;
                    rdata_reg <= load_windows;
                end
                32'h0048: begin // PLACEMENT
                    readable_reg <= 1'b1;
                    rdata_reg <= {status_moves, 14'd0, status_place_ports};
                end
                32'h0300: begin // BACKUP_VOLUME
                    readable_reg <= 1'b1;
                    rdata_reg <= {24'd0, cfg_backup_volume};
                    legal_reg <= (wdata & 32'hFFFFFF00) == 32'd0 && {24'd0, wdata[7:0]} <= LIMIT_BACKUP_VOLUME_VOLUME;
                end
                32'h0304: begin // BACKUP_PORT_ID
                    readable_reg <= 1'b1;
                    rdata_reg <= {8'd0, cfg_backup_port_id};
                    legal_reg <= (wdata & 32'hFF000000) == 32'd0;
                end
                32'h0308: begin // BACKUP_LUN
                    readable_reg <= 1'b1;
                    rdata_reg <= {16'd0, cfg_backup_lun};
                    legal_reg <= (wdata & 32'hFFFF0000) == 32'd0;
                end
                32'h030C: begin // BACKUP_LBA
                    readable_reg <= 1'b1;
                    rdata_reg <= cfg_backup_lba;
                    legal_reg <= 1'b1;
                end
                32'h0310: begin // BACKUP_CHUNK
                    readable_reg <= 1'b1;
                    rdata_reg <= {24'd0, cfg_backup_chunk};
                    legal_reg <= (wdata & 32'hFFFFFF00) == 32'd0 && wdata[7:0] >= 8'h8 && wdata[7:0] <= 8'h80 && (wdata[7:0] & 8'h7) == 8'd0;
                end
                32'h0314: begin // COPY_POINTER
                    readable_reg <= 1'b1;
                    rdata_reg <= cfg_copy_pointer;
                    legal_reg <= 1'b1;
                end
                32'h0318: begin // BACKUP_CONTROL
                    readable_reg <= 1'b1;
                    legal_reg <= (wdata & 32'hFFFF8C80) == 32'd0 && wdata[9:8] <= 2'h2;
                    waits_reg <= 1'b1;
                end
                32'h031C: begin // BACKUP_STATE
                    readable_reg <= 1'b1;
                    rdata_reg <= {28'd0, status_backup_state};
                end
                32'h0320: begin // BACKUP_POINTER
                    readable_reg <= 1'b1;
                    rdata_reg <= status_backup_pointer;
                end
                32'h0324: begin // BACKUP_ERROR
                    readable_reg <= 1'b1;
                    rdata_reg <= {16'd0, status_backup_error[15:8], status_backup_error[7:0]};
                end
                32'h0328: begin // BACKUP_SENSE
                    readable_reg <= 1'b1;
                    rdata_reg <= status_backup_sense;
                end
                32'h032C: begin // BACKUP_REFUSED
                    readable_reg <= 1'b1;
                    rdata_reg <= {24'd0, status_refused};
                end
                32'h0330: begin // BACKUP_PORTS
                    readable_reg <= 1'b1;
                    legal_reg <= (wdata & 32'hFFFFFFFC) == 32'd0 && {30'd0, wdata[1:0]} < (32'd1 << PORTS);
                    rdata_reg[0 +: PORTS] <= cfg_backup_ports;
                end
                32'h0340: begin // PRIORITY_MODE
                    readable_reg <= 1'b1;
                    rdata_reg <= {31'd0, cfg_backup_first};
                    legal_reg <= (wdata & 32'hFFFFFFFE) == 32'd0;
                    stored_reg <= 1'b1;
                    store_word_reg <= 10'h0B0;
                end
                32'h0344: begin // BACKUP_QUANTUM
                    readable_reg <= 1'b1;
                    rdata_reg <= cfg_backup_quantum;
                    legal_reg <= wdata <= 32'h7FFFFFFF;
                    stored_reg <= 1'b1;
                    store_word_reg <= 10'h0B1;
                end
                32'h0348: begin // ONLINE_TIME
                    readable_reg <= 1'b1;
                    rdata_reg <= cfg_online_time;
                    legal_reg <= wdata <= 32'h7FFFFFFF;
                    stored_reg <= 1'b1;
                    store_word_reg <= 10'h0B2;
                end
                default: ;
            endcase
            for (i = 0; i < PORTS; i = i + 1)
                case (at - 32'h400*i)
                    32'h0100: begin // PORT_CONTROL
                        readable_reg <= 1'b1;
                        rdata_reg <= {31'd0, link_enable[1*i +: 1]};
                        legal_reg <= (wdata & 32'hFFFFFFFC) == 32'd0;
                    end
                    32'h0104: begin // PORT_STATUS
                        readable_reg <= 1'b1;
                        rdata_reg <= {7'd0, status_open_tasks[9*i +: 9], status_logins[8*i +: 8], 3'd0, status_fabric_login[1*i +: 1], status_link_state[4*i +: 4]};
                    end
                    32'h0108: begin // PORT_WWPN
                        readable_reg <= 1'b1;
                        rdata_reg <= cfg_wwpn[64*i + 32 +: 32];
                        legal_reg <= 1'b1;
                    end
                    32'h010C: begin // PORT_WWPN_LOW
                        readable_reg <= 1'b1;
                        rdata_reg <= cfg_wwpn[64*i +: 32];
                        legal_reg <= 1'b1;
                    end
                    32'h0110: begin // PORT_WWNN
                        readable_reg <= 1'b1;
                        rdata_reg <= cfg_wwnn[64*i + 32 +: 32];
                        legal_reg <= 1'b1;
                    end
                    32'h0114: begin // PORT_WWNN_LOW
                        readable_reg <= 1'b1;
                        rdata_reg <= cfg_wwnn[64*i +: 32];
                        legal_reg <= 1'b1;
                    end
                    32'h0118: begin // PORT_ID
                        readable_reg <= 1'b1;
                        rdata_reg <= {8'd0, my_id[24*i +: 24]};
                    end
                    32'h011C: begin // E_D_TOV
                        readable_reg <= 1'b1;
                        rdata_reg <= {16'd0, cfg_e_d_tov_ticks[16*i +: 16]};
                        legal_reg <= (wdata & 32'hFFFF0000) == 32'd0 && wdata[15:0] >= 16'h1;
                    end
                    32'h0120: begin // R_A_TOV
                        readable_reg <= 1'b1;
                        rdata_reg <= {16'd0, cfg_r_a_tov_ticks[16*i +: 16]};
                        legal_reg <= (wdata & 32'hFFFF0000) == 32'd0 && wdata[15:0] >= 16'h1;
                    end
                    32'h0124: begin // R_T_TOV
                        readable_reg <= 1'b1;
                        rdata_reg <= {16'd0, cfg_r_t_tov_ticks[16*i +: 16]};
                        legal_reg <= (wdata & 32'hFFFF0000) == 32'd0 && wdata[15:0] >= 16'h1;
                    end
                    32'h0128: begin // PORT_USAGE
                        readable_reg <= 1'b1;
                        rdata_reg <= {30'd0, cfg_usage[2*i +: 2]};
                        legal_reg <= (wdata & 32'hFFFFFFFC) == 32'd0 && wdata[1:0] <= 2'h2;
                        stored_reg <= 1'b1;
                        store_word_reg <= 10'h080 + i[9:0];
                    end
                    32'h012C: begin // LOAD_IO
                        readable_reg <= 1'b1;
                        rdata_reg <= load_io[32*i +: 32];
                    end
                    32'h0130: begin // LOAD_AMOUNT
                        readable_reg <= 1'b1;
                        rdata_reg <= load_amount[32*i +: 32];
                    end
                    32'h0134: begin // LOAD_ACCESS
                        readable_reg <= 1'b1;
                        rdata_reg <= {31'd0, load_sequential[1*i +: 1]};
                    end
                    32'h0138: begin // PORT_CREDIT
                        readable_reg <= 1'b1;
                        rdata_reg <= {24'd0, status_tx_credit[8*i +: 8]};
                    end
                    default: ;
                endcase
            for (i = 0; i < PORTS; i = i + 1)
                for (j = 0; j < 16; j = j + 1)
                    case (at - 32'h400*i - 32'h4*j)
                        32'h0140: begin // LESB
                            readable_reg <= 1'b1;
                            rdata_reg <= lesb[32*(16*i + j) +: 32];
                        end
                        32'h0180: begin // PORT_COUNTERS
                            readable_reg <= 1'b1;
                            rdata_reg <= port_counters[32*(16*i + j) +: 32];
                        end
                        default: ;
                    endcase
            for (i = 0; i < VOLUMES; i = i + 1)
                case (at - 32'h10*i)
                    32'h0200: begin // VOLUME_BASE
                        readable_reg <= 1'b1;
                        rdata_reg <= cfg_volume_base[32*i +: 32];
                        legal_reg <= wdata <= 32'h1FFFFFFF;
                    end
                    32'h0204: begin // VOLUME_BLOCKS
                        readable_reg <= 1'b1;
                        rdata_reg <= cfg_volume_blocks[32*i +: 32];
                        legal_reg <= wdata <= LIMIT_VOLUME_BLOCKS_BLOCKS && (wdata & 32'h7) == 32'd0;
                    end
                    32'h0208: begin // VOLUME_FLAGS
                        readable_reg <= 1'b1;
                        rdata_reg <= {30'd0, cfg_volume_flags[2*i + 1 +: 1], cfg_volume_flags[2*i +: 1]};
                        legal_reg <= (wdata & 32'hFFFFFFFC) == 32'd0;
                    end
                    default: ;
                endcase
            for (i = 0; i < 4; i = i + 1)
                case (at - 32'h10*i)
                    32'h0380: begin // SCHEDULE_CONTROL
                        readable_reg <= 1'b1;
                        rdata_reg <= {21'd0, schedule_data[10:8], 4'd0, schedule_data[3:1], schedule_data[0]};
                        legal_reg <= (wdata & 32'hFFFFF8F0) == 32'd0 && wdata[3:1] <= 3'h0;
                        waits_reg <= 1'b1;
                        stored_reg <= 1'b0;
                    end
                    32'h0384: begin // SCHEDULE_DUE
                        readable_reg <= 1'b1;
                        rdata_reg <= schedule_data;
                        legal_reg <= 1'b1;
                        waits_reg <= 1'b1;
                        stored_reg <= 1'b0;
                    end
                    32'h0388: begin // SCHEDULE_PERIOD
                        readable_reg <= 1'b1;
                        rdata_reg <= schedule_data;
                        legal_reg <= 1'b1;
                        waits_reg <= 1'b1;
                        stored_reg <= 1'b0;
                    end
                    32'h038C: begin // SCHEDULE_LAST
                        readable_reg <= 1'b1;
                        rdata_reg <= schedule_data;
                        stored_reg <= 1'b0;
                        legal_reg <= 1'b0;
                    end
                    default: ;
                endcase
            for (i = 0; i < COUNTERS; i = i + 1)
                case (at - 32'h4*i)
                    32'h0400: begin // COUNTERS
                        readable_reg <= 1'b1;
                        rdata_reg <= counter_data;
                    end
                    default: ;
                endcase
            for (i = 0; i < 8; i = i + 1)
                case (at - 32'h20*i)
                    32'h0800: begin // JOB_STATE
                        readable_reg <= 1'b1;
                        rdata_reg <= {28'd0, job_data[3:0]};
                    end
                    32'h0804: begin // JOB_POINTER
                        readable_reg <= 1'b1;
                        rdata_reg <= job_data;
                    end
                    32'h0808: begin // JOB_COPY_POINTER
                        readable_reg <= 1'b1;
                        rdata_reg <= job_data;
                    end
                    32'h080C: begin // JOB_ERROR
                        readable_reg <= 1'b1;
                        rdata_reg <= job_data;
                    end
                    32'h0810: begin // JOB_SENSE
                        readable_reg <= 1'b1;
                        rdata_reg <= job_data;
                    end
                    default: ;
                endcase
        end

        if (write) begin
            case (at)
                32'h0010: begin // FLUSH
                    flush <= wdata[0];
                end
                32'h0018: begin // INTERRUPT_STATUS
                    interrupt_status_job_done_reg <= interrupt_status_job_done_reg & ~wdata[0];
                    interrupt_status_job_failed_reg <= interrupt_status_job_failed_reg & ~wdata[1];
                    interrupt_status_port_lost_reg <= interrupt_status_port_lost_reg & ~wdata[2 +: PORTS];
                end
                32'h001C: begin // INTERRUPT_ENABLE
                    interrupt_enable_job_done_reg <= wdata[0];
                    interrupt_enable_job_failed_reg <= wdata[1];
                    interrupt_enable_port_lost_reg <= wdata[2 +: PORTS];
                end
                32'h0024: begin // CLOCK_SET
                    clock_set_seconds <= wdata;
                    clock_set <= 1'b1;
                end
                32'h0028: begin // TICKS_PER_SECOND
                    cfg_ticks_per_second <= wdata[15:0];
                end
                32'h0030: begin // LOAD_WINDOW
                    cfg_load_window <= wdata[15:0];
                end
                32'h0034: begin // LOAD_FLOOR
                    cfg_load_floor <= wdata;
                end
                32'h0038: begin // REBALANCE
                    cfg_rebalance <= wdata[15:0];
                end
                32'h003C: begin // REBALANCE_MARGIN
                    cfg_rebalance_margin <= wdata;
                end
                32'h0040: begin // SPREAD_FLOOR
                    cfg_spread_floor <= wdata;
                end
                32'h0300: begin // BACKUP_VOLUME
                    cfg_backup_volume <= wdata[7:0];
                end
                32'h0304: begin // BACKUP_PORT_ID
                    cfg_backup_port_id <= wdata[23:0];
                end
                32'h0308: begin // BACKUP_LUN
                    cfg_backup_lun <= wdata[15:0];
                end
                32'h030C: begin // BACKUP_LBA
                    cfg_backup_lba <= wdata;
                end
                32'h0310: begin // BACKUP_CHUNK
                    cfg_backup_chunk <= wdata[7:0];
                end
                32'h0314: begin // COPY_POINTER
                    cfg_copy_pointer <= wdata;
                    copy_set <= 1'b1;
                end
                32'h0318: begin // BACKUP_CONTROL
                    job_valid <= 1'b1;
                end
                32'h0330: begin // BACKUP_PORTS
                    cfg_backup_ports <= wdata[0 +: PORTS];
                end
                32'h0340: begin // PRIORITY_MODE
                    cfg_backup_first <= wdata[0];
                end
                32'h0344: begin // BACKUP_QUANTUM
                    cfg_backup_quantum <= wdata;
                end
                32'h0348: begin // ONLINE_TIME
                    cfg_online_time <= wdata;
                end
                default: ;
            endcase
            for (i = 0; i < PORTS; i = i + 1)
                case (at - 32'h400*i)
                    32'h0100: begin // PORT_CONTROL
                        link_enable[1*i +: 1] <= wdata[0];
                        link_reset_request[1*i +: 1] <= wdata[1];
                    end
                    32'h0108: begin // PORT_WWPN
                        cfg_wwpn[64*i + 32 +: 32] <= wdata;
                    end
                    32'h010C: begin // PORT_WWPN_LOW
                        cfg_wwpn[64*i +: 32] <= wdata;
                    end
                    32'h0110: begin // PORT_WWNN
                        cfg_wwnn[64*i + 32 +: 32] <= wdata;
                    end
                    32'h0114: begin // PORT_WWNN_LOW
                        cfg_wwnn[64*i +: 32] <= wdata;
                    end
                    32'h011C: begin // E_D_TOV
                        cfg_e_d_tov_ticks[16*i +: 16] <= wdata[15:0];
                    end
                    32'h0120: begin // R_A_TOV
                        cfg_r_a_tov_ticks[16*i +: 16] <= wdata[15:0];
                    end
                    32'h0124: begin // R_T_TOV
                        cfg_r_t_tov_ticks[16*i +: 16] <= wdata[15:0];
                    end
                    32'h0128: begin // PORT_USAGE
                        cfg_usage[2*i +: 2] <= wdata[1:0];
                    end
                    default: ;
                endcase
            for (i = 0; i < VOLUMES; i = i + 1)
                case (at - 32'h10*i)
                    32'h0200: begin // VOLUME_BASE
                        cfg_volume_base[32*i +: 32] <= wdata;
                    end
                    32'h0204: begin // VOLUME_BLOCKS
                        cfg_volume_blocks[32*i +: 32] <= wdata;
                    end
                    32'h0208: begin // VOLUME_FLAGS
                        cfg_volume_flags[2*i +: 1] <= wdata[0];
                        cfg_volume_flags[2*i + 1 +: 1] <= wdata[1];
                    end
                    default: ;
                endcase
            for (i = 0; i < 4; i = i + 1)
                case (at - 32'h10*i)
                    32'h0380: begin // SCHEDULE_CONTROL
                        schedule_valid <= 1'b1;
                    end
                    32'h0384: begin // SCHEDULE_DUE
                        schedule_valid <= 1'b1;
                    end
                    32'h0388: begin // SCHEDULE_PERIOD
                        schedule_valid <= 1'b1;
                    end
                    default: ;
                endcase
        end
        if (event_done)
            interrupt_status_job_done_reg <= 1'b1;
        if (event_failed)
            interrupt_status_job_failed_reg <= 1'b1;
        for (i = 0; i < PORTS; i = i + 1)
            if (event_port_lost[i])
                interrupt_status_port_lost_reg[i] <= 1'b1;

        if (rst) begin
            flush <= 1'h0;
            interrupt_status_job_done_reg <= 1'h0;
            irq <= 1'h0;
            interrupt_status_job_failed_reg <= 1'h0;
            interrupt_status_port_lost_reg <= {PORTS{1'b0}};
            interrupt_enable_job_done_reg <= 1'h0;
            interrupt_enable_job_failed_reg <= 1'h0;
            interrupt_enable_port_lost_reg <= {PORTS{1'b0}};
            clock_set_seconds <= 32'h0;
            clock_set <= 1'h0;
            cfg_ticks_per_second <= 16'h3E8;
            cfg_load_window <= 16'h100;
            cfg_load_floor <= 32'h100000;
            cfg_rebalance <= 16'h200;
            cfg_rebalance_margin <= 32'h100000;
            cfg_spread_floor <= 32'h0;
            link_enable <= {PORTS{1'h0}};
            link_reset_request <= {PORTS{1'h0}};
            cfg_wwpn <= {PORTS{64'h3000000050580001}};
            cfg_wwnn <= {PORTS{64'h3000000050580000}};
            cfg_e_d_tov_ticks <= {PORTS{16'h7D0}};
            cfg_r_a_tov_ticks <= {PORTS{16'h2710}};
            cfg_r_t_tov_ticks <= {PORTS{16'h64}};
            cfg_usage <= {PORTS{2'h0}};
            cfg_volume_base <= {VOLUMES{32'h0}};
            cfg_volume_blocks <= {VOLUMES{32'h0}};
            cfg_volume_flags <= {VOLUMES{2'h0}};
            cfg_backup_volume <= 8'h0;
            cfg_backup_port_id <= 24'h0;
            cfg_backup_lun <= 16'h0;
            cfg_backup_lba <= 32'h0;
            cfg_backup_chunk <= 8'h80;
            cfg_copy_pointer <= 32'h0;
            copy_set <= 1'h0;
            job_valid <= 1'h0;
            cfg_backup_ports <= {PORTS{1'b0}};
            cfg_backup_first <= 1'h0;
            cfg_backup_quantum <= 32'h10000;
            cfg_online_time <= 32'h10000;
            schedule_valid <= 1'h0;
        end
    end

    initial begin
        flush = 1'h0;
        interrupt_status_job_done_reg = 1'h0;
        irq = 1'h0;
        interrupt_status_job_failed_reg = 1'h0;
        interrupt_status_port_lost_reg = {PORTS{1'b0}};
        interrupt_enable_job_done_reg = 1'h0;
        interrupt_enable_job_failed_reg = 1'h0;
        interrupt_enable_port_lost_reg = {PORTS{1'b0}};
        clock_set_seconds = 32'h0;
        clock_set = 1'h0;
        cfg_ticks_per_second = 16'h3E8;
        cfg_load_window = 16'h100;
        cfg_load_floor = 32'h100000;
        cfg_rebalance = 16'h200;
        cfg_rebalance_margin = 32'h100000;
        cfg_spread_floor = 32'h0;
        link_enable = {PORTS{1'h0}};
        link_reset_request = {PORTS{1'h0}};
        cfg_wwpn = {PORTS{64'h3000000050580001}};
        cfg_wwnn = {PORTS{64'h3000000050580000}};
        cfg_e_d_tov_ticks = {PORTS{16'h7D0}};
        cfg_r_a_tov_ticks = {PORTS{16'h2710}};
        cfg_r_t_tov_ticks = {PORTS{16'h64}};
        cfg_usage = {PORTS{2'h0}};
        cfg_volume_base = {VOLUMES{32'h0}};
        cfg_volume_blocks = {VOLUMES{32'h0}};
        cfg_volume_flags = {VOLUMES{2'h0}};
        cfg_backup_volume = 8'h0;
        cfg_backup_port_id = 24'h0;
        cfg_backup_lun = 16'h0;
        cfg_backup_lba = 32'h0;
        cfg_backup_chunk = 8'h80;
        cfg_copy_pointer = 32'h0;
        copy_set = 1'h0;
        job_valid = 1'h0;
        cfg_backup_ports = {PORTS{1'b0}};
        cfg_backup_first = 1'h0;
        cfg_backup_quantum = 32'h10000;
        cfg_online_time = 32'h10000;
        schedule_valid = 1'h0;
        readable_reg = 1'd0;
        legal_reg = 1'd0;
        rdata_reg = 32'd0;
        stored_reg = 1'd0;
        store_word_reg = 10'd0;
        window_reg = 1'd0;
        waits_reg = 1'd0;
    end

endmodule

`resetall
