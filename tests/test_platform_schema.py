"""The JSON Schema of a platform.toml: up to date, valid, of one mind with the reader, and readable for Taplo."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import tomli

from rlsplit import platform_schema, schema_file
from rlsplit.findings import ConfigError
from rlsplit.platform import Platform

SCHEMA: dict[str, Any] = json.loads(schema_file.text("platform"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

RIGHT = [
    "",
    'namespace = "rl-runs"\nworkload = "jobset"\nqueue_name = "rl"\nrdma_resource = { "rdma/ib" = 1 }',
    'trainer.shm_size = "None"\nmax_runtime_seconds = "None"\nmonitor_url = "None"\nentrypoint = "None"',
    "storage_size = 100\ntrainer.resources.requests.cpu = 16\n[inference]\nshm_size = 64\ntolerations = [{key = 'a'}]",
    'egress_ports = [443, 8443]\ntopology_spread = [{maxSkew = 1}]\n[router.env]\nA = "b"',
]
WRONG = [
    ("namespaces = 'x'", "namespaces"),
    ("tolerations = []", "tolerations"),
    ("trainer = 5", "trainer"),
    ("trainer.shmsize = '1Gi'", "trainer.shmsize"),
    ("trainer.grace_seconds = -1", "trainer.grace_seconds"),
    ("trainer.env.A = 1", "trainer.env.A"),
    ("router.resources.limit.cpu = 1", "router.resources.limit"),
    ("router.resources.limits.cpu = 1.5", "router.resources.limits.cpu"),
    ("workload = 'jobs'", "workload"),
    ("liveness = 'yes'", "liveness"),
    ("max_runtime_seconds = 0", "max_runtime_seconds"),
    ("egress_ports = [0]", "egress_ports.0"),
    ("egress_ports = 443", "egress_ports"),
    ("run_as_user = -1", "run_as_user"),
    ("rdma_resource = {'rdma/ib' = 0}", "rdma_resource.rdma/ib"),
    ("shm_size = '1Gi'", "shm_size"),
    ("image_pull_secrets = 'x'", "image_pull_secrets"),
    ("storage_size = true", "storage_size"),
    ("queue_name = 1", "queue_name"),
    ("topology_spread = [1]", "topology_spread.0"),
]


def test_the_committed_schema_is_the_one_the_settings_give() -> None:
    assert schema_file.text("platform") == platform_schema.spelled(), "run python -m rlsplit.platform_schema"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("text", RIGHT)
def test_good_files_are_valid(text: str) -> None:
    assert list(VALIDATOR.iter_errors(tomli.loads(text))) == []
    assert Platform.from_toml(text)


@pytest.mark.parametrize(("text", "path"), WRONG)
def test_a_mistake_is_one_error_at_its_key_as_it_is_for_the_reader(text: str, path: str) -> None:
    found = [".".join(map(str, error.absolute_path)) for error in VALIDATOR.iter_errors(tomli.loads(text))]
    assert found == [path]
    with pytest.raises(ConfigError) as caught:
        Platform.from_toml(text)
    assert [".".join(map(str, finding.path)) for finding in caught.value.findings] == [f"platform.{path}"]


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from nodes(inner)


def test_nothing_stands_beside_a_reference() -> None:
    assert all(node.keys() == {"$ref"} for node in nodes(SCHEMA) if "$ref" in node)


def test_every_setting_is_described_and_has_its_default() -> None:
    tables = [SCHEMA, *SCHEMA["$defs"].values()]
    settings = {name: setting for table in tables for name, setting in table["properties"].items()}
    assert all(setting["description"] for setting in settings.values())
    assert {name for name, setting in settings.items() if "default" not in setting} == {
        "trainer",
        "orchestrator",
        "inference",
        "prefill",
        "decode",
        "router",
        "env_server",
        "resources",
        "tenant",
    }
