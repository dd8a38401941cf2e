"""One mistake that was understood, and the means to describe it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from rlsplit.findings import Finding, Fix, KeyPath
from rlsplit.secrets import is_secret, is_secret_value
from rlsplit.toml_marks import Text
from rlsplit.toml_mistakes.failure import Failure


class Mend(NamedTuple):
    """What to put in place of a piece of text, at most as long, to read on behind it."""

    start: int
    end: int
    spelled: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake that was understood."""

    message: str
    hint: str
    at: int
    """Offset."""
    mend: Mend | None = None
    """None: what follows cannot be judged."""
    fix: tuple[str, str] | None = None
    """What stands there and what to write instead, where that is certain."""

    def finding(self, failure: Failure) -> Finding:
        """Say it at its place."""
        return Finding(
            code="document.syntax",
            message=f"not valid TOML: {self.message}",
            path=failure.path,
            hint=self.hint,
            where=failure.mark(self.at),
            fix=Fix(old=self.fix[0], new=self.fix[1], where=failure.mark(self.at)) if self.fix else None,
        )


Recogniser = Callable[[Failure], Mistake | None]


CURLY: Final = "“”„‟‘’‚‛«»`´＂＇"  # noqa: RUF001
"""Signs that word processors make of quotes."""

NUMBER: Final = re.compile(r"[+-]?[0-9][0-9_]*(?:\.[0-9_]+)?(?:[eE][+-]?[0-9]+)?")
STATEMENT: Final = re.compile(r"[ \t]*(?:$|#|\[|[\w.\"'-]+[ \t]*=)")
"""The beginning of a line that is one of TOML's, or empty."""

_LONG_WORD: Final = re.compile(r"[A-Za-z0-9+/_=-]{32,}")
"""May be a key that no service marks as its own."""


def word_at(failure: Failure, start: int) -> str:
    """The text of a value: up to a comment or the end of the line, within brackets also up to a comma or bracket."""
    line = failure.text.content[start:].partition("\n")[0]
    inside = r",\]}" if failure.open_brackets else ""
    found = re.match(rf"[^#{inside}]*", line)
    return found[0].rstrip(" \t") if found else ""


def blanked(start: int, word: str) -> Mend:
    """Put a zero in place of a value."""
    return Mend(start, start + len(word), "0")


def may_be_secret(path: KeyPath, value: str) -> bool:
    """Whether a value must not be spelled out: by its key, or by what it looks like."""
    return is_secret(path) or is_secret_value(value) or _LONG_WORD.search(value) is not None


def spelled(failure: Failure, word: str) -> str:
    """Spell a text as TOML would have it, unless it may be a secret."""
    if may_be_secret(failure.path, word) or len(word) > 80:
        return '"..."'
    return f"'{word}'" if "\\" in word or '"' in word else f'"{word}"'


def leading_zero(word: str) -> re.Match[str] | None:
    """Match a number that begins with 0: its sign, and the rest without zeros."""
    return re.fullmatch(r"([+-]?)0[0_]*([0-9][0-9_.eE+-]*)", word)


def unused_name(text: Text, length: int) -> str | None:
    """Make a bare key of a length that the text does not have anywhere."""
    names = (str(number).rjust(length, "_") for number in range(min(100, 10**length)))
    return next((name for name in names if name not in text.content), None)
