"""What the command line takes: one parser per command, help and examples."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, TypeVar

from rlsplit.cli import commands, comparing, completers, explaining, manual_commands, options, release_commands
from rlsplit.cli.completers import completed
from rlsplit.cli.streams import FINE
from rlsplit.report_formats import MACHINE_FORMATS, REPORT_FORMATS
from rlsplit.schema_file import FILES
from rlsplit.secrets import RUN_SECRETS
from rlsplit.version import __version__

_ATTACHED: Final = re.compile(r"--([A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*)\Z")

DESCRIPTION: Final = """\
Compile a full prime-rl rl.toml or sft.toml: check it, split it into the component configs, render Kubernetes manifests.
Offline and deterministic; every problem is reported at once, with file, line and column."""

_SOURCES_HELP: Final = """\
{} FILEs are merged left to right, later ones win; "-" is standard input. prime-rl's own spelling
works too: "@ a.toml @ b.toml", "--trainer @ t.toml" for a file below a key, "--trainer.optim.lr 1e-5" for --set."""

_NOTES_HELP: Final = "also say what the cluster needs to know about this run"

EXIT_HELP: Final = "Exit codes: 0 fine, 1 errors, with --strict also warnings, 2 could not run."

EXAMPLES: Final = {
    "render": "rlsplit render rl.toml --run-id my-run | kubectl apply --server-side -f -",
    "split": "rlsplit split rl.toml --form resolved --format json -o configs",
    "validate": "rlsplit validate configs/*.toml",
    "kind": "rlsplit kind configs/*.toml",
    "explain": "rlsplit explain rl.toml orchestrator.num_train_workers",
    "diff": "rlsplit diff --git main rl.toml",
    "migrate": "rlsplit migrate configs/*.toml --diff",
    "drift": "rlsplit drift dump.json --stub",
    "own": "rlsplit own run.yaml --uid "
    '"$(kubectl get -f run.yaml -o jsonpath=\'{.items[?(@.kind=="JobSet")].metadata.uid}\')"',
    "init": "rlsplit init --model Qwen/Qwen3-4B --env reverse-text --nodes 2",
    "doc": "rlsplit doc inference.vllm.tensor_parallel_size",
    "rules": "rlsplit rules X-19",
    "schema": "rlsplit schema > rl.schema.json",
    "completion": 'eval "$(rlsplit completion bash)"',
    "help": "rlsplit help render",
}


def with_attachments(argv: Sequence[str]) -> list[str]:
    """Turn prime-rl's ``@ FILE`` and ``--a.b @ FILE`` into what argparse knows, which wants files side by side."""
    words: list[str] = []
    last: list[str] = []
    rest = iter(argv)
    for word in rest:
        attached = _ATTACHED.match(words[-1]) if words and word == "@" else None
        if word == "@" and attached:
            words.pop()
            last += ["--attach", f"{attached.group(1)}={next(rest, '')}"]
        elif word != "@":
            words.append(word.removeprefix("@") if len(word) > 1 else word)
    return [*words, *last]


def parser() -> argparse.ArgumentParser:
    """Make the parser of the whole command line."""
    root = _Parser(
        prog="rlsplit",
        description=DESCRIPTION,
        epilog=EXIT_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action=_Version, nargs=0, help="show the version, and the releases that it compiles")
    made = root.add_subparsers(metavar="COMMAND", required=True)
    _add_init(made)
    rendering = _compiling(made, "render", "render Kubernetes manifests", commands.render, options.RenderOptions)
    _add_run(rendering)
    _add_render(rendering)
    _add_split(_compiling(made, "split", "print or write the component configs", commands.split, options.SplitOptions))
    checking = _compiling(
        made,
        "validate",
        "check files, each on its own or with --compose as one",
        commands.validate,
        options.ValidateOptions,
        files="each",
    )
    _add_validate(checking)
    told = "rl, sft, part (of a config), platform, orchestrator and so on, other, or broken (no TOML); then the name."
    asking = _command(made, "kind", "say what kind of file each is", commands.kind, options.KindOptions, told)
    asking.add_argument("files", nargs="+", metavar="FILE", help="any TOML file, or - for standard input")
    telling = _compiling(
        made, "explain", "say where each value comes from", explaining.explain, options.ExplainOptions, files="key"
    )
    _add_run(telling, platforms="two")
    _add_explain(telling)
    differing = _compiling(
        made, "diff", "say what a change of a config means", comparing.diff, options.DiffOptions, files="two"
    )
    _add_run(differing, platforms="two")
    _add_diff(differing)
    _add_migrate(made)
    _add_drift(made)
    _add_own(_command(made, "own", "let a run's workload own its other objects", commands.own, options.OwnOptions))
    _add_reference(made)
    _add_help(root, made)
    return root


