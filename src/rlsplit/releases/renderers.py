"""Renderers that rlsplit knows and an image does not: the table of today is newer than the newest known image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from rlsplit.config.sections import renderers
from rlsplit.config.sections.base import Section
from rlsplit.config.sections.general_renderers import CustomRendererConfig
from rlsplit.config.tables.renderer_map import MODEL_RENDERER_MAP
from rlsplit.config.tree import sections
from rlsplit.findings import Finding, KeyPath, shown
from rlsplit.releases.release import NEWEST

if TYPE_CHECKING:
    from rlsplit.config.sections.roots import AnyConfig

TABLE_VERSION: Final = "0.1.12"
"""The version of the renderers package whose table rlsplit has."""

IMAGE_VERSION: Final = "0.1.10.dev4"
"""The version that the image of the newest known release has, most likely."""

BEYOND: Final[tuple[type[Section], ...]] = (
    renderers.Qwen38RendererConfig,
    renderers.Gemma4RendererConfig,
    renderers.GLM53RendererConfig,
    renderers.InklingRendererConfig,
    renderers.LagunaS21RendererConfig,
    renderers.DeepSeekV4RendererConfig,
    CustomRendererConfig,
)
"""Variants that came after that image."""

MODELS_BEYOND: Final = frozenset(
    model
    for model, name in MODEL_RENDERER_MAP.items()
    if name in {variant.model_fields["name"].default for variant in BEYOND}
    or model == "nvidia/NVIDIA-Nemotron-3.5-Super-EA-09112026"
)
"""Models that the automatic choice knows, and did not know in that image."""


def renderers_beyond(config: AnyConfig) -> Iterator[Finding]:
    """Warn about renderers that the image of the newest known release, or an older one, almost surely lacks."""
    base: KeyPath = ("orchestrator",) if config.kind == "rl" else ()
    holder = config.orchestrator if config.kind == "rl" else config
    tokenizer = holder.tokenizer.name or holder.model.name
    for path, section in sections(holder, base):
        name: Any = getattr(section, "name", None)
        if isinstance(section, BEYOND):
            yield _beyond((*path, "name"), f"the renderer {shown(name)}")
        elif path == (*base, "renderer") and name == "auto" and tokenizer in MODELS_BEYOND:
            yield _beyond((*path, "name"), f'the model {shown(tokenizer)}, for which "auto" looks')


def _beyond(path: KeyPath, what: str) -> Finding:
    message = (
        f"{NEWEST.commit} almost surely lacks {what}: its image has renderers {IMAGE_VERSION}, "
        f"and rlsplit's table is of {TABLE_VERSION}"
    )
    hint = 'use a newer image, or name = "default"'
    return Finding(code="release.renderer", severity="warning", path=path, message=message, hint=hint)
