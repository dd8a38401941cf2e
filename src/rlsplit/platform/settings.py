"""The settings of one cluster: names, types, bounds, defaults. Shapes only; what values mean is in :mod:`.rules`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from rlsplit.components import ROLES, ComponentName
from rlsplit.platform.component_settings import (
    DecodeSettings,
    EnvServerSettings,
    InferenceSettings,
    OptionalUserId,
    OrchestratorSettings,
    Port,
    PrefillSettings,
    Quantity,
    RouterSettings,
    Seconds,
    Settings,
    SomeSeconds,
    TrainerSettings,
    laid_over,
)
from rlsplit.platform.tenant_settings import TenantSettings
from rlsplit.secrets import SecretName


class DnsPeer(Settings):
    """Where pods ask for names: pods of a namespace, or addresses."""

    namespace: str | None = None
    """Namespace of the DNS servers."""
    pod_labels: dict[str, str] = Field(default={})
    """Labels of the DNS servers in ``namespace``; without any, every pod there may be asked."""
    cidrs: list[str] = Field(default=[])
    """Address ranges of the DNS servers (NodeLocal DNSCache: ``169.254.20.10/32``), whatever ``deny_cidrs`` says."""
    ports: list[Port] = Field(default=[53])
    """UDP and TCP ports."""


class PlatformSettings(Settings):
    """The settings of one cluster. Every default works on a plain cluster with GPUs and a shared volume."""

    image_repository: str = "ghcr.io/primeintellect-ai/prime-rl"
    """Image without tag."""
    image_digest: str | None = None
    """``sha256:...``; wins over the tag."""
    release: str | None = None
    """Release of prime-rl that the image has, by tag or commit: ``v0.8.0``; None takes it from a run's image tag."""
    features: list[Literal["disaggregated"]] = Field(default=[])
    """What the image holds beyond what every image does. ``disaggregated``: a NIXL that is linked to UCX 1.19, DeepEP,
    and the router for prefill and decode, which runs with ``inference.deployment.type = "disaggregated"`` need."""
    image_pull_policy: Literal["auto", "Always", "IfNotPresent", "Never"] = "auto"
    """``auto``: ``IfNotPresent`` for a digest or a version tag, else ``Always``."""
    image_pull_secrets: list[str] = Field(default=[])
    """Secrets with registry credentials, for the run's ServiceAccount; with ``service_account`` for its pods."""
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
    queue_priority_class: str | None = None
    """Kueue's WorkloadPriorityClass; needs ``queue_name``."""
    gang: Literal["volcano", "coscheduling"] | None = None
    """A PodGroup that starts all pods of the run or none: of Volcano, or of the coscheduling plugin."""
    priority_class: str | None = None
    """``priorityClassName`` of all pods, and nothing else."""
    scheduler_name: str | None = None
    """``schedulerName`` of all pods; None takes the one that ``gang`` comes with: ``volcano``, or
    ``scheduler-plugins-scheduler``."""
    restart_on_disruption: bool = False
    """Whether a JobSet starts again, as often as it takes, after a node was drained or a pod preempted; needs
    ``workload = "jobset"``, and a config that resumes."""
    max_runtime_seconds: SomeSeconds | None = None
    """Limit on every component, servers included; past it its Job is Failed [seconds]."""
    startup_timeout_seconds: Annotated[int, Field(ge=60, le=2**31 - 1)] = 4200
    """How long anything may take to start, once the model is there [seconds].

    Startup probes of engines, router and trainer allow it, and with ``prefetch_model`` four times as long, since they
    count while the model is downloaded; the trainers' rendezvous, the orchestrator's wait for environment servers and
    engines, and a weight broadcast whose timeout nobody wrote give up after it.
    """
    drain_seconds: Seconds = 60
    """Job form: how long servers stay after the trainer has ended, for what is still asked of them [seconds].

    An evaluation after the last step has to fit into it. In the jobset form the controller ends them.
    """
    ttl_seconds_after_finished: Seconds = 86400
    """How long a finished JobSet stays [seconds]; needs ``workload = "jobset"`` when set."""

    existing_secret: str | None = None
    """Secret that is there already (external-secrets, sealed-secrets); needs ``secret_keys``. None renders one."""
    secret_keys: dict[SecretName, str] = Field(default={})
    """Which secrets ``existing_secret`` holds, and under which keys: ``{hf_token = "token"}``."""
    service_account: str | None = None
    """ServiceAccount to use; None renders one for the run."""
    service_account_annotations: dict[str, str] = Field(default={})
    """Annotations of the rendered ServiceAccount (workload identity)."""

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
    run_subpath: bool = False
    """Whether pods see only the run's directory and the Hugging Face cache, and not the rest of the volume.

    Environment servers see the cache read-only and download beside it, the router does not see it. What the config
    names below ``mount_path`` must then lie in the run's directory. The directory is made by the kubelet, with the
    mode and the owner that the volume's root gives it.
    """
    dataset_mount: bool = False
    """Whether the volume is mounted a second time, read-only, at ``/volume``."""
    hf_home: str = "shared"
    """``shared`` (``cache/huggingface`` on the volume), ``local`` (an emptyDir per pod), or a path."""
    prefetch_model: bool = True
    """Whether trainer 0 downloads the model before anything loads it; has no effect without a shared ``hf_home``.

    Many downloads at once into one cache corrupt files where ``flock`` does nothing, as on Lustre and some NFS. Local
    paths and ``trainer.model.debug.random_init`` need no download.
    """
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
    """RDMA devices per GPU pod of runs on several nodes or with NIXL: ``{"rdma/ib" = 1}``. Scripts then set
    ``NCCL_IB_HCA``, unless it is set, to the active ports of the devices that the container may open."""
    rdma_ipc_lock: bool = False
    """Adds ``IPC_LOCK`` to GPU pods of multi-node runs; an unlimited memlock on the nodes is better."""
    host_network: bool = False
    """Whether pods use the node's network; ports that two components would share on one host then move apart."""
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
    topology_mode: Literal["required", "preferred"] = "required"
    """Which of Kueue's annotations ``topology_key`` becomes; needs ``queue_name`` and ``topology_key`` when set."""
    topology_spread: list[dict[str, Any]] = Field(default=[])
    """``topologySpreadConstraints`` of every pod; their ``labelSelector`` gets the labels that select the run."""
    protect_from_autoscaler: bool = True
    """Whether pods ask Cluster Autoscaler and Karpenter, by annotations, to leave their nodes alone."""

    trainer: TrainerSettings = Field(default_factory=TrainerSettings.model_construct)
    """Pods of the trainer."""
    orchestrator: OrchestratorSettings = Field(default_factory=OrchestratorSettings.model_construct)
    """The pod of the orchestrator."""
    inference: InferenceSettings = Field(default_factory=InferenceSettings.model_construct)
    """Pods of the inference engines."""
    prefill: PrefillSettings = Field(default_factory=PrefillSettings.model_construct)
    """Pods of the prefill engines: over ``inference``, key by key."""
    decode: DecodeSettings = Field(default_factory=DecodeSettings.model_construct)
    """Pods of the decode engines: over ``inference``, key by key."""
    router: RouterSettings = Field(default_factory=RouterSettings.model_construct)
    """The pod of the router."""
    env_server: EnvServerSettings = Field(default_factory=EnvServerSettings.model_construct)
    """Pods of the environment servers."""

    pod_security: Literal["restricted", "baseline", "privileged"] = "restricted"
    """Pod Security level of the namespace; a setting above it is refused."""
    run_as_user: OptionalUserId = 1000
    """Numeric user of every container; the image's own is 1000. Not 0 under ``restricted``; ``none`` leaves it out."""
    run_as_group: OptionalUserId = 1000
    """Numeric group of every container; ``none`` leaves it out."""
    fs_group: OptionalUserId = 1000
    """Group of the volumes, which many drivers do not apply to ReadWriteMany ones; ``none`` leaves it out."""
    read_only_root_filesystem: bool = False
    """Adds emptyDirs at ``/tmp`` and ``/home/appuser``."""
    liveness: bool = False
    """Whether a hung trainer or engine is ended, and with it its Job.

    An engine answers no probe while it takes part in a weight update, so its probe bears the longest one.
    """
    pdb: bool = True
    """Whether a PodDisruptionBudget keeps node drains away from the run."""

    network_policy: bool = True
    """Whether a NetworkPolicy encloses the run."""
    dns: list[DnsPeer] = Field(default=[DnsPeer.model_construct(namespace="kube-system")])
    """Whom pods may ask for names. OpenShift: ``[{namespace = "openshift-dns", ports = [5353]}]``; with NodeLocal
    DNSCache also ``{cidrs = ["169.254.20.10/32"]}``."""
    ingress_namespaces: list[str] = Field(default=[])
    """Namespaces that may call the inference endpoint."""
    egress_ports: list[Port] = Field(default=[443])
    """TCP ports that pods may call in ``egress_cidrs``."""
    egress_cidrs: list[str] = Field(default=["0.0.0.0/0", "::/0"])
    """Address ranges that pods may call, without ``deny_cidrs``; also what a server named by host is opened to."""
    deny_cidrs: list[str] = Field(default=["169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128"])
    """Address ranges that no pod may call, whatever else is open: where clouds hand out credentials."""
    tunnel_ports: list[Port] = Field(default=[7000])
    """TCP ports in ``egress_cidrs`` for environment servers whose agents run in sandboxes elsewhere, which they reach
    through a tunnel."""

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
    nixl_port: Port = 5600
    """First port of the side channel on which prefill and decode engines agree on transfers; they take as many from
    here as a group has engines, and as a pod has besides."""
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

    tenant: TenantSettings = Field(default_factory=TenantSettings.model_construct)
    """What runs of somebody else may ask; everything on your own cluster."""

    def table(self, name: ComponentName) -> PodSettings:
        """Give the table of one component as it was written."""
        settings: PodSettings = getattr(self, ROLES[name].settings)
        return settings

    def component(self, name: ComponentName) -> PodSettings:
        """Give what holds for one component: its table, over that of the component that it is like."""
        like = ROLES[name].like
        return self.table(name) if like is None else laid_over(self.table(like), self.table(name))


PodSettings = (
    TrainerSettings
    | OrchestratorSettings
    | InferenceSettings
    | PrefillSettings
    | DecodeSettings
    | RouterSettings
    | EnvServerSettings
)
