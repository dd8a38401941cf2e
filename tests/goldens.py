"""The golden files under ``fixtures/``. ``python tests/goldens.py`` writes them anew; read the diff before you commit it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tomli

import rlsplit
import worked_runs
from rlsplit.component_files import as_text, component_configs, component_files
from rlsplit.config.rules import Mode
from rlsplit.releases.release import NEWEST
from rlsplit.reports import as_plain

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
RUN = {
    "image_tag": "v0.8.0",
    "team_id": "team-1",
}
SECRETS = rlsplit.Secrets(
    wandb_api_key="example-wandb-api-key", hf_token="example-hf-token", prime_api_key="example-prime-api-key"
)


ABLE = rlsplit.Platform(rdma_resource={"rdma/ib": 1}, features=["disaggregated"])
"""A cluster that runs every fixture."""


def good() -> list[Path]:
    """Every RL fixture that compiles."""
    return sorted(FIXTURES.glob("*/rl.toml"))


def sft() -> list[Path]:
    """Every SFT fixture that compiles."""
    return sorted(FIXTURES.glob("*/sft.toml"))


def older() -> list[Path]:
    """Every fixture of an older release, which is the name of the folder around its own."""
    return sorted((FIXTURES / "releases").glob("*/*/rl.toml"))


def release_of(fixture: Path) -> str | None:
    """The release that a fixture is compiled for; None: the newest."""
    tag = fixture.parent.parent.name
    return tag if tag.startswith("v") else None


def bad() -> list[Path]:
    """Every RL fixture with mistakes."""
    return sorted((FIXTURES / "bad").glob("*.toml"))


def bad_sft() -> list[Path]:
    """Every SFT fixture with mistakes."""
    return sorted((FIXTURES / "bad-sft").glob("*.toml"))


def goldens(fixture: Path) -> Iterator[tuple[Path, str]]:
    """Everything that one good fixture compiles to."""
    folder = fixture.parent / "expected"
    release = release_of(fixture)
    config = rlsplit.parse(fixture.read_bytes(), source=fixture.name, run_id=run_id(fixture), release=release)
    newest = NEWEST.tag if fixture.name == "sft.toml" else RUN["image_tag"]
    chosen = {**RUN, "image_tag": release or newest}
    split = rlsplit.split(config)
    for name, text in component_files(split, form="sparse", syntax="toml").items():
        yield folder / "sparse" / name, text
    yield folder / "resolved.json", as_text(component_configs(split, form="resolved"), "json")
    for workload in ("job", "jobset"):
        platform = platform_of(fixture, workload=workload, namespace="rl-runs")
        plan = rlsplit.plan(split, run=rlsplit.Run(id=run_id(fixture), **chosen), platform=platform, secrets=SECRETS)
        yield folder / f"{workload}.yaml", rlsplit.to_yaml(rlsplit.render(plan, secrets=SECRETS))


def platform_of(fixture: Path, **settings: Any) -> rlsplit.Platform:
    """The cluster that a fixture is meant for, where it has a ``platform.toml``, with further settings."""
    file = fixture.with_name("platform.toml")
    table = tomli.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return rlsplit.Platform.from_mapping({**table, **settings})


def run_id(fixture: Path) -> str:
    """A run id of its own for every fixture."""
    return f"run-{fixture.parent.name}"


def findings_of(fixture: Path) -> str:
    """The report that one bad fixture gives."""
    source = rlsplit.Source(name=fixture.name, content=fixture.read_bytes())
    mode: Mode = "hosted" if fixture.name.startswith("hosted-") else "launcher"
    outcome = rlsplit.compile_sources([source], mode=mode)
    return as_plain(outcome.findings, outcome.document.lines)


def report_path(fixture: Path) -> Path:
    """Where the report of a bad fixture stands."""
    return fixture.with_suffix(".expected.txt")


def main() -> None:
    """Write all golden files, and remove those that nothing gives any more."""
    written: set[Path] = set()
    for fixture in (*good(), *sft(), *older()):
        for path, text in goldens(fixture):
            written.add(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    for fixture in (*bad(), *bad_sft()):
        written.add(report_path(fixture))
        report_path(fixture).write_text(findings_of(fixture), encoding="utf-8", newline="\n")
    for path, text in worked_runs.manifests():
        written.add(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    kept = ("*/expected/**/*", "releases/*/*/expected/**/*", "bad*/*.expected.txt", "worked/*.yaml")
    for path in (path for pattern in kept for path in FIXTURES.glob(pattern)):
        if path.is_file() and path not in written:
            path.unlink()


if __name__ == "__main__":
    main()
