"""The wire models of the endpoint, equal to its OpenAPI document, with secrets that nothing shows by accident."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PlainSerializer,
    PrivateAttr,
    SerializationInfo,
    WithJsonSchema,
    model_validator,
)

from rlsplit.plain_data import is_table
from rlsplit.secrets import RUN_SECRETS, SecretText, hidden

if TYPE_CHECKING:
    from typing_extensions import Self

MASK: Final = "***"
"""What a secret looks like wherever it is not asked for."""


def _as_documented(schema: dict[str, Any]) -> None:
    """Leave out what the endpoint's document does not have: our docstrings and defaults of null."""
    schema.pop("description", None)
    for field in schema["properties"].values():
        if field.get("default", field) is None:
            del field["default"]


_WIRE_FORM: Final = object()
"""Serialization context that asks for secrets."""


def _spelled(secret: SecretText, info: SerializationInfo) -> str:
    return secret.reveal() if info.context is _WIRE_FORM else MASK


WireSecret = Annotated[
    SecretText,
    WithJsonSchema({"type": "string"}),
    PlainSerializer(_spelled, return_type=str, when_used="json"),
]
"""A string on the wire. Dumps show stars (JSON) or the :class:`SecretText` (Python), never the text."""


class _Withheld:
    """Stands for a secret of a wrong type, so that no error can echo it."""

    def __repr__(self) -> str:
        return MASK


def _wrapped(value: object) -> object:
    """Wrap before anything is checked: an error carries its input, and of a missing key that is the whole body."""
    if isinstance(value, str):
        return SecretText(value)
    return value if value is None or isinstance(value, SecretText) else _Withheld()


class _Wire(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
        serialize_by_alias=True,
        json_schema_extra=_as_documented,
    )

    secret_fields: ClassVar[frozenset[str]] = frozenset()
    """Wire names of the fields that hold secrets."""

    @model_validator(mode="before")
    @classmethod
    def _wrap_secrets(cls, body: Any) -> Any:
        if not is_table(body):
            return body
        return {key: _wrapped(value) if key in cls.secret_fields else value for key, value in body.items()}

    def wire(self) -> dict[str, Any]:
        """Give the body as it is sent, secrets included: the one way to have them."""
        return self.model_dump(mode="json", context=_WIRE_FORM)


def _shown(config: dict[str, Any], info: SerializationInfo) -> dict[str, Any]:
    if info.context is _WIRE_FORM:
        return config
    public: dict[str, Any] = hidden(config)
    return public


JsonTable = Annotated[
    dict[str, Any], WithJsonSchema({"type": "object"}), PlainSerializer(_shown, return_type=dict[str, Any])
]
"""A table on the wire. Dumps hide what looks like a secret in it; the attribute itself has it."""


class CreateDedicatedRunRequest(_Wire):
    """Body of the request.

    Fields have snake-case names in Python and their wire names, such as ``imageTag``, everywhere else; only the latter
    are read. Secret fields take a string or a :class:`SecretText`. A request that holds secrets cannot be pickled.
    """

    secret_fields = frozenset(secret.param for secret in RUN_SECRETS.values())

    config: JsonTable = Field(
        repr=False,
        description=(
            "Full prime-rl-style TOML, parsed to a dict. Same shape as `prime-rl/examples/*/rl.toml`; the platform "
            "splits it into trainer / orchestrator / inference subconfigs and bakes each into the corresponding pod's "
            "startup command."
        ),
    )
    image_tag: str = Field(default="main", alias="imageTag", description="prime-rl container image tag")
    name: str | None = Field(default=None, description="Optional human-readable run name")
    team_id: str | None = Field(default=None, alias="teamId", description="Owning team (defaults to caller's user)")
    wandb_api_key: WireSecret | None = Field(
        default=None,
        alias="wandbApiKey",
        description="W&B key. Materialised into the run's k8s Secret only — never stored on the RFTRun row.",
    )
    hf_token: WireSecret | None = Field(
        default=None, alias="hfToken", description="HF token for gated/private model downloads."
    )

    _unknown_fields: tuple[str, ...] = PrivateAttr(())

    @property
    def unknown_fields(self) -> tuple[str, ...]:
        """Names of what was sent besides the documented fields; the values are not kept."""
        return self._unknown_fields

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, body: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        if not is_table(body):
            return read(body)
        fields = cls.wire_fields()
        request = read({key: value for key, value in body.items() if key in fields})
        request._unknown_fields = tuple(str(key) for key in body if key not in fields)
        return request

    @classmethod
    def wire_fields(cls) -> tuple[str, ...]:
        """Wire names of the fields, in the document's order."""
        return tuple(field.alias or name for name, field in cls.model_fields.items())


class CreateTrainingRunRequest(CreateDedicatedRunRequest):
    """Body of the request as today's public client sends it: the documented fields and five more."""

    mode: Literal["rl", "sft"] = Field(default="rl", description="Kind of run; without it the config tells")
    gpu_type: str | None = Field(
        default=None, alias="gpuType", description="GPU product of the nodes (defaults to any)"
    )
    volume: str | None = Field(default=None, description="Existing volume claim that the run works on")
    source_ref: str | None = Field(
        default=None,
        alias="sourceRef",
        description="prime-rl branch, tag or commit that the image checks out before it starts",
    )
    resume_from: str | None = Field(
        default=None,
        alias="resumeFrom",
        description="Id of a paused run to continue from its newest checkpoint, on its volume",
    )


REQUEST_FIELDS: Final = CreateTrainingRunRequest.wire_fields()
"""Wire names of every field that a request may have, in order: the documented ones, then the client's."""


class CreateDedicatedRunResponse(_Wire):
    """Body of the answer to a request that was accepted (201)."""

    secret_fields = frozenset({"tokenValue"})

    run_id: str = Field(alias="runId")
    job_id: str = Field(alias="jobId")
    token_value: WireSecret = Field(
        alias="tokenValue",
        description="PRIME_API_KEY for this run. Returned once — the platform stores only the token id.",
    )


class ErrorDetail(_Wire):
    """One problem of a request."""

    param: str
    details: str


class ErrorResponse(_Wire):
    """Body of the answer to a request that was refused (422): every problem once, in the request's own order."""

    errors: tuple[ErrorDetail, ...]
