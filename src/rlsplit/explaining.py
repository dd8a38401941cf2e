"""Explain: for every value that a component gets, where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from rlsplit.causes import Causes
from rlsplit.components import EVALS, ORCHESTRATOR, TRAINER, ComponentName, ConfigId
from rlsplit.config.rules import Derived, Fill, Provenance
from rlsplit.config.sections.base import Section
from rlsplit.config.spelling import nearest as closest
from rlsplit.config.tree import tag_field
from rlsplit.document import Document
from rlsplit.findings import KeyPath, Mark, dotted, nearest, shown
from rlsplit.plain_data import SCALARS, is_list, is_table
from rlsplit.planning.model import Overlay
from rlsplit.secrets import HIDDEN, holds_secret, secret_paths
from rlsplit.splitting import Component, Split

if TYPE_CHECKING:
    from rlsplit.planning import RunPlan

Form = Literal["resolved", "sparse"]
OriginKind = Literal["written", "shared", "derived", "overlaid", "default"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where one value of one component comes from."""

    config: ConfigId
    """Whose config it stands in."""
    component: str
    """What people call that: ``trainer``, ``orchestrator``, ``inference``, ``env-<i>-<name>``."""
    path: KeyPath
    """Path inside the component's config."""
    value: Any = field(repr=False)
    """The value itself, which may be a secret; never taken apart below a list of plain values."""
    kind: OriginKind
    where: Mark | None = None
    """Place of the key that was written, or of the shared key."""
    source: KeyPath | None = None
    """The key that was written, with its path from the root, or the shared key."""
    rule: str | None = None
    """Rule of a derived value, overlay of an overlaid one."""
    reason: str | None = None
    """The formula with its numbers, or why the cluster needs the value."""
    inputs: tuple[tuple[KeyPath, Any], ...] = field(default=(), repr=False)
    """The keys that a derived value was computed from, with their values."""
    is_named_beside: bool = False
    """Whether something that stands beside the value says that it is a secret."""

    @property
    def is_hidden(self) -> bool:
        """Whether the value looks like a secret, so that nobody is shown it."""
        return self.is_named_beside or holds_secret(self.path, self.value)

    def __str__(self) -> str:
        told = HIDDEN if self.is_hidden else _text(self.path, self.value)
        return f"{self.component}.{dotted(self.path)} = {told}  ({origin_text(self)})"


def origin_text(origin: Origin) -> str:
    """Say in a few words where a value comes from."""
    place = f" at {origin.where}" if origin.where else ""
    if origin.kind == "written":
        return f"written{place}"
    if origin.kind == "shared":
        return f"from the shared {dotted(origin.source or ())}{place}"
    if origin.kind == "default":
        return "default"
    formula = (
        f": {_text(origin.path, origin.value)} = {origin.reason}" if origin.kind == "derived" and origin.reason else ""
    )
    if origin.kind == "derived":
        inputs = ", ".join(f"{dotted(path)} = {_text(path, value)}" for path, value in origin.inputs)
        return f"derived by {origin.rule}{formula}{f' from {inputs}' if inputs else ''}"
    return f"set for the cluster by overlay {origin.rule}: {origin.reason}"


def is_alike(old: Origin, new: Origin) -> bool:
    """Whether a value is the same and comes from the same place for the same reason."""
    return (*_told(old), type(old.value), old.value) == (*_told(new), type(new.value), new.value)


def _told(origin: Origin) -> tuple[object, ...]:
    return origin.kind, origin.where, origin.source, origin.rule, origin.reason


