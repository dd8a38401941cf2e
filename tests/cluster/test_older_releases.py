"""Runs of v0.8.0 and v0.7.0 on a cluster: what their images can do decides pods, variables, folders and scripts."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
from pods_in_bash import Sandbox, finish, kubelet_expand

import rlsplit
from conftest import ROOT
from rlsplit.compiler import Outcome, Target, compile_sources
from rlsplit.config.components import load_component
from rlsplit.document import Source
from rlsplit.planning import RunPlan
from rlsplit.releases.release import served

FIXTURES = sorted((ROOT / "fixtures" / "releases").glob("*/*/rl.toml"))
SHIPPED = {"v0.8.0": 46, "v0.7.0": 55}
BEYOND_A_CLUSTER = {
    "plan.clean",
    "plan.disaggregated-inference",
    "plan.frozen-model",
    "plan.llm-d-router",
    "plan.loopback-base-url",
    "plan.mooncake-offload",
    "plan.no-train-source",
}
"""What no cluster runs of the shipped configs, in any release."""

OLD = """
[trainer]
[orchestrator]
[[orchestrator.train.source]]
env.taskset.id = "reverse-text"
[[orchestrator.train.source]]
legacy.id = "math"
[inference]
"""
OLDER = """
[trainer]
[orchestrator]
[[orchestrator.train.env]]
taskset.id = "reverse-text"
[inference]
"""


def compiled(text: str | bytes, release: str, **settings: Any) -> Outcome:
    target = Target(run=rlsplit.Run(id="run-1", image_tag=release), platform=rlsplit.Platform(**settings))
    return compile_sources([Source(name="rl.toml", content=text)], until="objects", target=target)


def planned(text: str | bytes, release: str, **settings: Any) -> RunPlan:
    outcome = compiled(text, release, **settings)
    assert outcome.plan is not None, [str(finding) for finding in outcome.findings]
    return outcome.plan


def codes(text: str, release: str) -> set[str]:
    return {finding.code for finding in compiled(text, release).noted() if finding.severity == "error"}


def pod_specs(objects: list[Any]) -> Iterator[tuple[str, Any]]:
    for item in objects:
        if item["kind"] == "Job":
            yield item["metadata"]["name"], item["spec"]["template"]["spec"]
        for job in item["spec"]["replicatedJobs"] if item["kind"] == "JobSet" else ():
            yield job["name"], job["template"]["spec"]["template"]["spec"]


def containers_of(spec: Any) -> list[Any]:
    return [*spec.get("initContainers", ()), *spec["containers"]]


def script_of(container: Any) -> str:
    return kubelet_expand(container["args"][2], {})


def variables(container: Any) -> dict[str, str]:
    return {variable["name"]: variable.get("value", "") for variable in container["env"]}


@pytest.mark.parametrize("form", ["job", "jobset"])
@pytest.mark.parametrize("release", SHIPPED)
def test_shipped_configs_render_with_scripts_that_bash_reads(shared: Path, release: str, form: str) -> None:
    paths = sorted((shared / "releases" / "conformance" / f"examples-{release}").glob("*.toml"))
    assert len(paths) == SHIPPED[release]
    scripts = list[str]()
    for path in paths:
        outcome = compiled(path.read_bytes(), release, workload=form)
        assert outcome.config is not None
        refused = {finding.code for finding in outcome.findings if finding.severity == "error"}
        assert refused <= BEYOND_A_CLUSTER, path.name
        assert (outcome.objects is None) == bool(refused), path.name
        for _, spec in pod_specs(outcome.objects or []):
            scripts += map(script_of, containers_of(spec))
    assert len(scripts) > 100
    for script in dict.fromkeys(scripts):
        assert subprocess.run(["bash", "-n"], input=script.encode(), check=False).returncode == 0, script


@pytest.mark.parametrize("platform", [{}, {"read_only_root_filesystem": True, "config_delivery": "volume"}], ids=str)
@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: path.parent.name)
def test_objects_of_older_releases_are_valid(fixture: Path, platform: dict[str, Any]) -> None:
    outcome = compiled(fixture.read_bytes(), fixture.parent.parent.name, **platform)
    assert outcome.objects is not None
    for item in outcome.objects:
        kubernetes_validate.validate(item, "1.31", strict=True)
    for _, spec in pod_specs(outcome.objects):
        names = [container["name"] for container in containers_of(spec)]
        volumes = [volume["name"] for volume in spec["volumes"]]
        assert len(set(names)) == len(names)
        assert len(set(volumes)) == len(volumes)
        for container in containers_of(spec):
            mounts = {mount["name"] for mount in container["volumeMounts"]}
            assert mounts <= set(volumes)


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: path.parent.name)
def test_each_component_reads_its_config(fixture: Path) -> None:
    tag = fixture.parent.parent.name
    plan = planned(fixture.read_bytes(), tag)
    assert plan.release == served(tag).release
    for pods in plan.containers:
        if pods.config is not None and pods.component != "env-server":
            read = [
                load_component(pods.component, form, plan.release).model_dump(mode="json")
                for form in (pods.config.sparse, pods.config.resolved)
            ]
            assert read[0] == read[1]


# --- v0.8.0 ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["job", "jobset"])
def test_env_servers_of_v0_8_0_are_sidecars_of_the_orchestrator(form: str) -> None:
    outcome = compiled(OLD, "v0.8.0", workload=form, read_only_root_filesystem=True)
    assert outcome.plan is not None
    assert outcome.objects is not None
    assert [pods.suffix for pods in outcome.plan.pods] == ["trainer", "orchestrator", "inference"]
    specs = {name.rpartition("-")[2]: spec for name, spec in pod_specs(outcome.objects)}
    servers = specs["orchestrator"]["initContainers"]
    assert [server["name"] for server in servers] == ["env-0-reverse-text", "env-1-math"]
    assert {server["restartPolicy"] for server in servers} == {"Always"}
    assert all("initContainers" not in spec for name, spec in specs.items() if name != "orchestrator")
    for port, server in zip((5000, 5001), servers, strict=True):
        assert f'"address": "tcp://127.0.0.1:{port}"' in script_of(server)
        assert "ports" not in server
        assert "readinessProbe" not in server
    # Each writes its config into a folder of its own.
    places = [
        {m["name"] for m in c["volumeMounts"] if m["mountPath"] == "/tmp"} for c in containers_of(specs["orchestrator"])
    ]
    assert len(set.union(*places)) == 3


def test_ports_in_the_orchestrators_pod_meet() -> None:
    text = OLD.replace("[orchestrator]", "[orchestrator]\nenv_server_base_port = {}", 1)
    assert codes(text.format(5554), "v0.8.0") == {"plan.port-conflict"}
    assert codes(text.format(65535), "v0.8.0") == {"plan.port-range"}
    assert codes(text.format(65534), "v0.8.0") == set()


@pytest.mark.parametrize(("text", "release"), [(OLD, "v0.8.0"), (OLDER, "v0.7.0")])
def test_the_trainer_finds_its_run_and_both_join_one_wandb_run(text: str, release: str) -> None:
    outcome = compiled(text, release)
    assert outcome.plan is not None
    assert outcome.objects is not None
    folders = {pods.component: pods.config.sparse["output_dir"] for pods in outcome.plan.pods[:2] if pods.config}
    assert folders["orchestrator"] == f"{folders['trainer']}/run_default"
    joined = set()
    for name, spec in pod_specs(outcome.objects):
        for container in containers_of(spec):
            found = variables(container)
            assert not {"PRL_RUN_ID", "PRL_RUN_NAME", "WANDB_RUN_ID"} & set(found)
            if name.endswith(("trainer", "orchestrator")) and container["name"] in ("trainer", "orchestrator"):
                joined.add(found["WANDB_SHARED_RUN_ID"])
    assert joined == {"run-1"}


def prepared(text: str, box: Sandbox) -> None:
    """Run trainer 0's script in a folder with what an earlier start left."""
    for left in ("rollouts/step_9", "run_default/rollouts/step_9", "run_default/broadcasts/step_9", "run_other"):
        (box.run_dir / left).mkdir(parents=True)
    for folder in ("run_default", "run_other"):
        (box.run_dir / folder / "control").mkdir()
    outcome = compiled(text, "v0.8.0", log_to_volume=False)
    trainer = next(pods for pods in pod_specs(outcome.objects or []) if pods[0].endswith("trainer"))[1]["containers"][0]
    code, output = finish(box.start(trainer))
    assert code == 0, output
    assert len(box.calls("torchrun")) == 1


