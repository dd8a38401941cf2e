"""What stands on the command line besides options: keys as flags in prime-rl's spelling, and flags that are none."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Final

from rlsplit.cli.streams import CommandError

_STEP: Final = r"[A-Za-z0-9_-]+(?:\[[0-9]+\])?"
_DOTTED: Final = re.compile(rf"--(?P<key>{_STEP}(?:\.{_STEP})+)(?P<value>=.*)?\Z", re.DOTALL)
_FLAG: Final = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
_OVERRIDE: Final = "--set"
_SEVERAL: Final = ("files", "words")
_ONE: Final = ("new", "topic", "id")
"""Arguments that may stand behind options: of which there may be several, and of which one."""
OVERRIDING: Final = frozenset({"render", "split", "validate", "explain", "diff"})
"""Commands that take overrides."""


def with_overrides(words: Sequence[str]) -> list[str]:
    """Turn ``--trainer.optim.lr 1e-5`` into an override; what has no value, or a file as value, stays as it is."""
    found: list[str] = []
    rest = list(words)
    if next((word for word in words if not word.startswith("-")), None) not in OVERRIDING:
        return rest
    while rest:
        word = rest.pop(0)
        dotted = _DOTTED.match(word)
        if dotted and dotted["value"] is not None:
            found += [_OVERRIDE, f"{dotted['key']}{dotted['value']}"]
        elif dotted and rest and not rest[0].startswith(("--", "@")):
            found += [_OVERRIDE, f"{dotted['key']}={rest.pop(0)}"]
        else:
            found.append(word)
    return found


def parsed(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    """Parse a command line; a flag that is none gives an error that says what to write instead."""
    options, unknown = parser.parse_known_args(words)
    flags = [word for word in unknown if word.startswith("--") and len(word) > 2]
    if flags:
        raise CommandError(_told(flags[0], options))
    left = _placed(options, unknown)
    if left:
        # A short option may have its value behind it.
        short = [word[:2] for word in left if word.startswith("-")]
        parser.error(f"unrecognized arguments: {' '.join(short or left)}")
    return options


def _placed(options: argparse.Namespace, words: Sequence[str]) -> list[str]:
    """Take files and the like behind an option, which argparse does not, and give what has no place."""
    left = list(words)
    if any(len(word) > 1 and word.startswith("-") for word in left):
        return left
    for name in _SEVERAL:
        if isinstance(files := getattr(options, name, None), list):
            setattr(options, name, [*files, *left])
            return []
    for name in _ONE:
        if left and name in options and getattr(options, name) is None:
            setattr(options, name, left.pop(0))
    return left


def _told(flag: str, options: argparse.Namespace) -> str:
    import difflib

    name = flag.removeprefix("--").partition("=")[0]  # a value may be a secret, whatever the flag is called
    parser: argparse.ArgumentParser | None = getattr(options, "parser", None)
    known = _FLAG.findall(parser.format_usage()) if parser else []
    near = difflib.get_close_matches(f"--{name}", known, 1, cutoff=0.75)
    told = f"no option --{name} here" + (f"; did you mean {near[0]}?" if near else "")
    if _OVERRIDE not in known:
        return told
    key = _key_of(name)
    return f"{told}{'' if near else ';'} {_OVERRIDE} {key or 'KEY'}=VALUE sets a key of the config"


def _key_of(name: str) -> str | None:
    """The key that a flag names, with its whole path: of several that are called so, the first."""
    from rlsplit.manual.lookup import all_paths

    key = name.replace("-", "_")
    return next((path for path in all_paths("rl") if path == key or path.endswith(f".{key}")), None)