def _add_reference(made: Any) -> None:
    """What to look up: keys and codes, schemas, and what a shell needs to complete them."""
    explained = _command(
        made, "doc", "say what a key, a setting or a code means", manual_commands.doc, options.DocOptions
    )
    topic = explained.add_argument("topic", nargs="?", metavar="KEY|SETTING|CODE", help="default: list what there is")
    completed(topic, completers.topics)
    listing = _command(made, "rules", "say what a code means, or list all", commands.rules, options.RulesOptions)
    code = listing.add_argument(
        "id", nargs="?", metavar="CODE", help="a code such as X-19 or plan.count, or its beginning"
    )
    completed(code, completers.codes)
    told = "only the rules that this release has"
    completed(listing.add_argument("--release", metavar="TAG", help=told), completers.releases)
    summary = "print the JSON Schema of an rl.toml, an sft.toml or a platform.toml"
    printing = _command(made, "schema", summary, commands.schema, options.SchemaOptions)
    printing.add_argument("of", nargs="?", choices=list(FILES), default="rl", help="default: rl")
    printing.add_argument("--release", metavar="TAG", help="release of prime-rl (default: the newest known)")
    completing = _command(
        made, "completion", "print a shell's completion of this command", commands.completion, options.CompletionOptions
    )
    completing.add_argument("shell", choices=["bash", "zsh", "fish"])


def _add_init(made: Any) -> None:
    summary = "write a small rl.toml or sft.toml to begin with, or a platform.toml with every setting"
    parser = _command(made, "init", summary, manual_commands.init, options.InitOptions, "A file that is there stays.")
    parser.add_argument("of", nargs="?", choices=["rl", "sft", "platform"], default="rl", help="default: rl")
    parser.add_argument("--sft", action="store_true", help="the same as sft")
    parser.add_argument("--model", help="a model on Hugging Face, or a folder that the pods see")
    parser.add_argument("--env", help="task plugin of the environment")
    parser.add_argument("--data", help="dataset of an sft.toml: on Hugging Face, or a folder that the pods see")
    parser.add_argument("--nodes", type=int, metavar="N", help="GPU machines, half of which train in RL (default: 1)")
    told = "default: rl.toml, sft.toml or platform.toml; - prints it"
    parser.add_argument("-o", "--output", metavar="FILE", help=told)


def _add_help(root: argparse.ArgumentParser, made: Any) -> None:
    parser: argparse.ArgumentParser = made.add_parser("help", help="show the help of a command", epilog=EXIT_HELP)
    parser.add_argument("of", nargs="?", choices=list(made.choices), metavar="COMMAND", help="default: of all")

    def run(parsed: argparse.Namespace) -> int:
        shown: argparse.ArgumentParser = made.choices[parsed.of] if parsed.of else root
        shown.print_help()
        return FINE

    parser.set_defaults(command=run, parser=parser)


class _Parser(argparse.ArgumentParser):
    """Prints its help like any output: argparse would pass over a disk that is full."""

    def print_help(self, file: Any = None) -> None:
        print(self.format_help(), end="", file=file)


