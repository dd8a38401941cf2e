"""Small doors of the command line: help, keys as flags, flags that are none, completion in real shells."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT
from documentation import commands
from rlsplit.cli import completers, main
from rlsplit.cli.flags import OVERRIDING, with_overrides
from rlsplit.starter import Choices, rl_text

SCRIPTS = Path(sys.executable).parent
LISTED = {kind for path in ROOT.glob("fixtures/**/*.yaml") for kind in path.read_text("utf-8").split('\nkind: "')[1:]}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "rl.toml"
    path.write_text(rl_text(Choices()), encoding="utf-8")
    return path


def test_alone_it_shows_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    alone = capsys.readouterr().out
    assert alone.startswith("usage: rlsplit")
    assert main(["help"]) == main(["--help"]) == 0
    assert capsys.readouterr().out == alone * 2


@pytest.mark.parametrize("name", commands())
def test_help_of_a_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", name]) == main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown == shown[: len(shown) // 2] * 2
    assert shown.startswith(f"usage: rlsplit {name}")


def test_help_of_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "rendre"]) == 2
    assert "invalid choice: 'rendre'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--trainer.optim.lr", "1e-5"],
        ["--trainer.optim.lr=1e-5"],
        ["--set", "trainer.optim.lr=1e-5"],
    ],
    ids=" ".join,
)
def test_a_key_may_be_a_flag(words: list[str], config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(config), "trainer.optim.lr", *words]) == 0
    assert capsys.readouterr().out == "trainer.optim.lr = 1e-05  # written at --set:1:15\n"
    assert main(["explain", *words, str(config), "trainer.optim.lr"]) == 0
    assert capsys.readouterr().out.startswith("trainer.optim.lr = 1e-05 ")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["render", "--a.b", "-1"], ["render", "--set", "a.b=-1"]),
        (["render", "--a[0].b-c", "x y"], ["render", "--set", "a[0].b-c=x y"]),
        (["render", "--a.b", "--c.d", "1"], ["render", "--a.b", "--set", "c.d=1"]),
        (["render", "--a.b", "@", "f"], ["render", "--a.b", "@", "f"]),
        (["render", "--a.b", "@f"], ["render", "--a.b", "@f"]),
        (["render", "f", "--a.b"], ["render", "f", "--a.b"]),
        (["render", "--a..b", "1"], ["render", "--a..b", "1"]),
        (["render", "--a.b="], ["render", "--set", "a.b="]),
        (["rules", "--a.b", "1"], ["rules", "--a.b", "1"]),
        ([], []),
    ],
)
def test_which_flags_are_keys(words: list[str], meant: list[str]) -> None:
    assert with_overrides(words) == meant


@pytest.mark.parametrize(
    "words",
    [
        ["explain", "FILE", "--changed-only", "trainer.optim.lr"],
        ["validate", "FILE", "--strict", "FILE"],
        ["render", "FILE", "--run-id", "r", "FILE"],
        ["diff", "FILE", "--run-id", "r", "FILE"],
        ["doc", "trainer.optim.lr"],
        ["rules", "--release", "v0.8.0", "T-01"],
    ],
)
def test_files_may_stand_behind_options(words: list[str], config: Path) -> None:
    assert main([str(config) if word == "FILE" else word for word in words]) == 0


def test_one_too_many_is_refused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", str(config), str(config), "--run-id", "r", str(config)]) == 2
    assert "unrecognized arguments" in capsys.readouterr().err


def test_commands_that_take_overrides_are_those_with_the_option() -> None:
    assert {name for name, command in commands().items() if "--set KEY=VALUE" in command.format_help()} == OVERRIDING


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["render", "--lr", "3"], "no option --lr here; --set trainer.optim.lr=VALUE sets a key of the config"),
        (["render", "--seq-len=8"], "no option --seq-len here; --set seq_len=VALUE sets a key of the config"),
        (["split", "--xyzzy"], "no option --xyzzy here; --set KEY=VALUE sets a key of the config"),
        (
            ["render", "--run-idd", "a"],
            "no option --run-idd here; did you mean --run-id? --set KEY=VALUE sets a key of the config",
        ),
        (["rules", "--xyzzy"], "no option --xyzzy here"),
        (["rules", "--relaese", "v0.8.0"], "no option --relaese here; did you mean --release?"),
        (["render", "--\x1b[31m"], "no option --\\u{1b}[31m here; --set KEY=VALUE sets a key of the config"),
    ],
)
def test_a_flag_that_is_none_names_what_to_write(
    words: list[str], said: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, *([str(config)] if words[0] != "rules" else [])]) == 2
    printed = capsys.readouterr().err
    assert "\x1b" not in printed
    assert printed == f"rlsplit: {said}\n"


# --- completion ------------------------------------------------------------------------------------------------


def completed(line: str, shell: str = "bash") -> list[str]:
    """What the command itself offers at the end of a line."""
    environ = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_SHELL": shell,
        "_ARGCOMPLETE_IFS": "\x0b",
        "_ARGCOMPLETE_STDOUT_FILENAME": os.path.join(os.environ.get("TMPDIR", "/tmp"), f"completions-{os.getpid()}"),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    file = Path(environ["_ARGCOMPLETE_STDOUT_FILENAME"])
    file.touch()
    subprocess.run([SCRIPTS / "rlsplit"], env=environ, check=False, capture_output=True)
    offered = file.read_text("utf-8")
    file.unlink()
    return [word.strip() for word in offered.split("\x0b")]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("rlsplit render --component t", ["trainer"]),
        ("rlsplit split --component e", ["env_servers"]),
        ("rlsplit render --only Pers", ["PersistentVolumeClaim"]),
        ("rlsplit render --set trainer.optim.lr", ["trainer.optim.lr="]),
        ("rlsplit explain rl.toml trainer.optim.nest", ["trainer.optim.nesterov"]),
        ("rlsplit rules plan.tensor", ["plan.tensor-parallel"]),
        ("rlsplit doc platform.gan", ["platform.gang"]),
        ("rlsplit doc T-0", [f"T-0{n}" for n in range(1, 10)]),
        ("rlsplit validate --release v0.8.0", ["v0.8.0"]),
        ("rlsplit validate --report sar", ["sarif"]),
        ("rlsplit help expl", ["explain"]),
        ("rlsplit ini", ["init"]),
    ],
)
def test_completion_offers_what_there_is(line: str, offered: list[str]) -> None:
    assert completed(line) == offered


def test_zsh_shows_what_a_word_means() -> None:
    assert completed("rlsplit render --component e", "zsh") == ["evals:Evals", "env-server:Environments"]
    rules = completed("rlsplit rules T-0", "zsh")
    assert [rule.partition(":")[0] for rule in rules] == [f"T-0{n}" for n in range(1, 10)]
    assert rules[0] == "T-01:`trust_remote_code` needs the Hugging Face implementation."


def test_every_kind_that_is_rendered_is_offered() -> None:
    rendered = {kind.partition('"')[0] for kind in LISTED}
    assert len(rendered) > 5
    assert rendered <= set(completers.KINDS)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_registers_in_a_bare_shell(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not here")
    registered = {"bash": "complete -p rlsplit", "zsh": 'print -r -- "${_comps[rlsplit]}"'}[shell]
    bare = {"bash": ["--norc", "--noprofile"], "zsh": ["-f"]}[shell]
    script = f'eval "$(rlsplit completion {shell})"\n{registered}'
    environ = {"PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path), "ZDOTDIR": str(tmp_path)}
    done = subprocess.run([shell, *bare, "-c", script], env=environ, capture_output=True, text=True, check=False)
    assert "_python_argcomplete" in done.stdout
    assert done.stderr == ""
