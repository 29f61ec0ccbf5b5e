"""CSV: a row for each image that any reader of RFC 4180 and any spreadsheet takes."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bnnaudit.core.errors import UsageError
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.csv import COLUMNS, write_csv
from bnnaudit.reports.documents import Audited
from bnnaudit.reports.json.reading import round_trip
from bnnaudit.reports.page import Page

HEADER = (
    "model,model_sha256,threat,norm,eps,gate,index,name,digest,label,label_name,label_from,clean_prediction,"
    "clean_prediction_name,right,claimed,verified,adversarial_prediction,adversarial_prediction_name,fooled_by,margin,"
    "distance,note\r\n"
)


def rows_of(document: Audited) -> list[dict[str, str]]:
    """The rows by the names of their columns."""
    return list(csv.DictReader(io.StringIO(write_csv(document, Page(80)), newline=""), strict=True))


def test_a_table_is_as_it_always_was(fake: Report) -> None:
    text = write_csv(replace(fake, images=fake.images[:3]), Page(80))
    model = f"sample_models/digits_bnn_waq.onnx,{'3f' * 32},L-inf 0.3,linf,0.3,failed"
    first = f"{model},0,0/img_0001.png,{'a1' * 32},0,zero,data,0,zero,true,false,false,3,three,pgd,-0.8125,0.3,"
    assert text.startswith(HEADER + first + "\r\n")
    assert f',5,"1/Fußgänger, ""quoted"".png",{"a3" * 32},1,one,data,7,seven,false,false,false,,,,-2.5,,\r\n' in text


def test_every_line_ends_as_the_standard_says_and_has_every_column(runs: dict[str, Audited]) -> None:
    for document in runs.values():
        text = write_csv(document, Page(80))
        assert text.startswith(HEADER)
        assert text.endswith("\r\n")
        assert not re.search(r"(?<!\r)\n|\r(?!\n)", text)
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        assert {len(line) for line in lines} == {len(COLUMNS)}


def test_it_shows_what_the_json_holds_and_nothing_else(runs: dict[str, Audited]) -> None:
    for name, document in runs.items():
        kept = round_trip(document)
        assert write_csv(kept, Page(80)) == write_csv(round_trip(kept), Page(120, color=True)), name


def test_a_document_that_is_no_audit_is_refused(facts: ModelFacts) -> None:
    with pytest.raises(UsageError, match="csv"):
        write_csv(facts, Page(80))


def test_numbers_come_back_as_they_were(fake: Report) -> None:
    for row, image in zip(rows_of(fake), fake.images, strict=True):
        assert int(row["index"]) == image.index
        assert (float(row["margin"]) if row["margin"] else None) == image.margin
        assert (float(row["distance"]) if row["distance"] else None) == image.distance
        assert row["verified"] == {True: "true", False: "false", None: ""}[image.verified]
        assert float(row["eps"]) == fake.threat.eps


def test_a_number_that_is_not_finite_is_left_out(fake: Report) -> None:
    images = tuple(replace(fake.images[0], margin=value) for value in (math.nan, math.inf))
    assert [row["margin"] for row in rows_of(replace(fake, images=images))] == ["", ""]


def test_class_names_stand_beside_numbers_where_they_are_known(fake: Report) -> None:
    row = rows_of(fake)[0]
    assert (row["label"], row["label_name"], row["clean_prediction_name"]) == ("0", "zero", "zero")
    assert (row["adversarial_prediction"], row["adversarial_prediction_name"]) == ("3", "three")
    nameless = rows_of(replace(fake, data=replace(fake.data, classes=("zero",))))
    assert [row["clean_prediction_name"] for row in nameless] == ["zero", "zero", "", "", "", ""]
    assert rows_of(fake)[2]["adversarial_prediction_name"] == "", "no counterexample, no class"


def test_labels_that_are_the_models_own_answers_are_called_so(fake: Report, attack_only: Report) -> None:
    assert {row["label_from"] for row in rows_of(fake)} == {"data"}
    assert {row["label_from"] for row in rows_of(attack_only)} == {"model"}


def test_a_suite_is_one_table(suite: Suite) -> None:
    rows = rows_of(suite)
    assert [(row["model"], row["threat"], row["gate"]) for row in rows] == [
        *[("sample_models/digits_bnn_waq.onnx", "L-inf 0.3", "failed")] * 6,
        *[("ref_adversarial.onnx", "L-inf 8/255", "passed")] * 3,
        ("broken.onnx", "", "not audited"),
    ]


def test_an_audit_that_failed_is_no_empty_table(failure: Failure, undecided: Report) -> None:
    (row,) = rows_of(failure)
    assert row["note"] == f"not audited (exit code 2): {failure.message}"
    (row,) = rows_of(undecided)
    assert (row["gate"], row["index"]) == ("undecided", "")
    assert row["note"] == "no results for single images: A required check broke."


def test_an_image_has_no_note(fake: Report) -> None:
    assert {row["note"] for row in rows_of(fake)} == {""}


@given(
    name=st.text(), start=st.sampled_from(["=", "+", "-", "@", "\uff1d", "\uff20", "\t=", "\r@", " =", "\u202e=", ""])
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_no_spreadsheet_computes_a_name(fake: Report, name: str, start: str) -> None:
    report = replace(
        fake,
        model=replace(fake.model, path=start + name),
        data=replace(fake.data, classes=(start + name,)),
        images=(replace(fake.images[0], name=start + name, fooled_by=start + name),),
    )
    (row,) = rows_of(report)
    for column in ("model", "name", "label_name", "fooled_by"):
        cell = row[column]
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d", "\uff20"))
        assert not cell.startswith(("\t", "\r"))


def test_negative_numbers_stay_numbers_and_harmless_names_stay_names(fake: Report) -> None:
    rows = rows_of(fake)
    assert rows[0]["margin"] == "-0.8125"
    assert rows[4]["margin"] == "-1e-07"
    assert rows[3]["name"] == "'=HYPERLINK(1)"
    assert rows[0]["name"] == "0/img_0001.png"


def test_names_of_a_mebibyte_are_cut(enormous: Report) -> None:
    assert len(write_csv(enormous, Page(80))) < 20_000


def test_the_module_does_not_hide_the_standard_one() -> None:
    assert Path(csv.__file__).parent == Path(io.__file__).parent
    assert list(csv.reader(["a,b"])) == [["a", "b"]]
