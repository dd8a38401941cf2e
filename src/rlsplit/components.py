"""The components of a run: one row for each pod role, read by everything that has to know them all.

A new role is a new row here, a settings table in :mod:`rlsplit.platform.settings`, a template, and the function in
:mod:`rlsplit.planning.assembly` that plans its pods. What reads the table follows; tests fail for what does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

ComponentName = Literal["trainer", "orchestrator", "evals", "inference", "prefill", "decode", "router", "env-server"]
"""Name of a component: the value of its pods' label ``app.kubernetes.io/component``."""

SourceSplit = Literal["train", "eval"]
"""Which list of environment sources: ``orchestrator.train.source`` or ``orchestrator.eval.source``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One probe of a container (``v1.Probe``)."""

    ports: tuple[str, ...]
    """Names of ports; the first that the pod has is asked. A pod that has none of them has no such probe."""
    path: str | None = "/health"
    """Path of the HTTP request; None only opens a connection."""
    failures: int | Literal["startup", "update"]
    """``failureThreshold``, or what it bears: the platform's limit on starting, or the longest weight update."""
    spare: int = 0
    """Failures on top of those that ``startup`` takes."""
    period: int = 10
    """``periodSeconds`` [seconds]."""
    timeout: int | None = 5
    """``timeoutSeconds`` [seconds]; None takes the engine's own liveness timeout, with a margin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """What makes a hung component a visible failure."""

    startup: Probe | None = None
    readiness: Probe | None = None
    liveness: Probe | None = None
    """Only where the platform says ``liveness = true``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What is known about one component whatever the run."""

    name: ComponentName
    title: str
    """What people read in previews."""
    template: str
    """File name of its startup script under ``templates/``."""
    config_file: str | None
    """Name of its config file in the pod; None: it takes arguments only."""
    settings: str
    """Its table in :class:`rlsplit.platform.Platform`."""
    tier: int
    """Its place in the topology, from the component that starts the work down to the one that learns."""
    like: ComponentName | None = None
    """The component whose config, variables and settings it starts from; its own go over them."""
    has_gpus: bool = False
    """Whether its pods ask for GPUs."""
    has_engines: bool = False
    """Whether its pods run engines."""
    decides_success: bool = False
    """Whether a JobSet succeeds with it (``successPolicy.targetReplicatedJobs``); servers never end by themselves."""
    logs_to_wandb: bool = False
    """Whether it writes to the run's W&B run."""
    reads_datasets: bool = True
    """Whether ``Platform.dataset_mount`` mounts the volume into its pods a second time."""
    is_waited_for: bool = False
    """Whether the orchestrator starts only when its pods answer."""
    has_cache: bool = True
    """Whether its pods see the shared Hugging Face cache where ``Platform.run_subpath`` parts them."""
    fills_cache: bool = True
    """Whether they may then write to it."""
    defaults: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables that prime-rl's launchers default to for it; the config's ``env_vars`` win over them."""
    fallbacks: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables that everything else wins over, the platform's included."""
    probes: Probes = Probes()


_ENGINE_PORTS: Final = ("engine", "engine-0", "http")
"""Where the first engine of a pod answers; without a router that is the public port."""

_ENGINE_DEFAULTS: Final = {
    "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:False",
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
    "VLLM_ENGINE_READY_TIMEOUT_S": "4200",
    "UCX_TLS": "all",
}

_ENGINE_PROBES: Final = Probes(
    startup=Probe(ports=_ENGINE_PORTS, failures="startup"),
    # The router answers where the pod holds it; only the client-facing Service looks at readiness.
    readiness=Probe(ports=("http", *_ENGINE_PORTS), failures=3),
    # `/liveness` calls the workers, which a weight update or the set-up of the broadcast keeps busy.
    liveness=Probe(ports=_ENGINE_PORTS, path="/liveness", failures="update", period=30, timeout=None),
)

_MANY_TRANSFERS: Final = {"UCX_RCACHE_MAX_UNRELEASED": "1024"}
"""Engines that pass KV caches on have crashed at random without it."""

