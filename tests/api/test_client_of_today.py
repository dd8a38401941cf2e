"""What the public client sends today: five fields beside the documented ones, and keys of its own in the config."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_requests import GOOD, compiled_request, config, small
from api_requests import outcome_of as answer_to
from api_service import Service, served

from rlsplit import Platform, Run
from rlsplit.api import (
    CompiledRun,
    CreateDedicatedRunRequest,
    CreateTrainingRunRequest,
    ErrorResponse,
    detail,
    read_body,
    read_request,
)
from rlsplit.compiler import Target, compile_sources
from rlsplit.document import Source

FIELDS = {
    "mode": "rl",
    "gpuType": "H200_141GB",
    "volume": "research",
    "sourceRef": "feature/new-loss",
    "resumeFrom": "run-0",
}
CONTRACT = CreateDedicatedRunRequest.wire_fields()


def outcome_of(body: dict[str, Any], **given: Any) -> CompiledRun | ErrorResponse:
    return answer_to(body, kind=CreateTrainingRunRequest, **given)


def accepted(body: dict[str, Any], **given: Any) -> CompiledRun:
    outcome = outcome_of(body, **given)
    assert isinstance(outcome, CompiledRun), outcome
    return outcome


def refused(body: dict[str, Any], **given: Any) -> dict[str, str]:
    outcome = outcome_of(body, **given)
    assert isinstance(outcome, ErrorResponse), outcome
    return {error.param: error.details for error in outcome.errors}


def warned(run: CompiledRun) -> dict[str, str]:
    found = [detail(finding) for finding in run.warnings if finding.code == "request.misplaced"]
    return {error.param: error.details for error in found}


# --- the request -----------------------------------------------------------------------------------------------------


def test_the_request_is_the_documented_one_and_five_fields() -> None:
    ours = CreateTrainingRunRequest.model_json_schema()
    documented = CreateDedicatedRunRequest.model_json_schema()
    assert CreateTrainingRunRequest.wire_fields() == (*CONTRACT, *FIELDS)
    assert {name: ours["properties"][name] for name in CONTRACT} == documented["properties"]
    assert ours["required"] == documented["required"] == ["config"]
    assert ours["properties"]["mode"] == {
        "default": "rl",
        "enum": ["rl", "sft"],
        "type": "string",
        "title": "Mode",
        "description": ours["properties"]["mode"]["description"],
    }
    assert read_body(json.dumps({"config": {}, **FIELDS}).encode(), CreateTrainingRunRequest) == (
        CreateTrainingRunRequest.model_validate({"config": {}, **FIELDS})
    )


@pytest.mark.parametrize("field", FIELDS)
def test_the_documented_request_has_none_of_the_five(field: str) -> None:
    request = read_request({"config": small(), field: FIELDS[field]})
    assert isinstance(request, CreateDedicatedRunRequest)
    assert request.unknown_fields == (field,)
    outcome = compiled_request(request)
    assert isinstance(outcome, ErrorResponse)
    assert [error.param for error in outcome.errors] == [field]


@pytest.mark.parametrize("field", FIELDS)
def test_each_of_the_five_is_accepted(field: str) -> None:
    accepted({"config": small(), field: FIELDS[field]})


def test_all_of_them_reach_the_objects() -> None:
    platform = Platform(gpu_type_label="nvidia.com/gpu.product")
    run = accepted({"config": small(), **FIELDS}, platform=platform, attempt=2)
    written = json.dumps(run.objects)
    assert '"nvidia.com/gpu.product": "H200_141GB"' in written
    assert '{"claimName": "research"}' in written
    assert '{"name": "PRIME_RL_REF", "value": "feature/new-loss"}' in written
    assert "PersistentVolumeClaim" not in {each["kind"] for each in run.objects}
    assert run.plan.run_dir == Platform().run_dir.replace("{mount}", Platform().mount_path).replace("{run_id}", "run-0")
    assert run.row["volume"] == "research"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("mode", value) for value in ("dpo", "", None, 1)),
        *(("gpuType", value) for value in ("", "H100 SXM", "x" * 64, 8, [])),
        *(("volume", value) for value in ("", "/mnt/data", "Research", {}, False)),
        *(("sourceRef", value) for value in ("", "-x", "a b", "a..b", "a//b", "/a", "a/", "a/.b", "a.", "x.lock/y")),
        *(("sourceRef", value) for value in ("refs/heads/main", "pull/3/head", "x" * 201, "a\n", 7, "é", "\ud800")),
        *(("resumeFrom", value) for value in ("", "..", "a/b", "x" * 64, 5, " ")),
    ],
)
def test_a_bad_value_of_one_is_one_error(field: str, value: Any) -> None:
    assert list(refused({"config": small(), field: value})) == [field]


@pytest.mark.parametrize("ref", ["main", "v0.8.0", "a" * 40, "feature/x_1.2", "x" * 200])
def test_branches_tags_and_commits_are_sources(ref: str) -> None:
    accepted({"config": small(), "sourceRef": ref})


def test_problems_of_all_fields_come_at_once_in_the_requests_order() -> None:
    wrong = {"mode": "x", "gpuType": "a b", "volume": "/", "sourceRef": "-", "resumeFrom": "/"}
    body = {"config": small(seqlen=1), "name": " ", **wrong, "extra": 1}
    assert list(refused(body)) == ["config.seqlen", "name", *FIELDS, "extra"]
    assert list(refused({**body, "mode": "rl"})) == ["config.seqlen", "name", *list(FIELDS)[1:], "extra"]


def test_a_misspelled_field_is_told_apart() -> None:
    errors = refused({"config": small(), "gpu_type": "x", "resumefrom": "y"})
    assert 'did you mean "gpuType"' in errors["gpu_type"]
    assert 'did you mean "resumeFrom"' in errors["resumefrom"]


SFT = {"data": {"name": "org/set"}, "optim": {"lr": 1e-5}, "run": {"name": "sft"}}
EVALS = {**SFT, "max_steps": 10, "inference": {}, "eval": {"source": [{"env": {"id": "a"}}], "bogus": "None"}}


def test_an_sft_run_is_compiled_whether_it_says_its_mode_or_not() -> None:
    run = accepted({"config": SFT, "mode": "sft"})
    assert run.artifact["mode"] == "sft"
    assert run.artifact["components"].keys() == {"trainer"}
    assert [pods.component for pods in run.plan.pods] == ["trainer"]
    assert accepted({"config": SFT}).artifact == run.artifact


def test_the_artifact_of_an_sft_run_has_its_evals_as_they_were_sent_and_the_pods_have_them_resolved() -> None:
    sent = {**EVALS, "eval": {"source": EVALS["eval"]["source"], "interval": "7"}}
    run = accepted({"config": sent})
    trainer = run.artifact["components"]["trainer"]
    assert (trainer["eval"], trainer["inference"], trainer["weight_broadcast"]) == (sent["eval"], {}, None)
    assert run.split.evals is not None
    assert run.split.evals.resolved["eval"]["interval"] == 7
    assert [pods.component for pods in run.plan.pods] == ["trainer", "evals", "inference", "env-server"]


def test_a_relative_project_dir_of_an_sft_run_is_below_the_one_that_the_server_gives() -> None:
    sent = {**SFT, "slurm": {"project_dir": "code/../mine"}}
    for given, made in (({}, "/mine"), ({"project_dir": "/srv"}, "/srv/mine")):
        assert accepted({"config": sent}, **given).artifact["components"]["trainer"]["slurm"]["project_dir"] == made


def test_mistakes_in_an_sft_run_are_told_at_their_keys_once() -> None:
    assert list(refused({"config": EVALS, "imageTag": "a b"})) == ["config.eval.bogus", "imageTag"]
    [details] = refused({"config": SFT, "imageTag": "v0.8.0"}).values()
    assert "SFT runs of v0.8.0 are not compiled" in details


def test_a_config_that_is_none_of_its_mode_is_called_what_it_is() -> None:
    [(param, details)] = refused({"config": SFT, "mode": "rl"}).items()
    assert param.startswith("config.")
    assert "sft.toml" in details
    [(param, details)] = refused({"config": small(), "mode": "sft"}).items()
    assert param.startswith("config.")
    assert "rl.toml" in details


# --- a run that continues another one ----------------------------------------------------------------------------------


def test_a_resumed_run_continues_from_the_newest_checkpoint_in_the_other_runs_directory() -> None:
    run = accepted({"config": small(), "resumeFrom": "run-0"}, run_id="run-9")
    assert run.artifact == accepted({"config": small(resume={}), "resumeFrom": "run-0"}, run_id="run-9").artifact
    assert run.artifact["components"]["trainer"]["resume"] == {"step": None, "dir": None}
    assert run.plan.run_dir.endswith("/run-0")
    assert run.plan.run_id == "run-9"
    assert "has no checkpoint to continue from" in json.dumps(run.objects)
    assert "has no checkpoint to continue from" not in json.dumps(accepted({"config": small(resume={})}).objects)


def test_the_volume_of_the_earlier_run_is_found_by_its_name_unless_one_is_given() -> None:
    first = accepted({"config": small(), "name": "math"}, run_id="run-0")
    assert {each["metadata"]["name"] for each in first.objects if each["kind"] == "PersistentVolumeClaim"} == {
        first.row["volume"]
    }
    for given, claim in (({}, first.row["volume"]), ({"volume": "other"}, "other")):
        run = accepted({"config": small(), "name": "math", "resumeFrom": "run-0", **given}, run_id="run-9")
        assert run.row["volume"] == claim
        assert "PersistentVolumeClaim" not in {each["kind"] for each in run.objects}
    shared = accepted({"config": small(), "resumeFrom": "run-0"}, platform=Platform(existing_claim="all-runs"))
    assert shared.row["volume"] == "all-runs"


def test_an_automatic_name_stays_that_of_the_earlier_run() -> None:
    first = accepted({"config": small()}, run_id="run-0")
    again = accepted({"config": small(), "resumeFrom": "run-0"}, run_id="run-9")
    assert (again.row["name"], again.row["volume"]) == (first.row["name"], first.row["volume"])


@pytest.mark.parametrize(
    "changes",
    [{"resume": {"step": 7}}, {"trainer": {"resume": {"step": 7}}, "orchestrator": {"resume": {"step": 7}}}],
)
def test_a_step_that_the_config_names_is_kept(changes: dict[str, Any]) -> None:
    given = small()
    given = {**given, **changes}
    given["orchestrator"] = {**small()["orchestrator"], **changes.get("orchestrator", {})}
    run = accepted({"config": given, "resumeFrom": "run-0"})
    assert run.plan.resume is not None
    assert run.plan.resume.step == 7


def test_another_checkpoint_in_the_config_is_refused() -> None:
    given = small(resume={"dir": "/data/other/checkpoints/step_10"})
    [(param, details)] = refused({"config": given, "resumeFrom": "run-0"}).items()
    assert param == "resumeFrom"
    assert "resume.dir or resumeFrom" in details


def test_a_run_of_the_library_has_to_resume_as_well() -> None:
    target = Target(run=Run(id="run-9", resume_from="run-0"))
    outcome = compile_sources([Source(name="config", content=small())], until="plan", target=target)
    assert [finding.code for finding in outcome.findings if finding.severity == "error"] == ["plan.resume-from"]


# --- keys that the client leaves in the config ---------------------------------------------------------------------------


def test_a_name_in_the_config_is_the_runs_name_with_a_warning() -> None:
    run = accepted({"config": small(name="mine")})
    assert run.row["name"] == "mine"
    assert list(warned(run)) == ["config.name"]
    assert run.artifact == accepted({"config": small()}).artifact


def test_the_requests_own_name_wins() -> None:
    run = accepted({"config": small(name="mine"), "name": "yours"})
    assert run.row["name"] == "yours"
    assert list(warned(run)) == ["config.name"]


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 257, 5, [], "\0"])
def test_a_name_that_none_can_have_is_refused_in_the_config(name: Any) -> None:
    assert list(refused({"config": small(name=name)})) == ["config.name"]


def test_the_old_kind_of_run_is_passed_over_and_another_one_refused() -> None:
    run = accepted({"config": small(type="full_finetune")})
    assert not warned(run)
    assert run.artifact == accepted({"config": small()}).artifact
    [(param, details)] = refused({"config": small(type="lora")}).items()
    assert param == "config.type"
    assert "[trainer.model.lora]" in details


def test_a_key_of_the_request_is_told_its_field_only_where_there_is_one() -> None:
    given = {"config": small(gpu_type="H100")}
    assert '"gpuType"' in refused(given)["config.gpu_type"]
    request = read_request(given)
    assert isinstance(request, CreateDedicatedRunRequest)
    outcome = compiled_request(request)
    assert isinstance(outcome, ErrorResponse)
    assert "gpuType" not in outcome.errors[0].details


# --- the client itself -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with served() as running:
        yield running


@pytest.fixture
def client(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The client of the package ``prime``, with a home of its own, pointed at the server on loopback."""
    training = pytest.importorskip("prime_cli.api.training", reason="the package prime is not installed")
    core = pytest.importorskip("prime_cli.core")
    for variable in ("PRIME_CONTEXT", "PRIME_TEAM_ID", "PRIME_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PRIME_API_BASE_URL", service.url)
    return training.HostedTrainingClient(core.APIClient(api_key="a-token"))


