"""What is wrong with a text that is not TOML, and what to write instead: every mistake that can be told apart.

Only asked once a text was refused. Behind a mistake that is understood, the text is mended in place, same length, so
that the reader finds the next one; behind one that is not, nothing more is said, since it might not be true.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import tomli

from rlsplit.findings import Finding, KeyPath, Mark
from rlsplit.toml_marks import Text
from rlsplit.toml_mistakes import behind_values as behind
from rlsplit.toml_mistakes import comments, keys, strings, values
from rlsplit.toml_mistakes.failure import Place, failure_at
from rlsplit.toml_mistakes.mistake import Mend, Recogniser
from rlsplit.toml_mistakes.redefined import redefinition, refusal
from rlsplit.toml_mistakes.yaml import yaml

_MOST: Final = 20
"""So many mistakes are looked for in one text."""
_CHARACTERS: Final = 500_000
"""So many characters are read again altogether, once the first mistake is known."""


def mistakes(text: Text, error: tomli.TOMLDecodeError) -> Iterator[Finding]:
    """Tell the mistakes of a text that tomli refused, in the order of the text, at least one."""
    if finding := yaml(text, error.pos):
        yield finding
        return
    redefined: list[KeyPath] = []
    places: set[Mark | None] = set()
    for _ in range(min(_MOST, 1 + _CHARACTERS // (1 + len(text.content)))):
        found = _mistake(text, error)
        finding, mend = found if found else (_unknown(text, error), None)
        if finding.where in places or (places and not found):
            return
        places.add(finding.where)
        # Below a table that has another name now, keys that are defined twice are no news.
        is_redefined = finding.code == "document.redefined"
        if not (is_redefined and any(finding.path[: len(path)] == path != finding.path for path in redefined)):
            yield finding
        if is_redefined:
            redefined.append(finding.path)
        if mend is None:
            return
        text = _mended(text, mend)
        next_error = refusal(text.content)
        if next_error is None or next_error.pos < mend.start:
            return
        error = next_error


def _mistake(text: Text, error: tomli.TOMLDecodeError) -> tuple[Finding, Mend | None] | None:
    if again := redefinition(text, error):
        return again
    failure = failure_at(text, error.pos)
    mistake = next((mistake for recognise in _TABLE[failure.place] if (mistake := recognise(failure))), None)
    return (mistake.finding(failure), mistake.mend) if mistake else None


def _unknown(text: Text, error: tomli.TOMLDecodeError) -> Finding:
    message = f"not valid TOML: {error.msg[:1].lower()}{error.msg[1:]}"
    return Finding(code="document.syntax", message=message, where=text.mark(error.pos))


def _mended(text: Text, mend: Mend) -> Text:
    spelled = mend.spelled.ljust(mend.end - mend.start)
    return replace(text, content=text.content[: mend.start] + spelled + text.content[mend.end :])


_TABLE: Final[Mapping[Place, tuple[Recogniser, ...]]] = MappingProxyType(
    {
        "header": (keys.strange_space, keys.header),
        "key": (
            keys.conflict,
            comments.comment,
            behind.unclosed_bracket,
            keys.curly_key,
            keys.strange_space,
            keys.key_beyond_ascii,
            values.extra_comma,
        ),
        "behind-key": (keys.conflict, keys.wrong_sign, keys.strange_space, keys.no_value, keys.space_in_key),
        "value": (
            behind.unclosed_bracket,
            values.literal,
            values.curly_value,
            keys.strange_space,
            values.second_equals,
            values.extra_comma,
            values.comment_value,
            values.point_first,
            values.parentheses,
            values.missing_value,
            values.bare_word,
        ),
        "behind-value": (
            keys.conflict,
            keys.strange_space,
            behind.comment_behind,
            behind.number_with_more,
            values.glued_word,
            behind.ended_twice,
            behind.inner_quote,
            behind.unclosed_bracket,
            behind.two_in_a_line,
            behind.missing_comma,
        ),
        "string": (strings.bad_escape, strings.control_character),
        "unclosed-string": (strings.unclosed_quote,),
    }
)
