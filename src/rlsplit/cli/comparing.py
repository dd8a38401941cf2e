"""``rlsplit diff``: two configs, one on two platforms, or one beside stored objects."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rlsplit.cli.commands import previewed
from rlsplit.cli.streams import (
    COULD_NOT_RUN,
    FINDINGS,
    FINE,
    CommandError,
    report,
    source_at,
    source_of,
    sources_of,
    wants_colour,
)

if TYPE_CHECKING:
    from rlsplit.cli.options import DiffOptions
    from rlsplit.diff import Difference
    from rlsplit.document import Source
    from rlsplit.preview import Compiled


def diff(options: DiffOptions) -> int:
    """Say what a change means: exit code 0 same, 1 different, 2 could not run."""
    from rlsplit import diff as differ

    if options.objects is not None:
        return _diff_objects(options)
    # One name for both, so that only the change shows.
    compared = replace(options, run_id=options.run_id or differ.COMPARED_RUN_ID)
    platforms = two_platforms(options.platforms)
    old, new = (
        previewed(compared, replace(compared, platform=platform), sources)
        for platform, sources in zip(platforms, _sides(options, is_one=platforms[0] != platforms[1]), strict=True)
    )
    if platforms[0] != platforms[1]:
        old, new = (
            replace(side, name=f"{side.name} on {name}") for side, name in zip((old, new), platforms, strict=True)
        )
    found = differ.difference(old, new)
    print(_difference(found, options), end="")
    code = _reported(options, old, new)
    if found.is_refused:
        return COULD_NOT_RUN
    return code if found.is_same else FINDINGS


def _reported(options: DiffOptions, old: Compiled, new: Compiled) -> int:
    """Report the findings of both sides to machines; people have read them with the difference."""
    findings = list(dict.fromkeys((*old.findings, *new.findings)))
    if options.report:
        return report(options, findings, {**old.document.lines, **new.document.lines})
    return FINDINGS if options.strict and any(f.severity == "warning" for f in findings) else FINE


def _difference(found: Difference, options: DiffOptions) -> str:
    from rlsplit import diff as differ

    if options.format == "text":
        return differ.as_text(found, colour=wants_colour(sys.stdout))
    return differ.as_html(found) if options.format == "html" else differ.as_markdown(found)


def _sides(options: DiffOptions, *, is_one: bool) -> tuple[list[Source], list[Source]]:
    """Read what both sides share and what each has of its own; ``is_one``: one config on two platforms will do."""
    if options.git is not None and options.new is not None:
        raise CommandError("name one file with --git REVISION")
    if options.git is None and options.new is None and not is_one:
        raise CommandError("name two files, or one and --git REVISION or --platform OLD..NEW")
    new = source_of(options.new or options.old)
    old = source_of(options.old) if options.git is None else source_at(options.git, options.old)
    shared = _shared(options)
    return [*shared, old], [*shared, new]


def _shared(options: DiffOptions) -> list[Source]:
    """Read what stands below every config that is compared."""
    return sources_of(options.base, options.attach) if options.base or options.attach else []


def two_platforms(files: Sequence[str]) -> tuple[str | None, str | None]:
    """The settings of the old and of the new side: one file for both, or two, also as ``OLD..NEW``."""
    if len(files) > 2:
        raise CommandError("--platform may be given twice: the old one and the new one")
    if len(files) == 2:
        return files[0], files[1]
    text = files[0] if files else None
    for dots in re.finditer(r"(?=\.\.)", text or ""):
        old, new = (text or "")[: dots.start()], (text or "")[dots.start() + 2 :]
        if not os.path.exists(text or "") and os.path.isfile(old) and os.path.isfile(new):
            return old, new
    return text, text


def _diff_objects(options: DiffOptions) -> int:
    """Compare what a config renders to with stored objects."""
    from rlsplit.cli.stored_objects import stored_objects
    from rlsplit.diff import as_object_text, stored_changes

    if options.new is not None or options.git is not None or options.format != "text":
        raise CommandError("--objects takes one config, and tells the difference as text")
    platform, other = two_platforms(options.platforms)
    if platform != other:
        raise CommandError("--objects takes one platform")
    compiled = previewed(options, replace(options, platform=platform), [*_shared(options), source_of(options.old)])
    if compiled.planned is None:
        report(options, compiled.findings, compiled.document.lines)
        return COULD_NOT_RUN
    found = stored_changes(stored_objects(options.objects or ""), compiled.planned.objects)
    print(as_object_text(found, colour=wants_colour(sys.stdout)), end="")
    return FINDINGS if found else FINE
