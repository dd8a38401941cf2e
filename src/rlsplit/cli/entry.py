"""Entry: arguments in, exit code out. What the commands do is in :mod:`rlsplit.cli.commands`."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from rlsplit.cli import arguments
from rlsplit.cli.streams import COULD_NOT_RUN, FINE, CommandError


def run() -> NoReturn:
    """Entry point of the ``rlsplit`` script."""
    # A command lives for a fraction of a second: collecting garbage would take a tenth of it and free nothing.
    gc.disable()
    code = main(sys.argv[1:])
    # Nor look for some at the very end, which took a tenth more.
    gc.freeze()
    sys.exit(code)


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    parser = arguments.parser()
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser)
    try:
        options = parser.parse_args(arguments.with_attachments(argv))
    except SystemExit as stop:
        return COULD_NOT_RUN if stop.code else FINE
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        code = command(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader went away (`| head`). Python would complain again when it closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE
    except CommandError as error:
        print(f"rlsplit: {error}", file=sys.stderr)
        return COULD_NOT_RUN
