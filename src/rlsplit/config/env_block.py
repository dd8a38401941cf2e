"""The ``env`` table of a source as the stock environment reads it.

A source keeps its ``env`` verbatim, since installed packages decide its keys; these shapes serve
documentation, completion and the schema, and never refuse a run.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from rlsplit.config.renderers import Renderer
from rlsplit.config.section import PathText, Section, Tags


class EndpointConfig(Section):
    """An OpenAI-style model endpoint."""

    base_url: str = "https://api.pinference.ai/api/v1"
    """OpenAI-style address of the server that answers the seat's calls."""
    api_key_var: str = "PRIME_API_KEY"
    """Name of the environment variable that holds the API key."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Fixed HTTP headers sent with every request."""


class EnvSamplingConfig(Section):
    """Sampling of a seat or judge inside an environment; further keys are kept and passed on."""

    keeps_unknown: ClassVar[bool] = True

    temperature: float | None = None
    """Randomness of token choice, 0 is greedy; null leaves it to the run or the server."""
    top_p: float | None = None
    """Samples only from the most likely tokens that together reach this probability; null leaves it to the run or
    the server."""
    reasoning_effort: str | None = None
    """How much a reasoning model should think, as a word its server understands; null leaves it to the server."""
    max_tokens: int | None = None
    """Most tokens generated in one response, also spelled `max_completion_tokens`; null leaves it to the run or the
    server."""


class JudgeConfig(EndpointConfig):
    """Model that grades rollouts, reached through its own endpoint."""

    id: str = ""
    """Name of the judge plugin."""
    name: str = ""
    """Name under which the judge's score is recorded."""
    weight: float = Field(default=1.0, allow_inf_nan=False)
    """Factor of the judge's score in the reward."""
    model: str = "openai/gpt-5.4-nano"
    """Name of the judge model on its server."""
    sampling: EnvSamplingConfig = Field(default_factory=EnvSamplingConfig)
    """Sampling of the judge model."""
    prompt: PathText | None = None
    """File with the judge's prompt; null keeps the judge's own."""


class DecoratedFunctionConfig(Section):
    """One stop condition or metric of a task."""

    fn: str | None = None
    """Import path of the function; null keeps the one the task already has under this name."""
    priority: int | None = None
    """Position in the order of execution; null keeps the function's own."""


class RewardFunctionConfig(DecoratedFunctionConfig):
    """One reward function of a task."""

    weight: float | None = Field(default=None, allow_inf_nan=False)
    """Factor of this reward in the score; null keeps the function's own."""


class TaskConfig(Section):
    """Scoring hooks of a task."""

    judges: list[JudgeConfig] = Field(default_factory=list)
    """Models that grade rollouts."""
    stops: dict[str, DecoratedFunctionConfig] = Field(default_factory=dict)
    """Stop conditions by name, each changing or adding a function that ends an episode."""
    metrics: dict[str, DecoratedFunctionConfig] = Field(default_factory=dict)
    """Metrics by name, each changing or adding a function that is recorded without entering the reward."""
    rewards: dict[str, RewardFunctionConfig] = Field(default_factory=dict)
    """Rewards by name, each changing or adding a function that counts toward the score by its weight."""


class TasksetConfig(Section):
    """Task plugin that supplies the examples and their scoring."""

    id: str = ""
    """Name of the task plugin; may be empty if the environment brings its own tasks."""
    task: TaskConfig = Field(default_factory=TaskConfig)
    """Scoring hooks of a task: judges, stop conditions, metrics and rewards."""
    system_prompt: PathText | None = None
    """File whose text is used as system prompt; null keeps the tasks' own."""


class EnvTimeoutConfig(Section):
    """Time limits of one episode."""

    episode: float | None = None
    """Longest duration of an episode in seconds; null sets no limit."""
    finalize: float | None = None
    """Longest duration of the closing work after an episode in seconds; null sets no limit."""


class RetryConfig(Section):
    """Repetition of failed work."""

    max_retries: int = Field(default=0, ge=0)
    """How often failed work is tried again; 0 never."""
    include: list[str] = Field(default_factory=list)
    """Names of errors that are retried; empty means any."""
    exclude: list[str] = Field(default_factory=list)
    """Names of errors that are never retried."""


class PrimeTunnelConfig(Section):
    """Publishes the proxy through a Prime tunnel."""

    type: Literal["prime"] = "prime"
    """Selects a Prime tunnel."""


class CustomTunnelConfig(Section):
    """Publishes the proxy through a tunnel of your own."""

    type: Literal["custom"] = "custom"
    """Selects a tunnel of your own."""
    url: str
    """Public address under which the tunnel reaches the proxy."""
    port: int = Field(ge=1, le=65535)
    """Local port of the proxy that the tunnel forwards to."""


