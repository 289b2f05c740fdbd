"""Exercise: the backward pass of softmax with cross-entropy. Run `groundup gradcheck loss.py`."""

from dataclasses import dataclass

from groundup import CrossEntropy, Linear, Network


@dataclass(frozen=True)
class OwnCrossEntropy(CrossEntropy):
    """The mean of -Σ target · log softmax(logits), with a way back of your own."""

    def forward(self, outputs, targets):  # both (N, classes)
        """Return the loss, and what `backward` needs: the logits and the targets."""
        loss, _ = super().forward(outputs, targets)
        return loss, (outputs, targets)

    def backward(self, residuals):
        """Return the loss's gradient by the logits (N, classes)."""
        logits, targets = residuals
        return 0 * (logits + targets)  # yours to write


network = Network([Linear(17, 5)])
loss = OwnCrossEntropy()
