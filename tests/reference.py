"""The definition, spelled out: the oracle that everything is held against."""


def count(units):
    total = 0
    for i in range(1, len(units)):
        if units[i - 1] == units[i]:
            total += 1
    return total
