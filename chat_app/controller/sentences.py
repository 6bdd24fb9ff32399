"""What each sentence of a message does: asks for something, asks about an item, chats, …

Patterns match the symbols of a :class:`~chat_app.controller.chunks.Line` (``T`` a title, ``V`` a
wish, ``O`` the catalogue's noun, ``F`` a facet's name, …), so they know no item and no facet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from chat_app.controller.chunks import Chunk, Line
from chat_app.controller.stance import Stance


class Kind(Enum):
    """Kinds of sentences; a message is acted on by the first of its kinds in this order."""

    ORDER = "an order to the program"
    UNDO = "undo"
    RESET = "reset"
    REQUEST = "asks for something"
    MORE = "asks for others"
    EXPLAIN = "asks why"
    LOOKUP = "asks about an item"
    SERVICE = "wants what this program does not do"
    VERDICT = "says something about items"
    CHAT = "small talk"
    OTHER = "anything else"


_REF = r"(?:T|it|its|that|this|they|them|those|these|he|she|him|her|the (?:movie|film|first|second|third|last|others?)|(?:that|this|the|these|those) (?:\w+ )?(?:O|one|ones|N))"
_LEAD = r"(?:^|(?<=, )|(?<=and )|(?<=but )|(?<=so )|(?<=okay )|(?<=yes )|(?<=yeah )|(?<=no )|(?<=oh )|(?<=hmm )|(?<=also )|(?<=well )|(?<=hey )|(?<=actually )|(?<=cool )|(?<=nice )|(?<=know )|(?<=me ))"

_PATTERNS: list[tuple[Kind, re.Pattern[str]]] = [
    (kind, re.compile(rf"(?:^|(?<= ))(?:{pattern})(?:(?= |$)|(?<= ))"))
    for kind, pattern in (
        (Kind.ORDER, r"(?:ignore|disregard|forget|override|bypass) (?:all |any |every |the |your |of |my )*(?:previous|prior|above|earlier|preceding|your|safety|system)(?: \w+)? (?:instructions?|prompts?|rules|messages?|commands?|directions|guidelines)"),
        (Kind.ORDER, r"system prompt|you are now|pretend (?:to be|you are|that you)|developer mode|jailbreak|prompt injection|(?:^|\. )(?:system|assistant|user|admin) :|act as (?:a|an|if|my)|(?:reveal|print|repeat|output|show|tell|leak|give)(?: me)? (?:your|the|all)(?: \w+)? (?:prompt|rules|instructions|password|api key|source code|secrets?)"),
        (Kind.ORDER, r"drop table|select \* from|insert into|delete from|rm rf|sudo |script (?:src|alert)|alert \(|union select|base64|do anything now"),
        (Kind.RESET, r"(?:start|begin)(?: it)?(?: all)? (?:over|again|afresh|fresh|anew|from (?:scratch|the (?:beginning|start|top)|zero))|(?:^|\w+ )(?:reset|restart)(?: \w+){0,2}$|(?:clear|wipe|scrap|forget|erase|delete|drop|remove|cancel) (?:everything|all|it all|that all|the whole thing|all (?:of )?(?:that|this|it|my \w+|the \w+))(?: \w+)?(?: i said)?$|(?:clean slate|from scratch|new search|fresh start|start a new)|forget (?:everything|all (?:that|this|of (?:that|it))|what i said|it all)"),
        (Kind.UNDO, r"^(?:(?:\w+|,) ){0,4}?(?:undo|go back|take (?:that|it|this) back|revert|step back|one step back|scratch that|cancel that|reverse (?:that|it)|back one step|put it back)(?: (?:please|that|it|this|the|last|one|N|step|change|thing|a|to|how|was|before|previous|again|what|i|said|you|list|now|thanks|steps|just|did|T|as|ones|results|suggestions|back|filter)){0,6}$"),
        (Kind.EXPLAIN, r"(?:^|(?<= ))(?:why|how come|how so|what for)(?: (?:on earth|exactly))?(?! not(?: (?:V|P|R|a|something))?)(?: (?:did|do|would|have|has|are|is|was|were|should|you|it|that|this|these|those|they|them|T|the|so|such|N|recommend|suggest|pick|V|P|O|him|her|just|would i|a)(?= |$)|$| [?])|what made you|what makes you|explain (?:that|this|the|your|T|it|why|how|to me)|(?:the |your )?reason(?:s|ing)? (?:for|behind|why)|based on what|how did you (?:come|choose|pick|decide|get)"),
        (Kind.MORE, r"(?:any|some|something|anything|what|who|where|anyone) ?(?:thing)? else|(?:any|some|the|got|show|me|see|have|few|N|want|are|find|please|other|ones|give|list|send|load|for|of|want some) (?:more|others|other ones)(?= [.!?,]| please| thanks| like| of| to| for| that| O| ideas| suggestions| from you|$)|^(?:\w+ ,? ?){0,3}(?:more|others|next|another)(?: one| N| ones| page| batch| set| list| round)?(?: please)?(?: [.!?].*)?$|(?<!is )(?<!was )(?:another|other|more|different|additional|further|new) (?:O|one|N|ones|ideas?|suggestions?|options?|choices?|picks?|titles?|recs?|alternatives?|results?)(?! (?:like|from|with|about|V|P|R))|alternatives|keep (?:going|looking|them coming|searching)|(?:is|are) (?:that|those) (?:all|it)(?= |$)|(?:look|search|try) (?:again|some more)|more like (?:this|that|these|those|the)|next (?:ones?|please|N|batch|page)"),
        (Kind.LOOKUP, rf"{_LEAD}(?:what|who) (?:is|was|are|were) (?:{_REF})(?: (?:all |even |really |supposed to be )*(?:about|like|called|rated|in|based on|from|again|on))?(?= |$)(?! (?:best|most|top))"),
        (Kind.LOOKUP, rf"{_LEAD}(?:what|which)(?: (?:is|are|was|were))?(?: the| its| their| his)? (?:F|plot|story|storyline|premise|ending|title|name|synopsis|sequel|soundtrack|rental price|price)(?: \w+){{0,2}}? (?:of|is|was|are|were|does|did|for|to|in|behind) "),
        (Kind.LOOKUP, rf"(?:what|which) (?:kind|type|sort|F|genre|year)(?: of)?(?: (?:a )?(?:O|V|F))* (?:is|was|are|did) "),
        (Kind.LOOKUP, rf"{_LEAD}who (?:else )?(?:is|was|are|were|stars?|starred|directed|directs|plays?|played|acts?|acted|wrote|made|produced|does|did|sings|voiced|voices)(?= |$)"),
        (Kind.LOOKUP, r"^(?:\w+ ,? ?){0,3}F(?: in)? [?]$|^(?:is|was|are|were) \w+(?: \w+)? (?:suitable|appropriate|any good|worth|safe|available|based on|kid|child)"),
        (Kind.LOOKUP, rf"(?:^|(?<= ))(?:F|what F|how F)(?: (?:is|are|was|were|does|did|in|of|to|for))* (?:{_REF})(?= |$)(?! (?:is|are) (?:fine|okay|good|great))"),
        (Kind.LOOKUP, rf"{_LEAD}(?:when|where) (?:is|was|did|does|were|can i (?:watch|see|find|stream|get)|could i) (?:{_REF}|they)"),
        (Kind.LOOKUP, rf"how (?:long|old|good|bad|scary|violent|funny|popular|gory|many|much|recent|dark|sad|V)(?: \w+){{0,2}} (?:is|was|are|does|did|do) (?:{_REF})"),
        (Kind.LOOKUP, rf"{_LEAD}(?:is|was|are|were|does|did|has|have|can|could|will|would|should)(?: not)? (?:{_REF}|i like (?:it|that|this|T)|i enjoy)(?= |$)(?! (?:what i|all$|all [?]|it$))"),
        (Kind.LOOKUP, r"(?:have|did|do) you (?:\w+ )?(?:seen|see|watched|watch|heard of|read)(?= |$)(?! (?:any|a|an|some|good|N|V|O|what|anything))"),
        (Kind.LOOKUP, r"(?:do|did) you (?:\w+ )??(?:like|love|know|recommend|enjoy|think)(?= (?:T|it|that|this|about|of|what|who|if|when|how|F))(?! (?:that|it) you)|do you know (?:F|who|what|when|how|where|if)"),
        (Kind.LOOKUP, r"what (?:did|do) (?:you|people|critics|others|the critics) (?:think|say|make)|(?:tell|give) me (?:more|something|a bit|a little|everything)?(?: more)? ?(?:about|on) (?:T|it|that|this|the|these|those|him|her)|(?:info|information|details|facts|trivia) (?:on|about|for)|(?:any|is it|are they|really that|was it) good(?: as well)? [?]|worth (?:watching|seeing|it|a watch)(?: [?]|$)|what does (?:he|she|it) |what happens in|, (?:right|is it|are they|was it|is not it|correct) [?]|summar\w+ (?:T|it|that|this)|describe (?:T|it|that|this)"),
        (Kind.REQUEST, r"(?:recommend|suggest|advise|recommending|suggesting)(?: me| us| to me)?(?= |$)(?! (?:ed|that one|it|T))|(?:looking|look|search|searching|hunting|hoping|asking) (?:for|to find|to (?:see|watch) (?:a|some|something))|(?:find|give|show|get|bring|pick|list|name|choose|send|hit|surprise|help|impress|throw) (?:me|us|my \w+|V|P|R|O|N|some|a|an|more|the V)(?= |$)(?! (?:up|out|pass|try|shot|go))|(?:any|some|got|more|have) (?:\w+ )?(?:ideas?|suggestions?|tips|recs?|advice|options)(?= |$)"),
        (Kind.REQUEST, r"(?:want|need|wants|needs|would like|feel like|in (?:the )?mood (?:for|of)|after|would love|i (?:\w+ )?like) (?:to (?:watch|see|find|get|have|hear) |watching |seeing |for )?(?:a|an|some|something|anything|N|V|P|R|O|one|more)(?= |$)(?! (?:lot|bit|little))|what (?:should|can|could|shall|do|would) (?:i|we|you) (?:watch|see|recommend|suggest|have|got|offer)|what (?:to watch|have you got|do you have|O (?:are|do|should|can|is)|(?:is|are) (?:a|an|some|the V|good|the best|there|out))|which (?:O|V|one should)|(?:do|did) you (?:have|know|got)(?: of)? (?:a|any|some|something|anything|V|P|O|good|more)|have you (?:got|seen) (?:any|a|some|something)|(?:can|could|may) (?:i|we) (?:get|have|see|watch)|(?:are|is) there (?:any|a|some|something|anything|other|more|V|O)|(?:seen|know|got|find|have|see) (?:any|some|something|anything)(?= |$)|how about|what about|let us (?:see|watch|try|have|go)|something (?:to watch|good|else|V|R|with|like|by|from|about|that|for|more|less|R)|anything (?:to watch|good|V|R|with|like|by|from|about|that|for|in)|open to (?:anything|suggestions|any|whatever|ideas)|feel like (?:watching|seeing)|help (?:me )?(?:find|pick|choose|decide|with)|go ahead and (?:recommend|show)|(?:^|and |but |so )any (?:\w+ )?(?:V|O|P)|what would you (?:recommend|suggest)|find (?:a|some|V|O|P|N|F|U|one|movies)(?= |$)|want one|pull up|seen any|whatever you (?:have|got|like|think)"),
        (Kind.VERDICT, r"(?:seen|saw|watched|rewatched|loved|loves|liked|likes|enjoyed|hated|adored|own|remember|heard(?: of)?|hear of|read|(?:i|we|they|both|not|really|also|do|did) (?:love|like|enjoy|hate|adore|dislike|own)) (?:\w+ )?(?:it|that|them|those|these|both|all|this|one|T|him|her|either|any of|U|the (?:first|second|last|trailer|book|preview|O|original)|most of|N)(?= |$)|(?:not|never|already|have|just|yes) (?:\w+ )?(?:seen|saw|watched|heard|see|watch)(?= |$)|(?:will|might|may|should|going to|have to|need to|want to|would like to|definitely|got to|think|let us|would love to|shall|can|i) (?:\w+ )?(?:watch|check|try|see|give|pass|go with|look (?:into|for|it|at|them|those)|take|skip|do|rewatch|add|look forward)(?= |$)|check (?:it|that|them|those|this|these|\w+) out|check out|not (?:\w+ )?(?:interested|my (?:thing|cup|kind|type|style|favou?rite)|for me|a fan|what i|familiar|sure)|(?:cup of tea|bored me|made me|put me to sleep|fell asleep|blew me away|waste of)|^(?:[a-z0-9]+ )+(?:sounds?|looks?|seems?|would be|will be|works?|will do|is fine|is good|is great|is nice|is perfect|is okay)(?: \w+){0,3}(?= [.!]|$)"),
        (Kind.VERDICT, r"not (?:quite |really |exactly )?what (?:i|we) "),
        (Kind.VERDICT, rf"(?<!O )(?<!V )(?<!ones )(?<!something )(?<!anything )(?:{_REF}|T|which|everything|both|all)(?: (?:really|just|actually|also|definitely|all|both|one|O|ones))* (?:is|was|were|are|looks?|looked|sounds?|sounded|seems?|seemed|had|has|felt|sucked|rocked|rules|works?|did|does|will|would|might|made|could)(?= |$)"),
    )
]
_CHAT_WORDS = frozenset(
    """hi hello hey hiya howdy yo greetings helo hola heya sup morning afternoon evening night day thanks thank you so much very a lot
    welcome bye goodbye cya later care cheers okay cool great perfect nice awesome wonderful lovely excellent amazing fantastic yes no yeah
    yep yup nope nah sure sorry please lol haha hahaha lmao hmm oh ah wow how are is doing it going what up good fine well i am the and your
    too same to have one that this all need needed for now been helpful help merry happy christmas xmas holidays new year weekend suggestions
    suggestion great choice recommendation recommendations job bot nice meeting talking chatting with name who human robot real my do like movies me
    be of course anything else nothing done set appreciate it right correct confirmed go ahead at moment not was were would tnanks
    absolutely definitely indeed exactly got see gotcha understood later then there know again friend man buddy hope sounds sound pleasure problem worries
    ok yea alright ha hehe gosh omg damn darn true never mind mean get kind rest bye bye will there today tonight nite very ur sir miss ms
    evening wait just testing test really glad hear also ideas enjoy here on those both""".split()
)
_GREETING = re.compile(
    r"^(?:hi|hello|hey|hiya|howdy|yo|hola|bonjour|ciao|hallo|good (?:morning|evening|afternoon|day|night)|helo|greetings|hola)(?= |$)|thank|(?:^| )(?:bye|goodbye|cheers)(?= |$)"
    r"|how (?:are|is) (?:you|it going|your)|(?:you|same to you) too|have a (?:good|great|nice|lovely|wonderful)|happy (?:new|holidays|holiday|christmas)|merry|nice (?:to meet|chatting|talking)"
    r"|(?:what|who) (?:is|are) (?:your name|you(?! .*\b(?:O|V|T)\b))|are you (?:a |an )?(?:bot|human|robot|real|ai|person|there|okay|assuming)|do you (?:like|love|watch|enjoy|have) (?:O|a name|fun)|(?:you|ur) (?:are|is|were|have been|re) (?:\w+ )?(?:V|funny|helpful|great|welcome|the best|nice|awesome|smart|cool|kind|silly)|(?:that|it) (?:is|will be|would be|was) (?:all|it)(?= |$)|(?:good|great|nice|awesome|excellent|helpful) (?:suggestions?|choices?|recommendations?|ideas?|recs|job|picks?)|all set|all done|nothing else"
)


@dataclass(frozen=True)
class Sentence:
    """Chunks ``[start, end)`` of a line and what they do."""

    start: int
    end: int
    s: str
    kinds: frozenset[Kind]

    def is_a(self, *kinds: Kind) -> bool:
        return any(kind in self.kinds for kind in kinds)


def sentences(line: Line, stance: Stance, services: tuple[str, ...]) -> list[Sentence]:
    """The sentences of a line with their kinds."""
    serves = re.compile(rf"(?:^|(?<= ))(?:{'|'.join(map(re.escape, services))})(?= |$)") if services else None
    return [_sentence(line, start, end, serves) for start, end in _borders(stance)]


def _borders(stance: Stance) -> Iterator[tuple[int, int]]:
    start = 0
    for i, mark in enumerate(stance.marks):
        if i + 1 == len(stance.marks) or stance.marks[i + 1].sentence != mark.sentence:
            yield start, i + 1
            start = i + 1


def _sentence(line: Line, start: int, end: int, serves: re.Pattern[str] | None) -> Sentence:
    chunks = line.chunks[start:end]
    s = " ".join(c.symbol for c in chunks)
    words = " ".join(c.norm for c in chunks)
    kinds = {kind for kind, pattern in _PATTERNS if pattern.search(words if kind is Kind.ORDER else s)}
    if serves and serves.search(words):
        kinds.add(Kind.SERVICE)
    kinds |= _settle(kinds, s, chunks)
    return Sentence(start, end, s, frozenset(kinds))


def _settle(kinds: set[Kind], s: str, chunks: tuple[Chunk, ...]) -> set[Kind]:
    """Kinds that follow from words alone: small talk, or anything else."""
    plain = [c.norm for c in chunks if not c.letter and c.norm[0].isalnum()]
    if Kind.LOOKUP in kinds and Kind.REQUEST in kinds and not re.search(r"(?:T|it|that|this) (?:any good|about)", s):
        if re.search(r"(?:recommend|suggest|looking for|show me|give me|find me)", s):
            kinds.discard(Kind.LOOKUP)
        else:
            kinds.discard(Kind.REQUEST)
    if Kind.VERDICT in kinds and re.search(r"(?:^| )(?:O|V|P|R|T|something|anything|U)(?= |$)", s) and re.match(
        r"^(?:[a-zA-Z0-9]+ )+(?:would be|will be|sounds?|works?)", s
    ) and not re.search(r"(?:^| )(?:it|that|this|T|they|those)(?= )", s):
        kinds.discard(Kind.VERDICT)
    asked = re.search(r"(?:^| )(?:V|P|R|O|N|U|something|anything|recommend|suggest|suggestions?|ideas|looking for|what (?:should|can|could) i)(?= |$)", s)
    if Kind.VERDICT in kinds and (not asked or re.search(r"not (?:\w+ )?what (?:i|we) ", s)):
        kinds.discard(Kind.REQUEST)
    if re.search(r"do you (?:like|love|watch|enjoy) (?:O|films|movies)", s):
        kinds.discard(Kind.REQUEST)
    marks = all(c.letter in ("", "N") for c in chunks)
    firm = kinds & {Kind.MORE, Kind.EXPLAIN, Kind.UNDO, Kind.RESET, Kind.SERVICE} or (
        Kind.LOOKUP in kinds and plain[:1] and plain[0] in ("what", "who", "when", "how", "is", "does", "why")
    )
    if marks and not firm and plain and not {"one", "movie", "was", "were", "those", "them"} & set(plain) and all(w in _CHAT_WORDS for w in plain):
        kinds.clear()
        return {Kind.CHAT}
    if (_GREETING.search(s) and not re.search(r"(?<!you are )(?<!you are so )(?<!\S)[VPR](?= |$)", s)) or (_GREETING.match(s) and not kinds) or (marks and plain and all(w in _CHAT_WORDS for w in plain)):
        if re.search(r"(?:suggestions?|choices?|recommendations?|ideas?|picks?)(?= |$)", s):
            kinds.discard(Kind.VERDICT)
        return {Kind.CHAT}
    return set() if kinds else {Kind.OTHER}
