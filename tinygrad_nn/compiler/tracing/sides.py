"""What only the sides of `where` are made of: a program computes it for all rows, and derives it where it is taken.

For each such slot there is a mask, a number that is not 0 in the rows whose result depends on the slot. In the others
its operands get 0, although 0 times an infinite slope would be nan. The masks are instructions like any other, so that
derivatives of derivatives are right as well.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from ...autograd.primitives import where
from ..program.program import Instruction
from .traced import Traced, Tracing


class Sides:
    """The masks of the slots that have an adjoint, from the result backwards; a slot without one counts in all rows."""

    def __init__(self, tracer: Tracing) -> None:
        self.tracer = tracer
        self.masks: dict[int, Any] = {}

    def masked(self, slot: int, apply: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """What evaluates a rule for the adjoint of a slot: 0 in rows where that counts for nothing."""
        mask = self.masks.get(slot)
        if mask is None:
            return apply

        def masked(rule: Any, flow: Any) -> Any:
            found = apply(rule, flow)
            return [where(mask, each, 0.0) for each in found] if isinstance(found, list) else where(mask, found, 0.0)

        return masked

    def pass_on(self, entry: Instruction, found: Collection[int], between: Collection[int]) -> None:
        """Note for its operands where an instruction counts; those that are `found` already count elsewhere, too."""
        if not self.masks and entry.primitive is not where:
            return
        mask = self.masks.get(entry.slot)
        seen: set[int] = set()
        for place, (slots, rule) in enumerate(zip(entry.operands, entry.primitive.rules, strict=True)):
            if rule is None:
                continue
            here = mask if entry.primitive is not where else self._side(entry, place == 1, mask)
            for slot in slots if isinstance(slots, tuple) else (slots,):
                if slot not in between:
                    continue
                if slot not in found and slot not in seen:
                    if here is not None:
                        self.masks[slot] = here
                elif here is None:
                    self.masks.pop(slot, None)
                elif slot in self.masks and self.masks[slot] is not here:
                    self.masks[slot] = where(self.masks[slot], 1.0, here)
                seen.add(slot)

    def _side(self, entry: Instruction, first: bool, mask: Any) -> Any:
        """Where a side of a `where` is taken, in the rows of a mask."""
        condition = Traced(self.tracer, entry.operands[0])  # type: ignore[arg-type]
        holds = condition if first else where(condition, 0.0, 1.0)
        return holds if mask is None else where(mask, holds, 0.0)
