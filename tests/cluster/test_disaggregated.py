"""Prefill and decode engines: plan, configs, ports, router, objects. The worked example is the specification's."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policies import allowed, pods_of
from sides import FEATURES, LAYOUTS, planned_sides, sides
from splits import FORMS, RUN, SECRETS, SHAPES, planned
from test_network_policies import check_denied, check_inside
from test_plan_properties import (
    _check_gpus,
    _check_names,
    _check_ports,
    _check_references,
    _container,
    _jobs,
    _listeners,
)

import rlsplit
from rlsplit.compiler import Target, compile_sources
from rlsplit.explaining import explain
from rlsplit.findings import ConfigError, dotted
from rlsplit.manifests import render
from rlsplit.planning import RunPlan
from rlsplit.planning.model import Pods
from rlsplit.planning.ports import side_channel
from rlsplit.preview.topology import topology
from rlsplit.serialize import to_yaml
from rlsplit.splitting import JsonObject, Split

BROWSED = "\n[[orchestrator.train.source]]\nname = 'swe'\nenv.taskset.id = 'swe'\nserve.address = 'tcp://envs.example.com:7000'\n"


@pytest.fixture
def worked(shared: Path) -> RunPlan:
    """The large example of prime-rl, with an environment to train on, which is served elsewhere."""
    path = shared / "conformance" / "examples" / "examples__advanced__glm-5.2__swe.toml"
    split = rlsplit.split(rlsplit.parse(path.read_text(encoding="utf-8") + BROWSED))
    return planned_sides(split, workload="jobset", queue_name="gpus")


def pods_named(plan: RunPlan, name: str) -> Pods:
    pods = plan.component(name)
    assert pods is not None
    return pods


def config_of(plan: RunPlan, name: str) -> JsonObject:
    config = pods_named(plan, name).config
    assert config is not None
    return config.sparse


def test_worked_example_counts(worked: RunPlan) -> None:
    assert {pods.suffix: pods.count for pods in worked.pods} == {
        "trainer": 16,
        "orchestrator": 1,
        "prefill": 8,
        "decode": 8,
        "router": 1,
        "env-1-swe-bench-ve": 1,
    }
    assert [pods.component for pods in worked.pods] == [
        "trainer",
        "orchestrator",
        "prefill",
        "decode",
        "router",
        "env-server",
    ]
    assert (worked.pod_count, worked.shape.gpus) == (35, 256)
    assert worked.shape.inference_workers == 128
    assert [(g.component, g.nodes, g.ranks, g.pods_per_replica) for g in worked.shape.groups] == [
        ("prefill", 4, 32, 4),
        ("decode", 4, 32, 4),
    ]
    for component in ("trainer", "orchestrator"):
        assert config_of(worked, component)["weight_broadcast"]["inference_world_size"] == 128


def test_worked_example_order_of_engines(worked: RunPlan) -> None:
    host = worked.names.host
    expected = [
        f"http://{host(side, pod)}:{port + k}"
        for replica in (0, 4)
        for side, port in (("prefill", 8100), ("decode", 8200))
        for pod in range(replica, replica + 4)
        for k in range(8)
    ]
    assert list(worked.worker_urls) == expected
    orchestrator = config_of(worked, "orchestrator")
    assert orchestrator["model"]["client"]["admin_base_url"] == [f"{url}/v1" for url in expected]
    roles = orchestrator["inference_metrics_roles"]
    assert roles == ["prefill" if "-prefill-" in url else "decode" for url in expected]


def test_worked_example_configs(worked: RunPlan) -> None:
    prefill: JsonObject = {
        "log": {"level": "debug"},
        "router": None,
        "server": {"host": "0.0.0.0"},
        "use_deep_gemm": True,
        "use_pd_kv_transfer": True,
        "vllm": {
            "all2all_backend": "deepep_high_throughput",
            "api_server_count": 1,
            "data_parallel_rpc_port": 13345,
            "data_parallel_size": 32,
            "data_parallel_size_local": 1,
            "enable_eplb": False,
            "enable_expert_parallel": True,
            "gpu_memory_utilization": 0.8,
            "model": "zai-org/GLM-5-FP8",
            "reasoning_parser": "glm45",
            "tool_call_parser": "glm47",
        },
        "weight_broadcast": {"type": "nccl"},
    }
    decode = {
        **prefill,
        "vllm": {
            **prefill["vllm"],
            "all2all_backend": "deepep_low_latency",
            "compilation_config": {"cudagraph_mode": "FULL_DECODE_ONLY"},
        },
    }
    assert config_of(worked, "prefill") == prefill
    assert config_of(worked, "decode") == decode


def test_worked_example_ports_and_probes(worked: RunPlan) -> None:
    for side, first in (("prefill", 8100), ("decode", 8200)):
        ports = {port.name: port.number for port in pods_named(worked, side).ports}
        assert ports == {**{f"engine-{k}": first + k for k in range(8)}, "dp-rpc": 13345}
    router = {port.name: port.number for port in pods_named(worked, "router").ports}
    assert router == {"http": 8000, "router-metrics": 29000}
    (job_set,) = [item for item in render(worked, secrets=SECRETS) if item["kind"] == "JobSet"]
    jobs = {job["name"]: job for job in job_set["spec"]["replicatedJobs"]}
    assert list(jobs)[2:4] == ["prefill", "decode"]
    for side in ("prefill", "decode"):
        container = jobs[side]["template"]["spec"]["template"]["spec"]["containers"][0]
        assert container["name"] == side
        assert container["startupProbe"]["httpGet"] == {"path": "/health", "port": "engine-0"}
        assert "livenessProbe" not in container
        assert container["resources"]["limits"] == {"nvidia.com/gpu": "8", "rdma/ib": "8"}


def test_side_channel_of_uneven_groups() -> None:
    plan = planned_sides(LAYOUTS["uneven"])
    ranges = {g.component: side_channel(g, 5600) for g in plan.shape.groups}
    assert {name: (found[0], found[-1]) for name, found in ranges.items()} == {
        "prefill": (5600, 5600 + 15 + 7),
        "decode": (5600, 5600 + 63 + 7),
    }


def bound_side_channels(group: Any, pod: int, first: int) -> list[int]:
    """What vLLM binds in a pod: the port that an engine is given, and its rank on top."""
    return [first + k + pod % group.nodes * group.engines + k for k in range(group.engines)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_side_channels_stay_in_their_interval_and_apart(layout: str) -> None:
    plan = planned_sides(LAYOUTS[layout])
    for group in plan.shape.groups:
        interval = side_channel(group, 5600)
        bound = [bound_side_channels(group, pod, 5600) for pod in range(group.nodes)]
        assert all(len(set(ports)) == group.engines for ports in bound)
        assert {port for ports in bound for port in ports} <= set(interval)
        assert max(map(max, bound)) == interval[-1]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout(layout: str, form: str) -> None:
    check_plan(planned_sides(LAYOUTS[layout], workload=form))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_random_layouts(data: st.DataObject) -> None:
    small = st.integers(1, 3)
    layout = {
        name: data.draw(small, label=name)
        for name in (
            "prefill_nodes_per_replica",
            "decode_nodes_per_replica",
            "num_prefill_replicas",
            "num_decode_replicas",
        )
    }
    ports = {"prefill_port": data.draw(st.integers(1024, 4900)), "decode_port": data.draw(st.integers(1024, 4900))}
    split = sides(tp=data.draw(st.sampled_from([1, 2, 4, 8])), replicas=data.draw(small), layout={**layout, **ports})
    platform = {
        "workload": data.draw(st.sampled_from(FORMS)),
        "config_delivery": data.draw(st.sampled_from(["auto", "volume"])),
        "host_network": data.draw(st.booleans()),
        "monitoring": data.draw(st.sampled_from(["annotations", "podmonitor", "none"])),
        "nixl_port": data.draw(st.sampled_from([5600, 20000])),
    }
    check_plan(planned_sides(split, **platform))


def check_plan(plan: RunPlan) -> None:
    objects = render(plan, secrets=SECRETS)
    _check_names(objects)
    _check_ports(objects)
    _check_gpus(plan, objects)
    _check_references(objects)
    check_hosts(plan, objects)
    check_network(plan, objects)
    policies, pods = [item for item in objects if item["kind"] == "NetworkPolicy"], list(pods_of(objects))
    check_inside(plan, policies, pods)
    check_denied(plan, policies, pods)
    shape = plan.shape
    assert "inference" not in {pods.component for pods in plan.pods}
    assert sum(pods.count for pods in plan.pods if pods.role.has_engines) == shape.inference_pods
    assert len(plan.worker_urls) == shape.inference_pods * shape.engines == len(set(plan.worker_urls))
    roles = config_of(plan, "orchestrator")["inference_metrics_roles"]
    assert roles == [side for side, _, _ in shape.engine_places()]
    monitors = [item for item in objects if item["kind"] == "PodMonitor"]
    for monitor in monitors:
        named = [endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]]
        assert Counter(named) == {"metrics": 1, "router-metrics": 1, **{f"engine-{k}": 1 for k in range(shape.engines)}}
    drawn = topology(plan)
    assert sum(len(node.pods) for node in drawn.nodes) == plan.pod_count
    assert any((link.source, link.target) == ("decode", "prefill") for link in drawn.links)


def check_hosts(plan: RunPlan, objects: list[JsonObject]) -> None:
    """Everything that an engine is called by, or calls, listens there."""
    listening = _listeners(plan, objects)
    for url in plan.worker_urls:
        host, _, port = url.removeprefix("http://").rpartition(":")
        assert (host, int(port)) in listening
    for name, job in _jobs(objects).items():
        script = _container(job)["args"][2]
        for group in plan.shape.groups:
            prefix = plan.names.host_prefix(group.component)
            own = name == plan.names.job(group.component) or name == prefix
            assert (f'address="{prefix}-$head.{plan.names.domain}"' in script) == (own and group.ranks > 1)


def check_network(plan: RunPlan, objects: list[JsonObject]) -> None:
    """Engines of both sides reach each other on every port, and so do router and orchestrator."""
    policies, pods = [item for item in objects if item["kind"] == "NetworkPolicy"], list(pods_of(objects))
    sides = [pod for pod in pods if pod.labels["app.kubernetes.io/component"] in ("prefill", "decode")]
    assert len(sides) == 2
    callers = [pod for pod in pods if pod.labels["app.kubernetes.io/component"] in ("router", "orchestrator")]
    ports = {port for group in plan.shape.groups for port in side_channel(group, plan.platform.nixl_port)}
    for port in (*ports, 8100, 8200, 13345, 41234):
        assert all(allowed(policies, one, other, port) for one in (*sides, *callers) for other in sides)


def test_variables_of_the_sides() -> None:
    split = sides(
        layout={
            "prefill_env_vars": {"UCX_TLS": "rc", "BOTH": "prefill", "A_TOKEN": "prefill-secret"},
            "decode_env_vars": {"BOTH": "decode"},
        },
        inference={"env_vars": {"BOTH": "inference", "ONE": "1"}},
        env_vars={"BOTH": "root", "ROOT": "r"},
    )
    platform = {"inference": {"env": {"UP": "i", "UCX_RCACHE_MAX_UNRELEASED": "7"}}, "decode": {"env": {"UP": "d"}}}
    plan = planned_sides(split, **platform)
    env = {name: {v.name: v.value for v in pods_named(plan, name).env} for name in ("prefill", "decode")}
    assert [(env[n]["BOTH"], env[n]["UP"], env[n]["ONE"], env[n]["UCX_TLS"]) for n in env] == [
        ("prefill", "i", "1", "rc"),
        ("decode", "d", "1", "all"),
    ]
    assert env["prefill"]["UCX_RCACHE_MAX_UNRELEASED"] == "7"
    assert config_of(plan, "prefill")["env_vars"] == {"BOTH": "prefill", "ONE": "1", "ROOT": "r", "UCX_TLS": "rc"}
    assert config_of(plan, "decode")["env_vars"] == {"BOTH": "decode", "ONE": "1", "ROOT": "r"}
    assert [v.key for v in pods_named(plan, "prefill").secret_env] == ["hf-token", "env-prefill-a_token"]
    rendered = render(plan, secrets=SECRETS)
    assert "prefill-secret" not in to_yaml([item for item in rendered if item["kind"] != "Secret"])


def test_a_secret_of_one_side_stands_in_no_config() -> None:
    layout = {"prefill_env_vars": {"MY_TOKEN": "hidden-value"}}
    plan = planned_sides(sides(layout=layout, inference={"env_vars": {"MY_TOKEN": "below"}}))
    assert "MY_TOKEN" not in config_of(plan, "prefill").get("env_vars", {})
    assert "hidden-value" not in repr(plan)


OVERRIDES: list[tuple[JsonObject, JsonObject, Any]] = [
    ({}, {}, {"cudagraph_mode": "FULL_DECODE_ONLY"}),
    ({"level": 3}, {}, {"level": 3, "cudagraph_mode": "FULL_DECODE_ONLY"}),
    ({"level": 3}, {"compilation_config": {"level": 1}}, {"level": 1}),
    ({"level": 3}, {"compilation_config": {"deep": {"a": 1}}}, {"level": 3, "deep": {"a": 1}}),
    ({"level": 3}, {"compilation-config": {"deep": 1}}, {"deep": 1}),
    ({"level": 3}, {"compilation_config": "None"}, "None"),
]


@pytest.mark.parametrize(("written", "overrides", "expected"), OVERRIDES)
def test_overrides_merge_key_by_key(written: JsonObject, overrides: JsonObject, expected: Any) -> None:
    vllm = {"compilation_config": written} if written else {}
    plan = planned_sides(sides(layout={"decode_vllm_overrides": overrides}, inference={"vllm": vllm}))
    for form in ("sparse", "resolved"):
        found = getattr(pods_named(plan, "decode").config, form)["vllm"]
        assert found["compilation_config"] == expected
        assert "compilation-config" not in found
    assert config_of(plan, "prefill")["vllm"].get("compilation_config", {}) == written


def test_flags_beat_overrides_and_overrides_the_backend() -> None:
    overrides = {"data_parallel_size": 3, "all2all_backend": "pplx", "max-num-seqs": 5}
    plan = planned_sides(sides(layout={"prefill_vllm_overrides": overrides}))
    vllm = config_of(plan, "prefill")["vllm"]
    assert (vllm["data_parallel_size"], vllm["all2all_backend"], vllm["max_num_seqs"]) == (8, "pplx", 5)
    assert config_of(plan, "decode")["vllm"]["all2all_backend"] == "deepep_low_latency"
    notes = {(note.code, dotted(note.path)) for note in plan.notes}
    assert ("plan.side-override-beaten", "inference.deployment.prefill_vllm_overrides.data_parallel_size") in notes


def test_tables_of_the_platform_lie_over_that_of_inference() -> None:
    patch = {
        "spec": {"containers": [{"name": "inference", "lifecycle": {}}], "volumes": [{"name": "v", "emptyDir": {}}]}
    }
    own = {"spec": {"containers": [{"name": "decode", "stdin": True}]}}
    plan = planned_sides(
        LAYOUTS["one-pod-groups"],
        inference={
            "resources": {"requests": {"cpu": "16", "memory": "1Ti"}},
            "node_selector": {"pool": "a", "disk": "x"},
            "grace_seconds": 90,
            "shm_size": "64Gi",
            "pod_patch": patch,
        },
        decode={
            "resources": {"requests": {"cpu": "32"}, "limits": {"cpu": "64"}},
            "node_selector": {"pool": "b"},
            "shm_size": "None",
            "pod_patch": own,
        },
    )
    jobs = {name.rpartition("-")[2]: job for name, job in _jobs(render(plan, secrets=SECRETS)).items()}
    prefill, decode = (jobs[name]["template"]["spec"] for name in ("prefill", "decode"))
    asked = [spec["containers"][0]["resources"]["requests"] for spec in (prefill, decode)]
    assert [(r["cpu"], r["memory"], r["ephemeral-storage"]) for r in asked] == [
        ("16", "1Ti", "32Gi"),
        ("32", "1Ti", "32Gi"),
    ]
    assert [spec["nodeSelector"] for spec in (prefill, decode)] == [
        {"pool": "a", "disk": "x"},
        {"pool": "b", "disk": "x"},
    ]
    assert [spec["terminationGracePeriodSeconds"] for spec in (prefill, decode)] == [90, 90]
    assert [any(v["name"] == "shm" for v in spec["volumes"]) for spec in (prefill, decode)] == [True, False]
    assert [[c["name"] for c in spec["containers"]] for spec in (prefill, decode)] == [["prefill"], ["decode"]]
    assert decode["containers"][0]["stdin"]
    assert all(any(v["name"] == "v" for v in spec["volumes"]) for spec in (prefill, decode))


def refused(split: Split, run: Any = RUN, **platform: Any) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as error:
        planned(split, run=run, **platform)
    return [(finding.code, dotted(finding.path)) for finding in error.value.findings]


NAMED = "inference.deployment"
REFUSED: list[tuple[str, str, Split, dict[str, Any]]] = [
    ("plan.disaggregated-inference", f"{NAMED}.type", sides(), {"features": []}),
    ("plan.port-range", f"{NAMED}.prefill_port", sides(layout={"prefill_port": 65530}), {}),
    ("plan.port-range", f"{NAMED}.decode_port", sides(layout={"decode_port": 0}), {}),
    ("plan.port-range", "platform.nixl_port", sides(layout={"decode_nodes_per_replica": 2}), {"nixl_port": 65520}),
    ("plan.port-conflict", f"{NAMED}.prefill_port", sides(layout={"prefill_port": 5605}), {}),
    (
        "plan.port-conflict",
        "inference.vllm.data_parallel_rpc_port",
        sides(inference={"vllm": {"data_parallel_rpc_port": 8203}}),
        {},
    ),
    ("plan.port-conflict", "inference.vllm.data_parallel_rpc_port", sides(), {"nixl_port": 13340}),
    (
        "plan.tensor-parallel",
        "inference.vllm.tensor_parallel_size",
        sides(tp=3),
        {},
    ),
    (
        "plan.deepep-without-rdma",
        "platform.rdma_resource",
        sides(layout={"decode_nodes_per_replica": 2}),
        {"rdma_resource": {}},
    ),
    (
        "plan.routed-experts-offload",
        "inference.kv_cache_offload",
        sides(
            inference={
                "vllm": {"enable_return_routed_experts": True},
                "kv_cache_offload": {"type": "native", "cpu": {"num_bytes": 10**9}},
            }
        ),
        {},
    ),
    (
        "plan.metrics-roles",
        "orchestrator.inference_metrics_roles",
        sides(orchestrator={"inference_metrics_roles": ["prefill", "decode"]}),
        {},
    ),
    *(
        ("plan.env-var-per-engine", f"{path}.VLLM_RPC_BASE_PATH", split, {})
        for path, split in (
            ("env_vars", sides(env_vars={"VLLM_RPC_BASE_PATH": "/x"})),
            ("inference.env_vars", sides(inference={"env_vars": {"VLLM_RPC_BASE_PATH": "/x"}})),
            (f"{NAMED}.decode_env_vars", sides(layout={"decode_env_vars": {"VLLM_RPC_BASE_PATH": "/x"}})),
        )
    ),
    *(
        (
            "plan.side-override",
            f"{NAMED}.prefill_vllm_overrides.{key}",
            sides(layout={"prefill_vllm_overrides": {key: v}}),
            {},
        )
        for key, v in (
            ("data_parallel_rank", 1),
            ("data-parallel-address", "x"),
            ("headless", True),
            ("port", 1),
            ("uds", "/x"),
            ("tensor_parallel_size", 2),
            ("pipeline-parallel-size", 2),
        )
    ),
]


def _id(case: Any) -> str | None:
    return case if isinstance(case, str) else None


@pytest.mark.parametrize(("code", "path", "split", "platform"), REFUSED, ids=_id)
def test_refused_layouts(code: str, path: str, split: Split, platform: dict[str, Any]) -> None:
    assert set(refused(split, **{**FEATURES, **platform})) == {(code, path)}


def test_what_the_layout_decides_may_be_repeated() -> None:
    overrides = {"tensor_parallel_size": 1, "pipeline_parallel_size": "1"}
    assert planned_sides(sides(layout={"prefill_vllm_overrides": overrides}))
    assert planned_sides(sides(layout={"prefill_port": 9000, "decode_port": 9000}))
    assert planned_sides(
        sides(layout={"decode_nodes_per_replica": 2, "decode_vllm_overrides": {"all2all_backend": "naive"}}),
        rdma_resource={},
    )


def test_one_machine_and_an_image_that_cannot() -> None:
    text = '[trainer]\n[slurm]\n[[orchestrator.train.source]]\nenv.id = "a"\n[inference.deployment]\ntype = "disaggregated"\n'
    outcome = compiled(text, **FEATURES)
    assert {f.code for f in outcome.findings if f.severity == "error"} == {"plan.disaggregated-one-machine"}
    many = text.replace("[slurm]", '[deployment]\ntype = "multi_node"\nnum_train_nodes = 1')
    many = many.replace('source]]\nenv.id = "a"', 'source]]\nenv.taskset.id = "a"')
    outcome = compiled(many, release="v0.8.0", **FEATURES)
    found = [f for f in outcome.findings if f.code == "plan.disaggregated-inference"]
    assert [f.hint for f in found] == ["use multi_node, or an image of the newest release"]


def compiled(text: str, **platform: Any) -> Any:
    target = Target(run=rlsplit.Run(id="run-1"), platform=rlsplit.Platform.from_mapping(platform))
    release = platform.get("release")
    return compile_sources([rlsplit.Source(name="rl.toml", content=text)], until="plan", target=target, release=release)


NOTED: list[tuple[str, str, Split, dict[str, Any]]] = [
    ("plan.no-rdma", "platform.rdma_resource", sides(), {"rdma_resource": {}}),
    ("plan.low-latency-without-rdma", "platform.rdma_resource", sides(), {"rdma_resource": {}}),
    (
        "plan.sides-differ",
        f"{NAMED}.decode_vllm_overrides.block_size",
        sides(layout={"prefill_vllm_overrides": {"block_size": 64}}),
        {},
    ),
    (
        "plan.experts-not-spread",
        "inference.vllm.enable_expert_parallel",
        sides(inference={"vllm": {"enable_expert_parallel": False}}),
        {},
    ),
    (
        "plan.side-resources",
        "platform.decode.resources",
        sides(),
        {"prefill": {"resources": {"requests": {"cpu": "32"}}}},
    ),
    ("plan.side-value", "inference.backend_port", sides(inference={"backend_port": 9000}), {}),
    ("plan.side-value", "inference.vllm.data_parallel_size", sides(inference={"vllm": {"data_parallel_size": 4}}), {}),
    (
        "plan.overlay-side-backend",
        "inference.vllm.all2all_backend",
        sides(inference={"vllm": {"all2all_backend": "deepep_low_latency"}}),
        {},
    ),
    ("plan.single-rank", "inference.vllm.tensor_parallel_size", sides(tp=8), {}),
    ("plan.library-path", "env_vars.LD_LIBRARY_PATH", sides(env_vars={"LD_LIBRARY_PATH": "/x"}), {}),
    (
        "plan.library-path",
        "platform.decode.env.LD_LIBRARY_PATH",
        sides(),
        {"decode": {"env": {"LD_LIBRARY_PATH": "/x"}}},
    ),
]


@pytest.mark.parametrize(("code", "path", "split", "platform"), NOTED, ids=_id)
def test_notes(code: str, path: str, split: Split, platform: dict[str, Any]) -> None:
    notes = {(note.code, dotted(note.path)) for note in planned_sides(split, **platform).notes}
    assert (code, path) in notes


def test_a_plain_layout_says_nothing_of_values_that_nobody_wrote() -> None:
    said = {note.code for note in planned_sides(sides(), inference={"resources": {"requests": {"cpu": "32"}}}).notes}
    assert not said & {code for code, *_ in NOTED}


def test_an_explanation_tells_the_sides_apart() -> None:
    text = (
        '[trainer]\n[[orchestrator.train.source]]\nenv.taskset.id = "a"\n[deployment]\ntype = "multi_node"\n'
        'num_train_nodes = 1\n[inference.deployment]\ntype = "disaggregated"\n'
    )
    outcome = compiled(text, **FEATURES)
    origins = explain(outcome.split, outcome.config.provenance, outcome.document, outcome.plan)
    backends = {o.component: o.value for o in origins if o.path == ("vllm", "all2all_backend")}
    assert backends == {"prefill": "deepep_high_throughput", "decode": "deepep_low_latency"}
    assert "inference" not in {origin.component for origin in origins}


@pytest.mark.parametrize("settings", [{"features": ["disagregated"]}, {"features": "disaggregated"}, {"nixl_port": 0}])
def test_settings_are_checked(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as error:
        rlsplit.Platform.from_mapping(settings)
    assert [finding.path[:2] for finding in error.value.findings] == [("platform", next(iter(settings)))]
    if settings == {"features": ["disagregated"]}:
        assert "disaggregated" in str(error.value.findings[0])


def test_limits_of_a_side_stay_above_its_requests() -> None:
    settings = {
        "inference": {"resources": {"limits": {"cpu": "16"}}},
        "decode": {"resources": {"requests": {"cpu": "32"}}},
    }
    with pytest.raises(ConfigError) as error:
        rlsplit.Platform.from_mapping(settings)
    assert [dotted(finding.path) for finding in error.value.findings] == ["platform.decode.resources.limits.cpu"]


def test_quotas_count_the_pods_of_both_sides() -> None:
    split = sides(layout={"num_prefill_replicas": 2})
    assert planned_sides(split, tenant={"max_nodes": 5, "max_gpus": 40, "max_pods": 8})
    for limit in ({"max_nodes": 4}, {"max_gpus": 39}, {"max_pods": 7}):
        assert refused(split, **FEATURES, tenant=limit)


def test_policies_read_the_variables_of_both_sides() -> None:
    split = sides(layout={"decode_env_vars": {"LD_PRELOAD": "/x.so"}})
    found = refused(split, **FEATURES, tenant={"env_deny": ["LD_*"]})
    assert found == [("policy.env", f"{NAMED}.decode_env_vars.LD_PRELOAD")]


@pytest.mark.parametrize("overrides", [{"download-dir": "/data/other"}, {"model": "../x"}, {"a": {"b": ["/etc"]}}])
def test_paths_of_overrides_are_confined(overrides: JsonObject) -> None:
    split = sides(layout={"prefill_vllm_overrides": overrides})
    found = refused(split, **FEATURES, tenant={"confine_paths": True})
    assert [(code, path.startswith(f"{NAMED}.prefill_vllm_overrides.")) for code, path in found] == [
        ("policy.path", True)
    ]
    assert planned_sides(split)


def test_router_arguments_in_order() -> None:
    plan = planned_sides(LAYOUTS["one-pod-groups"])
    script = _container(_jobs(render(plan, secrets=SECRETS))[plan.names.job("router")])["args"][2]
    words = script[script.index("exec vllm-router") :].replace("\\\n", " ").partition("\n")[0].split()
    flags = words[words.index("--vllm-pd-disaggregation") + 1 :]
    pairs = list(zip(flags[::2], flags[1::2], strict=True))
    assert [url for _, url in pairs] == list(plan.worker_urls)
    assert [flag for flag, _ in pairs] == ["--prefill"] * 8 + ["--decode"] * 8
    assert "--worker-urls" not in words
    assert json.dumps(words).count("/v1") == 0


def test_sources_of_other_runs_stay_as_they_are() -> None:
    """Settings of the sides change nothing where every engine does both."""
    plain, told = (
        planned(SHAPES["multi-node"], **more)
        for more in ({}, {**FEATURES, "rdma_resource": {}, "pod_security": "restricted", "nixl_port": 7777})
    )
    assert to_yaml(render(plain, secrets=SECRETS)) == to_yaml(render(told, secrets=SECRETS))
