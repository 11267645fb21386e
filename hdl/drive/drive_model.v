// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Drive (simulation only): commands are queued and served in order, their latencies overlap, data moves at one line a clock. Python sets
   errors and loads or saves images through the public registers. */
module drive_model #(
    // 512-byte blocks, 8 to 8388608
    parameter CAPACITY_BLOCKS = 32768,
    // clocks from taking a command to its first line, 1 to 1000000
    parameter LATENCY = 400,
    // commands waiting, a power of two, 2 to 256
    parameter QUEUE = 64
) (
    input  wire         clk,
    input  wire         rst,

    /* commands; a status follows the last line of its command */
    input  wire         drive_cmd_valid,
    output wire         drive_cmd_ready,
    input  wire         drive_cmd_write,
    input  wire [9:0]   drive_cmd_tag,
    input  wire [31:0]  drive_cmd_block,
    input  wire [7:0]   drive_cmd_blocks,
    output reg          drive_status_valid,
    input  wire         drive_status_ready,
    output reg  [9:0]   drive_status_tag,
    output reg          drive_status_error,

    /* lines */
    input  wire         drive_wdata_valid,
    output wire         drive_wdata_ready,
    input  wire [127:0] drive_wdata,
    output wire         drive_rdata_valid,
    input  wire         drive_rdata_ready,
    output wire [127:0] drive_rdata
);

    localparam QUEUE_BITS = $clog2(QUEUE);
    localparam LINES = CAPACITY_BLOCKS * 32;
    localparam [QUEUE_BITS:0] QUEUE_FULL = QUEUE;
    localparam [32:0] CAPACITY = CAPACITY_BLOCKS;
    localparam [31:0] WAIT = LATENCY - 1;

    /* The next error_count commands of the chosen direction that touch error_block answer with an error and change nothing. */
    reg [31:0]   error_block /*verilator public_flat_rw*/;
    reg [31:0]   error_count /*verilator public_flat_rw*/;
    reg          error_on_write /*verilator public_flat_rw*/;
    /* Image: set image_name (text, right-justified), raise load_image or save_image, wait for image_done, look at image_error, lower the
       request, wait for image_done to fall. The file is the drive's bytes from block 0; a shorter file leaves the rest unchanged. */
    reg [2047:0] image_name /*verilator public_flat_rw*/;
    reg          load_image /*verilator public_flat_rw*/;
    reg          save_image /*verilator public_flat_rw*/;
    reg [31:0]   save_blocks /*verilator public_flat_rw*/;
    reg          image_done /*verilator public_flat_rw*/;
    reg          image_error /*verilator public_flat_rw*/;

    reg [127:0] memory [0:LINES-1];
    reg [2047:0] plusarg_name;
    integer i;
    integer file;
    /* verilator lint_off UNUSEDSIGNAL */ // a short image is legal, so its length does not matter
    integer ignored;
    /* verilator lint_on UNUSEDSIGNAL */

    initial begin
        if (CAPACITY_BLOCKS < 8 || CAPACITY_BLOCKS > 8388608) begin
            $display("%m: CAPACITY_BLOCKS = %0d, must be 8 to 8388608", CAPACITY_BLOCKS);
            $finish;
        end
        if (LATENCY < 1 || LATENCY > 1000000) begin
            $display("%m: LATENCY = %0d, must be 1 to 1000000", LATENCY);
            $finish;
        end
        if (QUEUE < 2 || QUEUE > 256 || (QUEUE & (QUEUE - 1)) != 0) begin
            $display("%m: QUEUE = %0d, must be a power of two from 2 to 256", QUEUE);
            $finish;
        end
        for (i = 0; i < LINES; i = i + 1)
            memory[i] = 128'd0;
        if ($value$plusargs("drive_image_in=%s", plusarg_name)) begin
            file = $fopen(plusarg_name, "rb");
            if (file == 0) begin
                $display("%m: +drive_image_in=%0s cannot be read", plusarg_name);
                $finish;
            end else begin
                ignored = $fread(memory, file);
                $fclose(file);
            end
        end
    end

    /* $fwrite %u puts the lowest byte first, a file the first byte of the line. */
    function [127:0] reversed(input [127:0] line);
        integer k;
        for (k = 0; k < 16; k = k + 1)
            reversed[8*k +: 8] = line[120 - 8*k +: 8];
    endfunction

    /* verilator lint_off BLKSEQ */ // files are handled within one clock
    always @(posedge clk) begin
        if ((load_image || save_image) && !image_done) begin
            image_done <= 1'b1;
            image_error <= 1'b0;
            if (load_image) begin
                file = $fopen(image_name, "rb");
                if (file == 0)
                    image_error <= 1'b1;
                else begin
                    ignored = $fread(memory, file);
                    $fclose(file);
                end
            end else begin
                file = $fopen(image_name, "wb");
                if (file == 0 || {1'b0, save_blocks} > CAPACITY)
                    image_error <= 1'b1;
                else
                    for (i = 0; i < save_blocks * 32; i = i + 1)
                        $fwrite(file, "%u", reversed(memory[i]));
                if (file != 0)
                    $fclose(file);
            end
        end else if (!load_image && !save_image)
            image_done <= 1'b0;
    end
    /* verilator lint_on BLKSEQ */

    /* Commands wait in a queue with the time they are due. */
    reg [31:0] now_reg;
    reg [82:0] queue [0:QUEUE-1];
    reg [QUEUE_BITS-1:0] in_reg;
    reg [QUEUE_BITS-1:0] out_reg;
    reg [QUEUE_BITS:0]   waiting_reg;

    initial
        for (i = 0; i < QUEUE; i = i + 1)
            queue[i] = 83'd0;

    assign drive_cmd_ready = waiting_reg != QUEUE_FULL;

    wire        head_write;
    wire [9:0]  head_tag;
    wire [31:0] head_block;
    wire [7:0]  head_blocks;
    wire [31:0] head_due;
    assign {head_write, head_tag, head_block, head_blocks, head_due} = queue[out_reg];

    /* verilator lint_off UNUSEDSIGNAL */ // only the sign: times wrap around
    wire [31:0] overdue = now_reg - head_due;
    /* verilator lint_on UNUSEDSIGNAL */
    wire [32:0] head_end = {1'b0, head_block} + {25'd0, head_blocks};
    wire        head_beyond = head_end > CAPACITY || head_blocks == 8'd0;
    wire        head_injected = error_count != 32'd0 && error_on_write == head_write
        && error_block >= head_block && {1'b0, error_block} < head_end;

    /* The command being served. */
    reg        busy_reg;
    reg        write_reg;
    reg        error_reg;
    reg        beyond_reg;
    reg [9:0]  tag_reg;
    reg [31:0] line_reg;
    reg [12:0] left_reg;

    assign drive_wdata_ready = busy_reg && write_reg && left_reg != 13'd0;
    assign drive_rdata_valid = busy_reg && !write_reg && left_reg != 13'd0;
    assign drive_rdata = beyond_reg ? 128'd0 : memory[line_reg[$clog2(LINES)-1:0]];

    wire move = (drive_wdata_valid && drive_wdata_ready) || (drive_rdata_valid && drive_rdata_ready);
    wire ended = left_reg == 13'd0 || (move && left_reg == 13'd1);
    wire finish = busy_reg && ended && (!drive_status_valid || drive_status_ready);
    wire start = !busy_reg && waiting_reg != 0 && !overdue[31];
    wire accept = drive_cmd_valid && drive_cmd_ready;

    always @(posedge clk) begin
        now_reg <= now_reg + 32'd1;
        if (accept) begin
            queue[in_reg] <= {drive_cmd_write, drive_cmd_tag, drive_cmd_block, drive_cmd_blocks, now_reg + WAIT};
            in_reg <= in_reg + 1'b1;
        end
        waiting_reg <= waiting_reg + {{QUEUE_BITS{1'b0}}, accept} - {{QUEUE_BITS{1'b0}}, start};

        if (drive_status_ready)
            drive_status_valid <= 1'b0;
        if (move) begin
            line_reg <= line_reg + 32'd1;
            left_reg <= left_reg - 13'd1;
            if (write_reg && !error_reg)
                memory[line_reg[$clog2(LINES)-1:0]] <= drive_wdata;
        end
        if (finish) begin
            busy_reg <= 1'b0;
            drive_status_valid <= 1'b1;
            drive_status_tag <= tag_reg;
            drive_status_error <= error_reg;
        end
        if (start) begin
            out_reg <= out_reg + 1'b1;
            busy_reg <= 1'b1;
            write_reg <= head_write;
            tag_reg <= head_tag;
            line_reg <= {head_block[26:0], 5'd0};
            left_reg <= {head_blocks, 5'd0};
            beyond_reg <= head_beyond;
            error_reg <= head_beyond || head_injected;
            if (head_injected)
                error_count <= error_count - 32'd1;
        end
        if (rst) begin
            in_reg <= 0;
            out_reg <= 0;
            waiting_reg <= 0;
            busy_reg <= 1'b0;
            left_reg <= 13'd0;
            drive_status_valid <= 1'b0;
        end
    end

    initial begin
        drive_status_valid = 1'b0;
        drive_status_tag = 10'd0;
        drive_status_error = 1'b0;
    end

    /* Values before the first reset, the same on every simulator. */
    initial begin
        error_block = 32'd0;
        error_count = 32'd0;
        error_on_write = 1'b0;
        image_name = 2048'd0;
        load_image = 1'b0;
        save_image = 1'b0;
        save_blocks = CAPACITY_BLOCKS;
        image_done = 1'b0;
        image_error = 1'b0;
        now_reg = 32'd0;
        in_reg = 0;
        out_reg = 0;
        waiting_reg = 0;
        busy_reg = 1'b0;
        write_reg = 1'b0;
        error_reg = 1'b0;
        beyond_reg = 1'b0;
        tag_reg = 10'd0;
        line_reg = 32'd0;
        left_reg = 13'd0;
    end

endmodule

`resetall
