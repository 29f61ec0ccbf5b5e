"""Records what the commands report, and compares two such records: equal but for times and renamed keys.

    python -m tests.bench.behaviour record before     # on one revision
    python -m tests.bench.behaviour record after      # on another
    python -m tests.bench.behaviour compare before after

Every figure must be the same to the bit. What a machine measures (times, threads, memory) is left out, a path counts by
its last part, and texts that were reworded are counted beside the differences.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parents[2] / "sample_models"
NETWORKS = ("digits-bnn-waq", "digits-bnn-wq", "digits-ref", "digits-ref-at")
TWO = NETWORKS[:2]
VOLATILE = frozenset({"seconds", "created", "command", "environment", "version", "images_per_second"})
"""Keys whose values depend on the machine or the moment."""
RENAMED = {
    "portfolio": "phases",
    "way": "phase",
    "felled": "fooled",
    "dead_fraction": "zero_gradient_fraction",
}
"""Old key -> new key, wherever it stands in a document."""
WORDS = frozenset({"message", "why", "note"})
"""Keys that hold sentences."""
ADDED = frozenset({"remedy", "causes", "reaches_radius", "vanishing", "claims", "weight_layers", "activation_layers"})
"""Keys that only newer documents have; they are compared where both do."""


def commands() -> dict[str, list[str]]:
    """Name of the record -> arguments of the program."""
    found: dict[str, list[str]] = {}
    for network in NETWORKS:
        model = str(SAMPLES / f"{network}.onnx")
        found[f"check-{network}"] = ["check", model, "--effort", "quick", "--seed", "0"]
        found[f"inspect-{network}"] = ["inspect", model]
    for network in TWO:
        model = str(SAMPLES / f"{network}.onnx")
        found[f"auto-{network}"] = ["attack", model, "--method", "auto", "--samples", "100", "--budget", "300"]
        found[f"signal-{network}"] = ["signal", model, "--samples", "100"]
        found[f"sweep-radius-{network}"] = ["sweep", model, "--over", "radius", "--samples", "100"]
        found[f"sweep-beta-{network}"] = ["sweep", model, "--over", "beta", "--samples", "100", "--method", "pgd++"]
        for method in ("fgsm", "pgd++", "apgd++", "fab", "deepfool", "square", "random", "hard-label", "transfer"):
            found[f"attack-{method}-{network}"] = ["attack", model, "--method", method, "--samples", "60"]
            if method in ("square", "random", "hard-label"):
                found[f"attack-{method}-{network}"] += ["--queries", "200"]
        found[f"attack-l2-{network}"] = ["attack", model, "--norm", "l2", "--eps", "1", "--samples", "60", "--method"]
        found[f"attack-l2-{network}"] += ["pgd++", "--beta", "njs", "--restarts", "2"]
        found[f"auto-l2-{network}"] = ["attack", model, "--norm", "l2", "--eps", "1", "--samples", "60"]
        found[f"auto-l2-{network}"] += ["--method", "auto", "--budget", "100"]
        found[f"clever-{network}"] = ["clever", model, "--samples", "5"]
    checkpoint = str(SAMPLES / "digits-bnn-waq.safetensors")
    found["check-checkpoint"] = ["check", checkpoint, "--effort", "quick", "--seed", "0", "--samples", "100"]
    found["auto-checkpoint"] = ["attack", checkpoint, "--method", "auto", "--samples", "60", "--budget", "200"]
    found["signal-checkpoint"] = ["signal", checkpoint, "--samples", "60"]
    standard = str(SAMPLES / "digits-bnn-waq.onnx")
    found["check-standard"] = ["check", standard, "--effort", "standard", "--seed", "0", "--samples", "60"]
    models = [word for network in NETWORKS for word in ("--model", str(SAMPLES / f"{network}.onnx"))]
    for table in ("table5", "table8", "table11", "table13"):
        found[f"reproduce-{table}"] = ["reproduce", table, *models, "--samples", "5"]
    return found


def record(folder: Path, only: str) -> None:
    """Writes the JSON document of every command whose name contains `only` into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, arguments in commands().items():
        if only not in name:
            continue
        run = subprocess.run(
            [sys.executable, "-m", "bnnaudit", *arguments, "--format", "json", "--quiet"],
            capture_output=True,
            text=True,
            check=False,
        )
        document = {"exit": run.returncode, "report": json.loads(run.stdout) if run.stdout else run.stderr}
        (folder / f"{name}.json").write_text(json.dumps(document, indent=1, sort_keys=True), encoding="utf-8")
        sys.stdout.write(f"{name}: exit {run.returncode}\n")
        sys.stdout.flush()


def settled(value: Any) -> Any:
    """The document without what depends on the moment, its keys by their new names."""
    if isinstance(value, dict):
        return {RENAMED.get(key, key): settled(inner) for key, inner in value.items() if key not in VOLATILE}
    return [settled(inner) for inner in value] if isinstance(value, list) else value


def differences(old: Any, new: Any, where: str = "") -> Iterator[str]:
    """One line for each place at which two documents differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            if key in ADDED and key not in old:
                continue
            if key not in old or key not in new:
                yield f"{where}/{key}: only in the {'new' if key in new else 'old'} one"
            else:
                yield from differences(old[key], new[key], f"{where}/{key}")
    elif isinstance(old, str) and isinstance(new, str) and where.rpartition("/")[2] == "path":
        if Path(old).name != Path(new).name:
            yield f"{where}: {old} -> {new}"
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, pair in enumerate(zip(old, new, strict=True)):
            yield from differences(*pair, f"{where}/{index}")
    elif old != new:
        yield f"{where}: {str(old)[:100]} -> {str(new)[:100]}"


def compare(before: Path, after: Path) -> int:
    """Prints every difference; the number of documents that differ or are missing."""
    names = sorted({path.name for folder in (before, after) for path in folder.glob("*.json")})
    unequal = 0
    for name in names:
        documents = [folder / name for folder in (before, after)]
        if not all(path.exists() for path in documents):
            lines = ["missing in one of the folders"]
        else:
            lines = list(differences(*(settled(json.loads(path.read_text(encoding="utf-8"))) for path in documents)))
        reworded = [line for line in lines if line.partition(":")[0].rpartition("/")[2] in WORDS]
        lines = [line for line in lines if line not in reworded]
        note = f", {len(reworded)} texts reworded" if reworded else ""
        sys.stdout.write(f"{name}: {f'{len(lines)} differences' if lines else 'figures equal'}{note}\n")
        for line in lines[:20]:
            sys.stdout.write(f"    {line}\n")
        unequal += bool(lines)
    sys.stdout.write(f"{len(names) - unequal} of {len(names)} documents with equal figures\n")
    return unequal


def main() -> int:
    """The command line of this bench."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    recording = actions.add_parser("record")
    recording.add_argument("folder", type=Path)
    recording.add_argument("--only", default="", help="only commands whose name contains this")
    comparing = actions.add_parser("compare")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    chosen = parser.parse_args()
    if chosen.action == "record":
        record(chosen.folder, chosen.only)
        return 0
    return int(compare(chosen.before, chosen.after) > 0)


if __name__ == "__main__":
    sys.exit(main())
