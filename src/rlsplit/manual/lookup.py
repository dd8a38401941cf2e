"""Finding what somebody asks about: a code, a key of an ``rl.toml`` or ``sft.toml``, a setting of a cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final

from rlsplit import rulebook
from rlsplit.config.spelling import nearest
from rlsplit.findings import shown
from rlsplit.manual.keys import ROOTS, Key, Of, Place, places, tables
from rlsplit.manual.pages import Standing, found_text, places_text, root_text
from rlsplit.releases.changes import keys as _names_of
from rlsplit.releases.changes import known_change, spelled

_BRACKETS: Final = re.compile(r"\[[^\]]*\]")
_SETTINGS: Final = "platform"
"""Before the path of a setting, as findings have it."""


class UnknownTopicError(LookupError):
    """There is no such key, setting or code; the message names what was likely meant."""


def topic_text(topic: str | None) -> str:
    """Give the page about a key, a setting or a code for a terminal; without a topic, what there is.

    Raises :class:`UnknownTopicError` for what is none of them.
    """
    if topic is None:
        return root_text()
    path = _path(topic)
    entry = rulebook.entry(topic) or _entry(topic)
    if entry is not None:  # and perhaps a setting: `platform.dns`
        return "\n".join(filter(None, (rulebook.as_text(entry), _key_text(path))))
    return _key_text(path) or _older_text(topic, path) or _name_text(topic, path)


def _entry(topic: str) -> rulebook.Entry | None:
    found = [entry for entry in rulebook.entries() if entry.code.lower() == topic.lower()]
    return found[0] if found else None


def _path(topic: str) -> tuple[str, ...]:
    """The names on a path, however it is written: ``[trainer.model]``, ``source[0].env``, ``--trainer.optim.lr``."""
    inner = topic.strip().removeprefix("--").removeprefix("[").removeprefix("[")
    return tuple(_BRACKETS.sub("", inner).replace("]", "").split("."))


def _key_text(path: tuple[str, ...]) -> str:
    found = [each for of in ROOTS for each in standing(of, path)]
    if path[0] == _SETTINGS:
        found += standing("platform", path[1:])
    return found_text(found) if found else ""


def _older_text(topic: str, path: tuple[str, ...]) -> str:
    """What became of a key of an earlier release."""
    known = known_change(path)
    if known is None or not (known.is_own or any(_key_text(_names_of(new)) for new in known.new)):
        return ""
    if not known.new:
        why = "; ".join(each for each in (known.change.note, known.change.instead) if each)
        return f"{topic} is gone since prime-rl {known.since}{f': {why}' if why else ''}.\n"
    today = ", ".join(map(spelled, known.new))
    pages = (_key_text(_names_of(new)) for new in known.new)
    return "\n".join((f"{topic} is {today} since prime-rl {known.since}.\n", *filter(None, pages)))


def _name_text(topic: str, path: tuple[str, ...]) -> str:
    """The places of a name that stands elsewhere; a single one is shown at once."""
    if len(path) == 1:
        # A key of an rl.toml mostly stands in an sft.toml, too, at a place of its own.
        found = [*_named("rl", path[0]), *_named("platform", path[0])] or _named("sft", path[0])
        if len({each.dotted for each in found}) == 1:
            return found_text(found)
        if found:
            return places_text(topic, found)
    raise UnknownTopicError(f"no key, setting or code {shown(topic)}{_suggested(topic, path)}")


def _suggested(topic: str, path: tuple[str, ...]) -> str:
    meant = next(filter(None, _candidates(topic, path)), None)
    return f"; did you mean {meant}?" if meant else "; `rlsplit doc` lists the tables, `rlsplit rules` the codes"


def _candidates(topic: str, path: tuple[str, ...]) -> Iterator[str | None]:
    """What may have been meant, the likeliest first."""
    if nearest(path[0], [_SETTINGS]) and (mended := _mended("platform", path[1:])):
        yield f"{_SETTINGS}.{mended}"
    is_code = re.split(r"[-.]", topic, maxsplit=1)[0] in rulebook.FILES
    if is_code:
        yield rulebook.nearest(topic)
    yield from (*(_mended(of, path) for of in ROOTS), _elsewhere(path[-1]))
    if not is_code:
        yield rulebook.nearest(topic)


def _mended(of: Of, path: Sequence[str]) -> str | None:
    """The path with each name that is not there replaced by the nearest one."""
    here, mended = [ROOTS[of]], list[str]()
    for name in path:
        near = _near(name, {key.name: None for table in here for key in tables(of)[table].keys})
        if near is None:
            return None
        mended.append(near)
        here = [inner.table for table in here for key in _keys_of(of, table, near) for inner in key.holds]
    return ".".join(mended) or None


def _near(name: str, known: Mapping[str, object]) -> str | None:
    """The name itself, the nearest one, or the only one that goes on where it ends."""
    longer = [each for each in known if name and each.startswith(f"{name}_")]
    return name if name in known else nearest(name, known) or (longer[0] if len(longer) == 1 else None)


def _keys_of(of: Of, table: str, name: str) -> Iterator[Key]:
    return (key for key in tables(of)[table].keys if key.name == name)


def _elsewhere(name: str) -> str | None:
    """The first place of the name that is nearest to one, wherever it stands."""
    near = _near(name, dict.fromkeys(key.name for of in ROOTS for table in tables(of).values() for key in table.keys))
    return next((each.dotted for of in ROOTS for each in _named(of, near or "")), None)


def standing(of: Of, path: Sequence[str]) -> list[Standing]:
    """The keys at a path, one for each variant of the tables around it that has one."""
    return _by_path(of).get(tuple(path), []) if path else []


def _named(of: Of, name: str) -> list[Standing]:
    return [each for path, found in _by_path(of).items() if path[-1] == name for each in found]


@cache
def _by_path(of: Of) -> dict[tuple[str, ...], list[Standing]]:
    found: dict[tuple[str, ...], list[Standing]] = {}
    for place in places(of):
        for key in tables(of)[place.table].keys:
            found.setdefault(_names(place, key.name), []).append(Standing(of=of, place=place, key=key))
    return found


def _names(place: Place, name: str) -> tuple[str, ...]:
    return tuple(_BRACKETS.sub("", place.path_of(name)).split("."))


def all_paths(of: Of) -> tuple[str, ...]:
    """Every key of a file as a dotted path, without signs for list items."""
    return tuple(".".join(path) for path in _by_path(of))
