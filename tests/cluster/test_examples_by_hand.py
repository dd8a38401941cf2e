"""Rendered runs against hand-made manifests, object by object."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import splits
import yaml

from rlsplit.manifests import render
from rlsplit.planning import plan
from rlsplit.platform import Platform
from rlsplit.run import Run
from rlsplit.secrets import Secrets
from rlsplit.serialize import to_yaml
from rlsplit.splitting import Component, JsonObject, Split

EXAMPLES = Path(__file__).resolve().parents[3] / "shared" / "kubernetes-examples"
FILES = sorted(EXAMPLES.glob("*.yaml")) if EXAMPLES.is_dir() else []

pytestmark = pytest.mark.skipif(not FILES, reason="the hand-made manifests are not beside this checkout")

SECRETS = {
    "wandb-api-key": ("wandb_api_key", "example-wandb-api-key"),
    "hf-token": ("hf_token", "example-hf-token"),
    "prime-api-key": ("prime_api_key", "example-prime-api-key"),
}

RUNS: dict[str, dict[str, Any]] = {
    "a-1-plus-1-gpu": {"deployment": {**splits.SINGLE}},
    "b-2-plus-6-gpu": {"deployment": {**splits.SINGLE, "num_train_gpus": 2, "num_infer_gpus": 6}},
    "c-multi-node": {"deployment": {**splits.MULTI, "num_infer_replicas": 4}},
    "d-expert-parallel": {
        "deployment": {**splits.MULTI, "num_train_nodes": 1, "num_infer_nodes": 2},
        "attempt": 2,
        "resume": {},
    },
    "e-trainer-only": {"deployment": {**splits.MULTI, "num_infer_nodes": 0}},
}

MONITOR = """"monitors": {
    "prime": {
      "name": NAME
    }
  },
  """
DIFFERENCES = {
    "orchestrator": (
        '"num_train_workers"',
        MONITOR + '"num_train_workers"',
        "O16 names the run for the platform's monitor; the manifests' configs are cut down and leave it out",
    ),
}
"""Component: text of the hand-made script, text of the rendered one, reason. Nothing else may differ."""


def _jobs(documents: list[JsonObject]) -> dict[str, JsonObject]:
    jobs: dict[str, JsonObject] = {}
    for document in documents:
        if document["kind"] == "Job":
            base = document["metadata"]["labels"]["app.kubernetes.io/instance"]
            jobs[document["metadata"]["name"].removeprefix(f"{base}-")] = document["spec"]
        if document["kind"] == "JobSet":
            jobs |= {job["name"]: job["template"]["spec"] for job in document["spec"]["replicatedJobs"]}
    return jobs


def _container(job: JsonObject) -> JsonObject:
    container: JsonObject = job["template"]["spec"]["containers"][0]
    return container


def _config(job: JsonObject) -> JsonObject:
    found = re.search(r"<<'RLSPLIT_JSON'\n(.*?)\nRLSPLIT_JSON\n", _container(job)["args"][2], re.DOTALL)
    config: JsonObject = json.loads(found[1]) if found else {}
    return config


def _split(stem: str, jobs: dict[str, JsonObject], name: str) -> Split:
    """Undo the overlays: give the split that the hand-made manifests were made from."""
    trainer = _config(jobs["trainer"])
    orchestrator = _config(jobs["orchestrator"]) if "orchestrator" in jobs else {}
    trainer.pop("metrics_server")
    orchestrator.get("model", {}).pop("client", None)
    for part in ("train", "eval"):
        for source in orchestrator.get(part, {}).get("source", []):
            if "envs.example.com" not in source["serve"]["address"]:
                source["serve"]["address"] = None
    inference = _config(jobs["inference"]) if "inference" in jobs else None
    if inference is not None:
        inference["server"]["port"] = 8000
    root = {key: RUNS[stem][key] for key in ("resume",) if key in RUNS[stem]}
    split = splits.make_refused(
        RUNS[stem]["deployment"],
        trainer=trainer,
        orchestrator=orchestrator,
        inference={key: value for key, value in (inference or {}).items() if key != "router"},
        has_inference=inference is not None,
        train=orchestrator.get("train", {}).get("source", []),
        evals=orchestrator.get("eval", {}).get("source", []),
        run={"name": name},
        **root,
    )
    return _as_written(split, trainer, orchestrator, inference)


def _as_written(split: Split, trainer: JsonObject, orchestrator: JsonObject, inference: Any) -> Split:
    """Use the embedded configs themselves as the sparse forms."""
    for server in split.env_servers:
        source = orchestrator[server.split]["source"][server.position]
        source["serve"] = {}
    return replace(
        split,
        trainer=Component(resolved=split.trainer.resolved, sparse=trainer),
        orchestrator=Component(resolved=split.orchestrator.resolved, sparse=orchestrator),
        inference=split.inference and Component(resolved=split.inference.resolved, sparse=inference),
    )


def _platform(documents: list[JsonObject], jobs: dict[str, JsonObject], form: str) -> Platform:
    rdma = "rdma/ib" in _container(jobs["trainer"])["resources"]["limits"]
    settings: dict[str, Any] = {
        "namespace": "rl-runs",
        "storage_class": "nfs",
        "workload": form,
        "rdma_resource": {"rdma/ib": 1} if rdma else {},
    }
    if any("kueue.x-k8s.io/queue-name" in d["metadata"]["labels"] for d in documents):
        settings["queue_name"] = "rl-queue"
    return Platform.from_mapping(settings)


def _rendered(path: Path) -> tuple[list[JsonObject], list[JsonObject]]:
    documents = list(yaml.safe_load_all(path.read_text()))
    stem, form = path.name.split(".")[0], "jobset" if ".jobset." in path.name else "job"
    jobs = _jobs(documents)
    annotations = documents[0]["metadata"]["annotations"]
    selector = jobs["trainer"]["template"]["spec"].get("nodeSelector", {})
    keys = next(d["data"] for d in documents if d["kind"] == "Secret")
    run = Run(
        id=annotations["rlsplit/run-id"],
        image_tag="v0.8.0",
        attempt=RUNS[stem].get("attempt", 1),
        gpu_type=selector.get("nvidia.com/gpu.product"),
    )
    platform = _platform(documents, jobs, form)
    secrets = Secrets(**dict(SECRETS[key] for key in keys))
    planned = plan(_split(stem, jobs, annotations["rlsplit/run-name"]), run=run, platform=platform)
    return documents, render(planned, secrets=secrets)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_run_is_rendered_as_written_by_hand(path: Path) -> None:
    expected, objects = _rendered(path)
    for job, spec in _jobs(expected).items():
        if job in DIFFERENCES and _config(spec):
            old, new, _ = DIFFERENCES[job]
            args = _container(spec)["args"]
            name = json.dumps(expected[0]["metadata"]["annotations"]["rlsplit/run-name"])
            args[2] = args[2].replace(old, new.replace("NAME", name))
    for wanted, found in zip(expected, objects, strict=True):
        assert found == wanted
    assert to_yaml(objects) == to_yaml(expected)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_emitter_spells_hand_made_files_as_they_are(path: Path) -> None:
    text = path.read_text()
    assert to_yaml(list(yaml.safe_load_all(text))) == text[text.index("---\n") :]


def test_every_example_is_covered() -> None:
    assert {path.name.split(".")[0] for path in FILES} == set(RUNS)
