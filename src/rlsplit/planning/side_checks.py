"""Runs of prefill and decode engines that would not start, or not work together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from rlsplit.findings import Finding, shown
from rlsplit.planning.image_checks import MAX_PORT
from rlsplit.planning.ports import side_channel
from rlsplit.planning.said import error
from rlsplit.planning.settings import EngineSide, Inference, SingleNode
from rlsplit.planning.side_overlays import override_key, side_backend
from rlsplit.planning.subject import Subject, env_tables

PER_ENGINE: Final = ("VLLM_NIXL_SIDE_CHANNEL_HOST", "VLLM_NIXL_SIDE_CHANNEL_PORT", "VLLM_RPC_BASE_PATH")
"""Variables of which every engine has a value of its own."""
DEEPEP: Final = "deepep_"
"""What the names of DeepEP's ways to other ranks begin with."""

_DECIDED: Final = frozenset(
    {
        *("data_parallel_rank", "data_parallel_address", "data_parallel_start_rank", "data_parallel_external_lb"),
        *("data_parallel_hybrid_lb", "headless", "host", "port", "uds"),
    }
)
"""vLLM arguments that follow from where an engine runs."""


def one_machine(subject: Subject) -> Iterator[Finding]:
    """Prefill and decode engines have machines of their own."""
    inference = subject.settings.inference
    if inference is not None and inference.sides and isinstance(subject.settings.deployment, SingleNode):
        message = "prefill and decode need machines of their own, and there is one"
        yield error("disaggregated-one-machine", ("deployment", "type"), message, "use multi_node")


def side_channel_range(subject: Subject) -> Iterator[Finding]:
    """The side channel of the largest group fits below the last port."""
    first = subject.platform.nixl_port
    most = max((side_channel(group, 0)[-1] for group in subject.shape.groups if group.ranks > 0), default=0)
    if _is_open(subject) and first + most > MAX_PORT:
        message = f"{first} is not in 1..{MAX_PORT - most}: engines take ports up to {most} above it"
        yield replace(
            error("port-range", ("platform", "nixl_port"), message, f"at most {MAX_PORT - most}"), about="platform"
        )


def side_overrides(subject: Subject) -> Iterator[Finding]:
    """Arguments that follow from where an engine runs are no side's to choose."""
    inference = subject.settings.inference
    for side in inference.sides.values() if inference is not None and _is_open(subject) else ():
        for key, value in side.overrides.value.items():
            if _is_decided(override_key(key), value, inference):
                message = f"{shown(value)} cannot stand: the layout of the run decides it"
                yield error("side-override", (*side.overrides.key, key), message, "leave it out")


def _is_decided(key: str, value: Any, inference: Inference | None) -> bool:
    """Whether an override would change how engines are laid out; texts are numbers, too, when vLLM reads them."""
    if key in _DECIDED:
        return True
    kept = {"tensor_parallel_size": inference.tensor_parallel.value if inference else 1, "pipeline_parallel_size": 1}
    return key in kept and str(value) != str(kept[key])


def variables_per_engine(subject: Subject) -> Iterator[Finding]:
    """The inference process would put one value over those of its engines."""
    tables = [table for owner, table in env_tables(subject.settings) if owner not in ("trainer", "orchestrator")]
    for table in tables if _is_open(subject) else ():
        for name in PER_ENGINE:
            if name in table.value:
                message = "every prefill and decode engine has a value of its own"
                yield error("env-var-per-engine", (*table.key, name), message, "leave it out")


def metrics_roles(subject: Subject) -> Iterator[Finding]:
    """A list of roles has one for each engine."""
    roles, engines = subject.settings.orchestrator.metrics_roles, subject.shape.inference_pods * subject.shape.engines
    if _is_open(subject) and roles.value is not None and len(roles.value) != engines:
        message = f"{len(roles.value)} roles for {engines} engines: the orchestrator would end"
        yield error("metrics-roles", roles.key, message, "leave it out, it is derived")


def routed_experts(subject: Subject) -> Iterator[Finding]:
    """Engines return routed experts beside no other connector than NIXL."""
    inference = subject.settings.inference
    if inference is None or not _is_open(subject) or inference.offload.value is None:
        return
    if inference.returns_routed_experts.value or any(map(_returns_experts, inference.sides.values())):
        message = "engines that return routed experts take no connector besides NIXL"
        hint = "leave it out, or set inference.vllm.enable_return_routed_experts = false"
        yield error("routed-experts-offload", inference.offload.key[:-1], message, hint)


def _returns_experts(side: EngineSide) -> bool:
    written = {override_key(key): value for key, value in side.overrides.value.items()}
    return written.get("enable_return_routed_experts") is True


def deepep_without_rdma(subject: Subject) -> Iterator[Finding]:
    """DeepEP has no way over TCP between hosts."""
    inference = subject.settings.inference
    if inference is None or not _is_open(subject) or subject.platform.rdma_resource:
        return
    for group in subject.shape.groups:
        backend = side_backend(inference, group.component)
        if group.nodes > 1 and backend.startswith(DEEPEP):
            message = f"groups of {group.nodes} {group.component} pods use {backend}, which works over RDMA alone"
            hint = (
                'name the resource, for instance { "rdma/ib" = 8 }, or write all2all_backend = '
                f'"allgather_reducescatter" into inference.deployment.{group.component}_vllm_overrides'
            )
            finding = error("deepep-without-rdma", ("platform", "rdma_resource"), message, hint)
            yield replace(finding, about="platform")


def _is_open(subject: Subject) -> bool:
    """Whether the platform runs prefill and decode at all: else that is what is said."""
    return bool(subject.shape.groups) and "disaggregated" in subject.platform.features


SIDE_CHECKS: Final = (
    one_machine,
    side_channel_range,
    side_overrides,
    variables_per_engine,
    metrics_roles,
    routed_experts,
    deepep_without_rdma,
)
"""Every rule about prefill and decode engines."""
