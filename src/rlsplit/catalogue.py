"""The catalogue of rules: one sentence each, made from the functions and tables that are the rules."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from rlsplit.config.checks import INPUT_CHECKS, ROOT_CHECKS, SECTION_CHECKS
from rlsplit.config.derivations.root import ROOT_DERIVATIONS
from rlsplit.config.derivations.sections import SECTION_DERIVATIONS
from rlsplit.config.hosted import HOSTED_CHECKS
from rlsplit.config.propagation import BLOCKS, CASCADE, SHARED
from rlsplit.findings import dotted

RuleKind = Literal["reads", "shares", "derives", "refuses"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CataloguedRule:
    """One thing that a rule does."""

    rule: str
    """Its ID in prime-rl's rules; a rule that does several things has several entries."""
    kind: RuleKind
    sentence: str
    """What it does, as Markdown with code in backticks."""


READING: Final[Mapping[str, str]] = {
    "B-01": "Keys that a section does not know are refused, except where prime-rl keeps them.",
    "B-02": "Required keys are there.",
    "B-03": "Values have the type, the bounds and the choices of their field; numbers and booleans may be text.",
    "B-04": 'The text "None" as a direct key of a section means null.',
    "B-05": "In a table of untyped values that are all text, text that reads as a bool or number becomes one.",
    "B-06": "A table that names no variant takes the default's tag where there is a default.",
    "B-07": "Every other table of a union names its variant, and the variant exists.",
    "B-08": "Paths are cleaned lexically and never resolved.",
    "B-09": "`trainer.model.full_offload` may be a boolean: true is a table with defaults, false is null.",
    "D-03": "Infinities and NaN are refused in typed fields and become null in untyped tables.",
    "D-04": "Dates and times in untyped tables become ISO text.",
    "H-02": "Hosted: environment sources are set aside before validation and restored untouched.",
    "H-03": "A multi-node deployment that does not mention `slurm` gets an empty one.",
    "H-08": "Hosted: the eval table is checked without its sources.",
    "I-01": "Undeclared keys of `inference.vllm` are read like vLLM's command line: `-` is `_`, text is JSON.",
    "S-02": "A shared value and a component's own value for the same key are equal.",
}
"""Rules of reading, which are the types themselves and have no function of their own."""


def catalogue() -> tuple[CataloguedRule, ...]:
    """Return every rule, in the order of their IDs."""
    found = {*_reading(), *_shared(), *_derivations(), *_checks()}
    return tuple(sorted(found, key=lambda entry: (_order(entry.rule), entry.kind, entry.sentence)))


def _order(rule: str) -> tuple[str, int, str]:
    match = re.fullmatch(r"([A-Z])-(\d+)(.*)", rule)
    assert match, rule
    return match.group(1), int(match.group(2)), match.group(3)


def _reading() -> Iterator[CataloguedRule]:
    for rule, sentence in READING.items():
        yield CataloguedRule(rule=rule, kind="reads", sentence=sentence)


def _shared() -> Iterator[CataloguedRule]:
    for rule, rows in (("S-03", SHARED), ("S-05", (CASCADE,)), ("S-06", BLOCKS)):
        for row in rows:
            targets = ", ".join(f"`{dotted(target)}`" for target in row.targets)
            what = "The presence of" if rule == "S-06" else "A value of"
            sentence = f"{what} `{dotted(row.source)}` fills {targets} where they are silent."
            yield CataloguedRule(rule=rule, kind="shares", sentence=sentence)


def _derivations() -> Iterator[CataloguedRule]:
    for derivation in (*_all(SECTION_DERIVATIONS.values()), *ROOT_DERIVATIONS):
        yield CataloguedRule(rule=derivation.rule, kind="derives", sentence=_sentence(derivation.derive))


def _checks() -> Iterator[CataloguedRule]:
    for check in (*_all(SECTION_CHECKS.values()), *INPUT_CHECKS, *ROOT_CHECKS, *HOSTED_CHECKS):
        yield CataloguedRule(rule=check.rule, kind="refuses", sentence=_sentence(check.refuse))


def _all(groups: Iterable[Iterable[Any]]) -> Iterator[Any]:
    for group in groups:
        yield from group


def _sentence(rule: object) -> str:
    """The first line of a rule's docstring; under ``python -OO`` there is none, and its name has to do."""
    text = inspect.getdoc(rule)
    return text.splitlines()[0] if text else getattr(rule, "__name__", "").replace("_", " ")
