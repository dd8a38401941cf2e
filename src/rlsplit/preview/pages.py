"""HTML pages: the templates under ``templates/preview``, filled in with everything escaped."""

from __future__ import annotations

from typing import Any, Final

from jinja2 import DictLoader, Environment, StrictUndefined

from rlsplit.template_files import template_files


def page_text(template: str, page: Any) -> str:
    """Fill in a template; it sees ``page`` and nothing else."""
    return _ENVIRONMENT.get_template(template).render(page=page)


_ENVIRONMENT: Final = Environment(
    loader=DictLoader(template_files("preview")),
    undefined=StrictUndefined,
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    auto_reload=False,
)
