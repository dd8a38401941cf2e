"""What came between v0.7.0 and v0.8.0: fields, and variants of unions, each with the first tag that has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rlsplit.config.sections import (
    algorithms,
    inference,
    orchestrator,
    renderers,
    rl,
    shared,
    sources,
    trainer_model,
    transport,
    vllm,
)
from rlsplit.config.sections.base import Section
from rlsplit.releases.release import V0_8_0
from rlsplit.releases.spoke import Fields

FIELDS: Final[Fields] = {
    (rl.RLConfig, "rollout_transport"): "v0.7.1.dev71",
    (shared.SharedMonitorsConfig, "file"): V0_8_0.tag,
    (shared.MonitorsConfig, "file"): V0_8_0.tag,
    (transport.SharedNCCLWeightBroadcastConfig, "host"): "v0.7.1.dev45",
    (trainer_model.TrainerModelConfig, "quantization"): "v0.7.1.dev19",
    (orchestrator.OrchestratorConfig, "env_server_base_port"): "v0.7.1.dev93",
    (sources.TrainConfig, "source"): "v0.7.1.dev77",
    (sources.EvalConfig, "source"): "v0.7.1.dev77",
    (sources.EvalConfig, "retrigger_on_resume"): V0_8_0.tag,
    (sources.SourceConfig, "env"): "v0.7.1.dev77",
    (sources.SourceConfig, "serve"): "v0.7.1.dev77",
    (inference.InferenceConfig, "router"): "v0.7.1.dev72",
    (inference.InferenceConfig, "backend_port"): "v0.7.1.dev72",
    (vllm.VllmConfig, "quantization"): V0_8_0.tag,
}

RENDERERS: Final = (renderers.PrimeQwen3RendererConfig, renderers.Hy3RendererConfig)

VARIANTS: Final[Mapping[type[Section], str]] = {
    **dict.fromkeys(RENDERERS, V0_8_0.tag),
    algorithms.RAEAlgoConfig: V0_8_0.tag,
    algorithms.HierarchicalGRPOAlgoConfig: V0_8_0.tag,
    transport.TrainerNIXLWeightBroadcastConfig: "v0.7.1.dev45",
    transport.OrchestratorNIXLWeightBroadcastConfig: "v0.7.1.dev45",
}
