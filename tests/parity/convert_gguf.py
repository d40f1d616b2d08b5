"""Turns a GGUF file into a model folder with transformers' own reader, in 32-bit floats and without a tokenizer.

usage: convert_gguf.py FILE.gguf OUT_FOLDER
"""

import sys
from pathlib import Path

import torch
from transformers import LlamaForCausalLM

path, out = Path(sys.argv[1]), sys.argv[2]
model = LlamaForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
model.save_pretrained(out, safe_serialization=True)
