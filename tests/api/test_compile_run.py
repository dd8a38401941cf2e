"""One call from a request to the compiled run, or to every problem of it."""

from __future__ import annotations

import copy
import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import tomli
from api_requests import EXTERNAL_INFERENCE, FIXTURES, GOOD, ROOT, accepted, config, outcome_of, params, refused, small

from conftest import conformance_cases
from rlsplit import Platform, Run, Secrets, artifact, parse, render
from rlsplit.api import CompiledRun, CreateDedicatedRunRequest, ErrorDetail, ErrorResponse, compile_run, detail
from rlsplit.api.models import REQUEST_FIELDS
from rlsplit.config.sections.rl import RLConfig
from rlsplit.planning import plan
from rlsplit.request_fields import REQUEST_FIELDS as MISPLACED
from rlsplit.secrets import SecretText
from rlsplit.splitting import split

BAD = sorted(path.name for path in (ROOT / "fixtures" / "bad").glob("*.toml"))
CHUNKS = 4
AUTOMATIC_SUFFIX = re.compile(r'--[0-9a-f]{8}(?=["/])')


def readable_bad() -> list[str]:
    """Bad fixtures that are TOML at all, of the others the client makes no dict; and JSON has texts for dates."""
    names = []
    for name in (name for name in BAD if name != "date-for-string.toml"):
        try:
            tomli.loads((ROOT / "fixtures" / "bad" / name).read_text("utf-8"))
        except (ValueError, RecursionError):
            continue
        names.append(name)
    assert len(names) > 50
    return names


# --- what comes out ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GOOD)
def test_a_run_equals_what_the_stages_give(name: str) -> None:
    given = config(name)
    run = accepted({"config": given, "wandbApiKey": "wandb", "name": "mine", "imageTag": "v1.2.3", "teamId": "team"})
    parts = split(parse(given, run_id="run-1"))
    secrets = Secrets(wandb_api_key="wandb", prime_api_key="the-token")
    chosen = Run(id="run-1", name="mine", image_tag="v1.2.3", team_id="team")
    planned = plan(parts, run=chosen, platform=Platform(), secrets=secrets)
    assert run.split == parts
    assert run.plan == planned
    assert run.objects == render(planned, secrets=secrets)
    assert run.artifact == artifact(split(parse(given, mode="hosted", run_id="run-1")))
    assert run.response.wire() == {"runId": "run-1", "jobId": "job-1", "tokenValue": "the-token"}
    assert {finding.severity for finding in run.warnings} <= {"warning", "notice"}
    assert {finding.code for finding in planned.notes} <= {finding.code for finding in run.warnings}


@pytest.mark.parametrize("name", FIXTURES)
def test_the_argument_is_not_changed_and_the_answer_repeats(name: str) -> None:
    body = {"config": config(name), "hfToken": "h"}
    before = copy.deepcopy(body)
    first, second = outcome_of(body), outcome_of(body)
    assert body == before
    assert first == second


def test_the_row_is_plain_and_tells_the_run() -> None:
    run = accepted({"config": config("large"), "name": "big", "teamId": "t", "imageTag": "v1", "wandbApiKey": "w"})
    row = json.loads(json.dumps(run.row))
    assert row == run.row
    assert {key: row[key] for key in ("run_id", "job_id", "name", "team_id", "image_tag", "schema_commit")} == {
        "run_id": "run-1",
        "job_id": "job-1",
        "name": "big",
        "team_id": "t",
        "image_tag": "v1",
        "schema_commit": "559b447",
    }
    assert row["gpus"] == sum(part["pods"] * part["gpus_per_pod"] for part in row["components"].values()) == 192
    assert row["pods"] == sum(part["pods"] for part in row["components"].values())


def test_the_config_hash_sees_values_but_neither_order_nor_secrets() -> None:
    def hashed(**changes: Any) -> str:
        digest: str = accepted({"config": small(**changes)}).row["config_sha256"]
        return digest

    given = small(seq_len=2048, env_vars={"A": "1", "MY_API_KEY": "one"})
    turned = dict(reversed(given.items()))
    assert accepted({"config": turned}).row["config_sha256"] == hashed(**given)
    assert hashed(seq_len=2048, env_vars={"A": "1", "MY_API_KEY": "two"}) == hashed(**given)
    assert hashed(seq_len=2048, env_vars={"A": "2", "MY_API_KEY": "one"}) != hashed(**given)


def test_a_compiled_run_is_neither_shown_nor_pickled_nor_copied() -> None:
    run = accepted({"config": small(env_vars={"MY_API_KEY": "hunter2-hunter2"}), "hfToken": "hunter2-hunter2"})
    assert "hunter2" not in f"{run} {run!r}"
    assert len(repr(run)) < 300
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled or copied"):
            way(run)


def test_json_numbers_and_nulls_mean_what_toml_means() -> None:
    given = small(max_steps=20.0, ckpt=None, monitors={"wandb": None}, trainer={"model": {"seq_len": 4096.0}})
    run = accepted({"config": given})
    assert run.artifact["components"]["trainer"]["max_steps"] == 20
    assert type(run.artifact["components"]["trainer"]["max_steps"]) is int
    assert run.artifact["components"]["trainer"]["ckpt"] is None