ROLES: Final[Mapping[ComponentName, Role]] = MappingProxyType(
    {
        role.name: role
        for role in (
            Role(
                name="trainer",
                title="Trainer",
                template="trainer.sh.j2",
                config_file="trainer.json",
                settings="trainer",
                tier=7,
                has_gpus=True,
                decides_success=True,
                logs_to_wandb=True,
                defaults={"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"},
                probes=Probes(
                    startup=Probe(ports=("metrics",), failures="startup", timeout=30),
                    readiness=Probe(ports=("metrics",), failures=6, timeout=30),
                    liveness=Probe(ports=("metrics",), failures=6, timeout=30, period=30),
                ),
            ),
            # No probes: it serves no HTTP, and its ZMQ ports open late.
            Role(
                name="orchestrator",
                title="Orchestrator",
                template="orchestrator.sh.j2",
                config_file="orchestrator.json",
                settings="orchestrator",
                tier=1,
                decides_success=True,
                logs_to_wandb=True,
            ),
            # In an SFT run in place of the orchestrator, with its settings. No probes either: it serves nothing.
            Role(
                name="evals",
                title="Evals",
                template="orchestrator.sh.j2",
                config_file="evals.json",
                settings="orchestrator",
                tier=1,
                decides_success=True,
                logs_to_wandb=True,
            ),
            Role(
                name="inference",
                title="Inference",
                template="inference.sh.j2",
                config_file="inference.json",
                settings="inference",
                tier=4,
                has_gpus=True,
                has_engines=True,
                is_waited_for=True,
                defaults=_ENGINE_DEFAULTS,
                probes=_ENGINE_PROBES,
            ),
            Role(
                name="prefill",
                title="Prefill",
                template="disaggregated.sh.j2",
                config_file="prefill.json",
                settings="prefill",
                tier=5,
                like="inference",
                has_gpus=True,
                has_engines=True,
                is_waited_for=True,
                defaults=_ENGINE_DEFAULTS,
                fallbacks=_MANY_TRANSFERS,
                probes=_ENGINE_PROBES,
            ),
            Role(
                name="decode",
                title="Decode",
                template="disaggregated.sh.j2",
                config_file="decode.json",
                settings="decode",
                tier=6,
                like="inference",
                has_gpus=True,
                has_engines=True,
                is_waited_for=True,
                defaults=_ENGINE_DEFAULTS,
                fallbacks=_MANY_TRANSFERS,
                probes=_ENGINE_PROBES,
            ),
            Role(
                name="router",
                title="Router",
                template="router.sh.j2",
                config_file=None,
                settings="router",
                tier=3,
                is_waited_for=True,
                reads_datasets=False,
                has_cache=False,
                probes=Probes(
                    # Its own limit on the engines is to end it, with a word in the log, and not the probe.
                    startup=Probe(ports=("http",), failures="startup", spare=10),
                    readiness=Probe(ports=("http",), failures=3),
                ),
            ),
            Role(
                name="env-server",
                title="Environments",
                template="env-server.sh.j2",
                config_file="env-server.json",
                settings="env_server",
                tier=2,
                is_waited_for=True,
                fills_cache=False,
                probes=Probes(readiness=Probe(ports=("env",), path=None, failures=3)),
            ),
        )
    }
)
"""Every component, in the order in which its pods are planned and applied."""

WITH_SETTINGS: Final = tuple(role for name, role in ROLES.items() if name != "evals")
"""Components that have a table of settings of their own: the evals take the orchestrator's, whose place they have."""


@dataclass(frozen=True, slots=True, order=True)
class EnvServerId:
    """Which environment server, as a value: names are for people, and two sources may share one."""

    split: SourceSplit
    index: int
    """Position among all sources of the run, train before eval (L-07)."""


@dataclass(frozen=True, slots=True)
class ConfigId:
    """Whose config: a component's, or one environment server's."""

    component: ComponentName
    server: EnvServerId | None = None
    """Given for ``env-server``, and for nothing else."""


TRAINER: Final = ConfigId("trainer")
ORCHESTRATOR: Final = ConfigId("orchestrator")
EVALS: Final = ConfigId("evals")
INFERENCE: Final = ConfigId("inference")
