// SPDX-License-Identifier: Apache-2.0
array/copy_list.v
array/copy_results.v
array/copy_manager.v
