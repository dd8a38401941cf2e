"""Entries of the rulebook, read from the TOML files beside this module, and only those that are asked for.

A file is a table of codes. Each entry has:

- ``sentence``: what holds, or what happens. Only where not exactly one function or row says it already: a rule that is
  a function has its sentence in its docstring (:mod:`.sentences`), and one of several functions a sentence for all.
- ``kind``: what the rule does; without it what its functions do, else ``refuses``.
- ``why``: why prime-rl or the cluster wants it. ``mend``: what to do, without losing a setting.
- ``wrong`` or ``right``: an example; ``shows``: the code a wrong one is reported under, when that is another one.
- ``language`` of the example: ``toml`` unless said. A line ``# platform.toml`` in one begins the platform's settings.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

import tomli

from rlsplit.rulebook.sentences import Fact, Kind, facts

FILES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "P": ("pipeline",),
        "B": ("reading",),
        "S": ("sharing",),
        "T": ("trainer",),
        "O": ("orchestrator",),
        "R": ("renderers",),
        "I": ("inference",),
        "C": ("settings",),
        "X": ("run",),
        "L": ("launcher",),
        "H": ("hosted",),
        "SFT": ("sft",),
        "D": ("writing",),
        "V8": ("v0_8_0",),
        "V7": ("v0_7_0",),
        "release": ("releases",),
        "migrate": ("migration",),
        "drift": ("drift",),
        "document": ("document",),
        "config": ("config",),
        "request": ("request",),
        "overlay": ("overlay",),
        "plan": ("plan", "plan_notes", "plan_sides"),
        "platform": ("platform",),
        "objects": ("objects",),
        "policy": ("policy",),
    }
)
"""Beginning of a code, up to its first ``-`` or ``.``, to the files that have its entries; in order of listing."""

_LONGEST_SUGGESTED_CODE: Final = 64
_ONE_DIGIT: Final = re.compile(r"-(?=\d\Z)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A few lines that break a rule, or that show what it does."""

    text: str
    language: str
    is_wrong: bool
    shows: str | None
    """The code that a wrong example is reported under when that is not the entry's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one code means."""

    code: str
    kinds: tuple[Kind, ...]
    sentence: str
    """What holds, or what happens: one sentence, code in backticks."""
    facts: tuple[Fact, ...]
    """The particulars of a rule that does several things."""
    why: str
    mend: str
    example: Example


def entry(code: str) -> Entry | None:
    """Look up a code, spelled exactly; None if it has no entry."""
    for name in FILES.get(_family(code), ()):
        written = _read(name).get(code)
        if written is not None:
            return _entry(code, written)
    return None


def entries() -> tuple[Entry, ...]:
    """Every entry, in the order of :data:`FILES`."""
    return tuple(
        _entry(code, written)
        for names in FILES.values()
        for name in names
        for code, written in sorted(_read(name).items())
    )


def nearest(code: str) -> str | None:
    """Name the code that a misspelt one is nearly."""
    known = {entry.code.lower(): entry.code for entry in entries()}
    spelled = _ONE_DIGIT.sub("-0", code.lower()[:_LONGEST_SUGGESTED_CODE])
    near = difflib.get_close_matches(spelled, known, 1)
    return known[near[0]] if near else None


def _family(code: str) -> str:
    return re.split(r"[-.]", code, maxsplit=1)[0]


@cache
def _read(name: str) -> Mapping[str, Mapping[str, str]]:
    return tomli.loads(files("rlsplit").joinpath("rulebook").joinpath(f"{name}.toml").read_text("utf-8"))


def _entry(code: str, written: Mapping[str, Any]) -> Entry:
    said = facts().get(code, ())
    return Entry(
        code=code,
        kinds=_kinds(written, said),
        sentence=written["sentence"] if "sentence" in written else said[0].sentence,
        facts=said if len(said) > 1 else (),
        why=written["why"],
        mend=written["mend"],
        example=_example(written),
    )


def _kinds(written: Mapping[str, Any], said: tuple[Fact, ...]) -> tuple[Kind, ...]:
    if "kind" in written:
        return (written["kind"],)
    return tuple(dict.fromkeys(fact.kind for fact in said)) or ("refuses",)


def _example(written: Mapping[str, Any]) -> Example:
    is_wrong = "wrong" in written
    return Example(
        text=written["wrong" if is_wrong else "right"].strip("\n"),
        language=written.get("language", "toml"),
        is_wrong=is_wrong,
        shows=written.get("shows"),
    )
