"""Migration: the text of a config of one release of prime-rl in, that of a later one out."""

from rlsplit.migration.draft import Edit
from rlsplit.migration.fixing import Fixed, fix
from rlsplit.migration.migrating import Migration, migrate

__all__ = ["Edit", "Fixed", "Migration", "fix", "migrate"]
