"""What the trainer's sections refuse (T-rules)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from rlsplit.config.rules import Check, Refusal
from rlsplit.config.sections.trainer import CosineSchedulerConfig, LinearSchedulerConfig, TrainerConfig
from rlsplit.config.sections.trainer_model import ActivationCheckpointConfig, TrainerModelConfig

if TYPE_CHECKING:
    from rlsplit.config.sections.roots import Training

CUSTOM_IMPLS: Final = frozenset({"custom", "auto"})
"""Values of `impl` that can end in prime-rl's own implementation."""

MAX_TRACED_STEPS: Final = 10


def selective_ac_needs_targets(ac: ActivationCheckpointConfig) -> Iterator[Refusal]:
    """Selective activation checkpointing needs at least one target."""
    if ac.mode == "selective" and not ac.targets:
        yield Refusal(("targets",), 'must not be empty with mode = "selective"', 'name modules, e.g. ["norm"]')


def remote_code_needs_hf(model: TrainerModelConfig) -> Iterator[Refusal]:
    """`trust_remote_code` needs the Hugging Face implementation."""
    if model.trust_remote_code and model.impl not in {"hf", "auto"}:
        yield Refusal(("trust_remote_code",), f'does not work with impl = "{model.impl}"', 'set impl = "hf" or "auto"')


def vlm_needs_custom_impl(model: TrainerModelConfig) -> Iterator[Refusal]:
    """Vision-language models need `impl = "custom"`."""
    if model.vlm is not None and model.impl != "custom":
        message = f'must be "custom" for a model with vlm, not "{model.impl}"'
        yield Refusal(("impl",), message, 'set impl = "custom"', (("vlm",),))


def vlm_needs_ulysses(model: TrainerModelConfig) -> Iterator[Refusal]:
    """Vision-language models with context parallelism need the ulysses style."""
    if model.vlm is not None and model.cp > 1 and model.cp_style != "ulysses":
        yield Refusal(
            ("cp_style",),
            f'must be "ulysses" for a model with vlm and cp = {model.cp}',
            'set cp_style = "ulysses"',
            (("cp",), ("vlm",)),
        )


def _needs_custom_impl(model: TrainerModelConfig, path: str, what: str) -> Iterator[Refusal]:
    if model.impl not in CUSTOM_IMPLS:
        message = f'{what} needs impl "custom" or "auto", not "{model.impl}"'
        yield Refusal(tuple(path.split(".")), message, 'set trainer.model.impl = "custom"', ((("impl",)),))


def cp_needs_custom_impl(model: TrainerModelConfig) -> Iterator[Refusal]:
    """Context parallelism needs the custom implementation."""
    if model.cp > 1:
        yield from _needs_custom_impl(model, "impl", f"cp = {model.cp}")


def selective_ac_needs_custom_impl(model: TrainerModelConfig) -> Iterator[Refusal]:
    """Selective activation checkpointing needs the custom implementation."""
    if model.ac is not None and model.ac.mode == "selective":
        yield from _needs_custom_impl(model, "ac.mode", '"selective"')


def fsdp_offload_stands_alone(model: TrainerModelConfig) -> Iterator[Refusal]:
    """FSDP CPU offload excludes the two optimizer offloads; `optim_cpu_offload` is on by default."""
    others = [name for name in ("optim_cpu_offload", "full_offload") if getattr(model, name) not in (None, False)]
    if model.fsdp_cpu_offload and others:
        yield Refusal(
            ("fsdp_cpu_offload",),
            f"excludes {' and '.join(others)}",
            "set optim_cpu_offload = false and leave full_offload out",
            tuple((name,) for name in others),
        )


def full_offload_excludes_optimizer_offload(model: TrainerModelConfig) -> Iterator[Refusal]:
    """Full offload excludes `optim_cpu_offload`, which is on by default."""
    if model.full_offload is not None and model.optim_cpu_offload:
        yield Refusal(
            ("full_offload",),
            "excludes optim_cpu_offload",
            "set optim_cpu_offload = false",
            (("optim_cpu_offload",),),
        )


