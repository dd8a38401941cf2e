"""The preview of a run as a Markdown comment for a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from rlsplit.component_files import as_text
from rlsplit.excerpts import NO_LINES
from rlsplit.planning.model import Config, Pods, RunPlan
from rlsplit.preview.lifecycle import lifecycle
from rlsplit.preview.markdown_blocks import (
    Block,
    DataBlock,
    code,
    details,
    escaped,
    fenced,
    finding_list,
    fitted,
    table,
)
from rlsplit.preview.mermaid import flowchart
from rlsplit.preview.placing import placing_facts
from rlsplit.preview.subject import Compiled, Planned
from rlsplit.preview.summary import finding_counts, object_title
from rlsplit.preview.text import counted
from rlsplit.preview.topology import Topology, flow_text, ports_text, topology
from rlsplit.serialize import to_yaml


def as_markdown(run: Compiled) -> str:
    """Write the preview. What does not fit into a comment is left out by whole sections, and named."""
    if run.planned is None:
        return fitted(_refused(run), _findings(run))
    planned, drawn = run.planned, topology(run.planned.plan)
    return fitted(
        _accepted(run, planned.plan, drawn),
        [*_pictures(drawn), *_findings(run), _lifecycle(planned.plan), *_configs(planned), *_objects(planned)],
    )


def _accepted(run: Compiled, plan: RunPlan, drawn: Topology) -> str:
    size = f"{counted(plan.pod_count, 'pod')}, {counted(plan.shape.gpus, 'GPU')}"
    head = f"### ✅ Accepted: {code(plan.run_name)}, {size}\n"
    placing = " · ".join(f"**{escaped(name)}**: {escaped(value)}" for name, value in placing_facts(plan))
    return f"{head}\n{_source(run)}\n\n{_roles(plan, drawn)}\n{placing}\n"


def _refused(run: Compiled) -> str:
    return f"### ❌ Refused: {finding_counts(run) or 'no reason given'}\n\n{_source(run)}\n"


def _source(run: Compiled) -> str:
    counts = finding_counts(run)
    release = run.planned.plan.release if run.planned else None
    compiled = f" for prime-rl {release.tag} ({release.commit})" if release else ""
    return f"{code(run.name)} by rlsplit{compiled}{f': {counts}' if counts and not run.is_refused else ''}."


def _roles(plan: RunPlan, drawn: Topology) -> str:
    rows = [
        (
            escaped(node.title),
            str(len(node.pods)),
            str(node.gpus),
            str(len(node.pods) * node.gpus),
            escaped(", ".join(str(service) for service in node.services)),
            code(plan.image),
        )
        for node in drawn.nodes
        if node.pods
    ]
    return table(("role", "pods", "GPUs per pod", "GPUs", "ports", "image"), rows)


def _pictures(drawn: Topology) -> Iterator[Block]:
    yield Block("topology", f"#### Topology\n\n{fenced(flowchart(drawn), 'mermaid')}")
    rows = [
        (
            escaped(drawn.node(link.source).title),
            escaped(drawn.node(link.target).title),
            escaped(flow_text(drawn, link)),
            escaped(ports_text(drawn.ports(link)) or "files"),
        )
        for link in drawn.links
    ]
    yield Block("connections", details(f"Connections ({len(rows)})", table(("from", "to", "what", "port"), rows)))


def _lifecycle(plan: RunPlan) -> Block:
    rows = [(escaped(who), escaped(what)) for who, what in lifecycle(plan)]
    return Block("start and end", details("Start and end", table(("who", "what"), rows)))


def _findings(run: Compiled) -> list[Block]:
    if not run.findings:
        return []
    return [
        Block(
            "findings",
            f"#### Findings\n\n{finding_list(run.findings, run.document.lines if run.is_refused else NO_LINES)}",
        )
    ]


def _configs(planned: Planned) -> Iterator[DataBlock]:
    for pods in planned.shown.containers:
        if pods.config is not None:
            yield DataBlock(f"config {pods.suffix}", pods.config.sparse, partial(_config, pods, pods.config))


def _config_title(pods: Pods) -> str:
    return f"Config of {escaped(pods.env_server.name if pods.env_server else pods.suffix)}"


def _config(pods: Pods, config: Config) -> str:
    return details(_config_title(pods), fenced(as_text(config.sparse, "toml"), "toml"))


def _objects(planned: Planned) -> Iterator[DataBlock]:
    for item in planned.objects:
        yield DataBlock(object_title(item), item, partial(_object, item))


def _object(item: Mapping[str, Any]) -> str:
    return details(escaped(object_title(item)), fenced(to_yaml([item]), "yaml"))
