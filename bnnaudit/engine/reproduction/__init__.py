"""Tables and figures of [G22]: one file each says what the paper has, and this table lists them."""

from collections.abc import Mapping

from bnnaudit.core.reproduction import Experiment, TableName
from bnnaudit.engine.reproduction.figure2 import FIGURE2
from bnnaudit.engine.reproduction.table5 import TABLE5
from bnnaudit.engine.reproduction.table8 import TABLE8
from bnnaudit.engine.reproduction.table10 import TABLE10
from bnnaudit.engine.reproduction.table11 import TABLE11
from bnnaudit.engine.reproduction.table13 import TABLE13

EXPERIMENTS: Mapping[TableName, Experiment] = {
    TableName.TABLE5: TABLE5,
    TableName.TABLE8: TABLE8,
    TableName.TABLE10: TABLE10,
    TableName.TABLE11: TABLE11,
    TableName.TABLE13: TABLE13,
    TableName.FIGURE2: FIGURE2,
}

__all__ = ["EXPERIMENTS"]
