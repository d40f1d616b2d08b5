"""What Hugging Face transformers, peft and PyTorch's AdamW compute, for a comparison with Strata (tests/parity/training.test.ts).

usage: reference.py JOB.json...

A job names a model folder, what of it is trained and windows of token ids, and one of these tasks:
  gradients   logits, loss and gradients of the first batch, to OUT/gradients.safetensors
  train       steps of AdamW, one a batch; their losses and gradient norms
The answers are one line of JSON, a list.
"""

import json
import sys
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM


def load(job):
    method = job["method"]
    model = LlamaForCausalLM.from_pretrained(job["model"], dtype=torch.float32, local_files_only=True)
    if method["name"] == "lora":
        return with_adapters(model, method, job["adapters"])
    if method["name"] in ("expand", "freeze"):
        blocks = method["blocks"] if method["name"] == "freeze" else [block["position"] for block in method["plan"]["inserted"]]
        model.requires_grad_(False)
        for block in blocks:
            model.model.layers[block].requires_grad_(True)
    return model


def with_adapters(model, method, initial_path):
    """LoRA by peft, starting from the values that Strata drew."""
    config = LoraConfig(
        r=method["rank"], lora_alpha=method["alpha"], target_modules=method["targets"], lora_dropout=0.0, bias="none"
    )
    model = get_peft_model(model, config)
    initial = load_file(initial_path)
    with torch.no_grad():
        for name, parameter in trained(model).items():
            parameter.copy_(initial[name])
    return model


def trained(model):
    """Trained parameters by the names that the files use: peft wraps them."""
    return {
        name.removeprefix("base_model.model.").replace(".default", ""): parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }


def read_windows(job):
    """[steps, batch, context + 1]"""
    ids = numpy.fromfile(job["windows"], dtype="<i4").astype(numpy.int64)
    return torch.from_numpy(ids).view(-1, job["batch"], job["context"] + 1)


def loss_of(model, windows):
    logits = model(input_ids=windows[:, :-1], use_cache=False).logits
    return F.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten()), logits


def gradients(job):
    model = load(job)
    loss, logits = loss_of(model, read_windows(job)[0])
    loss.backward()
    values = {name: parameter.grad for name, parameter in trained(model).items()}
    save_file({**values, "logits": logits.detach().contiguous()}, Path(job["out"]) / "gradients.safetensors")
    return {"losses": [loss.item()], "norms": []}


def train(job):
    model = load(job)
    parameters = list(trained(model).values())
    settings = job["optimizer"]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": settings["weightDecay"]},
        {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(
        groups, lr=settings["learningRate"], betas=(settings["beta1"], settings["beta2"]), eps=settings["epsilon"]
    )
    losses, norms = [], []
    for windows in read_windows(job):
        micro_batches = windows.chunk(job["accumulation"])
        total = 0.0
        for micro_batch in micro_batches:
            loss, _ = loss_of(model, micro_batch)
            (loss / len(micro_batches)).backward()
            total += loss.item() / len(micro_batches)
        norms.append(torch.nn.utils.clip_grad_norm_(parameters, settings["clipNorm"]).item())
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(total)
    return {"losses": losses, "norms": norms}


TASKS = {"gradients": gradients, "train": train}

torch.set_num_threads(2)
jobs = [json.loads(Path(path).read_text(encoding="utf-8")) for path in sys.argv[1:]]
print(json.dumps([TASKS[job["task"]](job) for job in jobs]))
