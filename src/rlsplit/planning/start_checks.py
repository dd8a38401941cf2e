"""Runs that take their GPUs and then cannot start: prime-rl's own splitter accepts them, so the split does, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rlsplit.findings import Finding, KeyPath, dotted
from rlsplit.planning.said import error
from rlsplit.planning.settings import MultiNode, Value
from rlsplit.planning.subject import Subject

_WITHOUT_A_DAEMON: Final = 'use type = "subprocess", or a sandbox elsewhere: "prime" or "modal"'


def trainer_parallel(subject: Subject) -> Iterator[Finding]:
    """The trainer's GPUs are replicas times shards times context-parallel ranks, without rest."""
    trainer = subject.settings.trainer
    degrees = (trainer.dp_replicate, trainer.cp)
    too_few = [degree for degree in degrees if degree.value < 1]
    for degree in too_few:
        yield error("count", degree.key, f"is {degree.value}", "must be at least 1")
    gpus = subject.shape.trainer_pods * subject.shape.trainer_gpus
    if too_few or gpus < 1:
        return
    ranks = trainer.dp_replicate.value * trainer.cp.value
    if gpus % ranks:
        first, other = (trainer.cp, trainer.dp_replicate) if trainer.cp.value > 1 else degrees
        message = f"dp_replicate {trainer.dp_replicate.value} x cp {trainer.cp.value} does not divide {_counted(gpus)}"
        hint = f"choose them so that their product divides {gpus}"
        yield error("trainer-parallel", first.key, message, hint, related=(other.key, _gpus_key(subject)))
        return
    yield from _expert_parallel(subject, gpus // trainer.dp_replicate.value)


def _expert_parallel(subject: Subject, ranks: int) -> Iterator[Finding]:
    """Experts are split over the ranks of one replica; ``auto`` and 1 always fit."""
    trainer = subject.settings.trainer
    experts, cp = trainer.ep.value, trainer.cp.value
    if experts == "auto" or experts <= 1:
        return
    if experts % cp:
        message, hint = f"is {experts}, which cp {cp} does not divide", f"a multiple of {cp}"
        yield error("trainer-parallel", trainer.ep.key, message, hint, related=(trainer.cp.key,))
    if ranks % experts:
        message = f"{experts} does not divide the {ranks} GPUs of a replica of the model"
        hint = f"a divisor of {ranks}, or auto"
        related = (trainer.dp_replicate.key, _gpus_key(subject))
        yield error("trainer-parallel", trainer.ep.key, message, hint, related=related)


def _counted(gpus: int) -> str:
    return f"the trainer's {gpus} GPUs" if gpus > 1 else "the trainer's one GPU"


def _gpus_key(subject: Subject) -> KeyPath:
    deployment = subject.settings.deployment
    counts: Value[Any] = deployment.train_nodes if isinstance(deployment, MultiNode) else deployment.train_gpus
    return counts.key


def train_source(subject: Subject) -> Iterator[Finding]:
    """An orchestrator has something to train on."""
    sources = subject.settings.orchestrator.train_sources
    if subject.shape.has_orchestrator and sources.value == 0:
        named = dotted(subject.image.sources.id)
        hint = f"add [[orchestrator.train.source]] with {named}, or set trainer.data.fake"
        yield error("no-train-source", sources.key, "there is no environment to train on", hint)


def docker_runtime(subject: Subject) -> Iterator[Finding]:
    """Environments that run in pods start no containers of their own."""
    for source in subject.settings.sources if subject.shape.has_orchestrator else ():
        for runtime in source.runtimes if source.address.value is None else ():
            if runtime.value == "docker":
                message = "there is no Docker daemon in a pod"
                yield error("docker-runtime", runtime.key, message, _WITHOUT_A_DAEMON)
