"""From the texts of a row of the table to Python: its value, its derivative rules, and all rules as one.

A rule such as "g * b" becomes a function of (g, y, operands), for gradients of any kind of scalar; and all rules of a
row become one `pull`, which adds their results to the gradients of the operands of a recorded operation. Written out
as source, a pull has no calls and no loops but the ones its formulas need; tracebacks show it like any other code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..support.annotation import Any
from ..support.source import defined

Rule = str | Callable[..., Any] | None  # None where the result does not depend on the operand


def is_column(operand: str) -> bool:
    """Whether an operand's name is a plural: `xs` is a tuple of scalars, and `x` each of them."""
    return len(operand) > 1 and operand.endswith("s")


def words(text: str) -> set[str]:
    """The names in a text."""
    import re  # here, since importing the package should not pay for it, nor for what is imported in functions below

    return set(re.findall(r"[A-Za-z_]\w*", text))


def value_function(name: str, operands: Sequence[str], text: str, named: Callable[[str], dict[str, Any]]) -> Any:
    """The function of floats that a value's text is; `named` gives the functions and numbers that a text names.

    It calls those of `math`, and divides as Python does; where that raises, it is computed again as IEEE 754 has it.
    """
    namespace = {word: getattr(found, "raising", found) for word, found in named(text).items()}
    lines = _statements(text)
    if "(" in text or "/" in text:
        lines = ["try:", *(f"    {line}" for line in lines), "except (ZeroDivisionError, OverflowError, ValueError):"]
        lines += ["    pass", f"return _exactly({', '.join(operands)})"]  # outside, where what raises again costs less

        def exactly(*given: float) -> Any:
            exact = _divided(text)
            namespace["_exactly"] = _defined("value", name, operands, _statements(exact), named(exact))
            return namespace["_exactly"](*given)

        namespace["_exactly"] = exactly
    return _defined("value", name, operands, lines, namespace)


def _statements(text: str) -> list[str]:
    """The body of a value: what it names first, and its result."""
    *first, result = [part.strip() for part in text.split(";")]
    return [*first, f"return {result}"]


def _divided(text: str) -> str:
    """A text that divides by the table's function."""
    import ast

    class Divided(ast.NodeTransformer):
        def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
            self.generic_visit(node)
            return ast.Call(ast.Name("divide"), [node.left, node.right], []) if isinstance(node.op, ast.Div) else node

    return "; ".join(ast.unparse(Divided().visit(ast.parse(part.strip()))) for part in text.split(";"))


def _defined(what: str, name: str, arguments: Sequence[str], lines: Sequence[str], namespace: dict[str, Any]) -> Any:
    """A function of that body, such as the pull of a row; tracebacks show its lines."""
    text = "\n    ".join([f"def {what}_{name}({', '.join(arguments)}):", *lines]) + "\n"
    return defined(f"{what}_{name}", text, f"{what} of {name}", namespace)


def rule_functions(name: str, operands: Sequence[str], rules: Sequence[Rule], namespace: dict[str, Any]) -> Any:
    """A function of (g, y, *operands) for each rule: a scalar comes back, or a list for a column; None for None."""
    functions: list[Any] = []
    for operand, rule in zip(operands, rules, strict=True):
        if isinstance(rule, str):
            body = _entries(rule, operand, operands) if is_column(operand) else rule
            text = f"lambda g, y, {', '.join(operands)}: {body}"
            rule = eval(compile(text, f"{__file__}, the rule of {name} for {operand}", "eval"), namespace)
        functions.append(rule)
    return tuple(functions)


def pull_function(
    name: str, operands: Sequence[str], rules: Sequence[Rule], named: Callable[[str], dict[str, Any]]
) -> Any:
    """A function of a result that adds g * dy/d(operand) to the `.grad` of each of its operands."""
    wide = len(operands) > 2 or any(map(is_column, operands))
    given = f"(g, y, {', '.join(operands)})"
    called = [f"_rule_{o}{given}" if callable(rule) else rule for o, rule in zip(operands, rules, strict=True)]
    lines = _wide_pull(operands, called) if wide else _narrow_pull(operands, called)
    read = words("\n".join(lines))
    head = [f"{word} = {source}" for word, source in (("g", "_result.grad"), ("y", "_result.data")) if word in read]
    namespace = named(" ".join(read)) | {f"_rule_{o}": rule for o, rule in zip(operands, rules, strict=True)}
    return _defined("pull", name, ["_result"], [*head, *lines], namespace)


def _narrow_pull(operands: Sequence[str], rules: Sequence[str | None]) -> list[str]:
    """The body for one or two scalars: a literal has no gradient, and what may raise is evaluated before any sum."""
    if len(operands) == 1:
        (x,), (rule,) = operands, rules
        if not rule:
            return ["pass"]
        return ["_first = _result.first", *_loads({x: "_first.data"}, rule), f"_first.grad += {rule}"]
    (a, b), (rule, other) = operands, rules
    left = [*_loads({a: "_first.data", b: "_second"}, rule), f"_first.grad += {rule}"] if rule else ["pass"]
    right = [*_loads({a: "_first", b: "_second.data"}, other), f"_second.grad += {other}"] if other else ["pass"]
    both = _loads({a: "_first.data", b: "_second.data"}, rule, other)
    sums = {"_first": rule, "_second": other}
    if any(rule and _may_raise(rule) for rule in rules):
        both += [f"_for_{operand} = {r}" for operand, r in sums.items() if r]
        sums = {operand: r and f"_for_{operand}" for operand, r in sums.items()}
    both += [f"{operand}.grad += {r}" for operand, r in sums.items() if r]
    return [
        "_first, _second = _result.first, _result.second",
        "if type(_second) is float:",
        *(f"    {line}" for line in left),
        "elif type(_first) is float:",
        *(f"    {line}" for line in right),
        "else:",
        *(f"    {line}" for line in both or ["pass"]),
    ]


