"""Split: one compiled run configuration into the component configs, exactly as prime-rl's own splitter does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from pydantic_core import to_jsonable_python

from rlsplit.components import EnvServerId, SourceSplit
from rlsplit.config.dumping import JsonObject as JsonObject
from rlsplit.config.dumping import nulled_as, resolved, sparse
from rlsplit.config.hosted import restored_eval
from rlsplit.config.rules import SetAside
from rlsplit.config.run_facts import run_dir, source_name
from rlsplit.config.sections.base import Section, written_fields
from rlsplit.config.sections.deployment import MultiNodeDeploymentConfig
from rlsplit.config.sections.rl import EnvServerConfig, RLConfig
from rlsplit.config.sections.sources import SourceConfig
from rlsplit.findings import KeyPath
from rlsplit.releases.image import image_of
from rlsplit.releases.release import NEWEST, Release
from rlsplit.releases.sections import section_of
from rlsplit.releases.spelling import lowered
from rlsplit.secrets import hidden

INFERENCE_LEFT_OUT: Final = frozenset({"deployment", "slurm", "output_dir", "dry_run"})
"""Fields of the inference section that its component file does not have (L-03, H-09)."""

ROUTER_FIELDS: Final = frozenset({"router", "backend_port"})
"""Fields of the inference section that images without a router of their own do not read."""

ENV_SERVER_OWN: Final = frozenset({"env", "serve", "log", "output_dir"})
"""Fields of an environment server's file that every release has."""

CONTRACT_VERSION: Final = 4
"""Version of the hosted artifact (H-12)."""


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
    orchestrator: Component
    inference: Component | None
    env_servers: tuple[EnvServer, ...]
    """Sources without an own ``serve.address``, in port order; empty when sources were set aside (hosted)."""
    deployment: JsonObject
    """Resolved root deployment."""
    launch: Launch
    config: RLConfig = field(repr=False, compare=False)
    """The configuration that was split, for later stages: its sections are typed, the components are data."""

    @property
    def release(self) -> Release:
        """The release of prime-rl whose components these are."""
        return self.config.provenance.release


def split(config: RLConfig) -> Split:
    """Split a compiled configuration, as it came from :func:`rlsplit.parse`.

    In the launcher's way sources are resolved and their env servers are listed; in the hosted way they are restored
    as they were written (H-09 to H-11). Raises TypeError for a configuration that was not compiled.
    """
    dump = _Dump.of(config)
    whole, lean = _resolved(config, dump), _sparse(config, dump)
    components = {
        name: Component(resolved=dump.lowered(name, whole[name]), sparse=dump.lowered(name, lean[name]))
        for name in whole
    }
    return Split(
        trainer=components["trainer"],
        orchestrator=components["orchestrator"],
        inference=components.get("inference"),
        env_servers=tuple(_env_servers(config, dump)) if _lists_env_servers(dump) else (),
        deployment=dump.whole["deployment"],
        launch=_launch(config),
        config=config,
    )


