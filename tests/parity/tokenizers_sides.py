"""Ids and texts of Hugging Face's tokenizers, of transformers' converters and of SentencePiece, for tests/parity/tokenizers.test.ts.

    tokenizers_sides.py encode JOBS                     ids of texts by tokenizers, and what they decode to
    tokenizers_sides.py pieces JOBS                     the same by SentencePiece
    tokenizers_sides.py convert TOKENIZER_MODEL OUT     the tokenizer.json that transformers makes
    tokenizers_sides.py variants TEXT FOLDER            small tokenizers of many kinds, trained on a text
    tokenizers_sides.py models TEXT FOLDER              small SentencePiece models of every kind
    tokenizers_sides.py recorded TEXT FOLDER            tests/fixtures/sentencepiece, from its texts.json

JOBS is a JSON file of [{"tokenizer", "texts", "out", "interpreted"}]: a tokenizer's file, a JSON file of texts, where the answers go, and
whether special tokens in texts are interpreted. Answers are OUT.ids (for each text the number of its ids, then the ids, as int32) and
OUT.json (what the ids of each text decode to, null where it is the text itself).
"""

import array
import json
import os
import sys

BATCH_CHARACTERS = 4_000_000


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def batches_of(texts):
    """Encodings of all texts at once would need gigabytes."""
    batch, characters = [], 0
    for text in texts:
        batch.append(text)
        characters += len(text)
        if characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    yield batch


def answer(jobs, sides_of):
    for job in read_json(jobs):
        encode, decode = sides_of(job)
        decoded = []
        with open(job["out"] + ".ids", "wb") as file:
            for batch in batches_of(read_json(job["texts"])):
                encoded = encode(batch)
                for ids in encoded:
                    array.array("i", [len(ids), *ids]).tofile(file)
                decoded += [None if text == other else text for text, other in zip(decode(encoded), batch)]
        with open(job["out"] + ".json", "w", encoding="utf-8") as file:
            file.write(json.dumps(decoded))  # json.dump would take ten times as long


def encode(jobs):
    from tokenizers import Tokenizer

    def sides_of(job):
        tokenizer = Tokenizer.from_file(job["tokenizer"])
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = not job.get("interpreted")
        return lambda texts: [encoding.ids for encoding in tokenizer.encode_batch_fast(texts)], tokenizer.decode_batch

    answer(jobs, sides_of)


def pieces(jobs):
    from sentencepiece import SentencePieceProcessor

    def sides_of(job):
        processor = SentencePieceProcessor(model_file=job["tokenizer"])
        return processor.encode, lambda encoded: processor.decode(encoded) if encoded else []

    answer(jobs, sides_of)


def convert(path, out):
    from transformers import LlamaTokenizer, LlamaTokenizerFast
    from transformers.convert_slow_tokenizer import LlamaConverter

    slow = LlamaTokenizer(vocab_file=path, legacy=True)
    fast = LlamaTokenizerFast(tokenizer_object=LlamaConverter(slow).converted())
    fast.backend_tokenizer.save(out)


LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
O200K = "|".join(
    [
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)


def variants(text, folder):
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    with open(text, encoding="utf-8") as file:
        lines = file.read().split("\n")
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    specials = ["<unk>", "<s>", "</s>"]
    around = processors.TemplateProcessing(single="<s> $A </s>", pair="$A $B", special_tokens=[("<s>", 1), ("</s>", 2)])

    def bpe(name, normalizer=None, cut=None, decoder=None, byte_level=False, fallback=False, added=(), post=around, **options):
        model = models.BPE(unk_token=None if byte_level else "<unk>", fuse_unk=True, byte_fallback=fallback, **options)
        tokenizer = Tokenizer(model)
        if normalizer:
            tokenizer.normalizer = normalizer
        if cut:
            tokenizer.pre_tokenizer = cut
        if decoder:
            tokenizer.decoder = decoder
        size = 700 if byte_level else 600
        first = specials + ([f"<0x{byte:02X}>" for byte in range(256)] if fallback else [])
        trainer = trainers.BpeTrainer(
            vocab_size=size + len(first),
            special_tokens=first,
            initial_alphabet=alphabet if byte_level else [],
            show_progress=False,
            **({} if byte_level else {"limit_alphabet": 120}),
            **{name: options[name] for name in ("continuing_subword_prefix", "end_of_word_suffix") if name in options},
        )
        tokenizer.train_from_iterator(lines, trainer)
        tokenizer.add_tokens(list(added))
        if post:
            tokenizer.post_processor = post
        value = json.loads(tokenizer.to_str())
        if fallback:  # bytes are pieces, not marks
            value["added_tokens"] = [token for token in value["added_tokens"] if not token["content"].startswith("<0x")]
        with open(os.path.join(folder, name + ".json"), "w", encoding="utf-8") as file:
            json.dump(value, file)

    level = pre_tokenizers.ByteLevel
    regex_then_bytes = lambda pattern: pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), "isolated"), level(add_prefix_space=False, use_regex=False)]
    )
    bytes_back = decoders.ByteLevel()
    bpe("gpt2", cut=level(add_prefix_space=False), decoder=bytes_back, byte_level=True)
    bpe("gpt2-prefix", cut=level(add_prefix_space=True), decoder=bytes_back, byte_level=True, post=processors.ByteLevel(trim_offsets=True))
    bpe("llama3", cut=regex_then_bytes(LLAMA3), decoder=bytes_back, byte_level=True, ignore_merges=True)
    bpe("qwen", normalizer=normalizers.NFC(), cut=regex_then_bytes(QWEN), decoder=bytes_back, byte_level=True)
    bpe("o200k", cut=regex_then_bytes(O200K), decoder=bytes_back, byte_level=True)
    bpe("digits", cut=pre_tokenizers.Sequence([pre_tokenizers.Digits(True), level(add_prefix_space=False)]), decoder=bytes_back, byte_level=True)
    bpe("digit-rows", cut=pre_tokenizers.Sequence([pre_tokenizers.Digits(False), level(add_prefix_space=False)]), decoder=bytes_back, byte_level=True)
    bpe("nfkc", normalizer=normalizers.NFKC(), cut=pre_tokenizers.Metaspace(), decoder=decoders.Metaspace())
    bpe("nfd-lower", normalizer=normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()]), cut=pre_tokenizers.Whitespace())
    bpe("strip", normalizer=normalizers.Strip(), cut=pre_tokenizers.WhitespaceSplit())
    bpe("nfkd-punctuation", normalizer=normalizers.NFKD(), cut=pre_tokenizers.Sequence([pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.WhitespaceSplit()]))
    for behavior in ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]:
        for invert in [False, True]:
            bpe(f"split-{behavior}-{invert}", cut=pre_tokenizers.Split(Regex(r"[aeiou]| +"), behavior, invert))
    bpe("bert-cut", cut=pre_tokenizers.BertPreTokenizer(), decoder=decoders.BPEDecoder(), end_of_word_suffix="</w>")
    bpe("word-parts", cut=pre_tokenizers.Whitespace(), continuing_subword_prefix="##")
    bpe("delimiter", cut=pre_tokenizers.CharDelimiterSplit("e"))
    llama2_back = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    llama2_normal = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    bpe("llama2", normalizer=llama2_normal, decoder=llama2_back, fallback=True)
    for scheme in ["always", "first", "never"]:
        for split in [True, False]:
            cut = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=split)
            decoder = decoders.Metaspace(prepend_scheme=scheme, split=split)
            bpe(f"metaspace-{scheme}-{split}", cut=cut, decoder=decoder, fallback=split)
    bpe(
        "added",
        normalizer=normalizers.Lowercase(),
        cut=pre_tokenizers.Metaspace(prepend_scheme="first"),
        decoder=decoders.Metaspace(),
        added=[
            AddedToken("ABC", normalized=True),
            AddedToken("<mask>", special=True, lstrip=True, normalized=False),
            AddedToken("<sep>", special=True, rstrip=True, normalized=False),
            AddedToken("the", single_word=True, normalized=False),
            AddedToken("<|a|>", normalized=False),
            AddedToken("<|a|><|b|>", special=True, normalized=False),
        ],
    )
    bpe(
        "added-strips",
        cut=level(add_prefix_space=False),
        decoder=bytes_back,
        byte_level=True,
        added=[
            AddedToken("the", lstrip=True, rstrip=True),
            AddedToken("cat", single_word=True, rstrip=True),
            AddedToken("<sep>", special=True, rstrip=True),
            AddedToken("\n\n"),
            AddedToken(" a"),
            AddedToken(" o", normalized=False),
        ],
    )
    for name, fallback in [("unigram", False), ("unigram-bytes", True)]:
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()]) if fallback else decoders.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=700, special_tokens=specials, unk_token="<unk>", show_progress=False)
        tokenizer.train_from_iterator(lines, trainer)
        tokenizer.post_processor = around
        value = json.loads(tokenizer.to_str())
        if fallback:
            value["model"]["byte_fallback"] = True
            value["model"]["vocab"] += [[f"<0x{byte:02X}>", -50.0] for byte in range(256)]
        with open(os.path.join(folder, name + ".json"), "w", encoding="utf-8") as file:
            json.dump(value, file)


