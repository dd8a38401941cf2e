"""One configuration as plain data, and what every kind of run makes of it in the same way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from rlsplit.components import SourceSplit
from rlsplit.config.dumping import JsonObject, jsonable, nulled_as, resolved, sparse
from rlsplit.config.run_facts import run_dir, source_name
from rlsplit.config.sections.base import Section, written_fields
from rlsplit.config.sections.rl import EnvServerConfig
from rlsplit.config.sections.shared import LogConfig
from rlsplit.config.sections.sources import SourceConfig
from rlsplit.findings import KeyPath
from rlsplit.releases.image import image_of
from rlsplit.releases.release import NEWEST, Release
from rlsplit.releases.sections import section_of
from rlsplit.releases.spelling import lowered
from rlsplit.splitting.model import Component, EnvServer, Launch

if TYPE_CHECKING:
    from rlsplit.config.sections.roots import AnyConfig

INFERENCE_LEFT_OUT: Final = frozenset({"deployment", "slurm", "output_dir", "dry_run"})
"""Fields of the inference section that its component file does not have (L-03, H-09)."""

ROUTER_FIELDS: Final = frozenset({"router", "backend_port"})
"""Fields of the inference section that images without a router of their own do not read."""

ENV_SERVER_OWN: Final = frozenset({"env", "serve", "log", "output_dir"})
"""Fields of an environment server's file that every release has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dump:
    """A configuration as plain data, dumped once."""

    whole: JsonObject
    """The resolved root."""
    finite: bool
    """Whether untyped tables hold no infinity and no NaN to replace, which spares a copy."""
    release: Release
    kept: tuple[tuple[KeyPath, Any], ...]
    """What the release does not know at its place."""

    @classmethod
    def of(cls, config: AnyConfig) -> Dump:
        """Dump a compiled configuration."""
        provenance = config.provenance
        return cls(
            whole=resolved(config),
            finite=not provenance.has_non_finite,
            release=provenance.release,
            kept=tuple((path, jsonable(value)) for path, value in provenance.kept),
        )

    def lean(self, section: Section, whole: Any) -> JsonObject:
        """Give the sparse form of a section whose resolved form is given."""
        lean = sparse(section)
        return lean if self.finite else {**nulled_as(lean, whole)}

    def lowered(self, component: str, form: JsonObject) -> JsonObject:
        """A component's config in the spelling of its release."""
        return form if self.release is NEWEST else lowered(component, form, self.release, self.kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """One source of environments, with what it is in the resolved root."""

    split: SourceSplit
    position: int
    """In its own list."""
    source: SourceConfig
    whole: JsonObject


def inference_file(config: AnyConfig, dump: Dump, form: JsonObject) -> JsonObject:
    """What the engines read of the inference section; under multi_node the run has one router for all (L-03, L-04)."""
    reads_router = image_of(dump.release).inference_reads_router
    left_out = INFERENCE_LEFT_OUT if reads_router else INFERENCE_LEFT_OUT | ROUTER_FIELDS
    router = {"router": None} if config.deployment.type == "multi_node" and reads_router else {}
    return {**{key: value for key, value in form.items() if key not in left_out}, **router}


def env_servers(sources: Sequence[Sourced], dump: Dump, log: LogConfig, base_port: int) -> Iterator[EnvServer]:
    """The env servers of all sources that are not served elsewhere, in port order (L-06, L-07)."""
    logged = {"level": log.vf_level, "json_logging": log.json_logging}
    further = _further_fields(dump.release)
    for index, each in enumerate(sources):
        if each.source.serve.address is None:
            address = {"address": local_address(base_port, index)}
            env, serve = each.whole["env"], each.whole["serve"]
            lean = dump.lean(each.source.serve, serve)
            more = {field: each.whole[field] for field in further}
            yield EnvServer(
                split=each.split,
                name=source_name(each.source),
                index=index,
                position=each.position,
                config=Component(
                    resolved={"env": env, "serve": {**serve, **address}, **more, "log": logged},
                    sparse={"env": env, "serve": {**lean, **address}, **more, "log": logged},
                ),
            )


def local_address(base_port: int, index: int) -> str:
    """Where the launcher serves the source of an index itself (L-07)."""
    return f"tcp://127.0.0.1:{base_port + index}"


@cache
def _further_fields(release: Release) -> tuple[str, ...]:
    """What the file of an environment server takes from its source besides ``env`` and ``serve``."""
    return tuple(name for name in written_fields(section_of(EnvServerConfig, release)) if name not in ENV_SERVER_OWN)


def launch_of(config: AnyConfig) -> Launch:
    """What the root alone knows."""
    return Launch(
        run_name=config.run.name or "",
        run_dir=run_dir(config.output_dir, config.run.dir or ""),
        env_vars=dict(config.env_vars),
        clean=config.clean,
        has_slurm=config.provenance.written_slurm and config.slurm is not None,
    )
