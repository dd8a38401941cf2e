"""Text that is safe to look at: nothing a config says can hide, reorder or break what stands around it."""

from __future__ import annotations

import json
from typing import Any, Final

from rlsplit.characters import visible
from rlsplit.findings import clipped
from rlsplit.secrets import SecretText


def visible_lines(text: str) -> str:
    """Do what :func:`visible` does, but keep line breaks."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text  # nearly all texts, and the longest
    return "\n".join(visible(line) for line in text.split("\n"))


def value_text(value: Any, limit: int = 200) -> str:
    """Spell a value as JSON on one line; a wrapped secret in it shows nothing."""
    if type(value) is int:
        return str(value)
    return clipped(visible(_json(value)), limit)


def counted(number: int, noun: str) -> str:
    """Say how many: ``1 pod``, ``2 pods``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _odd_text(value: object) -> str:
    return "***" if isinstance(value, SecretText) else str(value)


_json: Final = json.JSONEncoder(ensure_ascii=False, default=_odd_text).encode
