"""The yardstick of processes: pydantic and tomli imported, one small model built, nothing else."""

from __future__ import annotations

import tomli
from pydantic import BaseModel


class Small(BaseModel):
    """A model of two fields."""

    number: int = 1
    text: str | None = None


Small.model_validate({"number": 2})
tomli.loads("a = 1")
