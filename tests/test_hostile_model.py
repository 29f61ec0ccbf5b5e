"""A model and data whose every name is an attack on whoever reads about them, audited for real in all formats at once."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import onnx
import pytest
from lxml import etree
from lxml import html as lxml_html
from markdown_it import MarkdownIt
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from bnnaudit.reports.formats import ReportFormat
from tests.reports.hostile import EVERYTHING, LONG
from tests.reports.intoto_schema import check_predicate, check_statement

SCHEMAS = Path(__file__).parent / "reports" / "schemas"
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
"""Control codes and direction marks, but for tabs and line breaks."""
FILE = b'=HYPERLINK("http:e.x")<script>alert(1)<script>\x1b[31m\n::error::own\r\xff`@me|%0A${{1}}]]>-->\xe2\x80\xae\x9b,.onnx'
FOLDER = b"d\x1b[2J<b>\n::error::d"
CLASSES = (
    b"=1+1<img src=x onerror=alert(1)>\x1b[31m\n\xff",
    b"|@x `c` ${{x}} %0A::error::\xe2\x80\xae",
    b"zz]]>--><script>\"',;\t",
)
PICTURE = b'=cmd|\x1b]8;;x\x07<script>alert(2)<script>\n\xfe,"%d.png'

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes as the name of a file")


@dataclass(frozen=True, slots=True)
class Run:
    """A command that has ended: what it printed, and the files that it wrote by their format."""

    code: int
    out: str
    err: str
    folder: Path

    def text(self, format: ReportFormat) -> str:
        return (self.folder / format).read_bytes().decode("utf-8")

    @property
    def texts(self) -> dict[str, str]:
        return {"stdout": self.out, "stderr": self.err, **{format: self.text(format) for format in ReportFormat}}


def text(words: str) -> str:
    """As a protocol buffer takes it: without lone surrogates."""
    return words.encode("utf-8", "ignore").decode("utf-8")


def write_model(path: bytes) -> None:
    """A sign network of three classes in whose file every word is hostile, some of a mebibyte."""
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((64, 32)), 200 * rng.standard_normal((32, 3))
    weights = {"first": first, "second": second, "half": first.sum(0) / 2}
    name = {key: f"{key}{text(EVERYTHING)}" for key in ("image", "flat", "pre", "centred", "step", "logits", *weights)}

    def node(op: str, inputs: list[str], output: str, called: str) -> onnx.NodeProto:
        return helper.make_node(op, [name[key] for key in inputs], [name[output]], name=called, doc_string=text(LONG))

    nodes = [
        node("Flatten", ["image"], "flat", text(EVERYTHING)),
        node("MatMul", ["flat", "first"], "pre", f"1{text(EVERYTHING)}"),
        node("Sub", ["pre", "half"], "centred", f"2{text(EVERYTHING)}"),
        node("Sign", ["centred"], "step", text(LONG)),
        node("MatMul", ["step", "second"], "logits", f"3{text(EVERYTHING)}"),
    ]
    image = helper.make_tensor_value_info(name["image"], TensorProto.FLOAT, [text(EVERYTHING), 1, 8, 8])
    logits = helper.make_tensor_value_info(name["logits"], TensorProto.FLOAT, [text(EVERYTHING), 3])
    stored = [numpy_helper.from_array(value.astype(np.float32), name[key]) for key, value in weights.items()]
    graph = helper.make_graph(nodes, text(LONG), [image], [logits], stored, doc_string=text(LONG))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    model.producer_name = model.producer_version = model.domain = text(EVERYTHING)
    model.doc_string = text(LONG)
    for key in (text(EVERYTHING), text(LONG)):
        entry = model.metadata_props.add()
        entry.key, entry.value = key, text(LONG)
    with open(path, "wb") as stream:  # noqa: PTH123 - a path of bytes
        stream.write(model.SerializeToString())


def write_images(folder: bytes) -> None:
    """Twelve pictures in each of three class folders."""
    rng = np.random.default_rng(1)
    for name in CLASSES:
        os.makedirs(folder + b"/" + name)  # noqa: PTH103 - a path of bytes
        for number in range(12):
            with open(folder + b"/" + name + b"/" + PICTURE % number, "wb") as stream:  # noqa: PTH123
                Image.fromarray(rng.integers(0, 255, (8, 8), dtype="uint8")).save(stream, format="PNG")


def bnnaudit(folder: bytes, out: Path, *arguments: bytes | str) -> Run:
    command = [sys.executable, "-m", "bnnaudit", *arguments]
    root = str(Path(__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": root, "PYTHONIOENCODING": "utf-8", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, cwd=folder, capture_output=True, env=environment, timeout=300, check=False)
    return Run(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"), out)


def reports(out: Path) -> Iterator[str]:
    """The options for a file of each format, named like the format."""
    for format in ReportFormat:
        yield from ("--report", f"{format}={out / format}")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = os.fsencode(tmp_path_factory.mktemp("hostile"))
    write_model(folder + b"/" + FILE)
    write_images(folder + b"/" + FOLDER)
    return folder


@pytest.fixture(scope="module")
def audited(place: bytes, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Few samples in the shortest audit, with all formats and evidence."""
    out = tmp_path_factory.mktemp("reports")
    options = ("--data", FOLDER, "--effort", "quick", "--samples", "20", "--eps", "0.1")
    return bnnaudit(place, out, "check", FILE, *options, "--evidence", str(out / "evidence.zip"), *reports(out))


