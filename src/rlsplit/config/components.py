"""Reading a component's file back, as the component itself does when it starts (L-08)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from rlsplit.config.kinds import kind_named
from rlsplit.config.reading.tables import read
from rlsplit.config.reading.unknown_keys import unknown_keys
from rlsplit.config.resolve import derive_section
from rlsplit.config.rules import KindName
from rlsplit.config.sections.base import Section
from rlsplit.config.sections.inference import InferenceConfig
from rlsplit.config.sections.orchestrator import OrchestratorConfig
from rlsplit.config.sections.rl import EnvServerConfig
from rlsplit.config.sections.trainer import TrainerConfig
from rlsplit.findings import ConfigError, has_errors
from rlsplit.releases.release import NEWEST, Release
from rlsplit.releases.sections import section_of
from rlsplit.releases.spelling import raised

COMPONENTS: Final[Mapping[str, type[Section]]] = MappingProxyType(
    {
        "trainer": TrainerConfig,
        "orchestrator": OrchestratorConfig,
        "inference": InferenceConfig,
        "env-server": EnvServerConfig,
    }
)
"""Component to the section that its config file holds, in an RL run."""


def load_component(
    component: str, table: Mapping[str, Any], release: Release = NEWEST, kind: KindName = "rl"
) -> Section:
    """Read a component's config, sparse or resolved, with that section's own rules run again.

    Raises :class:`ConfigError` with every finding when the component would refuse the file.
    """
    risen = raised({component: table}, release)
    run = kind_named(kind)
    section = section_of({**COMPONENTS, **run.components}[component], release)
    read_in = risen.table[component]
    is_root = section is run.root
    reading = read(section, run.propagate(read_in, release).table if is_root else read_in)
    findings = [*risen.findings, *reading.findings]
    if reading.section is not None:
        findings += unknown_keys(reading.placed, severity="error")
        findings += derive_section(reading.section, run, release)
    if reading.section is None or has_errors(findings):
        raise ConfigError(findings)
    return reading.section
