"""The README's server over real HTTP."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_requests import GOOD, ROOT, config, small
from api_service import BEARER, CLIENTS, PATH, Service, clients, served
from jsonschema import Draft202012Validator

from rlsplit.api import MAX_BODY_BYTES

CLIENT_FIELDS = ["mode", "gpuType", "volume", "sourceRef", "resumeFrom"]
"""What the public client sends besides the documented fields."""
SERVER = Path(__file__).with_name("server.py")
REQUESTS = 6
"""Of each client; the module's script sends them for as long as one likes."""

ACCEPTANCE = "positive_data_acceptance"
"""The one check that cannot hold: the document's schema takes any config, prime-rl's rules do not."""


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with served() as running:
        yield running


@pytest.fixture
def schemas(shared: Path) -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    document = yaml.safe_load((shared / "openapi" / "create-dedicated-run.yaml").read_text("utf-8"))
    loaded: dict[str, Any] = document["components"]["schemas"]
    return loaded


def post(service: Service, body: Any, **options: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(f"{service.url}{PATH}", content=content, **{"headers": BEARER, "timeout": 60, **options})


def test_the_readme_shows_this_very_server() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    assert [block for block in blocks if "FastAPI(" in block] == [SERVER.read_text("utf-8")]


@pytest.mark.parametrize("name", GOOD)
def test_a_good_config_is_created(service: Service, schemas: dict[str, Any], name: str) -> None:
    answer = post(service, {"config": config(name), "wandbApiKey": "a-wandb-key", "name": name})
    assert answer.status_code == 201, answer.text
    Draft202012Validator(schemas["CreateDedicatedRunResponse"]).validate(answer.json())
    assert set(answer.json()) == {"runId", "jobId", "tokenValue"}
    assert "a-wandb-key" not in answer.text
    assert answer.json()["tokenValue"]


@pytest.mark.parametrize(
    ("body", "params"),
    [
        ({"config": config("bad/unknown-key.toml")}, ["config.trainer.model.seqlen"]),
        ({"config": small(name=5), "imageTag": "a tag"}, ["config.name", "imageTag"]),
        ({"config": None}, ["config"]),
        ({}, ["config"]),
        ([], ["body"]),
        (b"", ["body"]),
        (b"{", ["body"]),
        (b"[" * 100_000, ["body"]),
        (b'{"config": {}, "\\ud800": 1}', ["config.orchestrator", "config.trainer", '"\\ud800"']),
        (b" " * (MAX_BODY_BYTES + 1), ["body"]),
        (b"x" * (3 * MAX_BODY_BYTES), ["body"]),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_bad_body_is_refused(service: Service, schemas: dict[str, Any], body: Any, params: list[str]) -> None:
    answer = post(service, body)
    assert answer.status_code == 422, answer.text
    Draft202012Validator({**schemas["ErrorResponse"], "components": {"schemas": schemas}}).validate(answer.json())
    assert [error["param"] for error in answer.json()["errors"]] == params


@pytest.mark.parametrize("headers", [{}, {"Authorization": "a-token"}, {"Authorization": "Basic YTpi"}])
def test_without_a_bearer_token_there_is_no_answer(service: Service, headers: dict[str, str]) -> None:
    answer = post(service, {"config": small()}, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_servers_own_document_has_the_given_schemas(service: Service, schemas: dict[str, Any]) -> None:
    document = httpx.get(f"{service.url}/openapi.json").json()
    operation = document["paths"][PATH]["post"]
    request = operation["requestBody"]["content"]["application/json"]["schema"]
    given = schemas["CreateDedicatedRunRequest"]
    assert {**request, "title": None, "properties": None} == {**given, "title": None, "properties": None}
    assert {name: request["properties"][name] for name in given["properties"]} == given["properties"]
    assert list(request["properties"])[len(given["properties"]) :] == CLIENT_FIELDS
    for name in ("CreateDedicatedRunResponse", "ErrorResponse", "ErrorDetail"):
        assert document["components"]["schemas"][name] == schemas[name]
    assert set(operation["responses"]) == {"201", "401", "422"}
    assert operation["security"] == [{"HTTPBearer": []}]
    assert operation["operationId"] == "create_dedicated_run_api_v1_training_runs_post"


def test_fifty_clients_get_their_own_answers(service: Service) -> None:
    tally = asyncio.run(clients(service.url, requests=REQUESTS))
    assert not tally.mixed_up
    assert tally.statuses == {201: CLIENTS * REQUESTS // 2, 422: CLIENTS * REQUESTS // 2}
    assert len(set(tally.run_ids)) == len(set(tally.tokens)) == CLIENTS * REQUESTS // 2


def test_the_server_prints_no_secret_and_no_traceback(service: Service) -> None:
    for body in (
        {"config": small(), "hfToken": "hunter2-hunter2"},
        {"config": small(seqlen=1), "hfToken": "hunter2-hunter2"},
        {"config": 1, "hfToken": ["hunter2-hunter2"], "hf_token": "hunter2-hunter2"},
    ):
        answer = post(service, body)
        assert "hunter2" not in answer.text
    printed = service.printed()
    assert "hunter2" not in printed
    assert "Traceback" not in printed


@pytest.mark.slow
@pytest.mark.skipif(find_spec("schemathesis") is None, reason="schemathesis is not installed")
def test_schemathesis_finds_nothing(service: Service, shared: Path, tmp_path: Path) -> None:
    document = shared / "openapi" / "create-dedicated-run.yaml"
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(document), "--url", service.url]
    options = ["-H", "Authorization: Bearer a-token", "-n", "200", "--seed", "4", "--continue-on-failure", "--no-color"]
    done = subprocess.run(
        [*command, *options, "--exclude-checks", ACCEPTANCE],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b[1-9]\d+ passed", done.stdout), done.stdout
