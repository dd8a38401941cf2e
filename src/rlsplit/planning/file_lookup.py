"""Files that components read and write by a name in the config: :mod:`.lookup` looks up the rest."""

from __future__ import annotations

from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.sections.shared import MonitorsConfig, TokenizerConfig
from rlsplit.findings import KeyPath
from rlsplit.planning.settings import Value


def tokenizer_files(*tokenizers: tuple[TokenizerConfig, KeyPath], is_shared: bool = False) -> tuple[Value[str], ...]:
    """Read what tokenizers are loaded from; what two of them share is told of the first."""
    found: dict[str, Value[str]] = {}
    for tokenizer, key in tokenizers:
        for name, value in (("name", tokenizer.name), ("chat_template", tokenizer.chat_template)):
            if value is not None:
                found.setdefault(value, Value(value, (*key, name), is_shared))
    return tuple(found.values())


def rl_tokenizer_files(config: RLConfig) -> tuple[Value[str], ...]:
    """Read what the two tokenizers of an RL run are loaded from."""
    return tokenizer_files(
        (config.trainer.tokenizer, ("trainer", "tokenizer")),
        (config.orchestrator.tokenizer, ("orchestrator", "tokenizer")),
    )


def file_monitor(monitors: MonitorsConfig, component: str) -> Value[str | None]:
    """Where a component writes its metrics to; None: it does not."""
    return Value(monitors.file.path if monitors.file else None, (component, "monitors", "file", "path"))
