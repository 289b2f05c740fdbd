"""Exercise: a training of your own, compared with the reference number by number. It needs no groundup.

    groundup memstate record --network 784-32-10 --out reference.safetensors
    python training.py
    groundup memstate diff reference.safetensors port.safetensors

The network: y = W2 · max(0, W0 · x + b0) + b2, softmax with cross-entropy, SGD with momentum 0.9 and learning rate 0.1.
"""

import json

import numpy as np
from safetensors.numpy import load_file, save_file

LEARNING_RATE, MOMENTUM = 0.1, 0.9


def step(x, target, state):
    """Return every value of one training step, by name; x (N, 784) and target (N, 10), 1 at each label."""
    values = {"inputs": x}
    # Yours to write. All of these are compared, so all must be here, shaped as in the reference:
    #   output/0 (N, 32), output/1 (N, 32), output/2 (N, 10): of the first layer, of ReLU, of the second layer
    #   loss (): the mean cross-entropy
    #   gradient/2.weight (10, 32), gradient/2.bias (10,), gradient/0.weight (32, 784), gradient/0.bias (32,)
    #   and the state after the step: 0.weight, 0.bias, 2.weight, 2.bias, and velocity/0.weight, ... of each of them
    return values | state


def main():
    """Run all steps that the reference has, and write what was computed."""
    given = load_file("reference.safetensors")
    names = [name.removeprefix("step/0/") for name in given if name.startswith("step/0/")]
    state = {name: given[f"step/0/{name}"] for name in names if name != "steps"}
    values, number = {}, 0
    while f"step/{number + 1}/pixels" in given:
        number += 1
        pixels, labels = given[f"step/{number}/pixels"], given[f"step/{number}/labels"]
        computed = step(pixels.reshape(len(pixels), -1) / 255, np.eye(10)[labels], state)
        state = {name: computed[name] for name in state}
        computed["steps"] = np.array(number)
        values |= {f"step/{number}/{name}": np.array(value) for name, value in computed.items()}
    description = {"format": "groundup memory states 1", "precision": "float64", "backend": "my port"}
    save_file(values, "port.safetensors", metadata={"groundup": json.dumps(description | {"order": list(values)})})


if __name__ == "__main__":
    main()
