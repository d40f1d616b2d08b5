"""lm-evaluation-harness's side of answers in words: what HFLM writes after prompts, and what GSM8K's filters and metric say of texts.

A job is {"model": folder, "prompts": [...], "maxTokens": n, "texts": [[output, answer], ...], "out": path}; written to "out" are the
generations, and of each text what strict-match and flexible-extract take and whether each is right.
"""

import json
import logging
import os
import sys
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

import lm_eval.tasks  # noqa: E402
from lm_eval.api.instance import Instance  # noqa: E402
from lm_eval.api.metrics import exact_match_hf_evaluate  # noqa: E402
from lm_eval.filters.extraction import RegexFilter  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402
from lm_eval.tasks._yaml_loader import load_yaml  # noqa: E402

logging.disable(logging.WARNING)
config = load_yaml(Path(lm_eval.tasks.__file__).parent / "gsm8k" / "gsm8k.yaml")
job = json.load(open(sys.argv[1]))

lm = HFLM(pretrained=job["model"], dtype="float32", device="cpu", batch_size=1)
kwargs = {**config["generation_kwargs"], "max_gen_toks": job["maxTokens"]}
requests = [Instance("generate_until", {}, (prompt, kwargs), index) for index, prompt in enumerate(job["prompts"])]
written = lm.generate_until(requests, disable_tqdm=True)

metric = {key: value for key, value in config["metric_list"][0].items() if key not in ("metric", "aggregation", "higher_is_better")}
judged = []
for output, answer in job["texts"]:
    found = []
    for each in config["filter_list"]:
        arguments = {key: value for key, value in each["filter"][0].items() if key != "function"}
        extracted = list(RegexFilter(**arguments).apply([[output]], [{}]))[0][0]
        right = exact_match_hf_evaluate(predictions=[extracted], references=[answer], **metric)["exact_match"]
        found.append({"extracted": extracted, "isRight": bool(right)})
    judged.append(found)
json.dump({"written": written, "judged": judged}, open(job["out"], "w"))
print(len(written))
