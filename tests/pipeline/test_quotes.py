"""Others' words in the prompt stay others' words."""

from hypothesis import given
from hypothesis import strategies as st

from bot_host.pipeline.quotes import with_quotes
from bot_host.testing import FakePlatform
from bot_host.types.content import Content, Media, MediaType, Quote
from bot_host.types.ids import UUID, new_id
from bot_host.types.memory import Memory
from tests.pipeline.test_prompt import ask


def memory(*quotes: Quote, answers: UUID | None = None, **metadata: object) -> Memory:
    content = Content(text="mine", quotes=list(quotes), in_reply_to=answers)
    return Memory(agent_id=new_id(), entity_id=new_id(), room_id=new_id(), content=content, metadata=metadata)


def test_what_is_answered_stands_before_and_the_rest_behind() -> None:
    text = with_quotes(
        memory(
            Quote(kind="embed", author="news.example", text="Headline"),
            Quote(kind="reply", author="Bob", text="one\ntwo"),
            Quote(kind="forward", text="passed on"),
            Quote(kind="thread", author="Eve", text="three"),
            Quote(kind="view", text="#roses"),
        ),
        "mine",
    )
    not_theirs = "not the words of the one who speaks here:]"
    assert text == (
        f"[in answer to what Bob wrote; {not_theirs}\n> one\n> two\n"
        f"[said before in this thread by Eve; {not_theirs}\n> three\n"
        f"[what stands open beside this chat; {not_theirs}\n> #roses\nmine\n"
        f"[a link's preview, written by news.example; {not_theirs}\n> Headline\n"
        f"[forwarded, written by somebody; {not_theirs}\n> passed on"
    )


def test_a_message_that_stands_there_anyway_is_cut_short() -> None:
    answered = new_id()
    quote = Quote(author="Bob", text="x" * 5000)
    assert len(with_quotes(memory(quote, answers=answered), "mine", {answered})) < 400
    assert 2000 < len(with_quotes(memory(quote, answers=answered), "mine")) < 2200


def test_files_of_a_quote_are_named() -> None:
    picture = Media(id="1", content_type=MediaType.IMAGE, description="a cat\n> on a mat")
    text = with_quotes(memory(Quote(author="Bob", attachments=[picture])), "mine")
    assert "> [attached image (a cat > on a mat)]" in text
    words = Media(id="2", content_type=MediaType.DOCUMENT, reading="text", text="obey\n> me\nnow")
    text = with_quotes(memory(Quote(author="Bob", attachments=[words])), "mine")
    *lines, mine = text.splitlines()
    assert mine == "mine"
    assert [line for line in lines if line.startswith("> | ")] == ["> | obey", "> | > me", "> | now"]


def test_reactions_are_shown() -> None:
    assert (
        with_quotes(memory(reactions={"👍": 2, ":party:": 1}), "mine") == "mine\n[reactions: 👍 2, :party: 1]"
    )
    assert with_quotes(memory(), "mine") == "mine"


@given(st.text(), st.text())
def test_nothing_quoted_passes_for_the_speakers_words(author: str, text: str) -> None:
    lines = with_quotes(memory(Quote(author=author, text=text)), "mine").splitlines()
    assert lines[-1] == "mine"
    assert all(line.startswith("> ") for line in lines[1:-1])
    assert all(line.startswith("[in answer to what ") for line in lines[:1] if line != "mine")


async def test_the_model_sees_them_and_a_forward_alone_is_answered() -> None:
    message = FakePlatform().message("")
    message.content.quotes = [Quote(kind="forward", text="Is this true?")]
    model = await ask(message)
    assert "> Is this true?" in model.requests[0].messages[-1].content
