# SPDX-License-Identifier: Apache-2.0
-f array/host_engine.f
-f array/page_service.f
-f array/backup_engine.f
-f array/copy_manager.f
array/priority_arbiter.v
array/port_lost.v
array/stream_turn.v
array/job_commands.v
array/array_clock.v
array/time_supervisor.v
array/load_monitor.v
-f array/backup_placement.f
-f array/management_registers.f
array/array_controller.v
