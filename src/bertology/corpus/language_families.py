"""Families of languages by code: branches of Indo-European, families elsewhere, as usual in typology."""

from collections.abc import Mapping
from types import MappingProxyType

_MEMBERS = {
    "Germanic": "af da de en fo fy is lb nb nl nn no sv yi",
    "Romance": "ca es fr gl it la oc pt ro",
    "Slavic": "be bg bs cs hr mk pl ru sk sl sr uk",
    "Baltic": "lt lv",
    "Celtic": "br cy ga gd",
    "Greek": "el",
    "Armenian": "hy",
    "Albanian": "sq",
    "Indo-Aryan": "bn gu hi mr ne pa sa si ur",
    "Iranian": "fa ku ps tg",
    "Uralic": "et fi hu se",
    "Turkic": "az kk ky tr tt ug uz",
    "Semitic": "am ar he mt",
    "Sino-Tibetan": "bo my yue zh",
    "Dravidian": "kn ml ta te",
    "Austronesian": "id jv mg ms tl",
    "Austroasiatic": "km vi",
    "Kra-Dai": "lo th",
    "Japonic": "ja",
    "Koreanic": "ko",
    "Kartvelian": "ka",
    "Basque": "eu",
    "Atlantic-Congo": "sw wo yo zu",
    "Mongolic": "mn",
}
FAMILIES: Mapping[str, str] = MappingProxyType({code: f for f, codes in _MEMBERS.items() for code in codes.split()})
"""The family of a language code (as corpus/parallel.py writes it); codes that are not here have none."""
