"""Mistakes behind a value."""

from __future__ import annotations

import re
from typing import Final

from rlsplit.findings import clipped
from rlsplit.toml_mistakes.comments import comment
from rlsplit.toml_mistakes.failure import Failure
from rlsplit.toml_mistakes.mistake import (
    NUMBER,
    STATEMENT,
    Mend,
    Mistake,
    blanked,
    leading_zero,
    may_be_secret,
    spelled,
    word_at,
)


def number_with_more(failure: Failure) -> Mistake | None:
    """A number with something glued to it: a leading zero, a unit, a separator."""
    content = failure.text.content
    start = failure.token
    word = word_at(failure, start)
    if not NUMBER.match(word) or content[start : failure.pos].strip() != content[start : failure.pos]:
        return None
    at_end = word.rstrip(",;")
    if at_end != word and NUMBER.fullmatch(at_end) and not leading_zero(at_end):
        return None
    message, hint = _number_told(failure, word)
    return Mistake(message=message, hint=hint, at=start, mend=blanked(start, word))


def _number_told(failure: Failure, word: str) -> tuple[str, str]:
    if may_be_secret(failure.path, word):
        return "a text must stand in quotes", 'write "..."'
    if zero := leading_zero(word):
        return "a number cannot begin with 0", f"write {zero[1]}{zero[2]}, or {spelled(failure, word)} if it is a text"
    if re.fullmatch(r"[+-]?[0-9]+\.", word):
        return "a number needs a digit behind its point", f"write {word}0"
    if re.fullmatch(r"[+-]?[0-9]{1,3}(?:[, ][0-9]{3})+", word):
        return "a number has no separators but _", f"write {re.sub('[, ]', '_', word)}"
    return f"{clipped(word, 60)} is no number", f"write a plain number, or a text in quotes: {spelled(failure, word)}"


def comment_behind(failure: Failure) -> Mistake | None:
    """A comment of another language, apart from the value."""
    is_apart = failure.text.content[failure.pos - 1 : failure.pos] in (" ", "\t")
    return comment(failure) if is_apart else None


def ended_twice(failure: Failure) -> Mistake | None:
    """A comma or semicolon at the end of a line."""
    sign = failure.rest[:1]
    if failure.open_brackets or sign not in (",", ";") or failure.rest[1:].split("#")[0].strip():
        return None
    return Mistake(
        message=f"a value ends with its line, without {sign}",
        hint=f"remove the {sign}",
        at=failure.pos,
        mend=Mend(failure.pos, failure.pos + 1, " "),
        fix=(sign, ""),
    )


def inner_quote(failure: Failure) -> Mistake | None:
    """A text that its own quote ended early."""
    content = failure.text.content
    quote = content[failure.token]
    glued = failure.pos and content[failure.pos - 1] == quote and re.match(r"[^\s,\]}#=]", failure.rest)
    if quote not in "\"'" or not glued or content.startswith(quote * 3, failure.token):
        return None
    other = "'" if quote == '"' else '"'
    return Mistake(
        message=f"the text that begins here ends at its second {quote}",
        hint=f"put the whole text in {other}, or in three {quote}",
        at=failure.token,
        mend=None,
    )


def two_in_a_line(failure: Failure) -> Mistake | None:
    """A second key behind a value."""
    if failure.open_brackets or not re.match(r"[A-Za-z0-9_.-]+[ \t]*=(?!=)", failure.rest):
        return None
    return Mistake(message="each key needs a line of its own", hint="begin a new line here", at=failure.pos)


def unclosed_bracket(failure: Failure) -> Mistake | None:
    """The text is over, or the next line begins another key or table, and a bracket is still open."""
    content = failure.text.content
    line = content.rfind("\n", 0, failure.pos) + 1
    earlier = [offset for offset in failure.open_brackets if offset < line]
    is_over = not content[failure.pos :].strip()
    is_header = _HEADER.match(content, line) is not None
    is_key = not content[line : failure.pos].strip() and STATEMENT.match(content, failure.pos) is not None
    opened = failure.open_brackets if is_over else earlier if is_header or is_key else ()
    if not opened or (opened[-1] != failure.open_brackets[-1] and not is_header):
        return None
    is_list = content[opened[-1]] == "["
    what, hint = _UNCLOSED[is_list]
    before = "the end of the text" if is_over else f"line {failure.mark(failure.pos).line}"
    return Mistake(
        message=f"the {what} that begins here is not closed before {before}",
        hint=hint,
        at=opened[-1],
    )


_HEADER: Final = re.compile(r"[ \t]*(?:\[[\w.\"'-]+\]|\[\[[\w.\"'-]+\]\])[ \t]*(?:#.*)?$", re.MULTILINE)
_UNCLOSED: Final = {
    True: ("list", "write ] behind its last item"),
    False: ("inline table", "write } behind its last key, or a comma between its keys"),
}


def missing_comma(failure: Failure) -> Mistake | None:
    """Items or keys without a comma between them."""
    content = failure.text.content
    if not failure.open_brackets or content[failure.pos - 1] not in " \t\n":
        return None
    if not re.match(r"[\w\"'\[{+-]", failure.rest):
        return None
    what = "items of a list" if failure.is_in_list else "keys of an inline table"
    return Mistake(
        message=f"the {what} need commas between them",
        hint="write a comma before this",
        at=failure.pos,
        mend=Mend(failure.pos - 1, failure.pos, ","),
    )
