"""Settings are read once, and a bad one is named."""

import stat
from pathlib import Path

import pytest

from guerdon.config import BadSetting, read_config

_KEY = "a key of thirty-two bytes, or more"


def test_nothing_set_is_a_shop_on_one_machine() -> None:
    config = read_config({})
    assert config.is_embedded
    assert (config.host, config.port, config.workers) == ("127.0.0.1", 8700, 1)
    assert (config.mage_rate_limit, config.loyaltylion_rate_limit) == (0, 0)
    assert (config.voucherify_purchase_profile, config.voucherify_delay_seconds) == ("seed", 0)
    assert config.hosts == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GUERDON_PORT", "http"),
        ("GUERDON_PORT", "70000"),
        ("GUERDON_WORKERS", "0"),
        ("GUERDON_POOL_SIZE", "1"),
        ("GUERDON_LOG_LEVEL", "loud"),
        ("GUERDON_LOG_FORMAT", "xml"),
        ("GUERDON_DATABASE_URL", "mysql://elsewhere"),
        ("GUERDON_SECRET_KEY", "short"),
        ("GUERDON_MAGE_RATE_LIMIT", "-1"),
        ("GUERDON_LOYALTYLION_RATE_LIMIT", "many"),
        ("GUERDON_LOYALTYLION_STRICT_SEED_KEYS", "very"),
        ("GUERDON_VOUCHERIFY_RATE_LIMIT", "-1"),
        ("GUERDON_VOUCHERIFY_PURCHASE_PROFILE", "newest"),
        ("GUERDON_VOUCHERIFY_DELAY_SECONDS", "6"),
        ("GUERDON_WEBHOOK_ALLOW_HTTP", "perhaps"),
        ("GUERDON_HOSTS", "points.shop.example"),
        ("GUERDON_HOSTS", "points.shop.example=esperanto"),
        ("GUERDON_HOSTS", "a.example=mage, A.example=mage"),
        ("GUERDON_SECRET_KEY_FILE", "/nowhere/at/all"),
    ],
)
def test_a_bad_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=name):
        read_config({name: value})


def test_a_bad_database_url_is_not_repeated() -> None:
    with pytest.raises(BadSetting) as refused:
        read_config({"GUERDON_DATABASE_URL": "mysql://me:password@db"})
    assert "password" not in str(refused.value)


def test_hosts_are_bound_to_dialects() -> None:
    config = read_config({"GUERDON_HOSTS": "Points.Shop.example = mage,b.example=LoyaltyLion"})
    assert config.hosts == {"points.shop.example": "mage", "b.example": "loyaltylion"}


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(_KEY + "\n")
    assert read_config({"GUERDON_SECRET_KEY_FILE": str(file)}).secret_key == _KEY
    with pytest.raises(BadSetting, match="both set"):
        read_config({"GUERDON_SECRET_KEY_FILE": str(file), "GUERDON_SECRET_KEY": _KEY})
    file.write_text("")
    with pytest.raises(BadSetting, match="empty"):
        read_config({"GUERDON_SECRET_KEY_FILE": str(file)})


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    environment = {"GUERDON_DATA_DIR": str(tmp_path / "data")}
    key = read_config(environment).get_secret_key()
    file = tmp_path / "data" / "secret.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_config(environment).get_secret_key() == key
    assert list(file.parent.iterdir()) == [file]


def test_a_damaged_key_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("")
    with pytest.raises(BadSetting, match=r"secret\.key"):
        read_config({"GUERDON_DATA_DIR": str(tmp_path)}).get_secret_key()
    assert (tmp_path / "secret.key").read_text() == ""


def test_with_a_real_server_the_key_must_be_given() -> None:
    environment = {"GUERDON_DATABASE_URL": "postgresql://db.example/guerdon"}
    with pytest.raises(BadSetting, match="GUERDON_SECRET_KEY"):
        read_config(environment).get_secret_key()
    assert read_config(environment | {"GUERDON_SECRET_KEY": _KEY}).get_secret_key() == _KEY
