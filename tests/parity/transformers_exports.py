"""Loads exported model folders with Hugging Face transformers and says what it makes of them, for a comparison with Strata.

usage: transformers_exports.py STORED_FOLDER TEXTS.json OUT_FOLDER EXPORT_FOLDER...

STORED_FOLDER has the tensors as they are stored. For each EXPORT_FOLDER, in order, OUT_FOLDER gets N-M.f32: the logits of text M (float32,
row by row), computed in float32. Prints one JSON list: for each export the element type in its configuration, what loading complained of,
the token ids of each text and of its greedy continuation, the tensors that differ from torch's own conversion of the stored ones, and the
index that save_pretrained writes for the same size of files.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

CONTINUATION = 24


def tensors_of(folder):
    found = {}
    for path in sorted(Path(folder).glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():
                found[name] = file.get_tensor(name)
    return found


stored, texts, out = tensors_of(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")), Path(sys.argv[3])
torch.set_num_threads(2)
results = []
for number, folder in enumerate(sys.argv[4:]):
    model, loading = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, local_files_only=True, output_loading_info=True
    )
    model.eval()
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    ids, continued = [], []
    with torch.no_grad():
        for place, text in enumerate(texts):
            prompt = torch.tensor([tokenizer(text)["input_ids"]])
            ids.append(prompt[0].tolist())
            logits = model(prompt).logits[0]
            (out / f"{number}-{place}.f32").write_bytes(logits.contiguous().numpy().astype("<f4").tobytes())
            # By hand: generate() stops where the generation settings say, and what is compared is the most likely token each time.
            sequence = prompt
            for _ in range(CONTINUATION):
                sequence = torch.cat([sequence, model(sequence).logits[:, -1].argmax(-1, keepdim=True)], dim=1)
            continued.append(sequence[0, prompt.shape[1] :].tolist())
    exported = tensors_of(folder)
    differing = [
        name
        for name in stored.keys() | exported.keys()
        if name not in exported
        or name not in stored
        or not torch.equal(exported[name], stored[name].to(exported[name].dtype))
    ]
    files = sorted(path.name for path in Path(folder).glob("*.safetensors"))
    largest = max((Path(folder) / name).stat().st_size for name in files)
    again = out / f"saved-{number}"
    AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype="auto").save_pretrained(again, max_shard_size=largest)
    index = again / "model.safetensors.index.json"
    results.append(
        {
            "dtype": str(AutoConfig.from_pretrained(folder, local_files_only=True).dtype),
            "complaints": [loading[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys") if loading[key]],
            "ids": ids,
            "continued": continued,
            "differing": differing,
            "files": files,
            "index": json.loads(index.read_text(encoding="utf-8")) if index.exists() else None,
        }
    )
print(json.dumps(results))
