"""How previews and diffs grow: ``python benchmarks/growth.py`` prints what twice as much takes, as a ratio.

2 is in line with the size, 4 is with its square. Each figure is the best of several rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from rlsplit import Run, diff, preview
from rlsplit.compiler import Target, compile_sources
from rlsplit.document import Source

BASE: Final = 'run.name = "growth"\n[trainer]\n[inference]\n[orchestrator]\n'
"""With a name: an automatic one joins those of all sources, and stands in every object."""
ROUNDS: Final = 3


def with_sources(count: int) -> str:
    """A config with many environments."""
    sources = (f'[[orchestrator.train.source]]\nname = "s{i}"\nenv.taskset.id = "a"\n' for i in range(count))
    return BASE + "".join(sources)


def with_arguments(count: int, value: int) -> str:
    """A config whose one environment has many arguments."""
    head = '[[orchestrator.train.source]]\nenv.taskset.id = "a"\n[orchestrator.train.source.env.taskset.args]\n'
    return BASE + head + "".join(f"k{i} = {value}\n" for i in range(count))


def with_tables(count: int, value: int) -> str:
    """A config whose one environment has many tables in its arguments: values that change stand between others."""
    head = '[[orchestrator.train.source]]\nenv.taskset.id = "a"\n[orchestrator.train.source.env.taskset.args]\n'
    return BASE + head + "".join(f"k{i} = {{a = {value}, b = 0}}\n" for i in range(count))


def compiled(text: str) -> preview.Compiled:
    """A config, compiled for people."""
    target = Target(run=Run(id="growth"))
    return preview.previewed(compile_sources([Source(name="t", content=text)], until="plan", target=target), target)


def compared(config: Callable[[int, int], str], count: int) -> str:
    """The difference of two configs in as many values."""
    return diff.as_text(diff.difference(compiled(config(count, 1)), compiled(config(count, 2))))


WORK: Final[dict[str, tuple[int, Callable[[int], object]]]] = {
    "Markdown preview, sources": (250, lambda count: preview.as_markdown(compiled(with_sources(count)))),
    "HTML preview, sources": (250, lambda count: preview.as_html(compiled(with_sources(count)))),
    "diff, changed values": (5000, lambda count: compared(with_arguments, count)),
    "diff, changed values between others": (5000, lambda count: compared(with_tables, count)),
}
"""What is measured to its smaller size, and how it is done; more values than what is remembered of keys and names."""


def seconds(work: Callable[[int], object], count: int) -> float:
    """The best of several rounds."""
    times: list[float] = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work(count)
        times.append(time.process_time() - started)
    return min(times)


def main() -> None:
    """Print a line for each kind of work."""
    for name, (count, work) in WORK.items():
        print(f"{name}: {count} to {2 * count}: {seconds(work, 2 * count) / seconds(work, count):.1f}")


if __name__ == "__main__":
    main()
