import collections


def most_common(text, top):
    return collections.Counter(text.lower().split()).most_common(top)
