"""Previews: what a configuration will run, for people who look rather than read."""

from rlsplit.preview.html import as_html
from rlsplit.preview.markdown import as_markdown
from rlsplit.preview.subject import Compiled, Planned, previewed

__all__ = ["Compiled", "Planned", "as_html", "as_markdown", "previewed"]
