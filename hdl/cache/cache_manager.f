// SPDX-License-Identifier: Apache-2.0
cache/cache_fifo.v
cache/cache_directory.v
cache/cache_manager.v
