"""The text language: what it accepts; an error names the mistake, its position and a remedy."""

import subprocess
import sys
from random import Random

import pytest

from mnist_core.architectures.diagram.diagram import architecture_diagram
from mnist_core.architectures.layers import KINDS
from mnist_core.architectures.presets import presets
from mnist_core.architectures.table import describe_architecture
from mnist_core.errors import ArchitectureError

GREY = (1, 28, 28)


def shapes(text: str) -> list[tuple[int, ...]]:
    return [layer.output_shape for layer in describe_architecture(text, GREY, 10).layers]


@pytest.mark.parametrize(
    "text",
    [
        "conv(4,3,padding=1)relu maxpool(2)flatten linear(10)",
        "  conv( 4 , 3 , padding = 1 )\n\trelu\nmaxpool(2)\n flatten linear(10)\n",
        "CONV(4, 3, Padding=1) ReLU MaxPool(2) Flatten Linear(10)",
        "conv(4, 3, padding=1) -> relu -> maxpool(2) → flatten -> linear(10)",
        "conv(4, 3, padding=1), relu(), maxpool(2), flatten, linear(classes),",
        "conv(out=4, kernel=3, padding='same') relu maxpool(kernel=2, stride=2) flatten linear(10, bias=true)",
    ],
)
def test_the_same_network_in_other_words(text: str) -> None:
    assert shapes(text) == [(4, 28, 28), (4, 28, 28), (4, 14, 14), (784,), (10,)]


def test_calls_are_shown_resolved() -> None:
    table = describe_architecture(
        "conv(4, 3, 1, padding=same) leakyrelu(.2) avgpool(2, 1) flatten linear(classes)", GREY, 7
    )
    assert [layer.call for layer in table.layers] == [
        "conv(4, 3, padding=same)",
        "leakyrelu(slope=0.2)",
        "avgpool(2, stride=1)",
        "flatten",
        "linear(7)",
    ]


def test_layers_know_their_place_in_the_text() -> None:
    text = "conv(4, 3)  relu flatten\nlinear(10)"
    table = describe_architecture(text, GREY, 10)
    assert [table.text[layer.start : layer.end] for layer in table.layers] == [
        "conv(4, 3)",
        "relu",
        "flatten",
        "linear(10)",
    ]


def test_repetition_is_written_out() -> None:
    line = "2 * conv(4, 3) flatten 3 * (linear(20) 2 × relu) linear(classes)"
    names = [layer.name for layer in describe_architecture(line, GREY, 10).layers]
    assert names == ["conv", "conv", "flatten", *["linear", "relu", "relu"] * 3, "linear"]


def test_tokens_stand_for_the_number_of_patches() -> None:
    line = "patches(4, 8) transpose linear(tokens) transpose meantokens linear(classes)"
    assert shapes(line)[2] == (8, 49)
    assert describe_architecture(line, (3, 32, 32), 10).layers[2].output_shape == (8, 64)


def test_a_presets_name_stands_for_its_line() -> None:
    assert describe_architecture(" MLP-300\n", GREY, 10).text == "flatten linear(300) relu linear(classes)"


