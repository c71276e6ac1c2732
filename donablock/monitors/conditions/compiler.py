"""A checked tree into a Python function.

The function is made of `ast` nodes, never of text. Before Python compiles them, `verify` goes over
every one: only the forms listed there, only those names, only plain constants. What a user wrote
reaches Python as constants alone.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, cast

from donablock.monitors.conditions.tree import (
    Among,
    And,
    Arithmetic,
    Compare,
    Field,
    Item,
    Length,
    Literal,
    Member,
    Negative,
    Node,
    Not,
    Or,
    Part,
    Quantifier,
    Search,
    Variable,
)
from donablock.monitors.conditions.types import StringType

__all__ = ["UNDEFINED", "compiled", "to_ast", "verify"]

UNDEFINED = (ZeroDivisionError, IndexError)
"""What a compiled condition raises where it has no value: a division by zero, or an item that an
array has not. Such a condition does not match."""

_VALUES = "values"
_ITEM = "item"

_SEARCHES: dict[str, Any] = {
    "string_starts_with": str.startswith,
    "string_ends_with": str.endswith,
    "bytes_starts_with": bytes.startswith,
    "bytes_ends_with": bytes.endswith,
}
# everything that generated code can name, besides `values` and the items
_GLOBALS: dict[str, Any] = {"__builtins__": {}, "any": any, "all": all, "len": len} | _SEARCHES

_OPERATORS: dict[str, type[ast.operator]] = {
    "+": ast.Add,
    "-": ast.Sub,
    "*": ast.Mult,
    "//": ast.FloorDiv,
    "%": ast.Mod,
}
_COMPARISONS: dict[str, type[ast.cmpop]] = {
    "==": ast.Eq,
    "!=": ast.NotEq,
    "<": ast.Lt,
    "<=": ast.LtE,
    ">": ast.Gt,
    ">=": ast.GtE,
}

_ARITHMETIC = frozenset(_OPERATORS.values())
_RELATIONS = frozenset((*_COMPARISONS.values(), ast.In, ast.NotIn))


def compiled(node: Node) -> Callable[[Sequence[Any]], Any]:
    """A function of the values of the schema's fields. It raises nothing but UNDEFINED."""
    expression = to_ast(node)
    verify(expression)
    code = compile(expression, "<condition>", "eval")
    # the code is one lambda over constants and the functions above: see `verify`
    return cast("Callable[[Sequence[Any]], Any]", eval(code, dict(_GLOBALS)))


def to_ast(node: Node) -> ast.Expression:
    """`lambda values: ...`"""
    tree = ast.Expression(ast.Lambda(_arguments(), _of(node, {})))
    return ast.fix_missing_locations(tree)


def verify(tree: ast.AST) -> None:
    """Raises AssertionError where there is anything that no condition can be made into."""
    match tree:
        case ast.Expression(body=ast.Lambda(args=arguments, body=body)):
            if ast.dump(arguments) != ast.dump(_arguments()):
                raise _stranger(arguments)
            _verify(body)
        case _:
            raise _stranger(tree)


def _verify(node: ast.AST) -> None:
    """The whole of the Python that a condition can be: what is not listed here is refused."""
    match node:
        case ast.Constant(value=value) if _is_plain(value):
            return
        case ast.Name(id=name, ctx=ast.Load()) if _is_item(name):
            return
        case ast.Subscript(value=base, slice=ast.Constant(value=int()), ctx=ast.Load()):
            if not (isinstance(base, ast.Name) and base.id == _VALUES):
                _verify(base)
            return
        case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
            parts = [operand]
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _ARITHMETIC:
            parts = [left, right]
        case ast.BoolOp(op=ast.And() | ast.Or(), values=parts):
            pass
        case ast.Compare(left=left, ops=[word], comparators=[right]) if type(word) in _RELATIONS:
            parts = [left, right]
        case ast.Call(
            func=ast.Name(id="any" | "all"),
            args=[
                ast.GeneratorExp(
                    elt=body,
                    generators=[
                        ast.comprehension(target=ast.Name(id=name), iter=base, ifs=[], is_async=0)
                    ],
                )
            ],
            keywords=[],
        ) if _is_item(name):
            parts = [base, body]
        case ast.Call(func=ast.Name(id="len"), args=[only], keywords=[]):
            parts = [only]
        case ast.Call(func=ast.Name(id=name), args=[left, right], keywords=[]) if name in _SEARCHES:
            parts = [left, right]
        case _:
            raise _stranger(node)
    for part in parts:
        _verify(part)


