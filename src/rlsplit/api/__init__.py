"""The API server's side of "Create Dedicated Run": everything but the HTTP.

    request = read_body(body)
    outcome = request if isinstance(request, ErrorResponse) else compile_run(request, run_id=..., ...)

Bad input is an expected outcome of an endpoint, so it comes back as a value, an :class:`ErrorResponse` for HTTP 422,
and never as an exception. What raises is a mistake of the programmer.
"""

from rlsplit.api.compiling import CompiledRun, compile_run
from rlsplit.api.errors import MAX_ERRORS, detail
from rlsplit.api.models import (
    CreateDedicatedRunRequest,
    CreateDedicatedRunResponse,
    CreateTrainingRunRequest,
    ErrorDetail,
    ErrorResponse,
)
from rlsplit.api.reading import (
    MAX_BODY_BYTES,
    MAX_BODY_DEPTH,
    MAX_BODY_ITEMS,
    MAX_KEY_CHARS,
    read_body,
    read_request,
)

__all__ = [
    "MAX_BODY_BYTES",
    "MAX_BODY_DEPTH",
    "MAX_BODY_ITEMS",
    "MAX_ERRORS",
    "MAX_KEY_CHARS",
    "CompiledRun",
    "CreateDedicatedRunRequest",
    "CreateDedicatedRunResponse",
    "CreateTrainingRunRequest",
    "ErrorDetail",
    "ErrorResponse",
    "compile_run",
    "detail",
    "read_body",
    "read_request",
]
