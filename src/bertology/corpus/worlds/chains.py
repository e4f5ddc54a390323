"""What things are, from one step to four: a spaniel is a dog, a beast, an animal, a creature (after Richardson & Sabharwal 2019)."""

from collections import Counter
from collections.abc import Iterator

from bertology.corpus.cloze import MASK, ClozeItem

_CHAINS = """
animal: dog beast animal creature: spaniel terrier mastiff greyhound bulldog poodle
animal: horse beast animal creature: mare pony colt charger hunter stallion
animal: bird animal creature: robin lark sparrow swallow eagle thrush
animal: fish animal creature: trout salmon herring pike carp cod
person: officer soldier man person: colonel captain major lieutenant general sergeant
person: lady woman person: duchess countess baroness marchioness
person: priest man person: bishop vicar rector curate
person: servant woman person: housemaid cook laundress
person: doctor man person: surgeon physician
plant: tree plant: oak elm willow beech poplar pine
plant: flower plant: rose lily violet tulip daisy pansy
stuff: =wine drink liquid substance: =claret =port =sherry =burgundy =madeira =champagne
stuff: =silk =cloth =stuff material: =satin =velvet =brocade =damask
stuff: =meat =food substance: =beef =mutton =pork =veal =bacon =ham
stuff: metal mineral substance: =iron =gold =silver =copper =lead =tin
artefact: gun weapon instrument: pistol musket rifle cannon
artefact: knife tool instrument: razor penknife lancet
artefact: ship vessel craft: frigate schooner brig sloop
artefact: house dwelling building structure: cottage villa mansion farmhouse
artefact: seat =furniture: sofa bench stool
"""
"""Branch, what the members are from step to step, the members; = marks words without an article."""

_KINDRED = ({"animal", "person"}, {"stuff", "artefact"})
_Member = tuple[int, str, str, str]
"""Place in its chain's list, branch, what it is at this step, the member."""
_TEMPLATES = ("{} is {}.", "Everybody knows that {} is {}.", "He told us that {} was {}.")


def items() -> tuple[ClozeItem, ...]:
    """Items of set CHAIN with the labels "subject", "steps" (from 1), "template" and "fact"; "contexts" where an article hangs on the word.

    At each step members of branches that are not kindred are paired, and the word of each is false of the other: at every step a
    preference for a word pays as often as it costs. Members that find no partner have no item at that step.
    """
    return tuple(_items())


def _items() -> Iterator[ClozeItem]:
    chains = [tuple(part.split() for part in line.split(": ")) for line in _CHAINS.strip().splitlines()]
    for step in range(max(len(chain) for _, chain, _ in chains)):
        asked = [
            (number, branch, chain[step], member)
            for (branch,), chain, members in chains
            if len(chain) > step
            for number, member in enumerate(members)
        ]
        for one, other in _partners(sorted(asked, key=lambda row: row[0])):
            for (_, _, word, member), false in ((one, other[2]), (other, one[2])):
                yield from _asked(member, word, false, step + 1)


def _partners(asked: list[_Member]) -> Iterator[tuple[_Member, _Member]]:
    """Pairs of unlike branches; the larger of two kindred groups looks first, so that few are left alone."""
    alone = list(asked)
    while alone:
        size = Counter(_group(branch) for _, branch, _, _ in alone)
        one = next(row for row in alone if _group(row[1]) == size.most_common(1)[0][0])
        alone.remove(one)
        others = [row for row in alone if _group(row[1]) != _group(one[1])]
        if others:
            other = others[len(alone) * 7 % len(others)]
            alone.remove(other)
            yield one, other


def _asked(member: str, word: str, false: str, steps: int) -> Iterator[ClozeItem]:
    subject = member.removeprefix("=")
    target, alternative = word.removeprefix("="), false.removeprefix("=")
    for place, template in enumerate(_TEMPLATES):
        contexts = tuple(_sentence(template, member, w) for w in (word, false))
        labels = {
            "set": "CHAIN", "subject": subject, "steps": steps, "template": place, "contexts": contexts,
            "fact": f"{subject}:{steps}", "pair": f"chain-{subject}",
        }  # fmt: skip
        yield ClozeItem(f"chain-{subject}-{steps}-{place}", contexts[0], target, (alternative,), labels)


def _group(branch: str) -> str:
    return next((sorted(kin)[0] for kin in _KINDRED if branch in kin), branch)


def _sentence(template: str, member: str, word: str) -> str:
    gap = MASK if word.startswith("=") else f"{_article(word)} {MASK}"
    noun = member.removeprefix("=") if member.startswith("=") else f"{_article(member)} {member}"
    filled = template.format(noun, gap)
    return filled[0].upper() + filled[1:]


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"
