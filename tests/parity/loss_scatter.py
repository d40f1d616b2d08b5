"""How a model's losses scatter within and between documents: what main/datasets/split.ts takes for its estimate of the standard error.

loss_scatter.py MODEL_FOLDER FILE.jsonl[.gz] COLUMN...: of 120 rows, drawn with one seed and cut at 3,000 characters, the mean loss per token, the
deviation as a fraction of it, the intraclass correlation by analysis of variance, and the standard error of the mean by documents beside the one by
the formula.
"""

import gzip
import json
import math
import random
import sys

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

model_folder, path, *columns = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(model_folder)
model = AutoModelForCausalLM.from_pretrained(model_folder).eval()
torch.set_num_threads(1)
context = min(256, model.config.max_position_embeddings)
with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as file:
    texts = [" ".join(row[column] for column in columns) for row in map(json.loads, file)]
random.Random(0).shuffle(texts)

documents = []
for text in texts[:120]:
    ids = tokenizer(text[:3000], add_special_tokens=False)["input_ids"]
    losses = []
    for start in range(0, len(ids) - 1, context):
        window = torch.tensor([ids[start : start + context]])
        if window.shape[1] < 2:
            continue
        with torch.no_grad():
            logits = model(window).logits[0]
        losses.append(torch.nn.functional.cross_entropy(logits[:-1], window[0, 1:], reduction="none").numpy())
    if losses:
        documents.append(np.concatenate(losses))

tokens = np.concatenate(documents)
sizes = np.array([len(each) for each in documents])
means = np.array([each.mean() for each in documents])
total, loss, deviation = len(tokens), tokens.mean(), tokens.std()
between = (sizes * (means - loss) ** 2).sum() / (len(documents) - 1)
within = sum(((each - each.mean()) ** 2).sum() for each in documents) / (total - len(documents))
size = (total - (sizes**2).sum() / total) / (len(documents) - 1)
correlation = (between - within) / (between + (size - 1) * within)
by_documents = math.sqrt((sizes**2 * (means - loss) ** 2).sum()) / total / loss
by_formula = deviation / loss * math.sqrt((1 - correlation) / total + correlation * (sizes**2).sum() / total**2)
print(
    json.dumps(
        {
            "tokens": total,
            "loss": round(float(loss), 3),
            "deviation": round(float(deviation / loss), 3),
            "correlation": round(float(correlation), 4),
            "standardErrorByDocuments": round(float(by_documents), 4),
            "standardErrorByFormula": round(float(by_formula), 4),
        }
    )
)
