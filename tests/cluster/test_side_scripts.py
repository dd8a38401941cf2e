"""Scripts of prefill and decode pods, run by a real bash: ranks, ports, devices, logs, and who waits for whom."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pods_in_bash import Sandbox, containers, end_group, finish, prepared_by_another_pod
from sides import LAYOUTS, planned_sides, sides

from rlsplit.planning import RunPlan

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on this machine")

PODS = [
    ("uneven", "prefill", 0, 0),
    ("uneven", "prefill", 5, 5),
    ("uneven", "decode", 3, 11),
    ("several-replicas", "prefill", 6, 8 + 2),
    ("several-replicas", "decode", 4, 8 + 4),
    ("several-replicas", "decode", 7, 8 + 7),
    ("one-engine-groups", "decode", 2, 4),
    ("one-engine", "prefill", 0, 0),
]
"""Layout, side and pod, and its number in prime-rl's flat list."""


def started(
    plan: RunPlan, side: str, pod: int, box: Sandbox, more: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Start the engines of a pod, end it by TERM, and give the calls by port."""
    given = {"STUB_ENDS": json.dumps({"inference @": "stay"}), **(more or {})}
    with prepared_by_another_pod(box.run_dir):
        process = box.start_with(containers(plan)[side], pod, given, subprocess.PIPE)
        box.wait_for(lambda: len(box.calls("inference")) == plan.shape.engines)
        os.kill(process.pid, signal.SIGTERM)
        code, output = finish(process)
    assert code == 143, output
    return sorted(box.calls("inference"), key=lambda call: int(call["argv"][3]))


@pytest.mark.parametrize(("layout", "side", "pod", "flat"), PODS)
def test_engines_of_a_pod(layout: str, side: str, pod: int, flat: int, tmp_path: Path) -> None:
    plan, box = planned_sides(LAYOUTS[layout]), Sandbox(tmp_path)
    group, tp = plan.shape.groups_of(side), plan.shape.tensor_parallel  # type: ignore[arg-type]
    assert group is not None
    within = pod % group.nodes
    for k, call in enumerate(started(plan, side, pod, box)):
        place = f"{box.root}/pod/engine-{k}"
        port = {"prefill": 8100, "decode": 8200}[side] + k
        argv = ["@", f"{box.root}/pod/{side}.json", "--server.port", str(port)]
        if group.ranks > 1:
            argv += ["--vllm", "@", f"{place}/vllm.json"]
            head = plan.names.host(side, pod - within) if within else "10.1.2.3"
            rank = {"data_parallel_rank": within * group.engines + k, "data_parallel_address": head}
            assert json.loads(call["files"][f"{place}/vllm.json"]) == rank
        assert call["argv"] == argv
        assert call["env"]["CUDA_VISIBLE_DEVICES"] == ",".join(str(k * tp + i) for i in range(tp))
        assert call["env"]["VLLM_RPC_BASE_PATH"] == place
        assert call["env"]["VLLM_NIXL_SIDE_CHANNEL_HOST"] == "10.1.2.3"
        assert call["env"]["VLLM_NIXL_SIDE_CHANNEL_PORT"] == str(5600 + k)
        assert call["env"]["UCX_NET_DEVICES"] == "all"
    logs = {path.name for path in (box.run_dir / "logs" / "attempt_1" / "inference").iterdir()}
    ranks = {f"node_{flat}_rank{k}.log" for k in range(group.engines)} if group.engines > 1 else set()
    assert logs == {f"node_{flat}.log", *ranks}


@pytest.mark.parametrize(("side", "code"), [("prefill", 3), ("decode", 1)])
def test_an_engine_that_ends_ends_its_pod(side: str, code: int, tmp_path: Path) -> None:
    box, port = Sandbox(tmp_path), {"prefill": 8103, "decode": 8203}[side]
    plan = planned_sides(LAYOUTS["one-pod-groups"], prefetch_model=False)
    ends = {"inference @": "stay", f"--server.port {port}": code if code != 1 else 0}
    assert finish(box.start(containers(plan)[side], stub_ends=ends))[0] == code


@pytest.mark.parametrize(
    ("missing", "layout", "said"),
    [
        (("nixl", "deep_ep"), {}, "nixl, deep_ep"),
        (("deep_ep",), {}, "deep_ep"),
        (("deep_ep",), {"prefill_vllm_overrides": {"all2all_backend": "naive"}}, None),
    ],
)
def test_an_image_that_lacks_packages_is_told(
    missing: tuple[str, ...], layout: dict[str, Any], said: str | None, tmp_path: Path
) -> None:
    box, plan = Sandbox(tmp_path), planned_sides(sides(tp=8, layout=layout), prefetch_model=False)
    for package in missing:
        (box.root / "image" / package).rmdir()
    code, output = finish(box.start(containers(plan)["prefill"]))
    # The stub ends at once, with 0: also one server alone has failed when it ends.
    assert (code, bool(box.calls("inference"))) == (1, said is None)
    assert said is None or f"rlsplit: the image has no {said}\n" in output


@pytest.mark.parametrize(
    ("devices", "prefill", "decode"),
    [
        ({"mlx5_1": "InfiniBand", "mlx5_0": "InfiniBand", "mlx5_9": "Ethernet"}, "mlx5_1:1,mlx5_0:1", "mlx5_0:1"),
        ({"mlx5_3": "InfiniBand", "mlx5_4": "InfiniBand"}, "mlx5_3:1,mlx5_4:1", "mlx5_3:1"),
        ({"mlx5_bond": "Ethernet"}, "mlx5_bond:1", "mlx5_bond:1"),
        ({}, "all", "all"),
    ],
)
def test_devices_of_transfers(devices: dict[str, str], prefill: str, decode: str, tmp_path: Path) -> None:
    for side, expected in (("prefill", prefill), ("decode", decode)):
        plan, box = planned_sides(LAYOUTS["one-engine"]), Sandbox(tmp_path / side)
        container = with_devices(containers(plan)[side], box.root / "dev", devices)
        with prepared_by_another_pod(box.run_dir):
            assert finish(box.start(container))[0] == 1
        (call,) = box.calls("inference")
        assert call["env"]["UCX_NET_DEVICES"] == expected
        assert call["env"].get("NCCL_IB_HCA") == (f"={prefill}" if devices else None)


def with_devices(container: dict[str, Any], root: Path, devices: dict[str, str]) -> dict[str, Any]:
    """The container on a node with devices, of which it may open all but one."""
    for index, (name, link) in enumerate({**devices, "withheld": "InfiniBand"}.items()):
        port = root / "sys" / "class" / "infiniband" / name / "ports" / "1"
        port.mkdir(parents=True)
        (port / "link_layer").write_text(f"{link}\n")
        (port / "state").write_text("4: ACTIVE\n")
        verbs = root / "sys" / "class" / "infiniband_verbs" / f"uverbs{index}"
        verbs.mkdir(parents=True)
        (verbs / "ibdev").write_text(f"{name}\n")
        (root / "dev" / "infiniband").mkdir(parents=True, exist_ok=True)
        if name != "withheld":
            (root / "dev" / "infiniband" / f"uverbs{index}").touch()
    script = container["args"][2]
    for path in ("/dev/infiniband", "/sys/class"):
        script = script.replace(path, f"{root}{path}")
    return {**container, "args": [*container["args"][:2], script]}


def test_a_value_of_the_user_stays(tmp_path: Path) -> None:
    split = sides(tp=8, layout={"decode_env_vars": {"UCX_NET_DEVICES": "mlx5_7:1", "GLOO_SOCKET_IFNAME": "net1"}})
    plan, box = planned_sides(split), Sandbox(tmp_path)
    (call,) = started(plan, "decode", 0, box)
    assert (call["env"]["UCX_NET_DEVICES"], call["env"]["GLOO_SOCKET_IFNAME"]) == ("mlx5_7:1", "net1")


def test_gloo_uses_the_interface_of_the_pods_address(tmp_path: Path) -> None:
    plan, box = planned_sides(LAYOUTS["one-engine"]), Sandbox(tmp_path)
    listed = "lo: flags=73<UP>\n        inet 127.0.0.1  netmask 255.0.0.0\n\neth7: flags=4163<UP>\n        inet 10.1.2.3  netmask 1\n"
    (box.root / "bin" / "ifconfig").write_text(f"#!/bin/sh\ncat << 'END'\n{listed}END\n")
    (box.root / "bin" / "ifconfig").chmod(0o755)
    (call,) = started(plan, "prefill", 0, box)
    assert call["env"]["GLOO_SOCKET_IFNAME"] == "eth7"


def test_engines_of_a_group_start_together(tmp_path: Path) -> None:
    """A pod marks that it runs, and its engines wait for the marks of their group, not for those of others."""
    plan = planned_sides(LAYOUTS["uneven"], prefetch_model=False)
    run, container = tmp_path / "run", containers(plan)["prefill"]
    run.mkdir()
    first, second, other = (Sandbox(tmp_path / str(n), shared=run) for n in (2, 3, 4))
    processes = [first.start(container, 2, {"inference @": "stay"}), other.start(container, 4, {"inference @": "stay"})]
    try:
        marks = run / ".groups.1"
        first.wait_for(lambda: {path.name for path in marks.glob("*")} == {"prefill-2", "prefill-4"})
        assert not first.calls("inference")
        processes.append(second.start(container, 3, {"inference @": "stay"}))
        for box in (first, second):
            box.wait_for(lambda box=box: len(box.calls("inference")) == 8)  # type: ignore[misc]
        assert not other.calls("inference")
    finally:
        for process in processes:
            end_group(process)


def test_a_group_that_does_not_come_together_ends(tmp_path: Path) -> None:
    plan = planned_sides(LAYOUTS["one-engine-groups"], prefetch_model=False, startup_timeout_seconds=60)
    run = tmp_path / "run"
    run.mkdir()
    box = Sandbox(tmp_path / "pod", shared=run)
    code, output = finish(box.start(containers(plan)["decode"], 4))
    assert code == 1
    assert "pod 3 of this group has not started within 60 seconds" in output


def test_memory_is_locked_for_an_offload(tmp_path: Path) -> None:
    offload = {"kv_cache_offload": {"type": "native", "cpu": {"num_bytes": 10**9}}}
    scripts = [containers(planned_sides(sides(inference=more)))["prefill"]["args"][2] for more in (offload, {})]
    assert ["ulimit -l unlimited" in script for script in scripts] == [True, False]
