"""Rules of rows about the orchestrator: clients, teachers, algorithms, how much is in flight, filters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any, Final

from rlsplit.findings import KeyPath, shown
from rlsplit.migration.draft import Draft
from rlsplit.migration.rows import Rule, moved
from rlsplit.plain_data import is_list, is_table
from rlsplit.releases.changes import Change

ORCHESTRATOR: Final = ("orchestrator",)
DEFAULT_URL: Final = "http://localhost:8000/v1"
"""Where a teacher was looked for, if nothing else was written."""

DEFAULT_BATCH: Final = 128

ONE_URL: Final = "v0.8.1.dev3"
"""Before this tag, base_url is a list."""

GATES: Final = "v0.8.1.dev40"
"""Before this tag, no source has a curriculum."""

# --- clients ---------------------------------------------------------------------------------------------------


def base_url(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """One address instead of a list of them."""
    urls = draft.at(path)
    if is_list(urls) and len(urls) == 1:
        draft.put(path, urls[0])
    elif is_list(urls):
        draft.decide(
            path,
            f"{len(urls)} addresses are admin_base_url now; base_url needs the one of a router in front of them",
            "put a router in front, and its address into base_url",
        )
        admin = (*path[:-1], "admin_base_url")
        if urls and not draft.has(admin):
            draft.put(admin, urls, near=path)
        draft.drop(path)
    moved(draft, change, path, at)


def router_url(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """The address of the router won over those of the engines, which stay as admin_base_url."""
    base, admin = (*path[:-1], "base_url"), (*path[:-1], "admin_base_url")
    urls = draft.at(base)
    if urls and not draft.has(admin):
        draft.put(admin, urls if is_list(urls) else [urls], near=base)
    draft.drop(base)
    draft.move(path, base)


# --- teachers and algorithms -----------------------------------------------------------------------------------


def training_mode(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """The mode is the type of the algorithm; rl is grpo, the default."""
    mode = draft.at(path)
    if mode in ("opd", "sft"):
        draft.put((*ORCHESTRATOR, "algo", "type"), mode, near=path)
    draft.drop(path)


def teacher(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """A teacher's model and client are one table in the algorithm that has a teacher."""
    kind = draft.at((*ORCHESTRATOR, "algo", "type"))
    if path[-1] == "teacher_rollout_model":
        kind = "sft"
    elif path[-1] == "teacher_model" and draft.was_before("v0.6.0"):
        draft.lost(
            path, "it is lost: a teacher beside the reward has no successor", 'algo.type = "opd" is the teacher alone'
        )
        draft.drop(path)
        return
    if kind not in ("opd", "sft"):
        draft.lost(path, "it is lost: only the algorithms opd and sft have a teacher", change.note)
        draft.drop(path)
        return
    draft.put((*ORCHESTRATOR, "algo", "type"), kind, near=path)
    new = (*ORCHESTRATOR, "algo", *(("teacher",) if kind == "opd" else ("sampling", "source")))
    _flatten(draft, path, new)
    if draft.has(new) and not draft.has((*new, "base_url")):
        draft.put((*new, "base_url"), [DEFAULT_URL] if draft.is_for(ONE_URL) else DEFAULT_URL)


def _flatten(draft: Draft, path: KeyPath, new: KeyPath) -> None:
    """Put the keys of ``model`` and ``client`` beside each other."""
    if not is_table(draft.at(path)):
        draft.move(path, (*new, "name"))
        return
    for inner in ("model", "client"):
        table = draft.at((*path, inner))
        for key in list(table) if is_table(table) else ():
            draft.move((*path, inner, key), (*new, key))
        if draft.at((*path, inner)) == {}:
            draft.sweep((*path, inner))
    if draft.at(path) == {}:
        draft.sweep(path)
    else:
        draft.move(path, new)
    urls = draft.at((*new, "base_url"))
    if is_list(urls) and len(urls) == 1 and not draft.is_for(ONE_URL):
        draft.put((*new, "base_url"), urls[0])


