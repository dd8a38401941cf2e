"""What an image can do: facts, by release, for whoever launches it. Nothing else asks which release it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from rlsplit.findings import Finding, KeyPath, dotted
from rlsplit.releases.release import NEWEST, Release


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlaces:
    """Where an environment source has what whoever launches it needs; paths are relative to the source."""

    address: KeyPath
    """Of a server that somebody else runs."""
    ids: tuple[KeyPath, ...]
    """Which ids name the environment; the first that is written decides."""
    id: KeyPath
    """The one of them to start with."""
    blocks: tuple[str, ...]
    """Tables of plugins, which are not typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resuming:
    """How a config says that a run continues from its newest checkpoint."""

    key: KeyPath
    """At the root, and in trainer and orchestrator."""
    value: Any

    def __str__(self) -> str:
        return f"{dotted(self.key)} = {self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The facts of one image."""

    has_env_server_files: bool
    """Whether environment servers are processes of their own, each with a file; else the orchestrator starts them."""
    env_servers_anywhere: bool
    """Whether an environment server may run in another pod; else it shares a loopback address with the orchestrator."""
    inference_reads_router: bool
    """Whether inference on one machine starts its router itself; else it is a bare engine on ``server.port``."""
    has_run_names: bool
    """Whether a run has a name and a folder of that name; else the run's folder is ``output_dir`` itself."""
    shares_wandb_run_id: bool
    """Whether trainer and orchestrator join their W&B run by ``WANDB_SHARED_RUN_ID``; else by ``WANDB_RUN_ID``."""
    orchestrator_folder: str
    """Folder of the orchestrator below the trainer's ``output_dir``, empty where both work in the same one.

    The trainer finds its run by the first folder ``run_*`` there, with the orchestrator's ``control/orch.toml`` in it.
    """
    resuming: Resuming
    """How a config says that a run continues from its newest checkpoint."""
    is_hosted: bool
    """Whether the hosted platform itself compiles configs for it."""
    lists_urls: bool
    """Whether ``base_url`` of a client is a list of addresses."""
    monitor_reads_variables: bool
    """Whether the platform's monitor takes its address from ``PRIME_API_BASE``; else from ``base_url`` of its table."""
    can_disaggregate: bool
    """Whether an image may hold what prefill and decode engines need."""
    sources: SourcePlaces
    engine_arguments: str
    """Table of the inference config through which an engine takes arguments that have no key of their own."""


@cache
def image_of(release: Release) -> Image:
    """The facts of a release's image."""
    named = not release.is_before("v0.8.1.dev26")
    return Image(
        has_env_server_files=not release.is_before("v0.7.1.dev93"),
        env_servers_anywhere=not release.is_before("v0.8.1.dev1"),
        inference_reads_router=not release.is_before("v0.7.1.dev72"),
        has_run_names=named,
        shares_wandb_run_id=not named,
        orchestrator_folder="" if named else "run_default",
        resuming=Resuming(key=("resume",), value={}) if named else Resuming(key=("ckpt", "resume_step"), value=-1),
        is_hosted=named,
        lists_urls=release.is_before("v0.8.1.dev3"),
        monitor_reads_variables=not release.is_before("v0.8.1.dev30"),
        can_disaggregate=not release.is_before(NEWEST.tag),
        sources=_sources(release),
        engine_arguments="vllm_extra" if release.is_before("v0.8.1.dev1") else "vllm",
    )


def _sources(release: Release) -> SourcePlaces:
    is_one_table = release.is_before("v0.7.1.dev77")
    classic: tuple[KeyPath, ...] = (("legacy", "id"),) if release.is_before("v0.8.1.dev8") else ()
    return SourcePlaces(
        address=("address",) if release.is_before("v0.7.1.dev93") else ("serve", "address"),
        ids=(("taskset", "id"), ("id",)) if is_one_table else (("env", "taskset", "id"), ("env", "id"), *classic),
        id=("taskset", "id") if is_one_table else ("env", "id"),
        blocks=("taskset", "harness") if is_one_table else ("env",),
    )


def not_hosted(release: Release) -> Finding:
    """Say that nothing tells how the hosted platform would compile for a release."""
    return Finding(
        code="release.not-hosted",
        severity="notice",
        message=f"the hosted platform does not compile for {release.tag}: the artifact has today's form, by analogy",
        hint="use an image of today for a hosted run",
    )
