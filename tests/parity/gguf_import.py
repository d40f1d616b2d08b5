"""Small random LLaMAs as GGUF files, written with the `gguf` package, and what transformers and llama.cpp compute of them.

usage: gguf_import.py write OUT_FOLDER      OUT_FOLDER/CASE/model.gguf (or its parts) and OUT_FOLDER/CASE/expected, a Hugging Face folder
       gguf_import.py compare OUT_FOLDER    compares OUT_FOLDER/CASE/imported with both; prints {CASE: {...}} as JSON
       gguf_import.py gguf FILE FOLDER      compares FOLDER, imported from FILE, with transformers' own reading of FILE; prints JSON
       gguf_import.py ids FILE TEXTS.json   ids that HF tokenizers give texts with a tokenizer.json, special tokens left out; prints JSON
"""

import json
import math
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Q
from tokenizers import Tokenizer
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

CONTEXT = 64
SIZES = dict(
    hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=32, vocab_size=288,
    max_position_embeddings=CONTEXT, rms_norm_eps=1e-5, rope_theta=10000.0, bos_token_id=256, eos_token_id=257, tie_word_embeddings=False,
)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=16)

# Changes of the configuration, the type of the matrices, and what the file has besides.
CASES = {
    "plain": ({}, Q.F32, {}),
    "biases": (dict(attention_bias=True, mlp_bias=True), Q.F32, {}),
    "some-biases": (dict(attention_bias=True), Q.F32, dict(drop="attn_output.bias")),
    "tied": (dict(tie_word_embeddings=True, num_key_value_heads=4, head_dim=16), Q.F16, {}),
    "bf16": ({}, Q.BF16, {}),
    "linear": (dict(rope_scaling=dict(rope_type="linear", factor=2.5)), Q.F32, {}),
    "yarn": (dict(rope_scaling=YARN), Q.F32, {}),
    "yarn-attention": (dict(rope_scaling=dict(YARN, attention_factor=1.3)), Q.F32, dict(attention_factor=1.3)),
    "llama3": (dict(rope_theta=500000.0, max_position_embeddings=131072, rope_scaling=LLAMA3), Q.F32, {}),
    "llama3-short": (dict(rope_scaling=dict(LLAMA3, factor=32.0, original_max_position_embeddings=32)), Q.F32, {}),
    "llama3-odd": (
        dict(rope_theta=2000.0, rope_scaling=dict(LLAMA3, factor=2.5, low_freq_factor=2.0, high_freq_factor=7.0, original_max_position_embeddings=700)),
        Q.F32, {},
    ),
    "window": (dict(sliding_window=16), Q.F32, {}),
    "q8_0": ({}, Q.Q8_0, {}),
    "q4_0": ({}, Q.Q4_0, {}),
    "q5_1": ({}, Q.Q5_1, {}),
    "padded": ({}, Q.F32, dict(tokens=270)),
    "split": ({}, Q.F16, dict(parts=8)),
}


def permute(weights: np.ndarray, heads: int) -> np.ndarray:
    """Rows of each head from halves to neighbours, as llama.cpp turns them."""
    size = weights.shape[0] // heads
    out = np.empty_like(weights)
    for head in range(heads):
        for pair in range(size // 2):
            out[head * size + 2 * pair] = weights[head * size + pair]
            out[head * size + 2 * pair + 1] = weights[head * size + size // 2 + pair]
    return out


def rope_factors(config: LlamaConfig) -> np.ndarray:
    scaling = config.rope_scaling
    low, high, context = scaling["low_freq_factor"], scaling["high_freq_factor"], scaling["original_max_position_embeddings"]
    frequencies = 1.0 / (config.rope_theta ** (torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim))
    factors = []
    for frequency in frequencies:
        wavelength = 2 * math.pi / frequency
        if wavelength < context / high:
            factors.append(1.0)
        elif wavelength > context / low:
            factors.append(scaling["factor"])
        else:
            smooth = (context / wavelength - low) / (high - low)
            factors.append(float(1 / ((1 - smooth) / scaling["factor"] + smooth)))
    return np.array(factors, dtype=np.float32)


ROLES = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
TOP = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}


def gguf_name(name: str) -> str:
    if name in TOP:
        return TOP[name]
    _, _, block, rest = name.split(".", 3)
    role, kind = rest.rsplit(".", 1)
    return f"blk.{block}.{ROLES[role]}.{kind}"


def byte_characters() -> list[str]:
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in visible else chr(next(others)) for byte in range(256)]