def test_the_token_may_come_wrapped() -> None:
    body = {"config": small()}
    assert accepted(body, token_value=SecretText("the-token")) == accepted(body)


def test_the_platform_is_taken_as_it_is() -> None:
    platform = Platform(namespace="training", workload="jobset")
    run = accepted({"config": small()}, platform=platform)
    assert run.plan.platform is platform
    assert {item["metadata"]["namespace"] for item in run.objects} == {"training"}


# --- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", readable_bad())
def test_every_bad_config_is_refused_in_sentences(name: str) -> None:
    errors = refused({"config": config(f"bad/{name}")})
    assert len(set(errors)) == len(errors)
    for param, details in errors:
        assert param.startswith("config")
        assert details.endswith(".")
        assert not details[0].isspace()
        assert "  " not in details


def test_ten_mistakes_are_ten_errors_in_the_files_own_order() -> None:
    given = config("bad/ten-mistakes.toml")
    errors = params({"config": given})
    assert errors == [
        "config.max_steps",
        "config.resume.step",
        "config.env_vars.CUDA_VISIBLE_DEVICES",
        "config.trainer.model.seqlen",
        "config.trainer.optim.type",
        "config.trainer.scheduler.warmup_steps",
        "config.trainer.ckpt",
        "config.orchestrator.seq_len",
        "config.orchestrator.group_size",
        "config.inference.router",
    ]
    turned = params({"config": dict(reversed(given.items()))})
    assert sorted(turned) == sorted(errors)
    assert turned.index("config.orchestrator.group_size") < turned.index("config.trainer.optim.type")


def test_missing_keys_take_the_place_of_their_table() -> None:
    given = {"inference": {"router": {}}, "deployment": {"type": "multi_node"}, "seqlen": 1}
    assert params({"config": given}) == [
        *("config.orchestrator", "config.trainer"),
        *("config.inference.router", "config.deployment.num_train_nodes", "config.seqlen"),
    ]


def test_a_param_is_spelled_as_the_user_writes_the_key() -> None:
    source = {"env": {"id": "e"}, "curriculum": {"gates": {"no signal": {"reject_min": "x"}}}}
    given = small(orchestrator={"train": {"source": [{"env": {"id": "d"}}, source]}})
    assert params({"config": given}) == ['config.orchestrator.train.source[1].curriculum.gates."no signal".reject_min']


def test_all_fields_are_checked_at_once_and_named_as_on_the_wire() -> None:
    body = {
        "hfToken": "",
        "wandbApiKey": "\0",
        "teamId": " ",
        "name": "a\nb",
        "imageTag": "a tag",
        "config": small(clean=True, seqlen=1),
        "wandb_api_key": "x",
        "extra": 1,
    }
    assert params(body, token_value="", run_id="a/b") == [
        *("config.clean", "config.seqlen", "imageTag", "name", "teamId", "wandbApiKey", "hfToken"),
        *("runId", "tokenValue", "extra", "wandb_api_key"),
    ]


def test_what_the_server_gives_has_params_of_its_own() -> None:
    body = {"config": small()}
    assert params(body, token_value="", run_id="a/b") == ["runId", "tokenValue"]
    assert params(body, platform=Platform(access_mode="ReadWriteOnce")) == ["platform.access_mode"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("imageTag", tag) for tag in ("", " ", "a tag", "-x", "x" * 129, "a\nb", "\ud800", "é")),
        *(("name", name) for name in ("", " \t", "a\nb", "\x1b[31m", "x" * 257, "\ud800", "\0")),
        *(("teamId", team) for team in ("", "a\0b", "x" * 257, "\u202e")),
        *(("hfToken", token) for token in ("", "\0", "\ud800", "x" * (2**20 + 1))),
    ],
)
def test_a_bad_field_is_one_error(field: str, value: str) -> None:
    errors = refused({"config": small(), field: value})
    assert [param for param, _ in errors] == [field]


@pytest.mark.parametrize("name", ["A run", "größer", "ラン", "x" * 256])
def test_names_may_be_any_line_of_text(name: str) -> None:
    assert accepted({"config": small(), "name": name}).row["name"] == name


@pytest.mark.parametrize("key", sorted(MISPLACED.keys() - {"name"}))
def test_a_key_of_the_request_is_one_error_that_says_where_it_belongs(key: str) -> None:
    value = {"namespace": "x"} if key == "k8s" else "something"
    [(param, details)] = refused({"config": small(**{key: value})})
    assert param == f"config.{key}"
    assert "is not a key" not in details
    assert "(" in details


def test_misplaced_keys_do_not_hide_other_problems() -> None:
    given = {"name": 5, "image_tag": "v1", "type": "lora", **small(seqlen=1), "k8s": {"a": 1}}
    assert params({"config": given}) == [f"config.{key}" for key in ("name", "image_tag", "type", "seqlen", "k8s")]


