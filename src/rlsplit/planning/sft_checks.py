"""What this target cannot run of an SFT run, and what the user should know of one that runs."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from posixpath import join, normpath
from typing import Final

from rlsplit.findings import Finding, shown
from rlsplit.planning.said import error, note
from rlsplit.planning.settings import DATASET_MOUNT, SFTRun, SingleNode, Value
from rlsplit.planning.subject import Subject

DATASETS: Final = "datasets/"
"""What names on that volume begin with, from its root."""


def sft_findings(subject: Subject, sft: SFTRun) -> Iterator[Finding]:
    """Check what only an SFT run can ask for."""
    yield from _inference_gpus(subject)
    yield from _whole_batches(subject, sft)
    yield from _datasets(subject, sft)


def _inference_gpus(subject: Subject) -> Iterator[Finding]:
    deployment = subject.settings.deployment
    if (
        subject.settings.inference is not None
        and isinstance(deployment, SingleNode)
        and not deployment.infer_gpus.value
    ):
        yield error("count", deployment.infer_gpus.key, "is 0", "must be at least 1 with [inference]")


def _whole_batches(subject: Subject, sft: SFTRun) -> Iterator[Finding]:
    """A step is cut into micro batches for all data-parallel ranks, without rest."""
    batch, cp, micro = sft.batch_size.value, subject.settings.trainer.cp.value, sft.micro_batch_size.value
    gpus = subject.shape.trainer_pods * subject.shape.trainer_gpus
    if gpus < 1 or cp < 1 or batch * cp % (gpus * micro) == 0:
        return
    message = f"{batch} sequences x cp {cp} do not divide into micro batches of {micro} on {gpus} GPUs"
    unit = gpus * micro // gcd(gpus * micro, cp)
    yield error("batch-size", sft.batch_size.key, message, f"a multiple of {unit}")


def _datasets(subject: Subject, sft: SFTRun) -> Iterator[Finding]:
    """Where datasets come from a volume, nothing is downloaded."""
    for name in sft.datasets if subject.platform.dataset_mount else ():
        if not _place_on_volume(name.value).startswith(f"{DATASET_MOUNT}/"):
            message = f"{shown(name.value)} is no dataset of the volume, and this platform downloads none"
            yield error("dataset", name.key, message, f"write {DATASET_MOUNT}/{DATASETS}<name>")


def _place_on_volume(name: str) -> str:
    """Where a dataset lies: a relative name begins at the root of the volume, and leads into its folder."""
    place = normpath(join(DATASET_MOUNT, name))
    is_meant = name.startswith("/") or place.startswith(f"{DATASET_MOUNT}/{DATASETS}")
    return place if is_meant else ""


def placed_datasets(subject: Subject, sft: SFTRun) -> Iterator[tuple[Value[str], str]]:
    """Names of datasets on the volume, each with the path that a pod finds it under, where that differs."""
    for name in sft.datasets if subject.platform.dataset_mount else ():
        if name.value.startswith(DATASETS):
            yield name, f"{DATASET_MOUNT}/{name.value}"


def sft_notes(subject: Subject, sft: SFTRun) -> Iterator[Finding]:
    """Say what has no effect, what never ends, and what has to be there."""
    inference = subject.settings.inference
    if inference is not None and inference.layout.value == "multi_node":
        message = "has no effect: every machine of inference is a replica of its own"
        yield note("inference-layout", inference.layout.key, message, "leave it out")
    for count in sft.ignored_counts:
        message = f"{count.value} has no effect: without eval there is no inference"
        yield note("inference-count", count.key, message, "leave it out, or add [eval]")
    if sft.is_online and sft.max_steps.value is None:
        message = "is null, so the evals pod never ends"
        yield note("endless-evals", sft.max_steps.key, message, "set it, or max_runtime_seconds of the platform")
    mount = f"{subject.platform.mount_path.rstrip('/')}/"
    for name in () if subject.platform.dataset_mount else sft.datasets:
        if name.value.startswith("/") and not name.value.startswith(mount):
            message = f"{shown(name.value)} must exist in the image"
            yield note("local-dataset", name.key, message, f"write a path below {mount}", "warning")
