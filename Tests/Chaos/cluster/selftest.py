"""Whether the ledger notices: each broken promise, told to it as servers would break it."""

from collections.abc import Callable

from .ledger import ClusterLedger
from .readers import ClusterBook

NAME = "kept:a"


class Story:
    def __init__(self, streams: str = "stay", kept: int = 20_000):
        self.ledger = ClusterLedger(streams)
        self.ledger.open(NAME, kept, True)

    def publish(self, *offsets: int, epoch: str = "e", prefix: str = "p", keyed: bool = True) -> None:
        for offset in offsets:
            offered = self.ledger.offer(f"{prefix}{offset}", NAME, keyed)
            self.ledger.placed(offered, epoch, offset, "n0", 0)

    def reader(self, name: str = "r", epoch: str = "e", offset: int = 0) -> ClusterBook:
        book = ClusterBook(self.ledger, name, [NAME])
        book.begin(NAME, epoch, offset)
        return book

    @staticmethod
    def hear(book: ClusterBook, *offsets: int, prefix: str = "p") -> None:
        for offset in offsets:
            book.publication(NAME, offset, f"{prefix}{offset}")

    def end(self, *books: ClusterBook) -> list[str]:
        self.ledger.settle()
        return self.ledger.problems + [text for book in books for text in book.behind().values()]


def nothing_wrong() -> list[str]:
    story = Story()
    story.publish(1, 2, 3)
    one, two = story.reader("one"), story.reader("two")
    story.hear(one, 1, 2, 3)
    story.hear(two, 1)
    two.resumed(NAME, True, "e", 1, is_top=True)
    story.hear(two, 2, 3)
    return story.end(one, two)


def told_of_a_new_epoch() -> list[str]:
    story = Story("change")
    story.publish(1, 2)
    book = story.reader()
    story.hear(book, 1, 2)
    story.publish(1, epoch="f", prefix="q")
    book.resumed(NAME, False, "f", 1, is_top=True)
    return story.end(book)


def restored(heard: tuple[int, ...]) -> list[str]:
    """A copy with 1 and 2 of three is put back: they keep their places under a new epoch, in which 3 is given again."""
    story = Story("change")
    story.ledger.keeps_places = True
    story.publish(1, 2, 3)
    before = story.reader("before")
    story.hear(before, 1, 2, 3)
    story.publish(3, epoch="f", prefix="q")
    before.resumed(NAME, False, "f", 3, is_top=True)
    after = story.reader("after", epoch="f")
    story.hear(after, *heard)
    story.hear(after, 3, prefix="q")
    return story.end(before, after)


def restored_with_all_of_it() -> list[str]:
    return restored((1, 2))


def restored_at_another_place() -> list[str]:
    story = Story("change")
    story.ledger.keeps_places = True
    story.publish(1, 2)
    story.publish(3, epoch="f", prefix="q")
    after = story.reader("after", epoch="f")
    after.publication(NAME, 1, "p2")
    return story.end()


def lost_one() -> list[str]:
    story = Story()
    story.publish(1, 2, 3)
    book = story.reader()
    story.hear(book, 1, 3)
    return story.end(book)


def lost_the_last() -> list[str]:
    story = Story()
    story.publish(1, 2, 3)
    book = story.reader()
    story.hear(book, 1, 2)
    return story.end(book)


def heard_twice() -> list[str]:
    story = Story()
    story.publish(1, 2)
    book = story.reader()
    story.hear(book, 1, 2, 2)
    return story.end(book)


def order_changed() -> list[str]:
    story = Story()
    story.publish(1, 2)
    book = story.reader()
    story.hear(book, 2, 1)
    return story.end(book)


def recovered_over_a_hole() -> list[str]:
    """Section 1: acknowledged writes are lost, their offsets given again in the same epoch."""
    story = Story("change")
    story.publish(1, 2, 3)
    book = story.reader()
    story.hear(book, 1, 2, 3)
    story.publish(2, 3, 4, prefix="q")
    book.resumed(NAME, True, "e", 3, is_top=True)
    story.hear(book, 4, prefix="q")
    return story.end(book)


def recovered_in_another_epoch() -> list[str]:
    story = Story("may")
    story.publish(1)
    book = story.reader()
    story.hear(book, 1)
    book.resumed(NAME, True, "f", 1, is_top=True)
    return story.end()


def told_without_reason() -> list[str]:
    story = Story()
    story.publish(1, 2, 3)
    book = story.reader()
    story.hear(book, 1)
    book.resumed(NAME, False, "e", 3, is_top=True)
    return story.end(book)


def new_epoch_where_it_lasts() -> list[str]:
    story = Story()
    story.publish(1)
    story.publish(1, epoch="f", prefix="q")
    return story.end()


def no_new_epoch_where_it_must_be() -> list[str]:
    story = Story("change")
    story.publish(1, 2)
    return story.end()


def offset_given_twice() -> list[str]:
    story = Story("may")
    story.publish(1)
    story.publish(1, prefix="q")
    return story.end()


def offset_left_out() -> list[str]:
    story = Story()
    story.publish(1, 3)
    return story.end()


def retry_stored_again() -> list[str]:
    story = Story()
    story.publish(1, 2)
    story.ledger.repeated(story.ledger.offered["p1"], "e", 3, "n1")
    return story.end()


def heard_at_two_places() -> list[str]:
    story = Story("may")
    story.publish(1)
    book = story.reader()
    story.hear(book, 1)
    book.publication(NAME, 2, "p1")
    return story.end()


def readers_heard_different_things() -> list[str]:
    story = Story("may")
    story.publish(1)
    story.ledger.offer("q1", NAME, False).uncertain += 1
    story.hear(story.reader("one"), 1)
    story.hear(story.reader("two"), 1, prefix="q")
    return story.end()


def nobody_published_it() -> list[str]:
    story = Story()
    story.publish(1)
    book = story.reader()
    story.hear(book, 1)
    book.publication(NAME, 2, "ghost")
    return story.end()


def live_from_a_stream_that_nobody_spoke_of() -> list[str]:
    """The epoch changed, and a connected reader is not told: what it hears continues its old offsets."""
    story = Story("change")
    story.publish(1, 2)
    book = story.reader()
    story.hear(book, 1, 2)
    story.publish(1, 2, 3, epoch="f", prefix="q")
    story.hear(book, 3, prefix="q")
    return story.end(book)


WELL: tuple[Callable[[], list[str]], ...] = (
    nothing_wrong, told_of_a_new_epoch, restored_with_all_of_it)
BROKEN: tuple[Callable[[], list[str]], ...] = (
    restored_at_another_place, lost_one, lost_the_last, heard_twice, order_changed, recovered_over_a_hole, recovered_in_another_epoch,
    told_without_reason, new_epoch_where_it_lasts, no_new_epoch_where_it_must_be, offset_given_twice, offset_left_out,
    retry_stored_again, heard_at_two_places, readers_heard_different_things, nobody_published_it,
    live_from_a_stream_that_nobody_spoke_of)


def run() -> list[str]:
    """What is wrong with the ledger itself."""
    wrong = [f"{story.__name__}: {problems[0]}" for story in WELL if (problems := story())]
    return wrong + [f"{story.__name__} was not noticed" for story in BROKEN if not story()]
