"""The card of a trained network: how it is audited, what it claims, and how it was made."""

from __future__ import annotations

from collections.abc import Mapping

from bnnaudit.zoo.train.tables import OnnxForm, Recipe
from bnnaudit.zoo.train.toml_text import toml_text

KINDS = {("float", "relu"): "REF", ("binary", "relu"): "BNN-WQ", ("binary", "binary"): "BNN-WAQ"}
"""In the words of [Gupta & Ajanthan 2022], by precision of weights and activations."""
INT8 = "int8 weights, int8 activations"
"""The kind of a float network that was quantized after training."""


def card_text(recipe: Recipe, input_shape: tuple[int, ...], source: str, clean_accuracy: float) -> str:
    """TOML: the audit's data and threat, normalisation, clean accuracy on all test images, architecture and training."""
    options = recipe.architecture.options
    preprocessing = {key: list(values) for key in ("mean", "std") if (values := getattr(recipe.data, key))}
    tables: dict[str, Mapping[str, object]] = {
        "data": {"source": source, "samples": recipe.card.samples},
        "preprocessing": preprocessing,
        "threat": {"norm": str(recipe.card.norm), "eps": recipe.card.eps},
        "declared": {"clean_accuracy": round(clean_accuracy, 4)},
        "training": training_table(recipe),
        "architecture": {"name": recipe.architecture.name, "input_shape": list(input_shape)},
        "architecture.options": options,
    }
    parts = [f"description = {toml_text(recipe.description)}"]
    for name, values in tables.items():
        if values or name == "architecture.options":
            parts.append("\n".join([f"[{name}]", *(f"{key} = {toml_text(value)}" for key, value in values.items())]))
    return "\n\n".join(parts) + "\n"


def training_table(recipe: Recipe) -> dict[str, object]:
    """[training]: data, architecture and kind by which the paper's rows are found, and the recipe."""
    options = recipe.architecture.options
    binary = options.get("weights") == "binary"
    return {
        "data": recipe.data.name,
        "architecture": recipe.architecture.name,
        **({"width": options["width"]} if "width" in options else {}),
        "kind": recipe.card.kind or (INT8 if recipe.export.onnx is OnnxForm.INT8 else kind_of(options)),
        **({"binarizer": options.get("binarizer", "ste")} if binary else {}),
        "adversarial": recipe.adversarial is not None,
        "recipe": f"{recipe.name}.toml",
        "seed": recipe.seed,
    }


def kind_of(options: Mapping[str, object]) -> str:
    """REF, BNN-WQ or BNN-WAQ, or in words what weights and activations are."""
    weights, activations = str(options.get("weights", "float")), str(options.get("activations", "relu"))
    return KINDS.get((weights, activations), f"{weights} weights, {activations} activations")
