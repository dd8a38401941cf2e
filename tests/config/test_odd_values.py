"""Numbers that JSON cannot hold, and keys that belong to another section: findings, never an exception."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, get_args, get_origin

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from rlsplit.compiler import Outcome, compile_sources
from rlsplit.component_files import Form, component_files
from rlsplit.config.components import load_component
from rlsplit.config.sections.base import Section
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.tree import is_section, members, tag_field, tag_of
from rlsplit.document import Source
from rlsplit.findings import KeyPath
from rlsplit.plain_data import value_at

Place = tuple[KeyPath, tuple[tuple[KeyPath, str], ...]]
"""A path, and the tags that have to stand on the way."""

ODD = [math.inf, -math.inf, math.nan]


def base() -> dict[str, Any]:
    source = {"env": {"id": "e"}}
    return {"run": {"name": "t"}, "trainer": {}, "orchestrator": {"train": {"source": [source]}}, "inference": {}}


def walked(kind: type[Section], path: KeyPath = (), tags: Any = (), above: Any = ()) -> Iterator[tuple[type, Place]]:
    """Every section and every number below a kind of section, through all variants."""
    if kind in above:
        return
    yield kind, (path, tags)
    for name, field in kind.model_fields.items():
        for member in members(field.annotation):
            yield from _entered(member, (*path, name), tags, (*above, kind))


def _entered(member: Any, path: KeyPath, tags: Any, above: Any) -> Iterator[tuple[type, Place]]:
    if is_section(member):
        key = tag_field(member)
        tag = tag_of(member, key) if key else None
        yield from walked(member, path, (*tags, ((*path, key), tag)) if tag else tags, above)
    elif get_origin(member) in (list, dict):
        step: str | int = 0 if get_origin(member) is list else "k"
        for inner in members(get_args(member)[-1]):
            yield from _entered(inner, (*path, step), tags, above)
    elif member is float:
        yield float, (path, tags)


PLACES = list(walked(RLConfig))
NUMBERS = [place for kind, place in PLACES if kind is float]
SECTIONS = [place for kind, place in PLACES if kind is not float]
KEYS = sorted({name for kind, _ in PLACES if issubclass(kind, Section) for name in kind.model_fields})


def put(table: dict[str, Any], path: KeyPath, value: Any) -> None:
    node: Any = table
    for part, following in pairwise(path):
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(node, list) and part == len(node):
            node.append(empty)
        elif isinstance(node, dict) and not isinstance(node.get(str(part)), (dict, list)):
            node[str(part)] = empty
        node = node[part]
    if isinstance(node, list):
        node[path[-1] :] = [value]  # type: ignore[misc]
    else:
        node[path[-1]] = value


def with_value(place: Place, value: Any, *below: str) -> dict[str, Any]:
    table = base()
    for path, tag in place[1]:
        put(table, path, tag)
    put(table, (*place[0], *below), value)
    return table


def compiled(table: Mapping[str, Any], **options: Any) -> Outcome:
    return compile_sources([Source(name="rl.toml", content=table)], until="objects", **options)


def errors(outcome: Outcome) -> set[str]:
    return {finding.code for finding in outcome.findings if finding.severity == "error"}


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_a_launched_run_keeps_what_a_typed_field_holds_and_every_file_brings_it_back(value: float) -> None:
    kept = 0
    for place in NUMBERS:
        outcome = compiled(with_value(place, value))
        assert "D-03" not in errors(outcome)
        if outcome.split is None:
            continue
        kept += 1
        component, *path = place[0]
        for form in ("sparse", "resolved"):
            assert_comes_back(outcome, str(component), tuple(path), form, value)
    assert kept > (30 if value == math.inf else 2)


def assert_comes_back(outcome: Outcome, component: str, path: KeyPath, form: Form, value: float) -> None:
    assert outcome.split is not None
    for syntax, read in (("json", strict_json), ("toml", tomli.loads)):
        files = component_files(outcome.split, form=form, syntax=syntax)  # type: ignore[arg-type]
        if f"{component}.{syntax}" not in files:
            continue
        loaded: Any = load_component(component, read(files[f"{component}.{syntax}"])).model_dump()
        found = value_at(loaded, path, "absent")
        assert found == value or (found != found and value != value), (component, path, form, syntax)
    assert outcome.plan is not None
    for pods in outcome.plan.pods:
        if pods.config is not None:
            strict_json(pods.config.text)


def strict_json(text: str) -> Any:
    def refuse(name: str) -> Any:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_a_hosted_run_is_refused_for_them(value: float) -> None:
    for place in NUMBERS:
        table = with_value(place, value)
        assert errors(compiled(table, mode="hosted")), place
        assert errors(compiled(table, mode="both")), place


@pytest.mark.parametrize("key", ["source", "eval"])
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_sources_that_were_set_aside_are_refused_and_never_changed(key: str, value: float) -> None:
    table = base()
    source = {"env": {"id": "e", "args": {"deep": [value]}}}
    if key == "source":
        table["orchestrator"]["train"]["source"] = [source]
    else:
        table["orchestrator"]["eval"] = {"source": [source]}
    assert errors(compiled(table, mode="hosted")) == {"D-03"}
    assert errors(compiled(table, mode="both")) == {"D-03"}
    launched = compiled(table)
    assert [finding.code for finding in launched.findings if finding.code == "D-03"] == ["D-03"]
    assert not launched.is_refused
    assert launched.split is not None
    assert launched.split.env_servers[-1].config.sparse["env"]["args"] == {"deep": [None]}


VALUES = st.sampled_from([1, "x", True, {}, [], {"a": "b"}, [{"a": 1}], None, "None", 2.5])


@settings(max_examples=200, deadline=None)
@given(
    place=st.sampled_from(SECTIONS), key=st.sampled_from(KEYS), value=VALUES, mode=st.sampled_from(["launcher", "both"])
)
def test_a_key_of_another_section_gives_findings_and_no_exception(
    place: Place, key: str, value: Any, mode: Any
) -> None:
    table = with_value(place, value, key)
    compiled(table, mode=mode)
    compiled(table, mode=mode, on_unknown="warn")


def test_every_key_of_every_section_in_every_section() -> None:
    for place in SECTIONS:
        table = with_value(place, 4, KEYS[0])
        for key in set(KEYS) - {"type"}:
            node = value_at(table, place[0])
            node.setdefault(key, 4)
        compiled(table, on_unknown="warn")
        assert compiled(table).findings, place


@pytest.mark.parametrize("kind", ["nccl", "nixl"])
@pytest.mark.parametrize("on_unknown", ["error", "warn"])
def test_a_world_size_in_the_shared_broadcast_is_an_unknown_key(kind: str, on_unknown: Any) -> None:
    table = {**base(), "weight_broadcast": {"type": kind, "inference_world_size": "x", "a_newer_key": 3}}
    outcome = compiled(table, on_unknown=on_unknown)
    assert {finding.code for finding in outcome.findings} >= {"B-01"}
    if on_unknown == "warn":
        assert outcome.split is not None
        end = outcome.split.trainer.resolved["weight_broadcast"]
        assert (end["a_newer_key"], end["inference_world_size"]) == (3, 1)
