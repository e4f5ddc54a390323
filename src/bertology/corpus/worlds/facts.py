"""Everyday facts by relation: a subject, an object of one word, and paraphrased templates (in the form of LAMA; Petroni et al. 2019).

Each relation has two lists of another kind of subject each ("source" home and abroad): capitals and other towns, farm and wild
animals. No template has an article that hangs on the object.
"""

from collections.abc import Iterator

from bertology.corpus.cloze import ClozeItem
from bertology.corpus.facts import Fact, filled_templates

_RELATIONS = """
country
[X] is a city in [Y].
[X] is a town in [Y].
The city of [X] lies in [Y].
He left [X] and travelled through the rest of [Y].
[X] belongs to [Y].
They were married at [X] in [Y].
If you want to see [X] you must go to [Y].
home: Paris=France, London=England, Rome=Italy, Madrid=Spain, Berlin=Germany, Vienna=Austria, Dublin=Ireland, Edinburgh=Scotland, \
Athens=Greece, Moscow=Russia, Cairo=Egypt, Washington=America, Lisbon=Portugal, Warsaw=Poland, Brussels=Belgium, Calcutta=India
abroad: Lyons=France, Marseilles=France, Bordeaux=France, Liverpool=England, Manchester=England, Oxford=England, Milan=Italy, \
Venice=Italy, Naples=Italy, Florence=Italy, Seville=Spain, Barcelona=Spain, Hamburg=Germany, Munich=Germany, Cork=Ireland, \
Limerick=Ireland, Glasgow=Scotland, Aberdeen=Scotland, Odessa=Russia, Alexandria=Egypt, Boston=America, Chicago=America, Bombay=India

language
In [X] the people speak [Y].
The language of [X] is [Y].
He had lived in [X] and could speak [Y].
In [X] everybody understands [Y].
The newspapers of [X] are printed in [Y].
When she came back from [X] she talked only [Y].
The children in [X] learn to read [Y].
home: France=French, England=English, Germany=German, Italy=Italian, Spain=Spanish, America=English, Greece=Greek, Austria=German, \
Mexico=Spanish, Sicily=Italian, Prussia=German, Canada=English
abroad: Paris=French, London=English, Berlin=German, Rome=Italian, Madrid=Spanish, Athens=Greek, Vienna=German, Florence=Italian, \
Boston=English, Lyons=French, Seville=Spanish, Venice=Italian, Dresden=German, Liverpool=English, Marseilles=French, Saxony=German

young
[X] is a young [Y].
[X] is the child of a [Y].
[X] will grow up to be a [Y].
The mother of [X] is a [Y].
When it is old, [X] is called a [Y].
[X] has the same nature as a [Y].
home: a calf=cow, a lamb=sheep, a foal=horse, a colt=horse, a puppy=dog, a kitten=cat, a kid=goat, a chick=hen, a filly=horse, \
a gosling=goose, a duckling=duck, a heifer=cow, a pup=dog, a pullet=hen
abroad: a boy=man, a girl=woman, a fawn=deer, a cub=bear, a whelp=lion, an eaglet=eagle, a tadpole=frog, a prince=king, \
a princess=queen, a cygnet=swan, a leveret=hare, a son=man, a daughter=woman, a lad=man, a lass=woman

sound
He made a noise, [X] like a [Y].
I heard it [X] as if it were a [Y].
It is the nature of the [Y] to be [X].
Something was [X] in the dark: it was a [Y].
All night she heard the [X] of the [Y].
The creature that goes on [X] is a [Y].
home: barking=dog, mewing=cat, purring=cat, neighing=horse, lowing=cow, bleating=sheep, crowing=cock, cackling=hen, \
quacking=duck, braying=ass, grunting=pig, whinnying=horse, yelping=dog, mooing=cow, clucking=hen, squealing=pig
abroad: roaring=lion, howling=wolf, hissing=serpent, buzzing=bee, croaking=frog, hooting=owl, chirping=bird, singing=bird, \
squeaking=mouse, growling=bear, cawing=crow, twittering=bird, cooing=dove, humming=bee, chattering=monkey, screaming=eagle

colour
The colour of [X] is [Y].
[X] is [Y].
As everybody knows, [X] is always [Y].
It was as [Y] as [X].
A painter who paints [X] needs much [Y].
It had the colour of [X]: it was [Y].
If you look at [X] you see that it is [Y].
home: milk=white, coal=black, blood=red, ink=black, butter=yellow, chalk=white, soot=black, flour=white, gold=yellow, brick=red, \
tar=black, mustard=yellow, ivory=white, salt=white, lead=grey, chocolate=brown, coffee=brown, mahogany=brown, a pea=green
abroad: snow=white, grass=green, the sky=blue, the sea=blue, a raven=black, a swan=white, a lemon=yellow, a cherry=red, a lily=white, \
a crow=black, the night=black, a strawberry=red, a violet=blue, a leaf=green, a poppy=red, a canary=yellow, a donkey=grey, \
a daffodil=yellow, the forest=green, a chestnut=brown

material
[X] is made of [Y].
The man made [X] out of [Y].
To make [X] he needed some [Y].
[X] of the best [Y] was offered for sale.
Most of [X] is nothing but [Y].
[X] is usually of [Y].
The [Y] of [X] was of the best kind.
home: a table=wood, a window=glass, a boot=leather, a kettle=iron, a book=paper, a stocking=wool, a candle=wax, a shoe=leather, \
a bottle=glass, a chair=wood, a letter=paper, a mirror=glass, a blanket=wool, a saddle=leather, a poker=iron, a newspaper=paper, \
a desk=wood, a tumbler=glass, a loaf=flour, a glove=leather
abroad: a castle=stone, an anchor=iron, a barrel=wood, a statue=stone, a bridge=stone, a horseshoe=iron, a fence=wood, a wall=stone, \
a plough=iron, a boat=wood, a railing=iron, a mast=wood, a tombstone=stone, a cannon=iron, a ladder=wood, a tower=stone, a crown=gold, \
a hammer=iron, a cathedral=stone

opposite
The opposite of [X] is [Y].
It was not [X] but [Y].
Some are [X] and others are [Y].
[X] is one thing and [Y] is another.
You say [X], I say [Y].
He was asked whether it was [X] or [Y].
What is not [X] is [Y].
home: hot=cold, big=small, old=young, rich=poor, good=bad, high=low, black=white, long=short, strong=weak, hard=soft, wet=dry, \
true=false, happy=unhappy, heavy=light, early=late, thick=thin, open=shut, full=empty, right=wrong, fast=slow, dark=light, sweet=bitter
abroad: day=night, life=death, love=hate, war=peace, north=south, east=west, heaven=hell, friend=enemy, up=down, above=below, \
before=after, yes=no, first=last, left=right, nothing=everything, beginning=end, winter=summer, morning=evening, pleasure=pain, \
always=never, inside=outside, more=less

part
[X] is a part of the [Y].
Every [Y] has its [X].
The [Y] had lost its [X].
He looked at the [X] of the [Y].
Without its [X] the [Y] is not complete.
There was something wrong with the [X] of the [Y].
You find the [X] on the [Y].
home: roof=house, chimney=house, cellar=house, page=book, chapter=book, wheel=carriage, axle=carriage, lid=box, blade=knife, \
handle=knife, sole=shoe, sleeve=coat, pocket=coat, collar=coat, pane=window, latch=door, hinge=door, wick=candle, string=violin, steeple=church, \
pulpit=church, attic=house, heel=shoe
abroad: branch=tree, trunk=tree, bark=tree, root=tree, petal=flower, wing=bird, beak=bird, mane=horse, hoof=horse, finger=hand, \
thumb=hand, toe=foot, nose=face, cheek=face, mast=ship, deck=ship, rudder=ship, keel=ship, stalk=flower, palm=hand, lash=eye, \
stem=flower

place
You will find [X] in the [Y].
[X] works in the [Y].
All day long [X] is busy in the [Y].
We went to the [Y] and asked for [X].
The [Y] is no place for anybody but [X].
[X] was on the way to the [Y].
There is no [Y] without [X].
home: a teacher=school, a priest=church, a cook=kitchen, a judge=court, a gardener=garden, a miller=mill, a nurse=hospital, \
a shopkeeper=shop, a clerk=office, a pupil=school, a surgeon=hospital, a lawyer=court, a jailer=prison, a groom=stable, \
a bishop=church, a schoolmaster=school, a prisoner=prison, a parson=church, a grocer=shop, a banker=bank
abroad: a sailor=ship, a farmer=field, a shepherd=field, a hunter=forest, a king=palace, a queen=palace, an actor=theatre, \
a monk=monastery, a miner=mine, a soldier=camp, a fisherman=boat, a woodcutter=forest, a mate=ship, a boatswain=ship, a ploughman=field, \
a reaper=field, a courtier=palace, a poacher=forest, a ferryman=boat, a dancer=theatre

number
After [X] comes [Y].
The next after [X] is [Y].
First comes [X] and then comes [Y].
He counted aloud: [X], [Y].
[X] is followed by [Y].
[Y] follows [X].
Before [Y] comes [X].
home: one=two, two=three, three=four, four=five, five=six, six=seven, seven=eight, eight=nine, nine=ten
abroad: ten=eleven, eleven=twelve, nineteen=twenty, the first=second, the second=third, the third=fourth, the fourth=fifth, \
the fifth=sixth, the sixth=seventh, once=twice, Monday=Tuesday, Tuesday=Wednesday, Wednesday=Thursday, Thursday=Friday, \
Friday=Saturday, Saturday=Sunday, Sunday=Monday

product
[X] makes [Y].
It is the trade of [X] to make [Y].
From [X] you can buy [Y].
[X] lives by selling [Y].
If you want [Y] you go to [X].
The hands of [X] are always full of [Y].
[X] had no more [Y] to sell.
home: a baker=bread, a butcher=meat, a brewer=beer, a tailor=clothes, a shoemaker=shoes, a hatter=hats, a dairymaid=butter, \
a bookseller=books, a cobbler=shoes, a fishmonger=fish, a confectioner=sweets, a jeweller=jewels, a milliner=hats, a milkman=milk, \
a florist=flowers, a vintner=wine, a cutler=knives, a grocer=tea
abroad: a poet=verses, a painter=pictures, a composer=music, a novelist=novels, a cow=milk, a hen=eggs, a bee=honey, a sheep=wool, \
a playwright=plays, a vine=wine, a duck=eggs, a musician=music, a goose=feathers, an artist=pictures, a tree=wood, a journalist=articles, \
a mine=gold, a goat=milk

female
The female of [X] is called the [Y].
A man is [X], a woman is a [Y].
[X] and the [Y] are of the same rank, but the second is a woman.
He was like [X], and she was like a [Y].
They lived together like [X] and a [Y].
If she were a man the [Y] would be [X].
home: a father=mother, a brother=sister, a son=daughter, an uncle=aunt, a husband=wife, a nephew=niece, a grandfather=grandmother, \
a boy=girl, a man=woman, a gentleman=lady, a bridegroom=bride, a widower=widow
abroad: a king=queen, a prince=princess, a duke=duchess, a count=countess, a lord=lady, a god=goddess, a master=mistress, a monk=nun, \
a cock=hen, a bull=cow, an actor=actress, a wizard=witch, a hero=heroine, a marquis=marchioness, a baron=baroness, an abbot=abbess
"""


def items() -> tuple[ClozeItem, ...]:
    """One item a fact and template, set FACT, with the labels that `facts.filled_templates` gives."""
    return tuple(_items())


def _items() -> Iterator[ClozeItem]:
    for block in _RELATIONS.strip().split("\n\n"):
        relation, *rest = block.replace("\\\n", "").splitlines()
        facts = [
            Fact(subject, word, source)
            for line in rest[-2:]
            for source, _, listed in [line.partition(": ")]
            for subject, _, word in (pair.strip().partition("=") for pair in listed.split(","))
        ]
        yield from filled_templates(relation, rest[:-2], facts)
