"""The subject of previews and of the diff: one configuration, compiled as far as it goes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rlsplit.compiler import Outcome, Target
from rlsplit.components import ConfigId
from rlsplit.config.rules import Provenance
from rlsplit.document import Document
from rlsplit.explaining import Origin, explain, leaves, overlays_of
from rlsplit.findings import Finding, KeyPath, Severity, nearest
from rlsplit.manifests import rendered_as_shown
from rlsplit.planning import RunPlan
from rlsplit.planning.hiding import with_hidden
from rlsplit.planning.model import REMOVED, Overlay, Pods
from rlsplit.run import Run
from rlsplit.splitting import Split


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What an accepted configuration compiles to."""

    outcome: Outcome
    """From which it can be planned for another target."""
    target: Target
    split: Split
    plan: RunPlan
    """Bound to the secrets of the run."""
    shown: RunPlan
    """The same without what looks like a secret in configs and variables."""
    provenance: Provenance
    """What propagation and derivations set."""
    document: Document
    """What was written."""
    objects: tuple[dict[str, Any], ...]
    """Kubernetes objects of the plan as it is shown, the Secret redacted."""

    @property
    def run(self) -> Run:
        """What was chosen for this one run."""
        return self.target.run


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """One configuration, compiled as far as it goes, with everything there is to say about it."""

    name: str
    """What the configuration was read from, for headings."""
    document: Document
    findings: tuple[Finding, ...]
    """Of the compiler and the plan, in file order."""
    planned: Planned | None
    """None: refused, the findings say why."""

    @property
    def is_refused(self) -> bool:
        """Whether the configuration cannot run."""
        return self.planned is None

    def count(self, severity: Severity) -> int:
        """How many findings there are of a severity."""
        return sum(finding.severity == severity for finding in self.findings)


def previewed(outcome: Outcome, target: Target) -> Compiled:
    """Show what was compiled up to the plan for a target.

    Of the secrets only their presence counts: it decides about variables and the platform's monitor.
    """
    return Compiled(
        name=", ".join(outcome.document.lines) or "configuration",
        document=outcome.document,
        findings=outcome.noted(),
        planned=planned_of(outcome, target),
    )


def planned_of(outcome: Outcome, target: Target) -> Planned | None:
    """Give what an accepted configuration compiled to, secrets hidden; None for a refused one."""
    if outcome.config is None or outcome.split is None or outcome.plan is None:
        return None
    shown = with_hidden(outcome.plan)
    return Planned(
        outcome=outcome,
        target=target,
        split=outcome.split,
        plan=outcome.plan,
        provenance=outcome.config.provenance,
        document=outcome.document,
        shown=shown,
        objects=tuple(rendered_as_shown(shown)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Where the values of a run come from, by config and path."""

    origins: Mapping[ConfigId, Mapping[KeyPath, Origin]]
    overlays: Mapping[ConfigId, Mapping[KeyPath, Overlay]]
    """What the plan put over them."""


def explained(planned: Planned) -> Explained:
    """Find out where every value comes from, once for all configs."""
    origins: dict[ConfigId, dict[KeyPath, Origin]] = {}
    for origin in explain(planned.split, planned.provenance, planned.document, form="sparse"):
        origins.setdefault(origin.config, {})[origin.path] = origin
    return Explained(origins=origins, overlays=overlays_of(planned.plan))


def written_values(found: Explained, pods: Pods) -> Iterator[Origin]:
    """Give every value of a component's sparse config with its origin, and the values that overlays take away.

    Values are those of ``pods``, which are shown as they are.
    """
    if pods.config is None:
        return
    owner = pods.config_id
    origins = found.origins.get(pods.split_id, {})
    overlays = found.overlays.get(owner, {})
    bare = Origin(config=owner, component=pods.suffix, path=(), value=None, kind="default")
    for path, value in leaves(pods.config.sparse):
        overlay = nearest(overlays, path)
        if overlay is not None:
            yield _overlaid(bare, overlay, path, value)
        else:
            origin = origins.get(path) or replace(bare, path=path)
            yield origin if origin.value is value else replace(origin, value=value)  # which is hidden, or a copy
    for path, overlay in overlays.items():
        if overlay.value == REMOVED:
            yield _overlaid(bare, overlay, path, REMOVED)


def default_values(pods: Pods, written: Collection[KeyPath]) -> list[tuple[KeyPath, Any]]:
    """List the values of a component that only its resolved form has, by the paths of those in its sparse form."""
    return [leaf for leaf in leaves(pods.config.resolved) if leaf[0] not in written] if pods.config else []


def _overlaid(bare: Origin, overlay: Overlay, path: KeyPath, value: Any) -> Origin:
    return replace(bare, path=path, value=value, kind="overlaid", rule=overlay.id, reason=overlay.reason)
