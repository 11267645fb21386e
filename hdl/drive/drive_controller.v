// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Drive controller: stages and destages whole segments between the cache back port and one drive, many under way at once, and maps
   segments of volumes to blocks of the drive. */
module drive_controller #(
    // logical volumes, 1 to 16
    parameter VOLUMES = 4,
    // requests of one direction under way at once, a power of two, 2 to 256
    parameter QUEUE = 64
) (
    input  wire                  clk,
    input  wire                  rst,

    /* requests of the cache manager */
    input  wire                  drv_valid,
    output wire                  drv_ready,
    input  wire                  drv_write,
    input  wire [9:0]            drv_tag,
    input  wire [7:0]            drv_volume,
    input  wire [31:0]           drv_segment,
    input  wire [19:0]           drv_line,
    output wire                  drv_rsp_valid,
    input  wire                  drv_rsp_ready,
    output wire [9:0]            drv_rsp_tag,
    output wire                  drv_rsp_error,

    /* cache back port, client 0 */
    output wire                  bk_valid,
    input  wire                  bk_ready,
    output wire                  bk_write,
    output wire [19:0]           bk_line,
    output wire [127:0]          bk_wdata,
    input  wire                  bk_rdata_valid,
    input  wire [127:0]          bk_rdata,

    /* drive */
    output wire                  drive_cmd_valid,
    input  wire                  drive_cmd_ready,
    output wire                  drive_cmd_write,
    output wire [9:0]            drive_cmd_tag,
    output wire [31:0]           drive_cmd_block,
    output wire [7:0]            drive_cmd_blocks,
    output wire                  drive_wdata_valid,
    input  wire                  drive_wdata_ready,
    output wire [127:0]          drive_wdata,
    input  wire                  drive_rdata_valid,
    output wire                  drive_rdata_ready,
    input  wire [127:0]          drive_rdata,
    input  wire                  drive_status_valid,
    output wire                  drive_status_ready,
    input  wire [9:0]            drive_status_tag,
    input  wire                  drive_status_error,

    /* configuration: of volume v, bits 32v+31:32v */
    input  wire [VOLUMES*32-1:0] cfg_volume_base,
    input  wire [VOLUMES*32-1:0] cfg_volume_blocks,

    /* status: one-clock strobes */
    output reg                   stat_staged,
    output reg                   stat_destaged,
    output reg                   stat_drive_error
);

    localparam VOLUME_BITS = VOLUMES > 1 ? $clog2(VOLUMES) : 1;
    localparam QUEUE_BITS = $clog2(QUEUE);
    localparam [QUEUE_BITS:0] QUEUE_FULL = QUEUE;

    initial begin
        if (VOLUMES < 1 || VOLUMES > 16) begin
            $display("%m: VOLUMES = %0d, must be 1 to 16", VOLUMES);
            $finish;
        end
        if (QUEUE < 2 || QUEUE > 256 || (QUEUE & (QUEUE - 1)) != 0) begin
            $display("%m: QUEUE = %0d, must be a power of two from 2 to 256", QUEUE);
            $finish;
        end
    end

    integer i;

    /* Taking a request: a command for the drive, and where its lines are for the mover of its direction. A segment beyond the end of its
       volume never reaches the drive; its answer waits in refused_*. */
    reg        command_valid_reg;
    reg        command_write_reg;
    reg [9:0]  command_tag_reg;
    reg [31:0] command_block_reg;
    reg        refused_reg;
    reg [9:0]  refused_tag_reg;

    reg [19:0] stage_queue [0:QUEUE-1];
    reg [19:0] destage_queue [0:QUEUE-1];
    reg [QUEUE_BITS-1:0] stage_in_reg;
    reg [QUEUE_BITS-1:0] stage_out_reg;
    reg [QUEUE_BITS:0]   stage_count_reg;
    reg [QUEUE_BITS-1:0] destage_in_reg;
    reg [QUEUE_BITS-1:0] destage_out_reg;
    reg [QUEUE_BITS:0]   destage_count_reg;

    initial
        for (i = 0; i < QUEUE; i = i + 1) begin
            stage_queue[i] = 20'd0;
            destage_queue[i] = 20'd0;
        end

    assign drv_ready = (!command_valid_reg || drive_cmd_ready) && !refused_reg
        && stage_count_reg != QUEUE_FULL && destage_count_reg != QUEUE_FULL;

    wire [31:0] segment_blocks = {drv_segment[28:0], 3'd0};
    wire        known_volume = {24'd0, drv_volume} < VOLUMES;
    wire [VOLUME_BITS+4:0] volume_bit = {drv_volume[VOLUME_BITS-1:0], 5'd0};
    /* verilator lint_off UNUSEDSIGNAL */ // block numbers have 32 bits, so a base has 29
    wire [31:0] volume_base = known_volume ? cfg_volume_base[volume_bit +: 32] : 32'd0;
    /* verilator lint_on UNUSEDSIGNAL */
    wire [31:0] volume_blocks = known_volume ? cfg_volume_blocks[volume_bit +: 32] : 32'd0;
    wire        in_volume = drv_segment[31:29] == 3'd0 && segment_blocks < volume_blocks;
    wire [28:0] drive_segment = volume_base[28:0] + drv_segment[28:0];

    assign drive_cmd_valid = command_valid_reg;
    assign drive_cmd_write = command_write_reg;
    assign drive_cmd_tag = command_tag_reg;
    assign drive_cmd_block = command_block_reg;
    assign drive_cmd_blocks = 8'd8;

    wire stage_pop;
    wire destage_pop;
    wire take = drv_valid && drv_ready && in_volume;

    always @(posedge clk) begin
        if (drive_cmd_ready)
            command_valid_reg <= 1'b0;
        if (refused_reg && drv_rsp_ready && !drive_status_valid)
            refused_reg <= 1'b0;
        if (drv_valid && drv_ready) begin
            command_write_reg <= drv_write;
            command_tag_reg <= drv_tag;
            command_block_reg <= {drive_segment, 3'd0};
            command_valid_reg <= in_volume;
            refused_reg <= !in_volume;
            refused_tag_reg <= drv_tag;
            if (in_volume && !drv_write) begin
                stage_queue[stage_in_reg] <= drv_line;
                stage_in_reg <= stage_in_reg + 1'b1;
            end
            if (in_volume && drv_write) begin
                destage_queue[destage_in_reg] <= drv_line;
                destage_in_reg <= destage_in_reg + 1'b1;
            end
        end
        stage_count_reg <= stage_count_reg + {{QUEUE_BITS{1'b0}}, take && !drv_write} - {{QUEUE_BITS{1'b0}}, stage_pop};
        destage_count_reg <= destage_count_reg + {{QUEUE_BITS{1'b0}}, take && drv_write} - {{QUEUE_BITS{1'b0}}, destage_pop};
        if (stage_pop)
            stage_out_reg <= stage_out_reg + 1'b1;
        if (destage_pop)
            destage_out_reg <= destage_out_reg + 1'b1;

        stat_staged <= 1'b0;
        stat_destaged <= 1'b0;
        stat_drive_error <= drv_rsp_valid && drv_rsp_ready && drv_rsp_error;
        if (stage_pop)
            stat_staged <= 1'b1;
        if (destage_pop)
            stat_destaged <= 1'b1;

        if (rst) begin
            command_valid_reg <= 1'b0;
            refused_reg <= 1'b0;
            stage_in_reg <= 0;
            stage_out_reg <= 0;
            stage_count_reg <= 0;
            destage_in_reg <= 0;
            destage_out_reg <= 0;
            destage_count_reg <= 0;
            stat_staged <= 1'b0;
            stat_destaged <= 1'b0;
            stat_drive_error <= 1'b0;
        end
    end

    /* Answers: those of the drive first. refused_* is stable meanwhile, so an answer once shown stays. */
    reg show_refused_reg;

    always @(posedge clk)
        show_refused_reg <= !rst && refused_reg && drv_rsp_valid && !drv_rsp_ready && (show_refused_reg || !drive_status_valid);

    wire choose_drive = drive_status_valid && !show_refused_reg;

    assign drv_rsp_valid = drive_status_valid || refused_reg;
    assign drv_rsp_tag = choose_drive ? drive_status_tag : refused_tag_reg;
    assign drv_rsp_error = choose_drive ? drive_status_error : 1'b1;
    assign drive_status_ready = drv_rsp_ready && choose_drive;

    /* Movers. Staging: a line of the drive goes straight to the back port. Destaging: lines are fetched ahead into a small buffer; room is
       reserved when the fetch is asked for, so the fixed latency of the back port costs no rate. */
    reg [7:0]   stage_index_reg;
    reg [7:0]   destage_index_reg;
    reg [127:0] buffer [0:7];
    reg [2:0]   buffer_in_reg;
    reg [2:0]   buffer_out_reg;
    reg [3:0]   buffer_count_reg;
    reg [3:0]   reserved_reg;

    initial
        for (i = 0; i < 8; i = i + 1)
            buffer[i] = 128'd0;

    wire want_stage = drive_rdata_valid && stage_count_reg != 0;
    wire want_destage = destage_count_reg != 0 && reserved_reg != 4'd8;

    reg  last_stage_reg;
    reg  held_reg;
    reg  held_stage_reg;
    wire choose_stage = held_reg ? held_stage_reg : want_stage && (!want_destage || !last_stage_reg);

    assign bk_valid = want_stage || want_destage;
    assign bk_write = choose_stage;
    assign bk_line = choose_stage ? stage_queue[stage_out_reg] + {12'd0, stage_index_reg}
        : destage_queue[destage_out_reg] + {12'd0, destage_index_reg};
    assign bk_wdata = drive_rdata;
    assign drive_rdata_ready = bk_ready && choose_stage && want_stage;

    wire stage_go = bk_valid && bk_ready && choose_stage;
    wire destage_go = bk_valid && bk_ready && !choose_stage;

    assign stage_pop = stage_go && stage_index_reg == 8'd255;
    assign destage_pop = destage_go && destage_index_reg == 8'd255;

    assign drive_wdata_valid = buffer_count_reg != 4'd0;
    assign drive_wdata = buffer[buffer_out_reg];
    wire buffer_pop = drive_wdata_valid && drive_wdata_ready;

    always @(posedge clk) begin
        held_reg <= bk_valid && !bk_ready;
        held_stage_reg <= choose_stage;
        if (stage_go) begin
            stage_index_reg <= stage_index_reg + 8'd1;
            last_stage_reg <= 1'b1;
        end
        if (destage_go) begin
            destage_index_reg <= destage_index_reg + 8'd1;
            last_stage_reg <= 1'b0;
        end
        if (bk_rdata_valid) begin
            buffer[buffer_in_reg] <= bk_rdata;
            buffer_in_reg <= buffer_in_reg + 3'd1;
        end
        if (buffer_pop)
            buffer_out_reg <= buffer_out_reg + 3'd1;
        buffer_count_reg <= buffer_count_reg + {3'd0, bk_rdata_valid} - {3'd0, buffer_pop};
        reserved_reg <= reserved_reg + {3'd0, destage_go} - {3'd0, buffer_pop};
        if (rst) begin
            held_reg <= 1'b0;
            held_stage_reg <= 1'b0;
            last_stage_reg <= 1'b0;
            stage_index_reg <= 8'd0;
            destage_index_reg <= 8'd0;
            buffer_in_reg <= 3'd0;
            buffer_out_reg <= 3'd0;
            buffer_count_reg <= 4'd0;
            reserved_reg <= 4'd0;
        end
    end

    initial begin
        stat_staged = 1'b0;
        stat_destaged = 1'b0;
        stat_drive_error = 1'b0;
    end

    /* Values before the first reset, the same on every simulator. */
    initial begin
        command_valid_reg = 1'b0;
        command_write_reg = 1'b0;
        command_tag_reg = 10'd0;
        command_block_reg = 32'd0;
        refused_reg = 1'b0;
        refused_tag_reg = 10'd0;
        stage_in_reg = 0;
        stage_out_reg = 0;
        stage_count_reg = 0;
        destage_in_reg = 0;
        destage_out_reg = 0;
        destage_count_reg = 0;
        show_refused_reg = 1'b0;
        stage_index_reg = 8'd0;
        destage_index_reg = 8'd0;
        buffer_in_reg = 3'd0;
        buffer_out_reg = 3'd0;
        buffer_count_reg = 4'd0;
        reserved_reg = 4'd0;
        last_stage_reg = 1'b0;
        held_reg = 1'b0;
        held_stage_reg = 1'b0;
    end

endmodule

`resetall
