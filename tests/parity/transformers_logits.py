"""Loads a model folder with Hugging Face transformers and writes what it computes for texts, for a comparison with Strata.

usage: transformers_logits.py MODEL_FOLDER TEXTS.json OUT_FOLDER [ADAPTER_FOLDER]

OUT_FOLDER gets ids.json (the token ids of each text) and logits-N.f32 (float32, row by row, of text N).
With an adapter's folder peft puts that adapter on the model.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, texts_path, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
torch.set_num_threads(2)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
blocks = len(model.model.layers)
kind = type(model).__name__
if len(sys.argv) > 4:
    from peft import PeftModel

    model = PeftModel.from_pretrained(model, sys.argv[4])
model.eval()
all_ids = []
with torch.no_grad():
    for number, text in enumerate(json.loads(texts_path.read_text(encoding="utf-8"))):
        ids = tokenizer(text)["input_ids"][: model.config.max_position_embeddings]
        all_ids.append(ids)
        logits = model(torch.tensor([ids])).logits[0]
        (out / f"logits-{number}.f32").write_bytes(logits.contiguous().numpy().astype("<f4").tobytes())
(out / "ids.json").write_text(json.dumps({"ids": all_ids, "class": kind, "blocks": blocks}))
