"""The keys of a run's configuration that rules between sections name."""

from __future__ import annotations

from typing import Final

from rlsplit.config.keys import key
from rlsplit.config.sections.algorithms import ClientConfig
from rlsplit.config.sections.deployment import (
    MultiNodeDeploymentConfig,
    MultiNodeInferenceDeploymentConfig,
    NodeConfig,
    SingleNodeDeploymentConfig,
)
from rlsplit.config.sections.inference import InferenceConfig, NativeKVCacheOffloadConfig, VllmRouterConfig
from rlsplit.config.sections.orchestrator import OrchestratorCheckpointConfig, OrchestratorLoRAConfig
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.sections.shared import PrimeMonitorConfig, SharedWandbConfig, WandbMonitorConfig
from rlsplit.config.sections.trainer import TrainerCheckpointConfig
from rlsplit.config.sections.trainer_model import TrainerLoRAConfig
from rlsplit.config.sections.transport import (
    OrchestratorBroadcastEndpoint,
    SharedNCCLWeightBroadcastConfig,
    TrainerBroadcastEndpoint,
    TrainerNCCLWeightBroadcastConfig,
    ZMQTransportConfig,
)
from rlsplit.config.sections.vllm import VllmConfig

# --- the root -----------------------------------------------------------------------------------------------------

OUTPUT_DIR: Final = key(RLConfig, lambda config: config.output_dir)
RUN_NAME: Final = key(RLConfig, lambda config: config.run.name)
RUN_DIR: Final = key(RLConfig, lambda config: config.run.dir)
CLEAN: Final = key(RLConfig, lambda config: config.clean)
RESUME: Final = key(RLConfig, lambda config: config.resume)
SLURM: Final = key(RLConfig, lambda config: config.slurm)
TRANSPORT: Final = key(RLConfig, lambda config: config.rollout_transport)
BROADCAST: Final = key(RLConfig, lambda config: config.weight_broadcast)
BROADCAST_TYPE: Final = key(SharedNCCLWeightBroadcastConfig, lambda shared: shared.type, BROADCAST)
QUANTIZED_TRANSFER: Final = key(
    SharedNCCLWeightBroadcastConfig, lambda shared: shared.quantize_in_weight_transfer, BROADCAST
)
WANDB: Final = key(RLConfig, lambda config: config.monitors.wandb)
WANDB_NAME: Final = key(SharedWandbConfig, lambda wandb: wandb.name, WANDB)
PRIME: Final = key(RLConfig, lambda config: config.monitors.prime)
PRIME_NAME: Final = key(PrimeMonitorConfig, lambda prime: prime.name, PRIME)

# --- deployment ---------------------------------------------------------------------------------------------------

DEPLOYMENT: Final = key(RLConfig, lambda config: config.deployment)
DEPLOYMENT_TYPE: Final = key(MultiNodeDeploymentConfig, lambda layout: layout.type, DEPLOYMENT)
GPUS_PER_NODE: Final = key(NodeConfig, lambda layout: layout.gpus_per_node, DEPLOYMENT)
NUM_TRAIN_GPUS: Final = key(SingleNodeDeploymentConfig, lambda layout: layout.num_train_gpus, DEPLOYMENT)
NUM_INFER_GPUS: Final = key(SingleNodeDeploymentConfig, lambda layout: layout.num_infer_gpus, DEPLOYMENT)
NUM_TRAIN_NODES: Final = key(MultiNodeDeploymentConfig, lambda layout: layout.num_train_nodes, DEPLOYMENT)
NUM_INFER_NODES: Final = key(MultiNodeDeploymentConfig, lambda layout: layout.num_infer_nodes, DEPLOYMENT)
NUM_INFER_REPLICAS: Final = key(MultiNodeDeploymentConfig, lambda layout: layout.num_infer_replicas, DEPLOYMENT)
NODES_PER_FSDP_GROUP: Final = key(MultiNodeDeploymentConfig, lambda layout: layout.nodes_per_fsdp_group, DEPLOYMENT)

# --- trainer ------------------------------------------------------------------------------------------------------

