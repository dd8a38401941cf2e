"""Every startup script of every shape, run by a real bash behind a model of the kubelet's expansion."""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pods_in_bash import Sandbox, containers, finish, kubelet_expand, prepared_by_another_pod
from splits import FORMS, MULTI, RUN, SHAPES, make, make_refused, planned, source

from rlsplit.planning import Pods, RunPlan, config_text
from rlsplit.startup import _word, escape, script

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on this machine")

CASES = [(shape, form) for shape in SHAPES for form in FORMS]


def _run_all(plan: RunPlan, root: Path) -> list[tuple[str, int, Sandbox, int, str]]:
    """Run each script of a plan once per pod, all pods at once, each in a sandbox of its own."""
    boxes = []
    for suffix, container in containers(plan).items():
        pods = plan.component(suffix)
        assert pods is not None
        for index in range(pods.count):
            box = Sandbox(root / f"{suffix}-{index}")
            if plan.resume is not None and plan.resume.step is not None:
                (box.run_dir / f"checkpoints/step_{plan.resume.step}").mkdir(parents=True)
            boxes.append((suffix, index, box, container))
    results = []
    for suffix, index, box, container in boxes:
        code, output = _run(plan, suffix, index, box, container)
        results.append((suffix, index, box, code, output))
    return results


def _run(plan: RunPlan, suffix: str, index: int, box: Sandbox, container: dict[str, Any]) -> tuple[int, str]:
    """Run one script to its end; several engines are ended by TERM once all have started."""
    with prepared_by_another_pod(box.run_dir):
        if suffix not in plan.shape.engine_components or plan.shape.engines == 1:
            return finish(box.start(container, index))
        process = box.start(container, index, {"inference @": "stay"})
        box.wait_for(lambda: len(box.calls("inference")) == plan.shape.engines)
        os.kill(process.pid, signal.SIGTERM)
        return finish(process)


def _expected_code(plan: RunPlan, suffix: str) -> int:
    return 128 + signal.SIGTERM if suffix in plan.shape.engine_components and plan.shape.engines > 1 else 0


def _expected_argv(plan: RunPlan, suffix: str, index: int, box: Sandbox) -> list[list[str]]:
    """The argument lists of a pod's component, from the plan's numbers."""
    pods = plan.component(suffix)
    assert pods is not None
    config = f"{box.root}/pod/{pods.config.file if pods.config else ''}"
    logs = f"{box.run_dir}/logs/attempt_1"
    if pods.component == "trainer":
        master = pods.hosts[0] if pods.count > 1 else "localhost"
        flags = f"--role=trainer --nnodes={pods.count} --nproc-per-node={pods.gpus} --node-rank={index}"
        flags += f" --rdzv-endpoint={master}:29500 --rdzv-id=run-1 --log-dir={logs}/trainer/torchrun"
        flags = flags.replace(" --log-dir", " --rdzv-conf=timeout=4200 --log-dir") if pods.count > 1 else flags
        module = "rl" if plan.settings.sft is None else "sft"
        flags += f" --local-ranks-filter=0 --redirects=3 --tee=3 -m prime_rl.trainer.{module}.train @"
        return [[*flags.split(), config]]
    if pods.component == "router":
        flags = "--policy consistent_hash --host 0.0.0.0 --port 8000 --request-id-headers x-session-id"
        flags += " --prometheus-host 0.0.0.0 --prometheus-port 29000 --worker-startup-timeout-secs 4200"
        workers = ["--worker-urls", *plan.worker_urls]
        if plan.shape.groups:
            sides = zip(plan.shape.engine_places(), plan.worker_urls, strict=True)
            workers = ["--vllm-pd-disaggregation", *(word for (side, *_), url in sides for word in (f"--{side}", url))]
        return [[*flags.split(), "--log-level", "info", *workers]]
    if pods.role.has_engines and (plan.shape.engines > 1 or pods.groups):
        return [_engine_argv(plan, pods, box, config, k) for k in range(plan.shape.engines)]
    return [["@", config]]


def _engine_argv(plan: RunPlan, pods: Pods, box: Sandbox, config: str, k: int) -> list[str]:
    is_group = pods.groups.ranks > 1 if pods.groups else plan.shape.expert_parallel
    rank = ["--vllm", "@", f"{box.root}/pod/engine-{k}/vllm.json"] if is_group else []
    return ["@", config, "--server.port", str((8200 if pods.component == "decode" else 8100) + k), *rank]


