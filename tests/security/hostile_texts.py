"""Texts that try to become markup, code or commands."""

# What Markdown would turn them into: CSS selectors to look for in elements that show Markdown.
MARKUP = "img, a, script, svg, iframe, object, h1, h4, li, hr, code, pre, table, em, del, input, .katex, [role=img]"

TEXTS = (
    "![picture](http://hostile.test/a.png)",
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "<a href=javascript:alert(1)>x</a> <b>bold</b> <!-- gone -->",
    "[link](http://hostile.test) and [text][1]",
    "[1]: http://hostile.test",
    "see http://hostile.test/a_b?x=1&y=2",
    "see HTTPS://hostile.test and www.hostile.test.",
    "mail me@hostile.test or mailto:me@hostile.test",
    "<http://hostile.test> <me@hostile.test>",
    ":smile: :+1: :material/home: :streamlit: :material_home:",
    ":red[red] :blue-background[blue] :small[small] :shimmer[x] :badge[x] :color[x]{foreground=red} :help",
    ":::note",
    "$x^2$ and $$\\frac{1}{2}$$ and \\(x\\)",
    "**bold** __bold__ *soft* _soft_ ~~gone~~ `code` snake_case_name",
    "# heading",
    "- item",
    "+ item",
    "* item",
    "1. item",
    "12) item",
    "> quote",
    "---",
    "===",
    "***",
    "```code",
    "~~~code",
    "| a | b |",
    "[ ] todo [x] done",
    "[^1] footnote",
    "&lt;b&gt; &amp; &#60; &nbsp;",
    "a -- b -> c <- d <-> e >= f <= g ~= h",
    "C:\\folder\\*.png \\* \\",
    "10:30 lr:0.1 a:b x::y",
    '" onmouseover="alert(1)" \' x',
    "%{x} %{fullData.name} {0} ${y}",
)
# The texts as pages show them: on one line, without invisible characters.
STEERING = {
    "red\x1b[31m \x1b]8;;http://hostile.test\x07link\x1b]8;;\x07": "red [31m ]8;;http://hostile.test link ]8;;",
    "\u202egnp.exe\u2066x\u2069": "gnp.exe x",
    "one\r\ntwo\ttab\x00\x9b31m\u2028three": "one two tab 31m three",
    "lone \ud800 surrogate": "lone surrogate",
}
