"""Names of people and places, for corpora whose entities must be many and for experiments that exchange names.

Everyday English names; some are both (Florence, Lincoln): there only the context tells the type.
"""

from collections.abc import Mapping
from types import MappingProxyType

_WOMEN = """
Mary Anna Alice Emma Sarah Julia Laura Helen Clara Lucy Nora Ruth Eva Rosa Grace Margaret Elizabeth Jane Anne
Catherine Caroline Charlotte Dorothy Edith Eleanor Ellen Esther Fanny Florence Frances Georgia Harriet Ida Irene
Isabel Judith Kate Lily Louise Lydia Mabel Martha Matilda Maud Mildred Miriam Nancy Olivia Pauline Phoebe Rachel
Rebecca Rose Sophia Susan Sylvia Theresa Victoria Violet Virginia Adelaide Agnes Amelia Augusta Barbara Beatrice
Bertha Bridget Cecilia Constance Cora Daisy Diana Sydney
"""
_MEN = """
John Peter Tom David Paul Henry Jack Simon Oscar George Martin Daniel Samuel Felix Mark William James Charles Thomas
Robert Edward Richard Joseph Arthur Frank Albert Walter Harry Philip Stephen Alexander Andrew Anthony Benjamin
Bernard Clarence Edgar Edmund Ernest Francis Frederick Gilbert Harold Herbert Hugh Isaac Jacob Jasper Julian
Lawrence Leonard Lewis Luke Matthew Maurice Michael Nicholas Oliver Patrick Ralph Roger Rupert Stanley Theodore
Timothy Victor Vincent Austin Lincoln Jackson Chester Houston Warren Marshall
"""
_SURNAMES = """
Smith Brown Clark Miller Baker Cook Young Green Carter Hill Walker Stone Taylor Wilson Evans Johnson Roberts Wright
Thompson White Hughes Edwards Hall Wood Harris Martin Jackson Clarke Turner Cooper Morris Ward Moore Lee King
Harrison Morgan Allen Scott Watson Davis Parker Bennett Price Griffin Cox Mason Russell Hunt Lincoln Washington
Lancaster Wells Bradford Preston Winchester Hamilton Burke Shaw Fox Marsh Barton
"""
_PLACES = """
London Paris Rome Berlin Boston Vienna Madrid Chicago Dublin Lisbon Prague Cairo Florence Victoria Adelaide Augusta
Charlotte Sydney Georgia Virginia Austin Lincoln Jackson Chester Houston Warren Marshall Washington Lancaster Wells
Bradford Preston Winchester Hamilton Venice Naples Milan Athens Brussels Geneva Moscow Warsaw Stockholm Copenhagen
Oxford Cambridge Bath Bristol Liverpool Manchester York Edinburgh Glasgow Plymouth Dover Brighton Canterbury England
France Italy Germany Spain Russia Scotland Ireland Wales America Canada Mexico India China Egypt Greece Turkey
Africa Asia Europe Sweden Denmark Holland Belgium Austria Hungary Poland Portugal Switzerland Jerusalem Calcutta
Bombay Philadelphia Baltimore California Kentucky Ohio Texas
"""

GIVEN: Mapping[str, tuple[str, ...]] = MappingProxyType({"f": tuple(_WOMEN.split()), "m": tuple(_MEN.split())})
"""Given names by gender, "f" or "m"."""
SURNAMES = tuple(_SURNAMES.split())
PLACES = tuple(_PLACES.split())


def gender_of(form: str) -> str:
    """ "f" or "m" of a given name, "" for another word or a name that both bear."""
    return _GENDER.get(form.lower(), "")


_BOTH = {name.lower() for name in GIVEN["f"]} & {name.lower() for name in GIVEN["m"]}
_GENDER = {name.lower(): gender for gender, names in GIVEN.items() for name in names if name.lower() not in _BOTH}