PROGRAM = {"trainer": "torchrun", "router": "vllm-router", "prefill": "inference", "decode": "inference"}


@pytest.mark.parametrize(("shape", "form"), CASES)
def test_each_pod_starts_its_component_with_its_config(shape: str, form: str, tmp_path: Path) -> None:
    plan = planned(SHAPES[shape], workload=form)
    for suffix, index, box, code, output in _run_all(plan, tmp_path):
        pods = plan.component(suffix)
        assert pods is not None
        program = PROGRAM.get(pods.component, pods.component)
        calls = sorted(box.calls(program), key=lambda call: str(call["argv"]))
        assert [call["argv"] for call in calls] == _expected_argv(plan, suffix, index, box), output
        assert code == _expected_code(plan, suffix), output
        if pods.config is not None:
            assert (box.root / "pod" / pods.config.file).read_bytes() == pods.config.text.encode()
        assert f"output of {program}" in _logs(box)


def _logs(box: Sandbox) -> str:
    return "".join(path.read_text() for path in box.run_dir.glob("logs/attempt_1/**/*.log"))


def test_expert_parallel_ranks_and_devices(tmp_path: Path) -> None:
    plan = planned(SHAPES["expert-parallel"])
    container = containers(plan)["inference"]
    for node, (first, address) in enumerate(
        [(0, "10.1.2.3"), (8, plan.names.host("inference", 0)), (0, "10.1.2.3"), (8, plan.names.host("inference", 2))]
    ):
        box = Sandbox(tmp_path / str(node))
        _run(plan, "inference", node, box, container)
        calls = sorted(box.calls("inference"), key=lambda call: str(call["argv"]))
        for k, call in enumerate(calls):
            text = call["files"][f"{box.root}/pod/engine-{k}/vllm.json"]
            assert text == f'{{"data_parallel_rank": {first + k}, "data_parallel_address": "{address}"}}'
            assert call["env"]["CUDA_VISIBLE_DEVICES"] == str(k)
            assert call["env"]["VLLM_RPC_BASE_PATH"] == f"{box.root}/pod/engine-{k}"


def test_engines_share_a_pods_gpus(tmp_path: Path) -> None:
    box, plan = Sandbox(tmp_path), planned(SHAPES["engines-per-node"])
    _run(plan, "inference", 0, box, containers(plan)["inference"])
    devices = sorted(call["env"]["CUDA_VISIBLE_DEVICES"] for call in box.calls("inference"))
    assert devices == ["0,1", "2,3", "4,5", "6,7"]


def test_expert_parallel_ranks_of_pods_with_one_engine(tmp_path: Path) -> None:
    """Every engine of a group has a rank and the address of the first; a group of one has neither."""
    vllm = {"enable_expert_parallel": True, "data_parallel_size": 2, "tensor_parallel_size": 8}
    layout = {"type": "multi_node", "num_nodes": 2}
    plan = planned(make({**MULTI, "num_infer_nodes": 2}, inference={"vllm": vllm, "deployment": layout}))
    container = containers(plan)["inference"]
    for node, rank, address in [(0, 0, "10.1.2.3"), (1, 1, 0), (2, 0, "10.1.2.3"), (3, 1, 2)]:
        box = Sandbox(tmp_path / str(node))
        with prepared_by_another_pod(box.run_dir):
            assert finish(box.start(container, node))[0] == 0
        (call,) = box.calls("inference")
        file = f"{box.root}/pod/engine-0/vllm.json"
        assert call["argv"] == ["@", f"{box.root}/pod/inference.json", "--vllm", "@", file]
        head = address if isinstance(address, str) else plan.names.host("inference", address)
        assert json.loads(call["files"][file]) == {"data_parallel_rank": rank, "data_parallel_address": head}
    alone = planned(make(MULTI, inference={"vllm": {**vllm, "data_parallel_size": 1}}))
    assert not alone.shape.expert_parallel
    assert "--vllm" not in containers(alone)["inference"]["args"][2]


@pytest.mark.parametrize("suffix", ["trainer", "orchestrator", "inference", "env-0-math"])
def test_exit_code_is_the_components_own(suffix: str, tmp_path: Path) -> None:
    box = Sandbox(tmp_path)
    with prepared_by_another_pod(box.run_dir):
        code, _ = finish(
            box.start(
                containers(planned(SHAPES["one-plus-one"]))[suffix],
                stub_ends={suffix: 7, "env-server": 7, "torchrun": 7},
            )
        )
    assert code == 7


