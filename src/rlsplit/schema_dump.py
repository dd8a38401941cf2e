"""Dump config classes to JSON: fields, types, defaults, bounds, choices, constants, fingerprints of validators.

Runs alone, with the standard library and pydantic, where prime-rl's configs are installed:

    python schema_dump.py prime_rl.configs.rl:RLConfig renderers.base > dump.json

An argument with a colon is a root class, one without is a further module whose constants are dumped. It imports
nothing of rlsplit; ``rlsplit drift dump.json`` reads what it writes.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import inspect
import json
import re
import sys

if not __package__ and sys.path and sys.path[0] == __file__.rpartition("/")[0]:
    sys.path.append(sys.path.pop(0))  # run as a script: what lies beside it would hide the standard library's

import textwrap
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from enum import Enum
from pathlib import PurePath
from types import ModuleType, UnionType
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

FORMAT = 1
"""The version of the dump's form."""

DEFAULT_ROOTS = ("prime_rl.configs.rl:RLConfig",)
BOUNDS = ("ge", "gt", "le", "lt", "min_length", "max_length", "multiple_of", "pattern", "allow_inf_nan")
DEEPEST = 24
"""Sections within one another, of which a path may lead through so many."""


def dump(roots: Iterable[type[BaseModel]], modules: Iterable[ModuleType] = ()) -> dict[str, Any]:
    """Describe everything that some root classes lead to, and the constants of their modules and of further ones."""
    found = list(roots)
    models = list(dict.fromkeys(model for root in found for model in _reached(root)))
    homes = dict.fromkeys(sys.modules[model.__module__] for model in models)
    return {
        "format": FORMAT,
        "roots": [root.__name__ for root in found],
        "paths": {path: row for root in found for path, row in paths_of(root).items()},
        "validators": {_name(model): rows for model in models if (rows := validators_of(model))},
        "tables": {name: value for module in (*homes, *modules) for name, value in tables_of(module)},
    }


# --- fields ----------------------------------------------------------------------------------------------------


def paths_of(root: type[BaseModel], has: Callable[[FieldInfo], bool] = lambda field: True) -> dict[str, dict[str, Any]]:
    """Describe every field by its path: ``[]`` is any item, ``{}`` any entry, ``<tag>`` a variant of a union.

    ``has`` tells whether a field counts; all do unless it is given.
    """
    return dict(_paths(root, "", (), has))


Rows = Iterator[tuple[str, dict[str, Any]]]
Has = Callable[[FieldInfo], bool]


def _paths(model: type[BaseModel], above: str, inside: tuple[type[BaseModel], ...], has: Has) -> Rows:
    if model in inside or len(inside) > DEEPEST:
        return
    for name, field in model.model_fields.items():
        if has(field):
            path = f"{above}.{name}" if above else name
            yield path, field_row(field)
            yield from _below(field.annotation, field.discriminator, path, (*inside, model), has)


def _below(annotation: Any, key: Any, path: str, inside: tuple[type[BaseModel], ...], has: Has) -> Rows:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if _is_model(annotation):
        yield from _paths(annotation, path, inside, has)
    elif origin is Annotated:
        marks = [mark.discriminator for mark in arguments[1:] if isinstance(mark, FieldInfo) and mark.discriminator]
        yield from _below(arguments[0], (marks or [key])[0], path, inside, has)
    elif origin in (Union, UnionType):
        variants = [part for part in arguments if _is_model(part)]
        for part in arguments:
            tag = tag_of(part, key) if len(variants) > 1 else None
            yield from _below(part, key, f"{path}<{tag}>" if tag else path, inside, has)
    elif origin in (list, tuple, set, frozenset) and arguments:
        yield from _below(arguments[0], None, f"{path}[]", inside, has)
    elif origin is dict:
        yield from _below(arguments[1], None, f"{path}{{}}", inside, has)


def field_row(field: FieldInfo) -> dict[str, Any]:
    """Describe one field: type, whether it must be written, default, bounds."""
    row: dict[str, Any] = {"type": type_text(field.annotation, field.discriminator), "required": field.is_required()}
    if not field.is_required():
        row["default"] = _default(field)
    for mark in field.metadata:
        row |= {name: plain(value) for name in BOUNDS if (value := getattr(mark, name, None)) is not None}
    return row


def _default(field: FieldInfo) -> Any:
    try:
        value = field.get_default(call_default_factory=True)
    except Exception as error:  # a factory may ask for what is not here
        return f"({type(error).__name__})"
    return None if value is PydanticUndefined else plain(value)


