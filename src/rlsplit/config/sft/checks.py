"""What prime-rl's ``sft`` launcher refuses between sections (SFT-rules)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rlsplit.config import run_keys as rl
from rlsplit.config.checks.root import (
    divisors_are_not_zero,
    fsdp_groups_divide_nodes,
    infer_gpus_hold_whole_engines,
    multi_node_needs_slurm,
    router_fronts_the_engines,
)
from rlsplit.config.checks.trainer import (
    ep_needs_custom_impl,
    full_offload_optimizers,
    muon_excludes_fsdp_offload,
    scheduler_fits_run,
    traces_are_short,
    vlm_lora_needs_frozen_encoder,
    vlm_needs_bfloat16,
)
from rlsplit.config.fields import explicit
from rlsplit.config.keys import Key
from rlsplit.config.rules import Check, Refusal
from rlsplit.config.sections.sft import DataConfig, SFTConfig
from rlsplit.config.sft import keys as at
from rlsplit.findings import shown

MAX_PORT: Final = 65535

_AUTHORITY: Final = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//([^/?#]*)")
_PORT: Final = re.compile(r"(?:[^\[\]:]*|\[[^\[\]]*\]):([0-9]+)")

# --- online evals ----------------------------------------------------------------------------------------------


def inference_serves_evals(config: SFTConfig) -> Iterator[Refusal]:
    """Inference belongs to online evals: without `eval` there is none."""
    if config.eval is None and config.inference is not None:
        yield Refusal(
            at.INFERENCE.path, "is refused without eval", "add [eval], or remove [inference]", (at.EVAL.path,)
        )


def lora_is_served(config: SFTConfig) -> Iterator[Refusal]:
    """A server that is operated elsewhere has to serve the LoRA adapter itself."""
    if config.eval is not None and config.inference is None and config.model.lora is not None:
        message = "is trained, so the external server must have been started with LoRA of at least this rank"
        yield Refusal(at.LORA.path, message, None, (at.INFERENCE.path,), severity="warning")


def evals_take_no_nixl(config: SFTConfig) -> Iterator[Refusal]:
    """Online evals cannot take new weights over NIXL."""
    broadcast = config.weight_broadcast
    if config.eval is not None and broadcast is not None and broadcast.type == "nixl":
        yield Refusal(at.BROADCAST_TYPE.path, '"nixl" does not work with eval', 'set type = "nccl" or "filesystem"')


def lora_travels_by_file(config: SFTConfig) -> Iterator[Refusal]:
    """A LoRA adapter reaches the evals over the filesystem only."""
    broadcast = config.weight_broadcast
    in_memory = broadcast is not None and broadcast.type == "nccl"
    if config.eval is not None and config.model.lora is not None and in_memory:
        related = (at.LORA.path,)
        yield Refusal(at.BROADCAST_TYPE.path, '"nccl" does not work with lora', 'set type = "filesystem"', related)


def retriggered_evals_read_files(config: SFTConfig) -> Iterator[Refusal]:
    """Evaluating again on resume needs weights that are still there, as files."""
    broadcast = config.weight_broadcast
    by_file = broadcast is None or broadcast.type == "filesystem"
    if config.eval is not None and config.eval.retrigger_on_resume and not by_file:
        message = 'needs weight_broadcast.type = "filesystem"'
        yield Refusal(at.RETRIGGER.path, message, "set that type, or remove it", (at.BROADCAST_TYPE.path,))


def evals_on_nodes_have_inference(config: SFTConfig) -> Iterator[Refusal]:
    """Over several machines online evals bring their inference along."""
    if config.eval is not None and config.deployment.type == "multi_node" and config.inference is None:
        related = (at.EVAL.path, rl.DEPLOYMENT_TYPE.path)
        yield Refusal(at.INFERENCE.path, "is required for eval on several machines", "add [inference]", related)


def evals_on_nodes_have_nodes(config: SFTConfig) -> Iterator[Refusal]:
    """Over several machines online evals have at least one for inference."""
    deployment = config.deployment
    if config.eval is not None and deployment.type == "multi_node" and deployment.num_infer_nodes < 1:
        message = f"must be at least 1 with eval, not {deployment.num_infer_nodes}"
        yield Refusal(rl.NUM_INFER_NODES.path, message, "set it to 1 or more", (at.EVAL.path,))


def the_trained_model_is_served(config: SFTConfig) -> Iterator[Refusal]:
    """Inference serves the model that is trained."""
    if config.eval is not None and config.inference is not None:
        served, trained = config.inference.vllm.model, config.model.name
        if served != trained:
            message = f"is {shown(served)}, but model.name is {shown(trained)}"
            yield Refusal(at.SERVED_MODEL.path, message, "leave it out", (at.MODEL_NAME.path,))


def engines_fill_nodes(config: SFTConfig) -> Iterator[Refusal]:
    """Over several machines the GPUs of each make whole engines."""
    deployment, inference = config.deployment, config.inference
    if config.eval is None or inference is None or deployment.type != "multi_node":
        return
    tp, gpus = inference.vllm.tensor_parallel_size, deployment.gpus_per_node
    if tp != 0 and gpus % tp != 0:
        message = f"must divide deployment.gpus_per_node = {gpus}, {tp} does not"
        yield Refusal(rl.TP.path, message, None, (rl.GPUS_PER_NODE.path,))


def evals_end(config: SFTConfig) -> Iterator[Refusal]:
    """Over several machines the evals process ends with the last step, so a run without one never ends."""
    if config.eval is not None and config.deployment.type == "multi_node" and config.max_steps is None:
        yield Refusal(at.MAX_STEPS.path, "is null, so the evals never end", "set it", (at.EVAL.path,), "warning")


def server_elsewhere(config: SFTConfig) -> Iterator[Refusal]:
    """Without inference the evals use a server that is operated elsewhere, which nothing here checks."""
    if config.eval is not None and config.deployment.type == "single_node" and config.inference is None:
        message = f"is a server operated elsewhere: {shown(config.eval.client.base_url)}"
        hint = "see that it serves the model and reads the run's weights, or add [inference]"
        yield Refusal(at.BASE_URL.path, message, hint, (at.INFERENCE.path,), severity="warning")


def gpus_fit_one_node(config: SFTConfig) -> Iterator[Refusal]:
    """Training and inference GPUs fit into one machine, where there are online evals."""
    deployment = config.deployment
    if config.eval is None or config.inference is None or deployment.type != "single_node":
        return
    train, infer, node = deployment.num_train_gpus, deployment.num_infer_gpus, deployment.gpus_per_node
    # Training GPUs that do not fit by themselves are refused as such (SFT-22).
    if train + infer > node >= train:
        message = f"{train} training + {infer} inference GPUs exceed gpus_per_node = {node}"
        hint = 'lower one of them, raise gpus_per_node, or use type = "multi_node"'
        yield Refusal(rl.NUM_TRAIN_GPUS.path, message, hint, (rl.NUM_INFER_GPUS.path, rl.GPUS_PER_NODE.path))


def client_calls_the_server(config: SFTConfig) -> Iterator[Refusal]:
    """On one machine a `base_url` that was written has the port of the inference server."""
    group, inference = config.eval, config.inference
    if group is None or inference is None or config.deployment.type != "single_node":
        return
    url, port = group.client.base_url, inference.server.port
    if explicit(group.client, "base_url") and written_port(url) != port:
        message = f"must have the port {port} of inference.server, {shown(url)} does not"
        yield Refusal(at.BASE_URL.path, message, "leave it out", (rl.SERVER_PORT.path,))


def written_port(url: str) -> int | None:
    """The port that a URL spells out; None if it has none, or none that is a port."""
    authority = _AUTHORITY.match(url.strip())
    port = _PORT.fullmatch(authority[1].rpartition("@")[2]) if authority else None
    digits = port[1].lstrip("0") if port else ""
    if port is None or len(digits) > len(str(MAX_PORT)):
        return None
    number = int(digits or "0")
    return number if number <= MAX_PORT else None


def nccl_needs_inference(config: SFTConfig) -> Iterator[Refusal]:
    """An NCCL broadcast needs inference: the launcher refuses to start without it."""
    broadcast = config.weight_broadcast
    if config.inference is None and broadcast is not None and broadcast.type == "nccl":
        hint = 'remove [weight_broadcast], or set type = "filesystem"'
        yield Refusal(at.BROADCAST_TYPE.path, '"nccl" needs inference', hint, (at.INFERENCE.path,))


# --- the trainer -----------------------------------------------------------------------------------------------


def renderer_is_known(config: SFTConfig) -> Iterator[Refusal]:
    """The automatic renderer knows the tokenizer, or else the model, and the default one is not for training."""
    if config.data.type == "fake" and config.val is None:
        return
    kind, name = config.renderer.name, config.tokenizer.name or config.model.name
    hint = "write [renderer] with the name of its chat format, or name the model that it comes from as tokenizer.name"
    if kind == "default":
        yield Refusal(at.RENDERER_NAME.path, '"default" cannot tell whose message a token belongs to', hint)
    elif kind == "auto" and name not in config.model_renderers:
        message = f'"auto" knows no renderer for {shown(name)}'
        yield Refusal(at.RENDERER_NAME.path, message, hint, (at.TOKENIZER_NAME.path, at.MODEL_NAME.path))


def _data(
    config: SFTConfig, of_data: Key[DataConfig, int], of_val: Key[DataConfig, int]
) -> Iterator[tuple[Key[DataConfig, int], int]]:
    """One number of the training data and of the validation data, each with its key."""
    yield of_data, of_data.read(config.data)
    if config.val is not None:
        yield of_val, of_val.read(config.val.data)


def sequences_divide_by_context(config: SFTConfig) -> Iterator[Refusal]:
    """Context parallelism cuts sequences into equal parts."""
    cp = config.model.cp
    for key, length in _data(config, at.DATA_SEQ_LEN, at.VAL_SEQ_LEN):
        if cp > 1 and length % cp != 0:
            message = f"must be a multiple of model.cp = {cp}, not {length}"
            yield Refusal(key.path, message, f"set it to {-(-length // cp) * cp}", (at.CP.path,))


def context_needs_single_sequences(config: SFTConfig) -> Iterator[Refusal]:
    """Context parallelism works on one sequence at a time."""
    cp = config.model.cp
    for key, size in _data(config, at.DATA_MICRO_BATCH, at.VAL_MICRO_BATCH):
        if cp > 1 and size != 1:
            yield Refusal(key.path, f"must be 1 with model.cp = {cp}, not {size}", "remove it", (at.CP.path,))


def vision_needs_single_sequences(config: SFTConfig) -> Iterator[Refusal]:
    """Vision-language models work on one sequence at a time."""
    for key, size in _data(config, at.DATA_MICRO_BATCH, at.VAL_MICRO_BATCH):
        if config.model.vlm is not None and size != 1:
            yield Refusal(key.path, f"must be 1 for a model with vlm, not {size}", "remove it", (at.VLM.path,))


ROOT_CHECKS: Final = (
    Check("T-21", full_offload_optimizers),
    Check("SFT-33", multi_node_needs_slurm),
    Check("SFT-34", inference_serves_evals),
    Check("SFT-35", lora_is_served),
    Check("SFT-37", evals_take_no_nixl),
    Check("SFT-38", lora_travels_by_file),
    Check("SFT-39", retriggered_evals_read_files),
    Check("SFT-40", evals_on_nodes_have_inference),
    Check("SFT-41", evals_on_nodes_have_nodes),
    Check("SFT-42", router_fronts_the_engines),
    Check("SFT-43", the_trained_model_is_served),
    Check("SFT-44", engines_fill_nodes),
    Check("SFT-47", evals_end),
    Check("SFT-48", server_elsewhere),
    Check("SFT-49", gpus_fit_one_node),
    Check("X-19", divisors_are_not_zero),
    Check("SFT-51", infer_gpus_hold_whole_engines),
    Check("SFT-55", client_calls_the_server),
    Check("SFT-57", renderer_is_known),
    Check("SFT-58", sequences_divide_by_context),
    Check("SFT-59", context_needs_single_sequences),
    Check("T-24", vlm_lora_needs_frozen_encoder),
    Check("T-23", vlm_needs_bfloat16),
    Check("SFT-61", vision_needs_single_sequences),
    Check("T-25", traces_are_short),
    Check("T-26", scheduler_fits_run),
    Check("T-27", muon_excludes_fsdp_offload),
    Check("T-30", ep_needs_custom_impl),
    Check("SFT-67", fsdp_groups_divide_nodes),
)
"""In prime-rl's order."""

LAUNCHER_CHECKS: Final = (Check("SFT-69", nccl_needs_inference),)
"""What the launcher refuses, and the trainer that reads its file does not."""
