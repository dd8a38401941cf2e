"""The command line, the only part of rlsplit that has effects: :mod:`.streams` has all of them."""

from rlsplit.cli.entry import main, run

__all__ = ["main", "run"]
