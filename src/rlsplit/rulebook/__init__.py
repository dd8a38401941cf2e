"""The rulebook: what every code that is printed and every rule that is cited means, why, and what to do about it."""

from rlsplit.rulebook.entries import FILES, Entry, Example, entries, entry, nearest
from rlsplit.rulebook.pages import as_lines, as_markdown, as_text
from rlsplit.rulebook.sentences import Fact, Kind
from rlsplit.rulebook.spans import is_in, span_text

__all__ = [
    "FILES",
    "Entry",
    "Example",
    "Fact",
    "Kind",
    "as_lines",
    "as_markdown",
    "as_text",
    "entries",
    "entry",
    "is_in",
    "nearest",
    "span_text",
]
