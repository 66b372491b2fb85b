import argparse

from report import count

parser = argparse.ArgumentParser()
parser.add_argument("--top", type=int, default=3)
options = parser.parse_args()

with open("words.txt") as file:
    for word, times in count.most_common(file.read(), options.top):
        print("%-6s %d" % (word, times))
