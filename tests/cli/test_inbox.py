"""`guerdon inbox` and `guerdon privacy`, as an operator runs them."""

import json
from functools import partial
from pathlib import Path

import psycopg
import yaml

from tests.builders.program_file import SECRETS, make_file
from tests.support.commands import run_here

KEY = "a sealing key of thirty-two bytes or more"
_SHOPIFY = {"shopify": {"shop": "tides.myshopify.com", "token_env": "KEY_ONE"}}
_MEMBERS = "external_id,email,points\n9001,anna@shop.example,40\n9002,bela@shop.example,7\n"
_DEAD = """
    INSERT INTO inbox_events (merchant_id, id, source, topic, delivery_key, body, received_at,
        status, is_open, attempts, next_at, last_error, updated_at)
    SELECT merchant_id, %s, 'shopify', 'orders/paid', %s, '{}', now(), 'dead', FALSE, 16, now(),
        'TryLater: not yet', now()
    FROM merchants
"""


def test_messages_and_people_are_seen_to(database_url: str, tmp_path: Path) -> None:
    run = partial(run_here, GUERDON_DATABASE_URL=database_url, GUERDON_SECRET_KEY=KEY, **SECRETS)
    file = tmp_path / "shop.yaml"
    file.write_text(yaml.safe_dump(make_file(integrations=_SHOPIFY)))
    assert run("apply", str(file)).code == 0
    shown = json.loads(run("show", "--json").out)
    (integration,) = shown["integrations"]
    slug = shown["merchant"]["slug"]
    assert integration["webhooks_at"].startswith(f"/hooks/shopify/{slug}/")
    assert integration["webhooks_at"] in run("show").out

    with psycopg.connect(database_url) as connection:
        connection.execute(_DEAD, (1, "a"))
        connection.execute(_DEAD, (2, "b"))
    listed = json.loads(run("inbox", "list", "--json", "--status", "dead").out)
    assert [(each["id"], each["last_error"]) for each in listed] == [
        (2, "TryLater: not yet"),
        (1, "TryLater: not yet"),
    ]
    assert "orders/paid" in run("inbox", "list").out
    assert run("inbox", "list", "--status", "lost").code == 1
    assert run("inbox", "replay").code == 1
    assert "1 messages" in run("inbox", "replay", "2").err
    assert "1 messages" in run("inbox", "replay", "--all").err
    assert json.loads(run("inbox", "list", "--json", "--status", "dead").out) == []
    assert "there are none" in run("inbox", "debts").err

    members = tmp_path / "members.csv"
    members.write_text(_MEMBERS)
    assert run("import", "members", str(members)).code == 0
    told = tmp_path / "anna.json"
    assert run("privacy", "export", "anna@shop.example", "--to", str(told)).code == 0
    assert json.loads(told.read_text())["member"]["external_id"] == "9001"
    assert told.stat().st_mode & 0o077 == 0
    assert run("privacy", "export", "9001", "--to", str(told)).code == 1
    assert run("privacy", "erase", "9001", "--yes").code == 0
    assert run("privacy", "erase", "9001", "--yes").code == 1
    assert "there are none" in run("privacy", "list").err
    with psycopg.connect(database_url) as connection:
        left = connection.execute("SELECT external_id FROM members ORDER BY id").fetchall()
    assert left[0][0].startswith("erased-")
    assert left[1] == ("9002",)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO customers SELECT merchant_id, 9000000, 'C-7', 'zoe@shop.example', 'Zoe',"
            " NULL, NULL, '{}', '{}', now() FROM merchants"
        )
    stated = tmp_path / "zoe.json"
    assert run("privacy", "export", "C-7", "--to", str(stated)).code == 0
    assert json.loads(stated.read_text())["customers"][0]["name"] == "Zoe"
    assert run("privacy", "erase", "C-7", "--yes").code == 0
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM customers").fetchall() == [(0,)]
    assert run("privacy", "export", "C-7", "--to", str(tmp_path / "again.json")).code == 1
    assert run("verify").code == 0
