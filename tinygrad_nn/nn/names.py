"""What modules are called: as the attributes of the module that holds them, unless the user gave them a name.

A name is taken when a module is put into an attribute, or into a list there before the __init__ of its holder ends; so
a forward pass does nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import wraps

from ..autograd.containers import PACKAGE, Holder, attributes
from ..autograd.scope import Place
from ..support.annotation import Any

ONE_OF = {"layers": "layer", "neurons": "neuron"}  # as an MLP and a Layer call theirs


class Named(Holder):
    """A module as its parts see it: what they are called after."""

    __place: Place | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        """The __init__ of a user's class ends by naming the parts, those too that came into a list after it was set."""
        super().__init_subclass__(**options)
        if "__init__" not in vars(cls) or cls.__module__.partition(".")[0] == PACKAGE:
            return
        init: Callable[..., None] = cls.__init__

        @wraps(init)
        def named(self: Named, *arguments: Any, **options: Any) -> None:
            init(self, *arguments, **options)
            for name, entry in attributes(self):
                self.__hold(name, entry)

        cls.__init__ = named  # type: ignore[assignment,method-assign]

    def __setattr__(self, name: str, entry: Any) -> None:
        if name[:1] == "_" or not isinstance(entry, (Named, list, tuple, dict)):
            super().__setattr__(name, entry)
            return
        self.__stands()  # before its parts, so that a copy of the whole copies it before theirs
        super().__setattr__(name, entry)
        self.__hold(name, entry)

    def __hold(self, name: str, entry: Any) -> None:
        """Let the modules in an attribute be called as it is, as far as nothing holds them yet."""
        waiting, seen = [(name, entry)], set()
        for name, found in waiting:  # a list that grows as more are met
            if isinstance(found, Named):
                self.__stands().hold(found.__stands(), name)
            elif isinstance(found, (list, tuple, dict)) and id(found) not in seen:
                seen.add(id(found))
                one = ONE_OF.get(name, name)
                inner = found.items() if isinstance(found, dict) else enumerate(found, 1)
                waiting += [(f"{one} {key}", e) for key, e in inner if isinstance(e, (Named, list, tuple, dict))]

    def __stands(self) -> Place:
        """Where this module stands: of one of the user's its own secret, as that may have a place of another kind."""
        if not hasattr(type(self), "place"):
            with suppress(AttributeError):  # looking into __dict__ would slow down all attributes from then on
                place = object.__getattribute__(self, "place")
                if isinstance(place, Place):
                    return place
        if self.__place is None:
            self.__place = Place("", kind=type(self).__name__)
        return self.__place
