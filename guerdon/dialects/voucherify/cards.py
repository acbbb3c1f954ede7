"""Cards: points added and taken by hand."""

from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.errors import Named, refusal_answer
from guerdon.dialects.voucherify.ids import write_id
from guerdon.dialects.voucherify.places import card_in, member_in, program_in
from guerdon.dialects.voucherify.transactions import show_pending
from guerdon.dialects.voucherify.wire_cards import Adjustment, PointsBody
from guerdon.domain.command import Adjust, Refused
from guerdon.domain.member import MemberRef
from guerdon.engine.adjusting import adjust_noting
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store.snapshot import snapshot

_NOTHING = "Provided amount is zero, transaction was not created"
_ADDED = "Points addition transaction created"
_TAKEN = "Points subtraction transaction created"


async def adjust_points(call: Call) -> Answer:
    """Add points to a card, or take them. What is more than there is is taken on too, and then
    rejected."""
    body = call.decode(PointsBody)
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        program = program_in(call, catalogue)
        card = await card_in(call, view, await member_in(call, view, program))
    if body.points == 0:
        return answer(200, Adjustment(transaction=None, status="NO_CHANGE", message=_NOTHING))
    key, fingerprint = call.idempotency()
    noted = await adjust_noting(
        call.ledger,
        call.merchant_id,
        card.id,
        card.member_id,
        Adjust(
            program_id=program.id,
            member=MemberRef(id=card.member_id),
            points=body.points,
            note=body.reason,
            point_type_id=card.point_type_id,
            needs_open=True,
        ),
        key=key,
        fingerprint=fingerprint,
    )
    if isinstance(noted, Refused):
        return refusal_answer(
            noted.refusals, named(call, card.point_type_id, "adjust member's card points")
        )
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        transaction = await show_pending(call, view, catalogue, card, noted.id)
    message = _ADDED if body.points > 0 else _TAKEN
    shown = Adjustment(transaction=transaction, status="TRANSACTION_CREATED", message=message)
    return answer(200, shown, is_replay=noted.is_replay)


def named(call: Call, point_type_id: int, action: str) -> Named:
    """Name what is done to the card that the path names."""
    return Named(
        action=action,
        program=call.path[0],
        member=call.path[1],
        card=call.path[2],
        card_definition=write_id("card_definition", point_type_id),
        bucket=call.path[3] if len(call.path) > 3 else "",
    )
