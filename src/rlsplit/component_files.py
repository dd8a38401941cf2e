"""Component configs as text: TOML or JSON, one document or one file each."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from rlsplit.characters import escaped
from rlsplit.config.dumping import without_non_finite
from rlsplit.plain_data import is_list, is_table
from rlsplit.splitting import Component, EnvServer, JsonObject, Split

Form = Literal["sparse", "resolved"]
Syntax = Literal["toml", "json"]

NULL_IN_TOML: Final = "None"
"""How prime-rl spells null in TOML, which has none (B-04)."""

_SAFE_NAME: Final = re.compile(r"(?!\.{1,2}\Z)[^/\0]{1,200}\Z")


def component_configs(split: Split, *, form: Form) -> dict[str, Any]:
    """Return the config of every component by name; env servers are a list with the name of each."""
    configs: dict[str, Any] = {
        "trainer": _config(split.trainer, form),
    }
    others = {"orchestrator": split.orchestrator, "evals": split.evals, "inference": split.inference}
    configs |= {name: _config(component, form) for name, component in others.items() if component is not None}
    servers = [
        {"split": server.split, "name": server.name, "config": _config(server.config, form)}
        for server in split.env_servers
    ]
    return {**configs, "env_servers": servers, "deployment": split.deployment}


def component_files(split: Split, *, form: Form, syntax: Syntax) -> dict[str, str]:
    """Return file name to text, laid out as prime-rl's launcher does (L-03, L-06)."""
    configs = component_configs(split, form=form)
    names = {name: name for name in ("trainer", "orchestrator", "evals", "inference")}
    if split.config.kind == "sft":
        names["trainer"] = "sft"
    files = {f"{file}.{syntax}": as_text(configs[name], syntax) for name, file in names.items() if name in configs}
    for server in split.env_servers:
        files[f"envs/{server.split}/{_file_name(server)}.{syntax}"] = as_text(_config(server.config, form), syntax)
    return files


def as_text(config: Mapping[str, Any], syntax: Syntax) -> str:
    """Spell a config. JSON keeps null; in TOML null is the text that prime-rl reads as null.

    TOML has infinities and NaN; in JSON they are texts that pydantic reads as these numbers.
    """
    if syntax == "json":
        text = json.dumps(without_non_finite(config, repr), indent=2, ensure_ascii=False, allow_nan=False)
        return escaped(text, pairs=True) + "\n"
    import tomli_w

    return escaped(tomli_w.dumps(_without_null(config), multiline_strings=False))


def _config(component: Component, form: Form) -> JsonObject:
    return component.sparse if form == "sparse" else component.resolved


def _file_name(server: EnvServer) -> str:
    """The source's name where it can be one; a name with ``/`` would leave the folder."""
    return server.name if _SAFE_NAME.match(server.name) else str(server.index)


def _without_null(value: Any) -> Any:
    if is_table(value):
        return {key: _without_null(item) for key, item in value.items()}
    if is_list(value):
        return [_without_null(item) for item in value]
    return NULL_IN_TOML if value is None else value
