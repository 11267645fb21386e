# SPDX-License-Identifier: Apache-2.0
# top of the system tests
-f top/storage_array.f
-f bfm/bfm.f
bfm/destage_checker.v
bfm/fairness_checker.v
bfm/online_wait_probe.v
bfm/array_bench.v