def flash_attention_4_needs_custom_impl(model: TrainerModelConfig) -> Iterator[Refusal]:
    """Flash attention 4, also as the automatic choice, needs the custom implementation."""
    if model.attn in {"flash_attention_4", "auto"} and model.impl not in CUSTOM_IMPLS:
        yield Refusal(
            ("attn",),
            f'"{model.attn}" needs impl "custom" or "auto", not "{model.impl}"',
            'set attn = "flash_attention_2" or "flash_attention_3"',
            (("impl",),),
        )


def quantization_needs_custom_impl(model: TrainerModelConfig) -> Iterator[Refusal]:
    """Low-precision training needs the custom implementation."""
    if model.quantization is not None:
        yield from _needs_custom_impl(model, "quantization", f'type = "{model.quantization.type}"')


def deepep_needs_expert_parallelism(model: TrainerModelConfig) -> Iterator[Refusal]:
    """A communication backend other than torch needs expert parallelism."""
    if model.ep_comm_backend != "torch" and isinstance(model.ep, int) and model.ep <= 1:
        yield Refusal(
            ("ep",),
            f'must be greater than 1 with ep_comm_backend = "{model.ep_comm_backend}", not {model.ep}',
            'set ep = "auto", or ep_comm_backend = "torch"',
            (("ep_comm_backend",),),
        )


def mxfp8_needs_torch_backend(model: TrainerModelConfig) -> Iterator[Refusal]:
    """MXFP8 works with the torch communication backend only."""
    if model.quantization is not None and model.quantization.type == "mxfp8" and model.ep_comm_backend != "torch":
        yield Refusal(
            ("quantization",),
            f'"mxfp8" excludes ep_comm_backend = "{model.ep_comm_backend}"',
            'set type = "fp8"',
        )


def full_offload_optimizers(trainer: Training) -> Iterator[Refusal]:
    """Full offload works with adamw and sign_sgd only."""
    if trainer.model.full_offload is not None and trainer.optim.type not in {"adamw", "sign_sgd"}:
        yield Refusal(
            ("optim", "type"),
            f'"{trainer.optim.type}" does not work with model.full_offload',
            'use "adamw" or "sign_sgd"',
        )


def vlm_needs_bfloat16(trainer: Training) -> Iterator[Refusal]:
    """Vision-language models train in bfloat16 throughout."""
    model = trainer.model
    if model.vlm is not None and not (model.optimization_dtype == model.reduce_dtype == "bfloat16"):
        yield Refusal(
            ("model", "optimization_dtype"),
            "must be bfloat16, as must reduce_dtype, for a model with vlm",
            'set optimization_dtype = "bfloat16" and reduce_dtype = "bfloat16"',
            (("model", "reduce_dtype"), ("model", "vlm")),
        )


def vlm_lora_needs_frozen_encoder(trainer: Training) -> Iterator[Refusal]:
    """LoRA on a vision-language model needs a frozen vision encoder."""
    vlm, lora = trainer.model.vlm, trainer.model.lora
    if vlm is not None and not vlm.freeze_vision_encoder and lora is not None:
        yield Refusal(
            ("model", "vlm", "freeze_vision_encoder"),
            "must be true with lora",
            "set freeze_vision_encoder = true",
            (("model", "lora"),),
        )


def traces_are_short(trainer: Training) -> Iterator[Refusal]:
    """Profiler traces need a run of fewer than 10 steps."""
    too_long = trainer.max_steps is None or trainer.max_steps >= MAX_TRACED_STEPS
    if trainer.trace_path is not None and too_long:
        steps = "endless" if trainer.max_steps is None else f"{trainer.max_steps} steps long"
        message = f"needs a run of fewer than {MAX_TRACED_STEPS} steps; this one is {steps}"
        yield Refusal(("trace_path",), message, "set max_steps = 9 or less", (("max_steps",),))


