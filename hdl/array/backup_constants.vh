// SPDX-License-Identifier: Apache-2.0
// What a job of the backup engine is told, what it is, and why it is refused.

/* verilator lint_off UNUSEDPARAM */
localparam [2:0]
    START_BACKUP   = 3'd0,
    START_RESTORE  = 3'd1,
    START_VERIFY   = 3'd2,
    PREPARE        = 3'd3,
    START_PREPARED = 3'd4,
    PAUSE          = 3'd5,
    RESUME         = 3'd6,
    ABORT          = 3'd7;

localparam [1:0]
    KIND_BACKUP  = 2'd0,
    KIND_RESTORE = 2'd1,
    KIND_VERIFY  = 2'd2;

localparam [3:0]
    JOB_IDLE     = 4'd0,
    JOB_LOGIN    = 4'd1,
    JOB_TRANSFER = 4'd2,
    JOB_LOGOUT   = 4'd3,
    JOB_DONE     = 4'd4,
    JOB_FAILED   = 4'd5,   // could not begin
    JOB_ABORTED  = 4'd6,
    JOB_PREPARED = 4'd7,   // waits for START_PREPARED
    JOB_QUEUED   = 4'd8,   // waits for the jobs before it
    JOB_PAUSED   = 4'd9,   // goes on at its pointer with RESUME
    JOB_PAUSING  = 4'd10;  // what is at the device is awaited

localparam [7:0]
    REFUSED_VOLUME   = 8'h11,  // absent, or not the size it had when the job was paused
    REFUSED_CHUNK    = 8'h12,
    REFUSED_LBA      = 8'h13,  // the image ends beyond the last LBA
    REFUSED_SELF     = 8'h14,  // the device is the array itself
    REFUSED_CONFLICT = 8'h15,  // another job on this volume is queued or under way
    REFUSED_STATE    = 8'h16,
    REFUSED_NOTHING  = 8'h17,  // nothing is prepared
    REFUSED_UNCLEAR  = 8'h18,  // not exactly one command
    REFUSED_PORTS    = 8'h19;  // no allowed port exists

/* errors of a job beyond the done_status values */
localparam [7:0]
    ERROR_SMALL = 8'h1A,  // the device is too small
    ERROR_CACHE = 8'h20;  // drive error while staging

localparam [3:0]
    TI_LOGIN  = 4'd8,
    TI_WRITE  = 4'd9,
    TI_READ   = 4'd10,
    TI_LOGOUT = 4'd11,
    TI_VERIFY = 4'd12,
    TI_PROBE  = 4'd13;
/* verilator lint_on UNUSEDPARAM */
