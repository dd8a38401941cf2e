"""Which codes the source can print and which rules it cites, found by reading it and not by running it.

A code is the ``code`` of a ``Finding(...)``. Where that is a parameter of the function around it, perhaps behind a
prefix (``f"plan.{code}"``), the function is a helper, and the calls of it in the same module say which codes there
are. What can be followed no further is returned as unresolved, so that nothing escapes by being computed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

CITED = re.compile(r"(?<![\w-])(SFT|[BCDHILOPRSTX])-(\d\d)([a-z]?)(?![\w-])")
RANGE = re.compile(r"(?<![\w-])(SFT|[BCDHILOPRSTX])-(\d\d) to \1-(\d\d)(?!\w)")
RULE_TABLES = ("Check", "Derivation", "rule")


@dataclass(frozen=True)
class Codes:
    literal: frozenset[str]
    """Codes that are written out."""
    computed: frozenset[str]
    """Expressions that give a code and could not be followed, as source text with the prefix in front."""


@dataclass(frozen=True)
class _Helper:
    """A function that makes findings with a code that it is given."""

    prefix: str
    position: int
    parameter: str


def codes_of(module: str, others: Mapping[str, str] | None = None) -> Codes:
    """Collect the codes of one module's source; ``others`` are modules by path, for helpers that it imports."""
    literal, computed, _ = _collected(module, others or {})
    return Codes(frozenset(literal), frozenset(computed))


def _collected(module: str, others: Mapping[str, str]) -> tuple[set[str], set[str], dict[str, _Helper]]:
    tree = ast.parse(module)
    literal: set[str] = set()
    computed: set[str] = set()
    helpers: dict[str, _Helper] = dict(_imported(tree, others))
    for function, call in _calls(tree):
        if _name(call) == "replace" and any(keyword.arg == "code" for keyword in call.keywords):
            computed.add(ast.unparse(call))
        if _name(call) != "Finding":
            continue
        code = next((keyword.value for keyword in call.keywords if keyword.arg == "code"), None)
        if code is None:
            computed.add(ast.unparse(call))
        else:
            _follow("", code, function, literal, computed, helpers)
    done: set[str] = set()
    while waiting := helpers.keys() - done:
        for name in waiting:
            done.add(name)
            for function, call in _calls(tree):
                if _name(call) == name:
                    given = _argument(call, helpers[name])
                    _follow(helpers[name].prefix, given, function, literal, computed, helpers)
    return literal, computed, helpers


def _imported(tree: ast.AST, others: Mapping[str, str]) -> Iterator[tuple[str, _Helper]]:
    """Helpers that a module imports by name from modules that make findings themselves."""
    for node in ast.walk(tree):
        source = others.get(f"{(node.module or '').replace('.', '/')}.py") if isinstance(node, ast.ImportFrom) else None
        if isinstance(node, ast.ImportFrom) and source is not None and "Finding(" in source:
            _, _, helpers = _collected(source, {})
            yield from ((alias.name, helpers[alias.name]) for alias in node.names if alias.name in helpers)


def rules_of(module: str) -> set[str]:
    """Collect the IDs that a module's tables of rules give to functions."""
    calls = [call for _, call in _calls(ast.parse(module)) if _name(call) in RULE_TABLES and call.args]
    return {call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)}


def overlays_of(module: str) -> set[str]:
    """Collect the IDs of overlays that a module makes: ``overlay("run-directory", ...)``."""
    calls = [call for _, call in _calls(ast.parse(module)) if _name(call) == "overlay" and call.args]
    return {call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)}


def strings_of(module: str) -> set[str]:
    """Collect every string that a module writes out, docstrings included."""
    nodes = ast.walk(ast.parse(module))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def cited_in(text: str) -> set[str]:
    """Collect the rule IDs that a text names, those of ranges (``S-01 to S-07``) included."""
    cited = {"".join(("-".join(match.group(1, 2)), match[3])) for match in CITED.finditer(text)}
    for match in RANGE.finditer(text):
        cited |= {f"{match[1]}-{number:02}" for number in range(int(match[2]), int(match[3]) + 1)}
    return cited


def _follow(
    prefix: str,
    code: ast.expr | None,
    function: ast.FunctionDef | None,
    literal: set[str],
    computed: set[str],
    helpers: dict[str, _Helper],
) -> None:
    before, rest = _parts(code)
    if code is None:
        computed.add(f"{prefix}<missing>")
    elif rest is None:
        literal.add(prefix + before)
    elif function is not None and isinstance(rest, ast.Name) and rest.id in (names := _parameters(function)):
        helpers[function.name] = _Helper(prefix + before, names.index(rest.id), rest.id)
    else:
        computed.add(f"{prefix}{before}{{{ast.unparse(rest)}}}")


def _parts(code: ast.expr | None) -> tuple[str, ast.expr | None]:
    """A code's written beginning, and what follows it if that is not written out."""
    if isinstance(code, ast.Constant) and isinstance(code.value, str):
        return code.value, None
    if isinstance(code, ast.JoinedStr) and len(code.values) == 2:
        first, second = code.values
        if isinstance(first, ast.Constant) and isinstance(second, ast.FormattedValue):
            return str(first.value), second.value
    return "", code


def _argument(call: ast.Call, helper: _Helper) -> ast.expr | None:
    named = next((keyword.value for keyword in call.keywords if keyword.arg == helper.parameter), None)
    return named or (call.args[helper.position] if len(call.args) > helper.position else None)


def _calls(tree: ast.AST, function: ast.FunctionDef | None = None) -> Iterator[tuple[ast.FunctionDef | None, ast.Call]]:
    """Every call with the function around it."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Call):
            yield function, node
        yield from _calls(node, node if isinstance(node, ast.FunctionDef) else function)


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _parameters(function: ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]


def united(sets: Iterable[Iterable[str]]) -> set[str]:
    return {item for each in sets for item in each}
