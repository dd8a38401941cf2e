"""The wire models equal the endpoint's document, and show no secret unless asked for the wire form."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from pydantic.json_schema import models_json_schema

from rlsplit.api import (
    CreateDedicatedRunRequest,
    CreateDedicatedRunResponse,
    ErrorDetail,
    ErrorResponse,
    read_request,
)
from rlsplit.secrets import SecretText

MODELS = (CreateDedicatedRunRequest, CreateDedicatedRunResponse, ErrorResponse, ErrorDetail)
SECRET = "hunter2-hunter2"


def document(shared: Path) -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    loaded: dict[str, Any] = yaml.safe_load((shared / "openapi" / "create-dedicated-run.yaml").read_text("utf-8"))
    return loaded


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_schemas_equal_the_document(shared: Path, mode: Any) -> None:
    wanted = document(shared)["components"]["schemas"]
    _, schemas = models_json_schema([(model, mode) for model in MODELS], ref_template="#/components/schemas/{model}")
    assert schemas["$defs"] == wanted
    assert list(schemas["$defs"]["CreateDedicatedRunRequest"]["properties"]) == list(
        wanted["CreateDedicatedRunRequest"]["properties"]
    )


def test_fastapi_publishes_the_document_for_them(shared: Path) -> None:
    app = FastAPI()

    @app.post("/runs", status_code=201, responses={422: {"model": ErrorResponse}})
    def create(request: CreateDedicatedRunRequest) -> CreateDedicatedRunResponse:
        raise AssertionError("never called: only its signature is published")

    assert app.openapi()["components"]["schemas"] == document(shared)["components"]["schemas"]


def test_wire_names_are_read_and_written() -> None:
    sent = {"config": {}, "imageTag": "v1", "name": "n", "teamId": "t", "wandbApiKey": "w", "hfToken": "h"}
    request = CreateDedicatedRunRequest.model_validate(sent)
    assert (request.image_tag, request.team_id, request.wandb_api_key) == ("v1", "t", SecretText("w"))
    assert request.wire() == sent
    assert CreateDedicatedRunRequest.model_validate_json(json.dumps(sent)) == request
    assert CreateDedicatedRunRequest.model_validate(request.model_dump()) == request


def test_defaults_are_the_documented_ones() -> None:
    request = CreateDedicatedRunRequest(config={})
    assert request.wire() == {
        "config": {},
        "imageTag": "main",
        "name": None,
        "teamId": None,
        "wandbApiKey": None,
        "hfToken": None,
    }


def test_python_names_are_no_fields_of_the_wire() -> None:
    request = CreateDedicatedRunRequest.model_validate({"config": {}, "image_tag": "v1"})
    assert request.image_tag == "main"
    assert request.unknown_fields == ("image_tag",)


def holders() -> list[Any]:
    response = {"runId": "r", "jobId": "j", "tokenValue": SECRET}
    return [
        CreateDedicatedRunRequest.model_validate({"config": {"x": 1}, "wandbApiKey": SECRET, "hfToken": SECRET}),
        CreateDedicatedRunResponse.model_validate(response),
        CreateDedicatedRunResponse.model_validate_json(json.dumps(response)),
    ]


@pytest.mark.parametrize("holder", holders(), ids=lambda holder: type(holder).__name__)
def test_nothing_shows_a_secret_but_the_wire_form(holder: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("server").warning("%s %r", holder, holder)
    shown = [
        *(str(holder), repr(holder), f"{holder}", caplog.text, repr(holder.model_dump()), holder.model_dump_json()),
        *(repr(holder.model_dump(mode="json")), repr(vars(holder)), repr(dict(holder)), repr([holder])),
        *(repr(list(holder.__rich_repr__())), holder.model_dump_json(context={"wire": True})),
    ]
    assert not [text for text in shown if SECRET in text]
    assert SECRET in json.dumps(holder.wire())
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(holder)
    assert copy.deepcopy(holder) == holder
    assert holder.model_copy() == holder


@pytest.mark.parametrize(
    "body",
    [
        {"wandbApiKey": SECRET},
        {"config": 1, "wandbApiKey": [SECRET], "hfToken": {"value": SECRET}},
        {"config": {}, "hfToken": SECRET.encode()},
        {"hf_token": SECRET},
    ],
)
def test_no_error_shows_a_secret(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        CreateDedicatedRunRequest.model_validate(body)
    assert SECRET not in f"{refused.value} {refused.value!r} {refused.value.errors()}"
    assert SECRET not in repr(read_request(body))


def test_models_are_frozen() -> None:
    request = CreateDedicatedRunRequest(config={})
    with pytest.raises(ValidationError):
        request.image_tag = "v2"
