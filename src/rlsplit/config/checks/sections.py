"""Which checks run on which section, wherever it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from rlsplit.config.checks.inference import INFERENCE_CHECKS, LLMD_CHECKS, OFFLOAD_CHECKS, VLLM_CHECKS
from rlsplit.config.checks.orchestrator import (
    ALGO_CHECKS,
    CONCURRENCY_CHECKS,
    ECHO_CHECKS,
    EVAL_CHECKS,
    FROZEN_MODEL_CHECKS,
    GATE_CHECKS,
    ORCHESTRATOR_CHECKS,
    SAMPLER_CHECKS,
    SOURCE_CHECKS,
    TRAIN_CHECKS,
)
from rlsplit.config.checks.renderers import DEFAULT_RENDERER_CHECKS, INKLING_CHECKS, RENDERER_CHECKS
from rlsplit.config.checks.trainer import ACTIVATION_CHECKPOINT_CHECKS, TRAINER_CHECKS, TRAINER_MODEL_CHECKS
from rlsplit.config.derivations.sections import declared
from rlsplit.config.protected_variables import PROTECTED_ENV_VARS
from rlsplit.config.rules import Check, Refusal
from rlsplit.config.sections.algorithms import (
    EchoAlgoConfig,
    FrozenModelConfig,
    GRPOAlgoConfig,
    HierarchicalGRPOAlgoConfig,
    MaxRLAlgoConfig,
    OPDAlgoConfig,
    OPSDAlgoConfig,
    RAEAlgoConfig,
    SFTAlgoConfig,
)
from rlsplit.config.sections.base import Section
from rlsplit.config.sections.deployment import DisaggregatedInferenceDeploymentConfig, SingleNodeDeploymentConfig
from rlsplit.config.sections.inference import (
    InferenceConfig,
    LlmdRouterConfig,
    MooncakeKVCacheOffloadConfig,
    NativeKVCacheOffloadConfig,
)
from rlsplit.config.sections.orchestrator import ConcurrencyConfig, OrchestratorConfig
from rlsplit.config.sections.renderers import (
    DeepSeekV4RendererConfig,
    DefaultRendererConfig,
    Gemma4RendererConfig,
    GLM5RendererConfig,
    GLM51RendererConfig,
    GLM53RendererConfig,
    GptOssRendererConfig,
    Hy3RendererConfig,
    InklingRendererConfig,
    Nemotron3RendererConfig,
    Nemotron3UltraRendererConfig,
    Nemotron35RendererConfig,
    Qwen36RendererConfig,
    Qwen38RendererConfig,
)
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.sections.shared import ResumeConfig, SharedWandbConfig
from rlsplit.config.sections.sources import (
    AdvRangeGateConfig,
    DifficultyPoolSamplerConfig,
    EvalConfig,
    EvalSourceConfig,
    TrainConfig,
    TrainSourceConfig,
)
from rlsplit.config.sections.trainer import TrainerConfig
from rlsplit.config.sections.trainer_model import ActivationCheckpointConfig, TrainerModelConfig
from rlsplit.config.sections.vllm import VllmConfig
from rlsplit.findings import shown

STEP_DIR: Final = re.compile(r"step_[0-9]+")


def unprotected_env_vars(section: Any) -> Iterator[Refusal]:
    """No component sets an environment variable that the launcher sets."""
    for field in ("env_vars", "prefill_env_vars", "decode_env_vars"):
        protected = sorted(PROTECTED_ENV_VARS & (declared(section, field) or {}).keys())
        if protected:
            places = tuple((field, name) for name in protected)
            yield Refusal((field,), f"sets {', '.join(protected)}", "remove what the launcher sets itself", places)


def resume_by_step_or_dir(resume: ResumeConfig) -> Iterator[Refusal]:
    """A checkpoint is named by its step or by its folder, not by both."""
    if resume.step is not None and resume.dir is not None:
        yield Refusal(("step",), "excludes dir", "keep one of the two", (("dir",),))


def resume_dir_is_a_step(resume: ResumeConfig) -> Iterator[Refusal]:
    """The folder of a checkpoint is called `step_<n>`."""
    if resume.dir is not None and not STEP_DIR.fullmatch(resume.dir.rsplit("/", 1)[-1]):
        yield Refusal(("dir",), f"must end in step_<number>, not {shown(resume.dir)}")


def shared_wandb_is_online(wandb: SharedWandbConfig) -> Iterator[Refusal]:
    """The shared W&B block is never offline: both components log into one run."""
    if wandb.offline:
        yield Refusal(("offline",), "must not be true in the shared block", "set it in a component's monitors.wandb")


def gpus_fit_one_node(deployment: SingleNodeDeploymentConfig) -> Iterator[Refusal]:
    """Training and inference GPUs fit into one machine."""
    train, infer, node = deployment.num_train_gpus, deployment.num_infer_gpus, deployment.gpus_per_node
    if train + infer > node:
        message = f"{train} training + {infer} inference GPUs exceed gpus_per_node = {node}"
        hint = 'lower one of them, raise gpus_per_node, or use type = "multi_node"'
        yield Refusal(("num_train_gpus",), message, hint, (("num_infer_gpus",), ("gpus_per_node",)))


ENV_VAR_CHECKS: Final = (Check("B-10", unprotected_env_vars),)

SECTION_CHECKS: Final[Mapping[type[Section], tuple[Check, ...]]] = {
    RLConfig: ENV_VAR_CHECKS,
    SingleNodeDeploymentConfig: (Check("C-04", gpus_fit_one_node),),
    ResumeConfig: (Check("C-02", resume_by_step_or_dir), Check("C-03", resume_dir_is_a_step)),
    SharedWandbConfig: (Check("C-01", shared_wandb_is_online),),
    ActivationCheckpointConfig: ACTIVATION_CHECKPOINT_CHECKS,
    TrainerModelConfig: TRAINER_MODEL_CHECKS,
    TrainerConfig: (*ENV_VAR_CHECKS, *TRAINER_CHECKS),
    OrchestratorConfig: (*ENV_VAR_CHECKS, *ORCHESTRATOR_CHECKS),
    ConcurrencyConfig: CONCURRENCY_CHECKS,
    FrozenModelConfig: FROZEN_MODEL_CHECKS,
    EchoAlgoConfig: ECHO_CHECKS,
    **dict.fromkeys(
        (
            GRPOAlgoConfig,
            MaxRLAlgoConfig,
            RAEAlgoConfig,
            HierarchicalGRPOAlgoConfig,
            OPDAlgoConfig,
            OPSDAlgoConfig,
            SFTAlgoConfig,
        ),
        ALGO_CHECKS,
    ),
    TrainSourceConfig: SOURCE_CHECKS,
    EvalSourceConfig: SOURCE_CHECKS,
    TrainConfig: TRAIN_CHECKS,
    EvalConfig: EVAL_CHECKS,
    DifficultyPoolSamplerConfig: SAMPLER_CHECKS,
    AdvRangeGateConfig: GATE_CHECKS,
    DefaultRendererConfig: DEFAULT_RENDERER_CHECKS,
    InklingRendererConfig: INKLING_CHECKS,
    **dict.fromkeys(
        (
            DeepSeekV4RendererConfig,
            Gemma4RendererConfig,
            GLM5RendererConfig,
            GLM51RendererConfig,
            GLM53RendererConfig,
            GptOssRendererConfig,
            Hy3RendererConfig,
            Nemotron3RendererConfig,
            Nemotron3UltraRendererConfig,
            Nemotron35RendererConfig,
            Qwen36RendererConfig,
            Qwen38RendererConfig,
        ),
        RENDERER_CHECKS,
    ),
    VllmConfig: VLLM_CHECKS,
    LlmdRouterConfig: LLMD_CHECKS,
    NativeKVCacheOffloadConfig: OFFLOAD_CHECKS,
    MooncakeKVCacheOffloadConfig: OFFLOAD_CHECKS,
    DisaggregatedInferenceDeploymentConfig: ENV_VAR_CHECKS,
    InferenceConfig: (*ENV_VAR_CHECKS, *INFERENCE_CHECKS),
}
"""Run after the derivations inside sections and before those between them (P-05)."""
