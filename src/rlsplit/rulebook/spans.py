"""Which releases of prime-rl have a rule: told from the same tables by which rules are run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from rlsplit.config.checks import INPUT_CHECKS, ROOT_CHECKS, SECTION_CHECKS
from rlsplit.config.derivations.root import ROOT_DERIVATIONS
from rlsplit.config.derivations.sections import SECTION_DERIVATIONS
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
    spans = _spans().get(code, ())
    since = [tag for tag, _ in spans if tag is not None]
    until = [tag for _, tag in spans if tag is not None]
    if since and len(since) == len(spans):
        return f"since {since[0]}"
    if not until:
        return ""
    return f"before {until[-1]}" if len(until) == len(spans) else f"otherwise before {until[-1]}"


@cache
def _spans() -> Mapping[str, tuple[Span, ...]]:
    found: dict[str, list[Span]] = {}
    for rule in _rules():
        found.setdefault(rule.rule, []).append((rule.since, rule.until))
    return {code: tuple(dict.fromkeys(spans)) for code, spans in found.items()}


def _rules() -> Iterator[Any]:
    """Every check and derivation, today's before those of older releases."""
    yield from (rule for rules in SECTION_DERIVATIONS.values() for rule in rules)
    yield from (rule for rules in SECTION_CHECKS.values() for rule in rules)
    yield from (*ROOT_DERIVATIONS, *INPUT_CHECKS, *ROOT_CHECKS)
    for spoke in SPOKES:
        yield from (rule for rules in spoke.derivations.values() for rule in rules)
        yield from (rule for rules in spoke.checks.values() for rule in rules)
        yield from (*spoke.root_derivations, *spoke.root_checks)
