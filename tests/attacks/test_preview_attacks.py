"""Attacks on reviewers: markup in names and values, shown in pages and comments of code review."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

import rlsplit
from rlsplit import Run, Source, Target
from rlsplit.diff import as_html as diff_page
from rlsplit.diff import as_markdown as diff_comment
from rlsplit.diff import difference
from rlsplit.preview import Compiled, as_html, as_markdown, previewed

NAMES = {
    "a script": "<script>alert(1)</script>",
    "an attribute": '"><img src=x onerror=alert(1)>',
    "an address": "javascript:alert(1)",
    "a mention": "@everyone",
    "a link": "[click](https://evil.example)",
    "an image": "![x](https://evil.example/p.png)",
    "an issue": "fixes #1",
    "a fence": "```\n# heading\n```",
    "a table": "a | b | c",
    "backticks": "`` `x` ``",
    "a comment": "--> <h1>x</h1> <!--",
    "an entity": "&lt;script&gt;",
    "mermaid": 'x"] --> y["z',
    "a drawing": "</text></svg><script>alert(1)</script>",
    "details": "</details><h1>approved</h1>",
}


def compiled(name: str, steps: int = 5) -> Compiled:
    source = {"name": name, "env": {"taskset": {"id": "a", "args": {name: name}}}}
    table = {
        "run": {"name": name},
        "max_steps": steps,
        "trainer": {},
        "inference": {},
        "env_vars": {"X": name},
        "orchestrator": {"train": {"source": [source]}},
    }
    target = Target(run=Run(id="r"))
    outcome = rlsplit.compile_sources([Source(name="rl.toml", content=table)], until="objects", target=target)
    return previewed(outcome, target)


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.bad: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "img", "iframe", "object", "embed", "base", "form"):
            self.bad.append(tag)
        for key, value in attrs:
            outside = key in ("href", "src") and not (value or "").startswith("#")
            if key.startswith("on") or outside:
                self.bad.append(f"{key}={value}")


def scripts(text: str) -> list[str]:
    page = Page()
    page.feed(text)
    return page.bad


@pytest.mark.parametrize("what", NAMES)
def test_pages_hold_no_markup_of_a_user(what: str) -> None:
    own = scripts(as_html(compiled("plain")))
    assert scripts(as_html(compiled(NAMES[what]))) == own
    plain = scripts(diff_page(difference(compiled("plain"), compiled("plain", 6))))
    assert scripts(diff_page(difference(compiled(NAMES[what]), compiled(NAMES[what], 6)))) == plain


def outside_code(markdown: str) -> str:
    """A comment without its code spans and blocks: what GitHub reads as markup."""
    text = re.sub(r"^(`{3,}|~{3,}).*?^\1`*$", "", markdown, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("what", NAMES)
def test_comments_hold_names_in_code_only(what: str) -> None:
    name = NAMES[what]
    for text in (
        as_markdown(compiled(name)),
        diff_comment(difference(compiled(name), compiled(name, 6))),
        diff_comment(difference(compiled("plain"), compiled(name))),
    ):
        rest = outside_code(text)
        for sign in ("<script", "<img", "@everyone", "](https://evil", " #1", "<h1>"):
            assert sign not in rest, (sign, rest[max(0, rest.find(sign) - 100) : rest.find(sign) + 60])
