"""rlsplit against what prime-rl itself gives: 1500 synthetic configs and 31 real ones, both modes."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli
from adapter import rlsplit_sparse, rlsplit_split

from conftest import conformance_cases
from rlsplit.config.components import COMPONENTS, load_component
from rlsplit.config.rules import KindName
from rlsplit.config.sections.renderers import Renderer
from rlsplit.config.tree import members, tag_of
from rlsplit.findings import ConfigError

CHUNKS = 12
AUTOMATIC_SUFFIX = re.compile(r'--[0-9a-f]{8}(?=["/])')
LABELS = re.compile(r"(literal|dict)\[|function-|[A-Z]|(int|float|str|bool)$")
UNPLACED = {"exception", "hosted_rule", "launcher_rule"}


def examples(shared: Path) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    found = sorted((shared / "conformance" / "examples").glob("*.toml"))
    assert len(found) == 31
    return [
        (
            path.name,
            tomli.loads(path.read_text(encoding="utf-8")),
            json.loads(path.with_suffix(".expected.json").read_text(encoding="utf-8")),
        )
        for path in found
    ]


def compare(
    name: str, config: dict[str, Any], expected: dict[str, Any], mode: str, automatic: bool, kind: str = "rl"
) -> list[str]:
    """What differs between rlsplit and prime-rl for one config."""
    before = copy.deepcopy(config)
    ours = rlsplit_split(config, mode, kind)
    problems = [] if config == before else [f"{name} {mode}: the argument was changed"]
    if isinstance(ours, list):
        if expected["ok"]:
            return [*problems, f"{name} {mode}: refused {ours}"]
        places = [place["loc"] for place in ours]
        missing = [
            error["loc"]
            for error in expected["errors"]
            if error["type"] not in UNPLACED and without_tags(error["loc"], config) not in places
        ]
        return [*problems, *(f"{name} {mode}: nothing at {loc}, only {places}" for loc in missing)]
    if not expected["ok"]:
        return [*problems, f"{name} {mode}: accepted, prime-rl says {expected['errors']}"]
    theirs = parts_of(expected, mode)
    for part in theirs:
        mine, other = canonical(ours.get(part), automatic), canonical(theirs[part], automatic)
        if mine != other:
            problems.append(f"{name} {mode}: {part} differs")
    return problems


def parts_of(expected: dict[str, Any], mode: str) -> dict[str, Any]:
    if mode == "launcher":
        return {key: value for key, value in expected.items() if key != "ok"}
    artifact = expected["artifact"]
    return {"inference": None, **artifact["components"], "deployment": artifact["deployment"]}


def canonical(value: Any, automatic: bool) -> str:
    """JSON text, which keeps 1, 1.0 and true apart; the digits of automatic names are all zero."""
    text = json.dumps(value, sort_keys=True)
    return AUTOMATIC_SUFFIX.sub("--00000000", text) if automatic else text


def without_tags(loc: list[str | int], config: Any) -> list[str | int]:
    """Drop the union tags and labels that pydantic puts into a location."""
    kept: list[str | int] = []
    node = config
    for part in loc:
        held = isinstance(node, dict) and part in node
        if isinstance(part, str) and not held and (part in TAGS or LABELS.match(part)):
            continue
        kept.append(part)
        node = node[part] if held or (isinstance(node, list) and isinstance(part, int)) else None
    return kept


TAGS = set(  # noqa: C405
    [
        "filesystem",
        "nccl",
        "nixl",
        "zmq",
        "single_node",
        "multi_node",
        "disaggregated",
        "default",
        "ipo",
        "custom",
        "sgd",
        "adamw",
        "muon",
        "sign_sgd",
        "constant",
        "linear",
        "cosine",
        "fp8",
        "mxfp8",
        "grpo",
        "echo",
        "max_rl",
        "rae",
        "hierarchical_grpo",
        "opd",
        "opsd",
        "sft",
        "fake",
        "static",
        "elastic",
        "standard",
        "difficulty_pool",
        "vllm-router",
        "llm-d",
        "native",
        "mooncake",
        *(tag_of(variant, "name") or "" for variant in members(Renderer)),
    ]
)


@pytest.mark.parametrize("mode", ["hosted", "launcher"])
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_synthetic_configs(shared: Path, chunk: int, mode: str) -> None:
    problems = [
        problem
        for case in conformance_cases(shared, chunk=chunk, of=CHUNKS)
        for problem in compare(case["id"], case["config"], case[mode], mode, "auto_run_name" in case["tags"])
    ]
    assert not problems


@pytest.mark.parametrize("mode", ["hosted", "launcher"])
def test_real_configs(shared: Path, mode: str) -> None:
    problems = [
        problem
        for name, config, expected in examples(shared)
        for problem in compare(name, config, expected[mode], mode, expected["auto_run_name"])
    ]
    assert not problems


def reloaded(component: str, table: Any, kind: KindName = "rl") -> Any:
    try:
        return load_component(component, table, kind=kind).model_dump()
    except ConfigError:
        return "refused"


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_sparse_form_loads_like_the_resolved_one(shared: Path, chunk: int) -> None:
    """And loading the resolved form changes exactly the entries that it changes for prime-rl (L-08)."""
    by_id = {case["id"]: case for case in conformance_cases(shared, "sparse-dev.jsonl.gz", chunk=chunk, of=CHUNKS)}
    problems: list[str] = []
    for case in conformance_cases(shared):
        if case["id"] not in by_id:
            continue
        resolved, sparse = rlsplit_split(case["config"], "launcher"), rlsplit_sparse(case["config"], "launcher")
        assert isinstance(resolved, dict)
        assert isinstance(sparse, dict)
        for component in COMPONENTS.keys() & resolved.keys():
            if resolved[component] is None:
                continue
            whole, lean = reloaded(component, resolved[component]), reloaded(component, sparse[component])
            if canonical(whole, False) != canonical(lean, False):
                problems.append(f"{case['id']}: sparse {component} loads differently")
            reload = by_id[case["id"]][component]["reload"]
            problems += reload_problems(f"{case['id']} {component}", resolved[component], whole, reload)
    assert not problems


def reload_problems(name: str, resolved: Any, whole: Any, reload: Any) -> list[str]:
    refused = isinstance(reload, dict) and "errors" in reload
    if refused != (whole == "refused"):
        return [f"{name}: reload refused is {whole == 'refused'}, should be {refused}"]
    if refused:
        return []
    ours = dict(differences(resolved, {key: value for key, value in whole.items() if key in resolved}))
    theirs = {} if reload == "same" else dict(leaves(reload["changed"]))
    return [] if canonical(ours, False) == canonical(theirs, False) else [f"{name}: {ours} changed, not {theirs}"]


def differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            yield from differences(before.get(key), after.get(key), f"{path}.{key}")
    elif canonical(before, False) != canonical(after, False):
        yield path, after


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}")
    else:
        yield path, value
