"""Any body at all gives a request or an error body, within documented limits."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from api_requests import accepted, outcome_of, params, refused, small
from hostile_bodies import answered, bodies

from rlsplit.api import (
    MAX_BODY_BYTES,
    MAX_BODY_DEPTH,
    MAX_BODY_ITEMS,
    MAX_KEY_CHARS,
    CreateDedicatedRunRequest,
    ErrorResponse,
    read_body,
    read_request,
)

HOSTILE = 2000
HUNG_SECONDS = 20
"""No measure of speed: a body that takes this long means that something is quadratic or hangs."""


@pytest.mark.parametrize("body", [None, True, 1, 1.5, "text", [], [{}], [["config"]], b"{}"])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    [error] = read_errors(body)
    assert error == ("body", 'The body must be an object with the key "config".')


@pytest.mark.parametrize("content", [b"", b"{", b"{]", b"nothing", b"\xff\xfe", b'{"config": {}}x', b"9" * 10_000])
def test_bytes_that_are_no_json_are_refused(content: bytes) -> None:
    outcome = read_body(content)
    assert isinstance(outcome, ErrorResponse)
    assert [(error.param, error.details) for error in outcome.errors] == [("body", "The body is not valid JSON.")]


def test_every_field_of_a_wrong_type_is_told_at_once_with_the_problems_of_the_rest() -> None:
    body = {
        "config": small(seqlen=1),
        "imageTag": 1,
        "name": [],
        "teamId": {},
        "hfToken": 5,
        "extra": 0,
        "wandbApiKey": "",
    }
    assert [param for param, _ in read_errors(body)] == [
        *("config.seqlen", "imageTag", "name", "teamId", "wandbApiKey", "hfToken", "extra")
    ]
    assert [param for param, _ in read_errors({"config": [], "imageTag": None})] == ["config", "imageTag"]
    assert [param for param, _ in read_errors({"imageTag": "a tag"})] == ["config", "imageTag"]


def test_unknown_fields_are_errors_with_the_field_that_is_meant() -> None:
    errors = dict(refused({"config": small(), "image_tag": "v1", "token": "x"}))
    assert errors["image_tag"] == 'Is not a field of the request (did you mean "imageTag"?).'
    assert errors["token"] == "Is not a field of the request (the TOML's own keys belong into config)."


def test_half_characters_anywhere_give_an_answer_that_can_be_sent() -> None:
    for body in (
        {"config": small(**{"\ud800": 1})},
        {"config": small(), "\ud800": 1},
        {"config": small(model={"name": "\ud800"})},
        {"config": {"trainer": {"\ud800": {}}}, "name": "\ud800"},
    ):
        outcome = outcome_of(json.dumps(body).encode("ascii"))
        assert isinstance(outcome, ErrorResponse)
        json.dumps(outcome.wire(), ensure_ascii=False).encode("utf-8")


def nested(depth: int) -> bytes:
    return b'{"config": ' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


def test_a_body_over_a_limit_is_refused_before_any_work() -> None:
    over = {
        "2 MiB": b" " * (MAX_BODY_BYTES + 1),
        "200 levels": nested(MAX_BODY_DEPTH + 1),
        "levels deep": nested(200_000),
        "keys and list items": json.dumps({"config": {"x": [0] * MAX_BODY_ITEMS}}).encode(),
        "1000 characters": json.dumps({"config": {"x" * (MAX_KEY_CHARS + 1): 0}}).encode(),
    }
    for limit, content in over.items():
        outcome = read_body(content)
        assert isinstance(outcome, ErrorResponse)
        [error] = outcome.errors
        assert error.param == "body"
        assert limit in error.details


def test_a_body_at_a_limit_is_read() -> None:
    content = json.dumps({"config": small()}).encode()
    accepted(content + b" " * (MAX_BODY_BYTES - len(content)))
    assert params(nested(MAX_BODY_DEPTH)) == ["config"]
    assert isinstance(read_request({"config": {"x": [0] * (MAX_BODY_ITEMS - 2)}}), CreateDedicatedRunRequest)
    assert isinstance(read_request({"config": {"x" * MAX_KEY_CHARS: 0}}), CreateDedicatedRunRequest)


def test_a_config_that_nests_too_deep_is_refused_at_its_place() -> None:
    deep: Any = 1
    for _ in range(150):
        deep = {"a": deep}
    [(param, details)] = refused({"config": small(trainer=deep)})
    assert param.startswith("config.trainer.a.a")
    assert "100 levels" in details


def test_a_decoded_body_may_contain_itself() -> None:
    body: dict[str, Any] = {"config": {}}
    body["config"]["trainer"] = body
    [(param, _)] = read_errors(body)
    assert param == "body"
    shared: Any = "x"
    for _ in range(60):
        shared = [shared, shared]
    assert [param for param, _ in read_errors({"config": shared})] == ["body"]


def test_long_texts_are_answered_shortly() -> None:
    text = "x" * 5_000_000
    for given in (small(max_steps=text), small(model={"name": text, "no": 1}), small(deployment={"type": text})):
        outcome = outcome_of({"config": given, "name": text})
        assert isinstance(outcome, ErrorResponse)
        assert len(json.dumps(outcome.wire())) < 10_000


@pytest.mark.parametrize("seed", range(4))
def test_hostile_bodies_are_answered(seed: int) -> None:
    statuses = set()
    for number, body in enumerate(bodies(seed, HOSTILE // 4)):
        start = time.monotonic()
        statuses.add(answered(body))
        assert time.monotonic() - start < HUNG_SECONDS, f"body {number} of seed {seed}"
    assert statuses == {201, 422}


def read_errors(body: Any) -> list[tuple[str, str]]:
    outcome = read_request(body)
    assert isinstance(outcome, ErrorResponse)
    return [(error.param, error.details) for error in outcome.errors]