def test_a_fresh_run_of_v0_8_0_starts_from_a_clean_folder(tmp_path: Path) -> None:
    box = Sandbox(tmp_path)
    prepared(OLD, box)
    assert not list(box.run_dir.glob("run_*"))
    assert not (box.run_dir / "rollouts").exists()


def test_a_resumed_run_of_v0_8_0_keeps_the_steps_before_its_checkpoint(tmp_path: Path) -> None:
    box = Sandbox(tmp_path)
    for step in (3, 9):
        (box.run_dir / f"run_default/rollouts/step_{step - 1}").mkdir(parents=True)
    for part in ("checkpoints/step_3/trainer/.metadata", "run_default/checkpoints/step_3/orchestrator/progress.pt"):
        (box.run_dir / part).parent.mkdir(parents=True)
        (box.run_dir / part).write_text("x")
    prepared(f"ckpt.resume_step = -1\n{OLD}", box)
    assert [path.name for path in box.run_dir.glob("run_default/rollouts/*")] == ["step_2"]
    assert not list(box.run_dir.glob("run_*/control"))


def test_ranks_of_v0_8_0_come_as_further_engine_arguments() -> None:
    fixture = next(path for path in FIXTURES if path.parent.name == "expert-parallel")
    outcome = compiled(fixture.read_bytes(), "v0.8.0")
    engine = next(spec for name, spec in pod_specs(outcome.objects or []) if name.endswith("inference"))
    script = script_of(engine["containers"][0])
    assert '{"vllm_extra": {"data_parallel_rank": %d, "data_parallel_address": "%s"}}' in script
    assert '@ "$RLSPLIT_CONFIG_DIR/inference.json" @ "$ipc/rank.json" --server.port' in script
    assert "--vllm" not in script


