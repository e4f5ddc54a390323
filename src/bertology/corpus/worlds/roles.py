"""Who did what to whom, and the same with the two turned round (in the form of Chow et al. 2016)."""

from collections.abc import Iterator

from bertology.corpus.cloze import MASK, ClozeItem

_PAIRS = """
customer waiter: served | paid, thanked, called
patient doctor: treated, visited, examined | paid, called, asked
mouse cat: caught, eaten, killed | feared, heard, escaped
thief constable: arrested, caught, taken | escaped, deceived, killed
boy teacher: taught, punished | feared, loved, liked
sheep lion: killed, eaten, taken | feared, seen, heard
prisoner judge: released, condemned, freed | feared, begged, asked
hen fox: stolen, killed, eaten | feared, seen, heard
fly spider: caught, eaten, killed | escaped, feared, seen
deer hunter: shot, killed, hit | feared, seen, heard
horse coachman: sold, beaten, fed | thrown, followed, obeyed
baby nurse: washed, fed, dressed | loved, liked, wanted
child mother: born, fed, dressed | loved, called, wanted
servant master: dismissed, hired, sent | served, obeyed, feared
soldier general: commanded, sent, praised | obeyed, saluted, followed
beggar lady: helped, fed, saved | asked, thanked, begged
cow farmer: sold, bought, milked | followed, kicked, known
dog boy: called, fed, bought | bitten, followed, obeyed
lady dog: bitten, followed, loved | called, fed, bought
fish sailor: caught, eaten, cooked | escaped, seen, followed
prince bishop: crowned, blessed, married | appointed, paid, sent
dragon knight: killed, slain, fought | burned, eaten, feared
guest host: invited, received, welcomed | thanked, praised, visited
merchant robber: robbed, killed, murdered | feared, escaped, caught
passenger captain: saved, carried, landed | thanked, trusted, asked
sinner priest: forgiven, blessed, absolved | confessed, asked, begged
clerk banker: employed, paid, dismissed | served, cheated, robbed
goose cook: roasted, killed, bought | bitten, followed, feared
swimmer shark: eaten, bitten, killed | seen, escaped, feared
orphan widow: adopted, taken, fed | loved, thanked, followed
stranger lawyer: defended, advised, saved | paid, employed, thanked
singer crowd: praised, heard, applauded | pleased, delighted, thanked
girl painter: painted, drawn, seen | loved, married, inspired
lamb shepherd: found, carried, saved | followed, loved, known
victim murderer: killed, murdered, struck | known, feared, trusted
slave trader: sold, bought, beaten | feared, hated, served
ghost maid: seen, heard, feared | frightened, followed, haunted
sparrow hawk: caught, killed, eaten | feared, seen, escaped
kitten girl: fed, found, called | scratched, followed, loved
pupil professor: taught, examined, praised | feared, asked, admired
debtor sheriff: arrested, caught, taken | feared, escaped, paid
bear keeper: fed, beaten, sold | killed, bitten, hurt
daughter father: blessed, married, forgiven | obeyed, loved, feared
officer surgeon: saved, treated, dressed | thanked, trusted, called
"""
_FRAMES = (
    "The old man knew which {0} the {1} had",
    "Nobody remembered which {0} the {1} had",
    "The neighbor asked which {0} the {1} had",
    "The children saw which {0} the {1} had",
)


def items() -> tuple[ClozeItem, ...]:
    """Two items a pair with the same target: in "N-a" it is expected, in "N-b" the roles are reversed."""
    return tuple(_items())


def _items() -> Iterator[ClozeItem]:
    for number, line in enumerate(_PAIRS.strip().splitlines()):
        names, _, verbs = line.partition(": ")
        patient, agent = names.split()
        usual, reversed_ = (tuple(v.strip() for v in part.split(",")) for part in verbs.split("|"))
        for way, (object_, subject), expected in (("a", (patient, agent), usual), ("b", (agent, patient), reversed_)):
            context = f"{_FRAMES[number % len(_FRAMES)].format(object_, subject)} {MASK}."
            labels = {
                "set": "ROLE", "pair": f"role-{number}", "expected": expected,
                "subject": f"the {subject}", "object": f"which {object_}",
            }  # fmt: skip
            yield ClozeItem(f"role-{number}-{way}", context, usual[0], (), labels)
