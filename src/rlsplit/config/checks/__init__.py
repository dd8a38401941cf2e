"""Checks: what prime-rl refuses, each rule one named function with its ID. All of them run; none stops another."""

from rlsplit.config.checks.inputs import INPUT_CHECKS
from rlsplit.config.checks.root import ROOT_CHECKS
from rlsplit.config.checks.sections import SECTION_CHECKS, checks_of

__all__ = ["INPUT_CHECKS", "ROOT_CHECKS", "SECTION_CHECKS", "checks_of"]
