"""The rules of a release: those of the newest that it has already, and those that it still has, in its order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, partial

from rlsplit.config.checks import INPUT_CHECKS, ROOT_CHECKS, checks_of
from rlsplit.config.derivations.root import ROOT_DERIVATIONS
from rlsplit.config.derivations.sections import derivations_of
from rlsplit.config.rules import Check, Derivation, Rule
from rlsplit.config.run_kind import SectionRules
from rlsplit.config.sections.base import Section
from rlsplit.releases.release import Release
from rlsplit.releases.spokes import SPOKES


@cache
def section_rules(release: Release) -> SectionRules:
    """The rules inside sections: asked for once a document, since each section asks for its own."""
    return SectionRules(
        derivations=cache(partial(_section_derivations, release)),
        checks=cache(partial(_section_checks, release)),
    )


def _section_derivations(release: Release, section: type[Section]) -> tuple[Derivation, ...]:
    older = [rule for base in reversed(section.__mro__) for spoke in SPOKES for rule in spoke.derivations.get(base, ())]
    return _placed(_in_force(derivations_of(section), release), _in_force(older, release))


def _section_checks(release: Release, section: type[Section]) -> tuple[Check, ...]:
    older = [rule for base in reversed(section.__mro__) for spoke in SPOKES for rule in spoke.checks.get(base, ())]
    return _in_force((*checks_of(section), *older), release)


@cache
def root_derivations(release: Release) -> tuple[Derivation, ...]:
    """The derivations between sections."""
    older = [rule for spoke in SPOKES for rule in spoke.root_derivations]
    return _placed(_in_force(ROOT_DERIVATIONS, release), _in_force(older, release))


@cache
def root_checks(release: Release) -> tuple[Check, ...]:
    """The checks between sections, after derivations."""
    return _in_force((*ROOT_CHECKS, *(rule for spoke in SPOKES for rule in spoke.root_checks)), release)


@cache
def input_checks(release: Release) -> tuple[Check, ...]:
    """The checks between sections, of what was written."""
    return _in_force(INPUT_CHECKS, release)


def _in_force(rules: Iterable[Rule], release: Release) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules if release.lies_in(rule.since, rule.until))


def _placed(rules: Sequence[Derivation], older: Iterable[Derivation]) -> tuple[Derivation, ...]:
    """Put each older rule behind the last rule of the ID that it names, or at the end."""
    placed = list(rules)
    for rule in older:
        numbers = [number for number, other in enumerate(placed) if other.rule == rule.after]
        placed.insert(numbers[-1] + 1 if numbers else len(placed), rule)
    return tuple(placed)
