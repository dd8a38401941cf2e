"""What a person should know about a run of prefill and decode engines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from rlsplit.components import ROLES
from rlsplit.config.sections.base import Section
from rlsplit.config.tree import value_of
from rlsplit.findings import Finding, KeyPath, shown
from rlsplit.plain_data import value_at
from rlsplit.planning.model import RunPlan
from rlsplit.planning.said import note, on_platform
from rlsplit.planning.side_checks import DEEPEP
from rlsplit.planning.side_overlays import BACKENDS, override_key, side_backend
from rlsplit.planning.subject import Subject, env_tables
from rlsplit.platform import PlatformSettings

_NO_EFFECT: Final[tuple[KeyPath, ...]] = (
    ("inference", "deployment", "gpus_per_node"),
    ("inference", "backend_port"),
    ("inference", "vllm", "data_parallel_size"),
    ("inference", "vllm", "data_parallel_size_local"),
    ("inference", "vllm", "api_server_count"),
)
"""Keys that the layout replaces, as prime-rl's launcher does when it starts an engine."""

_BEATEN: Final = {
    **dict.fromkeys(
        ("data_parallel_size", "data_parallel_size_local", "api_server_count", "data_parallel_rpc_port"),
        "the layout of the run decides it",
    ),
    "kv_transfer_config": "the inference process makes it from use_pd_kv_transfer",
}
"""Overrides that have no effect, and why."""

_AGREEING: Final = (
    *("kv_cache_dtype", "block_size", "dtype", "model", "quantization", "attention_backend", "attention_config"),
    *("speculative_config", "speculative_model", "num_speculative_tokens"),
)
"""vLLM arguments that the layout of a KV cache follows from."""

_LIBRARIES: Final = "LD_LIBRARY_PATH"


def side_notes(plan: RunPlan, subject: Subject) -> Iterator[Finding]:
    """Give every note about prefill and decode engines, in a fixed order; none where a run has none."""
    for check in _CHECKS if plan.shape.groups else ():
        yield from check(plan, subject)


def _low_latency(plan: RunPlan, subject: Subject) -> Iterator[Finding]:
    """NVSHMEM's transport looks for devices even within one pod."""
    inference = subject.settings.inference
    if inference is not None and not plan.platform.rdma_resource:
        for group in plan.shape.groups:
            if side_backend(inference, group.component) == "deepep_low_latency":
                message = f"{group.component} engines use deepep_low_latency, which does not start without RDMA devices"
                yield on_platform("low-latency-without-rdma", ("rdma_resource",), message, "name the resource")


def _disagreement(plan: RunPlan, subject: Subject) -> Iterator[Finding]:
    """What decode engines read is laid out as prefill engines wrote it."""
    engines = {group.component: _arguments(plan, group.component) for group in plan.shape.groups}
    for key in _AGREEING:
        values = [arguments.get(key) for arguments in engines.values()]
        if any(value != values[0] for value in values):
            message = f"{key} is {shown(values[0])} for prefill and {shown(values[1])} for decode"
            path = ("inference", "deployment", "decode_vllm_overrides", key)
            yield note("sides-differ", path, message, "write the same for both: KV caches must agree", "warning")


def _experts(plan: RunPlan, subject: Subject) -> Iterator[Finding]:
    for group in plan.shape.groups:
        arguments = _arguments(plan, group.component)
        backend = str(arguments.get("all2all_backend"))
        if arguments.get("enable_expert_parallel") is False and backend.startswith(DEEPEP):
            message = f"{group.component} engines spread no experts, and have {backend} for it"
            hint = f'write all2all_backend = "allgather_reducescatter" into {group.component}_vllm_overrides'
            yield note("experts-not-spread", ("inference", "vllm", "enable_expert_parallel"), message, hint, "warning")


