"""What a compile costs: ``python benchmarks/measure.py`` prints tables and writes ``benchmarks/results.json``.

Needs ``pip install -e '.[bench]'``. pyperf takes the times, each the median of several processes; its own options work
too (``--fast``, ``--rigorous``, ``-o FILE`` for every single value). A figure that counts is a ratio to a yardstick of
the same run, because machines differ: processes against ``bare.py``, stages against tomli's parse of the same text.
Takes a quarter of an hour.
"""

from __future__ import annotations

import gc
import json
import math
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, Final

import pyperf

# rlsplit is imported where it is used: a process counts the memory of the one that starts it, which has to be small.

FIXTURES: Final = Path(__file__).resolve().parent.parent / "fixtures"
SMALL: Final = FIXTURES / "reverse-text" / "rl.toml"
FILES: Final = {"smallest": SMALL, "270 lines": FIXTURES / "large" / "rl.toml"}
SIZES: Final = (1, 10, 100, 1_000, 10_000)
"""Numbers of environment sources. No ConfigMap holds the config of the last, which is therefore not planned."""
FITTED: Final = SIZES[2:]
"""Sizes that growth is fitted over; at smaller ones the fixed cost of a compile shows."""
THREADS: Final = (1, 2, 4)

PROCESSES: Final[Mapping[str, list[str]]] = {
    "python -c pass": ["-c", "pass"],
    "bare pydantic": [str(Path(__file__).with_name("bare.py"))],
    "import rlsplit": ["-c", "import rlsplit"],
    "rlsplit validate": ["-m", "rlsplit", "validate", str(SMALL)],
    "rlsplit render": ["-m", "rlsplit", "render", str(SMALL)],
}

PARTS: Final = ("document", "resolve", "split", "plan", "render")
"""Stages that one after the other lead from a table to objects."""
SPLITTING: Final = ("tomli", "parse text", "parse table", "document", "resolve", "split", "table to split")
STAGES: Final = (*SPLITTING, "plan", "render", "table to objects", "compile_run", "YAML")

Action = Callable[[], object]
Row = dict[str, float]


# --- what is measured ---------------------------------------------------------------------------------------------


@cache
def text_of(subject: str) -> str:
    """The text of a fixture, or of a config with as many sources as the subject says."""
    return FILES[subject].read_text(encoding="utf-8") if subject in FILES else with_sources(int(subject))


def with_sources(count: int) -> str:
    """A config with many environment sources."""
    sources = "".join(
        f'[[orchestrator.train.source]]\nname = "env-{i}"\nratio = {1 + i % 3}\n'
        f'env.taskset.id = "task-{i}"\nsampling.temperature = 0.{1 + i % 9}\nserve.address = "tcp://envs.example:5000"\n'
        for i in range(count)
    )
    return f'max_steps = 10\nrun.name = "many"\n[trainer]\n[inference]\n[orchestrator]\n{sources}'


def stages_of(subject: str) -> tuple[str, ...]:
    """The stages that a text can go through."""
    return SPLITTING if subject == str(SIZES[-1]) else STAGES


@cache
def action(subject: str, stage: str) -> Action:
    """One stage of one text, ready to run, and run once; what is there by then is frozen, as a server freezes it."""
    ready = _splitting(text_of(subject)).get(stage) or _rendering(text_of(subject))[stage]
    ready()
    gc.collect()
    gc.freeze()
    return ready


def _splitting(text: str) -> dict[str, Action]:
    import tomli

    import rlsplit
    from rlsplit.config.resolve import resolve
    from rlsplit.config.rl_kind import RL
    from rlsplit.document import Source, read
    from rlsplit.splitting import split

    table = tomli.loads(text)
    config = rlsplit.parse(table)
    return {
        "tomli": lambda: tomli.loads(text),
        "parse text": lambda: rlsplit.parse(text),
        "parse table": lambda: rlsplit.parse(table),
        "document": lambda: read([Source(name="config", content=table)]),
        "resolve": lambda: resolve(table, RL),
        "split": lambda: split(config),
        "table to split": lambda: split(rlsplit.parse(table)),
    }


def _rendering(text: str) -> dict[str, Action]:
    import tomli

    import rlsplit
    from rlsplit import api
    from rlsplit.splitting import split

    table = tomli.loads(text)
    request = api.CreateDedicatedRunRequest.model_validate({"config": table})
    run, platform = rlsplit.Run(id="bench"), rlsplit.Platform()
    parts = split(rlsplit.parse(table))
    plan = rlsplit.plan(parts, run=run, platform=platform)
    objects = rlsplit.render(plan)
    return {
        "plan": lambda: rlsplit.plan(parts, run=run, platform=platform),
        "render": lambda: rlsplit.render(plan),
        "table to objects": lambda: rlsplit.render(
            rlsplit.plan(split(rlsplit.parse(table)), run=run, platform=platform)
        ),
        "compile_run": lambda: api.compile_run(
            request, run_id="bench", job_id="bench", token_value="token", platform=platform
        ),
        "YAML": lambda: rlsplit.to_yaml(objects),
    }


def seconds(loops: int, subject: str, stage: str) -> float:
    """Time of so many runs of one stage."""
    run = action(subject, stage)
    start = time.perf_counter()
    for _ in range(loops):
        run()
    return time.perf_counter() - start


