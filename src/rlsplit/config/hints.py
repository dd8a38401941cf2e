"""What to write instead of a key that no section knows. A hint knows the way and never costs a setting.

The order is that of how sure a hint is: another variant of the same union, what releases changed, what belongs to the
request, the same name elsewhere, another spelling. That a key be removed is only said where the table of releases
says that there is nothing in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final, Literal

from rlsplit.config.release_hints import changed
from rlsplit.config.schema_index import ENTRY, ITEM, Kind, Place, SchemaIndex, Steps, last_name, schema_index, tag_text
from rlsplit.config.sections.base import Section
from rlsplit.config.spelling import apart, nearest, words
from rlsplit.config.tree import distance
from rlsplit.findings import KeyPath, dotted
from rlsplit.releases.changes import Pattern, by_name, spelled
from rlsplit.request_fields import REQUEST_FIELDS

HUB: Final = "559b447"
"""The commit of prime-rl that the sections describe."""

MOST_SPELLINGS: Final = 100
"""Of so many unknown keys the spelling is compared; of further ones only the name is looked up."""
_MOST_PLACES: Final = 3
_MOST_KEYS: Final = 8
"""Of so many keys of a table all are named."""
_OPEN: Final = "extra_body"
"""The key of a table for arguments of a request that prime-rl has no key for."""
_ADAPTER: Final = "lora"
"""The table that changes what is trained as soon as it is written."""
COMPONENT_TABLES: Final = frozenset({"trainer", "orchestrator", "inference"})
"""Root tables that one component alone reads."""

Reason = Literal["variant", "release", "request", "elsewhere", "spelling", "misspelled-elsewhere", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A key that its section does not know."""

    path: KeyPath
    """From the root of the document."""
    section: type[Section]
    """The section that it stands in."""
    value: Any
    """What was written; only its kind and its keys are looked at, and words that a release renamed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """What to write instead."""

    text: str
    reason: Reason

    @property
    def is_misspelled(self) -> bool:
        """Whether a key of the same section is meant: such a key cannot be one of a newer prime-rl."""
        return self.reason == "spelling"


def hints(root: type[Section], unknown: Iterable[Unknown]) -> Iterator[Hint]:
    """Give a hint for each unknown key of a document."""
    for number, key in enumerate(unknown):
        yield hint(root, key, compares_spelling=number < MOST_SPELLINGS)


def hint(root: type[Section], unknown: Unknown, *, compares_spelling: bool = True) -> Hint:
    """Say what to write instead of one unknown key."""
    index = schema_index(root)
    if field := unknown.section.second_spellings.get(_name(unknown)):
        return Hint(text=f"it is another spelling of {field}, which is written, too: keep one", reason="spelling")
    for reason, find in _EXACT:
        if text := find(index, unknown):
            return Hint(text=text, reason=reason)
    for reason, find in _SPELLING if compares_spelling else ():
        if text := find(index, unknown):
            return Hint(text=text, reason=reason)
    return Hint(text=_newer(unknown), reason="unknown")


def _name(unknown: Unknown) -> str:
    return str(unknown.path[-1])


# --- another variant ---------------------------------------------------------------------------------------------


def _other_variant(index: SchemaIndex, unknown: Unknown) -> str | None:
    """Name the variants of the same union that know the key."""
    variants = index.variants(unknown.path[:-1])
    if len(variants) < 2:
        return None
    name = _name(unknown)
    tags = [tag_text(section) for section in variants if name in section.model_fields]
    return f"it belongs to {' or '.join(tag for tag in tags if tag)}" if any(tags) else None


# --- the table of releases ---------------------------------------------------------------------------------------


def _changed(index: SchemaIndex, unknown: Unknown) -> str | None:
    return changed(unknown.path, unknown.value)


def _request_field(index: SchemaIndex, unknown: Unknown) -> str | None:
    """What belongs to the request and not into the config is mostly written at the root, or in [run]."""
    return _request_field_anywhere(index, unknown) if unknown.path[:-1] in ((), ("run",)) else None


def _request_field_anywhere(index: SchemaIndex, unknown: Unknown) -> str | None:
    field = _REQUEST_FIELDS.get(words(_name(unknown)))
    return field.hint() if field else None


_REQUEST_FIELDS: Final = {words(name): field for name, field in REQUEST_FIELDS.items()}


# --- the same name elsewhere -------------------------------------------------------------------------------------


def _elsewhere(index: SchemaIndex, unknown: Unknown) -> str | None:
    name = _name(unknown)
    here = index.steps(unknown.path[:-1])
    places = fitting_places(index, name, unknown.value)
    if text := _unquoted(index, unknown):
        return text
    if (text := _nearest_places(index, here, places, unknown.value)) is None:
        return _formerly_elsewhere(name, here)
    nearer = "".join(f'did you mean "{known}"? else, ' for known in begun(unknown))
    if is_of_another_component(unknown.path, places):
        owner, name = unknown.path[0], text.removeprefix("it belongs to ")
        return f"{nearer}{owner} has no such key, but there is {name}"
    return f"{nearer}{_handed_on(unknown)}{text}"


def begun(unknown: Unknown) -> list[str]:
    """Give the keys of the same table that begin with the whole name: ``decay_steps`` for ``decay``."""
    return [known for known in unknown.section.model_fields if known.startswith(f"{_name(unknown)}_")]


def is_of_another_component(path: KeyPath, places: Iterable[Place]) -> bool:
    """Whether a key of one component is known to others only, where it may well mean something else."""
    is_shared = any(len(place.path) == 1 for place in places)
    owners = {place.path[0] for place in places}
    return path[0] in COMPONENT_TABLES and not is_shared and owners <= COMPONENT_TABLES - {path[0]}


def _handed_on(unknown: Unknown) -> str:
    """Of what a table hands on to a program: that it may have any argument."""
    if _OPEN not in unknown.section.model_fields:
        return ""
    return f"write it in [{dotted((*unknown.path[:-1], _OPEN))}] to hand it on as it is; else "


def fitting_places(index: SchemaIndex, name: str, value: Any) -> list[Place]:
    """Find the places of a name that take such a value, or else all: it may be the value that has to change."""
    places = index.by_name.get(name, ())
    return [place for place in places if _kind(value) in place.kinds] or list(places)


def _kind(value: Any) -> Kind:
    return "table" if isinstance(value, dict) else "list" if isinstance(value, list) else "scalar"


def _nearest_places(index: SchemaIndex, here: Steps, places: Sequence[Place], value: Any) -> str | None:
    """Name the places of a field in the sections that are nearest, each with its variant where not all have it."""
    found: dict[Steps, list[Place]] = {}
    for place in places:
        found.setdefault(place.path, []).append(place)
    nearest_paths = _nearest(here, {path: path[:-1] for path in found})
    texts = [_belongs(index, found[path], value) for path in nearest_paths]
    return f"it belongs to {_listed(texts)}" if texts else None


def _listed(places: Sequence[str]) -> str:
    more = len(places) - _MOST_PLACES
    return ", or to ".join([*places[:_MOST_PLACES], *([f"one of {more} other tables"] if more > 0 else [])])


def _nearest(here: Steps, tables: Mapping[Steps, Steps]) -> list[Steps]:
    """Choose the paths whose tables are nearest."""
    distances = {path: distance(here, table) for path, table in tables.items()}
    least = min(distances.values(), default=0)
    return [path for path, distance in distances.items() if distance == least]


def _belongs(index: SchemaIndex, places: Sequence[Place], value: Any) -> str:
    """Name a place as a header and as a path."""
    path = places[0].path
    above = path[:-1]
    tags = [tag for place in places if (tag := tag_text(place.section))]
    only = f" with {' or '.join(tags)}" if tags and len(places) < len(index.sections[above]) else ""
    if isinstance(value, dict):
        return f"{_header(path)}{only}"
    if not above:
        return f"the root, before the first table: {path[-1]}"
    off = ", which trains an adapter alone" if above[-1] == _ADAPTER else ""
    return f"{_header(above)}{only}{off}: {_spelled(path)}"


def _header(steps: Steps) -> str:
    path = _spelled([step for step in steps if step != ITEM])
    return f"[[{path}]]" if steps[-1] == ITEM else f"[{path}]"


def _spelled(steps: Sequence[str]) -> str:
    text = ""
    for step in steps:
        text += step if step == ITEM else f".{'NAME' if step == ENTRY else step}"
    return text.removeprefix(".")


def _unquoted(index: SchemaIndex, unknown: Unknown) -> str | None:
    parts = unquoted(index, unknown)
    return f"write {'.'.join(parts)} without quotes" if parts else None


def unquoted(index: SchemaIndex, unknown: Unknown) -> tuple[str, ...] | None:
    """Give the keys of a dotted path that was put in quotes, which makes it one key; None if it is no such path."""
    parts = tuple(_name(unknown).split("."))
    if len(parts) < 2 or parts[-1] not in index.by_name or not index.variants((*unknown.path[:-1], *parts[:-1])):
        return None
    return parts


def _formerly_elsewhere(name: str, here: Steps) -> str | None:
    """A key that an earlier release had in another table: of several tables, the nearest."""
    rows = {_steps(change.old): change for change in by_name().get(name, ()) if change.new}
    if len(rows) > 1:  # a name of several tables, such as id and args, says little by itself
        rows = {path: change for path, change in rows.items() if _is_around(here, path[:-1])}
    nearest_rows = [rows[path] for path in _nearest(here, {path: path[:-1] for path in rows})]
    places = {spelled(new): change.since for change in nearest_rows for new in change.new}
    return f"it is {' or '.join(f'{place} since {since}' for place, since in places.items())}" if places else None


def _is_around(here: Steps, table: Steps) -> bool:
    """Whether one table stands in the other, or both have the same name."""
    shared = min(len(here), len(table))
    return here[:shared] == table[:shared] or last_name(here) == last_name(table)


def _steps(path: Pattern) -> Steps:
    return tuple(part for step in path for part in ((step.key, ITEM) if step.is_list else (step.key,)))


# --- another spelling --------------------------------------------------------------------------------------------


def _misspelled(index: SchemaIndex, unknown: Unknown) -> str | None:
    sections = index.variants(unknown.path[:-1]) or (unknown.section,)
    known = dict.fromkeys(name for section in (unknown.section, *sections) for name in section.model_fields)
    near = nearest(_name(unknown), known)
    if near is None or not _is_meant(index, unknown, near):
        return None
    if near in unknown.section.model_fields:
        return f'did you mean "{near}"?'
    tags = [tag for section in sections if near in section.model_fields and (tag := tag_text(section))]
    return f'did you mean "{near}"? it belongs to {" or ".join(tags)}'


def _is_meant(index: SchemaIndex, unknown: Unknown, near: str) -> bool:
    """Whether a name that is only an abbreviation takes such a value."""
    score = apart(_name(unknown), near)
    places = index.by_name.get(near, ())
    return score is not None and (score < 2 or any(_kind(unknown.value) in place.kinds for place in places))


def _joined(index: SchemaIndex, unknown: Unknown) -> str | None:
    """A key that has the name of its table in front: ``lora_rank``, ``optim_lr``, or that table's own ``lora_rank``."""
    name, here = words(_name(unknown)), index.steps(unknown.path[:-1])
    places = [place for place in _by_joined_name(index).get(name, ()) if place.path[0] in here[:1] or not here]
    own = [place.path[-1] for place in places if place.path[:-1] == here]
    if own:
        return f'did you mean "{own[0]}"?'
    fitting = [place for place in places if _kind(unknown.value) in place.kinds] or places
    return _nearest_places(index, here, fitting, unknown.value)


