"""Platform files: defaults, every problem at once, and secrets that do not show."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from splits import RUN, make

from rlsplit.findings import ConfigError, dotted
from rlsplit.planning import plan
from rlsplit.platform import Platform
from rlsplit.platform.component_settings import TrainerSettings
from rlsplit.platform.rules import is_secret_env
from rlsplit.secrets import Secrets


def test_defaults() -> None:
    platform = Platform.from_toml("")
    assert platform == Platform()
    assert platform.image_repository == "ghcr.io/primeintellect-ai/prime-rl"
    assert platform.run_dir == "{mount}/runs/{run_id}"
    requests = {name: platform.component(name).resources.requests for name in ("trainer", "inference")}
    assert all(request == {"cpu": "8", "memory": "64Gi", "ephemeral-storage": "32Gi"} for request in requests.values())
    assert [platform.component(n).grace_seconds for n in ("trainer", "orchestrator", "router")] == [120, 60, 30]
    assert [platform.component(n).shm_size for n in ("inference", "env-server", "router")] == ["32Gi", "1Gi", None]


def test_given_requests_leave_the_other_defaults() -> None:
    platform = Platform.from_toml('trainer.resources.requests.cpu = 16\ntrainer.shm_size = "None"')
    assert platform.trainer.resources.requests == {"cpu": "16", "memory": "64Gi", "ephemeral-storage": "32Gi"}
    assert platform.trainer.shm_size is None
    assert platform.trainer.grace_seconds == 120


BAD: list[tuple[str, dict[str, Any]]] = [
    ("image_repository", {"image_repository": "Upper/case:tag"}),
    ("image_digest", {"image_digest": "sha256:abc"}),
    ("image_pull_policy", {"image_pull_policy": "Sometimes"}),
    ("image_pull_secrets[1]", {"image_pull_secrets": ["ok", "Not OK"]}),
    ("namespace", {"namespace": "a.b"}),
    ("cluster_domain", {"cluster_domain": "-"}),
    ("workload", {"workload": "statefulset"}),
    ("queue_name", {"queue_name": "q"}),
    ("ttl_seconds_after_finished", {"ttl_seconds_after_finished": 5}),
    ("max_runtime_seconds", {"max_runtime_seconds": 0}),
    ("storage_size", {"storage_size": "lots"}),
    ("storage_size", {"storage_size": "0"}),
    ("access_mode", {"access_mode": "ReadOnlyMany"}),
    ("mount_path", {"mount_path": "data"}),
    ("mount_path", {"mount_path": "/"}),
    ("mount_path", {"mount_path": "/tmp/x"}),
    ("run_dir", {"run_dir": "/elsewhere/{run_id}"}),
    ("run_dir", {"run_dir": "{mount}/runs"}),
    ("run_dir", {"run_dir": "{mount}/../{run_id}"}),
    ("run_dir", {"run_dir": "{mount}/{run_id}/{other}"}),
    ("hf_home", {"hf_home": "cache"}),
    ("dataset_mount", {"dataset_mount": True, "run_subpath": True}),
    ("startup_timeout_seconds", {"startup_timeout_seconds": 59}),
    ("startup_timeout_seconds", {"startup_timeout_seconds": 2**31}),
    ("drain_seconds", {"drain_seconds": -1}),
    ("trainer.grace_seconds", {"trainer": {"grace_seconds": 2**31}}),
    ("fs_group", {"fs_group": "nobody"}),
    ("prefetch_model", {"prefetch_model": True, "hf_home": "local"}),
    ("secret_env_patterns[0]", {"secret_env_patterns": [""]}),
    ("gpu_resource", {"gpu_resource": "gpu"}),
    ('rdma_resource."rdma/ib"', {"rdma_resource": {"rdma/ib": 0}}),
    ("rdma_resource.ib", {"rdma_resource": {"ib": 1}}),
    ("rdma_ipc_lock", {"rdma_ipc_lock": True}),
    ("host_network", {"host_network": True, "pod_security": "baseline"}),
    ("host_ipc", {"host_ipc": True}),
    ("run_as_user", {"run_as_user": 0}),
    ("run_as_user", {"run_as_user": -1, "pod_security": "baseline"}),
    ('trainer.resources.limits."nvidia.com/gpu"', {"trainer": {"resources": {"limits": {"nvidia.com/gpu": "1"}}}}),
    ("trainer.resources.limits.cpu", {"trainer": {"resources": {"limits": {"cpu": "1"}}}}),
    ("trainer.resources.requests.memory", {"trainer": {"resources": {"requests": {"memory": "64 GB"}}}}),
    (
        'router.resources.limits."example.com/x"',
        {"router": {"resources": {"requests": {"example.com/x": "1"}, "limits": {"example.com/x": "2"}}}},
    ),
    ("env_server.shm_size", {"env_server": {"shm_size": "big"}}),
    ("env_server.grace_seconds", {"env_server": {"grace_seconds": -1}}),
    ("inference.env.PRL_RUN_ID", {"inference": {"env": {"PRL_RUN_ID": "x"}}}),
    ("inference.env.1A", {"inference": {"env": {"1A": "x"}}}),
    ('inference.node_selector."a b"', {"inference": {"node_selector": {"a b": "x"}}}),
    ("gpu_type_label", {"gpu_type_label": "a b"}),
    ("topology_spread[0].maxSkew", {"topology_spread": [{"maxSkew": 1.5}]}),
    ("topology_spread[0].labelSelector", {"topology_spread": [{"labelSelector": "a=b"}]}),
    ("topology_spread[0].labelSelector.matchLabels", {"topology_spread": [{"labelSelector": {"matchLabels": ["a"]}}]}),
    ("queue_priority_class", {"queue_priority_class": "p"}),
    ("topology_mode", {"topology_mode": "preferred", "topology_key": "zone"}),
    ("gang", {"gang": "kueue"}),
    ("restart_on_disruption", {"restart_on_disruption": True}),
    ("existing_secret", {"existing_secret": "keys"}),
    ("secret_keys", {"secret_keys": {"hf_token": "a"}}),
    ("secret_keys.hf_token", {"existing_secret": "keys", "secret_keys": {"hf_token": "a b"}}),
    ("secret_keys.other", {"existing_secret": "keys", "secret_keys": {"other": "a"}}),
    ("service_account", {"service_account": "A"}),
    ("service_account_annotations", {"service_account": "a", "service_account_annotations": {"a": "b"}}),
    ("trainer.pod_labels.team", {"trainer": {"pod_labels": {"team": "a b"}}}),
    ('router.pod_annotations."rlsplit/env-name"', {"router": {"pod_annotations": {"rlsplit/env-name": "a"}}}),
    ("dns[0]", {"dns": [{}]}),
    ("dns[0].ports", {"dns": [{"namespace": "a", "ports": []}]}),
    ("dns[0].pod_labels", {"dns": [{"cidrs": ["10.0.0.10/32"], "pod_labels": {"a": "b"}}]}),
    ("dns[1].cidrs[0]", {"dns": [{"namespace": "a"}, {"cidrs": ["10.0.0.10"]}]}),
    ("deny_cidrs[0]", {"deny_cidrs": ["169.254.0.0"]}),
    ("egress_cidrs[0]", {"egress_cidrs": ["169.254.20.0/24"]}),
    ("egress_cidrs[0]", {"egress_cidrs": ["fe80::%eth0/64"]}),
    ("tunnel_ports[0]", {"tunnel_ports": [0]}),
    ("ingress_namespaces[0]", {"ingress_namespaces": ["A"]}),
    ("egress_ports[0]", {"egress_ports": [70000]}),
    ("egress_cidrs[0]", {"egress_cidrs": ["10.0.0.1/8"]}),
    ("trainer_metrics_port", {"trainer_metrics_port": 0}),
    ("monitor_url", {"monitor_url": "ftp://x"}),
    ("monitor_url", {"monitor_url": "http://"}),
    ('labels."app.kubernetes.io/name"', {"labels": {"app.kubernetes.io/name": "x"}}),
    ('pod_annotations."rlsplit/run-id"', {"pod_annotations": {"rlsplit/run-id": "x"}}),
    ("pod_labels.team", {"pod_labels": {"team": "a b"}}),
    ("annotations.note", {"annotations": {"note": "\ud800"}}),
    ("liveness", {"liveness": "yes"}),
]


@pytest.mark.parametrize(("path", "table"), BAD, ids=lambda value: value if isinstance(value, str) else "")
def test_bad_setting_is_refused_at_its_path(path: str, table: dict[str, Any]) -> None:
    before = copy.deepcopy(table)
    with pytest.raises(ConfigError) as caught:
        Platform.from_mapping(table)
    assert {dotted(finding.path) for finding in caught.value.findings} == {f"platform.{path}"}
    assert all(finding.code.startswith(("platform.", "document.")) for finding in caught.value.findings)
    assert table == before


def test_all_problems_at_once() -> None:
    table: dict[str, Any] = {}
    for _, bad in BAD:
        table |= {key: value for key, value in bad.items() if key not in table}
    with pytest.raises(ConfigError) as caught:
        Platform.from_mapping({**table, "unknown": 1})
    assert len(caught.value.findings) > 30


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('image_repositry = "x"', 'did you mean "image_repository"?'),
        ("trainer.shmsize = 1", 'did you mean "shm_size"?'),
        ("trainer.resources.request.cpu = 1", 'did you mean "requests"?'),
        ("completely_different_thing = 1", None),
    ],
)
def test_unknown_setting_is_refused_with_the_near_one(text: str, hint: str | None) -> None:
    with pytest.raises(ConfigError) as caught:
        Platform.from_toml(text)
    (finding,) = caught.value.findings
    assert finding.code == "platform.unknown-key"
    assert finding.hint == hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (
            "tolerations = []",
            "it belongs to [trainer], or to [orchestrator], or to [inference], or to one of 4 other tables: tolerations",
        ),
        ('trainer.namespace = "x"', "it belongs to the root, before the first table: namespace"),
        ("inference.request.cpu = 1", 'did you mean "requests"? it belongs to [inference.resources]: requests'),
        ("[router]\nlimits.cpu = 1", "it belongs to [router.resources]: limits"),
    ],
)
def test_a_setting_of_another_table_is_told_its_table(text: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Platform.from_toml(text)
    assert [finding.hint for finding in caught.value.findings] == [hint]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('workload = "jobsets"\nqueue_name = "q"', "workload"),
        ('worklod = "jobset"\nqueue_name = "q"', "worklod"),
        ('pod_securty = "privileged"\nhost_ipc = true', "pod_securty"),
        ('trainer.resources.request.cpu = 8\ntrainer.resources.limits.cpu = "4"', "trainer.resources.request"),
        ("trainer.shm_size = true\ntrainer.env.A = 'a'", "trainer.shm_size"),
    ],
)
def test_rules_are_silent_about_what_could_not_be_read(text: str, path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Platform.from_toml(text)
    assert [dotted(finding.path) for finding in caught.value.findings] == [f"platform.{path}"]


def test_one_bad_setting_hides_no_other_problem() -> None:
    text = 'trainer = 5\nnamespace = "a.b"\n[router]\nshm_size = "big"\ngrace_seconds = "x"\nenv.1A = "b"\n'
    with pytest.raises(ConfigError) as caught:
        Platform.from_toml(text)
    paths = [dotted(finding.path).removeprefix("platform.") for finding in caught.value.findings]
    assert paths == ["trainer", "namespace", "router.shm_size", "router.grace_seconds", "router.env.1A"]


def test_messages_are_those_of_a_config() -> None:
    with pytest.raises(ConfigError) as caught:
        Platform.from_toml("trainer = 5\nlivenes = 1\nworkload = 'jobs'\negress_ports = [0]")
    assert [(finding.message, finding.hint) for finding in caught.value.findings] == [
        ("must be a table, not 5", f"its keys are {', '.join(list(TrainerSettings.model_fields)[:8])} ..."),
        ("is not a key of platform", 'did you mean "liveness"?'),
        ("must be 'job' or 'jobset', not \"jobs\"", 'did you mean "job"?'),
        ("must be at least 1, not 0", None),
    ]


def test_findings_stand_at_their_places() -> None:
    with pytest.raises(ConfigError) as caught:
        Platform.from_toml('# mine\nqueue_name = "q"\n[router]\nshm = 1\n', source="cluster.toml")
    assert [str(finding.where) for finding in caught.value.findings] == ["cluster.toml:2:1", "cluster.toml:4:1"]
    assert {finding.about for finding in caught.value.findings} == {"platform"}


def test_a_plan_knows_the_place_of_a_setting() -> None:
    platform = Platform.from_toml('namespace = "rl"\naccess_mode = "ReadWriteOnce"\n')
    with pytest.raises(ConfigError) as caught:
        plan(make(), run=RUN, platform=platform)
    assert [str(finding.where) for finding in caught.value.findings] == ["platform.toml:2:1"]
    assert platform == Platform(namespace="rl", access_mode="ReadWriteOnce")
    changed = platform.model_copy(update={"queue_name": "q"})
    assert [finding.where for finding in changed.findings] == [None]


@pytest.mark.parametrize("text", ["a =", "a = 1\na = 2", "x" + "[" * 100, "a=" + "[" * 100_000])
def test_broken_toml_is_a_finding(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Platform.from_toml(text)
    assert {finding.code.partition(".")[0] for finding in caught.value.findings} == {"document"}
    assert all(finding.where for finding in caught.value.findings)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Platform().namespace = "other"


def test_changed_copies_are_judged_anew() -> None:
    platform = Platform()
    assert not platform.findings
    assert is_secret_env("my_api_key", "x", platform)
    queued = platform.model_copy(update={"queue_name": "rl", "secret_env_patterns": []})
    assert [finding.path for finding in queued.findings] == [("platform", "queue_name")]
    assert not is_secret_env("my_api_key", "x", queued)
    assert not queued.model_copy(update={"workload": "jobset"}, deep=True).findings
    assert not platform.findings


@pytest.mark.parametrize(
    ("patterns", "secret", "public"),
    [
        (["*KEY", "x?z"], ["KEY", "my_key", "XYZ"], ["KEYS", "xz", "axyz", ""]),
        (["[ab]*"], ["Alpha", "b"], ["c", ""]),
        (["a|b", "(?i)c", "*"], ["anything", ""], []),
        (["$HOME."], ["$home."], ["$HOMEX", "HOME"]),
        ([], [], ["KEY", ""]),
    ],
)
def test_patterns_of_secrets_are_globs_without_case(patterns: list[str], secret: list[str], public: list[str]) -> None:
    platform = Platform(secret_env_patterns=patterns)
    assert [name for name in [*secret, *public] if is_secret_env(name, "postgres://u:p@h", platform)] == secret


def test_secrets_do_not_show() -> None:
    secrets = Secrets(wandb_api_key="s3cr3t")
    for text in (repr(secrets), str(secrets), f"{secrets.wandb_api_key}", f"{secrets.wandb_api_key!r}"):
        assert "s3cr3t" not in text
    with pytest.raises(TypeError):
        pickle.dumps(secrets)
    assert secrets == Secrets(wandb_api_key="s3cr3t")
    assert secrets != Secrets(wandb_api_key="other")
    assert secrets.names() == {"wandb_api_key"}
    assert copy.deepcopy(secrets) == secrets
