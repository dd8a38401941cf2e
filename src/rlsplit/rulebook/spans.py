"""Which releases of prime-rl have a rule: told from the same tables by which rules are run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from rlsplit.config.checks import INPUT_CHECKS, ROOT_CHECKS, SECTION_CHECKS
from rlsplit.config.derivations.root import ROOT_DERIVATIONS
from rlsplit.config.derivations.sections import SECTION_DERIVATIONS
from rlsplit.config.rules import Check, Derivation
from rlsplit.releases.release import Release
from rlsplit.releases.spokes import SPOKES

Span = tuple[str | None, str | None]
"""The first tag that has a rule (None: all had it), and the first that has it no more (None: the newest has it)."""


def is_in(code: str, release: Release) -> bool:
    """Whether a release has a rule; what is no rule of prime-rl holds for all."""
    spans = _spans().get(code)
    return spans is None or any(release.lies_in(*span) for span in spans)


def span_text(code: str) -> str:
    """Say since when, or until when, prime-rl has a rule: empty for those that all releases have."""
    spans = _spans().get(code, ((None, None),))
    last = None if any(until is None for _, until in spans) else [until for _, until in spans if until][-1]
    first = None if any(since is None for since, _ in spans) else [since for since, _ in spans if since][0]
    changed = [until for _, until in spans if until and last is None]
    found = [
        *([f"since {first}"] if first else []),
        *([f"before {last}"] if last else []),
        *([f"otherwise before {changed[-1]}"] if changed else []),
    ]
    return ", ".join(found)


@cache
def _spans() -> Mapping[str, tuple[Span, ...]]:
    found: dict[str, list[Span]] = {}
    for rule in _rules():
        found.setdefault(rule.rule, []).append((rule.since, rule.until))
    return {code: tuple(dict.fromkeys(spans)) for code, spans in found.items()}


def _rules() -> Iterator[Check | Derivation]:
    yield from (rule for rules in SECTION_DERIVATIONS.values() for rule in rules)
    yield from (rule for rules in SECTION_CHECKS.values() for rule in rules)
    yield from (*ROOT_DERIVATIONS, *INPUT_CHECKS, *ROOT_CHECKS)
    for spoke in SPOKES:
        yield from (rule for rules in spoke.derivations.values() for rule in rules)
        yield from (rule for rules in spoke.checks.values() for rule in rules)
        yield from (*spoke.root_derivations, *spoke.root_checks)
