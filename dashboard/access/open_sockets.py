"""The open websockets by person, so that those of people who were sent out are closed within two seconds.

A websocket is checked once, when it opens, and may stay open for hours. So the store is asked every second, by one
query, which of the people with an open websocket are still let in.
"""

import asyncio
import logging
import time
import weakref
from collections.abc import Coroutine
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.access.gone_browsers import until_gone
from dashboard.access.known_people import KnownPeople
from dashboard.access.student_messages import is_for_students
from mnist_core.jobs import STORE_ERRORS
from mnist_core.store import Person

# Seconds between two looks at the store.
_CHECK_SECONDS = 1.0
# Seconds between two notes of who is here.
_PRESENCE_SECONDS = 20.0
# RFC 6455, section 7.4.1: the policy of the server.
_POLICY = 1008
# Those of this process; more than one only in tests.
_every: weakref.WeakSet["OpenSockets"] = weakref.WeakSet()


def open_pages() -> int:
    """How many pages are open in browsers of the class, as far as the gate serves them; 0 without access control."""
    return sum(len(sockets) for sockets in list(_every))


class OpenSockets:
    """Serves websockets, and closes them when their person is sent out."""

    def __init__(self, people: KnownPeople) -> None:
        self._people = people
        self._open: dict[_Socket, str] = {}
        # The loop holds tasks weakly; without these references they could vanish.
        self._tasks: set[asyncio.Task[None]] = set()
        self._watching = self._noting = False
        _every.add(self)

    def __len__(self) -> int:
        return len(self._open)

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, person: Person) -> None:
        """Let the app serve this websocket of a person."""
        socket = _Socket(_of_student(receive) if person.role == "student" else receive, until_gone(send))
        self._open[socket] = person.id
        if not self._watching:
            self._watching = True
            self._begin(self._watch())
        try:
            await app(scope, socket.receive, socket.send)
        finally:
            del self._open[socket]
            socket.end()

    async def _watch(self) -> None:
        """Close what has to be closed, as long as there are open websockets."""
        noted = 0.0
        try:
            while self._open:
                await asyncio.sleep(_CHECK_SECONDS)
                await self._close_of_absent()
                for person_id in self._open.values():
                    self._people.see(person_id)
                # In a task of its own, because a locked database may hold up a write for long.
                if time.monotonic() - noted > _PRESENCE_SECONDS and not self._noting:
                    noted, self._noting = time.monotonic(), True
                    self._begin(self._note())
        finally:
            self._watching = False

    async def _close_of_absent(self) -> None:
        # Somebody who comes while the store is asked is not in its answer, but was let in.
        asked = dict(self._open)
        try:
            here = await run_in_threadpool(self._people.ask, asked.values())
        except STORE_ERRORS:
            # Nobody can be sent out while the store cannot be read.
            return
        except Exception:
            logging.getLogger(__name__).exception("Open websockets could not be checked")
            return
        for socket, person_id in asked.items():
            if person_id not in here and socket in self._open:
                # Each in a task of its own: a browser that does not answer must not hold up the others.
                self._begin(socket.close())

    async def _note(self) -> None:
        try:
            await run_in_threadpool(self._people.note_presence)
        except STORE_ERRORS:
            # Who was here is only told on the page of the class; it is noted again soon.
            pass
        finally:
            self._noting = False

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _of_student(receive: Receive) -> Receive:
    """The same channel without the messages that are not for students."""

    async def receive_allowed() -> Message:
        while True:
            message = await receive()
            if is_for_students(message.get("bytes") or b""):
                return message

    return receive_allowed


class _Socket:
    """The two channels of one websocket, which can be closed from outside of the app that serves it."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # A message that is waited for; it must not be lost where the waiting ends early.
        self._coming: asyncio.Task[Message] | None = None
        # An app wants to hear that a websocket begins before it hears that it has ended.
        self._has_begun = False

    async def receive(self) -> Message:
        """The next message of the browser, or that it is gone once this was closed."""
        if not self._has_begun:
            self._has_begun = True
            return await self._receive()
        if self._coming is None:
            self._coming = asyncio.ensure_future(self._receive())  # pyright: ignore[reportAttributeAccessIssue]
        await asyncio.wait({self._coming, self._closed}, return_when=asyncio.FIRST_COMPLETED)
        if self._closed.done():
            return {"type": "websocket.disconnect", "code": _POLICY}
        coming, self._coming = self._coming, None
        return coming.result()

    async def send(self, message: Message) -> None:
        """Send a message to the browser, or nowhere once this was closed."""
        if not self._closed.done():
            await self._send(message)

    async def close(self) -> None:
        """Close the connection; the app learns that the browser is gone."""
        if self._closed.done():
            return
        self._closed.set_result(None)
        try:
            await self._send({"type": "websocket.close", "code": _POLICY, "reason": "You were sent out."})
        except Exception:
            # The browser was quicker, in a way that depends on the server's library for websockets.
            logging.getLogger(__name__).debug("A websocket was closed already", exc_info=True)

    def end(self) -> None:
        """The app has ended: wait for no more messages."""
        if self._coming is not None:
            self._coming.cancel()
        self._closed.cancel()
