"""Derivations inside one section: values that prime-rl computes while it reads a table.

Each is a small generator that yields what it sets; :mod:`.resolve` applies and records every setting before the
generator goes on. ``explicit`` means that the key was written or shared; what it tests is never derived before (P-08).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from rlsplit.config.fields import explicit
from rlsplit.config.rules import EACH, Derivation, Setting, along_hierarchy, keys
from rlsplit.config.run_facts import samples_from_policy
from rlsplit.config.sections.base import Section
from rlsplit.config.sections.deployment import DisaggregatedInferenceDeploymentConfig
from rlsplit.config.sections.inference import InferenceConfig
from rlsplit.config.sections.orchestrator import OrchestratorConfig
from rlsplit.config.sections.sources import EvalConfig, EvalSourceConfig, TrainConfig, TrainSourceConfig
from rlsplit.config.sections.trainer import TrainerConfig
from rlsplit.config.sections.trainer_model import ActivationCheckpointConfig, TrainerModelConfig
from rlsplit.config.sections.vllm import LORA_RANKS, VllmConfig
from rlsplit.config.tables.parsers import parser_for

if TYPE_CHECKING:
    from rlsplit.config.sections.roots import Tokenizing, Training

POLICY_REQUEST_DEFAULTS: Final[Mapping[str, Any]] = {"top_k": -1, "min_p": 0.0, "return_token_ids": True}
"""Request fields that sampling from the policy needs (O-31)."""

SESSION_HEADER: Final = ("X-Session-ID", "trajectory_id")
"""Header and rollout field that pin a rollout to one engine (O-21)."""


# --- trainer ---------------------------------------------------------------------------------------------------


def unique_ac_targets(ac: ActivationCheckpointConfig) -> Iterator[Setting]:
    """Duplicates among the activation-checkpointing targets are removed, keeping the first order."""
    unique = list(dict.fromkeys(ac.targets))
    if unique != ac.targets:
        yield Setting(("targets",), unique, of=(("targets",),))


def offloading_needs_ac(model: TrainerModelConfig) -> Iterator[Setting]:
    """Activation offloading switches activation checkpointing on."""
    if model.ac_offloading is not None and model.ac is None:
        yield Setting(("ac",), ActivationCheckpointConfig.model_construct(), of=(("ac_offloading",),))


def deepep_drops_gradient_clipping(trainer: Training) -> Iterator[Setting]:
    """DeepEP cannot clip gradients: `max_norm` becomes null, with a warning."""
    if trainer.model.ep_comm_backend == "deepep" and trainer.optim.max_norm is not None:
        yield _clipping_off("ep_comm_backend", "gradient clipping does not work with DeepEP and is switched off")


def full_offload_drops_gradient_clipping(trainer: Training) -> Iterator[Setting]:
    """Full offload cannot clip gradients: `max_norm` becomes null, with a warning."""
    if trainer.model.full_offload is not None and trainer.optim.max_norm is not None:
        yield _clipping_off("full_offload", "gradient clipping does not work with full offload and is switched off")


def _clipping_off(field: str, warning: str) -> Setting:
    return Setting(("optim", "max_norm"), None, of=(("model", field),), warning=warning)


def tokenizer_follows_model(section: Tokenizing) -> Iterator[Setting]:
    """A tokenizer without name or `trust_remote_code` takes the model's."""
    for field in ("name", "trust_remote_code"):
        if getattr(section.tokenizer, field) is None:
            value = getattr(section.model, field)
            yield Setting(("tokenizer", field), value, of=(("model", field),))


# --- orchestrator ----------------------------------------------------------------------------------------------


def train_sources_inherit_sampling(train: TrainConfig) -> Iterator[Setting]:
    """A training source takes the group's sampling, overlaid with what it writes itself."""
    yield from _inherited_sampling(train)


def eval_sources_inherit_settings(group: EvalConfig) -> Iterator[Setting]:
    """An eval source takes the group's settings, overlaid with what it writes itself."""
    for i, source in enumerate(group.source):
        for field in ("num_examples", "group_size", "interval"):
            if not explicit(source, field):
                yield Setting(("source", i, field), getattr(group, field), of=((field,),))
    yield from _inherited_sampling(group)


def _inherited_sampling(group: TrainConfig | EvalConfig) -> Iterator[Setting]:
    sources: Sequence[TrainSourceConfig | EvalSourceConfig] = group.source
    for i, source in enumerate(sources):
        own = source.sampling if explicit(source, "sampling") else None
        written = {key: getattr(own, key) for key in own.model_fields_set} if own else {}
        merged = group.sampling.model_copy(update=written)
        if own != merged or not own:
            yield Setting(("source", i, "sampling"), merged, of=(("sampling",),))


