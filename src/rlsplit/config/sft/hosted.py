"""The hosted way of an SFT run: online evals are set aside and restored as they were written (SFT-82 and so on)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from rlsplit.config.checks.sections import SECTION_CHECKS
from rlsplit.config.hosted import assume_slurm, reread, unwritten_field, without_k8s
from rlsplit.config.reading.tables import read
from rlsplit.config.reading.unknown_keys import unknown_keys
from rlsplit.config.resolve import as_written, section_findings
from rlsplit.config.rules import Check, SetAside
from rlsplit.config.run_kind import OnUnknown, SectionRules
from rlsplit.config.sections.base import EnvVarsSection, Section, copied
from rlsplit.config.sections.evals import EvalsEvalConfig
from rlsplit.config.sections.inference import InferenceConfig
from rlsplit.config.sections.sft import SFTConfig
from rlsplit.config.sft.before import propagate
from rlsplit.config.sft.rules import section_rules
from rlsplit.config.tree import Placed
from rlsplit.findings import Finding, KeyPath
from rlsplit.plain_data import is_table
from rlsplit.releases.release import NEWEST

ASIDE: Final = ("eval", "inference", "weight_broadcast")
"""The root keys of online evals, which the hosted way takes out (SFT-82)."""


def set_aside(table: dict[str, Any]) -> tuple[SetAside, dict[str, Any]]:
    """Take the tables of online evals out of a hosted document (SFT-82)."""
    values = dict[KeyPath, Any]({(key,): table[key] for key in ASIDE if key in table})
    return SetAside(values=values), {key: value for key, value in table.items() if key not in ASIDE}


def without_evals(config: SFTConfig) -> SFTConfig:
    """Copy a configuration as it were if its online evals had been set aside before it was read (SFT-82)."""
    lean = config
    for key in ASIDE:
        lean = unwritten_field(lean, key, None)
    return copied(lean)


def evals_findings(table: Mapping[str, Any], aside: SetAside, on_unknown: OnUnknown) -> Iterator[Finding]:
    """Check the tables that were set aside, without their sources and their own rules (SFT-85)."""
    rest, _ = without_k8s(table)
    validated = {key: _without_source(value) if key in ASIDE else value for key, value in rest.items()}
    propagated = propagate(assume_slurm(validated), NEWEST)
    reading = read(SFTConfig, propagated.table)
    placed = [(path, section) for path, section in reading.placed if path and (path[0],) in aside.values]
    found = [finding for finding in reading.findings if (finding.path[0],) in aside.values]
    found += unknown_keys(placed, SFTConfig, severity=on_unknown)
    found += section_findings([place for place in placed if len(place[0]) > 1], section_rules(NEWEST))
    own = [place for place in placed if len(place[0]) == 1]
    found += section_findings(own, _FIELD_RULES)
    crash = () if any(finding.path[0] == "inference" for finding in found) else _crash(own)
    if crash:
        found = [replace(finding, severity="warning") for finding in (*found, *crash)]
    yield from as_written(found, propagated)


def _crash(own: Sequence[Placed]) -> tuple[Finding, ...]:
    """What stops hosted prime-rl in the middle of its check, which then finds nothing and lets the document pass."""
    found = section_findings([place for place in own if place[0] == ("inference",)], section_rules(NEWEST))
    return found if {finding.code for finding in found} == {"I-45"} else ()


def _without_source(value: Any) -> Any:
    return {key: item for key, item in value.items() if key != "source"} if is_table(value) else value


def _of_env_vars(section: type[Section]) -> tuple[Check, ...]:
    return SECTION_CHECKS[EnvVarsSection] if issubclass(section, EnvVarsSection) else ()


_FIELD_RULES: Final = SectionRules(derivations=lambda section: (), checks=_of_env_vars)
"""What is a rule of one field, and so holds in the tables that were set aside themselves (B-10)."""


def restored(aside: SetAside, model: str | None) -> dict[str, Any]:
    """Give back what was set aside, in a document that names a model or none (SFT-88).

    Only the tables in it show that a copy of it was read: with the model's name in ``inference.vllm``, too (SFT-17).
    """
    given = {key: aside.values[key,] for key in ASIDE if (key,) in aside.values}
    inference = given.get("inference")
    if is_table(inference) and is_table(inference.get("vllm")):
        given = propagate({**given, "model": {"name": model}}, NEWEST).table
    kinds: dict[str, type[Section]] = {"eval": EvalsEvalConfig, "inference": InferenceConfig}
    return {key: reread(kinds[key], given[key]) if key in kinds else given[key] for key in ASIDE if key in given}
