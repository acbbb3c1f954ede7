"""What happens in the demo shop: a shopper joins, and points buy a reward."""

import json
from dataclasses import dataclass

import httpx
from rich.markup import escape
from rich.table import Table

from guerdon.cli.choosing import choose_catalogue, choose_program, choose_reward
from guerdon.cli.console import fail, out
from guerdon.cli.demo_voucher import await_approval, purchase_path
from guerdon.cli.id_forms import id_forms
from guerdon.domain.catalogue import Merchant, Program, Reward
from guerdon.domain.command import Adjust, Command, Done, Enrol, Enrolled, Result
from guerdon.domain.ledger import Entry
from guerdon.domain.lot import Lot
from guerdon.domain.member import Member, MemberRef
from guerdon.engine.submitting import Ledger
from guerdon.engine.verifying import verify
from guerdon.store.ledger_views import list_entries_of_member, list_lots_of_member
from guerdon.store.snapshot import snapshot

_REWARD = "five-off"
_SHOPIFY_REWARD = "ten-off"
_CUSTOM_REWARD = "tree"
_CUSTOM_UNITS = 2
_GIFT = 1075


@dataclass(frozen=True)
class DemoShop:
    ledger: Ledger
    merchant: Merchant
    program: Program
    reward: Reward
    shopify_reward: Reward
    custom_reward: Reward

    @classmethod
    async def open(cls, ledger: Ledger, slug: str) -> "DemoShop":
        catalogue = await choose_catalogue(ledger.runtime.pool, slug)
        program = choose_program(catalogue, None)
        slugs = (_REWARD, _SHOPIFY_REWARD, _CUSTOM_REWARD)
        rewards = (choose_reward(catalogue, slug) for slug in slugs)
        return cls(ledger, catalogue.merchant, program, *rewards)

    def reward_id(self) -> str:
        return id_forms("reward", self.reward.id)["mage"]

    async def enrol(self) -> Member:
        """Enrol a new shopper, who gets the rule's points, and give more by hand."""
        now = self.ledger.runtime.now()
        external_id = f"{now:%Y%m%d%H%M%S}{now.microsecond // 1000:03}"
        enrolled = await self._do(
            Enrol(
                program_id=self.program.id,
                external_id=external_id,
                email=f"ada.{external_id}@harbour-roast.example",
                first_name="Ada",
                last_name="Marlow",
            )
        )
        assert isinstance(enrolled, Enrolled)
        ref = MemberRef(external_id=external_id)
        await self._do(
            Adjust(program_id=self.program.id, member=ref, points=_GIFT, note="a demo's gift")
        )
        return enrolled.member

    async def _do(self, command: Command) -> Result:
        outcome = await self.ledger.submit(self.merchant.id, command)
        if not isinstance(outcome, Done):
            fail(" ".join(refusal.message for refusal in outcome.refusals))
        return outcome.result

    async def redeem_by_mage(self, base: str, key: str, shopper: Member) -> None:
        """Redeem over HTTP in the dialect of Mage, then repeat the request with its key."""
        lots_before, _ = await self._ledger_of(shopper)
        path = f"/mage/v1/rewards/{self.reward_id()}/purchase"
        headers = {"Authorization": key, "Idempotency-Key": f"demo-{shopper.external_id}"}
        body = {"customer_identifier": shopper.external_id}
        async with httpx.AsyncClient(base_url=base, timeout=30, trust_env=False) as client:
            first = await client.post(path, json=body, headers=headers)
            again = await client.post(path, json=body, headers=headers)
        _print_call("Mage Loyalty v1", path, body, first)
        if first.status_code != 201 or again.json() != first.json():
            fail(f"the redemption failed: {first.status_code}, again {again.status_code}")
        _print("The same request once more, with the same Idempotency-Key: the same answer.\n")
        lots_after, entries = await self._ledger_of(shopper)
        _print_lots(lots_before, lots_after)
        _print_entries(entries)

    async def redeem_in_shopify(self, base: str, key: str, shopper: Member) -> str:
        """Redeem a reward that the shop's platform hands over; give its code."""
        reward_id = id_forms("reward", self.shopify_reward.id)["mage"]
        path = f"/mage/v1/rewards/{reward_id}/purchase"
        body = {"customer_identifier": shopper.external_id}
        async with httpx.AsyncClient(base_url=base, timeout=30, trust_env=False) as client:
            answer = await client.post(path, json=body, headers={"Authorization": key})
        _print_call("Mage Loyalty v1, a reward that Shopify makes", path, body, answer)
        if answer.status_code != 201:
            fail(f"the redemption failed: {answer.status_code}")
        code: str = answer.json()["data"]["attributes"]["discount_code"]
        return code

    async def claim_by_loyaltylion(self, base: str, key: str, shopper: Member) -> int:
        """Claim two of a reward that staff hand over, in the dialect of LoyaltyLion; give what
        that cost."""
        path = f"/loyaltylion/v2/customers/{shopper.external_id}/claimed_rewards"
        body = {"reward_id": self.custom_reward.id, "multiplier": _CUSTOM_UNITS}
        async with httpx.AsyncClient(base_url=base, timeout=30, trust_env=False) as client:
            headers = {"Authorization": f"Bearer {key}"}
            answer = await client.post(path, json=body, headers=headers)
        _print_call("LoyaltyLion v2, the same shopper", path, body, answer)
        if answer.status_code != 201:
            fail(f"the claim failed: {answer.status_code}")
        _, entries = await self._ledger_of(shopper)
        _print_entries(entries)
        points_cost: int = answer.json()["claimed_reward"]["point_cost"]
        return points_cost

    async def purchase_by_voucherify(
        self, base: str, pair: tuple[str, str], shopper: Member
    ) -> int:
        """Buy in the dialect of Voucherify, and ask until it is approved; give what that cost."""
        path = purchase_path(self.program.id, shopper.id)
        body = {"reward_id": id_forms("reward", self.custom_reward.id)["voucherify"]}
        headers = {"X-App-Id": pair[0], "X-App-Token": pair[1]}
        async with httpx.AsyncClient(base_url=base, timeout=30, trust_env=False) as client:
            answer = await client.post(path, json=body, headers=headers)
            _print_call("Voucherify loyalties v2, the same shopper", path, body, answer)
            if answer.status_code != 202:
                fail(f"the purchase failed: {answer.status_code}")
            bought = await await_approval(client, path, headers)
        _print(f"  GET {escape(path)}")
        _print("  until it is no longer pending:")
        _print_json(bought)
        if bought["status"] != "APPROVED":
            fail(f"the purchase ended as {bought['status']}")
        _, entries = await self._ledger_of(shopper)
        _print_entries(entries)
        points: int = bought["details"]["points"]["total"]
        return points

    async def _ledger_of(self, shopper: Member) -> tuple[list[Lot], list[Entry]]:
        async with snapshot(self.ledger.runtime.pool) as view:
            lots = await list_lots_of_member(view, self.merchant.id, shopper.id)
            return lots, await list_entries_of_member(view, self.merchant.id, shopper.id)

    async def prove(self) -> bool:
        """Replay the ledger and compare it with every figure."""
        proof = await verify(self.ledger.runtime.pool)
        tally = proof.tally
        said = (
            f"{tally.members} members, {tally.wallets} wallets, {tally.entries} entries, "
            f"{tally.lots} lots, {tally.redemptions} redemptions"
        )
        if proof.is_clean:
            _print(f"[bold green]✓[/] [bold]Every balance is proven[/] {said}")
        else:
            _print(f"[bold red]✗ {len(proof.drifts)} figures drifted[/] of {said}")
        return proof.is_clean


