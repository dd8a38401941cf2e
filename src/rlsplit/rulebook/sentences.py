"""What rules say of themselves: one sentence for each function or table row that is a rule.

A rule that is a function has its sentence in the function's docstring, and the tables of shared keys say theirs;
nothing of that is written a second time in the rulebook.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

from rlsplit.config.checks import INPUT_CHECKS, ROOT_CHECKS, SECTION_CHECKS
from rlsplit.config.derivations.root import ROOT_DERIVATIONS
from rlsplit.config.derivations.sections import SECTION_DERIVATIONS
from rlsplit.config.hosted import HOSTED_CHECKS
from rlsplit.config.propagation import BLOCKS, CASCADE, SHARED
from rlsplit.config.sft import checks as sft_checks
from rlsplit.config.sft import derivations as sft_derivations
from rlsplit.config.sft import section_checks
from rlsplit.findings import dotted
from rlsplit.releases.spokes import SPOKES

Kind = Literal["reads", "shares", "derives", "refuses", "warns", "notes", "sets", "writes"]
"""What a rule does: reads values, shares them, derives them; refuses a run, warns or notes; sets values for the
cluster; writes files."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a rule does."""

    kind: Kind
    sentence: str
    """One sentence with a full stop, code in backticks."""


@cache
def facts() -> Mapping[str, tuple[Fact, ...]]:
    """Rule ID to what the functions and rows of that ID do, for the rules that have some."""
    found: dict[str, dict[Fact, None]] = {}
    for rule, fact in (*_shared(), *_derivations(), *_checks(), *_older()):
        found.setdefault(rule, {})[fact] = None
    return MappingProxyType({rule: tuple(said) for rule, said in found.items()})


def _shared() -> Iterator[tuple[str, Fact]]:
    for rule, rows in (("S-03", SHARED), ("S-05", (CASCADE,)), ("S-06", BLOCKS)):
        for row in (row for row in rows if row.until is None):
            targets = ", ".join(f"`{dotted(target)}`" for target in row.targets)
            what = "The presence of" if rule == "S-06" else "A value of"
            yield rule, Fact("shares", f"{what} `{dotted(row.source)}` fills {targets} where they are silent.")


def _derivations() -> Iterator[tuple[str, Fact]]:
    for derivation in (*_all(SECTION_DERIVATIONS.values()), *ROOT_DERIVATIONS, *sft_derivations.ROOT_DERIVATIONS):
        yield derivation.rule, Fact("derives", _sentence(derivation.derive))


def _checks() -> Iterator[tuple[str, Fact]]:
    of_rl = (*_all(SECTION_CHECKS.values()), *INPUT_CHECKS, *ROOT_CHECKS, *HOSTED_CHECKS)
    of_sft = (*_all(section_checks.SECTION_CHECKS.values()), *sft_checks.ROOT_CHECKS, *sft_checks.LAUNCHER_CHECKS)
    for check in (*of_rl, *of_sft):
        yield check.rule, Fact("refuses", _sentence(check.refuse))


def _older() -> Iterator[tuple[str, Fact]]:
    """Rules that only older releases have; of those that were different, today's speak."""
    for spoke in SPOKES:
        for derivation in (*_all(spoke.derivations.values()), *spoke.root_derivations):
            if derivation.rule.startswith("V"):
                yield derivation.rule, Fact("derives", _sentence(derivation.derive))
        for check in (*_all(spoke.checks.values()), *spoke.root_checks):
            if check.rule.startswith("V"):
                yield check.rule, Fact("refuses", _sentence(check.refuse))


def _all(groups: Iterable[Iterable[Any]]) -> Iterator[Any]:
    for group in groups:
        yield from group


def _sentence(rule: object) -> str:
    """The first line of a rule's docstring; under ``python -OO`` there is none, and its name has to do."""
    text = inspect.getdoc(rule)
    return text.splitlines()[0] if text else getattr(rule, "__name__", "").replace("_", " ")
