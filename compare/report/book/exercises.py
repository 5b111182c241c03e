"""Exercises. Their answers are in the lessons, none on the page that hands them out."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Exercise:
    """A task, the questions that go with it, and the lesson that its file is made from."""

    title: str
    lesson: str
    task: str
    questions: tuple[str, ...]


EXERCISES = (
    Exercise(
        title="The gradient that is never cleared",
        lesson="accumulation",
        task="A training loop calls backward() and step() on every batch, but never zero_grad(). Before you run "
        "anything, write down what .grad holds after the first, the second and the third backward(). Then fill in the "
        "side that is missing and compare.",
        questions=(
            "Why may the loss go down for a while all the same?",
            "You may print one number per step. Which one gives the mistake away, and what does it look like?",
            "When is leaving out zero_grad() between two calls of backward() exactly right?",
            "There is no .grad in JAX. What would you have to write to make the same mistake?",
        ),
    ),
    Exercise(
        title="By hand, on identical arrays",
        lesson="by_hand",
        task="Two random generators with one seed do not draw the same numbers, so draw the images, the labels and the "
        "weights once, in NumPy, and give them to the backward pass written by hand, to autograd and to jax.grad. Fill "
        "in the missing side; every entry of every gradient is compared.",
        questions=(
            "After torch.from_numpy, what makes a weight a leaf, so that its .grad is filled?",
            "Call relu_() on an activation that the tape still needs. Which error comes, from which line, and why only "
            "in the backward pass?",
            "What does the message say about a version, and who counts it?",
            "Why can the port not make this mistake?",
        ),
    ),
    Exercise(
        title="One batch, three shapes",
        lesson="shapes",
        task="A batch of RGB images has the shape (32, 3, 224, 224). Turn it into the input of a linear classifier, "
        "into a sequence with one token for each pixel, and into one mean for each channel. Write down the shape after "
        "every operation before you print it.",
        questions=(
            "Which of the three needs the data in another order, and which only reads it with other strides?",
            "What goes wrong, without any error, if the token sequence is made with a reshape alone?",
            "With the channels last, as JAX's convolutions like them, which answers change?",
        ),
    ),
    Exercise(
        title="An initialiser that is the other side's",
        lesson="initialisers",
        task="A fresh nn.Linear and a fresh flax Dense draw their weights from different distributions. Measure both: "
        "mean, standard deviation, largest magnitude, and the bias. Then write the initialiser that makes Flax draw "
        "from torch's distribution.",
        questions=(
            "The arrays can never be equal. Which quantities can two generators share, so that a judge may compare "
            "them?",
            "Which number decides the width of torch's uniform distribution: inputs, outputs, or both?",
            "Why does nobody notice the difference in a small network, and where does it begin to matter?",
        ),
    ),
)
