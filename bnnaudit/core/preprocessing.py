"""How images become the network's input, and which of its outputs counts, as the user or the card states it."""

from dataclasses import dataclass

from bnnaudit.core.facts import ChannelOrder, Layout
from bnnaudit.core.threat import Box


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What is known of the input apart from the file: its range, normalisation, and layout (None: read it off the file).

    box: None where nothing is said: 0..1 for an input of floats, the range of its type for one of whole numbers.
    `mean` and `std` have one value a channel (or one for all), in the units of `box` and in the order of `channels`; empty
    means none. `output_name`: the output of an ONNX file that holds the scores; None: the first one that can.
    """

    box: Box | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    layout: Layout | None = None
    output_name: str | None = None
    channels: ChannelOrder = ChannelOrder.RGB

    @property
    def box_of_floats(self) -> Box:
        """The range, 0..1 where nothing is said."""
        return self.box or Box()
