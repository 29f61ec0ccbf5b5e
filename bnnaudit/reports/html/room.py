"""How much of a document goes on one page, so that it stays small whatever the document holds."""

from dataclasses import dataclass

LARGEST_PAGE = 1_500_000
"""Bytes of a page, at most: mail and chat programs show a preview of such a file, and a job summary links to it. Not tuned."""


@dataclass(frozen=True, slots=True)
class Room:
    """What is shown of each report, at most; what is left out is counted on the page.

    pictures: counterexamples of the gallery. rows: of the table of images. entries: of any other list. reports: of a suite.
    text: characters of one paragraph.
    """

    pictures: int
    rows: int
    entries: int
    reports: int
    text: int


ROOMS = (
    Room(24, 1000, 200, 100, 2000),
    Room(12, 1000, 200, 100, 2000),
    Room(6, 1000, 200, 100, 2000),
    Room(3, 1000, 200, 100, 2000),
    Room(1, 1000, 200, 100, 2000),
    Room(0, 1000, 200, 100, 2000),
    Room(0, 300, 200, 100, 2000),
    Room(0, 100, 200, 100, 2000),
    Room(0, 20, 200, 100, 2000),
    Room(0, 0, 200, 100, 2000),
    Room(0, 0, 50, 100, 1000),
    Room(0, 0, 20, 50, 500),
    Room(0, 0, 10, 20, 200),
    Room(0, 0, 3, 10, 100),
)
"""From the most to the least; the first that fits is used: pictures go first, then rows of images, then the rest. Not tuned."""
