# SPDX-License-Identifier: Apache-2.0
-f link/link.f
-f port/port_controller.f
-f array/array_controller.f
-f array/port_mux.f
-f cache/cache.f
drive/drive_controller.v
top/controller.v
