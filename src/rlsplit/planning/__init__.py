"""Plan: a split, a run and a platform to pods, ports, host names and configs, as frozen values."""

from rlsplit.planning.assembly import plan
from rlsplit.planning.binding import bound
from rlsplit.planning.json_text import config_text
from rlsplit.planning.model import (
    REMOVED,
    Config,
    EnvServerInfo,
    EnvVar,
    Names,
    Overlay,
    Peer,
    Pods,
    Port,
    Resume,
    RunPlan,
    SecretEnv,
)
from rlsplit.planning.shape import Shape

__all__ = [
    "REMOVED",
    "Config",
    "EnvServerInfo",
    "EnvVar",
    "Names",
    "Overlay",
    "Peer",
    "Pods",
    "Port",
    "Resume",
    "RunPlan",
    "SecretEnv",
    "Shape",
    "bound",
    "config_text",
    "plan",
]
