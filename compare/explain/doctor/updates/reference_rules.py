"""The rules of the reference's optimizer: what its class and groups say, held against the steps that it makes."""

from dataclasses import replace

from compare.explain.doctor.fit import Range
from compare.explain.doctor.thresholds import UNSEEN
from compare.explain.doctor.updates.led import Retraining
from compare.explain.doctor.updates.rules import OWN, PLAIN, Rule, Rules, each, every_one, usual
from compare.explain.doctor.updates.unknowns import Unknown, estimates, scaled
from compare.weights.optimizer_row import POSITIVE

CLIP_EPSILON = 1e-6  # torch.nn.utils.clip_grad_norm_


def rules_of_reference(trial: Retraining) -> Rules:
    """The reference's rules, their learning rates by step, and its clipping where hooks do that; of the family ``OWN``
    where its optimizer does anything else than what was read.

    What is read is held against the steps that it makes: a class that scales its gradients has another learning rate
    than its groups say, and one that keeps an optimizer inside may be plain descent.
    """
    steps, by_step = trial.replay.of(trial.own)
    rules = each(lambda *own: _of_steps(own), *by_step)
    own = replace(trial, replay=replace(trial.replay, updates=tuple(steps)))
    if rules[0].family != OWN and own.gap(rules).worst <= UNSEEN:
        return rules
    smallest, largest = min(trial.replay.norms, default=0.0), max(trial.replay.norms, default=0.0)
    starts = dict.fromkeys((smallest / 2, largest / 2))  # it acts in every step, or in the largest alone
    clip = Unknown("clipping by global norm", _clipping, tuple(starts), Range(POSITIVE))
    for suspect in estimates(own, rules, clip) if smallest > 0 and rules[0].family != OWN else ():
        if own.gap(suspect.change).worst <= UNSEEN:
            return suspect.change
    plain = rules if rules[0].family != OWN else each(_plain, rules)
    for suspect in estimates(own, plain, Unknown("learning rate", scaled)):
        if own.gap(suspect.change).worst <= UNSEEN:
            return suspect.change
    return each(lambda rule: Rule(OWN, skips_unused=rule.skips_unused, stated=rule.stated), rules)


def _plain(rule: Rule) -> Rule:
    return replace(usual(PLAIN, skips_unused=rule.skips_unused), stated=rule.stated)


def _of_steps(rules: Rules) -> Rule:
    """The rule of one parameter, of its rules in each step."""
    first, rates = rules[0], tuple(rule.rates[0] for rule in rules)
    said = [rate for rule in rules for rate in rule.stated.rates]
    changing = [name for name, value in first.own if any(rule.get(name) != value for rule in rules)]
    kind = first.stated.kind + (f" with another {' and '.join(changing)} in each step" if changing else "")
    stated = replace(first.stated, kind=kind, rates=tuple(said))
    return replace(first, rates=rates[:1] if len(set(rates)) == 1 else rates, stated=stated)


def _clipping(rules: Rules, norm: float) -> Rules:
    return every_one(rules, clip_norm=norm, clip_epsilon=CLIP_EPSILON)
