"""Folders of written files: what an earlier run of the same command wrote there and is no longer part goes.

A list in the folder knows the files and what they held. Other files stay, and so does one that was changed since: then
nothing is written, since it could be neither kept nor removed in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Literal

from rlsplit.cli.streams import CommandError, reason, write

Writer = Literal["render", "split"]


def write_folder(folder: str, files: Mapping[str, str], writer: Writer, *, is_whole: bool = True) -> None:
    """Write files into a folder and remove what is no longer part of them; ``is_whole``: these are all of them."""
    listing = f".rlsplit-{writer}"
    known = _listed(Path(folder) / listing)
    stale = [name for name in known if name not in files] if is_whole else []
    changed = [name for name in stale if _digest_of(Path(folder) / name) not in (None, *known[name])]
    if changed:
        raise CommandError(
            f"{Path(folder) / changed[0]} is no longer part, and was changed since it was written; "
            "move it away, or remove it"
        )
    written = {name: {_digest(text.encode())} for name, text in files.items()}
    # Whoever is stopped on the way leaves a list that knows each file, as it was or as it is now.
    ever = {name: known.get(name, set()) | written.get(name, set()) for name in {**known, **written}}
    write(folder, {listing: _lines(ever)})
    write(folder, files)
    for name in stale:
        _remove(Path(folder), name)
    left = {name: digests for name, digests in known.items() if name not in stale}
    write(folder, {listing: _lines({**left, **written})})


def _lines(listed: Mapping[str, Iterable[str]]) -> str:
    return "".join(f"{digest}  {name}\n" for name in sorted(listed) for digest in sorted(listed[name]))


def _listed(path: Path) -> dict[str, set[str]]:
    """Read a list of files with the digests that they may have.

    A line that no list of ours has, or that leads out, is passed over.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CommandError(f"cannot read {path}: {reason(error)}") from error
    pairs = [line.partition("  ") for line in text.split("\n")]
    listed: dict[str, set[str]] = {}
    for digest, sign, name in pairs:
        if sign and len(digest) == 64 and _is_inside(name):
            listed.setdefault(name, set()).add(digest)
    return listed


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.name) and not path.is_absolute() and ".." not in path.parts and "\0" not in name


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def _digest_of(path: Path) -> str | None:
    try:
        return _digest(path.read_bytes())
    except OSError:
        return None


def _remove(folder: Path, name: str) -> None:
    """Remove a file, and the folders around it that are empty then."""
    try:
        (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise CommandError(f"cannot remove {folder / name}: {reason(error)}") from error
    try:
        for parent in list(PurePosixPath(name).parents)[:-1]:
            (folder / parent).rmdir()
    except OSError:
        return  # a folder that has other files
