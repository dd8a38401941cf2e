"""Attacks that a policy of the platform closes: each goes through on one's own cluster, and none on a hosted one."""

from __future__ import annotations

import re
from typing import Any

import pytest
from splits import make, make_sft

import rlsplit
from rlsplit import Platform, Run
from rlsplit.config.schema_index import ENTRY, ITEM, schema_index
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.sections.sft import SFTConfig
from rlsplit.planning import RunPlan, plan
from rlsplit.planning.policy_fields import JUDGED, UNJUDGED
from rlsplit.platform.tenant_settings import PRESETS, Policy, TenantSettings

OWN = Platform()
HOSTED = Platform.from_mapping({"tenant": {"preset": "hosted"}})
RUN = Run(id="run-1", name="a run", image_tag="v0.9.0")

MULTI = {"type": "multi_node", "num_train_nodes": 2, "num_infer_nodes": 1, "num_infer_replicas": 2}


def planned(platform: Platform, run: Run = RUN, **config: Any) -> RunPlan:
    return plan(make(**config), run=run, platform=platform)


def refused(platform: Platform, run: Run = RUN, **config: Any) -> list[tuple[str, str]]:
    with pytest.raises(rlsplit.ConfigError) as error:
        planned(platform, run, **config)
    return [(finding.code, rlsplit.findings.dotted(finding.path)) for finding in error.value.findings]


def codes(platform: Platform, **config: Any) -> set[str]:
    try:
        planned(platform, **config)
    except rlsplit.ConfigError as error:
        return {finding.code for finding in error.findings}
    return set()


def client(url: str) -> dict[str, Any]:
    return {"orchestrator": {"model": {"client": {"base_url": url}}}}


def teacher(url: str) -> dict[str, Any]:
    algo = {"type": "opd", "teacher": {"name": "t", "base_url": url}}
    return {"orchestrator": {"algo": algo}}


def model(name: str) -> dict[str, Any]:
    return {"model": {"name": name}, "orchestrator": {"renderer": {"name": "default"}}}


def vllm(**more: Any) -> dict[str, Any]:
    return {"inference": {"vllm": more}}


def ckpt(path: str) -> dict[str, Any]:
    return {"ckpt": {"output_dir": path}}


ATTACKS: dict[str, tuple[dict[str, Any], str]] = {
    # environment: another program, another place to load from, another cache
    **{
        f"{name} in env_vars": ({"env_vars": {name: "/data/x"}}, "policy.env")
        for name in (
            *("LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME", "PATH"),
            *("HF_ENDPOINT", "HF_HUB_CACHE", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "PRIME_API_BASE"),
            *("PIP_INDEX_URL", "UV_INDEX_URL", "GIT_SSH_COMMAND", "GIT_CONFIG_GLOBAL", "ld_preload"),
        )
    },
    "LD_PRELOAD of the trainer": ({"trainer": {"env_vars": {"LD_PRELOAD": "x"}}}, "policy.env"),
    "LD_PRELOAD of the engines": ({"inference": {"env_vars": {"LD_PRELOAD": "x"}}}, "policy.env"),
    "LD_PRELOAD of the orchestrator": ({"orchestrator": {"env_vars": {"LD_PRELOAD": "x"}}}, "policy.env"),
    # network: what is inside the cluster or belongs to the machine
    "a service of another team": (client("http://vllm.team.svc:443/v1"), "policy.address"),
    "a service by one word": (client("http://redis:443/v1"), "policy.address"),
    "the API server": (client("https://kubernetes.default.svc/v1"), "policy.address"),
    "a private address": (client("http://10.96.0.1:443/v1"), "policy.address"),
    "a private address in one number": (client("http://174063617:443/v1"), "policy.address"),
    "a name of the node": (client("http://node-1.internal:443/v1"), "policy.address"),
    "an address in IPv6": (client("http://[fd00::1]:443/v1"), "policy.address"),
    "a port for everybody": (client("https://models.example.com:22/v1"), "policy.named-peer"),
    "a teacher inside the cluster": (teacher("http://vllm.team.svc.cluster.local:443/v1"), "policy.address"),
    "letters that look like digits": (client("http://\uff11\uff10.0.0.1:443/v1"), "policy.address"),
    # paths: on a volume that runs share
    "another run's checkpoints": (ckpt("/data/runs/victim"), "policy.path"),
    "by two dots": (ckpt("/data/runs/run-1/../victim"), "policy.path"),
    "by two dots from the working directory": (ckpt("../data/runs/victim"), "policy.path"),
    "by two slashes": (ckpt("//data/runs/victim"), "policy.path"),
    "by a dot": (ckpt("/data/./runs/victim"), "policy.path"),
    "by the process file system": (ckpt("/proc/self/root/data/runs/victim"), "policy.path"),
    "a name that begins the same": (ckpt("/data/runs/run-10"), "policy.path"),
    "the volume's root": (ckpt("/data"), "policy.path"),
    "a model of another run": (model("/data/runs/victim/weights"), "policy.path"),
    "a model by two dots": (model("../../data/runs/victim/weights"), "policy.path"),
    "a trace": ({"max_steps": 5, "trainer": {"trace_path": "/data/runs/victim/trace"}}, "policy.path"),
    "a file monitor": ({"monitors": {"file": {"path": "/data/runs/victim/log"}}}, "policy.path"),
    "an argument of the engine": (vllm(download_dir="/data/runs/victim"), "policy.path"),
    "a home": (ckpt("~/x"), "policy.path"),
    # quotas
    "very many GPUs": (
        {"deployment": {"type": "single_node", "gpus_per_node": 10**6, "num_train_gpus": 10**6 - 1}},
        "policy.gpus",
    ),
    "many nodes": ({"deployment": {**MULTI, "num_train_nodes": 100}}, "policy.nodes"),
    "many sources": (
        {"train": [{"name": f"e{i}", "env": {"taskset": {"id": "a"}}} for i in range(100)]},
        "policy.env-servers",
    ),
    "many pods": (
        {"train": [{"name": f"e{i}", "env": {"taskset": {"id": "a"}}} for i in range(300)]},
        "policy.pods",
    ),
    "many variables": ({"env_vars": {f"V{i}": "x" for i in range(300)}}, "policy.env-vars"),
    "patient probes": ({"inference": {"server": {"liveness_timeout_seconds": 10**6}}}, "policy.probe-seconds"),
}


