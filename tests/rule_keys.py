"""Runs the rulebook's examples and notes which keys each rule names: what ``rlsplit doc`` says of rules and keys."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, Final

import pytest
import tomli

import rlsplit
from conftest import ROOT
from rlsplit.compiler import compile_sources
from rlsplit.config import resolve
from rlsplit.config.checks import SECTION_CHECKS
from rlsplit.config.derivations.root import ROOT_DERIVATIONS
from rlsplit.config.derivations.sections import SECTION_DERIVATIONS
from rlsplit.config.propagation import BLOCKS, CASCADE, SHARED
from rlsplit.config.rules import EACH, Check, Derivation, Setting
from rlsplit.config.sections.base import Section, UnreadableError
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.tree import inner_sections
from rlsplit.document import Source
from rlsplit.findings import Finding, KeyPath
from rlsplit.manual.keys import ROOTS, Of, Spot, spots
from rlsplit.rulebook import Entry, entries

sys.path.append(str(ROOT / "tests" / "cluster"))
from test_platform_settings import BAD

BASES: Final = {
    "with inference": """
run.name = "test"
max_steps = 100
trainer = {}
inference = {}
[[orchestrator.train.source]]
env.id = "word-count"
""",
    "bare": """
run.name = "test"
trainer = {}
orchestrator = {}
""",
    "alone": "",
}
SFT_BASES: Final = {
    "with inference": """
run.name = "test"
max_steps = 100
data = {}
inference = {}
[[eval.source]]
env.id = "word-count"
""",
    "bare": """
run.name = "test"
data = {}
""",
}
"""Configs that the examples are laid over: a wrong one must show in one of them."""

SIDES: Final = """
[deployment]
type = "multi_node"
num_train_nodes = 1
[inference.deployment]
type = "disaggregated"
"""
"""Over a config with inference: engines for prefill and for decode."""

LAUNCHER, HOSTED = "launcher", "hosted"
SETTINGS_MARK: Final = "# platform.toml"
SFT_MARK: Final = "# sft.toml"
RELEASE_MARK: Final = re.compile(r"# (v\d\S*|[0-9a-f]{7})\n")
OF_ANY_KEY: Final = (
    "document.",
    "migrate.",
    "drift.",
    "request.",
    "release.",
    "config.",
    "B-",
    "P-",
    "D-",
    "platform.type",
    "platform.value",
    "platform.unknown-key",
)
"""Codes that hold for any key: what their examples name is chance."""

OF_SETTINGS: Final = ("platform.", "policy.", "objects.")
"""Codes that speak of settings first."""
CODE: Final = re.compile(r"`([^`]+)`")
NAME: Final = re.compile(r"\[*([A-Za-z_][\w-]*(?:(?:\[[^\]]*\])?\.[\w-]+)*)")

Touched = dict[Of, dict[str, set[str]]]
"""File to code to the keys that it touches, each as ``Table.key``."""


def release_of(shown: Entry) -> str | None:
    """The release that an example is for, by its first line."""
    found = RELEASE_MARK.match(shown.example.text)
    return found[1] if found else None


def parts(text: str) -> tuple[str, str]:
    """The rl.toml and the platform.toml of an example."""
    config, _, settings = text.partition(SETTINGS_MARK)
    return config, settings


def is_sft(shown: Entry) -> bool:
    """Whether an example is of an sft.toml."""
    return shown.code.startswith("SFT-") or shown.example.text.startswith(SFT_MARK)


def bases_of(shown: Entry) -> dict[str, str]:
    return SFT_BASES if is_sft(shown) else BASES


def sources(base: str, config: str) -> list[Source]:
    return [Source(name="base.toml", content=base), Source(name="example.toml", content=config)]


def mode_of(shown: Entry) -> str:
    is_hosted = shown.sentence.startswith("Hosted") or shown.code.startswith("H-")
    return HOSTED if is_hosted else LAUNCHER


def findings_of(base: str, config: str, settings: str, mode: Any) -> Iterator[Finding]:
    """Everything that a config and settings of a cluster are told, up to a plan."""
    outcome = compile_sources(sources(base, config), mode=mode)
    yield from outcome.findings
    try:
        platform = rlsplit.Platform.from_toml(settings)
        if outcome.config is not None:
            run = rlsplit.Run(id="run-1", image_tag="v1.2.3")
            yield from rlsplit.plan(rlsplit.split(outcome.config), run=run, platform=platform).notes
    except rlsplit.ConfigError as error:
        yield from error.findings


def touched() -> Touched:
    """Run every example that is a config and note what each rule names."""
    found: Touched = {"rl": {code: set(map(".".join, keys)) for code, keys in declared().items()}, "platform": {}}
    for shown in entries():
        for of in found:
            found[of].setdefault(shown.code, set()).update(map(".".join, named(of, shown)))
    with noting(found):
        for shown in entries():
            if (
                shown.example.language == "toml"
                and not is_sft(shown)
                and not release_of(shown)
                and not shown.code.startswith(OF_ANY_KEY)
            ):
                for finding in (
                    f for base in BASES.values() for f in findings_of(base, *parts(shown.example.text), mode_of(shown))
                ):
                    of: Of = "platform" if finding.about == "platform" or finding.code.startswith(OF_SETTINGS) else "rl"
                    for path in (finding.path, *finding.related):
                        note(found, of, finding.code, ROOTS[of], path)
    for finding in bad_settings():
        note(found, "platform", finding.code, ROOTS["platform"], finding.path)
    return found


def bad_settings() -> Iterator[Finding]:
    """What every bad setting of the tests is told."""
    for _, table in BAD:
        try:
            rlsplit.Platform.from_mapping(table)
        except rlsplit.ConfigError as error:
            yield from error.findings


# --- what tables of rules say ----------------------------------------------------------------------------------


@cache
def declared() -> Mapping[str, frozenset[Spot]]:
    found: dict[str, set[Spot]] = {}
    for rule, table, path in (*shared(), *derived()):
        found.setdefault(rule, set()).update(spots("rl", path, table))
    return {rule: frozenset(touched) for rule, touched in found.items()}


def shared() -> Iterator[tuple[str, str, Iterable[str]]]:
    for rule, rows in (("S-03", SHARED), ("S-05", (CASCADE,)), ("S-06", BLOCKS)):
        for row in rows:
            yield from ((rule, ROOTS["rl"], path) for path in map(texts, (row.source, *row.targets)))


def derived() -> Iterator[tuple[str, str, Iterable[str]]]:
    for derivation in ROOT_DERIVATIONS:
        yield from ((derivation.rule, ROOTS["rl"], texts(path)) for path in derivation.sets)
    for kind, derivations in SECTION_DERIVATIONS.items():
        for derivation in derivations:
            yield from ((derivation.rule, name, texts(path)) for name in kin(kind) for path in derivation.sets)


def texts(path: Iterable[str | int]) -> list[str]:
    return [part for part in path if isinstance(part, str) and part != EACH]


# --- what their words name -------------------------------------------------------------------------------------


def named(of: Of, entry: Entry) -> Iterator[Spot]:
    """The keys that an entry's words name as code: whole paths, and keys of the section that its rule is about."""
    if entry.code.startswith(OF_ANY_KEY):
        return
    for name in names_in(entry):
        starts = tables_of_rule().get(entry.code, ()) if of == "rl" else ()
        yield from (spot for table in starts for spot in spots(of, name, table))
        if len(name) > 1 or (of == "platform" and (entry.code.startswith(OF_SETTINGS) or "_" in name[0])):
            yield from spots(of, name)
    leaves = {name[-1] for name in names_in(entry)}
    yield from (
        spot for path in written(of, entry) for spot in spots(of, path) if spot[1] in leaves or is_policy(of, entry)
    )


