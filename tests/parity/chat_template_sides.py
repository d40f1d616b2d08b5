"""Ids and masks of conversations by transformers, for tests/parity/chat-template.test.ts.

    chat_template_sides.py JOBS

JOBS is a JSON file of [{"tokenizer", "bos", "eos", "template", "conversations", "out"}]. The answer, in OUT, is [{"ids", "mask"}] of
apply_chat_template. The mask is return_assistant_tokens_mask where the template marks the assistant; else what comes with each of its messages
after the prompt for it, found in the text and put on the tokens by their offsets. It is null where transformers finds none.
"""

import json
import sys

from transformers import PreTrainedTokenizerFast


def mask_by_growth(tokenizer, messages):
    whole = tokenizer.apply_chat_template(messages, tokenize=False)
    encoding = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
    mask = [0] * len(encoding["input_ids"])
    for index, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before = tokenizer.apply_chat_template(messages[:index], tokenize=False, add_generation_prompt=True) if index else ""
        after = tokenizer.apply_chat_template(messages[: index + 1], tokenize=False)
        if not (after.startswith(before) and whole.startswith(after)):
            return None
        for token, (first, last) in enumerate(encoding["offset_mapping"]):
            if first < len(after) and last > len(before):
                mask[token] = 1
        # Where the prompt's own ids begin those of the whole, nothing that is learned lies among them.
        prompt = tokenizer.apply_chat_template(messages[:index], tokenize=True, add_generation_prompt=True) if index else []
        until = tokenizer.apply_chat_template(messages[: index + 1], tokenize=True)
        if encoding["input_ids"][: len(prompt)] == prompt and encoding["input_ids"][: len(until)] == until:
            assert all(mask[len(prompt) : len(until)]), (messages, mask)
    return mask


def answer(job):
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=job["tokenizer"], bos_token=job["bos"], eos_token=job["eos"])
    tokenizer.chat_template = job["template"]
    answers = []
    for messages in job["conversations"]:
        if "generation" in job["template"].replace("add_generation_prompt", ""):
            encoded = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
            # transformers gives up where the first character of what is marked has no token, such as a blank that the tokenizer leaves out.
            mask = encoded["assistant_masks"] if any(encoded["assistant_masks"]) else None
            answers.append({"ids": encoded["input_ids"], "mask": mask})
        else:
            ids = tokenizer.apply_chat_template(messages, tokenize=True)
            answers.append({"ids": ids, "mask": mask_by_growth(tokenizer, messages)})
    with open(job["out"], "w", encoding="utf-8") as file:
        json.dump(answers, file)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        for job in json.load(file):
            answer(job)
