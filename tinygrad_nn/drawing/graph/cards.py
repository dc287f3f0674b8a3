"""The card of a Value as Graphviz's HTML-like label: the operation, then `label | data` over `grad | number`.

The dark cell on the side where edges arrive holds the operation. Where the order of the operands matters it reads as
the expression does, from top to bottom, with a port for the edge of each operand.
"""

from __future__ import annotations

from typing import Any

from ...autograd import primitives
from .. import colors
from ..labels import cell, escaped, font, in_digits, table
from ..nodes import Node, is_sum

SYMBOLS = {
    primitives.multiply: "×", primitives.divide: "÷", primitives.subtract: "−", primitives.negative: "−",
    primitives.power: "^", primitives.absolute: "|x|", primitives.sqrt: "√", primitives.zeroth_power: "x⁰",
    primitives.square: "x²", primitives.cube: "x³", primitives.fourth_power: "x⁴",
}  # fmt: skip
UNORDERED = (primitives.add, primitives.multiply, primitives.maximum, primitives.minimum)
INFIX = (primitives.subtract, primitives.divide, primitives.power)
HEADS = {"LR": "w", "RL": "e", "TB": "n", "BT": "s"}  # where edges arrive, by rankdir

OperationRow = tuple[str, int | None]  # the text of a row of the operation, and the operand whose edge ends there


def symbol(node: Node) -> str:
    """The operation as a textbook writes it."""
    op: Any = node.value.op
    return "+" if is_sum(node.value) else SYMBOLS.get(op, op.symbol)


def is_dot(node: Node) -> bool:
    """Whether products are summed in one operation."""
    return node.value.op is primitives.dot and not is_sum(node.value)


