// SPDX-License-Identifier: Apache-2.0
// The commands REPORT SUPPORTED OPERATION CODES tells, in ascending order: {operation code, has a service action, service action, CDB bytes}.
// Their CDB usage maps: which bits of bytes 1 to 15 are looked at; byte 0 is the operation code.

localparam COMMANDS = 52;

function [18:0] command;
    input [5:0] entry;
    case (entry)
        6'd0:  command = {8'h00, 1'b0, 5'h00, 5'd6};   // TEST UNIT READY
        6'd1:  command = {8'h03, 1'b0, 5'h00, 5'd6};   // REQUEST SENSE
        6'd2:  command = {8'h08, 1'b0, 5'h00, 5'd6};   // READ(6)
        6'd3:  command = {8'h0A, 1'b0, 5'h00, 5'd6};   // WRITE(6)
        6'd4:  command = {8'h12, 1'b0, 5'h00, 5'd6};   // INQUIRY
        6'd5:  command = {8'h15, 1'b0, 5'h00, 5'd6};   // MODE SELECT(6)
        6'd6:  command = {8'h16, 1'b0, 5'h00, 5'd6};   // RESERVE(6)
        6'd7:  command = {8'h17, 1'b0, 5'h00, 5'd6};   // RELEASE(6)
        6'd8:  command = {8'h1A, 1'b0, 5'h00, 5'd6};   // MODE SENSE(6)
        6'd9:  command = {8'h1B, 1'b0, 5'h00, 5'd6};   // START STOP UNIT
        6'd10: command = {8'h25, 1'b0, 5'h00, 5'd10};  // READ CAPACITY(10)
        6'd11: command = {8'h28, 1'b0, 5'h00, 5'd10};  // READ(10)
        6'd12: command = {8'h2A, 1'b0, 5'h00, 5'd10};  // WRITE(10)
        6'd13: command = {8'h2E, 1'b0, 5'h00, 5'd10};  // WRITE AND VERIFY(10)
        6'd14: command = {8'h2F, 1'b0, 5'h00, 5'd10};  // VERIFY(10)
        6'd15: command = {8'h34, 1'b0, 5'h00, 5'd10};  // PRE-FETCH(10)
        6'd16: command = {8'h35, 1'b0, 5'h00, 5'd10};  // SYNCHRONIZE CACHE(10)
        6'd17: command = {8'h41, 1'b0, 5'h00, 5'd10};  // WRITE SAME(10)
        6'd18: command = {8'h42, 1'b0, 5'h00, 5'd10};  // UNMAP
        6'd19: command = {8'h55, 1'b0, 5'h00, 5'd10};  // MODE SELECT(10)
        6'd20: command = {8'h56, 1'b0, 5'h00, 5'd10};  // RESERVE(10)
        6'd21: command = {8'h57, 1'b0, 5'h00, 5'd10};  // RELEASE(10)
        6'd22: command = {8'h5A, 1'b0, 5'h00, 5'd10};  // MODE SENSE(10)
        6'd23: command = {8'h5E, 1'b1, 5'h00, 5'd10};  // PERSISTENT RESERVE IN: READ KEYS
        6'd24: command = {8'h5E, 1'b1, 5'h01, 5'd10};  // READ RESERVATION
        6'd25: command = {8'h5E, 1'b1, 5'h02, 5'd10};  // REPORT CAPABILITIES
        6'd26: command = {8'h5E, 1'b1, 5'h03, 5'd10};  // READ FULL STATUS
        6'd27: command = {8'h5F, 1'b1, 5'h00, 5'd10};  // PERSISTENT RESERVE OUT: REGISTER
        6'd28: command = {8'h5F, 1'b1, 5'h01, 5'd10};  // RESERVE
        6'd29: command = {8'h5F, 1'b1, 5'h02, 5'd10};  // RELEASE
        6'd30: command = {8'h5F, 1'b1, 5'h03, 5'd10};  // CLEAR
        6'd31: command = {8'h5F, 1'b1, 5'h04, 5'd10};  // PREEMPT
        6'd32: command = {8'h5F, 1'b1, 5'h05, 5'd10};  // PREEMPT AND ABORT
        6'd33: command = {8'h5F, 1'b1, 5'h06, 5'd10};  // REGISTER AND IGNORE EXISTING KEY
        6'd34: command = {8'h83, 1'b1, 5'h00, 5'd16};  // EXTENDED COPY(LID1)
        6'd35: command = {8'h84, 1'b1, 5'h00, 5'd16};  // RECEIVE COPY RESULTS: COPY STATUS
        6'd36: command = {8'h84, 1'b1, 5'h03, 5'd16};  // OPERATING PARAMETERS
        6'd37: command = {8'h84, 1'b1, 5'h04, 5'd16};  // FAILED SEGMENT DETAILS
        6'd38: command = {8'h88, 1'b0, 5'h00, 5'd16};  // READ(16)
        6'd39: command = {8'h89, 1'b0, 5'h00, 5'd16};  // COMPARE AND WRITE
        6'd40: command = {8'h8A, 1'b0, 5'h00, 5'd16};  // WRITE(16)
        6'd41: command = {8'h8E, 1'b0, 5'h00, 5'd16};  // WRITE AND VERIFY(16)
        6'd42: command = {8'h8F, 1'b0, 5'h00, 5'd16};  // VERIFY(16)
        6'd43: command = {8'h90, 1'b0, 5'h00, 5'd16};  // PRE-FETCH(16)
        6'd44: command = {8'h91, 1'b0, 5'h00, 5'd16};  // SYNCHRONIZE CACHE(16)
        6'd45: command = {8'h93, 1'b0, 5'h00, 5'd16};  // WRITE SAME(16)
        6'd46: command = {8'h9E, 1'b1, 5'h10, 5'd16};  // READ CAPACITY(16)
        6'd47: command = {8'hA0, 1'b0, 5'h00, 5'd12};  // REPORT LUNS
        6'd48: command = {8'hA3, 1'b1, 5'h0A, 5'd12};  // REPORT TARGET PORT GROUPS
        6'd49: command = {8'hA3, 1'b1, 5'h0C, 5'd12};  // REPORT SUPPORTED OPERATION CODES
        6'd50: command = {8'hA8, 1'b0, 5'h00, 5'd12};  // READ(12)
        default: command = {8'hAA, 1'b0, 5'h00, 5'd12}; // WRITE(12)
    endcase
