"""The card of a Value as Graphviz's HTML-like label: the operation, then `label | data` over `grad | number`.

The dark cell on the side where edges arrive holds the operation. Where the order of the operands matters it reads as
the expression does, from top to bottom, with a port for the edge of each operand.
"""

from __future__ import annotations

from .. import primitives as table
from ..rules import is_column
from . import colors
from .labels import escaped, number
from .plan import Node, is_sum

SYMBOLS = {
    "multiply": "×", "divide": "÷", "subtract": "−", "negative": "−", "power": "^", "absolute": "|x|", "sqrt": "√",
    "zeroth_power": "x⁰", "square": "x²", "cube": "x³", "fourth_power": "x⁴",
}  # fmt: skip
UNORDERED = ("add", "multiply", "maximum", "minimum")
SIDES = {"LR": "w", "RL": "e", "TB": "n", "BT": "s"}  # where edges arrive

Row = tuple[str, int | None]  # the text of a row of the operation, and the operand whose edge ends there


def symbol(node: Node) -> str:
    """The operation as a textbook writes it."""
    op = node.value.op
    if op is None:
        return ""
    return "+" if is_sum(node.value) else SYMBOLS.get(op.name, op.symbol)


def operation(node: Node, digits: int) -> list[Row]:
    """The rows of the operation's cell. Literals stand in them, since they have no node."""
    op, operands = node.value.op, node.operands
    if op is None:
        return []
    texts = [number(o, digits) if isinstance(o, float) else "" for o in operands]
    if op is table.dot:
        return _dot(node, texts)
    if op.name in UNORDERED:
        return [(" ".join(filter(None, [texts[0], symbol(node), texts[1]])), None)]
    if op.name in ("subtract", "divide", "power"):
        return [(texts[0], 0), (symbol(node), None), (texts[1], 1)]
    if op is table.take:
        return [("take " + texts[-1], None), *((f"{i}", i) for i in range(len(operands) - 1))]
    if len(op.operands) == 1 or any(map(is_column, op.operands)):
        return [(symbol(node), None)]
    roles = zip(op.operands, texts, strict=True)
    return [(symbol(node), None), *((f"{r} = {t}" if t else r, i) for i, (r, t) in enumerate(roles))]


def _dot(node: Node, texts: list[str]) -> list[Row]:
    """A row for each product, at which both of its edges end, and one for the bias."""
    if is_sum(node.value):
        constants = [text for text in texts[len(texts) // 2 :] if text and text != "0"]
        return [(" ".join(["+", *constants]), None)]
    n = len(texts) // 2
    rows: list[Row] = [(" ".join(filter(None, [texts[i], "×", texts[n + i]])), i) for i in range(n)]
    return [*rows, (f"+ {texts[-1]}".strip(), 2 * n)] if texts[-1] not in ("0", "-0") else rows


def ports(node: Node, rows: list[Row]) -> dict[int, str]:
    """The port at which the edge of an operand ends, for those that have one."""
    n = len(node.operands) // 2 if node.value.op is table.dot and not is_sum(node.value) else 0
    found = {}
    for _, i in rows:
        if i is not None:
            found[i] = f"p{i}"
            if i < n:
                found[n + i] = f"p{i}"
    return found


def card(node: Node, digits: int, scale: float, rankdir: str = "LR") -> str:
    """The HTML-like label of a node; `scale` is the gradient of the deepest colour."""
    (label, data), (_, grad) = card_rows(node, digits)
    kind, shade = colors.KINDS[node.kind], colors.fill(node.grad, scale)
    rows = [
        f'<td align="left" bgcolor="{kind}">{label}</td><td align="right" bgcolor="{kind}">{data}</td>',
        f'<td align="left" bgcolor="{shade}">{small("grad")}</td><td align="right" bgcolor="{shade}">{grad}</td>',
    ]
    cells = _operation_cells(operation(node, digits), rankdir)
    if cells and rankdir == "LR":
        rows[0] = f'<td rowspan="2" {cells}</td>{rows[0]}'
    elif cells and rankdir == "RL":
        rows[0] = f'{rows[0]}<td rowspan="2" {cells}</td>'
    elif cells:
        rows.insert(0 if rankdir == "TB" else 2, f'<td colspan="2" {cells}</td>')
    return framed(rows, node.kind == "root")


def oval_card(node: Node, digits: int, scale: float) -> str:
    """The card of the classic style: `label | data | grad` in one row, its operation being a node of its own."""
    (label, data), (_, grad) = card_rows(node, digits)
    kind, shade = colors.KINDS[node.kind], colors.fill(node.grad, scale)
    cells = [(label, kind), (f"{small('data')} {data}", kind), (f"{small('grad')} {grad}", shade)]
    return framed(["".join(f'<td bgcolor="{color}">{text}</td>' for text, color in cells)], node.kind == "root", 1)


def card_rows(node: Node, digits: int) -> tuple[tuple[str, str], tuple[str, str]]:
    """The texts of a card, ready for a label: label and data, and grad and its number."""
    label = (
        f"<b>{escaped(node.label)}</b>" if node.given else f'<font color="{colors.FAINT}">{node.label or " "}</font>'
    )
    grad = "-" if node.grad is None else number(node.grad, digits)
    return (label, number(node.value.data, digits)), ("grad", grad)


def framed(rows: list[str], strong: bool = False, cellborder: int = 0) -> str:
    """A table of rows of cells as a label; the result that is drawn has a strong frame."""
    width, color = (2, colors.INK) if strong else (1, colors.LINE)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<<table border="{width}" cellborder="{cellborder}" cellspacing="0" cellpadding="3" color="{color}">{body}</table>>'


def small(text: str) -> str:
    return f'<font point-size="9">{text}</font>'


def _operation_cells(rows: list[Row], rankdir: str) -> str:
    """What follows `<td ` in the cell of the operation: its attributes and what it holds."""
    if not rows:
        return ""
    dark = f'bgcolor="{colors.DARK}"'
    if len(rows) == 1:
        return f'{dark}{_port(rows[0][1])} cellpadding="5">{_white(rows[0][0])}'
    cells = [f"<td {dark}{_port(i)}>{_white(text or '•')}</td>" for text, i in rows]
    inner = "".join(f"<tr>{cell}</tr>" for cell in cells) if rankdir in ("LR", "RL") else f"<tr>{''.join(cells)}</tr>"
    return f'{dark} cellpadding="0"><table border="0" cellborder="0" cellspacing="0" cellpadding="2">{inner}</table>'


def _white(text: str) -> str:
    size = 6 if text == "•" else 14 if len(text) == 1 and not text.isalnum() else 10
    return f'<font color="white" point-size="{size}">{escaped(text)}</font>'


def _port(operand: int | None) -> str:
    return "" if operand is None else f' port="p{operand}"'


def circle_text(node: Node, digits: int) -> str:
    """The operation in its circle in the classic style, with its literals."""
    rows = operation(node, digits)
    if node.value.op is table.dot and not is_sum(node.value):
        return "dot"
    return " ".join(text for text, operand in rows if operand is None or text).strip()


def edge_role(node: Node, i: int) -> str:
    """What the i-th operand is to its operation, where the order matters: w1, x1, base ...; else nothing."""
    op = node.value.op
    if op is None or op.name in UNORDERED or len(op.operands) == 1 or is_sum(node.value):
        return ""
    if op is table.dot:
        n = len(node.operands) // 2
        return "b" if i == 2 * n else f"{'w' if i < n else 'x'}{i % n + 1}"
    return (
        str(i + 1) if any(map(is_column, op.operands)) or op.name in ("subtract", "divide", "power") else op.operands[i]
    )
