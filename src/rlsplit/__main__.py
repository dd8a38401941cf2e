"""``python -m rlsplit``."""

from rlsplit.cli import run

run()
