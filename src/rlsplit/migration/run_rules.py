"""Rules of rows about the run as a whole: where it writes, where it starts from, how weights travel, how it trains."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from rlsplit.findings import KeyPath, dotted, shown
from rlsplit.migration.draft import Draft
from rlsplit.migration.rows import Rule, moved
from rlsplit.plain_data import is_list, is_table
from rlsplit.releases.changes import Change

DEFAULT_FOLDER: Final = "outputs"
"""The output_dir of every release, if none was written."""

IPO_THRESHOLD: Final = 0.2
"""Both masks of v0.5's default loss, and the threshold of today's ipo."""


def output_dir(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """Name the run after the last part of its folder, so that it writes where it wrote."""
    folder = draft.at(path)
    if not isinstance(folder, str) or draft.has(("run", "name")) or draft.has(("run", "dir")):
        return
    where = PurePosixPath(folder)
    if not where.name or where.name == ".." or folder == DEFAULT_FOLDER:
        return
    draft.put(path, str(where.parent))
    draft.put(("run", "name"), where.name, near=path)
    draft.decide(
        path,
        f"a run writes to output_dir/run.name since {change.since}; {folder} is output_dir = "
        f"{shown(str(where.parent))} and run.name = {shown(where.name)} now",
        "give each start that is not to go on in that folder another run.name",
    )


def derived_dir(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """A component's folder is derived now, and another one refused."""
    draft.idle(path, f"it is left out: it is derived from output_dir and run.name since {change.since}")
    draft.drop(path)


