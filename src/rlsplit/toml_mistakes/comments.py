"""Comments as other languages write them."""

from __future__ import annotations

import re
from typing import Final

from rlsplit.toml_mistakes.failure import Failure
from rlsplit.toml_mistakes.mistake import Mend, Mistake

_COMMENT: Final = re.compile(r"//|/\*|;|--[ \t]|%")


def comment(failure: Failure) -> Mistake | None:
    """A comment of another language."""
    found = _COMMENT.match(failure.rest)
    if not found:
        return None
    return Mistake(
        message="a comment begins with #",
        hint=f"write # instead of {found[0].strip()}",
        at=failure.pos,
        mend=Mend(failure.pos, failure.pos + len(failure.rest), "#"),
    )
