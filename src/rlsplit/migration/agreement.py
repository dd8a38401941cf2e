"""What no single row tells: keys that v0.5 let disagree, environments that ran because none was named, answers.

Older releases filled shared and component keys into each other; today they must agree, and what v0.5 made of two
that did not is written out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from rlsplit.config.tables.renderer_map import MODEL_RENDERER_MAP
from rlsplit.findings import KeyPath, dotted, shown
from rlsplit.migration.draft import NOWHERE, Draft
from rlsplit.migration.source_rules import CLASSIC, LAST_CLASSIC
from rlsplit.plain_data import is_table

DEFAULT_ENVIRONMENT: Final = "reverse-text"
"""What ran up to v0.6 where no environment was named."""

FIRST_SOURCE: Final = "v0.7.1.dev77"
"""Before this tag, sources are called env."""

DEFAULT_MODEL: Final = "Qwen/Qwen3-0.6B"


def settle(draft: Draft) -> None:
    """Do what no row tells, in a document whose keys are those of today."""
    for step in _STEPS:
        step(draft)


def _offline(draft: Draft) -> None:
    """The shared block refuses offline runs, and the components take them."""
    shared = ("monitors", "wandb", "offline")
    if draft.at(shared) is not True or not draft.was_before("v0.6.0"):
        return
    for component in ("trainer", "orchestrator"):
        draft.put((component, *shared), True)
    draft.decide(shared, "offline is a setting of the components' own monitors.wandb, and refused in the shared one")
    draft.drop(shared)


def _models(draft: Draft) -> None:
    """v0.5: inference's own model won, and the orchestrator followed."""
    shared, engine = draft.at(("model", "name")), draft.at(("inference", "vllm", "model"))
    if not draft.was_before("v0.6.0") or not isinstance(shared, str) or engine in (None, shared):
        return
    for component, name in (("trainer", shared), ("orchestrator", engine)):
        if not draft.has((component, "model", "name")):
            draft.put((component, "model", "name"), name)
    draft.drop(("model", "name"))
    if draft.at(("model",)) == {}:
        draft.sweep(("model",))


def _lengths(draft: Draft) -> None:
    """v0.5: a component's own sequence length won."""
    shared = draft.at(("seq_len",))
    own = [("trainer", "model", "seq_len"), ("orchestrator", "seq_len")]
    if not draft.was_before("v0.6.0") or shared is None:
        return
    if all(draft.at(path, shared) == shared for path in own):
        return
    for path in own:
        if not draft.has(path):
            draft.put(path, shared)
    draft.drop(("seq_len",))


def _shared_wins(draft: Draft) -> None:
    """v0.5: a shared number of steps, checkpoint or monitor won over a component's."""
    if not draft.was_before("v0.6.0"):
        return
    for shared in (("max_steps",), ("ckpt",), ("monitors", "wandb")):
        for path, value in list(_leaves(shared, draft.at(shared, NOWHERE))):
            for component in ("trainer", "orchestrator"):
                own = draft.at((component, *path), value)
                if own != value:
                    draft.idle((component, *path), f"{shown(own)} is left out: {dotted(path)} won over it")
                    draft.drop((component, *path))


def _leaves(path: KeyPath, value: Any) -> list[tuple[KeyPath, Any]]:
    if value is NOWHERE:
        return []
    if not is_table(value):
        return [(path, value)]
    return [leaf for key, inner in value.items() for leaf in _leaves((*path, key), inner)]


def _default_environments(draft: Draft) -> None:
    """Up to v0.6, a run and an evaluation without environment had one."""
    if not draft.was_before("v0.7.0") or not is_table(draft.at(("orchestrator",))):
        return
    for kind in ("train", *(["eval"] if is_table(draft.at(("orchestrator", "eval"))) else [])):
        if not any(draft.has(("orchestrator", kind, name)) for name in ("source", "env")):
            _write_default(draft, kind)


def _write_default(draft: Draft, kind: str) -> None:
    source = draft.add_source(kind, "env" if draft.is_for(FIRST_SOURCE) else "source")
    if draft.is_for(LAST_CLASSIC):
        draft.put((*source, *(("id",) if source[-2] == "env" else ("legacy", "id"))), DEFAULT_ENVIRONMENT)
        draft.decide(source, f"without a list of environments {DEFAULT_ENVIRONMENT} ran: it is written out")
        return
    draft.put((*source, "name"), DEFAULT_ENVIRONMENT)
    draft.remark(source, [CLASSIC])
    draft.classic(
        source,
        f"without a list of environments {DEFAULT_ENVIRONMENT} ran, a classic environment, which cannot run any more",
        f"name the taskset to run in env.taskset.id (prime-rl itself runs {DEFAULT_ENVIRONMENT} in its place)",
    )


def _timeouts(draft: Draft) -> None:
    """v0.7's timeouts are a table, of which a number was the rollout's."""
    for source in draft.sources("train", "eval"):
        seconds = draft.at((*source, "timeout"))
        if isinstance(seconds, (int, float)) and not draft.is_for("v0.7.0"):
            draft.put((*source, "timeout"), {"rollout": seconds})


def _renderer(draft: Draft) -> None:
    """For a model that no renderer knows, name the one that does what the server did: v0.5 asked it for tokens.

    So did v0.6 for a teacher's answers. Later releases refuse such a config, so that it cannot be one of theirs.
    """
    if not draft.edits or draft.has(("orchestrator", "renderer", "name")):
        return
    names = [draft.at(path) for path in (("orchestrator", "model", "name"), ("model", "name"))]
    model = next((name for name in names if isinstance(name, str)), DEFAULT_MODEL)
    if model in MODEL_RENDERER_MAP:
        return
    path = ("orchestrator", "renderer", "name")
    draft.put(path, "default")
    draft.decide(
        path,
        f'no renderer knows {model}: "default" applies the model\'s chat template, as the server did',
        "if the model has the template of a known family, name that family",
    )


def _vision(draft: Draft) -> None:
    """Vision models train with prime-rl's own implementation only."""
    path = ("trainer", "model", "impl")
    is_vision = any(is_table(draft.at((*table, "vlm"))) for table in (("model",), ("trainer", "model")))
    if is_vision and draft.was_before("v0.8.0") and draft.at(path, "auto") != "custom":
        draft.put(path, "custom")
        draft.decide(path, 'vision models train with impl = "custom" only')


_STEPS: Final[tuple[Callable[[Draft], None], ...]] = (
    _offline,
    _models,
    _lengths,
    _shared_wins,
    _default_environments,
    _timeouts,
    _renderer,
    _vision,
)
