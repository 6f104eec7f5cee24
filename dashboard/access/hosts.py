"""Who may talk to the server: every request must name this server in its Host, and come from a page of this server.

On this machine alone the server asks for no secret, and in a network a browser sends its cookie with every request to
the server. But a browser also shows pages of other people, and those pages can send requests anywhere. Two headers,
which no page can forge, show which requests these are:

- `Host` is the name in the address bar. A foreign name that was made to point at this machine (DNS rebinding) is still
  a foreign name. An IP address cannot be made to point elsewhere, so the one at which a request arrived is safe.
- `Origin` is the address of the page that sent the request. Browsers add it to every websocket and to every request
  that may change something.

RFC 9110, sections 7.2 and 7.4; RFC 6454; RFC 6455, section 10.2.
"""

import logging
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from urllib.parse import quote

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mnist_core import environment
from mnist_core.errors import MnistLabError

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([0-9a-z_-]+(?:\.[0-9a-z_-]+)*))(?::([0-9]{1,5}))?", re.ASCII | re.IGNORECASE)
_ORIGIN = re.compile(r"(https?)://(.+)", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_EVERYWHERE = (None, "", "0.0.0.0", "::")
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})

_WRONG_HOST = (
    "MNIST Lab does not answer at this address; if it should, start it with the name or address (and port) in "
    "MNIST_LAB_HOSTS, for example MNIST_LAB_HOSTS=lab.example.org:8501."
)
_WRONG_ORIGIN = (
    "MNIST Lab takes no requests from pages of another address; if it should, start it with their address in "
    "MNIST_LAB_ORIGINS, for example MNIST_LAB_ORIGINS=https://lab.example.org."
)
# Nothing is loaded from, sent to, or shown inside another address. Streamlit needs both kinds of `unsafe` scripts (its
# page begins with an inline script, and its charts compile expressions), inline styles, and blobs for downloads.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class Address:
    """A host in lower case, IP addresses in their shortest form and IPv6 without brackets, and the port if written."""

    host: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> "Address | None":
        """The value of a Host header; None if it is anything but a name or an IP address, and perhaps a port."""
        match = _HOST.fullmatch(text)
        if match is None:
            return None
        inside_brackets, name, digits = match.groups()
        port = int(digits) if digits else None
        host = _canonical(inside_brackets or name)
        if (port is not None and not 0 < port < 65536) or (inside_brackets and ":" not in inside_brackets):
            return None
        return None if inside_brackets and host is None else cls(host or name.lower(), port)


@dataclass(frozen=True)
class Origin:
    """Scheme, host and port of a page; the port is the usual one of the scheme where none is written."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Origin | None":
        """The value of an Origin header; None if it is `null` or anything but http(s)://host and perhaps a port."""
        match = _ORIGIN.fullmatch(text)
        address = Address.parse(match[2]) if match else None
        if match is None or address is None:
            return None
        scheme = match[1].lower()
        return cls(scheme, address.host, address.port or _PORTS[scheme])


def host_middleware() -> list[Middleware]:
    """The check that `st.App` runs before Streamlit's code, with hosts and origins from the environment.

    Raises SystemExit, with a sentence that names the variable, if an entry cannot be used.
    """
    try:
        return [Middleware(Guard, hosts=_hosts(), origins=_origins())]
    except MnistLabError as error:
        raise SystemExit(f"MNIST Lab cannot start. {error}") from None


def is_loopback(host: str | None) -> bool:
    """Whether only programs of this machine can reach a server that listens at this name or address."""
    address = _canonical(host or "")
    return (host or "").lower() == "localhost" or (address is not None and ip_address(address).is_loopback)


def base_path() -> str:
    """The path below which the app lies on its server, such as "/lab"; "" where that is the root."""
    base = st.get_option("server.baseUrlPath").strip("/")
    return f"/{base}" if base else ""


def public_url() -> str:
    """The address of the root page for the browsers of other people, without a slash at its end.

    A public origin comes first, then a host that the settings name, then what the server listens at.
    """
    path = quote(base_path())
    origins = sorted(_origins(), key=lambda origin: origin.scheme != "https")
    if origins:
        usual = origins[0].port == _PORTS[origins[0].scheme]
        return _url(origins[0].scheme, origins[0].host, None if usual else origins[0].port) + path
    named = [address for text in environment.allowed_hosts() if (address := Address.parse(text))]
    host = named[0].host if named else _listening_host()
    port = (named[0].port if named else None) or st.get_option("server.port")
    return _url("https" if st.get_option("server.sslCertFile") else "http", host, port) + path