Tunnel = Annotated[PrimeTunnelConfig | CustomTunnelConfig, Field(discriminator="type")]
"""How an interception server is published."""


class InterceptionServerConfig(Section):
    """One proxy server through which an environment's model calls pass."""

    injected_tags: ClassVar[Tags] = {"tunnel": ("type", "prime")}

    type: Literal["server"] = "server"
    """Selects a single proxy server."""
    tunnel: Tunnel = Field(default_factory=PrimeTunnelConfig)
    """How the proxy is published to programs that run elsewhere."""


class StaticInterceptionPoolConfig(Section):
    """Fixed list of proxy servers for model calls."""

    type: Literal["static"] = "static"
    """Selects a fixed list of proxy servers."""
    servers: list[InterceptionServerConfig] = Field(min_length=1)
    """Proxy servers among which episodes are spread; at least one."""


class ElasticInterceptionPoolConfig(Section):
    """Proxy servers for model calls that are added as episodes increase."""

    type: Literal["elastic"] = "elastic"
    """Selects a growing pool of proxy servers."""
    multiplex: int = Field(default=32, ge=1)
    """Episodes served by one proxy before another is added."""


Interception = Annotated[
    InterceptionServerConfig | StaticInterceptionPoolConfig | ElasticInterceptionPoolConfig, Field(discriminator="type")
]
"""The proxy for model calls of an environment."""


class HarnessConfig(Section):
    """Program that drives the model in a seat and gives it tools."""

    id: str = "bash"
    """Name of the harness plugin; bash by default."""
    env: dict[str, str] = Field(default_factory=dict)
    """Operating system variables set for the harness."""
    forward_env: list[str] = Field(default_factory=list)
    """Names of local operating system variables passed on to the harness."""
    tool_timeout: float = Field(default=600.0, gt=0, allow_inf_nan=False)
    """Longest duration of one tool call, in seconds."""
    disabled_tools: list[str] | None = None
    """Names of tools the model may not use; null keeps the harness's own choice."""
    skills: list[PathText] = Field(default_factory=list)
    """Folders with skills made available to the model."""


class SubprocessConfig(Section):
    """Runs the seat's program as a plain process of the environment server, without a sandbox."""

    type: Literal["subprocess"] = "subprocess"
    """Selects a plain process without a sandbox."""


class NetworkRulesConfig(Section):
    """Network access of a sandbox."""

    allow: list[str] = Field(default=["*"])
    """Network destinations the sandbox may reach; a single `*` allows all."""
    block: list[str] = Field(default_factory=list)
    """Network destinations the sandbox may not reach."""


class DockerConfig(NetworkRulesConfig):
    """Runs the seat's program in a local Docker container."""

    type: Literal["docker"] = "docker"
    """Selects a local Docker container."""
    image: str = "python:3.11-slim"
    """Container image the sandbox starts from."""
    workdir: str = "/app"
    """Working folder inside the sandbox."""
    cpu: float | None = None
    """CPU cores of the container; null sets no limit."""
    memory: float | None = None
    """Memory of the container in gigabytes; null sets no limit."""
    gpu: str | None = None
    """GPUs given to the container; null gives none."""
    disk: float | None = None
    """Disk space of the container in gigabytes; null sets no limit."""


class PrimeConfig(NetworkRulesConfig):
    """Runs the seat's program in a Prime sandbox."""

    type: Literal["prime"] = "prime"
    """Selects a Prime sandbox."""
    image: str = "python:3.11-slim"
    """Container image the sandbox starts from."""
    workdir: str = "/app"
    """Working folder inside the sandbox."""
    vm: bool = True
    """Uses a virtual machine as sandbox instead of a container."""
    guaranteed: bool = False
    """Asks for guaranteed instead of best-effort resources."""
    region: str | None = None
    """Region in which the sandbox runs; null leaves the choice to the provider."""
    labels: list[str] = Field(default_factory=list)
    """Labels attached to the sandbox, for finding it later."""
    cpu: float = 1.0
    """CPU cores of the sandbox."""
    memory: float = 2.0
    """Memory of the sandbox in gigabytes."""
    gpu: str | None = None
    """GPUs of the sandbox; null gives none."""
    disk: float = 5.0
    """Disk space of the sandbox in gigabytes."""
    idle_timeout: float | None = 3600
    """Time after which an idle sandbox is shut down, in seconds; null sets no limit."""
    creates_per_min: int | None = None
    """Most sandboxes created per minute; null sets no limit."""


