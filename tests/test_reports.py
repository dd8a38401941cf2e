"""Reports of findings, by exact text."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
import tomli

from conftest import ROOT
from rlsplit.cli import arguments
from rlsplit.findings import Finding, Fix, Mark
from rlsplit.report_formats import MACHINE_FORMATS, REPORT_FORMATS
from rlsplit.reports import INFORMATION_URI, REPORTS, as_github, as_json, as_plain, as_sarif

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
            "fix": None,
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
            "fix": None,
        },
    ]


def test_fixes_as_data() -> None:
    line = "bacth_size = 1"
    here = Mark("rl.toml", 1, 1)
    path, to = ("orchestrator", "bacth_size"), ("orchestrator", "batch_size")
    finding = Finding(code="B-01", message="m", path=path, where=here, fix=replace(Fix.moving(path, to), where=here))
    (record,) = json.loads(as_json([finding]))
    assert record["fix"] == {
        "kind": "move",
        "old": "orchestrator.bacth_size",
        "new": "orchestrator.batch_size",
        "sure": "certain",
        "line": 1,
        "column": 1,
    }
    (result,) = json.loads(as_sarif([finding], {"rl.toml": (line,)}))["runs"][0]["results"]
    (change,) = result["fixes"][0]["artifactChanges"]
    (replacement,) = change["replacements"]
    region = replacement["deletedRegion"]
    text = line[region["startColumn"] - 1 : region["endColumn"] - 1]
    assert line.replace(text, replacement["insertedContent"]["text"]) == "batch_size = 1"
    # A key that goes to another table is no edit of one place.
    away = replace(finding, fix=replace(Fix.moving(path, ("batch_size",)), where=here))
    (result,) = json.loads(as_sarif([away], {"rl.toml": (line,)}))["runs"][0]["results"]
    assert "fixes" not in result
    assert result["properties"]["fix"]["new"] == "batch_size"


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


BAR = "\\|"
"""How a table of Markdown spells ``|``."""

TEXT: dict[str, Any] = {
    "type": "object",
    "properties": {"text": {"type": "string", "minLength": 1}, "markdown": {"type": "string", "minLength": 1}},
    "required": ["text"],
    "additionalProperties": False,
}
RULE: dict[str, Any] = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "shortDescription": TEXT, "fullDescription": TEXT, "help": TEXT},
    "required": ["id", "shortDescription", "fullDescription", "help"],
    "additionalProperties": False,
}
PLACE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "physicalLocation": {
            "type": "object",
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "properties": {"uri": {"type": "string", "format": "uri-reference"}},
                },
                "region": {
                    "type": "object",
                    "properties": {
                        "startLine": {"type": "integer", "minimum": 1},
                        "startColumn": {"type": "integer", "minimum": 1},
                    },
                },
            },
            "required": ["artifactLocation", "region"],
        }
    },
}
RESULT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": {"enum": ["none", "note", "warning", "error"]},
        "message": TEXT,
        "locations": {"type": "array", "items": PLACE},
    },
    "required": ["message", "ruleId", "ruleIndex", "level"],
    "additionalProperties": False,
}
"""What SARIF 2.1.0 asks of the parts that a report has (sections 3.49, 3.12, 3.29 and 3.27)."""


def test_sarif_explains_the_codes_of_the_run_and_no_others() -> None:
    log = json.loads(as_sarif([ERROR, WARNING, ERROR]))
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    driver, results = log["runs"][0]["tool"]["driver"], log["runs"][0]["results"]
    for rule in driver["rules"]:
        jsonschema.validate(rule, RULE)
    for result in results:
        jsonschema.validate(result, RESULT)
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    first, second = driver["rules"]
    assert first["shortDescription"]["text"].startswith("Values have the type, the bounds and the choices")
    assert second["help"]["markdown"].startswith("DeepEP cannot clip gradients")
    assert "**Mend:** Write `max_norm" in second["help"]["markdown"]
    assert '```toml\n[trainer.model]\nep_comm_backend = "deepep"' in second["help"]["markdown"]


def test_sarif_reports_a_code_without_entry_all_the_same() -> None:
    log = json.loads(as_sarif([Finding(code="x", message="no")]))
    assert log["runs"][0]["tool"]["driver"]["rules"] == [{"id": "x"}]


def test_only_sarif_reads_the_rulebook() -> None:
    script = """
import sys
from rlsplit.findings import Finding
from rlsplit.reports import REPORTS
for form, report in REPORTS.items():
    report([Finding(code="T-04", message="no")], {})
    print(form, "rlsplit.rulebook" in sys.modules)
"""
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["plain", "False", "json", "False", "github", "False", "sarif", "True"]


def test_one_list_of_formats() -> None:
    assert tuple(REPORTS) == REPORT_FORMATS
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"`--report {BAR.join(MACHINE_FORMATS)}[=FILE]`" in readme
    validating = arguments.parser()
    for form in REPORT_FORMATS:
        assert validating.parse_args(["validate", "x", "--report", form]).report == form
    for form in MACHINE_FORMATS:
        assert validating.parse_args(["validate", "x", "--report", f"{form}=a=b"]).report == f"{form}=a=b"


@pytest.mark.parametrize("given", ["plain=FILE", "json=", "xml", "", "=", "JSON", "json,sarif"])
def test_an_unknown_format_names_the_known_ones(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments.parser().parse_args(["validate", "x", "--report", given])
    assert f"{' or '.join(REPORT_FORMATS)}; all but plain may have =FILE" in capsys.readouterr().err


def test_help_names_the_formats(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments.parser().parse_args(["validate", "--help"])
    assert f"findings as {' or '.join(REPORT_FORMATS)} (default" in capsys.readouterr().out


def test_the_home_page_is_written_once_more_in_the_metadata() -> None:
    metadata = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert metadata["project"]["urls"]["Homepage"] == INFORMATION_URI