@pytest.mark.parametrize("suffix", ["trainer", "orchestrator", "inference", "router", "env-0-math"])
@pytest.mark.parametrize("shape", ["multi-node", "engines-per-node"])
def test_term_ends_the_pod(shape: str, suffix: str, tmp_path: Path) -> None:
    plan = planned(SHAPES[shape])
    box = Sandbox(tmp_path)
    pods = plan.component(suffix)
    assert pods is not None
    program = PROGRAM.get(pods.component, pods.component)
    count = plan.shape.engines if suffix == "inference" else 1
    with prepared_by_another_pod(box.run_dir):
        process = box.start(containers(plan)[suffix], stub_ends={program: "stay"})
        box.wait_for(lambda: len(box.calls(program)) == count)
    os.kill(process.pid, signal.SIGTERM)
    code, _ = finish(process)
    assert code in (143, -signal.SIGTERM)


@pytest.mark.parametrize(("ends", "code"), [(3, 3), (0, 1)])
def test_an_engine_that_ends_ends_its_pod(ends: int, code: int, tmp_path: Path) -> None:
    box = Sandbox(tmp_path)
    container = containers(planned(SHAPES["expert-parallel"], prefetch_model=False))["inference"]
    process = box.start(container, stub_ends={"inference @": "stay", "--server.port 8103": ends})
    assert finish(process)[0] == code
    assert any("8103" in call["argv"] for call in box.calls("inference"))


def _steps(run_dir: Path) -> set[str]:
    return {str(path.relative_to(run_dir)) for path in run_dir.glob("*/step_*") if path.parent.name != "checkpoints"}


def _with_steps(root: Path, checkpoints: tuple[int, ...]) -> Sandbox:
    box = Sandbox(root)
    for folder in ("broadcasts", "rollouts"):
        for step in (0, 5, 7, 8, 10, 12):
            (box.run_dir / folder / f"step_{step}").mkdir(parents=True)
    for step in checkpoints:
        _checkpoint(box, step)
    return box


def _checkpoint(box: Sandbox, step: int, *, trainer: bool = True, orchestrator: bool = True) -> None:
    """A checkpoint as both write it, or one of them."""
    folder = box.run_dir / "checkpoints" / f"step_{step}"
    for part, name, is_written in (("trainer", ".metadata", trainer), ("orchestrator", "progress.pt", orchestrator)):
        (folder / part).mkdir(parents=True)
        (folder / part / name).write_text("x" if is_written else "")


@pytest.mark.parametrize(
    ("shape", "checkpoints", "kept"),
    [
        ("one-plus-one", (), ()),
        ("resumed", (5, 10), (0, 5, 7, 8, 10)),
        ("resumed", (), ()),
        ("resumed-at-step", (5, 7, 10), (0, 5, 7)),
    ],
)
def test_trainer_0_removes_stale_steps(
    shape: str, checkpoints: tuple[int, ...], kept: tuple[int, ...], tmp_path: Path
) -> None:
    box = _with_steps(tmp_path, checkpoints)
    code, output = finish(box.start(containers(planned(SHAPES[shape]))["trainer"]))
    assert code == 0, output
    assert _steps(box.run_dir) == {f"{folder}/step_{n}" for folder in ("broadcasts", "rollouts") for n in kept}
    assert (box.run_dir / ".prepared").exists()


def test_a_fresh_run_refuses_checkpoints_of_another(tmp_path: Path) -> None:
    box = _with_steps(tmp_path, (5,))
    code, output = finish(box.start(containers(planned(SHAPES["one-plus-one"]))["trainer"]))
    assert code == 1
    assert "has checkpoints of an earlier start" in output
    assert not box.calls("torchrun")
    assert len(_steps(box.run_dir)) == 12


