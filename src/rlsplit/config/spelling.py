"""Which names are the same but for spelling: judged word by word, so that another meaning is never near."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_LONGEST: Final = 100
"""Names beyond so many characters are near to none."""
_SHORT_FOR: Final[Mapping[tuple[str, ...], str]] = {
    ("learning", "rate"): "lr",
    ("activation", "checkpointing"): "ac",
    ("gradient", "checkpointing"): "ac",
    ("garbage", "collection"): "gc",
    ("context", "parallel"): "cp",
    ("expert", "parallel"): "ep",
    ("grad", "clip"): "max_norm",
    ("gradient", "clipping"): "max_norm",
    ("clip", "grad", "norm"): "max_norm",
    ("max", "grad", "norm"): "max_norm",
}
"""What prime-rl calls in short, or otherwise, what other trainers write out: two letters alone tell nothing."""


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """Split a name at underscores, hyphens, capitals and digits."""
    return tuple(word.lower() for word in _WORD.findall(name))


@lru_cache(maxsize=4096)
def _joined(name: str) -> str:
    return "".join(words(name))


def nearest(given: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most likely meant, None if none is near."""
    if len(given) > _LONGEST:
        return None
    scored = ((score, name) for name in known if (score := apart(given, name)) is not None)
    return min(scored, key=lambda pair: pair[0], default=(0, None))[1]


def apart(given: str, known: str) -> int | None:
    """How far two spellings of one meaning are apart, 0 for the same words; None for two meanings."""
    ours, theirs = words(given), words(known)
    if not ours or not theirs:
        return None
    joined, whole = _joined(given), _joined(known)
    if joined == whole:
        return 0
    if known == _SHORT_FOR.get(ours):
        return 2
    if len(ours) == len(theirs):
        if sorted(ours) == sorted(theirs):
            return 1
        return _words_apart(ours, theirs)
    if _initials(ours, theirs):
        return 2
    # One separator too many or too few, and a typo besides.
    if abs(len(ours) - len(theirs)) == 1 and min(len(joined), len(whole)) >= 6 and _edits(joined, whole, 1) == 1:
        return 2
    return None


def is_sure(given: str, known: str) -> bool:
    """Whether a spelling can mean nothing but a known name: the same words, or one typo."""
    score = apart(given, known)
    return score is not None and score < 2


def _words_apart(ours: tuple[str, ...], theirs: tuple[str, ...]) -> int | None:
    """Add up how far words are apart, one by one; None as soon as two of them mean something else."""
    total = 0
    for one, other in zip(ours, theirs, strict=True):
        step = _word_apart(one, other)
        if step is None:
            return None
        total += step
    return total


def _word_apart(one: str, other: str) -> int | None:
    """0 for the same word, 1 for another ending or a typo, 2 for an abbreviation or two typos, None for two words."""
    if one == other:
        return 0
    short, long = (one, other) if len(one) <= len(other) else (other, one)
    if one[0] != other[0] and len(short) < 6 and len(long) > 3:
        return None  # nothing below takes two words for one that are short and begin otherwise
    if long in (f"{short}s", f"{short}d", f"{short}ed", f"{short}ing"):
        return 1 if len(short) >= 3 else None
    if _has_letter_twice(long, short):
        return 1
    if len(short) < 3 or short.isdigit() or long.isdigit():
        return None
    if len(long) <= 3:  # cpu and gpu are two words
        return 1 if sorted(one) == sorted(other) else None
    if long.startswith(short) or _is_skeleton(short, long):
        return 2
    allowed = 2 if len(short) >= 8 else 1
    same_start = one[0] == other[0]
    edits = _edits(one, other, allowed)
    is_typo = edits is not None and (same_start or (edits == 1 and len(short) >= 6))
    # A word of three letters becomes another by one more letter: only its first ones are sure.
    return edits if is_typo and (len(short) > 3 or same_start) else None


def _has_letter_twice(long: str, short: str) -> bool:
    """Whether a word is another with one letter typed twice: ``lrr``."""
    return any(long[i] == long[i - 1] and long[:i] + long[i + 1 :] == short for i in range(1, len(long)))


def _is_skeleton(short: str, long: str) -> bool:
    """Whether a word is another without vowels and some letters: ``ckpt``, ``cfg``."""
    if set("aeiou") & set(short[1:]) or short[0] != long[0] or short[-1] != long[-1]:
        return False
    rest = iter(long)
    return len(long) - len(short) >= 2 and all(letter in rest for letter in short)


def _initials(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    """Whether one name is the initials of the other: ``tp`` for ``tensor_parallel_size``, else three or more."""
    if len(short) != 1 or len(short[0]) < 2:
        return False
    initials = "".join(word[0] for word in long)
    if len(initials) > 2 and long[-1] == "size" and short[0] == initials[:-1]:
        return True
    return len(initials) > 2 and short[0] == initials


def _edits(one: str, other: str, most: int) -> int | None:
    """Count the letters to insert, drop, replace or swap with their neighbour; None if there are more than allowed."""
    if abs(len(one) - len(other)) > most:
        return None
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        last, before, row = before, row, [i]
        for j, wanted in enumerate(other, 1):
            cost = min(row[-1] + 1, before[j] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1] if row[-1] <= most else None
