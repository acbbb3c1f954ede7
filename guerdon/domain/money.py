"""Money as minor units of a currency; never a float."""

from decimal import ROUND_HALF_UP, Decimal

_EXPONENT_ZERO = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()
)
_EXPONENT_THREE = frozenset("BHD IQD JOD KWD LYD OMR TND".split())


def minor_exponent(currency: str) -> int:
    """Give the number of decimal places of a currency's minor unit (ISO 4217)."""
    if currency in _EXPONENT_ZERO:
        return 0
    return 3 if currency in _EXPONENT_THREE else 2


def to_minor(amount: Decimal, currency: str) -> int:
    """Turn major units into minor ones; a finer fraction than the currency has is an error."""
    scaled = amount.scaleb(minor_exponent(currency))
    if scaled != scaled.to_integral_value():
        message = f"{amount} is finer than the smallest unit of {currency}"
        raise ValueError(message)
    return int(scaled)


def to_major(amount_minor: int, currency: str) -> int | float:
    """Give a JSON number in major units: whole where it is whole."""
    value = Decimal(amount_minor).scaleb(-minor_exponent(currency))
    return int(value) if value == value.to_integral_value() else float(value)


def multiply_points(points: int, multiplier_permille: int) -> int:
    """Multiply points, rounding half up. A multiplier of 1500 permille is 1.5."""
    return int((Decimal(points) * multiplier_permille / 1000).quantize(Decimal(1), ROUND_HALF_UP))