def secure_hosts() -> frozenset[str]:
    """Names under which only https reaches this server, through a proxy."""
    schemes: dict[str, set[str]] = {}
    for origin in _origins():
        schemes.setdefault(origin.host, set()).add(origin.scheme)
    return frozenset(host for host, used in schemes.items() if used == {"https"})


class Guard:
    """Refuses requests of other sites, and adds headers that keep this server's answers to its own pages."""

    def __init__(self, app: ASGIApp, hosts: Iterable[Address], origins: Iterable[Origin]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if scope["type"] == "websocket":
            if refusal:
                await send({"type": "websocket.close", "code": 1008, "reason": refusal[1][:120]})
            else:
                await self._app(_as_of_this_host(scope), receive, send)
        elif refusal:
            status, sentence = refusal
            await PlainTextResponse(sentence, status)(scope, receive, _with_headers(send))
        else:
            await self._app(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and sentence for a request that is refused."""
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        address = Address.parse(hosts[0]) if len(hosts) == 1 else None
        # A request line may hold a whole URL, whose host would count instead of the header's.
        if address is None or not scope["path"].startswith("/") or not self._names_this_server(address, scope):
            _log("Host", hosts)
            return 421, _WRONG_HOST
        if len(origins) > 1 or (origins and not self._may_send(origins[0], address)):
            _log("Origin", origins)
            return 403, _WRONG_ORIGIN
        return None

    def _names_this_server(self, address: Address, scope: Scope) -> bool:
        host, port = scope.get("server") or ("", None)
        written = address.port or _PORTS[scope["scheme"]]
        if written == port and (address.host in _LOCAL or address.host == _canonical(host)):
            return True
        # A name that is set without a port is allowed at the server's port and, for a proxy, at the usual ones.
        any_port = Address(address.host, None) in self._hosts and address.port in (None, port, 80, 443)
        return any_port or Address(address.host, written) in self._hosts

    def _may_send(self, text: str, address: Address) -> bool:
        origin = Origin.parse(text)
        if origin is None:
            return False
        same = origin.host == address.host and origin.port == (address.port or _PORTS[origin.scheme])
        return same or origin in self._origins


def _as_of_this_host(scope: Scope) -> Scope:
    """An allowed websocket's scope, with its Origin rewritten to match its Host letter by letter.

    Streamlit compares the two as text. Where they differ, it asks a server on the internet for its own address.
    """
    headers = Headers(scope=scope)
    if "origin" not in headers:
        return scope
    others = [(name, value) for name, value in scope["headers"] if name.lower() != b"origin"]
    return {**scope, "headers": [*others, (b"origin", b"http://" + headers["host"].encode("latin-1"))]}


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers


def _url(scheme: str, host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}" + ("" if port is None else f":{port}")


def _listening_host() -> str:
    """What other machines call this one if the server listens everywhere, else where it listens."""
    listens_at = st.get_option("server.address")
    if listens_at not in _EVERYWHERE:
        return listens_at
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a UDP socket sends nothing, it only picks the network card. The address is one for examples.
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0]
        except OSError:
            return "localhost"


def _hosts() -> list[Address]:
    """Allowed hosts: MNIST_LAB_HOSTS, the hosts of MNIST_LAB_ORIGINS, and a name that the server listens at."""
    hosts = []
    for text in environment.allowed_hosts():
        address = Address.parse(text)
        if address is None:
            raise MnistLabError(
                f"MNIST_LAB_HOSTS: {text[:100]!a} is not a host. Write names such as lab.example.org and addresses "
                "such as 192.168.1.5 or [fe80::1], each with or without :port, and commas between them."
            )
        hosts.append(address)
    for origin in _origins():
        usual = origin.port == _PORTS[origin.scheme]
        hosts.append(Address(origin.host, None if usual else origin.port))
    listens_at = Address.parse(st.get_option("server.address") or "")
    if listens_at and _canonical(listens_at.host) is None:
        hosts.append(listens_at)
    return hosts


def _origins() -> list[Origin]:
    origins = []
    for text in environment.allowed_origins():
        origin = Origin.parse(text.removesuffix("/"))
        if origin is None:
            raise MnistLabError(
                f"MNIST_LAB_ORIGINS: {text[:100]!a} is not an origin. Write http:// or https://, a name, and a port if "
                "it is an unusual one, such as https://lab.example.org, and commas between several."
            )
        origins.append(origin)
    return origins


def _canonical(host: str) -> str | None:
    """An IP address in its shortest form, an IPv4 address inside an IPv6 one as IPv4; None for a name."""
    try:
        # The zone after % is only this machine's name for a network card.
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(address)


def _log(header: str, values: list[str]) -> None:
    text = ", ".join(values)[:200]
    logging.getLogger(__name__).warning("A request was refused for its %s: %a", header, text)