def scheduler_fits_run(trainer: Training) -> Iterator[Refusal]:
    """The phases of a schedule fit into the run."""
    scheduler, steps = trainer.scheduler, trainer.max_steps
    problem: str | None = None
    if isinstance(scheduler, LinearSchedulerConfig):
        phases = scheduler.warmup_steps + scheduler.decay_steps
        if phases == 0:
            problem = "linear needs warmup_steps or decay_steps"
        elif scheduler.decay_steps > 0 and steps is None:
            problem = "linear with decay_steps needs max_steps"
        elif scheduler.decay_steps > 0 and steps is not None and phases > steps:
            problem = f"linear takes {phases} steps of warmup and decay, but max_steps is {steps}"
    elif isinstance(scheduler, CosineSchedulerConfig):
        if steps is None:
            problem = "cosine needs max_steps"
        elif scheduler.warmup_steps >= steps:
            problem = f"cosine warms up for {scheduler.warmup_steps} steps, but max_steps is {steps}"
    if problem:
        hint = "set max_steps, warmup_steps and decay_steps so that the phases fit (both default to 10)"
        yield Refusal(("scheduler",), problem, hint, (("max_steps",),))


def muon_excludes_fsdp_offload(trainer: Training) -> Iterator[Refusal]:
    """Muon does not work with FSDP CPU offload."""
    if trainer.model.fsdp_cpu_offload and trainer.optim.type == "muon":
        yield Refusal(("model", "fsdp_cpu_offload"), 'excludes optim.type = "muon"', "use another optimizer")


def lora_excludes_in_memory_broadcast(trainer: TrainerConfig) -> Iterator[Refusal]:
    """A LoRA adapter travels over the filesystem only (the trainer's own block)."""
    kind = trainer.weight_broadcast.type
    if trainer.model.lora is not None and kind != "filesystem":
        yield Refusal(
            ("weight_broadcast", "type"),
            f'"{kind}" does not work with lora',
            'set type = "filesystem"',
            (("model", "lora"),),
        )


def ep_needs_custom_impl(trainer: Training) -> Iterator[Refusal]:
    """Expert parallelism needs the custom implementation."""
    model = trainer.model
    if model.ep not in (1, "auto") and model.impl not in CUSTOM_IMPLS:
        yield Refusal(
            ("model", "ep"),
            f'{model.ep} needs impl "custom" or "auto", not "{model.impl}"',
            "set ep = 1, or another impl",
        )


def router_replay_needs_custom_impl(trainer: TrainerConfig) -> Iterator[Refusal]:
    """Router replay needs the custom implementation."""
    if trainer.enable_router_replay and trainer.model.impl not in CUSTOM_IMPLS:
        yield Refusal(
            ("enable_router_replay",),
            f'needs model.impl "custom" or "auto", not "{trainer.model.impl}"',
            'set trainer.model.impl = "custom"',
        )


ACTIVATION_CHECKPOINT_CHECKS: Final = (Check("T-13", selective_ac_needs_targets),)

TRAINER_MODEL_CHECKS: Final = (
    Check("T-01", remote_code_needs_hf),
    Check("T-02", vlm_needs_custom_impl, since="v0.7.1.dev28"),
    Check("T-03", vlm_needs_ulysses, since="v0.7.1.dev28"),
    Check("T-04", cp_needs_custom_impl, since="v0.7.1.dev28"),
    Check("T-06", selective_ac_needs_custom_impl),
    Check("T-07", fsdp_offload_stands_alone),
    Check("T-08", full_offload_excludes_optimizer_offload),
    Check("T-09", flash_attention_4_needs_custom_impl, since="v0.7.1.dev28"),
    Check("T-10", quantization_needs_custom_impl, since="v0.7.1.dev19"),
    Check("T-11", deepep_needs_expert_parallelism),
    Check("T-12", mxfp8_needs_torch_backend),
)

TRAINER_CHECKS: Final = (
    Check("T-21", full_offload_optimizers),
    Check("T-23", vlm_needs_bfloat16),
    Check("T-24", vlm_lora_needs_frozen_encoder),
    Check("T-25", traces_are_short),
    Check("T-26", scheduler_fits_run, since="v0.8.1.dev1"),
    Check("T-27", muon_excludes_fsdp_offload),
    Check("T-28", lora_excludes_in_memory_broadcast),
    Check("T-30", ep_needs_custom_impl),
    Check("T-31", router_replay_needs_custom_impl),
)
