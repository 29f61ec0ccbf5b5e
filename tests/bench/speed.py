"""All benchmarks of cost in one run: the loop and the peers, the temperature rules, memory and start-up.

    python -m tests.bench.speed [--device cpu] [--rounds 7] [--only loop] [--to tests/bench/results/speed-cpu]

Prints a Markdown table and writes it beside a JSON file of the same figures, both with the machine named. Takes half an hour on
two cores; `--only` measures some of it anew and keeps the rest. Exit code 1 where a figure is not as asked for.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.bench import footprint, hns_cost, loop
from tests.bench.timing import Figure, machine, table

RESULTS = Path(__file__).parent / "results"
HEADINGS = {"loop": "The loop", "temperature": "Temperature", "footprint": "Memory and start-up"}


def sections(device: str, rounds: int) -> Mapping[str, Callable[[], list[Figure]]]:
    """What is measured, by its heading."""
    width, images = (32, 32) if device == "cpu" else (64, 1000)
    found: dict[str, Callable[[], list[Figure]]] = {
        "loop": lambda: loop.measured(images, rounds, device),
        "temperature": lambda: hns_cost.measured(images, max(3, rounds // 2), width, list(hns_cost.ASKED), device),
    }
    if device == "cpu":
        found["footprint"] = footprint.measured
    return found


def kept(place: Path) -> dict[str, list[Figure]]:
    """What an earlier run left at `place`."""
    facts = json.loads(place.with_suffix(".json").read_text(encoding="utf-8"))["figures"]
    return {
        name: [Figure(**{key: value for key, value in row.items() if key != "met"}) for row in rows]
        for name, rows in facts.items()
    }


def written(device: str, found: Mapping[str, Sequence[Figure]]) -> tuple[str, str]:
    """The Markdown and the JSON document."""
    place = machine(device)
    named = ", ".join(f"{name} {value}" if name != "device" else str(value) for name, value in place.items())
    parts = [f"# Cost\n\nMeasured by `python -m tests.bench.speed` on {named}.\n"]
    parts += [f"\n## {HEADINGS[heading]}\n\n{table(figures)}" for heading, figures in found.items()]
    facts = {
        heading: [asdict(figure) | {"met": figure.met} for figure in figures] for heading, figures in found.items()
    }
    return "".join(parts), json.dumps({"machine": place, "figures": facts}, indent=1) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints and writes; 1 where a figure is not as asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="+", choices=list(HEADINGS))
    parser.add_argument("--to", type=Path, help="file name without its ending")
    given = parser.parse_args(arguments)
    place = given.to or RESULTS / f"speed-{given.device}"
    place.parent.mkdir(parents=True, exist_ok=True)
    found = kept(place) if given.only else {}
    for name, measure in sections(given.device, given.rounds).items():
        if given.only and name not in given.only:
            continue
        found[name] = measure()
        markdown, facts = written(given.device, found)  # after each part, so that a run cut short leaves what it has
        place.with_suffix(".md").write_text(markdown, encoding="utf-8")
        place.with_suffix(".json").write_text(facts, encoding="utf-8")
    sys.stdout.write(markdown)
    return 0 if all(figure.met for figures in found.values() for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
