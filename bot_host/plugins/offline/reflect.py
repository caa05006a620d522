"""The speaker's words turned round: what was said of "me" is answered as "you"."""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SWAPS = {
    "i": "you",
    "me": "you",
    "my": "your",
    "mine": "yours",
    "myself": "yourself",
    "am": "are",
    "i'm": "you're",
    "i've": "you've",
    "i'll": "you'll",
    "i'd": "you'd",
    "your": "my",
    "yours": "mine",
    "yourself": "myself",
    "you're": "I'm",
    "you've": "I've",
    "you'll": "I'll",
    "you'd": "I'd",
}
_MODALS = _words(
    "can can't cannot could couldn't will won't would wouldn't should shouldn't must might may do don't did "
    "didn't have haven't had hadn't are aren't were weren't"
)
_SUBJECT_VERBS = _MODALS | _words(
    "think know want need like love hate say said mean meant seem feel felt see saw hear heard get got give "
    "gave make made take took go went come came keep tell told ask asked answer answered understand "
    "remember remembered forget forgot never always really just also"
)
_CLAUSE_STARTS = _words(
    "and but or if that when whether because what why how where who while since although though so than as "
    "think believe know suppose hope wish guess say said feel"
)
_TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)*|\s+|.", re.DOTALL)


def reflect(words: str) -> str:
    """`words` with first and second person exchanged: `I love your bot` becomes `you love my bot`.

    "you" becomes "I" where it is a subject and "me" where it is an object, judged by its neighbours.
    """
    tokens = _TOKEN.findall(words.replace("\u2019", "'"))
    at = [index for index, token in enumerate(tokens) if token[0].isalnum()]
    spoken = [tokens[index].lower() for index in at]
    for place, index in enumerate(at):
        before = spoken[place - 1] if place > 0 else ""
        after = spoken[place + 1] if place + 1 < len(spoken) else ""
        tokens[index] = _swap(tokens[index], spoken[place], before, after)
    return "".join(tokens)


def _swap(token: str, word: str, before: str, after: str) -> str:
    if word == "you":
        return "I" if _is_subject(before, after) else "me"
    if word in ("are", "aren't") and "you" in (before, after):
        return "am" if word == "are" else "am not"
    if word in ("were", "weren't") and "you" in (before, after):
        return word.replace("were", "was")
    if word in ("was", "wasn't") and "i" in (before, after):
        return word.replace("was", "were")
    return _SWAPS.get(word, token)


def _is_subject(before: str, after: str) -> bool:
    if before in _MODALS:
        return True
    if not after:
        return False
    return not before or after in _SUBJECT_VERBS or before in _CLAUSE_STARTS
