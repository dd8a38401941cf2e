"""The template files: package data, or the top-level folder of a checkout that is used as it stands."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def template_files(*folder: str) -> dict[str, str]:
    """Read the templates of a folder below ``templates/``: file name to text."""
    packaged = files("rlsplit").joinpath("templates")
    root = packaged if packaged.is_dir() else Path(__file__).parents[2] / "templates"
    found = root.joinpath(*folder).iterdir()
    return {item.name: item.read_text("utf-8") for item in found if item.name.endswith(".j2")}
