"""The other side of `strata bench import`: Hugging Face's datasets and tokenizers on the same files, as one line of JSON.

What is done is what its users do: the files are read into a dataset, a part is held out, every text is made into tokens by the fast tokenizer (whose
threads use all cores, which is faster here than several processes), and the result is saved.
"""

import json
import sys
import time

import datasets
import tokenizers

job = json.load(open(sys.argv[1], encoding="utf-8"))
datasets.disable_progress_bars()
tokenizer = tokenizers.Tokenizer.from_file(job["tokenizer"])
tokenizer.no_truncation()
tokenizer.no_padding()
tokenizer.encode_special_tokens = True


def encode(batch):
    return {"input_ids": [encoding.ids for encoding in tokenizer.encode_batch_fast(batch["text"], add_special_tokens=False)]}


began = time.perf_counter()
loaded = datasets.load_dataset("json", data_files=job["files"], split="train", cache_dir=job["cache"])
parts = loaded.train_test_split(test_size=0.01, seed=0)
encoded = parts.map(encode, batched=True, num_proc=job["processes"], remove_columns=["text"])
encoded.save_to_disk(job["destination"])
seconds = time.perf_counter() - began
tokens = sum(len(ids) for part in encoded.values() for batch in part.iter(1000) for ids in batch["input_ids"])
print(json.dumps({"versions": f"datasets {datasets.__version__}, tokenizers {tokenizers.__version__}", "seconds": seconds, "tokens": tokens}))
