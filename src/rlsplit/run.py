"""Run: what is chosen for one run and not for the whole cluster."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One start of one run."""

    id: str | None = None
    """Names the run's directory, its objects and its W&B run: at most 63 of ``[A-Za-z0-9._-]``.

    None derives one from a hash of the name and the config, so that a changed config is another run.
    """
    name: str | None = None
    """Display name; None takes the config's."""
    attempt: int = 1
    """Number of this start of the run, from 1; going on from a checkpoint is the next attempt."""
    image_tag: str = "main"
    """Tag of the prime-rl image."""
    team_id: str | None = None
    """Owning team, for an annotation."""
    gpu_type: str | None = None
    """Value of the node label ``Platform.gpu_type_label`` that GPU pods ask for; None asks for nothing."""
    volume: str | None = None
    """Existing PersistentVolumeClaim for this run; wins over ``Platform.existing_claim``."""
    source_ref: str | None = None
    """Commit, branch or tag of prime-rl that the image checks out before it starts (``PRIME_RL_REF``)."""
    resume_from: str | None = None
    """Id of an earlier run that this one continues, in that run's directory and on its volume; the config resumes.

    Without ``volume`` and ``Platform.existing_claim`` that is the claim which was rendered for a run of that id and of
    this run's name. The next ``attempt`` keeps its logs apart.
    """
    source_repo: str | None = None
    """Repository of ``source_ref`` (``PRIME_RL_REPO``); None leaves the image's own."""
