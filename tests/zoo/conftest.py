"""A recipe that trains in a second."""

import pytest

from bnnaudit.zoo.train.tables import Recipe


@pytest.fixture(scope="session")
def tiny() -> Recipe:
    return Recipe.model_validate(
        {
            "name": "tiny",
            "description": "binary weights and activations",
            "seed": 3,
            "architecture": {
                "name": "cnn",
                "options": {"channels": [4, 8], "weights": "binary", "activations": "binary"},
            },
            "data": {"held_out": 1500, "seed": 1},
            "training": {"epochs": 2, "batch_size": 32, "shift": 1, "label_smoothing": 0.1},
            "export": {"formats": ["onnx", "safetensors"]},
            "card": {"eps": 0.1, "samples": 50},
        }
    )
