"""Words for pseudo-translations: frequent English words, and how others are spelt in another language's manner."""

from __future__ import annotations

import re

_GERMAN = """
the=die|der a=ein an=ein and=und or=oder but=aber|doch of=von in=in on=auf at=an|bei to=zu for=für with=mit
from=von|aus by=von|durch as=als|wie is=ist are=sind was=war were=waren be=sein been=gewesen has=hat have=haben
had=hatte not=nicht no=kein it=es he=er she=sie they=sie we=wir you=du|Sie i=ich his=sein her=ihr their=ihr my=mein
your=dein|Ihr our=unser him=ihn them=ihnen me=mich us=uns this=dies|dieser that=das|jenes these=diese those=jene
what=was|welche who=wer which=welche when=wenn|als where=wo how=wie why=warum then=dann|da now=nun|jetzt so=so
very=sehr|überaus all=alle some=einige one=eins two=zwei three=drei said=sagte|meinte thought=dachte|glaubte went=ging
came=kam looked=blickte|sah see=sehen know=wissen|kennen can=kann could=konnte will=wird would=würde must=muss
there=dort|da here=hier up=hinauf down=hinunter|hinab out=hinaus over=über under=unter little=klein|gering
great=groß|gewaltig old=alt new=neu good=gut first=erste time=Zeit|Weile day=Tag way=Weg|Weise thing=Ding|Sache
again=wieder|abermals if=wenn|falls into=in about=über|etwa
"""
_FRENCH = """
the=le|la a=un an=un and=et or=ou but=mais of=de in=dans|en on=sur at=à to=à|pour for=pour with=avec from=de|depuis
by=par as=comme is=est are=sont was=était|fut were=étaient be=être been=été has=a have=ont had=avait not=pas no=aucun
it=il|cela he=il she=elle they=ils we=nous you=vous|tu i=je his=son her=sa their=leur my=mon your=votre|ton our=notre
him=lui them=eux|les me=moi us=nous this=ce|cette that=que|cela these=ces those=ceux what=que|quoi who=qui
which=lequel|qui when=quand|lorsque where=où how=comment why=pourquoi then=puis|alors now=maintenant|à-présent
so=si|ainsi very=très|fort all=tout some=quelques one=un two=deux three=trois said=dit|déclara thought=pensa|songea
went=alla came=vint|arriva looked=regarda|observa see=voir know=savoir|connaître can=peut could=pouvait will=va
would=voudrait must=doit there=là here=ici up=haut down=bas out=dehors over=sur|dessus under=sous little=petit
great=grand old=vieux new=nouveau|neuf good=bon first=premier time=temps|moment day=jour|journée way=chemin|façon
thing=chose again=encore if=si into=dans about=environ|sur
"""
_SPANISH = """
the=el|la a=un an=un and=y or=o but=pero|mas of=de in=en on=sobre|en at=en|a to=a|para for=para|por with=con
from=de|desde by=por as=como is=es|está are=son|están was=era|estaba were=eran be=ser|estar been=sido has=ha have=han
had=había not=no no=ningún it=ello he=él she=ella they=ellos we=nosotros you=usted|tú i=yo his=su her=su their=su
my=mi your=su|tu our=nuestro him=le them=les|los me=me us=nos this=este|esto that=que|eso these=estos those=esos
what=qué who=quien|quién which=cual|que when=cuando where=donde how=cómo why=por-qué then=entonces|luego now=ahora
so=tan|así very=muy|bien all=todo some=algunos|unos one=uno two=dos three=tres said=dijo|afirmó thought=pensó|creyó
went=fue|marchó came=vino|llegó looked=miró|observó see=ver know=saber|conocer can=puede could=podía will=va
would=querría must=debe there=allí|allá here=aquí|acá up=arriba down=abajo out=fuera over=sobre under=bajo
little=pequeño great=gran old=viejo|antiguo new=nuevo good=bueno first=primero time=tiempo|vez day=día way=camino|modo
thing=cosa again=otra-vez|nuevamente if=si into=en about=sobre|acerca-de
"""
_ITALIAN = """
the=il|la a=un an=un and=e or=o but=ma|però of=di in=in on=su at=a to=a|per for=per with=con from=da by=da as=come
is=è are=sono was=era|fu were=erano be=essere been=stato has=ha have=hanno had=aveva not=non no=nessun it=esso
he=egli|lui she=ella|lei they=essi|loro we=noi you=voi|tu i=io his=suo her=sua their=loro my=mio your=vostro|tuo
our=nostro him=lo them=li me=mi us=ci this=questo that=che|quello these=questi those=quelli what=che|cosa who=chi
which=quale|che when=quando where=dove how=come why=perché then=poi|allora now=ora|adesso so=così very=molto|assai
all=tutto some=alcuni|qualche one=uno two=due three=tre said=disse|rispose thought=pensò|credette went=andò
came=venne|giunse looked=guardò|osservò see=vedere know=sapere|conoscere can=può could=poteva will=vuole
would=vorrebbe must=deve there=là|lì here=qui|qua up=su down=giù out=fuori over=sopra under=sotto little=piccolo
great=grande old=vecchio|antico new=nuovo good=buono first=primo time=tempo|volta day=giorno way=via|modo thing=cosa
again=ancora|di-nuovo if=se into=in about=circa|su
"""


