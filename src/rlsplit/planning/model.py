"""The planned run as values: what pods there are, what each gets, and every value that wiring changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

from rlsplit.addresses import address_of
from rlsplit.components import ROLES, ComponentName, ConfigId, EnvServerId, Role
from rlsplit.findings import Finding, KeyPath
from rlsplit.planning.json_text import config_text
from rlsplit.planning.settings import RunSettings
from rlsplit.planning.shape import EngineGroups, Shape
from rlsplit.platform import Platform
from rlsplit.releases.release import Release
from rlsplit.secrets import HIDDEN, SecretName, SecretText, hidden, is_secret_variable
from rlsplit.splitting import JsonObject

OverlayName = Literal[
    "run-directory",
    "trainer-metrics",
    "broadcast-bind",
    "broadcast-host",
    "rollouts-host",
    "rollouts-bind",
    "router-url",
    "engine-urls",
    "env-server-address",
    "env-server-bind",
    "env-server-directory",
    "server-bind",
    "engine-port",
    "engine-ranks",
    "root-env-vars",
    "side-env-vars",
    "side-backend",
    "side-graphs",
    "side-overrides",
    "run-monitor",
    "world-size",
    "secret-env",
    "dataset",
    "startup-limit",
    "relative-path",
]
"""Names of the overlays, in the order of the cluster specification."""

REMOVED: Final = "<removed>"
"""Stands for the value of an overlay that takes a key away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names of one run's objects: functions of the run's name and id."""

    base: str
    """Headless Service, ServiceAccount, JobSet, NetworkPolicy, PodDisruptionBudget: at most 28 characters."""
    namespace: str
    cluster_domain: str
    host_infix: str
    """What the controller puts between a Job's name and the pod's index: ``-0`` in a JobSet, else nothing."""

    @property
    def secret(self) -> str:
        """Name of the Secret."""
        return f"{self.base}-secrets"

    @property
    def claim(self) -> str:
        """Name of the rendered PersistentVolumeClaim."""
        return f"{self.base}-data"

    @property
    def service(self) -> str:
        """Name of the client-facing Service of the inference endpoint."""
        return f"{self.base}-inference"

    @property
    def tunnels(self) -> str:
        """Name of the NetworkPolicy of environment servers that open tunnels."""
        return f"{self.base}-tunnels"

    @property
    def domain(self) -> str:
        """DNS domain of the run's pods."""
        return f"{self.base}.{self.namespace}.svc.{self.cluster_domain}"

    def job(self, suffix: str) -> str:
        """Name of a component's Job in the job form."""
        return f"{self.base}-{suffix}"

    def config_map(self, suffix: str) -> str:
        """Name of a component's config ConfigMap."""
        return f"{self.base}-config-{suffix}"

    def host_prefix(self, suffix: str) -> str:
        """Host name of a component's pods, without ``-<index>``: the name of the Job that makes them."""
        return f"{self.base}-{suffix}{self.host_infix}"

    def host(self, suffix: str, index: int | str = 0) -> str:
        """Fully qualified host name of one pod."""
        return f"{self.host_prefix(suffix)}-{index}.{self.domain}"

    def service_host(self) -> str:
        """Fully qualified host name of the client-facing Service."""
        return f"{self.service}.{self.namespace}.svc.{self.cluster_domain}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A port that a pod's container listens on."""

    name: str
    """At most 15 characters, as Kubernetes wants it."""
    number: int
    setting: KeyPath
    """The user's key that decides the number."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class EnvVar:
    """A plain environment variable of a pod."""

    name: str
    value: str
    needs: SecretName | None = None
    """Set only if this secret is given."""

    def __repr__(self) -> str:
        value = HIDDEN if is_secret_variable(self.name, self.value) else self.value
        return f"EnvVar(name={self.name!r}, value={value!r}, needs={self.needs!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretEnv:
    """An environment variable whose value the pod takes from the run's Secret."""

    name: str
    key: str
    """Key in the Secret."""
    needs: SecretName | None = None
    """The secret of the run that it holds; None: a value of ``env_vars`` that was moved there."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Overlay:
    """One value that the plan sets on top of the split, and why."""

    id: OverlayName
    """Which overlay."""
    config: ConfigId
    """Whose config it is."""
    path: KeyPath
    """Key path in that config."""
    value: Any
    """The new value, or :data:`REMOVED`."""
    reason: str
    replaced: Any = None
    """The value in the split (None also where there was none); never a secret."""
    needs: SecretName | None = None
    """Applies only if this secret is given."""

    def __repr__(self) -> str:
        shown = {
            name: hidden(value, path=self.path) for name, value in (("value", self.value), ("replaced", self.replaced))
        }
        values = ", ".join(f"{name}={value!r}" for name, value in shown.items())
        return f"Overlay(id={self.id!r}, config={self.config!r}, path={self.path!r}, {values}, needs={self.needs!r})"


@dataclass(frozen=True, kw_only=True)
class Config:
    """A component's config file, overlays applied. Without slots, since its text is kept once it is made."""

    file: str
    """File name in the pod."""
    sparse: JsonObject = field(repr=False)
    """What the pod reads."""
    resolved: JsonObject = field(repr=False)
    """The same with every default, for readers."""

    @cached_property
    def text(self) -> str:
        """The file's content."""
        return config_text(self.sparse)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvServerInfo:
    """Which environment a pod serves."""

    id: EnvServerId
    name: str
    segment: str
    """The name where it can be part of a path, else the source's index."""
    local_port: int | None = None
    """Port on the loopback address of the orchestrator's pod; None: it has pods of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pods:
    """The pods of one component, which become one Job. All are alike but for their index."""

    component: ComponentName
    suffix: str
    """What follows the base in names: the component, or ``env-<i>-<name>``."""
    hosts: tuple[str, ...]
    """Fully qualified host name of each pod, by index."""
    gpus: int
    """GPUs of each pod."""
    ports: tuple[Port, ...]
    env: tuple[EnvVar, ...]
    """Plain variables, sorted by name."""
    secret_env: tuple[SecretEnv, ...]
    config: Config | None
    """None for the router, which takes arguments only."""
    env_server: EnvServerInfo | None = None
    groups: EngineGroups | None = None
    """How prefill or decode engines belong together."""
    sidecars: tuple[Pods, ...] = ()
    """What runs in further containers of the same pods; each as if it had pods of its own."""

    @property
    def role(self) -> Role:
        """What is known about the component whatever the run."""
        return ROLES[self.component]

    @property
    def config_id(self) -> ConfigId:
        """Whose config the pods read."""
        return ConfigId(self.component, self.env_server.id if self.env_server else None)

    @property
    def split_id(self) -> ConfigId:
        """Whose config of the split theirs is made from."""
        return self.config_id if self.role.like is None else ConfigId(self.role.like)

    @property
    def hf_home(self) -> str | None:
        """Their Hugging Face cache."""
        return next((variable.value for variable in self.env if variable.name == "HF_HOME"), None)

    @property
    def count(self) -> int:
        """How many pods there are."""
        return len(self.hosts)

    def port(self, name: str) -> int | None:
        """Number of a port, None if the pods have none of that name."""
        return next((port.number for port in self.ports if port.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """From which checkpoint the run goes on."""

    step: int | None
    """The step to load; None means the newest in the run's directory."""
    has_dir: bool = False
    """Whether the checkpoint lies in a folder that the config names."""
    is_required: bool = False
    """Whether there must be a checkpoint: a run that continues another one never begins anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A server outside the run that its pods call."""

    host: str
    port: int
    needs: SecretName | None = None

    @property
    def cidr(self) -> str | None:
        """The host as an address range of one, which a NetworkPolicy can express; None for a name, which it cannot."""
        address = address_of(self.host)
        return None if address is None else f"{address}/{address.max_prefixlen}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideCall:
    """What components call on a server outside the run."""

    callers: tuple[ComponentName, ...]
    what: str
    """What it is called for: ``generation``, ``teacher``."""
    host: str
    port: int
    needs: SecretName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """Everything about a run's pods, before any manifest is written. Holds no value of :class:`Secrets`."""

    release: Release
    """The release of prime-rl that the configs are for."""
    run_id: str
    run_name: str
    attempt: int
    team_id: str | None
    gpu_type: str | None
    image: str
    image_tag: str
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"]
    names: Names
    shape: Shape
    run_dir: str
    ckpt_dir: str
    """Where the trainer's checkpoints are."""
    hf_home: str
    """Directory of the Hugging Face cache in the pods."""
    claim: str | None
    """Existing volume claim; None: one is rendered."""
    server_port: int | None
    """Port of the inference endpoint."""
    worker_urls: tuple[str, ...]
    """Every engine, node-major (of a replica prefill before decode), as router and weight broadcast count them."""
    router_policy: str | None
    liveness_timeout_seconds: float
    """``inference.server.liveness_timeout_seconds``."""
    broadcast_timeout_seconds: int
    """How long setting up the weight broadcast, or one update, may take; 0 for files."""
    ranks_filter: tuple[int, ...]
    """Trainer ranks that are shown on the console."""
    resume: Resume | None
    prefetch: tuple[str, ...]
    """Models that trainer 0 downloads first."""
    settings: RunSettings = field(repr=False)
    """What the configuration says, before overlays."""
    policy_url: str = field(repr=False)
    """Where the policy's server is asked for rollouts."""
    pods: tuple[Pods, ...]
    """In the order trainer, orchestrator, inference (or prefill and decode), router, environment servers by index."""
    overlays: tuple[Overlay, ...]
    notes: tuple[Finding, ...]
    """What the user should know: severities ``notice`` and ``warning``."""
    outside: tuple[OutsideCall, ...]
    """Every call to a server that the run does not start itself."""
    peers: tuple[Peer, ...]
    """The servers among them for which the network policy opens a port."""
    tunnelling: tuple[str, ...]
    """Jobs of the environment servers whose agents run in sandboxes elsewhere."""
    secret_env_values: Mapping[str, SecretText] = field(repr=False)
    """Key in the Secret to value, for values of ``env_vars`` that were moved there."""
    secrets: frozenset[SecretName] | None
    """Which secrets the run has; None: not known until it is rendered."""
    platform: Platform

    def component(self, name: str) -> Pods | None:
        """Give the pods of a component by name or suffix (``trainer``, ``env-0-math``), None if there are none."""
        return next((pods for pods in self.containers if name in (pods.suffix, pods.component)), None)

    @property
    def containers(self) -> tuple[Pods, ...]:
        """Every container of the run: each pod's own, then its sidecars."""
        return tuple([container for pods in self.pods for container in (pods, *pods.sidecars)])

    @property
    def has_rdma(self) -> bool:
        """Whether GPU pods get RDMA devices: on one node they need none, but NIXL does."""
        nixl = self.settings.trainer.broadcast.type == "nixl" and self.shape.has_orchestrator
        return bool(self.platform.rdma_resource) and (self.shape.multi_node or nixl)

    @property
    def pod_count(self) -> int:
        """Pods of the whole run."""
        return sum(pods.count for pods in self.pods)