def clean(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """What is deleted is the folder of one run."""
    if draft.at(path) is True:
        draft.decide(path, f"clean deletes output_dir/run.dir only, since {change.since}, and not all of output_dir")
    moved(draft, change, path, at)


def resume_step(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """A step to go on from has a table of its own; -1, the newest checkpoint, is an empty one."""
    step = draft.at(path)
    resume = (*path[:-2], "resume")
    if step == -1:
        draft.put(resume, {}, near=path)
    elif isinstance(step, int) and step > 0:
        draft.put((*resume, "step"), step, near=path)
    draft.drop(path)
    if draft.has(resume) and not draft.has(("run", "name")):
        draft.decide(
            path,
            f"checkpoints are looked for in output_dir/run.name since {change.since}; the old run wrote to output_dir",
            "set run.name to the folder of the old run, or resume.dir to that folder",
        )


def broadcast(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """A table without type gets the one that it had: filesystem up to v0.6, nccl in v0.7."""
    table = draft.at(path)
    if is_table(table) and "type" not in table:
        draft.put((*path, "type"), "filesystem" if draft.was_before("v0.7.0") else "nccl")


def of_nccl(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """Settings of nccl had no effect under filesystem, where they are refused now."""
    if draft.at((*path[:-1], "type")) == "filesystem":
        draft.idle(path, "it is left out: without effect under filesystem")
        draft.drop(path)


def gpu_ids(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """Of a list of GPUs their number is left."""
    found = draft.at(path)
    if is_list(found) and not draft.has(("deployment", change.new[0][-1].key)):
        draft.put(("deployment", change.new[0][-1].key), len(found), near=path)
    draft.lost(path, f"{shown(found)} is lost: which GPUs is not said any more, only how many")
    draft.drop(path)


def model_length(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """The length of the engine's model, where there is an engine."""
    if draft.has(("inference",)):
        moved(draft, change, path, at)
    else:
        draft.idle(path, "it is left out: there is no [inference]")
        draft.drop(path)


# --- the loss --------------------------------------------------------------------------------------------------


def loss_type(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """v0.5's default loss is called ipo today; sft became an algorithm."""
    kind = draft.at(path)
    if kind == "default":
        draft.put(path, "ipo")
    elif kind == "sft":
        draft.put(("orchestrator", "algo", "type"), "sft")
        for key in ("teacher_tau", "ipo_mask_low", "ipo_mask_high"):
            draft.drop((*path[:-1], key))
        draft.lost(path[:-1], "it is left out: the loss follows the algorithm", 'see orchestrator.algo.type = "sft"')
        draft.drop(path[:-1])


def ipo_mask(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """Both masks are one threshold today; two different ones have no successor."""
    loss = path[:-1]
    low, high = (draft.at((*loss, key), IPO_THRESHOLD) for key in ("ipo_mask_low", "ipo_mask_high"))
    if low == high:
        draft.put((*loss, "type"), "ipo", near=path)
        draft.put((*loss, "ipo_threshold"), low, near=path)
    else:
        draft.put((*loss, "type"), "ipo", near=path)
        draft.lost(
            path, f"{draft.shown_at(path)} is lost: low and high are one ipo_threshold, {IPO_THRESHOLD} if unset"
        )
    for key in ("ipo_mask_low", "ipo_mask_high"):
        draft.drop((*loss, key))


# --- the engine ------------------------------------------------------------------------------------------------


def vllm_extra(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """Further engine arguments stand beside the typed ones, over which they won."""
    extra = draft.at(path)
    for key in list(extra) if is_table(extra) else ():
        new = ("inference", "vllm", key.replace("-", "_"))
        if draft.has(new) and draft.at(new) != extra[key]:
            draft.lost(new, f"{shown(draft.at(new))} is left out: {dotted((*path, key))} won over it")
            draft.drop(new)
        draft.move((*path, key), new)
    if draft.at(path) == {}:
        draft.sweep(path)


def nodes_per_replica(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """All nodes of a role were counted, and those of one replica are."""
    nodes = draft.at(path)
    replicas = draft.at((*path[:-1], path[-1].replace("_nodes", "_replicas")), 1) if isinstance(path[-1], str) else 1
    moved(draft, change, path, at)
    if isinstance(nodes, int) and isinstance(replicas, int) and replicas > 1:
        draft.put((*path[:-1], change.new[0][-1].key), nodes // replicas)


def texts(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """Environment variables are texts."""
    values = draft.at(path)
    moved(draft, change, path, at)
    for key, value in list(values.items()) if is_table(values) else ():
        if not isinstance(value, str):
            draft.put((*path[:-1], change.new[0][-1].key, key), str(value))


def cache_bytes(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """The native offload has its size in a table."""
    size = draft.at(path)
    draft.put((*path[:-1], "type"), "native", near=path)
    draft.put((*path[:-1], "cpu", "num_bytes"), size, near=path)
    draft.drop(path)


RULES: Final[Mapping[str, Rule]] = {
    "output_dir": output_dir,
    "trainer.output_dir": derived_dir,
    "orchestrator.output_dir": derived_dir,
    "clean_output_dir": clean,
    **dict.fromkeys(
        ("ckpt.resume_step", "trainer.ckpt.resume_step", "orchestrator.ckpt.resume_step"), resume_step
    ),
    "weight_broadcast": broadcast,
    "weight_broadcast.type": moved,
    **dict.fromkeys((f"weight_broadcast.{key}" for key in ("port", "timeout", "quantize_in_weight_transfer")), of_nccl),
    "trainer_gpu_ids": gpu_ids,
    "inference_gpu_ids": gpu_ids,
    "max_model_len": model_length,
    "trainer.loss.type": loss_type,
    "trainer.loss.ipo_mask_low": ipo_mask,
    "trainer.loss.ipo_mask_high": ipo_mask,
    "inference.vllm_extra": vllm_extra,
    "inference.deployment.num_prefill_nodes": nodes_per_replica,
    "inference.deployment.num_decode_nodes": nodes_per_replica,
    "inference.deployment.prefill_env_overrides": texts,
    "inference.deployment.decode_env_overrides": texts,
    "inference.kv_cache_offload.cpu_bytes": cache_bytes,
}  # fmt: skip
"""The old path of a row to its rule."""
