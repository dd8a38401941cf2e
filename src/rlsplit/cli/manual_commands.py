"""The commands for a start: ``doc``, and ``init`` with the files that it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rlsplit.cli.streams import FINE, CommandError, create_file

if TYPE_CHECKING:
    from rlsplit.cli.options import DocOptions, InitOptions


_NEXT: Final = {"rl": "rlsplit validate {}", "platform": "rlsplit validate --platform {}"}


def doc(options: DocOptions) -> int:
    """Show what a key, a setting or a code means."""
    from rlsplit.manual import UnknownTopicError, topic_text

    try:
        print(topic_text(options.topic), end="")
    except UnknownTopicError as error:
        raise CommandError(str(error)) from error
    return FINE


def init(options: InitOptions) -> int:
    """Write a file to begin with; one that is there already stays."""
    import shlex

    from rlsplit.characters import visible
    from rlsplit.starter import platform_text

    text = _config_text(options) if options.of == "rl" else platform_text()
    if options.output == "-":
        print(text, end="")
    else:
        name = options.output or f"{'sft' if options.sft and options.of == 'rl' else options.of}.toml"
        create_file(name, text)
        print(visible(f"wrote {name}; next: {_NEXT[options.of].format(shlex.quote(name))}"))
    return FINE


def _config_text(options: InitOptions) -> str:
    from rlsplit.compiler import compile_sources
    from rlsplit.document import Source
    from rlsplit.findings import dotted
    from rlsplit.starter import Choices, SftChoices, rl_text, sft_text

    if options.nodes is not None and options.nodes < 1:
        raise CommandError("--nodes must be at least 1")
    if (options.env if options.sft else options.data) is not None:
        raise CommandError("--env is for an rl.toml, --data for an sft.toml (--sft)")
    names = ("model", "data" if options.sft else "env", "nodes")
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    text = sft_text(SftChoices(**given)) if options.sft else rl_text(Choices(**given))
    findings = compile_sources([Source(name="rl.toml", content=text)], until="plan").noted()
    for finding in findings:
        if finding.severity == "error":
            raise CommandError(f"no run can be made of this: {dotted(finding.path)} {finding.message}")
    return text
