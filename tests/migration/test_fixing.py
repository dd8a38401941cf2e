"""Certain fixes: what is applied, what is not, and that none ever costs a setting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import ROOT
from rlsplit.cli import main
from rlsplit.compiler import compile_sources
from rlsplit.migration import Fixed, fix

BASE = """\
[trainer]
[inference]
[orchestrator]
[[orchestrator.train.source]]
name = "a"
env.taskset.id = "a"
"""

FIXED = {
    "a typo": ("max_stepz = 3 # three\n" + BASE, "max_steps = 3 # three\n" + BASE),
    "hyphens": (BASE.replace("[inf", "model.seq-len = 2048 # s\n[inf"), BASE.replace("[inf", "model.seq_len = 2048 # s\n[inf")),
    "a key of one place": (BASE.replace("[inf", "lr = 1.0\n[inf"), BASE.replace("[inf", "optim.lr = 1.0\n[inf")),
    "a table that moved": ("[wandb] # w\n# p\nproject = 'p'\n" + BASE, "[monitors.wandb] # w\n# p\nproject = 'p'\n" + BASE),
    "a path in quotes": ('"model.name" = "Qwen/Qwen3-0.6B"\n' + BASE, 'model.name = "Qwen/Qwen3-0.6B"\n' + BASE),
    "a typo in an item": (BASE.replace("name", "naem"), BASE),
    "a typo in an inline item": (
        'trainer = {}\ninference = {}\n[orchestrator.train]\nsource = [{ naem = "a", env.taskset.id = "a" }]\n',
        'trainer = {}\ninference = {}\n[orchestrator.train]\n'
        'source = [{ env = { taskset = { id = "a" } }, name = "a" }]\n',
    ),
    "True": ("clean = True # yes\n" + BASE, "clean = true # yes\n" + BASE),
    "another sign": ("max_steps: 3\n" + BASE, "max_steps = 3\n" + BASE),
    "a point first": (BASE.replace("[inf", "optim.lr = .5\n[inf"), BASE.replace("[inf", "optim.lr = 0.5\n[inf")),
    "a mistake behind a mistake": ("max_stepz: 3;\r\n" + BASE.replace("\n", "\r\n"), "max_steps = 3\r\n" + BASE.replace("\n", "\r\n")),
}  # fmt: skip

WRONG = '"x"'

LEFT = {
    "what no one knows": "nothing_like_it = 1\n" + BASE,
    "a typo whose place is taken": "max_stepz = 3\nmax_steps = 4\n" + BASE,
    "a typo whose fix does not validate": 'max_stepz = "many"\n' + BASE,
    "a key of another variant": BASE + "[deployment]\ntype = 'multi_node'\nnum_train_gpus = 4\n",
    "two keys for one place": "max-steps = 3\nmax_stepz = 4\n" + BASE,
    "a word that may be a text": "clean = yes\n" + BASE,
    "null": "clean = None\n" + BASE,
    "a key of another component": BASE.replace("[inf", "model.dtype = 'bfloat16'\n[inf"),
    "another component's key, and one of the same beginning": BASE.replace(
        "[inf", "scheduler = { type = 'linear', decay = 4 }\n[inf"
    ),
    "what would switch a table for debugging on": BASE.replace("[inf", "model.num_layers = 4\n[inf"),
    "what would switch checkpointing of activations on": BASE.replace("[inf", "model.freq = 2\n[inf"),
    "what would switch an adapter on": BASE.replace("[inf", "model.dropout = 0.1\n[inf"),
    "JSON": '{"max_stepz": 3, "trainer": {}, "orchestrator": {}}',
}


def fixed(text: str) -> Fixed:
    return fix(text, compile_sources)


@pytest.mark.parametrize("name", FIXED)
def test_what_is_certain(name: str) -> None:
    before, after = FIXED[name]
    found = fixed(before)
    assert found.text == after
    assert not found.outcome.is_refused, found.outcome.findings
    assert found.before.is_refused
    assert fixed(after).text == after


@pytest.mark.parametrize("name", LEFT)
def test_what_stays_a_finding(name: str) -> None:
    found = fixed(LEFT[name])
    assert found.text == LEFT[name]
    assert not found.fixes
    assert found.outcome.is_refused


def values(node: Any) -> Iterator[str]:
    if isinstance(node, (dict, list)):
        for inner in node.values() if isinstance(node, dict) else node:
            yield from values(inner)
    else:
        yield repr(node)


def errors(text: str) -> int:
    return sum(finding.severity == "error" for finding in fixed(text).before.findings)


CONFIGS = sorted((ROOT / "fixtures").glob("*/rl.toml"))


@st.composite
def broken(draw: st.DrawFn) -> str:
    """A config in which keys are misspelled, hyphenated, doubled or put elsewhere."""
    lines = draw(st.sampled_from(CONFIGS)).read_text(encoding="utf-8").split("\n")
    keys = [number for number, line in enumerate(lines) if "=" in line and not line.startswith(("#", " "))]
    for number in draw(st.lists(st.sampled_from(keys), max_size=6, unique=True)) if keys else []:
        key, _, rest = lines[number].partition("=")
        change = draw(st.sampled_from(["swap", "hyphen", "move", "double"]))
        if change == "swap" and len(key.strip()) > 3:
            at = draw(st.integers(1, len(key.strip()) - 2))
            lines[number] = f"{key[:at]}{key[at + 1]}{key[at]}{key[at + 2 :]}={rest}"
        elif change == "hyphen":
            lines[number] = f"{key.replace('_', '-')}={rest}"
        elif change == "double":
            lines.insert(number, f"{key.strip()}x ={rest}" if "[" not in rest else "")
        elif not rest.strip().startswith(("[", "{", '"""')):
            lines[number], lines[0] = "", f"{lines[number]}\n{lines[0]}"
    return "\n".join(lines)


