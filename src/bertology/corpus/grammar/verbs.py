"""Verbs by frame, with the classes of their subjects and objects, semantic roles, manner and aspect.

A row reads: lemma | subjects | objects | roles | manner | marks. Selections are classes or "=lemma,lemma".
Marks: s stative (no progressive), n no progressive for other reasons, p no passive, l no adverbial of place.
"""

from functools import cache
from typing import NamedTuple

from bertology.corpus.grammar.lexicon import Noun, admits


class Verb(NamedTuple):
    lemma: str
    frame: str
    subject: str
    object: str
    roles: tuple[str, str]
    manner: tuple[str, ...]
    marks: str

    @property
    def stative(self) -> bool:
        return "s" in self.marks


@cache
def verbs(frame: str) -> tuple[Verb, ...]:
    """The verbs of a frame, most frequent first."""
    return tuple(_row(frame, line) for line in _TABLES[frame].strip().splitlines())


@cache
def verbs_for(frame: str, subject: Noun | None) -> tuple[Verb, ...]:
    """The verbs of a frame that a noun can be the subject of; None stands for a person's name or a pronoun."""
    if subject is None:
        return tuple(v for v in verbs(frame) if "person" in v.subject.split())
    return tuple(v for v in verbs(frame) if admits(subject, v.subject))


@cache
def verb(frame: str, lemma: str) -> Verb:
    return next(v for v in verbs(frame) if v.lemma == lemma)


MANNER = {
    "action": "carefully quickly slowly quietly patiently gently calmly",
    "motion": "quickly slowly fast quietly",
    "voice": "loudly softly quietly happily",
    "effort": "hard well patiently quietly",
    "love": "secretly deeply truly",
    "sense": "suddenly finally immediately",
    "trade": "secretly quickly finally",
    "force": "suddenly finally quickly violently",
    "": "",
}

