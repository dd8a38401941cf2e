"""The HTML preview is one page that loads nothing, escapes everything and tells where values come from."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from previews import HOSTILE_NAME, SECRET, fixture, hostile, previewed, with_secrets

from goldens import bad, good, sft
from rlsplit.findings import Finding
from rlsplit.preview import as_html
from rlsplit.preview.subject import explained, written_values
from rlsplit.secrets import Secrets

VOID = {"meta", "link", "br"}
MAX_BYTES = 1_000_000


class Page(HTMLParser):
    """Checks nesting and collects what matters."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def check(text: str) -> Page:
    """What holds for every page."""
    page = Page(text)
    assert len(text.encode()) < MAX_BYTES
    assert text.startswith('<!doctype html>\n<html lang="en">')
    assert "default-src 'none'" in text
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "iframe", "object", "embed", "img", "form", "base"}
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes), tag
        for name in ("src", "href", "srcset", "action"):
            assert re.match(r"#|data:,\Z", attributes.get(name) or "#"), (tag, attributes)
    assert not re.search(r"url\(|@import", text.partition("</style>")[0])
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {(attributes.get("href") or "")[1:] for tag, attributes in page.tags if tag == "a"}
    assert targets <= set(ids)
    return page


@pytest.mark.parametrize("path", [*good(), *sft()], ids=lambda path: path.parent.name)
def test_every_fixture_has_a_page(path: Path) -> None:
    run = previewed(path)
    assert run.planned is not None
    page = check(as_html(run))
    plan = run.planned.plan
    for pods in plan.pods:
        assert all(host in page.text for host in pods.hosts)
    assert {tag for tag, _ in page.tags} >= {"svg", "details", "summary", "table", "main", "nav"}
    squares = sum(attributes.get("class") == "gpu" for _, attributes in page.tags)
    assert squares == plan.shape.gpus


@pytest.mark.parametrize("path", bad(), ids=lambda path: path.stem)
def test_a_refused_config_has_a_page_with_its_findings(path: Path) -> None:
    run = previewed(path)
    page = check(as_html(run))
    assert ("Refused" in page.text) == run.is_refused
    for finding in run.findings[:10]:
        assert finding.code in page.text


def excerpts(text: str) -> list[tuple[str, str, str]]:
    """Number, text before the place and text from there on of every line that a page shows under a finding."""
    found = re.findall(r'<code class="excerpt"><span class="dim">(\d+)</span> (.*?)<mark>(.*?)</mark></code>', text)
    return [(number, html.unescape(before), html.unescape(rest)) for number, before, rest in found]


@pytest.mark.parametrize("path", bad(), ids=lambda path: path.stem)
def test_every_finding_with_a_place_shows_its_line(path: Path) -> None:
    run = previewed(path)
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    shown = excerpts(as_html(run))
    placed = [f.where for f in run.findings if f.where and not f.where.is_whole and lines[f.where.line - 1].strip()]
    assert [number for number, _, _ in shown] == [str(where.line) for where in placed]
    for (_, before, rest), where in zip(shown, placed, strict=True):
        line = lines[where.line - 1]
        assert before + rest == line or "***" in rest or "…" in before + rest
        assert len(before) == where.column - 1 or "…" in before


def test_a_line_of_a_refused_page_hides_its_secrets_and_is_text() -> None:
    text = fixture("reverse-text").read_text(encoding="utf-8")
    text += f'\n[trainer.model]\nname = {{ api_key = "{SECRET}", x = "<b>&" }}\n'
    page = as_html(previewed(text))
    assert SECRET not in page
    assert "<b>" not in page
    check(page)


def test_what_a_finding_does_not_have_takes_no_room() -> None:
    run = replace(previewed(fixture("reverse-text")), findings=(Finding(code="a.b", message="says so"),), planned=None)
    item = as_html(run).partition('<ul class="findings">')[2].partition("</ul>")[0]
    assert " ".join(item.split()) == '<li class="error"><strong>error</strong> <code>a.b</code> <br> says so </li>'
    assert "<nav" not in as_html(run)


def test_hostile_names_are_text() -> None:
    text = as_html(previewed(hostile()))
    page = check(text)
    assert "<script>alert(1)</script>" in page.text
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert HOSTILE_NAME not in text


def test_secrets_are_nowhere() -> None:
    secrets = Secrets(wandb_api_key="wandb-hunter2", hf_token="hf-hunter2", prime_api_key="prime-hunter2")
    run = previewed(with_secrets(), secrets=secrets)
    assert not run.is_refused, run.findings
    text = as_html(run)
    assert SECRET not in text
    assert "hunter2" not in text
    assert "TRAINER_TOKEN" in text
    assert "(in the Secret)" in text


@pytest.mark.parametrize("path", [*good(), *sft()], ids=lambda path: path.parent.name)
def test_every_value_of_every_config_has_an_origin(path: Path) -> None:
    run = previewed(path)
    assert run.planned is not None
    page, found = as_html(run), explained(run.planned)
    for pods in run.planned.plan.pods:
        values = list(written_values(found, pods))
        assert bool(values) == (pods.config is not None)
        assert all(value.kind != "overlaid" or value.reason for value in values)
        if pods.env_server is not None:
            assert {value.path for value in values if value.kind == "overlaid"} == {
                ("serve", "address"),
                ("output_dir",),
            }
    assert page.count('class="value"') == page.count('class="origin ')


def test_origins_in_words() -> None:
    text = Page(as_html(previewed(fixture("multi-node-dense")))).text
    assert "from the shared seq_len at rl.toml:" in text
    assert "16 = 4 nodes x 8 GPUs // cp 2" in text
    assert "set for the cluster by overlay run-directory: every component works in the run's directory" in text
