"""PyTorch's side of `strata bench`: does one job with Hugging Face transformers and prints what it took, as one line of JSON.

usage: bench.py JOB.json        (job and answer: main/bench/job.ts; the other side: main/bench/process.ts)
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from transformers import LlamaForCausalLM


def load(job):
    model = LlamaForCausalLM.from_pretrained(
        job["expandedDirectory"], dtype=torch.float32, attn_implementation="sdpa", local_files_only=True
    )
    return model.to(job["device"])


def read_windows(job):
    """[steps, batch, context + 1]; after the last step they begin anew."""
    ids = numpy.fromfile(job["windowsPath"], dtype="<i4").astype(numpy.int64)
    return torch.from_numpy(ids).view(-1, job["batch"], job["context"] + 1).to(job["device"])


def choose_trained(model, method):
    """Freezes what is not trained: autograd then computes no gradient for it, and none below the lowest trained block."""
    if method["name"] == "lora":
        from peft import LoraConfig, get_peft_model

        config = LoraConfig(
            r=method["rank"], lora_alpha=method["alpha"], target_modules=method["targets"], lora_dropout=0.0, bias="none"
        )
        return get_peft_model(model, config)
    if method["name"] == "expand":
        model.requires_grad_(False)
        for block in method["plan"]["inserted"]:
            model.model.layers[block["position"]].requires_grad_(True)
    return model


def make_optimizer(model, settings):
    """AdamW in its fused form, the fastest one; decay on matrices only."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings["weightDecay"]},
        {"params": [p for p in trained if p.ndim == 1], "weight_decay": 0.0},
    ]
    return trained, torch.optim.AdamW(
        groups,
        lr=settings["learningRate"],
        betas=(settings["beta1"], settings["beta2"]),
        eps=settings["epsilon"],
        fused=True,
    )


def train(job, windows):
    model = choose_trained(load(job), job["method"])
    trained, optimizer = make_optimizer(model, job["optimizer"])
    model.train()

    def step(window):
        logits = model(input_ids=window[:, :-1], use_cache=False).logits
        loss = F.cross_entropy(logits.flatten(0, 1), window[:, 1:].flatten())
        del logits
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, job["optimizer"]["clipNorm"])
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return timed(job, windows, step)


def evaluate(job, windows):
    model = load(job).eval()

    @torch.no_grad()
    def step(window):
        window = window[:, :-1]
        logits = model(input_ids=window, use_cache=False).logits[:, :-1]
        return F.cross_entropy(logits.flatten(0, 1), window[:, 1:].flatten()).item()

    return timed(job, windows, step)


def generate(job, windows):
    model = load(job).eval()
    model.generation_config.eos_token_id = None  # so that both sides produce the same number of tokens
    model.generation_config.pad_token_id = 0

    @torch.no_grad()
    def step(window):
        prompt = window[:1, :-1]
        mask = torch.ones_like(prompt)
        model.generate(prompt, attention_mask=mask, max_new_tokens=job["newTokens"], do_sample=False, use_cache=True)

    return timed(job, windows, step)


@torch.no_grad()
def load_once(job, windows):
    prompt = windows[0, :1, :-1]
    started = time.perf_counter()
    model = load(job).eval()
    model(input_ids=prompt, logits_to_keep=1).logits.argmax(-1).item()
    return {"seconds": [time.perf_counter() - started], "losses": []}


def rewrite(job, windows):
    """The base's weights read and written again; with inserted blocks their copies too, as scripts for block expansion do it."""
    from safetensors.torch import load_file, save_file

    started = time.perf_counter()
    tensors = load_file(Path(job["baseDirectory"]) / "model.safetensors")
    if job["task"] == "expand":
        tensors = expanded(tensors, [block["position"] for block in job["method"]["plan"]["inserted"]])
    save_file(tensors, job["outputPath"], metadata={"format": "pt"})
    descriptor = os.open(job["outputPath"], os.O_RDWR)
    os.fsync(descriptor)
    os.close(descriptor)
    seconds = time.perf_counter() - started
    os.remove(job["outputPath"])
    return {"seconds": [seconds], "losses": []}


def expanded(tensors, positions):
    blocks = 1 + max(int(name.split(".")[2]) for name in tensors if ".layers." in name)
    result = {name: tensor for name, tensor in tensors.items() if ".layers." not in name}
    source = -1
    for position in range(blocks + len(positions)):
        source += position not in positions
        prefix = f"model.layers.{source}."
        for name in [name for name in tensors if name.startswith(prefix)]:
            is_zero = position in positions and name.endswith(("o_proj.weight", "down_proj.weight"))
            copied = torch.zeros_like(tensors[name]) if is_zero else tensors[name].clone()
            result[f"model.layers.{position}.{name.removeprefix(prefix)}"] = copied
    return result


def timed(job, windows, step):
    """Repeats a step and times all but the first ones."""
    seconds, losses = [], []
    for number in range(job["warmUpSteps"] + job["steps"]):
        window = windows[number % len(windows)]
        started = time.perf_counter()
        loss = step(window)
        if job["device"] == "cuda":
            torch.cuda.synchronize()
        if number >= job["warmUpSteps"]:
            seconds.append(time.perf_counter() - started)
        if loss is not None:
            losses.append(loss)
    return {"seconds": seconds, "losses": losses}


def peak_memory():
    """Largest resident set of this process, bytes: see main/bench/process.ts."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM:")) * 1024
    import resource  # does not exist on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


TASKS = {"train": train, "evaluate": evaluate, "generate": generate, "load": load_once, "import": rewrite, "expand": rewrite}

job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
torch.set_num_threads(job["threads"])
measured = TASKS[job["task"]](job, read_windows(job))
print(json.dumps({**measured, "peakMemory": peak_memory()}))
