"""The older releases that are served, the newest of them first: each tells how it differs from the one before."""

from __future__ import annotations

from typing import Final

from rlsplit.releases.spoke import Spoke
from rlsplit.releases.v0_7_0 import SPOKE as V0_7_0
from rlsplit.releases.v0_8_0 import SPOKE as V0_8_0

SPOKES: Final[tuple[Spoke, ...]] = (V0_8_0, V0_7_0)
"""A release is the newest one, changed by every spoke that comes after it, in this order."""
