"""What the orchestrator's sections refuse (O-rules)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from rlsplit.config.fields import explicit
from rlsplit.config.rules import Check, Refusal
from rlsplit.config.run_facts import environment_ids, source_name
from rlsplit.config.sections.algorithms import AlgoConfig, EchoAlgoConfig, FrozenModelConfig, SFTAlgoConfig
from rlsplit.config.sections.orchestrator import ConcurrencyConfig, OrchestratorConfig
from rlsplit.config.sections.sources import (
    AdvRangeGateConfig,
    DifficultyPoolSamplerConfig,
    EvalConfig,
    SourceConfig,
    TrainConfig,
)
from rlsplit.findings import KeyPath, shown

RESERVED_SOURCE_NAME: Final = "agg"
"""Aggregates over all sources are logged under this name (O-11)."""


def inflight_bounds(concurrency: ConcurrencyConfig) -> Iterator[Refusal]:
    """Initial and minimal inflight episodes do not exceed the ceiling."""
    ceiling = concurrency.max_inflight
    for field in ("initial_inflight", "min_inflight"):
        value = getattr(concurrency, field)
        if ceiling is not None and value is not None and value > ceiling:
            message = f"must be at most max_inflight = {ceiling}, not {value}"
            yield Refusal((field,), message, None, (("max_inflight",),))


def frozen_model_needs_endpoint(model: FrozenModelConfig) -> Iterator[Refusal]:
    """An external model needs an explicit `base_url`; the inherited default is the policy server's."""
    if not explicit(model, "base_url"):
        yield Refusal(("base_url",), "is required for an external model", 'write base_url = "http://<host>:<port>/v1"')


def rollouts_come_from_the_right_model(algo: AlgoConfig) -> Iterator[Refusal]:
    """sft samples from an external model, every other algorithm from the policy."""
    path = ("sampling", "source")
    if isinstance(algo, SFTAlgoConfig):
        if algo.sampling.source == "policy":
            yield Refusal(path, "sft needs an external model", "write a table with name and base_url", (("type",),))
    elif algo.sampling.source != "policy":
        kind = getattr(algo, "type", "this algorithm")
        yield Refusal(path, f"{kind} samples from the policy, not from an external model", 'write source = "policy"')


def echo_needs_a_role(algo: EchoAlgoConfig) -> Iterator[Refusal]:
    """echo trains on the text of at least one role."""
    if not any(getattr(algo.roles, role) for role in ("system", "user", "assistant", "tool")):
        yield Refusal(("roles",), "needs at least one role", "write roles.tool = {} or another role")


def difficulty_pools(sampler: DifficultyPoolSamplerConfig) -> Iterator[Refusal]:
    """Difficulty pools exist, have distinct thresholds, and can be drawn from."""
    pools = sampler.pools
    if not pools:
        yield Refusal(("pools",), "needs at least one pool", "leave pools out for hard, normal and easy")
        return
    for threshold, count in Counter(pool.threshold for pool in pools.values()).items():
        if count > 1:
            yield Refusal(("pools",), f"has the threshold {threshold} {count} times", "make thresholds distinct")
    if not any(pool.weight > 0 for pool in pools.values()):
        yield Refusal(("pools",), "needs at least one weight above 0", "raise a weight")


def gate_range(gate: AdvRangeGateConfig) -> Iterator[Refusal]:
    """A gate's range is not upside down."""
    if gate.reject_min > gate.reject_max:
        message = f"must be at most reject_max = {gate.reject_max}, not {gate.reject_min}"
        yield Refusal(("reject_min",), message, "set reject_max, too (both default to 0.0)", (("reject_max",),))


# --- sources ---------------------------------------------------------------------------------------------------


def source_has_an_environment(source: SourceConfig) -> Iterator[Refusal]:
    """A source names its environment by `env.id`, `env.taskset.id` or both."""
    if not source.environment_id:
        yield Refusal(("env",), "names no environment", 'write env.id = "..." or env.taskset.id = "..."')


def source_name_is_free(source: SourceConfig) -> Iterator[Refusal]:
    """No source is called `agg`, the name of the aggregates."""
    if source_name(source) == RESERVED_SOURCE_NAME:
        places = (("env", "id"), ("env", "taskset", "id"))
        yield Refusal(("name",), f'"{RESERVED_SOURCE_NAME}" is reserved', "write another name", places)


