"""Writes tests/fixtures/gguf/tiny.gguf with the `gguf` package, and tiny.json: what transformers' own reading of it gives.

usage: gguf_fixture.py FOLDER
"""

import hashlib
import json
import sys
from pathlib import Path

import torch
from gguf import GGMLQuantizationType as Q
from gguf_import import LlamaForCausalLM, write_case

SIZES = dict(
    hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, head_dim=8, vocab_size=264,
    tie_word_embeddings=True,
)


def main() -> None:
    folder = Path(sys.argv[1])
    work = folder / "work"
    write_case(work, SIZES, Q.F16, {})
    (work / "model.gguf").rename(folder / "tiny.gguf")
    model = LlamaForCausalLM.from_pretrained(folder, gguf_file="tiny.gguf", torch_dtype=torch.float32)
    tensors = {
        # The values are those of 16-bit floats, except of the norms.
        name: hashlib.sha256((values if values.ndim == 1 else values.half()).numpy().tobytes()).hexdigest()
        for name, values in model.state_dict().items()
        if name != "lm_head.weight"
    }
    (folder / "tiny.json").write_text(json.dumps(tensors, indent=1) + "\n")
    for path in sorted((work / "expected").iterdir()):
        path.unlink()
    (work / "expected").rmdir()
    work.rmdir()


if __name__ == "__main__":
    with torch.no_grad():
        main()
