"""What the roots of all kinds of runs have."""

from pydantic import PrivateAttr

from rlsplit.config.rules import Provenance
from rlsplit.config.sections.base import EnvVarsSection


class RootConfig(EnvVarsSection):
    """The complete configuration of one run, of any kind."""

    _name_suffix: str = PrivateAttr("00000000")
    _project_dir: str = PrivateAttr("/")
    _provenance: Provenance | None = PrivateAttr(None)

    @property
    def name_suffix(self) -> str:
        """Eight hex digits that end an automatic run name."""
        return self._name_suffix

    @name_suffix.setter
    def name_suffix(self, suffix: str) -> None:
        self._name_suffix = suffix

    @property
    def project_dir(self) -> str:
        """The folder that relative project folders are below."""
        return self._project_dir

    @project_dir.setter
    def project_dir(self, directory: str) -> None:
        self._project_dir = directory

    @property
    def provenance(self) -> Provenance:
        """Where the values come from; only a configuration that was compiled has it."""
        if self._provenance is None:
            raise TypeError(f"this {type(self).__name__} was not compiled; use rlsplit.parse")
        return self._provenance

    @provenance.setter
    def provenance(self, provenance: Provenance) -> None:
        self._provenance = provenance
