"""An API server for "Create Dedicated Run": rlsplit does everything but the HTTP."""

import gc
from secrets import token_urlsafe
from typing import Annotated
from uuid import uuid4

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from rlsplit import Platform, api

app = FastAPI(title="PI API")
platform = Platform()  # a real server reads its own: Platform.from_toml(text)
Caller = Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]
BODY = {"application/json": {"schema": api.CreateTrainingRunRequest.model_json_schema()}}


def answer(body: bytes) -> JSONResponse:
    request = api.read_body(body, api.CreateTrainingRunRequest)
    if isinstance(request, api.ErrorResponse):
        return JSONResponse(request.wire(), 422)
    outcome = api.compile_run(
        request, run_id=uuid4().hex, job_id=uuid4().hex, token_value=token_urlsafe(), platform=platform
    )
    if isinstance(outcome, api.ErrorResponse):
        return JSONResponse(outcome.wire(), 422)
    # Here a real server stores outcome.row and applies outcome.objects, which hold the run's Secret.
    return JSONResponse(outcome.response.wire(), 201)


@app.post(
    "/api/v1/training/runs",
    status_code=201,
    response_model=api.CreateDedicatedRunResponse,
    responses={401: {"description": "Authorization failed"}, 422: {"model": api.ErrorResponse}},
    openapi_extra={"requestBody": {"content": BODY, "required": True}},
)
async def create_dedicated_run(http: Request, caller: Caller) -> JSONResponse:
    if caller is None:
        raise HTTPException(401, "Authorization failed", {"WWW-Authenticate": "Bearer"})
    body = bytearray()
    async for chunk in http.stream():
        if len(body) <= api.MAX_BODY_BYTES:  # the rest of a body that is too large is not kept
            body += chunk
    return await run_in_threadpool(answer, bytes(body))


gc.freeze()  # what importing made lives as long as the server: no need to look through it for garbage