USER_DEFINED = ["<sep>", "foo_", "fo", "▁the▁end", "ß", "  ", "e\u0301", "日本"]


def train(path, text, **options):
    """A SentencePiece model with a vocabulary of 900 pieces, as its proto."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2

    options = {"vocab_size": 900, "character_coverage": 0.999, "minloglevel": 2, "num_threads": 1, **options}
    sentencepiece.SentencePieceTrainer.train(input=text, model_prefix=path, **options)
    os.remove(path + ".vocab")
    model = sentencepiece_model_pb2.ModelProto()
    with open(path + ".model", "rb") as file:
        model.ParseFromString(file.read())
    return model


def write(path, model):
    with open(path + ".model", "wb") as file:
        file.write(model.SerializeToString())


def leave_out(model):
    """Each seventh piece of several characters becomes one that does not come out."""
    longer = [piece for piece in model.pieces if piece.type == piece.NORMAL and len(piece.piece) > 1]
    for piece in longer[::7]:
        piece.type = piece.UNUSED
    return model


def sentencepiece_models(text, folder):
    marks = dict(user_defined_symbols=USER_DEFINED, control_symbols=["<ctl>", "<|im_start|>"])
    for kind in ["bpe", "unigram"]:
        for name, options in {
            "nfkc": dict(normalization_rule_name="nmt_nfkc", byte_fallback=True),
            "nfkc-cf": dict(normalization_rule_name="nmt_nfkc_cf"),
            "plain": dict(normalization_rule_name="identity", byte_fallback=True, remove_extra_whitespaces=False),
            "plain-spaces": dict(normalization_rule_name="identity"),
            "no-prefix": dict(normalization_rule_name="identity", add_dummy_prefix=False),
            "bare": dict(normalization_rule_name="nmt_nfkc", add_dummy_prefix=False, remove_extra_whitespaces=False),
            "symbols": dict(normalization_rule_name="nmt_nfkc", byte_fallback=True, **marks),
            "symbols-plain": dict(normalization_rule_name="identity", remove_extra_whitespaces=False, unk_surface="<?>", **marks),
            "other-ids": dict(normalization_rule_name="identity", byte_fallback=True, pad_id=0, eos_id=1, unk_id=2, bos_id=-1),
        }.items():
            train(os.path.join(folder, f"{kind}-{name}"), text, model_type=kind, **options)
        for name, options in {"unused": {}, "unused-symbols": marks}.items():
            path = os.path.join(folder, f"{kind}-{name}")
            write(path, leave_out(train(path, text, model_type=kind, normalization_rule_name="identity", **options)))


RULES = ["41 0300\tC0", "41 0300 0301\t42", "61 0301\tE1", "1100 1161\tAC00", "1100 1161 11A8\tAC01", "FB01\t66 69", "AD\t", "3000\t20", "2003\t20 20"]


def recorded(text, folder):
    """Small models for the unit tests, and what SentencePiece says to their texts (tests/fixtures/sentencepiece)."""
    from sentencepiece import SentencePieceProcessor

    rules = os.path.join(folder, "rules.tsv")
    with open(rules, "w", encoding="utf-8") as file:
        file.write("\n".join(RULES))
    texts = read_json(os.path.join(folder, "texts.json"))
    answers = {}
    for kind in ["bpe", "unigram"]:
        for name, options in {
            "symbols": dict(byte_fallback=True, user_defined_symbols=USER_DEFINED, control_symbols=["<ctl>"], normalization_rule_name="identity"),
            "rules": dict(normalization_rule_tsv=rules, user_defined_symbols=["A\u0300x"]),
            "blanks": dict(normalization_rule_name="identity", remove_extra_whitespaces=False, unk_surface="<?>"),
        }.items():
            path = os.path.join(folder, f"{kind}-{name}")
            model = train(path, text, model_type=kind, **{**options, "vocab_size": 420 if "byte_fallback" in options else 160})
            for spec, field in [(model.trainer_spec, "input"), (model.trainer_spec, "model_prefix"), (model.normalizer_spec, "normalization_rule_tsv")]:
                spec.ClearField(field)  # a place on this machine
            write(path, leave_out(model) if name == "blanks" else model)
            processor = SentencePieceProcessor(model_file=path + ".model")
            answers[f"{kind}-{name}"] = [{"ids": ids, "decoded": processor.decode(ids)} for ids in processor.encode(texts)]
    os.remove(rules)
    with open(os.path.join(folder, "answers.json"), "w", encoding="utf-8") as file:
        json.dump(answers, file)


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    {"encode": encode, "pieces": pieces, "convert": convert, "variants": variants, "models": sentencepiece_models, "recorded": recorded}[command](*arguments)
