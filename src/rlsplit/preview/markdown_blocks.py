"""Building blocks of a GitHub comment: text that cannot break out of where it stands, and a length that is accepted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from textwrap import indent
from typing import Final

from rlsplit.characters import visible
from rlsplit.excerpts import NO_LINES, Lines, excerpt
from rlsplit.findings import Finding, clipped, dotted
from rlsplit.plain_types import is_list, is_table
from rlsplit.preview.text import visible_lines

COMMENT_LIMIT: Final = 65_000
"""GitHub takes 65,536 characters. Counted in bytes of UTF-8 here, which are never fewer."""
MAX_FINDINGS: Final = 50
FINDINGS_LIMIT: Final = 20_000
"""Length after which a list of findings ends, so that it never is left out as a whole."""
MAX_CELL: Final = 300
MAX_NAME: Final = 60
MAX_NAMES: Final = 40
"""Left-out blocks that are named one by one."""

_FITS_CODE_SPAN: Final = re.compile(r"(?! )[^`|\\]+(?<! )\Z")
_MARKUP: Final = re.compile(r"[\\`*\[\]<>&|~#@$^]|:(?=\S)|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
"""What starts anything inside a line: markup, HTML, an entity, a mention, a link, math, an emoji."""
_LIVE: Final = re.compile(r"@\w|#\d|://|www\.|\S@\S|\bGH-\d|\b[0-9a-f]{7,40}\b", re.IGNORECASE)
"""What GitHub makes a mention, a reference to an issue or a commit, or a link of."""
_WORDS: Final = re.compile(r"(\s+)")
_FENCES: Final = re.compile(r"`{3,}")


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a comment that stays or goes as a whole."""

    name: str
    """As it is called when it is left out."""
    text: str
    """Ends with a newline."""


@dataclass(frozen=True, slots=True)
class DataBlock:
    """Such a part that spells plain data: it is written only if it may fit."""

    name: str
    data: object
    """Every string of it stands in the text."""
    write: Callable[[], str]
    """Gives the text, which ends with a newline."""


def code(text: str) -> str:
    """Write any text as inline code, also in a table. What a code span cannot hold becomes entities."""
    shown = clipped(visible(text), MAX_CELL)
    if _FITS_CODE_SPAN.match(shown):
        return f"`{shown}`"
    return f"<code>{_entities(shown)}</code>"


def escaped(text: str) -> str:
    """Write any text as running text: what could be markup becomes entities, and a word that GitHub makes live, code.

    GitHub looks for mentions, references and links after it has read entities, everywhere but in code.
    """
    shown = visible(text)
    if _LIVE.search(shown) is None:
        return _entities(shown)
    return "".join(
        f"<code>{_entities(word)}</code>" if _LIVE.search(word) else _entities(word) for word in _WORDS.split(shown)
    )


def _entities(text: str) -> str:
    return _MARKUP.sub(lambda match: f"&#{ord(match.group())};", text)


def fenced(text: str, language: str = "") -> str:
    """Write a code block whose fence no line of the text can close."""
    longest = max((len(run) for run in _FENCES.findall(text)), default=2)
    fence = "`" * (longest + 1)
    body = visible_lines(text.removesuffix("\n"))
    return f"{fence}{language}\n{body}\n{fence}\n"


def details(summary: str, body: str) -> str:
    """Write a part that is closed at first; ``summary`` is HTML, ``body`` is Markdown."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n</details>\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table of cells that are Markdown already; numbers are aligned right."""
    listed = [list(row) for row in rows]
    rules = ["--:" if listed and all(row[i].isdigit() for row in listed) else "---" for i in range(len(head))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in ([*head], rules, *listed))


def finding_list(findings: Sequence[Finding], lines: Lines = NO_LINES) -> str:
    """List findings, errors first, each with its line if there is one; a long list ends with how many are left out."""
    ranks = {"error": 0, "warning": 1, "notice": 2}
    ordered = sorted(findings, key=lambda finding: ranks[finding.severity])
    items: list[str] = []
    for finding in ordered[:MAX_FINDINGS]:
        items.append(f"- {_finding(finding)}\n{_excerpt(finding, lines)}")
        if sum(map(_length, items)) > FINDINGS_LIMIT:
            break
    more = len(ordered) - len(items)
    return "".join([*items, *([f"- and {more:,} more\n"] if more else [])])


def fitted(head: str, blocks: Sequence[Block | DataBlock], limit: int = COMMENT_LIMIT) -> str:
    """Join what fits, in order; a block that does not fit is left out as a whole and named at the end."""
    names = [code(clipped(block.name, MAX_NAME)) for block in blocks]
    # The longest note that could be needed: room for it is kept whatever is left out.
    room = limit - _length(head) - _length(_left_out(sorted(names, key=_length, reverse=True))) - 1
    kept, dropped = [head], list[str]()
    for name, block in zip(names, blocks, strict=True):
        text = _text_within(block, room)
        if text is None:
            dropped.append(name)
        else:
            room -= _length(text) + 1
            kept.append(text)
    return "\n".join([*kept, *([_left_out(dropped)] if dropped else [])])


def _text_within(block: Block | DataBlock, room: int) -> str | None:
    """Give the text of a block that fits with a line break behind it, None for one that does not."""
    if isinstance(block, DataBlock):
        text = "" if _is_longer(block.data, room) else block.write()
    else:
        text = block.text
    return text if text and _length(text) < room else None


def _is_longer(data: object, limit: int) -> bool:
    """Whether the strings of plain data alone have more characters; it looks no further than needed."""
    rest, pending = limit, [data]
    while pending and rest >= 0:
        value = pending.pop()
        if isinstance(value, str):
            rest -= len(value)
        elif is_table(value):
            pending += (*value, *value.values())
        elif is_list(value):
            pending += value
    return rest < 0


def _left_out(names: Sequence[str]) -> str:
    listed = ", ".join(names[:MAX_NAMES])
    more = f" and {len(names) - MAX_NAMES:,} more" if len(names) > MAX_NAMES else ""
    return f"> **Left out**, because a comment holds {COMMENT_LIMIT:,} characters: {listed}{more}.\n"


def _finding(finding: Finding) -> str:
    place = f" {code(str(finding.where))}" if finding.where else ""
    path = f" {code(dotted(finding.path))}:" if finding.path else ""
    hint = f" *({escaped(finding.hint)})*" if finding.hint else ""
    message = escaped(clipped(finding.message, 600))
    return f"**{finding.severity}** {code(finding.code)}{place}{path} {message}{hint}"


def _excerpt(finding: Finding, lines: Lines) -> str:
    """The source line as a code block of the list's item, with a mark under the place."""
    found = excerpt(finding, lines)
    if found is None:
        return ""
    margin = f"{found.line} | "
    mark = f"{' ' * (len(margin) - 2)}| {' ' * found.indent}^"
    return indent(fenced(f"{margin}{found.before}{found.rest}\n{mark}"), "  ")


def _length(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