@pytest.mark.parametrize("what", ATTACKS)
def test_each_goes_through_on_ones_own_cluster_and_not_on_a_hosted_one(what: str) -> None:
    config, code = ATTACKS[what]
    assert code in {found for found, _ in refused(HOSTED, **config)}
    assert not {found for found in codes(OWN, **config) if found.startswith("policy.")}


def test_the_attacks_matter() -> None:
    """On one's own cluster nearly all of them are planned: there they are somebody's good right."""
    through = [what for what, (config, _) in ATTACKS.items() if not codes(OWN, **config)]
    assert len(through) > 0.8 * len(ATTACKS)


@pytest.mark.parametrize(
    ("config", "path"),
    [
        (ckpt("/data/runs/victim"), "ckpt.output_dir"),
        ({"trainer": {"env_vars": {"LD_PRELOAD": "x"}}}, "trainer.env_vars.LD_PRELOAD"),
        (client("http://redis:443/v1"), "orchestrator.model.client.base_url"),
        (vllm(download_dir="/data/x"), "inference.vllm.download_dir"),
    ],
)
def test_findings_stand_at_the_users_key_once(config: dict[str, Any], path: str) -> None:
    assert [found for _, found in refused(HOSTED, **config)] == [path]


ALLOWED: dict[str, dict[str, Any]] = {
    "nothing special": {},
    "a variable": {"env_vars": {"NCCL_DEBUG": "INFO"}},
    "a public server": client("https://models.example.com/v1"),
    "a relative path": ckpt("checkpoints"),
    "a path of the run": ckpt("/data/runs/run-1/elsewhere"),
    "a dataset": model("/volume/models/small"),
    "a model of the hub": {"model": {"name": "Qwen/Qwen3-0.6B"}},
    "some nodes": {"deployment": MULTI},
}


@pytest.mark.parametrize("what", ALLOWED)
def test_what_strangers_need_goes_through(what: str) -> None:
    planned(HOSTED, **ALLOWED[what])


def test_images_and_revisions() -> None:
    assert refused(HOSTED, Run(id="r", image_tag="nightly")) == [("policy.image-tag", "imageTag")]
    assert refused(HOSTED, Run(id="r", image_tag="v1", source_ref="main")) == [("policy.source-ref", "sourceRef")]
    assert refused(HOSTED, Run(id="r", image_tag="v1", source_repo="https://x")) == [
        ("policy.source-ref", "sourceRepo")
    ]
    planned(OWN, Run(id="r", image_tag="nightly", source_ref="main"))


def test_each_run_has_a_cache_of_its_own() -> None:
    assert planned(OWN).hf_home == "/data/cache/huggingface"
    assert planned(HOSTED).hf_home == "/data/runs/run-1/cache/huggingface"
    on_volume = Platform.from_mapping({"hf_home": "/data/hf", "tenant": {"own_cache": True}})
    assert planned(on_volume).hf_home == "/data/runs/run-1/cache/huggingface"
    local = Platform.from_mapping({"hf_home": "local", "tenant": {"preset": "hosted"}})
    assert planned(local).hf_home == "/cache/huggingface"


