"""One request to a server of this machine, and its answer."""

import http.client
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    status: int
    # By name in small letters.
    headers: dict[str, str]
    body: bytes


def ask(
    port: int,
    target: str,
    method: str = "GET",
    content: bytes | None = None,
    /,
    source: str = "127.0.0.1",
    **headers: str,
) -> Answer:
    """The answer to a request from the address `source`; `content_type` is the header Content-Type, and so on."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60, source_address=(source, 0))
    connection.request(
        method, target, content, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    response = connection.getresponse()
    answer = Answer(response.status, {name.lower(): text for name, text in response.getheaders()}, response.read())
    connection.close()
    return answer


def ask_json(port: int, target: str, cookie: str, body: object, kind: str = "application/json") -> Answer:
    """The answer to a POST of this body, with this content type: bytes are sent as they are, all else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ask(port, target, "POST", content, Cookie=cookie, Content_Type=kind)
