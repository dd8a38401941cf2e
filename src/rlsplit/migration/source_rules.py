"""Rules of rows about environment sources: what was said of all of them, how long and how often, classic ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from rlsplit.findings import KeyPath, shown
from rlsplit.migration.arranging import key_text, value_text
from rlsplit.migration.draft import Draft, path_of
from rlsplit.migration.rows import Rule, by_value, moved
from rlsplit.plain_data import is_table
from rlsplit.releases.changes import Change

_VERSION: Final = re.compile(r"@[^@]*\Z")
_MAY_BE_RENAMED: Final = re.compile(r"[-_]v1\Z")
_OTHER_NAMES: Final = "it is lost: the settings of the taskset that replaces the environment have other names"

CLASSIC: Final = "a classic environment: env.taskset.id must name the taskset that replaces it"
"""The comment that marks one."""

LAST_CLASSIC: Final = "v0.8.1.dev8"
"""Before this tag, a classic environment runs."""

# --- said once, for all sources --------------------------------------------------------------------------------


def workers_of_all(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """Workers of every source that says nothing itself."""
    number = draft.at(path)
    if isinstance(number, int):
        for source in draft.sources(str(path[1])):
            if not any(draft.has((*source, *key)) for key in (("num_workers",), ("pool",), ("serve", "pool"))):
                put_pool(draft, source, number)
    draft.drop(path)


def put_pool(draft: Draft, source: KeyPath, number: int) -> None:
    """Give a source its workers, in the form of the release that its list is of."""
    if source[-2] == "env":
        draft.put((*source, "num_workers"), number)
    else:
        draft.put((*source, "serve", "pool"), {"type": "static", "num_workers": number})


def retries_of_all(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """Retries of every source that says nothing itself."""
    number = draft.at(path)
    if isinstance(number, int):
        for source in draft.sources(str(path[1])):
            key = (*source, "env", "agent", "retries", "max_retries")
            if not draft.has((*source, "max_retries")) and not draft.has(key):
                draft.put((*source, "max_retries") if source[-2] == "env" else key, number)
        _whole_rollouts(draft, path)
    draft.drop(path)


def retries_of_one(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """Retries are of whole rollouts."""
    if draft.at(path):
        _whole_rollouts(draft, path)
    moved(draft, change, path, at)


def _whole_rollouts(draft: Draft, path: KeyPath) -> None:
    draft.decide(path, "retries rerun a whole rollout now")


# --- one source ------------------------------------------------------------------------------------------------


def timeout(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """A number of seconds was the rollout's; a table has a number for each phase."""
    is_number = not is_table(draft.at(path))
    new = path_of(change.new[0], at)
    draft.move(path, (*new, "rollout") if is_number else new)


def multiplex(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """How many rollouts share a server is a setting of the elastic interception."""
    new = path_of(change.new[0], at)
    draft.move(path, new)
    draft.put((*new[:-1], "type"), "elastic", near=new)


def harness(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """The harness is the agent's; rlm's own skills have a name of their own."""
    table = draft.at(path)
    if is_table(table) and table.get("id") == "rlm" and "skills" in table:
        draft.move((*path, "skills"), (*path, "builtin_skills"))
        draft.decide((*path, "builtin_skills"), "rlm's own skills are builtin_skills; skills are folders to upload")
    runtime = draft.at((*path, "runtime"))
    if is_table(runtime):
        moved_to = path_of(change.new[0], at)
        draft.move((*path, "runtime"), (*moved_to[:-1], "runtime"))
    moved(draft, change, path, at)


def taskset_id(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """Packages that ship with prime-rl lost their -v1; whether others did cannot be known."""
    name = draft.at(path)
    if isinstance(name, str) and name not in change.values and _MAY_BE_RENAMED.search(name):
        draft.decide(path, f"{change.note} since {change.since}; whether {name} is one cannot be known here")
        return
    by_value(draft, change, path, at)


# --- classic environments ----------------------------------------------------------------------------------------


def classic_id(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """A classic environment keeps its name; which taskset replaces it, and with which settings, a person says."""
    source = path[:-1]
    ident = draft.at(path)
    if _has_taskset(draft, source):
        draft.idle(path, "it is left out: without effect beside a taskset")
        draft.drop(path)
        return
    name = _VERSION.sub("", str(ident))
    if draft.is_for(LAST_CLASSIC):
        draft.move(path, (*source, "legacy", "id"))
        return
    _replace(draft, change, source, path, {"id": ident}, change.ported.get(name))
    if not draft.has((*source, "name")):
        draft.move(path, (*source, "name"))
        draft.put((*source, "name"), name)
    else:
        draft.drop(path)


def classic_args(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """Arguments of a classic environment stay as a comment."""
    value = draft.at(path)
    if _has_taskset(draft, path[:-1]):
        draft.idle(path, "it is left out: without effect beside a taskset")
    elif draft.is_for(LAST_CLASSIC):
        draft.move(path, (*path[:-1], "legacy", str(path[-1])))
    elif value:
        draft.lost(path, _OTHER_NAMES)
        draft.remark(path[:-1], [f"{key_text([path[-1]])} = {value_text(value)}"])
    draft.drop(path)


def legacy(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """v0.8.0's table of a classic environment."""
    table = draft.at(path)
    source = path[:-1]
    given: dict[str, Any] = table if is_table(table) else {}
    name = _VERSION.sub("", str(given.get("id", "")))
    for key in ("args", "extra_env_kwargs"):
        if given.get(key):
            draft.lost((*path, key), _OTHER_NAMES)
    _replace(draft, change, source, path, given, None)
    if name and not draft.has((*source, "name")):
        draft.put((*source, "name"), name, near=path)
    draft.drop(path)


def _has_taskset(draft: Draft, source: KeyPath) -> bool:
    return draft.has((*source, "taskset")) or draft.has((*source, "env", "taskset"))


def _replace(
    draft: Draft, change: Change, source: KeyPath, path: KeyPath, given: Mapping[str, Any], port: str | None
) -> None:
    seen = f" (prime-rl itself runs the taskset {port} in its place)" if port else ""
    draft.classic(
        path,
        f"{shown(given.get('id'))} is a classic environment, which cannot run since {change.since}",
        f"name the taskset that replaces it in env.taskset.id{seen}, and choose its settings, harness and runtime",
    )
    draft.remark(source, [CLASSIC])
    draft.remark(source, [f"{key_text([key])} = {value_text(value)}" for key, value in given.items()])


_KINDS: Final = ("train", "eval")
_LISTS: Final = tuple(f"orchestrator.{kind}.{name}" for kind in _KINDS for name in ("env", "source"))


def _each(key: str, rule: Rule) -> Mapping[str, Rule]:
    return {f"{path}.{key}": rule for path in _LISTS}


RULES: Final[Mapping[str, Rule]] = {
    **{f"orchestrator.{kind}.num_workers": workers_of_all for kind in _KINDS},
    **{f"orchestrator.{kind}.max_retries": retries_of_all for kind in _KINDS},
    **_each("max_retries", retries_of_one),
    **_each("timeout", timeout),
    **_each("multiplex", multiplex),
    **_each("harness", harness),
    **_each("id", classic_id),
    **_each("args", classic_args),
    **_each("extra_env_kwargs", classic_args),
    **{f"orchestrator.{kind}.source.legacy": legacy for kind in _KINDS},
    **{f"orchestrator.{kind}.source.env.taskset.id": taskset_id for kind in _KINDS},
}
"""The old path of a row to its rule."""
