"""Entries of the rulebook as text: one line, a page for a terminal, a page of Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from rlsplit.rulebook.entries import Entry, Example
from rlsplit.rulebook.spans import span_text

WIDTH: Final = 100
"""Columns of a page for a terminal."""


def as_lines(listed: Sequence[Entry]) -> str:
    """List entries, one line each: code, what it does, its sentence."""
    code = max((len(entry.code) for entry in listed), default=0)
    kinds = max((len(_kinds(entry)) for entry in listed), default=0)
    return "".join(f"{entry.code:<{code}}  {_kinds(entry):<{kinds}}  {entry.sentence}\n" for entry in listed)


def as_text(entry: Entry) -> str:
    """Show a whole entry to a person."""
    span = span_text(entry.code)
    blocks = [f"{entry.code} {_kinds(entry)}{f' ({span})' if span else ''}", wrapped(entry.sentence)]
    if entry.facts:
        blocks.append("\n".join(wrapped(f"- {fact.kind}: {fact.sentence}", "  ") for fact in entry.facts))
    blocks += [wrapped(f"Why: {entry.why}"), wrapped(f"Mend: {entry.mend}")]
    blocks.append(f"{_title(entry.example)}:\n{textwrap.indent(entry.example.text, '    ')}")
    return "\n\n".join(blocks) + "\n"


def as_markdown(entry: Entry) -> str:
    """Show a whole entry as Markdown, without its code, which stands beside it."""
    return "\n\n".join(_markdown_blocks(entry)) + "\n"


def _markdown_blocks(entry: Entry) -> Iterator[str]:
    yield entry.sentence
    if entry.facts:
        yield "\n".join(f"- {fact.kind}: {fact.sentence}" for fact in entry.facts)
    yield f"**Why:** {entry.why}"
    yield f"**Mend:** {entry.mend}"
    yield f"{_title(entry.example)}:"
    yield f"```{entry.example.language}\n{entry.example.text}\n```"


def _kinds(entry: Entry) -> str:
    return ", ".join(entry.kinds)


def _title(example: Example) -> str:
    if not example.is_wrong:
        return "Example"
    return f"Wrong, reported as {example.shows}" if example.shows else "Wrong"


def wrapped(text: str, indent: str = "") -> str:
    """Break a text into lines of a page for a terminal, words kept whole."""
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