@pytest.mark.parametrize("empty", [{}, None, False])
def test_an_empty_k8s_is_left_out_with_a_warning(empty: Any) -> None:
    run = accepted({"config": small(k8s=empty)})
    assert [detail(finding).param for finding in run.warnings if finding.code == "request.misplaced"] == ["config.k8s"]
    assert run.artifact == accepted({"config": small()}).artifact


@pytest.mark.parametrize(
    ("name", "param"),
    [
        ("bad/hosted-clean.toml", "config.clean"),
        ("bad/hosted-disaggregated.toml", "config.inference.deployment.type"),
        ("bad/hosted-without-inference.toml", "config.trainer.data.fake"),
        (EXTERNAL_INFERENCE, "config.trainer.data.fake"),
    ],
)
def test_what_only_the_hosted_platform_refuses_is_refused_once(name: str, param: str) -> None:
    assert params({"config": config(name)}) == [param]


def test_what_only_the_plan_refuses_stands_at_the_users_key() -> None:
    given = config("multi-env-algos")
    given["orchestrator"]["train"]["source"][2]["env"]["agent"] = {"runtime": {"type": "docker"}}
    given["orchestrator"]["train"]["source"][8]["serve"]["address"] = "tcp://127.0.0.1:7000"
    assert params({"config": given}) == [
        "config.orchestrator.train.source[2].env.agent.runtime.type",
        "config.orchestrator.train.source[8].serve.address",
    ]


def test_secret_looking_env_vars_move_to_the_secret_or_are_refused() -> None:
    run = accepted({"config": small(env_vars={"MY_API_KEY": "hunter2-hunter2"})})
    assert [detail(finding).param for finding in run.warnings if finding.code == "plan.overlay-secret-env"] == [
        "config.env_vars.MY_API_KEY"
    ]
    given = small(env_vars={"HF_TOKEN": "hunter2-hunter2"})
    [(param, details)] = refused({"config": given, "hfToken": "other"})
    assert param == "config.env_vars.HF_TOKEN"
    assert "hunter2" not in details


def test_details_keep_the_spelling_of_keys() -> None:
    errors = dict(refused({"config": config("bad/cp-with-hf.toml")}))
    assert errors["config.trainer.model.impl"].startswith("cp = 2 needs")


def test_roots_of_findings_cannot_be_confused() -> None:
    """No key of the config is called like a field of the request, or like what its client leaves in."""
    assert not set(RLConfig.model_fields) & {*REQUEST_FIELDS, *MISPLACED}


def test_a_wrong_type_of_the_programmer_raises() -> None:
    request = CreateDedicatedRunRequest(config=small())
    with pytest.raises(TypeError):
        compile_run(request)  # type: ignore[call-arg]


def test_very_many_errors_are_cut_with_a_last_word() -> None:
    no_variables = {f"a {number}": "" for number in range(800)}
    trainer = {**small()["trainer"], "env_vars": no_variables}
    errors = refused({"config": small(env_vars=no_variables, trainer=trainer)})
    assert len(errors) == 1001
    assert "more problems" in errors[-1][1]


def test_errors_compare_and_dump_as_on_the_wire() -> None:
    outcome = outcome_of({"config": small(seqlen=1)})
    assert isinstance(outcome, ErrorResponse)
    details = 'Is not a key of the root (did you mean "seq_len"?).'
    assert outcome == ErrorResponse(errors=(ErrorDetail(param="config.seqlen", details=details),))
    assert outcome.wire() == {"errors": [{"param": "config.seqlen", "details": details}]}


# --- prime-rl's own artifacts --------------------------------------------------------------------------------------


def canonical(value: Any, automatic: bool) -> str:
    text = json.dumps(value, sort_keys=True)
    return AUTOMATIC_SUFFIX.sub("--00000000", text) if automatic else text


def problem(name: str, given: dict[str, Any], hosted: Any, launcher: Any, automatic: bool) -> str | None:
    outcome = outcome_of({"config": given})
    if not hosted["ok"] or not launcher["ok"]:
        return None if isinstance(outcome, ErrorResponse) else f"{name}: accepted"
    if isinstance(outcome, CompiledRun) and canonical(outcome.artifact, automatic) != canonical(
        hosted["artifact"], automatic
    ):
        return f"{name}: the artifact differs"
    return None


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_artifacts_of_synthetic_configs_equal_prime_rls(shared: Path, chunk: int) -> None:
    found = [
        problem(case["id"], case["config"], case["hosted"], case["launcher"], "auto_run_name" in case["tags"])
        for case in conformance_cases(shared, chunk=chunk, of=CHUNKS)
    ]
    assert not list(filter(None, found))


def test_artifacts_of_real_configs_equal_prime_rls(shared: Path) -> None:
    paths = sorted((shared / "conformance" / "examples").glob("*.toml"))
    assert len(paths) == 31
    compared = 0
    for path in paths:
        expected = json.loads(path.with_suffix(".expected.json").read_text("utf-8"))
        given = tomli.loads(path.read_text("utf-8"))
        assert not problem(path.name, given, expected["hosted"], expected["launcher"], expected["auto_run_name"])
        compared += isinstance(outcome_of({"config": given}), CompiledRun)
    assert compared > 15
