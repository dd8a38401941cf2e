"""Bodies that nobody means well with, from a seed; run as a script it answers many and prints the slowest.

python tests/api/hostile_bodies.py 20000
"""

from __future__ import annotations

import copy
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from api_requests import FIXTURES, config, outcome_of

from rlsplit.api import CompiledRun, CreateTrainingRunRequest

KEYS: Final = (
    *("__class__", "__proto__", "__init__", "$ref", "", " ", "a.b", 'q"', "\0", "\ud800", "é" * 40, "None", "type"),
    *("name", "config", "trainer", "k8s", "env_file", "k" * 5000, "0", "source", "env_vars", "API_KEY"),
)
SCALARS: Final = (
    *(None, True, False, 0, -1, 1.0, 10**30, 2**63, -(2**63) - 1, 1e308, float("inf"), float("nan"), -0.0),
    *(
        "",
        "None",
        "{{ 7 * 7 }}",
        "$(id)",
        "${HOME}",
        "`x`",
        "\x1b[31m",
        "\ud800",
        "\0",
        "a\r\nb",
        "'; DROP",
        "../..",
        "yes",
    ),
    *("\u202e", "\U0001f600" * 20, "9" * 6000, "1e999", "inf", "<script>", "%s%n", "nccl", "multi_node"),
)


def bodies(seed: int, count: int) -> Iterator[bytes]:
    """Generate bodies; the same for the same seed."""
    dice = random.Random(seed)
    known = [config(name) for name in FIXTURES]
    for _ in range(count):
        kind = dice.choices([damaged, odd_tree, odd_fields, deep, crowded, long_text, repeated, garbage], WEIGHTS)[0]
        yield kind(dice, known)


WEIGHTS: Final = (60, 12, 10, 5, 1, 0.4, 2, 6)


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode("ascii")


def damaged(dice: random.Random, known: list[dict[str, Any]]) -> bytes:
    """A real config with some of its places replaced, removed or added to."""
    table = copy.deepcopy(dice.choice(known))
    for _ in range(dice.randint(1, 6)):
        dice.choice((replace, remove, add))(dice, dice.choice(list(containers(table))))
    return encoded({"config": table, **fields(dice)})


def replace(dice: random.Random, container: Any) -> None:
    if container:
        container[some_key(dice, container)] = tree(dice, 2)


def remove(dice: random.Random, container: Any) -> None:
    if container:
        del container[some_key(dice, container)]


def add(dice: random.Random, container: Any) -> None:
    if isinstance(container, dict):
        container[dice.choice(KEYS)] = tree(dice, 2)
    else:
        container.append(tree(dice, 2))


def some_key(dice: random.Random, container: Any) -> Any:
    return dice.choice(list(container)) if isinstance(container, dict) else dice.randrange(len(container))


def containers(value: Any) -> Iterator[Any]:
    if isinstance(value, (dict, list)):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from containers(item)


def tree(dice: random.Random, depth: int) -> Any:
    kind = dice.random()
    if depth == 0 or kind < 0.6:
        return dice.choice(SCALARS)
    if kind < 0.8:
        return [tree(dice, depth - 1) for _ in range(dice.randint(0, 4))]
    return {dice.choice(KEYS): tree(dice, depth - 1) for _ in range(dice.randint(0, 4))}


def fields(dice: random.Random) -> dict[str, Any]:
    names = (*CreateTrainingRunRequest.wire_fields()[1:], *KEYS[:4])
    return {dice.choice(names): tree(dice, 1) for _ in range(dice.choice((0, 0, 1, 3)))}


def odd_tree(dice: random.Random, known: list[dict[str, Any]]) -> bytes:
    return encoded(dice.choice((tree(dice, 5), {"config": tree(dice, 5)}, [tree(dice, 3)])))


def odd_fields(dice: random.Random, known: list[dict[str, Any]]) -> bytes:
    return encoded({"config": dice.choice(known), dice.choice(KEYS): tree(dice, 2), **fields(dice)})