TRAINER_OUTPUT_DIR: Final = key(RLConfig, lambda config: config.trainer.output_dir)
TRAINER_RESUME: Final = key(RLConfig, lambda config: config.trainer.resume)
TRAINER_MAX_STEPS: Final = key(RLConfig, lambda config: config.trainer.max_steps)
TRAINER_CKPT: Final = key(RLConfig, lambda config: config.trainer.ckpt)
TRAINER_CKPT_INTERVAL: Final = key(TrainerCheckpointConfig, lambda ckpt: ckpt.interval, TRAINER_CKPT)
TRAINER_WANDB: Final = key(RLConfig, lambda config: config.trainer.monitors.wandb)
TRAINER_WANDB_NAME: Final = key(WandbMonitorConfig, lambda wandb: wandb.name, TRAINER_WANDB)
TRAINER_WANDB_PROJECT: Final = key(WandbMonitorConfig, lambda wandb: wandb.project, TRAINER_WANDB)
TRAINER_CHAT_TEMPLATE: Final = key(RLConfig, lambda config: config.trainer.tokenizer.chat_template)
TRAINER_TRANSPORT: Final = key(RLConfig, lambda config: config.trainer.rollout_transport)
TRAINER_TRANSPORT_TYPE: Final = key(ZMQTransportConfig, lambda transport: transport.type, TRAINER_TRANSPORT)
TRAINER_BROADCAST: Final = key(RLConfig, lambda config: config.trainer.weight_broadcast)
TRAINER_BROADCAST_TYPE: Final = key(TrainerNCCLWeightBroadcastConfig, lambda end: end.type, TRAINER_BROADCAST)
TRAINER_WORLD: Final = key(TrainerBroadcastEndpoint, lambda end: end.inference_world_size, TRAINER_BROADCAST)
TRAINER_HOST: Final = key(TrainerBroadcastEndpoint, lambda end: end.host, TRAINER_BROADCAST)
ROUTER_REPLAY: Final = key(RLConfig, lambda config: config.trainer.enable_router_replay)
FAKE_DATA: Final = key(RLConfig, lambda config: config.trainer.data.fake)

TRAINER_MODEL_NAME: Final = key(RLConfig, lambda config: config.trainer.model.name)
TRAINER_SEQ_LEN: Final = key(RLConfig, lambda config: config.trainer.model.seq_len)
IMPL: Final = key(RLConfig, lambda config: config.trainer.model.impl)
CP: Final = key(RLConfig, lambda config: config.trainer.model.cp)
DP_REPLICATE: Final = key(RLConfig, lambda config: config.trainer.model.dp_replicate)
LORA: Final = key(RLConfig, lambda config: config.trainer.model.lora)
LORA_RANK: Final = key(TrainerLoRAConfig, lambda lora: lora.rank, LORA)
LORA_ALPHA: Final = key(TrainerLoRAConfig, lambda lora: lora.alpha, LORA)

# --- orchestrator -------------------------------------------------------------------------------------------------

ORCHESTRATOR_OUTPUT_DIR: Final = key(RLConfig, lambda config: config.orchestrator.output_dir)
ORCHESTRATOR_RESUME: Final = key(RLConfig, lambda config: config.orchestrator.resume)
ORCHESTRATOR_MAX_STEPS: Final = key(RLConfig, lambda config: config.orchestrator.max_steps)
ORCHESTRATOR_SEQ_LEN: Final = key(RLConfig, lambda config: config.orchestrator.seq_len)
ORCHESTRATOR_CKPT: Final = key(RLConfig, lambda config: config.orchestrator.ckpt)
ORCHESTRATOR_CKPT_INTERVAL: Final = key(OrchestratorCheckpointConfig, lambda ckpt: ckpt.interval, ORCHESTRATOR_CKPT)
ORCHESTRATOR_WANDB: Final = key(RLConfig, lambda config: config.orchestrator.monitors.wandb)
ORCHESTRATOR_WANDB_NAME: Final = key(WandbMonitorConfig, lambda wandb: wandb.name, ORCHESTRATOR_WANDB)
ORCHESTRATOR_WANDB_PROJECT: Final = key(WandbMonitorConfig, lambda wandb: wandb.project, ORCHESTRATOR_WANDB)
ORCHESTRATOR_PRIME: Final = key(RLConfig, lambda config: config.orchestrator.monitors.prime)
ORCHESTRATOR_PRIME_NAME: Final = key(PrimeMonitorConfig, lambda prime: prime.name, ORCHESTRATOR_PRIME)
ORCHESTRATOR_CHAT_TEMPLATE: Final = key(RLConfig, lambda config: config.orchestrator.tokenizer.chat_template)
ORCHESTRATOR_TRANSPORT: Final = key(RLConfig, lambda config: config.orchestrator.rollout_transport)
ORCHESTRATOR_TRANSPORT_TYPE: Final = key(ZMQTransportConfig, lambda transport: transport.type, ORCHESTRATOR_TRANSPORT)
ORCHESTRATOR_BROADCAST: Final = key(RLConfig, lambda config: config.orchestrator.weight_broadcast)
ORCHESTRATOR_WORLD: Final = key(
    OrchestratorBroadcastEndpoint, lambda end: end.inference_world_size, ORCHESTRATOR_BROADCAST
)
PAD_TO_MULTIPLE_OF: Final = key(RLConfig, lambda config: config.orchestrator.pad_to_multiple_of)
NUM_TRAIN_WORKERS: Final = key(RLConfig, lambda config: config.orchestrator.num_train_workers)
METRICS_ROLES: Final = key(RLConfig, lambda config: config.orchestrator.inference_metrics_roles)

