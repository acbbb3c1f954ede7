"""The same HTTP stack, decoding and answering the same bodies, without any ledger behind it."""

import sys

import uvicorn
import uvloop

from guerdon.domain.command import Command, Done, Outcome, Redeem, Redeemed
from guerdon.domain.ids import EntryId, LotId, MemberId, MerchantId, RedemptionId, WalletId
from guerdon.domain.redemption import Redemption
from guerdon.engine.collecting import tune_collector
from guerdon.engine.keying import Keyring
from guerdon.engine.runtime import Runtime, utc_now
from guerdon.engine.submitting import Ledger
from guerdon.store.connection import open_pool
from guerdon.web import create_app


class EchoLedger(Ledger):
    """Answers every redemption as if it had been made; nothing is asked and nothing written."""

    async def submit(
        self,
        merchant_id: MerchantId,
        command: Command,
        *,
        key: str | None = None,  # noqa: ARG002 -- the ledger's own signature
        fingerprint: bytes = b"",  # noqa: ARG002 -- the ledger's own signature
    ) -> Outcome:
        """Answer at once."""
        assert isinstance(command, Redeem)
        reward = (await self.catalogues.get(merchant_id)).rewards[command.reward_id]
        now = utc_now()
        redemption = Redemption(
            id=RedemptionId(123456789),
            program_id=command.program_id,
            member_id=MemberId(1),
            wallet_id=WalletId(2),
            reward_id=reward.id,
            reward_version_id=reward.version_id,
            status="approved",
            points_cost=reward.points_cost,
            lot_ids=(LotId(3),),
            lot_points=(reward.points_cost,),
            entry_id=EntryId(4),
            code="MAGE-23456789AB",
            created_at=now,
            updated_at=now,
        )
        return Done(Redeemed(redemption, 1))


async def _serve(url: str, port: int) -> None:
    pool = await open_pool(url, size=2)
    ledger = EchoLedger(Runtime(pool=pool))
    app = create_app(ledger, keyring=Keyring(pool))
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
    )
    tune_collector()
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], int(sys.argv[2])))
