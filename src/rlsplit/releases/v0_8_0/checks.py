"""What v0.8.0 refuses and later releases do not (V8-rules, and rules that were different)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from rlsplit.config import run_keys as at
from rlsplit.config.fields import explicit
from rlsplit.config.rules import Check, Refusal
from rlsplit.config.sections.algorithms import FrozenModelConfig
from rlsplit.config.sections.base import Section
from rlsplit.config.sections.inference import InferenceConfig
from rlsplit.config.sections.orchestrator import OrchestratorConfig
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.sections.sources import SourceConfig, environment_ids
from rlsplit.config.sections.trainer import TrainerConfig
from rlsplit.config.sections.vllm import LORA_RANKS
from rlsplit.findings import shown
from rlsplit.releases.v0_8_0.derivations import derived_inflight, legacy_of, value_of_field

FILTER_LISTS: Final = ("pre_batch_filters", "post_batch_filters")


def adapter_needs_lora(trainer: TrainerConfig) -> Iterator[Refusal]:
    """An adapter is saved by itself only where one is trained."""
    weights = value_of_field(trainer.ckpt, "weights") if trainer.ckpt is not None else None
    if weights is not None and weights.save_adapter_separately and trainer.model.lora is None:
        path = ("ckpt", "weights", "save_adapter_separately")
        yield Refusal(path, "needs trainer.model.lora", "remove it", (("model", "lora"),))


def several_runs_exclude_offload(trainer: TrainerConfig) -> Iterator[Refusal]:
    """Several runs at once exclude `optim_cpu_offload`, which is on by default."""
    runs = value_of_field(trainer, "max_concurrent_runs")
    if runs > 1 and trainer.model.optim_cpu_offload:
        related = (("model", "optim_cpu_offload"),)
        message = f"{runs} excludes model.optim_cpu_offload, which is on by default"
        yield Refusal(("max_concurrent_runs",), message, "set trainer.model.optim_cpu_offload = false", related)


def one_filter_of_a_type(orchestrator: OrchestratorConfig) -> Iterator[Refusal]:
    """A list of filters has one of each type."""
    for field in FILTER_LISTS:
        for kind, count in Counter(each.type for each in value_of_field(orchestrator, field)).items():
            if count > 1:
                yield Refusal((field,), f"has {count} filters of type {shown(kind)}", "keep one of them")


def tokens_exclude_oversampling(orchestrator: OrchestratorConfig) -> Iterator[Refusal]:
    """A batch that is measured in tokens has no oversampling factor."""
    if orchestrator.token_batch_size is not None and value_of_field(orchestrator, "oversampling_factor") is not None:
        yield Refusal(("oversampling_factor",), "excludes token_batch_size", "remove it", (("token_batch_size",),))


def tokens_need_a_limit(orchestrator: OrchestratorConfig) -> Iterator[Refusal]:
    """A batch that is measured in tokens needs a number of episodes in flight."""
    if orchestrator.token_batch_size is not None and value_of_field(orchestrator, "max_inflight_episodes") is None:
        yield Refusal(("max_inflight_episodes",), "is required with token_batch_size", None, (("token_batch_size",),))


def limit_agrees_with_factor(orchestrator: OrchestratorConfig) -> Iterator[Refusal]:
    """A written in-flight limit is what `oversampling_factor` gives."""
    limit, factor = (value_of_field(orchestrator, name) for name in ("max_inflight_episodes", "oversampling_factor"))
    if orchestrator.token_batch_size is not None or factor is None:
        return
    expected = derived_inflight(orchestrator)
    if expected is None:
        yield Refusal(("oversampling_factor",), "must be a finite number", "use a number")
    elif limit is not None and limit != expected:
        message = f"is {limit}, but batch_size and oversampling_factor give {expected}"
        yield Refusal(("max_inflight_episodes",), message, "keep one of the two", (("oversampling_factor",),))


def a_group_fits_inflight(orchestrator: OrchestratorConfig) -> Iterator[Refusal]:
    """At least one group may be in flight."""
    limit = value_of_field(orchestrator, "max_inflight_episodes")
    if limit is not None and limit < orchestrator.group_size:
        message = f"must be at least group_size = {orchestrator.group_size}, not {limit}"
        yield Refusal(("max_inflight_episodes",), message, None, (("group_size",),))


def one_environment(source: SourceConfig) -> Iterator[Refusal]:
    """A source has a classic environment or one of today, not both."""
    if legacy_of(source).id is not None and any(environment_ids(source.env)):
        yield Refusal(("legacy", "id"), "excludes env.id and env.taskset.id", "keep one of them", (("env",),))


def frozen_model_needs_endpoint(model: FrozenModelConfig) -> Iterator[Refusal]:
    """An external model needs an explicit `base_url` or `elastic`; the inherited default is the policy server's."""
    if not explicit(model, "base_url") and value_of_field(model, "elastic") is None:
        hint = 'write base_url = ["http://<host>:<port>/v1"], or elastic.hostname'
        yield Refusal(("base_url",), "is required for an external model", hint)


