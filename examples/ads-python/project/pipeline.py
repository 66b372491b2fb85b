import json
import os

import numbers_of


def run(season, scale):
    values = [int(scale) * value for value in numbers_of.season(season)]
    os.makedirs("results", exist_ok=True)
    with open("results/%s.json" % season, "w") as file:
        json.dump(values, file)
    print("%s: %s" % (season, values))
