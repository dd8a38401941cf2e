"""The preview of a run as one self-contained HTML page, without scripts and without anything to load."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from rlsplit.characters import visible
from rlsplit.explaining import Origin, origin_text
from rlsplit.findings import clipped, dotted
from rlsplit.planning.model import REMOVED, Pods, RunPlan
from rlsplit.preview.lifecycle import lifecycle
from rlsplit.preview.pages import page_text
from rlsplit.preview.placing import placing_facts
from rlsplit.preview.shown_findings import ShownFinding, shown_findings
from rlsplit.preview.subject import Compiled, Explained, default_values, explained, written_values
from rlsplit.preview.summary import finding_counts, object_title
from rlsplit.preview.svg import picture
from rlsplit.preview.text import counted, value_text, visible_lines
from rlsplit.preview.topology import Topology, flow_text, ports_text, topology
from rlsplit.serialize import to_yaml

MAX_FINDINGS: Final = 500
SHORT_VALUE: Final = 120
LONG_VALUE: Final = 5_000

_LABELS: Final = {
    "written": "written",
    "shared": "shared",
    "derived": "derived",
    "overlaid": "cluster",
    "default": "default",
}
"""Kind of origin to the word on its badge."""

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigValue:
    """One value of a config, and where it comes from."""

    text: str
    """The key with its value, which may be cut."""
    full: str
    """The whole value where it is cut."""
    kind: str
    label: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigView:
    """One component's config."""

    title: str
    size: str
    values: tuple[ConfigValue, ...]
    default_count: str
    defaults: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """Everything on the page, in the words that stand there."""

    title: str
    verdict: str
    tone: str
    subject: str
    heading: str
    findings: tuple[ShownFinding, ...]
    more_findings: int
    facts: tuple[tuple[str, str], ...] = ()
    picture: Markup | None = None
    roles: tuple[Row, ...] = ()
    links: tuple[Row, ...] = ()
    lifecycle: tuple[Row, ...] = ()
    pods: tuple[Row, ...] = ()
    configs: tuple[ConfigView, ...] = ()
    objects: tuple[tuple[str, str], ...] = ()

    @property
    def sections(self) -> list[tuple[str, str]]:
        """Id and name of the sections that have something in them."""
        filled = {
            "topology": self.picture,
            "roles": self.roles,
            "findings": self.findings,
            "connections": self.links,
            "lifecycle": self.lifecycle,
            "pods": self.pods,
            "configs": self.configs,
            "objects": self.objects,
        }
        return [(name, name.capitalize()) for name, content in filled.items() if content]


def as_html(run: Compiled) -> str:
    """Write the page."""
    return page_text("run.html.j2", _page(run))


def _page(run: Compiled) -> RunPage:
    counts = finding_counts(run)
    findings = shown_findings(run.findings[:MAX_FINDINGS], run.document.lines)
    more = max(0, len(run.findings) - MAX_FINDINGS)
    name = visible(run.name)
    if run.planned is None:
        return RunPage(
            title=f"Refused: {name}",
            verdict="Refused",
            tone="bad",
            subject=counts,
            heading=name,
            findings=findings,
            more_findings=more,
        )
    plan, drawn, found = run.planned.plan, topology(run.planned.plan), explained(run.planned)
    return RunPage(
        title=f"{visible(plan.run_name)}: {counted(plan.shape.gpus, 'GPU')}",
        verdict="Accepted",
        tone="good",
        subject=f"{name}{f', {counts}' if counts else ''}",
        heading=visible(plan.run_name),
        findings=findings,
        more_findings=more,
        facts=(*_facts(plan), *placing_facts(plan)),
        picture=Markup(picture(drawn)),
        roles=tuple(role_rows(drawn)),
        links=tuple(link_rows(drawn)),
        lifecycle=tuple((visible(who), visible(what)) for who, what in lifecycle(plan)),
        pods=tuple(_pod_rows(plan)),
        configs=tuple(_config(found, pods) for pods in run.planned.shown.containers if pods.config is not None),
        objects=tuple((object_title(item), to_yaml([item])) for item in run.planned.objects),
    )


def role_rows(drawn: Topology) -> Iterator[Row]:
    """Give role, pods, GPUs of each, GPUs in all, and ports of every role."""
    for node in drawn.nodes:
        if node.pods:
            ports = ", ".join(str(service) for service in node.services)
            yield node.title, len(node.pods), node.gpus, len(node.pods) * node.gpus, ports


def link_rows(drawn: Topology) -> Iterator[Row]:
    """Give who connects to whom, for what, and on which ports."""
    for link in drawn.links:
        source, target = drawn.node(link.source), drawn.node(link.target)
        yield (
            visible(source.title),
            visible(target.title),
            visible(flow_text(drawn, link)),
            ports_text(drawn.ports(link)) or "files",
        )


def _facts(plan: RunPlan) -> Iterator[tuple[str, str]]:
    yield "GPUs", str(plan.shape.gpus)
    yield "Pods", str(plan.pod_count)
    yield "GPU type", plan.gpu_type or "any"
    yield "Namespace", plan.names.namespace
    yield "Image", plan.image
    yield "Release", f"{plan.release.tag} ({plan.release.commit})"
    yield "Run id", plan.run_id
    yield "Run directory", plan.run_dir
    yield "Workload", "one JobSet" if plan.platform.workload == "jobset" else "a Job for each component"


def _pod_rows(plan: RunPlan) -> Iterator[Row]:
    for pods in plan.pods:
        for index, host in enumerate(pods.hosts):
            yield f"{pods.suffix} {index}", pods.gpus, host


def _config(found: Explained, pods: Pods) -> ConfigView:
    origins = tuple(written_values(found, pods))
    values = tuple(map(_value, origins))
    rest = default_values(pods, {origin.path for origin in origins})
    defaults = [f"{dotted(path)} = {value_text(value, LONG_VALUE)}" for path, value in rest]
    return ConfigView(
        title=f"{visible(pods.env_server.name)} ({pods.suffix})" if pods.env_server else pods.suffix,
        size=counted(len(values), "value"),
        values=values,
        default_count=counted(len(defaults), "more value"),
        defaults=visible_lines("\n".join(defaults)),
    )


def _value(origin: Origin) -> ConfigValue:
    is_removed = origin.value == REMOVED and origin.kind == "overlaid"
    full = "(in the Secret)" if is_removed else value_text(origin.value, LONG_VALUE)
    return ConfigValue(
        text=f"{visible(dotted(origin.path))} = {clipped(full, SHORT_VALUE)}",
        full=full if len(full) > SHORT_VALUE else "",
        kind=origin.kind,
        label=_LABELS[origin.kind],
        origin=visible(origin_text(origin)),
    )
