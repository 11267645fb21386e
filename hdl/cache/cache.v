// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Dual-port cache of one controller: data RAM, directory and manager, segment list, management information store and allow list. */
module cache #(
    parameter PORTS = 1,               // FC ports, 1 or 2
    parameter TASKS = 32,              // 1 to 256
    parameter BACKUP_SLOTS = 4,        // 1 to 16
    parameter CACHE_SETS = 64,         // power of two, 2 to 512
    parameter CACHE_WAYS = 8,          // power of two, 2 to 16; sets x ways at most 1024 and at least ceil(17 / sets) ways
    parameter DESTAGE_PACE = 128,      // clocks between two looks for something to destage, 8 to 65535
    parameter DESTAGE_OUTSTANDING = 8  // destages under way at the background pace, 1 to 255
) (
    input  wire                 clk,
    input  wire                 rst,

    // front port, each FC port
    input  wire [PORTS-1:0]     fr_rd_valid,
    output wire [PORTS-1:0]     fr_rd_ready,
    input  wire [PORTS*20-1:0]  fr_rd_line,
    output wire [PORTS-1:0]     fr_rd_data_valid,
    output wire [PORTS*128-1:0] fr_rd_data,
    input  wire [PORTS-1:0]     fr_wr_valid,
    output wire [PORTS-1:0]     fr_wr_ready,
    input  wire [PORTS*20-1:0]  fr_wr_line,
    input  wire [PORTS*128-1:0] fr_wr_data,
    input  wire [PORTS*16-1:0]  fr_wr_strobe,

    // segment list, each FC port
    input  wire [PORTS*9-1:0]   sl_rd_slot,
    input  wire [PORTS*5-1:0]   sl_rd_index,
    output wire [PORTS*20-1:0]  sl_rd_line,

    // segment list, page service
    input  wire [8:0]           page_rd_slot,
    input  wire [4:0]           page_rd_index,
    output wire [19:0]          page_rd_line,
    input  wire                 sl_wr_valid,
    output wire                 sl_wr_ready,
    input  wire [8:0]           sl_wr_slot,
    input  wire [4:0]           sl_wr_index,
    input  wire [19:0]          sl_wr_line,

    // back port: clients 0 drive controller, 1 page service
    input  wire [1:0]           bk_valid,
    output wire [1:0]           bk_ready,
    input  wire [1:0]           bk_write,
    input  wire [2*20-1:0]      bk_line,
    input  wire [2*128-1:0]     bk_wdata,
    output wire [1:0]           bk_rdata_valid,
    output wire [2*128-1:0]     bk_rdata,

    // chunk service: clients 0 host engine, 1 backup engine
    input  wire [1:0]           chunk_valid,
    output wire [1:0]           chunk_ready,
    input  wire [5:0]           chunk_op,
    input  wire [17:0]          chunk_slot,
    input  wire [15:0]          chunk_volume,
    input  wire [63:0]          chunk_lba,
    input  wire [15:0]          chunk_blocks,
    output wire [1:0]           chunk_rsp_valid,
    input  wire [1:0]           chunk_rsp_ready,
    output wire [5:0]           chunk_rsp_op,
    output wire [17:0]          chunk_rsp_slot,
    output wire [1:0]           chunk_rsp_error,

    // drive controller
    output wire                 drv_valid,
    input  wire                 drv_ready,
    output wire                 drv_write,
    output wire [9:0]           drv_tag,
    output wire [7:0]           drv_volume,
    output wire [31:0]          drv_segment,
    output wire [19:0]          drv_line,
    input  wire                 drv_rsp_valid,
    output wire                 drv_rsp_ready,
    input  wire [9:0]           drv_rsp_tag,
    input  wire                 drv_rsp_error,

    // management information store: clients 0 register window, 1 backup engine, 2 load monitor, 3 time supervisor (4 is the allow list in here)
    input  wire [3:0]           mis_valid,
    output wire [3:0]           mis_ready,
    input  wire [3:0]           mis_write,
    input  wire [4*10-1:0]      mis_addr,
    input  wire [4*32-1:0]      mis_wdata,
    output wire [3:0]           mis_rdata_valid,
    output wire [4*32-1:0]      mis_rdata,

    // allow list, each FC port; allow_ok goes with any allow_done
    input  wire [PORTS-1:0]     allow_valid,
    input  wire [PORTS*64-1:0]  allow_wwpn,
    output wire [PORTS-1:0]     allow_done,
    output wire                 allow_ok,
    output wire [20:0]          allow_entry,

    // control, status and counter strobes
    input  wire                 flush,
    output wire [15:0]          status_dirty_count,
    output wire                 status_pinned,
    output wire                 status_busy,
    output wire                 stat_read_hit,
    output wire                 stat_read_miss,
    output wire                 stat_staged,
    output wire                 stat_destaged,
    output wire                 stat_stage_error,
    output wire                 stat_destage_error,
    output wire                 stat_backoff
);

    cache_data_ram #(.PORTS(PORTS), .SEGMENTS(CACHE_SETS * CACHE_WAYS), .TASKS(TASKS)) data_ram (
        .clk(clk), .rst(rst),
        .fr_rd_valid(fr_rd_valid), .fr_rd_ready(fr_rd_ready), .fr_rd_line(fr_rd_line),
        .fr_rd_data_valid(fr_rd_data_valid), .fr_rd_data(fr_rd_data),
        .fr_wr_valid(fr_wr_valid), .fr_wr_ready(fr_wr_ready), .fr_wr_line(fr_wr_line), .fr_wr_data(fr_wr_data), .fr_wr_strobe(fr_wr_strobe),
        .bk_valid(bk_valid), .bk_ready(bk_ready), .bk_write(bk_write), .bk_line(bk_line), .bk_wdata(bk_wdata),
        .bk_rdata_valid(bk_rdata_valid), .bk_rdata(bk_rdata)
    );

    wire        list_wr_valid;
    wire [8:0]  list_wr_slot;
    wire [4:0]  list_wr_index;
    wire [19:0] list_wr_line;

    cache_manager #(
        .TASKS(TASKS), .BACKUP_SLOTS(BACKUP_SLOTS), .CACHE_SETS(CACHE_SETS), .CACHE_WAYS(CACHE_WAYS),
        .DESTAGE_PACE(DESTAGE_PACE), .DESTAGE_OUTSTANDING(DESTAGE_OUTSTANDING)
    ) manager (
        .clk(clk), .rst(rst),
        .chunk_valid(chunk_valid), .chunk_ready(chunk_ready), .chunk_op(chunk_op), .chunk_slot(chunk_slot),
        .chunk_volume(chunk_volume), .chunk_lba(chunk_lba), .chunk_blocks(chunk_blocks),
        .chunk_rsp_valid(chunk_rsp_valid), .chunk_rsp_ready(chunk_rsp_ready), .chunk_rsp_op(chunk_rsp_op),
        .chunk_rsp_slot(chunk_rsp_slot), .chunk_rsp_error(chunk_rsp_error),
        .list_wr_valid(list_wr_valid), .list_wr_slot(list_wr_slot), .list_wr_index(list_wr_index), .list_wr_line(list_wr_line),
        .drv_valid(drv_valid), .drv_ready(drv_ready), .drv_write(drv_write), .drv_tag(drv_tag), .drv_volume(drv_volume),
        .drv_segment(drv_segment), .drv_line(drv_line), .drv_rsp_valid(drv_rsp_valid), .drv_rsp_ready(drv_rsp_ready),
        .drv_rsp_tag(drv_rsp_tag), .drv_rsp_error(drv_rsp_error),
        .flush(flush), .status_dirty_count(status_dirty_count), .status_pinned(status_pinned), .status_busy(status_busy),
        .stat_read_hit(stat_read_hit), .stat_read_miss(stat_read_miss), .stat_staged(stat_staged), .stat_destaged(stat_destaged),
        .stat_stage_error(stat_stage_error), .stat_destage_error(stat_destage_error), .stat_backoff(stat_backoff)
    );

    segment_list #(.SLOTS(TASKS + BACKUP_SLOTS), .PORTS(PORTS + 1)) list (
        .clk(clk),
        .wr_valid(list_wr_valid), .wr_slot(list_wr_slot), .wr_index(list_wr_index), .wr_line(list_wr_line),
        .sl_wr_valid(sl_wr_valid), .sl_wr_ready(sl_wr_ready), .sl_wr_slot(sl_wr_slot), .sl_wr_index(sl_wr_index), .sl_wr_line(sl_wr_line),
        .sl_rd_slot({page_rd_slot, sl_rd_slot}), .sl_rd_index({page_rd_index, sl_rd_index}), .sl_rd_line({page_rd_line, sl_rd_line})
    );

    wire        list_mis_valid;
    wire        list_mis_ready;
    wire [9:0]  list_mis_addr;
    wire        list_mis_rdata_valid;
    wire [31:0] list_mis_rdata;

    management_store #(.CLIENTS(5)) store (
        .clk(clk), .rst(rst),
        .mis_valid({list_mis_valid, mis_valid}), .mis_ready({list_mis_ready, mis_ready}), .mis_write({1'b0, mis_write}),
        .mis_addr({list_mis_addr, mis_addr}), .mis_wdata({32'd0, mis_wdata}),
        .mis_rdata_valid({list_mis_rdata_valid, mis_rdata_valid}), .mis_rdata({list_mis_rdata, mis_rdata})
    );

    allow_list #(.PORTS(PORTS)) allow (
        .clk(clk), .rst(rst),
        .allow_valid(allow_valid), .allow_wwpn(allow_wwpn), .allow_done(allow_done), .allow_ok(allow_ok),
        .allow_entry(allow_entry), .mis_valid(list_mis_valid), .mis_ready(list_mis_ready), .mis_addr(list_mis_addr),
        .mis_rdata_valid(list_mis_rdata_valid), .mis_rdata(list_mis_rdata)
    );

endmodule

`resetall
