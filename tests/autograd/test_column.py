"""A column: the operands that operations share are looked at once in a pass, and their gradients are those of each."""

import copy
import math
import pickle
import random

import pytest
from shared import same

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd import column as column_
from tinygrad_nn.autograd.column import Column, SharingList


def test_a_pass_looks_once_at_what_a_layer_shares(monkeypatch):
    looked = []
    refresh = Column.refresh

    def seen(column, zero):
        looked.append(column)
        refresh(column, zero)

    monkeypatch.setattr(Column, "refresh", seen)
    layer = tn.Layer(3, 50, "linear", rng=random.Random(0))
    inputs = [Value(0.5), Value(-0.25), 2.0]
    layer(inputs)  # the first call goes the long way
    tn.sum(layer(inputs)).backward()
    shared = [column for column in looked if column.operands == tuple(inputs)]
    assert len(shared) == 1


@pytest.mark.parametrize("number", [0.5, 0.0, math.inf, math.nan])
def test_gradients_are_those_of_operations_that_share_nothing(number):
    weights = [[Value(0.5 * i - k) for i in range(3)] for k in range(4)]
    told = []
    for share in (True, False):
        x, y = Value(number), Value(-0.75)
        column = (x, y, 2.0)
        rows = [tn.dot(ws, column if share else (*column,), 0.1 * k) for k, ws in enumerate(weights)]
        for value in (ws := [w for row in weights for w in row]):
            value.grad = 0.0
        tn.sum([row * (k + 1.0) for k, row in enumerate(rows)]).backward()
        told.append([x.grad, y.grad, *(w.grad for w in ws)])
    assert all(map(same, *told))


LISTS = {
    "setting one": lambda entries: entries.__setitem__(0, 5.0),
    "setting the same": lambda entries: entries.__setitem__(0, entries[0]),
    "setting a slice": lambda entries: entries.__setitem__(slice(1), [5.0, 6.0]),
    "del": lambda entries: entries.__delitem__(0),
    "+=": lambda entries: entries.__iadd__([5.0]),
    "*=": lambda entries: entries.__imul__(2),
    "append": lambda entries: entries.append(5.0),
    "extend": lambda entries: entries.extend([5.0]),
    "insert": lambda entries: entries.insert(0, 5.0),
    "clear": lambda entries: entries.clear(),
    "pop": lambda entries: entries.pop(),
    "remove": lambda entries: entries.remove(2.0),
    "reverse": lambda entries: entries.reverse(),
    "sort": lambda entries: entries.sort(key=lambda number: -number),
    "again": lambda entries: entries.__init__([5.0]),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_that_shares_a_column_drops_it_with_every_change(name):
    """Also where the change is none, or does not come to its end."""
    entries, plain = SharingList([1.0, 2.0, 3.0]), [1.0, 2.0, 3.0]
    before = entries.shared()
    assert entries.shared() is before
    LISTS[name](entries)
    LISTS[name](plain)
    assert entries == plain
    assert entries.shared() is not before
    assert entries.shared().operands == tuple(plain)
    with pytest.raises(KeyError):
        entries.extend({7.0: number}[number] for number in (7.0, 8.0))
    assert entries.shared().operands == (*plain, 7.0)


def test_every_method_that_changes_a_list_drops_the_column():
    reading = {"copy", "count", "index", "__add__", "__mul__", "__rmul__", "__contains__", "__getitem__", "__iter__"}
    reading |= {"__len__", "__reversed__", "__class_getitem__", "__sizeof__", "__hash__"}
    assert {name for name in vars(list) if name not in vars(object)} - reading <= vars(SharingList).keys()


def test_a_copy_of_a_list_shares_a_column_of_its_own():
    entries = SharingList([1.0, 2.0])
    before = entries.shared()
    for twin in (copy.copy(entries), copy.deepcopy(entries), pickle.loads(pickle.dumps(entries))):
        assert type(twin) is SharingList
        twin.append(3.0)
        assert twin.shared().operands == (1.0, 2.0, 3.0)
    assert entries.shared() is before


def test_a_list_that_another_thread_changes_while_its_column_is_made_keeps_none(monkeypatch):
    class Slow(Column):
        def __init__(self, operands):
            super().__init__(operands)
            entries.append(3.0)  # as another thread may

    entries = SharingList([1.0, 2.0])
    with monkeypatch.context() as patch:
        patch.setattr(column_, "Column", Slow)
        assert entries.shared().operands == (1.0, 2.0)
    assert entries.column is None
    assert entries.shared().operands == (1.0, 2.0, 3.0)
