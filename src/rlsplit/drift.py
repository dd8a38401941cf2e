"""What a dump of prime-rl's config classes has that the sections of a release have not, and the other way round.

Both are described by :mod:`rlsplit.schema_dump`. Variants of unions that share a field are compared together, since a
release may have a key in other variants than the newest sections, where it stands elsewhere. What a section hands on
unread is not compared, nor what the dump does not look into.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, Final, Literal

from rlsplit.config.rules import Check, Derivation
from rlsplit.config.schema_index import schema_index
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.tables.renderer_map import MODEL_RENDERER_MAP
from rlsplit.findings import Finding, KeyPath
from rlsplit.plain_data import is_list, is_table
from rlsplit.releases.release import NEWEST, Release
from rlsplit.releases.rules import root_checks, root_derivations, section_rules
from rlsplit.releases.sections import houses, section_of
from rlsplit.releases.spelling import spelled
from rlsplit.schema_dump import BOUNDS, paths_of

Kind = Literal["added", "removed", "renamed", "changed"]

_MARKS: Final = re.compile(r"<[^>]*>|\[\]|\{\}")
_VARIANTS: Final = re.compile(r"OneOf<\w+>\(([^)]*)\)")
_CLASS: Final = re.compile(r"\b[A-Z]\w*(?:Config|Tier|Offload)\w*\b")
_ALIKE: Final = 0.6
"""Two names so alike [0 to 1] may be one key's, if all else is equal."""

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one key, over all variants that have it."""

    types: frozenset[str]
    defaults: frozenset[str]
    bounds: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One key that differs."""

    kind: Kind
    path: Path
    """As the dump spells it; of what was removed, as the release does."""
    old: Path | None = None
    """Of what was probably renamed, the release's path."""
    told: str = ""
    """What changed: old and new."""
    rules: tuple[str, ...] = field(default=())
    """IDs of the rules that read such a key: to be read again."""


def drift(dump: Mapping[str, Any], release: Release = NEWEST) -> tuple[Difference, ...]:
    """Compare a dump with the sections of a release."""
    theirs, ours = _facts(_rows(dump)), known_facts(release)
    hidden = [path for path, facts in ours.items() if facts.types & {"dict[str,any]"}]
    unseen = [path for path, facts in theirs.items() if "table" in facts.types and not _has_below(theirs, path)]
    tables = {path[:end] for path in ours for end in range(1, len(path))}  # of some, every key stands elsewhere today
    added = {p: f for p, f in theirs.items() if p not in ours and p not in tables and not _lies_in(p, hidden)}
    removed = {p: f for p, f in ours.items() if p not in theirs and not _lies_in(p, unseen)}
    renames = dict(_renames(removed, added))
    return (
        *(Difference(kind="renamed", path=new, old=old, rules=_rules(old, release)) for old, new in renames.items()),
        *(
            Difference(kind="added", path=path, told=_told(facts))
            for path, facts in _outermost(added)
            if path not in renames.values()
        ),
        *(
            Difference(kind="removed", path=path, rules=_rules(path, release))
            for path, _ in _outermost(removed)
            if path not in renames
        ),
        *(
            Difference(kind="changed", path=path, told=told, rules=_rules(path, release))
            for path in ours.keys() & theirs.keys()
            if not _lies_in(path, hidden) and path not in hidden and (told := _change(ours[path], theirs[path]))
        ),
    )


def findings(differences: Iterable[Difference], release: Release = NEWEST) -> tuple[Finding, ...]:
    """Say each difference in a sentence."""
    return tuple(_finding(each, release) for each in sorted(differences, key=lambda each: (each.path, each.kind)))


def _finding(found: Difference, release: Release) -> Finding:
    hint = f"read again: {', '.join(found.rules)}" if found.rules else None
    path = found.path
    if found.kind == "added":
        return Finding(
            code="drift.added", severity="warning", path=path, message=f"{release.tag} has no such key ({found.told})"
        )
    if found.kind == "removed":
        return Finding(
            code="drift.removed", severity="warning", path=path, message=f"only {release.tag} has it", hint=hint
        )
    if found.kind == "renamed":
        message = f"is probably {'.'.join(found.old or ())} of {release.tag}"
        return Finding(code="drift.renamed", severity="warning", path=path, message=message, hint=hint)
    return Finding(code="drift.changed", severity="warning", path=path, message=found.told, hint=hint)


