"""Serialize: plain data to YAML or JSON text that every reader takes for the same data.

The YAML is a small, fixed subset: strings in double quotes or literal blocks, plain keys, decimal integers;
no anchors, tags, flow collections (but ``{}`` and ``[]``) or folded lines. Plain scalars are avoided because
readers disagree on them: kubectl's own parser takes ``1e6``, ``0o7``, ``08`` and ``y`` for numbers and booleans.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeGuard

from rlsplit.characters import HIDING, escaped

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*\Z")
_AMBIGUOUS_KEYS: Final = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"])

_SPECIAL: Final = re.compile(f'["\\\\\xa0{HIDING}]')
_SHORT_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}
_COMPONENT_LABEL: Final = "app.kubernetes.io/component"


class Spelled(str):
    """A number as it is to be spelled. No manifest has one; stored objects may, and are compared as texts."""

    __slots__ = ()


def to_yaml(objects: Sequence[Mapping[str, Any]]) -> str:
    """Spell objects as a YAML stream, one document each, in the order of the list and of the dicts.

    Raises ``TypeError`` for a float, a lone surrogate, or anything else that is no plain value.
    """
    return "".join(_document(item) for item in objects)


def to_json(objects: Sequence[Mapping[str, Any]]) -> str:
    """Spell objects as one ``v1`` ``List``, the JSON form that ``kubectl apply -f -`` takes.

    Raises ``TypeError`` under the same conditions as :func:`to_yaml`.
    """
    for item in objects:
        _require_plain(item)
    listing = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    return escaped(json.dumps(listing, indent=2, ensure_ascii=False, allow_nan=False), pairs=True) + "\n"


def to_files(objects: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Spell objects as a folder: file name to text, one object a file, numbered in the order of application.

    The folder serves ``kubectl apply -f`` and ``kubectl apply -k``. The list of resources is called
    ``Kustomization``, the one of kustomize's three names that ``apply -f`` passes over: it has no extension.
    """
    width = max(2, len(str(len(objects) - 1)))
    files = {_file_name(number, width, item): _document(item) for number, item in enumerate(objects)}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(files),
    }
    return {**files, "Kustomization": _document(kustomization)}


def select(
    objects: Sequence[Mapping[str, Any]], *, only: str | None = None, component: str | None = None
) -> list[Mapping[str, Any]]:
    """Keep the objects of one kind (``Job``) or one object (``Job/<name>``), or those of one component.

    Kinds compare without case. A component is the value of the label ``app.kubernetes.io/component``.
    A JobSet holds every component and so belongs to none.
    """
    return [item for item in objects if _is_named(item, only) and _is_of(item, component)]


def _is_named(item: Mapping[str, Any], only: str | None) -> bool:
    if only is None:
        return True
    kind, _, name = only.partition("/")
    return str(item["kind"]).lower() == kind.lower() and name in ("", item["metadata"]["name"])


def _is_of(item: Mapping[str, Any], component: str | None) -> bool:
    return component is None or item["metadata"].get("labels", {}).get(_COMPONENT_LABEL) == component


def _file_name(number: int, width: int, item: Mapping[str, Any]) -> str:
    return f"{number:0{width}}-{str(item['kind']).lower()}-{item['metadata']['name']}.yaml"


def _document(item: Mapping[str, Any]) -> str:
    lines = ["---"]
    if item:
        _mapping(item, "", "", lines)
    else:
        lines.append("{}")
    lines.append("")
    return "\n".join(lines)


def _mapping(table: Mapping[str, Any], lead: str, pad: str, lines: list[str]) -> None:
    """Append the entries of a table: the first behind ``lead`` (a pending ``- ``), others behind ``pad``."""
    for key, value in table.items():
        head = f"{lead}{_key(key)}:"
        lead = pad
        if type(value) is str:
            lines.append(f"{head} {_string(value, pad)}")
        elif value and _is_table(value):
            lines.append(head)
            _mapping(value, pad + "  ", pad + "  ", lines)
        elif value and _is_items(value):
            lines.append(head)
            _sequence(value, pad, pad, lines)
        else:
            lines.append(f"{head} {_scalar(value, pad)}")


def _sequence(items: Sequence[Any], lead: str, pad: str, lines: list[str]) -> None:
    for value in items:
        head = lead + "- "
        lead = pad
        if value and _is_table(value):
            _mapping(value, head, pad + "  ", lines)
        elif value and _is_items(value):
            _sequence(value, head, pad + "  ", lines)
        else:
            lines.append(head + _scalar(value, pad))


def _scalar(value: object, pad: str) -> str:
    kind = type(value)
    if kind is str:
        return _string(str(value), pad)
    if kind is int:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if value is None:
        return "null"
    if kind is dict:
        return "{}"
    if kind in (list, tuple):
        return "[]"
    if kind is Spelled:
        return str(value)
    raise TypeError(f"{kind.__name__} cannot appear in a manifest")


def _string(text: str, pad: str) -> str:
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'  # nearly all: to look for each special character would be most of the work
    return _literal(text, pad + "  ") if _is_block(text) else _quoted(text)


def _is_block(text: str) -> bool:
    """Whether a text can stand as lines: several, of printable ASCII, the first not indented, no blanks at an end."""
    return (
        text.count("\n") > 1
        and text[-1] == "\n"
        and text[0] not in " \n"
        and " \n" not in text
        and not text.endswith("\n\n")
        and text.isascii()
        and text.replace("\n", "").isprintable()
    )


def _literal(text: str, pad: str) -> str:
    return "|\n" + "\n".join([pad + line if line else "" for line in text[:-1].split("\n")])


def _quoted(text: str) -> str:
    return f'"{_SPECIAL.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    if char in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[char]
    code = ord(char)
    if 0xD800 <= code <= 0xDFFF:
        raise TypeError("a lone surrogate cannot appear in a manifest")
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return f"\\x{code:02x}" if code < 0xA0 else f"\\u{code:04x}"


def _key(key: object) -> str:
    if type(key) is not str:
        raise TypeError(f"{type(key).__name__} cannot be a key of a manifest")
    return _spelled_key(key)


@lru_cache(maxsize=4096)
def _spelled_key(key: str) -> str:
    """Spell a key; the same few stand in all objects."""
    if _PLAIN_KEY.match(key) and key.lower() not in _AMBIGUOUS_KEYS:
        return key
    return _quoted(key)


def _require_plain(value: object) -> None:
    """Raise what the YAML emitter would raise."""
    if _is_table(value):
        for key, item in value.items():
            _key(key)
            _require_plain(item)
    elif _is_items(value):
        for item in value:
            _require_plain(item)
    else:
        _scalar(value, "")


def _is_table(value: object) -> TypeGuard[dict[Any, Any]]:
    return type(value) is dict


def _is_items(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    return type(value) in (list, tuple)
