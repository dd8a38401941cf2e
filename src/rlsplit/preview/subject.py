"""The subject of previews and of the diff: one configuration, compiled as far as it goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rlsplit.document import Document
from rlsplit.explaining import Origin, explain, leaves
from rlsplit.findings import ConfigError, Finding, KeyPath, Severity, located, nearest
from rlsplit.manifests import render
from rlsplit.parsing import Outcome, start_of
from rlsplit.planning import RunPlan
from rlsplit.planning import plan as plan_run
from rlsplit.planning.model import REMOVED, Pods
from rlsplit.platform import Platform
from rlsplit.preview.hiding import with_hidden
from rlsplit.run import Run, Secrets
from rlsplit.splitting import Split
from rlsplit.splitting import split as split_config


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What an accepted configuration compiles to."""

    run: Run
    split: Split
    plan: RunPlan
    """Bound to the secrets of the run."""
    shown: RunPlan
    """The same without what looks like a secret in configs and variables."""
    origins: tuple[Origin, ...]
    """Where every value of the split comes from, before the plan's overlays."""
    objects: tuple[dict[str, Any], ...]
    """Kubernetes objects of the plan as it is shown, the Secret redacted."""


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


def compiled(outcome: Outcome, *, run: Run, platform: Platform, secrets: Secrets | None = None) -> Compiled:
    """Split, plan and render what was parsed. Never raises for a bad configuration: the result is then refused.

    Of ``secrets`` only their presence counts: it decides about variables and the platform's monitor.
    """
    document, findings, planned = outcome.document, outcome.findings, None
    if outcome.config is not None:
        try:
            parts = split_config(outcome.config)
            plan = plan_run(parts, run=run, platform=platform, secrets=secrets or Secrets())
            shown = with_hidden(plan)
            planned = Planned(
                run=run,
                split=parts,
                plan=plan,
                origins=explain(parts, outcome.config.provenance, document),
                shown=shown,
                objects=tuple(render(shown, redact=True)),
            )
            findings = (*findings, *plan.notes)
        except ConfigError as error:
            findings = (*findings, *error.findings)
    return Compiled(
        name=", ".join(document.lines) or "configuration",
        document=document,
        findings=located(findings, document.marks, start_of(document)),
        planned=planned,
    )


def written_values(planned: Planned, pods: Pods) -> Iterator[Origin]:
    """Give every value of a component's sparse config with its origin, and the values that overlays take away.

    Values are those of ``pods``, which are shown as they are.
    """
    if pods.config is None:
        return
    origins = {origin.path: origin for origin in planned.origins if _component_key(origin.component) == _key(pods)}
    overlays = {o.path: o for o in planned.plan.overlays if o.component == pods.suffix}
    for path, value in leaves(pods.config.sparse):
        overlay = nearest(overlays, path)
        if overlay is not None:
            yield _overlaid(pods.suffix, path, value, overlay.id, overlay.reason)
        else:
            origin = origins.get(path) or Origin(component=pods.suffix, path=path, value=value, kind="default")
            yield replace(origin, value=value)
    for path, overlay in overlays.items():
        if overlay.value == REMOVED:
            yield _overlaid(pods.suffix, path, REMOVED, overlay.id, overlay.reason)


def default_values(pods: Pods) -> Mapping[KeyPath, Any]:
    """Give the values of a component that only its resolved form has."""
    if pods.config is None:
        return {}
    written = dict(leaves(pods.config.sparse))
    return {path: value for path, value in leaves(pods.config.resolved) if path not in written}


def _overlaid(component: str, path: KeyPath, value: Any, rule: str, reason: str) -> Origin:
    return Origin(component=component, path=path, value=value, kind="overlaid", rule=rule, reason=reason)


def _key(pods: Pods) -> str:
    return _component_key(pods.suffix)


def _component_key(name: str) -> str:
    """Drop an environment's name, which object names spell in a shorter way: its index tells it."""
    return "-".join(name.split("-", 2)[:2]) if name.startswith("env-") else name
