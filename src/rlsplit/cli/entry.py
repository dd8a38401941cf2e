"""Entry: arguments in, exit code out. What the commands do is in :mod:`rlsplit.cli.commands`."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from rlsplit.cli import arguments, flags
from rlsplit.cli.streams import COULD_NOT_RUN, FINE, CommandError, completes, drop_output, open_streams, say


def run() -> NoReturn:
    """Run the command that the process was started with, and end the process."""
    # A command lives for a fraction of a second: collecting garbage would take a tenth of it and free nothing.
    gc.disable()
    open_streams()
    code = main(sys.argv[1:])
    # Nor look for some at the very end, which took a tenth more.
    gc.freeze()
    sys.exit(code)


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    try:
        code = _run(argv)
        sys.stdout.flush()
        return code
    except CommandError as error:
        say(str(error))
    except BrokenPipeError:
        drop_output()
        say("the reader of the output went away")
    except OSError as error:
        drop_output()
        say(f"cannot write the output: {error.strerror or error}")
    except KeyboardInterrupt:
        drop_output()
        say("interrupted")
    return COULD_NOT_RUN


def _run(argv: Sequence[str]) -> int:
    parser = arguments.parser()
    if completes():
        import argcomplete

        argcomplete.autocomplete(parser)
    if not argv:
        parser.print_help()
        return FINE
    try:
        parsed = flags.parsed(parser, arguments.with_attachments(flags.with_overrides(argv)))
    except SystemExit as stop:
        return COULD_NOT_RUN if stop.code else FINE
    except CommandError as error:
        say(str(error))
        return COULD_NOT_RUN
    command: Callable[[argparse.Namespace], int] = parsed.command
    return command(parsed)
