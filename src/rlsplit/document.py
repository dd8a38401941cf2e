"""Document: TOML or JSON texts and tables in, one table out, with the place of every key. Keys have no meaning here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

from rlsplit import overrides as override_texts
from rlsplit import toml_text
from rlsplit.findings import Finding, KeyPath, Mark, located
from rlsplit.plain_data import MAX_DEPTH, is_list, is_mapping, is_table, plain
from rlsplit.toml_marks import Node, Text, scan


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One input: the content of a TOML or JSON file, or a table."""

    name: str
    """As shown in findings: ``rl.toml``, ``<stdin>``."""
    content: str | bytes | Mapping[str, Any] = field(repr=False)
    prefix: tuple[str, ...] = ()
    """Where the content is attached: ``("trainer",)`` makes it the trainer's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The merged table, and what there is to say about its sources."""

    table: dict[str, Any] = field(repr=False)
    """Plain data, shared with nobody, without what could not be read."""
    marks: Mapping[KeyPath, Mark] = field(repr=False)
    """The place of every key and list item that was written in a text."""
    lines: Mapping[str, tuple[str, ...]] = field(repr=False)
    """The lines of every text by source name, to be shown under findings."""
    findings: tuple[Finding, ...]
    """Errors and notices of this stage, sorted by place."""


class Marks(Mapping[KeyPath, Mark]):
    """The place of every key and list item, looked for when first asked: most documents never are."""

    def __init__(self, places: Callable[[], Node]) -> None:
        self._places = places
        self._known: dict[KeyPath, Node | None] = {}

    @cached_property
    def _root(self) -> Node:
        return self._places()

    def __getitem__(self, path: KeyPath) -> Mark:
        above = path[:-1]
        if above not in self._known:  # keys are asked for one after the other, by table
            self._known[above] = self._root.find(above)
        table = self._known[above]
        node = table.below.get(path[-1]) if table and path else None
        if node is None:
            raise KeyError(path)
        return node.mark

    def __iter__(self) -> Iterator[KeyPath]:
        return (path for path, _ in self._root.walk())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Input:
    """One source or override, read: a value, and where it goes."""

    path: KeyPath
    value: Any
    is_refused: bool = False
    text: Text | None = None
    places: Callable[[], Node] | None = None
    """Finds where its keys stand, from the root of the document; those of a table stand nowhere."""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class _Layer:
    """The parts of the merged table that one input created or replaced."""

    written: tuple[KeyPath, ...]
    places: Callable[[], Node] | None


def read(sources: Sequence[Source], overrides: Sequence[str] = ()) -> Document:
    """Merge sources from left to right, those with a prefix after those without, and overrides last (P-01).

    Tables merge key by key; any other value replaces the earlier one whole. An override is ``key=value``: a dotted
    TOML key, in which ``[0]`` reaches into a list, and a TOML value or else a plain string.

    A bad source or override never raises: it becomes findings, and the others are still read. What raises TypeError
    is content that is neither text nor bytes nor a mapping, and overrides that are no sequence of texts.
    """
    inputs = [
        *(_read_source(source) for source in sorted(sources, key=lambda source: bool(source.prefix))),
        *(_read_override(number, override) for number, override in enumerate(_texts(overrides), 1)),
    ]
    table: dict[str, Any] = {}
    layers: list[_Layer] = []
    findings: list[Finding] = []
    for given in inputs:
        findings.extend(given.findings)
        if given.is_refused:
            continue
        written = _put(table, given.path, given.value)
        if isinstance(written, Finding):
            findings.extend(located([written], Marks(given.places) if given.places else {}))
        else:
            layers.append(_Layer(written, given.places))
    return Document(
        table=table,
        marks=Marks(partial(_overlaid, tuple(layers))),
        lines=_lines(inputs),
        findings=located(findings, {}),
    )


def _read_source(source: Source) -> _Input:
    content: object = source.content
    if is_mapping(content):
        table, findings = plain(content, source.prefix)
        return _Input(path=source.prefix, value=table, findings=findings)
    if not isinstance(content, (str, bytes)):
        raise TypeError(f"content must be str, bytes or a mapping, not {type(content).__name__}")
    parsed = toml_text.parse(source.name, content)
    table, faults = plain(parsed.table or {}, source.prefix)
    places = partial(_places, parsed.text, source.prefix)
    return _Input(
        path=source.prefix,
        value=table,
        is_refused=parsed.table is None,
        text=parsed.text,
        places=places,
        findings=(*parsed.findings, *located(faults, Marks(places))),
    )


