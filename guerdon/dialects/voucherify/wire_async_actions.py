"""What takes its time, and how far it is."""

from typing import Literal

from msgspec import Struct


class Result(Struct, frozen=True, kw_only=True):
    """`url` is where the report is, under the same keys."""

    url: str
    done_count: int
    failed_count: int


class AsyncAction(Struct, frozen=True, kw_only=True):
    id: str
    type: Literal["LOYALTIES.MEMBERS.CREATE.BULK"] = "LOYALTIES.MEMBERS.CREATE.BULK"
    status: Literal["ENQUEUED", "IN_PROGRESS", "DONE"]
    operation_status: Literal["UNKNOWN", "SUCCESS", "FAILED"]
    progress: int
    processing_time: int | None
    result: Result | None
    created_at: str
    updated_at: str | None
    object: Literal["async_action"] = "async_action"
