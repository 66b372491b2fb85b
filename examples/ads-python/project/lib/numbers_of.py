def season(name):
    return {"summer": [6, 7, 8], "winter": [12, 1, 2]}[name]
