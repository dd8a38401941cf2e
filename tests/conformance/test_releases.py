"""rlsplit against what v0.8.0 and v0.7.0 themselves give: a thousand synthetic configs each, and all they shipped."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import tomli
from adapter import rlsplit_sparse, rlsplit_split
from test_conformance import TAGS, UNPLACED, canonical, without_tags

from conftest import conformance_cases
from rlsplit.config.components import COMPONENTS, load_component
from rlsplit.findings import ConfigError
from rlsplit.releases.release import served

RELEASES = {"v0.8.0": 46, "v0.7.0": 55}
"""Release to the number of configs that it shipped."""

CHUNKS = 4
PARTS = ("trainer", "orchestrator", "inference", "env_servers", "deployment")
FILTERS = {"gibberish", "repetition", "zero_advantage"}
NOWHERE = [["inference_world_size"]]
"""Places that are no keys of a document: prime-rl stops while it makes a section."""

Case = dict[str, Any]


def tags_of(shared: Path, release: str) -> set[str]:
    table = json.loads((shared / "releases" / f"renderers-{release}.json").read_text(encoding="utf-8"))
    return TAGS | FILTERS | {variant["name"] for variant in table["variants"]}


def cases(shared: Path, release: str, chunk: int) -> list[Case]:
    return list(conformance_cases(shared / "releases", f"cases-{release}-dev.jsonl.gz", chunk=chunk, of=CHUNKS))


def examples(shared: Path, release: str) -> list[Case]:
    found = sorted((shared / "releases" / "conformance" / f"examples-{release}").glob("*.toml"))
    assert len(found) == RELEASES[release]
    return [
        {
            "id": path.name,
            "config": tomli.loads(path.read_text(encoding="utf-8")),
            "launcher": json.loads(path.with_suffix(".expected.json").read_text(encoding="utf-8"))["launcher"],
        }
        for path in found
    ]


def problems_of(case: Case, release: str) -> list[str]:
    """What differs in verdict or value; places are judged apart."""
    config, expected = copy.deepcopy(case["config"]), case["launcher"]
    ours = rlsplit_split(config, "launcher", "rl", release)
    problems = [] if config == case["config"] else [f"{case['id']}: the argument was changed"]
    if isinstance(ours, list) or not expected["ok"]:
        agreed = isinstance(ours, list) and not expected["ok"]
        return problems if agreed else [*problems, f"{case['id']}: {ours}, prime-rl says {expected.get('errors')}"]
    differing = [part for part in PARTS if canonical(ours[part], False) != canonical(expected[part], False)]
    return [*problems, *(f"{case['id']}: {part} differs" for part in differing)]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_synthetic_configs(shared: Path, release: str, chunk: int) -> None:
    assert [problem for case in cases(shared, release, chunk) for problem in problems_of(case, release)] == []


@pytest.mark.parametrize("release", RELEASES)
def test_shipped_configs(shared: Path, release: str) -> None:
    assert [problem for case in examples(shared, release) for problem in problems_of(case, release)] == []


@pytest.mark.parametrize("release", RELEASES)
def test_places_of_refusals(shared: Path, release: str) -> None:
    """At least 99 of 100 places; the rest are the second alternative of a union that may be a table or a word."""
    TAGS.update(tags_of(shared, release))
    refused = [case for chunk in range(CHUNKS) for case in cases(shared, release, chunk) if not case["launcher"]["ok"]]
    wanted, missed = 0, list[str]()
    for case in refused:
        ours = rlsplit_split(case["config"], "launcher", "rl", release)
        assert isinstance(ours, list)
        found = [place["loc"] for place in ours]
        for error in case["launcher"]["errors"]:
            place = without_tags(error["loc"], case["config"])
            if error["type"] not in UNPLACED and place not in NOWHERE:
                wanted += 1
                missed += [f"{case['id']}: {place}"] if place not in found else []
    assert wanted > 1000
    assert len(missed) <= wanted * 0.01, missed


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_sparse_form_loads_like_the_resolved_one(shared: Path, release: str, chunk: int) -> None:
    problems: list[str] = []
    for case in cases(shared, release, chunk):
        if not case["launcher"]["ok"]:
            continue
        whole = rlsplit_split(case["config"], "launcher", "rl", release)
        lean = rlsplit_sparse(case["config"], "launcher", "rl", release)
        assert isinstance(whole, dict)
        assert isinstance(lean, dict)
        for component in COMPONENTS.keys() & whole.keys():
            if whole[component] is None:
                continue
            if reloaded(component, whole[component], release) != reloaded(component, lean[component], release):
                problems.append(f"{case['id']}: sparse {component} loads differently")
    assert not problems


def reloaded(component: str, table: Any, release: str) -> str:
    try:
        return canonical(load_component(component, table, served(release).release).model_dump(mode="json"), False)
    except ConfigError:
        return "refused"
