"""lm-evaluation-harness's side of multiple choice: its own tasks and its own model class (HFLM) on the rows that Strata scored.

A job is {"model": folder, "sets": [{"task": name, "rows": path of JSON Lines}], "out": path}; of each set, in the order of its rows, what it
computed is written to "out": the log-likelihood of every choice, whether each is greedy, and the choices that acc, acc_norm (by characters)
and acc_bytes take, with what its own process_results says of them.
"""

import json
import logging
import os
import sys
import tempfile
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_DATASETS_DISABLE_PROGRESS_BARS="1", TOKENIZERS_PARALLELISM="false")

import lm_eval.tasks  # noqa: E402
import numpy as np  # noqa: E402
from lm_eval.api.metrics import mean_stderr  # noqa: E402
from lm_eval.api.task import ConfigurableTask  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402
from lm_eval.tasks._yaml_loader import load_yaml  # noqa: E402

logging.disable(logging.WARNING)
TASKS = Path(lm_eval.tasks.__file__).parent
METRICS = [{"metric": name, "aggregation": "mean", "higher_is_better": True} for name in ("acc", "acc_norm", "acc_bytes")]
FILES = {
    "arc": "arc/arc_easy.yaml",
    "hellaswag": "hellaswag/hellaswag.yaml",
    "winogrande": "winogrande/default.yaml",
    "aqua": "agieval/aqua-rat.yaml",
}
# Rows that hold the prompt as it is: no published task has this form, the fields are those that agieval's tasks use.
GENERIC = {"output_type": "multiple_choice", "doc_to_text": "{{query}}", "doc_to_choice": "{{choices}}", "doc_to_target": "{{gold}}"}


def task_of(name, rows, scratch):
    if name == "generic":
        config = dict(GENERIC)
    elif name.startswith("mmlu_"):
        config = load_yaml(TASKS / "mmlu" / "default" / f"{name}.yaml")
    else:
        config = load_yaml(TASKS / FILES[name])
    for key in ("tag", "group", "include", "process_results", "fewshot_split", "fewshot_config", "training_split", "test_split"):
        config.pop(key, None)
    path = Path(scratch) / f"{name}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = {"dataset_path": "json", "dataset_name": None, "dataset_kwargs": {"data_files": {"validation": str(path)}}}
    return ConfigurableTask(config={**config, **data, "task": name, "validation_split": "validation", "metric_list": METRICS})


def answers(lm, name, rows, scratch):
    task = task_of(name, rows, scratch)
    task.build_all_requests(limit=None, rank=0, world_size=1)
    scores = lm.loglikelihood(task.instances, disable_tqdm=True)
    by_doc = {}
    for instance, score in zip(task.instances, scores, strict=True):
        by_doc.setdefault(instance.doc_id, []).append(score)
    found = []
    for doc_id, doc in task.doc_iterator(rank=0, limit=None, world_size=1):
        results = by_doc[doc_id]
        sums = np.array([score for score, _ in results])
        choices = task.doc_to_choice(doc)
        judged = task.process_results(doc, results)
        found.append(
            {
                "logLikelihoods": sums.tolist(),
                "greedy": [greedy for _, greedy in results],
                "choice": int(np.argmax(sums)),
                "perCharacter": int(np.argmax(sums / np.array([float(len(each)) for each in choices]))),
                "perByte": int(np.argmax(sums / np.array([float(len(each.encode("utf-8"))) for each in choices]))),
                "right": [bool(judged[name]) for name in ("acc", "acc_norm", "acc_bytes")],
            }
        )
    return found


def answers_of_set(lm, name, rows):
    with tempfile.TemporaryDirectory() as scratch:
        if name != "mmlu":
            return answers(lm, name, rows, scratch)
        found = [None] * len(rows)
        for subject in {row["subject"]: None for row in rows}:
            places = [place for place, row in enumerate(rows) if row["subject"] == subject]
            for place, answer in zip(places, answers(lm, f"mmlu_{subject}", [rows[place] for place in places], scratch), strict=True):
                found[place] = answer
        return found


def summary(items):
    rights = [[float(item["right"][metric]) for item in items] for metric in range(3)]
    return {"items": items, "accuracies": [float(np.mean(right)) for right in rights], "errors": [mean_stderr(right) for right in rights]}


job = json.load(open(sys.argv[1]))
lm = HFLM(pretrained=job["model"], dtype="float32", device="cpu", batch_size=32)
results = [
    summary(answers_of_set(lm, each["task"], [json.loads(line) for line in open(each["rows"]) if line.strip()])) for each in job["sets"]
]
json.dump(results, open(job["out"], "w"))
print(len(results))