endfunction

function [119:0] usage;
    input [5:0] entry;
    case (entry)
        6'd0:  usage = 120'h00_00_00_00_04_00_00_00_00_00_00_00_00_00_00;
        6'd1:  usage = 120'h01_00_00_FF_04_00_00_00_00_00_00_00_00_00_00;
        6'd2, 6'd3: usage = 120'h1F_FF_FF_FF_04_00_00_00_00_00_00_00_00_00_00;
        6'd4:  usage = 120'h03_FF_FF_FF_04_00_00_00_00_00_00_00_00_00_00;
        6'd5:  usage = 120'h11_00_00_FF_04_00_00_00_00_00_00_00_00_00_00;
        6'd6, 6'd7: usage = 120'h1F_00_00_00_04_00_00_00_00_00_00_00_00_00_00;
        6'd8:  usage = 120'h00_FF_FF_FF_04_00_00_00_00_00_00_00_00_00_00;
        6'd9:  usage = 120'h01_00_00_F7_04_00_00_00_00_00_00_00_00_00_00;
        6'd10: usage = 120'h00_FF_FF_FF_FF_00_00_01_04_00_00_00_00_00_00;
        6'd11, 6'd12: usage = 120'hF8_FF_FF_FF_FF_00_FF_FF_04_00_00_00_00_00_00;
        6'd13: usage = 120'hF6_FF_FF_FF_FF_00_FF_FF_04_00_00_00_00_00_00;
        6'd14: usage = 120'hF6_FF_FF_FF_FF_00_FF_FF_04_00_00_00_00_00_00;
        6'd15: usage = 120'h02_FF_FF_FF_FF_00_FF_FF_04_00_00_00_00_00_00;
        6'd16: usage = 120'h06_FF_FF_FF_FF_00_FF_FF_04_00_00_00_00_00_00;
        6'd17: usage = 120'hF7_FF_FF_FF_FF_00_FF_FF_04_00_00_00_00_00_00;
        6'd18: usage = 120'h01_00_00_00_00_00_FF_FF_04_00_00_00_00_00_00;
        6'd19: usage = 120'h11_00_00_00_00_00_FF_FF_04_00_00_00_00_00_00;
        6'd20, 6'd21: usage = 120'h1F_00_00_00_00_00_00_00_04_00_00_00_00_00_00;
        6'd22: usage = 120'h00_FF_FF_00_00_00_FF_FF_04_00_00_00_00_00_00;
        6'd23, 6'd24, 6'd25, 6'd26: usage = 120'h1F_00_00_00_00_00_FF_FF_04_00_00_00_00_00_00;
        6'd27, 6'd30, 6'd33: usage = 120'h1F_00_00_00_FF_FF_FF_FF_04_00_00_00_00_00_00;
        6'd28, 6'd29, 6'd31, 6'd32: usage = 120'h1F_FF_00_00_FF_FF_FF_FF_04_00_00_00_00_00_00;
        6'd34, 6'd36: usage = 120'h1F_00_00_00_00_00_00_00_00_FF_FF_FF_FF_00_04;
        6'd35, 6'd37: usage = 120'h1F_FF_00_00_00_00_00_00_00_FF_FF_FF_FF_00_04;
        6'd38, 6'd40: usage = 120'hF8_FF_FF_FF_FF_FF_FF_FF_FF_FF_FF_FF_FF_00_04;
        6'd39: usage = 120'hF8_FF_FF_FF_FF_FF_FF_FF_FF_00_00_00_FF_00_04;
        6'd41, 6'd42: usage = 120'hF6_FF_FF_FF_FF_FF_FF_FF_FF_FF_FF_FF_FF_00_04;
        6'd43: usage = 120'h02_FF_FF_FF_FF_FF_FF_FF_FF_FF_FF_FF_FF_00_04;
        6'd44: usage = 120'h06_FF_FF_FF_FF_FF_FF_FF_FF_FF_FF_FF_FF_00_04;
        6'd45: usage = 120'hF7_FF_FF_FF_FF_FF_FF_FF_FF_FF_FF_FF_FF_00_04;
        6'd46: usage = 120'h1F_FF_FF_FF_FF_FF_FF_FF_FF_FF_FF_FF_FF_01_04;
        6'd47: usage = 120'h00_FF_00_00_00_FF_FF_FF_FF_00_04_00_00_00_00;
        6'd48: usage = 120'hFF_00_00_00_00_FF_FF_FF_FF_00_04_00_00_00_00;
        6'd49: usage = 120'h1F_87_FF_FF_FF_FF_FF_FF_FF_00_04_00_00_00_00;
        default: usage = 120'hF8_FF_FF_FF_FF_FF_FF_FF_FF_00_04_00_00_00_00;
    endcase
endfunction
