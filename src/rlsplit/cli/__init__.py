"""The command line, the only part of rlsplit that has effects: :mod:`.streams` has all of them."""

import sys
from collections.abc import Sequence
from typing import NoReturn

__all__ = ["main", "run"]


def run() -> NoReturn:
    """Entry point of the ``rlsplit`` script; an interrupt ends it with one line while it is still being loaded, too."""
    try:
        from rlsplit.cli import entry

        entry.run()
    except KeyboardInterrupt:
        print("rlsplit: interrupted", file=sys.stderr)
        sys.exit(2)


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    from rlsplit.cli import entry

    return entry.main(argv)
