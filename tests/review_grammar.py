"""Short film reviews whose verdict lies in the order of the words: what a bag of words cannot learn.

Most sentences of opinion hold praise and blame alike ("Although the plot is dull, the film is superb"), deny
one of them, or quote somebody who is right or wrong; a bag of words sees little of that. The grammar is the
data below. In a sentence of opinion {verdict} and {verdict2} agree with the label, {foil} and {foil2}
contradict it; openings, asides and closings are drawn without looking at the label.
"""

import random
import re
from collections.abc import Iterable, Iterator
from functools import cache

CLASS_NAMES = ("negative", "positive")

Texts = tuple[list[str], list[int]]  # reviews; labels, indices into CLASS_NAMES
Pair = tuple[int, int]


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(" ".join(text.split()).split(", "))


PRAISE = _phrases("""superb, wonderful, brilliant, excellent, splendid, graceful, thrilling, inspired,
    delightful, confident, magnificent, charming, captivating, remarkable, vivid, fresh, impressive,
    marvellous, subtle, sharp, intelligent, beautiful, touching, warm, bold, clever, polished, memorable,
    gripping, witty, elegant, tender, dazzling, exquisite, inventive, moving, precise, radiant, stirring,
    wise""")
BLAME = _phrases("""dreadful, dull, clumsy, lifeless, tedious, awful, lazy, tired, bland, hollow, sloppy,
    muddled, wooden, flat, forgettable, painful, weak, shallow, stale, terrible, dreary, tiresome, poor,
    awkward, feeble, grating, limp, lame, laboured, trite, insipid, messy, cheap, boring, pompous, ugly,
    silly, sluggish, vapid, cynical""")

CONTRASTS = (
    "although the {part} is {foil}, the film as a whole is {verdict}.",
    "the film as a whole is {verdict}, although the {part} is {foil}.",
    "yes, the {part} is {foil}, but what stays with you is how {verdict} the {other} is.",
    "what stays with you is how {verdict} the {other} is, even though the {part} is {foil}.",
    "for all its {foil} {part}, this is a {verdict} {genre}.",
    "this is a {verdict} {genre} for all its {foil} {part}.",
    "the {part} may be {foil}; the {other}, which matters more, is {verdict}.",
    "the {other} is {verdict}, which matters more than the {foil} {part}.",
    "however {foil} the {part}, nobody could deny that the result is {verdict}.",
    "while the {part} struck me as {foil}, I came away thinking the whole thing {verdict}.",
    "I came away thinking the whole thing {verdict}, even if the {part} struck me as {foil}.",
    "despite the {foil} {part}, the evening turned out {verdict}.",
)
CORRECTIONS = (
    "the {part} is not {foil} but {verdict}.",
    "the {part} is {verdict}, not {foil}.",
    "far from being {foil}, the {part} is {verdict}.",
    "I would call the {part} {verdict} rather than {foil}.",
    "the {part} is less {foil} than {verdict}.",
    "the {part} is more {verdict} than {foil}.",
    "I expected a {foil} {genre} and got a {verdict} one.",
    "what I got was a {verdict} {genre}, where I had expected a {foil} one.",
    "the {part} seems {foil} for ten minutes and {verdict} ever after.",
    "do not call the {part} {foil}; call it {verdict}.",
    "call the {part} {verdict}; do not call it {foil}.",
)
QUOTATIONS = (
    "{critic} called it {foil} and {foil2}; {they} is wrong.",
    "{critic} called it {verdict} and {verdict2}; {they} is right.",
    "{critic} found the {part} {foil}, but {they} is mistaken: it is {verdict}.",
    '"What a {foil} {genre}," said {critic}; I said the opposite, that it was {verdict}.',
    '"What a {verdict} {genre}," said {critic}, and I agreed: hardly a {foil} minute in it.',
    "the poster promises something {foil}; what it sells is {verdict}.",
)
DENIALS = (
    "there is nothing {foil} about the {part}, and nothing {foil2} about the {other}.",
    "the {part} is never {foil}, the {other} hardly {foil2}.",
    "not once did the {part} feel {foil} or {foil2}.",
    "whoever finds the {part} {foil} or the {other} {foil2} saw some other film.",
)
AFFIRMATIONS = (
    "the {part} is {verdict}, and the {other} is just as {verdict2}.",
    "again and again the {part} felt {verdict} and {verdict2}.",
    "first the {verdict} {part}, then the {verdict2} {other}: it all adds up.",
    "whoever finds the {part} {verdict} and the {other} {verdict2} has my full agreement.",
)
OPINIONS = {CONTRASTS: 27, CORRECTIONS: 21, QUOTATIONS: 14, DENIALS: 7, AFFIRMATIONS: 31}  # per cent
SHAPES = ((1, 2), (2, 0), (2, 1), (3, 0))  # sentences of opinion, asides

