"""What somebody sees who is not let in: a page that needs nothing of the app, with a field for the link."""

import html
from collections.abc import Sequence

from starlette.responses import HTMLResponse, PlainTextResponse, Response

NO_LINK = "MNIST Lab is open to one class only. Ask your teacher for the link, and open it on this device."
SENT_OUT = "This device is not let in any more. Ask your teacher for the link, and open it on this device."
WRONG_LINK = "This link does not open MNIST Lab, or does so no longer. Ask your teacher for the new one."
TOO_MANY = "Too many wrong links came from here. Wait a minute, then open the link that your teacher gave you."
FULL = "Too many people have opened the link. The teacher can send some of them out; then try again."
CLOSED = "MNIST Lab cannot look up who you are, because its store cannot be read now. Try again in a minute."
ONLY_TEACHER = "Only the teacher may open this."

_MOST_FIELDS = 30
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Open the link of your class</title>
<style>
  :root {{ color-scheme: light dark }}
  body {{ font: 1.125rem/1.5 -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
         max-width: 34rem; margin: 12vh auto 2rem; padding: 0 1.25rem }}
  h1 {{ font-size: 1.75rem; line-height: 1.25 }}
  form {{ display: flex; flex-wrap: wrap; gap: .5rem; margin: 1.5rem 0 }}
  label {{ flex: 1 0 100% }}
  input {{ flex: 1 1 14rem; min-width: 0; font: inherit; padding: .5rem .75rem; border: 1px solid #7a8594;
          border-radius: 8px }}
  button {{ font: inherit; padding: .5rem 1.25rem; border: 0; border-radius: 8px; background: #2b5fc7; color: #fff }}
  small {{ font-size: .9375rem; color: light-dark(#4d5866, #b3bcc8) }}
</style>
<main>
<h1>Open the link of your class</h1>
<p role="status">{sentence}</p>
<form method="get" action="{action}">{fields}
  <label for="token">Or paste the link here</label>
  <input id="token" name="token" required autocomplete="off" autocapitalize="none" spellcheck="false">
  <button>Open</button>
</form>
<p><small>You are the teacher? Your link stands in the terminal in which MNIST Lab was started.</small></p>
</main>
</html>
"""


def refusal(
    sentence: str, status: int, path: str = "/", fields: Sequence[tuple[str, str]] = (), *, as_page: bool = True
) -> Response:
    """The answer with this sentence; the form asks for `path` again, with the other parameters of the address."""
    headers = {"Cache-Control": "no-store"}
    if not as_page:
        return PlainTextResponse(sentence, status, headers)
    hidden = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in fields[:_MOST_FIELDS]
    )
    content = _PAGE.format(sentence=html.escape(sentence), action=html.escape(path), fields=hidden)
    return HTMLResponse(content, status, headers)
