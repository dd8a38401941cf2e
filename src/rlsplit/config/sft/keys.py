"""The keys of an SFT run's configuration that rules between sections name, where an RL run has them elsewhere."""

from __future__ import annotations

from typing import Final

from rlsplit.config.keys import key
from rlsplit.config.sections.evals import EvalsEvalConfig
from rlsplit.config.sections.inference import InferenceConfig
from rlsplit.config.sections.sft import (
    DataConfig,
    SFTConfig,
    SFTDataConfig,
    SFTSingleNodeDeploymentConfig,
    SFTValConfig,
)
from rlsplit.config.sections.shared import SlurmConfig, VLMConfig, WandbMonitorConfig
from rlsplit.config.sections.trainer_model import TrainerLoRAConfig
from rlsplit.config.sections.transport import (
    TrainerBroadcastEndpoint,
    TrainerNCCLWeightBroadcastConfig,
    WeightBroadcastConfig,
)
from rlsplit.config.sections.vllm import VllmConfig

MAX_STEPS: Final = key(SFTConfig, lambda config: config.max_steps)
MAX_NORM: Final = key(SFTConfig, lambda config: config.optim.max_norm)
TOKENIZER_NAME: Final = key(SFTConfig, lambda config: config.tokenizer.name)
TOKENIZER_CODE: Final = key(SFTConfig, lambda config: config.tokenizer.trust_remote_code)
RENDERER_NAME: Final = key(SFTConfig, lambda config: config.renderer.name)
RUN_NAME: Final = key(SFTConfig, lambda config: config.run.name)
RUN_DIR: Final = key(SFTConfig, lambda config: config.run.dir)
WANDB: Final = key(SFTConfig, lambda config: config.monitors.wandb)
WANDB_NAME: Final = key(WandbMonitorConfig, lambda wandb: wandb.name, WANDB)
SLURM: Final = key(SFTConfig, lambda config: config.slurm)
PROJECT_DIR: Final = key(SlurmConfig, lambda slurm: slurm.project_dir, SLURM)

MODEL_NAME: Final = key(SFTConfig, lambda config: config.model.name)
CP: Final = key(SFTConfig, lambda config: config.model.cp)
DP_REPLICATE: Final = key(SFTConfig, lambda config: config.model.dp_replicate)
LORA: Final = key(SFTConfig, lambda config: config.model.lora)
LORA_RANK: Final = key(TrainerLoRAConfig, lambda lora: lora.rank, LORA)
VLM: Final = key(SFTConfig, lambda config: config.model.vlm)
FREEZE_VISION: Final = key(VLMConfig, lambda vlm: vlm.freeze_vision_encoder, VLM)

DATA: Final = key(SFTConfig, lambda config: config.data)
DATA_NAME: Final = key(SFTDataConfig, lambda data: data.name, DATA)
DATA_BATCH: Final = key(DataConfig, lambda data: data.batch_size, DATA)
DATA_SEQ_LEN: Final = key(DataConfig, lambda data: data.seq_len, DATA)
DATA_MICRO_BATCH: Final = key(DataConfig, lambda data: data.micro_batch_size, DATA)
VAL: Final = key(SFTConfig, lambda config: config.val)
VAL_DATA: Final = key(SFTValConfig, lambda val: val.data, VAL)
VAL_NAME: Final = key(SFTDataConfig, lambda data: data.name, VAL_DATA)
VAL_SEQ_LEN: Final = key(DataConfig, lambda data: data.seq_len, VAL_DATA)
VAL_MICRO_BATCH: Final = key(DataConfig, lambda data: data.micro_batch_size, VAL_DATA)

NUM_TRAIN_GPUS: Final = key(
    SFTSingleNodeDeploymentConfig,
    lambda layout: layout.num_train_gpus,
    key(SFTConfig, lambda config: config.deployment),
)

EVAL: Final = key(SFTConfig, lambda config: config.eval)
RETRIGGER: Final = key(EvalsEvalConfig, lambda group: group.retrigger_on_resume, EVAL)
BASE_URL: Final = key(EvalsEvalConfig, lambda group: group.client.base_url, EVAL)
ADMIN_BASE_URL: Final = key(EvalsEvalConfig, lambda group: group.client.admin_base_url, EVAL)

BROADCAST: Final = key(SFTConfig, lambda config: config.weight_broadcast)
BROADCAST_TYPE: Final = key(TrainerNCCLWeightBroadcastConfig, lambda broadcast: broadcast.type, BROADCAST)
WORLD: Final = key(TrainerBroadcastEndpoint, lambda broadcast: broadcast.inference_world_size, BROADCAST)

INFERENCE: Final = key(SFTConfig, lambda config: config.inference)
SERVED_MODEL: Final = key(
    VllmConfig, lambda vllm: vllm.model, key(InferenceConfig, lambda server: server.vllm, INFERENCE)
)
INFERENCE_BROADCAST_TYPE: Final = key(
    WeightBroadcastConfig,
    lambda broadcast: broadcast.type,
    key(InferenceConfig, lambda inference: inference.weight_broadcast, INFERENCE),
)
INFERENCE_PROJECT_DIR: Final = key(
    SlurmConfig, lambda slurm: slurm.project_dir, key(InferenceConfig, lambda inference: inference.slurm, INFERENCE)
)
