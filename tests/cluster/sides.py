"""Runs of prefill and decode engines, from configs that were really parsed."""

from __future__ import annotations

from typing import Any

from splits import MULTI, make, planned, source

from rlsplit.planning import RunPlan
from rlsplit.splitting import JsonObject, Split

FEATURES: dict[str, Any] = {
    "features": ["disaggregated"],
    "rdma_resource": {"rdma/ib": 8},
    "pod_security": "privileged",
}
"""A cluster whose image can do it."""


def sides(
    *,
    tp: int = 1,
    replicas: int = 1,
    layout: JsonObject | None = None,
    inference: JsonObject | None = None,
    **root: Any,
) -> Split:
    """Split a run with a layout of prefill and decode."""
    more = inference or {}
    vllm = {"tensor_parallel_size": tp, **more.get("vllm", {})}
    many = {key: value for key, value in MULTI.items() if key != "num_infer_nodes"}
    return make(
        {**many, "num_infer_replicas": replicas},
        inference={**more, "vllm": vllm, "deployment": {"type": "disaggregated", **(layout or {})}},
        **root,
    )


LAYOUTS: dict[str, Split] = {
    "one-pod-groups": sides(),
    "one-engine": sides(tp=8),
    "one-engine-groups": sides(tp=8, layout={"prefill_nodes_per_replica": 2, "decode_nodes_per_replica": 3}),
    "several-replicas": sides(
        tp=2,
        replicas=2,
        layout={"prefill_nodes_per_replica": 2, "decode_nodes_per_replica": 4, "num_prefill_replicas": 2},
    ),
    "uneven": sides(
        layout={"prefill_nodes_per_replica": 2, "num_prefill_replicas": 4, "decode_nodes_per_replica": 8},
        train=[source("math"), source("browser", "tcp://envs.example.com:7000")],
    ),
}
"""Every layout by name."""


def planned_sides(split: Split, **platform: Any) -> RunPlan:
    """Plan on a cluster whose image can do it."""
    return planned(split, **{**FEATURES, **platform})
