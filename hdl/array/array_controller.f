# SPDX-License-Identifier: Apache-2.0
-f array/host_engine.f
-f array/page_service.f
-f array/backup_engine.f
array/priority_arbiter.v
array/port_lost.v
-f array/management_registers.f
array/array_controller.v
