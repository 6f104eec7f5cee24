"""Notices that a network is dead or hangs: probes servers, and counts what urllib's connections receive."""

import http.client
import io
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


class Traffic:
    """How many bytes have arrived, and how long a connection has been waiting for more. One connection at a time."""

    def __init__(self) -> None:
        # Bytes received.
        self.received = 0
        # Name of the server that was connected to last.
        self.server = ""
        self._waiting_since: float | None = None

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Context around each wait for the network: looking up, connecting to or reading from a server."""
        self._waiting_since = time.monotonic()
        try:
            yield
        finally:
            self._waiting_since = None

    def silence(self) -> float:
        """Seconds since the connection began to wait for a byte; 0 while it does not wait."""
        since = self._waiting_since
        return 0.0 if since is None else time.monotonic() - since


def probe_servers(urls: Sequence[str], seconds: float) -> tuple[list[str], str]:
    """The servers to use, those that answered first, and the reasons why the others failed.

    All are asked at once. Returns as soon as one answers; those that have not failed by then come last. If none
    answers within `seconds`, the list is empty. Any HTTP answer counts, even an error: the server is reachable.
    """
    answers: queue.Queue[tuple[str, str]] = queue.Queue()
    # Use daemon threads, because looking up a host name cannot be interrupted.
    for url in urls:
        threading.Thread(target=lambda url=url: answers.put((url, _probe(url, seconds))), daemon=True).start()
    deadline = time.monotonic() + seconds
    failed: dict[str, str] = {}
    while len(failed) < len(urls):
        try:
            url, failure = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            failed |= {url: f"no answer within {seconds:g} s" for url in urls if url not in failed}
            break
        if not failure:
            return [url, *(other for other in urls if other != url and other not in failed)], ""
        failed[url] = failure
    return [], "; ".join(f"{url}: {reason}" for url, reason in failed.items())


def watch_connections(traffic: Traffic) -> None:
    """Make every later `urllib.request.urlopen` of this process report to `traffic`."""

    class Response(http.client.HTTPResponse):
        def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
            super().__init__(sock, *args, **options)
            self.fp = io.BufferedReader(_CountingStream(self.fp.detach(), traffic))

    class Plain(http.client.HTTPConnection):
        response_class = Response

        def connect(self) -> None:
            traffic.server = self.host
            with traffic.waiting():
                super().connect()

    class Secure(http.client.HTTPSConnection):
        response_class = Response

        def connect(self) -> None:
            traffic.server = self.host
            with traffic.waiting():
                super().connect()

    class PlainHandler(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Plain, req)

    class SecureHandler(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Secure, req)

    urllib.request.install_opener(urllib.request.build_opener(PlainHandler, SecureHandler))


class _CountingStream(io.RawIOBase):
    """A socket's raw stream that counts received bytes. Counting above it would miss bytes that wait in a buffer."""

    def __init__(self, raw: io.RawIOBase, traffic: Traffic) -> None:
        self._raw = raw
        self._traffic = traffic

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        with self._traffic.waiting():
            count = self._raw.readinto(buffer)
        self._traffic.received += count or 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def _probe(url: str, seconds: float) -> str:
    """Why no server answers at this URL; empty if one does."""
    request = urllib.request.Request(url, method="HEAD", headers={"User-Agent": "mnist-lab"})
    try:
        urllib.request.urlopen(request, timeout=seconds).close()
    except urllib.error.HTTPError as error:
        error.close()
    except urllib.error.URLError as error:
        return str(getattr(error.reason, "strerror", None) or error.reason)
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    return ""
