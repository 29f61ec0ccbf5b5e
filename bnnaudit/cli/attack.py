"""`bnnaudit attack MODEL`: one attack, replayed on the deployed model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from bnnaudit.cli import options
from bnnaudit.cli.streams import check_output, deliver_with, waiting
from bnnaudit.core.attack import AttackSettings, Beta, BetaRule, Budget, Curvature, ErrorSignal, Method
from bnnaudit.core.errors import UsageError
from bnnaudit.core.surrogate import NARROWING, Surrogate
from bnnaudit.core.trial import Source, Trial

TRANSFER = "transfer"
"""PGD on a substitute network, replayed on the model: no method of the loop, but another source of its gradients."""
METHODS = [name for method in Method for name in ((str(method), f"{method}++") if method.climbs else (str(method),))]
METHODS.append(TRANSFER)
OF_ONE_CLIMB = ("surrogate", "loss", "targets", "steps", "step_size", "error_signal", "curvature", "l2_per_channel")
UNUSED_IN_SEARCH = ("beta", *OF_ONE_CLIMB, "budget")
"""Options without a meaning for an attack that follows no gradient."""
UNUSED_IN_AUTO = (*OF_ONE_CLIMB, "restarts")
"""Options that `auto` decides for itself."""


@click.command("attack", short_help="Run one attack.")
@options.model_argument
@options.data_options()
@click.option(
    "--method", type=click.Choice(METHODS), help="With ++ the attack scales the logits by --beta.  [default: pgd]"
)
@options.attack_options
@click.option(
    "--substitute",
    metavar="MODEL",
    help="Network that --method transfer attacks.  [default: a small float network trained on the spot]",
)
@options.threat_options
@options.model_options
@options.serving_option
@click.option("--save", type=options.PATH, metavar="FILE.npz", help="Write adversarial images and predictions.")
@options.run_options
@options.output_options
def command(model: Path, method: str | None, save: Path | None, **values: Any) -> int:
    """Attack MODEL on a sample of images and print what is left after replay on the deployed model.

    --beta defaults to none, for methods with ++ to tracked; --surrogate to identity, for pgd++ to tanh:4..0.5:reach.
    square and random look at the scores alone, hard-label at the class alone, --queries times. transfer is pgd on a
    substitute network, to which --steps, --beta and the rest apply, carried past the first success.
    """
    check_output(values["output"])
    with waiting("loading", values["quiet"]):
        from bnnaudit.attacks.table import image_steps
        from bnnaudit.audit.one_attack import run_single
        from bnnaudit.audit.open import open_model_and_data, substitute_maker, threat_of
        from bnnaudit.audit.threads import computing_with
        from bnnaudit.cli.progress import ProgressBar
        from bnnaudit.cli.saving import check_can_save, save_adversarial
        from bnnaudit.cli.stamp import stamp
        from bnnaudit.config.card import parse_settings, settings_for
        from bnnaudit.reports.table import ReportFormat, render

        if save is not None:
            check_can_save(save)
        flags = parse_settings(options.nested_flags(values), "command line")
        settings = settings_for(model, flags, Path.cwd(), values["card"])
        table = settings.attack
        name = method or str(table.method or Method.PGD)
        refuse_unused(name, values)
        attack = attack_settings(
            name,
            table.beta,
            table.surrogate,
            **table.chosen("steps", "step_size", "restarts", "loss", "targets", "queries", "budget"),
            **options.attack_flags(values),
        )
        opened = open_model_and_data(model, settings)
        source = Source.SUBSTITUTE if name == TRANSFER else Source.WHITE_BOX
        make_substitute = substitute_maker(opened) if source is Source.SUBSTITUTE else None
    seed, batch_size = settings.data.seed or 0, opened.batch_size
    with ProgressBar(values["quiet"]) as progress, computing_with(opened.threads):
        progress.plan(len(opened.sample.ids) * image_steps(attack))
        progress.task(name)
        report, adversarial = run_single(
            opened.target,
            opened.sample,
            Trial(attack, threat_of(settings, opened.target.facts), source),
            seed,
            batch_size,
            stamp(),
            progress.advance,
            make_substitute,
        )
    if save is not None:
        save_adversarial(save, adversarial, opened.target.facts, settings.threat.image_bits)
    kind = ReportFormat(values["format_name"])
    deliver_with(
        lambda page: render(report, kind, width=page.width, color=page.color, ascii=page.ascii), values["output"]
    )
    return 0


def refuse_unused(method: str, values: dict[str, Any]) -> None:
    """Raises UsageError for an option on the command line that the method has no use for."""
    if method != TRANSFER and values.get("substitute") is not None:
        raise UsageError(
            f"substitute: only --method {TRANSFER} attacks a substitute, {method} attacks the model itself"
        )
    refuse_foreign(method, values)
    if method not in tuple(Method):
        return
    if Method(method).searches and (names := given(UNUSED_IN_SEARCH, values)):
        raise UsageError(f"method: {method} follows no gradient and has no use for {names}; its length is --queries")
    if method == Method.AUTO and (names := given(UNUSED_IN_AUTO, values)):
        raise UsageError(f"method: auto chooses for itself and has no use for {names}; its length is --budget")


def given(names: Sequence[str], values: dict[str, Any]) -> str:
    """Those of the options that the command line has, as one writes them; empty where it has none."""
    absent = (None, False, ErrorSignal.AUTO)
    return ", ".join("--" + name.replace("_", "-") for name in names if values.get(name) not in absent)


def refuse_foreign(method: str, values: dict[str, Any]) -> None:
    """Raises UsageError for an option that belongs to other methods alone."""
    kind = Method.PGD if method == TRANSFER else Method(method.removesuffix("++"))
    owned = {
        "budget": kind is Method.AUTO or kind.searches,
        "queries": kind.searches,
        "beta": kind.climbs or kind.searches,
    }
    for option, has_use in owned.items():
        if not has_use and values.get(option) is not None:
            raise UsageError(f"method: {method} has no use for --{option}; leave it out, or choose another method")


def attack_settings(
    method: str, beta: Beta | None, surrogate: Surrogate | None, curvature: Curvature | None = None, **rest: Any
) -> AttackSettings:
    """The settings behind `--method pgd++ --beta hns` and the like; raises UsageError where the two contradict."""
    name = method.removesuffix("++")
    if name == Method.AUTO:
        # It decides the rest for itself, whatever a card says for other attacks.
        return AttackSettings(method=Method.AUTO, budget=rest.get("budget", Budget()))
    if name == TRANSFER:
        name = Method.PGD
        # As in an audit: the images shall be confidently wrong on the substitute, whose softmax must not get in the way.
        rest["stop_at_success"] = False
        if rest["error_signal"] is ErrorSignal.AUTO:
            rest["error_signal"] = ErrorSignal.EXACT
        surrogate = surrogate or Surrogate()
    elif Method(name).searches:
        # What a card says for attacks that follow a gradient does not concern one that follows none.
        beta, surrogate = Beta(), Surrogate()
    beta = temperature(method, beta, curvature)
    if surrogate is None:
        # One large step crosses thresholds far from where the network is; many small ones meet them one by one.
        follows = name == Method.PGD and beta.rule is not BetaRule.NONE
        surrogate = NARROWING if follows else Surrogate()
    if name == Method.FGSM:
        rest["steps"] = 1
    return AttackSettings(method=Method(name), beta=beta, surrogate=surrogate, **rest)


def temperature(method: str, beta: Beta | None, curvature: Curvature | None) -> Beta:
    """The rule of `--method NAME[++] --beta RULE --curvature KIND`; raises UsageError where these contradict."""
    name, plus, _ = method.partition("++")
    if beta is None:
        beta = Beta(BetaRule.TRACKED if curvature is None else BetaRule.HNS) if plus else Beta()
    elif plus and beta.rule is BetaRule.NONE:
        raise UsageError(f"beta: {method} needs a temperature; use --method {name}, or another --beta")
    if curvature is None:
        return beta
    if beta.rule is not BetaRule.HNS:
        raise UsageError(f"curvature: only hns looks at the Hessian in this way, not {beta}; leave --curvature out")
    return replace(beta, curvature=curvature)
