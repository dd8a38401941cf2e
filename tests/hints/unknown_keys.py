"""Find the unknown keys of a config, and the hints for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import tomli

from rlsplit.config.hints import Hint, Unknown, hints
from rlsplit.config.reading.tables import read
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.tree import sections


def unknown_keys(text: str) -> Iterator[Unknown]:
    """Every key of a config that its section does not know."""
    config = read(RLConfig, {"trainer": {}, "orchestrator": {}, **tomli.loads(text)}).section
    for path, section in sections(config):
        for key, value in (section.__pydantic_extra__ or {}).items() if not section.keeps_unknown else ():
            yield Unknown(path=(*path, key), section=type(section), value=value)


def told(text: str) -> list[Hint]:
    """The hints for all unknown keys of a config."""
    return list(hints(RLConfig, unknown_keys(text)))


def line(path: str, value: str) -> str:
    """Spell one key as a line of TOML; ``[]`` puts it into the first item of a list."""
    head, sign, rest = path.partition("[].")
    return f"{head} = [{{ {line(rest, value)} }}]" if sign else f"{head} = {value}"


PAIRS = Path(__file__).with_name("pairs.txt")
"""Lines of a config with one unknown key each, and under each its hint."""


def main() -> None:
    """Write the hints of the table anew; read the diff before you commit it."""
    configs = PAIRS.read_text(encoding="utf-8").splitlines()[::2]
    text = "".join(f"{config}\n  {told(config)[0].text}\n" for config in configs)
    PAIRS.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
