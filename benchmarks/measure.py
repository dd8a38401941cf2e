"""What a compile costs. ``python benchmarks/measure.py`` prints a table and writes ``benchmarks/results.json``.

Every figure is a ratio to a yardstick that is measured in the same run, because machines differ: processes against one
that imports pydantic and tomli and builds one small model, hot stages against tomli's parse of the same text. Needs
``pip install -e '.[bench]'``.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import tomli

import rlsplit
from rlsplit.config.resolve import resolve
from rlsplit.splitting import split

ROOT = Path(__file__).resolve().parent.parent
SMALL = ROOT / "fixtures" / "reverse-text" / "rl.toml"
LARGE = ROOT / "fixtures" / "large" / "rl.toml"

BARE = """
import tomli
from pydantic import BaseModel
class Small(BaseModel):
    number: int = 1
    text: str | None = None
Small.model_validate({"number": 2})
tomli.loads("a = 1")
"""

PROCESSES: dict[str, list[str]] = {
    "python -c pass": ["-c", "pass"],
    "bare pydantic process": ["-c", BARE],
    "import rlsplit": ["-c", "import rlsplit"],
    "rlsplit validate": ["-m", "rlsplit", "validate", str(SMALL)],
    "rlsplit render": ["-m", "rlsplit", "render", str(SMALL)],
}
SIZES = (1, 10, 100, 1_000, 10_000)


def median_ms(action: Callable[[], object], rounds: int) -> float:
    """Median wall time of an action [milliseconds]."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def cold(rounds: int) -> dict[str, dict[str, float]]:
    """Whole processes, taken in turns so that a slow moment of the machine hits all of them."""
    times: dict[str, list[float]] = {name: [] for name in PROCESSES}
    for _ in range(rounds):
        for name, arguments in PROCESSES.items():
            times[name].append(median_ms(lambda a=arguments: run_process(a), 1))
    bare = statistics.median(times["bare pydantic process"])
    memory = {name: peak_memory_mb(arguments) for name, arguments in PROCESSES.items()}
    return {
        name: {
            "ms": statistics.median(taken),
            "x bare": statistics.median(taken) / bare,
            "MB": memory[name],
            "MB x bare": memory[name] / memory["bare pydantic process"],
        }
        for name, taken in times.items()
    }


def run_process(arguments: list[str]) -> None:
    """Run one process, output thrown away."""
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)


SPAWN = """
import resource, subprocess, sys
subprocess.run([sys.executable, *sys.argv[1:]], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_memory_mb(arguments: list[str]) -> float:
    """Largest resident size of a process [MB]; started by a small one, since a new process counts its parent's size."""
    done = subprocess.run([sys.executable, "-c", SPAWN, *arguments], capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024


def stages(text: str, run_id: str) -> dict[str, Callable[[], object]]:
    """The stages of a compile of one text, each ready to run; without those after the split if no cluster takes it."""
    table = tomli.loads(text)
    config = rlsplit.parse(table)
    parts = split(config)
    compiling: dict[str, Callable[[], object]] = {
        "tomli": lambda: tomli.loads(text),
        "parse (text)": lambda: rlsplit.parse(text),
        "parse (table)": lambda: rlsplit.parse(table),
        "resolve": lambda: resolve(table),
        "split": lambda: split(config),
        "parse + split": lambda: split(rlsplit.parse(table)),
    }
    run, platform = rlsplit.Run(id=run_id), rlsplit.Platform()
    try:
        plan = rlsplit.plan(parts, run=run, platform=platform)
    except rlsplit.ConfigError:
        return compiling
    objects = rlsplit.render(plan)

    def whole() -> object:
        return rlsplit.render(rlsplit.plan(split(rlsplit.parse(table)), run=run, platform=platform))

    return {
        **compiling,
        "plan": lambda: rlsplit.plan(parts, run=run, platform=platform),
        "render as data": lambda: rlsplit.render(plan),
        "table to objects": whole,
        "YAML": lambda: rlsplit.to_yaml(objects),
    }


def hot(path: Path, rounds: int) -> dict[str, dict[str, float]]:
    """The stages of one fixture against tomli's parse of its text."""
    ready = stages(path.read_text(encoding="utf-8"), "bench")
    for action in ready.values():
        action()
    gc.collect()
    times = {name: median_ms(action, rounds) for name, action in ready.items()}
    return {name: {"ms": taken, "x tomli": taken / times["tomli"]} for name, taken in times.items()}


def with_sources(count: int) -> str:
    """A config with many environment sources."""
    sources = "".join(
        f'[[orchestrator.train.source]]\nname = "env-{i}"\nratio = {1 + i % 3}\n'
        f'env.taskset.id = "task-{i}"\nsampling.temperature = 0.{1 + i % 9}\nserve.address = "tcp://envs.example:5000"\n'
        for i in range(count)
    )
    return f'max_steps = 10\nrun.name = "many"\n[trainer]\n[inference]\n[orchestrator]\n{sources}'


def growth(rounds: int) -> dict[str, Any]:
    """Time and memory of each stage by the number of sources, with the fitted exponent from 100 up.

    A config of 10,000 sources fits no ConfigMap, so that it is compiled and split only.
    """
    table: dict[str, dict[int, float]] = {}
    for size in SIZES:
        ready = stages(with_sources(size), "bench")
        for name, action in ready.items():
            table.setdefault(name, {})[size] = median_ms(action, max(3, rounds // max(1, size // 10)))
        tracemalloc.start()
        ready["parse + split"]()
        table.setdefault("peak of parse + split [MB]", {})[size] = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
    return {name: {**by_size, "exponent": exponent(by_size)} for name, by_size in table.items()}


def exponent(by_size: dict[int, float]) -> float:
    """Slope of the log-log fit over the sizes from 100."""
    points = [(math.log(size), math.log(value)) for size, value in by_size.items() if size >= 100]
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def throughput(path: Path, seconds: float) -> dict[str, float]:
    """Compiles per second with 1, 2 and 4 threads."""
    action = stages(path.read_text(encoding="utf-8"), "bench")["table to objects"]
    return {f"{threads} threads": _rate(action, threads, seconds) for threads in (1, 2, 4)}


def _rate(action: Callable[[], object], threads: int, seconds: float) -> float:
    stop = threading.Event()

    def work(_: int) -> int:
        done = 0
        while not stop.is_set():
            action()
            done += 1
        return done

    with ThreadPoolExecutor(threads) as pool:
        start = time.perf_counter()
        counts = pool.map(work, range(threads))
        time.sleep(seconds)
        stop.set()
        return sum(counts) / (time.perf_counter() - start)


def show(title: str, rows: dict[str, Any]) -> None:
    """Print one table."""
    print(f"\n{title}")
    for name, row in rows.items():
        cells = row if isinstance(row, dict) else {"": row}
        print(f"  {name:<24}" + "".join(f"{key!s:>10} {value:>9.2f}" for key, value in cells.items()))


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="repetitions of each measurement (default: 30)")
    options = parser.parse_args()
    results = {
        "cold, smallest fixture": cold(options.rounds),
        "hot, smallest fixture": hot(SMALL, options.rounds * 3),
        "hot, fixture of about 270 lines": hot(LARGE, options.rounds * 3),
        "growth with sources [ms]": growth(options.rounds),
        "throughput, smallest fixture [runs/s]": throughput(SMALL, 2.0),
    }
    for title, rows in results.items():
        show(title, rows)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nPython {sys.version.split()[0]}, {os.cpu_count()} cores, {own:.0f} MB for all of this")
    (Path(__file__).parent / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
