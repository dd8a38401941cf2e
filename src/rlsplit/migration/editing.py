"""Changes of a layout: what moves takes its comments along, and of what goes the comments stay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rlsplit.findings import KeyPath
from rlsplit.migration.layout import Block, Entry, Layout


def move(layout: Layout, old: KeyPath, new: KeyPath) -> None:
    """Give everything at and below a path another one; out of an inline table, as an entry of its own behind it."""
    for block in layout.blocks:
        if is_below(block.path, old):
            block.path, block.header = (*new, *block.path[len(old) :]), None
        for entry in list(block.entries):
            if is_below(entry.path, old):
                entry.path = (*new, *entry.path[len(old) :])
            elif is_below(old, entry.path):
                rewrite(entry)
                if not is_below(new, entry.path):
                    block.entries.insert(block.entries.index(entry) + 1, Entry(path=new, indent=entry.indent))


def drop(layout: Layout, path: KeyPath) -> None:
    """Take out every entry at and below a path; a header whose table is gone is found when the text is written."""
    for block in layout.blocks:
        for entry in list(block.entries):
            if is_below(entry.path, path):
                take_out(block, entry)
            elif is_below(path, entry.path):
                rewrite(entry)


def put(layout: Layout, path: KeyPath, near: KeyPath | None) -> None:
    """Make room for a new value at a path; a new entry stands behind that of ``near``, else at the end of its table."""
    for block in layout.blocks:
        for entry in block.entries:
            if is_below(path, entry.path):
                rewrite(entry)
                return
    drop(layout, path)
    block, beside = _neighbour(layout, near if near is not None else path)
    made = Entry(path=path, indent=beside.indent if beside else "")
    block.entries.insert(block.entries.index(beside) + 1 if beside else len(block.entries), made)


def add_item(layout: Layout, path: KeyPath) -> None:
    """Open an item of an array of tables behind the last header of the same component."""
    beside = [number for number, block in enumerate(layout.blocks) if block.path[:1] == path[:1]]
    made = Block(path=path, is_item=True, above=[""])
    layout.blocks.insert(beside[-1] + 1 if beside else len(layout.blocks), made)


def remark(layout: Layout, path: KeyPath, lines: Iterable[str]) -> None:
    """Write comments at the end of a table or, of what stands on one line, above that."""
    for _, entry in entries(layout):
        if is_below(path, entry.path):
            entry.above += [f"{entry.indent}{line}" for line in lines]
            return
    for block in layout.blocks:
        if block.path == path:
            block.below += lines
            return
    layout.tail += lines


def entries(layout: Layout) -> Iterator[tuple[Block, Entry]]:
    """Yield every entry with its block."""
    return ((block, entry) for block in layout.blocks for entry in block.entries)


def is_below(path: KeyPath, table: KeyPath) -> bool:
    """Whether a path leads to a table or into it."""
    return path[: len(table)] == table


def rewrite(entry: Entry) -> None:
    """Forget how a value was written; the comments in it go above."""
    entry.above += [f"{entry.indent}{comment}" for comment in entry.inner]
    entry.value, entry.inner = None, ()


def take_out(block: Block, entry: Entry) -> None:
    """Remove an entry and leave its comments to the one behind it."""
    number = block.entries.index(entry)
    left = comments_of(entry)
    block.entries.remove(entry)
    rest = block.entries[number:]
    if rest:
        rest[0].above = _joined(left, rest[0].above)
    else:
        block.below = _joined(left, block.below)


def comments_of(entry: Entry) -> list[str]:
    """Every line that a removed entry leaves."""
    behind = [f"{entry.indent}{entry.behind.strip()}"] if entry.behind.strip() else []
    return [*entry.above, *(f"{entry.indent}{comment}" for comment in entry.inner), *behind]


def _joined(left: list[str], right: list[str]) -> list[str]:
    """Put lines together, without the blank ones that would then stand alone."""
    if not any(line.strip() for line in left):
        return right if right and not right[0].strip() else [*left[:1], *right] if right else []
    return [*left, *right]


def _neighbour(layout: Layout, near: KeyPath) -> tuple[Block, Entry | None]:
    """Find the entry at a path or, if there is none, the block of the nearest table around it."""
    for block, entry in entries(layout):
        if is_below(near, entry.path):
            return block, entry
    around = [block for block in layout.blocks if is_below(near, block.path) and not block.is_gone]
    return max(around, key=lambda block: len(block.path)), None
