"""SFT runs: told from RL runs, loaded when one is compiled, and what the conformance data cannot show."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import tomli

import rlsplit
from conftest import ROOT
from rlsplit.config.resolve import Given, resolve, resolve_both
from rlsplit.config.sft.checks import written_port
from rlsplit.config.sft.kind import SFT
from rlsplit.findings import dotted

EVALS = """
max_steps = 10
[run]
name = "test"
[data]
[inference]
[[eval.source]]
env.id = "a"
"""


def found(text: str, **options: Any) -> list[tuple[str, str]]:
    outcome = rlsplit.compile_sources([rlsplit.Source(name="sft.toml", content=text)], **options)
    return [(finding.code, dotted(finding.path)) for finding in outcome.findings]


def parsed(text: str, **options: Any) -> rlsplit.SFTConfig:
    config = rlsplit.parse(text, **options)
    assert isinstance(config, rlsplit.SFTConfig)
    return config


def test_kinds_are_told_by_root_keys_unless_one_is_named() -> None:
    assert isinstance(rlsplit.parse("[data]"), rlsplit.SFTConfig)
    assert isinstance(rlsplit.parse("[trainer]\n[orchestrator]"), rlsplit.RLConfig)
    assert isinstance(rlsplit.parse("", kind="sft"), rlsplit.SFTConfig)
    assert found("[data]", kind="rl") != []


def test_an_rl_command_loads_nothing_of_sft() -> None:
    program = """
import sys
from rlsplit.cli import main
assert main(["render", sys.argv[1], "--run-id", "r"]) == 0
print([name for name in sys.modules if "sft" in name or name.endswith(".evals")], file=sys.stderr)
"""
    config = ROOT / "fixtures" / "reverse-text" / "rl.toml"
    ended = subprocess.run(
        [sys.executable, "-c", program, str(config)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert ended.stderr.strip().endswith("[]")


@pytest.mark.parametrize("release", ["v0.8.0", "v0.7.0", "v0.8.1.dev43", "60bc295"])
def test_an_older_release_is_one_finding(release: str) -> None:
    assert found("[data]\nbogus = 1", release=release) == [("release.sft", "")]
    assert found("[data]\nbogus = 1", release=release, mode="hosted") == [("release.sft", "")]


def test_the_project_folder_never_depends_on_the_working_directory() -> None:
    assert parsed("[data]\n[slurm]\nproject_dir = 'a/../b'").slurm.project_dir == "/b"  # type: ignore[union-attr]
    given = parsed("[data]\n[slurm]", project_dir="/home/me/code")
    assert given.slurm is not None
    assert given.slurm.project_dir == "/home/me/code"


@pytest.mark.parametrize("spelling", ["num_infer_gpus", "num_eval_gpus"])
def test_findings_have_the_spelling_that_was_read(spelling: str) -> None:
    assert found(f"[data]\n[deployment]\n{spelling} = 'x'") == [("B-03", f"deployment.{spelling}")]
    both = "[data]\n[deployment]\nnum_infer_gpus = 1\nnum_eval_gpus = 1"
    for unknown in ("error", "warn"):
        assert found(both, on_unknown=unknown) == [("B-01", "deployment.num_eval_gpus")]


def test_a_rule_that_rl_has_speaks_of_keys_of_sft() -> None:
    outcome = rlsplit.compile_sources(
        [rlsplit.Source(name="sft.toml", content='[data]\n[model]\nimpl = "hf"\nattn = "sdpa"\ncp = 2\n[eval]')]
    )
    said = " ".join(f"{finding.message} {finding.hint}" for finding in outcome.findings)
    assert "trainer." not in said
    assert "orchestrator" not in said
    assert "[[eval.source]]" in said


@pytest.mark.parametrize(
    "text",
    [
        EVALS,
        "[data]",
        EVALS.replace("[data]", "[data]\nbogus = 1"),
        "[data]\n[eval]\nbogus = 1\n[inference.vllm]\nmax_lora_rank = 1000",
        "[data]\n[k8s]\nx = 1\n[slurm]",
        EVALS + "[deployment]\ntype = 'multi_node'\nnum_eval_nodes = 1",
    ],
)
def test_both_ways_at_once_give_what_each_gives_alone(text: str) -> None:
    table, given = tomli.loads(text), Given(name_seed="run-1")
    for both, mode in zip(resolve_both(table, SFT, given=given), ("launcher", "hosted"), strict=True):
        alone = resolve(table, SFT, mode=mode, given=given)  # type: ignore[arg-type]
        assert both.findings == alone.findings
        if not alone.findings:
            assert both.config is not None
            assert alone.config is not None
            sides = [rlsplit.split(side.config) for side in (both, alone)]  # type: ignore[arg-type]
            assert sides[0] == sides[1]


def test_a_hosted_run_is_planned_with_its_evals() -> None:
    target = rlsplit.Target(run=rlsplit.Run(id="r"))
    source = rlsplit.Source(name="sft.toml", content=EVALS)
    outcome = rlsplit.compile_sources([source], mode="hosted", until="plan", target=target)
    assert outcome.plan is not None
    assert [pods.component for pods in outcome.plan.pods] == ["trainer", "evals", "inference", "env-server"]


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("http://x:8000/v1", 8000),
        ("//x:08000?q", 8000),
        ("http://u:p@x:9/", 9),
        ("http://[::1]:8000/v1", 8000),
        ("http://x:65535#f", 65535),
        ("http://x:65536", None),
        ("http://x:" + "9" * 5000, None),
        ("http://x:/v1", None),
        ("http://x/v1", None),
        ("http://x:8\u0660", None),
        ("http://[::1/v1", None),
        ("http://::1]:8000/v1", None),
        ("x:8000", None),
        ("", None),
    ],
)
def test_the_written_port_of_a_url(url: str, port: int | None) -> None:
    assert written_port(url) == port
