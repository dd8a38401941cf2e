"""What to write instead: the hint that a misspelled word gets, wherever it stands."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(given: object, known: Iterable[str]) -> str | None:
    """Suggest the nearest of the known words, if one is near."""
    near = difflib.get_close_matches(str(given)[:100].lower().replace("-", "_"), list(known), n=1, cutoff=0.7)
    return f'did you mean "{near[0]}"?' if near else None
