"""What becomes of a webhook whose calls fail."""

from collections.abc import Iterable
from datetime import timedelta

import structlog

from guerdon.domain.delivery import Deferred, Delivered, Dropped, Verdict
from guerdon.domain.ids import MerchantId, SubscriptionId
from guerdon.domain.subscription import FailureRule
from guerdon.engine.runtime import Runtime
from guerdon.store import webhook_subscriptions as store
from guerdon.store.transaction import transaction

_NO_RULE = FailureRule()
_log = structlog.get_logger(__name__)


async def record_results(
    runtime: Runtime,
    merchant_id: MerchantId,
    subscription_id: SubscriptionId,
    verdicts: Iterable[Verdict | None],
) -> None:
    """Count how a webhook's calls went, in their order, and do as its dialect promises.

    At the count of alert the log says `webhook_failing`; at that of removal the subscription is
    deleted. One that failed for too long, or that asked for no more, is switched off. Two processes
    may count at once: they wait for each other's row."""
    told = [each for each in verdicts if isinstance(each, Delivered | Deferred | Dropped)]
    if not told:
        return
    failed = len(told)
    for place, verdict in enumerate(told):
        if isinstance(verdict, Delivered):
            failed = len(told) - place - 1
    is_gone = any(isinstance(each, Dropped) and each.is_gone for each in told)
    now = runtime.now()
    async with transaction(runtime.pool) as tx:
        if not failed:
            await store.forget_failures(tx, merchant_id, subscription_id)
            return
        counted = await store.count_failures(
            tx,
            merchant_id,
            subscription_id,
            failures=failed,
            is_anew=failed < len(told),
            now=now,
        )
        if counted is None:
            return
        dialect, failures, failing_since = counted
        rule = runtime.failure_rules.get(dialect, _NO_RULE)
        seconds = (now - failing_since) / timedelta(seconds=1)
        is_too_many = rule.remove_at is not None and failures >= rule.remove_at
        is_too_many = is_too_many and seconds >= rule.remove_after_seconds
        limit = rule.disable_after_seconds
        is_too_long = limit is not None and seconds >= limit
        if is_too_many:
            await store.delete_subscription(tx, merchant_id, subscription_id)
        elif is_too_long or is_gone:
            await store.switch_off(tx, merchant_id, subscription_id, now)
    log = _log.bind(
        merchant_id=merchant_id,
        subscription_id=subscription_id,
        failures=failures,
        failing_since=failing_since.isoformat(),
    )
    if is_too_many:
        log.warning("webhook_removed")
    elif is_too_long or is_gone:
        log.warning("webhook_switched_off", asked_for=is_gone)
    elif rule.alert_at is not None and failures - failed < rule.alert_at <= failures:
        log.warning("webhook_failing")
