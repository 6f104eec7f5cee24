"""Websockets of browsers that have just gone."""

from contextlib import suppress

from starlette.types import Message, Send


def until_gone(send: Send) -> Send:
    """The same channel, on which messages to a browser that has gone are lost.

    The server refuses such a message with an OSError. Streamlit then reads the next message from a connection that it
    takes for one that never began, and its log shows a traceback. Without the error it reads that the browser has gone.
    """

    async def send_or_lose(message: Message) -> None:
        with suppress(OSError):
            await send(message)

    return send_or_lose