def _table(pairs: str) -> dict[str, tuple[str, ...]]:
    split = (pair.split("=") for pair in pairs.split())
    return {english: tuple(word.replace("-", " ") for word in other.split("|")) for english, other in split}


WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    "German": _table(_GERMAN),
    "French": _table(_FRENCH),
    "Spanish": _table(_SPANISH),
    "Italian": _table(_ITALIAN),
}
"""By language: frequent English words with what may stand for them."""


def translations(source: str, target: str) -> dict[str, tuple[str, ...]]:
    """Words of one language with what may stand for them in another; empty where nobody wrote that down."""
    if target != "English":
        return WORDS.get(target, {})
    return {other.lower(): (english,) for english, others in WORDS.get(source, {}).items() for other in others}


_Manner = tuple[tuple[re.Pattern[str], str], ...]


def _manner(*pairs: tuple[str, str]) -> _Manner:
    return tuple((re.compile(pattern), spelt) for pattern, spelt in pairs)


MANNERS: dict[str, _Manner] = {
    "German": _manner(
        (r"sh", "sch"),
        (r"tion$", "zion"),
        (r"ing$", "end"),
        (r"ly$", "lich"),
        (r"ed$", "te"),
        (r"c(?=[aoulrt])", "k"),
        (r"ity$", "ität"),
        (r"y$", "ig"),
    ),
    "French": _manner(
        (r"ity$", "ité"),
        (r"ly$", "ment"),
        (r"ing$", "ant"),
        (r"ed$", "é"),
        (r"er$", "eur"),
        (r"k", "qu"),
        (r"y$", "ie"),
    ),
    "Spanish": _manner(
        (r"tion$", "ción"),
        (r"ity$", "idad"),
        (r"ly$", "mente"),
        (r"ing$", "ando"),
        (r"ed$", "ado"),
        (r"(?<=[bdgmnt])$", "o"),
        (r"y$", "ía"),
    ),
    "Italian": _manner(
        (r"tion$", "zione"),
        (r"ity$", "ità"),
        (r"ly$", "mente"),
        (r"ing$", "ando"),
        (r"ed$", "ato"),
        (r"(?<=[bdgklmnprst])$", "o"),
        (r"y$", "ia"),
    ),
}
"""By language: how an English word is made to look like one of its own, rule after rule."""
ACCENTS = str.maketrans("aeiouyAEIOUY", "áéíóúýÁÉÍÓÚÝ")
"""What every other language gets in place of words."""


def respelt(word: str, language: str) -> str:
    """A word that stands in no table, in the manner of a language; recognisable, and no real word of it."""
    if language == "English":
        return word
    if language not in MANNERS:
        return word.translate(ACCENTS)
    for pattern, spelt in MANNERS[language]:
        word = pattern.sub(spelt, word)
    return word
