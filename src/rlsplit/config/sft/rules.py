"""The rules of an SFT run: those of the sections that it shares with RL, and its own."""

from __future__ import annotations

from functools import cache

from rlsplit.config.checks import checks_of
from rlsplit.config.derivations.sections import derivations_of
from rlsplit.config.rules import Check, along_hierarchy
from rlsplit.config.run_kind import RootRules, SectionRules
from rlsplit.config.sections.base import Section
from rlsplit.config.sft.checks import ROOT_CHECKS
from rlsplit.config.sft.derivations import ROOT_DERIVATIONS
from rlsplit.config.sft.section_checks import SECTION_CHECKS
from rlsplit.releases.release import Release


@cache
def section_rules(release: Release) -> SectionRules:
    """The rules inside sections; SFT is compiled for the newest release alone."""
    return SectionRules(derivations=derivations_of, checks=_checks)


@cache
def _checks(section: type[Section]) -> tuple[Check, ...]:
    return (*checks_of(section), *along_hierarchy(SECTION_CHECKS, section))


@cache
def root_rules(release: Release) -> RootRules:
    """The rules between sections."""
    return RootRules(derivations=ROOT_DERIVATIONS, checks=ROOT_CHECKS)