def artifact(split: Split) -> JsonObject:
    """Return the artifact that is submitted for a hosted run (H-12): the resolved components and the deployment."""
    components = {"trainer": split.trainer.resolved, "orchestrator": split.orchestrator.resolved}
    if split.inference is not None:
        components["inference"] = split.inference.resolved
    return {
        "contract_version": CONTRACT_VERSION,
        "mode": "rl",
        "schema_commit": split.release.commit,
        "deployment": split.deployment,
        "components": components,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dump:
    """A configuration as plain data, dumped once."""

    whole: JsonObject
    """The resolved root."""
    finite: bool
    """Whether untyped tables hold no infinity and no NaN to replace, which spares a copy."""
    aside: JsonObject | None
    """What the orchestrator gets back in the hosted way: ``source``, ``eval`` or both; None in the launcher's."""
    release: Release
    kept: tuple[tuple[KeyPath, Any], ...]
    """What the release does not know at its place."""

    @classmethod
    def of(cls, config: RLConfig) -> _Dump:
        provenance = config.provenance
        return cls(
            whole=resolved(config),
            finite=not provenance.has_non_finite,
            aside=_restored(provenance.aside) if provenance.mode == "hosted" else None,
            release=provenance.release,
            kept=provenance.kept,
        )

    def lean(self, section: Section, whole: Any) -> JsonObject:
        """Give the sparse form of a section whose resolved form is given."""
        lean = sparse(section)
        return lean if self.finite else {**nulled_as(lean, whole)}

    def lowered(self, component: str, form: JsonObject) -> JsonObject:
        """A component's config in the spelling of its release."""
        return form if self.release is NEWEST else lowered(component, form, self.release, self.kept)


def _restored(aside: SetAside) -> JsonObject:
    """Copy what was set aside as JSON has it (H-10, H-11)."""
    sources = {"source": to_jsonable_python(aside.sources)} if aside.has_sources else {}
    evaluation = {"eval": to_jsonable_python(restored_eval(aside.eval))} if aside.has_eval else {}
    return {**sources, **evaluation}


def _resolved(config: RLConfig, dump: _Dump) -> dict[str, JsonObject]:
    """The resolved form of every component that there is."""
    orchestrator = dump.whole["orchestrator"]
    if dump.aside is not None:
        given: JsonObject = {"source": [], "eval": None, **dump.aside}
        train = {**orchestrator["train"], "source": given["source"]}
        orchestrator = {**orchestrator, "train": train, "eval": given["eval"]}
    forms = {"trainer": dump.whole["trainer"], "orchestrator": orchestrator}
    return (
        forms if config.inference is None else {**forms, "inference": _inference(config, dump, dump.whole["inference"])}
    )


def _sparse(config: RLConfig, dump: _Dump) -> dict[str, JsonObject]:
    """The sparse form of every component that there is."""
    orchestrator, aside = dump.lean(config.orchestrator, dump.whole["orchestrator"]), dump.aside or {}
    if "source" in aside:
        orchestrator["train"] = {**orchestrator.get("train", {}), "source": aside["source"]}
    if "eval" in aside:
        orchestrator["eval"] = aside["eval"]
    forms = {"trainer": dump.lean(config.trainer, dump.whole["trainer"]), "orchestrator": orchestrator}
    if config.inference is None:
        return forms
    return {**forms, "inference": _inference(config, dump, dump.lean(config.inference, dump.whole["inference"]))}


def _inference(config: RLConfig, dump: _Dump, form: JsonObject) -> JsonObject:
    """What the engines read of the inference section; under multi_node the run has one router for all (L-03, L-04)."""
    reads_router = image_of(dump.release).inference_reads_router
    left_out = INFERENCE_LEFT_OUT if reads_router else INFERENCE_LEFT_OUT | ROUTER_FIELDS
    several = isinstance(config.deployment, MultiNodeDeploymentConfig)
    router = {"router": None} if several and reads_router else {}
    return {**{key: value for key, value in form.items() if key not in left_out}, **router}


def _lists_env_servers(dump: _Dump) -> bool:
    return dump.aside is None and image_of(dump.release).has_env_server_files


def _env_servers(config: RLConfig, dump: _Dump) -> Iterator[EnvServer]:
    """The env servers of all sources that are not served elsewhere, in port order (L-06, L-07)."""
    orchestrator = config.orchestrator
    log = {"level": orchestrator.log.vf_level, "json_logging": orchestrator.log.json_logging}
    further = _further_fields(dump.release)
    for index, (kind, position, source) in enumerate(_sources(config)):
        if source.serve.address is None:
            address = {"address": f"tcp://127.0.0.1:{orchestrator.env_server_base_port + index}"}
            whole = dump.whole["orchestrator"][kind]["source"][position]
            env, serve = whole["env"], whole["serve"]
            lean = dump.lean(source.serve, serve)
            more = {field: whole[field] for field in further}
            yield EnvServer(
                split=kind,
                name=source_name(source),
                index=index,
                position=position,
                config=Component(
                    resolved={"env": env, "serve": {**serve, **address}, **more, "log": log},
                    sparse={"env": env, "serve": {**lean, **address}, **more, "log": log},
                ),
            )


@cache
def _further_fields(release: Release) -> tuple[str, ...]:
    """What the file of an environment server takes from its source besides ``env`` and ``serve``."""
    return tuple(name for name in written_fields(section_of(EnvServerConfig, release)) if name not in ENV_SERVER_OWN)


def _sources(config: RLConfig) -> Iterator[tuple[SourceSplit, int, SourceConfig]]:
    for position, source in enumerate(config.orchestrator.train.source):
        yield "train", position, source
    for position, evaluated in enumerate(config.orchestrator.eval.source if config.orchestrator.eval else ()):
        yield "eval", position, evaluated


def _launch(config: RLConfig) -> Launch:
    return Launch(
        run_name=config.run.name or "",
        run_dir=run_dir(config.output_dir, config.run.dir or ""),
        env_vars=dict(config.env_vars),
        clean=config.clean,
        has_slurm=config.provenance.written_slurm and config.slurm is not None,
    )
