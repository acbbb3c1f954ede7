"""The connection goes to an address that was checked; the certificate must be for the name."""

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from guerdon.adapters.webhooks.conversation import Answered, NoAnswer
from guerdon.adapters.webhooks.sending import Sender
from guerdon.domain.webhook_url import UrlRules
from tests.support.webhook_receiver import answer, receiving


@dataclass(frozen=True)
class Contexts:
    """Of a server with a certificate for shop.example, and of a client that trusts its maker."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    asked_for: list[str | None]


@pytest.fixture
def contexts(tmp_path: Path) -> Contexts:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    pem = serialization.Encoding.PEM
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(pem)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    asked_for: list[str | None] = []
    server.sni_callback = lambda _socket, asked, _context: asked_for.append(asked)
    client = ssl.create_default_context(cadata=certificate.public_bytes(pem).decode())
    return Contexts(server, client, asked_for)


@pytest.fixture
async def sender(contexts: Contexts) -> AsyncIterator[Sender]:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    sender = Sender(UrlRules(allows_private=True), resolve=resolve, tls=contexts.client)
    yield sender
    await sender.close()


async def _post(sender: Sender, url: str, seconds: float = 5) -> Answered:
    return await sender.post(url, (), b"{}", timeout_seconds=seconds)


async def test_names_stay_by_name(sender: Sender, contexts: Contexts) -> None:
    async with receiving(answer(200), answer(202), tls=contexts.server) as receiver:
        url = f"https://shop.example:{receiver.port}/hooks"
        assert [(await _post(sender, url)).status for _ in range(2)] == [200, 202]
        assert contexts.asked_for == ["shop.example"]
        assert receiver.received[0].headers["Host"] == f"shop.example:{receiver.port}"


async def test_a_certificate_for_another_name_is_refused(
    sender: Sender, contexts: Contexts
) -> None:
    async with receiving(tls=contexts.server) as receiver:
        with pytest.raises(NoAnswer, match="TLS: "):
            await _post(sender, f"https://other.example:{receiver.port}/hooks")
        assert receiver.received == []


async def test_a_certificate_of_a_stranger_is_refused(contexts: Contexts) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    sender = Sender(UrlRules(allows_private=True), resolve=resolve)
    async with receiving(tls=contexts.server) as receiver:
        with pytest.raises(NoAnswer, match="TLS: "):
            await _post(sender, f"https://shop.example:{receiver.port}/hooks")
        assert receiver.received == []


async def test_a_receiver_without_tls_is_refused(sender: Sender) -> None:
    async with receiving() as receiver:
        with pytest.raises(NoAnswer):
            await _post(sender, f"https://shop.example:{receiver.port}/hooks", 0.3)
        assert receiver.received == []
