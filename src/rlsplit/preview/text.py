"""Text that is safe to look at: nothing a config says can hide, reorder or break what stands around it."""

from __future__ import annotations

import json
import unicodedata
from typing import Any, Final

from rlsplit.run import SecretText

_HIDDEN: Final = frozenset(["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"])
"""Unicode categories that show nothing or change how other text shows: controls, bidi marks, separators."""


def visible(text: str) -> str:
    """Spell characters that hide or move text as ``\\u{...}``: one line, and no terminal or bidi tricks."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_spelled(char) for char in text)


def visible_lines(text: str) -> str:
    """Do what :func:`visible` does, but keep line breaks."""
    return "\n".join(visible(line) for line in text.split("\n"))


def clipped(text: str, limit: int) -> str:
    """Cut a text that is longer than ``limit``, with an ellipsis."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def value_text(value: Any, limit: int = 200) -> str:
    """Spell a value as JSON on one line; a wrapped secret in it shows nothing."""
    return clipped(visible(json.dumps(value, ensure_ascii=False, default=_odd_text)), limit)


def counted(number: int, noun: str) -> str:
    """Say how many: ``1 pod``, ``2 pods``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _odd_text(value: object) -> str:
    return "***" if isinstance(value, SecretText) else str(value)


def _spelled(char: str) -> str:
    return f"\\u{{{ord(char):x}}}" if unicodedata.category(char) in _HIDDEN else char
