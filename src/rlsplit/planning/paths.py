"""Where the paths of a config lie in the pods: in the run's directory, on the volume, or lost with the pod."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import join, normpath
from typing import Final

from rlsplit.components import TRAINER, ConfigId
from rlsplit.findings import Finding, shown
from rlsplit.plain_data import value_at
from rlsplit.planning.settings import Value
from rlsplit.planning.subject import Subject

CHECKPOINTS: Final = "checkpoints"
"""Folder of the checkpoints, in the run's directory or in ``ckpt.output_dir``."""


def written_paths(subject: Subject) -> Iterator[tuple[ConfigId, Value[str]]]:
    """Give every path below which components write, as far as somebody chose it, with whose config it stands in."""
    trainer, orchestrator = subject.settings.trainer, subject.settings.orchestrator
    own = (trainer.ckpt_dir, trainer.trace_path, trainer.memory_profiler_path, trainer.conversion_dir)
    for owner, config, paths in (
        (TRAINER, subject.split.trainer, (*own, trainer.file_monitor)),
        (ConfigId(subject.settings.driver), subject.driver_config, (orchestrator.file_monitor,)),
    ):
        for path in paths if owner == TRAINER or subject.shape.has_orchestrator else ():
            if path.value is not None and config and value_at(config.sparse, path.path) is not None:
                yield owner, Value(path.value, path.key, path.is_shared)


def moved_paths(subject: Subject) -> Iterator[tuple[ConfigId, Value[str], str]]:
    """Give the relative paths among them, and what they become; one that leads off the volume stays."""
    for owner, path in written_paths(subject):
        place = placed(path.value, subject)
        if not path.value.startswith("/") and is_below(place, subject.platform.mount_path):
            yield owner, path, place


def placed(path: str, subject: Subject) -> str:
    """Give a path as pods find it: a relative one begins in the run's directory."""
    return normpath(join(subject.run_dir, path))


def checkpoint_dir(subject: Subject) -> str:
    """Where the trainer's checkpoints are."""
    return join(placed(subject.settings.trainer.ckpt_dir.value or "", subject), CHECKPOINTS)


def is_below(path: str, folder: str) -> bool:
    """Whether a path lies in a folder."""
    return path.startswith(f"{folder.rstrip('/')}/")


def lost_paths(subject: Subject) -> Iterator[Finding]:
    """Say which paths are lost with the pod."""
    mount = subject.platform.mount_path.rstrip("/")
    for _, path in written_paths(subject):
        if not is_below(placed(path.value, subject), mount):
            message = f"{shown(path.value)} is not on the volume and is lost with the pod"
            hint = f"write a path below {mount}"
            yield Finding(code="plan.path-off-volume", severity="warning", path=path.key, message=message, hint=hint)


def relative_paths(subject: Subject) -> Iterator[Finding]:
    """Say which paths begin in the run's directory, and not where the component starts."""
    for _, path, place in moved_paths(subject):
        message = f"{shown(path.value)} becomes {place}, in the run's directory"
        yield Finding(code="plan.overlay-relative-path", severity="notice", path=path.key, message=message)


def outside_run(subject: Subject) -> Iterator[Finding]:
    """Where pods see nothing but the run's directory and the cache, nothing else of the volume is named."""
    if not subject.platform.run_subpath:
        return
    settings = subject.settings
    models = (settings.trainer.model, *((settings.inference.model,) if settings.inference else ()))
    names = [model.value for model in models]  # which a tokenizer has, too, unless another one was written
    tokenizers = [file for file in settings.tokenizer_files if file.value not in names]
    datasets = settings.sft.datasets if settings.sft and not subject.platform.dataset_mount else ()
    loaded = (*models, settings.trainer.resume_dir, *tokenizers, *datasets)
    read = [Value(path.value, path.key) for path in loaded if path.value is not None]
    written = [Value(placed(path.value, subject), path.key) for _, path in written_paths(subject)]
    for path in [*(path for path in read if path.value.startswith("/")), *written]:
        place = normpath(path.value)
        seen = any(is_below(f"{place}/", folder) for folder in (subject.run_dir, subject.hf_home))
        if is_below(place, subject.platform.mount_path) and not seen:
            message = f"{shown(path.value)} lies outside the run's directory, which is all that pods see (run_subpath)"
            hint = f"name a path below {subject.run_dir}, or leave run_subpath out"
            yield Finding(code="plan.path-outside-run", path=path.key, message=message, hint=hint)
