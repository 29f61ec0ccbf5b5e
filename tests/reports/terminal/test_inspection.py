import json
from dataclasses import replace

import pytest
from rich.cells import cell_len

from bnnaudit.core.facts import (
    Differentiation,
    GradientFacts,
    Layout,
    ModelFacts,
    OperatorCount,
    OutputKind,
    QuantizerFact,
    layer_bits,
)
from bnnaudit.core.threat import Box
from bnnaudit.reports.json.model import facts_to_json
from bnnaudit.reports.json.parts import json_text
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.writer import write_text


def test_everything_the_file_says_is_shown(facts: ModelFacts) -> None:
    text = write_text(facts, Page(80))
    for words in (
        facts.path,
        facts.sha256,
        "ONNX, 10 classes, 23,754 parameters",
        "weights 1 bit, activations 1 bit",
        "3 non-differentiable steps (3 x sign)",
        "1 x 8 x 8 (NCHW), values from 0 to 1",
        "Operators: 7, of 3 kinds",
        "Conv x 3   Sign x 3   Gemm x 1",
        "features.2.sign  (1 bit)",
        "producer  pytorch 2.15",
    ):
        assert words in text


def test_what_the_input_and_the_output_need_is_said(facts: ModelFacts) -> None:
    special = replace(
        facts,
        input_shape=(32, 32, 3),
        layout=Layout.NHWC,
        box=Box(0, 255),
        mean=(125.3, 123.0, 113.9),
        std=(63.0, 62.1, 66.7),
        fixed_batch=4,
        output=OutputKind.SOFTMAX,
        weight_layers=(),
        quantizers=(),
    )
    text = " ".join(write_text(special, Page(120)).split())
    assert "32 x 32 x 3 (NHWC), values from 0 to 255" in text
    assert "normalised by mean 125.3 123 113.9 and std 63 62.1 66.7" in text
    assert "batches of exactly 4" in text
    assert "softmax; attacks work on the logits before it" in text
    assert "weights unknown" in text
    assert "no non-differentiable step" in text


def test_many_steps_are_counted_unless_all_are_wanted(facts: ModelFacts) -> None:
    many = replace(facts, quantizers=tuple(QuantizerFact(f"layer{index}.q", "round", 4) for index in range(20)))
    short, full = write_text(many, Page(80)), write_text(many, Page(80, verbose=True))
    assert "layer11.q" in short
    assert "layer12.q" not in short
    assert "and 8 more" in short
    assert "layer19.q" in full
    assert "more;" not in full


def test_long_metadata_is_cut_unless_all_is_wanted(facts: ModelFacts) -> None:
    long = replace(facts, metadata=(("names", "a" * 500 + "END"),))
    assert "503 characters" in write_text(long, Page(80))
    assert "END" not in write_text(long, Page(80))
    assert "END" in write_text(long, Page(80, verbose=True))


def test_metadata_cannot_steer_the_terminal(facts: ModelFacts) -> None:
    text = write_text(replace(facts, metadata=(("[red]k[/red]", "\x1b[2J[bold]v"),)), Page(80))
    assert "[red]k[/red]" in text
    assert "\\x1b[2J[bold]v" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_asked(facts: ModelFacts, width: int) -> None:
    long = replace(facts, metadata=(("k" * 200, "v" * 200),), path="p" * 300)
    assert max(cell_len(line) for line in write_text(long, Page(width)).splitlines()) <= width


def test_where_layers_differ_it_says_how_many_have_how_many_bits(facts: ModelFacts) -> None:
    steps = tuple(replace(step, bits=bits) for step, bits in zip(facts.quantizers, (4, None, 2), strict=True))
    mixed = replace(facts, weight_layers=layer_bits([32, 1, 1]), quantizers=steps)
    text = " ".join(write_text(mixed, Page(120)).split())
    assert (
        "weights from 1 bit up (2 of 1 bit, 1 of 32 bits), activations from 2 bits up (1 of 2 bits, 1 of 4 bits)"
        in text
    )


def test_the_document_holds_every_fact(facts: ModelFacts) -> None:
    document = json.loads(json_text(facts_to_json(facts)))
    assert document["operators"] == [
        {"op": "Conv", "count": 3},
        {"op": "Sign", "count": 3},
        {"op": "Gemm", "count": 1},
    ]
    assert document["quantizers"][1] == {"name": "features.1.sign", "op": "sign", "bits": 1, "low": None, "high": None}
    assert document["metadata"] == {"producer": "pytorch 2.15", "opset": "20"}
    assert document["bits"] == {
        "weights": 1,
        "activations": 1,
        "weight_layers": [{"bits": 1, "layers": 4}],
        "activation_layers": [{"bits": 1, "layers": 3}],
    }
    assert document["sha256"] == facts.sha256


def test_where_the_gradient_comes_from_is_said_of_a_checkpoint(facts: ModelFacts) -> None:
    cuts = (OperatorCount("detach", 2), OperatorCount("no_grad", 1))
    recorded = replace(facts, gradients=GradientFacts(Differentiation.RECORDED, cuts))
    text = " ".join(write_text(recorded, Page(120)).split())
    assert "Gradient by the operators that its code runs; 2 x detach, 1 x no_grad bypassed" in text
    assert "Gradient" not in write_text(facts, Page(120))
    assert facts_to_json(recorded)["gradient"]["cuts"] == [{"op": "detach", "count": 2}, {"op": "no_grad", "count": 1}]


def test_what_is_not_known_of_the_steps_is_called_unknown(facts: ModelFacts) -> None:
    unseen = replace(facts, gradients=GradientFacts(Differentiation.CODE, why="it leaves PyTorch for NumPy"))
    text = " ".join(write_text(replace(unseen, quantizers=()), Page(120)).split())
    assert "non-differentiable steps unknown" in text
    assert "by its code as it is written; it leaves PyTorch for NumPy" in text
    assert "at least 3 non-differentiable steps (3 x sign)" in write_text(unseen, Page(120))
    partly = replace(facts, gradients=GradientFacts(Differentiation.RECORDED, unseen=("argsort",)))
    assert "ends at argsort" in write_text(partly, Page(120))
