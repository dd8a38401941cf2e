"""What a shell offers for an argument; each is only asked when somebody presses Tab."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

Words: TypeAlias = Iterable[str]
Described: TypeAlias = Mapping[str, str]
"""Words with what they mean, which zsh and fish show beside them."""
Completer: TypeAlias = Callable[..., Words] | Callable[..., Described]
"""Gives words; called with the beginning of one, the action and what is parsed so far."""

KINDS: Final = (
    "ConfigMap",
    "Job",
    "JobSet",
    "Namespace",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "PodGroup",
    "PodMonitor",
    "Secret",
    "Service",
    "ServiceAccount",
)
"""Kinds of the objects that are rendered."""
_EXPLAINED: Final = ("trainer.", "orchestrator.", "inference.")


def completed(action: argparse.Action, completer: Completer) -> None:
    """Let argcomplete ask ``completer`` for the values of an argument."""
    vars(action)["completer"] = completer


def components(**_: Any) -> Described:
    """Names of components."""
    from rlsplit.components import ROLES

    return {name: role.title for name, role in ROLES.items()}


def parts(**_: Any) -> Words:
    """Names of the parts of a split."""
    return ("trainer", "orchestrator", "inference", "env_servers", "deployment")


def kinds(**_: Any) -> Words:
    """Kinds of objects."""
    return KINDS


def overrides(**_: Any) -> Words:
    """Keys of an ``rl.toml``, each with the sign that a value follows."""
    from rlsplit.manual.lookup import all_paths

    return (f"{path}=" for path in all_paths("rl"))


def explained_keys(**_: Any) -> Words:
    """Keys that a component gets."""
    from rlsplit.manual.lookup import all_paths

    return (path for path in all_paths("rl") if path.startswith(_EXPLAINED))


def explained_words(prefix: str, **_: Any) -> Words:
    """Files, and behind them keys that a component gets."""
    from argcomplete.completers import FilesCompleter

    files: Iterable[str] = FilesCompleter()(prefix)
    return (*files, *explained_keys())


def codes(**_: Any) -> Described:
    """Codes of the rulebook."""
    from rlsplit.rulebook import entries

    return {entry.code: entry.sentence for entry in entries()}


def topics(**_: Any) -> Words:
    """Everything that ``rlsplit doc`` knows."""
    from rlsplit.manual.lookup import all_paths

    settings = (f"platform.{path}" for path in all_paths("platform"))
    return (*all_paths("rl"), *settings, *codes())


def releases(**_: Any) -> Words:
    """Tags of the releases that are known exactly."""
    from rlsplit.releases.release import KNOWN

    return (release.tag for release in KNOWN)


def reports(**_: Any) -> Words:
    """Formats of findings."""
    from rlsplit.report_formats import REPORT_FORMATS

    return REPORT_FORMATS
