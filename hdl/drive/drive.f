# SPDX-License-Identifier: Apache-2.0
drive/drive_controller.v
drive/drive_model.v
