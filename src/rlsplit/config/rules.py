"""What a rule is: a named function with its ID, and what it may say or set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar

from rlsplit.findings import KeyPath, Severity
from rlsplit.releases.release import NEWEST, Release


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a check has against a section; ``path`` is relative to that section."""

    path: KeyPath
    message: str
    hint: str | None = None
    related: tuple[KeyPath, ...] = ()
    severity: Severity = "error"
    """A warning is what prime-rl itself only warns of."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value that a derivation gives a field; paths are relative to the rule's section."""

    path: KeyPath
    value: Any
    of: tuple[KeyPath, ...] = ()
    """The keys the value was computed from."""
    formula: str | None = None
    """How, with the numbers put in: ``8 GPUs // tp 2``."""
    warning: str | None = None
    """What prime-rl warns about when it does this."""


@dataclass(frozen=True, slots=True)
class Check:
    """A rule that may refuse a section. Its first docstring line is its entry in the catalogue."""

    rule: str
    refuse: Callable[[Any], Iterator[Refusal]]
    since: str | None = None
    """The first tag of prime-rl that has the rule; None: all have."""
    until: str | None = None
    """The first tag that has it no more; None: the newest has it."""


@dataclass(frozen=True, slots=True)
class Derivation:
    """A rule that may set fields below a section.

    ``sets`` names all fields it could set: they are unreadable once it cannot tell, because an input of it was refused.
    :data:`EACH` stands for the items of a list.
    """

    rule: str
    derive: Callable[[Any], Iterator[Setting]]
    sets: tuple[KeyPath, ...]
    since: str | None = None
    """The first tag of prime-rl that has the rule; None: all have."""
    until: str | None = None
    """The first tag that has it no more; None: the newest has it."""
    after: str | None = None
    """Of a rule that only older releases have: the rule that it follows (None: it comes last)."""


EACH: Final = "*"
"""In a path of ``Derivation.sets``: every item of a list."""

Rule = TypeVar("Rule", Check, Derivation)


def along_hierarchy(rules: Mapping[type, tuple[Rule, ...]], section: type) -> tuple[Rule, ...]:
    """The rules of a section: those of its base classes first, as pydantic runs validators, then its own."""
    return tuple(rule for base in reversed(section.__mro__) for rule in rules.get(base, ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """The record of one setting, with paths from the root."""

    rule: str
    path: KeyPath
    value: Any = field(repr=False)
    of: tuple[tuple[KeyPath, Any], ...] = field(repr=False)
    """The keys it was computed from, with their values at that time; a section stands for itself."""
    formula: str | None
    replaced: tuple[Any, ...] = field(default=(), repr=False)
    """The value that had been written there, if one had, and prime-rl does not itself warn that it goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One value that propagation wrote into a component."""

    target: KeyPath
    source: KeyPath
    value: Any = field(repr=False)
    rule: str

    def source_of(self, path: KeyPath) -> KeyPath:
        """Give the shared key of a path at or below the target."""
        return (*self.source, *path[len(self.target) :])


KindName = Literal["rl", "sft"]
"""Kind of run: reinforcement learning (``rl.toml``), or supervised fine-tuning (``sft.toml``)."""

Mode = Literal["launcher", "hosted"]
"""Whether environment sources are typed and checked (launcher), or set aside and restored untouched (hosted)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """What the hosted way took out before validation and puts back afterwards (H-02, SFT-82)."""

    values: Mapping[KeyPath, Any] = field(default_factory=dict[KeyPath, Any], repr=False)
    """Place to the value that was written there, of any type; what was not written is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where the values of a compiled configuration come from."""

    mode: Mode
    fills: tuple[Fill, ...]
    derived: tuple[Derived, ...]
    aside: SetAside
    written_slurm: bool
    """Whether the user wrote a root ``slurm`` key (H-03 assumes an empty one for multi-node runs)."""
    has_non_finite: bool
    """Whether untyped tables hold infinities or NaN, which become null when they are dumped (D-03)."""
    release: Release = NEWEST
    """The release that it was compiled for."""
    kept: tuple[tuple[KeyPath, Any], ...] = ()
    """What that does not know at its place, handed on as it is."""
    written: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    """The document of an older release as it was written: findings point at its keys."""


def keys(text: str) -> KeyPath:
    """Turn ``a.b.c`` into ``("a", "b", "c")``."""
    return tuple(text.split("."))
