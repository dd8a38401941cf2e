"""Kinds of files: which one a refused document is, when it is no run with mistakes but another file altogether.

A kind is known by its root: the keys that it understands, at every depth, by the sections' own fields. The document is
of another kind than the run it was compiled as if that root understands more of it than the run's does, and most of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeGuard, get_args, get_origin

from pydantic import BaseModel

from rlsplit.characters import visible
from rlsplit.config.rules import KindName
from rlsplit.config.sections.base import Section
from rlsplit.config.sections.evals import EvalsConfig
from rlsplit.config.sections.inference import InferenceConfig
from rlsplit.config.sections.orchestrator import OrchestratorConfig
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.sections.sft import SFTConfig
from rlsplit.config.sections.trainer import TrainerConfig
from rlsplit.config.tables.other_roots import FORMER_KEYS, LORA_KEYS, PYPROJECT_KEYS
from rlsplit.config.tree import members
from rlsplit.findings import Finding
from rlsplit.plain_data import is_list, is_mapping, is_table
from rlsplit.platform import Platform

Types = tuple[Any, ...]
"""What may stand at a key: classes, annotations without unions, or tables of further keys; none if it is unknown."""

Fields = Mapping[str, Types]
"""Key to what may stand there."""

_ANYTHING: Final[Types] = (Any,)
_MOST_RELATED: Final = 3
_REQUIRED: Final = tuple(name for name, field in RLConfig.model_fields.items() if field.is_required())
"""What every whole ``rl.toml`` has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKind:
    """A kind of file that people pass for a run's."""

    name: str
    """How tests and messages tell it apart: ``orchestrator``, ``platform``."""
    says: str
    """What the file is."""
    instead: str
    """What to do with it; ``FILE`` stands for its name."""
    fields: Fields
    """The keys of its root."""


def kind_findings(table: Mapping[str, Any], file: str | None = None, kind: KindName = "rl") -> tuple[Finding, ...]:
    """Say what a document that was refused as a kind of run is, if it is another kind of file: one finding, or none.

    It stands at the first key that tells the kind, and takes the place of all that was said about any key.
    """
    kinds = kinds_of(table, kind)
    if not kinds:
        return ()
    says = ", or ".join(kind.says for kind in kinds)
    instead = "; or ".join(kind.instead for kind in kinds)
    if file and not file.startswith("<"):
        instead = instead.replace("FILE", visible(file))
    key, *others = _telling(kinds[0], table, kind)
    related = tuple((other,) for other in others[:_MOST_RELATED])
    message = f"makes this {says}, and no {kind}.toml"
    return (Finding(code="config.kind", path=(key,), message=message, hint=instead, related=related),)


def _telling(found: FileKind, table: Mapping[str, Any], kind: KindName) -> list[str]:
    """The keys that tell a kind: of what stands there it understands more than the run's root does."""
    if found is LORA and isinstance(table.get("model"), str):
        return ["model"]
    written = ({key: value} for key, value in table.items())
    _, root = _RUNS[kind]
    return [key for one in written if _understood(one, (found.fields,)) > _understood(one, (root,)) for key in one]


def kinds_of(table: Mapping[str, Any], kind: KindName = "rl") -> tuple[FileKind, ...]:
    """Recognise a document: several kinds if it could as well be each of them, none if it is the run's that it should
    be.

    Meant for documents that were refused as that kind of run; one that was accepted is never asked about.
    """
    if _is_lora(table, kind):
        return (LORA,)
    run, root = _RUNS[kind]
    others = [other for other in KINDS if other is not run]
    scores = {other.name: _understood(table, (other.fields,)) for other in others if _may_be(other, table, kind)}
    best = max(scores.values(), default=0)
    if best <= _understood(table, (root,)) or 2 * best <= _understood(table, _ANYTHING):
        return ()
    found = tuple(other for other in others if scores.get(other.name) == best)
    return (SFT,) if SFT in found and "data" in table else found


def name_of_kind(table: Mapping[str, Any], kind: KindName) -> str:
    """Name the kind of a document that was refused as a kind of run: a whole one with mistakes, ``part`` of one,
    another :class:`FileKind`, or ``other``.
    """
    others = kinds_of(table, kind)
    if others:
        return others[0].name
    _, root = _RUNS[kind]
    known = _understood(table, (root,))
    if kind == "rl" and not all(is_table(table.get(name)) for name in _REQUIRED):
        return "part" if 2 * known > _understood(table, _ANYTHING) else "other"
    return kind if known else "other"


def _is_lora(table: Mapping[str, Any], kind: KindName) -> bool:
    """A model by its mere name, or a list of environments at the root: no root of prime-rl has either today."""
    if not _may_be(LORA, table, kind):
        return False
    if isinstance(table.get("model"), str):
        return _understood(table, (EVALS.fields,)) <= _understood(table, (LORA.fields,))
    return is_list(table.get("env")) and (kind == "sft" or ("model" not in table and not _is_orchestrator(table)))


def _is_orchestrator(table: Mapping[str, Any]) -> bool:
    """Earlier orchestrators had ``[[env]]``, too."""
    return _understood(table, (ORCHESTRATOR.fields,)) > _understood(table, (LORA.fields,))


def _may_be(other: FileKind, table: Mapping[str, Any], kind: KindName) -> bool:
    """Whether nothing that an ``rl.toml`` must have speaks against a kind.

    A section that ``rl.toml`` requires does, where the kind has none of that name, or where ``rl.toml`` alone can make
    sense of all that stands in it. And an ``rl.toml`` itself has one of them.
    """
    required = [name for name in _REQUIRED if name in table]
    if kind != "rl":
        return other is not RL or bool(required)
    return not any(name not in other.fields or _is_understood(name, table[name]) for name in required)


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

SFT: Final = FileKind(
    name="sft",
    says="the sft.toml of a supervised fine-tuning run",
    instead='add [data], by which it is told, or compile FILE with --sft (kind = "sft")',
    fields=MappingProxyType(dict(_fields(SFTConfig))),
)
"""What prime-rl's ``sft`` command reads."""

EVALS: Final = FileKind(
    name="evals",
    says="the evals' own config in an SFT run",
    instead="pass the run's sft.toml, of which it is made",
    fields=MappingProxyType(dict(_fields(EvalsConfig))),
)
"""What the evals process reads."""

RL: Final = FileKind(
    name="rl",
    says="the rl.toml of a reinforcement-learning run",
    instead='compile FILE without --sft (kind = "rl")',
    fields=MappingProxyType(dict(_fields(RLConfig))),
)
"""What prime-rl's ``rl`` command reads."""

_RUNS: Final[Mapping[KindName, tuple[FileKind, Fields]]] = MappingProxyType(
    {"rl": (RL, RL.fields), "sft": (SFT, MappingProxyType({**_open(FORMER_KEYS["trainer"]), **SFT.fields}))}
)
"""Kind of run to its file, and to what that or an earlier one of it has at its root."""

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
    EVALS,
    RL,
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
