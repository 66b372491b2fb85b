"""Trains a small classifier: arguments and variables in, progress on both streams, a result file in the home."""
import argparse
import json
import os
import sys

from model import dataset
from model.classifier import Classifier


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--learning-rate", type=float, default=0.1)
    return parser.parse_args()


def main():
    options = arguments()
    name = os.environ.get("DATASET", "moons")
    points = dataset.load(name, seed=int(os.environ.get("SEED", "1")))
    training, held_out = points[:320], points[320:]
    print("training on %s: %d points, %d held out" % (name, len(training), len(held_out)), file=sys.stderr)

    classifier = Classifier()
    for epoch in range(1, options.epochs + 1):
        loss = classifier.fit(training, options.learning_rate)
        accuracy = classifier.accuracy(held_out)
        print("epoch %d/%d loss=%.4f accuracy=%.3f" % (epoch, options.epochs, loss, accuracy))
        print("%d%% done" % (100 * epoch // options.epochs), file=sys.stderr)

    result = os.path.join(os.path.expanduser("~"), "result.json")
    with open(result, "w") as file:
        json.dump({"run": os.environ.get("JOB_RUN_OCID"), "dataset": name, "epochs": options.epochs,
                   "accuracy": round(accuracy, 3), "weights": classifier.weights}, file, indent=2)
    print("the model and its metrics are in %s" % result)


if __name__ == "__main__":
    main()
