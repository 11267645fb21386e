// SPDX-License-Identifier: Apache-2.0
array/task_queues.v
array/write_window.v
array/scsi_decode.v
array/unit_attention.v
array/volume_watch.v
array/host_engine.v
