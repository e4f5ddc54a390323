"""Two sentences, the second of which ends in a word that only the first one tells (in the form of Federmeier & Kutas 1999).

Each four words, two of one category and two of another, have four contexts: every word is once the expected one, once
the one of its category, once the one of the other category. So no preference for a word can pay.
"""

from collections.abc import Iterator

from bertology.corpus.cloze import MASK, ClozeItem

_FOURS = """
horse|The coachman put on the saddle and tightened the straps.|Then he led out the
cow|The maid took her pail and her stool early in the morning to get the milk.|She went to the field to find the
hen|The farmer's wife went to gather the eggs for breakfast.|She put her hand under the warm
duck|The bird came down from the sky and swam across the pond.|The children threw some bread to the

bed|The child was tired and could hardly keep her eyes open.|Her mother laid her gently in the
chair|The old man had been standing for hours and his legs hurt.|He was glad when someone gave him a
door|There was a loud knock in the middle of the night.|The servant went down to see who was at the
window|The boy threw the ball too high and there was a crash of glass.|He had broken the

hat|A sudden wind blew down the street and the gentleman put his hand to his head.|He was afraid of losing his
coat|It was freezing outside and the snow lay deep.|Before he went out he buttoned up his
shoes|His feet were sore after the long walk.|As soon as he was at home he took off his
gloves|His fingers were stiff with cold.|He wished that he had brought his

bread|The baker had been up since four and the whole street smelled of the oven.|People were waiting to buy his
cake|It was her birthday and there were ten candles to blow out.|Everyone sang while her mother brought in the
milk|The kitten was hungry and cried at the kitchen door.|The cook filled a saucer with
tea|The kettle was boiling and the cups were on the table.|She asked her guests whether they would have some

doctor|The boy had been ill for a week and the fever did not fall.|His father sent at once for the
nurse|The mother had died when the child was born.|The baby was fed and washed by the
judge|The prisoner stood up to hear how many years he had to stay in prison.|Everyone in the court looked at the
priest|She knelt in the dark church and confessed her sins.|She was forgiven by the

king|The crown was placed upon his head and the people shouted for joy.|From that day on he was their
queen|She had worn the crown since her father died and left her the throne.|All the people loved their
soldier|He wore a red uniform and carried a gun on his shoulder.|He had always wanted to be a
sailor|He had crossed every ocean and knew the name of every wind.|He had spent his whole life as a

church|It was Sunday morning and the bells were ringing.|The whole family was walking to the
school|The boys had their books and slates under their arms.|The master was already waiting for them at the
river|The men brought their rods and nets and a basket for the fish.|They sat all day beside the
forest|The trees stood so close that they could hardly see the sky.|The children had lost their way in the

ship|The captain gave the order to hoist all the sails.|Slowly the land disappeared behind the
boat|The two boys took the oars and rowed across the lake.|In the middle of the water they stopped the
train|They waited at the station with their bags and heard the whistle.|With a cloud of steam came the
carriage|The coachman whipped his four horses and they went off at a gallop.|The ladies were shaken about inside the

hand|The two men had finished their quarrel and wanted to be friends.|Each of them held out his
foot|He had stepped on a nail and could not walk.|There was a deep wound in his
eye|A grain of dust had blown into his face and he could not see.|There was something in his
ear|She did not want the others to hear the secret.|She came close and whispered it into his

piano|She sat down on the stool and laid her fingers on the keys.|Everybody listened while she touched the
drum|The little soldier took a stick in each hand and marched in front of the others.|All day long he beat his
letter|She folded the paper and wrote the name of the street on the outside.|The servant was told to post the
book|He had read for hours and was at the last chapter.|With a sigh he closed the

snow|In the morning the whole garden was white.|The children ran out to play in the
rain|He had no umbrella and his clothes were wet through.|He had walked a mile in the
sun|It was noon and there was not one cloud.|They looked for shade to hide from the
moon|It was midnight, but the road lay in a silver light.|Above the hills had risen the
"""


def items() -> tuple[ClozeItem, ...]:
    """Target the expected word; alternatives the one of its category, then one of the other category."""
    return tuple(_items())


def _items() -> Iterator[ClozeItem]:
    for four in _FOURS.strip().split("\n\n"):
        rows = [line.split("|") for line in four.splitlines()]
        for k, (word, first, second) in enumerate(rows):
            within, between = rows[k ^ 1][0], rows[(2 + k) % 4 if k < 2 else (k - 1) % 2][0]
            labels = {"set": "CPRAG", "opening": first}
            yield ClozeItem(f"cprag-{word}", f"{first} {second} {MASK}.", word, (within, between), labels)
