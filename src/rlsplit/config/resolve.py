"""Resolve: one raw document becomes one compiled configuration, or every reason why it cannot.

The order is prime-rl's (P-02 to P-06): propagation, fields, derivations and checks inside sections, then those
between them. Unlike prime-rl, no refusal hides another: a rule is only left out when a value that it reads was
itself refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final, Generic

from rlsplit.config.hosted import SOURCE_PATH, assume_slurm, without_k8s
from rlsplit.config.propagation import Propagated
from rlsplit.config.reading.doubts import doubtful
from rlsplit.config.reading.finite import NonFinite, aside_findings, non_finite, non_finite_findings
from rlsplit.config.reading.tables import read
from rlsplit.config.reading.unknown_keys import has_unknown_keys, unknown_keys
from rlsplit.config.rules import Check, Derivation, Derived, Fill, Mode, Provenance, Refusal, SetAside, Setting
from rlsplit.config.run_kind import OnUnknown, R, RunKind, SectionRules
from rlsplit.config.sections.base import Section, UnreadableError
from rlsplit.config.tree import Placed, fields_at, make_unreadable, owner, sections, value_of
from rlsplit.findings import Finding, KeyPath, dotted, enclosing
from rlsplit.releases.release import NEWEST, Release
from rlsplit.releases.sections import of_release, section_of
from rlsplit.releases.spelling import Raised, as_spelled, gathered, raised


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution(Generic[R]):
    """A compiled configuration (None when nothing could be read) and everything to say about it."""

    config: R | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What comes beside a document and decides what becomes of it."""

    on_unknown: OnUnknown = "error"
    name_seed: str | None = None
    """A run id, which gives an automatic run name its suffix; without one, the document itself does."""
    release: Release = NEWEST
    """The release of prime-rl that the document is compiled for."""
    project_dir: str = "/"
    """The folder that a relative ``slurm.project_dir`` is below (C-09)."""


