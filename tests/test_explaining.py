"""Every value of every component has an origin, and the origins rebuild the configs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import tomli

import rlsplit
from conftest import ROOT
from goldens import ABLE, good, sft
from rlsplit.cli import main
from rlsplit.explaining import Origin, changed, explain, leaves, origin_text
from rlsplit.planning.model import REMOVED

GOOD = [*good(), *sft()]


def explained(content: bytes | str, *, planned: bool = False) -> tuple[rlsplit.Split, tuple[Origin, ...]]:
    outcome = rlsplit.compile_sources([rlsplit.Source(name="rl.toml", content=content)])
    assert outcome.config is not None
    split = rlsplit.split(outcome.config)
    plan = rlsplit.plan(split, run=rlsplit.Run(id="r"), platform=ABLE) if planned else None
    return split, explain(split, outcome.config.provenance, outcome.document, plan)


def rebuilt(origins: Iterable[Origin]) -> dict[str, Any]:
    """Apply explained values to empty configs: component to config."""
    configs: dict[str, Any] = {}
    for origin in origins:
        if origin.value == REMOVED:
            continue
        node: Any = configs.setdefault(origin.component, {})
        for part, following in zip(origin.path[:-1], origin.path[1:], strict=True):
            node = _entered(node, part, [] if isinstance(following, int) else {})
        _put(node, origin.path[-1], origin.value)
    return configs


def _entered(node: Any, part: str | int, empty: Any) -> Any:
    if isinstance(node, dict):
        return node.setdefault(part, empty)
    if part == len(node):
        node.append(empty)
    return node[part]


def _put(node: Any, part: str | int, value: Any) -> None:
    if isinstance(node, dict):
        node[part] = value
    elif part == len(node):
        node.append(value)
    else:
        node[part] = value


def check_rebuilt(split: rlsplit.Split, origins: tuple[Origin, ...]) -> None:
    configs = rebuilt(origins)
    expected = {"trainer": split.trainer, "orchestrator": split.orchestrator, "inference": split.inference}
    expected |= {f"env-{server.index}-{server.name}": server.config for server in split.env_servers}
    for name, component in expected.items():
        if component is not None:
            assert json.dumps(configs[name], sort_keys=True) == json.dumps(component.resolved, sort_keys=True)


@pytest.mark.parametrize("fixture", GOOD, ids=lambda path: path.parent.name)
def test_origins_rebuild_every_component(fixture: Path) -> None:
    check_rebuilt(*explained(fixture.read_bytes()))


def test_origins_rebuild_every_real_config(shared: Path) -> None:
    examples = sorted((shared / "conformance" / "examples").glob("*.toml"))
    assert examples
    compiled = 0
    for path in examples:
        try:
            check_rebuilt(*explained(path.read_bytes()))
        except AssertionError as error:
            if "assert None is not None" not in str(error):
                raise
        else:
            compiled += 1
    assert compiled >= 25


@pytest.mark.parametrize("fixture", GOOD, ids=lambda path: path.parent.name)
def test_every_written_value_is_where_its_origin_says(fixture: Path) -> None:
    text = fixture.read_text(encoding="utf-8")
    lines = text.splitlines()
    _, origins = explained(text)
    kinds = {origin.kind for origin in origins}
    assert kinds | {"shared"} == {"written", "shared", "derived", "default"}
    assert "shared" in kinds or fixture.name == "sft.toml"
    for origin in origins:
        if origin.kind == "written":
            assert origin.where is not None
            rest = lines[origin.where.line - 1][origin.where.column - 1 :]
            assert origin.source is not None
            part = origin.source[-1]
            assert isinstance(part, int) or rest.strip("\"'").startswith(str(part))


@pytest.mark.parametrize("fixture", GOOD, ids=lambda path: path.parent.name)
def test_a_plan_explains_its_overlays(fixture: Path) -> None:
    _, origins = explained(fixture.read_bytes(), planned=True)
    overlaid = [origin for origin in origins if origin.kind == "overlaid"]
    assert ("trainer", ("output_dir",)) in [(origin.component, origin.path) for origin in overlaid]
    assert all(origin.rule and origin.reason for origin in overlaid)


def test_each_kind_of_origin_in_words() -> None:
    text = """\
max_steps = 5
run.name = "r"
[deployment]
type = "multi_node"
num_train_nodes = 2
[trainer]
optim.lr = 1e-5
[orchestrator]
[inference]
vllm.tensor_parallel_size = 4
"""
    _, origins = explained(text)
    told = {f"{o.component}.{'.'.join(map(str, o.path))}": origin_text(o) for o in changed(origins)}
    assert told["trainer.optim.lr"] == "written at rl.toml:7:7"
    assert told["trainer.max_steps"] == "from the shared max_steps at rl.toml:1:1"
    assert told["orchestrator.num_train_workers"] == (
        "derived by X-19: 16 = 2 nodes x 8 GPUs // cp 1 from deployment.num_train_nodes = 2, "
        "deployment.gpus_per_node = 8, trainer.model.cp = 1"
    )
    assert "trainer.matmul_precision" not in told


def test_leaves_enter_tables_and_lists_of_tables_only() -> None:
    value = tomli.loads("a = [1, 2]\nb = [{ c = 1 }]\nd = {}")
    assert dict(leaves(value)) == {("a",): [1, 2], ("b", 0, "c"): 1, ("d",): {}}


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("deployment.num_train_nodes", ["trainer.model.dp_replicate = 4", "orchestrator.num_train_workers = 32"]),
        (
            "weight_broadcast.port",
            ["trainer.weight_broadcast.port = 29555", "orchestrator.weight_broadcast.port = 29555"],
        ),
    ],
)
def test_a_key_that_no_component_has_tells_what_comes_of_it(
    key: str, values: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(ROOT / "fixtures" / "large" / "rl.toml"), key, "--without-cluster"]) == 0
    assert [line.partition("  #")[0].rstrip() for line in capsys.readouterr().out.splitlines()] == values


def test_a_key_without_any_value_is_told_apart_from_one_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rl.toml"
    file.write_text(
        "slurm.partition = 'a'\n[trainer]\n[inference]\n[orchestrator]\n[[orchestrator.train.source]]\nenv.taskset.id='a'\n"
    )
    assert main(["explain", str(file), "slurm.partition"]) == 2
    assert capsys.readouterr().err.endswith(
        "slurm.partition is written, and no component gets it as a value of its own\n"
    )
