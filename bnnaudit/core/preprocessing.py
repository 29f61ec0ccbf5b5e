"""How images become the network's input, and which of its outputs counts, as the user or the card states it."""

from dataclasses import dataclass

from bnnaudit.core.facts import ChannelOrder, Layout
from bnnaudit.core.threat import Box


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What is known of the input apart from the file: its range, normalisation, and layout (None: read it off the file).

    box: None where nothing is said: 0..1 for an input of floats, the range of its type for one of whole numbers.
    `mean` and `std` have one value per channel (or one for all), in the units of `box` and in the order of `channels`; empty
    means none. `output_name`: the output of an ONNX file that holds the scores; None: the first one that can.
    `input_shape`: the input's sizes after the batch, in the network's own order, where the file leaves them open.
    `data_shape`: the sizes of one image as the data store it, which tell as much where nobody states them.
    """

    box: Box | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    layout: Layout | None = None
    output_name: str | None = None
    channels: ChannelOrder = ChannelOrder.RGB
    input_shape: tuple[int, ...] | None = None
    data_shape: tuple[int, ...] | None = None

    @property
    def box_of_floats(self) -> Box:
        """The range, 0..1 where nothing is said."""
        return self.box or Box()
