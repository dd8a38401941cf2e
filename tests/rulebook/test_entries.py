"""Entries are complete, and their examples do what they say."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tomli

import rlsplit
from rlsplit import api
from rlsplit.cli import arguments, main
from rlsplit.compiler import compile_sources
from rlsplit.document import Source, read
from rlsplit.findings import Finding
from rlsplit.rulebook import Entry, as_lines, as_markdown, as_text, entries, entry
from rlsplit.rulebook.entries import FILES, _read
from rlsplit.rulebook.sentences import facts
from rule_keys import BASES, SIDES, bases_of, findings_of, mode_of, parts, release_of, sources

ALL = entries()
SEVERITIES = {"refuses": "error", "warns": "warning", "notes": "notice"}


def by_language(language: str, *, wrong: bool) -> list[Any]:
    found = [e for e in ALL if e.example.language == language and e.example.is_wrong is wrong and not release_of(e)]
    return [pytest.param(e, id=e.code) for e in found]


@pytest.mark.parametrize("shown", by_language("toml", wrong=True))
def test_a_wrong_example_is_reported_under_its_code(shown: Entry) -> None:
    config, settings = parts(shown.example.text)
    if shown.code.startswith("document."):
        found = list(read([Source(name="x", content=config)]).findings)
    else:
        found = [f for base in bases_of(shown).values() for f in findings_of(base, config, settings, mode_of(shown))]
    code = shown.example.shows or shown.code
    severities = {finding.severity for finding in found if finding.code == code}
    assert severities, (code, [str(finding) for finding in found])
    for kind in shown.kinds:
        if kind in SEVERITIES and shown.kinds == (kind,) and shown.example.shows is None:
            assert severities == {SEVERITIES[kind]}


@pytest.mark.parametrize("shown", [pytest.param(e, id=e.code) for e in ALL if release_of(e)])
def test_an_example_of_another_release_shows_the_rule(shown: Entry) -> None:
    text = shown.example.text
    if shown.code.startswith("migrate."):
        found = rlsplit.migrate(text, from_release=release_of(shown)).findings
        assert {each.severity for each in found if each.code == shown.code} == {SEVERITIES[shown.kinds[0]]}
        return
    outcome = compile_sources([Source(name="example.toml", content=text)], release=release_of(shown), until="plan")
    if shown.example.is_wrong:
        assert shown.code in {finding.code for finding in outcome.noted()}
    else:
        assert outcome.config is not None
        assert shown.code in {derived.rule for derived in outcome.config.provenance.derived}


@pytest.mark.parametrize("shown", by_language("toml", wrong=False))
def test_a_right_example_is_accepted_and_shows_the_rule(shown: Entry) -> None:
    config, settings = parts(shown.example.text)
    found = list(findings_of(bases_of(shown)["with inference"], config, settings, mode_of(shown)))
    assert [str(f) for f in found if f.severity == "error"] == []
    assert shown.example.shows is None
    outcome = compile_sources(sources(bases_of(shown)["with inference"], config), mode=mode_of(shown))  # type: ignore[arg-type]
    assert outcome.config is not None
    provenance = outcome.config.provenance
    acted = {fill.rule for fill in provenance.fills} | {derived.rule for derived in provenance.derived}
    if shown.code in facts():
        assert shown.code in acted


@pytest.mark.parametrize("shown", by_language("python", wrong=True))
def test_a_wrong_call_is_reported_under_its_code(shown: Entry) -> None:
    told: list[Finding] = []
    noting = SimpleNamespace(
        parse=lambda content: told.extend(read([Source(name="x", content=content)]).findings),
        migrate=lambda text: told.extend(rlsplit.migrate(text).findings),
    )
    exec(shown.example.text, {"rlsplit": noting})
    assert {finding.severity for finding in told if finding.code == shown.code} == {SEVERITIES[shown.kinds[0]]}


@pytest.mark.parametrize("shown", by_language("python", wrong=False))
def test_a_right_call_is_accepted(shown: Entry) -> None:
    exec(shown.example.text, {"rlsplit": rlsplit})


@pytest.mark.parametrize("shown", by_language("json", wrong=True))
def test_a_wrong_request_is_refused(shown: Entry) -> None:
    body = shown.example.text.encode()
    request = api.read_body(body, api.CreateTrainingRunRequest)
    if not isinstance(request, api.ErrorResponse):
        request = api.compile_run(request, run_id="r", job_id="j", token_value="t", platform=rlsplit.Platform())
    assert isinstance(request, api.ErrorResponse)
    said = " ".join(error.param for error in request.errors)
    assert any(key in said for key in json.loads(body) | json.loads(body)["config"])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "rl.toml").write_text(BASES["with inference"], encoding="utf-8")
    (tmp_path / "sides.toml").write_text(SIDES, encoding="utf-8")
    (tmp_path / "platform.toml").write_text('features = ["disaggregated"]\n', encoding="utf-8")
    (tmp_path / "hosted.toml").write_text('[tenant]\npreset = "hosted"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(text: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arguments of a command line; variables before it are set."""
    words = shlex.split(text)
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        monkeypatch.setitem(os.environ, name, value)
    assert words[0] == "rlsplit"
    return words[1:]


