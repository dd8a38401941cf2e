"""Files to begin with: a small commented ``rl.toml``, and a ``platform.toml`` with every setting and its default."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from rlsplit.config.tables.renderer_map import MODEL_RENDERER_MAP
from rlsplit.manual.keys import ROOTS, Key, Table, tables
from rlsplit.manual.types import toml
from rlsplit.plain_data import is_list
from rlsplit.platform import Platform
from rlsplit.platform.component_settings import Settings

_GPUS_PER_NODE: Final = 8
_WIDTH: Final = 100
_SLUG: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a new ``rl.toml`` is about."""

    model: str = "Qwen/Qwen3-0.6B"
    """A model on Hugging Face, or a folder that the pods see."""
    env: str = "reverse-text"
    """Task plugin of the environment."""
    nodes: int = 1
    """GPU machines of the run, at least 1; the first half of several trains, the other serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SftChoices:
    """What a new ``sft.toml`` is about."""

    model: str = "Qwen/Qwen3-0.6B"
    """A model on Hugging Face, or a folder that the pods see."""
    data: str = "PrimeIntellect/Reverse-Text-SFT"
    """A dataset on Hugging Face, or a folder that the pods see."""
    nodes: int = 1
    """GPU machines of the run, at least 1."""


def sft_text(choices: SftChoices) -> str:
    """Write an ``sft.toml`` that validates and renders as it is."""
    name = _slug(choices.data, "my-sft")
    return f"""\
# One run of prime-rl's sft: supervised fine-tuning of a model on a dataset.
#
#   rlsplit validate sft.toml       all problems at once
#   rlsplit render sft.toml         the Kubernetes objects

max_steps = 100  # updates of the weights

[run]
name = {toml(name)}

[model]
name = {toml(choices.model)}  # on Hugging Face, or a folder that the pods see

[data]
name = {toml(choices.data)}  # on Hugging Face, or a folder that the pods see
batch_size = {32 * choices.nodes}  # samples of one update, as many on each GPU
seq_len = 4096   # tokens of one sample

{_sft_deployment(choices.nodes)}
[optim]
lr = 1e-5

# [ckpt]         # to go on after a crash, remove the run and render it again with [resume] and --attempt 2
# interval = 50  # steps between two checkpoints
"""


def _sft_deployment(nodes: int) -> str:
    if nodes == 1:
        return "[deployment]  # one machine\nnum_train_gpus = 1\n"
    return f"""\
[deployment]
type = "multi_node"
gpus_per_node = {_GPUS_PER_NODE}
num_train_nodes = {nodes}
"""


def rl_text(choices: Choices) -> str:
    """Write an ``rl.toml`` that validates and renders as it is."""
    blocks = (
        _head(),
        _run(choices),
        _deployment(choices.nodes),
        _trainer(),
        _orchestrator(choices),
        _renderer(choices.model),
        _inference(),
    )
    return "\n".join(filter(None, blocks))


def _head() -> str:
    return """\
# One run of prime-rl: reinforcement learning of a model in an environment.
#
#   rlsplit validate rl.toml        all problems at once
#   rlsplit render rl.toml          the Kubernetes objects
#   rlsplit doc trainer.optim       what a table or a key means

max_steps = 100  # updates of the weights; without it the run goes on until it is stopped
seq_len = 2048   # longest training sample, prompt and answers together [tokens]
"""


def _run(choices: Choices) -> str:
    name = _slug(choices.env, "my-run")
    return f"""\
[run]
name = {toml(name)}

[model]
name = {toml(choices.model)}  # on Hugging Face, or a folder that the pods see
"""


def _slug(text: str, otherwise: str) -> str:
    """Name a run after the last part of what it is about."""
    last = re.split(r"[/@]", text.rstrip("/"))[-1].lower().replace("_", "-")
    return last if _SLUG.match(last) else otherwise


def _deployment(nodes: int) -> str:
    if nodes == 1:
        return """\
[deployment]  # one machine
num_train_gpus = 1
num_infer_gpus = 1
"""
    return f"""\
[deployment]
type = "multi_node"
gpus_per_node = {_GPUS_PER_NODE}
num_train_nodes = {nodes // 2}
num_infer_nodes = {nodes - nodes // 2}
"""


def _trainer() -> str:
    return """\
[trainer.optim]
lr = 1e-6

# [ckpt]         # to go on after a crash, remove the run and render it again with [resume] and --attempt 2
# interval = 50  # steps between two checkpoints
"""


def _orchestrator(choices: Choices) -> str:
    return f"""\
[orchestrator]
batch_size = 128  # rollouts of one update, a multiple of group_size
group_size = 8    # answers to one prompt, which are compared with each other

[orchestrator.train.sampling]
max_completion_tokens = 1024

[[orchestrator.train.source]]
env.taskset.id = {toml(choices.env)}  # its package must be in the image
"""


def _renderer(model: str) -> str:
    if model in MODEL_RENDERER_MAP:
        return ""
    return """\
# How messages become tokens: "auto" does not know this model, whose own chat template is taken.
[orchestrator.renderer]
name = "default"
"""


def _inference() -> str:
    return """\
[inference.vllm]
tensor_parallel_size = 1  # GPUs of one engine
gpu_memory_utilization = 0.9
"""


def platform_text() -> str:
    """Write a ``platform.toml`` that says nothing: each setting with its default, switched off by a ``#``."""
    return "".join(f"{line}\n" for line in _platform_lines())


def _platform_lines() -> Iterator[str]:
    yield from (
        "# The settings of one cluster, each with its default: take the # away from those to change.",
        "# `rlsplit validate --platform platform.toml` checks this file, `rlsplit doc SETTING` explains a setting.",
    )
    root, defaults = tables("platform")[ROOTS["platform"]], Platform()
    values = {key.name: getattr(defaults, key.name) for key in root.keys}
    nested = [key for key in root.keys if isinstance(values[key.name], Settings)]
    yield from _settings(Table(name="", about="", keys=_without(root, nested), takes_any=False), defaults)
    for key in nested:
        yield from ("", "", *_comment(key.about), f"#[{key.name}]")
        yield from _settings(tables("platform")[key.holds[0].table], values[key.name])


def _without(table: Table, nested: list[Key]) -> tuple[Key, ...]:
    return tuple(key for key in table.keys if key not in nested)


def _settings(table: Table, defaults: Settings) -> Iterator[str]:
    for key in table.keys:
        yield from ("", *_comment(key.about), f"#{key.name} = {toml(_plain(getattr(defaults, key.name)))}")


def _plain(value: Any) -> Any:
    if isinstance(value, Settings):
        return value.model_dump(exclude_none=True)
    return [_plain(item) for item in value] if is_list(value) else value


def _comment(about: str) -> list[str]:
    return textwrap.wrap(about, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
