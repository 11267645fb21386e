# SPDX-License-Identifier: Apache-2.0
array/port_selector.v
array/backup_placement.v