class ModalConfig(Section):
    """Runs the seat's program in a Modal sandbox."""

    type: Literal["modal"] = "modal"
    """Selects a Modal sandbox."""
    image: str = "python:3.11-slim"
    """Container image the sandbox starts from."""
    workdir: str = "/app"
    """Working folder inside the sandbox."""
    network_access: bool = True
    """Lets the sandbox use the network."""
    region: str | None = None
    """Region in which the sandbox runs; null leaves the choice to the provider."""
    cpu: float = 1.0
    """CPU cores of the sandbox."""
    memory: float = 2.0
    """Memory of the sandbox in gigabytes."""
    gpu: str | None = None
    """GPUs of the sandbox; null gives none."""
    disk: float = 5.0
    """Disk space of the sandbox in gigabytes."""
    creates_per_sec: float | None = 40.0
    """Most sandboxes created per second; null sets no limit."""


Runtime = Annotated[SubprocessConfig | DockerConfig | PrimeConfig | ModalConfig, Field(discriminator="type")]
"""Where the program of a seat runs."""


class EvalClientConfig(EndpointConfig):
    """Client for plain chat requests, as used in evaluation."""

    type: Literal["eval"] = "eval"
    """Selects the chat client."""


class TrainClientConfig(EndpointConfig):
    """Client that renders messages to tokens itself, as used in training."""

    type: Literal["train"] = "train"
    """Selects the token client."""
    renderer: Renderer | None = None
    """Turns messages into tokens; null leaves the choice to the client."""
    renderer_model_name: str | None = None
    """Model name by which the renderer is chosen; null uses the seat's model."""
    multiplex: int = Field(default=256, ge=1)
    """Episodes that share one client."""


AgentClient = Annotated[EvalClientConfig | TrainClientConfig, Field(discriminator="type")]
"""How a seat reaches its model."""


class AgentTimeoutConfig(Section):
    """Time limits of a seat's phases."""

    setup: float | None = None
    """Longest duration of preparing the sandbox and program, in seconds; null sets no limit."""
    rollout: float | None = None
    """Longest duration of the play itself, in seconds; null sets no limit."""
    finalize: float | None = None
    """Longest duration of the closing work, in seconds; null sets no limit."""
    scoring: float | None = None
    """Longest duration of scoring, in seconds; null sets no limit."""


class AgentConfig(Section):
    """One seat of an environment: its program, sandbox, model and limits."""

    injected_tags: ClassVar[Tags] = {"runtime": ("type", "prime")}

    harness: HarnessConfig | None = None
    """Program that drives the model in this seat; null keeps the environment's own."""
    runtime: Runtime = Field(default_factory=PrimeConfig)
    """Sandbox in which the seat's program runs; a Prime sandbox by default."""
    model: str | None = None
    """Name of the model playing this seat; null uses the model of the run."""
    client: AgentClient | None = None
    """Server that answers this seat's model calls; null uses the one of the run."""
    sampling: EnvSamplingConfig | None = None
    """Sampling of this seat; null uses that of the run."""
    max_turns: int | None = None
    """Most model turns in one episode; null sets no limit."""
    max_input_tokens: int | None = None
    """Most tokens read by the model in one episode; null sets no limit."""
    max_output_tokens: int | None = None
    """Most tokens generated in one episode; null sets no limit."""
    max_total_tokens: int | None = None
    """Most tokens read and generated in one episode; null sets no limit."""
    timeout: AgentTimeoutConfig = Field(default_factory=AgentTimeoutConfig)
    """Time limits of the seat's phases."""
    retries: RetryConfig = Field(default_factory=RetryConfig)
    """Repetition of this seat's work after an error."""


class EnvConfig(Section):
    """Environment to run: its plugin, tasks, limits and model-call proxy."""

    injected_tags: ClassVar[Tags] = {"interception": ("type", "elastic")}

    id: str = ""
    """Name of the environment plugin; may be empty when the taskset's `id` is given."""
    taskset: TasksetConfig = Field(default_factory=TasksetConfig)
    """Task plugin that supplies the examples and their scoring."""
    timeout: EnvTimeoutConfig = Field(default_factory=EnvTimeoutConfig)
    """Time limits of one episode."""
    retries: RetryConfig = Field(default_factory=RetryConfig)
    """Repetition of failed episodes."""
    max_concurrent_agents: int | None = Field(default=1, ge=1)
    """Seats of one episode that may run at the same time; null sets no limit."""
    interception: Interception = Field(default_factory=ElasticInterceptionPoolConfig)
    """Proxy through which model calls of the episodes pass; an elastic pool by default."""


class SingleAgentEnvConfig(EnvConfig):
    """Environment in which one agent plays each episode."""

    agent: AgentConfig = Field(default_factory=AgentConfig)
    """The seat of the environment: its program, sandbox, model and limits."""