def test_the_audit_comes_to_its_end_and_nothing_steers_the_terminal(audited: Run) -> None:
    assert audited.code in (1, 3), audited.err
    assert "Traceback" not in audited.err
    for name, content in audited.texts.items():
        found = UNSEEN.search(content.replace("\r\n", "\n") if name == ReportFormat.CSV else content)
        assert found is None, (name, content[max(0, found.start() - 60) : found.end() + 20])
    for format in (ReportFormat.TERMINAL, ReportFormat.MARKDOWN, ReportFormat.GITHUB):
        assert len(audited.text(format)) < 65_536


def strings(value: Any) -> Iterator[str]:
    """Every text in a value."""
    match value:
        case dict():
            for key, entry in value.items():
                yield key
                yield from strings(entry)
        case list():
            for entry in value:
                yield from strings(entry)
        case str():
            yield value


def test_documents_for_machines_are_valid_and_hold_only_text_that_can_be_seen(audited: Run) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    log = json.loads(audited.text(ReportFormat.SARIF))
    jsonschema.validate(log, json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8")))
    assert JsonStrictValidator(SchemaVersion.V1_7).validate_str(audited.text(ReportFormat.CYCLONEDX)) is None
    (line,) = audited.text(ReportFormat.INTOTO).splitlines()
    check_statement(line)
    check_predicate(json.loads(audited.text(ReportFormat.INTOTO_PREDICATE)))
    for format in (ReportFormat.SARIF, ReportFormat.CYCLONEDX, ReportFormat.INTOTO, ReportFormat.INTOTO_PREDICATE):
        for found in strings(json.loads(audited.text(format))):
            assert not UNSEEN.search(found), (format, found[:300])


def test_junit_is_strict_xml(audited: Run) -> None:
    root = etree.fromstring(audited.text(ReportFormat.JUNIT).encode())
    etree.XMLSchema(etree.parse(str(SCHEMAS / "junit-10.xsd"))).assertValid(root)
    for element in root.iter():
        assert not UNSEEN.search(" ".join([element.text or "", *element.attrib.values()]))


def test_the_table_has_a_row_for_each_image_and_no_formula(audited: Run) -> None:
    header, *rows = csv.reader(io.StringIO(audited.text(ReportFormat.CSV), newline=""), strict=True)
    assert len(rows) == 20
    for row in rows:
        assert len(row) == len(header)
        for cell in row:
            assert not re.match(r"\s*([=@]|[-+](?![\d.]))", cell)
            assert "\n" not in cell


def test_markdown_brings_no_element_and_no_address_of_a_stranger(audited: Run) -> None:
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render(audited.text(ReportFormat.MARKDOWN))
    tree = lxml_html.document_fromstring(rendered)
    own = {"h2", "p", "strong", "em", "code", "pre", "ul", "li", "details", "summary"}
    own |= {"html", "body", "table", "thead", "tbody", "tr", "th", "td"}
    assert {element.tag for element in tree.iter() if isinstance(element.tag, str)} <= own
    assert not tree.xpath("//@href | //@src | //@*[starts-with(name(), 'on')]")
    summaries = [line for line in audited.text(ReportFormat.MARKDOWN).splitlines() if line.startswith("## ")]
    assert len(summaries) == 1


def test_every_annotation_is_a_line_of_our_own(audited: Run) -> None:
    for line in audited.text(ReportFormat.GITHUB).splitlines():
        assert re.match(r"::(error|warning|notice) [^\n]*::", line)


def test_the_page_has_no_element_of_a_stranger(audited: Run) -> None:
    tree = lxml_html.document_fromstring(audited.text(ReportFormat.HTML))
    assert not tree.xpath("//script | //iframe | //object | //@*[starts-with(name(), 'on')]")
    assert all(source.startswith("data:image/png;base64,") for source in tree.xpath("//@src"))
    assert all(target.startswith("#") for target in tree.xpath("//a/@href"))


def test_rendered_later_every_file_is_the_same(audited: Run, place: bytes, tmp_path: Path) -> None:
    again = bnnaudit(place, tmp_path, "render", str(audited.folder / ReportFormat.JSON), *reports(tmp_path))
    assert again.code == 0, again.err
    for format in ReportFormat:
        assert again.text(format) == audited.text(format), format


def test_the_evidence_holds_and_its_check_prints_no_control_code(audited: Run, place: bytes, tmp_path: Path) -> None:
    checked = bnnaudit(place, tmp_path, "verify", str(audited.folder / "evidence.zip"), "--model", FILE)
    assert checked.code == 0, checked.err
    assert not UNSEEN.search(checked.out + checked.err)


def test_what_the_file_holds_is_shown_on_less_than_a_few_pages(place: bytes, tmp_path: Path) -> None:
    shown = bnnaudit(place, tmp_path, "inspect", FILE)
    assert shown.code == 0
    assert not UNSEEN.search(shown.out + shown.err)
    assert len(shown.out) < 20_000


def test_a_refusal_is_one_line_of_a_screen_at_most(place: bytes, tmp_path: Path) -> None:
    """An operator of a mebibyte that nobody knows, in the error line and in every file that takes the report's place."""
    nodes = [helper.make_node(text(LONG), ["x"], ["y"], name=text(LONG), domain=text(LONG))]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 64]) for name in "xy"]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(text(LONG), 1)]
    graph = helper.make_graph(nodes, "graph", values[:1], values[1:])
    path = tmp_path / "unknown.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    refused = bnnaudit(place, tmp_path, "check", str(path), "--data", FOLDER, "--quiet", *reports(tmp_path))
    assert refused.code == 2
    assert refused.err.count("\n") == 1
    assert len(refused.err) < 10_000
    for name, content in refused.texts.items():
        assert not UNSEEN.search(content.replace("\r\n", "\n")), name
        assert name == ReportFormat.JSON or len(content) < 65_536, name
