"""The commands that are about releases of prime-rl themselves: ``migrate`` and ``drift``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlsplit.cli.streams import (
    FINDINGS,
    FINE,
    CommandError,
    make_folder,
    progress,
    read_file,
    replace_file,
    report,
    shown_name,
    wants_colour,
)

if TYPE_CHECKING:
    from rlsplit.cli.options import DriftOptions, MigrateOptions
    from rlsplit.migration import Migration


def migrate(options: MigrateOptions) -> int:
    """Rewrite each file for a later release, in place unless asked otherwise; one that is refused stays as it is."""
    done = [(name, *_migrated(options, name)) for name in progress(options.files, "migrated")]
    for name, old, migration in done:
        if options.diff:
            old_tag, new_tag = migration.from_release, migration.to_release
            print(difference(shown_name(name), old, migration.text, old_tag, new_tag), end="")
        elif options.output is not None or name == "-":
            _write_elsewhere(options, name, migration)
        elif migration.edits:
            replace_file(name, migration.text)
    findings = [finding for _, _, migration in done for finding in migration.findings]
    lines = {name: text for _, _, migration in done for name, text in migration.lines.items()}
    return report(options, findings, lines)


def _migrated(options: MigrateOptions, name: str) -> tuple[bytes, Migration]:
    from rlsplit.migration import migrate as migrated

    old = read_file(name)
    migration = migrated(
        old,
        source=shown_name(name),
        from_release=options.from_release,
        to_release=options.to_release,
        pin_defaults=options.pin_defaults,
    )
    return old, migration


def _write_elsewhere(options: MigrateOptions, name: str, migration: Migration) -> None:
    from rlsplit.characters import escaped

    if migration.is_refused:
        return
    if options.output in (None, "-"):
        print(escaped(migration.text) if sys.stdout.isatty() else migration.text, end="")
        return
    path = Path(options.output or "")
    is_folder = len(options.files) > 1 or path.is_dir()
    if is_folder:
        make_folder(path)
    replace_file(str(path / Path(shown_name(name)).name) if is_folder else str(path), migration.text)


def difference(name: str, old: bytes, new: str, was: str, becomes: str) -> str:
    """Show what changes between two texts, line by line, for standard output; what looks like a secret is covered."""
    from rlsplit.characters import visible
    from rlsplit.line_diff import painted, unified

    before, after = (_shown_lines(text) for text in (old.decode("utf-8", "replace"), new))
    shown = visible(name)
    lines = unified(before, after, f"{shown} ({was})", f"{shown} ({becomes})")
    is_coloured = wants_colour(sys.stdout)
    return "".join(f"{painted(line) if is_coloured else line}\n" for line in lines)


def _shown_lines(text: str) -> list[str]:
    from rlsplit.characters import visible
    from rlsplit.covering import covered_lines

    return [visible(line) for line in covered_lines(text)]


def drift(options: DriftOptions) -> int:
    """Compare a dump with the sections of a release: exit code 0 same, 1 different, 2 could not run."""
    from rlsplit.drift import drift as drifted
    from rlsplit.drift import findings, stub, table_findings, validator_findings
    from rlsplit.releases.release import NEWEST, served

    dump = _dump(options.dump)
    chosen = served(options.release) if options.release else None
    if chosen is not None and not chosen.is_image:
        raise CommandError(f"{options.release} is no release that is known here")
    release = chosen.release if chosen else NEWEST
    found = drifted(dump, release)
    if options.stub:
        print(stub(found, options.tag or "v0.0.0", release), end="")
        return FINDINGS if found else FINE
    tables = table_findings(dump) if release is NEWEST else ()
    changed = validator_findings(_dump(options.since), dump) if options.since else ()
    told = [*findings(found, release), *tables, *changed]
    return max(report(options, told, {}), FINDINGS if told else FINE)


def _dump(name: str) -> dict[str, Any]:
    import json

    from rlsplit.plain_types import is_table

    try:
        found: object = json.loads(read_file(name))
    except ValueError as error:
        raise CommandError(f"{name} is no dump: {error}") from error
    if not is_table(found) or not is_table(found.get("paths")):
        raise CommandError(f"{name} is no dump: it has no table of paths")
    return found
