"""Writes and reads safetensors files with Python's own package, for tests/parity/safetensors.test.ts.

write FOLDER: all.safetensors with every element type, and models saved by transformers, in one file and in shards. Prints, for each, the
    tensors' type, shape and sha256.
read FILE: prints the same of a file, and its metadata.
load FOLDER...: the same of what transformers makes of models' folders, and the names that it missed or did not expect.
"""

import hashlib
import json
import sys

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

NAMES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8",
    torch.uint64: "U64", torch.uint32: "U32", torch.uint16: "U16", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip


def describe(tensor):
    data = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
    return {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "sha256": hashlib.sha256(data).hexdigest()}


def described(tensors):
    return {name: describe(tensor) for name, tensor in tensors.items()}


def every_type():
    torch.manual_seed(1)
    tensors = {}
    for dtype, name in NAMES.items():
        raw = torch.randint(0, 2 if dtype == torch.bool else 256, (3, 5, torch.zeros(1, dtype=dtype).element_size()), dtype=torch.uint8)
        tensors[f"of {name}"] = raw.view(dtype).reshape(3, 5)
    tensors["a scalar"] = torch.tensor(1.5)
    tensors["nothing"] = torch.zeros(0, 4)
    tensors["with ünïcödé / and 漢字"] = torch.arange(7, dtype=torch.bfloat16)
    return tensors


SIZE = dict(hidden_size=48, intermediate_size=80, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, vocab_size=97,
            head_dim=16, max_position_embeddings=64)  # fmt: skip


def models():
    torch.manual_seed(2)
    biased = LlamaConfig(**SIZE, attention_bias=True, mlp_bias=True)
    yield "float32", LlamaForCausalLM(LlamaConfig(**SIZE)), {}
    yield "bfloat16-sharded", LlamaForCausalLM(LlamaConfig(**SIZE)).to(torch.bfloat16), {"max_shard_size": "30KB"}
    yield "float16-biased-sharded", LlamaForCausalLM(biased).to(torch.float16), {"max_shard_size": "50KB"}
    yield "tied-sharded", LlamaForCausalLM(LlamaConfig(**SIZE, tie_word_embeddings=True)), {"max_shard_size": "60KB"}
    yield "mistral-sharded", MistralForCausalLM(MistralConfig(**SIZE, sliding_window=16)), {"max_shard_size": "60KB"}


def write(folder):
    answer = {"models": {}}
    save_file(every_type(), f"{folder}/all.safetensors", metadata={"format": "pt", "note": "ü"})
    answer["all"] = described(every_type())
    for name, model, options in models():
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(torch.randn(parameter.shape).to(parameter.dtype))
        model.save_pretrained(f"{folder}/{name}", **options)
        stored = {key: tensor for key, tensor in model.state_dict().items() if not (key == "lm_head.weight" and "tied" in name)}
        answer["models"][name] = described(stored)
    return answer


def read(path):
    with safe_open(path, framework="pt") as file:
        return {"tensors": {name: describe(file.get_tensor(name)) for name in file.keys()}, "metadata": file.metadata()}


def load(folder):
    model, info = AutoModelForCausalLM.from_pretrained(folder, torch_dtype="auto", output_loading_info=True)
    return {
        "tensors": described(model.state_dict()),
        "missing": sorted(info["missing_keys"]),
        "unexpected": sorted(info["unexpected_keys"]),
    }


_, command, *paths = sys.argv
answers = [{"write": write, "read": read, "load": load}[command](path) for path in paths]
print(json.dumps(answers))
