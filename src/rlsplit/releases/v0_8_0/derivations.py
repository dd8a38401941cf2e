"""What v0.8.0 derives and later releases do not (V8-rules, and rules that were different)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from rlsplit.config import run_keys as at
from rlsplit.config.fields import explicit
from rlsplit.config.rules import EACH, Derivation, Setting, keys
from rlsplit.config.run_facts import samples_from_policy
from rlsplit.config.sections.base import Section
from rlsplit.config.sections.deployment import (
    DisaggregatedInferenceDeploymentConfig,
    MultiNodeDeploymentConfig,
    SingleNodeDeploymentConfig,
)
from rlsplit.config.sections.inference import InferenceConfig
from rlsplit.config.sections.orchestrator import OrchestratorConfig
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.sections.sources import SourceConfig
from rlsplit.config.sections.trainer import FakeDataLoaderConfig, TrainerConfig
from rlsplit.config.sections.vllm import LORA_RANKS
from rlsplit.plain_data import value_at
from rlsplit.releases.v0_8_0.sections import BenchConfig

BENCH_STEPS: Final = 4
"""Steps of a benchmark."""


# --- benchmarks ------------------------------------------------------------------------------------------------


def trainer_benchmark(trainer: TrainerConfig) -> Iterator[Setting]:
    """A benchmarked trainer takes 4 steps on fake data and saves nothing."""
    if value_of_field(trainer, "bench") is None:
        return
    bench = (("bench",),)
    yield Setting(("max_steps",), BENCH_STEPS, of=bench)
    if trainer.data.fake is None:
        yield Setting(("data", "fake"), FakeDataLoaderConfig.model_construct(), of=bench)
    yield Setting(("ckpt",), None, of=bench)


def orchestrator_benchmark(orchestrator: OrchestratorConfig) -> Iterator[Setting]:
    """A benchmarked orchestrator takes 4 steps, evaluates nothing and logs no tables."""
    if not value_of_field(orchestrator, "bench"):
        return
    bench = (("bench",),)
    yield Setting(("max_steps",), BENCH_STEPS, of=bench)
    yield Setting(("eval",), None, of=bench)
    for monitor in ("wandb", "prime"):
        if getattr(orchestrator.monitors, monitor) is not None:
            yield Setting(("monitors", monitor, "log_extras"), None, of=bench)


def benchmark_everywhere(config: RLConfig) -> Iterator[Setting]:
    """A root `bench` benchmarks both components on fake data."""
    if not value_of_field(config, "bench"):
        return
    bench = (("bench",),)
    yield Setting(("trainer", "bench"), BenchConfig.model_construct(), of=bench)
    yield Setting(("orchestrator", "bench"), True, of=bench)
    size = config.orchestrator.batch_size or 32
    fake = FakeDataLoaderConfig.model_construct(batch_size=size, generate_samples=False)
    yield Setting(at.FAKE_DATA.path, fake, of=bench)


def value_of_field(section: Section, field: str) -> Any:
    """Read a field that only older releases have; raises where its value was refused, as any field does."""
    return getattr(section, field)


# --- orchestrator ----------------------------------------------------------------------------------------------


def inflight_limit(orchestrator: OrchestratorConfig) -> Iterator[Setting]:
    """Without a limit, a batch times `oversampling_factor` episodes are in flight, at least a group."""
    if orchestrator.token_batch_size is None and value_of_field(orchestrator, "max_inflight_episodes") is None:
        wanted = derived_inflight(orchestrator)
        if wanted is not None:
            of = (("batch_size",), ("oversampling_factor",), ("group_size",))
            yield Setting(("max_inflight_episodes",), wanted, of=of)


def derived_inflight(orchestrator: OrchestratorConfig) -> int | None:
    """The in-flight limit that follows from batch, factor and group; None for a factor without a number (V8-11)."""
    factor = value_of_field(orchestrator, "oversampling_factor")
    batch = (orchestrator.batch_size or 0) * (1.0 if factor is None else factor)
    return max(orchestrator.group_size, int(batch)) if math.isfinite(batch) else None


def classic_settings(source: SourceConfig) -> Iterator[Setting]:
    """A classic environment gets the time and token limits of its seat."""
    if not is_classic(source):
        return
    path, found = ("legacy", "extra_env_kwargs"), dict[str, Any]()
    for place, key, kind in CLASSIC_LIMITS:
        value = value_at(source.env, place)
        if value is not None and value != "None":
            found[key] = _converted(value, kind)
    if found:
        yield Setting(path, {**legacy_of(source).extra_env_kwargs, **found}, of=(("env",),))


CLASSIC_LIMITS: Final[tuple[tuple[tuple[str, ...], str, type[int] | type[float]], ...]] = (
    (("agent", "timeout", "rollout"), "timeout_seconds", float),
    (("agent", "max_output_tokens"), "max_total_completion_tokens", int),
)
"""Setting of a seat, the argument of a classic environment that it becomes, and its type (V8-14)."""


def _converted(value: Any, kind: type[int] | type[float]) -> Any:
    try:
        return kind(value)
    except (TypeError, ValueError, OverflowError):
        return value


def legacy_of(source: SourceConfig) -> Any:
    """The classic environment of a source; raises where it was refused."""
    return value_of_field(source, "legacy")


def is_classic(source: SourceConfig) -> bool:
    """Whether a source runs a classic environment (V8-14)."""
    return legacy_of(source).id is not None and not value_at(source.env, ("taskset", "id"))


def classic_sequence_length(orchestrator: OrchestratorConfig) -> Iterator[Setting]:
    """A classic environment to train on gets the sequence length."""
    for i, source in enumerate(orchestrator.train.source):
        if is_classic(source):
            arguments = {**legacy_of(source).extra_env_kwargs, "max_seq_len": orchestrator.seq_len}
            yield Setting(("train", "source", i, "legacy", "extra_env_kwargs"), arguments, of=(("seq_len",),))


# --- inference -------------------------------------------------------------------------------------------------


def rounded_lora_rank(inference: InferenceConfig) -> Iterator[Setting]:
    """`max_lora_rank` is rounded up to a rank that vLLM supports."""
    wanted = inference.vllm.max_lora_rank
    if wanted is not None:
        rank = next((rank for rank in LORA_RANKS if rank >= wanted), wanted)
        if rank != wanted:
            yield Setting(at.MAX_LORA_RANK.path[1:], rank, of=(at.MAX_LORA_RANK.path[1:],))


def api_servers(inference: InferenceConfig) -> Iterator[Setting]:
    """One API server per engine of the node unless set or derived; none when headless; one with LoRA."""
    vllm, field = inference.vllm, at.API_SERVERS.path[1:]
    if value_of_field(inference, "vllm_extra").get("headless"):
        yield Setting(field, 0, of=(("vllm_extra",),))
        return
    local = vllm.data_parallel_size if vllm.data_parallel_size_local is None else vllm.data_parallel_size_local
    # The disaggregated layout has set the number before, and what was set counts as written.
    is_set = isinstance(inference.deployment, DisaggregatedInferenceDeploymentConfig)
    if not is_set and not explicit(vllm, "api_server_count") and vllm.api_server_count < local:
        yield Setting(field, local, of=(at.DP.path[1:],))
    if vllm.enable_lora and vllm.api_server_count != 1:
        yield Setting(field, 1, of=(at.ENABLE_LORA.path[1:],))


# --- between the components ------------------------------------------------------------------------------------


def train_workers(config: RLConfig) -> Iterator[Setting]:
    """The orchestrator packs for all training GPUs of several machines, or those of one by `cp`."""
    deployment, cp = config.deployment, config.trainer.model.cp
    target = at.NUM_TRAIN_WORKERS.path
    if isinstance(deployment, MultiNodeDeploymentConfig):
        nodes, gpus = deployment.num_train_nodes, deployment.gpus_per_node
        of = (at.NUM_TRAIN_NODES.path, at.GPUS_PER_NODE.path)
        yield Setting(target, nodes * gpus, of, f"{nodes} nodes x {gpus} GPUs")
    elif deployment.num_train_gpus > 1 and cp != 0:
        gpus = deployment.num_train_gpus
        yield Setting(target, gpus // cp, (at.NUM_TRAIN_GPUS.path, at.CP.path), f"{gpus} GPUs // cp {cp}")


def policy_addresses(config: RLConfig) -> Iterator[Setting]:
    """The orchestrator finds the policy server, as a list of one address."""
    inference = config.inference
    if inference is None:
        return
    from_policy = any(samples_from_policy(source) for source in config.orchestrator.train.source)
    if not from_policy and not explicit(config.orchestrator.model.client, "base_url"):
        url = f"http://{inference.server.host or 'localhost'}:{inference.server.port}/v1"
        yield Setting(at.BASE_URL.path, [url], of=(at.SERVER_HOST.path, at.SERVER_PORT.path))


def engine_addresses(config: RLConfig) -> Iterator[Setting]:
    """Weight updates go past the router of one machine, to the engines."""
    client, inference = config.orchestrator.model.client, config.inference
    if inference is None or inference.router is None or explicit(client, "admin_base_url"):
        return
    if isinstance(config.deployment, SingleNodeDeploymentConfig):
        url = f"http://{inference.server.host or 'localhost'}:{inference.backend_port}/v1"
        yield Setting(at.ADMIN_BASE_URL.path, [url], of=(at.SERVER_HOST.path, at.BACKEND_PORT.path))


SECTION_DERIVATIONS: Final[Mapping[type[Section], tuple[Derivation, ...]]] = {
    TrainerConfig: (
        Derivation(
            "V8-04",
            trainer_benchmark,
            (("max_steps",), ("data", "fake"), ("ckpt",)),
            until="v0.8.1.dev28",
            after="T-22",
        ),
    ),
    SourceConfig: (
        Derivation(
            "V8-14", classic_settings, (("legacy", "extra_env_kwargs"),), since="v0.7.1.dev77", until="v0.8.1.dev8"
        ),
    ),
    OrchestratorConfig: (
        Derivation("V8-11", inflight_limit, (("max_inflight_episodes",),), until="v0.8.1.dev43", after="O-27"),
        Derivation(
            "V8-07",
            orchestrator_benchmark,
            (
                ("max_steps",),
                ("eval",),
                keys("monitors.wandb.log_extras"),
                keys("monitors.prime.log_extras"),
            ),
            until="v0.8.1.dev28",
            after="O-30",
        ),
        Derivation(
            "V8-15",
            classic_sequence_length,
            (("train", "source", EACH, "legacy", "extra_env_kwargs"),),
            since="v0.7.1.dev77",
            until="v0.8.1.dev8",
        ),
    ),
    InferenceConfig: (
        Derivation("I-22", rounded_lora_rank, (at.MAX_LORA_RANK.path[1:],), until="v0.8.1.dev1"),
        Derivation("I-23", api_servers, (at.API_SERVERS.path[1:],), until="v0.8.1.dev1"),
    ),
}

ROOT_DERIVATIONS: Final = (
    Derivation(
        "V8-16",
        benchmark_everywhere,
        (("trainer", "bench"), ("orchestrator", "bench"), at.FAKE_DATA.path),
        until="v0.8.1.dev28",
        after="X-11",
    ),
    Derivation("X-19", train_workers, (at.NUM_TRAIN_WORKERS.path,), until="v0.8.1.dev3", after="X-14"),
    Derivation("X-21", policy_addresses, (at.BASE_URL.path,), until="v0.8.1.dev3"),
    Derivation("X-21", engine_addresses, (at.ADMIN_BASE_URL.path,), since="v0.7.1.dev72", until="v0.8.1.dev3"),
)
