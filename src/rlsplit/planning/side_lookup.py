"""What prefill and decode engines have each: looked up where :mod:`.lookup` looks up the rest."""

from __future__ import annotations

from rlsplit.components import ComponentName
from rlsplit.config.sections.deployment import DisaggregatedInferenceDeploymentConfig
from rlsplit.findings import KeyPath
from rlsplit.planning.settings import EngineSide, Value


def sides_of(layout: DisaggregatedInferenceDeploymentConfig) -> dict[ComponentName, EngineSide]:
    """Read a disaggregated layout."""
    key: KeyPath = ("inference", "deployment")
    return {
        "prefill": EngineSide(
            nodes=Value(layout.prefill_nodes_per_replica, (*key, "prefill_nodes_per_replica")),
            groups=Value(layout.num_prefill_replicas, (*key, "num_prefill_replicas")),
            port=Value(layout.prefill_port, (*key, "prefill_port")),
            env_vars=Value(layout.prefill_env_vars, (*key, "prefill_env_vars")),
            overrides=Value(layout.prefill_vllm_overrides, (*key, "prefill_vllm_overrides")),
        ),
        "decode": EngineSide(
            nodes=Value(layout.decode_nodes_per_replica, (*key, "decode_nodes_per_replica")),
            groups=Value(layout.num_decode_replicas, (*key, "num_decode_replicas")),
            port=Value(layout.decode_port, (*key, "decode_port")),
            env_vars=Value(layout.decode_env_vars, (*key, "decode_env_vars")),
            overrides=Value(layout.decode_vllm_overrides, (*key, "decode_vllm_overrides")),
        ),
    }