def lora_rank_is_supported(inference: InferenceConfig) -> Iterator[Refusal]:
    """vLLM serves adapters up to rank 512."""
    rank = inference.vllm.max_lora_rank
    if rank is not None and rank > LORA_RANKS[-1]:
        yield Refusal(at.MAX_LORA_RANK.path[1:], f"must be at most {LORA_RANKS[-1]}, not {rank}")


# --- between the components ------------------------------------------------------------------------------------


def orchestrator_writes_below_trainer(config: RLConfig) -> Iterator[Refusal]:
    """The orchestrator's folder lies directly in the trainer's."""
    parent = _parent(config.orchestrator.output_dir)
    if parent != config.trainer.output_dir:
        message = (
            f"must lie directly in trainer.output_dir = {shown(config.trainer.output_dir)}, not in {shown(parent)}"
        )
        related = (at.TRAINER_OUTPUT_DIR.path,)
        yield Refusal(at.ORCHESTRATOR_OUTPUT_DIR.path, message, "set output_dir at the root", related)


def _parent(path: str) -> str:
    return str(PurePosixPath(path).parent)


def one_resume_step(config: RLConfig) -> Iterator[Refusal]:
    """Trainer and orchestrator continue from the same step."""
    trainer, orchestrator = config.trainer.ckpt, config.orchestrator.ckpt
    if trainer is None or orchestrator is None:
        return
    expected, value = value_of_field(trainer, "resume_step"), value_of_field(orchestrator, "resume_step")
    if value != expected:
        message = f"is {shown(value)}, but trainer.ckpt.resume_step is {shown(expected)}"
        related: tuple[Any, ...] = (("trainer", "ckpt", "resume_step"),)
        path = ("orchestrator", "ckpt", "resume_step")
        yield Refusal(path, message, "write ckpt.resume_step once, at the root", related)


def both_are_benchmarked(config: RLConfig) -> Iterator[Refusal]:
    """Trainer and orchestrator are benchmarked together."""
    trainer = value_of_field(config.trainer, "bench") is not None
    if trainer != value_of_field(config.orchestrator, "bench"):
        path, related = ("orchestrator", "bench"), (("trainer", "bench"),)
        yield Refusal(path, "disagrees with trainer.bench", "write bench once, at the root", related)


SECTION_CHECKS: Final[Mapping[type[Section], tuple[Check, ...]]] = {
    TrainerConfig: (
        Check("V8-05", adapter_needs_lora, until="v0.8.1.dev57"),
        Check("V8-06", several_runs_exclude_offload, until="v0.8.1.dev3"),
    ),
    SourceConfig: (Check("V8-13", one_environment, since="v0.7.1.dev77", until="v0.8.1.dev8"),),
    OrchestratorConfig: (
        Check("V8-08", one_filter_of_a_type, until="v0.8.1.dev40"),
        Check("V8-09", tokens_exclude_oversampling, until="v0.8.1.dev43"),
        Check("V8-10", tokens_need_a_limit, until="v0.8.1.dev43"),
        Check("V8-11", limit_agrees_with_factor, until="v0.8.1.dev43"),
        Check("V8-12", a_group_fits_inflight, until="v0.8.1.dev43"),
    ),
    FrozenModelConfig: (Check("O-02", frozen_model_needs_endpoint, until="v0.8.1.dev3"),),
    InferenceConfig: (Check("I-22", lora_rank_is_supported, until="v0.8.1.dev1"),),
}

ROOT_CHECKS: Final = (
    Check("V8-02", orchestrator_writes_below_trainer, until="v0.8.1.dev26"),
    Check("V8-03", one_resume_step, until="v0.8.1.dev26"),
    Check("V8-16", both_are_benchmarked, until="v0.8.1.dev28"),
)
