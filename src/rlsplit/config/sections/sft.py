"""The root of a supervised fine-tuning run, ``sft.toml``, and the sections that only such a run has."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from rlsplit.config.sections.base import EnvVars, PathText, Section, Tags, unwritten
from rlsplit.config.sections.deployment import NodeConfig
from rlsplit.config.sections.evals import EvalsEvalConfig
from rlsplit.config.sections.general_renderers import AutoRendererConfig
from rlsplit.config.sections.inference import InferenceConfig
from rlsplit.config.sections.renderers import Renderer
from rlsplit.config.sections.root import RootConfig
from rlsplit.config.sections.shared import (
    HeartbeatConfig,
    MonitorsConfig,
    ResumeConfig,
    RunConfig,
    SlurmConfig,
    TokenizerConfig,
)
from rlsplit.config.sections.trainer import (
    AdamWConfig,
    ConstantSchedulerConfig,
    GCConfig,
    Optimizer,
    Scheduler,
    TrainerCheckpointConfig,
    TrainerLogConfig,
)
from rlsplit.config.sections.trainer_model import TrainerModelConfig
from rlsplit.config.sections.transport import TrainerWeightBroadcast
from rlsplit.config.tables.renderer_map import MODEL_RENDERER_MAP


class SFTLossMaskConfig(Section):
    """Whose messages the model learns to write."""

    system: bool = False
    """Trains on system messages."""
    user: bool = False
    """Trains on user messages."""
    assistant: bool = True
    """Trains on the assistant's messages."""
    tool: bool = False
    """Trains on tool messages."""


class DataConfig(Section):
    """What every source of training sequences has."""

    batch_size: int = Field(default=128, ge=1)
    """Sequences in each training step, a multiple of `micro_batch_size`."""
    seq_len: int = Field(default=128, ge=1)
    """Length of the packed training sequences, in tokens; a multiple of `model.cp`."""
    micro_batch_size: int = Field(default=1, ge=1)
    """Sequences that one GPU works on at a time."""
    num_workers: int = Field(default=1, ge=1)
    """Processes that load and tokenize data."""


class SFTFakeDataConfig(DataConfig):
    """Made-up training sequences, for testing."""

    type: Literal["fake"] = "fake"
    """Selects made-up data."""
    length: Literal["fixed", "variable"] = "fixed"
    """Whether all sequences are equally long."""
    input_ids: Literal["increasing", "random"] = "increasing"
    """Which tokens a sequence is made of."""
    seed: int = 0
    """Seed of the random tokens and lengths."""


class SFTDataConfig(DataConfig):
    """A dataset of conversations."""

    type: Literal["sft"] = "sft"
    """Selects a dataset."""
    name: str = "PrimeIntellect/Reverse-Text-SFT"
    """Hugging Face id or local path of the dataset."""
    subsets: list[str] | None = None
    """Subsets of the dataset to mix; null takes the default one."""
    splits: list[str] | None = None
    """Splits to mix, one for each subset; null takes the training split."""
    probabilities: list[float] | None = None
    """Share of each subset or split in the mixture; null mixes them as they come."""
    stopping_strategy: Literal["first_exhausted", "all_exhausted"] = "all_exhausted"
    """Whether a pass over the mixture ends with its shortest part or with its longest."""
    shuffle: bool = True
    """Shuffles the dataset at the start of every epoch."""
    seed: int = 0
    """Seed of the shuffle and of the mixture."""
    loss_mask: SFTLossMaskConfig = Field(default_factory=unwritten(SFTLossMaskConfig))
    """Whose messages count in the loss."""


SFTData = Annotated[SFTFakeDataConfig | SFTDataConfig, Field(discriminator="type")]
"""What is trained on."""


class SFTValConfig(Section):
    """Loss on data that is not trained on."""

    interval: int = Field(default=50, ge=1)
    """Training steps between two validations."""
    eval_on_start: bool = False
    """Validates once before the first step."""
    data: SFTDataConfig
    """The validation dataset; mandatory."""


class SFTSingleNodeDeploymentConfig(NodeConfig):
    """GPU layout of an SFT run on one machine."""

    second_spellings: ClassVar[Mapping[str, str]] = {"num_eval_gpus": "num_infer_gpus"}

    type: Literal["single_node"] = "single_node"
    """Selects a run on one machine."""
    num_train_gpus: int = 1
    """GPUs for the trainer, at most `gpus_per_node`."""
    num_infer_gpus: int = 1
    """GPUs for inference during online evals, a multiple of `tensor_parallel_size`; counted only with `eval` and
    `inference`. May be written `num_eval_gpus`."""


