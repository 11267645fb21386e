# SPDX-License-Identifier: Apache-2.0
# top of the system tests
-f top/storage_array.f
-f bfm/bfm.f
bfm/array_bench.v
