"""Carries letters to shops' own addresses, each in the form of its subscription's dialect."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from guerdon.adapters.webhooks.conversation import Answered, NoAnswer
from guerdon.adapters.webhooks.sending import Sender
from guerdon.adapters.webhooks.target import TargetRefused
from guerdon.domain.delivery import Deferred, Delivered, Dropped, Letter, Skipped, Verdict
from guerdon.domain.event import EventKind
from guerdon.domain.subscription import FailureRule, Subscription
from guerdon.engine.announcing import Announcement, WebhookForm
from guerdon.engine.carrying import one_by_one
from guerdon.engine.ports import Destination
from guerdon.engine.runtime import utc_now

AT_ONCE = 64
# A receiver may ask for a longer wait, but not for one without end.
_RETRY_AFTER_SECONDS_MAX = 86_400.0
# No letter is begun so late in a lease that its calls could outlive it.
_BEGIN_SECONDS_MAX = 30.0


class WebhookCourier:
    """Every call may be repeated: its id, or its unchanged bytes, say that it is one."""

    repeats_safely = True
    lease_seconds = 60.0

    def __init__(
        self,
        forms: Iterable[WebhookForm],
        sender: Sender,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._forms = {form.dialect: form for form in forms}
        self._sender = sender
        self._now = now

    @property
    def failure_rules(self) -> dict[str, FailureRule]:
        """What each dialect promises of subscriptions that fail."""
        return {dialect: form.failure_rule for dialect, form in self._forms.items()}

    def wants(self, destination: Destination, kind: EventKind) -> bool:
        subscription = destination.subscription
        if subscription is None or not subscription.is_active:
            return False
        form = self._forms.get(subscription.dialect)
        return form is not None and form.wants(subscription.events, kind)

    async def carry(
        self, destination: Destination, letters: Sequence[Letter]
    ) -> Sequence[Verdict | None]:
        subscription, secret = destination.subscription, destination.secret
        assert subscription is not None, "a webhook's destination is a subscription"
        form = self._forms.get(subscription.dialect)
        if form is None:
            return [Dropped(f"no webhooks in the form of {subscription.dialect}")] * len(letters)
        if secret is None:
            return [Deferred("the secret cannot be opened")] * len(letters)

        async def send(letter: Letter) -> Verdict:
            return await self._send(form, subscription, secret, letter)

        return await one_by_one(
            send, letters, at_once=AT_ONCE, repeats_safely=True, seconds_max=_BEGIN_SECONDS_MAX
        )

    async def _send(
        self, form: WebhookForm, subscription: Subscription, secret: str, letter: Letter
    ) -> Verdict:
        if subscription.program_id not in (None, letter.event.program_id):
            return Skipped("the webhook is another program's")
        announcements = form.announce(letter, subscription)
        if not announcements:
            return Skipped("nothing to say of it in this form")
        for announcement in announcements:
            failure = await self._call(form, subscription, secret, letter, announcement)
            if failure is not None:
                return failure
        return Delivered()

    async def _call(
        self,
        form: WebhookForm,
        subscription: Subscription,
        secret: str,
        letter: Letter,
        announcement: Announcement,
    ) -> Verdict | None:
        """Make one call; None where the receiver took it."""
        try:
            answered = await self._sender.post(
                subscription.url,
                form.headers(announcement, secret, letter, self._now()),
                announcement.body,
                timeout_seconds=form.timeout_seconds,
            )
        except (NoAnswer, TargetRefused, ValueError) as error:
            return _failed(form, letter, str(error), 0.0)
        if 200 <= answered.status < 300:
            return None
        reason = f"answered {answered.status}"
        if answered.status == 410 and form.goes_at_410:
            return Dropped(f"{reason}: it wants no more calls", is_gone=True)
        if 300 <= answered.status < 400:
            reason = f"{reason}; redirects are not followed"
        asked = self._asked_seconds(answered) if form.heeds_retry_after else 0.0
        return _failed(form, letter, reason, asked)

    def _asked_seconds(self, answered: Answered) -> float:
        """Read Retry-After: seconds, or a date."""
        asked = (answered.retry_after or "").strip()
        if asked.isascii() and asked.isdigit():
            # So many digits are no number of seconds that anyone means.
            seconds = float(asked[:9])
        else:
            try:
                date = parsedate_to_datetime(asked)
            except (ValueError, OverflowError):
                return 0.0
            date = date if date.tzinfo else date.replace(tzinfo=UTC)
            seconds = max((date - self._now()) / timedelta(seconds=1), 0.0)
        return min(seconds, _RETRY_AFTER_SECONDS_MAX)


def _failed(form: WebhookForm, letter: Letter, reason: str, asked_seconds: float) -> Verdict:
    delay = form.retry_after(letter.attempt)
    if delay is None:
        return Dropped(f"{reason}, at the last of {letter.attempt} attempts")
    return Deferred(reason, max(delay, asked_seconds))