def type_text(annotation: Any, key: Any = None) -> str:
    """Spell a type: ``int | None``, ``Literal['a','b']``, ``list[str]``, ``OneOf<type>(a:A | b:B)``."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        marks = [mark.discriminator for mark in arguments[1:] if isinstance(mark, FieldInfo) and mark.discriminator]
        return type_text(arguments[0], (marks or [key])[0])
    if origin is Literal:
        return f"Literal[{','.join(map(repr, arguments))}]"
    if origin in (Union, UnionType):
        return _union_text(arguments, key)
    if origin is not None:
        return f"{origin.__name__}[{','.join(type_text(part) for part in arguments)}]"
    if annotation is type(None):
        return "None"
    if annotation is Any:
        return "any"
    if isinstance(annotation, type):
        return "path" if issubclass(annotation, PurePath) else annotation.__name__
    return str(annotation)


def _union_text(arguments: tuple[Any, ...], key: Any) -> str:
    variants = [part for part in arguments if _is_model(part) and tag_of(part, key)]
    if len(variants) < 2:
        return " | ".join(type_text(part, key) for part in arguments)
    tagged = " | ".join(f"{tag_of(part, key)}:{part.__name__}" for part in variants)
    others = [type_text(part, key) for part in arguments if part not in variants]
    return " | ".join([f"OneOf<{key or 'type'}>({tagged})", *others])


def tag_of(model: Any, key: Any) -> str | None:
    """Tell the tag of a variant: the one word that its tag field takes."""
    for name in (key,) if isinstance(key, str) else ("type", "name"):
        field = model.model_fields.get(name) if _is_model(model) else None
        words = get_args(field.annotation) if field and get_origin(field.annotation) is Literal else ()
        if len(words) == 1:
            return str(words[0])
    return None


def _is_table(value: Any) -> TypeGuard[dict[Any, Any]]:
    return isinstance(value, dict)


def _is_set(value: Any) -> TypeGuard[set[Any] | frozenset[Any]]:
    return isinstance(value, (set, frozenset))


def _is_items(value: Any) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    return isinstance(value, (list, tuple))


def _is_pattern(value: Any) -> TypeGuard[re.Pattern[str]]:
    return isinstance(value, re.Pattern)


def plain(value: Any) -> Any:
    """Turn a value into what JSON can hold."""
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields if hasattr(value, name)}
    if _is_table(value):
        return {str(key): plain(item) for key, item in value.items()}
    if _is_set(value):
        return sorted((plain(item) for item in value), key=str)
    if _is_items(value):
        return [plain(item) for item in value]
    if _is_pattern(value):
        return value.pattern
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value) if isinstance(value, PurePath) else getattr(value, "__name__", type(value).__name__)


# --- validators ------------------------------------------------------------------------------------------------


def validators_of(model: type[BaseModel]) -> list[dict[str, Any]]:
    """Describe the validators of a class in the order in which they run, inherited ones included."""
    decorators = model.__pydantic_decorators__
    groups: tuple[dict[str, Any], ...] = (
        decorators.field_validators,
        decorators.model_validators,
        decorators.root_validators,
    )
    return [
        {
            "name": name,
            "mode": str(getattr(found.info, "mode", "")),
            "fields": list(getattr(found.info, "fields", ())),
            "position": position,
            "fingerprint": fingerprint(found.func),
        }
        for group in groups
        for position, (name, found) in enumerate(group.items())
    ]


def fingerprint(function: Any) -> str | None:
    """Hash what a function does: its syntax tree without docstrings and messages; None if its source is not there."""
    try:
        source = textwrap.dedent(inspect.getsource(inspect.unwrap(getattr(function, "__func__", function))))
        tree = ast.parse(source)
    except (OSError, TypeError, SyntaxError):
        return None
    text = ast.dump(_Wordless().visit(tree), annotate_fields=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Wordless(ast.NodeTransformer):
    """Takes out what only people read: docstrings, texts of exceptions, warnings and log lines."""

    def visit_Expr(self, node: ast.Expr) -> Any:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return None
        return self.generic_visit(_muted(node) if isinstance(node.value, ast.Call) else node)

    def visit_Raise(self, node: ast.Raise) -> Any:
        return self.generic_visit(_muted(node))

    def visit_Assert(self, node: ast.Assert) -> Any:
        return ast.Assert(test=self.visit(node.test), msg=None)


def _muted(node: ast.AST) -> Any:
    """Put an empty text for every text within a statement."""
    return _Mute().visit(node)


class _Mute(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> Any:
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> Any:
        return ast.Constant("")


# --- tables ----------------------------------------------------------------------------------------------------


def tables_of(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Yield the constants of a module that are tables or lists: of renderers, parsers, protected names."""
    for name, value in vars(module).items():
        if name.lstrip("_").isupper() and isinstance(value, (dict, list, tuple, set, frozenset)):
            yield f"{module.__name__}.{name}", plain(value)


# --- classes ---------------------------------------------------------------------------------------------------


def _reached(model: type[BaseModel], known: dict[type[BaseModel], None] | None = None) -> Iterable[type[BaseModel]]:
    """List a class and all that its fields lead to."""
    found = known if known is not None else {}
    if model not in found:
        found[model] = None
        for field in model.model_fields.values():
            for inner in _held(field.annotation):
                _reached(inner, found)
    return found


def _held(annotation: Any) -> Iterator[type[BaseModel]]:
    if _is_model(annotation):
        yield annotation
    for part in get_args(annotation):
        yield from _held(part)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _name(model: type[BaseModel]) -> str:
    return f"{model.__module__}.{model.__qualname__}"


def main(arguments: list[str]) -> None:
    """Print the dump of the classes and modules that are named."""
    if {"-h", "--help"} & set(arguments):
        print(__doc__)
        return
    named = [word for word in arguments if ":" in word] or list(DEFAULT_ROOTS)
    roots = [getattr(importlib.import_module(word.split(":")[0]), word.split(":")[1]) for word in named]
    modules = [importlib.import_module(word) for word in arguments if ":" not in word]
    json.dump(dump(roots, modules), sys.stdout, indent=1, sort_keys=True)
    print()


if __name__ == "__main__":
    main(sys.argv[1:])
