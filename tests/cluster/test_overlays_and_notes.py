"""What the plan changes in the configs, what it leaves alone, and what it tells the user."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from splits import EXPERT, FILESYSTEM, MULTI, RUN, SECRETS, SHAPES, SINGLE, local, make, planned, source

from rlsplit.findings import dotted
from rlsplit.manifests import render
from rlsplit.planning import REMOVED, RunPlan
from rlsplit.run import Run
from rlsplit.secrets import Secrets
from rlsplit.splitting import JsonObject, Split

HOST = {"host": "10.1.1.1"}
OFFLINE = {"monitors": {"wandb": {"offline": True}}}
ZMQ = {"rollout_transport": {"type": "zmq", **HOST}}


def _set(plan: RunPlan, component: str) -> dict[str, Any]:
    pods = plan.component(component)
    assert pods is not None
    return {f"{o.id} {dotted(o.path)}": o.value for o in plan.overlays if o.config == pods.config_id}


def test_overlays_of_a_single_node_run() -> None:
    plan = planned(SHAPES["two-plus-six"], secrets=SECRETS)
    names = plan.names
    assert _set(plan, "trainer") == {
        "run-directory output_dir": "/data/runs/run-1",
        "trainer-metrics metrics_server.host": "0.0.0.0",
        "trainer-metrics metrics_server.port": 8000,
        "broadcast-bind weight_broadcast.host": "0.0.0.0",
        "rollouts-host rollout_transport.host": names.host("orchestrator"),
        "world-size weight_broadcast.inference_world_size": 6,
        "startup-limit weight_broadcast.timeout": 4200,
    }
    assert _set(plan, "orchestrator") == {
        "run-directory output_dir": "/data/runs/run-1",
        "broadcast-host weight_broadcast.host": names.host("trainer"),
        "rollouts-bind rollout_transport.host": "0.0.0.0",
        "router-url model.client.base_url": f"http://{names.service_host()}:8000/v1",
        "engine-urls model.client.admin_base_url": [f"http://{names.host('inference')}:8100/v1"],
        "env-server-address train.source[0].serve.address": f"tcp://{names.host('env-0-math')}:5000",
        "env-server-address eval.source[0].serve.address": f"tcp://{names.host('env-1-math')}:5000",
        "run-monitor monitors.prime": {"name": "a run"},
        "world-size weight_broadcast.inference_world_size": 6,
        "startup-limit model.client.wait_for_ready_timeout": 4200,
        "startup-limit weight_broadcast.timeout": 4200,
    }
    assert _set(plan, "inference") == {"server-bind server.host": "0.0.0.0"}
    assert _set(plan, "env-1-math") == {
        "env-server-bind serve.address": "tcp://0.0.0.0:5000",
        "env-server-directory output_dir": "/data/runs/run-1/envs/eval/math",
    }


@pytest.mark.parametrize(
    ("vllm", "port", "ranks"),
    [({"tensor_parallel_size": 8}, 8100, 1), ({"tensor_parallel_size": 2}, None, 1), (EXPERT, None, 16)],
)
def test_overlays_of_engines(vllm: JsonObject, port: int | None, ranks: int) -> None:
    nodes = 2 if vllm is EXPERT else 1
    layout = {"deployment": {"type": "multi_node", "num_nodes": 2}} if nodes == 2 else {}
    plan = planned(make({**MULTI, "num_infer_nodes": nodes}, inference={"vllm": vllm, **layout}))
    overlays = _set(plan, "inference")
    assert overlays.get("engine-port server.port") == port
    assert [overlays[f"engine-ranks vllm.{key}"] for key in ("data_parallel_size", "data_parallel_size_local")] == [
        ranks,
        1,
    ]
    assert overlays["engine-ranks vllm.api_server_count"] == 1


def test_relative_paths_begin_in_the_run_directory() -> None:
    split = make(
        ckpt={"output_dir": "a/../b"},
        trainer={"trace_path": "t", "memory_profiler_path": "/data/m", "model": {"conversion_dir": "../c"}},
        monitors={"file": {"path": "m/x.jsonl"}},
        max_steps=5,
    )
    plan = planned(split)
    found = {f"{o.config.component} {dotted(o.path)}": o.value for o in plan.overlays if o.id == "relative-path"}
    assert found == {
        "trainer ckpt.output_dir": "/data/runs/run-1/b",
        "trainer trace_path": "/data/runs/run-1/t",
        "trainer model.conversion_dir": "/data/runs/c",
        "trainer monitors.file.path": "/data/runs/run-1/m/x.jsonl",
        "orchestrator monitors.file.path": "/data/runs/run-1/m/x.jsonl",
    }
    assert _env(plan, "trainer")["RLSPLIT_CKPT_DIR"] == "/data/runs/run-1/b/checkpoints"
    assert not [o for o in planned(make()).overlays if o.id == "relative-path"]


LIMITS: list[tuple[Split, dict[str, int | str]]] = [
    (make(), {"trainer": 5000, "orchestrator": 5000, "ready": 5000, "inference": "5000"}),
    (
        make(weight_broadcast={"type": "nccl", "timeout": 1200}),
        {"trainer": 1200, "orchestrator": 1200, "ready": 5000, "inference": "5000"},
    ),
    (
        make(orchestrator={"model": {"client": {"wait_for_ready_timeout": 9000}}}, weight_broadcast=FILESYSTEM),
        {"ready": 9000, "inference": "5000"},
    ),
    (
        make(env_vars={"VLLM_ENGINE_READY_TIMEOUT_S": "7"}, weight_broadcast=FILESYSTEM),
        {"ready": 5000, "inference": "7"},
    ),
]


@pytest.mark.parametrize(("split", "limits"), LIMITS)
def test_one_limit_on_starting(split: Split, limits: dict[str, int | str]) -> None:
    plan = planned(split, startup_timeout_seconds=5000, prefetch_model=False)
    found: dict[str, Any] = {}
    for name in ("trainer", "orchestrator", "inference"):
        pods = plan.component(name)
        assert pods is not None
        assert pods.config is not None
        found[name] = pods.config.sparse.get("weight_broadcast", {}).get("timeout")
        if name == "inference":
            found[name] = pods.config.sparse.get("env_vars", {}).get("VLLM_ENGINE_READY_TIMEOUT_S")
        if name == "orchestrator":
            found["ready"] = pods.config.sparse["model"]["client"]["wait_for_ready_timeout"]
    assert {name: value for name, value in found.items() if value is not None} == limits
    startup = {name: _container(plan, name).get("startupProbe") for name in ("trainer", "inference")}
    assert {name: probe["failureThreshold"] * probe["periodSeconds"] for name, probe in startup.items() if probe} == {
        "trainer": 5000,
        "inference": 5000,
    }


def test_startup_probes_allow_for_a_download() -> None:
    """They count from the start of a pod, and nothing loads before the model is there."""
    plan = planned(make(MULTI), startup_timeout_seconds=5000)
    for name, spare in {"trainer": 0, "inference": 0, "router": 100}.items():
        probe = _container(plan, name)["startupProbe"]
        assert probe["failureThreshold"] * probe["periodSeconds"] == 4 * 5000 + spare
    longest = planned(make(MULTI), startup_timeout_seconds=2**31 - 1)
    assert _container(longest, "trainer")["startupProbe"]["failureThreshold"] < 2**31


@pytest.mark.parametrize(
    ("broadcast", "failures"),
    [(FILESYSTEM, 51), ({"type": "nccl"}, 143), ({"type": "nccl", "timeout": 1500}, 53)],
)
def test_liveness_bears_a_weight_update(broadcast: JsonObject, failures: int) -> None:
    split = make(weight_broadcast=broadcast)
    assert _container(planned(split, liveness=True), "inference")["livenessProbe"]["failureThreshold"] == failures
    assert not [pods for pods in planned(split).pods if "livenessProbe" in _container(planned(split), pods.suffix)]


def test_router_and_engines_have_the_same_limit() -> None:
    plan = planned(make(MULTI), startup_timeout_seconds=605, prefetch_model=False)
    assert _container(plan, "router")["startupProbe"]["failureThreshold"] == 71
    assert "--worker-startup-timeout-secs 605" in _container(plan, "router")["args"][2]
    assert "--rdzv-conf=timeout=605" in _container(plan, "trainer")["args"][2]
    assert _env(plan, "inference")["VLLM_ENGINE_READY_TIMEOUT_S"] == "605"


@pytest.mark.parametrize(
    ("split", "platform", "prefetched"),
    [
        (make(), {}, ("Qwen/Qwen3-0.6B",)),
        (make(), {"prefetch_model": False}, ()),
        (make(), {"hf_home": "local"}, ()),
        (make(), {"hf_home": "/models/hf"}, ()),
        (make(), {"hf_home": "/data/hf"}, ("Qwen/Qwen3-0.6B",)),
        (make(trainer={"model": {"debug": {"random_init": True}}}), {}, ()),
        (SHAPES["trainer-only"], {}, ("Qwen/Qwen3-0.6B",)),
    ],
)
def test_models_that_are_fetched_first(split: Split, platform: dict[str, Any], prefetched: tuple[str, ...]) -> None:
    assert planned(split, **platform).prefetch == prefetched


def test_users_may_be_left_to_the_cluster() -> None:
    ids = {"run_as_user": "none", "run_as_group": "none", "fs_group": "none"}
    job = next(item for item in render(planned(make(), **ids)) if item["kind"] == "Job")
    assert job["spec"]["template"]["spec"]["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_a_part_of_the_volume_is_mounted() -> None:
    plan = planned(make(MULTI), run_subpath=True)
    run = {"name": "data", "mountPath": "/data/runs/run-1", "subPath": "runs/run-1"}
    cache = {"name": "data", "mountPath": "/data/cache/huggingface", "subPath": "cache/huggingface"}
    seen = {
        pods.suffix: [m for m in _container(plan, pods.suffix)["volumeMounts"] if m["name"] == "data"]
        for pods in plan.pods
    }
    assert seen == {
        "trainer": [run, cache],
        "orchestrator": [run, cache],
        "inference": [run, cache],
        "router": [run],
        "env-0-math": [run, {**cache, "readOnly": True}],
    }
    env = _env(plan, "env-0-math")
    assert (env["HF_HOME"], env["RLSPLIT_SHARED_CACHE"]) == ("/cache/huggingface", "/data/cache/huggingface")
    mounts = {mount["name"]: mount["mountPath"] for mount in _container(plan, "env-0-math")["volumeMounts"]}
    assert mounts["huggingface"] == "/cache/huggingface"


def test_both_forms_of_a_config_get_the_same_overlays() -> None:
    for split in SHAPES.values():
        plan = planned(split, secrets=SECRETS)
        for overlay in plan.overlays:
            pods = next(pods for pods in plan.pods if pods.config_id == overlay.config)
            assert pods.config is not None
            for config in (pods.config.sparse, pods.config.resolved):
                node: Any = config
                for part in overlay.path:
                    node = node.get(part, REMOVED) if isinstance(node, dict) else node[part]
                assert node == overlay.value, overlay


def test_values_of_the_user_that_stay() -> None:
    gateway = make(
        orchestrator={
            "model": {"client": {"base_url": "https://gateway.example.com/v1"}},
            "monitors": {"prime": {"name": "mine"}},
        },
        train=[source("a", "tcp://envs.example.com:7000"), source("b")],
    )
    plan = planned(gateway, secrets=SECRETS)
    overlays = _set(plan, "orchestrator")
    assert not {"router-url model.client.base_url", "run-monitor monitors.prime"} & set(overlays)
    assert "env-server-address train.source[0].serve.address" not in overlays
    assert [pods.suffix for pods in plan.pods][-1] == "env-1-b"


def test_metrics_left_to_the_config() -> None:
    plan = planned(make(), metrics="off")
    assert not [overlay for overlay in plan.overlays if overlay.id == "trainer-metrics"]
    container = _container(plan, "trainer")
    assert not {"startupProbe", "livenessProbe"} & set(container)
    own = planned(make(trainer={"metrics_server": {"host": "0.0.0.0", "port": 9100}}), metrics="off")
    assert {"name": "metrics", "containerPort": 9100, "protocol": "TCP"} in _container(own, "trainer")["ports"]


def _container(plan: RunPlan, suffix: str) -> JsonObject:
    name = plan.names.job(suffix)
    job = next(i for i in render(plan) if i["kind"] == "Job" and i["metadata"]["name"] == name)
    container: JsonObject = job["spec"]["template"]["spec"]["containers"][0]
    return container


def _env(plan: RunPlan, suffix: str) -> dict[str, str]:
    return {v["name"]: v["value"] for v in _container(plan, suffix)["env"] if "value" in v}


def test_later_layers_of_the_environment_win() -> None:
    split = make(
        env_vars={"NCCL_DEBUG": "root", "UCX_TLS": "root", "OMP_NUM_THREADS": "4", "HF_HOME": "/mine"},
        trainer={"env_vars": {"NCCL_DEBUG": "trainer"}},
        orchestrator={"env_vars": {"OMP_NUM_THREADS": "9"}},
    )
    plan = planned(split, trainer={"env": {"NCCL_DEBUG": "platform", "NCCL_IB": "platform"}})
    trainer = _env(plan, "trainer")
    assert (trainer["NCCL_DEBUG"], trainer["NCCL_IB"], trainer["OMP_NUM_THREADS"]) == ("trainer", "platform", "4")
    assert trainer["HF_HOME"] == "/data/cache/huggingface"
    assert _env(plan, "inference")["UCX_TLS"] == "root"
    assert _env(plan, "env-0-math")["OMP_NUM_THREADS"] == "9"
    inference = plan.component("inference")
    assert inference is not None
    assert inference.config is not None
    assert inference.config.sparse["env_vars"]["UCX_TLS"] == "root"


def test_router_takes_the_root_variables_only() -> None:
    env = _env(planned(make(MULTI, env_vars={"A": "b"}, inference={"env_vars": {"C": "d"}})), "router")
    assert env["A"] == "b"
    assert "C" not in env
    assert env["NVIDIA_VISIBLE_DEVICES"] == "void"


def test_run_id_of_the_user_gives_way_only_to_a_token() -> None:
    plan = planned(make(env_vars={"RUN_ID": "mine"}))
    assert _env(plan, "orchestrator")["RUN_ID"] == "mine"
    objects = render(plan, secrets=SECRETS)
    job = next(item for item in objects if item["metadata"]["name"].endswith("-orchestrator"))
    env = job["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "RUN_ID", "value": "run-1"} in env


TOKENS = "train.sampling.max_completion_tokens"
SOURCE_TOKENS = "orchestrator.train.source[1].sampling.max_completion_tokens"
MANY = {"max_completion_tokens": 4096}
TWO = {**SINGLE, "num_train_gpus": 2}

NOTES: list[tuple[str, str, Split, dict[str, Any]]] = [
    ("plan.overlay-run-directory", "output_dir", make(output_dir="/abs/x"), {}),
    (
        "plan.overlay-trainer-metrics",
        "trainer.metrics_server.port",
        make(trainer={"metrics_server": {"host": "0.0.0.0", "port": 9}}),
        {},
    ),
    ("plan.overlay-broadcast-bind", "weight_broadcast.host", make(weight_broadcast={"type": "nccl", **HOST}), {}),
    ("plan.overlay-broadcast-host", "weight_broadcast.host", make(weight_broadcast={"type": "nccl", **HOST}), {}),
    ("plan.overlay-rollouts-host", "rollout_transport.host", make(trainer=ZMQ, orchestrator=ZMQ), {}),
    ("plan.overlay-rollouts-bind", "rollout_transport.host", make(trainer=ZMQ, orchestrator=ZMQ), {}),
    (
        "plan.own-gateway",
        "orchestrator.model.client.base_url",
        make(orchestrator={"model": {"client": {"base_url": "https://g/v1"}}}),
        {},
    ),
    (
        "plan.overlay-engine-urls",
        "orchestrator.model.client.admin_base_url",
        make(orchestrator={"model": {"client": {"admin_base_url": ["http://e:1/v1"]}}}),
        {},
    ),
    ("plan.overlay-server-bind", "inference.server.host", make(inference={"server": HOST}), {}),
    ("plan.overlay-world-size", "weight_broadcast", SHAPES["two-plus-six"], {}),
    ("plan.overlay-secret-env", "env_vars.A_KEY", make(env_vars={"A_KEY": "v"}), {}),
    ("plan.overlay-secret-env", "trainer.env_vars.A_KEY", make(trainer={"env_vars": {"A_KEY": "v"}}), {}),
    ("plan.slurm", "slurm", make(slurm={}), {}),
    (
        "plan.orchestrator-on-inference",
        "deployment.orchestrator_on_inference",
        make({**MULTI, "orchestrator_on_inference": True}),
        {},
    ),
    ("plan.path-off-volume", "ckpt.output_dir", make(ckpt={"output_dir": "/elsewhere"}), {}),
    ("plan.path-off-volume", "ckpt.output_dir", make(ckpt={"output_dir": "../../../elsewhere"}), {}),
    ("plan.path-off-volume", "ckpt.output_dir", make(ckpt={"output_dir": "/data/../elsewhere"}), {}),
    ("plan.clean", "clean", make(clean=True), {}),
    ("plan.overlay-relative-path", "ckpt.output_dir", make(ckpt={"output_dir": "checkpoints"}), {}),
    (
        "plan.overlay-relative-path",
        "trainer.model.conversion_dir",
        make(trainer={"model": {"conversion_dir": "c"}}),
        {},
    ),
    ("plan.overlay-relative-path", "monitors.file.path", make(monitors={"file": {"path": "m.jsonl"}}), {}),
    (
        "plan.overlay-startup-limit",
        "orchestrator.model.client.wait_for_ready_timeout",
        make(orchestrator={"model": {"client": {"wait_for_ready_timeout": 60}}}),
        {},
    ),
    ("plan.path-off-volume", "monitors.file.path", make(monitors={"file": {"path": "../../../m.jsonl"}}), {}),
    ("plan.sequence-length", "inference.vllm.max_model_len", make(inference={"vllm": {"max_model_len": 100}}), {}),
    ("plan.sequence-length", f"orchestrator.{TOKENS}", make(orchestrator={"train": {"sampling": MANY}}), {}),
    ("plan.sequence-length", SOURCE_TOKENS, make(train=[source("a"), source("b", sampling=MANY)]), {}),
    ("plan.env-var-replaced", "env_vars.HF_HOME", make(env_vars={"HF_HOME": "/x"}), {}),
    ("plan.env-var-replaced", "trainer.env_vars.HF_HOME", make(trainer={"env_vars": {"HF_HOME": "/x"}}), {}),
    ("plan.env-name-path", "orchestrator.train.source[0].name", make(train=[source("owner/math")]), {}),
    ("plan.env-name-path", "orchestrator.train.source[0].env.id", make(train=[{"env": {"id": "owner/math"}}]), {}),
    ("plan.derived-value", "orchestrator.num_train_workers", make(TWO, orchestrator={"num_train_workers": 7}), {}),
    (
        "plan.derived-value",
        "trainer.weight_broadcast.port",
        make(trainer={"weight_broadcast": {"type": "nccl", "port": 7}}, weight_broadcast={"type": "nccl"}),
        {},
    ),
    ("plan.path-off-volume", "trainer.trace_path", make(trainer={"trace_path": "/elsewhere"}, max_steps=5), {}),
    ("plan.local-model", "trainer.model.name", make(trainer={"model": {"name": "/models/x"}}), {}),
    ("plan.external-inference", "orchestrator.model.client.base_url", SHAPES["external-inference"], {}),
    ("plan.open-port", "", SHAPES["expert-parallel"], {}),
    ("plan.queue-without-resume", "resume", make(), {"workload": "jobset", "queue_name": "q"}),
]


@pytest.mark.parametrize(("code", "path", "split", "platform"), NOTES, ids=lambda v: v if isinstance(v, str) else "")
def test_note(code: str, path: str, split: Split, platform: dict[str, Any]) -> None:
    notes = [(note.code, dotted(note.path)) for note in planned(split, **platform).notes]
    assert notes.count((code, path)) == 1


@pytest.mark.parametrize(
    ("code", "run"),
    [
        ("plan.moving-tag", replace(RUN, image_tag="main")),
        ("plan.derived-run-id", Run(image_tag="v1.0.0")),
        ("plan.attempt-without-resume", replace(RUN, attempt=2)),
    ],
)
def test_note_about_the_run(code: str, run: Run) -> None:
    assert [note.code for note in planned(make(), run=run).notes].count(code) == 1
    assert code not in [note.code for note in planned(make()).notes]


def test_a_plain_run_has_no_other_notes() -> None:
    plain = make(train=[local("math")])
    assert not planned(plain).notes
    assert not planned(plain, workload="jobset").notes


@pytest.mark.parametrize(
    ("monitors", "secrets", "more", "paths"),
    [
        ({"wandb": {}}, Secrets(), {}, ["monitors.wandb"]),
        ({"wandb": {}, "prime": {}}, Secrets(wandb_api_key="x"), {}, ["monitors.prime"]),
        ({"wandb": {}, "prime": {}}, SECRETS, {}, []),
        ({"wandb": {}, "prime": {}}, None, {}, []),
        ({"wandb": {}}, Secrets(), {"env_vars": {"WANDB_API_KEY": "x"}}, []),
        ({}, Secrets(), {"trainer": OFFLINE, "orchestrator": OFFLINE}, []),
    ],
)
def test_a_monitor_without_its_key(
    monitors: dict[str, Any], secrets: Secrets | None, more: dict[str, Any], paths: list[str]
) -> None:
    notes = planned(make(monitors=monitors, **more), secrets=secrets).notes
    found = [note for note in notes if note.code == "plan.monitor-without-key"]
    assert sorted({dotted(note.path) for note in found}) == paths
    assert {note.severity for note in found} <= {"warning"}


def test_what_is_derived_as_written_or_left_to_be_is_no_note() -> None:
    split = make(
        TWO,
        orchestrator={"num_train_workers": 2, "train": {"sampling": {"temperature": 0.5}}},
        inference={"vllm": {"tool_call_parser": "auto"}},
        train=[source("a", sampling={"extra_body": {"top_k": 5}})],
    )
    assert "plan.derived-value" not in [note.code for note in planned(split).notes]


def test_environments_are_called_by_the_last_part_of_their_names() -> None:
    names = ["b-1", "x/b", "y/b", "b", "z/c/", "a b", "x/a b", "/"]
    servers = [pods.env_server for pods in planned(make(train=[source(name) for name in names])).pods]
    segments = [server.segment for server in servers if server is not None]
    assert segments == ["b-1", "b-1-1", "b-2", "b", "c", "5", "6", "7"]
    plan = planned(make(train=[source("x/b")], evals=[source("y/b")]))
    assert [pods.suffix for pods in plan.pods if pods.env_server] == ["env-0-b", "env-1-b"]
    assert [pods.env_server.segment for pods in plan.pods if pods.env_server] == ["b", "b"]


def test_no_note_shows_a_moved_value() -> None:
    plan = planned(SHAPES["secret-env"])
    assert not any(secret in str(plan.notes) + str(plan.overlays) for secret in ("t0p", "r00t", "s3cr3t"))


@pytest.mark.parametrize(
    ("tag", "policy"),
    [
        ("v1.2.3", "IfNotPresent"),
        ("1.2.3", "IfNotPresent"),
        ("sha-0a1b", "IfNotPresent"),
        ("0" * 40, "IfNotPresent"),
        ("main", "Always"),
        ("v1.2", "Always"),
        ("v1.2.3-rc1", "Always"),
    ],
)
def test_pull_policy_of_a_tag(tag: str, policy: str) -> None:
    assert _container(planned(make(), run=replace(RUN, image_tag=tag)), "trainer")["imagePullPolicy"] == policy


def test_digest_wins_over_the_tag() -> None:
    digest = "sha256:" + "0" * 64
    container = _container(planned(make(), run=replace(RUN, image_tag="main"), image_digest=digest), "trainer")
    assert container["image"] == f"ghcr.io/primeintellect-ai/prime-rl@{digest}"
    assert container["imagePullPolicy"] == "IfNotPresent"


def test_peers_outside_the_run() -> None:
    teacher = {"name": "t", "base_url": "http://10.9.9.9:81/v1"}
    split = make(
        weight_broadcast=FILESYSTEM,
        orchestrator={"algo": {"type": "opd", "teacher": teacher}},
        train=[source("a", "tcp://envs.example.com:7000"), source("b", "tcp://envs.example.com:7000")],
    )
    policy = next(item for item in render(planned(split)) if item["kind"] == "NetworkPolicy")
    everywhere = policy["spec"]["egress"][2]["to"]
    assert policy["spec"]["egress"][3:] == [
        {"to": [{"ipBlock": {"cidr": "10.9.9.9/32"}}], "ports": [{"protocol": "TCP", "port": 81}]},
        {"to": everywhere, "ports": [{"protocol": "TCP", "port": 7000}]},
    ]
    assert everywhere == [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}},
        {"ipBlock": {"cidr": "::/0", "except": ["fe80::/10", "fd00:ec2::254/128"]}},
    ]


def test_scripts_are_made_from_a_zip(tmp_path: Path) -> None:
    """As a zipped wheel would: templates inside the package, no file system around it."""
    root = Path(__file__).resolve().parents[2]
    archive = tmp_path / "rlsplit.zip"
    with zipfile.ZipFile(archive, "w") as bundle:
        for folder, prefix in ((root / "src" / "rlsplit", "rlsplit"), (root / "templates", "rlsplit/templates")):
            for path in folder.rglob("*"):
                if path.suffix in (".py", ".j2"):
                    bundle.write(path, f"{prefix}/{path.relative_to(folder)}")
    program = "import rlsplit.startup as s; print(s.__file__, len(s._ENVIRONMENT.list_templates()))"
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(archive)!r}); {program}"]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, env={"PATH": ""})
    place, count = result.stdout.split()
    assert place.startswith(str(archive))
    assert int(count) == len(list((root / "templates").glob("*.j2")))