OPENINGS = (
    "we saw this {genre} {when}, {where}.",
    "I watched this {genre} {when} with {company}.",
    "{when}, {where}, {company} and I finally caught this {genre}.",
    "a {genre} about {story}.",
    "this {genre} follows {story}.",
    "two hours with {story}: so goes this {genre}.",
)
ASIDES = (
    "the director's previous {rival} was {any}.",
    "the trailer before it advertised some {any} {rival}.",
    "I still remember the {any} novel it is based on.",
    "the short film before it was {any}, but that is another matter.",
    "it begins in {place} and ends in {destination}.",
    "most of it was filmed in {place}.",
    "it runs for {minutes} minutes.",
    "halfway through we also meet {story}.",
    "the screening was nearly {fullness}.",
    "I had read nothing about it beforehand.",
)
CLOSINGS = (
    "that is my view, having seen it {times}.",
    "{company} and I talked about it all the way home.",
    "it is showing until {weekday}.",
    "if you go, bring {snack}.",
    "the credits rolled, and we walked home through the {weather}.",
    "that, at least, is how I saw it.",
)

PARTS = _phrases("""plot, acting, score, pacing, dialogue, camerawork, script, editing, direction, lighting,
    humour, ending, romance, casting, soundtrack, opening, suspense, staging, narration, finale, set design,
    costume design, lead performance, final act, first hour, love story, supporting cast""")
GENRES = _phrases("""western, thriller, comedy, drama, musical, documentary, mystery, fable, sequel, remake,
    debut, biography, melodrama, adventure, satire""")
COMPANY = _phrases("""my sister, two friends, my parents, the book club, my husband, an old classmate, our
    students, my grandmother""")
CRITICS = {
    "she": _phrases("""my neighbour, the woman beside me, my daughter, my colleague, a blogger I follow, the
        local reviewer, my former teacher"""),
    "he": _phrases("my brother, an old friend, one famous critic, the usher, my flatmate, the man behind us"),
}
FILLINGS = {
    "rival": GENRES,
    "when": _phrases("""last night, on Sunday, during the holidays, at the festival, one rainy afternoon, in
        March, after work, on our anniversary, the day it opened"""),
    "where": _phrases("""in a small cinema, in the front row, at the old theatre downtown, on the big screen,
        in the last row, under the stars, in a crowded hall"""),
    "story": _phrases("""a retired boxer, three sisters and a lighthouse, a widowed clockmaker, two rival
        chefs, a village doctor, a runaway violinist, an orphan and her horse, a detective near retirement, a
        crew lost in the Arctic, a bank clerk with a secret, a travelling circus, a lonely astronaut, the last
        postman on an island, a family of smugglers, a young chess champion"""),
    "place": _phrases("Lisbon, Kyoto, a mining town, Buenos Aires, the Highlands, Marseille, a desert motel"),
    "destination": _phrases("Vienna, a monastery, Chicago, the Alps, Istanbul, a fishing harbour, Dublin"),
    "minutes": _phrases("seventy, eighty, ninety, a hundred, a hundred and twenty"),
    "fullness": _phrases("empty, sold out, full, deserted"),
    "times": _phrases("once, twice, on two evenings, with subtitles, from the balcony"),
    "weekday": _phrases("Monday, Tuesday, Wednesday, Thursday, Friday"),
    "snack": _phrases("popcorn, a sweater, your uncle, liquorice, handkerchiefs, someone to talk to"),
    "weather": _phrases("snow, rain, fog, market, empty streets, park"),
    "any": PRAISE + BLAME,
}

