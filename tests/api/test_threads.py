"""The same compiled runs from sixteen threads as from one."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

from api_requests import FIXTURES, config, outcome_of

from rlsplit.api import CompiledRun

THREADS = 16
ROUNDS = 1


def shown(outcome: Any) -> str:
    """Everything of an outcome, as text."""
    if isinstance(outcome, CompiledRun):
        parts = [outcome.artifact, outcome.objects, outcome.row, outcome.response.wire(), repr(outcome.warnings)]
        return json.dumps([*parts, repr(outcome.split), repr(outcome.plan)])
    return json.dumps(outcome.wire())


def bodies() -> list[dict[str, Any]]:
    bad = ["bad/ten-mistakes.toml", "bad/unknown-key.toml", "bad/hosted-clean.toml"]
    return [{"config": config(name), "name": name.replace("/", " "), "hfToken": name} for name in [*FIXTURES, *bad]]


def from_all_threads(given: list[dict[str, Any]]) -> list[list[str]]:
    """What each thread gets for all bodies, each starting with another one, all at the same moment."""
    start = Barrier(THREADS)

    def work(number: int) -> list[str]:
        start.wait()
        order = [(number + step) % len(given) for step in range(len(given))] * ROUNDS
        answers = {index: shown(outcome_of(given[index])) for index in order}
        return [answers[index] for index in range(len(given))]

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, range(THREADS)))


def test_sixteen_threads_give_what_one_gives() -> None:
    given = bodies()
    alone = [shown(outcome_of(body)) for body in given]
    assert all(answers == alone for answers in from_all_threads(given))


def test_the_very_first_compiles_may_come_at_once() -> None:
    """What is built once, such as the sections' validators, is built by whoever comes first."""
    code = (
        "import sys; from test_threads import *\n"
        "given = bodies()[:4]; together = from_all_threads(given)\n"
        "alone = [shown(outcome_of(body)) for body in given]\n"
        "sys.exit(any(answers != alone for answers in together))"
    )
    here = Path(__file__).parent
    done = subprocess.run([sys.executable, "-c", code], cwd=here, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