ORCHESTRATOR_MODEL_NAME: Final = key(RLConfig, lambda config: config.orchestrator.model.name)
ADAPTER: Final = key(RLConfig, lambda config: config.orchestrator.model.lora)
ADAPTER_NAME: Final = key(OrchestratorLoRAConfig, lambda adapter: adapter.name, ADAPTER)
ADAPTER_RANK: Final = key(OrchestratorLoRAConfig, lambda adapter: adapter.rank, ADAPTER)
ADAPTER_ALPHA: Final = key(OrchestratorLoRAConfig, lambda adapter: adapter.alpha, ADAPTER)
CLIENT: Final = key(RLConfig, lambda config: config.orchestrator.model.client)
BASE_URL: Final = key(ClientConfig, lambda client: client.base_url, CLIENT)
ADMIN_BASE_URL: Final = key(ClientConfig, lambda client: client.admin_base_url, CLIENT)

# --- inference ----------------------------------------------------------------------------------------------------

INFERENCE: Final = key(RLConfig, lambda config: config.inference)
SERVER_HOST: Final = key(InferenceConfig, lambda inference: inference.server.host, INFERENCE)
SERVER_PORT: Final = key(InferenceConfig, lambda inference: inference.server.port, INFERENCE)
BACKEND_PORT: Final = key(InferenceConfig, lambda inference: inference.backend_port, INFERENCE)
ROUTER: Final = key(InferenceConfig, lambda inference: inference.router, INFERENCE)
ROUTER_TYPE: Final = key(VllmRouterConfig, lambda router: router.type, ROUTER)
KV_CACHE_OFFLOAD: Final = key(InferenceConfig, lambda inference: inference.kv_cache_offload, INFERENCE)
OFFLOAD_TYPE: Final = key(NativeKVCacheOffloadConfig, lambda offload: offload.type, KV_CACHE_OFFLOAD)
INFERENCE_BROADCAST: Final = key(InferenceConfig, lambda inference: inference.weight_broadcast, INFERENCE)
LAYOUT: Final = key(InferenceConfig, lambda inference: inference.deployment, INFERENCE)
LAYOUT_TYPE: Final = key(MultiNodeInferenceDeploymentConfig, lambda layout: layout.type, LAYOUT)
LAYOUT_NODES: Final = key(MultiNodeInferenceDeploymentConfig, lambda layout: layout.num_nodes, LAYOUT)

VLLM: Final = key(InferenceConfig, lambda inference: inference.vllm, INFERENCE)
SERVED_MODEL: Final = key(VllmConfig, lambda vllm: vllm.model, VLLM)
SERVED_CHAT_TEMPLATE: Final = key(VllmConfig, lambda vllm: vllm.chat_template, VLLM)
TP: Final = key(VllmConfig, lambda vllm: vllm.tensor_parallel_size, VLLM)
DP: Final = key(VllmConfig, lambda vllm: vllm.data_parallel_size, VLLM)
DP_LOCAL: Final = key(VllmConfig, lambda vllm: vllm.data_parallel_size_local, VLLM)
API_SERVERS: Final = key(VllmConfig, lambda vllm: vllm.api_server_count, VLLM)
ENABLE_LORA: Final = key(VllmConfig, lambda vllm: vllm.enable_lora, VLLM)
MAX_LORA_RANK: Final = key(VllmConfig, lambda vllm: vllm.max_lora_rank, VLLM)
ENABLE_EPLB: Final = key(VllmConfig, lambda vllm: vllm.enable_eplb, VLLM)
ROUTED_EXPERTS: Final = key(VllmConfig, lambda vllm: vllm.enable_return_routed_experts, VLLM)
