"""The settings of one cluster: names, types, bounds, defaults. Shapes only; what values mean is in :mod:`.rules`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from rlsplit.components import ROLES, ComponentName
from rlsplit.config.sections.base import Section
from rlsplit.plain_data import is_table


def _text_from_int(value: object) -> object:
    return str(value) if type(value) is int else value


_SPELLED: Final = WithJsonSchema({"type": ["string", "integer"]})

Quantity = Annotated[str, BeforeValidator(_text_from_int), _SPELLED]
"""A Kubernetes quantity: ``8``, ``500m``, ``64Gi``."""
OptionalQuantity = Annotated[str | None, BeforeValidator(_text_from_int), _SPELLED]
Port = Annotated[int, Field(ge=1, le=65535)]
UserId = Annotated[int, Field(ge=0, le=2**31 - 1)]


class _Settings(Section):
    """One table of a platform file: read as those of a config are, but never changed, and with no unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class Resources(_Settings):
    """What one pod asks of its node, besides GPUs and RDMA devices, which the config decides."""

    requests: dict[str, Quantity] = Field(default={})
    """Resource to quantity; merged, key by key, over the component's default."""
    limits: dict[str, Quantity] = Field(default={})
    """Resource to quantity; none by default. For an extended resource it must equal the request."""


def _merged_over(**defaults: str) -> BeforeValidator:
    """Let given requests replace the component's defaults key by key, so that none is lost silently."""

    def merge(value: object) -> object:
        requests = value.get("requests", {}) if is_table(value) else None
        if not is_table(value) or not is_table(requests):
            return value
        return {**value, "requests": {**defaults, **requests}}

    return BeforeValidator(merge)


def _requesting(**requests: str) -> Callable[[], Resources]:
    """Make the default of a component's resources: the same requests that given ones are merged over."""
    return lambda: Resources.model_construct(requests=requests)


class ComponentSettings(_Settings):
    """How the pods of one component are placed and equipped."""

    node_selector: dict[str, str] = Field(default={})
    """Node labels that the component's pods ask for."""
    tolerations: list[dict[str, Any]] = Field(default=[])
    """Kubernetes tolerations, besides the one that GPU pods always have."""
    env: dict[str, str] = Field(default={})
    """Environment variables (NCCL, UCX, proxies); whatever the config or rlsplit sets wins over them."""


class TrainerSettings(ComponentSettings):
    """Pods of the trainer."""

    resources: Annotated[Resources, _merged_over(cpu="8", memory="64Gi")] = Field(
        default_factory=_requesting(cpu="8", memory="64Gi")
    )
    """Default requests: 8 CPU, 64Gi memory."""
    shm_size: OptionalQuantity = "32Gi"
    """Size of ``/dev/shm``, where NCCL keeps its buffers; ``"None"`` leaves the runtime's 64 MiB."""
    grace_seconds: int = Field(default=120, ge=0)
    """Seconds between TERM and KILL; torchrun itself waits 30 before it kills its workers."""


class OrchestratorSettings(ComponentSettings):
    """The pod of the orchestrator."""

    resources: Annotated[Resources, _merged_over(cpu="4", memory="16Gi")] = Field(
        default_factory=_requesting(cpu="4", memory="16Gi")
    )
    """Default requests: 4 CPU, 16Gi memory."""
    shm_size: OptionalQuantity = "2Gi"
    """Size of ``/dev/shm``; ``"None"`` leaves the runtime's 64 MiB."""
    grace_seconds: int = Field(default=60, ge=0)
    """Seconds between TERM and KILL."""


class InferenceSettings(ComponentSettings):
    """Pods of the inference engines."""

    resources: Annotated[Resources, _merged_over(cpu="8", memory="64Gi")] = Field(
        default_factory=_requesting(cpu="8", memory="64Gi")
    )
    """Default requests: 8 CPU, 64Gi memory."""
    shm_size: OptionalQuantity = "32Gi"
    """Size of ``/dev/shm``, which vLLM and NCCL fill; ``"None"`` leaves the runtime's 64 MiB."""
    grace_seconds: int = Field(default=60, ge=0)
    """Seconds between TERM and KILL."""


class RouterSettings(ComponentSettings):
    """The pod of the router (multi-node runs)."""

    resources: Annotated[Resources, _merged_over(cpu="4", memory="8Gi")] = Field(
        default_factory=_requesting(cpu="4", memory="8Gi")
    )
    """Default requests: 4 CPU, 8Gi memory."""
    shm_size: OptionalQuantity = None
    """Size of ``/dev/shm``; unset by default, the router uses none."""
    grace_seconds: int = Field(default=30, ge=0)
    """Seconds between TERM and KILL."""


