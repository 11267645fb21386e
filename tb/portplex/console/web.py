# SPDX-License-Identifier: Apache-2.0
"""The web side: the page's files, the API behind the token, and the stream of changes (server-sent events)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from portplex import __version__, management
from portplex.console.array import ArrayConsole, Kind
from portplex.console.bus import ArrayGone, Refused
from portplex.console.facts import Fact, Snapshot
from portplex.console.feed import Feed
from portplex.console.gate import Gate
from portplex.management import PortUsage, PriorityMode

PAGE = Path(__file__).with_name("page")
MOST_VIEWERS = 16

_HEADERS = [
    (b"content-security-policy", b"default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]


class Answer(Fact):
    """An order was carried out."""

    done: bool = True


class Started(Answer):
    """A job was queued or prepared."""

    job: int


class Problem(Fact):
    """Why something was not done."""

    reason: Annotated[str, Field(description="a word for programs")]
    message: Annotated[str, Field(description="a sentence that names value and range")]


class Order(BaseModel):
    """A body with these keys and no others."""

    model_config = ConfigDict(extra="forbid", strict=True)


class StartOrder(Order):
    kind: Annotated[Kind, Field(strict=False)]
    volume: int
    port_id: Annotated[int, Field(description="N_Port_ID of the device")]
    lun: int = 0
    lba: Annotated[int, Field(description="first block at the device")] = 0
    chunk: Annotated[int, Field(description="blocks, 8 to 128, a multiple of 8")] = 128
    copy_pointer: Annotated[int | None, Field(description="blocks of the image that exist; null: all")] = None
    ports: Annotated[list[int] | None, Field(description="that it may use; null or none: any", max_length=64)] = None
    job: Annotated[int | None, Field(description="0 to 7; null: the lowest that is free")] = None
    prepare: Annotated[bool, Field(description="keep it for a schedule, do not start it")] = False


class CopyPointerOrder(Order):
    copy_pointer: int


class UsageOrder(Order):
    usage: Literal["both", "online_only", "backup_only"]


class LoadOrder(Order):
    """What is left out stays."""

    load_window: Annotated[int | None, Field(description="ticks, 1 to 65535")] = None
    load_floor: Annotated[int | None, Field(description="bytes")] = None
    rebalance: Annotated[int | None, Field(description="ticks, 1 to 65535")] = None
    rebalance_margin: Annotated[int | None, Field(description="bytes")] = None
    spread_floor: Annotated[int | None, Field(description="bytes; 0 never")] = None


class ClockOrder(Order):
    """What is left out stays."""

    seconds: Annotated[int | None, Field(description="since 1970-01-01 00:00 UTC")] = None
    ticks_per_second: Annotated[int | None, Field(description="1 to 65535")] = None


class ScheduleOrder(Order):
    job: Annotated[int, Field(description="a prepared one")]
    due: Annotated[int, Field(description="seconds since 1970-01-01 00:00 UTC, after the array's time now")]
    period: Annotated[int, Field(description="seconds; 0 once")] = 0


class PriorityOrder(Order):
    """What is left out stays."""

    mode: Literal["online_first", "backup_first"] | None = None
    percent: Annotated[int | None, Field(description="of the line for backup, 1 to 99; sets the two below")] = None
    backup_quantum: Annotated[int | None, Field(description="bytes")] = None
    online_time: Annotated[int | None, Field(description="clocks")] = None


_PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "no token"},
    404: {"model": Problem, "description": "no such job, port or entry"},
    409: {"model": Problem, "description": "not in the array's present state"},
    413: {"model": Problem, "description": "too large"},
    422: {"model": Problem, "description": "malformed, or out of range"},
    503: {"model": Problem, "description": "the array does not answer"},
}
_STATUS = {"range": 422, "absent": 404}


def _problem(status: int, reason: str, message: str) -> JSONResponse:
    return JSONResponse({"reason": reason, "message": message}, status)


def make_app(array: ArrayConsole, token: str, live: Feed) -> ASGIApp:
    """The whole web side as an ASGI application."""
    app = FastAPI(
        title="Portplex management console",
        version=__version__,
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
        responses=_PROBLEMS,
    )

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return _problem(_STATUS.get(error.reason, 409), error.reason, str(error))

    @app.exception_handler(ArrayGone)
    async def gone(request: Request, error: ArrayGone) -> Response:
        return _problem(503, "gone", str(error))

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        texts = [f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()]
        return _problem(422, "malformed", "; ".join(texts))

    @app.exception_handler(HTTPException)
    async def wrong(request: Request, error: HTTPException) -> Response:
        return _problem(error.status_code, "request", str(error.detail))

    @app.get("/api/array", summary="Everything, now")
    async def look() -> Snapshot:
        return await array.look()

    @app.get(
        "/api/events",
        summary="Everything, at once and at each change",
        description="Server-sent events: `array` with a Snapshot, `gone` with a Problem; comments in between.",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}, 503: {"model": Problem}},
    )
    async def events() -> Response:
        if live.viewers >= MOST_VIEWERS:
            return _problem(503, "viewers", f"{MOST_VIEWERS} viewers are connected, no more are taken")
        return StreamingResponse(_stream(live), media_type="text/event-stream")

    @app.post("/api/jobs", summary="Queue a job, or prepare one")
    async def start(order: StartOrder) -> Started:
        return Started(job=await array.start(**dict(order)))

    @app.post("/api/jobs/{job}/{what}", summary="Pause, resume or end a job")
    async def order(job: int, what: Literal["pause", "resume", "abort"]) -> Answer:
        await array.order(management.Order[what.upper()], job)
        return Answer()

    @app.put("/api/jobs/{job}/copy-pointer", summary="More of the image of the job under way exists")
    async def copy_pointer(job: int, order: CopyPointerOrder) -> Answer:
        await array.set_copy_pointer(job, order.copy_pointer)
        return Answer()

    @app.put("/api/ports/{port}/usage", summary="What a port is for")
    async def usage(port: int, order: UsageOrder) -> Answer:
        await array.set_usage(port, PortUsage[order.usage.upper()])
        return Answer()

    @app.put("/api/load", summary="Load windows and placement of the backup")
    async def load(order: LoadOrder) -> Answer:
        await array.set_load(**dict(order))
        return Answer()

    @app.put("/api/clock", summary="Set the array's clock")
    async def clock(order: ClockOrder) -> Answer:
        await array.set_clock(**dict(order))
        return Answer()

    @app.put("/api/schedules/{entry}", summary="Start a prepared job at a time")
    async def schedule(entry: int, order: ScheduleOrder) -> Answer:
        await array.set_schedule(entry, **dict(order))
        return Answer()

    @app.delete("/api/schedules/{entry}", summary="Turn a schedule off")
    async def clear(entry: int) -> Answer:
        await array.clear_schedule(entry)
        return Answer()

    @app.put("/api/priority", summary="Change the priority table")
    async def priority(order: PriorityOrder) -> Answer:
        mode = None if order.mode is None else PriorityMode[order.mode.upper()]
        await array.set_priority(mode, **order.model_dump(exclude={"mode"}))
        return Answer()

    app.mount("/", StaticFiles(directory=PAGE, html=True))
    return _Headers(Gate(app, token))


async def _stream(feed: Feed) -> AsyncIterator[str]:
    async for seen in feed.follow():
        if seen is None:
            yield ": still there\n\n"
        elif isinstance(seen, Snapshot):
            yield f"event: array\ndata: {seen.model_dump_json()}\n\n"
        else:
            yield f"event: gone\ndata: {json.dumps({'reason': 'gone', 'message': seen})}\n\n"


class _Headers:
    """The same headers on every answer: nothing from elsewhere, nothing kept."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def more(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        await self._app(scope, receive, more if scope["type"] == "http" else send)