@dataclass(slots=True)
class _Record:
    """What rules said and set so far, and the release whose rules they are."""

    findings: list[Finding] = field(default_factory=list[Finding])
    derived: list[Derived] | None = field(default_factory=list[Derived])
    """None: nothing is noted."""
    release: Release = NEWEST


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way(Generic[R]):
    """How a table is compiled."""

    kind: RunKind[R]
    mode: Mode
    given: Given
    is_recorded: bool = True
    """Whether anybody will ask what was derived; not to note it spares a quarter of what the rules take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft(Generic[R]):
    """A table read as sections; the rules inside sections were run, those between them were not."""

    way: _Way[R]
    raised: Raised
    aside: SetAside
    propagated: Propagated
    config: R | None
    record: _Record
    has_non_finite: bool


def resolve(
    table: Mapping[str, Any], kind: RunKind[R], *, mode: Mode = "launcher", given: Given | None = None
) -> Resolution[R]:
    """Compile a plain table of a kind of run. Findings are not placed or sorted yet.

    The argument is not changed.
    """
    way = _Way(kind=kind, mode=mode, given=given or Given())
    return _finished(_drafted(table, way), table)


def resolve_both(
    table: Mapping[str, Any], kind: RunKind[R], *, given: Given | None = None
) -> tuple[Resolution[R], Resolution[R]]:
    """Compile a plain table in the launcher's way and in the hosted one, as :func:`resolve` does either.

    A table in which neither way finds anything is read once, since the ways part at the rules between sections, and
    what was derived is not recorded: only findings ask for it.
    """
    way = _Way(kind=kind, mode="launcher", given=given or Given(), is_recorded=False)
    at_once = _both_at_once(table, way)
    if at_once is not None and not any(resolution.findings for resolution in at_once):
        return at_once
    return _told(table, replace(way, is_recorded=True)), _told(table, replace(way, mode="hosted", is_recorded=True))


def _told(table: Mapping[str, Any], way: _Way[R]) -> Resolution[R]:
    """Compile with what was derived recorded for the findings, and for nothing else."""
    resolution = _finished(_drafted(table, way), table)
    if resolution.config is not None:
        resolution.config.provenance = replace(resolution.config.provenance, derived=())
    return resolution


def _both_at_once(table: Mapping[str, Any], way: _Way[R]) -> tuple[Resolution[R], Resolution[R]] | None:
    """Read a table once for both ways; None if it has to be read for each."""
    launcher = _drafted(table, way)
    if launcher.config is None or launcher.record.findings or launcher.has_non_finite:
        return None
    rest, _ = without_k8s(_gathered(launcher.raised, table, way.given.release))
    aside, _ = way.kind.set_aside(rest)
    config = way.kind.without_aside(launcher.config)
    record = _Record(derived=None, release=way.given.release)
    hosted = replace(launcher, way=replace(way, mode="hosted"), aside=aside, config=config, record=record)
    return _finished(launcher, table), _finished(hosted, table)


def _drafted(table: Mapping[str, Any], way: _Way[R]) -> _Draft[R]:
    release, on_unknown = way.given.release, way.given.on_unknown
    risen = raised(table, release, on_unknown)
    rest, aside, refused = dict(risen.table), SetAside(), tuple[Finding, ...]()
    if way.mode == "hosted":
        rest, refused = without_k8s(_gathered(risen, table, release))
        aside, rest = way.kind.set_aside(rest)
    propagated = way.kind.propagate(assume_slurm(rest), release)
    reading = read(section_of(way.kind.root, release), propagated.table)
    conflicting = {conflict.path for conflict in propagated.conflicts}
    of_fields = [finding for finding in reading.findings if not {finding.path, finding.scope} & conflicting]
    record = _Record([*refused, *propagated.conflicts, *of_fields], [] if way.is_recorded else None, release)
    config, unwritable = reading.section, list[NonFinite]()
    if not way.is_recorded and (record.findings or has_unknown_keys(reading.placed)):
        config = None  # whoever records nothing asks no further
    if config is not None:
        config.project_dir = way.given.project_dir
        if value_of(config, ("run", "name")) is None:
            config.name_suffix = name_suffix(way.given.name_seed, table)
        make_unreadable(reading.placed, conflicting)
        placed = [place for place in reading.placed if not any(place[0][: len(c)] == c for c in conflicting)]
        unknown = list(unknown_keys(placed, severity=on_unknown))
        record.findings += unknown
        refused_keys = [finding.path for finding in unknown if finding.severity == "error"]
        make_unreadable(placed, doubtful(placed, propagated.table, refused_keys))
        unwritable = list(non_finite(placed))
        record.findings += [*non_finite_findings(unwritable, way.mode), *aside_findings(aside)]
        _run_section_rules(placed, way.kind.section_rules(release), record)
    if aside.values:
        record.findings += way.kind.aside_findings(risen.table, aside, on_unknown)
    return _Draft(
        way=way,
        raised=risen,
        aside=aside,
        propagated=propagated,
        config=config,
        record=record,
        has_non_finite=bool(unwritable),
    )


def _gathered(risen: Raised, table: Mapping[str, Any], release: Release) -> Mapping[str, Any]:
    """The document with its sources where they are set aside, in whatever spelling they were written."""
    return risen.table if release is NEWEST else gathered(risen.table, table, SOURCE_PATH, release)


def _finished(draft: _Draft[R], table: Mapping[str, Any]) -> Resolution[R]:
    way, config, record = draft.way, draft.config, draft.record
    release = way.given.release
    if config is not None:
        _run_root_rules(config, way.kind, record)
        for check in way.kind.way_checks.get(way.mode, ()):
            _check(check, config, (), record)
        config.provenance = Provenance(
            mode=way.mode,
            fills=draft.propagated.fills,
            derived=tuple(record.derived or ()),
            aside=draft.aside,
            written_slurm="slurm" in table,
            has_non_finite=draft.has_non_finite,
            release=release,
            kept=draft.raised.kept,
            written={} if release is NEWEST else table,
        )
    found = tuple(as_written(_with_sources(record), draft.propagated))
    if way.kind.worded is not None:
        found = tuple(map(way.kind.worded, found))
    if release is not NEWEST:
        found = _in_own_words(draft, found, table)
    return Resolution(config=config, findings=found)


def _in_own_words(draft: _Draft[Any], found: Sequence[Finding], table: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Tell findings in the spelling of an older release, with hints that know its keys."""
    from rlsplit.releases.own_keys import hinted

    release = draft.way.given.release
    return tuple(hinted([*draft.raised.findings, *as_spelled(found, table, release)], release))


def name_suffix(seed: str | None, table: Mapping[str, Any]) -> str:
    """Eight hex digits for an automatic run name: of the run id, else of the configuration."""
    text = seed if seed is not None else json.dumps(table, sort_keys=True, default=str)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def derive_section(root: Section, kind: RunKind[Any], release: Release = NEWEST) -> tuple[Finding, ...]:
    """Run all rules inside a section and those nested in it, as prime-rl does when it reads a component's file."""
    record = _Record(release=release)
    _run_section_rules(sections(root), kind.section_rules(release), record)
    if isinstance(root, kind.root):
        _run_root_rules(root, kind, record)
    return tuple(record.findings)


def section_findings(placed: Sequence[Placed], rules: SectionRules) -> tuple[Finding, ...]:
    """Run rules inside sections, for what they find."""
    record = _Record(derived=None)
    _run_section_rules(placed, rules, record)
    return tuple(record.findings)


