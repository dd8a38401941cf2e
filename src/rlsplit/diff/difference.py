"""The difference of two configurations at three levels: what components read, what is planned, what is applied."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from rlsplit import line_diff
from rlsplit.characters import visible
from rlsplit.compiler import retargeted
from rlsplit.diff.changes import ABSENT, Change, changes, is_equal
from rlsplit.diff.plan_facts import Fact, facts, role
from rlsplit.explaining import origin_text, rerouted
from rlsplit.findings import Finding, KeyPath, dotted
from rlsplit.planning.model import Config
from rlsplit.preview.subject import Compiled, Planned, planned_of
from rlsplit.preview.summary import object_title
from rlsplit.preview.text import counted, value_text
from rlsplit.secrets import SecretText, hidden
from rlsplit.serialize import to_yaml

COMPARED_RUN_ID: Final = "compared"
"""Run id of both sides unless one is given: names hold a hash of it, which must not differ for nothing."""

Kind = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentChange:
    """One component's config: what it will read differently."""

    component: str
    kind: Kind
    values: tuple[Change, ...]
    """Of a component that is added or removed as a whole, everything but its defaults."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactChange:
    """One fact of the plan, the same for all the roles."""

    roles: tuple[str, ...]
    what: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectChange:
    """One Kubernetes object."""

    title: str
    kind: Kind
    diff: str
    """Unified diff of its YAML, secrets redacted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A value that stays what it is but comes from elsewhere."""

    component: str
    path: KeyPath
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.component}.{dotted(self.path)}: {self.old}, now {self.new}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a change of a configuration means. Levels are empty where one side is refused."""

    old: Compiled
    new: Compiled
    documents_differ: bool
    headline: str
    """The size of the change in a few words: ``+16 GPUs, trainer 2 -> 4 pods``; may be empty."""
    components: tuple[ComponentChange, ...] = ()
    facts: tuple[FactChange, ...] = ()
    objects: tuple[ObjectChange, ...] = ()
    moves: tuple[Move, ...] = ()

    @property
    def is_refused(self) -> bool:
        """Whether there is nothing to compare because a side is refused; its findings say why."""
        return self.old.is_refused or self.new.is_refused

    @property
    def is_same(self) -> bool:
        """Whether both sides start the same run; their documents may still differ."""
        return not (self.is_refused or self.components or self.facts or self.objects)

    @property
    def new_findings(self) -> tuple[Finding, ...]:
        """Findings that the old side does not have."""
        known = {(finding.code, finding.path, finding.message) for finding in self.old.findings}
        return tuple(f for f in self.new.findings if (f.code, f.path, f.message) not in known)


def difference(old: Compiled, new: Compiled) -> Difference:
    """Compare two configurations, planned as the same run: under one id and one name."""
    differ = _text(old) != _text(new)
    if old.planned is None or new.planned is None:
        return Difference(old=old, new=new, documents_differ=differ, headline="")
    name = old.planned.run.name or old.planned.split.launch.run_name
    before, after = _as_run(old.planned, name), _as_run(new.planned, name)
    return Difference(
        old=replace(old, planned=before),
        new=replace(new, planned=after),
        documents_differ=differ,
        headline=", ".join(_headline(before, after)),
        components=tuple(_component_changes(before, after)),
        facts=tuple(_fact_changes(facts(before), facts(after))),
        objects=tuple(_object_changes(before, after)),
        moves=tuple(_moves(before, after)),
    )


def _text(side: Compiled) -> tuple[object, object]:
    return tuple(side.document.lines.values()), side.document.table


def _as_run(planned: Planned, name: str) -> Planned:
    """Plan the same split again under another name."""
    run = replace(planned.run, id=planned.run.id or COMPARED_RUN_ID, name=name)
    is_named = planned.run.name is not None or planned.split.launch.run_name == name
    if run == planned.run or (is_named and run == replace(planned.run, name=name) and planned.plan.run_name == name):
        return planned
    target = replace(planned.target, run=run)
    return planned_of(retargeted(planned.outcome, target), target) or planned


# --- levels ----------------------------------------------------------------------------------------------------