@cache
def _by_joined_name(index: SchemaIndex) -> Mapping[tuple[str, ...], list[Place]]:
    joined: dict[tuple[str, ...], list[Place]] = {}
    for places in index.by_name.values():
        for place in places:
            above = last_name(place.path[:-1])
            if above:
                joined.setdefault((*words(above), *words(place.path[-1])), []).append(place)
    return joined


def _misspelled_elsewhere(index: SchemaIndex, unknown: Unknown) -> str | None:
    near = _near_anywhere(index, _name(unknown))
    if near is None:
        return None
    here = index.steps(unknown.path[:-1])
    text = _nearest_places(index, here, fitting_places(index, near, unknown.value), unknown.value)
    return f'did you mean "{near}"? {_handed_on(unknown)}{text}' if text else None


@lru_cache(maxsize=256)
def _near_anywhere(index: SchemaIndex, name: str) -> str | None:
    return nearest(name, (known for known in index.by_name if len(known) > 2 or apart(name, known) == 2))


# --- nothing is known --------------------------------------------------------------------------------------------


def _newer(unknown: Unknown) -> str:
    """The key may be of a newer prime-rl, or of a program that takes arguments of its own."""
    opened = [
        f"[{dotted((*unknown.path[:-1], name))}] for an argument that is handed on"
        for name, field in unknown.section.model_fields.items()
        if _keeps_unknown(field.annotation)
    ]
    fields = list(unknown.section.model_fields)
    inner = f"write it in {opened[0]}; " if opened else ""
    listed = f"the keys are {', '.join(fields)}; " if 1 < len(fields) <= _MOST_KEYS and not opened else ""
    return f"{inner}{listed}prime-rl at {HUB} has no such key; for a newer image, pass --on-unknown warn"


def _keeps_unknown(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section) and annotation.keeps_unknown


_Find = Callable[[SchemaIndex, Unknown], str | None]

_EXACT: Final[tuple[tuple[Reason, _Find], ...]] = (
    ("variant", _other_variant),
    ("release", _changed),
    ("request", _request_field),
    ("elsewhere", _elsewhere),
    ("request", _request_field_anywhere),
)
_SPELLING: Final[tuple[tuple[Reason, _Find], ...]] = (
    ("spelling", _misspelled),
    ("misspelled-elsewhere", _joined),
    ("misspelled-elsewhere", _misspelled_elsewhere),
)
