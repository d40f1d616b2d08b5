"""Trains a byte-level vocabulary whose tokens cross words, numbers and lines, so that every place where a text is cut shows in its tokens.

usage: train_tokenizer.py TEXTS.json SIZE OUT.json
"""

import json
import sys
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

texts, size, out = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), int(sys.argv[2]), sys.argv[3]
tokenizer = Tokenizer(models.BPE())
# Whole lines with what is before and after them; the trainer is slow on longer words.
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
trainer = trainers.BpeTrainer(
    vocab_size=size,
    initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    special_tokens=["<s>", "</s>"],
    show_progress=False,
)
tokenizer.train_from_iterator([text[at : at + 40] for text in texts for step in (0, 17) for at in range(step, len(text), 40)], trainer)
tokenizer.save(out)
