"""Numbers with what is counted."""
import pytest

from tensorpack.utils._text.counted import counted


@pytest.mark.parametrize("arguments, words", [
    ((1, "damaged file", "are"), "1 damaged file is"), ((2, "damaged file", "are"), "2 damaged files are"),
    ((0, "entry"), "0 entries"), ((1, "class"), "1 class"), ((2, "class"), "2 classes"), ((3, "day", "were"), "3 days were"),
    ((1, "value", "do"), "1 value does"), ((1, "image", "were"), "1 image was")])
def test_a_number_agrees_with_its_noun_and_verb(arguments, words):
    assert counted(*arguments) == words
