"""What planning reads of a split, whatever the kind of run."""

from __future__ import annotations

from rlsplit.planning.lookup import rl_settings
from rlsplit.planning.settings import RunSettings
from rlsplit.releases.release import Release
from rlsplit.splitting import Split


def settings_of(split: Split, release: Release) -> RunSettings:
    """Read a split of a release once."""
    if split.config.kind == "rl":
        return rl_settings(split, split.config, release)
    from rlsplit.planning.sft_lookup import sft_settings

    return sft_settings(split, split.config, release)
