"""Images are known by their digests, whatever their order, their numbers and how often they occur."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bnnaudit.core.comparison import SharedImages
from bnnaudit.core.image_rows import ImageRow
from bnnaudit.core.report import Report
from bnnaudit.releases.same_images import same_images
from tests.releases.conftest import Make, rows

ALL = [True] * 6


def test_the_order_and_the_numbers_do_not_matter(release: Make) -> None:
    images = rows(ALL, ALL)
    moved = [replace(row, index=900 - row.index, name="") for row in images]
    random.Random(0).shuffle(moved)
    found = same_images(release(images), release(moved))
    assert found.counts == SharedImages(6, 6, 6, 0)
    assert [older.digest for older, _ in found.pairs] == [row.digest for row in images]
    assert all(older.digest == newer.digest for older, newer in found.pairs)


def test_some_are_shared_or_none(release: Make) -> None:
    some = same_images(release(rows(ALL, ALL)), release(rows(ALL, ALL, first=4)))
    assert (some.counts.shared, some.counts.paired, len(some.pairs)) == (2, 2, 2)
    assert same_images(release(rows(ALL, ALL)), release(rows(ALL, ALL, first=6))).counts.shared == 0


def test_another_label_is_another_question(release: Make) -> None:
    newer = (*rows(ALL[:4], ALL[:4]), *rows(ALL[:2], ALL[:2], first=4, label=7))
    found = same_images(release(rows(ALL, ALL)), release(newer))
    assert found.counts == SharedImages(6, 6, 6, 2)
    assert found.counts.paired == len(found.pairs) == 4


def test_without_labels_the_answers_are_no_part_of_an_image(release: Make) -> None:
    older, newer = release(rows(ALL, ALL)), release(rows(ALL, ALL, label=3))
    older, newer = (replace(one, data=replace(one.data, labelled=False)) for one in (older, newer))
    assert same_images(older, newer).counts.paired == 6


def test_an_image_that_occurs_again_is_paired_once_for_each_time(release: Make) -> None:
    (one,) = rows([True], [True])
    older, newer = release([one] * 3), release([replace(one, verified=False), one])
    found = same_images(older, newer)
    assert found.counts == SharedImages(3, 2, 2, 0)
    assert [pair[1].verified for pair in found.pairs] == [False, True], "in the order of both"


def _report(release: Make, pairs: list[tuple[int, int]]) -> Report:
    return release([ImageRow(0, "", str(digest), label, 0, True, True, True) for digest, label in pairs])


IMAGES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), min_size=1, max_size=8)


def test_as_many_are_paired_as_any_matching_has(release: Make) -> None:
    @given(IMAGES, IMAGES)
    def check(older: list[tuple[int, int]], newer: list[tuple[int, int]]) -> None:
        counts = same_images(_report(release, older), _report(release, newer)).counts
        assert counts.paired == sum(min(older.count(one), newer.count(one)) for one in set(older))
        first, second = [one for one, _ in older], [one for one, _ in newer]
        assert counts.shared == sum(min(first.count(one), second.count(one)) for one in set(first))

    check()