def _resources(plan: RunPlan, subject: Subject) -> Iterator[Finding]:
    default = PlatformSettings().component("inference").resources.requests
    for group in plan.shape.groups:
        requests = plan.platform.component(group.component).resources.requests
        if all(requests.get(name) == default[name] for name in ("cpu", "memory")):
            message = f"{group.engines} engines a pod get {default['cpu']} CPU and {default['memory']}"
            hint = 'set requests, for instance { cpu = "32", memory = "512Gi" }'
            yield on_platform("side-resources", (group.component, "resources"), message, hint)


def _without_effect(plan: RunPlan, subject: Subject) -> Iterator[Finding]:
    provenance = subject.split.config.provenance
    made = {derived.path for derived in provenance.derived} | {fill.target for fill in provenance.fills}
    for path in _NO_EFFECT:
        section = value_of(subject.split.config, path[:-1])
        if isinstance(section, Section) and path[-1] in section.model_fields_set and path not in made:
            message = "has no effect: prefill and decode engines take it from the layout"
            yield note("side-value", path, message, "leave it out")


def _backends(plan: RunPlan, subject: Subject) -> Iterator[Finding]:
    inference, split = subject.settings.inference, subject.split.inference
    if inference is None or split is None or value_at(split.sparse, inference.backend.path) is None:
        return
    written = inference.backend.value
    replaced = [f"{name} engines use {own}" for name, own in BACKENDS.items() if own != written]
    kept = {override_key(key) for side in inference.sides.values() for key in side.overrides.value}
    if replaced and "all2all_backend" not in kept:
        message = f"{shown(written)} is replaced: {', '.join(replaced)}"
        hint = "write it into prefill_vllm_overrides and decode_vllm_overrides"
        yield note("overlay-side-backend", inference.backend.key, message, hint)


def _beaten(plan: RunPlan, subject: Subject) -> Iterator[Finding]:
    inference = subject.settings.inference
    for side in inference.sides.values() if inference else ():
        for key in side.overrides.value:
            if override_key(key) in _BEATEN:
                message = f"has no effect: {_BEATEN[override_key(key)]}"
                yield note("side-override-beaten", (*side.overrides.key, key), message, "leave it out")


def _single_ranks(plan: RunPlan, subject: Subject) -> Iterator[Finding]:
    for group in plan.shape.groups:
        if group.ranks == 1:
            message = f"each group of {group.component} engines is one engine, which gets no rank"
            yield note("single-rank", ("inference", "vllm", "tensor_parallel_size"), message)


def _source_ref(plan: RunPlan, subject: Subject) -> Iterator[Finding]:
    if subject.run.source_ref is not None:
        message = "the image's NIXL, DeepEP and router stay as they are, whatever versions that ref asks for"
        finding = note("side-source-ref", ("sourceRef",), message, "use an image that was built from that ref")
        yield replace(finding, about="run")


def _libraries(plan: RunPlan, subject: Subject) -> Iterator[Finding]:
    message, hint = (
        "replaces the image's value, which has UCX first",
        "name the image's /opt/ucx first, or leave it out",
    )
    for owner, table in env_tables(subject.settings):
        if owner not in ("trainer", "orchestrator") and _LIBRARIES in table.value:
            yield note("library-path", (*table.key, _LIBRARIES), message, hint)
    for name in ROLES:
        is_read = name == "inference" or name in plan.shape.engine_components
        if is_read and _LIBRARIES in plan.platform.table(name).env:
            finding = note("library-path", ("platform", name, "env", _LIBRARIES), message, hint)
            yield replace(finding, about="platform")


def _arguments(plan: RunPlan, component: str) -> dict[str, Any]:
    """What the engines of a component are told, defaults included."""
    pods = plan.component(component)
    arguments: dict[str, Any] = pods.config.resolved["vllm"] if pods and pods.config else {}
    return arguments


_CHECKS: Final[tuple[Callable[[RunPlan, Subject], Iterable[Finding]], ...]] = (
    _low_latency,
    _disagreement,
    _experts,
    _resources,
    _without_effect,
    _backends,
    _beaten,
    _single_ranks,
    _source_ref,
    _libraries,
)
