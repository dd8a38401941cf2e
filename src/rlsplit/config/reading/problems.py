"""What pydantic's errors mean: one finding for one problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, time
from typing import Final, Literal, get_args, get_origin

from pydantic_core import ErrorDetails

from rlsplit.config.reading.locations import alternatives
from rlsplit.config.sections.base import Section, verbatim_fields
from rlsplit.config.tree import is_section, tag_field, tag_of
from rlsplit.findings import Finding, KeyPath, dotted, shown
from rlsplit.hints import did_you_mean
from rlsplit.plain_data import TOO_MANY, is_table
from rlsplit.releases.changes import known_change
from rlsplit.secrets import holds_secret

_EXPECTED: Final = {
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_parsing_size": "an integer of reasonable size",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "a string",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "greater_than_equal": "at least {ge}",
    "greater_than": "greater than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "literal_error": "{expected}",
}


_MOST_KEYS: Final = 8
MOST_PROBLEMS: Final = 300
"""So many problems of one kind are told one by one, the rest is counted: nobody reads more, and each takes time."""


def too_many(what: str, more: int, severity: Literal["error", "warning"] = "error") -> Finding:
    """Count the problems of one kind that are not told one by one."""
    message = f"there are {more} more {what} than the first {MOST_PROBLEMS}"
    return replace(TOO_MANY, severity=severity, message=message, hint="mend those to see the others")


def finding_of(kind: type[Section], path: KeyPath, group: list[ErrorDetails]) -> Finding:
    """Say what is wrong at a path of a section, of which pydantic may say it once for every alternative."""
    first = group[0]
    scope = path[:-1] if _is_verbatim(kind, path) else _plain_union(kind, path)
    if first["type"] == "missing":
        return Finding(code="B-02", path=path, message="is required", hint=_missing_hint(kind, path))
    if first["type"].startswith("union_tag"):
        return _tag_finding(kind, path, first)
    if first["type"] == "too_short":
        return Finding(code="B-03", path=path, message="must not be empty")
    expected = " or ".join(dict.fromkeys(_expected(details) for details in group))
    given = "" if holds_secret(path, first["input"]) else f", not {shown(first['input'])}"
    hint = (
        _choice_hint(kind, path, first["input"])
        or _release_hint(path, first["input"])
        or _date_hint(group, first["input"])
        or (_table_hint(kind, path, first["input"]) if expected == _EXPECTED["model_type"] else None)
    )
    return Finding(code="B-03", path=path, message=f"must be {expected}{given}", hint=hint, scope=scope)


def _is_verbatim(kind: type[Section], path: KeyPath) -> bool:
    """Whether packages judge what stands at a path: prime-rl reports a bad block at the table that holds it (O-14)."""
    parents = alternatives(kind, path[:-1])
    return any(is_section(parent) and path[-1] in verbatim_fields(parent) for parent in parents)


def _plain_union(kind: type[Section], path: KeyPath) -> KeyPath | None:
    """The value on a path that may be a table or something else: prime-rl reports a bad table there, too."""
    for end in range(len(path)):
        choices = alternatives(kind, path[:end])
        if len(choices) > 1 and not all(map(is_section, choices)):
            return path[:end]
    return None


def _expected(details: ErrorDetails) -> str:
    template = _EXPECTED.get(details["type"])
    if template is None:
        return f"valid ({details['msg'].lower()})"
    return template.format(**details.get("ctx", {}))


def _missing_hint(kind: type[Section], path: KeyPath) -> str:
    if len(path) == 1:
        return f"add [{path[0]}]; an empty table will do"
    sections = [member for member in alternatives(kind, path) if is_section(member)]
    keys = _keys_text(sections[0]) if len(sections) == 1 else ""
    return f"write [{dotted(path)}]: {keys}" if keys else f"write {dotted(path)} = ..."


def _table_hint(kind: type[Section], path: KeyPath, given: object) -> str | None:
    """What to write for a table where its variant, its name, or that it is wanted was written."""
    sections = [member for member in alternatives(kind, path) if is_section(member)]
    if not sections:
        return None
    key = tag_field(sections[0])
    if key and isinstance(given, str) and given in [tag_of(section, key) for section in sections]:
        return f'write {{ {key} = "{given}" }}'
    if given is True and len(sections) == 1 and not _required(sections[0]):
        return "write {}, or a table with some of its keys"
    return _keys_text(sections[0]) if len(sections) == 1 else None


def _keys_text(section: type[Section]) -> str:
    """Name the keys of a table: those that it must have, or else a few."""
    required, fields = _required(section), list(section.model_fields)
    if required:
        return f"it needs {' and '.join(required)}"
    return (
        f"its keys are {', '.join(fields)}"
        if len(fields) <= _MOST_KEYS
        else f"its keys are {', '.join(fields[:_MOST_KEYS])} ..."
    )


def _required(section: type[Section]) -> list[str]:
    return [name for name, field in section.model_fields.items() if field.is_required()]


def _release_hint(path: KeyPath, given: object) -> str | None:
    """What became of a word that an earlier release had there."""
    known = known_change(path) if isinstance(given, str) else None
    now = known.change.values.get(str(given)) if known else None
    if known is None or now is None:
        return None
    is_gone = now.startswith("no successor")
    return f'"{given}" {f"is gone since {known.since}; choose one" if is_gone else f"is {now} since {known.since}"}'


def _choice_hint(kind: type[Section], path: KeyPath, given: object) -> str | None:
    choices = [
        choice
        for member in alternatives(kind, path)
        if get_origin(member) is Literal
        for choice in get_args(member)
        if isinstance(choice, str)
    ]
    return did_you_mean(given, choices) if isinstance(given, str) else None


def _date_hint(group: list[ErrorDetails], given: object) -> str | None:
    wants_text = any(details["type"] == "string_type" for details in group)
    return f'put it in quotes: "{given}"' if wants_text and isinstance(given, (date, time)) else None


def _tag_finding(kind: type[Section], path: KeyPath, details: ErrorDetails) -> Finding:
    variants = [member for member in alternatives(kind, path) if is_section(member)]
    key = tag_field(variants[0]) or "type"
    tags = [tag for member in variants if (tag := tag_of(member, key))]
    known = _listed(tags)
    if details["type"] == "union_tag_not_found":
        return Finding(code="B-07", path=path, message=f"needs {key}", hint=f"write {key} = one of {known}")
    table = details["input"]
    given = table.get(key) if is_table(table) else None
    hint = did_you_mean(given, tags) or f"known are {known}"
    return Finding(code="B-07", path=(*path, key), message=f"is no variant: {shown(given)}", hint=hint, scope=path)


def _listed(words: Sequence[str], most: int = 12) -> str:
    text = ", ".join(f'"{word}"' for word in words[:most])
    return f"{text} and {len(words) - most} more" if len(words) > most else text
