"""Reading: raw tables become typed sections, and every field that cannot be read becomes one finding.

A table with bad fields is still read: what was refused is taken out, its field is left without a value
(:class:`.section.UnreadableError`), and the rules go on with the rest. So one bad value hides no other problem.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rlsplit.config.sections.base import Section, verbatim_fields
from rlsplit.config.tree import Placed, is_section, members, owner, tag_field, tag_of
from rlsplit.findings import Finding, KeyPath, clipped, dotted, shown
from rlsplit.secrets import is_secret

_ROUNDS: Final = 20
"""Repairs are repeated, since a mended table can show an inner problem; prime-rl's sections nest less deep."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A section as far as it could be read (None: not at all), and the findings of its fields."""

    section: Any
    findings: tuple[Finding, ...]


def read(kind: type[Section], table: Mapping[str, Any]) -> Reading:
    """Read a table as a section: types, bounds, required keys and tags (B-02, B-03, B-07)."""
    try:
        return Reading(kind.model_validate(table), ())
    except ValidationError as error:
        return _read_around(kind, table, error)


def _read_around(kind: type[Section], table: Mapping[str, Any], error: ValidationError) -> Reading:
    found: dict[KeyPath, Finding] = {}
    mended: Any = table
    for _ in range(_ROUNDS):
        problems = _grouped(kind, error)
        for path, group in problems.items():
            if not any(path[:end] in found for end in range(len(path) + 1)):
                found[path] = _finding(kind, path, group)
        mended = _mended(kind, mended, problems)
        try:
            section = kind.model_validate(mended)
        except ValidationError as again:
            error = again
            continue
        for path in found:
            make_unreadable(section, path)
        return Reading(section, tuple(found.values()))
    return Reading(None, tuple(found.values()))


def make_unreadable(root: Section, path: KeyPath) -> None:
    """Take the value away from the innermost field on a path: reading it raises from now on."""
    place = owner(root, path)
    if place is not None:
        place[0].__dict__.pop(place[1], None)


# --- from pydantic's locations to the user's paths ---------------------------------------------------------------