class EnvServerSettings(ComponentSettings):
    """Pods of the environment servers."""

    resources: Annotated[Resources, _merged_over(cpu="2", memory="4Gi")] = Field(
        default_factory=_requesting(cpu="2", memory="4Gi")
    )
    """Default requests: 2 CPU, 4Gi memory."""
    shm_size: OptionalQuantity = "1Gi"
    """Size of ``/dev/shm``; ``"None"`` leaves the runtime's 64 MiB."""
    grace_seconds: int = Field(default=60, ge=0)
    """Seconds between TERM and KILL."""


class PlatformSettings(_Settings):
    """The settings of one cluster. Every default works on a plain cluster with GPUs and a shared volume."""

    image_repository: str = "ghcr.io/primeintellect-ai/prime-rl"
    """Image without tag."""
    image_digest: str | None = None
    """``sha256:...``; wins over the tag."""
    release: str | None = None
    """Release of prime-rl that the image has, by tag or commit: ``v0.8.0``; None takes it from a run's image tag."""
    image_pull_policy: Literal["auto", "Always", "IfNotPresent", "Never"] = "auto"
    """``auto``: ``IfNotPresent`` for a digest or a version tag, else ``Always``."""
    image_pull_secrets: list[str] = Field(default=[])
    """Secrets with registry credentials, for the run's ServiceAccount."""
    entrypoint: list[str] | None = None
    """Sets the container's ``command``, for images without an ENTRYPOINT of their own."""

    namespace: str = "default"
    """Namespace of every object."""
    create_namespace: bool = False
    """Whether to render the Namespace too, labelled with ``pod_security``."""
    cluster_domain: str = "cluster.local"
    """DNS domain of the cluster."""

    workload: Literal["job", "jobset"] = "job"
    """``job``: core Kubernetes only. ``jobset``: one JobSet, which ends, fails and queues as a whole."""
    queue_name: str | None = None
    """Kueue LocalQueue; needs ``workload = "jobset"``."""
    priority_class: str | None = None
    """``priorityClassName`` of all pods, and Kueue's priority class where a queue is named."""
    scheduler_name: str | None = None
    """``schedulerName`` of all pods."""
    max_runtime_seconds: int | None = Field(default=None, ge=1)
    """Limit on every component, servers included; past it its Job is Failed [seconds]."""
    ttl_seconds_after_finished: int = Field(default=86400, ge=0)
    """How long a finished JobSet stays [seconds]; needs ``workload = "jobset"`` when set."""

    existing_claim: str | None = None
    """PersistentVolumeClaim to use; None renders one for the run."""
    storage_class: str | None = None
    """Class of the rendered claim; None takes the cluster's default."""
    storage_size: Quantity = "1Ti"
    """Size of the rendered claim."""
    access_mode: Literal["ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"] = "ReadWriteMany"
    """Anything but ``ReadWriteMany`` serves only a trainer-only run on one node."""
    mount_path: str = "/data"
    """Where the volume is mounted: absolute, no ``..``."""
    run_dir: str = "{mount}/runs/{run_id}"
    """The run's directory, below the mount; ``{mount}`` and ``{run_id}`` are filled in."""
    dataset_mount: bool = False
    """Whether the volume is mounted a second time, read-only, at ``/volume``."""
    hf_home: str = "shared"
    """``shared`` (``cache/huggingface`` on the volume), ``local`` (an emptyDir per pod), or a path."""
    prefetch_model: bool = False
    """Whether trainer 0 downloads the model before anything loads it; needs a shared ``hf_home``."""
    log_to_volume: bool = True
    """Whether logs also go to ``logs/attempt_<n>`` in the run's directory."""
    config_delivery: Literal["auto", "volume"] = "auto"
    """``auto``: in the startup script while it fits. ``volume``: always as a mounted ConfigMap."""
    secret_env_patterns: list[str] | None = None
    """Which ``env_vars`` move to the Secret: those whose names fit one of these globs, without case (``[]``: none).

    Left out: those that look like a secret by their names or by their values, such as a URL with a password. Globs
    replace that judgement; what it takes for a secret is still not shown in findings, previews and diffs.
    """

    gpu_resource: str = "nvidia.com/gpu"
    """Resource name of a GPU; also the key of the GPU pods' toleration."""
    rdma_resource: dict[str, Annotated[int, Field(ge=1)]] = Field(default={})
    """RDMA devices per GPU pod of multi-node runs: ``{"rdma/ib" = 1}``."""
    rdma_ipc_lock: bool = False
    """Adds ``IPC_LOCK`` to GPU pods of multi-node runs; an unlimited memlock on the nodes is better."""
    host_network: bool = False
    """Whether pods use the node's network."""
    host_ipc: bool = False
    """Whether pods share the node's IPC namespace."""
    gpu_type_label: str = "nvidia.com/gpu.product"
    """Node label that holds the GPU type a run asks for."""
    runtime_class: str | None = None
    """``runtimeClassName`` of GPU pods; a class that does not exist rejects the pod."""
    colocate: Literal["preferred", "required", "none"] = "preferred"
    """Single node: whether trainer and inference share a host. ``required`` can deadlock without gangs."""
    topology_key: str | None = None
    """Multi-node: node label within whose value the GPU pods of a run should stay."""
    topology_spread: list[dict[str, Any]] = Field(default=[])
    """``topologySpreadConstraints`` of every pod, passed through."""

    trainer: TrainerSettings = Field(default_factory=TrainerSettings.model_construct)
    """Pods of the trainer."""
    orchestrator: OrchestratorSettings = Field(default_factory=OrchestratorSettings.model_construct)
    """The pod of the orchestrator."""
    inference: InferenceSettings = Field(default_factory=InferenceSettings.model_construct)
    """Pods of the inference engines."""
    router: RouterSettings = Field(default_factory=RouterSettings.model_construct)
    """The pod of the router."""
    env_server: EnvServerSettings = Field(default_factory=EnvServerSettings.model_construct)
    """Pods of the environment servers."""

    pod_security: Literal["restricted", "baseline", "privileged"] = "restricted"
    """Pod Security level of the namespace; a setting above it is refused."""
    run_as_user: UserId = 1000
    """Numeric user of every container; the image's own is 1000. Not 0 under ``restricted``."""
    run_as_group: UserId = 1000
    """Numeric group of every container."""
    fs_group: UserId = 1000
    """Group of the volumes."""
    read_only_root_filesystem: bool = False
    """Adds emptyDirs at ``/tmp`` and ``/home/appuser``."""
    liveness: bool = True
    """Whether a hung trainer or engine is ended, and with it its Job."""
    pdb: bool = True
    """Whether a PodDisruptionBudget keeps node drains away from the run."""

    network_policy: bool = True
    """Whether a NetworkPolicy encloses the run."""
    ingress_namespaces: list[str] = Field(default=[])
    """Namespaces that may call the inference endpoint."""
    egress_ports: list[Port] = Field(default=[443])
    """TCP ports that pods may call in ``egress_cidrs``."""
    egress_cidrs: list[str] = Field(default=["0.0.0.0/0"])
    """Address ranges that pods may call; the link-local one (cloud metadata) is always left out."""

    monitoring: Literal["annotations", "podmonitor", "none"] = "annotations"
    """How Prometheus finds the run: ``prometheus.io/*`` annotations, a PodMonitor, or not at all."""
    monitoring_namespace: str = "monitoring"
    """Namespace whose pods may read metrics."""
    metrics: Literal["force", "off"] = "force"
    """``force``: the trainer serves metrics on ``trainer_metrics_port``. ``off``: the config decides."""
    trainer_metrics_port: Port = 8000
    """Port of the trainer's metrics and health endpoint."""
    env_server_port: Port = 5000
    """Port of every environment server; each has a pod of its own."""
    monitor_url: str | None = "https://api.primeintellect.ai/api/v1/rft"
    """Base URL of the platform's run monitor; used only with a token. ``"None"``: no monitor."""
    allow_external_inference: bool = True
    """Whether a config without ``[inference]`` may use a server run elsewhere."""

    labels: dict[str, str] = Field(default={})
    """Labels added to every object."""
    annotations: dict[str, str] = Field(default={})
    """Annotations added to every object."""
    pod_labels: dict[str, str] = Field(default={})
    """Labels added to every pod, for instance a scheduler's gang labels."""
    pod_annotations: dict[str, str] = Field(default={})
    """Annotations added to every pod."""

    def component(self, name: ComponentName) -> PodSettings:
        """Give the table of one component."""
        settings: PodSettings = getattr(self, ROLES[name].settings)
        return settings


PodSettings = TrainerSettings | OrchestratorSettings | InferenceSettings | RouterSettings | EnvServerSettings
