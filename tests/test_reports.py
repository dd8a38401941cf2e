"""Reports of findings, by exact text."""

from __future__ import annotations

import json

from rlsplit.findings import Finding, Mark
from rlsplit.reports import as_github, as_json, as_plain, as_sarif

ERROR = Finding(
    code="B-03",
    path=("orchestrator", "train", "source", 0, "group_size"),
    message="must be at least 1, not 0",
    hint="raise it",
    where=Mark("rl.toml", 2, 3),
)
WARNING = Finding(code="T-20", severity="warning", path=("trainer",), message="is off")
LINES = {"rl.toml": ("[a]", "  group_size = 0", "")}


def test_a_finding_with_its_line_and_hint() -> None:
    assert as_plain([ERROR], LINES) == (
        "rl.toml:2:3: error[B-03] orchestrator.train.source[0].group_size: must be at least 1, not 0\n"
        "    2 |   group_size = 0\n"
        "          ^\n"
        "  hint: raise it\n"
    )


def test_a_finding_without_place_and_the_count() -> None:
    assert as_plain([WARNING, WARNING, ERROR]) == (
        "warning[T-20] trainer: is off\n"
        "warning[T-20] trainer: is off\n"
        "rl.toml:2:3: error[B-03] orchestrator.train.source[0].group_size: must be at least 1, not 0\n"
        "  hint: raise it\n"
        "1 error, 2 warnings\n"
    )
    assert as_plain([]) == ""


def test_colour_marks_level_key_and_place() -> None:
    text = as_plain([ERROR], LINES, colour=True)
    assert "\x1b[31merror[B-03]\x1b[0m" in text
    assert "\x1b[1morchestrator.train.source[0].group_size\x1b[0m" in text
    assert "\x1b[31m^\x1b[0m" in text


def test_the_caret_stands_under_wide_and_spelled_out_characters() -> None:
    line = '"數學\x1b" = 1'
    finding = Finding(code="x", message="no", where=Mark("f", 1, 7))
    shown, caret = as_plain([finding], {"f": (line,)}).splitlines()[1:3]
    assert shown == '    1 | "數學\\u{1b}" = 1'
    assert caret.index("^") == len('    1 | "') + 4 + len('\\u{1b}" ')


def test_long_lines_are_cut_around_the_column() -> None:
    finding = Finding(code="x", message="no", where=Mark("f", 1, 501))
    line = "a" * 500 + "B" + "c" * 500
    shown, caret = as_plain([finding], {"f": (line,)}).splitlines()[1:3]
    assert len(shown) < 120
    assert shown[caret.index("^")] == "B"


def test_no_control_character_reaches_a_terminal() -> None:
    evil = "\x1b[2J\x07\u202e\x00\x85\ud800"
    finding = Finding(code="x", path=(evil,), message=evil, hint=evil, where=Mark(evil, 1, 1))
    text = as_plain([finding], {evil: (evil,)})
    assert text.replace("\n", "").isprintable()
    assert "\\u{1b}[2J" in text


def test_json_keeps_everything_apart() -> None:
    assert json.loads(as_json([ERROR, WARNING])) == [
        {
            "code": "B-03",
            "severity": "error",
            "param": "orchestrator.train.source[0].group_size",
            "message": "must be at least 1, not 0",
            "hint": "raise it",
            "source": "rl.toml",
            "line": 2,
            "column": 3,
        },
        {
            "code": "T-20",
            "severity": "warning",
            "param": "trainer",
            "message": "is off",
            "hint": None,
            "source": None,
            "line": None,
            "column": None,
        },
    ]


def test_github_gets_errors_first_and_at_most_ten() -> None:
    assert as_github([WARNING, ERROR]) == (
        "::error file=rl.toml,line=2,col=3,title=rlsplit B-03::"
        "orchestrator.train.source[0].group_size: must be at least 1, not 0%0Araise it\n"
        "::warning title=rlsplit T-20::trainer: is off\n"
    )
    many = as_github([WARNING] * 8 + [ERROR] * 8).splitlines()
    assert len(many) == 10
    assert many[7].startswith("::error")
    assert many[-1] == "::warning title=rlsplit::and 7 more: 7 warnings"


def test_github_commands_cannot_be_broken_out_of() -> None:
    finding = Finding(code="x", message="100%\n::error::no", where=Mark("a,b:c\n.toml", 1, 1))
    assert as_github([finding]) == "::error file=a%2Cb%3Ac%0A.toml,line=1,col=1,title=rlsplit x::100%25%0A::error::no\n"


def test_sarif_names_rules_levels_and_places() -> None:
    log = json.loads(as_sarif([ERROR, WARNING, ERROR]))
    run = log["runs"][0]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["B-03", "T-20"]
    assert [result["level"] for result in run["results"]] == ["error", "warning", "error"]
    assert run["results"][0]["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "rl.toml"},
        "region": {"startLine": 2, "startColumn": 3},
    }
    assert "locations" not in run["results"][1]
