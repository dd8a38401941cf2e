"""Which checks run on which section, wherever it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

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
from rlsplit.config.rules import Check, Refusal, along_hierarchy
from rlsplit.config.sections.algorithms import AlgoConfig, EchoAlgoConfig, FrozenModelConfig
from rlsplit.config.sections.base import EnvVarsSection, Section
from rlsplit.config.sections.deployment import SingleNodeDeploymentConfig
from rlsplit.config.sections.general_renderers import DefaultRendererConfig, RendererConfig
from rlsplit.config.sections.inference import InferenceConfig, KVCacheOffloadConfig, LlmdRouterConfig
from rlsplit.config.sections.orchestrator import ConcurrencyConfig, OrchestratorConfig
from rlsplit.config.sections.renderers import InklingRendererConfig
from rlsplit.config.sections.shared import ResumeConfig, SharedWandbConfig
from rlsplit.config.sections.sources import (
    AdvRangeGateConfig,
    DifficultyPoolSamplerConfig,
    EvalConfig,
    SourceConfig,
    TrainConfig,
)
from rlsplit.config.sections.trainer import TrainerConfig
from rlsplit.config.sections.trainer_model import ActivationCheckpointConfig, TrainerModelConfig
from rlsplit.config.sections.vllm import VllmConfig
from rlsplit.findings import shown

STEP_DIR: Final = re.compile(r"step_[0-9]+")


def unprotected_env_vars(section: EnvVarsSection) -> Iterator[Refusal]:
    """No component sets an environment variable that the launcher sets."""
    for field in section.env_var_fields:
        for name in sorted(section.protected & getattr(section, field).keys()):
            yield Refusal((field, name), "is set by the launcher alone", "remove it", ((field,),))


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


SECTION_CHECKS: Final[Mapping[type[Section], tuple[Check, ...]]] = {
    EnvVarsSection: (Check("B-10", unprotected_env_vars),),
    SingleNodeDeploymentConfig: (Check("C-04", gpus_fit_one_node),),
    ResumeConfig: (Check("C-02", resume_by_step_or_dir), Check("C-03", resume_dir_is_a_step)),
    SharedWandbConfig: (Check("C-01", shared_wandb_is_online),),
    ActivationCheckpointConfig: ACTIVATION_CHECKPOINT_CHECKS,
    TrainerModelConfig: TRAINER_MODEL_CHECKS,
    TrainerConfig: TRAINER_CHECKS,
    OrchestratorConfig: ORCHESTRATOR_CHECKS,
    ConcurrencyConfig: CONCURRENCY_CHECKS,
    FrozenModelConfig: FROZEN_MODEL_CHECKS,
    AlgoConfig: ALGO_CHECKS,
    EchoAlgoConfig: ECHO_CHECKS,
    SourceConfig: SOURCE_CHECKS,
    TrainConfig: TRAIN_CHECKS,
    EvalConfig: EVAL_CHECKS,
    DifficultyPoolSamplerConfig: SAMPLER_CHECKS,
    AdvRangeGateConfig: GATE_CHECKS,
    RendererConfig: RENDERER_CHECKS,
    DefaultRendererConfig: DEFAULT_RENDERER_CHECKS,
    InklingRendererConfig: INKLING_CHECKS,
    VllmConfig: VLLM_CHECKS,
    LlmdRouterConfig: LLMD_CHECKS,
    KVCacheOffloadConfig: OFFLOAD_CHECKS,
    InferenceConfig: INFERENCE_CHECKS,
}
"""Run after the derivations inside sections and before those between them (P-05); on a section and all its kinds."""


@cache
def checks_of(section: type[Section]) -> tuple[Check, ...]:
    """The checks of a section, those of its base classes first."""
    return along_hierarchy(SECTION_CHECKS, section)
