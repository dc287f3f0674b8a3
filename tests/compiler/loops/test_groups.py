"""Where numbers lie: places as a dict would know them, and loops that go evenly as the list of their indices says."""

import random

from tinygrad_nn.compiler.loops.grouping import affine
from tinygrad_nn.compiler.loops.groups import Access, Group, SlotPlaces, Spots
from tinygrad_nn.compiler.loops.scatters import scatters


def test_places_are_what_a_dict_would_know():
    rng = random.Random(1)
    for _ in range(200):
        ours, theirs = SlotPlaces(), dict[int, tuple[int, int]]()
        for array in range(5):
            start, first = rng.randrange(30), rng.randrange(9)
            run = list(range(start, start + rng.randrange(12)))
            some = [rng.randrange(40), *run, -1, -2] if rng.randrange(2) else [*run, -7]
            ours.put(some, array, first)
            theirs |= {slot: (array, k) for k, slot in enumerate(some, first) if slot >= 0}
        ours[50] = theirs[50] = 9, 3
        assert {slot: ours[slot] for slot in theirs} == theirs
        assert all(ours[slot] == (-1, -1) for slot in range(len(ours)) if slot not in theirs)
        assert ours.spots(list(theirs)) == list(theirs.values())


def test_spots_are_a_list_of_spots():
    spots = [(1, 4), (0, 2), (1, 5)]
    ours = Spots(spots)
    assert ours == spots
    assert ours[1:] == spots[1:]
    assert (ours[2], len(ours), repr(ours)) == ((1, 5), 3, repr(spots))
    assert ours != spots[:2]


def test_loops_are_even_where_their_indices_are():
    rng = random.Random(2)
    for _ in range(500):
        extents = tuple(rng.randrange(1, 5) for _ in range(rng.randrange(1, 3)))
        strides = tuple(rng.randrange(-3, 4) for _ in extents)
        indices = Access(0, rng.randrange(9), strides).indices(extents)
        found = affine(indices, extents)
        assert found is not None
        assert Access(0, indices[0], found).indices(extents) == indices
        assert affine([*indices, 7], extents) is None
        moved = [*indices]
        moved[rng.randrange(len(moved))] += 1
        again = affine(moved, extents)
        assert again is None or Access(0, moved[0], again).indices(extents) == moved


def test_outputs_go_where_the_program_says_however_they_take_turns():
    rng, loops = random.Random(3), set()
    for _ in range(300):
        places = []
        for _ in range(rng.randrange(1, 5)):
            array, first, step, over = rng.randrange(2), rng.randrange(3), rng.randrange(4), rng.randrange(-1, 6)
            rows, columns = rng.randrange(1, 5), rng.randrange(1, 5)
            places += [(array, first + abs(over) * i + step * j) for i in range(rows) for j in range(columns)]
        groups = {0: Group(0, None, (len(places),), (), True)}
        found = dict[int, tuple[int, int]]()
        for source, target, extents in scatters(places, groups):
            loops.add((len(extents), source.table is None))
            pairs = zip(target.indices(extents), source.indices(extents), strict=True)
            found |= {to: (source.array, index) for to, index in pairs}
        assert [found[k] for k in range(len(places))] == places
    assert loops == {(1, True), (2, True), (1, False)}
