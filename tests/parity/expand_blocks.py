"""Expands a model as LLaMA Pro's own script does (TencentARC/LLaMA-Pro, scripts/block_expansion.py): after each group of blocks a copy of its
last one, with o_proj and down_proj zero. For a comparison with what Strata writes.

usage: expand_blocks.py MODEL_FOLDER COPIES OUT.safetensors
"""

import sys

import torch
from safetensors.torch import save_file
from transformers import LlamaForCausalLM

folder, copies, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
model = LlamaForCausalLM.from_pretrained(folder, dtype="auto", local_files_only=True)
weights = model.state_dict()
blocks = model.config.num_hidden_layers
group = blocks // copies

expanded = {name: value for name, value in weights.items() if ".layers." not in name}
position = 0
for block in range(blocks):
    old = {name: value for name, value in weights.items() if f".layers.{block}." in name}
    for is_copy in [False, True] if (block + 1) % group == 0 else [False]:
        for name, value in old.items():
            is_zero = is_copy and ("o_proj" in name or "down_proj" in name)
            expanded[name.replace(f".layers.{block}.", f".layers.{position}.")] = torch.zeros_like(value) if is_zero else value
        position += 1
assert position == blocks + copies
save_file({name: value.clone() for name, value in expanded.items()}, out)
