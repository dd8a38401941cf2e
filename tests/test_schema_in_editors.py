"""The JSON Schema in the hands of the programs that use it: Taplo in editors, check-jsonschema before a commit."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import jsonschema
import pytest
import tomli

import rlsplit
from goldens import good
from rlsplit import schema_file

SCHEMA = Path(rlsplit.__file__).with_name(schema_file.FILES["rl"])

BASE = """\
[trainer]
[orchestrator]
[[orchestrator.train.source]]
env.taskset.id = "reverse-text"
[inference]
"""

WRONG = {
    "root-key": ("max_step = 5", "max_step"),
    "root-type": ('max_steps = "many"', "max_steps"),
    "root-table": ("[wandb]\nproject = 'x'", "wandb"),
    "key": ("[trainer.model]\nseqlen = 1", "trainer.model.seqlen"),
    "key-of-another-variant": ('[trainer.optim]\ntype = "muon"\nmomentum = 0.9', "trainer.optim.momentum"),
    "key-of-the-default-variant": ("[deployment]\nnum_train_nodes = 2", "deployment.num_train_nodes"),
    "tag": ('[trainer.optim]\ntype = "adam"', "trainer.optim.type"),
    "tag-of-nothing": ('[weight_broadcast]\ntype = "ncl"', "weight_broadcast.type"),
    "missing-tag": ("[weight_broadcast]\nport = 5", "weight_broadcast"),
    "missing-key": ('[deployment]\ntype = "multi_node"', "deployment"),
    "bound": ("[orchestrator.train.sampling]\ntemperature = -1", "orchestrator.train.sampling.temperature"),
    "section-that-is-none": ('[trainer.slurm]\nx = 1', "trainer.slurm"),
    "nested-type": ('[trainer.heartbeat]\nurl = 1', "trainer.heartbeat.url"),
    "choice": ('[trainer]\nmatmul_precision = "low"', "trainer.matmul_precision"),
    "boolean": ('clean = "maybe"', "clean"),
    "scalar-for-table": ("ckpt = 5", "ckpt"),
    "key-of-an-optional-table": ("[ckpt]\nresume_step = 5", "ckpt.resume_step"),
    "renderer": ('[orchestrator.renderer]\nname = "qwen"', "orchestrator.renderer.name"),
    "key-of-a-renderer": ('[orchestrator.renderer]\nname = "auto"\nthinking = 1', "orchestrator.renderer.thinking"),
    "algorithm": ('[orchestrator.algo]\ntype = "grpo"\nclip = 1', "orchestrator.algo.clip"),
    "list-item": ('[[orchestrator.eval.source]]\nenv.id = "x"\ngroupsize = 1', "orchestrator.eval.source.0.groupsize"),
    "table-for-list": ('[orchestrator.train]\nsource = { env = {} }', "orchestrator.train.source"),
    "variable": ("[env_vars]\nA = 1", "env_vars.A"),
    "deep": ("[inference.vllm]\ntensor_parallel_size = true", "inference.vllm.tensor_parallel_size"),
    "router": ('[inference.router]\ntype = "vllm-router"\nporto = 1', "inference.router.porto"),
    "quantization": ('[trainer.model.quantization]\ntype = "fp8"\nbits = 8', "trainer.model.quantization.bits"),
    "offload": ("[trainer.model]\nfull_offload = 5", "trainer.model.full_offload"),
}  # fmt: skip
"""Name to what is added to a good config, and the one key that is wrong in it."""


def config(lines: str) -> str:
    """A good config with further lines, whose tables replace those of the same name."""
    headers = set(re.findall(r"(?m)^\[([^\[\]]+)\]$", lines))
    base = "".join(f"{line}\n" for line in BASE.splitlines() if line.strip("[]") not in headers)
    if "source = " in lines:
        base = "[trainer]\n[inference]\n"
    return f"{base}{lines}\n" if lines.startswith("[") else f"{lines}\n{base}"


def wanted(path: str, text: str) -> set[int]:
    """The lines at which an error of a key may be shown: where it is written, or where its table is."""
    name = path.rpartition(".")[2]
    lines = text.split("\n")
    return {
        number
        for number, line in enumerate(lines, 1)
        if re.match(rf"{re.escape(name)} *=", line) or re.match(rf"\[+(?:.*\.)?{re.escape(name)}\]+", line)
    }


def paths(text: str) -> list[str]:
    errors = jsonschema.Draft202012Validator(json.loads(schema_file.text())).iter_errors(tomli.loads(text))
    return [".".join(map(str, error.absolute_path)) for error in errors]


@pytest.mark.parametrize("name", sorted(WRONG))
def test_one_wrong_key_gives_one_error_at_the_key(name: str) -> None:
    lines, path = WRONG[name]
    assert paths(config(lines)) == [path]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    folder = tmp_path_factory.mktemp("wrong")
    written = {}
    for name, (lines, _) in WRONG.items():
        written[name] = folder / f"{name}.toml"
        written[name].write_text(config(lines), encoding="utf-8", newline="\n")
    return written


def _taplo() -> str | None:
    candidates = (
        os.environ.get("TAPLO"),
        shutil.which("taplo"),
        *(f"{folder}/.bin/taplo" for folder in os.environ.get("NODE_PATH", "").split(os.pathsep) if folder),
    )
    return next((path for path in candidates if path and Path(path).exists()), None)


TAPLO = _taplo()
needs_taplo = pytest.mark.skipif(
    TAPLO is None, reason="Taplo is not installed (npm install @taplo/cli; TAPLO=its path)"
)


def taplo(*given: Path) -> dict[str, list[tuple[int, str]]]:
    """What Taplo says about files: name to line and message of each error."""
    command = [str(TAPLO), "check", "--schema", SCHEMA.as_uri(), *map(str, given)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    text = re.sub(r"\x1b\[[0-9;]*m", "", run.stdout + run.stderr)
    found: dict[str, list[tuple[int, str]]] = {}
    for message, file, line in re.findall(r"(?m)^error: (.*)\n +┌─ (.*?):(\d+):\d+", text):
        found.setdefault(file, []).append((int(line), message))
    assert run.returncode == bool(found), text
    return found


@needs_taplo
def test_taplo_finds_nothing_wrong_with_good_fixtures() -> None:
    assert taplo(*good()) == {}


@needs_taplo
def test_taplo_tells_one_error_at_the_right_key(files: Mapping[str, Path]) -> None:
    # One file at a time: of several, Taplo prints what it finds in no order.
    for name, path in files.items():
        found = taplo(path).get(str(path), [])
        assert len({message for _, message in found}) == 1, (name, found)
        text = path.read_text(encoding="utf-8")
        assert min(line for line, _ in found) in wanted(WRONG[name][1], text), (name, found)


needs_checker = pytest.mark.skipif(
    importlib.util.find_spec("check_jsonschema") is None, reason="check-jsonschema is not installed"
)


def checked(*given: Path) -> list[dict[str, str]]:
    command = [sys.executable, "-m", "check_jsonschema", "-o", "json", "--schemafile", str(SCHEMA), *map(str, given)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    errors: list[dict[str, str]] = json.loads(run.stdout).get("errors", [])
    return errors


@needs_checker
def test_check_jsonschema_finds_nothing_wrong_with_good_fixtures() -> None:
    assert checked(*good()) == []


@needs_checker
def test_check_jsonschema_tells_one_error_at_the_right_key(files: Mapping[str, Path]) -> None:
    errors = checked(*files.values())
    found = {
        (Path(error["filename"]).stem, re.sub(r"\[(\d+)\]", r".\1", error["path"]).removeprefix("$."))
        for error in errors
    }
    assert len(errors) == len(WRONG)
    assert found == {(name, path) for name, (_, path) in WRONG.items()}
