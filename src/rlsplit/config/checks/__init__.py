"""Checks: what prime-rl refuses, each rule one named function with its ID. All of them run; none stops another."""

from .inputs import INPUT_CHECKS
from .root import ROOT_CHECKS
from .sections import SECTION_CHECKS

__all__ = ["INPUT_CHECKS", "ROOT_CHECKS", "SECTION_CHECKS"]
