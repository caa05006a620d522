"""What the App Home says, in the languages that the commands are described in."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One language's."""

    how: str
    how_direct: str
    commands: str
    usage: str
    messages: str
    tokens: str
    cost: str
    free: str
    settings: str
    language: str
    any_language: str
    data: str
    show: str
    forget: str
    done: str
    stranger: str
    refused: str


ENGLISH: Final = Words(
    how="Mention me in a channel that I am in.",
    how_direct="Write to me under *Messages*, or mention me in a channel that I am in.",
    commands="What you can ask me by name",
    usage="What is left",
    messages="{left} of {most} answers to you this minute",
    tokens="{left} of {most} tokens for everybody today",
    cost="${left} of ${most} for everybody today",
    free="No limit is set for you.",
    settings="How I am with you",
    language="The language of my answers to you",
    any_language="As people write",
    data="Your data",
    show="What do you hold about me?",
    forget="Forget me",
    done="I have answered you under *Messages*.",
    stranger="I do not know you yet: whoever runs me has to approve of you. Write to me under *Messages*.",
    refused="Whoever runs me has not opened this page to you.",
)
WORDS: Final[dict[str, Words]] = {
    "en": ENGLISH,
    "de": Words(
        how="Erwähne mich in einem Kanal, in dem ich bin.",
        how_direct="Schreib mir unter *Nachrichten*, oder erwähne mich in einem Kanal, in dem ich bin.",
        commands="Worum du mich mit Namen bitten kannst",
        usage="Was übrig ist",
        messages="{left} von {most} Antworten an dich in dieser Minute",
        tokens="{left} von {most} Tokens für alle heute",
        cost="{left} $ von {most} $ für alle heute",
        free="Für dich ist keine Grenze gesetzt.",
        settings="Wie ich mit dir bin",
        language="Die Sprache meiner Antworten an dich",
        any_language="Wie man mir schreibt",
        data="Deine Daten",
        show="Was weißt du über mich?",
        forget="Vergiss mich",
        done="Ich habe dir unter *Nachrichten* geantwortet.",
        stranger="Ich kenne dich noch nicht: wer mich betreibt, muss dich erst zulassen. Schreib mir unter "
        "*Nachrichten*.",
        refused="Wer mich betreibt, hat diese Seite nicht für dich geöffnet.",
    ),
    "fr": Words(
        how="Mentionne-moi dans un canal où je suis.",
        how_direct="Écris-moi sous *Messages*, ou mentionne-moi dans un canal où je suis.",
        commands="Ce que tu peux me demander par son nom",
        usage="Ce qui reste",
        messages="{left} réponses sur {most} pour toi cette minute",
        tokens="{left} tokens sur {most} pour tous aujourd'hui",
        cost="{left} $ sur {most} $ pour tous aujourd'hui",
        free="Aucune limite ne vaut pour toi.",
        settings="Comment je suis avec toi",
        language="La langue de mes réponses à toi",
        any_language="Comme on m'écrit",
        data="Tes données",
        show="Que sais-tu de moi ?",
        forget="Oublie-moi",
        done="Je t'ai répondu sous *Messages*.",
        stranger="Je ne te connais pas encore : la personne qui me gère doit d'abord t'accepter. Écris-moi "
        "sous *Messages*.",
        refused="La personne qui me gère ne t'a pas ouvert cette page.",
    ),
    "es": Words(
        how="Mencióname en un canal en el que estoy.",
        how_direct="Escríbeme en *Mensajes*, o mencióname en un canal en el que estoy.",
        commands="Lo que puedes pedirme por su nombre",
        usage="Lo que queda",
        messages="{left} de {most} respuestas para ti este minuto",
        tokens="{left} de {most} tokens para todos hoy",
        cost="{left} $ de {most} $ para todos hoy",
        free="No hay límite para ti.",
        settings="Cómo soy contigo",
        language="El idioma de mis respuestas para ti",
        any_language="Como se me escribe",
        data="Tus datos",
        show="¿Qué sabes de mí?",
        forget="Olvídame",
        done="Te he respondido en *Mensajes*.",
        stranger="Aún no te conozco: quien me gestiona tiene que aceptarte primero. Escríbeme en *Mensajes*.",
        refused="Quien me gestiona no te ha abierto esta página.",
    ),
}
LANGUAGES: Final = (
    *("English", "Deutsch", "Español", "Français", "Italiano", "Nederlands", "Polski", "Português"),
    *("Svenska", "Türkçe", "Українська", "Русский", "العربية", "हिन्दी", "中文", "日本語", "한국어"),
)
"""What people may choose from, each in its own; `/settings` takes any other."""


def words_for(locale: str) -> Words:
    """Of a client's language (`de-DE`); English where we have none."""
    return WORDS.get(language_of(locale), ENGLISH)


def language_of(locale: str) -> str:
    """`de` of `de-DE`."""
    return locale.partition("-")[0].partition("_")[0].lower()
