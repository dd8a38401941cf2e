"""Where and when pods run: gangs, queues, topology, disruptions, RDMA, and the node's network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from splits import FORMS, MULTI, SHAPES, SINGLE, local, make, planned, source

from rlsplit.findings import ConfigError, dotted
from rlsplit.manifests import render
from rlsplit.planning import RunPlan
from rlsplit.splitting import JsonObject

SCHEMAS = Path(__file__).parent / "schemas"
GANGS = {"volcano": "v1beta1", "coscheduling": "v1alpha1"}
NIXL: JsonObject = {"type": "nixl", "host": "mx.infra", "port": 8001}


def templates(plan: RunPlan) -> dict[str, JsonObject]:
    """Pod templates by component."""
    found: dict[str, JsonObject] = {}
    for item in render(plan):
        jobs = [item["spec"]] if item["kind"] == "Job" else []
        jobs += [job["template"]["spec"] for job in item["spec"]["replicatedJobs"]] if item["kind"] == "JobSet" else []
        for job in jobs:
            found[job["template"]["metadata"]["labels"]["app.kubernetes.io/component"]] = job["template"]
    return found


def of_kind(plan: RunPlan, kind: str) -> list[JsonObject]:
    return [item for item in render(plan) if item["kind"] == kind]


def codes(plan: RunPlan) -> dict[str, str]:
    return {note.code: note.severity for note in plan.notes}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("gang", GANGS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_gang_is_all_pods_of_the_run(shape: str, gang: str, form: str) -> None:
    plan = planned(SHAPES[shape], gang=gang, workload=form)
    (group,) = of_kind(plan, "PodGroup")
    schema = json.loads((SCHEMAS / f"podgroup-{gang}-{GANGS[gang]}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(group)
    assert group["spec"]["minMember"] == plan.pod_count
    for template in templates(plan).values():
        metadata, named = template["metadata"], group["metadata"]["name"]
        if gang == "volcano":
            assert metadata["annotations"]["scheduling.k8s.io/group-name"] == named
            assert template["spec"]["schedulerName"] == "volcano"
        else:
            assert metadata["labels"]["scheduling.x-k8s.io/pod-group"] == named
            assert template["spec"]["schedulerName"] == "scheduler-plugins-scheduler"


def test_the_scheduler_of_a_gang_may_be_called_otherwise() -> None:
    plan = planned(SHAPES["multi-node"], gang="coscheduling", scheduler_name="gangs")
    assert {template["spec"]["schedulerName"] for template in templates(plan).values()} == {"gangs"}
    assert not of_kind(planned(SHAPES["multi-node"]), "PodGroup")


def test_priorities_of_queue_and_pods_are_two() -> None:
    plan = planned(SHAPES["multi-node"], workload="jobset", queue_name="q", priority_class="pods")
    (job_set,) = of_kind(plan, "JobSet")
    assert "kueue.x-k8s.io/priority-class" not in job_set["metadata"]["labels"]
    plan = planned(SHAPES["multi-node"], workload="jobset", queue_name="q", queue_priority_class="runs")
    (job_set,) = of_kind(plan, "JobSet")
    assert job_set["metadata"]["labels"]["kueue.x-k8s.io/priority-class"] == "runs"
    assert "priorityClassName" not in templates(plan)["trainer"]["spec"]


@pytest.mark.parametrize("mode", ["required", "preferred"])
def test_the_mode_of_topology_names_the_annotation(mode: str) -> None:
    settings: dict[str, Any] = {"workload": "jobset", "queue_name": "q", "topology_key": "zone", "topology_mode": mode}
    annotated = {
        name: [key for key in template["metadata"]["annotations"] if "podset" in key]
        for name, template in templates(planned(SHAPES["multi-node"], **settings)).items()
    }
    key = f"kueue.x-k8s.io/podset-{mode}-topology"
    assert annotated == {"trainer": [key], "orchestrator": [], "inference": [key], "router": [], "env-server": []}


def test_spreading_counts_the_runs_own_pods() -> None:
    constraint = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
    narrowed = {**constraint, "labelSelector": {"matchLabels": {"app.kubernetes.io/component": "trainer"}}}
    plan = planned(SHAPES["multi-node"], topology_spread=[constraint, narrowed])
    found = templates(plan)["inference"]["spec"]["topologySpreadConstraints"]
    own = {"app.kubernetes.io/name": "prime-rl", "app.kubernetes.io/instance": plan.names.base}
    assert [item["labelSelector"] for item in found] == [
        {"matchLabels": own},
        {"matchLabels": {"app.kubernetes.io/component": "trainer", **own}},
    ]


def test_autoscalers_are_asked_to_leave_pods_alone() -> None:
    asked = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false", "karpenter.sh/do-not-disrupt": "true"}
    for template in templates(planned(SHAPES["multi-node"])).values():
        assert asked.items() <= template["metadata"]["annotations"].items()
    for template in templates(planned(SHAPES["multi-node"], protect_from_autoscaler=False)).values():
        assert not asked.keys() & template["metadata"].get("annotations", {}).keys()


def test_a_disrupted_job_set_starts_again() -> None:
    plan = planned(SHAPES["resumed"], workload="jobset", restart_on_disruption=True)
    (job_set,) = of_kind(plan, "JobSet")
    rule = {
        "name": "disrupted",
        "action": "RestartJobSetAndIgnoreMaxRestarts",
        "onJobFailureReasons": ["PodFailurePolicy"],
    }
    assert job_set["spec"]["failurePolicy"] == {"maxRestarts": 0, "rules": [rule]}
    for job in job_set["spec"]["replicatedJobs"]:
        (said,) = job["template"]["spec"]["podFailurePolicy"]["rules"]
        assert said == {"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    with pytest.raises(ConfigError) as refused:
        planned(SHAPES["one-plus-one"], workload="jobset", restart_on_disruption=True)
    assert [(f.code, dotted(f.path)) for f in refused.value.findings] == [("plan.restart-without-resume", "resume")]


def test_nixl_needs_devices() -> None:
    split = make(MULTI, weight_broadcast=NIXL)
    with pytest.raises(ConfigError) as refused:
        planned(split, rdma_resource={})
    assert [(f.code, dotted(f.path)) for f in refused.value.findings] == [
        ("plan.nixl-without-rdma", "weight_broadcast.type")
    ]
    limits = templates(planned(split))["inference"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits["rdma/ib"] == "1"


def test_nixl_gets_devices_on_one_node_too() -> None:
    for broadcast, has_devices in ((NIXL, True), ({"type": "nccl"}, False)):
        plan = planned(make(SINGLE, weight_broadcast=broadcast), rdma_resource={"rdma/ib": 1})
        for component in ("trainer", "inference"):
            container = templates(plan)[component]["spec"]["containers"][0]
            assert ("rdma/ib" in container["resources"]["limits"]) == has_devices
            assert ("NCCL_IB_HCA" in container["args"][2]) == has_devices


def test_what_a_run_on_several_nodes_should_have_is_said() -> None:
    warned = {"plan.partial-placement", "plan.spread-placement", "plan.no-rdma"}
    found = codes(planned(SHAPES["multi-node"]))
    assert {code for code, severity in found.items() if severity == "warning"} >= warned
    fit = {"gang": "volcano", "topology_key": "zone", "rdma_resource": {"rdma/ib": 1}}
    assert not warned & codes(planned(SHAPES["multi-node"], **fit)).keys()
    queued = {"workload": "jobset", "queue_name": "q"}
    assert "plan.partial-placement" not in codes(planned(SHAPES["multi-node"], **queued))
    assert not warned & codes(planned(SHAPES["one-plus-one"])).keys()


@pytest.mark.parametrize("form", FORMS)
def test_on_the_nodes_network_no_two_components_take_a_port(form: str) -> None:
    settings: dict[str, Any] = {"host_network": True, "pod_security": "privileged", "workload": form}
    for shape in SHAPES:
        plan = planned(SHAPES[shape], **settings)
        # Prefill and decode never share a node.
        taken = [port.number for pods in plan.pods if pods.component != "decode" for port in pods.ports]
        assert len(set(taken)) == len(taken), shape


def test_the_metrics_port_moves_with_its_overlay_and_annotation() -> None:
    plan = planned(make(train=[local("a"), local("b")]), host_network=True, pod_security="privileged")
    trainer = plan.component("trainer")
    assert trainer is not None
    assert trainer.port("metrics") == 8001
    assert trainer.config is not None
    assert trainer.config.sparse["metrics_server"]["port"] == 8001
    assert templates(plan)["trainer"]["metadata"]["annotations"]["prometheus.io/port"] == "8001"
    assert [pods.port("env") for pods in plan.pods if pods.env_server] == [5000, 5001]
    orchestrator = plan.component("orchestrator")
    assert orchestrator is not None
    assert orchestrator.config is not None
    for index, written in enumerate(orchestrator.config.sparse["train"]["source"]):
        assert written["serve"]["address"].endswith(f":{5000 + index}")
    unmoved = planned(make()).component("trainer")
    assert unmoved is not None
    assert unmoved.port("metrics") == 8000


def test_a_port_that_the_config_gives_twice_on_a_node_is_refused() -> None:
    split = make(inference={"server": {"port": 5555}, "backend_port": 5700})
    assert planned(split)
    with pytest.raises(ConfigError) as refused:
        planned(split, host_network=True, pod_security="privileged")
    assert {f.code for f in refused.value.findings} == {"plan.port-conflict"}


def test_disk_is_asked_for_and_memory_of_environments_bounded() -> None:
    found = {
        name: template["spec"]["containers"][0]["resources"]
        for name, template in templates(planned(SHAPES["multi-node"])).items()
    }
    assert all(resources["requests"]["ephemeral-storage"] for resources in found.values())
    assert {name for name, resources in found.items() if "memory" in resources.get("limits", {})} == {"env-server"}
    larger = planned(SHAPES["multi-node"], env_server={"resources": {"requests": {"memory": "32Gi"}}})
    resources = templates(larger)["env-server"]["spec"]["containers"][0]["resources"]
    assert resources["limits"]["memory"] == resources["requests"]["memory"] == "32Gi"


def test_an_environment_without_a_written_runtime_runs_in_a_sandbox() -> None:
    plan = planned(make(train=[source("a"), local("b")]))
    assert plan.tunnelling == (f"{plan.names.base}-env-0-a",)
    assert codes(plan)["plan.tunnel-port"] == "notice"
    assert codes(planned(make(train=[source("a")]), tunnel_ports=[]))["plan.tunnel-closed"] == "warning"
