"""One cluster: :mod:`.settings` are the shapes, :mod:`.rules` judge them, :mod:`.reading` reads a file."""

from rlsplit.platform.reading import Platform
from rlsplit.platform.settings import PlatformSettings, PodSettings

__all__ = ["Platform", "PlatformSettings", "PodSettings"]
