// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Joins the ports of a controller to its array controller: host requests (420, 440), completions and login events of all ports become one
   stream each, transfer instructions (410, 430) go to the port they are for. Task t of port p is task p * TASKS + t of the array. */
module port_mux #(
    parameter PORTS = 1, // 1 or 2
    parameter TASKS = 32 // contexts of each port, 1 to 256 / PORTS
) (
    input  wire                 clk,
    input  wire                 rst,

    // ports
    output wire [PORTS-1:0]     port_ti_valid,
    input  wire [PORTS-1:0]     port_ti_ready,
    output wire [7:0]           port_ti_task,        // the same for all
    input  wire [PORTS-1:0]     port_hr_valid,
    output wire [PORTS-1:0]     port_hr_ready,
    input  wire [PORTS*2-1:0]   port_hr_op,
    input  wire [PORTS*8-1:0]   port_hr_task,
    input  wire [PORTS*24-1:0]  port_hr_port_id,
    input  wire [PORTS*6-1:0]   port_hr_login,
    input  wire [PORTS*64-1:0]  port_hr_lun,
    input  wire [PORTS*128-1:0] port_hr_cdb,
    input  wire [PORTS*32-1:0]  port_hr_length,
    input  wire [PORTS-1:0]     port_hr_read,
    input  wire [PORTS-1:0]     port_hr_write,
    input  wire [PORTS*3-1:0]   port_hr_attribute,
    input  wire [PORTS*8-1:0]   port_hr_task_management,
    input  wire [PORTS-1:0]     port_done_valid,
    output wire [PORTS-1:0]     port_done_ready,
    input  wire [PORTS*4-1:0]   port_done_op,
    input  wire [PORTS*8-1:0]   port_done_task,
    input  wire [PORTS*9-1:0]   port_done_slot,
    input  wire [PORTS*8-1:0]   port_done_status,
    input  wire [PORTS*8-1:0]   port_done_scsi_status,
    input  wire [PORTS*24-1:0]  port_done_sense,
    input  wire [PORTS-1:0]     port_login_event_valid,
    input  wire [PORTS*6-1:0]   port_login_event_index,
    input  wire [PORTS*64-1:0]  port_login_event_wwpn,
    input  wire [PORTS*5-1:0]   port_login_event_initiator,
    input  wire [PORTS*16-1:0]  port_login_event_hidden,

    // array controller
    input  wire                 ti_valid,
    output wire                 ti_ready,
    input  wire [3:0]           ti_op,
    input  wire                 ti_port,             // of an initiator operation; a target operation names a task
    input  wire [7:0]           ti_task,
    output wire                 hr_valid,
    input  wire                 hr_ready,
    output wire [1:0]           hr_op,
    output wire [7:0]           hr_task,
    output wire [23:0]          hr_port_id,
    output wire [6:0]           hr_login,            // {port, row of its login table}
    output wire [63:0]          hr_lun,
    output wire [127:0]         hr_cdb,
    output wire [31:0]          hr_length,
    output wire                 hr_read,
    output wire                 hr_write,
    output wire [2:0]           hr_attribute,
    output wire [7:0]           hr_task_management,
    output wire                 done_valid,
    input  wire                 done_ready,
    output wire [3:0]           done_op,
    output wire [7:0]           done_task,
    output wire [8:0]           done_slot,
    output wire [7:0]           done_status,
    output wire [7:0]           done_scsi_status,
    output wire [23:0]          done_sense,
    output reg                  login_event_valid,
    output reg  [6:0]           login_event_index,
    output reg  [63:0]          login_event_wwpn,
    output reg  [4:0]           login_event_initiator,
    output reg  [15:0]          login_event_hidden
);

    initial
        if (PORTS < 1 || PORTS > 2 || TASKS < 1 || PORTS * TASKS > 256) begin
            $display("%m: PORTS = %0d, must be 1 or 2; TASKS = %0d, must be 1 to 256 / PORTS", PORTS, TASKS);
            $finish;
        end

    integer i;

    localparam [31:0] SECOND = TASKS; // first task of port 1

    // A target operation goes where the task is, an initiator operation where it says.
    wire in_second = PORTS > 1 && {24'd0, ti_task} >= SECOND;
    wire to_second = ti_op[3] ? PORTS > 1 && ti_port : in_second;
    assign port_ti_task = in_second ? ti_task - SECOND[7:0] : ti_task;
    assign port_ti_valid[0] = ti_valid && !to_second;
    assign ti_ready = port_ti_ready[to_second];

    generate
        if (PORTS > 1) begin : two
            assign port_ti_valid[PORTS-1] = ti_valid && to_second;
        end
    endgenerate

    // Two streams to the array: in turn, and an offer that has been shown stays.
    wire hr_from;
    wire done_from;

    stream_turn #(.PORTS(PORTS)) hr_turn (.clk(clk), .rst(rst), .in_valid(port_hr_valid), .in_ready(port_hr_ready), .valid(hr_valid), .ready(hr_ready), .from(hr_from));
    stream_turn #(.PORTS(PORTS)) done_turn (.clk(clk), .rst(rst), .in_valid(port_done_valid), .in_ready(port_done_ready), .valid(done_valid), .ready(done_ready), .from(done_from));

    assign hr_op = port_hr_op[hr_from*2 +: 2];
    assign hr_task = port_hr_task[hr_from*8 +: 8] + (hr_from ? SECOND[7:0] : 8'd0);
    assign hr_port_id = port_hr_port_id[hr_from*24 +: 24];
    assign hr_login = {hr_from, port_hr_login[hr_from*6 +: 6]};
    assign hr_lun = port_hr_lun[hr_from*64 +: 64];
    assign hr_cdb = port_hr_cdb[hr_from*128 +: 128];
    assign hr_length = port_hr_length[hr_from*32 +: 32];
    assign hr_read = port_hr_read[hr_from];
    assign hr_write = port_hr_write[hr_from];
    assign hr_attribute = port_hr_attribute[hr_from*3 +: 3];
    assign hr_task_management = port_hr_task_management[hr_from*8 +: 8];

    assign done_op = port_done_op[done_from*4 +: 4];
    assign done_task = port_done_task[done_from*8 +: 8] + (done_from ? SECOND[7:0] : 8'd0);
    assign done_slot = port_done_slot[done_from*9 +: 9];
    assign done_status = port_done_status[done_from*8 +: 8];
    assign done_scsi_status = port_done_scsi_status[done_from*8 +: 8];
    assign done_sense = port_done_sense[done_from*24 +: 24];

    // Login events are strobes: each port's waits in a buffer of one. A port has the next one only after a PLOGI and a PRLI more.
    reg [PORTS-1:0]    event_reg;
    reg [PORTS*91-1:0] event_data_reg; // {index, wwpn, initiator, hidden}
    wire               event_from = PORTS > 1 && !event_reg[0];

    always @(posedge clk) begin
        login_event_valid <= |event_reg;
        login_event_index[6] <= event_from;
        {login_event_index[5:0], login_event_wwpn, login_event_initiator, login_event_hidden} <= event_data_reg[event_from*91 +: 91];
        event_reg[event_from] <= 1'b0;
        for (i = 0; i < PORTS; i = i + 1)
            if (port_login_event_valid[i]) begin
                event_reg[i] <= 1'b1;
                event_data_reg[i*91 +: 91] <= {port_login_event_index[i*6 +: 6], port_login_event_wwpn[i*64 +: 64],
                    port_login_event_initiator[i*5 +: 5], port_login_event_hidden[i*16 +: 16]};
            end
        if (rst) begin
            event_reg <= {PORTS{1'b0}};
            login_event_valid <= 1'b0;
        end
    end

    initial begin
        event_reg = {PORTS{1'b0}};
        event_data_reg = {PORTS*91{1'b0}};
        login_event_valid = 1'b0;
        login_event_index = 7'd0;
        login_event_wwpn = 64'd0;
        login_event_initiator = 5'd0;
        login_event_hidden = 16'd0;
    end

    /* verilator lint_off UNUSEDSIGNAL */
    wire unused = &{1'b0, ti_op[2:0], SECOND, 1'b0};
    /* verilator lint_on UNUSEDSIGNAL */

endmodule

`resetall