MISTAKES = [
    # Text, the part that the error points at, words of the message.
    ("", "", "is empty"),
    (" \n ", "   ", "is empty"),
    ("flatten linaer(10)", "linaer", "no layer linaer; did you mean linear?"),
    ("conv2d(4, 3) flatten linear(10)", "conv2d", "did you mean conv?"),
    ("flatten dense(10)", "dense", "did you mean linear?"),
    ("flatten linear(10) softmax", "softmax", "leave it out, as the loss applies it"),
    ("flatten xyzzy linear(10)", "xyzzy", "choose from linear, flatten"),
    ("mlp-30", "mlp-30", "no preset mlp-30; did you mean mlp-300"),
    ("  resnet ", "resnet", "did you mean resnet-small?"),
    ("vit", "vit", "did you mean vit-small?"),
    ("qqqqqq", "qqqqqq", "choose one from the list or type its layers"),
    ("conv(4) flatten linear(10)", "conv(4)", "lacks kernel; write it as conv(out, kernel, stride=1"),
    ("conv flatten linear(10)", "conv", "lacks out and kernel"),
    ("flatten linear(10, True, 3)", "linear(10, True, 3)", "at most 2 arguments, not 3; write it as linear(out"),
    ("flatten dropout(0.1, 2) linear(10)", "dropout(0.1, 2)", "takes only one argument, not 2"),
    ("relu(3) flatten linear(10)", "relu(3)", "takes no arguments; write just relu"),
    ("conv(4, 3, pading=1)", "pading=1", "no argument pading; did you mean padding?"),
    ("conv(4, 3, kernel=5)", "kernel=5", "given kernel twice"),
    ("conv(out=4, 3)", "3", "without a name come first"),
    ("conv(4, 3.5) flatten linear(10)", "3.5", "kernel of conv must be a whole number, not 3.5"),
    ("conv(0, 3) flatten linear(10)", "0", "out of conv must be from 1 to 1,000,000, not 0"),
    ("conv(4, -3)", "-3", "must be from 1 to 1,024, not -3"),
    ("flatten dropout(1.5) linear(10)", "1.5", "p of dropout must be from 0 to 0.99, not 1.5"),
    ("flatten dropout(1e999) linear(10)", "1e999", "p of dropout must be from 0 to 0.99"),
    ("flatten linear(10, bias=2)", "bias=2", "must be True or False, not 2"),
    ("flatten linear(true)", "true", "must be a whole number, not True"),
    ("conv(4, 3, padding=full)", "padding=full", "a whole number or same or classes, not full"),
    ("flatten linear(tokens)", "tokens", "known only after patches(size, dim)"),
    ("conv(4, 40) flatten linear(10)", "conv(4, 40)", "40×40 kernel is larger than its input of 1×28×28"),
    ("conv(4, 40, padding=3) flatten linear(10)", "conv(4, 40, padding=3)", "34×34 with its padding"),
    ("4 * maxpool(2) maxpool(2) flatten linear(10)", "maxpool(2)", "2×2 window of this pooling is larger"),
    ("conv(4, 4, padding=same) flatten linear(10)", "conv(4, 4, padding=same)", "odd kernel, and 4 is even; use 3"),
    ("conv(4, 3, groups=3)", "conv(4, 3, groups=3)", "groups=3 must divide"),
    ("conv(4, 3) linear(10)", "linear(10)", "put flatten before it (4·26·26 = 2,704 numbers)"),
    ("flatten conv(4, 3)", "conv(4, 3)", "gets a vector of 784; put it before flatten"),
    ("patches(4, 8) maxpool(2)", "maxpool(2)", "gets tokens of 49×8; put it before patches"),
    ("patches(4, 8) batchnorm meantokens linear(10)", "batchnorm", "use layernorm"),
    ("patches(5, 8) meantokens linear(10)", "patches(5, 8)", "do not tile an image of 28×28; take 2, 4, 7, 14, 28"),
    ("patches(4, 9) attention(4)", "attention(4)", "4 heads do not divide the tokens' size of 9; take 1, 3, 9"),
    ("flatten attention(4)", "attention(4)", "patches(size, dim) before it"),
    ("patches(4, 8) logsoftmax", "logsoftmax", "put it last, after linear(classes)"),
    ("residual(conv(4, 3)) flatten linear(10)", "residual(conv(4, 3))", "to what its layers make of it, 4×26×26"),
    ("residual(flatten) linear(10)", "residual(flatten)", "cannot add its input of 1×28×28"),
    ("flatten residual linear(10)", "residual", "needs layers inside"),
    ("flatten residual() linear(10)", "residual()", "needs layers inside"),
    ("flatten linear(12)", "linear(12)", "12 outputs, but there are 10 classes; end with linear(10)"),
    ("flatten linear(30) relu linear(12) relu", "linear(12)", "ends with 12 outputs"),
    ("relu", "relu", "ends with images of 1×28×28, not with 10 outputs; add flatten linear(classes)"),
    ("patches(4, 10)", "patches(4, 10)", "ends with tokens of 49×10, not with 10 outputs; add meantokens"),
    ("flatten linear(700000) linear(10)", "linear(700000)", "549,500,000 parameters, and at most 500,000,000"),
    ("conv(300, 5, padding=900)", "conv(300, 5, padding=900)", "numbers for every image"),
    ("flatten linear(10", "(", "never closed; add )"),
    ("residual(flatten linear(10)", "(", "never closed; add )"),
    ("flatten linear(out=", "(", "never closed; add )"),
    ("flatten linear(10))", ")", "closes nothing; take it out"),
    ("flatten linear(10 20)", "20", "expected a comma or )"),
    ("flatten linear((10))", "(", "expected a number, found ("),
    ("flatten (linear(10))", "linear", "cannot stand in these parentheses; only residual holds layers"),
    ("relu (conv(4, 3))", "conv", "conv is a layer"),
    (", (relu) linear(10)", "(", "Expected a layer, found ("),
    ("flatten 300 relu", "300", "300 stands alone"),
    ("784-10", "784-10", "write flatten linear(classes)"),
    ("784 -> 300 x 10", "784 -> 300 x 10", "write flatten linear(300) relu linear(classes)"),
    ("512-256", "512-256", "write flatten linear(512) relu linear(256) relu linear(classes)"),
    ("30, 10", "30, 10", "write flatten linear(30) relu linear(classes)"),
    ("flatten linear(10) @", "@", "means nothing here"),
    ("0 * relu flatten linear(10)", "0", "at least once"),
    ("9" * 5000 + " * relu", "9" * 5000, "a whole number of times"),
    ("flatten linear(" + "9" * 5000 + ")", "9" * 5000, "must be a whole number, not inf"),
    ("1.5 * relu flatten linear(10)", "1.5", "a whole number of times"),
    ("3 * () flatten linear(10)", "()", "nothing to repeat"),
    ("1001 * relu flatten linear(10)", "1001", "at least once"),
    ("900 * (relu tanh) flatten linear(10)", "900", "more than 1,000 layers"),
    ("residual(" * 40 + "relu" + ")" * 40, "residual", "nested more than 16 deep"),
]


