"""A file that is YAML."""

from __future__ import annotations

import re
from typing import Final

from rlsplit.findings import Finding
from rlsplit.toml_marks import Text

_YAML_LINE: Final = re.compile(r"\s*(?:$|#|---|- |-$|[\w.\"'-]+:(?:\s|$)|[|>\]\[{}])")


def yaml(text: Text, pos: int) -> Finding | None:
    """Recognise YAML: every line is one of YAML's, and the refused one is none of TOML's."""
    line = text.mark(pos).line - 1
    lines = text.lines[:1000]
    told = [number for number, content in enumerate(lines) if re.match(r"\s*(?:- )?[\w.\"'-]+:(?:\s|$)", content)]
    marked = any(re.match(r"---|- ", content) for content in lines)
    if line >= len(lines) or len(told) < 2 - marked or not all(_YAML_LINE.match(content) for content in lines):
        return None
    return Finding(
        code="document.yaml",
        message="this is YAML, not TOML",
        hint='write tables as [a.b] and values as key = "value"; JSON is read, too',
        where=text.mark(0),
    )
