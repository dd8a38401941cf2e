"""Apply the certain fixes of findings to the text of one config, comments, order and layout kept.

A fix stays only if nothing refuses what it wrote and the config, compiled again, has no more errors than before; no
value is ever lost. What no certain fix mends stays a finding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rlsplit import toml_text
from rlsplit.compiler import Outcome
from rlsplit.document import Source
from rlsplit.findings import Finding, Fix, Mark, has_errors
from rlsplit.migration import layout
from rlsplit.migration.draft import Draft, copied
from rlsplit.migration.rewriting import as_given, rewritten
from rlsplit.plain_data import is_list, is_table
from rlsplit.releases.release import NEWEST

Compile = Callable[[Sequence[Source]], Outcome]
"""Compiles sources in the way that the config is meant for."""

_MOST_ROUNDS: Final = 100
"""A mistake in the syntax may hide others, and a key may go on from where it went."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """A config with its certain fixes applied."""

    text: str
    """The text as it is now; where nothing is certain, as it was."""
    fixes: tuple[Fix, ...]
    """What was applied, in that order, each at its place in the text that it was applied to."""
    before: Outcome = field(repr=False)
    """What the text compiled to as it was."""
    outcome: Outcome = field(repr=False)
    """What the text compiles to as it is now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    text: str
    outcome: Outcome
    fixes: tuple[Fix, ...] = ()

    @property
    def errors(self) -> int:
        return sum(finding.severity == "error" for finding in self.outcome.findings)

    @property
    def left(self) -> int:
        """How many errors no certain fix mends."""
        return sum(finding.severity == "error" and not _is_mendable(finding) for finding in self.outcome.findings)

    @property
    def is_read(self) -> bool:
        """Whether the text is TOML."""
        document = self.outcome.document
        return bool(document.table) or not has_errors(document.findings)


def fix(text: str | bytes, compiled: Compile, *, source: str = "rl.toml") -> Fixed:
    """Apply every certain fix to a config; never raises for bad input.

    Applied to its own result, it changes nothing.
    """

    def state(content: str | bytes, fixes: tuple[Fix, ...] = ()) -> _State:
        outcome = compiled([Source(name=source, content=content)])
        written = content if isinstance(content, str) else content.decode("utf-8", "replace")
        return _State(text=written, outcome=outcome, fixes=fixes)

    first = now = state(text)
    if _is_rewritable(text):
        read = _until_still(first, lambda now: now if now.is_read else _mended(now, state))
        now = _until_still(read, lambda now: _moved(now, state, _has_no_more_left))
        if now.errors > read.errors:
            now = _until_still(read, lambda now: _moved(now, state, _has_fewer))
    return Fixed(text=now.text, fixes=now.fixes, before=first.outcome, outcome=now.outcome)


def _until_still(state: _State, step: Callable[[_State], _State]) -> _State:
    for _ in range(_MOST_ROUNDS):
        then = step(state)
        if then is state:
            break
        state = then
    return state


def _is_rewritable(text: str | bytes) -> bool:
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError:
            return False
    return not toml_text.is_json(toml_text.text_of("", text).content)


_Read = Callable[[str, tuple[Fix, ...]], _State]


def _is_mendable(finding: Finding) -> bool:
    return finding.fix is not None and finding.fix.sure == "certain"


def _certain(state: _State) -> list[Fix]:
    found = (finding.fix for finding in state.outcome.findings)
    return [fix for fix in dict.fromkeys(found) if fix is not None and fix.sure == "certain" and fix.where is not None]


# --- pieces of text ----------------------------------------------------------------------------------------------


def _mended(state: _State, read: _Read) -> _State:
    """Replace pieces of a text that is not TOML, from its end on, so that the places before stay true."""
    lines = toml_text.text_of("", state.text).content.split("\n")
    applied: list[Fix] = []
    for fix in sorted(_certain(state), key=_place, reverse=True):
        row, column = (fix.where.line - 1, fix.where.column - 1) if fix.where else (0, 0)
        if not fix.path and lines[row].startswith(fix.old, column):
            lines[row] = lines[row][:column] + fix.new + lines[row][column + len(fix.old) :]
            applied.append(fix)
    if not applied:
        return state
    return read(as_given(state.text, "\n".join(lines)), (*state.fixes, *reversed(applied)))


def _place(fix: Fix) -> Mark:
    return fix.where or Mark("", 0, 0)


# --- keys --------------------------------------------------------------------------------------------------------


_Judge = Callable[[_State, _State], bool]
"""Whether a state is better than the one before."""


def _has_fewer(before: _State, then: _State) -> bool:
    return then.errors < before.errors


def _has_no_more_left(before: _State, then: _State) -> bool:
    """A table may move first, and the keys in it that have moved by themselves then."""
    return then.left <= before.left


def _moved(state: _State, read: _Read, is_better: _Judge) -> _State:
    """Move keys: all together, or else as many as can be."""
    if not state.is_read:
        return state
    fixes = [fix for fix in _certain(state) if fix.path]
    claims = Counter(fix.to for fix in fixes)  # of two keys that go to one place only a person can choose
    return _best(state, [fix for fix in fixes if claims[fix.to] == 1], read, is_better)


def _best(state: _State, fixes: list[Fix], read: _Read, is_better: _Judge) -> _State:
    """Apply fixes if nothing stands against what they wrote; else look for those of them that can be kept."""
    text, applied = _rearranged(state, fixes)
    if applied:
        then = read(text, (*state.fixes, *applied))
        refused = _refused(then, applied)
        if refused:  # a few fixes in a long file are no reason to look for the others one by one
            return _best(state, [fix for fix in applied if fix not in refused], read, is_better)
        if then.is_read and is_better(state, then):
            return then
    if len(fixes) < 2:
        return state
    half = len(fixes) // 2
    return _best(_best(state, fixes[:half], read, is_better), fixes[half:], read, is_better)


def _refused(state: _State, fixes: Sequence[Fix]) -> set[Fix]:
    """The fixes at or below whose new place an error stands, one that no certain fix mends."""
    by_place = {fix.to: fix for fix in fixes}
    errors = (f for f in state.outcome.findings if f.severity == "error" and not _is_mendable(f))
    places = {finding.path[:end] for finding in errors for end in range(1, len(finding.path) + 1)}
    return {fix for place, fix in by_place.items() if place in places}


def _rearranged(state: _State, fixes: Sequence[Fix]) -> tuple[str, tuple[Fix, ...]]:
    """Move keys in a text; what has no free place to go to stays."""
    content = toml_text.text_of("", state.text).content
    table = state.outcome.document.table
    draft = Draft(table=copied(table), layout=layout.read(content), start=NEWEST.tag, goal=NEWEST.tag)
    applied = tuple(fix for fix in fixes if _moves(draft, fix))
    written = rewritten(draft.layout, draft.table) if applied else None
    if written is None or _values(draft.table) != _values(table):
        return state.text, ()
    return as_given(state.text, written), applied


def _moves(draft: Draft, fix: Fix) -> bool:
    if not draft.has(fix.path) or draft.has(fix.to) or fix.to[: len(fix.path)] == fix.path:
        return False
    before = len(draft.edits)
    draft.move(fix.path, fix.to)
    return len(draft.edits) > before


def _values(table: Any) -> Counter[str]:
    """Every value of a table, however deep."""
    return Counter(_leaves(table))


def _leaves(node: Any) -> Iterator[str]:
    if is_table(node) or is_list(node):
        for inner in node.values() if is_table(node) else node:
            yield from _leaves(inner)
    else:
        yield f"{type(node).__name__} {node!r}"
