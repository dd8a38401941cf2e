"""Names as words: what ``num_train_gpus``, ``num-train-gpus`` and ``numTrainGpus`` have in common."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_WORD: Final = re.compile(r"[A-Z]{2,}s(?![a-z])|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@lru_cache(maxsize=4096)
def words_of(name: str) -> frozenset[str]:
    """Split a name at ``_``, ``-`` and the humps of camel case into lower-case words, each in the singular."""
    return frozenset(_singular(word.lower()) for word in _WORD.findall(name[:200]))


def _singular(word: str) -> str:
    """Drop the ``s`` of a plural; that of ``pass``, ``analysis`` and ``status`` belongs to the word."""
    is_whole = len(word) < 4 or word.endswith(("ss", "is")) or (word.endswith("us") and len(word) > 4)
    return word[:-1] if word.endswith("s") and not is_whole else word
