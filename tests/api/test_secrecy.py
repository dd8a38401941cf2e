"""Secrets occur in the Secret's data, in the answer's token, and nowhere else."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import logging
import pickle
import traceback
from typing import Any
from unittest import mock

import pytest
from api_requests import GOOD, compiled_request, config, small
from hypothesis import given, settings
from hypothesis import strategies as st

from rlsplit import Platform, Run, Secrets, Source, Target, compile_sources, render, to_json, to_yaml
from rlsplit.api import CompiledRun, CreateDedicatedRunRequest, ErrorResponse, detail, read_request
from rlsplit.preview import as_html, as_markdown, previewed
from rlsplit.secrets import SecretText

SECRETS = st.lists(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"]), min_size=4, max_size=40),
    min_size=4,
    max_size=4,
    unique=True,
).map(lambda texts: [f"hunter{number}-{text}" for number, text in enumerate(texts)])
"""Four secrets, none of them inside another; the first characters keep them apart from ordinary text."""

VARIANTS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(GOOD),
        "workload": st.sampled_from(["job", "jobset"]),
        "delivery": st.sampled_from(["auto", "volume"]),
        "table": st.sampled_from(["", "trainer", "orchestrator"]),
    }
)


def spellings(secret: str) -> set[str]:
    """How a secret may look inside some text."""
    encoded = secret.encode()
    return {
        *(secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]),
        *(base64.b64encode(encoded).decode(), base64.urlsafe_b64encode(encoded).decode(), encoded.hex()),
    }


def leaks(secrets: list[str], texts: list[str]) -> list[tuple[str, int]]:
    return [
        (spelling, number)
        for secret in secrets
        for spelling in spellings(secret)
        for number, text in enumerate(texts)
        if spelling in text
    ]


def request_with(secrets: list[str], given: dict[str, Any]) -> CreateDedicatedRunRequest:
    request = read_request({"config": given, "wandbApiKey": secrets[0], "hfToken": secrets[1]})
    assert isinstance(request, CreateDedicatedRunRequest)
    return request


def previews(table: dict[str, Any], secrets: list[str]) -> list[str]:
    """The same run as it is shown to reviewers."""
    given = Secrets(wandb_api_key=secrets[0], hf_token=secrets[1], prime_api_key=secrets[2])
    target = Target(run=Run(id="run-1"), secrets=given)
    subject = previewed(compile_sources([Source(name="rl.toml", content=table)], until="plan", target=target), target)
    assert not subject.is_refused
    return [as_html(subject), as_markdown(subject)]


@settings(max_examples=60, deadline=None)
@given(secrets=SECRETS, variant=VARIANTS)
def test_a_secret_is_in_one_place_of_everything_produced(secrets: list[str], variant: dict[str, str]) -> None:
    table = config(variant["name"])
    (table[variant["table"]] if variant["table"] else table).setdefault("env_vars", {})["MY_API_KEY"] = secrets[3]
    platform = Platform.from_mapping({"workload": variant["workload"], "config_delivery": variant["delivery"]})
    request = request_with(secrets, table)
    log, output = io.StringIO(), io.StringIO()
    logging.basicConfig(stream=log, level=logging.DEBUG, force=True)
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        run = compiled_request(request, token_value=secrets[2], platform=platform)
        assert isinstance(run, CompiledRun)
        logging.getLogger("server").info("%s %r %s", run, run.response, run.row)
    logging.basicConfig(force=True)

    [secret] = [item for item in run.objects if item["kind"] == "Secret"]
    data = {base64.b64decode(value).decode() for value in secret["data"].values()}
    assert set(secrets[:3]) <= data <= set(secrets)
    assert secrets[3] in data or variant["table"] == "orchestrator"
    everything = json.dumps(run.objects)
    for text in data:
        assert everything.count(base64.b64encode(text.encode()).decode()) == 1
    assert run.response.wire()["tokenValue"] == secrets[2]

    others = [item for item in run.objects if item is not secret]
    redacted = render(run.plan, redact=True)
    produced = [
        *(log.getvalue(), output.getvalue(), repr(request), repr(run), repr(run.response), repr(run.plan)),
        *(json.dumps(run.row), repr(run.row), run.response.model_dump_json(), repr(run.response.model_dump())),
        *(to_yaml(others), to_json(others), to_yaml(redacted), repr(run.warnings)),
        *(detail(finding).model_dump_json() for finding in run.warnings),
        *(str(finding) for finding in run.warnings),
        *(pods.config.text for pods in run.plan.pods if pods.config),
        *previews(table, secrets),
    ]
    assert not leaks(secrets, produced)
    # The artifact and the split are the user's own config: its env_vars are there, the request's secrets are not.
    assert not leaks(secrets[:3], [json.dumps(run.artifact), repr(run.artifact), repr(run.split)])
    with pytest.raises(TypeError):
        pickle.dumps(run)
    assert not leaks(secrets, [repr(pickle.dumps(run.row)), repr(pickle.dumps(run.warnings))])


@settings(max_examples=60, deadline=None)
@given(secrets=SECRETS, damage=st.sampled_from(["config", "imageTag", "taken", "too long", "control"]))
def test_no_refusal_shows_a_secret(secrets: list[str], damage: str) -> None:
    body: dict[str, Any] = {"config": small(), "wandbApiKey": secrets[0], "hfToken": secrets[1]}
    changes: dict[str, Any] = {
        "config": {"config": small(seqlen=1, env_vars={"HF_TOKEN": [secrets[3]], "API_KEY": {"a": secrets[3]}})},
        "imageTag": {"imageTag": 5, "wandbApiKey": [secrets[0]]},
        "taken": {"config": small(env_vars={"HF_TOKEN": secrets[3]})},
        "too long": {"wandbApiKey": secrets[0] * 2**18},
        "control": {"wandbApiKey": f"{secrets[0]}\0", "hfToken": f"\ud800{secrets[1]}"},
    }
    request = read_request({**body, **changes[damage], f"{damage} key": secrets[3]})
    outcome = request if isinstance(request, ErrorResponse) else compiled_request(request, token_value=secrets[2])
    assert isinstance(outcome, ErrorResponse)
    assert not leaks(secrets, [repr(outcome), str(outcome), outcome.model_dump_json(), repr(pickle.dumps(outcome))])


@pytest.mark.parametrize(
    "stage",
    [
        "rlsplit.compiler.read",
        "rlsplit.compiler.resolve_both",
        "rlsplit.splitting.split",
        "rlsplit.planning.plan",
        "rlsplit.manifests.render",
        "rlsplit.api.compiling.artifact",
        "rlsplit.api.compiling._row",
    ],
)
def test_a_traceback_of_ours_shows_no_secret_even_with_locals(stage: str) -> None:
    secrets = [f"hunter{number}-hunter" for number in range(4)]
    request = request_with(secrets, small())
    token = SecretText(secrets[2])
    breaking = mock.patch(stage, side_effect=RuntimeError("provoked"))
    with breaking, pytest.raises(RuntimeError, match="provoked") as failure:
        compiled_request(request, token_value=token)
    ours = failure.value.__traceback__
    assert ours is not None
    shown = traceback.TracebackException(RuntimeError, failure.value, ours.tb_next, capture_locals=True)
    text = "".join(shown.format())
    assert "compile_run" in text
    assert not leaks(secrets, [text])
