# SPDX-License-Identifier: Apache-2.0
port/service_parameters.v
port/login_table.v
port/ls_receive.v
port/ls_transmit.v
port/els_responder.v
port/els_originator.v
port/link_services.v