_PORTABLE = "thing tool text clothes"
_TABLES = {
    "intransitive": """
sleep | person animal infant | | experiencer | quietly |
laugh | person infant | | agent | voice |
smile | person infant | | agent | happily |
wait | person | | agent | patiently |
work | person | | agent | effort |
run | person =dog,cat,horse,wolf,fox,bear,rabbit,donkey,lion,tiger | | agent | motion |
walk | person =dog,cat,horse,bear,elephant,donkey,goat | | agent | motion |
arrive | person vehicle =letter,newspaper,message,magazine | | theme | sense | l
leave | person vehicle | | theme | sense | l
dance | person | | agent | happily |
sing | person =bird,parrot | | agent | voice |
fall | person thing tool plant | | theme | sense |
cry | person infant | | agent | voice |
shout | person | | agent | loudly |
swim | person =fish,whale,dolphin,shark,turtle,seal,duck,frog | | agent | motion |
disappear | person animal thing tool text vehicle | | theme | sense |
rest | person animal infant | | agent | quietly |
travel | person | | agent | happily | l
return | person | | theme | sense | l
stop | vehicle =clock,watch | | theme | sense |
fly | =bird,owl,eagle,goose,duck,pigeon,parrot | | agent | motion |
bark | =dog,puppy,seal | | agent | loudly |
growl | =dog,bear,wolf,lion,tiger,puppy | | agent | loudly |
begin | event | | theme | sense | l
end | event | | theme | sense | l
grow | plant =carrot,potato,tomato,onion,corn | | theme | slowly |
shine | =lamp,candle,lantern,torch,coin,crown,sword,lighthouse | | theme | softly |
burn | =candle,lamp,torch,house,barn,cabin,factory,shed | | theme | slowly |
break | =cup,plate,vase,glass,window,mirror,rope,handle,wheel,chair,bench | | patient | sense |
sink | =boat,ship,ferry,canoe,anchor | | theme | slowly |
dream | person | | experiencer | quietly |
sneeze | person =cat,dog | | agent | loudly |
hide | person =mouse,rabbit,snake,squirrel,fox,cat | | agent | quietly |
jump | person =cat,dog,frog,rabbit,squirrel,horse,dolphin | | agent | sense |
eat | person animal | | agent | action |
hunt | =wolf,fox,bear,owl,eagle,lion,tiger,shark,hunter,cat | | agent | quietly |
practice | =singer,pianist,drummer,violinist,dancer,player,runner,athlete,actor,actress,musician | | agent | effort |
ring | =phone,clock | | theme | loudly |
""",
    "motion": """
walk | person =dog,cat,horse,bear,elephant | to:place to:nature | agent | motion |
run | person =dog,cat,horse,wolf,fox,rabbit | to:place to:nature | agent | quickly |
travel | person | to:city | agent | happily |
return | person | to:place to:city | agent | sense |
hurry | person | to:place | agent | |
drive | person | to:place to:city | agent | slowly |
move | person | to:city | theme | |
swim | =dolphin,whale,shark,turtle,sailor,diver,swimmer,pirate,fisherman,duck,frog | to:=island,bay,harbor,boat,\
rock | agent | motion |
sail | =sailor,captain,fisherman,pirate,ship,boat,ferry | to:=island,bay,harbor,port | theme | slowly |
fly | =bird,owl,eagle,goose,duck,pigeon,parrot | to:=tree,lake,roof,forest,oak,pine over:=house,river,lake,\
forest,hill,wall,village,barn | agent | motion |
sit | person =dog,cat,kitten,puppy | on:=bench,chair,sofa,wall,rock,stool under:plant near:structure | agent | \
quietly |
stand | person =horse,cow,sheep,goat,donkey | near:structure behind:structure near:nature | agent | quietly |
""",
    "transitive": f"""
see | person animal | person animal thing vehicle place plant infant | experiencer theme | sense | s
like | person | person animal food place text work instrument clothes | experiencer theme | | s
find | person | {_PORTABLE} animal | agent theme | sense | n
know | person | person | experiencer theme | | s
help | person | person | agent theme | patiently,quietly,happily |
buy | person | food {_PORTABLE} furniture instrument =car,bicycle,boat,truck,cart,van,horse | agent theme | trade |
love | person | person animal food work instrument event infant | experiencer theme | love | s
watch | person | person animal game race match show | agent theme | patiently,quietly |
read | person | text work | agent theme | action |
eat | person | food | agent patient | action |
write | person | =letter,book,story,novel,message,poem,essay,report,article,song,play,script,recipe,note,\
textbook | agent theme | action |
drink | person =cat,dog,horse,cow | drink | agent patient | quickly,slowly |
open | person | =box,door,window,letter,bag,bottle,jar,gate,envelope,drawer,cupboard,umbrella,shop,purse,wallet \
| agent patient | action |
carry | person | {_PORTABLE} =chair,stool,ladder,baby,piano | agent theme | carefully,slowly,quietly |
want | person | food drink {_PORTABLE} instrument =car,bicycle,boat,horse,puppy | experiencer theme | | sp
meet | person | person | agent theme | sense |
visit | person | person place | agent theme | | l
follow | person =dog,wolf,puppy | person animal =car,truck,taxi,bus | agent theme | action |
clean | person | =kitchen,room,house,garage,workshop,classroom,bathroom,window,table,desk,floor,barn,stable,\
shoe,mirror,oven | agent patient | quickly,carefully,slowly |
repair | person | vehicle =clock,watch,roof,phone,radio,fence,chair,door,computer,printer,camera,engine,bridge,\
table,wheel | agent patient | quickly,carefully,patiently |
paint | person | =wall,door,house,fence,picture,boat,gate,room,chair,bench,shelf,roof | agent patient | \
carefully,slowly |
build | person | =house,boat,wall,bridge,castle,tower,barn,school,shelf,cabin,ship,fence,church,hospital | \
agent theme | quickly,slowly,patiently |
hear | person animal | =bird,dog,wolf,owl,piano,violin,drum,song,story,secret,joke,concert,storm,whistle,train,\
singer,clock | experiencer theme | sense | s
play | person | instrument =game,match | agent theme | quietly,well,happily,loudly |
catch | person =cat,dog,bear | =fish,mouse,bird,rabbit,ball,thief,crab,frog | agent patient | sense |
chase | =dog,cat,boy,girl,policeman,policewoman,guard,wolf,fox,hunter,puppy,kitten,child | =cat,mouse,bird,\
thief,rabbit,squirrel,goose,ball,butterfly,fox,pigeon,hen | agent theme | happily,quickly |
feed | person | animal =baby,child | agent recipient | patiently,gently,quietly |
ride | person | =horse,bicycle,donkey,elephant | agent theme | slowly,happily |
drive | person | =car,truck,bus,taxi,tractor,ambulance,van,train,cart | agent theme | slowly,carefully |
cook | person | =soup,rice,meat,potato,dinner,lunch,egg,fish,breakfast | agent theme | slowly,quickly,carefully |
bake | person | =bread,cake,pie,cookie,biscuit,potato | agent theme | carefully |
wear | person | clothes =ring,crown,uniform,necklace,watch | agent theme | proudly | p
draw | person | =map,picture,tree,flower,horse,house,face,bird,boat | agent theme | carefully,quickly |
break | person | =cup,plate,vase,glass,window,mirror,bottle,lamp,bowl,toy,stick,chair | agent patient | sense | n
drop | person | =cup,plate,vase,glass,bottle,ball,key,coin,letter,bag,phone,box,knife,spoon,book,bowl,jar | \
agent theme | sense |
lose | person | =key,ring,ticket,wallet,purse,phone,glove,umbrella,hat,watch,pen,coin,ball,letter,bag,shoe,race,\
match,game | experiencer theme | | s
hold | person | {_PORTABLE} =baby,kitten,puppy | agent theme | carefully,gently,quietly |
wash | person | =cup,plate,bowl,car,dog,shirt,dress,apple,carrot,glass,pan,pot,potato,fork,spoon,baby,bus,truck \
| agent patient | carefully,quickly |
hide | person =dog,squirrel,cat | =key,coin,letter,ring,box,ball,cookie,knife,diamond,wallet,map,crown,necklace \
| agent theme | carefully,quietly,secretly |
steal | person =fox,monkey | =ring,wallet,purse,car,diamond,bicycle,necklace,coin,apple,bread,horse,crown,\
picture,hen,trophy,egg | agent theme | secretly,quietly |
cut | person | =bread,cake,rope,apple,onion,tree,meat,pie,cheese,paper,carrot,bush,rose,wood | agent patient | \
carefully,quickly |
pick | person | =apple,flower,rose,pear,tomato,peach,mushroom,tulip,lily,lemon,orange | agent theme | carefully,\
quickly |
plant | person | =tree,flower,rose,potato,carrot,bush,tulip,oak,corn | agent theme | carefully |
close | person | =door,window,gate,box,shop,book,drawer,curtain,umbrella,cupboard,bag,jar | agent patient | \
quietly,quickly,carefully |
lock | person | =door,gate,drawer,box,car,cabinet,shop,office,cell,garage,house | agent patient | carefully,quietly |
push | person | =car,cart,table,door,boat,box,bicycle,sofa,piano | agent theme | slowly,gently |
thank | person | person | agent recipient | politely,quietly |
invite | person | person | agent theme | happily | l
admire | person | person place picture statue =dress,ring,crown,horse,flower,castle,piano,necklace | \
experiencer theme | secretly,deeply | s
blame | person | person | agent theme | secretly | l
praise | person | person | agent theme | loudly,happily | l
greet | person | person | agent recipient | happily,politely,quietly |
hug | person | person =dog,puppy,kitten,cat | agent theme | gently,happily |
kiss | person | =baby,child,girl,boy,wife,husband,mother,father,daughter,son,sister,grandmother,woman,man,\
princess,prince | agent theme | gently,softly |
ignore | person | person =question,letter,message,rule,answer,problem,phone,joke | agent theme | | l
attend | person | event | agent theme | | lp
organize | person | =party,meeting,wedding,concert,festival,race,game,contest,conference,exam,trial,show,feast,\
dinner | agent theme | carefully,quickly |
remember | person | person place event story =name,song,poem,question,secret,joke,plan | experiencer theme | | s
forget | person | =name,song,key,umbrella,ticket,question,rule,secret,joke,poem,meeting,lesson | experiencer \
theme | | s
explain | person | =plan,rule,problem,idea,question,joke,poem,game,map,answer,crime | agent theme | slowly,\
patiently,calmly |
understand | person | =question,problem,joke,story,poem,rule,idea,lesson,plan,map,book,lecture | experiencer \
theme | | s
call | person | person =taxi,ambulance | agent recipient | immediately,quietly |
teach | =teacher,professor,tutor,coach,trainer,mother,father | =student,pupil,child,boy,girl,player,runner,\
prince,princess | agent recipient | patiently |
examine | =doctor,nurse,surgeon,dentist,detective,scientist,engineer,mechanic | =patient,child,baby,hand,arm,\
tooth,horse,letter,document,knife,engine,car | agent theme | carefully |
cure | =doctor,nurse,surgeon,scientist | =patient,child,king,horse,dog,prisoner,baby,soldier | agent patient | |
arrest | =policeman,policewoman,guard,detective,soldier | =thief,man,woman,pirate,prisoner,stranger,driver,\
banker | agent patient | sense |
defend | =lawyer,guard,soldier,knight,friend,judge | =thief,prisoner,castle,king,queen,city,man,woman,village,\
bridge,journalist | agent theme | bravely |
accuse | person | =thief,man,woman,lawyer,banker,manager,stranger,servant,guard,boy,girl | agent theme | loudly | l
bite | =dog,snake,rat,horse,monkey,shark,wolf | person =dog,cat,hand,leg,apple | agent patient | sense |
guard | =dog,soldier,guard,knight,policeman,lion | =house,castle,prison,gate,bridge,king,queen,prisoner,bank,\
tower,door,treasure,museum | agent theme | carefully,proudly |
describe | person | person place picture event animal | agent theme | carefully,slowly |
photograph | person | animal place person plant | agent theme | quietly,secretly |
choose | person | food clothes text =song,ring,present,horse,car,boat,puppy | agent theme | carefully,quickly |
use | person | tool =computer,phone,camera,umbrella,torch,map,rope,basket | agent theme | carefully |
enter | person | place | agent theme | sense | l
cross | person =dog,horse,bus,truck,train,cow | =street,bridge,river,field,square,road,garden,yard,park,meadow,\
lake | agent theme | carefully,quickly,slowly | l
climb | person =cat,squirrel,goat,monkey,bear | =tree,hill,wall,mountain,tower,cliff,rock,oak | agent theme | \
slowly,quickly,carefully | l
explore | person | =cave,forest,island,castle,valley,village,attic,cellar,town | agent theme | slowly,carefully | l
hire | =manager,farmer,boss,captain,chef,king,banker,editor,director,coach | =cook,secretary,driver,clerk,guide,\
assistant,gardener,waiter,waitress,accountant,lawyer,painter | agent theme | sense | l
trust | person | person | experiencer theme | truly | s
recognize | person | person =song,car,horse,coat,statue | experiencer theme | sense | s
answer | person | =letter,question,phone,message | agent theme | politely,quickly,calmly |
need | person | =key,knife,rope,ticket,pen,map,coat,umbrella,doctor,lawyer,car,lamp,hammer,computer,bandage,\
guide,boat | experiencer theme | | sp
collect | person | =coin,book,picture,letter,egg,mushroom,toy,ticket,clock,pearl,map | agent theme | carefully |
kick | person =horse,donkey | =ball,door,box,wall,bucket,stone | agent patient | sense |
move | person | furniture =box,piano,car,basket,lamp,rock,printer | agent theme | slowly,carefully |
have | person | thing tool text clothes vehicle instrument animal idea | experiencer theme | | spl
discuss | person | idea event work | agent theme | calmly,quietly |
water | person | =flower,tree,rose,garden,bush,field,tulip,lily | agent patient | carefully,patiently |
park | person | =car,bus,truck,bicycle,taxi,van,tractor | agent theme | carefully,slowly |
train | =coach,trainer,farmer,rider,hunter,soldier,teacher | =dog,horse,player,runner,athlete,puppy,parrot,\
dolphin | agent theme | patiently |
question | =policeman,policewoman,detective,judge,lawyer,journalist,guard | =witness,thief,prisoner,driver,\
banker,servant | agent recipient | calmly,patiently |
phone | person | person | agent recipient | quickly |
brush | person | =horse,dog,cat,coat,hat,shoe | agent patient | gently,carefully |
dress | =mother,father,nurse,servant,sister,aunt,grandmother | =child,baby,doll,prince,princess | agent patient \
| quickly,carefully |
warm | person | =soup,milk,hand,water,bread | agent patient | slowly |
dry | person | =plate,cup,shirt,glass,hand,hat,spoon | agent patient | quickly,carefully |
empty | person | =bucket,drawer,basket,bag,box,barrel | agent patient | quickly |
iron | person | =shirt,dress,curtain,suit,tie | agent patient | carefully |
name | person | =puppy,kitten,ship,horse,boat,baby | agent theme | | l
guide | person | =tourist,visitor,rider,hiker,explorer,ship | agent theme | carefully | l
coach | =teacher,trainer,champion,mother,father | =player,runner,athlete,swimmer | agent recipient | patiently |
judge | =king,queen,teacher,director,champion | =contest,show,race,song,poem,painting | agent theme | carefully |
nurse | =mother,doctor,aunt,grandmother,farmer | =patient,baby,puppy,soldier,horse | agent recipient | \
patiently,gently |
book | person | =room,hotel,taxi,ticket,hall,table | agent theme | quickly |
fill | person | =glass,cup,bucket,bottle,bowl,basket,jar,barrel,bag | agent patient | slowly,carefully |
milk | =farmer,shepherd,woman,girl,boy,man | =cow,goat | agent patient | gently,patiently |
""",
    "dative": """
give | person | text food =key,ring,coin,ball,flower,toy,hat,umbrella,ticket,medal,trophy,present,glass,cup,\
puppy,violin | agent theme | happily,quietly |
show | person | text work =picture,key,ring,house,garden,horse,camera,ticket,coin,watch,car,dress,kitchen,map | \
agent theme | proudly,quietly |
send | person | =letter,message,book,picture,flower,ticket,report,contract,ring,poem,map,document,article,\
magazine | agent theme | secretly |
offer | person | food drink =chair,umbrella,coat,ticket,ring,flower,map,book,blanket | agent theme | politely |
tell | person | =story,secret,joke,truth | agent theme | quietly |
lend | person | =book,pen,umbrella,car,bicycle,coat,knife,hammer,camera,boat,pencil,shovel,horse | agent theme | |
sell | person | food =car,bicycle,cart,boat,ring,horse,house,watch,piano,picture,cow,boat,lamp,camera | agent \
theme | secretly |
bring | person | food drink =letter,newspaper,chair,blanket,umbrella,flower,book,map,pillow,lantern,towel | \
agent theme | quickly,quietly |
hand | person | =letter,knife,cup,key,ticket,book,hammer,plate,glass,pen,rope,brush,screwdriver,coin | agent \
theme | quickly |
teach | =teacher,professor,tutor,mother,father,singer,dancer,friend,uncle,aunt | =song,dance,poem,game | agent \
theme | patiently |
""",
    "clausal": """
say | person | | agent | quietly |
think | person | | experiencer | | s
know | person | | experiencer | | s
believe | person | | experiencer | firmly | s
hope | person | | experiencer | | s
notice | person | | experiencer | sense | s
claim | person | | agent | |
hear | person | | experiencer | | s
remember | person | | experiencer | sense | s
doubt | person | | experiencer | | s
explain | person | | agent | calmly,patiently |
report | person | | agent | |
discover | person | | experiencer | sense | s
announce | person | | agent | proudly,loudly |
""",
    "interrogative": """
know | person | | experiencer | | s
ask | person | | agent | quietly |
wonder | person | | experiencer | |
remember | person | | experiencer | | s
forget | person | | experiencer | | s
discover | person | | experiencer | | s
explain | person | | agent | |
see | person | | experiencer | | s
""",
    "subject control": """
want | person animal | | experiencer | | s
try | person animal | | agent | |
decide | person | | agent | | s
hope | person | | experiencer | | s
plan | person | | agent | |
promise | person | | agent | | s
refuse | person animal | | agent | | s
learn | person | | agent | |
need | person animal | | experiencer | | s
manage | person animal | | agent | | s
agree | person | | agent | | s
forget | person | | experiencer | | s
offer | person | | agent | | s
like | person animal | | experiencer | | s
prepare | person | | agent | |
hesitate | person | | agent | | s
""",
    "object control": """
persuade | person | person | agent recipient | finally |
ask | person | person | agent recipient | politely |
tell | person | person | agent recipient | calmly |
help | person | person | agent recipient | |
force | person | person | agent recipient | |
allow | person | person | agent recipient | |
teach | =teacher,professor,tutor,mother,father,coach,trainer,uncle,aunt,sailor,chef,grandfather,grandmother | \
person | agent recipient | |
invite | person | person | agent recipient | |
encourage | person | person | agent recipient | |
warn | person | person | agent recipient | |
order | =captain,king,queen,judge,boss,manager,director,policeman,coach,prince,princess | person | agent recipient | |
expect | person | person | experiencer theme | | s
""",
    "raising": """
seem | person animal thing vehicle event | | | | s
appear | person animal thing vehicle event | | | | s
tend | person animal | | | | s
happen | person | | | | s
continue | person animal | | | | s
begin | person animal | | | | s
""",
}


def _row(frame: str, line: str) -> Verb:
    lemma, subject, objects, roles, manner, marks = (part.strip() for part in line.split("|"))
    objects = " ".join(f"={item}" if item in _ALONE else item for item in objects.split())
    first, _, second = roles.partition(" ")
    adverbs = (MANNER.get(word, word).split() for word in manner.replace(",", " ").split())
    return Verb(lemma, frame, subject, objects, (first, second), tuple(a for words in adverbs for a in words), marks)


_ALONE = frozenset(["game", "race", "match", "show", "picture", "statue", "song", "story"])
