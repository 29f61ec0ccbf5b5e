"""From a checked file to the graph that becomes the differentiable copy: simplified, quantizers named, batch open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from onnx import TensorProto, helper, numpy_helper

from bnnaudit.core.errors import ModelError, UnsupportedOperatorsError
from bnnaudit.core.facts import Layout, ModelFacts
from bnnaudit.core.file_limits import MOST_CLASSES
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.target import Preparation
from bnnaudit.models.onnx.batch import open_batch
from bnnaudit.models.onnx.facts import describe
from bnnaudit.models.onnx.file import OnnxFile
from bnnaudit.models.onnx.input import NetworkInput, preparation, read_input
from bnnaudit.models.onnx.integer_input import grid_of, with_range
from bnnaudit.models.onnx.open_shape import settled_shape, with_input
from bnnaudit.models.onnx.output import NetworkOutput, cut_softmax, of_width, read_output
from bnnaudit.models.onnx.replay import CHUNK, OnnxRuntimeModel, ReferenceModel, ReplayedModel
from bnnaudit.models.onnx.replayable import (
    depends_on_batch,
    foreign_domains,
    in_standard_form,
    notes_on_replay,
    runnable,
)
from bnnaudit.models.score_tensor.tensor_notes import units_of
from bnnaudit.onnx_import.graph.graph import Graph
from bnnaudit.onnx_import.graph.image_sizes import check_image_sizes
from bnnaudit.onnx_import.graph.size_limits import largest_of_image
from bnnaudit.onnx_import.importer import lower, plain_graph
from bnnaudit.onnx_import.passes.dynamic_ranges import range_by_image
from bnnaudit.onnx_import.runtime import open_default_session

TOGETHER = 2**25
"""Numbers in one value of the images that are replayed at a time, 128 MiB as float32, of which ONNX Runtime holds several. Not
tuned."""
OLDEST_IR = 3
"""Oldest version of ONNX's intermediate representation that the checker takes."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A file understood. `graph` has the import's operators alone, its output the logits, its batch open wherever it could be.

    units: what 1 stands for in the tensors of whole numbers. chunk: the images that are replayed at a time, where the batch is
    open.
    """

    source: OnnxFile
    graph: Graph
    given: NetworkInput
    output: NetworkOutput
    prepare: Preparation
    facts: ModelFacts
    units: Mapping[str, float | None]
    chunk: int


@np.errstate(all="ignore")  # a file's numbers may be of any size; what comes of them is looked at, not warned of
def read_graph(source: OnnxFile, preprocessing: Preprocessing, batch: int | None = None) -> Reading:
    """What the file holds, and what it means for an audit; raises ModelError.

    batch: the number of images that the body works for, where the file leaves it open and yet there is one.
    """
    if source.proto.ir_version < OLDEST_IR:
        raise ModelError(
            f"{source.path}: written in ONNX IR version {source.proto.ir_version}; 3 is the oldest supported"
        )
    graph = _plain(source)
    shape = settled_shape(source.path, graph, preprocessing)
    if shape is None and batch is not None:
        shape = read_input(source.path, graph, preprocessing.layout).shape
    if shape is not None:
        source = with_input(source, shape, batch)
        graph = _plain(source)
    _check_sizes(source, graph)
    given = read_input(source.path, graph, preprocessing.layout)
    preprocessing = with_range(source.path, given, preprocessing)
    output = read_output(source.path, graph, preprocessing.output_name, given.fixed_batch)
    prepare = preparation(source.path, given, preprocessing)
    if output.num_classes is None:  # a run of the deployed model tells
        deployed = replay_of(source, Preparation(given.shape, Layout.FLAT), output)
        output = of_width(graph, output, int(deployed(torch.zeros(1, *given.shape)).shape[1]))
    classes = output.num_classes or 0
    if classes < 2:
        raise ModelError(
            f"{source.path}: the output is {classes} score for each image; one score for each class is needed"
        )
    if MOST_CLASSES.exceeded_by(classes):
        raise ModelError(f"{source.path}: {MOST_CLASSES.refusal(classes)}")
    _keep_one_output(graph, output.name)
    cut_softmax(graph, output.name)
    if given.fixed_batch is not None:
        open_batch(graph, given.fixed_batch)
    _in_single_precision(graph, given)
    range_by_image(graph)
    units = units_of(graph)
    chunk = max(1, min(CHUNK, TOGETHER // max(1, largest_of_image(graph.proto))))
    lower(graph, float_outputs=True)
    facts = describe(source, graph, given, output, classes, preprocessing)
    facts = replace(facts, grid=grid_of(source.path, given, preprocessing))
    return Reading(source, graph, given, output, prepare, facts, units, chunk)


def replay_of(
    source: OnnxFile, prepare: Preparation, output: NetworkOutput, batch: int | None = None, chunk: int = CHUNK
) -> ReplayedModel:
    """The file as deployed, by ONNX Runtime or, where that lacks an operator, ONNX's reference; raises ModelError.

    batch: as for `read_graph`. chunk: as for `Reading`.
    The error is an UnsupportedOperatorsError where it is operators that both lack: the model may be good elsewhere.
    """
    name, form, one_by_one = output.name, output.form, depends_on_batch(source.proto)
    try:
        notes = partial(notes_on_replay, source.proto)
        return OnnxRuntimeModel(runnable(source), prepare, name, one_by_one, notes, batch=batch, form=form, chunk=chunk)
    except ModelError as error:
        foreign = ", ".join(foreign_domains(source.proto))
        if not foreign and "NOT_IMPLEMENTED" not in str(error):
            raise ModelError(f"{source.path}: {error}") from error
        try:
            return ReferenceModel(in_standard_form(source), prepare, name, one_by_one, batch, form, chunk)
        except ModelError as other:
            raise UnsupportedOperatorsError(f"{source.path}: {error}; {other}") from error


def default_replay(
    source: OnnxFile, prepare: Preparation, output: NetworkOutput, batch: int | None, chunk: int = CHUNK
) -> ReplayedModel:
    """The file in a session of ONNX Runtime without options, as it may be served; raises ModelError."""
    source.check_unchanged()
    one_by_one = depends_on_batch(source.proto)
    return OnnxRuntimeModel(
        runnable(source),
        prepare,
        output.name,
        one_by_one,
        opened=open_default_session,
        batch=batch,
        form=output.form,
        chunk=chunk,
    )


def _plain(source: OnnxFile) -> Graph:
    """The simplified graph with the shapes that can be inferred; the file's own proto stays as it is."""
    try:
        return plain_graph(source.proto)
    except ModelError as error:
        raise ModelError(f"{source.path}: {error}") from error


