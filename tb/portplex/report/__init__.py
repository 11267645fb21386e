# SPDX-License-Identifier: Apache-2.0
"""What a run leaves for people: waves with names, pictures, and the checks of the sources themselves."""
