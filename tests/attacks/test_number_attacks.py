"""Attacks with numbers: those that Python refuses to spell, to convert or to hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import rlsplit
from rlsplit import Platform, Run, api

LONG = 10**5000


def _nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth):
        value = {"a": [value]}
    return value


def _cycle() -> dict[str, Any]:
    table: dict[str, Any] = {}
    table["trainer"] = table
    return table


INPUTS: dict[str, Callable[[], object]] = {
    "a long integer in a platform file": lambda: Platform.from_toml("a = " + "1" * 5000),
    "a long integer in a config": lambda: rlsplit.parse("max_steps = " + "1" * 5000),
    "a long integer in a table": lambda: rlsplit.parse({"max_steps": LONG}),
    "a long integer as a key": lambda: rlsplit.parse({LONG: 1}),
    "settings with long integers": lambda: Platform.from_mapping(
        {LONG: 1, "labels": {LONG: LONG}, "egress_ports": [LONG]}
    ),
    "settings that contain themselves": lambda: Platform.from_mapping(_cycle()),
    "settings that are deep": lambda: Platform.from_mapping(_nested(3000)),
    "deep tolerations": lambda: Platform.from_mapping({"trainer": {"tolerations": [_nested(3000)]}}),
    "settings that are a list": lambda: Platform.from_mapping([1]),  # type: ignore[arg-type]
    "settings that are nothing": lambda: Platform.from_mapping(None),  # type: ignore[arg-type]
    "a deep platform file": lambda: Platform.from_toml("a = " + "[" * 3000 + "]" * 3000),
    "a deep header": lambda: Platform.from_toml("[" + ".".join("a" * 3000) + "]"),
    "a config that contains itself": lambda: rlsplit.parse(_cycle()),
    "a deep config": lambda: rlsplit.parse(_nested(3000)),
}


@pytest.mark.parametrize("what", INPUTS)
def test_bad_input_is_an_error_with_findings(what: str) -> None:
    with pytest.raises(rlsplit.ConfigError) as refused:
        INPUTS[what]()
    assert refused.value.findings
    assert len(str(refused.value)) < 200_000


@pytest.mark.parametrize(
    "body",
    [
        {LONG: 1},
        {"config": {LONG: 1}},
        {"config": {"max_steps": LONG}},
        {"config": {"trainer": {LONG: LONG}}},
        {"config": _nested(90)},
        {"config": _cycle()},
        LONG,
        [LONG],
        None,
        {"config": {"env_vars": {"A": LONG}}},
        {"config": {(1, 2): 3}},
        {(1, 2): 3},
    ],
    ids=[f"body {number}" for number in range(12)],
)
def test_any_decoded_body_is_a_request_or_an_answer(body: Any) -> None:
    request = api.read_request(body)
    if isinstance(request, api.CreateDedicatedRunRequest):
        request = api.compile_run(request, run_id="r", job_id="j", token_value="t", platform=Platform())  # type: ignore[assignment]
    assert isinstance(request, api.ErrorResponse)
    assert request.errors


@pytest.mark.parametrize("attempt", [0, -LONG, LONG, 10**9], ids=["0", "-long", "long", "a billion"])
def test_an_attempt_is_a_number_that_a_path_can_hold(attempt: int) -> None:
    outcome = rlsplit.compile_sources(
        [rlsplit.Source(name="f", content={"trainer": {}, "orchestrator": {}})],
        until="plan",
        target=rlsplit.Target(run=Run(attempt=attempt)),
    )
    assert "plan.attempt" in {finding.code for finding in outcome.findings}


BODIES = {
    "a long integer": b'{"config":{"max_steps":' + b"9" * 1_000_000 + b"}}",
    "infinity": b'{"config":{"max_steps":1e999999}}',
    "many lists": b'{"config":{"a":[' + b",".join([b"[]"] * 500_000) + b"]}}",
    "many commas in a string": b'{"config":{"a":"' + b"," * 1_000_000 + b'"}}',
    "escaped quotes": b'{"config":{"a":"' + rb"\"," * 300_000 + b'"}}',
    "escaped backslashes": b'{"config":{"a":"' + rb"\\" * 300_000 + b'"}}',
    "deep": b'{"config":' + b"[" * 1_000_000,
}


@pytest.mark.parametrize("what", BODIES)
def test_bodies_of_a_megabyte_are_answered(what: str) -> None:
    outcome = api.read_body(BODIES[what])
    too_many = isinstance(outcome, api.ErrorResponse) and "keys and list items" in outcome.errors[0].details
    assert too_many == (what == "many lists")
