// SPDX-License-Identifier: Apache-2.0
-f cache/cache_manager.f
cache/cache_data_ram.v
cache/segment_list.v
cache/management_store.v
cache/allow_list.v
cache/cache.v
