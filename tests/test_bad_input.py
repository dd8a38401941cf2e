"""No input, however hostile, raises anything but a ConfigError, and nothing of it is lost."""

from __future__ import annotations

import datetime
import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rlsplit
from rlsplit.config.reading.problems import MOST_PROBLEMS
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.tree import is_section, members
from rlsplit.findings import dotted

BASE = """
run.name = "test"
trainer.max_steps = 100
orchestrator.train.source = [{ env.taskset.id = "reverse-text" }]
inference = {}
"""


def codes(content: str | bytes | dict[str, Any], **options: Any) -> list[str]:
    outcome = rlsplit.compile_sources([rlsplit.Source(name="f", content=content)], **options)
    assert (outcome.config is None) == any(f.severity == "error" for f in outcome.findings)
    return [finding.code for finding in outcome.findings]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "B-02"),
        ("= nothing", "document.syntax"),
        (b"a = '\xff'", "document.encoding"),
        ("a = 1\na = 2", "document.redefined"),
        (f"{BASE}max_steps = {2**63}", "document.integer"),
        (f"{BASE}model = {'[' * 1000}{']' * 1000}", "document.too-deep"),
        ("trainer = []\norchestrator = {}", "B-03"),
        ("trainer = 1\norchestrator = {}", "B-03"),
        (f"{BASE}output_dir = 2026-01-01", "B-03"),
        (f"{BASE}max_steps = nan", "B-03"),
        (f"{BASE}trainer.optim.lr = nan", "B-03"),
        (f"{BASE}maxsteps = 1", "B-01"),
        (f'{BASE}trainer.optim = {{ type = "adamw", momentum = 1.0 }}', "B-01"),
        (f"{BASE}trainer.loss.type = 1", "B-07"),
    ],
)
def test_a_mistake_gives_its_finding(text: str | bytes, code: str) -> None:
    assert code in codes(text)


def test_infinities_in_untyped_tables_become_null_with_a_warning() -> None:
    table = {**rlsplit_table(), "inference": {"vllm": {"extra": math.inf}}}
    outcome = rlsplit.compile_sources([rlsplit.Source(name="f", content=table)])
    assert [finding.code for finding in outcome.findings] == ["D-03"]
    assert outcome.config is not None
    inference = rlsplit.split(outcome.config).inference
    assert inference is not None
    assert inference.resolved["vllm"]["extra"] is None


def rlsplit_table() -> dict[str, Any]:
    return {"run": {"name": "t"}, "trainer": {}, "orchestrator": {"train": {"source": [{"env": {"id": "e"}}]}}}


def test_dates_in_untyped_tables_become_text() -> None:
    table = rlsplit_table()
    table["orchestrator"]["train"]["source"][0]["env"]["since"] = datetime.date(2026, 1, 2)
    source = rlsplit.split(rlsplit.parse(table)).orchestrator.resolved["train"]["source"][0]
    assert source["env"]["since"] == "2026-01-02"


KEYS = (
    st.sampled_from(sorted(RLConfig.model_fields))
    | st.text(max_size=8)
    | st.sampled_from(["__class__", "type", "name"])
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["None", "nccl", "multi_node", "auto", "1e999", "9" * 5000, "inf", "\ud800", "\x1b[31m"])
    | st.dates()
    | st.datetimes()
    | st.just(10**30)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


def damaged(annotation: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Tables in the shape of a section, with anything at all in some of its places."""
    sections = [member for member in members(annotation) if is_section(member)]
    if not sections or depth > 4:
        return VALUES
    return st.one_of(
        VALUES,
        *(
            st.fixed_dictionaries(
                {},
                optional={
                    name: st.deferred(lambda field=field: damaged(field.annotation, depth + 1))
                    for name, field in list(section.model_fields.items())
                },
            )
            for section in sections[:6]
        ),
    )


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    table=damaged(RLConfig), mode=st.sampled_from(["launcher", "hosted"]), unknown=st.sampled_from(["error", "warn"])
)
def test_no_table_raises_anything_else(table: Any, mode: Any, unknown: Any) -> None:
    if not isinstance(table, dict):
        return
    before = repr(table)
    outcome = rlsplit.compile_sources([rlsplit.Source(name="f", content=table)], mode=mode, on_unknown=unknown)
    assert repr(table) == before
    for finding in outcome.findings:
        assert finding.code
        assert finding.message
        str(finding)
    if outcome.config is not None:
        split = rlsplit.split(outcome.config)
        json.dumps([split.trainer.resolved, split.orchestrator.sparse, split.deployment], allow_nan=False)


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_no_text_raises_anything_else(text: str) -> None:
    codes(text)


@settings(max_examples=200, deadline=None)
@given(st.binary())
def test_no_bytes_raise_anything_else(content: bytes) -> None:
    codes(content)


def test_unknown_keys_pass_through_with_a_warning() -> None:
    table = {**rlsplit_table(), "trainer": {"brand_new_setting": 1, "optim": {"lrr": 1}}}
    with pytest.raises(rlsplit.ConfigError) as refused:
        rlsplit.parse(table)
    assert [finding.code for finding in refused.value.findings] == ["B-01", "B-01"]
    with pytest.raises(rlsplit.ConfigError, match="did you mean"):
        rlsplit.parse(table, on_unknown="warn")
    del table["trainer"]["optim"]
    config = rlsplit.parse(table, on_unknown="warn")
    assert rlsplit.split(config).trainer.sparse["brand_new_setting"] == 1
    assert rlsplit.split(config).trainer.resolved["brand_new_setting"] == 1


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("[orchestrator]\n[trainer.monitors.prime]", "trainer.monitors.prime"),
        ("[orchestrator]\n[trainer]\nprefill_env_vars = 3", "trainer.prefill_env_vars"),
        ("[orchestrator]\n[trainer]\nprovenance = 3", "trainer.provenance"),
    ],
)
def test_an_unknown_key_with_the_name_of_anothers_field_is_only_unknown(text: str, path: str) -> None:
    outcome = rlsplit.compile_sources([rlsplit.Source(name="f", content=text)])
    assert [(finding.code, dotted(finding.path)) for finding in outcome.findings] == [("B-01", path)]


def test_of_ten_thousand_mistakes_the_first_are_told_and_the_others_counted() -> None:
    table = {**rlsplit_table(), "trainer": {"env_vars": {f"a{i}": i for i in range(10_000)}}}
    assert sorted(codes(table)) == ["B-03"] * MOST_PROBLEMS + ["document.too-many"]
    findings = rlsplit.compile_sources([rlsplit.Source(name="f", content=table)]).findings
    assert f"{10_000 - MOST_PROBLEMS} more" in next(f.message for f in findings if f.code == "document.too-many")
