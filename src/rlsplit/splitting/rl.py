"""The split of an RL run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic_core import to_jsonable_python

from rlsplit.config.hosted import EVAL_PATH, SOURCE_PATH, reread
from rlsplit.config.rules import SetAside
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.sections.sources import EvalConfig
from rlsplit.releases.image import image_of
from rlsplit.splitting.dump import Dump, Sourced, env_servers, inference_file, launch_of
from rlsplit.splitting.model import Component, JsonObject, Split


def split_rl(config: RLConfig) -> Split:
    """Split an RL run into trainer, orchestrator, inference and environment servers (L-03, H-09)."""
    provenance = config.provenance
    dump = Dump.of(config)
    aside = _restored(provenance.aside) if provenance.mode == "hosted" else None
    whole, lean = _resolved(config, dump, aside), _sparse(config, dump, aside)
    components = {
        name: Component(resolved=dump.lowered(name, whole[name]), sparse=dump.lowered(name, lean[name]))
        for name in whole
    }
    has_files = aside is None and image_of(dump.release).has_env_server_files
    orchestrator = config.orchestrator
    servers = env_servers(tuple(_sources(config, dump)), dump, orchestrator.log, orchestrator.env_server_base_port)
    return Split(
        trainer=components["trainer"],
        orchestrator=components["orchestrator"],
        inference=components.get("inference"),
        env_servers=tuple(servers) if has_files else (),
        deployment=dump.whole["deployment"],
        launch=launch_of(config),
        config=config,
    )


def _restored(aside: SetAside) -> JsonObject:
    """Copy what was set aside as JSON has it (H-10, H-11): ``source``, ``eval`` or both."""
    values: dict[str, Any] = {}
    if SOURCE_PATH in aside.values:
        values["source"] = aside.values[SOURCE_PATH]
    if EVAL_PATH in aside.values:
        values["eval"] = reread(EvalConfig, aside.values[EVAL_PATH])
    restored: JsonObject = to_jsonable_python(values)
    return restored


def _resolved(config: RLConfig, dump: Dump, aside: JsonObject | None) -> dict[str, JsonObject]:
    """The resolved form of every component that there is."""
    orchestrator = dump.whole["orchestrator"]
    if aside is not None:
        given: JsonObject = {"source": [], "eval": None, **aside}
        train = {**orchestrator["train"], "source": given["source"]}
        orchestrator = {**orchestrator, "train": train, "eval": given["eval"]}
    forms = {"trainer": dump.whole["trainer"], "orchestrator": orchestrator}
    if config.inference is None:
        return forms
    return {**forms, "inference": inference_file(config, dump, dump.whole["inference"])}


def _sparse(config: RLConfig, dump: Dump, aside: JsonObject | None) -> dict[str, JsonObject]:
    """The sparse form of every component that there is."""
    orchestrator, given = dump.lean(config.orchestrator, dump.whole["orchestrator"]), aside or {}
    if "source" in given:
        orchestrator["train"] = {**orchestrator.get("train", {}), "source": given["source"]}
    if "eval" in given:
        orchestrator["eval"] = given["eval"]
    forms = {"trainer": dump.lean(config.trainer, dump.whole["trainer"]), "orchestrator": orchestrator}
    if config.inference is None:
        return forms
    return {**forms, "inference": inference_file(config, dump, dump.lean(config.inference, dump.whole["inference"]))}


def _sources(config: RLConfig, dump: Dump) -> Iterator[Sourced]:
    orchestrator, whole = config.orchestrator, dump.whole["orchestrator"]
    for position, source in enumerate(orchestrator.train.source):
        of_train = whole["train"]["source"][position]
        yield Sourced(split="train", position=position, source=source, whole=of_train)
    for position, evaluated in enumerate(orchestrator.eval.source if orchestrator.eval else ()):
        of_eval = whole["eval"]["source"][position]
        yield Sourced(split="eval", position=position, source=evaluated, whole=of_eval)
