"""Small runs of every shape: their manifests, and the numbers that were worked out by hand."""

from __future__ import annotations

from typing import Any, Literal

import pytest
import yaml

import worked_runs
from rlsplit.serialize import to_yaml
from worked_runs import FORMS, RUNS, plan_of

MANIFESTS = dict(worked_runs.manifests())
ENGINES = [f"inference-{node}:{8100 + k}" for node in range(4) for k in range(8)]

NUMBERS: dict[str, dict[str, Any]] = {
    "a-1-plus-1-gpu": {
        "pods": {"trainer": (1, 1), "orchestrator": (1, 0), "inference": (1, 1), "env-0-math": (1, 0)},
        "engines": ["inference-0:8100"],
        "workers": 1,
        "train workers": 1,
        "rendezvous": "localhost:29500",
    },
    "b-2-plus-6-gpu": {
        "pods": {
            "trainer": (1, 2),
            "orchestrator": (1, 0),
            "inference": (1, 6),
            "env-0-math": (1, 0),
            "env-1-math-500": (1, 0),
        },
        "engines": ["inference-0:8100"],
        "workers": 6,
        "train workers": 2,
        "rendezvous": "localhost:29500",
    },
    "c-multi-node": {
        "pods": {
            "trainer": (2, 8),
            "orchestrator": (1, 0),
            "inference": (4, 8),
            "router": (1, 0),
            "env-0-math": (1, 0),
        },
        "engines": [f"inference-{node}:8100" for node in range(4)],
        "workers": 32,
        "train workers": 16,
        "rendezvous": "trainer-0:29500",
    },
    "d-expert-parallel": {
        "pods": {
            "trainer": (1, 8),
            "orchestrator": (1, 0),
            "inference": (4, 8),
            "router": (1, 0),
            "env-0-math": (1, 0),
        },
        "engines": ENGINES,
        "workers": 32,
        "train workers": 8,
        "rendezvous": "localhost:29500",
    },
    "e-trainer-only": {"pods": {"trainer": (2, 8)}, "engines": [], "workers": None, "rendezvous": "trainer-0:29500"},
}
"""Pods with their GPUs, engines in the order of their ranks, workers of the broadcast, data-parallel trainers."""


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_a_run_is_rendered_as_kept(path: Any) -> None:
    text = path.read_text(encoding="utf-8")
    assert MANIFESTS[path] == text, f"{path.name} differs; see tests/goldens.py"
    assert to_yaml(list(yaml.safe_load_all(text))) == text


def test_nothing_else_is_kept() -> None:
    assert set(worked_runs.FOLDER.iterdir()) == set(MANIFESTS)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("worked", RUNS, ids=lambda worked: worked.name)
def test_numbers_worked_out_by_hand(worked: worked_runs.Worked, form: Literal["job", "jobset"]) -> None:
    plan, wanted = plan_of(worked, form), NUMBERS[worked.name]
    assert {pods.suffix: (pods.count, pods.gpus) for pods in plan.pods} == wanted["pods"]
    infix = "-0" if form == "jobset" else ""
    start, end = f"http://{plan.names.base}-", f".{plan.names.domain}"
    hosts = [f"{host.rpartition('-')[0]}{infix}-{host.rpartition('-')[2]}" for host in wanted["engines"]]
    urls = [f"{start}{host.partition(':')[0]}{end}:{host.partition(':')[2]}" for host in hosts]
    assert list(plan.worker_urls) == urls
    trainer, orchestrator = plan.component("trainer"), plan.component("orchestrator")
    assert trainer is not None
    assert trainer.config is not None
    assert trainer.config.sparse.get("weight_broadcast", {}).get("inference_world_size") == wanted["workers"]
    if orchestrator is not None and orchestrator.config is not None:
        assert orchestrator.config.resolved["num_train_workers"] == wanted["train workers"]
        assert orchestrator.config.sparse["model"]["client"]["admin_base_url"] == [f"{url}/v1" for url in urls]
    host = wanted["rendezvous"].replace("trainer-0", plan.names.host("trainer"))
    script = MANIFESTS[worked_runs.FOLDER / f"{worked.name}.{form}.yaml"]
    assert f"--rdzv-endpoint={host} " in script
