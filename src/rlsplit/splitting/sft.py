"""The split of an SFT run."""

from __future__ import annotations

from pydantic_core import to_jsonable_python

from rlsplit.config.dumping import resolved
from rlsplit.config.fields import explicit
from rlsplit.config.run_facts import resume_step, run_dir
from rlsplit.config.sections.base import Section, copied
from rlsplit.config.sections.evals import EvalsConfig, EvalsEvalConfig, OnlineConfig
from rlsplit.config.sections.sft import SFTConfig
from rlsplit.config.sections.shared import LogConfig
from rlsplit.config.sft.hosted import ASIDE, restored
from rlsplit.splitting.dump import Dump, Sourced, env_servers, inference_file, launch_of, local_address
from rlsplit.splitting.model import BROADCASTS, Component, EnvServer, JsonObject, Split

LOGGED: frozenset[str] = frozenset({"level", "json_logging"})
"""What the evals take over of the trainer's log settings (SFT-72)."""


def split_sft(config: SFTConfig) -> Split:
    """Split an SFT run into trainer, evals, inference and environment servers (SFT-70, SFT-71, SFT-87)."""
    dump = Dump.of(config)
    is_hosted = config.provenance.mode == "hosted"
    inference = None
    if config.inference is not None:
        whole, lean = dump.whole["inference"], dump.lean(config.inference, dump.whole["inference"])
        inference = Component(resolved=inference_file(config, dump, whole), sparse=inference_file(config, dump, lean))
    return Split(
        trainer=_hosted_trainer(config, dump) if is_hosted else _trainer(config, dump),
        orchestrator=None,
        inference=inference,
        evals=None if config.eval is None else _evals(config, config.eval, dump),
        env_servers=() if config.eval is None else _env_servers(config, config.eval, dump),
        deployment=dump.whole["deployment"],
        launch=launch_of(config),
        config=config,
    )


def _trainer(config: SFTConfig, dump: Dump) -> Component:
    """``sft.json`` (SFT-70)."""
    left_out = set[str]()
    if config.slurm is not None:
        left_out |= {"slurm", "dry_run", "clean"}
    if config.deployment.type == "multi_node":
        left_out |= {"deployment"} if config.eval is None else {"deployment", "inference"}
    lean = dump.lean(config, dump.whole)
    return Component(
        resolved={key: value for key, value in dump.whole.items() if key not in left_out},
        sparse={key: value for key, value in lean.items() if key not in left_out},
    )


def _hosted_trainer(config: SFTConfig, dump: Dump) -> Component:
    """The whole root, with the tables of online evals as they were given (SFT-87)."""
    written = config.model.name if "model" in config.model_fields_set and explicit(config.model, "name") else None
    given: JsonObject = to_jsonable_python(restored(config.provenance.aside, written))
    return Component(
        resolved={**dump.whole, **dict.fromkeys(ASIDE), **given}, sparse={**dump.lean(config, dump.whole), **given}
    )


def _evals(config: SFTConfig, group: EvalsEvalConfig, dump: Dump) -> Component:
    """``evals.json`` (SFT-72)."""
    directory = run_dir(config.output_dir, config.run.dir or "")
    online = OnlineConfig.model_construct(
        None,
        broadcasts_dir=run_dir(directory, BROADCASTS),
        max_steps=config.max_steps,
        resume_step=resume_step(config.resume),
    )
    log = LogConfig.model_construct(
        config.log.model_fields_set & LOGGED, level=config.log.level, json_logging=config.log.json_logging
    )
    section = EvalsConfig.model_construct(
        {"model", "eval", "online", "output_dir"},
        model=config.model.name,
        eval=_served(group),
        online=online,
        weight_broadcast=config.weight_broadcast,
        output_dir=directory,
        log=log,
        monitors=config.monitors,
    )
    whole = resolved(section)
    return Component(resolved=whole, sparse=dump.lean(section, whole))


def _served(group: EvalsEvalConfig) -> Section:
    """Give every source the address of its server, the launcher's own included (SFT-73)."""
    served = copied(group)
    for index, source in enumerate(served.source):
        vars(source.serve)["address"] = source.serve.address or local_address(served.env_server_base_port, index)
    return served


def _env_servers(config: SFTConfig, group: EvalsEvalConfig, dump: Dump) -> tuple[EnvServer, ...]:
    """``envs/eval/<name>.json`` (SFT-71)."""
    sources = [
        Sourced(split="eval", position=position, source=source, whole=dump.whole["eval"]["source"][position])
        for position, source in enumerate(group.source)
    ]
    return tuple(env_servers(sources, dump, config.log, group.env_server_base_port))
