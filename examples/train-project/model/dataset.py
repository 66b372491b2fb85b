"""Points of two classes in the plane."""
import math
import random


def load(name, seed):
    """[(x, y, class)], the same for the same seed."""
    if name != "moons":
        raise SystemExit("there is no dataset named %r; there is: moons" % name)
    random.seed(seed)
    points = []
    for i in range(400):
        turn, kind = math.pi * random.random(), i % 2
        x = math.cos(turn) if kind == 0 else 1 - math.cos(turn)
        y = math.sin(turn) if kind == 0 else 0.5 - math.sin(turn)
        points.append((x + random.gauss(0, 0.1), y + random.gauss(0, 0.1), kind))
    return points
