"""The page that shows what arrived. Everything on it was sent by somebody, so all is escaped."""

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import get_args

from guerdon.sandbox.exchange import Fields
from guerdon.sandbox.faults import Fault, Kind, ServiceName
from guerdon.sandbox.state import state_of
from guerdon.sandbox.world import World

_ROWS_MAX = 100
_TEXT_MAX = 400
_TOOLS = ("klaviyo", "omnisend", "postscript")
_KINDS = {
    "late": "answer late",
    "never": "never answer",
    "cut_before": "cut the connection without acting",
    "cut_after": "act, then cut the connection",
    "status": "an HTTP status",
    "throttled": "throttled",
    "user_error": "user error",
    "top_error": "top-level error",
    "wrong_version": "another API version",
}
assert set(_KINDS) == set(get_args(Kind)), "every kind of fault has its words"


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def render(world: World, *, refresh_seconds: int | None) -> str:
    """Write the whole page."""
    state = state_of(world)
    refresh = ""
    if refresh_seconds is not None:
        refresh = f'<meta http-equiv="refresh" content="{refresh_seconds}">'
    body = "".join(
        [
            _head(refresh_seconds),
            "<main>",
            _counts(state),
            _faults(world),
            _shops(state["shopify"]),
            *(_events(tool, state[tool]) for tool in _TOOLS),
            _webhooks(state["webhooks"]),
            _calls(state["calls"]),
            "</main>",
        ]
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"{refresh}<title>Guerdon sandbox</title>"
        f'<link rel="stylesheet" href="/page.css"></head><body>{body}</body></html>'
    )


def _head(refresh_seconds: int | None) -> str:
    toggle = '<a href="/?refresh=2">Refresh every 2 seconds</a>'
    if refresh_seconds is not None:
        toggle = '<a href="/">Stop refreshing</a>'
    return (
        "<header><h1>Guerdon sandbox</h1>"
        "<p>What the shops and the marketing tools were told, and what is made to go wrong.</p>"
        f'{toggle}<form method="post" action="/reset">'
        "<button>Forget everything</button></form></header>"
    )


def _counts(state: Fields) -> str:
    shops = state["shopify"].values()
    counted = [
        ("discounts", "shopify", sum(len(shop["discounts"]) for shop in shops)),
        ("gift cards", "shopify", sum(len(shop["gift_cards"]) for shop in shops)),
        ("metafields", "shopify", sum(len(shop["metafields"]) for shop in shops)),
        *((f"{tool.title()} events", tool, len(state[tool])) for tool in _TOOLS),
        ("webhooks", "webhooks", sum(len(sent) for sent in state["webhooks"].values())),
        ("calls", "calls", len(state["calls"])),
    ]
    tiles = "".join(
        f'<a href="#{place}"><b>{count}</b>{escape(name)}</a>' for name, place, count in counted
    )
    return f'<nav class="counts" aria-label="What arrived">{tiles}</nav>'


def _section(title: str, content: str, *, place: str = "") -> str:
    named = f' id="{escape(place)}"' if place else ""
    return f"<section{named}><h2>{escape(title)}</h2>{content}</section>"


