"""Two releases compared, as blocks of GitHub-flavoured Markdown for a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from bnnaudit.core.comparison import Comparison, ModelComparison, NotCompared, Release
from bnnaudit.core.gate import Outcome
from bnnaudit.reports.comparison_words import (
    GONE,
    Changed,
    alone_sentences,
    basis_sentences,
    changed_findings,
    comparison_lines,
    digest,
    figure_lines,
    images_words,
    pair_sentence,
    release_words,
)
from bnnaudit.reports.markdown_text import code, details, html_words, table, words
from bnnaudit.reports.numbers import threat_text
from bnnaudit.reports.verdict_words import EXITS

_ANSWERS = {Outcome.PASSED: "met", Outcome.FAILED: "**not met**", Outcome.UNDECIDED: "**undecided**"}


def comparison_blocks(comparison: Comparison) -> Iterator[str]:
    """The answer first, then each model, then what only one release has."""
    yield f"## bnnaudit: {words(comparison_lines(comparison)[0])}"
    for entry in comparison.entries:
        if isinstance(entry, NotCompared):
            yield f"### {code(entry.model)} was not audited"
            yield f"Exit code {int(entry.exit_code)}, {EXITS[entry.exit_code]}: {words(entry.message)}"
        else:
            yield from _pair(entry)
    for sentence in alone_sentences(comparison):
        yield words(sentence)
    files = (("older", comparison.older), ("newer", comparison.newer))
    yield details(
        "Reports",
        "\n".join(f"- {side}: {code(file.path)}, SHA-256 {code(digest(file.sha256))}" for side, file in files),
    )


def _pair(pair: ModelComparison) -> Iterator[str]:
    yield f"### {code(_title(pair.older, pair.newer))} under {threat_text(pair.threat)}"
    yield f"**{words(pair_sentence(pair))}**"
    rows = [(line.name, line.older, line.newer, line.change, line.p_value) for line in figure_lines(pair)]
    titles = ("accuracy", "older", "newer", "change, points", "p")
    yield table(titles, [[words(cell) for cell in row] for row in rows], (1, 2, 3, 4))
    lines = [f"- older: {words(release_words(pair.older))}", f"- newer: {words(release_words(pair.newer))}"]
    lines.append(f"- images: {words(images_words(pair))}")
    lines += [f"- {words(sentence)}" for sentence in basis_sentences(pair)]
    lines += [f"- **Note:** {words(sentence)}" for sentence in pair.warnings]
    yield "\n".join(lines)
    yield from _findings(changed_findings(pair))
    asked = [(words(each.asked), _ANSWERS[each.outcome], words(each.reason)) for each in pair.criteria]
    yield details("What was asked", table(("asked", "answer", "found"), asked))


def _title(older: Release, newer: Release) -> str:
    names = (one.model.replace("\\", "/").rpartition("/")[2] for one in (older, newer))
    return " → ".join(dict.fromkeys(names))


def _findings(changed: list[Changed]) -> Iterator[str]:
    for one in changed:
        if one.state == "unchanged":
            continue
        rule = one.finding.rule
        waived = " (waived)" if one.finding.waiver else ""
        title = f"{one.state.upper()} {one.finding.severity.upper()} {html_words(rule.code)} {html_words(rule.name)}{waived}"
        yield details(title, words(one.note if one.note and one.state == GONE else one.finding.message))
    unchanged = [one.finding.rule.code for one in changed if one.state == "unchanged"]
    if unchanged:
        yield f"Unchanged findings: {words(', '.join(unchanged))}."