def _loads(sources: dict[str, str], *rules: str | None) -> list[str]:
    """The assignments of the operands that the rules name."""
    names = words(" ".join(filter(None, rules)))
    return [f"{operand} = {source}" for operand, source in sources.items() if operand in names]


def _wide_pull(operands: Sequence[str], rules: Sequence[str | None]) -> list[str]:
    """The body for columns and for three scalars."""
    columns = [operand for operand in operands if is_column(operand)]
    scalars = [operand for operand in operands if operand not in columns]
    places = ("first", "second", "third")
    lines = [f"_value_{operand} = _result.{place}" for operand, place in zip(operands, places, strict=False)]
    products = {"g", *(f"g * {column[:-1]}" for column in columns)}
    if columns and products.issuperset(rules):  # 0 times anything finite adds nothing
        lines.append(f"if not g and {' and '.join(f'_value_{c}.finite' for c in columns)}: return")
    lines += [f"{column} = _value_{column}.data" for column in columns]
    lines += [f"{s} = _value_{s} if type(_value_{s}) is float else _value_{s}.data" for s in scalars]
    wanted = [(operand, rule) for operand, rule in zip(operands, rules, strict=True) if rule is not None]
    if any(_may_raise(rule) for _, rule in wanted):  # then all are evaluated before any sum
        lines += [line for operand, rule in wanted for line in _kept(operand, rule, operands)]
        return lines + [line for operand, _ in wanted for line in _sum_of_kept(operand)]
    return lines + [line for operand, rule in wanted for line in _sum(operand, rule, operands)]


def _may_raise(rule: str) -> bool:
    """Whether a rule divides, or calls a function of the user's."""
    return "/" in rule or rule.startswith("_rule_")


def _if_wanted(operand: str) -> str:
    """Whether there is a Value among what was given for an operand."""
    return f"_value_{operand}.differentiable" if is_column(operand) else f"type(_value_{operand}) is not float"


def _kept(operand: str, rule: str, operands: Sequence[str]) -> list[str]:
    """A rule evaluated, its result put aside."""
    whole = rule if not is_column(operand) or rule.startswith("_rule_") else _entries(rule, operand, operands)
    return [f"_for_{operand} = {whole} if {_if_wanted(operand)} else None"]


def _sum_of_kept(operand: str) -> list[str]:
    """What was put aside, added to the gradient of an operand."""
    if not is_column(operand):
        return [f"if {_if_wanted(operand)}: _value_{operand}.grad += _for_{operand}"]
    each = f"for _value, _entry in zip(_value_{operand}.values, _for_{operand}): _value.grad += _entry"
    return [f"if {_if_wanted(operand)}:", f"    {each}"]


def _sum(operand: str, rule: str, operands: Sequence[str]) -> list[str]:
    """A rule evaluated and added to the gradient of an operand as it comes."""
    if not is_column(operand):
        return [f"if {_if_wanted(operand)}: _value_{operand}.grad += {rule}"]
    each, once = _each(rule, operands)
    lines = [f"    {name} = {text}" for name, text in once.items()]
    lines += [f"   {_loop(each, operand, operands, '_value')}: _value.grad += {each}"]
    return [f"if {_if_wanted(operand)}:", *lines]


def _entries(rule: str, operand: str, operands: Sequence[str]) -> str:
    """A rule for each element of a column, as a list."""
    each, once = _each(rule, operands)
    first = "".join(f" for {name} in ({text},)" for name, text in once.items())
    return f"[{each}{first}{_loop(each, operand, operands, '')}]"


def _each(rule: str, operands: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The rule of an element, with names for what is the same for all elements; and what these are, computed once."""
    if "(" not in rule:
        return rule, {}
    import ast

    changing = {"i", *(operand[:-1] for operand in operands if is_column(operand))}
    once: dict[str, str] = {}

    def free(node: ast.AST) -> set[str]:
        """The names in an expression, without those that its own loops give."""
        if isinstance(node, ast.Name):
            return {node.id}
        found = {name for child in ast.iter_child_nodes(node) for name in free(child)}
        loops = node.generators if isinstance(node, ast.ListComp) else []
        return found - {name for loop in loops for name in free(loop.target)}

    class Once(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            if not isinstance(node, ast.Call | ast.BinOp) or free(node) & changing:
                return self.generic_visit(node)
            name = f"_once_{len(once)}"
            once[name] = ast.unparse(node)
            return ast.Name(name)

    return ast.unparse(Once().visit(ast.parse(rule, mode="eval"))), once


def _loop(rule: str, operand: str, operands: Sequence[str], value: str) -> str:
    """The `for` over a column: the elements that the rule names, its position i, and the Value to add to."""
    names = words(rule)
    pairs = [(value, f"_value_{operand}.values")] * bool(value)
    pairs += [(o[:-1], o) for o in operands if is_column(o) and (o[:-1] in names or (not value and o == operand))]
    targets, sources = ", ".join(t for t, _ in pairs), ", ".join(s for _, s in pairs)
    source = f"zip({sources})" if len(pairs) > 1 else sources
    return f" for i, {targets} in enumerate({source})" if "i" in names else f" for {targets} in {source}"