def _component_changes(old: Planned, new: Planned) -> Iterator[ComponentChange]:
    before, after = _configs(old), _configs(new)
    for name in dict.fromkeys((*before, *after)):
        was, is_now = before.get(name), after.get(name)
        if was and is_now:
            kind: Kind = "changed"
            found = tuple(changes(_wrapped(was.resolved), _wrapped(is_now.resolved)))
        else:
            kind = "removed" if was else "added"
            found = tuple(changes(_wrapped(was.sparse if was else {}), _wrapped(is_now.sparse if is_now else {})))
        if found or kind != "changed":
            yield ComponentChange(component=name, kind=kind, values=found)


def _configs(planned: Planned) -> dict[str, Config]:
    """What each component reads, overlays applied."""
    return {role(pods): pods.config for pods in planned.plan.containers if pods.config is not None}


def _wrapped(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Wrap secrets, so that they compare but show nothing; keys compare as they are, and their paths cover them."""
    wrapped: Mapping[str, Any] = hidden(config, lambda secret: SecretText(value_text(secret)), show_key=str)
    return wrapped


def _fact_changes(old: Mapping[Fact, Any], new: Mapping[Fact, Any]) -> Iterator[FactChange]:
    """Changed facts, those alike for several roles as one; of a role that comes or goes only its pods."""
    grouped: dict[tuple[str, object, object], list[str]] = {}
    for owner, what in dict.fromkeys((*old, *new)):
        before, after = old.get((owner, what), ABSENT), new.get((owner, what), ABSENT)
        is_known = owner == "connections" or ((owner, "pods") in old and (owner, "pods") in new)
        if (is_known or what == "pods") and not is_equal(before, after):
            grouped.setdefault((what, before, after), []).append(owner)
    for (what, before, after), roles in grouped.items():
        yield FactChange(roles=tuple(roles), what=what, old=before, new=after)


def _object_changes(old: Planned, new: Planned) -> Iterator[ObjectChange]:
    before, after = ({object_title(item): item for item in side.objects} for side in (old, new))
    for title in dict.fromkeys((*before, *after)):
        was, is_now = before.get(title), after.get(title)
        if json.dumps(was) == json.dumps(is_now):  # which is far faster than YAML
            continue
        kind: Kind = "added" if was is None else "removed" if is_now is None else "changed"
        texts = [to_yaml([item]) if item else "" for item in (was, is_now)]
        yield ObjectChange(title=title, kind=kind, diff=unified(title, *texts))


def unified(title: str, old: str, new: str) -> str:
    """Write the unified diff of an object's two texts."""
    name = visible(title)
    lines = line_diff.unified(old.splitlines(), new.splitlines(), f"old {name}", f"new {name}")
    return "\n".join(lines) + "\n"


def _moves(old: Planned, new: Planned) -> Iterator[Move]:
    for was, is_now in rerouted(old, new, is_equal):
        yield Move(component=is_now.component, path=is_now.path, old=origin_text(was), new=origin_text(is_now))


# --- the headline ----------------------------------------------------------------------------------------------


def _headline(old: Planned, new: Planned) -> Iterator[str]:
    before, after = old.plan, new.plan
    yield from _more(after.shape.gpus - before.shape.gpus, "GPU")
    yield from _more(after.pod_count - before.pod_count, "pod")
    sizes = [{role(pods): pods for pods in plan.pods} for plan in (before, after)]
    for name in dict.fromkeys((*sizes[0], *sizes[1])):
        was, is_now = sizes[0].get(name), sizes[1].get(name)
        if was is None or is_now is None:
            yield f"{name} {'added' if was is None else 'removed'}"
            continue
        if was.count != is_now.count:
            yield f"{name} {was.count} -> {counted(is_now.count, 'pod')}"
        if was.gpus != is_now.gpus:
            yield f"{name} {was.gpus} -> {counted(is_now.gpus, 'GPU')} per pod"


def _more(number: int, noun: str) -> Iterable[str]:
    if number:
        yield f"{'+' if number > 0 else '-'}{counted(abs(number), noun)}"
