"""Environment variables that change how a container starts before its startup script can say anything."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_STARTS: Final = "bash runs what it names before the startup script"
_CHANGES: Final = "it changes how bash reads the startup script"
_GPUS: Final = "it decides which GPUs of the node the container sees"
_CODE: Final = "it decides which code the image checks out before it starts"

SHELL_VARIABLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("BASH_ENV", "ENV", "PROMPT_COMMAND", "PS0", "PS1", "PS2", "PS3", "PS4"), _STARTS),
        **dict.fromkeys(("BASHOPTS", "SHELLOPTS", "BASH_COMPAT", "POSIXLY_CORRECT", "IFS", "CDPATH"), _CHANGES),
        **dict.fromkeys(("GLOBIGNORE", "EXECIGNORE", "FUNCNEST", "TMOUT", "BASH_XTRACEFD"), _CHANGES),
        **dict.fromkeys(("BASH_LOADABLES_PATH", "BASH_ARGV0", "CHILD_MAX", "OPTIND", "OPTERR"), _CHANGES),
    }
)
"""What bash itself reads when it starts or runs a script ("Bash Variables" of its manual), and what that would do."""

SHELL_PREFIX: Final = "BASH_FUNC_"
"""Functions that bash takes over from its environment begin so."""

IMAGE_VARIABLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES"), _GPUS),
        **dict.fromkeys(("PRIME_RL_REF", "PRIME_RL_REPO"), _CODE),
    }
)
"""What NVIDIA's runtime and the image's entrypoint read; only the platform and the run's own settings set these."""


def shell_reads(name: str) -> str | None:
    """Say what a variable would do to the shell; None if nothing."""
    return SHELL_VARIABLES.get(name) or (_CHANGES if name.startswith(SHELL_PREFIX) else None)


def never_set(name: str) -> str | None:
    """Say why no ``env_vars`` may hold a variable; None if they may."""
    return shell_reads(name) or IMAGE_VARIABLES.get(name)
