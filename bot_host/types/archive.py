"""All that is held about a person, as files to hand over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

ARCHIVE_NAME: Final = "mydata"
"""What the files are called: `mydata.zip`, or `mydata-1.zip` and so on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """See the module."""

    parts: tuple[bytes, ...] = ()
    """Zip files, each of which opens by itself. None: there is nothing, or it is too much."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Rows by table, of all accounts together."""
    left_out: tuple[str, ...] = ()
    """What is not in them for its size: tables, or `media`."""

    def file_name(self, index: int) -> str:
        """A part's name."""
        return f"{ARCHIVE_NAME}.zip" if len(self.parts) == 1 else f"{ARCHIVE_NAME}-{index + 1}.zip"
