"""The base of every section: prime-rl's lenient reading of one table (rules B-01 to B-08).

Sections are shapes: names, types, bounds, defaults. Nothing here knows another section, and no validator
looks at two fields; rules that do are in :mod:`.derivations` and :mod:`.checks`.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from inspect import Signature
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, TypeVar, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from rlsplit.config.tables.protected_variables import PROTECTED_ENV_VARS
from rlsplit.plain_data import SCALARS, is_list, is_table
from rlsplit.secrets import hidden


class UnreadableError(LookupError):
    """A field without a value, since what stands there was refused; rules that read it cannot judge."""


class Verbatim:
    """Marks a table that prime-rl hands on untouched: no rule of this module looks inside."""


def clean_path(text: str) -> str:
    """Clean a path lexically as prime-rl stores it (B-08): no ``.``, doubled or trailing slashes."""
    return str(PurePosixPath(text))


PathText = Annotated[str, AfterValidator(clean_path)]
"""A path on the machine that runs the component, cleaned lexically (B-08), never resolved."""

EnvVars = dict[str, str]
"""OS environment variables, name to value (B-10)."""

OpaqueTable = Annotated[dict[str, Any], Verbatim()]
"""A table whose keys depend on installed packages."""


Tags = Mapping[str, tuple[str, str]]
"""Field to (tag key, tag)."""


class Section(BaseModel):
    """One table of the configuration.


    Unknown keys are kept (B-01 is judged afterwards, by one walker), the text ``"None"`` means null (B-04),
    all-string tables of values are coerced (B-05) and a missing tag takes the default variant's (B-06).
    """

    model_config = ConfigDict(extra="allow", defer_build=True)

    keeps_unknown: ClassVar[bool] = False
    """Whether prime-rl itself keeps unknown keys here (B-01)."""
    made_for: ClassVar[str | None] = None
    """The older release whose section it is; None: the newest's."""
    injected_tags: ClassVar[Tags] = {}
    """The tag written into the table of a field when that names no variant (B-06)."""
    second_spellings: ClassVar[Mapping[str, str]] = {}
    """Keys that stand for a field where the field's own name is not written (SFT-14)."""

    @model_validator(mode="before")
    @classmethod
    def _lenient(cls, table: Any) -> Any:
        return read_leniently(cls, cls.prepared(table)) if is_table(table) else table

    @classmethod
    def prepared(cls, table: dict[str, Any]) -> dict[str, Any]:
        """Return the table as the rules below should see it; for sections with a first reading of their own."""
        return table

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Show the fields, without what looks like a secret."""
        for name, value in super().__repr_args__():
            yield name, hidden(value, path=(name or "",))

    if not TYPE_CHECKING:  # A checker that saw it would take every misspelled attribute for one.

        def __getattr__(self, name: str) -> Any:
            # Only reached when a field has no value: see `UnreadableError`.
            if name in type(self).model_fields:
                raise UnreadableError(name)
            return super().__getattr__(name)


class EnvVarsSection(Section):
    """A section that sets OS environment variables for what it launches (B-10)."""

    env_var_fields: ClassVar[tuple[str, ...]] = ("env_vars",)
    """The fields that do."""
    protected: ClassVar[frozenset[str]] = PROTECTED_ENV_VARS
    """The variables that the launcher sets itself."""


S = TypeVar("S", bound=Section)


def unwritten(section: type[S]) -> Callable[[], S]:
    """Make the default of a field that holds a section: one that nobody wrote is a constant (P-07).

    It is made without validation, and so without a validator of its own to build; once, and then copied.
    """

    def default() -> S:
        constructed: S = _constructed(section)
        return copied(constructed)

    # pydantic looks at the signature of a default factory at every call; finding one here spares it the search.
    default.__signature__ = Signature()  # type: ignore[attr-defined]
    return default


@cache
def _constructed(section: type[S]) -> S:
    return section.model_construct()


def copied(section: S) -> S:
    """Copy a section with all sections, lists and tables in it; in half the time of ``model_copy(deep=True)``."""
    copy = section.model_copy()
    values = vars(copy)
    for name, value in values.items():
        if type(value) not in SCALARS:
            values[name] = _copied_inside(value)
    return copy


def _copied_inside(value: Any) -> Any:
    if is_list(value):
        return [_copied_inside(item) for item in value]
    if is_table(value):
        return {key: _copied_inside(item) for key, item in value.items()}
    return copied(value) if isinstance(value, Section) else value


def taken_over(kind: type[S], given: Section, **derived: Any) -> S:
    """Make a section of a kind from another one: its fields of the same names, and derived values over them.

    What stands under a key that the given section does not know was never typed, so it becomes no field of the kind;
    under a key that the kind does not know either, it is handed on.
    """
    fields = {name: value for name, value in vars(given).items() if name in kind.model_fields}
    handed_on = {key: value for key, value in (given.model_extra or {}).items() if key not in kind.model_fields}
    written = given.model_fields_set & (fields.keys() | handed_on.keys())
    return kind.model_construct(written, **{**handed_on, **fields, **derived})


def read_leniently(section: type[Section], table: dict[str, Any]) -> dict[str, Any]:
    """Apply B-06, B-05 and B-04, in this order, to the direct keys of a table; the argument is not changed."""
    if not section.injected_tags and not coerced_fields(section) and "None" not in table.values():
        return table
    read = dict(table)
    for field, (key, tag) in section.injected_tags.items():
        inner = read.get(field)
        if isinstance(inner, dict) and key not in inner:
            read[field] = {key: tag, **inner}
    for field in coerced_fields(section):
        inner = read.get(field)
        if is_table(inner) and inner and all(isinstance(value, str) for value in inner.values()):
            read[field] = {key: coerce_text(value) for key, value in inner.items()}
    for key, value in read.items():
        if isinstance(value, str) and value == "None":
            read[key] = None
    return read


@cache
def coerced_fields(section: type[Section]) -> tuple[str, ...]:
    """Fields whose all-string tables are coerced (B-05): typed exactly as a dict of anything but str."""
    return tuple(
        name
        for name, field in section.model_fields.items()
        if get_origin(field.annotation) is dict
        and get_args(field.annotation)[1] is not str
        and name not in verbatim_fields(section)
    )


@cache
def verbatim_fields(section: type[Section]) -> frozenset[str]:
    """Fields that hold a table of an installed package's, handed on untouched."""
    return frozenset(
        name
        for name, field in section.model_fields.items()
        if any(isinstance(mark, Verbatim) for mark in field.metadata)
    )


@cache
def written_fields(section: type[Section]) -> tuple[str, ...]:
    """The fields that a user may write; a section of an older release has others, for rules to read."""
    return tuple(name for name, field in section.model_fields.items() if not field.exclude)


_BOOLEANS: Final = {"true": True, "false": False}
_NOT_COERCED: Final = frozenset({"inf", "-inf", "+inf"})


def coerce_text(text: str) -> bool | int | float | str:
    """Read one string of an all-string table as bool, int or float where it is one (B-05)."""
    if text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    whole = _parsed(int, text)
    if whole is not None and str(whole) == text:
        return whole
    number = _parsed(float, text)
    if number is None or number != number or text in _NOT_COERCED:
        return text
    padded = text[:1].isdigit() and text != repr(number) and not any(mark in text for mark in "eE.")
    return text if padded else number


def _parsed(kind: type[int] | type[float], text: str) -> int | float | None:
    # Also refuses integers beyond the interpreter's digit limit, which raise ValueError too.
    try:
        return kind(text)
    except ValueError:
        return None
