"""What an image can do: facts, by release, for whoever launches it. Nothing else asks which release it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from rlsplit.releases.release import Release


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
    finds_run_by_folder: bool
    """Whether the trainer finds its run by the first folder ``run_*`` in its ``output_dir``, so that pods share it."""


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
        finds_run_by_folder=not named,
    )
