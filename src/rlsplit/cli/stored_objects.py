"""Objects that were stored: what render wrote, JSON, or with PyYAML any YAML."""

from __future__ import annotations

from typing import Any

from rlsplit.cli.streams import CommandError, read_file
from rlsplit.deserialize import from_text
from rlsplit.findings import ConfigError, clipped, dotted
from rlsplit.plain_data import is_list, is_table, plain

Object = dict[str, Any]


def stored_objects(name: str) -> list[Object]:
    """Read the objects of a file. Raises ``CommandError`` for what cannot be compared."""
    text = read_file(name).decode("utf-8", "replace")
    return [_checked(item, name) for item in _read(text, name)]


def _read(text: str, name: str) -> list[Any]:
    try:
        return list(from_text(text))
    except ConfigError as error:
        told = error.findings[0].message
    try:
        from rlsplit.cli.yaml_nodes import UnreadableError, documents
    except ImportError:
        raise CommandError(f"{name} {told}; give it as JSON (kubectl get -o json), or install PyYAML") from None
    try:
        found = _listed(documents(text))
    except UnreadableError as error:
        raise CommandError(f"{name} {error}") from None
    if not found:
        raise CommandError(f"{name} holds no objects")
    return found


def _listed(documents: list[Any]) -> list[Any]:
    """The objects of all documents; one that is a list holds its items."""
    found: list[Any] = []
    for document in documents:
        items = document.get("items") if is_table(document) else None
        found += items if is_list(items) else [document] if document is not None else []
    return found


def _checked(item: Any, name: str) -> Object:
    """Give an object as plain data; it must have what tells it from others."""
    metadata = item.get("metadata") if is_table(item) else None
    if not is_table(metadata) or not all(isinstance(it, str) for it in (item.get("kind"), metadata.get("name"))):
        raise CommandError(f"{name} holds no objects, or one without kind or name")
    copied, refused = plain(item)
    if refused:
        where = f"{clipped(dotted(refused[0].path))}: " if refused[0].path else ""
        raise CommandError(f"{name}: {where}{refused[0].message}")
    return copied
