"""Programs, card definitions, earning rules, rewards, and what of them belongs to a program."""

from guerdon.dialects.voucherify import programs, wire_programs
from guerdon.dialects.voucherify.call import Route
from guerdon.dialects.voucherify.lists import Page

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v2/loyalties/programs",
        handler=programs.list_programs,
        summary="List programs",
        answers={200: Page[wire_programs.Program]},
        query=programs.LIST.query,
    ),
)