def payload(given: dict[str, Any], **options: Any) -> dict[str, Any]:
    """What the client's own function makes of a config and of its options."""
    from prime_cli.api.training import build_payload_from_toml

    built: dict[str, Any] = build_payload_from_toml(given, **options)
    return built


@pytest.mark.parametrize("name", GOOD)
def test_the_client_creates_a_run_of_every_fixture(client: Any, name: str) -> None:
    created = client.create_run(payload(config(name), name=name, wandb_api_key="w", hf_token="h", team_id="t"))
    assert created.run_id
    assert created.token_value


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("mode", "rl"),
        ("gpu_type", "H200_141GB"),
        ("volume", "research"),
        ("source_ref", "main"),
        ("resume_from", "run-0"),
        ("image_tag", "v0.8.0"),
    ],
)
def test_every_option_of_the_client_is_taken(client: Any, option: str, value: str) -> None:
    sent = payload(small(), **{option: value})
    assert value in sent.values()
    assert client.create_run(sent).run_id


def test_a_config_as_the_client_leaves_it_is_taken(client: Any) -> None:
    given = small(name="mine", type="full_finetune")
    options = {"gpu_type": "H100", "volume": "research", "source_ref": "main", "resume_from": "run-0", "mode": "rl"}
    assert client.create_run(payload(given, name="mine", **options)).run_id


def test_the_client_learns_why_a_run_is_refused(client: Any) -> None:
    from prime_cli.core import APIError

    with pytest.raises(APIError, match="bogus"):
        client.create_run(payload({"data": {"bogus": 1}}, mode="sft"))
    with pytest.raises(APIError, match="hosted LoRA run"):
        client.create_run(payload({"model": "x", "env": [{"id": "a/b"}]}))