def _run_section_rules(placed: Sequence[Placed], rules: SectionRules, record: _Record) -> None:
    for path, section in placed:
        for derivation in rules.derivations(type(section)):
            _derive(derivation, section, path, record)
    # Derivations may have put new sections in place; those are made by rules and need no rule again.
    for path, section in placed:
        for check in rules.checks(type(section)):
            _check(check, section, path, record)


def _run_root_rules(config: R, kind: RunKind[R], record: _Record) -> None:
    rules = kind.root_rules(record.release)
    for check in rules.inputs:
        _check(check, config, (), record)
    for derivation in rules.derivations:
        _derive(derivation, config, (), record)
    for check in rules.checks:
        _check(check, config, (), record)


def _derive(derivation: Derivation, section: Section, base: KeyPath, record: _Record) -> None:
    try:
        for setting in derivation.derive(section):
            _apply(setting, derivation.rule, section, base, record)
    except UnreadableError:
        for path in derivation.sets:
            for target, name in fields_at(section, path):
                vars(target).pop(name, None)


def _apply(setting: Setting, rule: str, section: Section, base: KeyPath, record: _Record) -> None:
    place = owner(section, setting.path)
    if place is None or place[0].__dict__.get(place[1], _MISSING) is _MISSING:
        raise UnreadableError(dotted(setting.path))
    target, name = place
    # Not by assignment, which would count the field as written; no rule asks that of a derived field again.
    written = (vars(target)[name],) if name in target.model_fields_set and not setting.warning else ()
    is_newest = record.release is NEWEST
    vars(target)[name] = setting.value if is_newest else of_release(setting.value, record.release)
    path = (*base, *setting.path)
    if setting.warning:
        related = tuple((*base, *source) for source in setting.of)
        record.findings.append(
            Finding(code=rule, severity="warning", path=path, message=setting.warning, related=related, scope=base)
        )
    if record.derived is not None:
        of = tuple([((*base, *source), value_of(section, source)) for source in setting.of])
        record.derived.append(
            Derived(rule=rule, path=path, value=setting.value, of=of, formula=setting.formula, replaced=written)
        )


_MISSING: Final = object()


def _check(check: Check, section: Section, base: KeyPath, record: _Record) -> None:
    try:
        for refusal in check.refuse(section):
            record.findings.append(_refused(check.rule, refusal, base))
    except UnreadableError:
        return


def _with_sources(record: _Record) -> Iterator[Finding]:
    """Relate findings about derived values to the keys that those were computed from, nearest first."""
    sources = {setting.path: tuple(path for path, _ in setting.of) for setting in record.derived or ()}
    for finding in record.findings:
        known = [finding.path, *finding.related]
        for path in known:  # which grows by what a source was computed from itself
            known += [source for source in sources.get(path, ()) if source not in known]
        yield replace(finding, related=tuple(known[1:])) if len(known) > 1 + len(finding.related) else finding


def _refused(rule: str, refusal: Refusal, base: KeyPath) -> Finding:
    return Finding(
        code=rule,
        severity=refusal.severity,
        path=(*base, *refusal.path),
        message=refusal.message,
        hint=refusal.hint,
        related=tuple((*base, *path) for path in refusal.related),
        scope=base,
    )


def as_written(findings: Iterable[Finding], propagated: Propagated) -> Iterator[Finding]:
    """Point findings about filled values at the shared key that was written, and count each problem once."""
    origins = {fill.target: fill for fill in propagated.fills}
    merged: dict[tuple[str, KeyPath, str], Finding] = {}
    for finding in findings:
        moved = _moved(finding, origins)
        # A message about an unknown key names its table, and each component has one of its own.
        is_unknown = moved.code == "B-01"
        key = (moved.code, moved.path, "" if is_unknown else moved.message)
        known = merged.get(key)
        if known is not None and is_unknown and moved is finding:
            known, moved = moved, known
        merged[key] = moved if known is None else _merged(known, moved)
    return iter(merged.values())


def _moved(finding: Finding, origins: Mapping[KeyPath, Fill]) -> Finding:
    for fill in enclosing(origins, finding.path):
        if fill.target == finding.path or fill.value != {}:
            path = (*fill.source, *finding.path[len(fill.target) :])
            fix = finding.fix.at(path) if finding.fix else None
            return replace(finding, path=path, related=(finding.path, *finding.related), fix=fix)
    return finding


def _merged(known: Finding, other: Finding) -> Finding:
    related = (*known.related, *(path for path in other.related if path not in known.related))
    return replace(known, related=related, scope=known.scope if known.scope is not None else other.scope)
