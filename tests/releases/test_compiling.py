"""Older releases: which one a name means, and that findings speak its spelling at the user's keys."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import rlsplit
from rlsplit.compiler import Outcome, compile_sources
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.tree import owner
from rlsplit.document import Source
from rlsplit.releases.image import image_of
from rlsplit.releases.release import KNOWN, NEWEST, V0_7_0, V0_8_0, served
from rlsplit.releases.sections import moves_of, section_of
from rlsplit.releases.spelling import raised, spelled, steps

OLD = """
deployment.num_infer_gpus = 2
wandb.project = "p"
[trainer]

[orchestrator]
[[orchestrator.train.source]]
env.taskset.id = "reverse-text"

[inference.model]
name = "Qwen/Qwen3-0.6B"

[inference.parallel]
tp = 2
"""


def compiled(text: str, release: str | None, **settings: Any) -> Outcome:
    return compile_sources([Source(name="rl.toml", content=text)], release=release, **settings)


@pytest.mark.parametrize(
    ("name", "release", "note"),
    [
        ("v0.8.0", V0_8_0, None),
        ("0.8.0", V0_8_0, None),
        ("v0.7.0", V0_7_0, None),
        ("60bc295", V0_8_0, None),
        ("559b447", NEWEST, None),
        ("main", NEWEST, None),
        ("v0.8.1.dev67", NEWEST, None),
        ("v0.9.0", NEWEST, "release.unknown"),
        ("my-own-build", NEWEST, "release.unknown"),
        ("v0.6.0", V0_7_0, "release.too-old"),
    ],
)
def test_a_name_means_a_release(name: str, release: object, note: str | None) -> None:
    found = served(name)
    assert found.release == release
    assert (found.note.code if found.note else None) == note


def test_dev_tags_are_served_by_the_first_tag_of_each_change() -> None:
    before, after = (
        '[trainer]\n[orchestrator]\n[wandb]\nproject = "p"\n',
        "[trainer]\n[orchestrator]\n[monitors.wandb]\n",
    )
    assert compiled(before, "v0.8.1.dev29").config is not None
    assert compiled(before, "v0.8.1.dev30").config is None
    assert compiled(after, "v0.8.1.dev29").config is None
    assert compiled(after, "v0.8.1.dev30").config is not None


def test_findings_speak_the_spelling_of_the_release_at_the_line_of_the_user() -> None:
    (found,) = compiled(OLD.replace("tp = 2", 'tp = "many"'), "v0.8.0").findings
    assert found.path == ("inference", "parallel", "tp")
    assert found.where is not None
    assert (found.where.line, found.code) == (OLD[: OLD.index("tp = 2")].count("\n") + 1, "B-03")


def test_keys_of_later_releases_are_unknown() -> None:
    found = {finding.path for finding in compiled(OLD + "[monitors]\n[inference.vllm]\nseed = 1\n", "v0.8.0").findings}
    assert {("monitors",), ("inference", "vllm")} <= found


def test_older_spellings_are_read_and_findings_point_at_them() -> None:
    text = '[trainer]\n[orchestrator]\nrollouts_per_example = 0\n[[orchestrator.env]]\nid = "x"\nnum_workers = 2\n'
    (found,) = compiled(text, "v0.7.0").findings
    assert found.path == ("orchestrator", "rollouts_per_example")
    config = compiled(text.replace("= 0", "= 4"), "v0.7.0").config
    assert config is not None
    orchestrator = rlsplit.split(config).orchestrator.resolved
    assert orchestrator["group_size"] == 4
    assert orchestrator["train"]["env"][0]["pool"] == {"type": "static", "num_workers": 2}


def test_components_have_the_keys_of_their_image() -> None:
    config = rlsplit.parse(OLD, release="v0.8.0")
    split = rlsplit.split(config)
    assert split.trainer.sparse["wandb"]["project"] == "p"
    assert split.inference is not None
    assert split.inference.sparse["parallel"] == {"tp": 2}
    assert "monitors" not in split.trainer.resolved
    assert rlsplit.artifact(split)["schema_commit"] == "60bc295"


def test_unknown_keys_pass_where_they_may() -> None:
    config = compiled(OLD + "[trainer.brand_new]\na = 1\n", "v0.8.0", on_unknown="warn").config
    assert config is not None
    assert rlsplit.split(config).trainer.sparse["brand_new"] == {"a": 1}


def test_unknown_values_that_json_lacks_are_texts() -> None:
    outcome = compiled(
        OLD + "[trainer.brand_new]\nday = 2024-01-01\ntimes = [12:00:00]\n",
        "v0.8.0",
        on_unknown="warn",
        until="objects",
    )
    assert outcome.objects
    assert outcome.split
    assert outcome.split.trainer.resolved["brand_new"] == {"day": "2024-01-01", "times": ["12:00:00"]}


@pytest.mark.parametrize("release", KNOWN, ids=lambda release: release.tag)
def test_moves_lead_to_fields_and_back(release: Any) -> None:
    root = section_of(RLConfig, release)
    assert (root is RLConfig) == (release is NEWEST)
    for old, _, new in steps(release):
        assert spelled(new, release) == old
    for move in moves_of(release):
        table: dict[str, Any] = {}
        node = table
        for part in move.old[:-1]:
            node = node.setdefault(str(part), {})
        node[str(move.old[-1])] = "value"
        before = copy.deepcopy(table)
        risen: Any = raised(table, release).table
        assert table == before
        for part in move.new:
            risen = risen[part]
        assert risen == "value"


def test_facts_of_images_follow_the_release() -> None:
    assert image_of(NEWEST).env_servers_anywhere
    assert image_of(V0_8_0).has_env_server_files
    assert not image_of(V0_8_0).env_servers_anywhere
    assert not image_of(V0_7_0).has_env_server_files
    assert not image_of(V0_7_0).inference_reads_router


def test_a_renderer_beyond_the_image_is_a_warning_for_that_image_alone() -> None:
    text = '[trainer]\n[orchestrator.renderer]\nname = "gemma4"\n'
    assert [finding.code for finding in compiled(text, "559b447").findings] == ["release.renderer"]
    assert compiled(text, "main").findings == ()
    assert compiled(text, None).findings == ()
    assert compiled(text, "v0.8.0").config is None
    assert owner(rlsplit.parse(text), ("orchestrator", "renderer")) is not None


@pytest.mark.parametrize(
    ("text", "release", "hint"),
    [
        ("[inference]\ngpu_memory_utilisation = 0.5\n", "v0.8.0", 'did you mean "gpu_memory_utilization"?'),
        ('[inference.model]\nnam = "x"\n', "v0.8.0", 'did you mean "name"?'),
        ("[inference.parallel]\nseed = 3\n", "v0.8.0", "it belongs to [inference]: inference.seed"),
        (
            "[inference.model]\nbrand_new = 5\n",
            "v0.8.0",
            "v0.8.0 has no such key; for a newer image, pass --on-unknown warn",
        ),
        (
            '[[orchestrator.train.source]]\nenv.id = "a"\nserve.adress = "tcp://a:1"\n',
            "v0.8.0",
            "v0.8.0 has no such key",
        ),
        ("[inference.deployment]\nbackend_prt = 3\n", "v0.7.0", 'did you mean "backend_port"?'),
        ('[[orchestrator.train.env]]\nid = "a"\ntasksets = {}\n', "v0.7.0", 'did you mean "taskset"?'),
        ('[monitors.wandb]\nproject = "p"\n', "v0.8.0", "v0.8.0 has wandb"),
    ],
)
def test_hints_know_the_keys_of_the_release_and_no_others(text: str, release: str, hint: str) -> None:
    (found,) = [finding for finding in compiled(f"[trainer]\n{text}", release).findings if finding.code == "B-01"]
    assert found.hint is not None
    assert found.hint.startswith(hint)
