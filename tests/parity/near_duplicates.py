"""Pairs of similar texts as datasketch finds them, each with the exact Jaccard similarity of its runs of five words.

near_duplicates.py TEXTS.json: a list of texts. Prints {"pairs": [[i, j, similarity], ...]} for every pair that may have a similarity of 0.4 or more.
"""

import json
import re
import sys

from datasketch import MinHash, MinHashLSH


def shingles(text):
    words = re.findall(r"[^\W_]+", text.lower())
    return {" ".join(words[start : start + 5]) for start in range(max(1, len(words) - 4))} if words else set()


with open(sys.argv[1], encoding="utf-8") as file:
    sets = [shingles(text) for text in json.load(file)]
# Four rows in a band: a pair at 0.4 is a candidate with a probability of 0.81, one at 0.6 with 0.9999.
lsh = MinHashLSH(num_perm=256, params=(64, 4))
pairs = []
for index, each in enumerate(sets):
    if not each:
        continue
    sketch = MinHash(num_perm=256)
    sketch.update_batch([shingle.encode("utf-8") for shingle in each])
    for other in lsh.query(sketch):
        similarity = len(each & sets[other]) / len(each | sets[other])
        pairs.append([other, index, similarity])
    lsh.insert(index, sketch)
print(json.dumps({"pairs": pairs}))
