"""The table of changes between releases: complete, and every place that it names exists."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

from rlsplit.config.sections.base import verbatim_fields
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.tree import is_section, members, tag_field, tag_of
from rlsplit.releases.changes import Change, Pattern, changes, keys, known_change, pattern, release_order, spelled


def exists(path: Pattern) -> bool:
    """Whether the sections have a path, in the variant that it names; below untyped tables, anything may be."""
    here: tuple[Any, ...] = (RLConfig,)
    for step in path:
        if any(get_origin(member) is dict for member in here):
            here = tuple(inner for member in here for inner in members(get_args(member)[-1]))
            continue
        sections = [member for member in here if is_section(member)]
        holders = [section for section in sections if step.key in section.model_fields]
        if not holders:
            return any(section.keeps_unknown for section in sections)
        if any(step.key in verbatim_fields(section) for section in holders):
            return True
        here = tuple(inner for section in holders for inner in members(section.model_fields[step.key].annotation))
        lists = [member for member in here if get_origin(member) is list]
        assert not step.is_list or lists, path
        here = tuple(inner for member in lists for inner in members(get_args(member)[0])) if step.is_list else here
        if step.tag:
            here = tuple(member for member in here if has_tag(member, step.tag))
            if not here:
                return False
    return True


def has_tag(member: Any, tag: str) -> bool:
    key = tag_field(member) if is_section(member) else None
    return key is not None and tag_of(member, key) == tag


@pytest.mark.parametrize("change", changes(), ids=lambda change: spelled(change.old))
def test_every_new_place_exists_and_what_is_gone_says_why(change: Change) -> None:
    for new in change.new:
        assert exists(new), spelled(new)
    if not change.new:
        assert change.note or change.instead
    assert re.fullmatch(r"v0\.\d+\.\d+(\.dev\d+)?", change.since)
    if change.releases:
        first, last = change.releases
        assert release_order(first) <= release_order(last) < release_order(change.since)
    assert not (change.note or "").endswith(".")


@pytest.mark.parametrize("change", changes(), ids=lambda change: spelled(change.old))
def test_an_old_place_is_no_place_of_today(change: Change) -> None:
    if not any(keys(new) == keys(change.old) for new in change.new):
        # Some renderers of today still have keys that others lost.
        assert keys(change.old)[:2] == ("orchestrator", "renderer") or not exists(change.old)


def test_no_old_place_has_two_rows() -> None:
    olds = [keys(change.old) for change in changes()]
    assert len(set(olds)) == len(olds)


def test_the_table_covers_what_the_releases_had(shared: Path) -> None:
    given = json.loads((shared / "releases" / "renames.json").read_text(encoding="utf-8"))["renames"]
    checked = 0
    for row in given:
        old = re.sub(r"<[^>]*>", "", row["old"])
        if any(sign in row["old"] for sign in ("**", "<key>", "<engine", " + ", "{", ".*")):
            continue
        if row["old"] == "trainer.loss<sft>.type":  # one value of a key that else stays; the other row's values say so
            continue
        checked += 1
        found = known_change(
            tuple(part for step in pattern(old) for part in ((step.key, 0) if step.is_list else (step.key,)))
        )
        assert found is not None, old
        if row["new"] is None and found.new:
            assert found.change.note or found.change.instead, old
        if row["new"] and re.fullmatch(r"[\w.\[\]]+", row["new"]):
            assert keys(pattern(row["new"])) in [keys(new) for new in found.new], old
    assert checked > 200


@pytest.mark.parametrize(
    ("path", "new", "since"),
    [
        (("wandb",), ["monitors.wandb"], "v0.8.1.dev30"),
        (("wandb", "project"), ["monitors.wandb.project"], "v0.8.1.dev30"),
        (("orchestrator", "env", 1, "id"), ["orchestrator.train.source[1].env.taskset.id"], "v0.8.1.dev8"),
        (("orchestrator", "env", 0, "harness", "id"), ["orchestrator.train.source[0].env.agent.harness.id"], "v0.7.1.dev78"),
        (("orchestrator", "train", "source", 2, "taskset"), ["orchestrator.train.source[2].env.taskset"], "v0.7.1.dev77"),
        (("orchestrator", "client", "timeout"), [], "v0.6.1.dev2"),
        (("orchestrator", "buffer", "anything"), [], "v0.6.0"),
        (("orchestrator", "student", "lora"), ["orchestrator.model.lora"], "v0.6.1.dev22"),
        (("orchestrator", "train", "num_workers"), ["orchestrator.train.source[].serve.pool"], "v0.6.1.dev2"),
        (("trainer", "model", "fp8"), ["trainer.model.quantization"], "v0.7.1.dev19"),
        (("inference", "vllm_extra", "max_num_seqs"), ["inference.vllm.max_num_seqs"], "v0.8.1.dev1"),
    ],
)  # fmt: skip
def test_paths_of_a_document_are_followed_to_where_they_are_today(path: Any, new: list[str], since: str) -> None:
    found = known_change(path)
    assert found is not None
    assert [spelled(place, [part for part in path if isinstance(part, int)]) for place in found.new] == new
    assert found.since == since


@pytest.mark.parametrize(
    "path", [("trainer", "lr"), ("weight_broadcast", "x"), ("output_dir", "x"), (), (0, "wandb"), ("x",)]
)
def test_other_paths_are_not_known(path: Any) -> None:
    found = known_change(path)
    assert found is None or path == (0, "wandb")
