"""Unified diffs of texts, in time that grows in line with them.

difflib alone takes the square of the lines where many change between others that stay. Here lines that each side has
once are paired first, and difflib sees only the few lines between two pairs.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Container, Hashable, Iterator, Mapping, Sequence
from difflib import Match, SequenceMatcher
from types import MappingProxyType
from typing import Final

_SHORT: Final = 200
"""Lines of both sides that are left to difflib."""

_COLOURS: Final[Mapping[str, str]] = MappingProxyType({"+": "32", "-": "31", "@": "36"})
"""First sign of a line of a unified diff to its ANSI style."""

Pair = tuple[int, int]
"""Numbers of a line in the old and in the new text."""


def unified(old: Sequence[str], new: Sequence[str], old_title: str, new_title: str) -> Iterator[str]:
    """Yield the lines of the unified diff of two texts, given by line; none where they are alike."""
    matcher = _Paired(old, new)
    for number, group in enumerate(matcher.get_grouped_opcodes()):
        if number == 0:
            yield f"--- {old_title}"
            yield f"+++ {new_title}"
        (_, old_start, _, new_start, _), (_, _, old_end, _, new_end) = group[0], group[-1]
        yield f"@@ -{_extent(old_start, old_end)} +{_extent(new_start, new_end)} @@"
        for kind, i, i_end, j, j_end in group:
            if kind == "equal":
                yield from (f" {line}" for line in old[i:i_end])
                continue
            yield from (f"-{line}" for line in old[i:i_end])
            yield from (f"+{line}" for line in new[j:j_end])


def painted(line: str) -> str:
    """Give a line of a unified diff its colour for a terminal."""
    style = _COLOURS.get(line[:1])
    return f"\x1b[{style}m{line}\x1b[0m" if style else line


def _extent(start: int, end: int) -> str:
    """Spell a part of a text by its first line and its length; an empty one stands behind the line before."""
    length = end - start
    first = start + 1 if length else start
    return f"{first}" if length == 1 else f"{first},{length}"


class _Paired(SequenceMatcher[str]):
    """Groups and words of difflib, over lines that are paired as :func:`pairs` does."""

    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        super().__init__(None, (), ())
        self._blocks = [*_blocks(pairs(old, new)), Match(len(old), len(new), 0)]

    def get_matching_blocks(self) -> list[Match]:
        return self._blocks


def _blocks(found: Iterator[Pair]) -> Iterator[Match]:
    """Join pairs that follow each other."""
    start: Pair | None = None
    size = 0
    for i, j in found:
        if start is not None and (i, j) == (start[0] + size, start[1] + size):
            size += 1
            continue
        if start is not None:
            yield Match(*start, size)
        start, size = (i, j), 1
    if start is not None:
        yield Match(*start, size)


def pairs(old: Sequence[str], new: Sequence[str]) -> Iterator[Pair]:
    """Yield the lines that stay, by their numbers, which grow in both texts from pair to pair."""
    at, end = (0, 0), (len(old), len(new))
    if sum(end) <= _SHORT:
        yield from _rest(old, new)
        return
    for i, j in _anchors(_once(old), _once(new)):
        yield from _between(old, new, at, (i, j))
        yield i, j
        at = (i + 1, j + 1)
    yield from _between(old, new, at, end)


def _between(old: Sequence[str], new: Sequence[str], start: Pair, end: Pair) -> Iterator[Pair]:
    """Pair the lines of two parts: what they begin and end with alike, and of the rest what difflib pairs."""
    (i, j), (i_end, j_end) = start, end
    while i < i_end and j < j_end and old[i] == new[j]:
        yield i, j
        i, j = i + 1, j + 1
    tail = 0
    while i < i_end - tail and j < j_end - tail and old[i_end - tail - 1] == new[j_end - tail - 1]:
        tail += 1
    found = _rest(old[i : i_end - tail], new[j : j_end - tail])
    yield from ((i + a, j + b) for a, b in found)
    yield from ((i_end - k, j_end - k) for k in range(tail, 0, -1))


def _rest(old: Sequence[str], new: Sequence[str]) -> list[Pair]:
    """Pair lines as difflib does; those of long texts by their counts."""
    if not old or not new:
        return []
    if len(old) + len(new) > _SHORT:
        common = frozenset(old).intersection(new)
        return _anchors(_counted(old, common), _counted(new, common))
    matches = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    return [(i + k, j + k) for i, j, size in matches for k in range(size)]


def _once(lines: Sequence[str]) -> Mapping[Hashable, int]:
    """Number of each line that is the only one of its kind."""
    counts = Counter(lines)
    return {line: number for number, line in enumerate(lines) if counts[line] == 1}


def _counted(lines: Sequence[str], common: Container[str]) -> Mapping[Hashable, int]:
    """Number of each line that is common, told from its like by how many of them stand before."""
    seen: Counter[str] = Counter()
    found: dict[Hashable, int] = {}
    for number, line in enumerate(lines):
        if line in common:
            found[line, seen[line]] = number
            seen[line] += 1
    return found


def _anchors(old: Mapping[Hashable, int], new: Mapping[Hashable, int]) -> list[Pair]:
    """Give the most lines of both sides that follow in the same order: the longest growing row, by patience."""
    common = [(i, new[line]) for line, i in old.items() if line in new]
    tops: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for number, (_, j) in enumerate(common):
        pile = bisect_left(tops, j)
        before.append(ends[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [j]
        ends[pile : pile + 1] = [number]
    row: list[Pair] = []
    at = ends[-1] if ends else -1
    while at >= 0:
        row.append(common[at])
        at = before[at]
    return row[::-1]
