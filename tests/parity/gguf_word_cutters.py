"""Token ids of byte-level GGUF vocabularies for every way to cut words that Strata knows, as llama.cpp and HF tokenizers give them.

usage: gguf_word_cutters.py write OUT_FOLDER NAME...    OUT_FOLDER/NAME/model.gguf: a vocabulary without tensors, whose merges join what cutters cut
       gguf_word_cutters.py compare OUT_FOLDER NAME...  compares llama.cpp with OUT_FOLDER/NAME/tokenizer.json (made from the file); prints JSON,
                                                         and writes texts.json and NAME/ids.json
"""

import json
import random
import sys
from pathlib import Path

import gguf
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

FRAGMENTS = [
    "the", "The", "HELLO", "helloWorld", "don't", "DON'T", "we'll", "I'm", "it's", "'s", "a", "b", "é", "naïve", "Ärger", "straße", "слово", "Слово",
    "1", "12", "123", "1234", "12345678", "3.14", "x1", "1x", "٣", "²", "½", ".", ",", "!", "?!", "...", "(", ")", "$", "+", "<=", "=>", "^", "~", "|", "`",
    "#", "_", "-", "/", "//", "\\", "@", "“", "”", "—", "。", "，", "中文", "日本語", "かな", "한국어", "😀", "👍", "\n", "\n\n", "\r\n", "\t", " ", "  ", "    ",
    " \n", "\n ", "the ", " the", " 12", " .",
]


def texts(seed: int, count: int) -> list[str]:
    stream = random.Random(seed)
    return ["".join(stream.choice(FRAGMENTS) for _ in range(stream.randint(1, 12))) for _ in range(count)]


def write(out: Path, names: list[str]) -> None:
    # A vocabulary that was trained on uncut texts has tokens across all kinds of borders.
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=3000, initial_alphabet=alphabet, special_tokens=["<s>", "</s>"], show_progress=False)
    tokenizer.train_from_iterator(texts(1, 20000), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    for name in names:
        (out / name).mkdir()
        writer = gguf.GGUFWriter(out / name / "model.gguf", "llama")
        writer.add_context_length(64)
        writer.add_embedding_length(32)
        writer.add_block_count(1)
        writer.add_feed_forward_length(32)
        writer.add_head_count(1)
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(name)
        writer.add_token_list(tokens)
        writer.add_token_types([3, 3] + [1] * (len(tokens) - 2))
        writer.add_token_merges([" ".join(pair) for pair in model["merges"]])
        writer.add_bos_token_id(0)
        writer.add_eos_token_id(1)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    print(json.dumps(len(tokens)))


def compare(out: Path, names: list[str]) -> None:
    from llama_cpp import Llama

    results = {}
    (out / "texts.json").write_text(json.dumps(texts(2, 1000)))
    for name in names:
        llama = Llama(str(out / name / "model.gguf"), vocab_only=True, verbose=False)
        hugging = Tokenizer.from_file(str(out / name / "tokenizer.json"))
        (out / name / "ids.json").write_text(json.dumps([hugging.encode(text).ids for text in texts(2, 1000)]))
        different = []
        for text in texts(2, 1000):
            # llama.cpp's own expression for Tekken tells only A to Z from a to z; the one of tokenizer.json, which its comment cites, all letters.
            if name in ("tekken", "gpt-4o") and any(letter.isalpha() and not letter.isascii() for letter in text):
                continue
            expected = llama.tokenize(text.encode(), add_bos=True, special=False)
            ids = hugging.encode(text).ids
            if ids != expected:
                different.append([text, [hugging.id_to_token(i) for i in ids], [hugging.id_to_token(i) for i in expected]])
        results[name] = {"different": len(different), "first": different[:3]}
    print(json.dumps(results))


{"write": write, "compare": compare}[sys.argv[1]](Path(sys.argv[2]), sys.argv[3:])
