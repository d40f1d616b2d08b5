"""Loads a GGUF file with llama.cpp, and with the gguf package's reader, for a comparison with Strata.

usage: llama_cpp_logits.py FILE.gguf REQUEST.json OUT_FOLDER

REQUEST.json has texts (tokenised and computed), tokenise (tokenised only), greedy (the number of tokens to continue the first text with) and
context; and tokenizer, a tokenizer.json that the tokenizers package encodes all texts with. OUT_FOLDER gets result.json (ids and text as llama.cpp sees them, the file's metadata and tensors as the gguf package does) and
logits-N.f32 (float32, row by row, of text N).
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from gguf import GGUFReader
from llama_cpp import Llama
from tokenizers import Tokenizer

path, request, out = sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")), Path(sys.argv[3])

F32 = 0  # ggml_type: a cache of half floats would hide what the file holds
llama = Llama(
    path,
    n_ctx=request["context"],
    n_batch=request["context"],
    n_ubatch=request["context"],
    n_threads=2,
    logits_all=True,
    flash_attn=False,
    type_k=F32,
    type_v=F32,
    use_mmap=True,
    verbose=False,
)


def tokenise(text: str) -> list[int]:
    return llama.tokenize(text.encode("utf-8"), add_bos=True, special=False) if text else []


def evaluate(ids: list[int]) -> np.ndarray:
    llama.reset()
    llama.eval(ids)
    return np.array(llama.scores[: len(ids)], dtype="<f4")


ids = [tokenise(text)[: request["context"] - request["greedy"]] for text in request["texts"]]
for number, one in enumerate(ids):
    (out / f"logits-{number}.f32").write_bytes(evaluate(one).tobytes())

greedy: list[int] = []
if request["greedy"]:
    scores = evaluate(ids[0])[-1]
    for _ in range(request["greedy"]):
        greedy.append(int(scores.argmax()))
        llama.eval(greedy[-1:])
        scores = llama.scores[llama.n_tokens - 1]

reader = GGUFReader(path)
metadata = {
    key: field.contents()
    for key, field in reader.fields.items()
    if not key.startswith(("GGUF.", "tokenizer.ggml.tokens", "tokenizer.ggml.scores", "tokenizer.ggml.merges", "tokenizer.ggml.token_type"))
}
tensors = {
    tensor.name: {
        "type": tensor.tensor_type.name,
        "shape": [int(length) for length in reversed(tensor.shape)],
        "sha256": hashlib.sha256(np.ascontiguousarray(tensor.data).tobytes()).hexdigest(),
    }
    for tensor in reader.tensors
}
reference = Tokenizer.from_file(request["tokenizer"])
reference.no_truncation()
result = {
    "reference": [reference.encode(text).ids if text else [] for text in request["tokenise"]],
    "ids": ids,
    "tokenised": [tokenise(text) for text in request["tokenise"]],
    "greedy": greedy,
    "greedyText": llama.detokenize(greedy).decode("utf-8", errors="replace"),
    "metadata": metadata,
    "tensors": tensors,
}
(out / "result.json").write_text(json.dumps(result), encoding="utf-8")
