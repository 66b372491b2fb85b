"""Logistic regression over a few features of a point, by plain gradient descent."""
import math


def features(x, y):
    return (1.0, x, y, x * x, y * y, x * y, x * x * x)


class Classifier:
    def __init__(self):
        self.weights = [0.0] * len(features(0, 0))

    def probability(self, values):
        total = sum(w * v for w, v in zip(self.weights, values))
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, total))))

    def fit(self, points, rate):
        """Goes once over all points; returns the mean loss."""
        loss = 0.0
        for x, y, kind in points:
            values = features(x, y)
            guess = self.probability(values)
            loss -= math.log(max(1e-9, guess if kind else 1 - guess))
            self.weights = [w + rate * (kind - guess) * v for w, v in zip(self.weights, values)]
        return loss / len(points)

    def accuracy(self, points):
        right = sum((self.probability(features(x, y)) > 0.5) == bool(kind) for x, y, kind in points)
        return right / len(points)
