"""What a kind of run is: its root section, what happens to a document before it is read, and its rules.

The stages know no kind: they take one as a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from rlsplit.config.propagation import Propagated
from rlsplit.config.rules import Check, Derivation, Mode, SetAside
from rlsplit.config.sections.base import Section
from rlsplit.config.sections.root import RootConfig
from rlsplit.findings import Finding
from rlsplit.releases.release import Release

R = TypeVar("R", bound=RootConfig)

OnUnknown = Literal["error", "warning"]
"""How severe an unknown key is."""


@dataclass(frozen=True, slots=True)
class SectionRules:
    """The rules inside sections, of one release, by section."""

    derivations: Callable[[type[Section]], tuple[Derivation, ...]]
    """Those of its base classes first."""
    checks: Callable[[type[Section]], tuple[Check, ...]]
    """Those of its base classes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RootRules:
    """The rules between sections, of one release, in the order in which they run."""

    inputs: tuple[Check, ...] = ()
    """Checks of what was written, before anything is derived."""
    derivations: tuple[Derivation, ...]
    checks: tuple[Check, ...]
    """Checks of what was written and derived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunKind(Generic[R]):
    """A kind of run, as the stages that compile its configuration need to know it."""

    root: type[R]
    """What its document is read as."""
    propagate: Callable[[Mapping[str, Any], Release], Propagated]
    """Fills values into a raw document before it is read."""
    section_rules: Callable[[Release], SectionRules]
    root_rules: Callable[[Release], RootRules]
    set_aside: Callable[[dict[str, Any]], tuple[SetAside, dict[str, Any]]]
    """Takes out of a document what the hosted way does not validate; gives that and the rest."""
    without_aside: Callable[[R], R]
    """Copies a configuration as it were if all that had been set aside before it was read."""
    aside_findings: Callable[[Mapping[str, Any], SetAside, OnUnknown], Iterator[Finding]]
    """What the hosted way finds in what it set aside; takes the whole document, too."""
    way_checks: Mapping[Mode, tuple[Check, ...]] = field(default_factory=dict[Mode, tuple[Check, ...]])
    """Checks between sections that belong to one way alone; they run after all others."""
    components: Mapping[str, type[Section]] = field(default_factory=dict[str, type[Section]])
    """Component to the section that its config file holds, where that differs from an RL run's."""
    worded: Callable[[Finding], Finding] | None = None
    """Puts a finding of a rule that it shares with another kind into its own words; None: they are its own."""