@pytest.mark.parametrize("shown", by_language("console", wrong=True))
def test_a_wrong_command_is_reported_under_its_code(
    shown: Entry, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(command(shown.example.text, monkeypatch))
    kind = SEVERITIES[shown.kinds[0]]
    assert f"{kind}[{shown.code}]" in capsys.readouterr().err


@pytest.mark.parametrize("shown", by_language("console", wrong=False))
def test_a_right_command_is_understood(shown: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    assert arguments.parser().parse_args(command(shown.example.text, monkeypatch)).command


def test_every_language_is_tested() -> None:
    assert {(e.example.language, e.example.is_wrong) for e in ALL} == {
        ("toml", True),
        ("toml", False),
        ("console", True),
        ("console", False),
        ("python", True),
        ("python", False),
        ("json", True),
    }


def test_a_sentence_is_written_where_no_single_function_says_it_and_only_there() -> None:
    for shown in ALL:
        written = next(
            table[shown.code] for names in FILES.values() for n in names if shown.code in (table := _read(n))
        )
        said = facts().get(shown.code, ())
        assert ("sentence" in written) == (len(said) != 1), shown.code
        assert set(written) <= {"kind", "sentence", "why", "mend", "wrong", "right", "shows", "language"}, shown.code
        assert ("wrong" in written) != ("right" in written), shown.code


def test_texts_are_sentences() -> None:
    for shown in ALL:
        for text in (shown.sentence, shown.why, shown.mend):
            assert text.endswith("."), shown.code
            assert "\n" not in text, shown.code
            assert len(text) < 320, shown.code
        assert shown.sentence not in (shown.why, shown.mend), shown.code
        assert all(text.count("`") % 2 == 0 for text in (shown.sentence, shown.why, shown.mend)), shown.code


def test_what_must_go_has_something_in_its_place() -> None:
    """A setting that is to be removed is always one that something else decides or replaces; the text says what."""
    bare = re.compile(r"(Remove|Drop|Leave|Delete) [^.;,:]*\.")
    assert [shown.code for shown in ALL if bare.fullmatch(shown.mend)] == []


def test_references_between_entries_lead_somewhere() -> None:
    codes = {shown.code for shown in ALL}
    for shown in ALL:
        text = f"{shown.sentence} {shown.why} {shown.mend}"
        named = re.findall(r"\b(?:SFT|[B-X])-\d\d[a-z]?\b|\boverlay\.[a-z-]+", text)
        assert set(named) <= codes, shown.code
        assert shown.example.shows is None or shown.example.shows in codes, shown.code


def test_examples_are_toml_unless_syntax_is_the_point() -> None:
    for shown in ALL:
        if shown.example.language == "toml" and shown.code not in (
            "document.syntax",
            "document.redefined",
            "document.yaml",
        ):
            for text in parts(shown.example.text):
                tomli.loads(text)


def test_an_unknown_code_has_no_entry() -> None:
    assert entry("Q-01") is None
    assert entry("plan.nothing") is None
    assert entry("") is None
    assert entry("t-04") is None


def test_pages() -> None:
    shown = entry("O-26")
    assert shown is not None
    assert as_lines([shown]) == "O-26  refuses  A step is measured in samples or in tokens, not in both.\n"
    assert as_text(shown) == (
        "O-26 refuses\n\n"
        "A step is measured in samples or in tokens, not in both.\n\n"
        "Why: A step ends when enough samples or enough tokens are there; with two measures it is not clear\n"
        "which decides.\n\n"
        "Mend: Keep one of the two.\n\n"
        "Wrong:\n"
        "    [orchestrator]\n"
        "    batch_size = 128\n"
        "    token_batch_size = 500_000\n"
    )
    assert "```toml\n[orchestrator]\nbatch_size = 128\n" in as_markdown(shown)
    assert max(map(len, "\n".join(map(as_text, ALL)).splitlines())) < 130
