"""What the store asks of a database driver."""

from pathlib import Path
from typing import Protocol, TypeVar

from bot_host.store.nearest import Nearest
from bot_host.store.statement import MakeUnit

T = TypeVar("T")


class Driver(Protocol):
    """Runs units of work."""

    @property
    def lock_path(self) -> Path | None:
        """See Store."""

    @property
    def nearest(self) -> Nearest:
        """How it finds the vectors that are most like another, in units that `search` runs."""

    async def open(self) -> None:
        """Connect; create or migrate. Raises StoreError with the way out, and then holds nothing."""

    async def claim(self) -> None:
        """See Store."""

    async def close(self) -> None:
        """Finish what is under way and let go of everything. Idempotent."""

    async def write(self, make: MakeUnit[T]) -> T:
        """Run a unit and return its result after its commit. Raises StoreError: nothing was written.

        A cancelled caller does not know: the unit may or may not be written.
        """

    async def read(self, make: MakeUnit[T]) -> T:
        """Run a unit that only reads. It sees all that was committed before the call."""

    async def search(self, make: MakeUnit[T]) -> T:
        """Like `read`, for units that may take long: they hold up neither writes nor reads."""
