"""Runs from start to end: late pods, endings of every kind, and who notices."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from kubelet import Cluster, Part
from sides import sides
from splits import MULTI, SHAPES, make, planned

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on this machine"),
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux answers on every address of 127.0.0.0/8"),
]

MINUTE = 60
SEEN = 3
"""Seconds of the machine after which every pod has seen signs of life, which it looks for many times a second."""
SERVERS = {
    **{engines: {"load": 120} for engines in ("inference", "prefill", "decode")},
    "env-server": {"load": 10},
    "router": {"load": 5},
}
NODES = make({**MULTI, "num_infer_replicas": 1}, inference={"vllm": {"tensor_parallel_size": 8}})


def parts(**components: Part) -> dict[str, Part]:
    """What components do unless said: load for a while, and end after some minutes."""
    given = {name.replace("_", "-"): part for name, part in components.items()}
    usual: dict[str, Part] = {
        "trainer": {"load": 60, "runs": 5 * MINUTE},
        "orchestrator": {"runs": 4 * MINUTE},
        **SERVERS,
    }
    return {name: {**usual.get(name, {}), **given.get(name, {})} for name in {**usual, **given}}


def test_a_trainer_that_loads_twenty_minutes_longer_ends_nobody(tmp_path: Path) -> None:
    """Engines wait in the set-up of the broadcast meanwhile, and answer no liveness probe."""
    plan = planned(SHAPES["one-plus-one"], liveness=True)
    with Cluster(plan, tmp_path, parts(trainer={"load": 22 * MINUTE, "runs": 5 * MINUTE})) as cluster:
        codes = cluster.codes()
        assert set(codes.values()) == {0}, cluster.report()
        assert not any(pod.killed_by for pod in cluster.pods)


def test_an_environment_fifteen_minutes_late_is_waited_for(tmp_path: Path) -> None:
    late = parts(env_server={"after": "waiting for env-0-math", "late": 15 * MINUTE}, trainer={"runs": 30 * MINUTE})
    with Cluster(planned(SHAPES["one-plus-one"]), tmp_path, late) as cluster:
        codes = cluster.codes()
        assert set(codes.values()) == {0}, cluster.report()


@pytest.mark.parametrize(("code", "expected"), [(0, 0), (1, 1), (9, 1)])
def test_the_end_of_the_trainer_ends_all_servers(code: int, expected: int, tmp_path: Path) -> None:
    ending = parts(trainer={"load": 60, "runs": 5 * MINUTE, "code": code})
    if code:
        ending["orchestrator"] = {}
    with Cluster(planned(NODES), tmp_path, ending) as cluster:
        codes = cluster.codes()
        trainers = {codes.pop("trainer-0"), codes.pop("trainer-1")}
        assert trainers <= {code, 143}
        assert set(codes.values()) == {expected}, cluster.report()
        assert (cluster.run_dir / ".ended.1").read_text().strip() in (str(code), "143")


@pytest.mark.parametrize("code", [0, 1])
def test_prefill_and_decode_end_with_the_run(code: int, tmp_path: Path) -> None:
    """One decode pod comes late: those of its group wait for it, and router and orchestrator for all."""
    ending = parts(trainer={"load": 60, "runs": 40 * MINUTE, "code": code})
    ending["decode-1"] = {"late": 5 * MINUTE}
    if code:
        ending["orchestrator"] = {}
    split = sides(tp=8, layout={"decode_nodes_per_replica": 2})
    with Cluster(planned(split), tmp_path, ending, controls_jobs=False) as cluster:
        codes = cluster.codes()
        assert set(codes.values()) == {code}, cluster.report()
        assert {"prefill-0", "decode-0", "decode-1", "router-0"} <= codes.keys()
        assert not any(pod.killed_by for pod in cluster.pods)


def test_a_server_that_ignores_term_is_killed_when_the_run_has_ended(tmp_path: Path) -> None:
    with Cluster(planned(SHAPES["one-plus-one"]), tmp_path, parts(inference={"deaf": True})) as cluster:
        assert set(cluster.codes().values()) == {0}, cluster.report()


@pytest.mark.parametrize("controls_jobs", [True, False])
def test_a_trainer_that_vanishes_ends_all_pods(controls_jobs: bool, tmp_path: Path) -> None:
    """Killed with all of its processes, or lost with its node, which nobody knows for a while."""
    endless = parts(trainer={"runs": 10**6}, orchestrator={"runs": 10**6})
    with Cluster(planned(NODES), tmp_path, endless, controls_jobs=controls_jobs) as cluster:
        cluster.wait_for("orchestrator", "orchestrator-0")
        sleep(SEEN)
        cluster.pod("trainer-0").vanish()
        codes = cluster.codes(but="trainer-0")
        assert codes.pop("trainer-1") == (143 if controls_jobs else 1)
        assert set(codes.values()) == {1}, cluster.report()
        assert "no sign of life" in cluster.pod("inference-0").output


def test_a_trainer_that_vanishes_before_it_is_prepared_ends_all_pods(tmp_path: Path) -> None:
    with Cluster(planned(SHAPES["one-plus-one"]), tmp_path, parts(trainer={"fetch": 10**6})) as cluster:
        cluster.wait_for("hf", "trainer-0")
        cluster.until(lambda: all(pod.process for pod in cluster.pods), "not all pods are there")
        sleep(SEEN)
        cluster.pod("trainer-0").vanish()
        codes = cluster.codes(but="trainer-0")
        assert set(codes.values()) == {1}, cluster.report()


@pytest.mark.parametrize("vanishes", [True, False])
def test_an_orchestrator_that_dies_ends_all_pods(vanishes: bool, tmp_path: Path) -> None:
    dying = parts(trainer={"runs": 10**6}, orchestrator={"runs": 10**6 if vanishes else 60, "code": 5})
    with Cluster(planned(SHAPES["one-plus-one"]), tmp_path, dying) as cluster:
        cluster.wait_for("orchestrator", "orchestrator-0")
        if vanishes:
            sleep(SEEN)
            cluster.pod("orchestrator-0").vanish()
        codes = cluster.codes()
        assert codes.pop("orchestrator-0") == (137 if vanishes else 5)
        assert set(codes.values()) == {1}, cluster.report()


def test_a_checkpoint_that_is_not_there_ends_the_run_before_gpus_load(tmp_path: Path) -> None:
    with Cluster(planned(SHAPES["resumed-at-step"]), tmp_path, parts()) as cluster:
        assert set(cluster.codes().values()) == {1}, cluster.report()
        assert "there is no checkpoint" in cluster.pod("trainer-0").output
        assert not any(pod.box.calls(program) for pod in cluster.pods for program in ("torchrun", "orchestrator", "hf"))


def test_what_an_earlier_start_left_ends_nobody(tmp_path: Path) -> None:
    """The same attempt is started again: marks of its first start, in which the trainer failed, lie there."""
    again = parts(
        trainer={"late": 5 * MINUTE, "load": 60, "runs": 5 * MINUTE}, orchestrator={"late": 6 * MINUTE, "runs": 60}
    )
    cluster = Cluster(planned(SHAPES["one-plus-one"]), tmp_path, again)
    (tmp_path / "run").mkdir()
    for name in (".ended.1", ".orchestrator-ended.1"):
        (tmp_path / "run" / name).write_text("1\n")
        os.utime(tmp_path / "run" / name, (1e9, 1e9))
    (tmp_path / "run" / ".prepared").touch()
    with cluster:
        assert set(cluster.codes().values()) == {0}, cluster.report()


def test_a_server_that_comes_after_the_end_does_not_stay(tmp_path: Path) -> None:
    failing: Any = parts(trainer={"runs": 30, "code": 1}, orchestrator={})
    failing["inference"] = {"after": "the trainer has ended", "late": 10 * MINUTE}
    with Cluster(planned(SHAPES["one-plus-one"], startup_timeout_seconds=600), tmp_path, failing) as cluster:
        cluster.until((cluster.run_dir / ".ended.1").exists, "the trainer has not ended")
        os.utime(cluster.run_dir / ".ended.1", (1e9, 1e9))
        assert set(cluster.codes().values()) == {1}, cluster.report()


@pytest.mark.parametrize("moment", ["waiting", "loading", "training", "draining"])
def test_a_pod_that_is_told_to_end_does_so_within_its_grace(moment: str, tmp_path: Path) -> None:
    """TERM in every phase of every component; a pod that did not end would be killed, with 137."""
    slow = parts(trainer={"load": 10 * MINUTE, "runs": 10**6}, orchestrator={"runs": 10**6})
    if moment == "waiting":
        slow["trainer"] = {"fetch": 10**6}
    if moment == "draining":
        slow["trainer"] = {"runs": 60}
    plan = planned(NODES, drain_seconds=10**6)
    with Cluster(plan, tmp_path, slow, controls_jobs=False) as cluster:
        cluster.until(lambda: all(pod.process for pod in cluster.pods), "not all pods are there")
        if moment == "draining":
            ending = "the trainer has ended with code 0"
            cluster.until(lambda: ending in cluster.pod("inference-0").output, "nobody has noticed")
        else:
            program, pod = {
                "waiting": ("hf", "trainer-0"),
                "loading": ("torchrun", "trainer-0"),
                "training": ("orchestrator", "orchestrator-0"),
            }[moment]
            cluster.wait_for(program, pod)
        ended = {pod.name for pod in cluster.pods if pod.code is not None}
        for pod in cluster.pods:
            pod.signal(signal.SIGTERM)
        codes = cluster.codes()
        assert {code for name, code in codes.items() if name not in ended} == {128 + signal.SIGTERM}, cluster.report()
