"""The commands for a start: ``doc``, and ``init`` with the files that it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rlsplit.cli.streams import FINE, CommandError, create_file

if TYPE_CHECKING:
    from rlsplit.cli.options import DocOptions, InitOptions


_NEXT: Final = {"rl": "rlsplit validate {}", "sft": "rlsplit validate {}", "platform": "rlsplit validate --platform {}"}


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

    of = "sft" if options.sft and options.of == "rl" else options.of
    text = platform_text() if of == "platform" else _config_text(options, is_sft=of == "sft")
    if of == "platform" and any(vars(options)[name] is not None for name in _CHOICES):
        raise CommandError(f"{' and '.join(f'--{name}' for name in _CHOICES)} are for an rl.toml or an sft.toml")
    if options.output == "-":
        print(text, end="")
    else:
        name = options.output or f"{of}.toml"
        create_file(name, text)
        print(visible(f"wrote {name}; next: {_NEXT[of].format(shlex.quote(name))}"))
    return FINE


_CHOICES: Final = ("model", "env", "data", "nodes")
"""What can be chosen of a config."""


def _config_text(options: InitOptions, *, is_sft: bool) -> str:
    from rlsplit.compiler import compile_sources
    from rlsplit.document import Source
    from rlsplit.findings import dotted
    from rlsplit.starter import Choices, SftChoices, rl_text, sft_text

    if options.nodes is not None and options.nodes < 1:
        raise CommandError("--nodes must be at least 1")
    if (options.env if is_sft else options.data) is not None:
        raise CommandError("--env is for an rl.toml, --data for an sft.toml (--sft)")
    names = ("model", "data" if is_sft else "env", "nodes")
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    text = sft_text(SftChoices(**given)) if is_sft else rl_text(Choices(**given))
    findings = compile_sources([Source(name="rl.toml", content=text)], until="plan").noted()
    for finding in findings:
        if finding.severity == "error":
            told = f"no run can be made of this: {dotted(finding.path)} {finding.message}"
            raise CommandError(f"{told}; {finding.hint}" if finding.hint else told)
    return text