class _Version(argparse.Action):
    """Prints the version and the releases, which are looked up only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from rlsplit.releases.release import KNOWN

        known = ", ".join(f"{release.tag} ({release.commit})" for release in reversed(KNOWN))
        print(f"rlsplit {__version__}, for prime-rl {known} and the dev tags between them")
        parser.exit()


T = TypeVar("T")


def _command(
    made: Any, name: str, summary: str, command: Callable[[T], int], kind: type[T], more: str = ""
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = made.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.\n{more}",
        epilog=f"example:\n  {EXAMPLES[name]}\n\n{EXIT_HELP}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def run(parsed: argparse.Namespace) -> int:
        return command(options.options_of(kind, parsed))

    parser.set_defaults(command=run, parser=parser)
    return parser


def _compiling(
    made: Any,
    name: str,
    summary: str,
    command: Callable[[T], int],
    kind: type[T],
    *,
    files: Literal["key", "two", "each", "many"] = "many",
) -> argparse.ArgumentParser:
    """A command that compiles sources."""
    several = "With --compose several" if files == "each" else "Several"
    parser = _command(made, name, summary, command, kind, "" if files == "two" else _SOURCES_HELP.format(several))
    if files == "key":
        told = "rl.toml or sft.toml, or - for standard input; behind the files a key, as written or with its component"
        completed(parser.add_argument("words", nargs="*", metavar="FILE", help=told), completers.explained_words)
    elif files == "two":
        parser.add_argument("old", metavar="OLD", help="the config as it was; with --git the one config")
        parser.add_argument("new", nargs="?", metavar="NEW", help="the config as it is")
    else:
        parser.add_argument("files", nargs="*", metavar="FILE", help="rl.toml or sft.toml, or - for standard input")
    override = parser.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE", help="override one key"
    )
    completed(override, completers.overrides)
    parser.add_argument("--attach", action="append", default=[], metavar="PREFIX=FILE", help="read FILE below a key")
    parser.add_argument("--sft", action="store_true", help="an sft.toml; default: told by its root keys")
    parser.add_argument("--mode", choices=["launcher", "hosted"], default="launcher", help="whose rules apply")
    parser.add_argument(
        "--on-unknown", choices=["error", "warn"], default="error", help="what an unknown key is (default: error)"
    )
    told = "release of prime-rl, by tag or commit: v0.8.0 (default: the platform's, or that of the image tag)"
    completed(parser.add_argument("--release", metavar="TAG", help=told), completers.releases)
    _add_report(parser)
    return parser


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--strict", action="store_true", help="exit with 1 on warnings, too")
    forms = f"findings as {' or '.join(REPORT_FORMATS)} (default: plain); all but plain also into a FILE"
    report = parser.add_argument("--report", type=_report_format, metavar="FORMAT[=FILE]", help=forms)
    completed(report, completers.reports)


def _report_format(text: str) -> str:
    form, equals, file = text.partition("=")
    if form not in (MACHINE_FORMATS if equals else REPORT_FORMATS) or (equals and not file):
        forms = f"{' or '.join(REPORT_FORMATS)}; all but plain may have =FILE behind them"
        raise argparse.ArgumentTypeError(f"{text!r} is not {forms}")
    return text


def _add_migrate(made: Any) -> None:
    summary = "rewrite configs for a later release of prime-rl, in place"
    parser = _command(made, "migrate", summary, release_commands.migrate, options.MigrateOptions)
    parser.add_argument("files", nargs="+", metavar="FILE", help="rl.toml, or - for standard input")
    parser.add_argument("--from", dest="from_release", metavar="RELEASE", help="default: found out by the keys")
    parser.add_argument("--to", dest="to_release", metavar="RELEASE", help="default: the newest that is known")
    parser.add_argument("--diff", action="store_true", help="show what would change and write nothing")
    parser.add_argument("-o", "--output", metavar="PATH", help="write there instead: a file, or a folder for several")
    parser.add_argument("--pin-defaults", action="store_true", help="write out the old values of defaults that changed")
    _add_report(parser)
    parser.epilog = f"{parser.epilog}\nA file that is refused (1) is left as it is; warnings say what to look at."


def _add_drift(made: Any) -> None:
    summary = "compare a dump of prime-rl's config classes with what rlsplit knows"
    more = "A dump is what `python -m rlsplit.schema_dump` writes where prime-rl is installed; that file runs alone."
    parser = _command(made, "drift", summary, release_commands.drift, options.DriftOptions, more)
    parser.add_argument("dump", metavar="DUMP", help="the dump (JSON), or - for standard input")
    parser.add_argument("--release", metavar="RELEASE", help="compare with this release (default: the newest)")
    parser.add_argument("--since", metavar="DUMP", help="an earlier dump: also compare validators with it")
    parser.add_argument("--stub", action="store_true", help="print rows for the table of changes instead")
    parser.add_argument("--tag", metavar="TAG", help="the tag that the rows of a stub are since")
    _add_report(parser)
    parser.epilog = f"{parser.epilog}\nHere 1 means that they differ."


def _add_validate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--compose", action="store_true", help="take all files as one config instead")
    clusters = parser.add_mutually_exclusive_group()
    told = "settings of the cluster (TOML): what it cannot run is an error, without it a warning; alone: check it"
    clusters.add_argument("--platform", metavar="FILE", help=told)
    clusters.add_argument("--without-cluster", action="store_true", help="check as prime-rl's launcher does, no more")
    parser.add_argument("--notes", action="store_true", help=_NOTES_HELP)
    told = "rewrite each FILE with what is certain: renamed, moved and misspelled keys, True for true"
    parser.add_argument("--fix", action="store_true", help=told)
    parser.add_argument("--diff", action="store_true", help="show what --fix would change and write nothing")


def _add_explain(parser: argparse.ArgumentParser) -> None:
    completed(parser.add_argument("--component", metavar="NAME", help="only this component"), completers.components)
    parser.add_argument("--changed-only", action="store_true", help="leave defaults out")
    parser.add_argument("--without-cluster", action="store_true", help="the split alone, as prime-rl's launcher has it")
    parser.epilog = f"{parser.epilog}\nWith two platforms only what differs is told, of a key also that it does not."


def _add_diff(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--git", metavar="REVISION", help="compare the file with that of a git revision")
    told = "read FILE before OLD and before NEW: what both are written over"
    parser.add_argument("--base", action="append", default=[], metavar="FILE", help=told)
    parser.add_argument("--format", choices=["text", "markdown", "html"], default="text", help="default: text")
    told = "compare the config's objects with these instead: an earlier render, or what kubectl get -o json gave"
    parser.add_argument("--objects", metavar="FILE", help=told)
    parser.epilog = (
        f"{parser.epilog}\nWith two platforms one config is enough: what differs is what another cluster means for it."
    )
    parser.epilog = f"{parser.epilog}\nHere 1 means that they differ, and a config that is refused counts as 2."


def _add_own(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="RUN", help="what rlsplit render wrote: a file, a folder, or - for standard input"
    )
    parser.add_argument("--uid", required=True, help="uid of the JobSet, or of the trainer's Job, on the server")
    told = "leave the volume claim alone: else it goes with the workload, also when ttl_seconds_after_finished is over"
    parser.add_argument("--keep-claim", action="store_true", help=told)
    parser.add_argument("--format", choices=["yaml", "json"], default="yaml", help="default: yaml")


def _add_split(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--form", choices=["sparse", "resolved"], default="sparse", help="default: sparse")
    parser.add_argument("--format", choices=["toml", "json"], default="toml", help="default: toml")
    completed(parser.add_argument("--component", metavar="NAME", help="only this component"), completers.parts)
    parser.add_argument("--artifact", action="store_true", help="print the artifact of a hosted run (JSON)")
    parser.add_argument("-o", "--output", metavar="DIR", help="write one file per component instead")


def _add_run(parser: argparse.ArgumentParser, *, platforms: Literal["one", "two"] = "one") -> None:
    told = "settings of the cluster (TOML)"
    if platforms == "two":
        told = f"{told}; an old and a new one, as OLD..NEW or named one after the other, are compared"
        parser.add_argument("--platform", dest="platforms", action="append", default=[], metavar="FILE", help=told)
        parser.set_defaults(platform=None)
    else:
        parser.add_argument("--platform", metavar="FILE", help=told)
    parser.add_argument("--run-id", metavar="ID", help="identity of the run; default: a hash of the config")
    parser.add_argument("--name", help="display name; default: run.name")
    parser.add_argument("--attempt", type=int, metavar="N", help="number of this start of the run (default: 1)")
    parser.add_argument("--image-tag", metavar="TAG", help="tag of prime-rl's image (default: main, or the release's)")
    parser.add_argument("--team-id", metavar="ID", help="owning team")
    parser.add_argument("--gpu-type", metavar="TYPE", help="GPU product of the nodes")
    parser.add_argument("--volume", metavar="CLAIM", help="existing volume claim")
    parser.add_argument("--source-ref", metavar="REF", help="prime-rl revision that the image checks out")
    parser.add_argument("--source-repo", metavar="URL", help="repository of --source-ref")
    variables = ", ".join(secret.variable for secret in RUN_SECRETS.values())
    parser.add_argument("--secrets-from-env", action="store_true", help=f"read {variables}")


def _add_render(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--redact", action="store_true", help="show no secret value")
    parser.add_argument("--notes", action="store_true", help=_NOTES_HELP)
    parser.add_argument(
        "--format",
        choices=["yaml", "json", "markdown", "html"],
        default="yaml",
        help="objects, or a preview",
    )
    completed(parser.add_argument("--only", metavar="KIND[/NAME]", help="only these objects"), completers.kinds)
    told = "only the objects of this component"
    completed(parser.add_argument("--component", metavar="NAME", help=told), completers.components)
    parser.add_argument("-o", "--output", metavar="DIR", help="write one file per object instead")
