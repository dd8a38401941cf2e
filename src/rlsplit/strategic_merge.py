"""Strategic merge of a patch into a pod template, as ``kubectl patch --type=strategic`` does it.

Tables merge key by key and null takes a key away; lists of named things merge by their names, other lists are
replaced. Sources: ``apimachinery/pkg/util/strategicpatch``, and the patch strategies of ``v1.PodTemplateSpec``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from rlsplit.plain_data import is_list, is_table

Place = tuple[str, ...]
"""Keys down to a value, without those of list elements."""

_OF_CONTAINERS: Final = {
    "env": "name",
    "ports": "containerPort",
    "volumeDevices": "devicePath",
    "volumeMounts": "mountPath",
}
MERGE_KEYS: Final[Mapping[Place, str | None]] = MappingProxyType(
    {
        ("metadata", "finalizers"): None,
        ("metadata", "ownerReferences"): "uid",
        ("spec", "containers"): "name",
        ("spec", "ephemeralContainers"): "name",
        ("spec", "evictionResponders"): "name",
        ("spec", "hostAliases"): "ip",
        ("spec", "imagePullSecrets"): "name",
        ("spec", "initContainers"): "name",
        ("spec", "resourceClaims"): "name",
        ("spec", "schedulingGates"): "name",
        ("spec", "topologySpreadConstraints"): "topologyKey",
        ("spec", "volumes"): "name",
        **{
            ("spec", containers, name): key
            for containers in ("containers", "ephemeralContainers", "initContainers")
            for name, key in _OF_CONTAINERS.items()
        },
    }
)
"""Where lists of a pod template merge, and by which key of their elements; None: elements are texts."""

DIRECTIVE: Final = "$patch"
"""Key of what a patch says about a table instead of being merged into it: ``delete`` or ``replace``."""
DIRECTIVES: Final = ("delete", "replace")


def merged(original: Mapping[str, Any], patch: Mapping[str, Any], at: Place = ()) -> dict[str, Any]:
    """Give a table with a patch merged into it. Shares what did not change with the two."""
    directive = patch.get(DIRECTIVE)
    if directive == "delete":
        return {}
    if directive == "replace":
        return {key: _bare(value) for key, value in patch.items() if key != DIRECTIVE and value is not None}
    result = dict(original)
    for key, value in patch.items():
        if key == DIRECTIVE:
            continue
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged_value(result.get(key), value, (*at, key))
    return result


def _merged_value(old: Any, new: Any, at: Place) -> Any:
    if is_table(old) and is_table(new):
        return merged(old, new, at)
    if is_list(new) and at in MERGE_KEYS:
        return _merged_list(old if is_list(old) else [], new, MERGE_KEYS[at], at)
    return _bare(new)


def _merged_list(old: Sequence[Any], new: Sequence[Any], key: str | None, at: Place) -> list[Any]:
    if key is None:
        return _ordered(list(dict.fromkeys(new)), [item for item in old if item not in new], old, None)
    directives = [item for item in new if item.get(DIRECTIVE) in ("delete", "replace")]
    plain = [item for item in new if item not in directives]
    if any(item[DIRECTIVE] == "replace" for item in directives):
        return [_bare(item) for item in plain]
    gone = [item.get(key) for item in directives]
    kept = [item for item in old if item.get(key) not in gone]
    by_key = {item.get(key): item for item in kept}
    patched: dict[Any, Any] = {}
    for item in plain:
        before = patched.get(item[key], by_key.get(item[key]))
        patched[item[key]] = _bare(item) if before is None else merged(before, item, at)
    return _ordered(list(patched.values()), [item for item in kept if item.get(key) not in patched], old, key)


def _ordered(patched: Sequence[Any], others: Sequence[Any], old: Sequence[Any], key: str | None) -> list[Any]:
    """Put what the patch names in its order, and the others in theirs before the first that stood behind them."""
    places = {item if key is None else item.get(key): place for place, item in enumerate(old)}

    def place(item: Any) -> int | None:
        return places.get(item if key is None else item.get(key))

    result: list[Any] = []
    rest = list(others)
    for item in patched:
        here = place(item)
        while rest and here is not None and (place(rest[0]) or 0) < here:
            result.append(rest.pop(0))
        result.append(item)
    return [*result, *rest]


def _bare(value: Any) -> Any:
    """Give a copy without directives and nulls: what a patch adds where there was nothing."""
    if is_table(value):
        return {key: _bare(item) for key, item in value.items() if key != DIRECTIVE and item is not None}
    if is_list(value):
        return [_bare(item) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value that a patch sets."""

    path: tuple[str | int, ...]
    """Where it stands in the patch."""
    place: Place
    """Where it goes in a template, with the name of each element of a list that merges."""
    value: Any
    is_directive: bool = False
    """Whether it is about the table at its place."""


def leaves(patch: Mapping[str, Any]) -> Iterator[Leaf]:
    """Give every value that a patch sets."""
    yield from _leaves(patch, (), (), ())


def _leaves(value: Any, path: tuple[str | int, ...], at: Place, bare: Place) -> Iterator[Leaf]:
    if is_table(value) and value:
        for key, item in value.items():
            if key == DIRECTIVE:
                yield Leaf((*path, key), at, item, is_directive=True)
            else:
                yield from _leaves(item, (*path, key), (*at, key), (*bare, key))
    elif is_list(value) and MERGE_KEYS.get(bare) is not None:
        name = MERGE_KEYS[bare]
        for index, item in enumerate(value):
            called = (str(item[name]),) if is_table(item) and name in item else ()
            yield from _leaves(item, (*path, index), (*at, *called), bare)
    else:
        yield Leaf(path, at, value)
