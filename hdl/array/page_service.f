// SPDX-License-Identifier: Apache-2.0
array/scsi_responder.v
array/persistent_reservation.v
array/parameter_list.v
array/block_worker.v
array/page_service.v
