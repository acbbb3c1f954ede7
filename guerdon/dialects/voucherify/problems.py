"""The error answers of this dialect, and the exception that carries one out of a call."""

import secrets
from collections.abc import Sequence

import msgspec

from guerdon.dialects.voucherify.wire import ErrorMessage, ErrorResponse, ResourceType, TooLarge
from guerdon.http.asgi import Answer, Header

BODY_BYTES_MAX = 10_485_760

_encode = msgspec.json.Encoder().encode


class Fault(Exception):
    """Interrupts a call with an error answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def new_request_id() -> str:
    """Name a request that was refused, so that whoever asks about it can say which."""
    return f"v-{secrets.token_hex(9)}"


def error_answer(
    status: int,
    key: str,
    message: str,
    details: str | None = None,
    *,
    resource_id: str | None = None,
    resource_type: ResourceType | None = None,
    related_ids: Sequence[str] | None = None,
    related_type: str | None = None,
    v1_message: str | None = None,
    request_id: str | None = None,
    headers: tuple[Header, ...] = (),
) -> Answer:
    """Make the vendor's error body. `v1_message` is what v1 says a second time in `error`."""
    problem = ErrorResponse(
        code=status,
        key=key,
        message=message,
        details=_shown(details),
        request_id=request_id or new_request_id(),
        resource_id=_shown(resource_id),
        resource_type=resource_type,
        related_object_ids=None if related_ids is None else list(related_ids),
        related_object_type=related_type,
        related_object_total=None if related_ids is None else len(related_ids),
        error=None if v1_message is None else ErrorMessage(v1_message),
    )
    return Answer(status, _encode(problem), headers)


def _shown(text: str | None) -> str | None:
    """What was echoed from a request may hold what JSON cannot."""
    return None if text is None else text.encode("utf-8", "replace").decode()


def refuse(status: int, key: str, message: str, details: str | None = None) -> Fault:
    """Refuse a call by a key of the vendor's."""
    return Fault(error_answer(status, key, message, details))


def locked(key: str, message: str, details: str | None = None) -> Fault:
    """Say that the state of a thing forbids what is asked: 423."""
    return refuse(423, key, message, details)


def not_found(kind: ResourceType, named: str) -> Fault:
    """Say that there is no such thing; `named` is its id as the caller wrote it."""
    return Fault(not_found_answer(kind, named))


def not_found_answer(kind: ResourceType, named: str) -> Answer:
    return error_answer(
        404,
        "not_found",
        "Resource not found",
        f"Cannot find {kind} with id {named}",
        resource_id=named,
        resource_type=kind,
    )


def invalid_payload(details: str) -> Fault:
    """Refuse a body; the details name the property, as in `Property .points must be integer`."""
    return refuse(400, "invalid_payload", "Invalid payload", details)


def unsupported(path: str, why: str = "is not supported here") -> Fault:
    """Refuse what could be stored and not kept to. `path` begins with a dot, as `.expiration`."""
    return invalid_payload(f"Property {path} {why}")


def invalid_query(details: str) -> Fault:
    """Refuse a query; the details name the parameter."""
    return refuse(400, "invalid_query_params", "Invalid query params", details)


def invalid_transition(verb: str, what: str, status: str) -> Fault:
    """Refuse a move of a thing's lifecycle, as (`activate`, `reward`, `ACTIVE`)."""
    return refuse(
        400,
        "invalid_state_transition",
        "Invalid state transition",
        f"Cannot {verb} {what} from current state: '{status}'",
    )


def in_use(kind: str, ids: Sequence[str]) -> Fault:
    """Refuse to delete what others rest on: their kind and their ids."""
    return Fault(
        error_answer(
            400,
            "resource_in_use",
            "Resource in use",
            f"It is used by {kind} {', '.join(ids)}",
            related_ids=ids,
            related_type=kind,
        )
    )


def duplicate(details: str) -> Fault:
    return refuse(409, "duplicate_found", "Duplicate resource found", details)


def no_such_path() -> Answer:
    return error_answer(404, "not_found", "Resource not found", "There is no such path")


def unauthorized() -> Answer:
    return error_answer(
        401,
        "unauthorized",
        "Unauthorized",
        "Neither a pair of application keys nor a bearer token that is known was given",
    )


def forbidden(details: str) -> Answer:
    return error_answer(403, "forbidden", "Forbidden", details)


def too_many(retry_seconds: int) -> Answer:
    return error_answer(
        429,
        "too_many_requests",
        "Too many requests hit the API too quickly.",
        f"Try again in {retry_seconds} s",
        headers=(
            (b"retry-after", str(retry_seconds).encode()),
            (b"x-rate-limit-type", b"api_calls"),
        ),
    )


def wrong_method(method: str, allow: bytes) -> Answer:
    return error_answer(
        405,
        "method_not_allowed",
        "HTTP Method Not Allowed",
        f"{method} is not supported on this path",
        headers=((b"allow", allow),),
    )


def not_acceptable() -> Answer:
    return error_answer(
        406, "not_acceptable", "Not Acceptable", "Answers are application/json alone"
    )


def wrong_media_type(wanted: str) -> Answer:
    return error_answer(
        415,
        "unsupported_media_type",
        "Unsupported Media Type",
        f"The body has to be {wanted}",
    )


TOO_LARGE = Answer(
    413,
    _encode(
        TooLarge(
            413,
            "Request Entity Too Large",
            f"Payload content length greater than maximum allowed: {BODY_BYTES_MAX}",
        )
    ),
)


def broken(request_id: str) -> Answer:
    return error_answer(
        500,
        "api_error",
        "Something went wrong.",
        "An unexpected error occurred",
        request_id=request_id,
    )
