"""Random blocks of every GGUF type that Strata reads, with the values that the `gguf` package makes of them.

usage: gguf_blocks.py OUT_FOLDER BLOCKS SEED
       gguf_blocks.py --fixture FILE.json

Writes TYPE.bytes and TYPE.f32 per type: blocks of random bits, of which the first 65,536 (at most) have every possible 16-bit scale, infinities and
NaNs included. With --fixture writes a few blocks of each type with small scales, base64 in JSON: the file that the unit test reads.
"""

import base64
import json
import sys
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

# Where the 16-bit scales stand in a block, in bytes.
SCALES = {
    "F32": [], "F16": [0], "BF16": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
    "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0],
}


def values(name: str, blocks: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return dequantize(blocks, GGMLQuantizationType[name]).astype("<f4", copy=False)


def main() -> None:
    if sys.argv[1] == "--fixture":
        random = np.random.default_rng(5)
        fixture = {}
        for name, places in SCALES.items():
            elements, size = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
            count = {1: 8, 32: 2, 256: 1}[elements]
            if elements == 1:
                numbers = random.normal(size=count).astype("<f4")
                halves = {"F32": numbers, "F16": numbers.astype("<f2"), "BF16": (numbers.view("<u4") >> 16).astype("<u2")}
                blocks = halves[name].view(np.uint8).reshape(1, -1)
            else:
                blocks = random.integers(0, 256, (count, size), dtype=np.uint8)
                for place in places:
                    blocks[:, place : place + 2] = random.normal(size=(count, 1)).astype("<f2").view(np.uint8)
            expected = values(name, blocks)
            fixture[name] = {
                "bytes": base64.b64encode(blocks.tobytes()).decode(),
                "values": base64.b64encode(expected.tobytes()).decode(),
            }
        Path(sys.argv[2]).write_text(json.dumps(fixture, indent=1) + "\n")
        return
    out, count, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    random = np.random.default_rng(seed)
    for name, places in SCALES.items():
        elements, size = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
        blocks = random.integers(0, 256, (count * 256 // elements if elements == 1 else count, size), dtype=np.uint8)
        every = np.arange(min(len(blocks), 65536), dtype="<u2")
        for shift, place in enumerate(places):
            blocks[: len(every), place : place + 2] = np.roll(every, shift * 7919).view(np.uint8).reshape(-1, 2)
        if elements == 1:
            blocks = blocks.reshape(1, -1)
        (out / f"{name}.bytes").write_bytes(blocks.tobytes())
        (out / f"{name}.f32").write_bytes(values(name, blocks).tobytes())


main()
