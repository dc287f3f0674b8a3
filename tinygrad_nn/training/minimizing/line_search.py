"""How long a step along a line is, by More and Thuente (1994): where the value is lower by enough, and nearly level.

Each length is between the best so far and another that is known to be too long, once there is one, as cubics and
parabolas through both have it.
"""

from __future__ import annotations

from math import inf, isfinite, sqrt

LOWER, LEVELLED = 1e-3, 0.9  # of the slope at the start: by which the value is lower, and what is left of the slope
NARROW = 0.1  # of the length: a range that is worth no other
LONGEST_STEP = 1e10
OnLine = tuple[float, float, float]  # a length, the value there, and the slope


class LineSearch:
    """A search from a value and its slope, which is below 0; `length` is to be tried next.

    The decrease that is enough is that of L-BFGS-B (Zhu, Byrd, Lu & Nocedal, 1997).
    """

    def __init__(self, value: float, slope: float, length: float) -> None:
        self.value, self.slope, self.length = value, slope, length
        self.best = self.other = (0.0, value, slope)
        self.early, self.between = True, False  # no length was low enough yet; the two places have what is best inside
        self.low, self.high = 0.0, 5.0 * length
        self.width, self.width_before = LONGEST_STEP, 2.0 * LONGEST_STEP

    def told(self, value: float, slope: float) -> bool:
        """What was found at the length: whether that is the one; else there is another."""
        if not (isfinite(value) and isfinite(slope)):
            self.length = 0.5 * (self.best[0] + self.length)
            return False
        length, tilt = self.length, LOWER * self.slope
        enough = self.value + length * tilt
        self.early = self.early and not (value <= enough and slope >= 0.0)
        if value <= enough and (abs(slope) <= -LEVELLED * self.slope or (length == LONGEST_STEP and slope <= tilt)):
            return True
        if self.between and (not self.low < length < self.high or self.high - self.low <= NARROW * self.high):
            return True
        tilt = tilt if self.early and enough < value <= self.best[1] else 0.0  # of what is searched instead
        try:
            found = self._next(*[tilted(place, tilt) for place in (self.best, self.other, (length, value, slope))])
        except ZeroDivisionError:  # where neither a cubic nor a parabola has a lowest point
            self.length = 0.5 * (self.best[0] + length)
            return False
        self.best, self.other = (tilted(place, -tilt) for place in found)
        self._narrowed()
        return False

    def _next(self, best: OnLine, other: OnLine, now: OnLine) -> tuple[OnLine, OnLine]:
        """Let the length be the next one; the best place, and the other, then."""
        (x, _, at_x), (y, _, _), (t, value, slope) = best, other, now
        higher, turned = value > best[1], slope * at_x < 0.0
        if higher:
            cubic, parabola = lowest(best, now), x + at_x / ((best[1] - value) / (t - x) + at_x) / 2.0 * (t - x)
            self.length = cubic if abs(cubic - x) < abs(parabola - x) else cubic + (parabola - cubic) / 2.0
        elif turned:
            cubic, parabola = lowest(now, best), t + slope / (slope - at_x) * (x - t)
            self.length = cubic if abs(cubic - t) > abs(parabola - t) else parabola
        elif abs(slope) < abs(at_x):
            cubic, parabola = lowest(now, best, self.high if t > x else self.low), t + slope / (slope - at_x) * (x - t)
            nearer = abs(cubic - t) < abs(parabola - t)
            self.length = cubic if nearer is self.between else parabola
            if self.between:
                most = t + 0.66 * (y - t)
                self.length = min(most, self.length) if t > x else max(most, self.length)
            else:
                self.length = max(self.low, min(self.high, self.length))
        elif self.between:
            self.length = lowest(now, other)
        else:
            self.length = self.high if t > x else self.low
        self.between = self.between or higher or turned
        return (best, now) if higher else (now, best if turned else other)

    def _narrowed(self) -> None:
        """Let the range follow the places, and the length be inside."""
        x, y, between = self.best[0], self.other[0], self.between
        if between:
            if abs(y - x) >= 0.66 * self.width_before:
                self.length = x + 0.5 * (y - x)
            self.width, self.width_before = abs(y - x), self.width
            self.low, self.high = min(x, y), max(x, y)
        else:
            self.low, self.high = self.length + 1.1 * (self.length - x), self.length + 4.0 * (self.length - x)
        self.length = max(0.0, min(LONGEST_STEP, self.length))
        if between and (not self.low < self.length < self.high or self.high - self.low <= NARROW * self.high):
            self.length = x


def tilted(place: OnLine, by: float) -> OnLine:
    """A place of the function less so much for each unit of length."""
    length, value, slope = place
    return length, value - length * by, slope - by


def lowest(a: OnLine, b: OnLine, beyond: float = inf) -> float:
    """Where the cubic through two places and their slopes is lowest; `beyond`, if one is given, where it falls on."""
    (at_a, value_a, slope_a), (at_b, value_b, slope_b) = a, b
    theta = 3.0 * (value_a - value_b) / (at_b - at_a) + slope_a + slope_b
    scale = max(abs(theta), abs(slope_a), abs(slope_b))
    square = (theta / scale) ** 2 - (slope_a / scale) * (slope_b / scale)
    gamma = scale * sqrt(max(0.0, square)) * (1.0 if at_b > at_a else -1.0)
    ratio = ((gamma - slope_a) + theta) / (((gamma - slope_a) + gamma) + slope_b)
    if beyond < inf and not (ratio < 0.0 and gamma != 0.0):
        return beyond
    return at_a + ratio * (at_b - at_a)
