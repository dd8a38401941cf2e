"""What came after v0.8.0: fields, and variants of unions, each with the first tag that has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rlsplit.config.sections import inference, orchestrator, renderers, rl, shared, sources, trainer, trainer_model
from rlsplit.config.sections.base import Section
from rlsplit.config.sections.general_renderers import CustomRendererConfig
from rlsplit.releases.release import UNDATED
from rlsplit.releases.spoke import Fields

FIELDS: Final[Fields] = {
    (rl.RLConfig, "run"): "v0.8.1.dev26",
    (rl.RLConfig, "clean"): "v0.8.1.dev26",
    (rl.RLConfig, "resume"): "v0.8.1.dev26",
    (rl.RLConfig, "monitors"): "v0.8.1.dev30",
    (shared.SharedMonitorsConfig, "prime"): "v0.8.1.dev30",
    (trainer.TrainerConfig, "resume"): "v0.8.1.dev26",
    (trainer.TrainerConfig, "monitors"): "v0.8.1.dev30",
    (trainer_model.TrainerModelConfig, "full_offload"): UNDATED,
    (trainer_model.TrainerModelConfig, "moe_fused_kernel"): UNDATED,
    (orchestrator.OrchestratorConfig, "resume"): "v0.8.1.dev26",
    (orchestrator.OrchestratorConfig, "monitors"): "v0.8.1.dev30",
    (orchestrator.OrchestratorConfig, "concurrency"): "v0.8.1.dev43",
    (orchestrator.OrchestratorConfig, "pad_to_multiple_of"): "v0.8.1.dev3",
    (sources.TrainConfig, "filter_zero_advantages"): "v0.8.1.dev40",
    (sources.TrainSourceConfig, "curriculum"): "v0.8.1.dev40",
    (sources.ServeConfig, "address"): UNDATED,
    (inference.InferenceConfig, "vllm"): "v0.8.1.dev1",
}

RENDERERS: Final = (
    renderers.Qwen38RendererConfig,
    renderers.Gemma4RendererConfig,
    renderers.GLM53RendererConfig,
    renderers.InklingRendererConfig,
    renderers.LagunaM1RendererConfig,
    renderers.LagunaS21RendererConfig,
    renderers.Nemotron35RendererConfig,
    renderers.DeepSeekV4RendererConfig,
    CustomRendererConfig,
)

VARIANTS: Final[Mapping[type[Section], str]] = dict.fromkeys(RENDERERS, UNDATED)
