"""``rlsplit explain``: where values come from, on one platform or on two."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from rlsplit.cli.commands import compiled, target_of
from rlsplit.cli.comparing import two_platforms
from rlsplit.cli.streams import Cluster, CommandError, report, shown_name, sources_of

if TYPE_CHECKING:
    from rlsplit.cli.options import ExplainOptions
    from rlsplit.compiler import Outcome, Stage
    from rlsplit.document import Source
    from rlsplit.explaining import Origin

_MOST_MEANT: Final = 3
"""Keys that are suggested for one that nothing has."""


def explain(options: ExplainOptions) -> int:
    """Say where values come from."""
    platforms = two_platforms(options.platforms)
    if options.without_cluster and options.platforms:
        raise CommandError("--without-cluster leaves out what --platform names")
    files, key = _files_and_key(options)
    sources = sources_of(files, options.attach)
    sides = [_explained(replace(options, platform=file), sources) for file in dict.fromkeys(platforms)]
    code = _report(options, sides)
    if code or any(side.outcome.split is None for side in sides):
        return code
    old, new = (_chosen(options, side, key) for side in (sides[0], sides[-1]))
    if len(sides) == 1:
        text = _aligned([_row(origin) for origin in old])
    else:
        names = [shown_name(file or "") for file in platforms]
        text = _compared(old, new, names, is_whole=key is None)
    print(text, end="")
    return code


@dataclass(frozen=True, kw_only=True)
class _Side:
    """One config on one platform."""

    outcome: Outcome
    cluster: Cluster


def _explained(options: ExplainOptions, sources: Sequence[Source]) -> _Side:
    if options.without_cluster:
        return _Side(outcome=compiled(options, sources, until="split"), cluster=Cluster())
    target, cluster = target_of(options, has_secrets=False)
    until: Stage = "split" if cluster.is_refused else "plan"
    return _Side(outcome=compiled(options, sources, target, until=until), cluster=cluster)


def _report(options: ExplainOptions, sides: Sequence[_Side]) -> int:
    """Report what is found on either side, once."""
    found = [f for side in sides for f in side.outcome.noted(side.cluster.findings)]
    lines = {
        name: text for side in sides for name, text in {**side.outcome.document.lines, **side.cluster.lines}.items()
    }
    return report(options, list(dict.fromkeys(found)), lines)


def _chosen(options: ExplainOptions, side: _Side, key: str | None) -> tuple[Origin, ...]:
    """The origins that are asked for; none is a mistake."""
    from rlsplit.explaining import asked_for, changed, meant
    from rlsplit.explaining import explain as explain_split
    from rlsplit.findings import dotted

    outcome = side.outcome
    if outcome.config is None or outcome.split is None:
        return ()
    origins = explain_split(outcome.split, outcome.config.provenance, outcome.document, outcome.plan)
    if options.changed_only:
        origins = changed(origins)
    if options.component:
        origins = tuple(origin for origin in origins if origin.component == options.component)
    found = origins if key is None else asked_for(origins, key)
    if not found:
        if key is not None and any(dotted(path) == key for path in outcome.document.marks):
            raise CommandError(f"{key} is written, and no component gets it as a value of its own")
        near = meant(origins, key) if key else ()
        told = f"did you mean {', or '.join(near[:_MOST_MEANT])}?" if near else "name a component or a key"
        raise CommandError(f"no value there; {told}{'' if near else ' such as trainer.model.seq_len'}")
    return found


def _files_and_key(options: ExplainOptions) -> tuple[list[str], str | None]:
    """Tell files from the key behind them: the last word is a key if it names no file and something is left to read."""
    *files, last = options.words or ["-"]
    is_file = last == "-" or last.endswith((".toml", ".json")) or os.path.exists(last)
    if is_file or not (files or options.attach):
        return options.words, None
    return files, last


# --- what is printed -------------------------------------------------------------------------------------------

Row = tuple[str, str, str]
"""Dotted key with its component, value, origin."""
_WIDEST: Final = 60
"""Columns before the origins, at most."""


def _row(origin: Origin) -> Row:
    from rlsplit.explaining import origin_text
    from rlsplit.findings import dotted
    from rlsplit.secrets import HIDDEN

    text = HIDDEN if origin.is_hidden else json.dumps(origin.value, default=str)
    return f"{origin.component}.{dotted(origin.path)}", text, origin_text(origin)


def _aligned(rows: Sequence[Row]) -> str:
    from rlsplit.characters import visible

    shown = [(f"{visible(key)} = {visible(value)}", visible(origin)) for key, value, origin in rows]
    width = min(max(len(left) for left, _ in shown), _WIDEST)
    return "".join(f"{left:<{width}}  # {right}\n" for left, right in shown)


_SAME: Final = "Every component reads the same on both; `rlsplit diff` tells what is planned and applied differently.\n"


def _compared(old: Sequence[Origin], new: Sequence[Origin], names: Sequence[str], *, is_whole: bool) -> str:
    """Say what each key is on both platforms; of all keys only of those that differ."""
    from rlsplit.explaining import is_alike

    before, after = ({(origin.component, origin.path): origin for origin in side} for side in (old, new))
    lines: list[str] = []
    for place in dict.fromkeys((*before, *after)):
        was, is_now = before.get(place), after.get(place)
        if was and is_now and is_alike(was, is_now):
            lines += [] if is_whole else [_aligned([_row(was)])]
        else:
            lines += _sides(was, is_now, names)
    return "".join(lines) or _SAME


def _sides(old: Origin | None, new: Origin | None, names: Sequence[str]) -> list[str]:
    """A key that differs: its name, and below it what it is on either platform."""
    from rlsplit.characters import visible

    rows = [_row(side) if side else ("", "(none)", "no such key") for side in (old, new)]
    heads = [f"  {visible(name)}: {visible(value)}" for name, (_, value, _) in zip(names, rows, strict=True)]
    width = min(max(map(len, heads)), _WIDEST)
    told = [f"{head:<{width}}  # {visible(row[2])}\n" for head, row in zip(heads, rows, strict=True)]
    return [f"{visible(rows[0][0] or rows[1][0])}\n", *told]