def _stranger(node: ast.AST) -> AssertionError:
    # raised, not asserted: it must hold under `python -O` too
    return AssertionError(f"a condition became {ast.dump(node)[:80]}")


def _is_item(name: str) -> bool:
    return name.startswith(_ITEM) and name[len(_ITEM) :].isdecimal()


def _is_plain(value: object) -> bool:
    values = value if isinstance(value, frozenset) else (value,)
    return all(type(one) in (int, str, bytes, bool) for one in values)


def _arguments() -> ast.arguments:
    return ast.arguments(
        posonlyargs=[], args=[ast.arg(_VALUES)], kwonlyargs=[], kw_defaults=[], defaults=[]
    )


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _call(function: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(_name(function), list(arguments), [])


def _at(base: ast.expr, position: int) -> ast.Subscript:
    return ast.Subscript(base, ast.Constant(position), ast.Load())


def _member(item: ast.expr, of: ast.expr, is_negated: bool) -> ast.Compare:
    return ast.Compare(item, [ast.NotIn() if is_negated else ast.In()], [of])


def _of(node: Node, names: dict[str, str]) -> ast.expr:
    """`names`: of the variables around, as generated code calls them."""
    match node:
        case Literal(value=value):
            return ast.Constant(value)
        case Field(position=position):
            return _at(_name(_VALUES), position)
        case Variable(name=name):
            return _name(names[name])
        case Item(base=base, index=position) | Part(base=base, position=position):
            return _at(_of(base, names), position)
        case Length(base=base):
            return _call("len", _of(base, names))
        case Negative(operand=operand):
            return ast.UnaryOp(ast.USub(), _of(operand, names))
        case Arithmetic(operator=operator, left=left, right=right):
            return ast.BinOp(_of(left, names), _OPERATORS[operator](), _of(right, names))
        case Compare(operator=operator, left=left, right=right):
            return ast.Compare(_of(left, names), [_COMPARISONS[operator]()], [_of(right, names)])
        case Member(item=item, options=options, is_negated=is_negated):
            # Python takes a frozenset as a constant, whatever typeshed says
            values: Any = frozenset(option.value for option in options)
            return _member(_of(item, names), ast.Constant(values), is_negated)
        case Among(item=item, array=array, is_negated=is_negated):
            return _member(_of(item, names), _of(array, names), is_negated)
        case Search(operator="contains", left=left, right=right):
            return ast.Compare(_of(right, names), [ast.In()], [_of(left, names)])
        case Search(operator=operator, left=left, right=right):
            kind = "string" if isinstance(left.type, StringType) else "bytes"
            return _call(f"{kind}_{operator}", _of(left, names), _of(right, names))
        case Not(operand=operand):
            return ast.UnaryOp(ast.Not(), _of(operand, names))
        case And(parts=parts):
            return ast.BoolOp(ast.And(), [_of(part, names) for part in parts])
        case Or(parts=parts):
            return ast.BoolOp(ast.Or(), [_of(part, names) for part in parts])
        case Quantifier(kind=kind, variable=variable, base=base, body=body):
            own = f"{_ITEM}{len(names)}"
            clause = ast.comprehension(ast.Name(own, ast.Store()), _of(base, names), [], 0)
            inner = _of(body, {**names, variable: own})
            return _call(kind, ast.GeneratorExp(inner, [clause]))
