"""What planning reads of a split, as frozen values that know which of the user's keys decides them.

:mod:`.lookup` makes them; everything after it uses attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, TypeVar

from rlsplit.components import ComponentName, SourceSplit
from rlsplit.findings import KeyPath

T = TypeVar("T", covariant=True)

DATASET_MOUNT: Final = "/volume"
"""Where the platform mounts the volume of datasets."""


@dataclass(frozen=True, slots=True)
class Value(Generic[T]):
    """A value of the configuration and where it stands."""

    value: T
    key: KeyPath
    """The user's key that decides it, from the root of the document: where findings point."""
    is_shared: bool = False
    """Whether the key stands at the root, and in the component's config under the same name."""

    @property
    def path(self) -> KeyPath:
        """Its place in the component's own config: where overlays go."""
        return self.key if self.is_shared else self.key[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleNode:
    """Counts of a run on one machine."""

    gpus_per_node: Value[int]
    train_gpus: Value[int]
    infer_gpus: Value[int]
    """GPUs for inference; counted even where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiNode:
    """Counts of a run on several machines."""

    gpus_per_node: Value[int]
    train_nodes: Value[int]
    infer_nodes: Value[int | None]
    """Machines of each inference replica."""
    infer_replicas: Value[int]
    orchestrator_on_inference: Value[bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where two components meet."""

    host: Value[str]
    port: Value[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Broadcast:
    """One end of the weight broadcast."""

    type: Literal["filesystem", "nccl", "nixl"]
    meets: Endpoint | None
    """None for files."""
    timeout: Value[int] | None
    """Longest duration of connecting or transferring [seconds]; None for files."""
    world_size: KeyPath | None = ("weight_broadcast", "inference_world_size")
    """Where the number of inference workers stands in the component's config; None: it is right already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainer:
    """What planning reads of the trainer."""

    model: Value[str]
    has_fake_data: Value[bool]
    has_ckpt: bool
    ckpt_dir: Value[str | None]
    resumes: bool
    resume_step: Value[int | None]
    resume_dir: Value[str | None]
    broadcast: Broadcast
    rollouts: Endpoint | None
    """ZMQ sockets of the rollouts; None for files."""
    has_metrics: bool
    """Whether it can serve metrics."""
    metrics: Endpoint | None
    metrics_host: KeyPath
    metrics_port: KeyPath
    """Where host and port of the metrics server stand, whether it is on or not."""
    trace_path: Value[str | None]
    memory_profiler_path: Value[str | None]
    has_random_weights: bool
    """Whether the model starts from random weights, for debugging."""
    file_monitor: Value[str | None]
    conversion_dir: Value[str | None]
    dp_replicate: Value[int]
    """Copies of the sharded model."""
    cp: Value[int]
    """GPUs that split each sequence."""
    ep: Value[int | Literal["auto"]]
    """GPUs that split the experts."""
    wandb: Value[bool]
    """Whether metrics go to the W&B server: a monitor that is not offline."""
    ranks_filter: tuple[int, ...]
    output_dir: KeyPath
    env_vars: Value[Mapping[str, str]] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orchestrator:
    """What planning reads of the orchestrator, or of the evals of an SFT run, which take its place."""

    base_url: Value[str]
    """Of several addresses that are used in turn, the first outside of the pods."""
    base_urls: tuple[str, ...]
    """All of them, and the addresses at which servers are looked up."""
    rank_count: Value[int]
    """Engine ranks that a client tells apart behind one address; 1 where it knows none."""
    ready_timeout: Value[int]
    """How long the policy's server may take to become ready [seconds]."""
    admin_base_url: Value[tuple[str, ...]]
    broadcast: Broadcast
    rollouts: Endpoint | None
    prime_monitor: Value[bool]
    """Whether the platform's run monitor is configured."""
    wandb: Value[bool]
    """Whether metrics go to the W&B server: a monitor that is not offline."""
    file_monitor: Value[str | None]
    seq_len: Value[int]
    """Longest training sequence [tokens]."""
    max_completion_tokens: Value[int | None]
    """Most tokens of one turn in every train source that does not say otherwise."""
    env_server_base_port: Value[int]
    """Port of the first environment server where they share one address."""
    metrics_roles: Value[tuple[str, ...] | None]
    """Role of each engine, for metrics; None where nobody tells them apart."""
    train_sources: Value[int]
    """How many there are; in hosted runs whatever they are."""
    output_dir: KeyPath
    env_vars: Value[Mapping[str, str]] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSide:
    """What is particular to the engines that read prompts, or to those that generate."""

    nodes: Value[int]
    """Pods of one group of engines."""
    groups: Value[int]
    """Groups in each replica."""
    port: Value[int]
    """Port of the first engine of a pod."""
    env_vars: Value[Mapping[str, str]] = field(repr=False)
    overrides: Value[Mapping[str, Any]] = field(repr=False)
    """vLLM arguments that differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """What planning reads of the inference engines."""

    model: Value[str]
    max_model_len: Value[int | None]
    """Longest sequence of an engine [tokens]; None takes the model's."""
    tensor_parallel: Value[int]
    """GPUs of one engine."""
    data_parallel: Value[int]
    data_parallel_local: KeyPath
    api_servers: KeyPath
    expert_parallel: Value[bool]
    rpc_port: Value[int]
    host: Value[str | None]
    port: Value[int]
    """Port of the server: of the endpoint that clients call, unless the router has a port of its own."""
    router_port: Value[int]
    """Port of a router in a pod of its own."""
    backend_port: Value[int]
    """Port of the first engine behind a router."""
    liveness_timeout: float
    """How long an engine may take to answer ``/liveness`` [seconds]."""
    router: Value[str | None]
    """Type of the router."""
    router_policy: Value[str | None]
    layout: Value[str]
    """Type of ``inference.deployment``."""
    layout_nodes: int
    """Machines of one replica as the layout has it."""
    sides: Mapping[ComponentName, EngineSide]
    """What differs between ``prefill`` and ``decode``; empty where every engine does both."""
    backend: Value[str]
    """How tokens go to the experts of other ranks."""
    returns_routed_experts: Value[bool]
    offload: Value[str | None]
    """Type of the KV-cache offload."""
    env_vars: Value[Mapping[str, str]] = field(repr=False)


LOCAL_RUNTIMES: Final = frozenset({"subprocess", "docker"})
"""Types of runtimes whose agents run where their environment does; every other one is a sandbox elsewhere."""


@dataclass(frozen=True, slots=True)
class FrozenModel:
    """A model that an algorithm queries and nobody trains."""

    role: Literal["teacher", "samples"]
    """What it gives: probabilities of the policy's own rollouts, or the rollouts."""
    base_url: Value[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvSource:
    """One environment source of the orchestrator; in hosted runs it stands there as it was sent."""

    split: SourceSplit
    position: int
    key: KeyPath
    """Where the source stands."""
    address: Value[Any]
    """ZMQ endpoint of a server run elsewhere, None starts one; in hosted runs of any type."""
    frozen_models: tuple[FrozenModel, ...]
    """Of its own algorithm."""
    name: KeyPath
    """The key that names it: ``name``, or else the id of its environment."""
    runtimes: tuple[Value[str], ...]
    """Types of the sandboxes in which its agents run, as far as a runtime is written (B-06: without a type, prime)."""
    max_completion_tokens: Value[int | None]
    """Most tokens of one turn in a train source that says otherwise than all; None where it does not."""

    @property
    def has_sandboxes(self) -> bool:
        """Whether agents run in sandboxes elsewhere; a seat for which nobody wrote a runtime takes one of Prime's."""
        return not self.runtimes or any(runtime.value not in LOCAL_RUNTIMES for runtime in self.runtimes)


@dataclass(frozen=True, slots=True, kw_only=True)
class SFTRun:
    """What planning reads of an SFT run beside what it has in common with RL."""

    is_online: bool
    """Whether evals go on beside it."""
    batch_size: Value[int]
    micro_batch_size: Value[int]
    datasets: tuple[Value[str], ...]
    """Names of the datasets that are loaded: for training, and for validation."""
    max_steps: Value[int | None]
    ignored_counts: tuple[Value[int], ...]
    """Counts of inference that were written, and mean nothing without evals."""
    broadcasts_dir: KeyPath = ("online", "broadcasts_dir")
    """Where the evals' config has the folder of new weights."""
    run_directory: KeyPath = ("run", "dir")
    """Where the trainer's config has the last part of the run's directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """What planning reads of a split."""

    sft: SFTRun | None = None
    """None: an RL run."""
    run_name: Value[str]
    clean: Value[bool]
    has_slurm: Value[bool]
    env_vars: Value[Mapping[str, str]] = field(repr=False)
    """Root ``env_vars``, for every component."""
    deployment: SingleNode | MultiNode
    trainer: Trainer
    orchestrator: Orchestrator
    inference: Inference | None
    frozen_models: tuple[FrozenModel, ...]
    """Of the orchestrator's own algorithm."""
    sources: tuple[EnvSource, ...]
    """Train before eval."""
    tokenizer_files: tuple[Value[str], ...]
    """Tokenizers and chat templates, which may be names, texts or paths; each once."""

    @property
    def driver(self) -> ComponentName:
        """Who asks inference for episodes and hands it new weights: the orchestrator, or the evals of an SFT run."""
        return "orchestrator" if self.sft is None else "evals"

    @property
    def called_driver(self) -> str:
        """What a sentence says the driver does: it calls."""
        return "the orchestrator calls" if self.sft is None else "the evals call"

    def root_key(self, component: ComponentName, path: KeyPath) -> KeyPath:
        """Where a key of a component's config stands in the document: SFT's trainer reads the root itself."""
        return path if self.sft is not None and component in ("trainer", "evals") else (component, *path)