class SFTMultiNodeDeploymentConfig(NodeConfig):
    """GPU and node layout of an SFT run on several machines."""

    second_spellings: ClassVar[Mapping[str, str]] = {"num_eval_nodes": "num_infer_nodes"}

    type: Literal["multi_node"] = "multi_node"
    """Selects a run on several machines."""
    num_train_nodes: int = Field(default=2, ge=1)
    """Machines for the trainer."""
    num_infer_nodes: int = Field(default=0, ge=0)
    """Machines for inference during online evals, each a replica of its own; needed with `eval`. May be written
    `num_eval_nodes`."""
    nodes_per_fsdp_group: int | None = None
    """Machines over which one copy of the weights is sharded, a divisor of `num_train_nodes`; null sets no
    grouping."""


SFTDeployment = Annotated[SFTSingleNodeDeploymentConfig | SFTMultiNodeDeploymentConfig, Field(discriminator="type")]
"""GPU and node layout of an SFT run."""


class SFTConfig(RootConfig):
    """Complete configuration of one supervised fine-tuning run: the trainer, its data, and the evals that may go on
    beside it."""

    kind: ClassVar[Literal["sft"]] = "sft"
    injected_tags: ClassVar[Tags] = {
        "data": ("type", "sft"),
        "optim": ("type", "adamw"),
        "scheduler": ("type", "constant"),
        "deployment": ("type", "single_node"),
    }
    model_renderers: ClassVar[Mapping[str, str]] = MODEL_RENDERER_MAP
    """Model id to the renderer that the automatic choice takes (SFT-57)."""

    model: TrainerModelConfig = Field(default_factory=unwritten(TrainerModelConfig))
    """Model to train with its kernels, sharding, memory savings, precision and adapters."""
    env_vars: EnvVars = Field(default_factory=dict)
    """Operating system variables set for every launched component."""
    tokenizer: TokenizerConfig = Field(default_factory=unwritten(TokenizerConfig))
    """Tokenizer of the training data; derived from the model where unset."""
    renderer: Renderer = Field(default_factory=unwritten(AutoRendererConfig))
    """Turns conversations into tokens; auto looks the variant up by tokenizer or model name."""
    data: SFTData = Field(default_factory=unwritten(SFTDataConfig))
    """What is trained on: a dataset, or made-up data for testing."""
    val: SFTValConfig | None = None
    """Validation on other data; null runs none."""
    eval: EvalsEvalConfig | None = None
    """Evaluations in environments while the run goes on; null runs none."""
    inference: InferenceConfig | None = None
    """vLLM server for the evaluations; null uses one that is operated elsewhere. Refused without `eval`."""
    weight_broadcast: TrainerWeightBroadcast | None = None
    """How new weights travel to inference; null means NCCL, or the filesystem with LoRA or without inference."""
    optim: Optimizer = Field(default_factory=unwritten(AdamWConfig))
    """Optimizer and its learning rate; AdamW by default."""
    scheduler: Scheduler = Field(default_factory=unwritten(ConstantSchedulerConfig))
    """How the learning rate changes over the run; constant by default."""
    ckpt: TrainerCheckpointConfig | None = None
    """Checkpoint saving; null saves none."""
    resume: ResumeConfig | None = None
    """Checkpoint to continue from; null starts fresh, an empty table takes the newest of this run."""
    log: TrainerLogConfig = Field(default_factory=unwritten(TrainerLogConfig))
    """Verbosity, format and console filter of the trainer's log; level and format also of the evals'."""
    monitors: MonitorsConfig = Field(default_factory=unwritten(MonitorsConfig))
    """Destinations of the metrics of trainer and evals."""
    run: RunConfig = Field(default_factory=unwritten(RunConfig))
    """Name of the run and of its directory."""
    output_dir: PathText = "outputs"
    """Parent folder of runs; this run writes to `output_dir/run.dir`."""
    clean: bool = False
    """Deletes an existing run directory before starting instead of refusing to write into it."""
    matmul_precision: Literal["highest", "high", "medium"] = "high"
    """Precision of float32 matrix products; lower settings may use faster reduced-precision kernels."""
    max_steps: int | None = None
    """Last training step; null trains without end."""
    memory_profiler_path: PathText | None = None
    """Path under which the trainer's memory profile is written; null records none."""
    gc: GCConfig | None = Field(default_factory=unwritten(GCConfig))
    """Garbage collection synchronized over all ranks; null keeps Python's own automatic collection."""
    trace_path: PathText | None = None
    """Folder for profiler traces; needs a run of fewer than 10 steps. Null records none."""
    dist_timeout_seconds: int = 3600
    """Longest time a collective operation may take before the trainer gives up, in seconds."""
    heartbeat: HeartbeatConfig | None = None
    """Address pinged regularly while the trainer is alive; null sends no pings."""
    deployment: SFTDeployment = Field(default_factory=unwritten(SFTSingleNodeDeploymentConfig))
    """GPU and node layout of the whole run; one machine with 1 training GPU by default."""
    slurm: SlurmConfig | None = None
    """Submits the run as SLURM jobs with these options; null runs it on the local machine."""
    dry_run: bool = False
    """Compiles the configuration, writes the files and stops without starting any process."""