def distinct_source_names(group: TrainConfig | EvalConfig) -> Iterator[Refusal]:
    """Sources of one group have distinct names."""
    names = [source_name(source) for source in group.source]
    for name, count in Counter(names).items():
        if count > 1 and name:
            places = tuple(("source", i) for i, other in enumerate(names) if other == name)
            message = f"has {count} sources called {shown(name)}"
            yield Refusal(("source",), message, "give each a name of its own", places)


def eval_has_sources(group: EvalConfig) -> Iterator[Refusal]:
    """An eval table has at least one source."""
    if not group.source:
        yield Refusal(("source",), "eval needs at least one source", "add [[orchestrator.eval.source]]")


# --- the orchestrator itself -----------------------------------------------------------------------------------


def hierarchical_grpo_environment(orchestrator: OrchestratorConfig) -> Iterator[Refusal]:
    """Hierarchical GRPO runs on the proposer-solver environment."""
    needed = orchestrator.hierarchical_environment
    for i, source in enumerate(orchestrator.train.source):
        kind = getattr(source.algo, "type", None)
        if kind == "hierarchical_grpo" and needed not in environment_ids(source.env):
            message = f'hierarchical_grpo needs the environment "{needed}"'
            places: tuple[KeyPath, ...] = (("train", "source", i, "algo", "type"), ("algo", "type"))
            hint = "use that environment, or another algorithm"
            yield Refusal(("train", "source", i, "env"), message, hint, places)


def automatic_renderer_is_known(orchestrator: OrchestratorConfig) -> Iterator[Refusal]:
    """The automatic renderer knows the tokenizer, or else the model."""
    name = orchestrator.tokenizer.name or orchestrator.model.name
    if orchestrator.renderer.name == "auto" and name not in orchestrator.model_renderers:
        message = f'"auto" knows no renderer for {shown(name)}'
        hint = (
            "name the model that it comes from as tokenizer.name, as on Hugging Face;"
            ' or write [orchestrator.renderer] with the name of its chat format, or name = "default"'
        )
        yield Refusal(("renderer", "name"), message, hint, (("tokenizer", "name"), ("model", "name")))


def one_batch_size(orchestrator: OrchestratorConfig) -> Iterator[Refusal]:
    """A step is measured in samples or in tokens, not in both."""
    if orchestrator.batch_size is not None and orchestrator.token_batch_size is not None:
        yield Refusal(("batch_size",), "excludes token_batch_size", "keep one of the two", (("token_batch_size",),))


def whole_groups(orchestrator: OrchestratorConfig) -> Iterator[Refusal]:
    """A batch is made of whole groups."""
    batch, group = orchestrator.batch_size, orchestrator.group_size
    if batch is not None and batch % group != 0:
        message = f"must be a multiple of group_size = {group}, not {batch}"
        yield Refusal(("batch_size",), message, f"set it to {max(batch // group, 1) * group}", (("group_size",),))


def a_group_fits_inflight(orchestrator: OrchestratorConfig) -> Iterator[Refusal]:
    """At least one group may be in flight."""
    for field in ("max_inflight", "initial_inflight"):
        value = getattr(orchestrator.concurrency, field)
        if value is not None and value < orchestrator.group_size:
            message = f"must be at least group_size = {orchestrator.group_size}, not {value}"
            yield Refusal(("concurrency", field), message, None, (("group_size",),))


SOURCE_CHECKS: Final = (Check("O-10", source_has_an_environment), Check("O-11", source_name_is_free))
TRAIN_CHECKS: Final = (Check("O-12", distinct_source_names),)
EVAL_CHECKS: Final = (Check("O-13", eval_has_sources), Check("O-12", distinct_source_names))
ALGO_CHECKS: Final = (Check("O-03", rollouts_come_from_the_right_model),)
ECHO_CHECKS: Final = (Check("O-05", echo_needs_a_role),)
CONCURRENCY_CHECKS: Final = (Check("O-01", inflight_bounds, since="v0.8.1.dev43"),)
FROZEN_MODEL_CHECKS: Final = (Check("O-02", frozen_model_needs_endpoint, since="v0.8.1.dev3"),)
SAMPLER_CHECKS: Final = (Check("O-07", difficulty_pools),)
GATE_CHECKS: Final = (Check("O-08", gate_range),)
ORCHESTRATOR_CHECKS: Final = (
    Check("O-24", hierarchical_grpo_environment),
    Check("O-25", automatic_renderer_is_known),
    Check("O-26", one_batch_size),
    Check("O-28", whole_groups),
    Check("O-29", a_group_fits_inflight, since="v0.8.1.dev43"),
)
