"""What the offline model listens for and what it says: our own rules and our own wording.

A rule has a pattern and templates. `{0}` in a template is the pattern's first group, turned round by
`reflect`; a rule whose pattern has no group has none. Rules are tried in this order; the first that
matches a sentence speaks.
"""

import re
from dataclasses import dataclass

ABOUT = (
    "I am a bot, and a simple one: the offline demonstration model of Bot Host. I answer by fixed patterns, "
    "with no network and no key. To plug in a real model, set OPENAI_API_KEY, or base_url in "
    "[models.openai] of config.toml, and start me again."
)
REAL_MODEL = (
    "For a real model, set the environment variable OPENAI_API_KEY (or put it into .env beside config.toml). "
    "For a server of your own, such as Ollama, vLLM or llama.cpp, set base_url in [models.openai] of "
    "config.toml. Then start Bot Host again; `python -m bot_host check` tells whether the model answers."
)
HELP = (
    "You are talking to the offline demonstration model: I listen for patterns in what you say and ask back. "
    "Tell me about your day, your work or a plan, and I will keep up for a while. I cannot look things up or "
    "do sums. To use a real model, set OPENAI_API_KEY, or base_url in [models.openai] of config.toml."
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing to listen for."""

    name: str
    pattern: re.Pattern[str]
    templates: tuple[str, ...]
    topic: str = ""
    """What to remember of a match, to come back to later: a template like the others."""
    keep_words: bool = False
    """The group is a name or a quotation: said back as it was written."""


def _rule(name: str, pattern: str, *templates: str, topic: str = "", keep_words: bool = False) -> Rule:
    return Rule(name, re.compile(pattern, re.IGNORECASE), templates, topic, keep_words)


_IM = r"\b(?:i\s+am|i'm|im)\s+"
_REST = r"([^.!?;\n]+)"

RULES: tuple[Rule, ...] = (
    _rule(
        "real model",
        r"\b(?:real|actual|proper|better|other|smarter|different)\s+(?:ai\s+|language\s+)?(?:model|llm|ai)\b"
        r"|\b(?:plug|connect|use|set\s*up|configure|add)\b.*\b(?:model|llm|gpt|openai|ollama|api\s*key)\b"
        r"|\bapi\s*key\b",
        REAL_MODEL,
    ),
    _rule(
        "about",
        r"\b(?:are|r)\s+(?:you|u)\s+(?:an?\s+|the\s+)?(?:real\b|human|person|bot\b|robot|ai\b|a\.i|machine|"
        r"program|computer|chat\s*bot|alive|eliza|gpt|chatgpt|llm|model|demo)"
        r"|\b(?:what|who)\s+are\s+(?:you|u)\b\s*(?:$|[?.!,])|\bwhat\s+(?:kind|sort)\s+of\s+(?:bot|model|ai)\b",
        ABOUT,
        "Still a bot: rules, and your own words turned round. This is the offline demonstration; "
        "OPENAI_API_KEY, or base_url in [models.openai] of config.toml, brings in a real model.",
    ),
    _rule(
        "help",
        r"^\W*help\b|\bwhat\s+can\s+you\s+do\b|\bhow\s+(?:do\s+you|does\s+this)\s+work\b|\bneed\s+help\s*$",
        HELP,
    ),
    _rule(
        "joke",
        r"\bjokes?\b|\bmake\s+me\s+laugh\b",
        "Why did the bot cross the road? A rule matched.",
        "I know a very good one about patterns, but I only tell it when somebody mentions patterns.",
        "Two bots walk into a bar. Each waits for the other to say something first.",
        "I would tell you the one about the lost message, but it arrived twice.",
    ),
    _rule(
        "recall",
        r"\b(?:what\s+(?:did|have)\s+i\s+(?:say|said|tell|told)|do\s+you\s+remember|did\s+i\s+mention|"
        r"what\s+(?:were|are)\s+we\s+talking\s+about)\b",
        "You spoke of {0}. Shall we go on from there?",
        "I have kept {0} in mind. What has happened with that since?",
    ),
    _rule("own name", r"\bwhat(?:'s|\s+is)\s+my\s+name\b|\bwho\s+am\s+i\b", "You told me: {0}."),
    _rule(
        "name",
        r"\b(?:my\s+name\s+is|i\s+am\s+called|call\s+me)\s+"
        r"(?!not\b|when\b|if\b|later\b|back\b)([^\W\d_][\w'-]*(?:\s+(?-i:[A-Z])[\w'-]*)?)",
        "Good to meet you, {0}. What brings you here today?",
        "{0}, noted. And what would you like to talk about, {0}?",
        keep_words=True,
    ),
    _rule(
        "farewell",
        r"\b(?:good\s*bye|bye|see\s+you|good\s+night|gotta\s+go|have\s+to\s+go|farewell|cya)\b",
        "Goodbye. It was good to hear from you.",
        "Until next time. I will be here, or at least my rules will.",
        "Take care. Come back when something else is on your mind.",
    ),
    _rule(
        "thanks",
        r"\b(?:thanks?|thank\s+you|thx|cheers|much\s+appreciated)\b",
        "You are welcome. Is there something else?",
        "Gladly. What comes next?",
        "No trouble at all. Where shall we go from here?",
    ),
    _rule(
        "sorry",
        r"\b(?:sorry|apologi[sz]e|my\s+bad|excuse\s+me)\b",
        "There is nothing to be sorry for. What happened?",
        "No harm done; I have no feelings to hurt. Go on.",
        "That is quite all right. You were saying?",
    ),
    _rule(
        "trouble",
        r"\b(?:(?:doesn't|does\s+not|isn't|is\s+not|won't|not)\s+work(?:ing)?|broken|crash(?:ed|es)?|"
        r"error|bug|stuck)\b",
        "When did it last work, and what changed since?",
        "What did you expect to happen, and what happened instead?",
        "Which part are you sure is fine? Then the fault lies outside of it.",
        "Have you told anybody else about this trouble?",
    ),
    _rule(
        "worry",
        _IM + r"(?:(?:so|very|really|a\s+bit|quite)\s+)?(?:worried|anxious|nervous|afraid|scared|stressed)\s+"
        r"(?:about|of|over|by)\s+" + _REST,
        "What worries you most about {0}?",
        "When you think of {0}, what is the worst that could happen, and what is likely?",
        "Has there been a time when {0} worried you less?",
        topic="being worried about {0}",
    ),
    _rule(
        "family",
        r"\bmy\s+((?:little|big|older|younger|elder|step)?\s*(?:mother|mum|mom|father|dad|parents|sister|brother|"
        r"wife|husband|son|daughter|kids?|children|partner|girlfriend|boyfriend|friends?|grand\w+|aunt|uncle|"
        r"dog|cat))\b",
        "How do you get on with your {0}?",
        "What comes to your mind first when you think of your {0}?",
        "What would your {0} say if they heard us?",
        "Tell me something about your {0} that I could not guess.",
        topic="your {0}",
    ),
    _rule(
        "work",
        r"\bmy\s+((?:\w+\s+)?(?:job|work|boss|team|project|company|studies|school|exam|thesis|code|server|bot))\b",
        "What takes most of your time with your {0}?",
        "Suppose your {0} went well for a week: what would be different?",
        "Who else has a say in your {0}?",
        "What would you change first about your {0}?",
        topic="your {0}",
    ),
    _rule(
        "because",
        r"\bbecause\s+(?!of\b)" + _REST,
        "If {0}, what follows from it?",
        "Is that the only reason, or is there another behind it?",
        "And if it were not so that {0}?",
    ),
    _rule(
        "cannot",
        r"\bi\s+(?:can't|cannot|can\s+not|couldn't|am\s+not\s+able\s+to)\s+" + _REST,
        "What would you need to {0}?",
        "Were you ever able to {0}?",
        "Who do you know who can {0}?",
        "What holds you back the most?",
    ),
    _rule(
        "unsure",
        r"\bi\s+(?:don't|do\s+not)\s+know\b|\bnot\s+sure\b|\bno\s+idea\b|\bdunno\b",
        "If you had to guess, what would you say?",
        "What would help you find out?",
        "Not knowing is a fair place to begin. What do you know for certain?",
    ),
    _rule(
        "dislike",
        r"\bi\s+(?:hate|dislike|can't\s+stand|don't\s+like|do\s+not\s+like)\s+" + _REST,
        "What is it about {0} that puts you off?",
        "When did you first notice that you dislike {0}?",
        "What would you have instead of {0}?",
    ),
    _rule(
        "like",
        r"\bi\s+(?:really\s+|also\s+)?(?:like|love|enjoy|adore)\s+" + _REST,
        "What do you like best about {0}?",
        "How did you come to enjoy {0}?",
        "With whom do you share that?",
        topic="how you like {0}",
    ),
    _rule(
        "want",
        r"\bi\s+(?:really\s+|just\s+)?(?:want|need|would\s+like|'d\s+like|wish\s+for|have)\s+to\s+" + _REST,
        "What will change once you {0}?",
        "What is the first small step to {0}?",
        "What keeps you from it today?",
        topic="your wish to {0}",
    ),
    _rule(
        "need",
        r"\bi\s+(?:really\s+|just\s+)?(?:want|need|would\s+like|'d\s+like|wish\s+for)\s+" + _REST,
        "What would you do with {0}?",
        "Suppose you had {0} tomorrow: what then?",
        "How long have you been looking for that?",
        topic="your wish for {0}",
    ),
    _rule(
        "plan",
        _IM + r"(?:going\s+to|planning\s+to|about\s+to|trying\s+to)\s+" + _REST,
        "How will you know that it went well when you {0}?",
        "What do you need before you {0}?",
        "Who will notice first when you {0}?",
        topic="your plan to {0}",
    ),
    _rule(
        "feel",
        r"\bi\s+(?:feel|felt|am\s+feeling)\s+(?:like\s+)?" + _REST,
        "When do you usually feel {0}?",
        "What do you do when you feel {0}?",
        "Where does that feeling come from, do you think?",
        topic="feeling {0}",
    ),
    _rule(
        "am",
        _IM + _REST,
        "How long have you been {0}?",
        "How is it for you to be {0}?",
        "Did you choose to be {0}, or did it just happen?",
        "Would others say, too, that you are {0}?",
    ),
    _rule(
        "remember",
        r"\bi\s+(?:still\s+)?remember\s+" + _REST,
        "What made you think of {0} just now?",
        "What else do you remember of that time?",
        "Is the memory of {0} a good one?",
    ),
    _rule(
        "think",
        r"\bi\s+(?:think|believe|guess|suppose)\s+(?:that\s+)?" + _REST,
        "What makes you think that {0}?",
        "Would you bet on it that {0}?",
        "And who would disagree with you there?",
    ),
    _rule(
        "did",
        r"\bi\s+((?:just\s+)?(?:went|bought|made|wrote|built|found|lost|met|saw|broke|started|finished|moved|"
        r"learned|read|cooked|forgot)\b[^.!?;\n]*)",
        "How did it come about that you {0}?",
        "You {0}: would you do it again?",
        "What came after you {0}?",
        topic="how you {0}",
    ),
    _rule(
        "have",
        r"\bi\s+(?:have|have\s+got|'ve\s+got|own)\s+" + _REST,
        "What does it mean to you to have {0}?",
        "How did you come by {0}?",
        "Would you rather be without {0}?",
    ),
    _rule(
        "you are",
        r"\b(?:you\s+are|you're|ur)\s+" + _REST,
        "What makes you say that I am {0}?",
        "A set of rules can hardly be {0}, but I take the remark to heart I do not have.",
        "Does it matter to you whether I am {0}?",
    ),
    _rule(
        "do you",
        r"\b(?:do|did|would)\s+you\s+" + _REST,
        "We were speaking of you, not of me. What would you answer to that yourself?",
        "I have only patterns, so I never {0} in earnest. What about you?",
        "Why do you ask whether I {0}?",
    ),
    _rule(
        "request",
        r"\b(?:can|could|will|would)\s+(?:you|u)\s+(?:please\s+)?" + _REST + r"|\bplease\s+" + _REST,
        "I would {0} if I could, but I am the offline demonstration. A real model could: just ask me how to "
        "use one.",
        "To {0} is beyond my patterns. What would you hope to see in the answer?",
        "Suppose somebody did {0} for you: what would you do with it?",
    ),
    _rule(
        "why not",
        r"\bwhy\s+(?:can't|don't|won't|doesn't|isn't)\s+" + _REST,
        "What have you found so far about why not?",
        "Perhaps there is a reason that nobody has said aloud yet. Which could it be?",
    ),
    _rule(
        "why",
        r"^\W*why\b",
        "What would your own answer be?",
        "Does the reason matter more to you, or the way out?",
        "If I gave you a reason, would you believe it?",
    ),
    _rule(
        "question",
        r"^\W*(?:what|who|when|where|which|whose|how|is|are|does|did|was|were|has|have|should|shall)\b.*\?",
        "I have no facts to look that up in. What do you think yourself?",
        "What would a good answer look like to you?",
        "Whom have you asked that before?",
        "That is one for a real model, or a good friend. What made you wonder?",
    ),
    _rule(
        "greeting",
        r"^\W*(?:[\w.-]+[,:]\s+|@[\w.-]+\s+)?(?:hi|hello|hey|hiya|howdy|greetings|good\s+(?:morning|afternoon|evening|day)|moin|yo|hallo)\b",
        "Hello! I am the offline demonstration bot. What is on your mind?",
        "Hello again. What shall we talk about?",
        "Hi. Tell me something about your day.",
    ),
    _rule(
        "yes",
        r"^\W*(?:yes|yeah|yep|yup|sure|of\s+course|exactly|right|ok|okay|indeed|true)\b",
        "Good. Can you say a little more about it?",
        "What makes you so certain?",
        "All right. And what follows from that?",
    ),
    _rule(
        "no",
        r"^\W*(?:no|nope|nah|not\s+really|never\s+mind|not\s+at\s+all)\b",
        "Not at all, or only not now?",
        "What would have to be different for a yes?",
        "Fair enough. What is it, then?",
    ),
    _rule(
        "perhaps",
        r"\b(?:perhaps|maybe|possibly|might\s+be)\b",
        "You leave it open. Which way do you lean?",
        "What would make it certain?",
        "And if it is not so?",
    ),
    _rule(
        "always",
        r"\b(always|never|everyone|everybody|nobody|all\s+the\s+time)\b",
        "Really {0}? Can you think of one exception?",
        "“{0}” is a large word. When was the last time?",
        keep_words=True,
    ),
    _rule(
        "my",
        r"\bmy\s+((?:\w+\s+)?\w+)\b",
        "Tell me more about your {0}.",
        "Why does your {0} come up just now?",
        "What do others make of your {0}?",
        topic="your {0}",
    ),
)

EMPTY = (
    "That message had no words in it. What would you like to say?",
    "I hear silence. Take your time.",
    "Nothing arrived but the envelope. Try again?",
)
NO_LETTERS = (
    "Numbers and signs are beyond my patterns. Can you put it in words?",
    "I can tell that you mean something by that. What?",
    "A picture says more than my rules can read. Tell me in words?",
)
OTHER_SCRIPT = (
    "You wrote: {0}. My rules only know English; a real model would answer in your language.",
    "I can carry your words ({0}) safely, but I understand English only. Shall we try that?",
    "As the offline demonstration I read English only, so “{0}” is a secret to me. A real model would know.",
)
FALLBACK = (
    "Go on, I am listening.",
    "What makes that important to you?",
    "Can you give me an example?",
    "How does that look from the other side?",
    "And how did it begin?",
    "Let us stay with that for a moment. What is the heart of it?",
    "What would you tell a friend who said the same?",
)
COME_BACK = (
    "Earlier you spoke of {0}. Does that have to do with it?",
    "Let me come back to {0}. How do things stand there?",
    "I still think of {0}. Tell me more about that.",
)
NO_TOPIC = "I do not recall a topic yet. What is on your mind?"
NO_NAME = "You have not told me your name yet. What shall I call you?"