@pytest.mark.parametrize(("trainer", "orchestrator"), [(False, True), (True, False), (False, False)])
def test_a_half_written_checkpoint_is_put_aside(trainer: bool, orchestrator: bool, tmp_path: Path) -> None:
    box = _with_steps(tmp_path, (5,))
    _checkpoint(box, 8, trainer=trainer, orchestrator=orchestrator)
    _checkpoint(box, 10, trainer=trainer, orchestrator=orchestrator)
    code, output = finish(box.start(containers(planned(SHAPES["resumed"]))["trainer"]))
    assert code == 0, output
    kept = {path.name for path in (box.run_dir / "checkpoints").iterdir()}
    assert kept == {"step_5", "step_8.incomplete", "step_10.incomplete"}
    assert "checkpoint step_10 is not whole" in output
    assert _steps(box.run_dir) == {f"{folder}/step_{n}" for folder in ("broadcasts", "rollouts") for n in (0, 5)}
    _checkpoint(box, 10, trainer=trainer, orchestrator=orchestrator)
    assert finish(box.start(containers(planned(SHAPES["resumed"]))["trainer"]))[0] == 0
    assert (box.run_dir / "checkpoints" / "step_10.incomplete.~1~").is_dir()


def test_a_checkpoint_in_two_places_is_judged_and_put_aside_in_both(tmp_path: Path) -> None:
    plan = planned(make(resume={}, ckpt={"output_dir": "/data/elsewhere"}))
    box = Sandbox(tmp_path)
    written = {
        "ckpt/step_5": ".metadata",
        "run/checkpoints/step_5": "progress.pt",
        "ckpt/step_7": ".metadata",
        "run/checkpoints/step_7": "other",
    }
    for folder, name in written.items():
        (tmp_path / folder / "part").mkdir(parents=True)
        (tmp_path / folder / "part" / name).write_text("x")
    process = box.start_with(
        containers(plan)["trainer"], 0, {"RLSPLIT_CKPT_DIR": str(tmp_path / "ckpt"), "STUB_ENDS": "{}"}, subprocess.PIPE
    )
    assert finish(process)[0] == 0
    for folder in ("ckpt", "run/checkpoints"):
        assert {path.name for path in (tmp_path / folder).iterdir()} == {"step_5", "step_7.incomplete"}


@pytest.mark.parametrize("suffix", ["trainer", "orchestrator", "inference", "env-0-math"])
@pytest.mark.parametrize("log_to_volume", [True, False])
def test_a_volume_that_cannot_be_written_to_is_told(log_to_volume: bool, suffix: str, tmp_path: Path) -> None:
    box = Sandbox(tmp_path)
    shutil.rmtree(box.run_dir)
    box.run_dir.write_text("where the folder should be")
    code, output = finish(box.start(containers(planned(SHAPES["one-plus-one"], log_to_volume=log_to_volume))[suffix]))
    assert code == 1
    assert "cannot write to" in output
    assert "run_as_user" in output


def test_a_model_that_cannot_be_fetched_ends_the_run(tmp_path: Path) -> None:
    box = Sandbox(tmp_path)
    code, output = finish(box.start(containers(planned(SHAPES["one-plus-one"]))["trainer"], stub_ends={"hf": 4}))
    assert code == 4
    assert "set prefetch_model = false" in output
    assert (box.run_dir / ".ended.1").read_text() == "4\n"
    assert not box.calls("torchrun")


def test_term_ends_a_download(tmp_path: Path) -> None:
    box = Sandbox(tmp_path)
    process = box.start(containers(planned(SHAPES["one-plus-one"]))["trainer"], stub_ends={"hf": "stay"})
    box.wait_for(lambda: bool(box.calls("hf")))
    os.kill(process.pid, signal.SIGTERM)
    assert finish(process)[0] == 143
    assert (box.run_dir / ".ended.1").read_text() == "143\n"


def test_an_environment_server_reads_the_shared_cache_and_writes_beside_it(tmp_path: Path) -> None:
    box, shared = Sandbox(tmp_path), tmp_path / "shared"
    for name, text in {"blobs/b": "weights", "snapshots/1/config.json": "{}", "refs/main": "1"}.items():
        path = shared / "hub" / "models--a--b" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    container = containers(planned(SHAPES["one-plus-one"], run_subpath=True))["env-0-math"]
    with prepared_by_another_pod(box.run_dir):
        more = {"RLSPLIT_SHARED_CACHE": str(shared), "STUB_ENDS": "{}"}
        code, output = finish(box.start_with(container, 0, more, subprocess.PIPE))
    assert code == 0, output
    copy = box.root / "cache" / "hub" / "models--a--b"
    assert (copy / "snapshots" / "1" / "config.json").read_text() == "{}"
    assert (copy / "blobs" / "b").is_symlink()
    assert not (copy / "refs" / "main").is_symlink()
    (copy / "snapshots" / "2").mkdir()
    assert {path.name for path in (shared / "hub" / "models--a--b" / "snapshots").iterdir()} == {"1"}


