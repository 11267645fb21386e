# SPDX-License-Identifier: Apache-2.0
array/register_access.v
array/management_registers.v
