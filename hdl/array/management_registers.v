// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Registers of the management console: an AXI4-Lite slave with the configuration, the status, the backup job, the priority table 670
   and a window to the management information store. One access at a time; a refused write changes nothing and answers SLVERR. */
module management_registers #(
    parameter TASKS = 32,         // 1 to 256
    parameter BACKUP_SLOTS = 4,   // 1 to 16
    parameter RX_BUFFERS = 8,     // 1 to 64
    parameter VOLUMES = 4,        // 1 to 16
    parameter SEGMENTS = 512,     // cache segments
    parameter COUNTERS = 20,      // counters from 0400h on, 1 to 64
    parameter DRIVE_BLOCKS = 32768 // blocks of the drive: the most a volume can have
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

    // management information store, client 0
    output wire                   mis_valid,
    input  wire                   mis_ready,
    output wire                   mis_write,
    output wire [9:0]             mis_addr,
    output wire [31:0]            mis_wdata,
    input  wire                   mis_rdata_valid,
    input  wire [31:0]            mis_rdata,

    // port
    output reg                    link_enable,
    output reg                    link_reset_request,
    output reg  [63:0]            cfg_wwpn,
    output reg  [63:0]            cfg_wwnn,
    output reg  [15:0]            cfg_e_d_tov_ticks,
    output reg  [15:0]            cfg_r_a_tov_ticks,
    output reg  [15:0]            cfg_r_t_tov_ticks,
    input  wire [3:0]             status_link_state,
    input  wire                   status_fabric_login,
    input  wire [7:0]             status_logins,
    input  wire [8:0]             status_open_tasks,
    input  wire [23:0]            my_id,
    input  wire [32*16-1:0]       lesb,
    input  wire [32*16-1:0]       port_counters,

    // cache and volumes
    output reg                    flush,
    input  wire                   status_clean,
    input  wire                   status_unpinned,
    output reg  [VOLUMES*32-1:0]  cfg_volume_base,
    output reg  [VOLUMES*32-1:0]  cfg_volume_blocks,
    output reg  [VOLUMES*2-1:0]   cfg_volume_flags,
    input  wire [COUNTERS*32-1:0] counters,

    // backup job
    output reg  [7:0]             cfg_backup_volume,
    output reg  [23:0]            cfg_backup_port_id,
    output reg  [15:0]            cfg_backup_lun,
    output reg  [31:0]            cfg_backup_lba,
    output reg  [7:0]             cfg_backup_chunk,
    output reg  [31:0]            cfg_copy_pointer,
    output reg                    start_backup,
    output reg                    start_restore,
    output reg                    abort_backup,
    input  wire [3:0]             status_backup_state,
    input  wire [31:0]            status_backup_pointer,
    input  wire [31:0]            status_backup_error,
    input  wire [31:0]            status_backup_sense,

    // priority table 670
    output reg                    cfg_backup_first,
    output reg  [31:0]            cfg_backup_quantum,
    output reg  [31:0]            cfg_online_time
);

    localparam [63:0] DEFAULT_WWPN = 64'h3000_0000_5058_0001;
    localparam [63:0] DEFAULT_WWNN = 64'h3000_0000_5058_0000;
    localparam [31:0] DEFAULT_QUANTUM = 32'd65536;
    localparam [31:0] DEFAULT_ONLINE_TIME = 32'd65536;

    localparam [2:0] STATE_LOAD = 3'd0;     // reads table 670 from the store
    localparam [2:0] STATE_IDLE = 3'd1;
    localparam [2:0] STATE_WRITE = 3'd2;
    localparam [2:0] STATE_READ = 3'd3;
    localparam [2:0] STATE_STORE = 3'd4;    // an access to the store is asked for
    localparam [2:0] STATE_DATA = 3'd5;     // the store's answer is awaited
    localparam [2:0] STATE_ANSWER = 3'd6;

    localparam [31:0] LIMIT_VOLUMES = VOLUMES;
    localparam [31:0] LIMIT_COUNTERS = COUNTERS;
    localparam [31:0] LIMIT_DRIVE = DRIVE_BLOCKS;
    localparam [31:0] ID = 32'h50504C58;
    localparam [8:0] ID_TASKS = TASKS;
    localparam [4:0] ID_VOLUMES = VOLUMES;
    localparam [4:0] ID_SLOTS = BACKUP_SLOTS;
    localparam [6:0] ID_BUFFERS = RX_BUFFERS;
    localparam [31:0] ID_SEGMENTS = SEGMENTS;

    initial begin
        if (VOLUMES < 1 || VOLUMES > 16) begin
            $display("%m: VOLUMES = %0d, must be 1 to 16", VOLUMES);
            $finish;
        end
        if (COUNTERS < 1 || COUNTERS > 64) begin
            $display("%m: COUNTERS = %0d, must be 1 to 64", COUNTERS);
            $finish;
        end
    end

    integer v;

    reg [2:0]  state_reg;
    reg        writing_reg;
    reg [15:0] address_reg;
    reg [31:0] data_reg;
    reg        whole_reg;       // all four strobes of a write
    reg        error_reg;
    reg        loading_reg;
    reg [1:0]  load_index_reg;
    reg        blank_reg;       // table 670 has held zeros so far: a store never written

    assign s_axil_awready = state_reg == STATE_IDLE && s_axil_awvalid && s_axil_wvalid;
    assign s_axil_wready = s_axil_awready;
    assign s_axil_arready = state_reg == STATE_IDLE && !(s_axil_awvalid && s_axil_wvalid);
    assign s_axil_bvalid = state_reg == STATE_ANSWER && writing_reg;
    assign s_axil_rvalid = state_reg == STATE_ANSWER && !writing_reg;
    assign s_axil_bresp = {error_reg, 1'b0};
    assign s_axil_rresp = {error_reg, 1'b0};
    assign s_axil_rdata = data_reg;

    assign mis_valid = state_reg == STATE_STORE;
    assign mis_write = writing_reg;
    assign mis_addr = loading_reg ? {8'h2C, load_index_reg}
        : address_reg[15:12] == 4'h1 ? address_reg[11:2]
        : {8'h2C, address_reg[3:2]};
    assign mis_wdata = data_reg;

    /* Legal values of table 670, whether they come as registers or through the window. */
    wire [9:0] store_word = mis_addr;
    wire       table_670 = store_word == 10'h0B0 || store_word == 10'h0B1 || store_word == 10'h0B2;
    wire       legal_670 = store_word == 10'h0B0 ? data_reg[31:1] == 31'd0 : !data_reg[31];

    wire [31:0] volume_index = {28'd0, address_reg[7:4]};
    wire        volume_access = address_reg[15:8] == 8'h02 && volume_index < LIMIT_VOLUMES && address_reg[3:2] != 2'd3;
    wire [31:0] counter_index = {26'd0, address_reg[7:2]};

    always @(posedge clk) begin
        link_reset_request <= 1'b0;
        flush <= 1'b0;
        start_backup <= 1'b0;
        start_restore <= 1'b0;
        abort_backup <= 1'b0;

        case (state_reg)
            STATE_LOAD: begin
                writing_reg <= 1'b0;
                state_reg <= STATE_STORE;
            end
            STATE_IDLE: begin
                error_reg <= 1'b0;
                if (s_axil_awready) begin
                    writing_reg <= 1'b1;
                    address_reg <= s_axil_awaddr;
                    data_reg <= s_axil_wdata;
                    whole_reg <= &s_axil_wstrb;
                    state_reg <= STATE_WRITE;
                end else if (s_axil_arvalid) begin
                    writing_reg <= 1'b0;
                    address_reg <= s_axil_araddr;
                    state_reg <= STATE_READ;
                end
            end
            STATE_WRITE: begin
                state_reg <= STATE_ANSWER;
                error_reg <= 1'b1;
                if (whole_reg && address_reg[1:0] == 2'd0) begin
                    if (address_reg[15:12] == 4'h1 || address_reg == 16'h0340 || address_reg == 16'h0344 || address_reg == 16'h0348) begin
                        if (!table_670 || legal_670) begin
                            error_reg <= 1'b0;
                            state_reg <= STATE_STORE;
                        end
                    end else if (volume_access) begin
                        case (address_reg[3:2])
                            2'd0: error_reg <= data_reg[31:29] != 3'd0;
                            2'd1: error_reg <= data_reg[2:0] != 3'd0 || data_reg > LIMIT_DRIVE;
                            default: error_reg <= data_reg[31:2] != 30'd0;
                        endcase
                        for (v = 0; v < VOLUMES; v = v + 1)
                            if (volume_index == v) begin
                                if (address_reg[3:2] == 2'd0 && data_reg[31:29] == 3'd0)
                                    cfg_volume_base[32*v +: 32] <= data_reg;
                                if (address_reg[3:2] == 2'd1 && data_reg[2:0] == 3'd0 && data_reg <= LIMIT_DRIVE)
                                    cfg_volume_blocks[32*v +: 32] <= data_reg;
                                if (address_reg[3:2] == 2'd2 && data_reg[31:2] == 30'd0)
                                    cfg_volume_flags[2*v +: 2] <= data_reg[1:0];
                            end
                    end else
                        case (address_reg)
                            16'h0010: if (data_reg[31:1] == 31'd0) begin
                                flush <= data_reg[0];
                                error_reg <= 1'b0;
                            end
                            16'h0100: if (data_reg[31:2] == 30'd0) begin
                                link_enable <= data_reg[0];
                                link_reset_request <= data_reg[1];
                                error_reg <= 1'b0;
                            end
                            16'h0108: begin
                                cfg_wwpn[63:32] <= data_reg;
                                error_reg <= 1'b0;
                            end
                            16'h010C: begin
                                cfg_wwpn[31:0] <= data_reg;
                                error_reg <= 1'b0;
                            end
                            16'h0110: begin
                                cfg_wwnn[63:32] <= data_reg;
                                error_reg <= 1'b0;
                            end
                            16'h0114: begin
                                cfg_wwnn[31:0] <= data_reg;
                                error_reg <= 1'b0;
                            end
                            16'h011C: if (data_reg[31:16] == 16'd0 && data_reg != 32'd0) begin
                                cfg_e_d_tov_ticks <= data_reg[15:0];
                                error_reg <= 1'b0;
                            end
                            16'h0120: if (data_reg[31:16] == 16'd0 && data_reg != 32'd0) begin
                                cfg_r_a_tov_ticks <= data_reg[15:0];
                                error_reg <= 1'b0;
                            end
                            16'h0124: if (data_reg[31:16] == 16'd0 && data_reg != 32'd0) begin
                                cfg_r_t_tov_ticks <= data_reg[15:0];
                                error_reg <= 1'b0;
                            end
                            16'h0300: if (data_reg < LIMIT_VOLUMES) begin
                                cfg_backup_volume <= data_reg[7:0];
                                error_reg <= 1'b0;
                            end
                            16'h0304: if (data_reg[31:24] == 8'd0) begin
                                cfg_backup_port_id <= data_reg[23:0];
                                error_reg <= 1'b0;
                            end
                            16'h0308: if (data_reg[31:16] == 16'd0) begin
                                cfg_backup_lun <= data_reg[15:0];
                                error_reg <= 1'b0;
                            end
                            16'h030C: begin
                                cfg_backup_lba <= data_reg;
                                error_reg <= 1'b0;
                            end
                            16'h0310: if (data_reg >= 32'd8 && data_reg <= 32'd128 && data_reg[2:0] == 3'd0) begin
                                cfg_backup_chunk <= data_reg[7:0];
                                error_reg <= 1'b0;
                            end
                            16'h0314: begin
                                cfg_copy_pointer <= data_reg;
                                error_reg <= 1'b0;
                            end
                            16'h0318: if (data_reg[31:3] == 29'd0 && data_reg[1:0] != 2'd3) begin
                                start_backup <= data_reg[0];
                                start_restore <= data_reg[1];
                                abort_backup <= data_reg[2];
                                error_reg <= 1'b0;
                            end
                            default: ;
                        endcase
                end
            end
            STATE_READ: begin
                state_reg <= STATE_ANSWER;
                data_reg <= 32'd0;
                error_reg <= 1'b0;
                if (address_reg[1:0] != 2'd0)
                    error_reg <= 1'b1;
                else if (address_reg[15:12] == 4'h1)
                    state_reg <= STATE_STORE;
                else if (volume_access) begin
                    for (v = 0; v < VOLUMES; v = v + 1)
                        if (volume_index == v)
                            case (address_reg[3:2])
                                2'd0: data_reg <= cfg_volume_base[32*v +: 32];
                                2'd1: data_reg <= cfg_volume_blocks[32*v +: 32];
                                default: data_reg <= {30'd0, cfg_volume_flags[2*v +: 2]};
                            endcase
                end else if (address_reg[15:8] == 8'h04) begin
                    for (v = 0; v < COUNTERS; v = v + 1)
                        if (counter_index == v)
                            data_reg <= counters[32*v +: 32];
                    error_reg <= counter_index >= LIMIT_COUNTERS;
                end else if (address_reg[15:6] == 10'h005)
                    data_reg <= lesb[{address_reg[5:2], 5'd0} +: 32];
                else if (address_reg[15:6] == 10'h006)
                    data_reg <= port_counters[{address_reg[5:2], 5'd0} +: 32];
                else
                    case (address_reg)
                        16'h0000: data_reg <= ID;
                        16'h0004: data_reg <= {6'd0, ID_BUFFERS, ID_SLOTS, ID_VOLUMES, ID_TASKS};
                        16'h0008: data_reg <= ID_SEGMENTS;
                        16'h000C: data_reg <= {27'd0, status_backup_state == 4'd5, status_backup_state == 4'd4,
                            status_backup_state >= 4'd1 && status_backup_state <= 4'd3, status_unpinned, status_clean};
                        16'h0010, 16'h0318: ;
                        16'h0100: data_reg <= {31'd0, link_enable};
                        16'h0104: data_reg <= {7'd0, status_open_tasks, status_logins, 3'd0, status_fabric_login, status_link_state};
                        16'h0108: data_reg <= cfg_wwpn[63:32];
                        16'h010C: data_reg <= cfg_wwpn[31:0];
                        16'h0110: data_reg <= cfg_wwnn[63:32];
                        16'h0114: data_reg <= cfg_wwnn[31:0];
                        16'h0118: data_reg <= {8'd0, my_id};
                        16'h011C: data_reg <= {16'd0, cfg_e_d_tov_ticks};
                        16'h0120: data_reg <= {16'd0, cfg_r_a_tov_ticks};
                        16'h0124: data_reg <= {16'd0, cfg_r_t_tov_ticks};
                        16'h0300: data_reg <= {24'd0, cfg_backup_volume};
                        16'h0304: data_reg <= {8'd0, cfg_backup_port_id};
                        16'h0308: data_reg <= {16'd0, cfg_backup_lun};
                        16'h030C: data_reg <= cfg_backup_lba;
                        16'h0310: data_reg <= {24'd0, cfg_backup_chunk};
                        16'h0314: data_reg <= cfg_copy_pointer;
                        16'h031C: data_reg <= {28'd0, status_backup_state};
                        16'h0320: data_reg <= status_backup_pointer;
                        16'h0324: data_reg <= status_backup_error;
                        16'h0328: data_reg <= status_backup_sense;
                        16'h0340: data_reg <= {31'd0, cfg_backup_first};
                        16'h0344: data_reg <= cfg_backup_quantum;
                        16'h0348: data_reg <= cfg_online_time;
                        default: error_reg <= 1'b1;
                    endcase
            end
            STATE_STORE: if (mis_ready) begin
                if (writing_reg) begin
                    case (store_word)
                        10'h0B0: cfg_backup_first <= data_reg[0];
                        10'h0B1: cfg_backup_quantum <= data_reg;
                        10'h0B2: cfg_online_time <= data_reg;
                        default: ;
                    endcase
                    state_reg <= STATE_ANSWER;
                    /* defaults going into a store never written */
                    if (loading_reg) begin
                        state_reg <= load_index_reg == 2'd2 ? STATE_IDLE : STATE_STORE;
                        loading_reg <= load_index_reg != 2'd2;
                        load_index_reg <= load_index_reg + 2'd1;
                        data_reg <= DEFAULT_ONLINE_TIME;
                    end
                end else
                    state_reg <= STATE_DATA;
            end
            STATE_DATA: if (mis_rdata_valid) begin
                data_reg <= mis_rdata;
                state_reg <= STATE_ANSWER;
                if (loading_reg) begin
                    state_reg <= STATE_STORE;
                    load_index_reg <= load_index_reg + 2'd1;
                    blank_reg <= blank_reg && mis_rdata == 32'd0;
                    case (load_index_reg)
                        2'd0: cfg_backup_first <= mis_rdata[0];
                        2'd1: cfg_backup_quantum <= mis_rdata;
                        default: begin
                            cfg_online_time <= mis_rdata;
                            if (blank_reg && mis_rdata == 32'd0) begin
                                writing_reg <= 1'b1;
                                load_index_reg <= 2'd1;
                                data_reg <= DEFAULT_QUANTUM;
                            end else begin
                                loading_reg <= 1'b0;
                                state_reg <= STATE_IDLE;
                            end
                        end
                    endcase
                end
            end
            STATE_ANSWER: if (writing_reg ? s_axil_bready : s_axil_rready)
                state_reg <= STATE_IDLE;
            default: state_reg <= STATE_IDLE;
        endcase

        if (rst) begin
            state_reg <= STATE_LOAD;
            writing_reg <= 1'b0;
            error_reg <= 1'b0;
            loading_reg <= 1'b1;
            load_index_reg <= 2'd0;
            blank_reg <= 1'b1;
            link_enable <= 1'b0;
            link_reset_request <= 1'b0;
            cfg_wwpn <= DEFAULT_WWPN;
            cfg_wwnn <= DEFAULT_WWNN;
            cfg_e_d_tov_ticks <= 16'd2000;
            cfg_r_a_tov_ticks <= 16'd10000;
            cfg_r_t_tov_ticks <= 16'd100;
            flush <= 1'b0;
            cfg_volume_base <= {VOLUMES*32{1'b0}};
            cfg_volume_blocks <= {VOLUMES*32{1'b0}};
            cfg_volume_flags <= {VOLUMES*2{1'b0}};
            cfg_backup_volume <= 8'd0;
            cfg_backup_port_id <= 24'd0;
            cfg_backup_lun <= 16'd0;
            cfg_backup_lba <= 32'd0;
            cfg_backup_chunk <= 8'd128;
            cfg_copy_pointer <= 32'd0;
            start_backup <= 1'b0;
            start_restore <= 1'b0;
            abort_backup <= 1'b0;
        end
    end

    initial begin
        state_reg = STATE_LOAD;
        writing_reg = 1'b0;
        address_reg = 16'd0;
        data_reg = 32'd0;
        whole_reg = 1'b0;
        error_reg = 1'b0;
        loading_reg = 1'b1;
        load_index_reg = 2'd0;
        blank_reg = 1'b1;
        link_enable = 1'b0;
        cfg_backup_first = 1'b0;
        cfg_backup_quantum = DEFAULT_QUANTUM;
        cfg_online_time = DEFAULT_ONLINE_TIME;
    end

    /* verilator lint_off UNUSEDSIGNAL */ // every access is allowed to every kind of master
    wire [5:0] protection = {s_axil_awprot, s_axil_arprot};
    /* verilator lint_on UNUSEDSIGNAL */

endmodule

`resetall
