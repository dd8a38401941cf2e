"""Propagation: values written once at the root are filled into the components that are silent (S-rules).

Works on raw tables, before any type is known: ``"None"`` is still text and a table still lacks its default tag.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from rlsplit.config.rules import Fill, keys
from rlsplit.findings import Finding, KeyPath, dotted, shown
from rlsplit.plain_data import is_table, value_at
from rlsplit.releases.release import NEWEST, Release
from rlsplit.secrets import hidden


@dataclass(frozen=True, slots=True)
class Shared:
    """One row of the propagation table: a shared key and the keys it fills."""

    source: KeyPath
    targets: tuple[KeyPath, ...]
    since: str | None = None
    """The first tag of prime-rl that has the row; None: all have."""
    until: str | None = None
    """The first tag that has it no more; None: the newest has it."""
    suffixes: tuple[str, ...] = ()
    """What each target adds to the text of the value; left out, it takes the value."""

    def expected(self, target: int, value: Any) -> Any:
        """What the target of a number is to have, since the row has suffixes."""
        suffix = self.suffixes[target]
        return f"{value}{suffix}" if suffix else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Propagated:
    """The filled table, what was filled, and every disagreement."""

    table: dict[str, Any]
    fills: tuple[Fill, ...]
    conflicts: tuple[Finding, ...]


def _row(source: str, *targets: str, since: str | None = None, until: str | None = None) -> Shared:
    return Shared(keys(source), tuple(keys(target) for target in targets), since, until)


def _both(leaf: str, *, since: str | None = None, until: str | None = None) -> Shared:
    return _row(leaf, f"trainer.{leaf}", f"orchestrator.{leaf}", since=since, until=until)


SHARED: Final = (
    _row("model.name", "trainer.model.name", "inference.vllm.model", "orchestrator.model.name"),
    _row("model.vlm", "trainer.model.vlm", "inference.vllm.vlm", "orchestrator.model.vlm", until="v0.8.1.dev1"),
    _both("model.vlm", since="v0.8.1.dev1"),
    _row("log.level", "trainer.log.level", "orchestrator.log.level", "inference.log.level"),
    _row(
        "log.json_logging",
        "trainer.log.json_logging",
        "orchestrator.log.json_logging",
        "inference.log.json_logging",
    ),
    _row("ckpt.output_dir", "trainer.ckpt.output_dir"),
    _both("ckpt.interval"),
    _both("ckpt.resume_step", until="v0.8.1.dev26"),
    _both("ckpt.keep_last"),
    _both("ckpt.keep_interval"),
    _both("monitors.wandb.project"),
    _both("monitors.wandb.entity"),
    _both("monitors.wandb.name"),
    _both("monitors.wandb.group"),
    _both("monitors.wandb.tags"),
    _both("monitors.wandb.offline"),
    _both("monitors.file.path", since="v0.8.0"),
    _row("monitors.prime.name", "orchestrator.monitors.prime.name", since="v0.8.1.dev30"),
    _both("tokenizer.name"),
    _both("tokenizer.trust_remote_code"),
    _row(
        "tokenizer.chat_template",
        "trainer.tokenizer.chat_template",
        "orchestrator.tokenizer.chat_template",
        "inference.vllm.chat_template",
    ),
    _both("rollout_transport", since="v0.7.1.dev71"),
    _both("max_steps"),
    _row("seq_len", "trainer.model.seq_len", "orchestrator.seq_len"),
    _row("slurm", "inference.slurm"),
    Shared(
        ("output_dir",),
        (("trainer", "output_dir"), ("orchestrator", "output_dir")),
        until="v0.8.1.dev26",
        suffixes=("", "/run_default"),
    ),
)
"""The propagation table in evaluation order (S-01)."""

CASCADE: Final = _row("trainer.tokenizer.chat_template", "inference.vllm.chat_template")
"""Filled after the table, without a conflict test (S-05)."""

BLOCKS: Final = (
    _both("ckpt"),
    _both("monitors.wandb"),
    _both("monitors.file", since="v0.8.0"),
    _row("monitors.prime", "orchestrator.monitors.prime", since="v0.8.1.dev30"),
)
"""Blocks whose mere presence is shared (S-06)."""

BLOCKS_OFF_SINCE: Final = "v0.8.1.dev30"
"""The first tag in which ``"None"`` in place of a block is shared, too (S-06)."""


MAX_SPELLED: Final = 80
"""Longest table that a message spells out [characters]."""

_NOTHING: Final[dict[str, Any]] = {}
"""Stands for a table that is not there."""


def propagate(table: Mapping[str, Any], release: Release = NEWEST) -> Propagated:
    """Fill shared values into the components and collect every conflict (S-01 to S-07, S-09).

    A missing step of a path, or a non-table on the way, counts as null (S-01). The argument is left as it is; tables
    that get a value are copied on the way.
    """
    filled = dict(table)
    fills: list[Fill] = []
    conflicts: list[Finding] = []
    rows, blocks = _in_force(release)
    for row in rows:
        value = value_at(filled, row.source)
        if value is not None:
            conflicts += _conflicts(filled, row, value)
            fills += fill(filled, row, value, "S-03")
    template = value_at(filled, CASCADE.source)
    if template is not None:
        fills += fill(filled, CASCADE, template, "S-05")
    for block in blocks:
        value = value_at(filled, block.source)
        if isinstance(value, dict) or (value == "None" and not release.is_before(BLOCKS_OFF_SINCE)):
            fills += fill(filled, block, {} if isinstance(value, dict) else value, "S-06")
    _tag_aliased_transport(filled, fills)
    return Propagated(table=filled, fills=tuple(fills), conflicts=tuple(conflicts))


@cache
def _in_force(release: Release) -> tuple[tuple[Shared, ...], tuple[Shared, ...]]:
    """The rows of the table and the blocks that a release has."""
    of_values, of_blocks = (
        tuple(row for row in rows if release.lies_in(row.since, row.until)) for rows in (SHARED, BLOCKS)
    )
    return of_values, of_blocks


def _conflicts(table: Mapping[str, Any], row: Shared, value: Any) -> Iterator[Finding]:
    for number, target in enumerate(row.targets):
        expected = row.expected(number, value) if row.suffixes else value
        own = value_at(table, target)
        if own is not None and own != expected:
            yield Finding(
                code="S-02",
                path=target,
                message=f"{_spelled(own)} disagrees with the shared {dotted(row.source)} = {_spelled(value)}",
                hint=f"remove one of the two, or make them equal; {dotted(row.source)} alone fills every component",
                related=(row.source,),
                scope=(),
            )


def _spelled(value: Any) -> str:
    if is_table(value):
        inner = ", ".join(f"{key} = {shown(item)}" for key, item in hidden(value).items())
        return f"{{{inner}}}" if len(inner) <= MAX_SPELLED else "a table"
    return shown(value)


def fill(table: dict[str, Any], row: Shared, value: Any, rule: str) -> Iterator[Fill]:
    """Write a value to the targets of a row that are silent, and tell where it was written (S-03)."""
    for number, target in enumerate(row.targets):
        expected = row.expected(number, value) if row.suffixes else value
        if _written(table, target, expected):
            yield Fill(target=target, source=row.source, value=expected, rule=rule)


def _written(table: dict[str, Any], target: KeyPath, value: Any) -> bool:
    """Write a value where its section is present and its key is absent (S-03); says whether it did."""
    *parents, leaf = map(str, target)
    if parents[0] not in table:
        return False
    holder: Any = table
    for part in parents:
        holder = holder.get(part, _NOTHING) if is_table(holder) else None
    if not is_table(holder):
        return False
    if leaf in holder:
        return False
    node = table
    for part in parents:
        node[part] = node = dict(node.get(part, _NOTHING))
    node[leaf] = value
    return True


def _tag_aliased_transport(table: dict[str, Any], fills: list[Fill]) -> None:
    """A shared transport without tag is ``zmq`` once a component took it over (S-09).

    prime-rl hands the component the very same table, and the component's default tag is written into it.
    """
    shared = table.get("rollout_transport")
    taken = any(fill.source == ("rollout_transport",) for fill in fills)
    if taken and isinstance(shared, dict) and "type" not in shared:
        table["rollout_transport"] = {"type": "zmq", **shared}
