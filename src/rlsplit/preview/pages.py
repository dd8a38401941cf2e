"""HTML pages: the templates under ``templates/preview``, filled in with everything escaped."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from jinja2 import DictLoader, Environment, StrictUndefined

from rlsplit.findings import dotted, visible


def page_text(template: str, page: Any) -> str:
    """Fill in a template; it sees ``page`` and nothing else."""
    return _ENVIRONMENT.get_template(template).render(page=page)


def _templates() -> dict[str, str]:
    """Read the templates: package data, or the top-level folder of a checkout that is used as it stands."""
    packaged = files("rlsplit") / "templates" / "preview"
    folder = packaged if packaged.is_dir() else Path(__file__).parents[3] / "templates" / "preview"
    return {item.name: item.read_text("utf-8") for item in folder.iterdir() if item.name.endswith(".j2")}


_ENVIRONMENT: Final = Environment(
    loader=DictLoader(_templates()),
    undefined=StrictUndefined,
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    auto_reload=False,
)
_ENVIRONMENT.filters.update(dotted=dotted, visible=visible)
