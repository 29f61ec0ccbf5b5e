"""What the paper claims by each table and figure, judged on the rows of one model."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bnnaudit.core.reproduction import Claim, Network, NetworkKind, TableName
from bnnaudit.experiments.found import Found
from bnnaudit.experiments.judging import Judge
from bnnaudit.experiments.lines import OURS, RESTARTED
from bnnaudit.experiments.networks import same_kind
from bnnaudit.experiments.paper import paper
from bnnaudit.experiments.plan import ITERATIONS, RADII, STEP_SIZES
from bnnaudit.experiments.row_names import QUANTITIES

PLUS = ("pgd++ njs", "pgd++ hns")
PGD_LEAVES_MUCH = "PGD leaves much of a binary network's accuracy, more than 5 %."
PGD_LEAVES_LITTLE = "PGD leaves next to nothing of a float network's accuracy, less than 5 %."
PLUS_LEAVES_LITTLE = "PGD++ leaves next to nothing, less than 5 %."
RESTARTS = "PGD with many random starts leaves more than PGD++ with one: restarts do not close the gap."
FAMILIES = "FGSM++ and PGD++ (L-inf, L2), each by its better rule, are at least as strong as FGSM and PGD."
AT_LEAST_AS_STRONG = "PGD++ is at least as strong as every attack without a temperature."
FIXED_B_IS_WEAKER = "On adversarially trained networks a fixed temperature of 0.1 makes FGSM and PGD weaker."
COSTS = "A step of FGSM++ costs more by HNS than by NJS, and by NJS less than twice that of FGSM."
LOWER_SCORES = "CLEVER scores are lower with NJS and with HNS than without a temperature."
FLAT_IN_RHO = "PGD++ (NJS) leaves the same for every rho, within 5 points."
SIGNAL_ALIKE = (
    "NJS and HNS move error signal, input gradient and its signs in the direction in which they move in the paper."
)
JACOBIAN_ALIKE = (
    "NJS and HNS move mean and deviation of the singular values in the direction in which they move in the paper."
)
NOT_TOO_SMALL = "With Proposition 1 alone next to nothing is left, less than 5 %, from rho = 1e-05 on."
TINY_RHO = "A rho of 1e-15 leaves more than 1e-05, for its error signal is too small."
LARGE_RHO = "On adversarially trained networks a large rho, and so a small b, weakens the attack."
ITERATIONS_DO_NOT_HELP = "More iterations do not bring PGD to next to nothing: after 100 more than 5 % are left."
RADIUS_DOES_NOT_HELP = "A larger radius does not bring PGD to next to nothing: at four times it more than 5 % are left."
TRANSFER_IS_STRONGER = "Images made on the float twin fool more than PGD on the network itself."
AS_STRONG_AS_IPROP = "PGD++ is at least as strong as IPROP at every radius."
NO_STEP_HELPS = "PGD leaves more than 5 % with every step size."
SIGNAL_FALLS = "The error signal falls as b grows."
CURVATURE_PEAKS = "Softmax Jacobian and Hessian have their largest norms at a b between those at which they vanish."
GRADIENT_PEAKS = "The input gradient has its largest norm at a b between those at which it vanishes."
SIGNS_VANISH = "The gradient has all its signs at small b and loses them at large ones, where it vanishes."


def claims_of(name: TableName, network: Network, found: Found) -> tuple[Claim, ...]:
    """What the paper claims with this table about such a network; nothing where it claims nothing."""
    return CLAIMS[name](network, Judge(found))


def _table1(network: Network, judge: Judge) -> tuple[Claim, ...]:
    if network.adversarial:
        return ()
    if network.kind == NetworkKind.REF:
        return (judge.leaves_little(PGD_LEAVES_LITTLE, ["pgd"]),)
    if not network.is_binary:
        return ()
    return (judge.leaves_much(PGD_LEAVES_MUCH, ["pgd"]), judge.leaves_a_gap(RESTARTS, RESTARTED, PLUS))


def _families(network: Network, judge: Judge) -> tuple[Claim, ...]:
    groups = [
        ([f"{attack}++ {rule}{norm}" for rule in ("njs", "hns")], [f"{attack}{norm}"])
        for attack, norm in (("fgsm", ""), ("pgd", ""), ("pgd", " l2"))
    ]
    claims = [judge.at_least_as_strong(FAMILIES, groups)]
    if not network.adversarial:
        claims.append(judge.leaves_little(PLUS_LEAVES_LITTLE, PLUS))
        if network.is_binary:
            claims.append(judge.leaves_much(PGD_LEAVES_MUCH, ["pgd"]))
    return tuple(claims)


def _against_all(network: Network, judge: Judge) -> tuple[Claim, ...]:
    rivals = [row.key for row in judge.found.rows if "++" not in row.key and row.key != OURS]
    return (judge.at_least_as_strong(AT_LEAST_AS_STRONG, [(PLUS, rivals)]),)


def _table4(network: Network, judge: Judge) -> tuple[Claim, ...]:
    pairs = [(f"{attack} b=0.1", attack) for attack in ("fgsm", "pgd")]
    fixed = (judge.weaker(FIXED_B_IS_WEAKER, pairs),) if network.adversarial else ()
    return (*fixed, *_against_all(network, judge))


def _table13(network: Network, judge: Judge) -> tuple[Claim, ...]:
    """Against the paper's network of the same kind, whatever its architecture and data."""
    alike = [each.figures for each in paper().tables[TableName.TABLE13].networks if same_kind(network, each.network)]
    if not alike:
        return ()
    spectrum = [quantity for quantity in QUANTITIES if quantity.startswith("jsv")]
    signal = [quantity for quantity in QUANTITIES if quantity not in spectrum]
    rules = ["njs", "hns"]
    return (
        judge.moves_alike(SIGNAL_ALIKE, signal, rules, alike[0]),
        judge.moves_alike(JACOBIAN_ALIKE, spectrum, rules, alike[0]),
    )