def test_what_is_written_wins_over_the_preset() -> None:
    def tenant(**settings: Any) -> Policy:
        return Platform.from_mapping({"tenant": {"preset": "hosted", **settings}}).tenant.policy

    assert tenant() == PRESETS["hosted"]
    assert tenant(max_gpus=8).max_gpus == 8
    assert tenant(max_gpus="None").max_gpus is None
    assert tenant(confine_paths=False).confine_paths is False
    assert tenant(env_allow=["PATH"]).env_deny == PRESETS["hosted"].env_deny
    allowing = Platform.from_mapping({"tenant": {"preset": "hosted", "env_allow": ["HF_ENDPOINT"]}})
    planned(allowing, env_vars={"HF_ENDPOINT": "https://mirror"})
    hosts = {
        "preset": "hosted",
        "egress_hosts": ["vllm.team.svc", "10.0.0.0/8", "*.example.com"],
        "allow_named_peers": True,
    }
    open_platform = Platform.from_mapping({"tenant": hosts})
    for url in ("http://vllm.team.svc:8000/v1", "http://10.1.2.3:8000/v1", "https://a.example.com:8443/v1"):
        planned(open_platform, **client(url))
    assert refused(open_platform, **client("https://example.org/v1"))
    assert refused(open_platform, **client("http://11.1.2.3:8000/v1"))


def test_every_policy_is_a_setting_with_a_word_on_the_preset() -> None:
    names = set(Policy.__dataclass_fields__)
    assert names == set(TenantSettings.model_fields) - {"preset"}
    on = {name for name in names if getattr(PRESETS["hosted"], name) is not None}
    assert names - on == {"env_allow"}
    assert all(getattr(PRESETS["own"], name) is None for name in names)


@pytest.mark.parametrize(
    "tenant",
    [
        {"egress_hosts": ["10.0.0.1/8"]},
        {"egress_hosts": ["http://x"]},
        {"shared_paths": ["x"]},
        {"shared_paths": ["/a/../b"]},
        {"image_tags": [""]},
    ],
)
def test_settings_of_other_forms_are_refused(tenant: dict[str, Any]) -> None:
    with pytest.raises(rlsplit.ConfigError) as error:
        Platform.from_mapping({"tenant": tenant})
    assert [finding.code for finding in error.value.findings] == ["platform.format"]


PATH = re.compile(r"(^|_)(path|paths|dir|dirs|file|files|folder|root)$")
ADDRESS = re.compile(r"(^|_)(url|urls|uri|host|hosts|address|endpoint)$")
COUNT = re.compile(
    r"^(num|max|min)_|(^|_)(count|size|workers|nodes|gpus|replicas|seconds|timeout|max|concurrent|layers|bytes|rank)$"
    r"|_per_(node|replica|fsdp_group)$|(^|_)ports?$"
)


def fields_of(root: type[Any]) -> set[str]:
    found: set[str] = set()
    for name, places in schema_index(root).by_name.items():
        if PATH.search(name) or ADDRESS.search(name) or COUNT.search(name):
            for place in places:
                steps = [step for step in place.path if step not in (ITEM, ENTRY)]
                found.add(f"{steps[-2] if len(steps) > 1 else ''}.{name}")
    return found


def test_every_path_address_and_count_of_a_config_has_a_row() -> None:
    fields = fields_of(RLConfig) | fields_of(SFTConfig)
    assert fields - JUDGED.keys() - UNJUDGED.keys() == set()
    assert JUDGED.keys() & UNJUDGED.keys() == set()
    assert UNJUDGED.keys() - fields == set()
    names = {place for name in ("name",) for place in ("model.name", "tokenizer.name", "data.name")}
    assert JUDGED.keys() - fields == names
    assert set(JUDGED.values()) <= set(Policy.__dataclass_fields__)


@pytest.mark.parametrize(
    ("key", "config"),
    [
        ("data.name", {"data": {"name": "/etc/set"}}),
        ("data.name", {"data": {"name": "datasets/../../x"}}),
        ("val.data.name", {"val": {"data": {"name": "/data/runs/run-2/set"}}}),
        ("trace_path", {"trace_path": "/data/runs/run-2", "max_steps": 3}),
        ("ckpt.output_dir", {"ckpt": {"output_dir": "/data/runs/run-2"}}),
        ("model.name", {"model": {"name": "/data/models/x"}, "renderer": {"name": "qwen3"}}),
    ],
)
def test_an_sft_run_is_judged_by_the_same_policies(key: str, config: dict[str, Any]) -> None:
    platform = Platform.from_mapping({"tenant": {"confine_paths": True}})
    with pytest.raises(rlsplit.ConfigError) as caught:
        plan(make_sft(**config), run=RUN, platform=platform)
    assert key in [".".join(map(str, finding.path)) for finding in caught.value.findings]


def test_the_volume_of_datasets_may_be_read() -> None:
    platform = Platform.from_mapping({"tenant": {"confine_paths": True}, "dataset_mount": True})
    assert plan(make_sft(data={"name": "/volume/datasets/math"}), run=RUN, platform=platform).pods