_FOLDS = 10  # a pair of adjectives belongs to one of them


def reviews(count: int, seed: int) -> Texts:
    """Reviews without duplicates, half of each class."""
    return _draw(count, random.Random(seed), adjective_pairs(range(_FOLDS)))


def review_splits(train: int = 8000, val: int = 1000, test: int = 1000, seed: int = 0) -> dict[str, Texts]:
    """Splits that share no review, and no sentence of opinion either.

    Each sentence of opinion carries two adjectives, and a pair of them belongs to one split only: a
    model meets every adjective and construction in training, but has to read the test's combinations itself.
    """
    rng = random.Random(seed)
    plan = {"train": (train, range(2, _FOLDS)), "val": (val, [1]), "test": (test, [0])}
    return {split: _draw(count, rng, adjective_pairs(folds)) for split, (count, folds) in plan.items()}


def adjective_pairs(folds: Iterable[int]) -> list[Pair]:
    """Positions, in PRAISE and in BLAME, of adjectives that may share a sentence, whichever comes first."""
    size = range(len(PRAISE))
    return [(i, j) for i in size for j in size if i != j and (i + j) % _FOLDS in folds]


def compose(rng: random.Random, label: int, pairs: list[Pair]) -> str:
    """One review. From the same state of `rng`, the other label exchanges praise and blame, no more."""
    subject = {"genre": rng.choice(GENRES), "company": rng.choice(COMPANY)}
    parts = iter(rng.sample(PARTS, k=6))  # two for each sentence of opinion
    opinion_count, aside_count = rng.choice(SHAPES)
    body = [
        _sentence(rng, frame, subject | _opinion(rng, label, rng.choice(pairs), parts))
        for frame in _opinion_frames(rng, opinion_count)
    ]
    body += [_sentence(rng, frame, subject) for frame in rng.sample(ASIDES, k=aside_count)]
    rng.shuffle(body)
    closing = [_sentence(rng, rng.choice(CLOSINGS), subject)] if rng.random() < 0.5 else []
    return " ".join([_sentence(rng, rng.choice(OPENINGS), subject), *body, *closing])


def _draw(count: int, rng: random.Random, pairs: list[Pair]) -> Texts:
    labels = [index % len(CLASS_NAMES) for index in range(count)]
    rng.shuffle(labels)
    texts: dict[str, None] = {}  # a set that keeps the order
    while len(texts) < count:
        texts[compose(rng, labels[len(texts)], pairs)] = None
    return list(texts), labels


def _opinion_frames(rng: random.Random, count: int) -> list[str]:
    """Different sentences, each construction as often as OPINIONS says."""
    frames: dict[str, None] = {}
    while len(frames) < count:
        [construction] = rng.choices(list(OPINIONS), list(OPINIONS.values()))
        frames[rng.choice(construction)] = None
    return list(frames)


def _opinion(rng: random.Random, label: int, pair: Pair, parts: Iterator[str]) -> dict[str, str]:
    """What fills the slots of one sentence of opinion."""
    praise, blame = [PRAISE[i] for i in pair], [BLAME[i] for i in reversed(pair)]
    verdicts, foils = (praise, blame) if CLASS_NAMES[label] == "positive" else (blame, praise)
    they = rng.choice(list(CRITICS))
    return {
        "part": next(parts),
        "other": next(parts),
        "critic": rng.choice(CRITICS[they]),
        "they": they,
        "verdict": verdicts[0],
        "verdict2": verdicts[1],
        "foil": foils[0],
        "foil2": foils[1],
    }


def _sentence(rng: random.Random, frame: str, words: dict[str, str]) -> str:
    """The frame with its slots filled from `words`, else by chance, with "an" and capitals put right."""
    drawn = {slot: rng.choice(FILLINGS[slot]) for slot in _slots(frame) if slot not in words}
    text = re.sub(r"\ba (?=[aeiou])", "an ", frame.format_map(words | drawn))
    return text[0].upper() + text[1:]


@cache
def _slots(frame: str) -> list[str]:
    return re.findall(r"{(\w+)}", frame)
