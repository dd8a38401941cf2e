"""The pages below ``docs/``: up to date, whole, readable, and every link in them leads somewhere."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

import documentation
import rule_keys
from conftest import ROOT
from rlsplit.config.sections.rl import RLConfig
from rlsplit.manual.keys import ROOTS, tables
from rlsplit.manual.lookup import all_paths
from rlsplit.platform import PlatformSettings
from rlsplit.rulebook import FILES, entries

AGAIN = "run python tests/documentation.py"
PAGES = documentation.pages()
MARKDOWN = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *documentation.DOCS.rglob("*.md")]
)
NAMES = [str(path.relative_to(ROOT)) for path in MARKDOWN]
PARSER = MarkdownIt("commonmark").enable("table")


def test_the_committed_pages_are_what_the_code_says() -> None:
    stale = [name for name, page in PAGES.items() if (documentation.DOCS / name).read_text("utf-8") != page]
    assert stale == [], AGAIN


def test_no_generated_page_is_left_over() -> None:
    marked = [path for path in MARKDOWN if path.read_text("utf-8").startswith(documentation.NOTE)]
    assert {str(path.relative_to(documentation.DOCS)) for path in marked} == PAGES.keys()


def test_the_committed_table_of_rules_and_keys_is_what_the_rules_name() -> None:
    assert documentation.RULE_KEYS.read_text("utf-8") == rule_keys.spelled(rule_keys.touched()), AGAIN


def test_every_key_setting_code_and_command_has_its_place() -> None:
    text = "".join(page for name, page in PAGES.items() if name.startswith("keys/"))
    for table in (*tables("rl").values(), *tables("sft").values()):
        assert all(f"- **`{key.name}`**" in text for key in table.keys), table.name
    assert all(f"**`{name}`**" in PAGES["platform.md"] for name in PlatformSettings.model_fields)
    for entry in entries():
        assert f"\n## {entry.code}\n" in PAGES[f"codes/{documentation.family_of(entry.code)}.md"]
    for name in documentation.commands():
        assert f"\n## {name}\n" in PAGES["commands.md"]
    assert list(documentation.FAMILIES) == list(FILES)


def test_every_table_of_the_schemas_stands_on_one_page() -> None:
    shown = [at[0].table for name in documentation.KEY_PAGES for at in documentation.tables_on(name)]
    assert sorted(shown) == sorted(tables("rl"))
    assert documentation.standing("platform").keys() == tables("platform").keys()
    assert ROOTS["rl"] == RLConfig.__name__
    assert len(all_paths("rl")) > 500


def tokens(path: Path) -> Iterator[Token]:
    for token in PARSER.parse(path.read_text("utf-8")):
        yield token
        yield from token.children or ()


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    found: dict[str, int] = {}
    made = set()
    parsed = PARSER.parse(path.read_text("utf-8"))
    for opening, inline in itertools.pairwise(parsed):
        if opening.type == "heading_open":
            words = "".join(child.content for child in inline.children or () if child.type in ("text", "code_inline"))
            slug = documentation.slug(words)
            made.add(f"{slug}-{found[slug]}" if slug in found else slug)
            found[slug] = found.get(slug, 0) + 1
    return made


@pytest.mark.parametrize("path", MARKDOWN, ids=NAMES)
def test_links_lead_somewhere(path: Path) -> None:
    for token in tokens(path):
        target = str(token.attrGet("href") or "") if token.type == "link_open" else ""
        if target and not target.startswith("https://"):
            name, _, anchor = target.partition("#")
            page = (path.parent / name).resolve() if name else path
            assert page.exists(), target
            assert page == path or page.is_relative_to(ROOT), target
            assert not anchor or anchor in anchors(page), target


@pytest.mark.parametrize("path", MARKDOWN, ids=NAMES)
def test_markdown_is_what_it_looks_like(path: Path) -> None:
    """No raw HTML, no table that is none, no code that was not closed, one title."""
    kinds = [token.type for token in PARSER.parse(path.read_text("utf-8"))]
    titles = [token for token in tokens(path) if token.type == "heading_open" and token.tag == "h1"]
    assert len(titles) == 1
    for token in tokens(path):
        assert token.type != "html_inline", token.content
        assert token.type != "html_block" or token.content.strip() == documentation.NOTE.strip(), token.content
        if token.type == "text":
            assert "| ---" not in token.content
            assert "`" not in token.content, token.content
    assert kinds.count("table_open") == len(re.findall(r"^\| ?-{3}", path.read_text("utf-8"), re.MULTILINE))


def test_rows_of_tables_have_the_cells_of_their_head() -> None:
    for path in MARKDOWN:
        width = 0
        for line in path.read_text("utf-8").splitlines():
            cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
            assert not cells or cells == width or not width, f"{path.name}: {line}"
            width = cells


def test_text_outside_of_code_is_no_markup() -> None:
    shown = documentation.text("a *b* `c*d[0]` <e> [f](g) h_i")
    (paragraph,) = [token for token in PARSER.parse(shown) if token.type == "inline"]
    said = [(child.type, child.content) for child in paragraph.children or ()]
    assert ("code_inline", "c*d[0]") in said
    assert {kind for kind, _ in said} <= {"text", "code_inline"}
