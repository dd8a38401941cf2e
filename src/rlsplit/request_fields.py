"""What is chosen for one start of a run and not in its config: one table for the command line and the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestField:
    """One thing that people write into a config and that has its place elsewhere."""

    option: str | None = None
    """The option of the command line."""
    wire: str | None = None
    """The field of a request."""
    instead: str | None = None
    """What to write in a config."""

    def hint(self) -> str:
        """Say where it belongs."""
        option = f"{self.option} of the command line" if self.option else ""
        wire = f'"{self.wire}" of the request' if self.wire else ""
        elsewhere = " or ".join(place for place in (option, wire) if place)
        if self.instead is None:
            return f"it belongs not into the config but to {elsewhere}"
        return f"{self.instead}, or as {elsewhere}" if elsewhere else self.instead


_FILES: Final = RequestField(instead="write its variables into [env_vars], and keys and tokens into the Secret")
_PLATFORM: Final = "it belongs into platform.toml (--platform): it is the cluster's and not the run's"

REQUEST_FIELDS: Final[Mapping[str, RequestField]] = MappingProxyType(
    {
        "name": RequestField(instead="write it as run.name", option="--name", wire="name"),
        "image_tag": RequestField(option="--image-tag", wire="imageTag"),
        "run_id": RequestField(option="--run-id", wire="runId"),
        "team_id": RequestField(option="--team-id", wire="teamId"),
        "attempt": RequestField(option="--attempt"),
        "gpu_type": RequestField(option="--gpu-type", wire="gpuType"),
        "volume": RequestField(option="--volume", wire="volume"),
        "source_ref": RequestField(option="--source-ref", wire="sourceRef"),
        "source_repo": RequestField(option="--source-repo"),
        "platform": RequestField(option="--platform"),
        "mode": RequestField(option="--mode", wire="mode"),
        "on_unknown": RequestField(option="--on-unknown"),
        "resume_from": RequestField(instead="write it as [resume]", wire="resumeFrom"),
        "wandb_api_key": RequestField(option="--secrets-from-env", wire="wandbApiKey"),
        "hf_token": RequestField(option="--secrets-from-env", wire="hfToken"),
        "prime_api_key": RequestField(option="--secrets-from-env"),
        "env_file": _FILES,
        "env_files": _FILES,
        "type": RequestField(instead="this is full fine-tuning already; adapters are chosen by [trainer.model.lora]"),
        "k8s": RequestField(instead=_PLATFORM),
    }
)
"""Name, in snake case, to where it belongs."""

OPTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {field.wire: field.option for field in REQUEST_FIELDS.values() if field.wire and field.option}
)
"""Field of a request to the option of the command line that gives the same."""
