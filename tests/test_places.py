"""Where findings stand: at the key that was written, never beside an unrelated line."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import ROOT
from rlsplit import Run, Source, Target, compile_sources
from rlsplit.document import read
from rlsplit.findings import Finding, Mark, located
from rlsplit.reports import as_plain

BASE = "[trainer]\n[orchestrator]\n"

PLACED = [
    ("a tag", '[trainer.optim]\nlr = 1\ntype = "adam"\n[orchestrator]', "B-07", "3:1"),
    ("a tag inline", 'trainer.optim = { type = "adam" }\n[orchestrator]', "B-07", "1:19"),
    ("no tag", f"{BASE}[inference]\nrouter = {{}}", "B-07", "4:1"),
    ("a protected variable", f'{BASE}[env_vars]\nA = "b"\nPRL_RUN_ID = "x"', "B-10", "5:1"),
    ("a default of a rule", '[trainer.model]\nimpl = "hf"\n[orchestrator]', "T-09", "2:1"),
    ("a written key of a rule", '[trainer.model]\nimpl = "hf"\nattn = "auto"\n[orchestrator]', "T-09", "3:1"),
    (
        "two defaults",
        '[trainer.model]\nname = "a"\n[orchestrator]\n[orchestrator.renderer]\nname = "default"',
        "X-09a",
        "2:1",
    ),
    (
        "a derived node count",
        f"{BASE}[deployment]\ntype = 'multi_node'\nnum_train_nodes = 1\nnum_infer_nodes = 2\n",
        "X-02",
        "6:1",
    ),
    ("a shared key", f"{BASE}[model]\nname = 1", "B-03", "4:1"),
    (
        "what a derivation warns of",
        '[trainer.model]\nep_comm_backend = "deepep"\nep = 2\n[orchestrator]',
        "T-20",
        "2:1",
    ),
    (
        "vlm",
        '[trainer.model]\nvlm = { vision_encoder_attr = "v", language_model_attr = "l" }\n[orchestrator]',
        "T-02",
        "2:1",
    ),
    ("an algorithm", f'{BASE}[orchestrator.algo]\ntype = "sft"', "O-03", "4:1"),
    ("a missing section", "\n# a line\n[trainer]\n", "B-02", "1:1"),
    ("an element", f'{BASE}[orchestrator.train]\nsource = [\n  {{ env.id = "e" }},\n  1,\n]', "B-03", "6:3"),
    (
        "a derived name of an environment",
        f'{BASE}[[orchestrator.train.source]]\nname = "agg"\nenv.id = "x"',
        "O-11",
        "4:1",
    ),
    ("a derived environment", f'{BASE}[[orchestrator.train.source]]\nenv.id = "agg"', "O-11", "4:5"),
]


@pytest.mark.parametrize(("text", "code", "place"), [row[1:] for row in PLACED], ids=[row[0] for row in PLACED])
def test_a_finding_stands_at_what_was_written(text: str, code: str, place: str) -> None:
    found = compile_sources([Source(name="rl.toml", content=text)]).findings
    assert {str(finding.where) for finding in found if finding.code == code} == {f"rl.toml:{place}"}


def test_what_stands_nowhere_shows_no_line() -> None:
    outcome = compile_sources([Source(name="rl.toml", content="# the first line\n[trainer]\n")])
    [finding] = outcome.findings
    assert finding.where == Mark("rl.toml", 1, 1)
    assert "the first line" not in as_plain(outcome.findings, outcome.document.lines)


def test_what_is_not_about_the_config_has_no_place_in_it() -> None:
    target = Target(run=Run(id="run-1", attempt=0))
    outcome = compile_sources([Source(name="rl.toml", content=BASE)], until="plan", target=target)
    assert {finding.code: finding.where for finding in outcome.findings if finding.about == "run"} == {
        "plan.attempt": None
    }


def test_findings_about_a_platform_take_its_places() -> None:
    content = 'namespace = "x"\n[trainer]\nshm_size = "a lot"\n'
    document = read([Source(name="platform.toml", content=content, prefix=("platform",))])
    finding = Finding(code="platform.format", about="platform", path=("platform", "trainer", "shm_size"), message="no")
    other = Finding(code="B-03", path=("trainer",), message="no")
    placed = located([finding, other], document.marks, about="platform")
    assert [str(one.where) for one in placed] == ["platform.toml:3:1", "None"]
    assert as_plain(placed[:1], document.lines).splitlines()[1:3] == ['    3 | shm_size = "a lot"', "        ^"]


@pytest.mark.parametrize("path", sorted((ROOT / "fixtures" / "bad").glob("*.toml")), ids=lambda path: path.stem)
def test_no_refused_fixture_is_placed_at_its_first_line_by_default(path: Path) -> None:
    outcome = compile_sources([Source(name=path.name, content=path.read_bytes())])
    for finding in outcome.findings:
        assert finding.where is not None
        written = [path for path in (finding.path, *finding.related) if path in outcome.document.marks]
        around = [part for part in (finding.path, *finding.related) if part[:1] in outcome.document.marks]
        assert finding.where.is_whole == (not written and not around) or finding.code.startswith("document.")
