"""Request bodies for the API's tests, and the way from a body to its answer without HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tomli

from rlsplit import Platform
from rlsplit.api import CompiledRun, CreateDedicatedRunRequest, ErrorResponse, compile_run, read_body, read_request

ROOT = Path(__file__).resolve().parents[2]
EXTERNAL_INFERENCE = "external-inference"
NOT_HOSTED = ("disaggregated", "disaggregated-small", EXTERNAL_INFERENCE)
"""Fixtures that the hosted platform refuses."""


def config(name: str) -> dict[str, Any]:
    """A fixture's config (``lora``, ``bad/nan.toml``) as it arrives: parsed from TOML, sent as JSON."""
    path = ROOT / "fixtures" / name
    path = path if path.suffix else path / "rl.toml"
    sent: dict[str, Any] = json.loads(json.dumps(tomli.loads(path.read_text(encoding="utf-8")), default=str))
    return sent


FIXTURES = sorted(path.parent.name for path in (ROOT / "fixtures").glob("*/rl.toml"))
assert len(FIXTURES) >= 8
GOOD = [
    name for name in FIXTURES if name not in NOT_HOSTED and not (ROOT / "fixtures" / name / "platform.toml").is_file()
]
"""Those that the cluster of a plain server runs."""


def small(**changes: Any) -> dict[str, Any]:
    """The smallest config that runs, with other root keys."""
    source = {"env": {"id": "reverse-text"}}
    return {"trainer": {}, "orchestrator": {"train": {"source": [source]}}, "inference": {}, **changes}


def outcome_of(
    body: Any, *, kind: type[CreateDedicatedRunRequest] = CreateDedicatedRunRequest, **given: Any
) -> CompiledRun | ErrorResponse:
    """Answer a decoded body, or one of bytes, as the server does."""
    request = read_body(body, kind) if isinstance(body, bytes) else read_request(body, kind)
    if isinstance(request, ErrorResponse):
        return request
    return compiled_request(request, **given)


def compiled_request(request: CreateDedicatedRunRequest, **given: Any) -> CompiledRun | ErrorResponse:
    defaults = {"run_id": "run-1", "job_id": "job-1", "token_value": "the-token", "platform": Platform()}
    return compile_run(request, **{**defaults, **given})


def accepted(body: Any, **given: Any) -> CompiledRun:
    outcome = outcome_of(body, **given)
    assert isinstance(outcome, CompiledRun), outcome
    return outcome


def refused(body: Any, **given: Any) -> list[tuple[str, str]]:
    """Param and details of every problem."""
    outcome = outcome_of(body, **given)
    assert isinstance(outcome, ErrorResponse), outcome
    assert outcome.errors
    return [(error.param, error.details) for error in outcome.errors]


def params(body: Any, **given: Any) -> list[str]:
    return [param for param, _ in refused(body, **given)]