def test_servers_that_are_looked_up_are_called_outside() -> None:
    text = OLD + "[orchestrator.model.client.elastic]\nhostname = {!r}\nport = 8001\n"
    plan = planned(text.format("engines.example"), "v0.8.0")
    assert ("engines.example", 8001) in {(peer.host, peer.port) for peer in plan.peers}
    assert "plan.own-gateway" in {note.code for note in plan.notes}
    assert codes(text.format("localhost"), "v0.8.0") == {"plan.loopback-base-url"}


# --- v0.7.0 ----------------------------------------------------------------------------------------------------


def test_the_orchestrator_of_v0_7_0_starts_its_environments() -> None:
    outcome = compiled(OLDER, "v0.7.0")
    assert outcome.plan is not None
    assert [container.suffix for container in outcome.plan.containers] == ["trainer", "orchestrator", "inference"]
    (note,) = [note for note in outcome.plan.notes if note.code == "plan.env-in-orchestrator"]
    assert note.path == ("orchestrator", "train", "env")


def test_one_machine_of_v0_7_0_has_a_bare_engine() -> None:
    plan = planned(OLDER, "v0.7.0")
    inference = plan.component("inference")
    assert inference is not None
    assert [(port.name, port.number) for port in inference.ports] == [("http", 8000)]
    assert plan.worker_urls[0].endswith(":8000")
    assert planned(OLD, "v0.8.0").worker_urls[0].endswith(":8100")


def test_the_router_of_v0_7_0_has_a_port_of_its_own() -> None:
    fixture = next(path for path in FIXTURES if path.parent.name == "several-machines")
    plan = planned(fixture.read_bytes(), "v0.7.0")
    router = plan.component("router")
    assert router is not None
    assert (router.port("http"), plan.server_port, plan.router_policy) == (8080, 8080, "round_robin")
    assert [url.rpartition(":")[2] for url in plan.worker_urls] == ["8200", "8201"] * 2


def test_external_environments_of_v0_7_0_are_called_at_their_address() -> None:
    text = OLDER.replace('id = "reverse-text"', 'id = "reverse-text"\naddress = "tcp://{}:5000"')
    found = planned(text.format("envs.example"), "v0.7.0")
    assert ("envs.example", 5000) in {(peer.host, peer.port) for peer in found.peers}
    refused = [
        finding for finding in compiled(text.format("localhost"), "v0.7.0").findings if finding.severity == "error"
    ]
    assert [(finding.code, finding.path) for finding in refused] == [
        ("plan.env-address", ("orchestrator", "train", "env", 0, "address"))
    ]