def _check_sizes(source: OnnxFile, graph: Graph) -> None:
    try:
        check_image_sizes(graph)
    except ModelError as error:
        raise ModelError(f"{source.path}: {error}") from error


def _keep_one_output(graph: Graph, name: str) -> None:
    """Let the graph return `name` alone, from a node that makes nothing else."""
    outputs = graph.proto.output
    for position in reversed(range(len(outputs))):
        if outputs[position].name != name:
            del outputs[position]
    graph.reindex()
    maker = graph.maker(name)
    if maker is None:
        raise ModelError(f"output {name!r} is not computed from the input")
    if len(maker.output) > 1:
        inner = graph.fresh_name(f"{name}_inner")
        maker.output[list(maker.output).index(name)] = inner
        graph.nodes.append(helper.make_node("Identity", [inner], [name]))
        graph.reindex()
        graph.rename_uses(name, inner)


def _in_single_precision(graph: Graph, given: NetworkInput) -> None:
    """Half precision becomes single, double too where the input is, and a whole-number input is taken as floats."""
    narrowed = {TensorProto.FLOAT16, TensorProto.BFLOAT16} | ({given.element_type} & {TensorProto.DOUBLE})
    for name, tensor in graph.initializers.items():
        if tensor.data_type in narrowed:
            graph.add_constant(name, np.asarray(graph.constant(name)).astype(np.float32))
    for node in graph.nodes:
        for entry in node.attribute:
            if entry.name in ("to", "dtype") and entry.i in narrowed:
                entry.i = TensorProto.FLOAT
            elif entry.HasField("t") and entry.t.data_type in narrowed:
                array = numpy_helper.to_array(entry.t).astype(np.float32)
                entry.t.CopyFrom(numpy_helper.from_array(array))
    for info in (*graph.proto.input, *graph.proto.output, *graph.proto.value_info):
        if info.type.tensor_type.elem_type in narrowed:
            info.type.tensor_type.elem_type = TensorProto.FLOAT
    graph.proto.input[0].type.tensor_type.elem_type = TensorProto.FLOAT