def seconds_uncollected(loops: int, subject: str, stage: str) -> float:
    """The same with the garbage collector off, as timeit has it: the stage's own growth."""
    action(subject, stage)
    gc.disable()
    try:
        return seconds(loops, subject, stage)
    finally:
        gc.enable()


def seconds_in_threads(loops: int, threads: int) -> float:
    """Time of so many runs of ``compile_run`` of the smallest fixture in each of some threads, per thread."""
    action("smallest", "compile_run")
    with ThreadPoolExecutor(threads) as pool:
        start = time.perf_counter()
        list(pool.map(lambda _: seconds(loops, "smallest", "compile_run"), range(threads)))
        return (time.perf_counter() - start) / threads


def peak_mb(subject: str, stage: str) -> float:
    """Most memory that a stage takes at one time, on top of its input [MB]."""
    run = action(subject, stage)
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return peak


# --- measuring ----------------------------------------------------------------------------------------------------


def measured(runner: pyperf.Runner) -> dict[str, pyperf.Benchmark]:
    """Measure everything, by name; pyperf calls this in each of its processes too, and picks one benchmark there."""
    found: dict[str, pyperf.Benchmark] = {}
    for name, arguments in PROCESSES.items():
        found[name] = runner.bench_command(name, [sys.executable, *arguments])
    for subject in (*FILES, *map(str, SIZES)):
        for stage in stages_of(subject):
            name = f"{stage}, {subject}"
            found[name] = runner.bench_time_func(name, seconds, subject, stage)
    for size in FITTED:
        for stage in stages_of(str(size)):
            name = f"{stage}, {size}, uncollected"
            found[name] = runner.bench_time_func(name, seconds_uncollected, str(size), stage)
    for threads in THREADS:
        name = f"{threads} threads"
        found[name] = runner.bench_time_func(name, seconds_in_threads, threads)
    return found


def milliseconds(benchmark: pyperf.Benchmark) -> float:
    """Median time of one run."""
    return float(benchmark.median()) * 1e3


def resident_mb(benchmark: pyperf.Benchmark) -> float:
    """Largest resident size of a process."""
    return float(max(run.get_metadata().get("command_max_rss", 0) for run in benchmark.get_runs())) / 2**20


def exponent(by_size: Mapping[int, float]) -> float:
    """Slope of the log-log fit: 1 is linear."""
    points = [(math.log(size), math.log(value)) for size, value in by_size.items() if size in FITTED]
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def tables(found: Mapping[str, pyperf.Benchmark]) -> dict[str, dict[str, Row]]:
    """Everything that was measured, as ratios."""
    return {
        "cold, smallest fixture": _cold(found),
        **{f"hot, fixture of {subject}": _hot(found, subject) for subject in FILES},
        "time by number of sources [ms]": _growth(SIZES, lambda size, stage: milliseconds(found[f"{stage}, {size}"])),
        "the same without garbage collection [ms]": _growth(
            FITTED, lambda size, stage: milliseconds(found[f"{stage}, {size}, uncollected"])
        ),
        "memory by number of sources [MB]": _growth(SIZES, lambda size, stage: peak_mb(str(size), stage)),
        "compile_run, smallest fixture": {
            f"{threads} threads": {"runs/s": 1e3 / milliseconds(found[f"{threads} threads"])} for threads in THREADS
        },
    }


def _cold(found: Mapping[str, pyperf.Benchmark]) -> dict[str, Row]:
    bare = found["bare pydantic"]
    return {
        name: {
            "ms": milliseconds(found[name]),
            "x bare": milliseconds(found[name]) / milliseconds(bare),
            "MB": resident_mb(found[name]),
            "MB x bare": resident_mb(found[name]) / resident_mb(bare),
        }
        for name in PROCESSES
    }


def _hot(found: Mapping[str, pyperf.Benchmark], subject: str) -> dict[str, Row]:
    times = {stage: milliseconds(found[f"{stage}, {subject}"]) for stage in STAGES}
    whole = times["table to objects"]
    return {
        stage: {
            "ms": taken,
            "x tomli": taken / times["tomli"],
            "peak MB": peak_mb(subject, stage),
            **({"% of all": 100 * taken / whole} if stage in PARTS else {}),
        }
        for stage, taken in times.items()
    }


def _growth(sizes: Iterable[int], value: Callable[[int, str], float]) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for stage in STAGES:
        by_size = {size: value(size, stage) for size in sizes if stage in stages_of(str(size))}
        rows[stage] = {**{str(size): cost for size, cost in by_size.items()}, "exponent": exponent(by_size)}
    return rows


def shown(results: Mapping[str, Mapping[str, Row]]) -> Iterable[str]:
    """The tables as text."""
    for title, rows in results.items():
        yield f"\n{title}"
        for name, row in rows.items():
            yield f"  {name:<18}" + "".join(f"{key:>11} {value:>8.2f}" for key, value in row.items())


def main() -> None:
    """Measure everything, print it and write it."""
    runner = pyperf.Runner(processes=4)
    runner.parse_args()
    runner.args.quiet = True
    found = measured(runner)
    if runner.args.worker or not all(found.values()):
        return
    results: dict[str, Any] = tables(found)
    print(*shown(results), sep="\n")
    (Path(__file__).parent / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
