"""The HTML preview is one page that loads nothing, escapes everything and tells where values come from."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from previews import HOSTILE_NAME, SECRET, fixture, hostile, previewed, with_secrets

from goldens import bad, good, sft
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
