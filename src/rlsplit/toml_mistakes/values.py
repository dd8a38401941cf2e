"""Mistakes where a value should be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from rlsplit.findings import dotted
from rlsplit.toml_mistakes.comments import comment
from rlsplit.toml_mistakes.failure import Failure
from rlsplit.toml_mistakes.mistake import CURLY, Mend, Mistake, blanked, may_be_secret, spelled, word_at

_NULLS: Final = ("None", "none", "NONE", "null", "Null", "NULL", "nil", "~", "undefined")
_LITERALS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        **dict.fromkeys(("True", "TRUE"), ("is not a value of TOML", "write true")),
        **dict.fromkeys(("False", "FALSE"), ("is not a value of TOML", "write false")),
        **{
            word: ("is not a value of TOML", f'write {value}, or "{word}" in quotes if it is a text')
            for words, value in ((("yes", "on", "y"), "true"), (("no", "off", "n"), "false"))
            for lower in words
            for word in (lower, lower.capitalize(), lower.upper())
        },
        **dict.fromkeys(
            ("None", "none", "NONE", "null", "Null", "NULL", "nil", "~", "undefined"),
            ("is no value: TOML has no null", 'leave the key out; "None" in quotes is prime-rl\'s null'),
        ),
        **{
            word: ("is not a value of TOML", f"write {word.replace('Infinity', 'inf').replace('infinity', 'inf')}")
            for word in ("Infinity", "-Infinity", "+Infinity", "infinity", "-infinity")
        },
        **dict.fromkeys(("Inf", "INF"), ("is not a value of TOML", "write inf")),
        **dict.fromkeys(("NaN", "NAN", "Nan"), ("is not a value of TOML", "write nan")),
    }
)
"""Words that other languages have for values: what is wrong with each, and what to write."""


def literal(failure: Failure) -> Mistake | None:
    """What other languages write for true, false, null and infinities."""
    word = word_at(failure, failure.pos)
    if word not in _LITERALS:
        return None
    what, hint = _LITERALS[word]
    only = re.fullmatch(r"write ([+-]?\w+)", hint)  # a word that has one meaning
    fix = (word, only[1]) if only else None
    return Mistake(message=f"{word} {what}", hint=hint, at=failure.pos, mend=blanked(failure.pos, word), fix=fix)


def curly_value(failure: Failure) -> Mistake | None:
    """A text in curly quotes."""
    word = word_at(failure, failure.pos)
    if not word or word[0] not in CURLY:
        return None
    return Mistake(
        message=f"{word[0]} is no quote of TOML",
        hint=f"use straight quotes: {spelled(failure, word.strip(CURLY + chr(34) + chr(39)))}",
        at=failure.pos,
        mend=blanked(failure.pos, word),
    )


def missing_value(failure: Failure) -> Mistake | None:
    """Nothing behind an equals sign."""
    if word_at(failure, failure.pos).strip(" \t"):
        return None
    name = dotted(failure.path[-1:])
    equals = failure.text.content.rfind("=", 0, failure.pos + 1)
    spaced = failure.text.content[equals + 1 : equals + 2] in (" ", "\t")
    if failure.open_brackets or equals < 0:
        return None
    return Mistake(
        message=f"{name} has no value",
        hint="write one behind the equals sign, or put # before the line",
        at=failure.token,
        mend=Mend(equals + 1, equals + 2, "0") if spaced else None,
    )


def second_equals(failure: Failure) -> Mistake | None:
    """``==`` instead of ``=``."""
    if not failure.rest.startswith("="):
        return None
    return Mistake(
        message="there are two equals signs",
        hint="write one",
        at=failure.pos,
        mend=Mend(failure.pos, failure.pos + 1, " "),
    )


def parentheses(failure: Failure) -> Mistake | None:
    """A list in parentheses."""
    if not failure.rest.startswith("("):
        return None
    return Mistake(message="( begins no value", hint="write a list in brackets: [1, 2]", at=failure.pos)


def point_first(failure: Failure) -> Mistake | None:
    """A number like ``.5``."""
    word = word_at(failure, failure.pos)
    if not re.fullmatch(r"[+-]?\.[0-9]+(?:[eE][+-]?[0-9]+)?", word) or may_be_secret(failure.path, word):
        return None
    return Mistake(
        message="a number needs a digit before its point",
        hint=f"write {word.replace('.', '0.')}",
        at=failure.pos,
        mend=blanked(failure.pos, word),
        fix=(word, word.replace(".", "0.")),
    )


def comment_value(failure: Failure) -> Mistake | None:
    """``//`` where a list's next item could be: a path is followed by no space."""
    return comment(failure) if re.match(r"//(?:[ \t]|$)|/\*", failure.rest) else None


def extra_comma(failure: Failure) -> Mistake | None:
    """A comma where an item or a key should be."""
    if not failure.open_brackets or not failure.rest.startswith(","):
        return None
    what = "item" if failure.is_in_list else "key"
    return Mistake(
        message=f"there is no {what} before this comma",
        hint="remove the comma",
        at=failure.pos,
        mend=Mend(failure.pos, failure.pos + 1, " "),
        fix=(",", ""),
    )


def bare_word(failure: Failure) -> Mistake | None:
    """A text without quotes."""
    return _unquoted(failure, failure.pos)


def glued_word(failure: Failure) -> Mistake | None:
    """A text without quotes that begins like a value."""
    return _unquoted(failure, failure.token) if _is_glued(failure) else None


def _is_glued(failure: Failure) -> bool:
    before = failure.text.content[failure.token : failure.pos]
    return before.isalpha()


def _unquoted(failure: Failure, start: int) -> Mistake | None:
    word = word_at(failure, start)
    text = word.rstrip("\"'")
    if not re.match(r"[^\W\d]|[/$@~!<&*%.\\:]", word) or _UNSURE.search(word.rstrip('"')):
        return None
    return Mistake(
        message="a text must stand in quotes",
        hint=f"write {spelled(failure, text)}",
        at=start,
        mend=blanked(start, word),
    )


_UNSURE: Final = re.compile(f"[\"{CURLY}]|'.*'")
