"""What prime-rl's ``sft`` launcher computes for the run as a whole (SFT-rules)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Final

from rlsplit.config import run_keys as rl
from rlsplit.config.derivations.root import fsdp_replicas, rule, single_node_engines
from rlsplit.config.derivations.sections import (
    deepep_drops_gradient_clipping,
    full_offload_drops_gradient_clipping,
    tokenizer_follows_model,
)
from rlsplit.config.fields import explicit
from rlsplit.config.rules import Setting
from rlsplit.config.run_facts import engine_workers, last_part
from rlsplit.config.sections.sft import SFTConfig
from rlsplit.config.sections.transport import TrainerFileSystemWeightBroadcastConfig, TrainerNCCLWeightBroadcastConfig
from rlsplit.config.sft import keys as at


def automatic_run_name(config: SFTConfig) -> str:
    """``<dataset>--<model>--<8 hex digits>`` in lower case; what has no name is left out."""
    dataset = last_part(config.data.name) if config.data.type == "sft" else ""
    return "--".join(part for part in (dataset, last_part(config.model.name), config.name_suffix) if part).lower()


def names_of_the_run(config: SFTConfig) -> Iterator[Setting]:
    """The run gets a name and a directory below `output_dir`, and a W&B run without name takes the run's."""
    if config.run.name is None:
        yield Setting(at.RUN_NAME.path, automatic_run_name(config), of=(at.DATA.path, at.MODEL_NAME.path))
    if config.run.dir is None:
        yield Setting(at.RUN_DIR.path, config.run.name, of=(at.RUN_NAME.path,))
    wandb = config.monitors.wandb
    if wandb is not None and wandb.name is None:
        yield Setting(at.WANDB_NAME.path, config.run.name, of=(at.RUN_NAME.path,))


def served_lora(config: SFTConfig) -> Iterator[Setting]:
    """Inference serves the LoRA adapter that is trained."""
    lora = config.model.lora
    if config.eval is not None and config.inference is not None and lora is not None:
        yield Setting(rl.ENABLE_LORA.path, True, of=(at.LORA.path,))
        yield Setting(rl.MAX_LORA_RANK.path, lora.rank, of=(at.LORA_RANK.path,))


def default_broadcast(config: SFTConfig) -> Iterator[Setting]:
    """Online evals take new weights over NCCL, or over the filesystem with LoRA or without inference."""
    if config.eval is not None and config.weight_broadcast is None:
        in_memory = config.model.lora is None and config.inference is not None
        kind = TrainerNCCLWeightBroadcastConfig if in_memory else TrainerFileSystemWeightBroadcastConfig
        yield Setting(at.BROADCAST.path, kind.model_construct(), of=(at.LORA.path, at.INFERENCE.path))


def world_of_nodes(config: SFTConfig) -> Iterator[Setting]:
    """Over several machines an NCCL broadcast counts all their inference GPUs."""
    deployment = config.deployment
    if _broadcasts_nccl(config) and deployment.type == "multi_node":
        nodes, gpus = deployment.num_infer_nodes, deployment.gpus_per_node
        of = (rl.NUM_INFER_NODES.path, rl.GPUS_PER_NODE.path)
        yield Setting(at.WORLD.path, nodes * gpus, of, f"{nodes} nodes x {gpus} GPUs")


def world_of_one_node(config: SFTConfig) -> Iterator[Setting]:
    """On one machine an NCCL broadcast counts the GPUs of its engines."""
    if _broadcasts_nccl(config) and config.deployment.type == "single_node":
        yield Setting(at.WORLD.path, engine_workers(config), of=(rl.DP.path, rl.TP.path))


def _broadcasts_nccl(config: SFTConfig) -> bool:
    broadcast = config.weight_broadcast
    online = config.eval is not None and config.inference is not None
    return online and broadcast is not None and broadcast.type == "nccl"


def broadcast_of_inference(config: SFTConfig) -> Iterator[Setting]:
    """Inference takes new weights in the way in which the trainer sends them."""
    if config.eval is not None and config.inference is not None and config.weight_broadcast is not None:
        yield Setting(at.INFERENCE_BROADCAST_TYPE.path, config.weight_broadcast.type, of=(at.BROADCAST.path,))


def client_of_one_node(config: SFTConfig) -> Iterator[Setting]:
    """On one machine the evals find the inference server, and its engines behind a router."""
    group, inference = config.eval, config.inference
    if group is None or inference is None or config.deployment.type != "single_node":
        return
    host = inference.server.host or "localhost"
    if not explicit(group.client, "base_url"):
        url = f"http://{host}:{inference.server.port}/v1"
        yield Setting(at.BASE_URL.path, url, of=(rl.SERVER_HOST.path, rl.SERVER_PORT.path))
    if inference.router is not None and not explicit(group.client, "admin_base_url"):
        url = f"http://{host}:{inference.backend_port}/v1"
        yield Setting(at.ADMIN_BASE_URL.path, [url], of=(rl.SERVER_HOST.path, rl.BACKEND_PORT.path))


def replicas_of_fsdp(config: SFTConfig) -> Iterator[Setting]:
    """`nodes_per_fsdp_group` becomes the number of replicas of the sharded model."""
    yield from fsdp_replicas(config, at.DP_REPLICATE.path)


def absolute_project_dirs(config: SFTConfig) -> Iterator[Setting]:
    """A project folder for SLURM is absolute: a relative one is below the folder that the caller names."""
    served = config.inference.slurm if config.inference else None
    for key, slurm in ((at.PROJECT_DIR, config.slurm), (at.INFERENCE_PROJECT_DIR, served)):
        if slurm is not None:
            path = posixpath.normpath(posixpath.join(config.project_dir, slurm.project_dir))
            yield Setting(key.path, "/" + path.lstrip("/"), of=(key.path,))


ROOT_DERIVATIONS: Final = (
    rule("C-09", absolute_project_dirs, at.PROJECT_DIR, at.INFERENCE_PROJECT_DIR),
    rule("SFT-29", names_of_the_run, at.RUN_NAME, at.RUN_DIR, at.WANDB_NAME),
    rule("T-20", deepep_drops_gradient_clipping, at.MAX_NORM),
    rule("T-22", full_offload_drops_gradient_clipping, at.MAX_NORM),
    rule("SFT-35", served_lora, rl.ENABLE_LORA, rl.MAX_LORA_RANK),
    rule("SFT-36", default_broadcast, at.BROADCAST),
    rule("SFT-45", world_of_nodes, at.WORLD),
    rule("X-19", single_node_engines, rl.DP, rl.API_SERVERS),
    rule("SFT-53", world_of_one_node, at.WORLD),
    rule("SFT-46", broadcast_of_inference, at.INFERENCE_BROADCAST_TYPE),
    rule("SFT-55", client_of_one_node, at.BASE_URL, at.ADMIN_BASE_URL),
    rule("T-29", tokenizer_follows_model, at.TOKENIZER_NAME, at.TOKENIZER_CODE),
    rule("SFT-67", replicas_of_fsdp, at.DP_REPLICATE),
)
"""In prime-rl's order. Template paths reach no component."""
