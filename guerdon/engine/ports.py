"""What the engine needs from outside, as protocols."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from guerdon.domain.catalogue import Catalogue, Merchant, Reward
from guerdon.domain.delivery import Letter, Verdict
from guerdon.domain.event import EventKind
from guerdon.domain.ids import MerchantId
from guerdon.domain.incoming import Incoming
from guerdon.domain.integration import IntegrationKind
from guerdon.domain.member import Member
from guerdon.domain.redemption import Redemption
from guerdon.domain.subscription import Subscription


class Connected(Struct, frozen=True, kw_only=True):
    """A platform that a merchant is connected to. `secrets` are in plain: never log or show one."""

    merchant_id: MerchantId
    kind: IntegrationKind
    definition: dict[str, str | None]
    secrets: dict[str, str]

    def __repr__(self) -> str:
        return f"Connected(merchant_id={self.merchant_id}, kind={self.kind!r})"


class Fulfilled(Struct, frozen=True):
    """The reward is the member's. `code` where the platform chose another than ours; `reference`
    is the platform's own name for what it made."""

    code: str | None = None
    reference: str | None = None


class FulfilmentFailed(Exception):
    """The platform did not hand the reward over, and is known not to have.

    `is_permanent`: trying again cannot help. `after_seconds`: how long the platform asked to be
    left alone. `is_never_over`: it is to be asked until it says yes, however long that takes."""

    def __init__(
        self,
        reason: str,
        *,
        is_permanent: bool = False,
        after_seconds: float | None = None,
        is_never_over: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_permanent = is_permanent
        self.after_seconds = after_seconds
        self.is_never_over = is_never_over


class CodeTaken(FulfilmentFailed):
    """Somebody else's discount holds the code: choose another one, store it, and ask again."""


class Handover(Struct, frozen=True, kw_only=True):
    """What is to be handed over, or taken back. `code` is the one to use. `is_repeat`: an earlier
    attempt may have reached the platform, so look there before anything is made. `reference` is
    what an earlier attempt returned."""

    merchant: Merchant
    member: Member
    reward: Reward
    redemption: Redemption
    connected: Connected
    code: str | None
    is_repeat: bool = False
    reference: str | None = None


class Fulfiller(Protocol):
    """Hands a reward over on a platform. Called with no transaction open; may be called again for
    one redemption, which its id (and code) make the same as once."""

    platform: IntegrationKind

    async def fulfil(self, handover: Handover) -> Fulfilled:
        """Hand over, or raise FulfilmentFailed. Any other outcome is unknown and left pending."""
        ...

    async def take_back(self, handover: Handover) -> None:
        """Make what was handed over, if anything was, worth nothing. Doing it twice is doing it
        once. Raises FulfilmentFailed."""
        ...


class EndpointCall(Struct, frozen=True):
    """A signed call to a shop's own endpoint."""

    headers: tuple[tuple[str, str], ...]
    body: bytes


class EndpointForm(Protocol):
    """How a shop's own endpoint is asked to hand rewards over. None: it is not asked that.

    `is_patient`: it is asked until it says yes, however long that takes."""

    is_patient: bool
    timeout_seconds: float

    def fulfil(self, handover: Handover, secret: str, now: datetime) -> EndpointCall | None:
        """Ask to hand over; a repetition is known by what stays the same in it."""
        ...

    def take_back(self, handover: Handover, secret: str, now: datetime) -> EndpointCall | None:
        """Tell that it is not to be handed over, or is worth nothing now."""
        ...

    def probe(
        self, merchant: Merchant, reward: Reward, secret: str, now: datetime
    ) -> EndpointCall | None:
        """Try the endpoint for a reward that is new or has changed."""
        ...


class Prober(Protocol):
    """Tries whoever is to hand a reward over, so that what is wrong shows before a member asks."""

    platform: IntegrationKind

    async def probe(self, connected: Connected, merchant: Merchant, reward: Reward) -> bool:
        """Try it; false where it has no such thing. Raises FulfilmentFailed."""
        ...


class Destination(Struct, frozen=True, kw_only=True):
    """Where letters go. `name` is the platform's, or 'webhook:' and the subscription's id. Exactly
    one of `connected` and `subscription` is there; `secret` signs the subscription's calls."""

    name: str
    merchant: Merchant
    connected: Connected | None = None
    subscription: Subscription | None = None
    secret: str | None = None

    def __repr__(self) -> str:
        return f"Destination(name={self.name!r}, merchant_id={self.merchant.id})"


class Courier(Protocol):
    """Carries letters to one kind of destination. `repeats_safely`: a letter whose answer was lost
    with the process that sent it may be sent again; where not, it is marked uncertain.

    `lease_seconds` is the longest that one `carry` may take."""

    repeats_safely: bool
    lease_seconds: float

    def wants(self, destination: Destination, kind: EventKind) -> bool:
        """Whether events of this kind go there at all; asked once per event, before any load."""
        ...

    async def carry(
        self, destination: Destination, letters: Sequence[Letter]
    ) -> Sequence[Verdict | None]:
        """Deliver letters, which come in the order of their events; give each one's verdict.

        Letters of one member arrive in order: after one that was Deferred, the member's later ones
        are left alone (None, which counts as no attempt). Members do not wait for each other."""
        ...


class Unreadable(Exception):
    """A message does not say what it should; repeating it cannot help."""


class TryLater(Exception):
    """What a message asks for has to wait for something else."""


class InboxReader(Protocol):
    """Reads the messages of one platform."""

    def read(self, topic: str, body: bytes, received_at: datetime) -> Sequence[Incoming]:
        """Give what the message tells, nothing where that concerns nobody. Raises Unreadable."""
        ...


class DirectoryEntry(Struct, frozen=True):
    """A customer as the shop's platform knows them."""

    external_id: str
    email: str | None
    first_name: str | None
    last_name: str | None


class Directory(Protocol):
    """Looks customers up on the shop's platform."""

    platform: IntegrationKind

    async def find_customer(self, connected: Connected, external_id: str) -> DirectoryEntry | None:
        """Find a customer; None where there is none. Raises Unavailable when out of reach."""
        ...


class Minted(Struct, frozen=True):
    """The codes that the platform knows now, of those asked for, and its name for what they are
    on."""

    codes: tuple[str, ...]
    reference: str


class PoolMinter(Protocol):
    """Makes many codes of a reward ahead, so that handing one out needs no call."""

    platform: IntegrationKind
    seconds_max: float

    async def mint(
        self,
        connected: Connected,
        merchant: Merchant,
        reward: Reward,
        codes: Sequence[str],
        reference: str | None,
    ) -> Minted:
        """Make the codes good, on `reference` where earlier ones are. Asked again with the same
        codes it finds what it made. Raises FulfilmentFailed, after which it is to be asked again,
        with the same codes unless `is_permanent`. Takes no longer than `seconds_max`."""
        ...


class Publisher(Protocol):
    """Shows on the shop's platform what a merchant offers."""

    platform: IntegrationKind

    async def publish(self, connected: Connected, catalogue: Catalogue) -> None:
        """Show the offers as they stand. Raises FulfilmentFailed."""
        ...
