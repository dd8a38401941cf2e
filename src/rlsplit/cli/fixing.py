"""``validate --fix``: files rewritten with what is certain, or what would be shown."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rlsplit.cli.release_commands import difference
from rlsplit.cli.streams import CommandError, progress, read_file, replace_file, shown_name

if TYPE_CHECKING:
    from rlsplit.cli.options import ValidateOptions
    from rlsplit.migration import Fixed
    from rlsplit.migration.fixing import Compile


def fix_files(options: ValidateOptions, compiled: Compile) -> None:
    """Fix each file in place and say what was changed, or show with ``--diff`` what would be.

    ``compiled`` compiles the sources of one file in the way that the options ask for.
    """
    if options.compose or options.attach or options.overrides:
        raise CommandError("--fix takes files that are each a config, without --compose, --attach and --set")
    if "-" in options.files:
        raise CommandError("--fix rewrites files, and standard input is none")
    done = [(name, *_fixed(name, compiled)) for name in progress(list(dict.fromkeys(options.files)), "fixed")]
    for name, old, fixed in done:
        if options.diff:
            print(difference(shown_name(name), old, fixed.text, "as it is", "fixed"), end="")
        elif fixed.fixes:
            replace_file(name, fixed.text)
            _tell(options, fixed)


def _fixed(name: str, compiled: Compile) -> tuple[bytes, Fixed]:
    from rlsplit.migration import fix

    old = read_file(name)
    return old, fix(old, compiled, source=shown_name(name))


def _tell(options: ValidateOptions, fixed: Fixed) -> None:
    from rlsplit.characters import visible

    if options.report in (None, "plain"):
        for fix in sorted(fixed.fixes, key=lambda fix: (fix.where.line, fix.where.column) if fix.where else (0, 0)):
            told = f"{fix.old} is now {fix.new}" if fix.new else f"{fix.old} is removed"
            print(visible(f"{fix.where}: fixed: {told}"), file=sys.stderr)
