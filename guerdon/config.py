"""Reads the environment once, into one frozen value."""

import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeVar, cast, get_args

from msgspec import Struct

from guerdon.domain.errors import Invalid
from guerdon.store.embedded import default_data_dir

LogFormat = Literal["auto", "console", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
# What a host name can be bound to.
DialectName = Literal["mage", "loyaltylion", "voucherify"]
PurchaseProfile = Literal["seed", "current"]

_PREFIX = "GUERDON_"
_SECRET_KEY_BYTES_MIN = 32
_T = TypeVar("_T")


class BadSetting(Invalid):
    """An environment variable does not hold what it should."""

    code = "bad_setting"


class Config(Struct, frozen=True, kw_only=True):
    """`database_url` None: the embedded server of `data_dir`. `secret_key` seals what must be
    read back, such as the secrets of webhooks. `hosts` binds a host name to one dialect.
    A rate limit is in calls a second for each key, Voucherify's in calls a minute for each
    merchant; 0 turns it off. `voucherify_purchase_profile` is the generation of the vendor's API
    that a purchase is answered in. `fulfil_seconds` is how long a
    caller may be kept waiting for a platform to hand a reward over."""

    database_url: str | None
    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8700
    workers: int = 1
    pool_size: int = 10
    log_level: LogLevel = "info"
    log_format: LogFormat = "auto"
    secret_key: str | None = None
    mage_rate_limit: int = 0
    loyaltylion_rate_limit: int = 0
    loyaltylion_strict_seed_keys: bool = False
    voucherify_rate_limit: int = 0
    voucherify_purchase_profile: PurchaseProfile = "seed"
    voucherify_delay_seconds: int = 0
    webhook_allow_http: bool = False
    webhook_allow_private: bool = False
    fulfil_seconds: int = 8
    hosts: dict[str, DialectName]

    @property
    def is_embedded(self) -> bool:
        return self.database_url is None

    def get_secret_key(self) -> str:
        """Give the key that seals secrets; raise where there is none.

        With the embedded database a key is made once, in a file of the data folder that only its
        owner can read. A real server is shared by machines, so all of them must be told."""
        if self.secret_key is not None:
            return self.secret_key
        if not self.is_embedded:
            raise BadSetting(
                "GUERDON_SECRET_KEY (or GUERDON_SECRET_KEY_FILE) is not set, and secrets cannot be "
                'sealed without it; make one with: python3 -c "import secrets; '
                'print(secrets.token_urlsafe(32))"'
            )
        return _read_or_make_key(self.data_dir / "secret.key")


def read_config(environment: Mapping[str, str] | None = None) -> Config:
    """Read every setting; a bad one raises BadSetting, which names its variable."""
    env = os.environ if environment is None else environment
    return Config(
        database_url=_database_url(_secret(env, "DATABASE_URL")),
        data_dir=default_data_dir(env),
        host=_text(env, "HOST") or "127.0.0.1",
        port=_integer(env, "PORT", default=8700, low=0, high=65535),
        workers=_integer(env, "WORKERS", default=1, low=1, high=512),
        pool_size=_integer(env, "POOL_SIZE", default=10, low=2, high=1000),
        log_level=cast("LogLevel", _choice(env, "LOG_LEVEL", get_args(LogLevel), "info")),
        log_format=cast("LogFormat", _choice(env, "LOG_FORMAT", get_args(LogFormat), "auto")),
        secret_key=_secret_key(_secret(env, "SECRET_KEY")),
        mage_rate_limit=_integer(env, "MAGE_RATE_LIMIT", default=0, low=0, high=1_000_000),
        loyaltylion_rate_limit=_integer(
            env, "LOYALTYLION_RATE_LIMIT", default=0, low=0, high=1_000_000
        ),
        loyaltylion_strict_seed_keys=_flag(env, "LOYALTYLION_STRICT_SEED_KEYS"),
        voucherify_rate_limit=_integer(
            env, "VOUCHERIFY_RATE_LIMIT", default=0, low=0, high=1_000_000
        ),
        voucherify_purchase_profile=cast(
            "PurchaseProfile",
            _choice(env, "VOUCHERIFY_PURCHASE_PROFILE", get_args(PurchaseProfile), "seed"),
        ),
        voucherify_delay_seconds=_integer(
            env, "VOUCHERIFY_DELAY_SECONDS", default=0, low=0, high=5
        ),
        webhook_allow_http=_flag(env, "WEBHOOK_ALLOW_HTTP"),
        webhook_allow_private=_flag(env, "WEBHOOK_ALLOW_PRIVATE"),
        fulfil_seconds=_integer(env, "FULFIL_SECONDS", default=8, low=1, high=120),
        hosts=_hosts(_text(env, "HOSTS")),
    )


def _text(env: Mapping[str, str], name: str) -> str | None:
    """Give a variable; set to nothing is as good as not set."""
    return env.get(_PREFIX + name, "").strip() or None


def read_secret(env: Mapping[str, str], variable: str) -> str | None:
    """Give a secret from its variable, or from the file that the variable's _FILE names."""
    value, path = env.get(variable, "").strip(), env.get(f"{variable}_FILE", "").strip()
    if not path:
        return value or None
    if value:
        raise BadSetting(f"{variable} and {variable}_FILE are both set; set one of them")
    try:
        content = Path(path).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise BadSetting(f"{variable}_FILE names {path}: {reason}") from error
    if not content:
        raise BadSetting(f"{variable}_FILE names {path}, which is empty")
    return content


def _secret(env: Mapping[str, str], name: str) -> str | None:
    return read_secret(env, _PREFIX + name)


def _integer(env: Mapping[str, str], name: str, *, default: int, low: int, high: int) -> int:
    value = _text(env, name)
    if value is None:
        return default
    number = _attempt(int, value)
    if number is None or not low <= number <= high:
        raise BadSetting(f"{_PREFIX}{name} is {value!r}, not a whole number from {low} to {high}")
    return number


def _attempt(read: Callable[[str], _T], value: str) -> _T | None:
    try:
        return read(value)
    except ValueError:
        return None


def _choice(env: Mapping[str, str], name: str, known: tuple[str, ...], default: str) -> str:
    value = (_text(env, name) or default).lower()
    if value not in known:
        raise BadSetting(f"{_PREFIX}{name} is {value!r}, not one of: {', '.join(known)}")
    return value


def _flag(env: Mapping[str, str], name: str) -> bool:
    value = (_text(env, name) or "false").lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    raise BadSetting(f"{_PREFIX}{name} is {value!r}, not one of: true, false")


def _database_url(url: str | None) -> str | None:
    if url is not None and not url.startswith(("postgresql://", "postgres://")):
        # The value may hold a password, so it is not repeated.
        raise BadSetting("GUERDON_DATABASE_URL does not begin with postgresql://")
    return url


def _secret_key(key: str | None) -> str | None:
    if key is not None and len(key.encode()) < _SECRET_KEY_BYTES_MIN:
        raise BadSetting(f"GUERDON_SECRET_KEY is too short: {_SECRET_KEY_BYTES_MIN} bytes at least")
    return key


def _hosts(text: str | None) -> dict[str, DialectName]:
    """Read `points.shop.example=mage, loyalty.shop.example=mage`."""
    hosts: dict[str, DialectName] = {}
    for pair in filter(None, (part.strip() for part in (text or "").split(","))):
        name, _, dialect = (part.strip().lower() for part in pair.partition("="))
        if not name or dialect not in get_args(DialectName):
            known = ", ".join(get_args(DialectName))
            raise BadSetting(
                f"GUERDON_HOSTS holds {pair!r}, not a host name, '=', and one of: {known}"
            )
        if name in hosts:
            raise BadSetting(f"GUERDON_HOSTS names {name} twice")
        hosts[name] = cast("DialectName", dialect)
    return hosts


def _read_or_make_key(path: Path) -> str:
    """Read the key file, or make it; of several processes that make it at once, one wins.

    The file appears whole or not at all, so that no crash leaves half a key behind."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.unlink(missing_ok=True)
            with os.fdopen(
                os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w"
            ) as file:
                file.write(secrets.token_urlsafe(32) + "\n")
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(draft, path)
            draft.unlink()
        key = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise BadSetting(f"the key file {path} cannot be used: {error.strerror}") from error
    if len(key) < _SECRET_KEY_BYTES_MIN:
        raise BadSetting(f"the key file {path} holds no key; restore it from a backup")
    return key