def _text(path: KeyPath, value: Any) -> str:
    """Spell a value that may be shown; a section is told by its variant."""
    if holds_secret(path, value):
        return HIDDEN
    if isinstance(value, Section):
        tag = tag_field(type(value))
        return shown(getattr(value, tag)) if tag else "a table"
    return shown(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """One component as it is explained: its config, and where that stands in the run's configuration."""

    id: ConfigId
    name: str
    config: Mapping[str, Any]
    root: KeyPath
    moved: Mapping[KeyPath, KeyPath]
    """Keys of the config that stand elsewhere than below ``root``."""

    def root_path(self, path: KeyPath) -> KeyPath:
        """Where a path of the config stands in the run's configuration."""
        return self.moved.get(path) or (*self.root, *path)


def explain(
    split: Split,
    provenance: Provenance,
    document: Document,
    plan: RunPlan | None = None,
    form: Form = "resolved",
) -> tuple[Origin, ...]:
    """Explain every value of every component in one form, in the order of the configs.

    With a plan, the values that it overlays for the cluster are explained as such.
    """
    causes = Causes.of(provenance, document)
    overlays = overlays_of(plan)
    return tuple(
        origin
        for subject in _subjects(split, plan.shape.engine_components if plan else ("inference",), form)
        for origin in _component_origins(subject, causes, overlays.get(subject.id, {}))
    )


class Explainable(Protocol):
    """What :func:`explain` needs to know of a run."""

    @property
    def split(self) -> Split:
        """What the components get."""
        ...

    @property
    def provenance(self) -> Provenance:
        """What propagation and derivations set."""
        ...

    @property
    def document(self) -> Document:
        """What was written."""
        ...


def rerouted(
    old: Explainable, new: Explainable, is_equal: Callable[[Any, Any], bool]
) -> Iterator[tuple[Origin, Origin]]:
    """Give both origins of every value that stays what it is but comes about in another way."""
    old_causes, new_causes = (Causes.of(side.provenance, side.document) for side in (old, new))
    before, after = (
        {subject.name: subject for subject in _subjects(side.split, ("inference",), "resolved")} for side in (old, new)
    )
    for name, subject in after.items():
        was = before.get(name)
        values = dict(leaves(was.config)) if was else {}
        for path, value in leaves(subject.config):
            if was is None or path not in values or not is_equal(values[path], value):
                continue
            if old_causes.way(was.root_path(path), value) != new_causes.way(subject.root_path(path), value):
                yield _origin(old_causes, was, path, values[path]), _origin(new_causes, subject, path, value)


def asked_for(origins: Iterable[Origin], key: str) -> tuple[Origin, ...]:
    """Find the values at and below a key: with its component, or as it was written in the document.

    Of a key that no component has, those that were derived from it.
    """
    listed = tuple(origins)
    found = tuple(origin for origin in listed if any(_is_at(text, key) for text in _names(origin)))
    return found or tuple(o for o in listed if any(_comes_from(o, dotted(path), key) for path, _ in o.inputs))


def _comes_from(origin: Origin, given: str, key: str) -> bool:
    """Whether a key is what a value was derived from, or has that value's name in a table that it was derived from."""
    return _is_at(given, key) or (_is_at(key, given) and dotted(origin.path).endswith(key.removeprefix(given)))


def _names(origin: Origin) -> Iterator[str]:
    yield f"{origin.component}.{dotted(origin.path)}"
    if origin.source is not None:
        yield dotted(origin.source)


def _is_at(text: str, key: str) -> bool:
    return text == key or text.startswith((f"{key}.", f"{key}["))


def meant(origins: Iterable[Origin], key: str) -> tuple[str, ...]:
    """Name the keys that may be meant by one that nothing has: those of the same last name, or of the nearest one."""
    by_name: dict[str, list[str]] = {}
    for origin in origins:
        names = [part for part in origin.path if isinstance(part, str)]
        by_name.setdefault(names[-1] if names else "", []).append(f"{origin.component}.{dotted(origin.path)}")
    last = key.rpartition(".")[2]
    near = last if last in by_name else closest(last, by_name)
    return tuple(by_name.get(near or "", ()))


def changed(origins: Iterable[Origin]) -> tuple[Origin, ...]:
    """Keep what is not a default."""
    return tuple(origin for origin in origins if origin.kind != "default")


def _subjects(split: Split, engines: Iterable[ComponentName], form: Form) -> Iterator[_Subject]:
    is_rl = split.config.kind == "rl"
    root: KeyPath = ("trainer",) if is_rl else ()
    yield _Subject(id=TRAINER, name="trainer", config=_config(split.trainer, form), root=root, moved={})
    if split.orchestrator is not None:
        given = _config(split.orchestrator, form)
        yield _Subject(id=ORCHESTRATOR, name="orchestrator", config=given, root=("orchestrator",), moved={})
    if split.evals is not None:
        yield _Subject(id=EVALS, name="evals", config=_config(split.evals, form), root=(), moved=_EVALS_KEYS)
    if split.inference is not None:
        for engine in engines:
            owner = ConfigId(engine)
            yield _Subject(id=owner, name=engine, config=_config(split.inference, form), root=("inference",), moved={})
    above: KeyPath = ("orchestrator",) if is_rl else ()
    for server in split.env_servers:
        log = (*above, "log")
        moved: dict[KeyPath, KeyPath] = {
            ("log", "level"): (*log, "vf_level"),
            ("log", "json_logging"): (*log, "json_logging"),
            ("serve", "address"): (*(above or ("eval",)), "env_server_base_port"),
        }
        root = (*above, server.split, "source", server.position)
        title = f"env-{server.index}-{server.name}"
        yield _Subject(
            id=ConfigId("env-server", server.id),
            name=title,
            config=_config(server.config, form),
            root=root,
            moved=moved,
        )


def _config(component: Component, form: Form) -> Mapping[str, Any]:
    return component.resolved if form == "resolved" else component.sparse


_EVALS_KEYS: Final[Mapping[KeyPath, KeyPath]] = {
    ("model",): ("model", "name"),
    ("online", "max_steps"): ("max_steps",),
    ("online", "resume_step"): ("resume", "step"),
    ("output_dir",): ("run", "dir"),
    ("online", "broadcasts_dir"): ("run", "dir"),
}
"""Keys of the evals' config that stand elsewhere in an SFT run's (SFT-72)."""


def _component_origins(subject: _Subject, causes: Causes, overlays: Mapping[KeyPath, Overlay]) -> Iterator[Origin]:
    opened = {path[:end] for path in overlays for end in range(len(path))}
    secret = frozenset(secret_paths(subject.config))
    for path, value in leaves(subject.config):
        if overlays and (nearest(overlays, path) is not None or path in opened):
            continue  # of what an overlay fills, the empty table or null is no news
        origin = _origin(causes, subject, path, value)
        yield replace(origin, is_named_beside=True) if path in secret else origin
    for path, overlay in overlays.items():
        yield Origin(
            config=subject.id,
            component=subject.name,
            path=path,
            value=overlay.value,
            kind="overlaid",
            rule=overlay.id,
            reason=overlay.reason,
        )


def _origin(causes: Causes, subject: _Subject, path: KeyPath, value: Any) -> Origin:
    made = partial(Origin, config=subject.id, component=subject.name, path=path, value=value)
    root, marks = subject.root_path(path), causes.document.marks
    cause = causes.cause(root, value)
    if isinstance(cause, Derived):
        return made(kind="derived", rule=cause.rule, reason=cause.formula, inputs=cause.of)
    if isinstance(cause, Fill):
        source = cause.source_of(root)
        where = marks.get(source) or marks.get(cause.source)
        return made(kind="shared", where=where, source=source, rule=cause.rule)
    if cause == "written":
        source = causes.as_written(root)
        return made(kind="written", where=marks.get(source), source=source)
    return made(kind="default")


def leaves(value: Any) -> list[tuple[KeyPath, Any]]:
    """List every value with its path: tables and lists of tables are entered, lists of plain values are values."""
    found: list[tuple[KeyPath, Any]] = []
    _enter(value, (), found)
    return found


def _enter(value: Any, path: KeyPath, found: list[tuple[KeyPath, Any]]) -> None:
    if type(value) in SCALARS:  # most of all
        found.append((path, value))
    elif is_table(value) and value:
        for key, item in value.items():
            _enter(item, (*path, key), found)
    elif is_list(value) and any(map(is_table, value)):
        for i, item in enumerate(value):
            _enter(item, (*path, i), found)
    else:
        found.append((path, value))


def overlays_of(plan: RunPlan | None) -> dict[ConfigId, dict[KeyPath, Overlay]]:
    """Group a plan's overlays by config and path."""
    by_config: dict[ConfigId, dict[KeyPath, Overlay]] = {}
    for overlay in plan.overlays if plan else ():
        by_config.setdefault(overlay.config, {})[overlay.path] = overlay
    return by_config
