# SPDX-License-Identifier: Apache-2.0
"""Running disparity after the words of a frame, by the balance of the 8b/10b codes (FC-FS-5, FC-1)."""

from __future__ import annotations

UNBALANCED_5B = {0, 1, 2, 4, 8, 15, 16, 23, 24, 27, 29, 30, 31}  # Dx whose 6-bit code has not three ones
UNBALANCED_3B = {0, 4, 7}


def ends_positive(body: bytes) -> bool:
    """Running disparity after SOF (positive) and these data characters."""
    positive = True
    for byte in body:
        positive ^= ((byte & 31) in UNBALANCED_5B) != ((byte >> 5) in UNBALANCED_3B)
    return positive
