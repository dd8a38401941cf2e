"""Pages about keys and settings for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rlsplit.manual.keys import ROOTS, Key, Of, Place, places, tables
from rlsplit.manual.lives import life_of, life_text
from rlsplit.manual.rules import rules_of
from rlsplit.manual.types import TOML_NULL
from rlsplit.rulebook import as_lines, entry
from rlsplit.rulebook.pages import WIDTH, wrapped

MOST_PLACES: Final = 20
"""How many places of one name are listed."""

_FILES: Final = {"rl": "rl.toml", "sft": "sft.toml", "platform": "platform.toml"}
_SIGNS: Final = re.compile(r"\[\]|\.\*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A key where it stands."""

    of: Of
    place: Place
    key: Key

    @property
    def dotted(self) -> str:
        """Its path, with ``[]`` for items of a list."""
        return self.place.path_of(self.key.name)

    @property
    def names(self) -> tuple[str, ...]:
        """Its path without those signs."""
        return tuple(_SIGNS.sub("", self.dotted).split("."))


def found_text(found: Sequence[Standing]) -> str:
    """Show the keys at one path: once what several variants have alike."""
    alike: dict[tuple[Of, Key], list[Standing]] = {}
    for each in found:
        alike.setdefault((each.of, each.key), []).append(each)
    return "\n".join(_key_text(group) for group in alike.values())


def _key_text(group: Sequence[Standing]) -> str:
    first, key = group[0], group[0].key
    blocks = [f"{first.dotted}  ({_FILES[first.of]})", wrapped(key.about), _facts_text(group)]
    codes = dict.fromkeys(code for each in group for code in rules_of(each.of).get((each.place.table, key.name), ()))
    entries = [found for code in codes if (found := entry(code)) is not None]
    if entries:
        blocks.append("Rules, explained by `rlsplit doc CODE`:\n" + _clipped(as_lines(entries)))
    blocks += [_held_text(first.of, held.table, held.variant) for held in key.holds]
    return "\n\n".join(block.rstrip() for block in blocks) + "\n"


def _facts_text(group: Sequence[Standing]) -> str:
    rows = {"Type": group[0].key.type.replace("`", ""), "Default": _default(group[0].key)}
    variants = only_with(group)
    if variants:
        rows["Only with"] = variants
    if group[0].of == "rl":
        life = life_of(group[0].names)
        rows["Releases"] = life_text(life).replace("`", "")
        rows |= {"Was": "; ".join(life.defaults)} if life.defaults else {}
    return "\n".join(wrapped(f"{name + ':':<11}{said}", " " * 11) for name, said in rows.items() if said)


def only_with(group: Sequence[Standing]) -> str:
    """Name the variants of a table that have a key, if others at the same place have not."""
    of, path = group[0].of, group[0].place.path
    variants = dict.fromkeys(each.place.variant for each in group if each.place.variant)
    siblings = {place.variant for place in places(of) if place.path == path}
    return " or ".join(variants) if len(variants) < len(siblings) else ""


def _default(key: Key) -> str:
    if key.is_required:
        return "none, it must be written"
    if key.default == TOML_NULL:
        return f"unset, which {TOML_NULL} says too"
    return key.default if key.default is not None else ("its own defaults" if key.holds else "")


def _short_default(key: Key) -> str:
    return "unset" if key.default == TOML_NULL else key.default or ""


def _held_text(of: Of, table: str, variant: str | None) -> str:
    inner = tables(of)[table]
    heading = f"Keys with {variant}:" if variant else "Keys:"
    more = ["  and any other"] if inner.takes_any else []
    return "\n".join([heading, *_rows(inner.keys), *more])


def _rows(keys: Iterable[Key]) -> Iterator[str]:
    rows = [(key.name, _short_default(key), key.about) for key in keys]
    widths = [min(max((len(row[column]) for row in rows), default=0), 32) for column in (0, 1)]
    for name, default, about in rows:
        yield _clip(f"  {name:<{widths[0]}}  {default:<{widths[1]}}  {about}")


def places_text(name: str, found: Sequence[Standing]) -> str:
    """List the places of a name that has several."""
    paths = {each.dotted: each.key.about for each in reversed(found)}
    width = max(map(len, paths))
    rows = [_clip(f"  {path:<{width}}  {about}") for path, about in list(reversed(paths.items()))[:MOST_PLACES]]
    more = [f"  and {len(paths) - MOST_PLACES} more"] if len(paths) > MOST_PLACES else []
    return "\n".join([f"{name} stands at several places:", *rows, *more]) + "\n"


def root_text() -> str:
    """List the keys at the root of each file."""
    parts = [
        f"{_FILES[of]}: {tables(of)[root].about}\n" + "\n".join(_rows(tables(of)[root].keys))
        for of, root in ROOTS.items()
    ]
    told = (
        "`rlsplit doc trainer.model` shows a table or key, `rlsplit doc plan.count` a code, `rlsplit rules` all codes."
    )
    return "\n\n".join([*parts, told]) + "\n"


def _clipped(lines: str) -> str:
    return "".join(f"{_clip(f'  {line}')}\n" for line in lines.splitlines())


def _clip(line: str) -> str:
    return line.rstrip() if len(line.rstrip()) <= WIDTH else line[: WIDTH - 3].rstrip() + "..."
