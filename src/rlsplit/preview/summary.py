"""What every preview says first: how it went, and how things are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlsplit.preview.subject import Compiled
from rlsplit.preview.text import counted


def finding_counts(run: Compiled) -> str:
    """Say how many findings of each severity there are: ``2 errors, 1 warning``."""
    numbers = [(run.count("error"), "error"), (run.count("warning"), "warning"), (run.count("notice"), "notice")]
    return ", ".join(counted(number, noun) for number, noun in numbers if number)


def object_title(item: Mapping[str, Any]) -> str:
    """Name an object: ``Job/rl-math-ivbutzbc-trainer``."""
    return f"{item['kind']}/{item['metadata']['name']}"
