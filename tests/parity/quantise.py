"""Stores numbers in GGUF element types with the gguf package. The .bin files of tests/fixtures/gguf were made by it from values.f32 there.

usage: quantise.py VALUES.f32 OUT_FOLDER

OUT_FOLDER gets F16.bin, BF16.bin, Q8_0.bin and Q4_0.bin.
"""

import sys
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, quants

values = np.fromfile(sys.argv[1], dtype="<f4").reshape(-1, 32)
for name in ("F16", "BF16", "Q8_0", "Q4_0"):
    with np.errstate(all="ignore"):
        stored = quants.quantize(values, GGMLQuantizationType[name])
    (Path(sys.argv[2]) / f"{name}.bin").write_bytes(np.ascontiguousarray(stored).tobytes())
