"""Collects what is wrong with a program file."""

from collections.abc import Hashable, Iterable, Mapping
from decimal import Decimal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from guerdon.config import BadSetting, read_secret
from guerdon.domain.money import to_minor
from guerdon.domain.webhook_url import UrlRules

_AMOUNT_MAX = Decimal(10) ** 12


class Checks:
    """Collects problems and warnings, each with the path to what is wrong."""

    def __init__(self, environment: Mapping[str, str], currency: str, url_rules: UrlRules) -> None:
        self.environment = environment
        self.currency = currency
        self.url_rules = url_rules
        self.problems: list[str] = []
        self.warnings: list[str] = []

    def refuse(self, path: str, what: str) -> None:
        self.problems.append(f"{path}: {what}")

    def distinct(self, path: str, key: str, values: Iterable[Hashable]) -> None:
        """Refuse a list in which two parts have the same key, at the second of them."""
        seen: set[Hashable] = set()
        for index, value in enumerate(values):
            if value in seen:
                self.refuse(f"{path}[{index}].{key}", f"{value!r} is there twice")
            seen.add(value)

    def timezone(self, path: str, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            self.refuse(path, f"no time zone {name!r}")
        return name

    def url(self, path: str, value: str | None) -> None:
        if value is None:
            return
        try:
            parts = urlsplit(value)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            self.refuse(path, f"{value!r} is not an http or https address")

    def minor(self, path: str, amount: Decimal | None) -> int | None:
        if amount is None:
            return None
        if not amount.is_finite() or not 0 <= amount <= _AMOUNT_MAX:
            self.refuse(path, f"{amount} is not an amount of money")
            return None
        try:
            return to_minor(amount, self.currency)
        except ValueError as error:
            self.refuse(path, str(error))
            return None

    def scaled(self, path: str, number: Decimal, scale: int, low: int, high: int) -> int:
        """Give a number times its scale as a whole number within bounds of the number itself."""
        scaled = number * scale if number.is_finite() else Decimal("0.5")
        if scaled != scaled.to_integral_value():
            self.refuse(path, f"{number} has more than {len(str(scale)) - 1} decimal places")
            return scale
        if not low <= number <= high:
            self.refuse(path, f"{number} is not from {low} to {high}")
        return int(scaled)

    def secret(self, path: str, variable: str, length_min: int = 1) -> str:
        """Give a secret by its variable; what a person could guess is refused."""
        try:
            value = read_secret(self.environment, variable)
        except BadSetting as error:
            self.refuse(path, str(error))
            return ""
        if value is None:
            self.refuse(path, f"the environment variable {variable} is not set")
        elif len(value) < length_min or not value.isascii():
            self.refuse(path, f"{variable} must hold {length_min} ASCII characters or more")
        return value or ""
