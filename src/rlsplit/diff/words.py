"""A difference in words, the same for every format."""

from __future__ import annotations

from typing import Any

from rlsplit.characters import visible
from rlsplit.diff.changes import ABSENT, Change
from rlsplit.diff.difference import ComponentChange, Difference, FactChange
from rlsplit.findings import clipped, dotted
from rlsplit.preview.subject import Compiled
from rlsplit.preview.summary import finding_counts
from rlsplit.preview.text import counted, value_text
from rlsplit.secrets import SecretText


def verdict(found: Difference) -> str:
    """Say in one sentence what the change means."""
    if found.is_refused:
        return f"Nothing to compare: {' and '.join(_refusals(found))}."
    if found.is_same:
        return "The documents differ, the run does not." if found.documents_differ else "No difference."
    return f"The runs differ: {clipped(visible(found.headline)) or 'the same pods on the same GPUs'}."


def extent(found: Difference) -> str:
    """Count what changes at each level: ``3 settings, 1 fact of the plan, 2 objects``."""
    settings = sum(len(change.values) or 1 for change in found.components)
    numbers = [(settings, "setting"), (len(found.facts), "planned value"), (len(found.objects), "object")]
    return ", ".join(counted(number, noun) for number, noun in numbers if number)


def moves_heading(found: Difference) -> str:
    """Say how many values come from elsewhere without changing."""
    return f"{counted(len(found.moves), 'value')} moved without changing"


def change_path(change: Change) -> str:
    """Spell the path of a changed setting."""
    return visible(dotted(change.path))


def sides(change: Change | FactChange, limit: int = 200) -> tuple[str, str]:
    """Spell the old and the new value; of a secret only that it is one."""
    old, new = _value(change.old, limit), _value(change.new, limit)
    return old, f"another {new}" if old == new and isinstance(change.new, SecretText) else new


def component_title(change: ComponentChange) -> str:
    """Name a component, and say if all of it comes or goes."""
    name = visible(change.component)
    return name if change.kind == "changed" else f"{name} ({change.kind})"


def roles_text(change: FactChange) -> str:
    """Name the roles that a planned value belongs to, the first few of many."""
    names = [visible(name) for name in change.roles]
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"


def _refusals(found: Difference) -> list[str]:
    sides = (("the old", found.old), ("the new", found.new))
    return [_refusal(which, side) for which, side in sides if side.is_refused]


def _refusal(which: str, side: Compiled) -> str:
    return f"{which} configuration is refused with {finding_counts(side)}"


def _value(value: Any, limit: int) -> str:
    if value is ABSENT:
        return str(ABSENT.value)
    return "***" if isinstance(value, SecretText) else value_text(value, limit)