def test_other_trainers_touch_nothing(tmp_path: Path) -> None:
    box = _with_steps(tmp_path, (5,))
    code, _ = finish(box.start(containers(planned(SHAPES["multi-node"], prefetch_model=False))["trainer"], index=1))
    assert code == 0
    assert len(_steps(box.run_dir)) == 12
    assert not (box.run_dir / ".prepared").exists()


def test_orchestrator_waits_for_a_new_marker(tmp_path: Path) -> None:
    box = Sandbox(tmp_path)
    marker = box.run_dir / ".prepared"
    marker.touch()
    process = box.start(containers(planned(SHAPES["one-plus-one"]))["orchestrator"])
    box.wait_for(lambda: not marker.exists())
    assert not box.calls("orchestrator")
    marker.touch()
    assert finish(process)[0] == 0
    assert len(box.calls("orchestrator")) == 1


def test_prefetch_comes_before_the_marker_and_others_wait(tmp_path: Path) -> None:
    pods = containers(planned(SHAPES["multi-node"], prefetch_model=True))
    box = Sandbox(tmp_path)
    waiting = [box.start(pods["trainer"], index=1), box.start(pods["inference"])]
    first = box.start(pods["trainer"], index=0, stub_ends={"torchrun": "stay"})
    assert [finish(process)[0] for process in waiting] == [0, 0]
    assert [call["argv"] for call in box.calls("hf")] == [["download", "--", "Qwen/Qwen3-0.6B"]]
    os.kill(first.pid, signal.SIGTERM)
    finish(first)


@pytest.mark.parametrize("shape", ["one-plus-one", "expert-parallel"])
def test_without_logs_on_the_volume_nothing_is_written_there(shape: str, tmp_path: Path) -> None:
    plan = planned(SHAPES[shape], log_to_volume=False)
    for suffix, _, box, code, output in _run_all(plan, tmp_path):
        assert code == _expected_code(plan, suffix), output
        assert not (box.run_dir / "logs").exists()
        assert "output of" in output


def test_mounted_configs_are_read_where_they_are(tmp_path: Path) -> None:
    plan = planned(SHAPES["one-plus-one"], config_delivery="volume")
    for suffix, container in containers(plan).items():
        values = {variable["name"]: variable.get("value") for variable in container["env"]}
        assert values["RLSPLIT_CONFIG_DIR"] == "/etc/rlsplit"
        assert "RLSPLIT_JSON" not in container["args"][2]
        mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
        assert mounts["config"] == {"name": "config", "mountPath": "/etc/rlsplit", "readOnly": True}
        box = Sandbox(tmp_path / suffix)
        with prepared_by_another_pod(box.run_dir):
            assert finish(box.start(container))[0] == 0


@pytest.mark.parametrize(("shape", "form"), CASES)
def test_scripts_are_fit_for_a_literal_block(shape: str, form: str) -> None:
    plan = planned(SHAPES[shape], workload=form)
    for pods in plan.pods:
        text = script(plan, pods, inline_config=True)
        assert text.startswith("set -euo pipefail\n")
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        for line in text.splitlines():
            assert line == line.rstrip()
            assert line.isascii()
            assert line.isprintable()
            assert line, text


HOSTILE = [
    "$(rm -rf /)",
    "`touch escaped`",
    "'; touch escaped; '",
    '"; touch escaped; "',
    "a\nRLSPLIT_JSON\ntouch escaped\n",
    "$$ $(HOME) $HOME ${HOME} $é \\ \x7f \t",
    "Ünïcode 数学 🚀",
    "x" * 10_000,
    "-rf",
    "$(RLSPLIT_RUN_DIR)",
]


