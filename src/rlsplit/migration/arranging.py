"""From a layout whose paths have changed to a text: which header each entry stands below, and in which spelling.

An entry stays where it is, as a dotted key if it must, unless its table has a header of its own or TOML would read
that as a second definition of a table: then it goes to that header, or gets one.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time
from typing import Any, Final

from rlsplit.findings import KeyPath
from rlsplit.migration.editing import entries, is_below, take_out
from rlsplit.migration.layout import Block, Entry, Layout
from rlsplit.plain_data import is_list, is_table, value_at

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+\Z")


def arranged(layout: Layout, table: Mapping[str, Any]) -> str:
    """Write a layout as text; ``table`` has the values of what is written anew, and says which tables there are."""
    _absorb(layout)
    _name_anew(layout, table)
    _merge(layout)
    _keep_empty(layout, table)
    for block in list(layout.blocks):
        for entry in list(block.entries):
            _settle(layout, block, entry)
    return "".join(f"{line}\n" for line in [*_lines(layout, table), *layout.tail])


# --- headers ---------------------------------------------------------------------------------------------------


def _absorb(layout: Layout) -> None:
    """Take out what stands in an inline table now; that is written anew."""
    holders = {entry.path for _, entry in entries(layout) if entry.value is None}
    for block in layout.blocks:
        for entry in list(block.entries):
            if any(entry.path[:end] in holders for end in range(len(entry.path))):
                take_out(block, entry)
        if any(block.path[:end] in holders for end in range(1, len(block.path) + 1)):
            block.is_gone = True


def _name_anew(layout: Layout, table: Mapping[str, Any]) -> None:
    """Of a header whose table is gone: give it that of its entries, if they are of one that has none, or remove it."""
    for block in layout.blocks:
        if not block.path or is_table(value_at(table, block.path)):
            continue
        tables = {entry.path[:-1] for entry in block.entries}
        if len(tables) == 1 and _may_open(layout, block, *tables):
            block.path, block.header, block.is_item = *tables, None, False
        else:
            block.is_gone = True


def _may_open(layout: Layout, block: Block, path: KeyPath) -> bool:
    """Whether a header may stand for a table: none does, no dotted key does, and it is in the same list's item."""
    dotted_keys = ((other.path, entry.path) for other, entry in entries(layout) if other is not block)
    return (
        len(path) > 0
        and not any(isinstance(part, int) for part in path)
        and not any(other.path == path for other in layout.blocks if not other.is_gone)
        and not any(len(home) < len(path) < len(key) and is_below(key, path) for home, key in dotted_keys)
    )


def _merge(layout: Layout) -> None:
    """Put what stands below the same header twice together, below the first."""
    first: dict[KeyPath, Block] = {}
    for block in list(layout.blocks):
        known = block if block.is_gone else first.setdefault(block.path, block)
        if known is block:
            continue
        lines = [*block.above, *([block.behind.strip()] if block.behind.strip() else [])]
        comments = [line for line in lines if line.strip()]
        if block.entries:
            block.entries[0].above = [*known.below, *comments, *block.entries[0].above]
            known.entries += block.entries
            known.below = block.below
        else:
            known.below += [*comments, *block.below]
        layout.blocks.remove(block)


def _keep_empty(layout: Layout, table: Mapping[str, Any]) -> None:
    """Write an empty table whose keys are gone, and which had no header; one that is gone below it makes room."""
    headers = {block.path for block in layout.blocks if not block.is_gone}
    written = [entry.path for _, entry in entries(layout)]
    for path in _empty(table, ()):
        if path in headers or any(is_below(path, other) for other in written):
            continue
        left = [block for block in layout.blocks if block.is_gone and not block.entries and is_below(block.path, path)]
        if left and _may_open(layout, left[0], path):
            left[0].path, left[0].header, left[0].is_item, left[0].is_gone = path, None, False, False
        else:
            around = max((block for block in _open(layout) if is_below(path, block.path)), key=lambda b: len(b.path))
            around.entries.append(Entry(path=path))


def _empty(node: Any, path: KeyPath) -> Iterator[KeyPath]:
    if is_table(node) and not node and path:
        yield path
    items = node.items() if is_table(node) else enumerate(node) if is_list(node) else ()
    for key, inner in items:
        yield from _empty(inner, (*path, key))


def _open(layout: Layout) -> list[Block]:
    return [block for block in layout.blocks if not block.is_gone]


# --- entries ---------------------------------------------------------------------------------------------------


def _settle(layout: Layout, home: Block, entry: Entry) -> None:
    """Put an entry below the header that it belongs to."""
    table = entry.path[:-1]
    around = max((b for b in _open(layout) if is_below(table, b.path)), key=lambda b: len(b.path))
    if around.path != table and not _may_be_dotted(layout, around, home, entry):
        around = _opened(layout, home, around, table)
    if around is not home:
        home.entries.remove(entry)
        entry.above = [line for line in entry.above if line.strip()]
        around.entries.append(entry)


def _may_be_dotted(layout: Layout, around: Block, home: Block, entry: Entry) -> bool:
    """Whether an entry may be a dotted key of the nearest header around it."""
    first = entry.path[: len(around.path) + 1]
    beside = [e for e in around.entries if e is not entry and len(e.path) > len(first) and is_below(e.path, first)]
    if any(len(other.keys) > 1 and other.keys[:1] == first[-1:] for other in [entry, *beside]):
        return around is home or bool(around.path or beside)  # it is one by the file's own hand
    if any(is_below(block.path, first) for block in _open(layout)):
        return False
    return around is home or bool(around.path or beside)


def _opened(layout: Layout, home: Block, around: Block, table: KeyPath) -> Block:
    """Open a table with a header of its own: before what lies below it, else behind the block of the entry."""
    first = table[: len(around.path) + 1]
    below = [number for number, block in enumerate(layout.blocks) if not block.is_gone and is_below(block.path, first)]
    number = below[0] if below else layout.blocks.index(home) + 1
    while not below and number < len(layout.blocks) and home.path and is_below(layout.blocks[number].path, home.path):
        number += 1
    made = Block(path=table, above=[""])
    layout.blocks.insert(number, made)
    return made


# --- text ------------------------------------------------------------------------------------------------------


def _lines(layout: Layout, table: Mapping[str, Any]) -> Iterator[str]:
    for block in layout.blocks:
        if block.is_gone:
            yield from _left(block)
        elif block.path:
            yield from block.above
            yield f"{block.header or _header(block)}{block.behind}"
        for entry in block.entries:
            yield from entry.above
            keys = entry.path[len(block.path) :]
            lead = entry.lead if keys == entry.keys else f"{entry.indent}{key_text(keys)} = "
            value = entry.value if entry.value is not None else value_text(value_at(table, entry.path))
            yield f"{lead}{value}{entry.behind}"
        yield from block.below


def _left(block: Block) -> list[str]:
    """What a header leaves that is taken out: its comments."""
    comments = [line for line in [*block.above, block.behind.strip()] if line.strip()]
    return ["", *comments] if comments else []


def _header(block: Block) -> str:
    name = key_text(part for part in block.path if isinstance(part, str))
    return f"[[{name}]]" if block.is_item else f"[{name}]"


def key_text(path: Iterable[str | int]) -> str:
    """Spell a dotted key."""
    return ".".join(str(part) if _BARE.match(str(part)) else _string(str(part)) for part in path)


def value_text(value: Any) -> str:
    """Spell a value on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if is_list(value):
        return f"[{', '.join(map(value_text, value))}]"
    if is_table(value):
        inner = ", ".join(f"{key_text([key])} = {value_text(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    return repr(value)


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
