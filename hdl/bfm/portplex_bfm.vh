// SPDX-License-Identifier: Apache-2.0
// The tasks of tb/portplex/bfm/portplex_bfm.c, included inside a module: DPI-C functions on Verilator, VPI system tasks elsewhere.
`ifdef VERILATOR
`define PP_FC_RESET pp_fc_reset
`define PP_FC_POLL pp_fc_poll
`define PP_FC_TAKE pp_fc_take
`define PP_FC_SENT pp_fc_sent
`define PP_FC_CONTROL pp_fc_control
`define PP_FC_FRAME pp_fc_frame
`define PP_FC_LINK pp_fc_link
`define PP_AXIL_TAKE pp_axil_take
`define PP_AXIL_DONE pp_axil_done
`define PP_CLOCK_POLL pp_clock_poll
`define PP_TIME_ZERO pp_time_zero
    import "DPI-C" function void pp_fc_reset(input int port, input longint clock);
    import "DPI-C" function void pp_fc_poll(input int port, input longint clock, input int busy, input int r_rdy_sent,
                                            input int r_rdy_received, input int credit_min, output int attention);
    import "DPI-C" function void pp_fc_take(input int port, input longint clock, output bit [20479:0] words,
                                            output bit [2559:0] k, output int info);
    import "DPI-C" function void pp_fc_sent(input int port, input longint first, input longint last);
    import "DPI-C" function void pp_fc_control(input int port, input longint clock, output int operation, output int argument,
                                               output int more);
    import "DPI-C" function void pp_fc_frame(input int port, input longint first, input longint last, input int length,
                                             input int flags, input bit [20479:0] words);
    import "DPI-C" function void pp_fc_link(input int port, input longint clock, input int state);
    import "DPI-C" function void pp_axil_take(input int master, input longint clock, output int request, output int address,
                                              output int data, output int deadline);
    import "DPI-C" function void pp_axil_done(input int master, input longint clock, input int status, input int data);
    import "DPI-C" function void pp_clock_poll(input longint clock, output int reset_clocks);
    import "DPI-C" function void pp_time_zero(input longint clock);
`else
`define PP_FC_RESET $pp_fc_reset
`define PP_FC_POLL $pp_fc_poll
`define PP_FC_TAKE $pp_fc_take
`define PP_FC_SENT $pp_fc_sent
`define PP_FC_CONTROL $pp_fc_control
`define PP_FC_FRAME $pp_fc_frame
`define PP_FC_LINK $pp_fc_link
`define PP_AXIL_TAKE $pp_axil_take
`define PP_AXIL_DONE $pp_axil_done
`define PP_CLOCK_POLL $pp_clock_poll
`define PP_TIME_ZERO $pp_time_zero
`endif