def _grouped(kind: type[Section], error: ValidationError) -> dict[KeyPath, list[ErrorDetails]]:
    """Errors by user path: alternatives of one plain union count as one problem, the innermost ones win."""
    groups: dict[KeyPath, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        groups.setdefault(user_path(kind, details["loc"]), []).append(details)
    inside_union = {path for path, group in groups.items() if len(_alternatives(kind, path)) > 1 and len(group) == 1}
    return {
        path: group
        for path, group in groups.items()
        if path not in inside_union or not any(_below(other, path) for other in groups)
    }


def _below(path: KeyPath, parent: KeyPath) -> bool:
    return len(path) > len(parent) and path[: len(parent)] == parent


def user_path(kind: type[Section], loc: Sequence[str | int]) -> KeyPath:
    """Drop what pydantic adds to a location: tags of unions and names of plain alternatives."""
    path: list[str | int] = []
    here: tuple[Any, ...] = (kind,)
    for part in loc:
        chosen = _alternative(here, part)
        if chosen is not None:
            here = chosen
            continue
        if part == "[key]":
            continue
        path.append(part)
        here = tuple(inner for member in here for inner in _inner(member, part))
    return tuple(path)


def _alternative(here: tuple[Any, ...], part: str | int) -> tuple[Any, ...] | None:
    """The members that a location part selects, when it is a label of a union and no key."""
    if len(here) < 2 or not isinstance(part, str):
        return None
    tagged = [member for member in here if is_section(member) and _has_tag(member, part)]
    if tagged:
        return tuple(tagged)
    named = [member for member in here if getattr(member, "__name__", "") == part]
    if named or part.partition("[")[0] in _LABELS:
        return tuple(named)
    return None


_LABELS: Final = frozenset({"int", "float", "str", "bool", "literal", "dict", "list", "constrained-str"})


def _has_tag(member: type[Section], tag: str) -> bool:
    key = tag_field(member)
    return key is not None and tag_of(member, key) == tag


def _inner(member: Any, part: str | int) -> Iterator[Any]:
    if is_section(member):
        field = member.model_fields.get(part)
        if field is not None:
            yield from members(field.annotation)
    elif get_origin(member) is list:
        yield from members(get_args(member)[0])
    elif get_origin(member) is dict:
        yield from members(get_args(member)[1])


def _alternatives(kind: type[Section], path: KeyPath) -> tuple[Any, ...]:
    """What may stand at a user path, by the types along it."""
    here: tuple[Any, ...] = (kind,)
    for part in path:
        here = tuple(inner for member in here for inner in _inner(member, part))
    return here


# --- one finding for one problem -----------------------------------------------------------------------------------

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


def _finding(kind: type[Section], path: KeyPath, group: list[ErrorDetails]) -> Finding:
    first = group[0]
    scope = path[:-1] if _is_verbatim(kind, path) else _plain_union(kind, path)
    if first["type"] == "missing":
        return Finding(code="B-02", path=path, message="is required", hint=_missing_hint(path))
    if first["type"].startswith("union_tag"):
        return _tag_finding(kind, path, first)
    if first["type"] == "too_short":
        return Finding(code="B-03", path=path, message="must not be empty")
    expected = " or ".join(dict.fromkeys(_expected(details) for details in group))
    given = "" if is_secret(path) else f", not {shown(first['input'])}"
    hint = _literal_hint(group, first["input"]) or _date_hint(group, first["input"])
    return Finding(code="B-03", path=path, message=f"must be {expected}{given}", hint=hint, scope=scope)


def _is_verbatim(kind: type[Section], path: KeyPath) -> bool:
    """Whether packages judge what stands at a path: prime-rl reports a bad block at the table that holds it (O-14)."""
    parents = _alternatives(kind, path[:-1])
    return any(is_section(parent) and path[-1] in verbatim_fields(parent) for parent in parents)


def _plain_union(kind: type[Section], path: KeyPath) -> KeyPath | None:
    """The value on a path that may be a table or something else: prime-rl reports a bad table there, too."""
    for end in range(len(path)):
        alternatives = _alternatives(kind, path[:end])
        if len(alternatives) > 1 and not all(map(is_section, alternatives)):
            return path[:end]
    return None


def _expected(details: ErrorDetails) -> str:
    template = _EXPECTED.get(details["type"])
    if template is None:
        return f"valid ({details['msg'].lower()})"
    return template.format(**details.get("ctx", {}))


def _missing_hint(path: KeyPath) -> str:
    return f"add [{path[0]}]; an empty table will do" if len(path) == 1 else f"write {dotted(path)} = ..."


def _literal_hint(group: list[ErrorDetails], given: object) -> str | None:
    choices = [word for details in group for word in _quoted(str(details.get("ctx", {}).get("expected", "")))]
    return did_you_mean(given, choices) if isinstance(given, str) else None


def _date_hint(group: list[ErrorDetails], given: object) -> str | None:
    wants_text = any(details["type"] == "string_type" for details in group)
    return f'put it in quotes: "{given}"' if wants_text and isinstance(given, (date, time)) else None


def _quoted(text: str) -> list[str]:
    return text.split("'")[1::2]


def _tag_finding(kind: type[Section], path: KeyPath, details: ErrorDetails) -> Finding:
    variants = [member for member in _alternatives(kind, path) if is_section(member)]
    key = tag_field(variants[0]) or "type"
    tags = [tag for member in variants if (tag := tag_of(member, key))]
    known = _listed(tags)
    if details["type"] == "union_tag_not_found":
        return Finding(code="B-07", path=path, message=f"needs {key}", hint=f"write {key} = one of {known}")
    given = details["input"].get(key) if isinstance(details["input"], dict) else None
    hint = did_you_mean(given, tags) or f"known are {known}"
    return Finding(code="B-07", path=path, message=f"has no variant {key} = {shown(given)}", hint=hint)


def _listed(words: Sequence[str], most: int = 12) -> str:
    text = ", ".join(f'"{word}"' for word in words[:most])
    return f"{text} and {len(words) - most} more" if len(words) > most else text


def did_you_mean(given: object, known: Iterable[str]) -> str | None:
    """Suggest the nearest of the known words, if one is near."""
    near = difflib.get_close_matches(str(given)[:100].lower().replace("-", "_"), list(known), n=1, cutoff=0.7)
    return f'did you mean "{near[0]}"?' if near else None


# --- mending, so that the rest can be read -------------------------------------------------------------------------


def _mended(kind: type[Section], table: Any, problems: Mapping[KeyPath, list[ErrorDetails]]) -> Any:
    """Copy the table once, with every bad value taken out, or replaced where a value has to stand."""
    edits = _Edits()
    for path, group in problems.items():
        needed = group[0]["type"] == "missing" or isinstance(path[-1], int) or _is_required(kind, path)
        edits.at(path).value = _stand_in(_alternatives(kind, path)) if needed else _ABSENT
    return _edited(table, edits)


_ABSENT: Final = object()
_KEPT: Final = object()


@dataclass(slots=True)
class _Edits:
    """Values to put into a table, by key: a tree of the same shape."""

    value: Any = _KEPT
    below: dict[str | int, _Edits] = field(default_factory=dict)

    def at(self, path: KeyPath) -> _Edits:
        here = self
        for part in path:
            here = here.below.setdefault(part, _Edits())
        return here


def _edited(node: Any, edits: _Edits) -> Any:
    if edits.value is not _KEPT:
        return edits.value
    if isinstance(node, list):
        return [_edited(item, edits.below[i]) if i in edits.below else item for i, item in enumerate(node)]
    if not isinstance(node, dict):
        return node
    table = dict(node)
    for part, inner in edits.below.items():
        key = _spelled(node, str(part))
        table[key] = _edited(node.get(key, {}), inner)
        if table[key] is _ABSENT:
            del table[key]
    return table


def _spelled(node: Mapping[str, Any], key: str) -> str:
    """The key as it was written: sections that read ``a-b`` as ``a_b`` are reported by the latter (I-01)."""
    kebab = key.replace("_", "-")
    return kebab if key not in node and kebab in node else key


def _is_required(kind: type[Section], path: KeyPath) -> bool:
    return any(
        is_section(parent) and path[-1] in parent.model_fields and parent.model_fields[str(path[-1])].is_required()
        for parent in _alternatives(kind, path[:-1])
    )


def _stand_in(alternatives: tuple[Any, ...]) -> Any:
    """A value that a field accepts, to read the rest around it; never judged, since its field becomes unreadable."""
    for member in alternatives:
        if is_section(member):
            key = tag_field(member)
            return {key: tag_of(member, key)} if key else {}
        if get_origin(member) is Literal:
            return get_args(member)[0]
        if get_origin(member) is list:
            return [_stand_in(members(get_args(member)[0]))]
        if member in _STAND_INS:
            return _STAND_INS[member]
    return {}


_STAND_INS: Final[Mapping[Any, Any]] = {int: 1, float: 1.0, str: "x", bool: False}


# --- unknown keys --------------------------------------------------------------------------------------------------


def unknown_keys(
    placed: Sequence[Placed], prefix: KeyPath = (), *, severity: Literal["error", "warning"]
) -> Iterator[Finding]:
    """Find every key that no section knows (B-01); one that is nearly a known key is always an error.

    ``placed`` are all sections of one tree as :func:`.tree.sections` lists them, the root last.
    """
    for path, section in placed:
        extra = section.__pydantic_extra__
        if extra and not section.keeps_unknown:
            for key in extra:
                yield _unknown(placed[-1][1], prefix, (*path, key), section, severity)


def _unknown(
    root: Section, prefix: KeyPath, path: KeyPath, section: Section, severity: Literal["error", "warning"]
) -> Finding:
    key = str(path[-1])
    near = did_you_mean(key, type(section).model_fields)
    hint = near or _other_variant(root, path[len(prefix) : -1], key) or "remove it"
    return Finding(
        code="B-01",
        severity="error" if near else severity,
        path=path,
        message=f"is not a key of {clipped(dotted(path[:-1])) or 'the root'}",
        hint=hint,
    )


def _other_variant(root: Section, path: KeyPath, key: str) -> str | None:
    """Name the variants of the same union that do know a key."""
    variants = [member for member in _alternatives(type(root), path) if is_section(member)]
    if len(variants) < 2:
        return None
    knowing = [member for member in variants if key in member.model_fields]
    tags = [f'{tag_field(member)} = "{tag_of(member, tag_field(member) or "type")}"' for member in knowing]
    return f"it belongs to {' or '.join(tags)}" if tags else None
