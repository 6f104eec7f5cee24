"""The text language for networks: parses a line into layers with their positions."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from mnist_core.architectures.layers.kind import LayerKind
from mnist_core.config import MAX_LAYERS, MAX_LETTERS_INITIAL, MAX_NESTING
from mnist_core.errors import ArchitectureError

_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<arrow>->|→)|(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<word>[^\W\d]\w*)|'(?P<single>\w+)'|\"(?P<double>\w+)\"|(?P<sign>[(),=*×])"
)

# Only sizes, as papers write networks: 784-300-10, 784 x 300 x 10, 784, 300, 10.
_SIZES_ALONE = re.compile(r"\s*[0-9]{1,6}(?:[-–—>×xX/:,→\s]+[0-9]{1,6}){1,20}\s*")
# Pixels of an image of MNIST and of CIFAR-10, and of one of 32x32 in grey: such a first number is the input's.
_INPUT_SIZES = {784, 1024, 3072}

# Names of layers in other libraries, with this program's name for each.
_OTHER_NAMES = {
    "dense": "linear",
    "fc": "linear",
    "affine": "linear",
    "convolution": "conv",
    "pool": "maxpool",
    "mean": "avgpool",
    "gap": "globalavgpool",
    "bn": "batchnorm",
    "ln": "layernorm",
    "groupnorm": "layernorm",
    "swish": "gelu",
    "silu": "gelu",
    "elu": "leakyrelu",
    "logistic": "sigmoid",
    "skip": "residual",
    "shortcut": "residual",
    "reshape": "flatten",
    "view": "flatten",
    "embedding": "patches",
    "selfattention": "attention",
}


@dataclass(frozen=True)
class Value:
    """One argument as it was typed; `name` is empty for a positional one."""

    name: str
    value: float | bool | str
    start: int
    end: int


@dataclass(frozen=True)
class TypedLayer:
    """One layer as it was typed; only blocks hold a body. `start` and `end` are its character range."""

    name: str
    values: tuple[Value, ...]
    body: tuple["TypedLayer", ...]
    start: int
    end: int
    # Number of layers: this one and all in its body, with repetitions counted.
    layers: int


def check_length(text: str) -> None:
    """Raise ArchitectureError if the text is longer than allowed."""
    if len(text) > MAX_LETTERS_INITIAL:
        raise ArchitectureError(
            f"The architecture has {len(text):,} letters, and at most {MAX_LETTERS_INITIAL:,} can be read; "
            "write repeated layers as 3 * (...)",
            text[:60],
            0,
            60,
        )


def parse_architecture(text: str, kinds: Mapping[str, LayerKind]) -> tuple[TypedLayer, ...]:
    """Parse a line into its layers in order, repetitions written out; raises ArchitectureError with its position.

    Grammar: items in a row, separated by space, a comma or an arrow; item = [number *] layer or
    number * (items); layer = name [(arguments)]; arguments are numbers, words and name=value, or the
    items of a block such as residual. The layers that a repetition stands for are counted before it is written out.
    """
    check_length(text)
    if _SIZES_ALONE.fullmatch(text):
        message = f"These are only sizes, without their layers; write {_line_of_sizes(text)}"
        raise ArchitectureError(message, text, 0, len(text))
    parser = _Parser(text, kinds)
    calls = parser.items(closing=None, depth=0)
    if not calls:
        raise ArchitectureError(
            "The architecture is empty; choose a preset or type one such as flatten linear(300) relu linear(classes)",
            text,
            0,
            len(text),
        )
    return tuple(calls)


def _line_of_sizes(text: str) -> str:
    """The line that 784-300-10 or 300-100 most probably means, with ReLU between the layers."""
    sizes = [int(digits) for digits in re.findall(r"[0-9]+", text)]
    from_input = sizes[0] in _INPUT_SIZES
    hidden = sizes[1:-1] if from_input else sizes[:-1] if sizes[-1] == 10 else sizes
    return " ".join(["flatten", *(f"linear({size}) relu" for size in hidden), "linear(classes)"])


def suggest_name(word: str, names: Mapping[str, object]) -> str:
    """`; did you mean conv?` for a misspelt name, or the list of all names."""
    plain = re.sub(r"[\W_]|[12]d$", "", word.lower())
    if plain == "softmax":
        return "; leave it out, as the loss applies it itself"
    other = _OTHER_NAMES.get(plain)
    if other in names:
        return f"; did you mean {other}?"
    close = get_close_matches(word.lower(), names, n=3, cutoff=0.6) or get_close_matches(plain, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {' or '.join(close)}?"
    return f"; choose from {', '.join(names)}"


@dataclass(frozen=True)
class _Token:
    # "number", "word", "arrow", "end", or the punctuation character itself.
    kind: str
    text: str
    start: int
    end: int


def _tokens(text: str) -> list[_Token]:
    tokens = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ArchitectureError(
                f"{text[position]!r} means nothing here; layers look like conv(16, 3) or relu",
                text,
                position,
                position + 1,
            )
        kind = str(match.lastgroup)
        if kind in ("single", "double"):
            tokens.append(_Token("word", match[kind], *match.span()))
        elif kind != "space":
            tokens.append(_Token(match[0] if kind == "sign" else kind, match[0], *match.span()))
        position = match.end()
    return [*tokens, _Token("end", "the end", len(text), len(text))]


class _Parser:
    """Walks the tokens once, from left to right."""

    def __init__(self, text: str, kinds: Mapping[str, LayerKind]) -> None:
        self.text, self.kinds = text, kinds
        self.tokens = _tokens(text)
        self.position = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.position]

    def take(self) -> _Token:
        token = self.token
        self.position += token.kind != "end"
        return token

    def error(self, message: str, start: int, end: int) -> ArchitectureError:
        return ArchitectureError(message, self.text, start, end)

    def items(self, closing: _Token | None, depth: int) -> list[TypedLayer]:
        """Layers up to the end, or up to and including the `)` that closes `closing`."""
        calls: list[TypedLayer] = []
        layers = 0
        while True:
            token = self.token
            if token.kind == "end" and closing:
                raise self.error("This parenthesis is never closed; add )", closing.start, closing.end)
            if token.kind == "end":
                return calls
            if token.kind == ")" and closing:
                self.take()
                return calls
            if token.kind == ")":
                raise self.error("This ) closes nothing; take it out", token.start, token.end)
            if token.kind in (",", "arrow"):
                self.take()
                continue
            more = self.item(depth)
            layers += _layers(more)
            if layers > MAX_LAYERS:
                raise self.too_many("use fewer", token.start, self.tokens[-1].end)
            calls += more

    def item(self, depth: int) -> list[TypedLayer]:
        token = self.token
        if depth > MAX_NESTING:
            raise self.error(f"Nested more than {MAX_NESTING} deep; use fewer levels", token.start, token.end)
        if token.kind == "number":
            return self.repetition(depth)
        if token.kind == "word":
            return [self.call(depth)]
        raise self.error(f"Expected a layer, found {token.text}", token.start, token.end)

    def repetition(self, depth: int) -> list[TypedLayer]:
        number = self.take()
        if self.token.kind not in ("*", "×"):
            raise self.error(
                f"{number.text} stands alone; numbers of a layer go into parentheses, such as linear({number.text}), "
                f"and repetition is written {number.text} * (...)",
                number.start,
                number.end,
            )
        self.take()
        times = _value(number)
        if not isinstance(times, int) or not 1 <= times <= MAX_LAYERS:
            raise self.error("Repeat a whole number of times, at least once", number.start, number.end)
        if self.token.kind == "(":
            opening = self.take()
            calls = self.items(opening, depth + 1)
            if not calls:
                raise self.error("There is nothing to repeat in these parentheses", opening.start, opening.end + 1)
        else:
            calls = self.item(depth + 1)
        if _layers(calls) * times > MAX_LAYERS:
            raise self.too_many("repeat less often", number.start, number.end)
        return calls * times

    def too_many(self, remedy: str, start: int, end: int) -> ArchitectureError:
        message = f"More than {MAX_LAYERS:,} layers, counting those inside of blocks and repetitions; {remedy}"
        return self.error(message, start, end)

    def call(self, depth: int) -> TypedLayer:
        word = self.take()
        name = word.text.lower()
        kind = self.kinds.get(name)
        if kind is None:
            raise self.error(f"There is no layer {word.text}{suggest_name(name, self.kinds)}", word.start, word.end)
        body: tuple[TypedLayer, ...] = ()
        values: tuple[Value, ...] = ()
        if self.token.kind == "(":
            opening = self.take()
            if kind.block:
                body = tuple(self.items(opening, depth + 1))
            else:
                values = tuple(self.arguments(opening))
        end = self.tokens[self.position - 1].end
        if kind.block and not body:
            raise self.error(f"{name} needs layers inside, such as {name}(conv(16, 3, padding=same))", word.start, end)
        layers = 1 + _layers(body)
        if layers > MAX_LAYERS:
            raise self.too_many("use fewer", word.start, end)
        return TypedLayer(name, values, body, word.start, end, layers)

    def arguments(self, opening: _Token) -> list[Value]:
        values: list[Value] = []
        if self.token.kind == ")":
            self.take()
            return values
        while True:
            values.append(self.argument(opening))
            token = self.take()
            if token.kind == ")":
                return values
            if token.kind == "end":
                raise self.error("This parenthesis is never closed; add )", opening.start, opening.end)
            if token.kind != ",":
                raise self.error(f"Expected a comma or ) before {token.text}", token.start, token.end)

    def argument(self, opening: _Token) -> Value:
        token = self.take()
        name, start = "", token.start
        if token.kind == "word" and self.token.kind == "=":
            self.take()
            name, token = token.text.lower(), self.take()
        if token.kind == "end":
            raise self.error("This parenthesis is never closed; add )", opening.start, opening.end)
        if token.text.lower() in self.kinds:
            message = f"{token.text} is a layer and cannot stand in these parentheses; only residual holds layers"
            raise self.error(message, token.start, token.end)
        if token.kind not in ("number", "word"):
            raise self.error(f"Expected a number, found {token.text}", token.start, token.end)
        return Value(name, _value(token), start, token.end)


def _layers(calls: Sequence[TypedLayer]) -> int:
    return sum(call.layers for call in calls)


def _value(token: _Token) -> float | bool | str:
    word = token.text.lower()
    if token.kind == "word":
        return {"true": True, "false": False}.get(word, word)
    number = float(token.text)
    return int(number) if number.is_integer() and re.fullmatch(r"[+-]?[0-9]+", token.text) else number
