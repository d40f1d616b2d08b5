"""Makes small random models of every variant that Strata computes, and what transformers makes of them.

usage: make_variants.py OUT_FOLDER

Each folder gets config.json and model.safetensors as save_pretrained writes them, ids.json (input ids, and the greedy continuation), and
logits.f32 (float32, row by row).
"""

import json
import sys
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

SIZES = dict(
    hidden_size=48,
    intermediate_size=80,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    vocab_size=97,
    max_position_embeddings=128,
    rms_norm_eps=1e-5,
    bos_token_id=1,
    eos_token_id=None,
    pad_token_id=None,
    attn_implementation="eager",
)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=32)
VARIANTS = {
    "plain": (LlamaConfig, dict()),
    "tied": (LlamaConfig, dict(tie_word_embeddings=True)),
    "head-dim": (LlamaConfig, dict(head_dim=20)),
    "attention-bias": (LlamaConfig, dict(attention_bias=True)),
    "mlp-bias": (LlamaConfig, dict(mlp_bias=True)),
    "linear": (LlamaConfig, dict(rope_scaling=dict(rope_type="linear", factor=4.0))),
    "dynamic": (LlamaConfig, dict(rope_scaling=dict(rope_type="dynamic", factor=4.0))),
    "llama3": (LlamaConfig, dict(rope_scaling=LLAMA3, rope_theta=500.0)),
    "yarn": (LlamaConfig, dict(rope_scaling=YARN)),
    "yarn-all": (
        LlamaConfig,
        dict(head_dim=32, rope_scaling=dict(YARN, beta_fast=8.0, beta_slow=2.0, mscale=0.7, mscale_all_dim=0.5, truncate=False)),
    ),
    "mistral": (MistralConfig, dict(sliding_window=9, head_dim=12)),
    "mistral-whole": (MistralConfig, dict(sliding_window=None, head_dim=12)),
}

out = Path(sys.argv[1])
for name, (kind, fields) in VARIANTS.items():
    torch.manual_seed(7)
    config = kind(**{**SIZES, **fields})
    model = (LlamaForCausalLM if kind is LlamaConfig else MistralForCausalLM)(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # far from zero, so that no part can be left out unseen
            parameter.add_(torch.randn_like(parameter) * 0.15)
    ids = torch.randint(0, config.vocab_size, (1, 100))
    with torch.no_grad():
        logits = model(ids).logits[0]
        greedy = model.generate(ids[:, :20], max_new_tokens=40, do_sample=False)[0, 20:]
    folder = out / name
    model.save_pretrained(folder)
    (folder / "logits.f32").write_bytes(logits.contiguous().numpy().astype("<f4").tobytes())
    (folder / "ids.json").write_text(json.dumps({"ids": ids[0].tolist(), "greedy": greedy.tolist()}))
print(json.dumps(list(VARIANTS)))