def write_case(folder: Path, changes: dict, matrix_type: Q, extra: dict) -> None:
    folder.mkdir(parents=True)
    torch.manual_seed(7)
    is_mistral = "sliding_window" in changes
    config = (MistralConfig if is_mistral else LlamaConfig)(**{**SIZES, **changes})
    model = (MistralForCausalLM if is_mistral else LlamaForCausalLM)(config)
    state = model.state_dict()
    for name, tensor in state.items():
        tensor.normal_(mean=1.0 if "norm" in name else 0.0, std=0.2)
    model.tie_weights()
    parts = extra.get("parts")
    writer = gguf.GGUFWriter(folder / "model.gguf", "llama", split_max_tensors=parts or 0)
    writer.add_name("Small random LLaMA")
    writer.add_license("cc0-1.0")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_theta)
    writer.add_rope_dimension_count(config.head_dim)
    scaling = getattr(config, "rope_scaling", None) or {}
    if scaling.get("rope_type") in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(scaling["rope_type"]))
        writer.add_rope_scaling_factor(scaling["factor"])
    if scaling.get("rope_type") == "yarn":
        writer.add_rope_scaling_orig_ctx_len(scaling["original_max_position_embeddings"])
    if "attention_factor" in extra:
        writer.add_rope_scaling_attn_factors(extra["attention_factor"] / (0.1 * math.log(scaling["factor"]) + 1))
    if is_mistral:
        writer.add_sliding_window(config.sliding_window)
    tokens = [*byte_characters(), "<s>", "</s>", "th", "the", "Ġthe", "<tool>"]
    types = [1] * 256 + [3, 3, 1, 1, 1, 4]
    filler = range(len(tokens), extra.get("tokens", config.vocab_size))
    tokens += [f"[PAD{index}]" for index in filler]
    types += [5] * len(filler)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(["t h", "th e", "Ġ the"])
    writer.add_bos_token_id(256)
    writer.add_eos_token_id(257)
    writer.add_add_bos_token(True)
    writer.add_chat_template("{{ messages }}")
    if scaling.get("rope_type") == "llama3":
        writer.add_tensor("rope_freqs.weight", rope_factors(config))
    for name, tensor in state.items():
        if config.tie_word_embeddings and name == "lm_head.weight":
            continue
        stored_name = gguf_name(name)
        if extra.get("drop") and stored_name.endswith(extra["drop"]):
            tensor.zero_()
            continue
        values = tensor.numpy()
        if "q_proj" in name or "k_proj" in name:
            heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
            stored = permute(values, heads)
        else:
            stored = values
        kind = matrix_type if values.ndim > 1 else Q.F32
        data = gguf.quants.quantize(stored, kind)
        writer.add_tensor(stored_name, data, raw_dtype=kind)
        # What is expected is what was stored.
        kept = gguf.quants.dequantize(data, kind).reshape(values.shape)
        if stored is not values:
            order = np.argsort(permute(np.arange(values.shape[0]), heads))
            kept = kept[order]
        tensor.copy_(torch.from_numpy(np.ascontiguousarray(kept)))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    if extra.get("drop"):
        model.load_state_dict(state)
    model.save_pretrained(folder / "expected", safe_serialization=True)


def logits_of(model: torch.nn.Module, ids: list[int]) -> np.ndarray:
    with torch.no_grad():
        return model.eval()(torch.tensor([ids])).logits[0].float().numpy()


def llama_cpp(path: Path):
    from llama_cpp import Llama

    return Llama(str(path), n_ctx=CONTEXT, logits_all=True, type_k=0, type_v=0, flash_attn=False, n_threads=1, verbose=False)


def difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).max())


def compare(folder: Path, name: str) -> dict:
    kind = MistralForCausalLM if name == "window" else LlamaForCausalLM
    expected = kind.from_pretrained(folder / "expected", torch_dtype=torch.float32)
    imported = kind.from_pretrained(folder / "imported", torch_dtype=torch.float32)
    ours, theirs = imported.state_dict(), expected.state_dict()
    ids = [(17 * place + 3) % 250 for place in range(48)]
    first = next(iter(sorted(folder.glob("model*.gguf"))))
    result = {
        "tensors": sorted(ours) == sorted(theirs) and all(torch.equal(ours[key], theirs[key]) for key in theirs),
        "transformers": difference(logits_of(imported, ids), logits_of(expected, ids)),
    }
    tokenizer = AutoTokenizer.from_pretrained(folder / "imported")
    text = "the th\u00e9 the <tool></s>"
    result["ids"] = tokenizer(text)["input_ids"]
    # llama.cpp has no window for this architecture, wants a token for each row, and computes what is not F32 in another precision.
    if CASES[name][1] == Q.F32 and name not in ("window", "padded"):
        llama = llama_cpp(first)
        llama.eval(ids)
        result["llama.cpp"] = difference(logits_of(imported, ids), np.array(llama.scores[: len(ids)]))
        result["llama.cpp ids"] = llama.tokenize(text.encode(), add_bos=True, special=True)
    result["template"] = tokenizer.chat_template
    return result


def compare_gguf(path: Path, folder: Path) -> dict:
    theirs = LlamaForCausalLM.from_pretrained(path.parent, gguf_file=path.name, torch_dtype=torch.float32)
    ours = LlamaForCausalLM.from_pretrained(folder, torch_dtype=torch.float32)
    a, b = ours.state_dict(), theirs.state_dict()
    ids = [(7919 * place + 3) % ours.config.vocab_size for place in range(64)]
    return {
        "tensors": sorted(a) == sorted(b) and all(torch.equal(a[key], b[key]) for key in b),
        "transformers": difference(logits_of(ours, ids), logits_of(theirs, ids)),
    }


def main() -> None:
    command, folder = sys.argv[1], Path(sys.argv[2])
    with torch.no_grad():
        if command == "write":
            for name, case in CASES.items():
                write_case(folder / name, *case)
            print(json.dumps(list(CASES)))
        elif command == "compare":
            print(json.dumps({name: compare(folder / name, name) for name in CASES}))
        elif command == "ids":
            tokenizer = Tokenizer.from_file(sys.argv[2])
            tokenizer.no_truncation()
            print(json.dumps([tokenizer.encode(text, add_special_tokens=False).ids for text in json.loads(Path(sys.argv[3]).read_text())]))
        else:
            print(json.dumps(compare_gguf(folder, Path(sys.argv[3]))))


if __name__ == "__main__":
    main()
