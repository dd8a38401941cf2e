"""The hosted way: environment sources are set aside before validation and restored untouched (H-rules)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, Literal

from rlsplit.config import run_keys as at
from rlsplit.config.reading.tables import read
from rlsplit.config.reading.unknown_keys import unknown_keys
from rlsplit.config.rules import EVAL_PATH, Check, Mode, Refusal, SetAside
from rlsplit.config.sections.base import S, copied, read_leniently
from rlsplit.config.sections.deployment import SingleNodeDeploymentConfig
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.sections.sources import EvalConfig, EvalSamplingConfig
from rlsplit.findings import Finding, KeyPath
from rlsplit.plain_data import is_table


def set_aside(table: Mapping[str, Any], mode: Mode) -> tuple[SetAside, dict[str, Any], tuple[Finding, ...]]:
    """Take the sources out of a hosted document (H-02) and judge its ``k8s`` key (H-01)."""
    rest = dict(table)
    if mode != "hosted":
        return SetAside(), rest, ()
    refused: tuple[Finding, ...] = ()
    if rest.pop("k8s", None):
        message = "belongs to the platform, not to the run"
        refused = (Finding(code="H-01", path=("k8s",), message=message, hint="remove it", scope=()),)
    whole = rest.get("orchestrator")
    if not is_table(whole):
        return SetAside(), rest, refused
    orchestrator = dict(whole)
    has_eval = "eval" in orchestrator
    evaluation = orchestrator.pop("eval", None)
    train = orchestrator.get("train")
    has_sources = is_table(train) and "source" in train
    sources = None
    if is_table(train) and has_sources:
        sources = train["source"]
        orchestrator["train"] = {key: value for key, value in train.items() if key != "source"}
    rest["orchestrator"] = orchestrator
    aside = SetAside(has_sources=has_sources, sources=sources, has_eval=has_eval, eval=evaluation)
    return aside, rest, refused


def without_sources(config: RLConfig) -> RLConfig:
    """Copy a configuration as it were if its sources had been set aside before it was read (H-02)."""
    lean, orchestrator = config.model_copy(), _unwritten(config.orchestrator, "eval", None)
    vars(orchestrator)["train"] = _unwritten(orchestrator.train, "source", [])
    vars(lean)["orchestrator"] = orchestrator
    return copied(lean)


def _unwritten(section: S, field: str, default: Any) -> S:
    copy = section.model_copy()
    vars(copy)[field] = default
    copy.model_fields_set.discard(field)
    return copy


def assume_slurm(table: Mapping[str, Any]) -> dict[str, Any]:
    """A multi-node deployment that does not mention ``slurm`` gets an empty one (H-03)."""
    deployment = table.get("deployment")
    spread = is_table(deployment) and deployment.get("type") == "multi_node"
    return {**table, "slurm": {}} if spread and "slurm" not in table else dict(table)


def eval_findings(aside: SetAside, on_unknown: Literal["error", "warning"]) -> Iterator[Finding]:
    """Check the fields of an eval table that was set aside, without its sources and its own rules (H-08)."""
    if not aside.has_eval or aside.eval is None or aside.eval == "None":
        return
    if not is_table(aside.eval):
        yield Finding(code="B-03", path=EVAL_PATH, message="must be a table")
        return
    reading = read(EvalConfig, {key: value for key, value in aside.eval.items() if key != "source"})
    for finding in reading.findings:
        yield _below_eval(finding)
    if reading.section is not None:
        placed = [((*EVAL_PATH, *path), section) for path, section in reading.placed]
        yield from unknown_keys(placed, RLConfig, severity=on_unknown)


def _below_eval(finding: Finding) -> Finding:
    scope = None if finding.scope is None else (*EVAL_PATH, *finding.scope)
    return replace(finding, path=(*EVAL_PATH, *finding.path), scope=scope)


def restored_eval(evaluation: Any) -> Any:
    """The eval table as hosted prime-rl gives it back: verbatim, but its sampling read once (H-11)."""
    if not is_table(evaluation):
        return evaluation
    sampling = evaluation.get("sampling")
    if not is_table(sampling):
        return evaluation
    return {**evaluation, "sampling": read_leniently(EvalSamplingConfig, sampling)}


# --- what only the hosted platform refuses -----------------------------------------------------------------------


def no_clean(config: RLConfig) -> Iterator[Refusal]:
    """Hosted runs have a directory of their own: there is nothing to clean."""
    if config.clean:
        yield Refusal(at.CLEAN.path, "must not be true: every hosted run has a directory of its own", "remove it")


def no_disaggregation(config: RLConfig) -> Iterator[Refusal]:
    """Hosted runs have no disaggregated inference."""
    if config.inference and config.inference.deployment.type == "disaggregated":
        yield Refusal(at.LAYOUT_TYPE.path, '"disaggregated" is not hosted', 'use "multi_node"')


def inference_or_fake_data(config: RLConfig) -> Iterator[Refusal]:
    """A hosted run on one machine has inference, or trains on fake data."""
    deployment = config.deployment
    if not isinstance(deployment, SingleNodeDeploymentConfig) or config.trainer.data.fake is not None:
        return
    related: tuple[KeyPath, ...] = (at.NUM_INFER_GPUS.path, at.INFERENCE.path)
    if config.inference is None or deployment.num_infer_gpus == 0:
        message = "is required without inference, since no rollouts would come"
        hint = "add [inference] and num_infer_gpus = 1, or [trainer.data.fake]"
        yield Refusal(at.FAKE_DATA.path, message, hint, related)


HOSTED_CHECKS: Final = (
    Check("H-05", no_clean),
    Check("H-06", no_disaggregation),
    Check("H-07", inference_or_fake_data),
)
"""Run after all other checks, in the hosted way only."""
