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
)
from bnnaudit.core.threat import Box
from bnnaudit.reports.table import json_text
from bnnaudit.reports.terminal.inspection import facts_to_json, render_facts


def test_everything_the_file_says_is_shown(facts: ModelFacts) -> None:
    text = render_facts(facts, width=80)
    for words in (
        facts.path,
        facts.sha256,
        "ONNX, 10 classes, 23,754 parameters",
        "weights 1 bit, activations 1 bit",
        "3 non-differentiable steps (3 x sign)",
        "1 x 8 x 8 (NCHW), values from 0 to 1",
        "Operators: 7 of 3 kinds",
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
        weight_bits=None,
        quantizers=(),
    )
    text = " ".join(render_facts(special, width=120).split())
    assert "32 x 32 x 3 (NHWC), values from 0 to 255" in text
    assert "normalised by mean 125.3 123 113.9 and std 63 62.1 66.7" in text
    assert "batches of exactly 4" in text
    assert "softmax; attacks work on the logits before it" in text
    assert "weights unknown" in text
    assert "no non-differentiable step" in text


def test_many_steps_are_counted_unless_all_are_wanted(facts: ModelFacts) -> None:
    many = replace(facts, quantizers=tuple(QuantizerFact(f"layer{index}.q", "round", 4) for index in range(20)))
    short, full = render_facts(many, width=80), render_facts(many, width=80, verbose=True)
    assert "layer11.q" in short
    assert "layer12.q" not in short
    assert "and 8 more" in short
    assert "layer19.q" in full
    assert "more;" not in full


def test_long_metadata_is_cut_unless_all_is_wanted(facts: ModelFacts) -> None:
    long = replace(facts, metadata=(("names", "a" * 500 + "END"),))
    assert "503 characters" in render_facts(long, width=80)
    assert "END" not in render_facts(long, width=80)
    assert "END" in render_facts(long, width=80, verbose=True)


def test_metadata_cannot_steer_the_terminal(facts: ModelFacts) -> None:
    text = render_facts(replace(facts, metadata=(("[red]k[/red]", "\x1b[2J[bold]v"),)), width=80)
    assert "[red]k[/red]" in text
    assert "\\x1b[2J[bold]v" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_asked(facts: ModelFacts, width: int) -> None:
    long = replace(facts, metadata=(("k" * 200, "v" * 200),), path="p" * 300)
    assert max(cell_len(line) for line in render_facts(long, width=width).splitlines()) <= width


def test_the_document_holds_every_fact(facts: ModelFacts) -> None:
    document = json.loads(json_text(facts_to_json(facts)))
    assert document["operators"] == [
        {"op": "Conv", "count": 3},
        {"op": "Sign", "count": 3},
        {"op": "Gemm", "count": 1},
    ]
    assert document["quantizers"][1] == {"name": "features.1.sign", "op": "sign", "bits": 1, "low": None, "high": None}
    assert document["metadata"] == {"producer": "pytorch 2.15", "opset": "20"}
    assert document["bits"] == {"weights": 1, "activations": 1}
    assert document["sha256"] == facts.sha256


def test_where_the_gradient_comes_from_is_said_of_a_checkpoint(facts: ModelFacts) -> None:
    cuts = (OperatorCount("detach", 2), OperatorCount("no_grad", 1))
    recorded = replace(facts, gradients=GradientFacts(Differentiation.RECORDED, cuts))
    text = " ".join(render_facts(recorded, width=120).split())
    assert "Gradient by the operators that its code runs; 2 x detach, 1 x no_grad passed over" in text
    assert "Gradient" not in render_facts(facts, width=120)
    assert facts_to_json(recorded)["gradient"]["cuts"] == [{"op": "detach", "count": 2}, {"op": "no_grad", "count": 1}]


def test_what_is_not_known_of_the_steps_is_called_unknown(facts: ModelFacts) -> None:
    unseen = replace(facts, gradients=GradientFacts(Differentiation.CODE, why="it leaves PyTorch for NumPy"))
    text = " ".join(render_facts(replace(unseen, quantizers=()), width=120).split())
    assert "non-differentiable steps unknown" in text
    assert "by its code as it is written; it leaves PyTorch for NumPy" in text
    assert "at least 3 non-differentiable steps (3 x sign)" in render_facts(unseen, width=120)
    partly = replace(facts, gradients=GradientFacts(Differentiation.RECORDED, unseen=("argsort",)))
    assert "ends at argsort" in render_facts(partly, width=120)
