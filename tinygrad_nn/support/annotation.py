"""`Any`, for annotations: `typing`, which type checkers take it from, would be a good part of what importing costs."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any as Any
else:
    Any = object
