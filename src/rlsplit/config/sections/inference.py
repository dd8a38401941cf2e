"""``inference``: the vLLM server of the run."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from rlsplit.config.sections.base import EnvVars, EnvVarsSection, PathText, Section, Tags, unwritten
from rlsplit.config.sections.deployment import InferenceDeployment, SingleNodeInferenceDeploymentConfig
from rlsplit.config.sections.shared import LogConfig, SlurmConfig
from rlsplit.config.sections.transport import WeightBroadcastConfig
from rlsplit.config.sections.vllm import VllmConfig


class ServerConfig(Section):
    """Address and health check of the inference server."""

    host: str | None = None
    """Network address the server listens on; null uses the default, and clients of this run then use localhost."""
    port: int = 8000
    """Port clients connect to."""
    liveness_timeout_seconds: float = Field(default=30.0, gt=0)
    """Time limit of the server's health check, in seconds."""


class VllmRouterConfig(Section):
    """The vLLM router in front of the engines."""

    type: Literal["vllm-router"] = "vllm-router"
    """Selects the vLLM router."""
    policy: str = "consistent_hash"
    """Rule by which requests are assigned to engines; consistent hashing by default."""


class LlmdRouterConfig(Section):
    """The llm-d router, which scores engines for each request; not for single-node inference layouts."""

    type: Literal["llm-d"] = "llm-d"
    """Selects the llm-d router."""
    scorers: dict[str, float] = Field(default={"prefix-cache-scorer": 3.0, "active-request-scorer": 2.0})
    """Weight of each scorer by its name; known scorer names only."""
    prefill_scorer_overrides: dict[str, float] = Field(
        default={"queue-scorer": 2.0, "kv-cache-utilization-scorer": 2.0}
    )
    """Scorer weights that differ for prefill engines."""
    decode_scorer_overrides: dict[str, float] = Field(default_factory=dict)
    """Scorer weights that differ for decode engines."""
    non_cached_tokens: int = 16
    """Below this many uncached prompt tokens, prefill stays on the decode engine."""
    decode_sidecar_port: int = 8300
    """Port of the helper process next to each decode engine."""


Router = Annotated[VllmRouterConfig | LlmdRouterConfig, Field(discriminator="type")]
"""What stands in front of the inference engines."""


class CPUOffloadTier(Section):
    """Host memory tier of the key-value offload."""

    num_bytes: int = Field(gt=0)
    """Host memory for cached keys and values, in bytes."""


class DiskOffloadTier(Section):
    """Disk tier of the key-value offload."""

    path: PathText
    """Folder on disk that holds cached keys and values."""


class KVCacheOffloadConfig(Section):
    """Where evicted key-value cache blocks go."""

    cpu: CPUOffloadTier | None = None
    """Host memory tier; mandatory despite the null default, a disk tier alone is refused."""
    disk: DiskOffloadTier | None = None
    """Disk tier behind the host memory; null uses none."""


class NativeKVCacheOffloadConfig(KVCacheOffloadConfig):
    """Offload of cached keys and values inside vLLM."""

    type: Literal["native"] = "native"
    """Selects vLLM's own offload."""


class MooncakeKVCacheOffloadConfig(KVCacheOffloadConfig):
    """Offload of cached keys and values to a Mooncake store on each node; SLURM runs only."""

    type: Literal["mooncake"] = "mooncake"
    """Selects the Mooncake store."""
    device_name: str = ""
    """RDMA device the store uses; empty leaves the choice to Mooncake."""


KVCacheOffload = Annotated[NativeKVCacheOffloadConfig | MooncakeKVCacheOffloadConfig, Field(discriminator="type")]
"""Where evicted key-value cache blocks go."""


class InferenceConfig(EnvVarsSection):
    """vLLM inference launched with the run: server, router, engines and layout."""

    injected_tags: ClassVar[Tags] = {
        "deployment": ("type", "single_node"),
        "weight_broadcast": ("type", "filesystem"),
    }

    server: ServerConfig = Field(default_factory=unwritten(ServerConfig))
    """Address clients connect to."""
    router: Router | None = Field(default_factory=unwritten(VllmRouterConfig))
    """Process in front of the engines that spreads requests; null means a bare engine."""
    backend_port: int = 8100
    """First engine port behind the router; `server.port` plus 100 when unset and a router is used."""
    vllm: VllmConfig = Field(default_factory=unwritten(VllmConfig))
    """Arguments of the vLLM engines; unknown keys are passed on as they are."""
    log: LogConfig = Field(default_factory=unwritten(LogConfig))
    """Verbosity and format of the inference launcher's log."""
    env_vars: EnvVars = Field(default_factory=dict)
    """Operating system variables of the inference processes; they win over the root `env_vars`."""
    use_deep_gemm: bool = False
    """Uses the DeepGEMM kernels for FP8 matrix products."""
    weight_broadcast: WeightBroadcastConfig = Field(default_factory=unwritten(WeightBroadcastConfig))
    """Resolved kind of weight transfer; set from the root `weight_broadcast`."""
    kv_cache_offload: KVCacheOffload | None = None
    """Moves cached attention keys and values to host memory or disk; null keeps them on the GPU."""
    use_pd_kv_transfer: bool = False
    """Sends cached keys and values from prefill to decode engines; set for disaggregated layouts."""
    enable_fp32_lm_head: bool = True
    """Computes the output head in 32-bit precision."""
    enable_fp32_router_logits: bool = True
    """Computes expert router scores in 32-bit precision."""
    deployment: InferenceDeployment = Field(default_factory=unwritten(SingleNodeInferenceDeploymentConfig))
    """Layout of one inference replica over machines; one machine by default."""
    slurm: SlurmConfig | None = None
    """SLURM options of inference, copied from the root; needed for layouts of several machines, null means local."""
    output_dir: PathText = "outputs"
    """Folder for the files of the inference server."""
    dry_run: bool = False
    """Writes the inference files and stops without starting a server."""
