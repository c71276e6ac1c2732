"""The language in which a monitor says what it wants: docs/conditions.md.

    lexer -> parser -> checks -> tree -> compiler       (writer: tree -> text)

It is total: any text gives a condition or a ConditionError, in bounded time; any condition gives
true, false or UNDEFINED, in time linear in what is looked at. Numbers are exact, of any size.
"""

from donablock.monitors.conditions.compiler import UNDEFINED, compiled
from donablock.monitors.conditions.condition import Condition, Expression
from donablock.monitors.conditions.limits import LIMITS, Limits
from donablock.monitors.conditions.parser import UNITS, parse, parse_value
from donablock.monitors.conditions.reference import UndefinedError, evaluate
from donablock.monitors.conditions.schema import Schema, SchemaField
from donablock.monitors.conditions.types import (
    ADDRESS,
    BOOL,
    BYTES,
    STRING,
    AddressType,
    ArrayType,
    BoolType,
    BytesType,
    IntegerType,
    StringType,
    TupleType,
    Type,
    bytes_of,
    describe,
    int_of,
    uint_of,
)
from donablock.monitors.conditions.writer import write

__all__ = [
    "ADDRESS",
    "BOOL",
    "BYTES",
    "LIMITS",
    "STRING",
    "UNDEFINED",
    "UNITS",
    "AddressType",
    "ArrayType",
    "BoolType",
    "BytesType",
    "Condition",
    "Expression",
    "IntegerType",
    "Limits",
    "Schema",
    "SchemaField",
    "StringType",
    "TupleType",
    "Type",
    "UndefinedError",
    "bytes_of",
    "compiled",
    "describe",
    "evaluate",
    "int_of",
    "parse",
    "parse_value",
    "uint_of",
    "write",
]
