"""What became of each kind of row."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

SHOWN: Final = 20
"""Skipped rows that are named one by one."""


@dataclass(slots=True)
class Tally:
    """One kind of row. `read` is the sum of the others."""

    read: int = 0
    new: int = 0
    known: int = 0
    left_out: int = 0
    skipped: int = 0


@dataclass(slots=True)
class Report:
    """What an import did, or would do."""

    dry_run: bool
    version: str
    tallies: dict[str, Tally] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    """The first rows that could not be taken over, each with its reason."""
    left_out: Counter[str] = field(default_factory=Counter)
    """What is not wanted here, and how often."""
    matches: dict[str, Counter[str]] = field(default_factory=dict)
    """By platform: rooms and people in all, and those that the connector finds again by their ids."""
    notes: list[str] = field(default_factory=list)
    next: list[str] = field(default_factory=list)
    """What to do now."""

    def tally(self, kind: str) -> Tally:
        """That of one kind."""
        return self.tallies.setdefault(kind, Tally())

    def skip(self, kind: str, id: object, reason: str) -> None:
        """Count a row that cannot be taken over."""
        self.tally(kind).skipped += 1
        if len(self.skipped) < SHOWN:
            self.skipped.append(f"{kind} {id}: {reason}")

    def leave_out(self, kind: str, reason: str, count: int = 1) -> None:
        """Count rows that are not wanted."""
        self.tally(kind).left_out += count
        self.left_out[reason] += count

    def match(self, platform: str, what: str, *, found: bool) -> None:
        """Count a room or person of a platform."""
        counts = self.matches.setdefault(platform, Counter())
        counts[what] += 1
        counts[f"{what} found"] += found

    @property
    def all_skipped(self) -> int:
        """Rows that could not be taken over."""
        return sum(tally.skipped for tally in self.tallies.values())

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        kinds = {
            kind: {name: getattr(tally, name) for name in Tally.__slots__}
            for kind, tally in self.tallies.items()
        }
        return {
            "dry_run": self.dry_run,
            "version": self.version,
            "rows": kinds,
            "skipped": self.skipped,
            "left_out": dict(self.left_out),
            "matches": {platform: dict(counts) for platform, counts in self.matches.items()},
            "notes": self.notes,
            "next": self.next,
        }

    def as_lines(self) -> list[str]:
        """For people."""
        new = "would be new" if self.dry_run else "new"
        table = [("", "read", new, "known", "left out", "skipped")]
        for kind, tally in self.tallies.items():
            numbers = (f"{getattr(tally, name):,}" for name in Tally.__slots__)
            table.append((kind, *numbers))  # type: ignore[arg-type]
        widths = [max(len(row[place]) for row in table) for place in range(6)]
        lines = [
            "  ".join(
                text.ljust(width) if place == 0 else text.rjust(width)
                for place, (text, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in table
        ]
        for heading, told in (
            ("Skipped", self._skipped()),
            ("Left out", [f"{count:,} {reason}" for reason, count in self.left_out.items()]),
            ("Found again by the connectors", self._matches()),
            ("Notes", self.notes),
            ("Now", self.next),
        ):
            if told:
                lines += ["", f"{heading}:", *(f"  {line}" for line in told)]
        return lines

    def _skipped(self) -> list[str]:
        more = self.all_skipped - len(self.skipped)
        return [*self.skipped, *([f"… and {more:,} more"] if more else [])]

    def _matches(self) -> list[str]:
        return [
            f"{platform}: "
            + " and ".join(
                f"{counts[f'{what} found']:,} of {counts[what]:,} {what}"
                for what in ("rooms", "people")
                if counts[what]
            )
            for platform, counts in sorted(self.matches.items())
        ]
