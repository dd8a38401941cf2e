"""What characters do to a line: which hide or move text, and how wide they are.

Tables of Unicode 16, since each version of Python brings its own: the same input gives the same bytes everywhere.
"""

from __future__ import annotations

import re
from typing import Final

_HIDDEN: Final = (
    *("\x00-\x1f", "\x7f-\x9f"),  # Cc: controls
    *("\u00ad", "\u0600-\u0605", "\u061c", "\u06dd", "\u070f", "\u0890-\u0891", "\u08e2", "\u180e"),  # Cf
    *("\u200b-\u200f", "\u202a-\u202e", "\u2060-\u206f", "\ufeff", "\ufff9-\ufffb"),  # Cf: joiners, bidi, annotation
    *("\U000110bd", "\U000110cd", "\U00013430-\U0001343f", "\U0001bca0-\U0001bca3", "\U0001d173-\U0001d17a"),  # Cf
    "\U000e0000-\U000e0fff",  # tags, and what is reserved beside them
    *("\u2028", "\u2029"),  # Zl, Zp: separators of lines
    *("\ud800-\udfff", "\ue000-\uf8ff", "\U000f0000-\U0010ffff"),  # Cs, Co: halves, private use
    *("\u115f", "\u1160", "\u3164", "\uffa0"),  # letters that show nothing
    *("\ufdd0-\ufdef", "\ufffe-\uffff"),  # no characters
)
"""Controls, bidi marks, separators, and what else shows nothing or changes how other text shows."""

HIDING: Final = "".join(_HIDDEN)
"""The same as what stands between the brackets of a regular expression."""
_HIDING: Final = re.compile(f"[{HIDING}]")

_WIDE: Final = re.compile(
    "[\u1100-\u115f\u231a\u231b\u23e9-\u23f3\u2614\u2615\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3"
    "\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\U00016fe0-\U0001b2fb\U0001f200-\U0001f320"
    "\U0001f32d-\U0001f64f\U0001f680-\U0001f6ff\U0001f900-\U0001f9ff\U0001fa70-\U0001faff\U00020000-\U0003fffd]"
)
"""Characters that take two columns of a terminal."""

_COMBINING: Final = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u093c\u094d\u0e31"
    "\u0e34-\u0e3a\u0e47-\u0e4e\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u3099\u309a\ufe00-\ufe0f\ufe20-\ufe2f]"
)
"""Characters that stand over or under the one before."""


def visible(text: str) -> str:
    """Spell characters that hide or move text as ``\\u{...}``: one line, and no terminal or bidi tricks."""
    if text.isascii() and text.isprintable():
        return text
    return _HIDING.sub(lambda found: f"\\u{{{ord(found[0]):x}}}", text)


def escaped(text: str, *, pairs: bool = False) -> str:
    """Escape such characters, line breaks apart, in the text of a document that has them in quoted strings only.

    As TOML and YAML write them (``\\U000E0001``), or with ``pairs`` as JSON does, which has four digits at a time.
    """
    return _HIDING.sub(lambda found: found[0] if found[0] == "\n" else _escape(ord(found[0]), pairs), text)


def _escape(code: int, pairs: bool) -> str:
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    if not pairs:
        return f"\\U{code:08x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def is_plain(text: str) -> bool:
    """Whether a text is one line of characters that all show."""
    return _HIDING.search(text) is None


def width(text: str) -> int:
    """Columns that a terminal takes for a text."""
    return len(text) + sum(1 for _ in _WIDE.finditer(text)) - sum(1 for _ in _COMBINING.finditer(text))
