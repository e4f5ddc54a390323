"""What goes wrong because of the input: what was asked, what was found, what to do. Exit code 2."""


class BadInput(Exception):
    """The input cannot be used. `str()` is one message: name, finding, and on the next line what to do."""

    def __init__(self, found: str, do: str = "") -> None:
        super().__init__(found)
        self.found, self.do = found, do

    def __str__(self) -> str:
        return f"{type(self).__name__}: {self.found}" + (f"\n  {self.do}" if self.do else "")


class NotAModel(BadInput):
    """The path or id does not lead to an encoder that can be loaded."""


class BadWeights(BadInput):
    """The weight file is truncated, foreign to the config, or holds NaN."""


class UnknownFamily(BadInput):
    """`config.model_type` has no row in encoder/families.py."""


class Misaligned(BadInput):
    """A word maps to no subword."""


class BadCorpus(BadInput):
    """A corpus file is missing, empty or broken."""


class BadTreebank(BadCorpus):
    """A CoNLL-U file breaks the format or its trees are no trees."""


class BadRequest(BadInput):
    """An unknown claim, corpus name or option value."""


class ForeignRun(BadInput):
    """The output folder holds another encoder's or another corpus's run."""


class CannotWrite(BadInput):
    """The disk is full or the folder is read-only; what was finished before is kept."""


class NotFinite(BadInput):
    """An activation is NaN or infinite."""


class NotObserved(BadInput):
    """A statistic reads a site it did not list."""


class NoEffect(BadInput):
    """An intervention changed nothing where it must."""


class Refused(BadInput):
    """What was made is worse than what it was made from; it was not kept."""


class NotApplicable(Exception):
    """The claim cannot be tested on this encoder or corpus; the message is the reason."""