def stub(differences: Iterable[Difference], tag: str, release: Release = NEWEST) -> str:
    """Write rows for the table of changes: of what is gone, renamed or new with a tag."""
    rows: list[dict[str, Any]] = []
    came: list[str] = []
    for found in sorted(differences, key=lambda each: each.path):
        if found.kind == "added":
            came.append(".".join(found.path))
        elif found.kind != "changed":
            old = found.old or found.path
            new = [".".join(found.path)] if found.old else []
            row: dict[str, Any] = {
                "old": ".".join(old),
                "new": new,
                "since": tag,
                "releases": [release.tag, release.tag],
            }
            rows.append(row if new else {**row, "note": "it has no successor"})
    rows += [{"came": came, "since": tag}] if came else []
    return "".join(f" {json.dumps(row)},\n" for row in rows)


# --- both sides ------------------------------------------------------------------------------------------------


def known_facts(release: Release) -> Mapping[Path, Facts]:
    """Describe the sections of a release, in its own spelling."""
    rows: dict[str, Any] = paths_of(
        section_of(RLConfig, release), lambda field: "(not in" not in str(field.validation_alias)
    )
    named = ((tuple(_MARKS.sub("", path).split(".")), row) for path, row in rows.items())
    told = ((path, spelled(path, release), row) for path, row in named)
    # A table that only keeps what the release has elsewhere is spelled as the one around it.
    return _facts((_dotted(at), row) for path, at, row in told if not (path in houses(release) and at == path[:-1]))


def _dotted(path: KeyPath) -> str:
    return ".".join(str(part) for part in path)


