"""Homonyms and the words of each sense's own field. The first sense of a word is its more frequent one."""

from typing import NamedTuple


class Sense(NamedTuple):
    name: str
    adjectives: tuple[str, ...]
    verbs: tuple[str, ...]
    """what people do to it, base forms"""
    people: tuple[str, ...]
    nouns: tuple[str, ...]
    places: tuple[tuple[str, str], ...]
    """(preposition, noun)"""
    events: tuple[str, ...]
    """what it does itself, base forms"""


def _table(text: str) -> dict[str, tuple[Sense, Sense]]:
    found: dict[str, list[Sense]] = {}
    for line in text.strip().splitlines():
        name, *cells = (cell.strip() for cell in line.split("|"))
        adjectives, verbs, people, nouns, places, events = (tuple(cell.split()) for cell in cells)
        where = tuple((p, n) for p, _, n in (place.partition(":") for place in places))
        found.setdefault(name.partition("/")[0], []).append(
            Sense(name, adjectives, verbs, people, nouns, where, events)
        )
    return {lemma: (senses[0], senses[1]) for lemma, senses in found.items()}


HOMONYMS = _table("""
bank/money | national rich private foreign bankrupt | rob trust sue manage open | banker cashier customer \
robber | loan account mortgage vault cheque | in:city near:exchange | fail invest collapse
bank/river | muddy steep grassy sandy green | climb reach follow | fisherman canoeist angler | stream willow \
reed canoe current | beside:bridge below:waterfall near:swamp | flood erode slope
bat/animal | nocturnal furry blind brown tiny | feed observe study disturb | biologist zookeeper farmer | \
insect owl wing moth echo | in:cave under:roof near:belfry | fly screech hunt
bat/club | wooden aluminum heavy cracked light | swing grip lift polish | batter umpire coach catcher | ball \
glove helmet base inning | in:dugout on:pitch at:stadium | crack splinter slip
bass/fish | fresh striped grilled slippery huge | catch hook fry fillet | angler cook fisherman | trout hook \
salmon lemon pond | in:lake near:dock in:net | swim bite spawn
bass/music | electric loud acoustic funky deep | tune play amplify strum | guitarist drummer musician singer | \
guitar drum melody amplifier chord | on:stage in:studio at:concert | rumble throb sound
mole/animal | blind furry velvety hungry small | trap chase bury feed | gardener farmer biologist | worm tunnel \
lawn burrow root | under:meadow in:garden near:vegetables | dig crawl burrow
mole/spy | secret disloyal foreign hidden Russian | expose recruit arrest interrogate | agent minister general \
detective | embassy codebook passport traitor dossier | inside:ministry in:agency at:headquarters | defect spy confess
spring/season | early rainy mild late wet | await welcome enjoy celebrate | gardener farmer poet | winter \
blossom autumn tulip lamb | after:snow before:summer in:valley | arrive begin bloom
spring/coil | rusty metal broken coiled elastic | stretch bend compress replace | mechanic engineer watchmaker \
| screw lever mattress gear wire | inside:clock under:seat in:machine | bounce snap squeak
pitcher/player | lefthanded injured famous nervous retired | coach trade cheer sign | batter manager fan umpire \
| ball inning catcher glove team | on:mound in:stadium at:game | throw strike sweat
pitcher/jug | ceramic empty full glass silver | fill pour rinse wash | waitress potter maid | lemonade cup \
saucer water tray | on:table in:cupboard near:sink | leak crack spill
club/association | exclusive social local private popular | join found lead quit | member president treasurer \
secretary | meeting fee newsletter committee library | in:town at:university near:townhall | meet vote dissolve
club/stick | heavy wooden thick spiked iron | swing wave grip carve | caveman giant golfer warrior | spear \
shield hole ball bag | on:green in:cave at:tournament | strike smash splinter
crane/machine | tall steel yellow hydraulic heavy | operate rent install repair | builder engineer foreman \
operator | beam crate bulldozer skyscraper cement | at:harbor near:scaffold above:dock | lift tip rotate
crane/bird | white graceful migratory rare hungry | observe feed photograph protect | birdwatcher biologist \
ranger | nest heron frog feather egg | in:marsh near:pond over:reeds | fly nest migrate
seal/animal | gray wet playful hungry slippery | feed train hunt rescue | biologist fisherman zookeeper | fish \
whale iceberg penguin flipper | on:rock at:zoo in:ocean | swim dive bark
seal/stamp | official royal waxen red ancient | break stamp forge press | notary king clerk messenger | letter \
envelope signature document ribbon | on:contract under:signature on:scroll | crack melt fade
palm/tree | tropical green tall shady slender | plant water trim climb | gardener islander botanist | coconut \
beach lagoon sand date | on:island near:oasis beside:hotel | grow sway wither
palm/hand | sweaty rough soft open left | read slap press scratch | fortuneteller nurse masseur | finger wrist \
thumb glove skin | under:bandage on:desk near:face | itch bleed tremble
trunk/tree | mossy hollow thick gnarled rotten | saw carve chop hug | lumberjack forester woodcutter | branch \
bark leaf oak root | in:forest near:stump under:ivy | grow rot crack
trunk/luggage | locked leather packed dusty antique | pack unlock ship unpack | porter traveler steward | \
suitcase ticket label luggage coat | in:attic on:platform at:station | arrive creak open
nail/metal | rusty bent iron long sharp | hammer bend pull straighten | carpenter roofer blacksmith | plank \
screw board hammer toolbox | in:wall under:shelf in:beam | bend rust loosen
nail/finger | polished broken painted pink dirty | paint trim bite file | manicurist beautician nurse | thumb \
finger polish toe lotion | on:hand at:salon near:skin | grow split bleed
organ/body | vital healthy diseased human swollen | transplant donate remove examine | surgeon donor patient \
doctor | kidney liver heart tissue blood | in:hospital beside:lung inside:abdomen | fail recover swell
organ/instrument | baroque loud electric magnificent tuneless | play tune restore hear | organist choirmaster \
priest composer | hymn choir pipe chapel psalm | in:cathedral at:mass above:altar | sound resound wheeze
mouse/animal | tiny gray frightened hungry furry | catch chase trap feed | farmer cat biologist | cheese trap \
hole tail rat | in:barn under:floor behind:stove | squeak scurry nibble
mouse/computer | wireless optical cordless expensive plastic | click connect plug unplug | programmer gamer \
technician typist | keyboard screen cable laptop printer | beside:monitor on:pad near:computer | freeze disconnect lag
bow/weapon | wooden curved long strong medieval | draw aim string bend | archer hunter warrior | arrow quiver \
target shield spear | at:tournament in:forest on:battlefield | snap bend creak
bow/ribbon | pink silk pretty striped velvet | tie untie wear sew | seamstress bridesmaid girl | ribbon gift \
hair dress lace | on:hat in:hair around:box | loosen unravel shine
pen/writing | inky red leaky expensive silver | refill borrow uncap buy | student author clerk teacher | ink \
pencil paper notebook signature | on:desk in:drawer beside:envelope | leak smudge scratch
pen/enclosure | muddy fenced crowded smelly locked | fence sweep enclose guard | farmer shepherd breeder | pig \
sheep straw gate trough | behind:barn on:farm near:stable | flood reek collapse
""")
