"""Tables and figures of [Gupta & Ajanthan 2022]: one file each says what the paper has, and this table lists them."""

from collections.abc import Mapping

from bnnaudit.experiments.figure2 import FIGURE2
from bnnaudit.experiments.table5 import TABLE5
from bnnaudit.experiments.table8 import TABLE8
from bnnaudit.experiments.table10 import TABLE10
from bnnaudit.experiments.table11 import TABLE11
from bnnaudit.experiments.table13 import TABLE13
from bnnaudit.experiments.values import Experiment, TableName

EXPERIMENTS: Mapping[TableName, Experiment] = {
    TableName.TABLE5: TABLE5,
    TableName.TABLE8: TABLE8,
    TableName.TABLE10: TABLE10,
    TableName.TABLE11: TABLE11,
    TableName.TABLE13: TABLE13,
    TableName.FIGURE2: FIGURE2,
}

__all__ = ["EXPERIMENTS"]
