"""The hosted way: environment sources are set aside before validation and restored untouched (H-rules)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, Literal

from rlsplit.config import run_keys as at
from rlsplit.config.reading.tables import read
from rlsplit.config.reading.unknown_keys import unknown_keys
from rlsplit.config.rules import Check, Refusal, SetAside
from rlsplit.config.sections.base import S, Section, copied, read_leniently
from rlsplit.config.sections.deployment import SingleNodeDeploymentConfig
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.sections.sources import EvalConfig
from rlsplit.config.tree import held_sections, tag_field, tag_of
from rlsplit.findings import Finding, KeyPath
from rlsplit.plain_data import is_table

SOURCE_PATH: Final = ("orchestrator", "train", "source")
EVAL_PATH: Final = ("orchestrator", "eval")


def without_k8s(table: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    """Take the ``k8s`` key out of a hosted document and judge it (H-01)."""
    rest = dict(table)
    if not rest.pop("k8s", None):
        return rest, ()
    message = "belongs to the platform, not to the run"
    return rest, (Finding(code="H-01", path=("k8s",), message=message, hint="remove it", scope=()),)


def set_aside(table: dict[str, Any]) -> tuple[SetAside, dict[str, Any]]:
    """Take the sources out of a hosted document (H-02)."""
    whole = table.get("orchestrator")
    if not is_table(whole):
        return SetAside(), table
    orchestrator, values = dict(whole), dict[KeyPath, Any]()
    train = orchestrator.get("train")
    if is_table(train) and "source" in train:
        values[SOURCE_PATH] = train["source"]
        orchestrator["train"] = {key: value for key, value in train.items() if key != "source"}
    if "eval" in orchestrator:
        values[EVAL_PATH] = orchestrator.pop("eval")
    return SetAside(values=values), {**table, "orchestrator": orchestrator}


def without_sources(config: RLConfig) -> RLConfig:
    """Copy a configuration as it were if its sources had been set aside before it was read (H-02)."""
    lean, orchestrator = config.model_copy(), unwritten_field(config.orchestrator, "eval", None)
    vars(orchestrator)["train"] = unwritten_field(orchestrator.train, "source", [])
    vars(lean)["orchestrator"] = orchestrator
    return copied(lean)


def unwritten_field(section: S, field: str, default: Any) -> S:
    """Copy a section as it were if a field had not been written."""
    copy = section.model_copy()
    vars(copy)[field] = default
    copy.model_fields_set.discard(field)
    return copy


def assume_slurm(table: Mapping[str, Any]) -> dict[str, Any]:
    """A multi-node deployment that does not mention ``slurm`` gets an empty one (H-03)."""
    deployment = table.get("deployment")
    spread = is_table(deployment) and deployment.get("type") == "multi_node"
    return {**table, "slurm": {}} if spread and "slurm" not in table else dict(table)


def eval_findings(
    table: Mapping[str, Any], aside: SetAside, on_unknown: Literal["error", "warning"]
) -> Iterator[Finding]:
    """Check the fields of an eval table that was set aside, without its sources and its own rules (H-08)."""
    evaluation = aside.values.get(EVAL_PATH)
    if evaluation in (None, "None"):
        return
    if not is_table(evaluation):
        yield Finding(code="B-03", path=EVAL_PATH, message="must be a table")
        return
    reading = read(EvalConfig, {key: value for key, value in evaluation.items() if key != "source"})
    for finding in reading.findings:
        yield _below_eval(finding)
    if reading.section is not None:
        placed = [((*EVAL_PATH, *path), section) for path, section in reading.placed]
        yield from unknown_keys(placed, RLConfig, severity=on_unknown)


def _below_eval(finding: Finding) -> Finding:
    scope = None if finding.scope is None else (*EVAL_PATH, *finding.scope)
    return replace(finding, path=(*EVAL_PATH, *finding.path), scope=scope)


def reread(kind: type[Section], table: Any, *, verbatim: str = "source") -> Any:
    """A table that was set aside as hosted prime-rl gives it back (H-11, SFT-88).

    It stays as it was written, since only a copy was validated; the tables in it, which that copy shared, are as the
    first steps of their reading leave them. What stands under the key ``verbatim`` was not validated.
    """
    if not is_table(table):
        return table
    tagged = {name: {key: tag} for name, (key, tag) in kind.injected_tags.items()}
    return {
        key: value if key == verbatim else _reread_field(kind, key, value, tagged.get(key, {}))
        for key, value in table.items()
    }


def _reread_field(kind: type[Section], name: str, value: Any, tag: Mapping[str, Any]) -> Any:
    if not is_table(value) or name not in kind.model_fields:
        return value
    table = {**tag, **value}
    sections = tuple(held_sections(kind.model_fields[name].annotation))
    chosen = sections if len(sections) == 1 else [one for one in sections if _is_tagged(one, table)]
    if not chosen:
        return value
    section = chosen[0]
    read = read_leniently(section, section.prepared(table))
    return {key: _reread_field(section, key, inner, {}) for key, inner in read.items()}


def _is_tagged(section: type[Section], table: Mapping[str, Any]) -> bool:
    key = tag_field(section)
    return key is not None and table.get(key) == tag_of(section, key)


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
