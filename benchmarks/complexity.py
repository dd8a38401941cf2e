"""What hostile bodies cost: ``python benchmarks/complexity.py`` prints seconds per MB and the longest hold, by axis.

Every axis grows one kind of body to the limits that a server sets, and sends it the way an endpoint takes it: bytes to
:func:`rlsplit.api.read_body`, and what that gives to :func:`rlsplit.api.compile_run`. "hold" is the longest time for
which no other thread of the process could run [ms]; both columns are the best of several rounds, since a busy machine
adds to them. ``--check`` fails where a body takes more than 1 s per MB + 0.2 s.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import tomli

import rlsplit.api as api
from rlsplit import Platform

FIXTURE: Final = Path(__file__).resolve().parent.parent / "fixtures" / "reverse-text" / "rl.toml"
ITEMS: Final = 9_500
"""Keys and list items of a body just below :data:`rlsplit.api.MAX_BODY_ITEMS`."""
BYTES: Final = api.MAX_BODY_BYTES - 100_000
ROUNDS: Final = 3
PER_MB, BESIDES = 1.0, 0.2
"""Seconds that a body may take: per megabyte, and whatever its size."""

Config = dict[str, Any]


def base() -> Config:
    """A config that is accepted."""
    return tomli.loads(FIXTURE.read_text(encoding="utf-8"))


def with_env(variables: dict[str, str]) -> Config:
    """A config with environment variables."""
    return {**base(), "env_vars": variables}


def with_model(text: str) -> Config:
    """A config with one text that many rules look at."""
    return {**base(), "model": {"name": text}}


def with_sources(sources: list[Any]) -> Config:
    """A config with environment sources."""
    config = base()
    config["orchestrator"] = {**config.get("orchestrator", {}), "train": {"source": sources}}
    return config


def with_args(args: Any) -> Config:
    """A config whose one environment takes opaque arguments."""
    return with_sources([{"env": {"taskset": {"id": "reverse-text", "args": args}}}])


def cased(number: int) -> str:
    """One of 2^14 spellings of a name that differ in case alone."""
    letters = "secretapitoken"
    return "".join(letter.upper() if number >> i & 1 else letter for i, letter in enumerate(letters))


def keys(template: str) -> dict[str, int]:
    """As many keys as a body may have."""
    return {template.format(number): 1 for number in range(ITEMS)}


def repeated(part: str) -> str:
    """A text of the largest size made of one part."""
    return part * (BYTES // len(part.encode()))


def nested(depth: int) -> Any:
    """Lists in lists."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


