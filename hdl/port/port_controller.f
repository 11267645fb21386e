# SPDX-License-Identifier: Apache-2.0
port/port_fifo.v
port/task_table.v
port/fcp_codec.v
port/sequence_builder.v
port/initiator_task.v
port/target_task.v
port/task_executor.v
port/exchange_status.v
port/task_generator.v
port/host_requests.v
port/port_cache_reader.v
port/port_cache_writer.v
port/frame_scheduler.v
port/rx_dispatch.v
port/port_counters.v
-f port/link_services.f
port/port_controller.v
