"""Kinds of files: which one a refused document is, when it is no ``rl.toml`` with mistakes but another file altogether.

A kind is known by its root: the keys that it understands, at every depth, by the sections' own fields. The document is
of another kind if that root understands more of it than ``rl.toml``'s does, and most of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeGuard, get_args, get_origin

from pydantic import BaseModel

from rlsplit.config.sections.base import Section
from rlsplit.config.sections.inference import InferenceConfig
from rlsplit.config.sections.orchestrator import OrchestratorConfig
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.sections.trainer import TrainerConfig
from rlsplit.config.tables.other_roots import FORMER_KEYS, LORA_KEYS, PYPROJECT_KEYS, SFT_DATA_KEYS, SFT_VAL_KEYS
from rlsplit.config.tree import members
from rlsplit.findings import Finding, visible
from rlsplit.plain_data import is_list, is_mapping, is_table
from rlsplit.platform import Platform

Types = tuple[Any, ...]
"""What may stand at a key: classes, annotations without unions, or tables of further keys; none if it is unknown."""

Fields = Mapping[str, Types]
"""Key to what may stand there."""

_ANYTHING: Final[Types] = (Any,)
_MOST_RELATED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKind:
    """A kind of file that people pass for an ``rl.toml``."""

    name: str
    """How tests and messages tell it apart: ``orchestrator``, ``platform``."""
    says: str
    """What the file is."""
    instead: str
    """What to do with it; ``FILE`` stands for its name."""
    fields: Fields
    """The keys of its root."""


def kind_findings(table: Mapping[str, Any], file: str | None = None) -> tuple[Finding, ...]:
    """Say what a refused document is, if it is another kind of file: one finding, or none.

    It stands at the first key that tells the kind, and takes the place of all that was said about any key.
    """
    kinds = kinds_of(table)
    if not kinds:
        return ()
    says = ", or ".join(kind.says for kind in kinds)
    instead = "; or ".join(kind.instead for kind in kinds)
    if file and not file.startswith("<"):
        instead = instead.replace("FILE", visible(file))
    key, *others = _telling(kinds[0], table)
    related = tuple((other,) for other in others[:_MOST_RELATED])
    message = f"makes this {says}, and no rl.toml"
    return (Finding(code="config.kind", path=(key,), message=message, hint=instead, related=related),)


def _telling(kind: FileKind, table: Mapping[str, Any]) -> list[str]:
    """The keys that tell a kind: of what stands there it understands more than an ``rl.toml`` does."""
    if kind is LORA and isinstance(table.get("model"), str):
        return ["model"]
    written = ({key: value} for key, value in table.items())
    return [key for one in written if _understood(one, (kind.fields,)) > _understood(one, (RLConfig,)) for key in one]


def kinds_of(table: Mapping[str, Any]) -> tuple[FileKind, ...]:
    """Recognise a document: several kinds if it could as well be each of them, none if it is an ``rl.toml``.

    Meant for documents that ``RLConfig`` refuses; one that it accepts is never asked about.
    """
    if _is_lora(table):
        return (LORA,)
    scores = {kind.name: _understood(table, (kind.fields,)) for kind in KINDS if _may_be(kind, table)}
    best = max(scores.values(), default=0)
    if best <= _understood(table, (RLConfig,)) or 2 * best <= _understood(table, _ANYTHING):
        return ()
    found = tuple(kind for kind in KINDS if scores.get(kind.name) == best)
    return (SFT,) if SFT in found and "data" in table else found


def _is_lora(table: Mapping[str, Any]) -> bool:
    """A model by its mere name, or a list of environments at the root: no root of prime-rl has either today."""
    if not _may_be(LORA, table):
        return False
    if isinstance(table.get("model"), str):
        return True
    return is_list(table.get("env")) and "model" not in table and not _is_orchestrator(table)


def _is_orchestrator(table: Mapping[str, Any]) -> bool:
    """Earlier orchestrators had ``[[env]]``, too."""
    return _understood(table, (ORCHESTRATOR.fields,)) > _understood(table, (LORA.fields,))


def _may_be(kind: FileKind, table: Mapping[str, Any]) -> bool:
    """Whether nothing that an ``rl.toml`` must have speaks against a kind.

    A section that ``rl.toml`` requires does, where the kind has none of that name, or where ``rl.toml`` alone can make
    sense of all that stands in it.
    """
    required = [name for name, field in RLConfig.model_fields.items() if field.is_required() and name in table]
    return not any(name not in kind.fields or _is_understood(name, table[name]) for name in required)


def _is_understood(name: str, value: Any) -> bool:
    known = _understood({name: value}, (RLConfig,))
    return is_table(value) and known == _understood({name: value}, _ANYTHING)


# --- what a root understands ---------------------------------------------------------------------------------------


def _understood(value: Any, types: Types) -> int:
    """Count the keys in a value that its types know; what lies below an unknown key is unknown."""
    if is_list(value):
        inner = tuple(item for kind in types for item in _items(kind))
        return sum(_understood(item, inner) for item in value)
    if not is_table(value):
        return 0
    found = ((item, _types_at(types, key)) for key, item in value.items())
    return sum(1 + _understood(item, inner) for item, inner in found if inner)


def _items(kind: Any) -> Types:
    if kind is Any:
        return _ANYTHING
    return members(get_args(kind)[0]) if get_origin(kind) is list and get_args(kind) else ()


def _types_at(types: Types, key: str) -> Types:
    return tuple(inner for kind in types for inner in _below(kind, key))


def _below(kind: Any, key: str) -> Types:
    if kind is Any:
        return _ANYTHING
    if is_mapping(kind):
        known: Types = kind.get(key, ())
        return known
    if get_origin(kind) is dict:
        return members(get_args(kind)[1])
    if not _is_model(kind):
        return ()
    if key in kind.model_fields:
        return _of_field(kind, key)
    return _ANYTHING if issubclass(kind, Section) and kind.keeps_unknown else ()


def _of_field(model: type[BaseModel], name: str) -> Types:
    annotation: Any = model.model_fields[name].annotation
    return members(annotation)


def _is_model(kind: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


# --- the kinds -------------------------------------------------------------------------------------------------------


def _fields(model: type[BaseModel], names: Iterable[str] | None = None) -> Iterator[tuple[str, Types]]:
    """The fields of a class, all or some, with what may stand there."""
    for name in names or model.model_fields:
        yield name, _of_field(model, name)


def _open(names: Iterable[str]) -> dict[str, Types]:
    return dict.fromkeys(names, _ANYTHING)


def _component(name: str, model: type[BaseModel], said: str = "") -> FileKind:
    return FileKind(
        name=name,
        says=f"the {said or name}'s own config",
        instead=f"pass it as --{name} @ FILE beside a file that has the rest, or write its keys below [{name}]",
        fields=MappingProxyType({**_open(FORMER_KEYS[name]), **dict(_fields(model))}),
    )


ORCHESTRATOR: Final = _component("orchestrator", OrchestratorConfig)
"""``orch.toml``."""

_NOT_OF_SFT: Final = frozenset(
    {"loss", "rollout_transport", "metrics_server", "enable_router_replay", "enable_token_export"}
)
"""Keys of a trainer that only learns from rollouts."""

SFT: Final = FileKind(
    name="sft",
    says="the sft.toml of a supervised fine-tuning run",
    instead="start it with prime-rl's own command (uv run sft @ FILE), since rlsplit compiles RL runs",
    fields=MappingProxyType(
        {
            **{name: types for name, types in _fields(TrainerConfig) if name not in _NOT_OF_SFT},
            **dict(_fields(OrchestratorConfig, ("renderer", "eval"))),
            **dict(_fields(RLConfig, ("inference", "run", "clean", "deployment", "slurm", "dry_run"))),
            "data": (_open(SFT_DATA_KEYS),),
            "val": ({**_open(SFT_VAL_KEYS), "data": (_open(SFT_DATA_KEYS),)},),
        }
    ),
)
"""What prime-rl's ``sft`` command reads; its sections are mostly the trainer's."""

LORA: Final = FileKind(
    name="lora",
    says="the config of a hosted LoRA run",
    instead=(
        "write a full rl.toml: the model as [model] name, each [[env]] as [[orchestrator.train.source]], [sampling] as "
        "[orchestrator.train.sampling], batch_size and rollouts_per_example (now group_size) into [orchestrator], "
        "learning_rate as lr into [trainer.optim], [wandb] as [monitors.wandb], the adapter as [trainer.model.lora]"
    ),
    fields=MappingProxyType(_open(LORA_KEYS)),
)
"""What the hosted platform took for runs that share a base model."""

KINDS: Final = (
    _component("trainer", TrainerConfig),
    ORCHESTRATOR,
    _component("inference", InferenceConfig, "inference server"),
    SFT,
    FileKind(
        name="platform",
        says="a platform.toml, which describes a cluster",
        instead="pass it as --platform FILE, beside the run's rl.toml",
        fields=MappingProxyType(dict(_fields(Platform))),
    ),
    FileKind(
        name="pyproject",
        says="a pyproject.toml, which describes a Python project",
        instead="pass the run's rl.toml",
        fields=MappingProxyType(_open(PYPROJECT_KEYS)),
    ),
)
"""Kinds that are told by what their roots understand."""
