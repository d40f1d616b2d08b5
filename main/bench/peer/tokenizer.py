"""The other side of `strata bench tokenizer`: seconds that Hugging Face's tokenizers takes for the same documents, as one line of JSON."""

import json
import sys
import time

import tokenizers

tokenizer_path, texts_path = sys.argv[1:]
tokenizer = tokenizers.Tokenizer.from_file(tokenizer_path)
tokenizer.no_truncation()
tokenizer.no_padding()
tokenizer.encode_special_tokens = True
with open(texts_path, encoding="utf-8") as file:
    documents = json.load(file)

began = time.perf_counter()
tokens = sum(len(tokenizer.encode(text).ids) for text in documents)
between = time.perf_counter()
for encoding in tokenizer.encode_batch_fast(documents):
    encoding.ids
ended = time.perf_counter()
print(json.dumps({"version": tokenizers.__version__, "tokens": tokens, "oneThread": between - began, "allCores": ended - between}))
