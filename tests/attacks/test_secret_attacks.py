"""Attacks on secrets: a value that a tenant wrote into the config, asked for in places that servers log."""

from __future__ import annotations

from typing import Any

import pytest

from rlsplit import Platform, api

SECRET = "hf_abcdefghijklmnop"


def _request(**config: Any) -> api.CreateDedicatedRunRequest:
    base = {"trainer": {}, "orchestrator": {"train": {"source": [{"env": {"taskset": {"id": "a"}}}]}}, "inference": {}}
    return api.CreateDedicatedRunRequest.model_validate({"config": {**base, **config}})


@pytest.mark.parametrize(
    "config",
    [
        {"env_vars": {"MY_API_KEY": "plain-looking"}},
        {"env_vars": {"ANY": SECRET}},
        {"env_vars": {"URL": "https://user:plain-looking@host/"}},
        {"model": {"name": SECRET}},
    ],
)
def test_a_request_and_what_is_compiled_show_no_secret(config: dict[str, Any]) -> None:
    request = _request(**config)
    shown = [
        repr(request),
        repr(request.model_dump()),
        request.model_dump_json(),
        repr(request.model_dump(mode="json")),
    ]
    assert "plain-looking" in repr(request.config) or SECRET in repr(request.config)  # it is there
    run = api.compile_run(request, run_id="r", job_id="j", token_value="token-value", platform=Platform())
    shown.append(repr(run))
    if isinstance(run, api.CompiledRun):
        shown += [repr(run.plan), repr(run.row), str(run.warnings), repr(run.split)]
    for text in shown:
        assert "plain-looking" not in text
        assert SECRET not in text
        assert "token-value" not in text


def test_the_wire_form_is_the_whole_request() -> None:
    request = _request(env_vars={"MY_API_KEY": "plain-looking"})
    assert request.wire()["config"]["env_vars"] == {"MY_API_KEY": "plain-looking"}
    assert request.config["env_vars"] == {"MY_API_KEY": "plain-looking"}
