"""Diff: what a change of a configuration means for the components, the plan and the objects."""

from rlsplit.diff.difference import COMPARED_RUN_ID, Difference, difference
from rlsplit.diff.html import as_html
from rlsplit.diff.markdown import as_markdown
from rlsplit.diff.stored import stored_changes
from rlsplit.diff.text import as_object_text, as_text

__all__ = [
    "COMPARED_RUN_ID",
    "Difference",
    "as_html",
    "as_markdown",
    "as_object_text",
    "as_text",
    "difference",
    "stored_changes",
]
