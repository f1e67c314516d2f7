"""What a text's words say about it: its subject, its sentences, its language. Pure."""

from __future__ import annotations

import re
from collections import Counter

MOST_READ = 60_000
"""Characters of a text that are looked at; what a text is about shows long before."""
WORD = re.compile(r"[^\W\d_][\w'’-]*")
SENTENCE_END = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][\"'”’)]))\s+(?=[_*\"'“‘(\[]?[A-Z0-9])")
CONTRACTED = re.compile(r"['’]")
LONG_WORD = 4
_FILLERS = """
summary brief
cried asked replied sure great poor dear good best first second third better certainly indeed course oh
able about above across after again against almost alone along already also although always among another answer
anything around asked because been before began behind being below between both came cannot come could does doing done
down during each either else even ever every everything following from gave give given goes going gone have having
here herself himself however into item itself just kind know known last left less like little long look made make many
maybe might more most much must myself need never next nothing often once only other others over perhaps please quite
rather really said same says seem seems seen shall should since some something soon still such take task tell than
that their them themselves then there therefore these they thing things think this those though thought through thus
told took toward towards under until upon used uses using very want well went were what when where whether which while
whom whose will with within without words would write yes your yours
"""
FILLERS = frozenset(_FILLERS.split())
"""Long words that say nothing about a text's subject."""
COMMON = {
    "English": "the and of to in that was it is for with as his he be at by had not are but from or have an they which",
    "German": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus",
    "French": "le la les de des et en un une du est que dans qui pour il au sur ne se pas plus par avec son ce sont",
    "Spanish": "el la los las de que y en un una es por con para no se del su al lo como más o pero sus le ha era",
    "Italian": "il lo la gli le di che e un una in per con non si del della da sono al come più anche nel era suo",
    "Portuguese": "o a os as de que e do da em um uma para com não se na no por mais dos como mas foi ao ele das",
    "Dutch": "de het een en van in is dat op te voor met zijn niet aan er om ook als bij maar dan uit door naar",
}
"""Words by which a language is known."""
CODES = {
    "English": "en",
    "German": "de",
    "French": "fr",
    "Spanish": "es",
    "Italian": "it",
    "Portuguese": "pt",
    "Dutch": "nl",
}


def sentences_of(text: str) -> list[str]:
    """Sentences in their order, each in one line; a text without full stops is one."""
    plain = " ".join(text[:MOST_READ].split())
    return [sentence for sentence in SENTENCE_END.split(plain) if sentence]


def subjects_of(text: str, most: int = 12) -> list[str]:
    """The words that a text uses most, as it first writes them; fillers and short ones left out."""
    counts: Counter[str] = Counter()
    written: dict[str, str] = {}
    for word in WORD.findall(text[:MOST_READ]):
        plain = word.lower()
        if len(word) >= LONG_WORD and plain not in FILLERS and not CONTRACTED.search(word):
            counts[plain] += 1
            written.setdefault(plain, word)
    return [written[plain] for plain, _ in counts.most_common(most)]


def language_of(text: str) -> str:
    """The English name of the language that most common words are of; English where none are."""
    words = Counter(word.lower() for word in WORD.findall(text[:MOST_READ]))
    scores = {name: sum(words[word] for word in common.split()) for name, common in COMMON.items()}
    return max(scores, key=lambda name: (scores[name], name == "English"))


def shortened(sentence: str, most_words: int) -> str:
    """The beginning of a sentence, ended with a full stop where it was cut."""
    words = sentence.split()
    return sentence if len(words) <= most_words else f"{' '.join(words[:most_words]).rstrip(',;:')}."
