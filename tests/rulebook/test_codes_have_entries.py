"""The rulebook has an entry for every code that can be printed and every rule that is cited, and for nothing else."""

from __future__ import annotations

from functools import cache

import pytest
from codes_in_source import cited_in, codes_of, overlays_of, rules_of, strings_of, united

import rlsplit
from conftest import ROOT
from rlsplit.rulebook import entries

SOURCES = {
    path.relative_to(ROOT / "src").as_posix(): path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "src" / "rlsplit").rglob("*.py"))
}
assert len(SOURCES) > 80

FOLLOWED = {
    "{check.rule}": "the IDs in tables of checks",
    "{derivation.rule}": "the IDs in tables of derivations",
    "plan.overlay-{overlay.id}": "overlays that are noted",
}
"""Computed codes, and which of the sets below they come from; any other one would be a code that nobody lists."""


def planning() -> list[str]:
    return [text for name, text in SOURCES.items() if "/planning/" in name]


@cache
def overlays() -> set[str]:
    return united(overlays_of(text) for text in planning())


def noted_overlays() -> set[str]:
    """Overlays that the module of notes names."""
    named = strings_of(SOURCES["rlsplit/planning/notes.py"])
    return {f"plan.overlay-{name}" for name in named & overlays()}


@cache
def printed() -> set[str]:
    literal = united(codes_of(text, SOURCES).literal for text in SOURCES.values())
    return set(literal) | united(map(rules_of, SOURCES.values())) | noted_overlays()


@cache
def cited() -> set[str]:
    return united(map(cited_in, SOURCES.values()))


@cache
def listed() -> set[str]:
    return {entry.code for entry in entries()}


def test_every_code_that_can_be_printed_has_an_entry() -> None:
    assert printed() - listed() == set()


def test_every_rule_that_is_cited_has_an_entry() -> None:
    assert cited() - listed() == set()


def test_every_overlay_has_an_entry() -> None:
    assert {f"overlay.{name}" for name in overlays()} == {code for code in listed() if code.startswith("overlay.")}


def test_no_entry_is_about_a_code_that_is_gone() -> None:
    known = printed() | cited() | {f"overlay.{name}" for name in overlays()}
    assert listed() - known == set()


def test_no_code_is_computed_where_it_cannot_be_followed() -> None:
    assert united(codes_of(text, SOURCES).computed for text in SOURCES.values()) - FOLLOWED.keys() == set()


def test_codes_are_listed_once() -> None:
    codes = [entry.code for entry in entries()]
    assert len(codes) == len(set(codes)) > 240


NEW = """
from rlsplit.findings import Finding

def _error(code, path, message):
    return Finding(code=f"plan.{code}", path=path, message=message)

def _conflict(setting):
    return _error("conflict", (setting,), "no")

def check(subject):
    yield _error("brand-new", (), "no")
    yield _error(code="named", path=(), message="no")
    yield Finding(code="document.newer", message="no")
    yield Finding(code=subject.code, message="no")
    yield replace(known, code="plan.other")

RULES = (Check("Q-01", check), Derivation("Q-02", check, ()))
"""


def test_a_new_code_is_noticed_however_it_is_written() -> None:
    found = codes_of(NEW)
    assert found.literal == {"plan.brand-new", "plan.named", "plan.conflict", "document.newer"}
    assert found.computed == {"{subject.code}", "replace(known, code='plan.other')"}
    assert rules_of(NEW) == {"Q-01", "Q-02"}
    assert not {"plan.brand-new", "document.newer", "Q-01"} & listed()
    assert not {"{subject.code}"} & FOLLOWED.keys()


def test_a_helper_of_another_module_is_followed() -> None:
    using = 'from package.other import _error\ndef check(): yield _error("imported", (), "no")'
    assert codes_of(using, {"package/other.py": NEW}).literal == {"plan.imported"}
    assert codes_of(using).literal == set()


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("as before (S-01 to S-03, X-09a)", {"S-01", "S-02", "S-03", "X-09a"}),
        ("T-04, H-12.", {"T-04", "H-12"}),
        ("zai-org/GLM-5-FP8 2026-01-31 X-19-like S-1 Q-01", set()),
    ],
)
def test_citations_are_read(text: str, rules: set[str]) -> None:
    assert cited_in(text) == rules


def test_what_a_run_prints_is_among_the_collected_codes() -> None:
    for path in sorted((ROOT / "fixtures" / "bad").glob("*.toml")):
        for finding in _findings(path.read_bytes()):
            assert finding.code in printed(), path.name


def _findings(content: bytes) -> tuple[rlsplit.Finding, ...]:
    try:
        rlsplit.parse(content)
    except rlsplit.ConfigError as error:
        return error.findings
    return ()