def _rows(dump: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    paths = dump.get("paths")
    for path, row in paths.items() if is_table(paths) else ():
        if not path.startswith("(") and is_table(row):
            yield _MARKS.sub("", path), row


def _facts(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[Path, Facts]:
    found: dict[Path, list[Mapping[str, Any]]] = {}
    for path, row in rows:
        found.setdefault(tuple(path.split(".")), []).append(row)
    return {
        path: Facts(
            types=frozenset(word for row in group for word in _words(str(row.get("type")))),
            defaults=frozenset(_default(row) for row in group),
            bounds=frozenset((name, _bound(row[name])) for row in group for name in BOUNDS if name in row),
        )
        for path, group in found.items()
    }


def _bound(value: Any) -> str:
    return json.dumps(float(value) if isinstance(value, int) and not isinstance(value, bool) else value)


def _words(text: str) -> Iterator[str]:
    """The alternatives of a type: sections are tables of a tag, whatever their classes are called."""
    for tagged in _VARIANTS.findall(text):
        yield from (f"table {part.split(':')[0].strip()}" for part in tagged.split("|"))
        yield "table"
    rest = _CLASS.sub("table", _VARIANTS.sub("", text)).replace("path", "str")
    yield from (word for part in re.split(r" \| ", rest) if (word := part.strip()))


def _default(row: Mapping[str, Any]) -> str:
    """The default, of a table only whether there is one and of which variant."""
    value = row.get("default", "required") if not row.get("required") else "required"
    if is_table(value):
        return f"table {value.get('type') or value.get('name') or ''}".strip() if value else "table"
    return json.dumps(value, sort_keys=True, default=str)


# --- comparing -------------------------------------------------------------------------------------------------


def _change(old: Facts, new: Facts) -> str:
    """Tell what changed in a key; nothing if it is the same."""
    parts = (
        ("type", old.types, new.types),
        ("default", old.defaults, new.defaults),
        ("bounds", old.bounds, new.bounds),
    )
    return "; ".join(
        f"{name} was {_listed(before - after) or 'less'} and is {_listed(after - before) or 'less'}"
        for name, before, after in parts
        if before != after
    )


def _listed(values: frozenset[Any]) -> str:
    return ", ".join(sorted(" ".join(value) if value.__class__ is tuple else str(value) for value in values))


def _told(facts: Facts) -> str:
    return f"{_listed(facts.types)}, by default {_listed(facts.defaults)}"


def _renames(removed: Mapping[Path, Facts], added: Mapping[Path, Facts]) -> Iterator[tuple[Path, Path]]:
    """Pair keys that went with keys that came: the same name elsewhere, or a near name in the same table."""
    left = dict(added)
    for old, facts in removed.items():
        if any(old[:end] in removed for end in range(1, len(old))):
            continue
        alike = {new: _likeness(old, new) for new, other in left.items() if other == facts}
        best = max(alike, key=lambda new: alike[new], default=None)
        if best is not None and alike[best] >= _ALIKE:
            del left[best]
            yield old, best


def _likeness(old: Path, new: Path) -> float:
    if old[-1] == new[-1]:
        return 1.0
    near = difflib.SequenceMatcher(None, old[-1], new[-1]).ratio()
    return near if old[:-1] == new[:-1] else 0.0


def _outermost(facts: Mapping[Path, Facts]) -> Iterator[tuple[Path, Facts]]:
    return ((path, each) for path, each in facts.items() if not _lies_in(path, facts))


def _lies_in(path: Path, tables: Iterable[Path]) -> bool:
    known = tables if isinstance(tables, Container) else set(tables)
    return any(path[:end] in known for end in range(1, len(path)))


def _has_below(facts: Mapping[Path, Facts], path: Path) -> bool:
    return any(len(other) > len(path) and other[: len(path)] == path for other in facts)


# --- rules -----------------------------------------------------------------------------------------------------


def _rules(path: Path, release: Release) -> tuple[str, ...]:
    """The rules that name the last key of a path: of the sections on the way to it, and between sections."""
    names = tuple(str(part) for part in path)
    rules = section_rules(release)
    found: list[Check | Derivation] = [*root_derivations(release), *root_checks(release)]
    for place, sections in schema_index(section_of(RLConfig, release)).sections.items():
        keys = tuple(step for step in place if step not in ("[]", "{}"))
        if names[: len(keys)] == keys:
            for section in sections:
                found += [*rules.derivations(section), *rules.checks(section)]
    return tuple(sorted({rule.rule for rule in found if names[-1] in _names(rule)}))


def _names(rule: Any) -> set[str]:
    function = getattr(rule, "refuse", None) or getattr(rule, "derive", None)
    inner = getattr(function, "func", function)
    code = getattr(inner, "__code__", None)
    named = {str(part) for path in getattr(rule, "sets", ()) for part in path}
    return named | (set(_names_in(code)) if isinstance(code, CodeType) else set())


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names_in(inner)
        elif isinstance(inner, str):
            yield inner


# --- tables and validators -------------------------------------------------------------------------------------


def table_findings(dump: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Compare the table of renderers by model, if the dump has it."""
    tables = dump.get("tables")
    found = (
        next((value for name, value in tables.items() if name.endswith("MODEL_RENDERER_MAP")), None)
        if is_table(tables)
        else None
    )
    if not is_table(found):
        return ()
    differing = sorted(
        model for model in found.keys() | MODEL_RENDERER_MAP if found.get(model) != MODEL_RENDERER_MAP.get(model)
    )
    return tuple(
        Finding(
            code="drift.table",
            severity="warning",
            message=f"the renderer of {model} is {found.get(model)}, and was {MODEL_RENDERER_MAP.get(model)}",
        )
        for model in differing
    )


def validator_findings(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Compare the validators of two dumps: which came, went, moved in the order, or do something else."""
    before, after = _validators(old), _validators(new)
    return tuple(
        Finding(
            code="drift.validator",
            severity="warning",
            message=f"{name} {_told_validator(before.get(name), after.get(name))}",
        )
        for name in sorted(before.keys() | after)
        if before.get(name) != after.get(name)
    )


def _validators(dump: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    models = dump.get("validators")
    return {
        f"{model}.{row['name']}": row
        for model, rows in (models.items() if is_table(models) else ())
        for row in (rows if is_list(rows) else ())
        if is_table(row) and "name" in row
    }


def _told_validator(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> str:
    if old is None:
        return "is new"
    if new is None:
        return "is gone"
    return f"changed: {', '.join(key for key in sorted(old.keys() | new) if old.get(key) != new.get(key))}"
