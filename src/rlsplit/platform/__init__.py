"""One cluster: :mod:`.settings` are the shapes, :mod:`.rules` judge them, :mod:`.reading` reads a file."""

from rlsplit.platform.reading import Platform
from rlsplit.platform.settings import PlatformSettings, PodSettings
from rlsplit.platform.tenant_settings import Policy

__all__ = ["Platform", "PlatformSettings", "PodSettings", "Policy"]
