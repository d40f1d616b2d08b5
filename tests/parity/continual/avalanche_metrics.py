"""Forgetting, backward and forward transfer as avalanche-lib computes them: matrices [T + 1, T] in, figures out, as one JSON document each.

    python avalanche_metrics.py tests/fixtures/continual/matrices.json > tests/fixtures/continual/avalanche.json

The classes of avalanche.evaluation.metrics are fed as its evaluation plugin feeds them: a value is a task's first one (`initial`) in the evaluation
after the task itself was trained, and its last one in every later evaluation. Their two files import names of the rest of avalanche for other classes,
and with it torchvision and two dozen packages that compute none of these figures: stand-ins take its place.
"""

import importlib.util
import json
import statistics
import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from unittest.mock import MagicMock

FOLDER = Path(importlib.util.find_spec("avalanche").submodule_search_locations[0]) / "evaluation" / "metrics"


class Metric:
    """What avalanche's metrics inherit from: an interface, without code."""

    def __class_getitem__(cls, _):
        return cls


def load(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


definitions = ModuleType("avalanche.evaluation.metric_definitions")
definitions.Metric, definitions.PluginMetric = Metric, type("PluginMetric", (Metric,), {})
sys.modules["avalanche.evaluation.metric_definitions"] = definitions
for part in ("avalanche", "avalanche.evaluation", "avalanche.evaluation.metric_results", "avalanche.evaluation.metrics", "avalanche.evaluation.metric_utils"):
    sys.modules[part] = MagicMock()

forgetting_file, transfer_file = load("forgetting_bwt"), load("forward_transfer")


def figures(matrix):
    tasks = len(matrix) - 1
    forgetting, backward, forward = forgetting_file.Forgetting(), forgetting_file.BWT(), transfer_file.ForwardTransfer()
    for task in range(1, tasks + 1):
        forward.update(task, matrix[0][task - 1], initial=True)
    for row in range(1, tasks + 1):
        for task in range(1, tasks + 1):
            value = matrix[row][task - 1]
            for metric in (forgetting, backward):
                metric.update(task, value, initial=row == task)
            if task == row + 1:
                forward.update(task, value)
    # What was evaluated after a task but not trained before has no first value yet; the last task has no later one.
    kept = [task for task in range(1, tasks)]
    return {
        "forgetting": statistics.fmean(forgetting.result_key(task) for task in kept),
        "backwardTransfer": statistics.fmean(backward.result_key(task) for task in kept),
        "forwardTransfer": statistics.fmean(forward.result_key(task) for task in range(2, tasks + 1)),
    }


matrices = json.load(open(sys.argv[1]))
print(json.dumps({"version": version("avalanche-lib"), "figures": [figures(matrix) for matrix in matrices]}))