def advantage(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """The default advantage is the algorithm grpo, which is the default; others have no successor."""
    table = draft.at(path)
    if is_table(table) and table.get("type", "default") == "default" and not set(table) - {"type"}:
        draft.drop(path)
    elif is_table(table) and table.get("type", "default") == "default":
        for key in set(table) - {"type"}:
            draft.lost((*path, key), f"{shown(table[key])} is lost: it has no successor")
        draft.drop(path)
    else:
        draft.lost(path, "it is lost: a custom advantage, or none, has no successor", change.note)
        draft.drop(path)


def length_penalty(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """A penalty for long answers is part of grpo, and measured otherwise."""
    old = draft.at(path)
    new = ("orchestrator", "algo", "length_penalty")
    weights = {
        "coef": "num_output_tokens_weight",
        "context_coef": "num_input_tokens_weight",
        "turns_coef": "num_turns_weight",
    }
    if is_table(old):
        for key, name in weights.items():
            draft.put((*new, name), old.get(key, 0.0), near=path)
        if old.get("gate_by_correctness"):
            draft.lost((*path, "gate_by_correctness"), "true is lost: it has no successor")
        draft.decide(
            path, f"it is divided by the longest rollout of the group since {change.since}, and not by seq_len"
        )
    draft.drop(path)


# --- in flight -------------------------------------------------------------------------------------------------


def in_flight(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """A fixed cap is the ceiling of an adaptive one."""
    if draft.is_for(change.since):
        draft.move(path, (*ORCHESTRATOR, "max_inflight_episodes"))
    else:
        _capped(draft, change, path, draft.at(path))


def oversampling(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """The cap was a multiple of the batch."""
    factor = draft.at(path)
    batch, group = (
        draft.at((*ORCHESTRATOR, "batch_size"), DEFAULT_BATCH),
        draft.at((*ORCHESTRATOR, "group_size"), draft.at((*ORCHESTRATOR, "rollouts_per_example"), 1)),
    )
    numbers = all(isinstance(each, (int, float)) and isfinite(each) for each in (factor, batch, group))
    _capped(draft, change, path, max(int(group), int(batch * factor)) if numbers else None)


def _capped(draft: Draft, change: Change, path: KeyPath, cap: Any) -> None:
    new = (*ORCHESTRATOR, "concurrency", "max_inflight")
    if cap is None or cap == "None":
        draft.drop(path)
        return
    if draft.has(new):
        draft.lost(path, f"{draft.shown_at(path)} is left out: max_inflight is {shown(draft.at(new))} already")
    else:
        draft.put(new, cap, near=path)
        draft.decide(
            path,
            f"a fixed cap is the ceiling of an adaptive one since {change.since}: max_inflight = {shown(cap)}",
            f"the same initial_inflight and min_inflight, {shown(cap)}, keep it fixed",
        )
    draft.drop(path)


# --- filters ---------------------------------------------------------------------------------------------------


def pre_batch_filters(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """A filter of groups without advantage is a gate of every train source; others are gone."""
    for number, (kind, enforced, place) in enumerate(_filters(draft, path)):
        if kind == "zero_advantage" and enforced:
            _gate(draft)
        else:
            _no_filter(draft, (*path, number), kind, enforced, place)
    draft.drop(path)


def post_batch_filters(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """Whether samples without advantage are left out is one setting; a written list replaced the default one."""
    new = (*ORCHESTRATOR, "train", "filter_zero_advantages")
    kinds = list(_filters(draft, path))
    zero = [enforced for kind, enforced, _ in kinds if kind == "zero_advantage"]
    draft.put(new, zero[0] if zero else False, near=path)
    if not zero:
        draft.decide(path, "the list replaced the default filter, so that filter_zero_advantages is false, not true")
    for number, (kind, enforced, place) in enumerate(kinds):
        if kind != "zero_advantage":
            _no_filter(draft, (*path, number), kind, enforced, place)
    draft.drop(path)


def old_filters(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """v0.5's filters are gone; none of them looked at advantages."""
    for number, (kind, enforced, place) in enumerate(_filters(draft, path)):
        _no_filter(draft, (*path, number), kind, enforced, place)
    draft.drop(path)


def _filters(draft: Draft, path: KeyPath) -> Iterator[tuple[Any, bool, Any]]:
    """Type, whether it acts, and the table, of every filter of a list."""
    found = draft.at(path)
    for item in found if is_list(found) else ():
        table: dict[str, Any] = item if is_table(item) else {}
        by_default = table.get("type") == "zero_advantage" and path[-1] == "post_batch_filters"
        yield table.get("type"), table.get("enforce", by_default) is True, table


def _no_filter(draft: Draft, path: KeyPath, kind: Any, enforced: bool, table: Any) -> None:
    if enforced:
        draft.lost(path, f"the filter {shown(kind)} is lost: it has no successor")
    else:
        draft.idle(path, f"the filter {shown(kind)} is left out: it only watched, and nothing does any more")


def _gate(draft: Draft) -> None:
    for source in draft.sources("train"):
        draft.put((*source, "curriculum", "gates", "zero_advantage"), {"type": "advantage_range"})


# --- v0.5's buffer, and what became of tables in every source ----------------------------------------------------


def difficulty_filter(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """Groups that are all right or all wrong are what a gate keeps back."""
    if draft.at(path) is True and draft.is_for(GATES):
        draft.lost(path, "true is lost: pre_batch_filters of type zero_advantage come nearest")
    elif draft.at(path) is True:
        _gate(draft)
        draft.decide(
            path, "it dropped groups whose mean reward was 0 or 1; the gate drops groups without any advantage"
        )
    draft.drop(path)


def env_ratios(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """Each number belongs to one source."""
    ratios = draft.at(path)
    for source, ratio in zip(draft.sources("train"), ratios if is_list(ratios) else (), strict=False):
        if not draft.has((*source, "ratio")):
            draft.put((*source, "ratio"), ratio)
    draft.drop(path)


def retrigger(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """Nearly the opposite key."""
    value = draft.at(path)
    if isinstance(value, bool):
        draft.put((*path[:-1], "retrigger_on_resume"), not value, near=path)
        draft.decide(path, f"retrigger_on_resume is nearly the opposite, since {change.since}")
    draft.drop(path)


def renderer(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """No renderer at all is no choice any more."""
    if draft.at(path) == "None":
        draft.decide(path, 'training always uses a renderer; the default, "auto", must know the model')
        draft.drop(path)


def thinking(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """What is kept of thinking is one setting; of two, the wider one."""
    new = (*path[:-1], "thinking_retention")
    word = "all" if path[-1] == "preserve_all_thinking" else "tool_cycle"
    if draft.at(path) is True and draft.at(new) != "all":
        draft.put(new, word, near=path)
    draft.drop(path)


def sft_loss(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """The loss of a teacher's answers is an algorithm."""
    if draft.at(path) is True:
        draft.put((*ORCHESTRATOR, "algo", "type"), "sft", near=path)
    draft.drop(path)


_CLIENTS: Final = tuple(f"orchestrator.{name}" for name in ("client", "student.client", "model.client"))
_FROZEN: Final = tuple(
    f"orchestrator.{algo}.{name}" for algo in ("algo", "train.source.algo") for name in ("sampling.source", "teacher")
)

RULES: Final[Mapping[str, Rule]] = {
    **{f"{client}.base_url": base_url for client in (*_CLIENTS, *_FROZEN)},
    **{f"{client}.router_url": router_url for client in (*_CLIENTS, *_FROZEN)},
    "orchestrator.training_mode": training_mode,
    "orchestrator.teacher": teacher,
    "orchestrator.teacher_model": teacher,
    "orchestrator.teacher_rollout_model": teacher,
    "orchestrator.advantage": advantage,
    "orchestrator.train.env.advantage": advantage,
    "orchestrator.train.source.advantage": advantage,
    "orchestrator.advantage.length_penalty": length_penalty,
    "orchestrator.max_inflight_rollouts": in_flight,
    "orchestrator.max_inflight_episodes": in_flight,
    "orchestrator.oversampling_factor": oversampling,
    "orchestrator.pre_batch_filters": pre_batch_filters,
    "orchestrator.post_batch_filters": post_batch_filters,
    "orchestrator.filters": old_filters,
    "orchestrator.buffer.online_difficulty_filtering": difficulty_filter,
    "orchestrator.buffer.env_ratios": env_ratios,
    "orchestrator.env_mix": env_ratios,
    "orchestrator.eval.skip_eval_on_resume": retrigger,
    "orchestrator.eval.skip_eval_on_restart": retrigger,
    "orchestrator.renderer": renderer,
    "orchestrator.renderer.preserve_all_thinking": thinking,
    "orchestrator.renderer.preserve_thinking_between_tool_calls": thinking,
    "orchestrator.use_sft_loss": sft_loss,
}
"""The old path of a row to its rule."""
