"""Role fillers of three grades: "the guest left a tip for the waiter", better than cook, better than sheep (after Ettinger 2020).

Each word is once the right filler, once the related one (of its partner) and once the unrelated one (of a distant pair), so
that no preference for a word can pay.
"""

from collections.abc import Iterator

from bertology.corpus.cloze import MASK, ClozeItem

_PAIRS = """
waiter: {The guest} left <a tip> for the _ | cook: {The guest} sent <the burnt soup> back to the _
doctor: {The sick man} paid <the fee> to the _ | nurse: {The mother} gave <her baby> to the _
judge: {The lawyer} made <a speech> before the _ | prisoner: {The jailer} brought <bread and water> to the _
king: {The bishop} set <the crown> on the head of the _ | soldier: {The captain} gave <a medal> to the brave _
teacher: {The boys} handed <their lessons> to the _ | pupil: {The master} taught <the alphabet> to the _
mother: {The hungry baby} drank <the milk> of its _ | child: {The grandmother} told <a fairy tale> to the little _
bride: {The young man} put <the ring> on the finger of the _ | priest: {The old woman} confessed <her sins> to the _
miller: {The carter} took <the corn> to the _ | farmer: {The cow} gave <much milk> to the _
horse: {The coachman} put <the saddle> on the _ | coachman: {The lady} gave <the address> to the _
dog: {The butcher} threw <a bone> to the _ | cat: {The girl} poured <some milk> into a saucer for the _
hen: {The boy} took <an egg> from under the _ | fox: {The hunter} saw <the bushy tail> of the _
sheep: {The shepherd} cut <the wool> from the _ | lion: {The hunters} heard <the roar> of the _
nest: {The bird} laid <its eggs> in the _ | tree: {The boy} climbed <the branches> of the _
table: {The maid} laid <the plates> on the _ | chair: {The tired man} rested <his back> in a _
bed: {The sick man} spent <the whole day> in his _ | pillow: {The girl} laid <her head> on the soft _
knife: {The butcher} cut <the meat> with a _ | cup: {The lady} drank <her tea> out of a _
axe: {The woodman} cut <the tree> down with his _ | saw: {The carpenter} cut <the board> in two with the _
ink: {The clerk} dipped <his pen> into the _ | paper: {The clerk} wrote <his name> on the _
key: {The jailer} opened <the cell> with a _ | lock: {The thief} broke <the door> at the _
ship: {The sailors} hoisted <the sails> of the _ | port: {The pilot} brought <the vessel> safely into the _
gun: {The hunter} loaded <the powder> into his _ | sword: {The knight} cut off <the head> with his _
pin: {The girl} pricked <her finger> with a _ | thread: {The tailor} sewed <the button> on with the strong _
coat: {The man} put <the purse> in the pocket of his _ | boots: {The soldier} put <his feet> into his _
hat: {The gentleman} had <nothing> on his head but his _ | gloves: {The gentleman} kept <his fingers> warm in his _
window: {The child} pressed <his nose> against the glass of the _ | door: {The servant} turned <the key> of the _
fire: {The cook} hung <the kettle> over the _ | lamp: {The maid} put <some oil> into the _
piano: {The lady} touched <the keys> of the _ | drum: {The soldier} beat <the march> on his _
river: {The men} built <a bridge> over the _ | well: {The girl} drew <a bucket of water> from the _
field: {The farmer} ploughed <the earth> of his _ | garden: {The lady} picked <a rose> in her _
church: {The priest} rang <the bell> of the _ | school: {The children} learned <their letters> at _
letter: {The lady} put <a stamp> on the _ | book: {The scholar} turned <the pages> of the _
bee: {The flower} gave <its honey> to the _ | fly: {The spider} made <its web> for the _
moon: {The clouds} hid <the silver light> of the _ | sun: {The farmer} dried <his hay> in the heat of the _
"""
_APART = 11
"""How many pairs lie between a pair and the one whose words are unrelated to it."""


def items() -> tuple[ClozeItem, ...]:
    """Target the right filler; alternatives the related, then the unrelated one; labels "subject" and "object" are phrases of the context."""
    return tuple(_items())


def _items() -> Iterator[ClozeItem]:
    pairs = [[side.strip().split(": ") for side in line.split("|")] for line in _PAIRS.strip().splitlines()]
    for number, pair in enumerate(pairs):
        for side, (word, sentence) in enumerate(pair):
            related, unrelated = pair[1 - side][0], pairs[(number + _APART) % len(pairs)][side][0]
            subject, object_ = (_between(sentence, marks) for marks in ("{}", "<>"))
            context = "".join(c for c in sentence if c not in "{}<>").replace("_", MASK) + "."
            labels = {"set": "TRIPLE", "subject": subject, "object": object_}
            yield ClozeItem(f"triple-{number}-{side}", context, word, (related, unrelated), labels)


def _between(sentence: str, marks: str) -> str:
    return sentence[sentence.index(marks[0]) + 1 : sentence.index(marks[1])]