def operation(node: Node, digits: int) -> list[OperationRow]:
    """The rows of the operation's cell. Literals stand in them, since they have no node."""
    op, operands = node.value.op, node.operands
    if op is None:
        return []
    texts = [in_digits(o, digits) if isinstance(o, float) else "" for o in operands]
    if is_dot(node):
        return _products(texts)
    if is_sum(node.value):
        return [(" ".join(["+", *(text for text in texts[len(texts) // 2 :] if text not in ("", "0"))]), None)]
    if op in UNORDERED:
        return [(" ".join(filter(None, [texts[0], symbol(node), texts[1]])), None)]
    if op in INFIX:
        return [(texts[0], 0), (symbol(node), None), (texts[1], 1)]
    if op is primitives.take:
        rows = [(f"{i} = {text}" if text else f"{i}", i) for i, text in enumerate(texts[:-1])]
        return [(f"take {texts[-1]}", None), *rows]
    if op is primitives.largest:
        texts.pop()  # the count of ties
    if len(op.operands) == 1 or op.folds:
        return [(" ".join([symbol(node), ", ".join(filter(None, texts))]).strip(), None)]
    roles = enumerate(zip(op.operands, texts, strict=True))
    return [(symbol(node), None), *((f"{role} = {text}" if text else role, i) for i, (role, text) in roles)]


def _products(texts: list[str]) -> list[OperationRow]:
    """A row for each product of a dot, at which both of its edges end, and one for the bias."""
    n = len(texts) // 2
    rows: list[OperationRow] = [(" ".join(filter(None, [texts[i], "×", texts[n + i]])), i) for i in range(n)]
    return rows if texts[-1] in ("0", "-0") and n else [*rows, (f"+ {texts[-1]}".strip(), 2 * n)]


def ports(node: Node, digits: int) -> dict[int, str]:
    """The port at which the edge of an operand ends, for those that have one."""
    found = {i: f"p{i}" for _, i in operation(node, digits) if i is not None}
    if is_dot(node):
        n = len(node.operands) // 2
        found |= {n + i: f"p{i}" for i in range(n)}
    return found


def heads(node: Node, digits: int, rankdir: str) -> list[str]:
    """Where the edge of each operand of a card ends: at its port, or a single one in the middle of the side."""
    found, side = ports(node, digits), HEADS[rankdir]
    other = f"{node.name}:{side}" if len(node.operands) == 1 else node.name
    return [f"{node.name}:{found[i]}:{side}" if i in found else other for i in range(len(node.operands))]


def card(node: Node, digits: int, scale: float, rankdir: str = "LR") -> str:
    """The label of a node; `scale` is the gradient of the deepest colour."""
    label, data, grad = texts_of(node, digits)
    kind, shade = colors.KIND_FILLS[node.kind], colors.fill(node.grad, scale)
    rows = [
        cell(label, align="left", bgcolor=kind) + cell(data, align="right", bgcolor=kind),
        cell(font("grad"), align="left", bgcolor=shade) + cell(grad, align="right", bgcolor=shade),
    ]
    if node.operands:
        upright = rankdir in ("LR", "RL")
        dark = _operation_cell(operation(node, digits), upright)
        if upright:
            rows[0] = dark + rows[0] if rankdir == "LR" else rows[0] + dark
        else:
            rows.insert(0 if rankdir == "TB" else 2, dark)
    return framed(rows, node.kind == "root")


def _operation_cell(rows: list[OperationRow], upright: bool) -> str:
    """The dark cell with the operation, its rows below each other, or beside each other where edges run down."""
    span = {"rowspan": 2} if upright else {"colspan": 2}
    if len(rows) == 1:
        return cell(_white(rows[0][0]), bgcolor=colors.DARK, cellpadding=5, port=port_name(rows[0][1]), **span)
    cells = [cell(_white(text or "•"), bgcolor=colors.DARK, port=port_name(i)) for text, i in rows]
    inner = table(cells if upright else ["".join(cells)], cellpadding=2)
    return cell(inner, bgcolor=colors.DARK, cellpadding=0, **span)


def port_name(operand: int | None) -> str | None:
    return None if operand is None else f"p{operand}"


def _white(text: str) -> str:
    size = 6 if text == "•" else 14 if len(text) == 1 and not text.isalnum() else 10
    return font(escaped(text), size, "white")


def row_card(node: Node, digits: int, scale: float) -> str:
    """The label of the classic style: `label | data | grad` in one row, the operation being a node of its own."""
    label, data, grad = texts_of(node, digits)
    kind, shade = colors.KIND_FILLS[node.kind], colors.fill(node.grad, scale)
    cells = [(label, kind), (f"{font('data')}&#160;{data}", kind), (f"{font('grad')}&#160;{grad}", shade)]
    row = "".join(cell(text, border=1, color=colors.LINE, bgcolor=color) for text, color in cells)
    return framed([row], node.kind == "root")


def texts_of(node: Node, digits: int) -> tuple[str, str, str]:
    """Label, data and gradient, ready for a cell; labels that were made up are grey."""
    label = escaped(node.label)
    label = f"<b>{label}</b>" if node.given else font(label, 11, colors.FAINT)
    return label, in_digits(node.data, digits), "-" if node.grad is None else in_digits(node.grad, digits)


def framed(rows: list[str], strong: bool = False) -> str:
    """A table as a label; the result that is drawn has a strong frame."""
    border, color = (2, colors.INK) if strong else (1, colors.LINE)
    return table(rows, border=border, color=color, cellpadding=3)


def circle(node: Node, digits: int) -> str:
    """The text in the circle of an operation in the classic style, with its literals."""
    if is_dot(node):
        literals = ", ".join(in_digits(o, digits) for o in node.operands[:-1] if isinstance(o, float))
        bias = [text for text, i in operation(node, digits)[-1:] if i == len(node.operands) - 1 and text != "+"]
        return " ".join(["dot", *(["×", literals] if literals else []), *bias])
    rows = operation(node, digits)
    return " ".join(text for text, i in rows if i is None or isinstance(node.operands[i], float))


def role(node: Node, i: int) -> str:
    """What the i-th operand is to its operation, where the order matters: w1, x1, b, 1, 2; else nothing."""
    op = node.value.op
    if op is None or op in UNORDERED or len(op.operands) == 1 or is_sum(node.value):
        return ""
    if is_dot(node):
        n = len(node.operands) // 2
        return "b" if i == 2 * n else f"{'w' if i < n else 'x'}{i % n + 1}"
    return f"{i + 1}" if op in INFIX or op.folds else op.operands[i]
