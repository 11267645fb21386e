// SPDX-License-Identifier: Apache-2.0
// What one EXTENDED COPY may have; told by RECEIVE COPY OPERATING PARAMETERS.

/* verilator lint_off UNUSEDPARAM */
localparam MAX_CSCDS = 4;     // CSCD descriptors of 32 bytes
localparam MAX_SEGMENTS = 8;  // segment descriptors of 28 bytes

// what is known of a copy, for RECEIVE COPY STATUS and FAILURE DETAILS: {failed, segments, bytes, sense, information, device, source, device's status, device's sense}
localparam RESULT_WIDTH = 1 + 16 + 32 + 16 + 32 + 1 + 1 + 8 + 24;
/* verilator lint_on UNUSEDPARAM */
