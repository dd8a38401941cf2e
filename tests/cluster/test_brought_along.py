"""What operators bring along: Secrets and accounts that are there, metadata of roles; and which pod gets which secret."""

from __future__ import annotations

from typing import Any

import pytest
from splits import FORMS, SECRETS, SHAPES, local, make, make_refused, planned, source
from test_placement import of_kind, templates

from rlsplit.findings import ConfigError, dotted
from rlsplit.manifests import render
from rlsplit.planning import plan
from rlsplit.platform import Platform
from rlsplit.run import Run
from rlsplit.secrets import Secrets
from rlsplit.splitting import JsonObject

BROUGHT: dict[str, Any] = {
    "existing_secret": "team-keys",
    "secret_keys": {"hf_token": "token", "prime_api_key": "prime"},
}


def references(template: JsonObject) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for variable in template["spec"]["containers"][0]["env"]:
        reference = variable.get("valueFrom", {}).get("secretKeyRef")
        if reference:
            found[variable["name"]] = (reference["name"], reference["key"])
    return found


@pytest.mark.parametrize("form", FORMS)
def test_references_go_to_the_secret_that_is_there(form: str) -> None:
    run_plan = planned(SHAPES["one-plus-one"], workload=form, **BROUGHT)
    assert not of_kind(run_plan, "Secret")
    found = templates(run_plan)
    assert references(found["trainer"]) == {"HF_TOKEN": ("team-keys", "token")}
    assert references(found["orchestrator"]) == {
        "HF_TOKEN": ("team-keys", "token"),
        "PRIME_API_KEY": ("team-keys", "prime"),
    }
    # Known at once: what only a key brings is planned.
    assert any(overlay.id == "run-monitor" for overlay in run_plan.overlays)
    assert run_plan.secrets == {"hf_token", "prime_api_key"}
    assert render(run_plan, redact=True) == render(run_plan)


def test_secrets_of_the_request_are_refused_then() -> None:
    given = Secrets(hf_token="s3cr3t")
    with pytest.raises(ConfigError) as early:
        planned(SHAPES["one-plus-one"], secrets=given, **BROUGHT)
    with pytest.raises(ConfigError) as late:
        render(planned(SHAPES["one-plus-one"], **BROUGHT), secrets=given)
    for refused in (early, late):
        assert [(f.code, f.path, f.about) for f in refused.value.findings] == [
            ("plan.secret-elsewhere", ("hfToken",), "run")
        ]
        assert "s3cr3t" not in str(refused.value)


def test_secrets_of_the_config_are_refused_then() -> None:
    with pytest.raises(ConfigError) as refused:
        planned(SHAPES["secret-env"], **BROUGHT)
    assert {(f.code, dotted(f.path)) for f in refused.value.findings} == {
        ("plan.secret-elsewhere", "trainer.env_vars.MY_API_KEY"),
        ("plan.secret-elsewhere", "inference.env_vars.S3_SECRET"),
        ("plan.secret-elsewhere", "env_vars.MY_API_KEY"),
    }
    assert "s3cr3t" not in str(refused.value)
    assert planned(SHAPES["secret-env"], secret_env_patterns=[], **BROUGHT)


def test_an_account_that_is_there_is_used() -> None:
    run_plan = planned(SHAPES["one-plus-one"], service_account="gpu-runs", image_pull_secrets=["reg"])
    assert not of_kind(run_plan, "ServiceAccount")
    for template in templates(run_plan).values():
        assert template["spec"]["serviceAccountName"] == "gpu-runs"
        assert template["spec"]["imagePullSecrets"] == [{"name": "reg"}]


def test_the_runs_own_account_may_be_annotated() -> None:
    run_plan = planned(SHAPES["one-plus-one"], service_account_annotations={"eks.amazonaws.com/role-arn": "arn:x"})
    (account,) = of_kind(run_plan, "ServiceAccount")
    assert account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] == "arn:x"
    assert "rlsplit/run-id" in account["metadata"]["annotations"]


def test_metadata_of_a_role_wins_over_that_of_all() -> None:
    run_plan = planned(
        SHAPES["one-plus-one"],
        pod_labels={"a": "all", "b": "all"},
        pod_annotations={"net": "all"},
        trainer={"pod_labels": {"a": "own"}, "pod_annotations": {"net": "roce"}},
    )
    found = templates(run_plan)
    assert {name: template["metadata"]["labels"]["a"] for name, template in found.items()} == {
        "trainer": "own",
        "orchestrator": "all",
        "inference": "all",
        "env-server": "all",
    }
    assert found["trainer"]["metadata"]["labels"]["b"] == "all"
    assert found["trainer"]["metadata"]["annotations"]["net"] == "roce"


def test_environments_get_as_few_secrets_as_they_can() -> None:
    split = make(train=[local("a"), source("b")])
    run_plan = planned(split, secrets=SECRETS)
    got = {pods.suffix: {variable.name for variable in pods.secret_env} for pods in run_plan.pods}
    assert got == {
        "trainer": {"WANDB_API_KEY", "HF_TOKEN"},
        "orchestrator": {"WANDB_API_KEY", "HF_TOKEN", "PRIME_API_KEY"},
        "inference": {"HF_TOKEN"},
        "env-0-a": set(),
        "env-1-b": {"PRIME_API_KEY"},
    }
    wanted = planned(split, secrets=SECRETS, env_server={"hf_token": True})
    assert all("HF_TOKEN" in {v.name for v in pods.secret_env} for pods in wanted.pods if pods.env_server)


def test_a_name_that_fits_no_key_of_a_secret_is_refused() -> None:
    name = f"TOKEN_{'A' * 250}"
    with pytest.raises(ConfigError) as refused:
        planned(make_refused(env_vars={name: "x"}))
    assert [(f.code, f.path) for f in refused.value.findings] == [("plan.secret-key", ("env_vars", name))]


def test_an_object_that_no_cluster_stores_is_refused() -> None:
    split = make_refused(train=[source(f"e{i}") for i in range(20)], env_vars={"A": "x" * 90_000})
    run_plan = plan(split, run=Run(id="r"), platform=Platform(workload="jobset"))
    with pytest.raises(ConfigError) as refused:
        render(run_plan)
    (finding,) = refused.value.findings
    assert finding.code == "plan.object-too-large"
    assert "JobSet " in finding.message
    assert render(plan(split, run=Run(id="r"), platform=Platform()))
