"""Which teacher layer a student layer learns from, from the two depths alone: never written by hand."""

from collections.abc import Callable

from bertology.record.errors import BadRequest

LayerMap = tuple[tuple[int, int], ...]
"""(student layer, teacher layer) pairs, layers from 1; layer 0 is the embeddings where a map names it."""


def uniform(student: int, teacher: int) -> LayerMap:
    """Evenly over the teacher, its last layer on the student's last: layer k learns from round(k T / S) (PKD-skip, TinyBERT)."""
    return tuple((k, round(k * teacher / student)) for k in range(1, student + 1))


def last(student: int, teacher: int) -> LayerMap:
    """The teacher's top layers (PKD-last)."""
    return tuple((k, teacher - student + k) for k in range(1, student + 1))


def first(student: int, teacher: int) -> LayerMap:
    """The teacher's bottom layers."""
    return tuple((k, k) for k in range(1, student + 1))


def top(student: int, teacher: int) -> LayerMap:
    """The last layer from the last alone (MiniLM)."""
    return ((student, teacher),)


MAPS: dict[str, Callable[[int, int], LayerMap]] = {"uniform": uniform, "last": last, "first": first, "top": top}


def layer_map(name: str, student: int, teacher: int) -> LayerMap:
    """The map of a name for two depths. Raises BadRequest for an unknown name, or a student that is deeper than its teacher."""
    if name not in MAPS:
        raise BadRequest(f"there is no layer map {name!r}.", f"Choose one of {', '.join(MAPS)}.")
    if not 1 <= student <= teacher:
        raise BadRequest(
            f"a student of {student} layers for a teacher of {teacher}.", "Give 1 to as many as the teacher's."
        )
    return MAPS[name](student, teacher)
