# SPDX-License-Identifier: Apache-2.0
-f top/controller.f
drive/drive_model.v
top/storage_array.v