@settings(deadline=None, max_examples=60)
@given(broken())
def test_no_fix_costs_a_setting(text: str) -> None:
    try:
        before = tomli.loads(text)
    except tomli.TOMLDecodeError:
        return
    found = fixed(text)
    assert Counter(values(tomli.loads(found.text))) == Counter(values(before))
    after = sum(finding.severity == "error" for finding in found.outcome.findings)
    assert after <= sum(finding.severity == "error" for finding in found.before.findings)
    assert fixed(found.text).text == found.text


def test_the_command_rewrites_files_and_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    before, after = FIXED["a typo"]
    Path("rl.toml").write_text(before, encoding="utf-8")
    assert main(["validate", "--diff", "rl.toml"]) == 1
    shown = capsys.readouterr()
    assert "-max_stepz = 3 # three\n+max_steps = 3 # three\n" in shown.out
    assert "max_stepz: is not a key" in shown.err
    assert Path("rl.toml").read_text(encoding="utf-8") == before
    assert main(["validate", "--fix", "rl.toml"]) == 0
    assert "rl.toml:1:1: fixed: max_stepz is now max_steps\n" in capsys.readouterr().err
    assert Path("rl.toml").read_text(encoding="utf-8") == after


@pytest.mark.parametrize("words", [["--compose", "a"], ["--set", "a=1", "a"], ["-"]])
def test_what_is_no_file_of_its_own_is_not_rewritten(words: list[str]) -> None:
    assert main(["validate", "--fix", *words]) == 2


def test_a_file_is_fixed_as_the_kind_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sft.toml").write_text('matmul_precisionn = "high"\n', encoding="utf-8")
    assert main(["validate", "--fix", "--sft", "sft.toml"]) == 0
    assert Path("sft.toml").read_text(encoding="utf-8") == 'matmul_precision = "high"\n'


def test_what_is_refused_keeps_nothing_else_from_being_fixed() -> None:
    """Also where there is more to say than is told one by one, and in one step more, not in one for each."""
    sources = "".join(
        f'[[orchestrator.train.source]]\nname = "a{i}"\nenv.taskset.id = "a"\ngroup_sise = {2 if i % 2 else WRONG}\n'
        for i in range(40)
    )
    asked: list[int] = []

    def compiled(given: Any) -> Any:
        asked.append(1)
        return compile_sources(given)

    found = fix(f"[trainer]\n[inference]\n[orchestrator]\n{sources}", compiled)
    assert len(found.fixes) == 20
    assert len(asked) < 12


def test_what_cannot_be_told_one_by_one_is_no_reason_to_stop() -> None:
    sources = "".join(f'[[orchestrator.train.source]]\nnaem = "a{i}"\nenv.taskset.id = "a"\n' for i in range(400))
    assert len(fixed(f"[trainer]\n[inference]\n[orchestrator]\n{sources}").fixes) == 400