@pytest.mark.parametrize(("text", "pointer", "message"), MISTAKES, ids=[mistake[0][:40] for mistake in MISTAKES])
def test_a_mistake_is_pointed_at_and_answered(text: str, pointer: str, message: str) -> None:
    with pytest.raises(ArchitectureError) as caught:
        describe_architecture(text, GREY, 10)
    error = caught.value
    assert message.lower() in str(error).lower()
    assert error.text[error.start : error.end] == pointer
    assert len(error.pointer().splitlines()) == 2


def test_a_mistake_on_a_later_line_keeps_its_place() -> None:
    text = "conv(4, 3)\nrelu\nlinear(10)"
    with pytest.raises(ArchitectureError) as caught:
        describe_architecture(text, GREY, 10)
    assert text[caught.value.start : caught.value.end] == "linear(10)"
    assert caught.value.pointer().splitlines()[1].index("^") == text.index("linear")


def test_a_preset_that_does_not_fit_shows_its_line() -> None:
    with pytest.raises(ArchitectureError) as caught:
        describe_architecture("lenet-5", (1, 8, 8), 10)
    error = caught.value
    assert error.text.startswith("conv(6, 5, padding=2)")
    assert error.text[error.start : error.end] == "conv(16, 5)"


def refusal(text: str) -> ArchitectureError | None:
    try:
        describe_architecture(text, GREY, 10)
    except ArchitectureError as error:
        return error
    return None


def test_no_text_breaks_it() -> None:
    random = Random(0)
    pieces = [
        *KINDS,
        *"()=,*@.'\"-",
        "->",
        " ",
        "\n",
        "classes",
        "tokens",
        "same",
        "1",
        "2",
        "3.5",
        "-4",
        "1e9",
        "²",
        "ß",
    ]
    lines = [preset.text for preset in presets().values()]
    outcomes = set()
    for _ in range(3000):
        if random.random() < 0.5:
            text = "".join(random.choice(pieces) for _ in range(random.randrange(12)))
        else:
            text = random.choice(lines)
            at = random.randrange(len(text))
            text = text[:at] + random.choice(pieces) + text[at + random.randrange(3) :]
        error = refusal(text)
        outcomes.add("refused" if error else "drawn")
        if error:
            assert 0 <= error.start <= error.end <= len(error.text)
            assert len(str(error)) > 10
        else:
            assert architecture_diagram(describe_architecture(text, GREY, 10))
    assert outcomes == {"refused", "drawn"}


def test_describing_and_drawing_need_no_torch() -> None:
    code = (
        "import sys; from mnist_core.architectures import describe_architecture, presets\n"
        "from mnist_core.architectures.diagram.diagram import architecture_diagram\n"
        "for name in presets(): architecture_diagram(describe_architecture(name, (1, 28, 28), 10))\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
