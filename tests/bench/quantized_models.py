"""Networks quantized by ONNX Runtime's own quantizer, held against ONNX Runtime: `python -m tests.bench.quantized_models`.

For each network, form (QDQ, QOperator, dynamic), type and granularity: the share of random images that the differentiable
copy and ONNX Runtime put into the same class, the largest difference of scores relative to their spread, and the cosine of
the gradient at the input with the float network's. ONNX Runtime is asked to compute what the file says; `default` is the
share for a session without options, whose integer kernels round otherwise and clip on some processors. The networks have
learned for a minute to tell random patterns, and the images are random mixtures of these: of random weights quantization
leaves neither predictions nor gradients. `weights` is what the file holds: for convolutions by channel in QOperator form ONNX
Runtime's quantizer writes int8, whatever it is asked for.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch
import typer

from tests.networks.quantized import NETWORKS, RECIPES, export, images, measure, network, quantize


def main() -> None:
    """The table of the chosen networks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default=",".join(NETWORKS), help="names, separated by commas")
    parser.add_argument("--forms", default="qdq,qoperator,dynamic", help="forms, separated by commas")
    parser.add_argument("--images", type=int, default=1000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    typer.echo(
        f"{'network':14}{'quantized':42}{'equal':>9}{'default':>9}{'gap':>9}{'cosine':>9}{'gradient':>10}{'s':>6}  weights"
    )
    for name in options.networks.split(","):
        built = network(name)
        values, labels = images(options.images, seed=3)
        with torch.no_grad():
            right = (torch.cat([built(part) for part in values.split(128)]).argmax(1) == labels).float().mean()
        typer.echo(f"{name:14}{'float':42}{right:9.2%} right")
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "float.onnx"
            export(built, source)
            for number, recipe in enumerate(recipe for recipe in RECIPES if recipe.form in options.forms.split(",")):
                path = Path(folder) / f"{number}.onnx"
                try:
                    quantize(source, path, recipe)
                    found = measure(path, built, options.images)
                except Exception as error:  # one that fails does not hide the others
                    typer.echo(f"{name:14}{recipe!s:42} {' '.join(str(error).split())[:300]}")
                    continue
                typer.echo(
                    f"{name:14}{recipe!s:42}{found.equal:9.2%}{found.default:9.2%}{found.gap:9.3f}{found.cosine:9.3f}"
                    f"{'good' if found.finite else 'BAD':>10}{found.seconds:6.0f}"
                    f"  {', '.join(f'{count} {kind}' for kind, count in found.weights.items())}"
                )


if __name__ == "__main__":
    main()
