"""Divergence of word n-grams as scipy computes it, on the halves that Strata compared: [[words of a half] * 4] in, [[n, ...]] out."""

import json
import sys
from collections import Counter

import numpy as np
from scipy.spatial.distance import jensenshannon


def grams(documents, n):
    return Counter(tuple(words[at : at + n]) for words in documents for at in range(len(words) - n + 1))


def divergence(a, b):
    keys = sorted(a.keys() | b.keys())
    p, q = (np.array([side[key] for key in keys], float) for side in (a, b))
    return float(jensenshannon(p, q, base=2) ** 2)


halves = json.load(open(sys.argv[1]))
results = []
for n in (1, 2, 3):
    counts = [grams(half, n) for half in halves]
    results.append([divergence(counts[0], counts[1]), divergence(counts[0], counts[2]), divergence(counts[2], counts[3])])
print(json.dumps(results))
