"""Migration: the text of a config of one release of prime-rl in, that of a later one out."""

from rlsplit.migration.draft import Edit
from rlsplit.migration.migrating import Migration, migrate

__all__ = ["Edit", "Migration", "migrate"]
