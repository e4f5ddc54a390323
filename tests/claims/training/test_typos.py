"""Typing errors."""

from bertology.claims.training.typos import mistyped
from bertology.train.task import Example


def test_words_keep_their_letters_their_ends_and_their_number() -> None:
    texts = ("The unbelievable cats often remembered Anna's letter, quietly.", "A dog ran to it.")
    (made,) = mistyped([Example(texts, "x")], share=1.0)
    assert made.label == "x" and len(made.texts) == 2
    for before, after in zip(texts, made.texts, strict=True):
        for word, changed in zip(before.split(" "), after.split(" "), strict=True):
            assert sorted(word) == sorted(changed)
            assert (word[0], word[-1]) == (changed[0], changed[-1])
    assert made.texts[0].split(" ")[1] != "unbelievable" and made.texts[1] == "A dog ran to it."


def test_the_share_and_the_seed_are_heeded() -> None:
    given = [Example(("remember " * 2000,), "x")]
    changed = lambda **options: [w != "remember" for w in mistyped(given, **options)[0].texts[0].split()]
    assert 0.26 < sum(changed()) / 2000 < 0.34
    assert changed(seed=1) == changed(seed=1) != changed(seed=2)
    assert not any(changed(share=0.0))