def session_header(orchestrator: OrchestratorConfig) -> Iterator[Setting]:
    """The policy client sends the rollout's id as session header, unless that header is set."""
    header, field = SESSION_HEADER
    headers = orchestrator.model.client.extra_headers_from_state
    if header not in headers:
        yield Setting(("model", "client", "extra_headers_from_state"), {**headers, header: field})


def prime_monitor_takes_wandb_name(orchestrator: OrchestratorConfig) -> Iterator[Setting]:
    """A Prime monitor without name takes the W&B name."""
    prime, wandb = orchestrator.monitors.prime, orchestrator.monitors.wandb
    if prime is not None and prime.name is None and wandb is not None and wandb.name:
        yield Setting(("monitors", "prime", "name"), wandb.name, of=(("monitors", "wandb", "name"),))


def sources_inherit_algorithm(orchestrator: OrchestratorConfig) -> Iterator[Setting]:
    """A training source without algorithm takes the orchestrator's."""
    for i, source in enumerate(orchestrator.train.source):
        if source.algo is None:
            yield Setting(("train", "source", i, "algo"), orchestrator.algo, of=(("algo",),))


def default_batch_size(orchestrator: OrchestratorConfig) -> Iterator[Setting]:
    """Without `batch_size` and `token_batch_size`, a step takes 128 samples."""
    if orchestrator.batch_size is None and orchestrator.token_batch_size is None:
        yield Setting(("batch_size",), 128)


def sources_inherit_group_size(orchestrator: OrchestratorConfig) -> Iterator[Setting]:
    """A training source without `group_size` takes the orchestrator's."""
    for i, source in enumerate(orchestrator.train.source):
        if not explicit(source, "group_size"):
            yield Setting(("train", "source", i, "group_size"), orchestrator.group_size, of=(("group_size",),))


def policy_requests_return_tokens(orchestrator: OrchestratorConfig) -> Iterator[Setting]:
    """Sampling from the policy adds the request fields that training needs."""
    for i, source in enumerate(orchestrator.train.source):
        if samples_from_policy(source):
            body = source.sampling.extra_body
            missing = {key: value for key, value in POLICY_REQUEST_DEFAULTS.items() if key not in body}
            if missing:
                path = ("train", "source", i, "sampling", "extra_body")
                yield Setting(path, {**body, **missing}, of=(("train", "source", i, "algo"),))


# --- inference -------------------------------------------------------------------------------------------------


def automatic_parsers(vllm: VllmConfig) -> Iterator[Setting]:
    """Parsers left at `auto` are looked up from the model, null when it is unknown."""
    if vllm.tool_call_parser == "auto":
        yield Setting(("tool_call_parser",), parser_for(vllm.model, vllm.tool_call_parsers), of=(("model",),))
    if vllm.reasoning_parser == "auto":
        yield Setting(("reasoning_parser",), parser_for(vllm.model, vllm.reasoning_parsers), of=(("model",),))


def rounded_lora_rank(vllm: VllmConfig) -> Iterator[Setting]:
    """`max_lora_rank` is rounded up to a rank that vLLM supports."""
    if vllm.max_lora_rank is not None:
        rank = next((rank for rank in LORA_RANKS if rank >= vllm.max_lora_rank), vllm.max_lora_rank)
        if rank != vllm.max_lora_rank:
            yield Setting(("max_lora_rank",), rank, of=(("max_lora_rank",),))


def api_servers(vllm: VllmConfig) -> Iterator[Setting]:
    """One API server per engine of the node unless set; none when headless; one with LoRA."""
    field = ("api_server_count",)
    if (vllm.model_extra or {}).get("headless"):
        yield Setting(field, 0, of=(("headless",),))
        return
    engines = "data_parallel_size" if vllm.data_parallel_size_local is None else "data_parallel_size_local"
    wanted = getattr(vllm, engines)
    if not explicit(vllm, "api_server_count") and vllm.api_server_count < wanted:
        yield Setting(field, wanted, of=((engines,),))
    if vllm.enable_lora and vllm.api_server_count != 1:
        yield Setting(field, 1, of=(("enable_lora",),))


def backend_port_follows_server(inference: InferenceConfig) -> Iterator[Setting]:
    """Behind a router the engines start 100 ports above the server, unless `backend_port` is set."""
    if inference.router is not None and not explicit(inference, "backend_port"):
        port = inference.server.port + 100
        yield Setting(("backend_port",), port, of=(("server", "port"),), formula=f"{inference.server.port} + 100")