def test_hostile_text_stays_data(tmp_path: Path) -> None:
    nested = {f"key {number} {text[:40]}": [text, {"deep": text}] for number, text in enumerate(HOSTILE)}
    env_vars = {f"HOSTILE_{number}": text for number, text in enumerate(HOSTILE)}
    split = make_refused(
        trainer={"model": {"name": HOSTILE[0], "extra": nested}, "env_vars": env_vars},
        orchestrator={"model": {"name": HOSTILE[1]}, "extra": nested, "env_vars": env_vars},
        inference={"vllm": {"model": HOSTILE[3], "extra": nested}, "env_vars": env_vars},
        train=[source(text.replace("/", "")[:60], prompt=text) for text in HOSTILE],
        env_vars=env_vars,
    )
    plan = planned(split, run=replace(RUN, name="".join(HOSTILE)))
    for suffix, _, box, code, output in _run_all(plan, tmp_path):
        pods = plan.component(suffix)
        assert pods is not None
        assert pods.config is not None
        assert code == 0, output
        assert (box.root / "pod" / pods.config.file).read_bytes() == pods.config.text.encode()
        assert not list(box.root.glob("**/escaped"))
    for container in containers(plan).values():
        received: dict[str, str] = {}
        for variable in container["env"]:
            received[variable["name"]] = kubelet_expand(variable["value"], received)
        assert received["PRL_RUN_NAME"] == "".join(HOSTILE)
        assert {name: received[name] for name in env_vars} == env_vars


ATTACKS = (
    "$(touch escaped)",
    "`touch escaped`",
    "'; touch escaped; '",
    '"; touch escaped; "',
    "\nRLSPLIT_JSON\ntouch escaped\n",
    "${IFS}",
    "$(HOME)",
    "$$",
    "\\",
    "\x7f",
    "\u2028",
    "é",
    "🚀",
    "|| touch escaped",
    "&",
    "#",
    "!",
    "%",
    "\t",
    "\r",
)


@pytest.mark.parametrize("batch", range(10))
def test_ten_thousand_random_texts_stay_data(tmp_path: Path, batch: int) -> None:
    """A thousand a batch: in configs, variables, names of runs, models and environments, executed by a real bash."""
    draw = random.Random(batch)
    texts = ["".join(draw.choices(ATTACKS, k=draw.randint(1, 5))) for _ in range(1000)]
    variables = {f"TEXT_{number}": text for number, text in enumerate(texts[900:980])}
    split = make_refused(
        trainer={"model": {"name": texts[0]}, "extra": texts[:400], "env_vars": variables},
        orchestrator={"model": {"name": texts[1]}, "extra": {text: text for text in texts[400:650]}},
        inference={"vllm": {"model": texts[2], "extra": texts[650:900]}},
        train=[source(f"env {batch}{texts[980]}".replace("/", ""), prompt=texts[981:])],
        env_vars=variables,
    )
    plan = planned(split, run=replace(RUN, name=texts[999]))
    for suffix, _, box, code, output in _run_all(plan, tmp_path):
        pods = plan.component(suffix)
        assert pods is not None
        assert pods.config is not None
        assert code == 0, output
        assert (box.root / "pod" / pods.config.file).read_bytes() == pods.config.text.encode()
        assert not list(box.root.glob("**/escaped"))
    trainer = containers(plan)["trainer"]
    received = {variable["name"]: kubelet_expand(variable["value"], {}) for variable in trainer["env"]}
    assert {name: received[name] for name in variables} == variables
    assert received["PRL_RUN_NAME"] == texts[999]


TEXT = st.text(alphabet=st.one_of(st.sampled_from("$(){}AB é🚀\\'\"`\n"), st.characters(exclude_categories=["Cs"])))


@given(TEXT, st.dictionaries(st.sampled_from(["A", "B", "AB"]), TEXT))
def test_kubelet_gives_back_what_was_escaped(text: str, env: dict[str, str]) -> None:
    assert kubelet_expand(escape(text), env) == text


@given(st.dictionaries(TEXT, TEXT))
def test_config_text_is_ascii_lines_that_never_end_the_heredoc(config: dict[str, str]) -> None:
    text = config_text(config)
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert "RLSPLIT_JSON" not in text.split("\n")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.slow
@given(st.dictionaries(st.text(), JSON))
def test_config_text_is_what_the_standard_library_writes(config: dict[str, Any]) -> None:
    expected = json.dumps(config, indent=2, sort_keys=True, allow_nan=False)
    assert config_text(config) == expected.replace("\x7f", "\\u007f") + "\n"


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_config_text_spells_what_json_lacks_as_a_text_that_reads_back(number: float) -> None:
    text = json.loads(config_text({"a": [number]}), parse_constant=pytest.fail)["a"][0]
    assert isinstance(text, str)
    assert repr(float(text)) == repr(number)


@pytest.mark.parametrize("value", [None, True, 1.5, "a b", "$HOME", "a;b", "a\nb", "`x`", "'", b"x", ["a"]])
def test_templates_refuse_what_a_shell_would_read(value: Any) -> None:
    with pytest.raises(TypeError):
        _word(value)