def deep(dice: random.Random, known: list[dict[str, Any]]) -> bytes:
    depth = dice.choice((50, 97, 98, 99, 100, 101, 150, 199, 200, 201, 500, 5000, 100_000))
    opening, closing = dice.choice((("[", "]"), ('{"a":', "}"), ('{"trainer":', "}"), ('{"env":[', "]}")))
    nest = opening * depth + "1" + closing * depth
    place = dice.choice(('{"config":%s}', '{"config":{"orchestrator":{"train":{"source":[{"env":{"x":%s}}]}}}}', "%s"))
    return (place % nest).encode("ascii")


def crowded(dice: random.Random, known: list[dict[str, Any]]) -> bytes:
    """Very many keys or items, known and unknown, in one table."""
    table = copy.deepcopy(dice.choice(known))
    count = dice.choice((1_000, 3_000))
    keys = {f"{dice.choice(('key', 'seq_len', 'trainer'))}{number}": 0 for number in range(count)}
    place = dice.choice(("", "trainer", "env_vars", "source"))
    if place == "":
        table.update(keys)
    elif place == "source":
        table["orchestrator"]["train"] = {"source": [keys, *({"env": {"id": f"e{i}"}} for i in range(count // 10))]}
    else:
        table[place] = keys
    return encoded({"config": table})


def long_text(dice: random.Random, known: list[dict[str, Any]]) -> bytes:
    table = copy.deepcopy(dice.choice(known))
    text = dice.choice(("x", "\u20ac", '"', "\ud800")) * 800_000 * dice.choice((1, 6))
    container = dice.choice(list(containers(table)))
    if isinstance(container, dict):
        container[dice.choice((text, "text"))] = text[:10] if dice.random() < 0.5 else text
    else:
        container.append(text)
    content = json.dumps({"config": table, "name": dice.choice((None, text))}, ensure_ascii=dice.random() < 0.5)
    return content.encode("utf-8", "surrogatepass")


def repeated(dice: random.Random, known: list[dict[str, Any]]) -> bytes:
    """One table inside itself again and again, as a printed cycle would look."""
    table = copy.deepcopy(dice.choice(known))
    for _ in range(dice.randint(1, 5)):
        inner = copy.deepcopy(table)
        dice.choice([c for c in containers(table) if isinstance(c, dict)])[dice.choice(("config", "trainer", "x"))] = (
            inner
        )
    return encoded({"config": table})


def garbage(dice: random.Random, known: list[dict[str, Any]]) -> bytes:
    content = encoded({"config": dice.choice(known)})
    cut = dice.randrange(len(content))
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: content[:cut],
        lambda: content[:cut] + bytes([dice.randrange(256)]) + content[cut + 1 :],
        lambda: dice.randbytes(dice.randint(0, 40)),
        lambda: b"\xef\xbb\xbf" + content,
        lambda: content.decode("ascii").encode("utf-16"),
        lambda: content + content,
        lambda: b"[" * 3_000_000,
        lambda: b'{"config": ' + b"9" * 2_000_000 + b"}",
        lambda: b'{"config": 1e' + b"9" * 100 + b"}",
        lambda: b'"' * 9_000_000,
    )
    return dice.choice(ways)()


def answered(body: bytes) -> int:
    """Answer one body; whatever comes out must be encodable as the answer."""
    outcome = outcome_of(body, kind=CreateTrainingRunRequest)
    if isinstance(outcome, CompiledRun):
        json.dumps([outcome.artifact, outcome.objects, outcome.row], allow_nan=False)
        return 201
    assert outcome.errors
    json.dumps(outcome.wire(), ensure_ascii=False, allow_nan=False).encode("utf-8")
    return 422


def main(count: int) -> None:
    slowest: list[tuple[float, int, int]] = []
    statuses = {201: 0, 422: 0}
    for number, body in enumerate(bodies(1, count)):
        start = time.perf_counter()
        status = answered(body)
        slowest = sorted([*slowest, (time.perf_counter() - start, number, len(body))], reverse=True)[:5]
        statuses[status] += 1
    print(statuses, "slowest (seconds, number, bytes):", slowest)


if __name__ == "__main__":
    main(int(sys.argv[1]))
