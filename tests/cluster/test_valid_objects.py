"""Rendered objects against Kubernetes' own schemas and the restricted Pod Security profile."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml
from splits import FORMS, SECRETS, SHAPES, planned

from rlsplit.manifests import render
from rlsplit.planning import RunPlan
from rlsplit.splitting import JsonObject

VERSIONS = ["1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37"]

PLATFORMS: dict[str, dict[str, Any]] = {
    "default": {},
    "parted": {
        "run_subpath": True,
        "run_as_user": "none",
        "run_as_group": "none",
        "fs_group": "none",
        "liveness": True,
        "startup_timeout_seconds": 7200,
    },
    "everything": {
        "create_namespace": True,
        "namespace": "rl-runs",
        "image_pull_secrets": ["registry"],
        "entrypoint": ["/app/docker-entrypoint.sh"],
        "priority_class": "high",
        "scheduler_name": "volcano",
        "runtime_class": "nvidia",
        "max_runtime_seconds": 3600,
        "existing_claim": "team-volume",
        "dataset_mount": True,
        "hf_home": "local",
        "config_delivery": "volume",
        "rdma_resource": {"rdma/ib": 1},
        "rdma_ipc_lock": True,
        "host_network": True,
        "host_ipc": True,
        "pod_security": "privileged",
        "colocate": "required",
        "topology_key": "topology.kubernetes.io/zone",
        "topology_spread": [
            {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
        ],
        "read_only_root_filesystem": True,
        "monitoring": "none",
        "ingress_namespaces": ["apps"],
        "dns": [{"namespace": "dns", "pod_labels": {"app": "dns"}, "cidrs": ["169.254.20.10/32"], "ports": [53, 5353]}],
        "service_account": "gpu-runs",
        "tunnel_ports": [7000, 7001],
        "egress_cidrs": ["10.0.0.0/8", "0.0.0.0/0", "::/0"],
        "labels": {"team": "a"},
        "annotations": {"note": "any text"},
        "pod_labels": {"gang": "a"},
        "pod_annotations": {"note": "any text"},
        "trainer": {
            "resources": {"limits": {"memory": "128Gi"}},
            "tolerations": [{"key": "rl", "operator": "Exists"}, {"key": "gone", "tolerationSeconds": 3}],
            "node_selector": {"pool": "rl"},
            "env": {"NCCL_DEBUG": "INFO"},
            "pod_labels": {"azure.workload.identity/use": "true"},
            "pod_annotations": {"k8s.v1.cni.cncf.io/networks": "roce"},
            "pod_patch": {
                "spec": {
                    "initContainers": [{"name": "warm", "image": "warm:1", "restartPolicy": "Always"}],
                    "volumes": [{"name": "scratch", "emptyDir": {}}],
                    "containers": [
                        {"name": "trainer", "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}]},
                    ],
                }
            },
        },
    },
}


@cache
def _plan(shape: str, form: str, platform: str) -> RunPlan:
    settings = {**PLATFORMS[platform], "workload": form}
    if form == "jobset" and platform == "everything":
        settings["queue_name"] = "rl-queue"
    return planned(SHAPES[shape], **settings)


def _objects(shape: str, form: str, platform: str) -> list[JsonObject]:
    return render(_plan(shape, form, platform), secrets=SECRETS)


CASES = [(shape, form, platform) for shape in SHAPES for form in FORMS for platform in PLATFORMS]


def _containers(value: Any) -> Iterator[int]:
    """The identity of every dict and list; what is no plain value fails."""
    if type(value) not in (dict, list):
        assert type(value) in (str, int, bool), value
        return
    yield id(value)
    if type(value) is dict:
        assert all(type(key) is str for key in value), value
    for item in value.values() if type(value) is dict else value:
        yield from _containers(item)


@pytest.mark.parametrize(("shape", "form", "platform"), CASES)
def test_objects_are_plain_data_of_their_own(shape: str, form: str, platform: str) -> None:
    """No dict or list stands in two places or comes from the plan: whoever changes one object changes nothing else."""
    twice = [render(_plan(shape, form, platform), secrets=SECRETS) for _ in range(2)]
    assert twice[0] == twice[1]
    found = list(_containers(twice))
    assert len(found) == len(set(found))


def _jobs(objects: list[JsonObject]) -> list[JsonObject]:
    """Every Job, those of a JobSet as objects of their own."""
    jobs = [item for item in objects if item["kind"] == "Job"]
    for item in objects:
        for job in item["spec"]["replicatedJobs"] if item["kind"] == "JobSet" else ():
            spec = job["template"]["spec"]
            jobs.append({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": job["name"]}, "spec": spec})
    return jobs


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_objects_are_valid(version: str, platform: str) -> None:
    seen = set()
    for shape in SHAPES:
        for form in FORMS:
            objects = _objects(shape, form, platform)
            for item in [*(i for i in objects if i["kind"] not in ("JobSet", "Job")), *_jobs(objects)]:
                kubernetes_validate.validate(item, version, strict=True)
                seen.add(item["kind"])
    assert {"Job", "Service", "NetworkPolicy", "PodDisruptionBudget", "Secret"} <= seen
    assert ("ServiceAccount" in seen) == ("service_account" not in PLATFORMS[platform])


def _closed(schema: Any) -> Any:
    """Refuse unknown fields wherever a schema lists its own."""
    if isinstance(schema, dict):
        closed = {key: _closed(value) for key, value in schema.items()}
        if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
            closed.setdefault("additionalProperties", False)
        return closed
    return [_closed(item) for item in schema] if isinstance(schema, list) else schema


@pytest.fixture(scope="module")
def job_set_schema(shared: Path) -> Any:
    definition = yaml.safe_load((shared / "crds" / "jobset.x-k8s.io_jobsets.yaml").read_text())
    version = next(v for v in definition["spec"]["versions"] if v["name"] == "v1alpha2")
    schema = _closed(version["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("shape", SHAPES)
def test_job_sets_are_valid(shape: str, platform: str, job_set_schema: Any) -> None:
    validator = jsonschema.Draft202012Validator(job_set_schema)
    objects = _objects(shape, "jobset", platform)
    assert [item["kind"] for item in objects if item["kind"] in ("Job", "JobSet")] == ["JobSet"]
    validator.validate(objects[-1])
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**objects[-1], "spec": {**objects[-1]["spec"], "unknown": 1}})


RESTRICTED_VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", SHAPES)
def test_pods_fit_the_restricted_profile(shape: str, form: str) -> None:
    for job in _jobs(_objects(shape, form, "default")):
        pod = job["spec"]["template"]["spec"]
        assert not {"hostNetwork", "hostIPC", "hostPID"} & set(pod)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        assert all(set(volume) - {"name"} <= RESTRICTED_VOLUMES for volume in pod["volumes"])
        for container in pod["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert not any("hostPort" in port for port in container.get("ports", []))


@pytest.mark.parametrize(("shape", "form", "platform"), CASES)
def test_nothing_restarts_by_itself(shape: str, form: str, platform: str) -> None:
    for job in _jobs(_objects(shape, form, platform)):
        spec = job["spec"]
        assert spec["backoffLimit"] == 0
        assert spec["template"]["spec"]["restartPolicy"] == "Never"
        assert spec["completions"] == spec["parallelism"]
        assert not {"podFailurePolicy", "podReplacementPolicy", "ttlSecondsAfterFinished"} & set(spec)


@pytest.mark.parametrize("form", FORMS)
def test_everything_reaches_the_pods(form: str) -> None:
    objects = _objects("multi-node", form, "everything")
    by_name = {job["metadata"]["name"].rpartition("-")[2]: job for job in _jobs(objects)}
    pod = by_name["trainer"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert pod["schedulerName"] == "volcano"
    assert pod["priorityClassName"] == "high"
    assert pod["runtimeClassName"] == "nvidia"
    assert "runtimeClassName" not in by_name["orchestrator"]["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"pool": "rl"}
    assert pod["hostNetwork"] is True
    assert pod["dnsPolicy"] == "ClusterFirstWithHostNet"
    assert container["command"] == ["/app/docker-entrypoint.sh"]
    assert container["securityContext"]["capabilities"]["add"] == ["IPC_LOCK"]
    assert container["resources"]["limits"] == {"memory": "128Gi", "nvidia.com/gpu": "8", "rdma/ib": "1"}
    assert {"name": "NCCL_DEBUG", "value": "INFO"} in container["env"]
    assert by_name["trainer"]["spec"]["activeDeadlineSeconds"] == 3600
    paths = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert paths == [
        "/scratch",
        "/data",
        "/volume",
        "/dev/shm",
        "/etc/rlsplit",
        "/cache/huggingface",
        "/tmp",
        "/home/appuser",
    ]
    kinds = [item["kind"] for item in objects]
    assert kinds[:2] == ["Namespace", "Secret"]
    assert "PersistentVolumeClaim" not in kinds


def test_order_of_objects() -> None:
    kinds = [item["kind"] for item in _objects("multi-node", "job", "default")]
    head = ["ServiceAccount", "Secret", "PersistentVolumeClaim", "Service", "Service"]
    policies = ["NetworkPolicy", "NetworkPolicy", "PodDisruptionBudget"]
    assert kinds == [*head, *policies, "Job", "Job", "Job", "Job", "Job"]


def test_pod_monitor_reads_trainer_0_router_and_engines() -> None:
    objects = render(planned(SHAPES["engines-per-node"], monitoring="podmonitor"))
    monitor = next(item for item in objects if item["kind"] == "PodMonitor")
    endpoints = {endpoint["port"]: endpoint for endpoint in monitor["spec"]["podMetricsEndpoints"]}
    assert list(endpoints) == ["metrics", "router-metrics", "engine-0", "engine-1", "engine-2", "engine-3"]
    assert endpoints["metrics"]["relabelings"][0]["regex"] == "0"
    for job in _jobs(objects)[:3]:
        assert not any("prometheus" in key for key in job["spec"]["template"]["metadata"]["annotations"])