def _read_override(number: int, spelled: str) -> _Input:
    text = override_texts.text_of(number, spelled)
    override = override_texts.parse(text)
    if isinstance(override, Finding):
        return _Input(path=(), value=None, is_refused=True, text=text, findings=(override,))
    table, faults = plain({"": override.value}, override.path[:-1])
    faults = tuple(
        replace(fault, path=(*override.path, *fault.path[len(override.path) :])[:MAX_DEPTH]) for fault in faults
    )
    return _Input(
        path=override.path,
        value=table.get(""),
        is_refused=not table,
        text=text,
        places=override.places,
        findings=located(faults, Marks(override.places)),
    )


def _texts(overrides: Sequence[object]) -> Sequence[str]:
    texts = [override for override in overrides if isinstance(override, str)]
    if isinstance(overrides, str) or len(texts) < len(overrides):
        raise TypeError("overrides must be a sequence of texts")
    return texts


def _lines(inputs: Iterable[_Input]) -> dict[str, tuple[str, ...]]:
    """Collect the lines of every text; the overrides are together one text, a line each."""
    lines: dict[str, list[str]] = {}
    for text in (given.text for given in inputs if given.text):
        lines.setdefault(text.name, [])[text.first_line - 1 :] = text.lines
    return {name: tuple(text) for name, text in lines.items()}


def _put(table: dict[str, Any], path: KeyPath, value: Any) -> tuple[KeyPath, ...] | Finding:
    """Merge a value into a table at a path, and return what was written, or which list item there is not."""
    to_item = max((depth for depth, part in enumerate(path, 1) if isinstance(part, int)), default=0)
    holder: Any = {"": table}
    key: str | int = ""
    for depth, part in enumerate(path[:to_item], 1):
        holder, key = holder[key], part
        if not _holds(holder, key):
            return Finding(
                code="document.override",
                message=f"there is no such {'item' if isinstance(part, int) else 'list'}",
                path=path[:depth],
                hint="an override can change the items of a list, but not add one",
            )
    return _merge(holder, key, _nested(path[to_item:], value), path[:to_item])


def _holds(container: Any, key: str | int) -> bool:
    if is_list(container):
        return isinstance(key, int) and key < len(container)
    return is_table(container) and key in container


def _nested(path: KeyPath, value: Any) -> Any:
    for part in reversed(path):
        value = {part: value}
    return value


def _merge(holder: Any, key: str | int, value: Any, path: KeyPath) -> tuple[KeyPath, ...]:
    """Put a value into one slot of a container, and return the paths of all that is not merged but written."""
    written: list[KeyPath] = []
    pending: list[tuple[Any, str | int, Any, KeyPath]] = [(holder, key, value, path)]
    while pending:
        holder, key, value, path = pending.pop()
        present = holder[key] if _holds(holder, key) else None
        if is_table(present) and is_table(value):
            below = ((present, name, item, (*path, name)) for name, item in reversed(value.items()))
            pending.extend(below)
        else:
            holder[key] = value
            written.append(path)
    return tuple(written)


def _places(text: Text, prefix: tuple[str, ...]) -> Node:
    """Find the keys of a text that is attached below a prefix; the tables of the prefix stand where it begins."""
    root = _json_places(text) if toml_text.is_json(text.content) else scan(text).root
    for part in reversed(prefix):
        inner, root = root, Node(text, 0)
        root.below[part] = inner
    return root


def _json_places(text: Text) -> Node:
    from rlsplit import json_text  # few texts need it

    return json_text.places(text)


def _overlaid(layers: Iterable[_Layer]) -> Node:
    """Find the keys of the merged table; a table that several texts share stands where the first one has it."""
    merged = Node(Text("", "", ("",)), 0)
    for layer in layers:
        places = layer.places() if layer.places else None
        for path in layer.written:
            if places is None:
                merged.drop(path)
            else:
                merged.take(path, places)
    return merged
