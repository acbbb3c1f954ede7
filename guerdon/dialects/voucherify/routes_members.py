"""Customers, members, memberships, cards, their points and buckets."""

from guerdon.dialects.voucherify import (
    async_actions,
    buckets,
    cards,
    customers,
    members,
    memberships,
    wire_async_actions,
    wire_cards,
    wire_customers,
    wire_members,
)
from guerdon.dialects.voucherify.call import Route
from guerdon.dialects.voucherify.lists import Page
from guerdon.dialects.voucherify.wire import Json
from guerdon.http.openapi import Text

_PROGRAM = "/v2/loyalties/programs/{programId}"
_MEMBER = f"{_PROGRAM}/members/{{memberId}}"
_CARD = f"{_MEMBER}/cards/{{cardId}}"

_CUSTOMER_ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/customers",
        handler=customers.state_customer,
        summary="State a customer, or change what was stated",
        body=wire_customers.CustomerBody,
        answers={200: wire_customers.Customer},
        refuses=(404,),
        scope="customers",
        takes_key=True,
    ),
    Route(
        method="GET",
        path="/v1/customers/{customerId}",
        handler=customers.get_customer,
        summary="Show a customer, by either id",
        answers={200: wire_customers.Customer},
        refuses=(404,),
        scope="customers",
    ),
    Route(
        method="GET",
        path="/v1/async-actions/{asyncActionId}",
        handler=async_actions.get_action,
        summary="Show how far something is that takes its time",
        answers={200: wire_async_actions.AsyncAction},
        refuses=(404,),
        scope="async_actions",
    ),
    Route(
        method="GET",
        path="/v1/async-actions/{asyncActionId}/report",
        handler=async_actions.get_report,
        summary="Give what became of each entry, as CSV",
        answers={200: Text("text/csv")},
        refuses=(404,),
        scope="async_actions",
    ),
)

_MEMBER_ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=f"{_PROGRAM}/members",
        handler=members.enrol_member,
        summary="Make a customer a member",
        body=wire_members.EnrolBody,
        answers={200: wire_members.MemberWithCards},
        refuses=(404, 409, 423),
        takes_key=True,
    ),
    Route(
        method="GET",
        path=f"{_PROGRAM}/members",
        handler=members.list_members,
        summary="List a program's members",
        answers={200: Page[wire_members.Member]},
        refuses=(404,),
        query=members.LIST.query,
    ),
    Route(
        method="POST",
        path=f"{_PROGRAM}/members/batch",
        handler=async_actions.enrol_batch,
        summary="Make many customers members, one after another",
        # What makes no sense is taken on too, and told of in the report.
        body=(list[wire_members.EnrolBody], list[Json]),
        answers={202: wire_members.BatchAccepted},
        refuses=(404, 423),
        more_notes="An entry that cannot be done is told of in the report; the others are done.",
        takes_key=True,
    ),
    Route(
        method="GET",
        path=_MEMBER,
        handler=members.get_member,
        summary="Show a member with cards and balances",
        answers={200: wire_members.MemberWithCards},
        refuses=(404,),
    ),
    Route(
        method="PUT",
        path=_MEMBER,
        handler=members.change_member,
        summary="Change a member's metadata",
        body=wire_members.ChangeBody,
        answers={200: wire_members.Member},
        refuses=(404,),
        takes_key=True,
    ),
    Route(
        method="DELETE",
        path=_MEMBER,
        handler=members.delete_member,
        summary="Let a member go",
        answers={200: wire_members.Member},
        refuses=(404,),
        more_notes="History stays; the customer may join again, as a new member.",
        takes_key=True,
    ),
    Route(
        method="POST",
        path=f"{_MEMBER}/activate",
        handler=members.activate_member,
        summary="Let a member earn and spend again",
        answers={200: wire_members.Member},
        refuses=(404,),
        takes_key=True,
    ),
    Route(
        method="POST",
        path=f"{_MEMBER}/deactivate",
        handler=members.deactivate_member,
        summary="Let a member neither earn nor spend",
        answers={200: wire_members.Member},
        refuses=(404,),
        takes_key=True,
    ),
    Route(
        method="GET",
        path="/v2/loyalties/memberships/{customerId}",
        handler=memberships.list_memberships,
        summary="Show all memberships of a customer",
        answers={200: wire_members.Memberships},
        refuses=(404,),
        query=memberships.QUERY,
    ),
    Route(
        method="GET",
        path=f"{_PROGRAM}/memberships/{{customerId}}",
        handler=memberships.get_membership,
        summary="Show a customer's membership, with the progress on tiers",
        answers={200: wire_members.Membership},
        refuses=(404,),
        query=memberships.QUERY,
    ),
)

_CARD_ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=f"{_CARD}/points",
        handler=cards.adjust_points,
        summary="Add points to a card, or take them",
        body=wire_cards.PointsBody,
        answers={200: wire_cards.Adjustment},
        refuses=(404, 423),
        takes_key=True,
    ),
    Route(
        method="GET",
        path=f"{_CARD}/pending-points",
        handler=buckets.list_pending,
        summary="List points that wait to be credited",
        answers={200: Page[wire_cards.PendingBucket]},
        refuses=(404,),
        query=buckets.PENDING_LIST.query,
    ),
    Route(
        method="POST",
        path=f"{_CARD}/pending-points/{{bucketId}}/activate",
        handler=buckets.activate_pending,
        summary="Credit a day's pending points at once",
        answers={200: wire_cards.BucketAct},
        refuses=(404, 423),
        takes_key=True,
    ),
    Route(
        method="POST",
        path=f"{_CARD}/pending-points/{{bucketId}}/cancel",
        handler=buckets.cancel_pending,
        summary="Let a day's pending points come to nothing",
        answers={200: wire_cards.BucketAct},
        refuses=(404, 423),
        takes_key=True,
    ),
    Route(
        method="GET",
        path=f"{_CARD}/expiring-points",
        handler=buckets.list_expiring,
        summary="List points that expire",
        answers={200: Page[wire_cards.PointsBucket]},
        refuses=(404,),
        query=buckets.EXPIRING_LIST.query,
    ),
    Route(
        method="POST",
        path=f"{_CARD}/expiring-points/{{bucketId}}/expire",
        handler=buckets.expire_points,
        summary="Let a day's points expire at once",
        answers={200: wire_cards.BucketAct},
        refuses=(404, 423),
        takes_key=True,
    ),
)

ROUTES: tuple[Route, ...] = (*_CUSTOMER_ROUTES, *_MEMBER_ROUTES, *_CARD_ROUTES)
