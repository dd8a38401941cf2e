"""Compile a prime-rl ``rl.toml`` or ``sft.toml`` into component configs, startup commands and Kubernetes manifests.

    config = rlsplit.parse(text)
    split = rlsplit.split(config)
    plan = rlsplit.plan(split, run=rlsplit.Run(id="my-run"), platform=rlsplit.Platform())
    objects = rlsplit.render(plan, secrets=rlsplit.Secrets())
    print(rlsplit.to_yaml(objects))

Names are imported when they are first used, so that ``import rlsplit`` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlsplit.compiler import Outcome, Target, compile_sources, parse
    from rlsplit.config.components import load_component
    from rlsplit.config.sections.rl import RLConfig
    from rlsplit.config.sections.sft import SFTConfig
    from rlsplit.document import Document, Source
    from rlsplit.findings import ConfigError, Finding, KeyPath, Mark, Severity
    from rlsplit.manifests import render
    from rlsplit.migration import Edit, Migration, migrate
    from rlsplit.owning import owned
    from rlsplit.planning import RunPlan, plan
    from rlsplit.platform import Platform
    from rlsplit.run import Run
    from rlsplit.secrets import Secrets
    from rlsplit.serialize import to_files, to_json, to_yaml
    from rlsplit.splitting import Component, EnvServer, Split, artifact, split

_HOMES = {
    "Component": "splitting",
    "ConfigError": "findings",
    "Document": "document",
    "Edit": "migration",
    "EnvServer": "splitting",
    "Finding": "findings",
    "KeyPath": "findings",
    "Mark": "findings",
    "Migration": "migration",
    "Outcome": "compiler",
    "Platform": "platform",
    "RLConfig": "config.sections.rl",
    "Run": "run",
    "RunPlan": "planning",
    "SFTConfig": "config.sections.sft",
    "Secrets": "secrets",
    "Severity": "findings",
    "Source": "document",
    "Split": "splitting",
    "Target": "compiler",
    "artifact": "splitting",
    "compile_sources": "compiler",
    "load_component": "config.components",
    "migrate": "migration",
    "owned": "owning",
    "parse": "compiler",
    "plan": "planning",
    "render": "manifests",
    "split": "splitting",
    "to_files": "serialize",
    "to_json": "serialize",
    "to_yaml": "serialize",
}
"""Public name to the module that has it."""

__all__ = [
    "Component",
    "ConfigError",
    "Document",
    "Edit",
    "EnvServer",
    "Finding",
    "KeyPath",
    "Mark",
    "Migration",
    "Outcome",
    "Platform",
    "RLConfig",
    "Run",
    "RunPlan",
    "SFTConfig",
    "Secrets",
    "Severity",
    "Source",
    "Split",
    "Target",
    "artifact",
    "compile_sources",
    "load_component",
    "migrate",
    "owned",
    "parse",
    "plan",
    "render",
    "split",
    "to_files",
    "to_json",
    "to_yaml",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'rlsplit' has no attribute {name!r}")
    value = getattr(import_module(f"rlsplit.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
