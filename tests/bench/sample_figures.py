"""Audits the sample models, keeps the figures beside them, and writes the tables of their README from what lies there.

    python -m tests.bench.sample_figures                        # audits what is new or has changed, and writes the tables
    python -m tests.bench.sample_figures 'digits-*' --anew      # audits these again
    python -m tests.bench.sample_figures 'mnist-*' -- --data-root data

What stands behind `--` goes to `bnnaudit check`, which attacks the whole sample (`--all`). Data that are not at hand cost the
audit, not the tables: its row says that there are no figures.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from bnnaudit.config.card import Settings, settings_for
from bnnaudit.core.digest import sha256_of
from bnnaudit.reports.numbers import percent
from tests.paths import ROOT, SAMPLE_MODELS

FIGURES = SAMPLE_MODELS / "figures.json"
README = SAMPLE_MODELS / "README.md"
BEGIN, END = "<!-- python -m tests.bench.sample_figures writes what follows -->", "<!-- as far as here -->"
SUFFIXES = (".onnx", ".safetensors")
"""Of models, the one that is audited first where there are both."""
SHIPPED = {"digits"}
"""Data that lie beside the models."""
LICENCES = {
    "digits": "CC BY 4.0",
    "MNIST": "CC BY-SA 3.0",
    "CIFAR-10": "none stated",
    "CIFAR-10 (JPEG copy)": "none stated",
}
"""Of the data, by their name in a card; the README says whose they are."""
FLOAT = 32
"""Bits of what is not quantized."""


@dataclass(frozen=True, slots=True)
class Audited:
    """What `bnnaudit check --all` said of a model. Digests: of the file and of its card, at that time."""

    file: str
    sha256: str
    card_sha256: str
    weight_bits: int | None
    activation_bits: int | None
    images: int
    status: str
    ordinary_accuracy: float
    verified_accuracy: float
    errors: tuple[str, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A model of the folder, by the name of its card."""

    name: str
    files: tuple[Path, ...]
    card: Any

    @property
    def model(self) -> Path:
        """The file that is audited."""
        return self.files[0]

    @property
    def command(self) -> str:
        """What a reader types."""
        rest = "" if self.card.training.data in SHIPPED else " --data-root DIR"
        return f"bnnaudit check {SAMPLE_MODELS.name}/{self.model.name}{rest}"

    def digests(self) -> tuple[str, str]:
        """Of the model and of its card, as they are now."""
        return sha256_of(self.model), sha256_of(SAMPLE_MODELS / f"{self.name}.toml")


def samples() -> list[Sample]:
    """Those that lie there, the digits first."""
    found = []
    for path in sorted(SAMPLE_MODELS.glob("*.toml")):
        files = tuple(path.with_suffix(suffix) for suffix in SUFFIXES if path.with_suffix(suffix).exists())
        found.append(Sample(path.stem, files, settings_for(files[0], Settings(), SAMPLE_MODELS)))
    return sorted(
        found, key=lambda sample: (sample.card.training.data not in SHIPPED, sample.card.training.data, sample.name)
    )


def known() -> dict[str, Audited]:
    """The figures that are kept."""
    if not FIGURES.exists():
        return {}
    rows = json.loads(FIGURES.read_text(encoding="utf-8"))
    return {name: Audited(**{**values, "errors": tuple(values["errors"])}) for name, values in rows.items()}


def audit(sample: Sample, arguments: list[str]) -> Audited | None:
    """Runs the command line; None where it could not audit, which it says itself."""
    command = [sys.executable, "-m", "bnnaudit", "check", str(sample.model), "--all", "--quiet", "--format", "json"]
    done = subprocess.run([*command, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 1, 3) or "verdict" not in (report := json.loads(done.stdout or "{}")):
        return None
    return Audited(
        sample.model.name,
        *sample.digests(),
        report["model"]["bits"]["weights"],
        report["model"]["bits"]["activations"],
        report["data"]["samples"],
        report["verdict"]["status"],
        report["verdict"]["ordinary_accuracy"],
        report["verdict"]["verified_accuracy"],
        tuple(sorted({entry["rule"] for entry in report["findings"] if entry["severity"] == "error"})),
        report["tool"]["version"],
    )


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Lines of Markdown."""
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def bits(audited: Audited | None) -> str:
    """Of weights and of activations."""
    if audited is None:
        return "-"
    return " / ".join(
        "float" if count in (None, FLOAT) else str(count) for count in (audited.weight_bits, audited.activation_bits)
    )


def described(sample: Sample, audited: Audited | None) -> list[str]:
    """The row that says what a model is."""
    training, declared = sample.card.training, sample.card.declared.clean_accuracy
    width = "" if training.width is None else f", width {training.width}"
    adversarial = ", trained adversarially" if training.adversarial else ""
    suffixes = ", ".join(path.suffix for path in sample.files)
    size = ", ".join(f"{path.stat().st_size / 1000:.0f} kB" for path in sample.files)
    return [
        f"`{sample.name}` {suffixes}",
        f"{training.architecture}{width}",
        f"{training.kind}{adversarial}",
        training.binarizer or "-",
        bits(audited),
        f"{training.data} ({LICENCES[training.data]})",
        size,
        percent(declared),
    ]


def judged(sample: Sample, audited: Audited | None) -> list[str]:
    """The row that says what an audit found."""
    if audited is None:
        return [f"`{sample.name}`", "not audited yet", "-", "-", "-", f"`{sample.command}`"]
    errors = f" ({', '.join(audited.errors)})" if audited.errors else ""
    return [
        f"`{sample.name}`",
        f"{audited.status.replace('-', ' ')}{errors}",
        percent(audited.ordinary_accuracy),
        percent(audited.verified_accuracy),
        f"{audited.images:,}",
        f"`{sample.command}`",
    ]


def tables(figures: dict[str, Audited]) -> str:
    """What the README has between the two marks."""
    found = samples()
    head = [
        "model",
        "architecture",
        "kind",
        "binarizer",
        "bits of weights / activations",
        "data (licence)",
        "size",
        "clean",
    ]
    first = table(head, [described(sample, figures.get(sample.name)) for sample in found])
    head = ["model", "`bnnaudit check` says", "ordinary PGD leaves", "verified, at most", "images", "command"]
    second = table(head, [judged(sample, figures.get(sample.name)) for sample in found])
    return "\n".join(["", *first, "", *second, ""])


def written(text: str, content: str) -> str:
    """The README's text with this content between its marks."""
    before, rest = text.split(f"{BEGIN}\n")
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{content}\n{END}{after}"


def keep(figures: dict[str, Audited]) -> None:
    """Writes the figures, after each audit, for audits take long."""
    rows = {name: asdict(row) for name, row in sorted(figures.items())}
    FIGURES.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Audits, keeps the figures and writes the tables."""
    cut = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["*"], help="which samples to audit")
    parser.add_argument("--anew", action="store_true", help="audit what has not changed as well")
    asked = parser.parse_args(sys.argv[1:cut])
    figures = known()
    here = samples()
    figures = {sample.name: figures[sample.name] for sample in here if sample.name in figures}
    for sample in here:
        before = figures.get(sample.name)
        fresh = before is not None and (before.sha256, before.card_sha256) == sample.digests()
        if not any(fnmatch(sample.name, name) for name in asked.names) or (fresh and not asked.anew):
            continue
        found = audit(sample, sys.argv[cut + 1 :])
        figures.pop(sample.name, None)
        if found is not None:
            figures[sample.name] = found
        keep(figures)
    README.write_text(written(README.read_text(encoding="utf-8"), tables(figures)), encoding="utf-8")


if __name__ == "__main__":
    main()