def offload_needs_prefix_caching(inference: InferenceConfig) -> Iterator[Setting]:
    """KV-cache offload switches prefix caching on, unless it is set."""
    if inference.kv_cache_offload is not None and not explicit(inference.vllm, "enable_prefix_caching"):
        yield Setting(("vllm", "enable_prefix_caching"), True, of=(("kv_cache_offload",),))


def disaggregated_layout(inference: InferenceConfig) -> Iterator[Setting]:
    """Disaggregated inference transfers KV caches, uses expert parallelism, and one engine per tp GPUs."""
    deployment, vllm = inference.deployment, inference.vllm
    if not isinstance(deployment, DisaggregatedInferenceDeploymentConfig):
        return
    layout = ("deployment", "type")
    yield Setting(("use_pd_kv_transfer",), True, of=(layout,))
    for field, value in (("enable_expert_parallel", True), ("enable_eplb", False)):
        if not explicit(vllm, field):
            yield Setting(("vllm", field), value, of=(layout,))
    if vllm.tensor_parallel_size == 0:
        return
    engines = deployment.gpus_per_node // vllm.tensor_parallel_size
    for field, unset in (
        ("data_parallel_size_local", None),
        ("data_parallel_size", 1),
        ("api_server_count", 1),
    ):
        if getattr(vllm, field) == unset:
            yield Setting(
                ("vllm", field),
                engines,
                of=(keys("deployment.gpus_per_node"), keys("vllm.tensor_parallel_size")),
                formula=f"{deployment.gpus_per_node} GPUs // tp {vllm.tensor_parallel_size}",
            )


TOKENIZER_FIELDS: Final = (("tokenizer", "name"), ("tokenizer", "trust_remote_code"))

SECTION_DERIVATIONS: Final[Mapping[type[Section], tuple[Derivation, ...]]] = {
    ActivationCheckpointConfig: (Derivation("T-13", unique_ac_targets, (("targets",),)),),
    TrainerModelConfig: (Derivation("T-05", offloading_needs_ac, (("ac",),)),),
    TrainerConfig: (
        Derivation("T-20", deepep_drops_gradient_clipping, (("optim", "max_norm"),)),
        Derivation("T-22", full_offload_drops_gradient_clipping, (("optim", "max_norm"),)),
        Derivation("T-29", tokenizer_follows_model, TOKENIZER_FIELDS),
    ),
    TrainConfig: (Derivation("O-15", train_sources_inherit_sampling, (("source", EACH, "sampling"),)),),
    EvalConfig: (
        Derivation(
            "O-16",
            eval_sources_inherit_settings,
            tuple(("source", EACH, field) for field in ("num_examples", "group_size", "interval", "sampling")),
        ),
    ),
    OrchestratorConfig: (
        Derivation("O-20", tokenizer_follows_model, TOKENIZER_FIELDS),
        Derivation("O-21", session_header, (keys("model.client.extra_headers_from_state"),)),
        Derivation("O-22", prime_monitor_takes_wandb_name, (keys("monitors.prime.name"),)),
        Derivation("O-23", sources_inherit_algorithm, (("train", "source", EACH, "algo"),)),
        Derivation("O-27", default_batch_size, (("batch_size",),)),
        Derivation("O-30", sources_inherit_group_size, (("train", "source", EACH, "group_size"),)),
        Derivation("O-31", policy_requests_return_tokens, (("train", "source", EACH, "sampling", "extra_body"),)),
    ),
    VllmConfig: (
        Derivation("I-20", automatic_parsers, (("tool_call_parser",), ("reasoning_parser",))),
        Derivation("I-22", rounded_lora_rank, (("max_lora_rank",),), since="v0.8.1.dev1"),
        Derivation("I-23", api_servers, (("api_server_count",),), since="v0.8.1.dev1"),
    ),
    InferenceConfig: (
        Derivation("I-43", backend_port_follows_server, (("backend_port",),), since="v0.7.1.dev72"),
        Derivation("I-44", offload_needs_prefix_caching, (keys("vllm.enable_prefix_caching"),)),
        Derivation(
            "I-45",
            disaggregated_layout,
            (
                ("use_pd_kv_transfer",),
                keys("vllm.enable_expert_parallel"),
                keys("vllm.enable_eplb"),
                keys("vllm.data_parallel_size_local"),
                keys("vllm.data_parallel_size"),
                keys("vllm.api_server_count"),
            ),
        ),
    ),
}
"""Per section, in prime-rl's order. Sections nested in another one are done before it (P-05)."""


@cache
def derivations_of(section: type[Section]) -> tuple[Derivation, ...]:
    """The derivations of a section, those of its base classes first."""
    return along_hierarchy(SECTION_DERIVATIONS, section)
