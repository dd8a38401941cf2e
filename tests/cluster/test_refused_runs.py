"""What cannot run on Kubernetes: every row with the path and the code it is reported under."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from splits import EXPERT, FAKE, MULTI, RUN, SECRETS, SHAPES, SINGLE, make, make_refused, planned, source

from conftest import ROOT
from rlsplit.compiler import Target, compile_sources
from rlsplit.config.sections.deployment import MultiNodeDeploymentConfig
from rlsplit.config.sections.rl import RLConfig
from rlsplit.document import Source
from rlsplit.findings import ConfigError, Finding, dotted
from rlsplit.manifests import render
from rlsplit.planning import plan
from rlsplit.platform import Platform
from rlsplit.run import Run
from rlsplit.secrets import Secrets
from rlsplit.splitting import Split

TEACHER: dict[str, Any] = {
    "algo": {"type": "opd", "teacher": {"name": "t", "base_url": "http://127.0.0.1:9/v1"}},
}
SAMPLED: dict[str, Any] = {
    "algo": {"type": "sft", "sampling": {"source": {"name": "t", "base_url": "http://localhost:9/v1"}}}
}
LLMD = {"type": "llm-d"}
MOONCAKE = {"type": "mooncake", "cpu": {"num_bytes": 1}}


def CP(degree: int) -> dict[str, Any]:  # noqa: N802
    """Context parallelism, which only the custom implementation has."""
    return {"cp": degree, "impl": "custom", "attn": "flash_attention_2"}


def EP(degree: int) -> dict[str, Any]:  # noqa: N802
    """Expert parallelism, which only the custom implementation has."""
    return {"ep": degree, "impl": "custom"}


def _no_replica(config: RLConfig) -> None:
    assert isinstance(config.deployment, MultiNodeDeploymentConfig)
    config.deployment.num_infer_replicas = 0


CONFIGS: list[tuple[str, str, Split]] = [
    (
        "inference.deployment.type",
        "plan.disaggregated-inference",
        make_refused({**MULTI, "num_infer_nodes": 2}, inference={"deployment": {"type": "disaggregated"}}),
    ),
    ("inference.router.type", "plan.llm-d-router", make_refused(inference={"router": LLMD})),
    (
        "inference.kv_cache_offload.type",
        "plan.mooncake-offload",
        make_refused(inference={"kv_cache_offload": MOONCAKE}),
    ),
    ("inference.router", "plan.no-router", make_refused(MULTI, inference={"router": None})),
    (
        "inference.router.policy",
        "plan.router-policy",
        make(inference={"router": {"type": "vllm-router", "policy": "a; b"}}),
    ),
    ("deployment.num_infer_gpus", "plan.no-inference-gpus", make({**SINGLE, "num_infer_gpus": 0})),
    (
        "orchestrator.model.client.base_url",
        "plan.loopback-base-url",
        make_refused(has_inference=False),
    ),
    (
        "orchestrator.model.client.base_url",
        "plan.loopback-base-url",
        make(orchestrator={"model": {"client": {"base_url": "http://[::1]:8000/v1"}}}, has_inference=False),
    ),
    (
        "trainer.data.fake",
        "plan.no-rollouts",
        make_refused({**MULTI, "num_infer_nodes": 0}, has_inference=False),
    ),
    (
        "inference.vllm.tensor_parallel_size",
        "plan.tensor-parallel",
        make(MULTI, inference={"vllm": {"tensor_parallel_size": 3}}),
    ),
    (
        "inference.vllm.tensor_parallel_size",
        "plan.tensor-parallel",
        make(MULTI, inference={"vllm": {"tensor_parallel_size": 16}}),
    ),
    (
        "inference.vllm.tensor_parallel_size",
        "plan.tensor-parallel",
        make_refused({**SINGLE, "num_infer_gpus": 3}, inference={"vllm": {"tensor_parallel_size": 2}}),
    ),
    (
        "inference.vllm.tensor_parallel_size",
        "plan.count",
        make_refused(inference={"vllm": {"tensor_parallel_size": 0}}),
    ),
    ("deployment.num_train_gpus", "plan.too-many-gpus", make_refused({**SINGLE, "num_train_gpus": 8})),
    ("inference.vllm.data_parallel_size", "plan.data-parallel", make_refused(MULTI, inference={"vllm": EXPERT})),
    ("deployment.num_train_gpus", "plan.count", make({**SINGLE, "num_train_gpus": 0})),
    ("deployment.num_infer_gpus", "plan.count", make_refused({**SINGLE, "num_infer_gpus": -1})),
    ("deployment.num_train_nodes", "plan.count", make_refused({**MULTI, "num_train_nodes": 0})),
    ("deployment.num_infer_replicas", "plan.count", make_refused(MULTI, edit=_no_replica)),
    ("deployment.gpus_per_node", "plan.count", make_refused({**MULTI, "gpus_per_node": 0})),
    ("weight_broadcast.host", "plan.nixl-host", make(weight_broadcast={"type": "nixl"})),
    ("inference.server.port", "plan.port-range", make(inference={"server": {"port": 44536}})),
    (
        "rollout_transport.port",
        "plan.port-range",
        make(
            trainer={"rollout_transport": {"type": "zmq", "port": 65535}},
            orchestrator={"rollout_transport": {"type": "zmq", "port": 65535}},
        ),
    ),
    ("inference.backend_port", "plan.port-range", make(MULTI, inference={"backend_port": 65529})),
    (
        "rollout_transport.port",
        "plan.rollout-ports",
        make_refused(trainer={"rollout_transport": {"type": "zmq", "port": 5000}}),
    ),
    (
        "weight_broadcast.port",
        "plan.port-conflict",
        make(MULTI, weight_broadcast={"type": "nccl", "port": 29500}),
    ),
    ("inference.backend_port", "plan.port-conflict", make(inference={"backend_port": 8000})),
    ("inference.server.port", "plan.port-conflict", make(inference={"backend_port": 29000})),
    (
        "inference.vllm.data_parallel_rpc_port",
        "plan.port-conflict",
        make(
            {**MULTI, "num_infer_nodes": 2},
            inference={
                "vllm": {**EXPERT, "data_parallel_rpc_port": 8103},
                "deployment": {"type": "multi_node", "num_nodes": 2},
            },
        ),
    ),
    ("orchestrator.train.source[0].name", "plan.env-name", make(train=[source("a\0b")])),
    (
        "orchestrator.train.source[0].env.taskset.id",
        "plan.env-name",
        make(train=[{"env": {"id": "e", "taskset": {"id": "y" * 254}}}]),
    ),
    ("orchestrator.eval.source[0].name", "plan.env-name", make(evals=[source("x" * 254)])),
    (
        "orchestrator.train.source[1].serve.address",
        "plan.env-address",
        make(train=[source("a"), source("b", "host:5000")]),
    ),
    (
        "orchestrator.train.source[0].serve.address",
        "plan.env-address",
        make(train=[source("a", "tcp://127.0.0.1:5000")]),
    ),
    ("orchestrator.algo.teacher.base_url", "plan.frozen-model", make(orchestrator=TEACHER)),
    (
        "orchestrator.train.source[0].algo.sampling.source.base_url",
        "plan.frozen-model",
        make(train=[source("a", **SAMPLED)]),
    ),
    *[
        (key, "plan.trainer-parallel", make(deployment, trainer={"model": model}))
        for key, deployment, model in (
            ("trainer.model.cp", {**SINGLE, "num_train_gpus": 4}, CP(3)),
            ("trainer.model.cp", SINGLE, CP(2)),
            ("trainer.model.cp", {**SINGLE, "num_train_gpus": 6}, {**CP(2), "dp_replicate": 2}),
            ("trainer.model.dp_replicate", {**SINGLE, "num_train_gpus": 4}, {"dp_replicate": 3}),
            ("trainer.model.dp_replicate", MULTI, {"dp_replicate": 32}),
            ("trainer.model.ep", {**SINGLE, "num_train_gpus": 4}, EP(8)),
            ("trainer.model.ep", {**SINGLE, "num_train_gpus": 6}, EP(4)),
            ("trainer.model.ep", {**SINGLE, "num_train_gpus": 6}, {**CP(2), **EP(3)}),
            ("trainer.model.ep", MULTI, {**EP(16), "dp_replicate": 2}),
        )
    ],
    ("trainer.model.dp_replicate", "plan.count", make(trainer={"model": {"dp_replicate": 0}})),
    ("trainer.model.cp", "plan.count", make_refused(trainer={"model": {"cp": -1}})),
    ("orchestrator.train.source", "plan.no-train-source", make(train=[])),
    ("orchestrator.train.source", "plan.no-train-source", make(train=[], evals=[source("a")])),
    (
        "orchestrator.train.source[1].env.player.runtime.type",
        "plan.docker-runtime",
        make(train=[source("a"), source("b", env={"id": "b", "player": {"runtime": {"type": "docker"}}})]),
    ),
    (
        "orchestrator.eval.source[0].env.seats[1].runtime.type",
        "plan.docker-runtime",
        make(evals=[source("b", env={"id": "b", "seats": [{}, {"runtime": {"type": "docker"}}]})]),
    ),
    (
        "weight_broadcast.port",
        "plan.port-conflict",
        make(weight_broadcast={"type": "nccl", "port": 29500}),
    ),
    ("env_vars.CUDA_VISIBLE_DEVICES", "plan.env-var-protected", make_refused(env_vars={"CUDA_VISIBLE_DEVICES": "0"})),
    (
        "trainer.env_vars.WANDB_SHARED_MODE",
        "plan.env-var-protected",
        make_refused(trainer={"env_vars": {"WANDB_SHARED_MODE": "0"}}),
    ),
    (
        "inference.env_vars.RLSPLIT_RUN_DIR",
        "plan.env-var-protected",
        make(inference={"env_vars": {"RLSPLIT_RUN_DIR": "/"}}),
    ),
    (
        "orchestrator.env_vars.JOB_COMPLETION_INDEX",
        "plan.env-var-protected",
        make(orchestrator={"env_vars": {"JOB_COMPLETION_INDEX": "1"}}),
    ),
    ('env_vars."A B"', "plan.env-var-name", make(env_vars={"A B": "0"})),
    ("env_vars.A", "plan.env-var-value", make(env_vars={"A": "a\0b"})),
    ("env_vars.HF_TOKEN", "plan.env-var-secret", make(env_vars={"HF_TOKEN": "mine"})),
    ("resume.dir", "plan.resume-dir", make(resume={"dir": "/other/checkpoints/step_5"})),
    ("resume.dir", "plan.resume-dir", make_refused(resume={"dir": "/data/runs/x/checkpoints/last"})),
    ("trainer", "plan.config-too-large", make(trainer={"model": {"extra": "x" * 1_000_001}})),
    (
        "deployment.num_infer_replicas",
        "plan.too-many-engines",
        make({**MULTI, "num_infer_replicas": 180}),
    ),
    (
        "deployment.num_infer_replicas",
        "plan.too-many-engines",
        make({**MULTI, "num_infer_replicas": 10**12}),
    ),
    ("deployment.num_train_nodes", "plan.count", make({**MULTI, "num_train_nodes": 10**12})),
    (f"env_vars.API_KEY_{'A' * 250}", "plan.secret-key", make(env_vars={f"API_KEY_{'A' * 250}": "v"})),
    ("env_vars", "plan.env-vars-size", make(env_vars={f"A{n}": "x" * 99_000 for n in range(3)})),
    ("run.name", "plan.text", make(run={"name": "a\0b"})),
]


def _refused(split: Split, run: Run = RUN, secrets: Secrets | None = SECRETS, **platform: Any) -> list[Finding]:
    with pytest.raises(ConfigError) as caught:
        plan(split, run=run, platform=Platform(**platform), secrets=secrets)
    return [finding for finding in caught.value.findings if finding.severity == "error"]


@pytest.mark.parametrize(("path", "code", "split"), CONFIGS, ids=lambda value: value if isinstance(value, str) else "")
def test_config_is_refused_at_the_users_key(path: str, code: str, split: Split) -> None:
    run = RUN if path != "run.name" else replace(RUN, name=None)
    found = _refused(split, run)
    assert (path, code) in [(dotted(finding.path), finding.code) for finding in found]
    assert {finding.code for finding in found} == {code}


RUNS: list[tuple[str, str, Run]] = [
    ("runId", "plan.run-id", replace(RUN, id="")),
    ("runId", "plan.run-id", replace(RUN, id="x" * 64)),
    ("runId", "plan.run-id", replace(RUN, id="a b")),
    ("runId", "plan.run-id", replace(RUN, id="..")),
    ("runId", "plan.run-id", replace(RUN, id="a\n")),
    ("attempt", "plan.attempt", replace(RUN, attempt=0)),
    ("imageTag", "plan.image-tag", replace(RUN, image_tag="a b")),
    ("imageTag", "plan.image-tag", replace(RUN, image_tag="-a")),
    ("imageTag", "plan.image-tag", replace(RUN, image_tag="x" * 129)),
    ("gpuType", "plan.gpu-type", replace(RUN, gpu_type="H200 SXM")),
    ("volume", "plan.volume", replace(RUN, volume="My Volume")),
    ("name", "plan.text", replace(RUN, name="\ud800")),
    ("name", "plan.text", replace(RUN, name="x" * 100_001)),
    ("teamId", "plan.text", replace(RUN, team_id="a\0")),
    ("sourceRef", "plan.text", replace(RUN, source_ref="")),
]


@pytest.mark.parametrize(("path", "code", "run"), RUNS)
def test_run_is_refused(path: str, code: str, run: Run) -> None:
    assert [(dotted(f.path), f.code) for f in _refused(make(), run)] == [(path, code)]


@pytest.mark.parametrize("value", ["", "s3cr3t" * 20_000, "s3cr3t\0", "s3cr3t\ud800"])
def test_bad_secret_is_refused_without_being_shown(value: str) -> None:
    secrets = Secrets(wandb_api_key=value, hf_token=value)
    found = _refused(make(), secrets=secrets)
    assert [dotted(finding.path) for finding in found] == ["wandbApiKey", "hfToken"]
    assert "s3cr3t" not in str(ConfigError(found))
    with pytest.raises(ConfigError):
        render(planned(make()), secrets=secrets)


def test_secret_that_env_vars_set_too_is_refused_when_rendered() -> None:
    with pytest.raises(ConfigError, match=r"env_vars\.HF_TOKEN"):
        render(planned(make(env_vars={"HF_TOKEN": "mine"})), secrets=SECRETS)


def test_platform_that_allows_no_external_inference() -> None:
    found = _refused(SHAPES["external-inference"], allow_external_inference=False)
    assert [(dotted(f.path), f.code) for f in found] == [("inference", "plan.inference-required")]


@pytest.mark.parametrize(
    ("path", "config"),
    [
        ("ckpt.output_dir", {"ckpt": {"output_dir": "/data/elsewhere"}}),
        ("ckpt.output_dir", {"ckpt": {"output_dir": "../another"}}),
        ("trainer.trace_path", {"trainer": {"trace_path": "/data/runs/run-10"}, "max_steps": 5}),
        ("trainer.model.conversion_dir", {"trainer": {"model": {"conversion_dir": "/data/runs/run-1/../x"}}}),
        ("monitors.file.path", {"monitors": {"file": {"path": "/data/m.jsonl"}}}),
        ("resume.dir", {"resume": {"dir": "/data/runs/other/checkpoints/step_5"}}),
        ("trainer.model.name", {"trainer": {"model": {"name": "/data/models/x"}}}),
        (
            "tokenizer.name",
            {"tokenizer": {"name": "/data/tokenizers/x"}, "orchestrator": {"renderer": {"name": "qwen3"}}},
        ),
        ("tokenizer.chat_template", {"tokenizer": {"chat_template": "/data/t.jinja"}}),
    ],
)
def test_a_part_of_the_volume_holds_the_run_and_nothing_else(path: str, config: dict[str, Any]) -> None:
    found = _refused(make_refused(**config), run_subpath=True)
    assert [(dotted(f.path), f.code) for f in found] == [(path, "plan.path-outside-run")]
    assert planned(make_refused(**config))


def test_paths_in_the_run_and_in_the_cache_are_seen() -> None:
    own = {"output_dir": "/data/runs/run-1/ckpt"}
    model = {"model": {"name": "/data/cache/huggingface/mine"}, "trace_path": "traces"}
    assert planned(make_refused(ckpt=own, trainer=model, max_steps=5), run_subpath=True)


def test_objects_that_etcd_does_not_take_are_refused() -> None:
    large = {f"A{n}": "x" * 99_000 for n in range(2)}
    split = make(
        env_vars=large,
        trainer={"env_vars": {f"T{n}": "x" * 99_000 for n in range(2)}},
        train=[source(f"e{n}") for n in range(6)],
    )
    assert render(planned(split))
    with pytest.raises(ConfigError) as caught:
        render(planned(split, workload="jobset"))
    (finding,) = caught.value.findings
    assert finding.code == "plan.object-too-large"
    assert finding.message.startswith("JobSet rl-")


def test_volume_of_one_node_serves_no_orchestrator() -> None:
    found = _refused(make(), access_mode="ReadWriteOnce")
    assert [dotted(finding.path) for finding in found] == ["platform.access_mode"]
    assert planned(SHAPES["trainer-only-one-node"], access_mode="ReadWriteOnce")
    assert planned(make(), access_mode="ReadWriteOnce", existing_claim="shared")


def test_metrics_port_of_the_platform_may_meet_the_users() -> None:
    found = _refused(make(), trainer_metrics_port=29501)
    assert [dotted(finding.path) for finding in found] == ["weight_broadcast.port"]


def test_every_problem_is_reported_at_once() -> None:
    split = make_refused(
        {**SINGLE, "num_train_gpus": 9},
        inference={"server": {"port": 60000}},
        train=[source("a\0b"), source("b", "nowhere")],
        env_vars={"WANDB_RUN_ID": "x"},
    )
    found = _refused(split, replace(RUN, id="", attempt=0), Secrets(hf_token=""), namespace="Bad Name")
    assert {finding.code for finding in found} == {
        "platform.format",
        "plan.run-id",
        "plan.attempt",
        "plan.too-many-gpus",
        "plan.port-range",
        "plan.env-name",
        "plan.env-address",
        "plan.env-var-protected",
        "plan.secret",
    }


def test_a_finding_says_what_to_write_instead() -> None:
    for _, _, split in CONFIGS:
        for finding in _refused(split, replace(RUN, name=None)):
            assert not finding.message.endswith(".")
            assert finding.message
            assert finding.where is None


@pytest.mark.parametrize(
    ("deployment", "model"),
    [
        ({**SINGLE, "num_train_gpus": 8, "gpus_per_node": 16}, {**CP(2), "dp_replicate": 2}),
        ({**SINGLE, "num_train_gpus": 6}, {**CP(3), **EP(6)}),
        ({**SINGLE, "num_train_gpus": 6}, {**CP(3), **EP(1)}),
        (MULTI, {**EP(8), "dp_replicate": 2}),
        (SINGLE, {"ep": "auto"}),
    ],
)
def test_parallelism_that_fits_is_planned(deployment: dict[str, Any], model: dict[str, Any]) -> None:
    assert planned(make(deployment, trainer={"model": model}))


def test_metrics_on_loopback_take_their_port_all_the_same() -> None:
    split = make(trainer={"metrics_server": {"host": "127.0.0.1", "port": 29501}})
    found = _refused(split, metrics="off")
    assert [(dotted(f.path), f.code) for f in found] == [("trainer.metrics_server.port", "plan.port-conflict")]
    assert planned(split)


def test_a_port_of_the_platform_that_nothing_can_make_way_for() -> None:
    found = _refused(make(), trainer_metrics_port=29500)
    assert [(dotted(f.path), f.about) for f in found] == [("platform.trainer_metrics_port", "platform")]


def test_docker_may_run_where_the_environment_does() -> None:
    elsewhere = source("b", "tcp://10.0.0.1:7000", env={"id": "b", "agent": {"runtime": {"type": "docker"}}})
    assert planned(make(train=[source("a"), elsewhere]))


def test_inherited_teacher_is_reported_once() -> None:
    found = _refused(make(orchestrator=TEACHER, train=[source("a", **TEACHER), source("b", **SAMPLED)]))
    assert [dotted(finding.path) for finding in found] == [
        "orchestrator.algo.teacher.base_url",
        "orchestrator.train.source[1].algo.sampling.source.base_url",
    ]


def test_fake_data_needs_no_gpu_for_inference() -> None:
    assert planned(make({**SINGLE, "num_infer_gpus": 0}, trainer=FAKE)).shape.trainer_only


@pytest.mark.parametrize(
    ("name", "platform", "codes"),
    [
        ("datasets/x", {"dataset_mount": True}, []),
        ("/volume/datasets/x", {"dataset_mount": True}, []),
        ("me/x", {"dataset_mount": True}, ["plan.dataset"]),
        ("/volume/../etc", {"dataset_mount": True}, ["plan.dataset"]),
        ("datasets/../../x", {"dataset_mount": True}, ["plan.dataset"]),
        ("me/x", {"run_subpath": True}, []),
        ("/data/datasets/x", {"run_subpath": True}, ["plan.path-outside-run"]),
        ("/data/runs/r/x", {"run_subpath": True}, []),
    ],
)
def test_datasets_stand_where_pods_find_them(name: str, platform: dict[str, Any], codes: list[str]) -> None:
    config = (ROOT / "fixtures" / "sft-smallest" / "sft.toml").read_text(encoding="utf-8")
    target = Target(run=Run(id="r"), platform=Platform(existing_claim="v", **platform))
    outcome = compile_sources([Source(name="f", content=config)], [f"data.name={name}"], until="plan", target=target)
    assert [finding.code for finding in outcome.findings if finding.severity == "error"] == codes
