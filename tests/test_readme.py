"""What the README shows is true."""

from __future__ import annotations

import re
import shlex

import rlsplit
from conftest import ROOT
from rlsplit.api import reading
from rlsplit.cli import main
from rlsplit.cli.arguments import EXAMPLES

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_platform_file_is_accepted() -> None:
    (settings,) = [block for block in blocks("toml") if "workload" in block]
    assert rlsplit.Platform.from_toml(settings).workload == "jobset"


def test_the_library_example_runs(tmp_path, monkeypatch, capsys) -> None:
    (example,) = [block for block in blocks("python") if block.startswith("import rlsplit")]
    (tmp_path / "rl.toml").write_bytes((ROOT / "fixtures" / "reverse-text" / "rl.toml").read_bytes())
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})
    assert 'kind: "Secret"' in capsys.readouterr().out


def test_every_command_is_listed() -> None:
    listed = set(re.findall(r"^\| `(\w+)[ `]", README, re.MULTILINE))
    assert set(EXAMPLES) <= listed


def test_the_two_steps_compile_and_share_their_volume(tmp_path, monkeypatch, capsys) -> None:
    steps = {"sft.toml": "sft-smallest", "rl.toml": "reverse-text"}
    for name, fixture in steps.items():
        (tmp_path / name).write_bytes((ROOT / "fixtures" / fixture / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    (example,) = [block for block in blocks("console") if "words-sft" in block]
    commands = [line.removeprefix("$ ").partition(" | ")[0] for line in example.splitlines()]
    assert len(commands) == 2
    for command in commands:
        assert main(shlex.split(command)[1:]) == 0
        shown = capsys.readouterr()
        assert 'claimName: "research"' in shown.out
        assert "error" not in shown.err


def test_the_limits_of_a_body_are_those_that_hold() -> None:
    text = " ".join((ROOT / "README.md").read_text("utf-8").split())
    limits = (
        f"{reading.MAX_BODY_BYTES // 2**20} MiB",
        f"{reading.MAX_BODY_DEPTH} levels",
        f"{reading.MAX_BODY_ITEMS:,} keys and list items",
        f"keys of {reading.MAX_KEY_CHARS:,} characters",
        f"{reading.MAX_SOURCES} environment sources",
    )
    assert [limit for limit in limits if limit not in text] == []
