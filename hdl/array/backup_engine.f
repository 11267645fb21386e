# SPDX-License-Identifier: Apache-2.0
array/backup_jobs.v
array/backup_chunks.v
array/backup_record.v
array/backup_engine.v
