"""PyTorch on a GPU, in settings made of words; the pictures lie there already, as normalised float32.

``float32``, ``tf32`` (products of float32 on tensor cores, with 10 bits of fraction) or ``bfloat16`` (autocast);
``compile``: `torch.compile` for the loss and its gradients, ``max-autotune``; ``graph``: a whole step, update included,
recorded as a CUDA graph and replayed; with ``compile``, what was compiled is recorded; ``channels_last``: the memory
layout. The optimizer's update of all parameters is always one kernel (``fused``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from contestants import initial_state, normalized
from contestants.pytorch import load, optimizer_of, sequential
from groundup import Configuration, CrossEntropy, Dataset

Step = Callable[[], None]
WARM_UP = 11
"""Steps before one is recorded, as PyTorch's documentation asks for."""


class Trainer:
    """A network, an optimizer and the pictures, all on the GPU."""

    def __init__(self, configuration: Configuration, train: Dataset, setting: str) -> None:
        self.words = setting.split()
        assert isinstance(configuration.loss, CrossEntropy)
        self.configuration = configuration
        self.layout = torch.channels_last if "channels_last" in self.words else torch.contiguous_format
        self.pixels = self._pictures(train.images)
        self.labels = torch.from_numpy(train.labels.astype(np.int64)).cuda()
        self.network = sequential(configuration.network).cuda().to(memory_format=self.layout)
        self.criterion = nn.CrossEntropyLoss(label_smoothing=configuration.loss.label_smoothing)
        self.rate = torch.tensor(0.0, device="cuda")
        self.optimizer = optimizer_of(configuration.optimizer, self.network, fused=True)
        for group in self.optimizer.param_groups:
            group |= {"lr": self.rate} | ({"capturable": True} if "capturable" in group else {})
        self.batches: dict[int, torch.Tensor] = {}
        self.steps: dict[int, Step] = {}
        mode = "max-autotune-no-cudagraphs" if "graph" in self.words else "max-autotune"
        compiled = "compile" in self.words
        self.loss = torch.compile(self._loss, mode=mode, dynamic=False) if compiled else self._loss

    def begin(self) -> None:
        """Begin with new weights and moments, where the old ones lie: a recorded step has their addresses."""
        load(self.network, initial_state(self.configuration))
        with torch.no_grad():
            for state in self.optimizer.state.values():
                for moment in filter(torch.is_tensor, state.values()):
                    moment.zero_()

    def epoch(self, order: NDArray[np.int64], rates: Sequence[float]) -> None:
        """Train for an epoch, to its last operation."""
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = "tf32" in self.words
        torch.backends.cudnn.benchmark = True
        self.network.train()
        batches = torch.from_numpy(order).cuda().split(self.configuration.batch_size)
        last = None
        for batch, rate in zip(batches, rates, strict=True):
            step = self._step(len(batch))
            self.batches[len(batch)].copy_(batch)
            if rate != last:
                self.rate.fill_(rate)
            last = rate
            step()
        torch.cuda.synchronize()

    def scores(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return the outputs."""
        self.network.eval()
        with torch.inference_mode():
            return torch.cat([self.network(part) for part in self._pictures(pixels).split(1000)]).cpu().numpy()

    def _pictures(self, pixels: NDArray[np.uint8]) -> torch.Tensor:
        inputs = torch.from_numpy(normalized(self.configuration.network, pixels)).cuda()
        return inputs.to(memory_format=self.layout) if inputs.ndim == 4 else inputs

    def _loss(self, pixels: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cuda", torch.bfloat16, enabled="bfloat16" in self.words):
            outputs = self.network(pixels)
        return self.criterion(outputs.float(), labels)

    def _step(self, count: int) -> Step:
        """Return a step on `count` pictures, whose numbers it finds in ``batches``."""
        if count not in self.steps:
            self.batches[count] = torch.zeros(count, dtype=torch.int64, device="cuda")
            self.steps[count] = self._recorded(count) if "graph" in self.words else lambda: self._train(count)
        return self.steps[count]

    def _train(self, count: int) -> None:
        batch = self.batches[count]
        self.optimizer.zero_grad(set_to_none=True)
        self.loss(self.pixels[batch], self.labels[batch]).backward()
        self.optimizer.step()

    def _recorded(self, count: int) -> Step:
        """Record a step; the steps that this takes to warm up leave weights and moments as they were."""
        kept = {name: value.clone() for name, value in self.network.state_dict().items()}
        moments = [{name: each.clone() for name, each in own.items()} for own in self.optimizer.state.values()]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                self._train(count)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.cuda.graph(graph):
            self._train(count)
        self.network.load_state_dict(kept)
        with torch.no_grad():
            for number, own in enumerate(self.optimizer.state.values()):
                for name, value in own.items():
                    value.copy_(moments[number][name]) if moments else value.zero_()
        return graph.replay
