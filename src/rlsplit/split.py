"""Split: one compiled run configuration into the component configs, exactly as prime-rl's own splitter does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One component's config in its two forms; both are plain JSON-compatible data."""

    resolved: JsonObject
    """Every field, defaults included (D-01)."""
    sparse: JsonObject
    """What was written, propagated or derived away from the component's own default. Baked into the pods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvServer:
    """The config of one environment server that the run starts itself (L-06)."""

    split: Literal["train", "eval"]
    name: str
    """Resolved name of the source: its own, or the environment's id."""
    index: int
    """Position among all sources, train before eval (L-07); externally served sources keep theirs."""
    position: int
    """Position in its own list: ``orchestrator.<split>.source[<position>]``."""
    config: Component
    """``{env, serve, log}``, ``serve.address`` set to the launcher's local address (L-07)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """Settings of the root that no component config carries but that whoever launches the run needs."""

    run_name: str
    run_dir: str
    """``output_dir / run.dir`` (X-06)."""
    env_vars: dict[str, str]
    """Root ``env_vars``: for every component; never merged into the files (L-15)."""
    clean: bool
    has_slurm: bool
    """A root ``[slurm]`` table (also the empty one that hosted runs assume, H-03) was given by the user."""
    resume: JsonObject | None
    """Resolved root ``resume``."""
    router: JsonObject | None
    """Resolved ``inference.router``, which the component config nulls under multi_node (L-04)."""
    inference_deployment: JsonObject | None
    """Resolved ``inference.deployment``, which the component config leaves out (L-03)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """What prime-rl's launcher would write, as values."""

    trainer: Component
    orchestrator: Component
    inference: Component | None
    env_servers: tuple[EnvServer, ...]
    """Sources without an own ``serve.address``, in port order; empty when sources were set aside (hosted)."""
    deployment: JsonObject
    """Resolved root deployment."""
    launch: Launch