def _table(
    heads: Sequence[str],
    rows: Iterable[Sequence[object]],
    nothing: str,
    *,
    is_newest_first: bool = True,
) -> str:
    """Write rows; of very many only the last, which is said above them."""
    kept = list(rows)
    if is_newest_first:
        kept.reverse()
    if not kept:
        return f'<p class="none">{escape(nothing)}</p>'
    left_out = ""
    if len(kept) > _ROWS_MAX:
        left_out = f'<p class="none">The last {_ROWS_MAX} of {len(kept)}.</p>'
        kept = kept[:_ROWS_MAX]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in kept
    )
    return (
        f'{left_out}<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(value: object) -> str:
    if isinstance(value, Markup):
        return value
    return escape("" if value is None else _short(str(value)))


def _short(text: str) -> str:
    return text if len(text) <= _TEXT_MAX else f"{text[:_TEXT_MAX]}…"


def _code(value: object) -> Markup:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return Markup(f"<code>{escape(_short(text))}</code>")


def _mark(text: str, kind: str = "") -> Markup:
    return Markup(f'<span class="mark {kind}">{escape(text)}</span>')


def _when(text: str) -> Markup:
    return Markup(f'<span class="when">{escape(text.replace("T", " ").rstrip("Z"))}</span>')


def _shops(shops: Fields) -> str:
    if not shops:
        return _section("Shopify", '<p class="none">No shop was called yet.</p>', place="shopify")
    shown = "".join(_shop(domain, shop) for domain, shop in shops.items())
    return f'<div id="shopify">{shown}</div>'


def _shop(domain: str, shop: Fields) -> str:
    statuses = {"ACTIVE": "good", "EXPIRED": "bad", "SCHEDULED": "warm"}
    discounts = [
        (
            _code(_codes(one["codes"])),
            _mark(one["status"].lower(), statuses[one["status"]]),
            _value(one["value"]),
            one["title"],
            _customers(one["customers"]),
            _when(one["ends_at"]) if one["ends_at"] else "no end",
            ", ".join(one["tags"]),
        )
        for one in shop["discounts"]
    ]
    heads = ("Code", "Status", "Value", "Title", "For", "Until", "Tags")
    parts = ["<h3>Discounts</h3>", _table(heads, discounts, "No discount yet.")]
    if shop["gift_cards"]:
        cards = [
            (
                _code(card["code"]),
                _mark("enabled", "good") if card["enabled"] else _mark("deactivated", "bad"),
                f"{card['amount']} {card['currency']}",
                card["customer"],
                card["expires_on"] or "no end",
                card["note"],
            )
            for card in shop["gift_cards"]
        ]
        heads_of_cards = ("Code", "Status", "Amount", "Customer", "Until", "Note")
        parts += ["<h3>Gift cards</h3>", _table(heads_of_cards, cards, "")]
    if shop["store_credit"]:
        accounts = [
            (one["customer"], f"{one['balance']} {one['currency']}", len(one["transactions"]))
            for one in shop["store_credit"]
        ]
        parts.append("<h3>Store credit</h3>")
        parts.append(_table(("Customer", "Balance", "Transactions"), accounts, ""))
    if shop["metafields"]:
        fields = [
            (
                one["owner"].removeprefix("gid://shopify/"),
                f"{one['namespace']}.{one['key']}",
                one["type"],
                _code(one["value"]),
                _when(one["updated_at"]),
            )
            for one in shop["metafields"]
        ]
        parts.append("<h3>Metafields</h3>")
        parts.append(_table(("Owner", "Name", "Type", "Value", "Set"), fields, ""))
    return _section(domain, "".join(parts))


def _codes(codes: list[str]) -> str:
    more = len(codes) - 3
    return ", ".join(codes[:3]) + (f" and {more} more" if more > 0 else "")


def _customers(numbers: list[int] | None) -> str:
    return "everybody" if numbers is None else ", ".join(map(str, numbers))


def _value(value: Fields) -> str:
    if "percentage" in value:
        return f"{value['percentage']:.0%}"
    if "amount" in value:
        return str(value["amount"])
    return "free shipping" if "free_shipping" in value else f"{value['quantity']} items"


def _events(tool: str, events: list[Fields]) -> str:
    rows = [
        (
            _when(event["at"]),
            event["name"],
            event.get("email") or event.get("phone") or event.get("profile"),
            _code(event["properties"]),
            _code(event["unique_id"] or ""),
        )
        for event in events
    ]
    heads = ("Received", "Event", "Who", "Properties", "Id")
    return _section(tool.title(), _table(heads, rows, "No event yet."), place=tool)


def _webhooks(deliveries: dict[str, list[Fields]]) -> str:
    marks = {
        None: _mark("not checked"),
        True: _mark("verified", "good"),
        False: _mark("signature wrong", "bad"),
    }
    rows = [
        (_when(one["at"]), name, marks[one["verified"]], _code(one["body"]))
        for name, sent in deliveries.items()
        for one in sent
    ]
    heads = ("Received", "Receiver", "Signature", "Body")
    return _section("Webhooks", _table(heads, rows, "No webhook yet."), place="webhooks")


def _calls(calls: list[Fields]) -> str:
    rows = [
        (
            _when(call["at"]),
            call["service"],
            call["name"],
            _mark(_KINDS[call["fault"]], "warm") if call["fault"] else "",
        )
        for call in calls
    ]
    heads = ("At", "Service", "Call", "Fault")
    return _section("Calls", _table(heads, rows, "Nobody has called yet."), place="calls")


def _faults(world: World) -> str:
    rows = [
        (
            fault.service,
            fault.match or "any call",
            _KINDS[fault.kind],
            _turn(fault),
            _mark("used up") if is_spent else _mark(f"seen {seen}", "warm"),
            Markup(
                '<form method="post" action="/faults/remove">'
                f'<input type="hidden" name="place" value="{place}">'
                "<button>Remove</button></form>"
            ),
        )
        for place, (fault, seen, is_spent) in enumerate(world.faults.listed())
    ]
    heads = ("Service", "Call", "What happens", "When", "So far", "")
    clear = ""
    if rows:
        clear = '<form method="post" action="/faults/clear"><button>Remove all</button></form>'
    # The first that fits a call decides, so their order is shown.
    table = _table(heads, rows, "Nothing is made to go wrong.", is_newest_first=False)
    return _section("Faults", table + clear + _fault_form(), place="faults")


def _turn(fault: Fault) -> str:
    if fault.nth is None:
        return "every time"
    if fault.times == 1:
        return f"call {fault.nth}"
    return f"calls {fault.nth} to {fault.nth + fault.times - 1}"


def _fault_form() -> str:
    services = "".join(f"<option>{name}</option>" for name in get_args(ServiceName))
    kinds = "".join(
        f'<option value="{kind}">{escape(words)}</option>' for kind, words in _KINDS.items()
    )
    return (
        '<form class="add" method="post" action="/faults/add">'
        f'<label>Service<select name="service">{services}</select></label>'
        '<label>Call, or any<input name="match" placeholder="discountCodeBasicCreate"></label>'
        f'<label>What happens<select name="kind">{kinds}</select></label>'
        '<label>From call<input name="nth" type="number" min="1" value="1"></label>'
        '<label>Times<input name="times" type="number" min="1" value="1"></label>'
        '<label>Seconds<input name="seconds" type="number" min="0" step="any" value="2"></label>'
        '<label>Status<input name="status" type="number" min="100" max="599"></label>'
        '<button class="main">Add fault</button></form>'
    )
