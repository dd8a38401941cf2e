"""Coverage-guided inputs for whatever reads what others send: ``python tests/fuzz.py TARGET [-max_total_time=600]``.

Needs ``pip install atheris`` (Linux, CPython 3.11 or so). Targets: body, parse, platform, diff. Arguments are libFuzzer's. A
finding is any exception but the documented one; libFuzzer writes the input that raised it to a file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["rlsplit"]):
    import rlsplit
    from rlsplit import Platform, Run, Source, Target, api
    from rlsplit.diff import as_text, difference
    from rlsplit.preview import previewed

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
PLATFORMS = (Platform(), Platform.from_mapping({"tenant": {"preset": "hosted"}, "workload": "jobset"}))


def body(data: bytes) -> None:
    request = api.read_body(data, api.CreateTrainingRunRequest)
    if isinstance(request, api.ErrorResponse):
        request.wire()
        return
    for platform in PLATFORMS:
        api.compile_run(request, run_id="r", job_id="j", token_value="t", platform=platform)


def parse(data: bytes) -> None:
    for mode in ("launcher", "hosted"):
        outcome = rlsplit.compile_sources([Source(name="f", content=data)], mode=mode, until="objects")  # type: ignore[arg-type]
        str(outcome.findings)


def platform(data: bytes) -> None:
    try:
        _ = Platform.from_toml(data).findings
    except rlsplit.ConfigError as error:
        str(error)


def diff(data: bytes) -> None:
    old, _, new = data.partition(b"\n#---\n")
    target = Target(run=Run(id="r"))
    outcomes = [
        rlsplit.compile_sources([Source(name="f", content=text)], until="objects", target=target) for text in (old, new)
    ]
    as_text(difference(*(previewed(outcome, target) for outcome in outcomes)))


TARGETS = {"body": body, "parse": parse, "platform": platform, "diff": diff}


def corpus(target: str, folder: Path) -> None:
    """Begin with the fixtures, each in the form that the target takes."""
    import tomli

    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(FIXTURES.rglob("*.toml")):
        content = path.read_bytes()
        if target == "body":
            try:
                table: Any = tomli.loads(content.decode())
            except ValueError:
                continue
            content = json.dumps({"config": table, "imageTag": "v1"}, default=str).encode()
        if target == "diff":
            content = content + b"\n#---\n" + content
        (folder / f"{path.parent.name}-{path.stem}").write_bytes(content)


def main() -> None:
    target, *options = sys.argv[1:]
    folder = Path("/tmp") / "rlsplit-fuzz" / target
    corpus(target, folder)
    atheris.Setup([sys.argv[0], str(folder), *options], TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
