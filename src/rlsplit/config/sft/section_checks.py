"""What the sections refuse that only an ``sft.toml`` has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from rlsplit.config.rules import Check, Refusal
from rlsplit.config.sections.base import Section
from rlsplit.config.sections.sft import DataConfig, SFTDataConfig, SFTSingleNodeDeploymentConfig


def whole_micro_batches(data: DataConfig) -> Iterator[Refusal]:
    """A batch is made of whole micro batches."""
    batch, micro = data.batch_size, data.micro_batch_size
    if batch % micro != 0:
        message = f"must divide batch_size = {batch}, {micro} does not"
        yield Refusal(("micro_batch_size",), message, None, (("batch_size",),))


def a_split_for_each_subset(data: SFTDataConfig) -> Iterator[Refusal]:
    """Where both subsets and splits are listed, there is a split for each subset."""
    yield from _as_many(data, "subsets", "splits")


def a_probability_for_each_part(data: SFTDataConfig) -> Iterator[Refusal]:
    """There is a probability for each subset and for each split."""
    for parts in ("subsets", "splits"):
        yield from _as_many(data, "probabilities", parts)


def _as_many(data: SFTDataConfig, field: str, other: str) -> Iterator[Refusal]:
    ours, theirs = getattr(data, field), getattr(data, other)
    if ours is not None and theirs is not None and len(ours) != len(theirs):
        message = f"has {len(ours)} items, but {other} has {len(theirs)}"
        yield Refusal((field,), message, "list as many, in the same order", ((other,),))


def train_gpus_fit_one_node(deployment: SFTSingleNodeDeploymentConfig) -> Iterator[Refusal]:
    """The training GPUs fit into one machine."""
    train, node = deployment.num_train_gpus, deployment.gpus_per_node
    if train > node:
        message = f"{train} training GPUs exceed gpus_per_node = {node}"
        hint = 'lower it, raise gpus_per_node, or use type = "multi_node"'
        yield Refusal(("num_train_gpus",), message, hint, (("gpus_per_node",),))


SECTION_CHECKS: Final[Mapping[type[Section], tuple[Check, ...]]] = {
    DataConfig: (Check("SFT-19", whole_micro_batches),),
    SFTDataConfig: (Check("SFT-20", a_split_for_each_subset), Check("SFT-21", a_probability_for_each_part)),
    SFTSingleNodeDeploymentConfig: (Check("SFT-22", train_gpus_fit_one_node),),
}
"""Beside those of the sections that RL has, too."""