def _print(line: str) -> None:
    out().print(line)


def _print_call(
    dialect: str, path: str, body: dict[str, str] | dict[str, int], answer: httpx.Response
) -> None:
    _print(f"\n[bold]Through {dialect}[/]")
    _print(f"  POST {escape(path)}")
    _print(f"  {escape(json.dumps(body))}")
    _print(f"  [bold]{answer.status_code}[/]")
    _print_json(answer.json())


def _print_json(document: object) -> None:
    shown = json.dumps(document, indent=2, ensure_ascii=False)
    _print("\n".join(f"  {escape(line)}" for line in shown.splitlines()))


def _print_lots(before: list[Lot], after: list[Lot]) -> None:
    table = Table(title="Lots, oldest first", title_justify="left")
    for heading in ("lot", "before", "drawn", "after"):
        table.add_column(heading, justify="right")
    table.add_column("expires")
    left = {lot.id: lot.points_remaining for lot in after}
    for lot in before:
        remaining = left.get(lot.id, 0)
        table.add_row(
            str(lot.id),
            str(lot.points_remaining),
            str(remaining - lot.points_remaining or ""),
            str(remaining),
            f"{lot.expires_at:%Y-%m-%d}" if lot.expires_at else "never",
        )
    out().print(table)


def _print_entries(entries: list[Entry]) -> None:
    table = Table(title="Ledger entries", title_justify="left")
    table.add_column("entry", justify="right")
    table.add_column("kind")
    for heading in ("points", "balance after"):
        table.add_column(heading, justify="right")
    table.add_column("lots")
    for entry in entries:
        lots = zip(entry.lot_ids, entry.lot_points, strict=True)
        table.add_row(
            str(entry.id),
            entry.kind,
            f"{entry.points:+}",
            str(entry.points_after),
            ", ".join(f"{points:+} of lot {lot_id}" for lot_id, points in lots),
        )
    out().print(table)
