"""Attacks on whoever reads: control characters, bidi marks and workflow commands in every name, through every command."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tomli
import yaml

from rlsplit.cli import main

HOSTILE = (
    "a\x1b[2Jb\x07\x08\r\x9b31m\u202edc\u2066\u2028::error::x\u200b\n::set-output name=x::y\n::error file=a::b\x00"
)
WITHOUT_NUL = HOSTILE.replace("\x00", "")
ODD_NAME = f"{WITHOUT_NUL}.toml"
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ufeff]")
OWN_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def quoted(text: str) -> str:
    """A TOML string."""
    return '"' + "".join(c if " " <= c < "\x7f" and c not in '"\\' else f"\\u{ord(c):04X}" for c in text) + '"'


NAME = quoted(WITHOUT_NUL)

GOOD = f"""
run.name = {NAME}
max_steps = 5
[env_vars]
PLAIN = {NAME}
[trainer]
[inference]
[orchestrator]
[[orchestrator.train.source]]
name = {NAME}
env.taskset.id = "a"
env.taskset.args = {{ {NAME} = {NAME} }}
[[orchestrator.eval.source]]
name = "b"
env.taskset.id = {NAME}
"""
BAD = f"""
{NAME} = {NAME}
max_steps = {NAME}
[trainer]
{NAME} = 1
[trainer.model]
attn = {NAME}
[inference.router]
type = {NAME}
policy = {NAME}
[orchestrator.model.client]
base_url = {NAME}
[orchestrator.{NAME}]
x = 1
[[orchestrator.train.source]]
name = {NAME}
serve.address = {NAME}
[{NAME}.{NAME}]
"""
BROKEN = f"[trainer]\nx = 'a\x1b[2Jb\u202e\n::error::x\n{NAME} = = 1\n"
SETTINGS = f"""
namespace = {NAME}
{NAME} = 1
[labels]
{NAME} = {NAME}
[trainer.env]
{NAME} = {NAME}
"""

RUNS: list[list[str]] = [
    *([command, "good.toml"] for command in ("validate", "render", "split", "explain")),
    *([command, "bad.toml"] for command in ("validate", "render", "split", "explain")),
    *([command, "broken.toml"] for command in ("validate", "render", "split", "explain")),
    *(["validate", file, "--report", form] for file in ("good.toml", "bad.toml", "broken.toml") for form in ("json", "github", "sarif")),
    *(["render", file, "--format", form] for file in ("good.toml", "bad.toml") for form in ("yaml", "json", "markdown", "html")),
    *(["diff", "good.toml", "other.toml", "--format", form] for form in ("text", "markdown", "html")),
    *(["validate", "--diff", file] for file in ("good.toml", "bad.toml", "broken.toml", WITHOUT_NUL)),
    *(["validate", "--fix", file] for file in ("hidden.toml", "mendable.toml")),
    ["diff", "--objects", "objects.json", "good.toml"],
    ["diff", "--objects", WITHOUT_NUL, "good.toml"],
    ["diff", "--objects", "broken.toml", "good.toml"],
    ["diff", "good.toml", "--platform", f"{WITHOUT_NUL}..x"],
    ["diff", "good.toml", "sources.toml"],
    ["explain", "good.toml", "good.toml", "seq_len"],
    ["diff", "good.toml", "bad.toml"],
    ["diff", "bad.toml", "broken.toml"],
    ["validate", "--platform", "settings.toml"],
    ["render", "good.toml", "--platform", "settings.toml"],
    ["validate", WITHOUT_NUL],
    ["render", WITHOUT_NUL],
    ["diff", WITHOUT_NUL, "good.toml"],
    ["render", "good.toml", "--run-id", WITHOUT_NUL],
    ["render", "good.toml", "--image-tag", WITHOUT_NUL],
    ["render", "good.toml", "--name", WITHOUT_NUL],
    ["render", "good.toml", "--only", WITHOUT_NUL],
    ["render", "good.toml", "--component", WITHOUT_NUL],
    ["render", "good.toml", "--set", f"{WITHOUT_NUL}={WITHOUT_NUL}"],
    ["render", "good.toml", f"--{WITHOUT_NUL}"],
    ["explain", "good.toml", WITHOUT_NUL],
    ["rules", WITHOUT_NUL],
    ["schema", WITHOUT_NUL],
    [WITHOUT_NUL],
    *(["validate", ODD_NAME, *more] for more in ([], ["--report", "github"], ["--report", "json"], ["--report", "sarif"], ["--diff"], ["--compose"])),
    *([command, ODD_NAME] for command in ("render", "explain", "split")),
    *(["render", ODD_NAME, "--format", form] for form in ("markdown", "html")),
    *(["diff", ODD_NAME, "good.toml", "--format", form] for form in ("text", "markdown", "html")),
    ["migrate", ODD_NAME, "--diff"],
    ["validate", "good.toml", "--platform", ODD_NAME],
    *(["migrate", file, "--diff", "--report", "json"] for file in ("bad.toml", "broken.toml", "older.toml", WITHOUT_NUL)),
    ["migrate", "moved.toml"],
    *(["migrate", file, "--diff"] for file in ("good.toml", "bad.toml", "broken.toml", "older.toml", "hidden.toml")),
    *(["migrate", "older.toml", *more] for more in (["-o", f"{WITHOUT_NUL}/x"], ["-o", WITHOUT_NUL], ["--to", WITHOUT_NUL], ["--from", WITHOUT_NUL])),
    *(["drift", file, *more] for file in ("dump.json", "objects.json", "broken.toml", WITHOUT_NUL) for more in ([], ["--stub"], ["--report", "github"], ["--since", "dump.json"])),
    ["drift", "dump.json", "--release", WITHOUT_NUL],
    ["drift", "dump.json", "--stub", "--tag", WITHOUT_NUL],
    *(["doc", topic] for topic in (WITHOUT_NUL, f"trainer.{WITHOUT_NUL}", f"platform.{WITHOUT_NUL}", f"T-{WITHOUT_NUL}")),
    *(["init", *more, "-o", "-"] for more in (["--model", WITHOUT_NUL], ["--env", WITHOUT_NUL], ["--sft", "--data", WITHOUT_NUL], ["platform"])),
    ["init", "--nodes", WITHOUT_NUL],
    ["init", "-o", f"{WITHOUT_NUL}/{WITHOUT_NUL}"],
    *(["init", *more, "-o", f"{WITHOUT_NUL}{number}"] for number, more in enumerate((["platform"], ["--sft"], ["--model", WITHOUT_NUL]))),
    ["init", WITHOUT_NUL],
    *(["own", file, "--uid", uid, "--format", form] for file in ("objects.json", "broken.toml", WITHOUT_NUL, "run.json") for uid in ("u", WITHOUT_NUL) for form in ("yaml", "json")),
    *(["validate", "--diff", file] for file in ("mendable.toml", "hidden.toml")),
    *(["validate", "--diff", "mendable.toml", "--report", form] for form in ("json", "github", "sarif")),
    *(["validate", "good.toml", *more] for more in (["--release", WITHOUT_NUL], ["--mode", WITHOUT_NUL], ["--report", WITHOUT_NUL], ["--report", f"json={WITHOUT_NUL}/x"], ["--attach", WITHOUT_NUL], ["--attach", f"{WITHOUT_NUL}=good.toml"], ["--attach", f"a={WITHOUT_NUL}"], ["--sft"], ["--platform", WITHOUT_NUL], ["--on-unknown", "warn"])),
    *([command, "good.toml", f"--trainer.{word}", "1"] for command in ("validate", "render") for word in ("x=" + WITHOUT_NUL, "optim.lr=" + WITHOUT_NUL, WITHOUT_NUL)),
    *(["render", "good.toml", *more] for more in (["--secrets-from-env"], ["--secrets-from-env", "--format", "json"], ["-o", f"good.toml/{WITHOUT_NUL}"], ["--attempt", WITHOUT_NUL], ["--platform", WITHOUT_NUL], ["--volume", WITHOUT_NUL], ["--gpu-type", WITHOUT_NUL], ["--team-id", WITHOUT_NUL], ["--source-ref", WITHOUT_NUL], ["--source-repo", WITHOUT_NUL], ["--notes"])),
    *(["render", "good.toml", "--platform", "accepted.toml", "--format", form] for form in ("yaml", "json", "markdown", "html")),
    *([command, "good.toml", "--platform", "accepted.toml", "--platform", other] for command in ("explain", "diff") for other in ("plain.toml", "settings.toml", WITHOUT_NUL)),
    ["split", "good.toml", "--component", WITHOUT_NUL],
    *(["split", "good.toml", "--form", form, "--format", syntax] for form in ("sparse", "resolved") for syntax in ("toml", "json")),
    ["split", "good.toml", "--artifact", "--mode", "hosted"],
    ["diff", "good.toml", "--git", WITHOUT_NUL],
    ["diff", WITHOUT_NUL, "--git", "main"],
    ["diff", "good.toml", "other.toml", "--base", WITHOUT_NUL],
    ["diff", "good.toml", "other.toml", "--format", WITHOUT_NUL],
    ["explain", "good.toml", "--component", WITHOUT_NUL],
    ["rules", "X-19", "--release", WITHOUT_NUL],
    ["schema", "--release", WITHOUT_NUL],
    ["completion", WITHOUT_NUL],
    ["help", WITHOUT_NUL],
    ["validate", "good.toml", WITHOUT_NUL, f"-{WITHOUT_NUL}"],
]  # fmt: skip


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("here")
    files = {"good": GOOD, "other": GOOD.replace("max_steps = 5", "max_steps = 6"), "bad": BAD, "broken": BROKEN}
    for name, text in {**files, "settings": SETTINGS}.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    hostile = {"apiVersion": "v1", "kind": HOSTILE, "metadata": {"name": HOSTILE}, HOSTILE: [HOSTILE]}
    (folder / "objects.json").write_text(json.dumps(hostile), encoding="utf-8")
    more = f'[[orchestrator.train.source]]\nname = {NAME[:-1]}2"\nenv.taskset.id = {NAME}\n'
    (folder / "sources.toml").write_text(GOOD + more, encoding="utf-8")
    mendable = GOOD.replace("max_steps = 5", f"max_stepz = 5\n[wandb]\nname = {NAME}\n[{NAME}]\nx = True")
    (folder / "mendable.toml").write_text(mendable, encoding="utf-8")
    (folder / ODD_NAME).write_text(BAD, encoding="utf-8")
    (folder / "hidden.toml").write_text(BAD, encoding="utf-8")
    older = (
        f"[trainer]\nmax_steps = 1\n[orchestrator]\n[[orchestrator.env]]\nid = {NAME}\nargs = {{ {NAME} = {NAME} }}\n"
    )
    for name in ("older", "moved"):
        (folder / f"{name}.toml").write_text(older, encoding="utf-8")
    (folder / "plain.toml").write_text("", encoding="utf-8")
    (folder / "accepted.toml").write_text(f"[trainer.env]\nPLAIN = {NAME}\n", encoding="utf-8")
    row = {"type": HOSTILE, "default": HOSTILE, "bounds": {HOSTILE: HOSTILE}, HOSTILE: HOSTILE}
    dump = {
        "paths": {HOSTILE: row, "max_steps": row, f"trainer.{HOSTILE}": row},
        "tables": {HOSTILE: {HOSTILE: HOSTILE}},
        "commit": HOSTILE,
    }
    (folder / "dump.json").write_text(json.dumps(dump), encoding="utf-8")
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": HOSTILE, "labels": {"app.kubernetes.io/component": "trainer"}},
    }
    (folder / "run.json").write_text(json.dumps({"kind": "List", "items": [job, hostile]}), encoding="utf-8")
    return folder


def test_the_attack_matters(here: Path) -> None:
    assert RAW.search(GOOD.encode().decode("unicode_escape"))


@pytest.mark.parametrize(
    "arguments", RUNS, ids=lambda words: " ".join(word[:12] for word in words).encode("unicode_escape").decode()
)
@pytest.mark.parametrize("colour", [False, True], ids=["plain", "colours"])
def test_nothing_hostile_comes_out_raw(
    arguments: list[str], colour: bool, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(here)
    monkeypatch.setenv("FORCE_COLOR" if colour else "NO_COLOR", "1")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    for variable in ("WANDB_API_KEY", "HF_TOKEN", "PRIME_API_KEY"):
        monkeypatch.setenv(variable, WITHOUT_NUL)
    assert main(arguments) in (0, 1, 2)
    for stream in capsys.readouterr():
        text = OWN_COLOURS.sub("", stream)
        found = RAW.search(text)
        assert found is None, text[max(0, found.start() - 80) : found.end() + 40].encode("unicode_escape")
        commands = [line for line in text.splitlines() if line.startswith("::")]
        assert all(
            "github" in arguments and line.startswith(("::error ", "::warning ", "::notice ")) for line in commands
        ), commands


def test_machines_read_the_names_back(here: Path) -> None:
    def output(*words: str) -> str:
        command = [sys.executable, "-m", "rlsplit", *words]
        return subprocess.run(command, cwd=here, capture_output=True, timeout=120, check=True).stdout.decode("utf-8")

    for text in (output("render", "good.toml", "--format", "json"), output("split", "good.toml", "--format", "json")):
        assert f'"{WITHOUT_NUL}"' in repr_of(json.loads(text))
    documents = list(yaml.safe_load_all(output("render", "good.toml")))
    assert f'"{WITHOUT_NUL}"' in repr_of(documents)
    assert tomli.loads(output("split", "good.toml", "--component", "trainer"))


def repr_of(data: object) -> str:
    """Every text of some data in quotes, as it is."""
    if isinstance(data, dict):
        return "".join(repr_of(item) for pair in data.items() for item in pair)
    if isinstance(data, list):
        return "".join(map(repr_of, data))
    return f'"{data}"'