def is_policy(of: Of, entry: Entry) -> bool:
    """A policy is the setting that its example writes."""
    return of == "platform" and entry.code.startswith("policy.")


def written(of: Of, entry: Entry) -> Iterator[tuple[str, ...]]:
    """The paths that an example writes."""
    if entry.example.language == "toml" and not entry.code.startswith(OF_ANY_KEY):
        yield from leaves_of(tomli.loads(parts(entry.example.text)[of == "platform"]))


def leaves_of(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict) and value:
        yield from (leaf for key, inner in value.items() for leaf in leaves_of(inner, (*path, key)))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        yield from (leaf for item in value for leaf in leaves_of(item, path))
    else:
        yield path


def names_in(entry: Entry) -> list[tuple[str, ...]]:
    said = " ".join((entry.sentence, *(fact.sentence for fact in entry.facts), entry.why, entry.mend))
    matches = (NAME.match(code) for code in CODE.findall(said))
    return [tuple(re.sub(r"\[[^\]]*\]", "", match[1]).split(".")) for match in matches if match]


@cache
def tables_of_rule() -> Mapping[str, frozenset[str]]:
    """Rule of one section to the tables that are such sections."""
    found: dict[str, set[str]] = {}
    for groups in (SECTION_CHECKS, SECTION_DERIVATIONS):
        for kind, rules in groups.items():
            for rule in rules:
                found.setdefault(rule.rule, set()).update(kin(kind))
    return {rule: frozenset(names) for rule, names in found.items()}


@cache
def kin(kind: type[Section]) -> tuple[str, ...]:
    """The tables that are of a kind of section, or of one that inherits from it."""
    return tuple(name for name, section in sections_by_name().items() if issubclass(section, kind))


@cache
def sections_by_name() -> Mapping[str, type[Section]]:
    found: dict[str, type[Section]] = {}
    pending: list[type[Section]] = [RLConfig]
    while pending:
        section = pending.pop()
        if section.__name__ not in found:
            found[section.__name__] = section
            pending += inner_sections(section)
    return found


# --- what they name when they run ------------------------------------------------------------------------------


def note(found: Touched, of: Of, code: str, table: str, path: KeyPath) -> None:
    if not code.startswith(OF_ANY_KEY):
        names = [part for part in path if isinstance(part, str) and part != EACH]
        if of == "platform" and names[:1] == ["platform"]:
            del names[0]  # findings call the file by its name
        found[of].setdefault(code, set()).update(map(".".join, spots(of, names, table)))


@contextmanager
def noting(found: Touched) -> Iterator[None]:
    """Note what checks and derivations name while they run."""

    def deriving(derivation: Derivation, section: Section, base: KeyPath, record: Any) -> None:
        def said(given: Any) -> Iterator[Setting]:
            for setting in derivation.derive(given):
                for path in (setting.path, *setting.of):
                    note(found, "rl", derivation.rule, type(section).__name__, path)
                yield setting

        derive(Derivation(derivation.rule, said, derivation.sets), section, base, record)

    def checking(check: Check, section: Section, base: KeyPath, record: Any) -> None:
        with suppress(UnreadableError):
            for refusal in check.refuse(section):
                for path in (refusal.path, *refusal.related):
                    note(found, "rl", check.rule, type(section).__name__, path)
        judge(check, section, base, record)

    derive, judge = resolve._derive, resolve._check
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resolve, "_derive", deriving)
        patch.setattr(resolve, "_check", checking)
        yield


def spelled(found: Touched) -> str:
    """Spell the table as the committed file has it."""
    rows: dict[str, dict[str, Iterable[str]]] = {
        of: {code: sorted(keys) for code, keys in sorted(codes.items()) if keys} for of, codes in found.items()
    }
    return json.dumps(rows, indent=1) + "\n"
