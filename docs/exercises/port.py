"""Exercise: a port of 784-32-10, with a bug. Find it by the memory state; then put a program of your own in its place.

groundup memstate record --network 784-32-10 --data strokes --steps 3 --out reference.safetensors
python port.py reference.safetensors port.safetensors
groundup memstate diff reference.safetensors port.safetensors
"""

import json
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file


def train_step(state, x, labels, rate, momentum):
    """Train on one batch: x (N, 784), labels (N,). Return the new state, and all values on the way, in order."""
    count = len(x)
    z = x @ state["0.weight"].T + state["0.bias"]
    h = np.maximum(z, 0)
    y = h @ state["2.weight"].T + state["2.bias"]
    powers = np.exp(y - y.max(axis=1, keepdims=True))
    p = powers / powers.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(count), labels]).mean()
    dy = (p - np.eye(10)[labels]) / count
    dz = (dy @ state["2.weight"]) * (z > 0)
    gradients = {"0.weight": dz.T @ x, "0.bias": dz.sum(axis=0), "2.weight": dy.T @ h, "2.bias": dy.sum(axis=0)}
    new = {"steps": state["steps"] + 1}
    for name, gradient in gradients.items():
        new[f"velocity/{name}"] = momentum * state[f"velocity/{name}"] + (1 - momentum) * gradient
        new[name] = state[name] - rate * new[f"velocity/{name}"]
    computed = {"inputs": x, "output/0": z, "output/1": h, "output/2": y, "loss": loss}
    return new, computed | {f"gradient/{name}": gradient for name, gradient in gradients.items()}


def port(reference, out):
    """Read the batches and the initial state of a recording, train, and write what was computed."""
    given = load_file(reference)
    with safe_open(reference, "numpy") as file:
        setup = json.loads(file.metadata()["groundup"])["setup"]
    state = {name.removeprefix("step/0/"): value for name, value in given.items() if name.startswith("step/0/")}
    values = {}
    for step in range(1, 1 + sum(name.endswith("/pixels") for name in given)):
        x = given[f"step/{step}/pixels"].reshape(-1, 784) / 255
        state, computed = train_step(
            state, x, given[f"step/{step}/labels"], setup["learning_rate"], setup["optimizer"]["momentum"]
        )
        values |= {f"step/{step}/{name}": np.array(value) for name, value in (computed | state).items()}
    told = {"format": "groundup memory states 1", "precision": "float64", "backend": "my port", "order": list(values)}
    save_file(values, out, metadata={"groundup": json.dumps(told)})


if __name__ == "__main__":
    port(*sys.argv[1:])
