"""Names for annotations alone: importing the modules that type checkers take them from would cost too much time."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from random import Random as Random
    from typing import Any as Any
    from typing import Protocol as Protocol
else:
    Any = Protocol = Random = object
