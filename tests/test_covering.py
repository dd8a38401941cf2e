"""Lines of a text as they may be shown: no line of a secret's value, however it is spelled, and all of the others."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from rlsplit.cli import main
from rlsplit.covering import covered, covered_lines

HEAD = "[trainer]\n[inference]\n[orchestrator]\ngroup_sise = 8\n"
BODIES = {
    "a header": "[default]\nhunter2hunter",
    "a key": "foo = hunter2hunter",
    "a table": '{"username": "joe", "k": "hunter2hunter"}',
    "a comment": "# hunter2hunter",
    "a long line": f"hunter2hunter{'x' * 6000}",
    "many lines": "x = 1\n" * 300 + "hunter2hunter",
    "the end of an escape": "a\\\n   hunter2hunter \\n b = hunter2hunter",
}
VALUES = {name: f'MY_API_KEY = """\n{body}\n"""' for name, body in BODIES.items() if "username" not in body} | {
    "a literal": f"MY_API_KEY = '''\n{BODIES['a table']}\n'''",
    "a list": 'KEYS = [\n  # one\n  "hunter2hunter", """\n[x]\nhunter2hunter""" ]',
    "an escaped key": '"\\u0054OKEN" = "hunter2hunter"',
    "an escaped value": 'PLAIN = "\\u0068f_hunter2hunter"',
}
SHOWN = 'AFTER = "seen"'


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("end", ["", "\nbad ="], ids=["toml", "no toml"])
def test_no_line_of_a_value_is_shown(name: str, end: str) -> None:
    if end and name == "an escaped value":
        pytest.skip("nothing but the line tells of it")
    lines = covered_lines(f"{HEAD}[env_vars]\n{VALUES[name]}\n{SHOWN}{end}")
    assert "hunter" not in "\n".join(lines)
    assert lines[: HEAD.count("\n")] == HEAD.splitlines()
    assert SHOWN in lines


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_no_diff_of_a_file_shows_one(
    name: str, newline: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rl.toml"
    text = f"\ufeff{HEAD}[env_vars]\n{VALUES[name]}\n"
    file.write_bytes(text.replace("\n", newline).encode())
    main(["validate", str(file), "--diff"])
    assert "hunter" not in "".join(capsys.readouterr())


def test_a_value_in_an_inline_table_is_covered_where_that_goes_on() -> None:
    text = 'args = { api_key = """\nfoo\nhunter2hunter""", b = 1, c = [\n1] }'
    assert covered_lines(text) == ["args = { api_key = ***", "***", "***, b = 1, c = [", "1] }"]
    assert covered(text.split("\n"), 3, ("args", "b"), text.split("\n")[2].index("b")) == ("***, b = 1, c = [", 5)


def test_a_long_text_without_end_is_covered_to_the_end() -> None:
    assert covered_lines('A = 1\nMY_KEY = """\n[x]\nb = 1') == ["A = 1", "MY_KEY = ***", "***", "***"]


def test_a_value_that_looks_like_a_secret_shows_the_rest_of_it() -> None:
    assert covered_lines('a = "https://u:hunter2@host/" # x') == ['a = "https://***@host/" # x']


@pytest.mark.parametrize("end", ["", "bad ="], ids=["toml", "no toml"])
def test_many_lines_take_time_in_line_with_their_number(end: str) -> None:
    text = "".join(f'k{number} = [\n"x",\n"y",\n]\n' for number in range(10_000)) + end
    start = time.process_time()
    assert len(covered_lines(text)) == 40_001
    assert time.process_time() - start < 5
