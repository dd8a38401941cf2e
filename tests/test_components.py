"""The table of components is complete, and what reads it knows every row."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any, get_args

import pytest

import rlsplit
from conftest import ROOT
from goldens import good, platform_of, sft
from rlsplit.api import CreateDedicatedRunRequest
from rlsplit.api.errors import SERVER_PARAMS
from rlsplit.components import ROLES, WITH_SETTINGS, ComponentName, Probe
from rlsplit.platform import Platform
from rlsplit.platform.component_settings import ComponentSettings
from rlsplit.preview.topology import topology
from rlsplit.secrets import RUN_SECRETS, SecretName, Secrets
from rlsplit.startup import script


def planned(path: Any, **platform: Any) -> rlsplit.RunPlan:
    split = rlsplit.split(rlsplit.parse(path.read_bytes()))
    return rlsplit.plan(split, run=rlsplit.Run(id="run-1"), platform=platform_of(path, **platform))


def test_every_component_has_a_row_and_a_table_of_settings() -> None:
    assert tuple(ROLES) == get_args(ComponentName)
    tables = {name for name, field in Platform.model_fields.items() if _is_component(field.annotation)}
    assert tables == {role.settings for role in ROLES.values()} == {role.settings for role in WITH_SETTINGS}
    # The evals of an SFT run stand where the orchestrator of an RL run does.
    assert len({role.tier for role in ROLES.values()}) == len(WITH_SETTINGS) == len(ROLES) - 1


def _is_component(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, ComponentSettings)


@pytest.mark.parametrize("name", ROLES)
def test_the_template_of_every_component_is_there(name: ComponentName) -> None:
    assert (ROOT / "templates" / ROLES[name].template).is_file()


@pytest.mark.parametrize("name", ROLES)
@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"env": {"A B": "1"}}, "platform.env-name"),
        ({"env": {"CUDA_VISIBLE_DEVICES": "1"}}, "platform.env-protected"),
        ({"shm_size": "much"}, "platform.format"),
        ({"node_selector": {"a b": "c"}}, "platform.format"),
        ({"resources": {"requests": {"nvidia.com/gpu": "1"}}}, "platform.gpu-resource"),
        ({"resources": {"requests": {"cpu": "4"}, "limits": {"cpu": "1"}}}, "platform.limit-below-request"),
    ],
)
def test_the_settings_of_every_component_are_judged(name: ComponentName, settings: Any, code: str) -> None:
    with pytest.raises(rlsplit.ConfigError) as refused:
        Platform.from_mapping({ROLES[name].settings: settings})
    assert [finding.code for finding in refused.value.findings] == [code]
    assert refused.value.findings[0].path[:2] == ("platform", ROLES[name].settings)


@pytest.mark.parametrize("path", [*good(), *sft()], ids=lambda path: path.parent.name)
def test_every_planned_pod_is_drawn(path: Any) -> None:
    plan = planned(path)
    drawn = topology(plan)
    assert sorted(pod.host for node in drawn.nodes for pod in node.pods) == sorted(
        host for pods in plan.pods for host in pods.hosts
    )
    assert sum(len(node.pods) * node.gpus for node in drawn.nodes) == plan.shape.gpus


def test_a_role_that_no_picture_knew_is_drawn_too() -> None:
    plan = planned(ROOT / "fixtures" / "multi-node-dense" / "rl.toml")
    router = plan.component("router")
    assert router is not None
    more = replace(router, suffix="second", hosts=("second-0.example",))
    drawn = topology(replace(plan, pods=(*plan.pods, more)))
    assert any(pod.host == "second-0.example" for node in drawn.nodes for pod in node.pods)


@pytest.mark.parametrize("path", [*good(), *sft()], ids=lambda path: path.parent.name)
def test_probes_name_ports_that_the_pods_have(path: Any) -> None:
    plan = planned(path, liveness=True)
    for item in rlsplit.render(plan):
        for container in item["spec"]["template"]["spec"]["containers"] if item["kind"] == "Job" else ():
            named = {port["name"] for port in container.get("ports", ())}
            probes = [container[key] for key in ("startupProbe", "readinessProbe", "livenessProbe") if key in container]
            asked = {(probe.get("httpGet") or probe["tcpSocket"])["port"] for probe in probes}
            assert asked <= named
            role = next(role for role in ROLES.values() if role.name == container["name"])
            wanted = [getattr(role.probes, field.name) for field in fields(role.probes)]
            ports = {name for probe in wanted if isinstance(probe, Probe) for name in probe.ports}
            assert len(probes) == sum(
                isinstance(probe, Probe) and not named.isdisjoint(probe.ports) for probe in wanted
            )
            assert asked <= ports


def test_scripts_are_made_from_the_template_of_the_row() -> None:
    plan = planned(ROOT / "fixtures" / "wordle-eval" / "rl.toml")
    assert {pods.component for pods in plan.pods} >= {"trainer", "orchestrator", "inference", "env-server"}
    for pods in plan.pods:
        config = pods.role.config_file
        text = script(plan, pods, inline_config=True)
        assert config is None or f"{config}" in text
        assert (pods.config is None) == (config is None)


def test_one_table_knows_the_secrets() -> None:
    assert tuple(RUN_SECRETS) == get_args(SecretName) == tuple(field.name for field in fields(Secrets))
    aliases = {field.alias for field in CreateDedicatedRunRequest.model_fields.values()}
    params = {name: secret.param for name, secret in RUN_SECRETS.items()}
    assert {params["wandb_api_key"], params["hf_token"]} <= aliases
    assert SERVER_PARAMS.keys() == {params["prime_api_key"]}


def test_two_servers_of_one_name_are_told_apart() -> None:
    twice = {"env": {"taskset": {"id": "math"}}}
    config = {
        "trainer": {},
        "inference": {},
        "orchestrator": {"train": {"source": [twice]}, "eval": {"source": [twice]}},
    }
    outcome = rlsplit.compile_sources([rlsplit.Source(name="rl.toml", content=config)], until="plan")
    assert outcome.plan is not None
    owners = [pods.config_id for pods in outcome.plan.pods]
    assert len(set(owners)) == len(owners) == 5
    addresses = [o.value for o in outcome.plan.overlays if o.id == "env-server-address"]
    assert len(set(map(json.dumps, addresses))) == 2