def _table14(network: Network, judge: Judge) -> tuple[Claim, ...]:
    keys = paper().tables[TableName.TABLE14].rows
    tiny, usual, large = keys[0], keys[keys.index("bound rho=1e-05") :], keys[-1]
    if network.adversarial:
        return (judge.weaker(LARGE_RHO, [(large, usual[0])]),)
    little = judge.each_leaves_little(NOT_TOO_SMALL, usual)
    return (little, judge.weaker(TINY_RHO, [(tiny, usual[0])])) if network.kind == NetworkKind.BNN_WQ else (little,)


def _figure1(network: Network, judge: Judge) -> tuple[Claim, ...]:
    if network.adversarial or not network.is_binary:
        return ()
    return (
        judge.leaves_much(ITERATIONS_DO_NOT_HELP, [f"pgd iterations={ITERATIONS[-1]}"]),
        judge.leaves_much(RADIUS_DOES_NOT_HELP, [f"pgd radius={RADII[-1]:g}"]),
        judge.weaker(TRANSFER_IS_STRONGER, [("pgd radius=1", "transfer radius=1")]),
    )


def _figure2(network: Network, judge: Judge) -> tuple[Claim, ...]:
    radii = dict.fromkeys(row.at for row in judge.found.rows)
    groups = [([f"pgd++ njs radius={at}"], [f"iprop radius={at}"]) for at in radii]
    return (judge.at_least_as_strong(AS_STRONG_AS_IPROP, groups),)


def _figure3(network: Network, judge: Judge) -> tuple[Claim, ...]:
    if network.adversarial or not network.is_binary:
        return ()
    return (judge.leaves_much(NO_STEP_HELPS, [f"pgd step={share:g}" for share in STEP_SIZES]),)


def _figure4(network: Network, judge: Judge) -> tuple[Claim, ...]:
    return judge.falls(SIGNAL_FALLS, "||psi||"), judge.peaks_inside(CURVATURE_PEAKS, ["||dp/da||", "||d²l/dx²||"])


def _figure5(network: Network, judge: Judge) -> tuple[Claim, ...]:
    return judge.peaks_inside(GRADIENT_PEAKS, ["||dl/dx||"]), judge.vanishes(SIGNS_VANISH, "||sign(dl/dx)||")


CLAIMS: Mapping[TableName, Callable[[Network, Judge], tuple[Claim, ...]]] = {
    TableName.TABLE1: _table1,
    TableName.TABLE2: _families,
    TableName.TABLE3: _families,
    TableName.TABLE4: _table4,
    TableName.TABLE5: _against_all,
    TableName.TABLE7: lambda network, judge: (judge.costs(COSTS, "fgsm", "fgsm++ njs", "fgsm++ hns"),),
    TableName.TABLE8: _against_all,
    TableName.TABLE9: _families,
    TableName.TABLE10: _against_all,
    TableName.TABLE11: lambda network, judge: (judge.lower(LOWER_SCORES, ["njs", "hns"], ["original"]),),
    TableName.TABLE12: lambda network, judge: (judge.flat(FLAT_IN_RHO, paper().tables[TableName.TABLE12].rows),),
    TableName.TABLE13: _table13,
    TableName.TABLE14: _table14,
    TableName.FIGURE1: _figure1,
    TableName.FIGURE2: _figure2,
    TableName.FIGURE3: _figure3,
    TableName.FIGURE4: _figure4,
    TableName.FIGURE5: _figure5,
}
