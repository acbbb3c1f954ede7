"""Calls go where they may and nowhere else, whatever the receiver or its name servers play."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from guerdon.adapters.webhooks import sending
from guerdon.adapters.webhooks.conversation import ANSWER_BYTES_MAX, Answered, NoAnswer
from guerdon.adapters.webhooks.sending import Sender, connect_socket
from guerdon.adapters.webhooks.target import TargetRefused
from guerdon.domain.webhook_url import UrlRules
from tests.support.webhook_receiver import OK, Receiver, answer, receiving

_TRIAL = UrlRules(allows_http=True, allows_private=True)
# Public addresses only, as in production; without TLS, which test_tls.py is about.
_PUBLIC = UrlRules(allows_http=True)
_HEADERS = (("Content-Type", "application/json"), ("X-Webhook-Event", "points.earned"))
_BODY = b'{"points":50}'
_SOON = 5.0


async def _post(sender: Sender, url: str, seconds: float = _SOON) -> Answered:
    return await sender.post(url, _HEADERS, _BODY, timeout_seconds=seconds)


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    sender = Sender(_TRIAL)
    yield sender
    await sender.close()


async def test_a_call_is_one_plain_post(sender: Sender) -> None:
    async with receiving() as receiver:
        assert await _post(sender, receiver.url + "?a=b%20c#d") == Answered(200)
        (received,) = receiver.received
    assert received.line == "POST /hooks?a=b%20c HTTP/1.1"
    assert received.body == _BODY
    assert received.headers == {
        "Host": f"127.0.0.1:{receiver.port}",
        "Content-Type": "application/json",
        "X-Webhook-Event": "points.earned",
        "Content-Length": "13",
    }


async def test_a_connection_is_used_again(sender: Sender) -> None:
    chunked = b"HTTP/1.1 202 A\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    async with receiving(chunked, answer(204), answer(500, body=b"no")) as receiver:
        said = [(await _post(sender, receiver.url)).status for _ in range(4)]
        assert said == [202, 204, 500, 200]
        assert receiver.connections == 1
        await sender.close()


@pytest.mark.parametrize(
    "last",
    [
        answer(200, "connection: close"),
        b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        # A second answer, which nobody asked for, is not the next call's.
        OK + answer(500),
        OK + b"HTTP/1.1 500 No\r\n",
    ],
)
async def test_a_connection_is_not_used_again(sender: Sender, last: bytes) -> None:
    async with receiving(last) as receiver:
        assert (await _post(sender, receiver.url)).status == 200
        assert (await _post(sender, receiver.url)).status == 200
        assert receiver.connections == 2


async def test_a_connection_that_the_receiver_has_closed_is_replaced(sender: Sender) -> None:
    async with receiving(OK, None, answer(201)) as receiver:
        assert (await _post(sender, receiver.url)).status == 200
        # The call is read and the connection closed, as by a server whose patience just ended.
        assert (await _post(sender, receiver.url)).status == 201
        assert receiver.connections == 2


@pytest.mark.parametrize(
    "play",
    [
        None,
        b"HTTP/1.1 20",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nhello",
    ],
)
async def test_what_is_no_answer_is_a_failure(sender: Sender, play: bytes | None) -> None:
    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.write(play or b"")
        await writer.drain()
        writer.close()

    async with receiving(None if play is None else cut) as receiver:
        with pytest.raises(NoAnswer):
            await _post(sender, receiver.url)
        assert len(receiver.received) == 1


async def test_nobody_there_is_a_failure(sender: Sender) -> None:
    async with receiving() as receiver:
        pass
    with pytest.raises(NoAnswer, match="no connection"):
        await _post(sender, receiver.url)


async def test_a_word_in_passing_is_not_the_answer(sender: Sender) -> None:
    async with receiving(b"HTTP/1.1 102 Wait\r\n\r\n" + answer(201)) as receiver:
        assert await _post(sender, receiver.url) == Answered(201)


async def test_a_redirect_is_not_followed(sender: Sender) -> None:
    for place in ("http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "/other"):
        async with receiving(answer(302, f"location: {place}")) as receiver:
            assert (await _post(sender, receiver.url)).status == 302
            assert len(receiver.received) == 1


async def test_a_slow_head_is_given_up(sender: Sender) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nx: " + b"y" * 1000:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)

    async with receiving(drip) as receiver:
        began = asyncio.get_running_loop().time()
        with pytest.raises(NoAnswer, match="no answer within"):
            await _post(sender, receiver.url, 0.3)
        assert asyncio.get_running_loop().time() - began < 3


async def test_a_body_that_drips_costs_the_connection_and_not_the_answer(sender: Sender) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        while True:
            writer.write(b"x")
            await asyncio.sleep(0.02)

    async with receiving(drip) as receiver:
        assert (await _post(sender, receiver.url, 0.3)).status == 200
        assert (await _post(sender, receiver.url)).status == 200
        assert receiver.connections == 2


@pytest.mark.parametrize(
    ("start", "status"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", 200),
        (b"HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\nfffffff\r\n", 500),
        (b"HTTP/1.1 200 OK\r\nx: ", None),
    ],
)
async def test_an_answer_without_end_is_cut_off(
    sender: Sender, start: bytes, status: int | None
) -> None:
    receiver: Receiver

    async def pour(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        await receiver.pour(writer)

    async with receiving(pour) as receiver:
        if status is None:
            with pytest.raises(NoAnswer, match="too long"):
                await _post(sender, receiver.url)
        else:
            assert (await _post(sender, receiver.url)).status == status
        await asyncio.sleep(0.1)
        # What the two machines keep on the way is all that can have been written.
        poured = receiver.written
        await asyncio.sleep(0.1)
        assert receiver.written == poured


async def test_nothing_is_unpacked(sender: Sender) -> None:
    bomb = gzip.compress(bytes(8 * 1024 * 1024))
    assert len(bomb) < ANSWER_BYTES_MAX
    async with receiving(answer(200, "content-encoding: gzip", body=bomb), answer(201)) as receiver:
        assert (await _post(sender, receiver.url)).status == 200
        assert (await _post(sender, receiver.url)).status == 201
        assert receiver.connections == 1
        assert "Accept-Encoding" not in receiver.received[0].headers


async def test_no_proxy_of_the_environment_is_used(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiving() as proxy, receiving() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        await _post(sender, receiver.url)
        assert (len(proxy.received), len(receiver.received)) == (0, 1)


@pytest.mark.parametrize("value", ["a\r\nX-Evil: b", "a\nb", "a\rb"])
async def test_a_header_cannot_hold_another(sender: Sender, value: str) -> None:
    async with receiving() as receiver:
        with pytest.raises(TargetRefused):
            await sender.post(receiver.url, (("X-Shop", value),), _BODY, timeout_seconds=_SOON)
        assert receiver.connections == 0


# Where names lead.


@dataclass
class World:
    """A name server and a network of the test's own: every address leads to one receiver."""

    port: int
    answers: list[list[str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    called: list[str] = field(default_factory=list)

    async def resolve(self, host: str, _port: int) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def connect(self, address: str, _port: int) -> socket.socket:
        self.called.append(address)
        return await connect_socket("127.0.0.1", self.port)

    def sender(self, rules: UrlRules = _PUBLIC) -> Sender:
        return Sender(rules, resolve=self.resolve, connect=self.connect)


_OUTSIDE = "93.184.216.34"


async def test_a_name_is_asked_for_once_by_all_who_want_it_at_once() -> None:
    answers = asyncio.Event()
    async with receiving() as receiver:
        world = World(receiver.port, [[_OUTSIDE]])

        async def resolve(host: str, port: int) -> list[str]:
            await answers.wait()
            return await world.resolve(host, port)

        sender = Sender(_PUBLIC, resolve=resolve, connect=world.connect)
        hasty = asyncio.ensure_future(_post(sender, "http://shop.example/", 0.05))
        calls = [asyncio.ensure_future(_post(sender, "http://shop.example/")) for _ in range(9)]
        with pytest.raises(NoAnswer, match="no answer within"):
            await hasty
        answers.set()
        assert [(await call).status for call in calls] == [200] * 9
        assert world.asked == ["shop.example"]
        await sender.close()


async def test_a_name_that_answers_otherwise_the_next_time_gains_nothing() -> None:
    async with receiving(answer(200, "connection: close")) as receiver:
        world = World(receiver.port, [[_OUTSIDE], ["127.0.0.1"]])
        sender = world.sender()
        assert (await _post(sender, "http://shop.example/")).status == 200
        # Asked once, and the very address that was judged is the one called.
        assert (world.asked, world.called) == (["shop.example"], [_OUTSIDE])
        assert receiver.received[0].headers["Host"] == "shop.example"
        with pytest.raises(TargetRefused, match="private"):
            await _post(sender, "http://shop.example/")
        assert world.called == [_OUTSIDE]
        await sender.close()


async def test_of_several_addresses_only_public_ones_are_called() -> None:
    async with receiving() as receiver:
        world = World(receiver.port, [["127.0.0.1", "10.0.0.1", "::1", "2606:4700::1111"]])
        sender = world.sender()
        assert (await _post(sender, "http://shop.example/")).status == 200
        assert world.called == ["2606:4700::1111"]
        await sender.close()


async def test_a_connection_is_no_other_names() -> None:
    async with receiving() as receiver:
        world = World(receiver.port, [[_OUTSIDE], ["127.0.0.1"]])
        sender = world.sender()
        await _post(sender, "http://shop.example/")
        with pytest.raises(TargetRefused):
            await _post(sender, "http://other.example/")
        await sender.close()


@pytest.mark.parametrize("is_silent", [False, True])
async def test_the_next_address_is_tried_where_one_does_not_answer(
    is_silent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_CONNECT_SECONDS_MAX", 0.05)
    async with receiving() as receiver:
        world = World(receiver.port, [["93.184.216.34", "93.184.216.35"]])

        async def connect(address: str, port: int) -> socket.socket:
            if address.endswith("34"):
                if is_silent:
                    await asyncio.sleep(60)
                raise ConnectionRefusedError(111, "Connection refused")
            return await world.connect(address, port)

        sender = Sender(_PUBLIC, resolve=world.resolve, connect=connect)
        assert (await _post(sender, "http://shop.example/")).status == 200
        assert world.called == ["93.184.216.35"]
        await sender.close()


@pytest.mark.parametrize(
    "address",
    """127.0.0.1 127.255.255.254 0.0.0.0 10.0.0.1 172.31.255.255 192.168.0.1 169.254.169.254
    100.64.0.1 192.0.0.1 192.0.2.1 192.88.99.1 198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255
    ::1 :: ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:a9fe:a9fe ::ffff:0:7f00:1 64:ff9b::7f00:1
    64:ff9b:1::1 2002:7f00:1:: 2002:a9fe:a9fe:: 2001:0:7f00:1:: 2001:db8::1 3fff::1 5f00::1
    fe80::1 fe80::1%eth0 fec0::1 fc00::1 fd00:ec2::254 ff02::1 not-an-address""".split(),
)
async def test_a_name_for_an_address_of_ours_is_refused(address: str) -> None:
    world = World(9, [[address]])
    with pytest.raises(TargetRefused, match="private"):
        await _post(world.sender(), "http://shop.example/")
    assert world.called == []


@pytest.mark.parametrize(
    "url",
    """http://127.0.0.1/ http://2130706433/ http://0x7f000001/ http://0x7f.1/ http://0177.0.0.1/
    http://127.1/ http://0/ http://[::1]/ http://[::ffff:127.0.0.1]/ http://[::ffff:7f00:1]/
    http://[0:0:0:0:0:ffff:a9fe:a9fe]/ http://[64:ff9b::a9fe:a9fe]/ http://[fe80::1%25eth0]/
    http://localhost/ http://localhost./ http://a.localhost/ http://metadata.google.internal/
    http://shop.example@127.0.0.1/ http://127.0.0.1@shop.example/ http://a:b@shop.example/
    http://shop.example\\@127.0.0.1/ http://127.0.0.1%00.example/
    ftp://shop.example/ file:///etc/passwd http:///x gopher://shop.example/""".split(),
)
async def test_an_address_that_hides_another_is_refused(url: str) -> None:
    world = World(9, [["93.184.216.34"]])
    sender = world.sender()
    try:
        await _post(sender, url, 0.5)
    except TargetRefused:
        assert world.called == []
    else:
        pytest.fail(f"{url} was called")


async def test_a_name_nobody_knows_is_refused() -> None:
    world = World(9, [[]])
    with pytest.raises(TargetRefused, match="not known"):
        await _post(world.sender(), "http://shop.example/")


async def test_plain_http_is_refused_unless_allowed() -> None:
    world = World(9, [["93.184.216.34"]])
    with pytest.raises(TargetRefused, match="HTTPS"):
        await _post(world.sender(UrlRules()), "http://shop.example/")
    assert world.asked == []


async def test_a_name_server_that_is_silent_is_given_up() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        await asyncio.sleep(60)
        return []

    sender = Sender(_PUBLIC, resolve=resolve)
    with pytest.raises(NoAnswer, match="no answer within"):
        await _post(sender, "http://shop.example/", 0.1)
    await sender.close()