AXES: Final[dict[str, Callable[[], Config | bytes]]] = {
    "secret names that differ in case": lambda: with_env({cased(i): f"v{i}" for i in range(ITEMS)}),
    "plain variables": lambda: with_env({f"VARIABLE_{i}": "x" * 15 for i in range(ITEMS)}),
    "names that are no variables": lambda: with_env({f"a b {i}": "" for i in range(ITEMS)}),
    "long unknown keys": lambda: {**base(), "trainer": keys("modle{}" + "_config" * 20)},
    "unknown keys near a known one": lambda: {**base(), "inference": {"vllm": keys("tensor_paralel_sizes_{}")}},
    "unknown tables": lambda: {**base(), **{f"trainr{i}": {} for i in range(ITEMS)}},
    "empty sources": lambda: with_sources([{} for _ in range(ITEMS)]),
    "sources of wrong types": lambda: with_sources(list(range(ITEMS))),
    "sources with one name": lambda: with_sources([{"env": {"taskset": {"id": "a"}}} for _ in range(ITEMS // 4)]),
    "sources with names alike": lambda: with_sources(
        [{"name": f"a/b-{i % 7}", "env": {"taskset": {"id": "a"}}} for i in range(ITEMS // 5)]
    ),
    "opaque arguments": lambda: with_args({f"key{i}": {"value": [i]} for i in range(ITEMS // 3)}),
    "long keys": lambda: {**base(), **{f"{i:05}{'k' * 200}": 1 for i in range(ITEMS)}},
    "half URLs": lambda: with_model(repeated("://")),
    "URLs with users": lambda: with_model(repeated("http://u:p@h/?q ")),
    "users without end": lambda: with_model("http://" + repeated("a:")),
    "beginnings of secrets": lambda: with_model(repeated("hf_")),
    "secrets": lambda: with_model(repeated("hf_abcdefgh ")),
    "private keys": lambda: with_model(repeated("-----BEGIN PRIVATE KEY-----")),
    "hidden characters": lambda: with_model(repeated("\u202e")),
    "slashes": lambda: with_model(repeated("/")),
    "dots": lambda: with_model(repeated("../")),
    "many lists": lambda: b'{"config":{"a":[' + b",".join([b"[]"] * (BYTES // 3)) + b"]}}",
    "many tables": lambda: b'{"config":{"a":[' + b",".join([b"{}"] * (BYTES // 3)) + b"]}}",
    "many numbers": lambda: b'{"config":{"a":[' + b",".join([b"1"] * (BYTES // 2)) + b"]}}",
    "one key often": lambda: b'{"config":{' + b",".join([b'"a":1'] * (BYTES // 6)) + b"}}",
    "deep lists": lambda: b'{"config":{"a":' + b"[" * (BYTES // 2) + b"]" * (BYTES // 2) + b"}}",
    "a long number": lambda: b'{"config":{"max_steps":' + b"9" * BYTES + b"}}",
    "long fractions": lambda: b'{"config":{"max_steps":0.' + b"9" * BYTES + b"}}",
    "half strings": lambda: b'{"config":{"a":"' + b"\\" * BYTES,
    "escapes": lambda: b'{"config":{"a":"' + b"\\u0000" * (BYTES // 6) + b'"}}',
}


def body_of(axis: str) -> bytes:
    """The body of one axis."""
    made = AXES[axis]()
    return made if isinstance(made, bytes) else json.dumps({"config": made}, ensure_ascii=False).encode()


def compiled(body: bytes) -> object:
    """Take a body as an endpoint does."""
    request = api.read_body(body)
    if isinstance(request, api.ErrorResponse):
        return request
    return api.compile_run(request, run_id="run", job_id="job", token_value="token", platform=Platform())


class Watch(threading.Thread):
    """A thread that only wants to run, and notes how long it could not."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.longest, self.ends = 0.0, False

    def run(self) -> None:
        last = time.perf_counter()
        while not self.ends:
            time.sleep(0.001)
            now = time.perf_counter()
            self.longest, last = max(self.longest, now - last), now


def measured(body: bytes) -> tuple[float, float]:
    """Seconds of processor time, and the longest hold [s]: the best of some rounds each."""
    times, holds = [], []
    for _ in range(ROUNDS):
        watch = Watch()
        watch.start()
        start = time.thread_time()
        compiled(body)
        times.append(time.thread_time() - start)
        watch.ends = True
        watch.join()
        holds.append(watch.longest)
    return min(times), min(holds)


def main(arguments: list[str]) -> int:
    """Print the table; 1 where ``--check`` finds a body that takes too long."""
    compiled(json.dumps({"config": base()}).encode())
    wanted = [name for name in AXES if not arguments or "--check" in arguments or any(a in name for a in arguments)]
    slow = []
    print(f"{'axis':36} {'MB':>5} {'s':>7} {'s/MB':>7} {'hold ms':>8}")
    for axis in wanted:
        body = body_of(axis)
        size = len(body) / 1e6
        taken, hold = measured(body)
        print(f"{axis:36} {size:5.2f} {taken:7.3f} {taken / size:7.3f} {hold * 1000:8.0f}")
        if taken > PER_MB * size + BESIDES:
            slow.append(axis)
    print(f"above {PER_MB} s per MB + {BESIDES} s: {', '.join(slow) or 'none'}")
    return 1 if slow and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
