"""What a split gives: component configs in two forms, and what no component carries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rlsplit.components import EnvServerId, SourceSplit
from rlsplit.config.dumping import JsonObject as JsonObject
from rlsplit.releases.release import Release
from rlsplit.secrets import hidden

if TYPE_CHECKING:
    from rlsplit.config.sections.roots import AnyConfig


BROADCASTS: Final = "broadcasts"
"""Folder of the run directory in which the trainer announces new weights (SFT-72)."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Component:
    """One component's config in its two forms; both are plain JSON-compatible data."""

    resolved: JsonObject
    """Every field, defaults included (D-01)."""
    sparse: JsonObject
    """What was written, propagated or derived away from the component's own default. Baked into the pods."""

    def __repr__(self) -> str:
        return f"Component(resolved={hidden(self.resolved)}, sparse={hidden(self.sparse)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvServer:
    """The config of one environment server that the run starts itself (L-06)."""

    split: SourceSplit
    name: str
    """Resolved name of the source: its own, or the environment's id."""
    index: int
    """Position among all sources, train before eval (L-07); externally served sources keep theirs."""
    position: int
    """Position in its own list: ``orchestrator.<split>.source[<position>]``."""
    config: Component
    """``{env, serve, log}``, ``serve.address`` set to the launcher's local address (L-07)."""

    @property
    def id(self) -> EnvServerId:
        """What tells it from every other, whatever they are called."""
        return EnvServerId(self.split, self.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """Settings of the root that no component config carries but that whoever launches the run needs."""

    run_name: str
    run_dir: str
    """``output_dir / run.dir`` (X-06)."""
    env_vars: dict[str, str] = field(repr=False)
    """Root ``env_vars``: for every component; never merged into the files (L-15)."""
    clean: bool
    has_slurm: bool
    """A root ``[slurm]`` table (also the empty one that hosted runs assume, H-03) was given by the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """What prime-rl's launcher would write, as values."""

    trainer: Component
    orchestrator: Component | None
    """None: an SFT run, which has none."""
    evals: Component | None = None
    """What evaluates an SFT run online (SFT-72); None: nothing does."""
    inference: Component | None
    env_servers: tuple[EnvServer, ...]
    """Sources without an own ``serve.address``, in port order; empty when sources were set aside (hosted)."""
    deployment: JsonObject
    """Resolved root deployment."""
    launch: Launch
    config: AnyConfig = field(repr=False, compare=False)
    """The configuration that was split, for later stages: its sections are typed, the components are data."""

    @property
    def release(self) -> Release:
        """The release of prime-rl whose components these are."""
        return self.config.provenance.release
