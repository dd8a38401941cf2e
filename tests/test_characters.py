"""Tables of characters: as wide as this Python's own, and the same on every one."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from rlsplit.characters import is_plain, visible, width

HIDING = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def test_whatever_hides_or_moves_text_is_spelled() -> None:
    found = (chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in HIDING)
    assert [f"U+{ord(char):X}" for char in found if is_plain(char)] == []


def test_letters_and_signs_are_left_alone() -> None:
    """Characters that this Python does not know yet are left alone, too: another one does."""
    fillers = "\u115f\u1160\u3164\uffa0"
    shown = ("L", "M", "N", "P", "S", "Zs")
    found = (chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)).startswith(shown))
    assert [
        char
        for char in found
        if not is_plain(char) and char not in fillers and not "\U000e0100" <= char <= "\U000e01ef"
    ] == []
    assert visible("\U0001fae8") == "\U0001fae8"


@pytest.mark.parametrize(
    ("text", "shown"), [("a\x1b[2J", "a\\u{1b}[2J"), ("x\u202ey", "x\\u{202e}y"), ("é\n", "é\\u{a}")]
)
def test_hidden_characters_are_spelled(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("한국", 4), ("\U0001f600", 2), ("\uff46", 2)]
)
def test_columns(text: str, columns: int) -> None:
    assert width(text) == columns
