"""Route choice: recursive logit on the network of hubs and legs.

A traveller at hub i takes leg l with probability exp(v_l + V_head(l) - V_i), where the values solve

    exp(V_i) = exp(u_i) + sum over legs l out of i of exp(v_l) * exp(V_head(l))

(Fosgerau, Frejinger and Karlstrom 2013, "A link based network route choice model with unrestricted choice set",
Transportation Research Part B 56:70-80, equations 5 to 7), u_i being the utility of settling at hub i (minus infinity
where nobody can).  In z = exp(V) this is the sparse linear system z = M z + b, solved here by Gauss-Seidel sweeps in an
order that visits heads before tails, so that a network without cycles needs one sweep.  Path probabilities equal a
multinomial logit over all paths, those that go round cycles included.

Where sweeps settle slowly, the system is solved directly, and that also decides whether a value exists: with M and b not
negative and every hub led to some b > 0, it does exactly when (I - M) z = b has a solution that is positive everywhere
(Berman and Plemmons 1994, Nonnegative Matrices in the Mathematical Sciences, chapter 6: the spectral radius of M is below
1 exactly then).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from .compiled import compiled

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class NoFiniteValue(ValueError):
    """The network's cycles are worth more than leaving them: the expected utility of travelling is not finite."""


SWEEPS = 120
"""Sweeps before a system is solved directly: sweeps that end earlier shrink the error by at least a fifth each."""
SHARES = 1024
"""Steps in which the share of a gain that counts is found: so coarse that rounding in an eigenvalue changes nothing."""
_TYPES = 8  # types of travellers swept side by side
ADVICE = (
    "raise route_choice.leg_disutility (inside the Union) or route_choice.leg_disutility_outside, or check fees, days and "
    "constants of the legs between these hubs"
)


@dataclass(frozen=True)
class Network:
    """Legs sorted by tail hub, in compressed rows, with the sweep order.

    Attributes
    ----------
    start : IntArray, shape (hubs + 1,)
        Legs out of hub h are ``start[h]:start[h + 1]``.
    tail, head : IntArray, shape (legs,)
    order : IntArray, shape (hubs,)
        Heads before tails as far as cycles allow (depth-first post-order).
    in_start, in_leg : IntArray
        The same legs by head hub: legs into h are ``in_leg[in_start[h]:in_start[h + 1]]``.
    component : IntArray, shape (hubs,)
        Number of the strongly connected component: legs inside one lie on cycles, legs between two on none.
    names : tuple of str
        Names of the hubs for messages (their numbers when empty).
    """

    start: IntArray
    tail: IntArray
    head: IntArray
    order: IntArray
    in_start: IntArray
    in_leg: IntArray
    component: IntArray
    names: tuple[str, ...] = ()

    @property
    def hubs(self) -> int:
        return len(self.start) - 1

    @property
    def legs(self) -> int:
        return len(self.head)

    @property
    def on_cycle(self) -> npt.NDArray[np.bool_]:
        """Legs that lie on a cycle, shape (legs,)."""
        return np.asarray(self.component[self.tail] == self.component[self.head])

    @classmethod
    def from_legs(
        cls, tail: npt.ArrayLike, head: npt.ArrayLike, hubs: int, names: Sequence[str] = ()
    ) -> Network:
        """Build from tail and head hub numbers; legs have to be sorted by tail."""
        tails, heads = np.asarray(tail, dtype=np.int64), np.asarray(head, dtype=np.int64)
        if np.any(np.diff(tails) < 0):
            raise ValueError("legs have to be sorted by tail hub")
        start = np.searchsorted(tails, np.arange(hubs + 1)).astype(np.int64)
        in_leg = np.argsort(heads, kind="stable").astype(np.int64)
        in_start = np.searchsorted(heads[in_leg], np.arange(hubs + 1)).astype(np.int64)
        # built from coordinates, which adds up parallel legs: the search does not end on rows with doubles
        graph = csr_array((np.ones(len(heads)), (tails, heads)), shape=(hubs, hubs))
        component = connected_components(graph, directed=True, connection="strong")[1].astype(np.int64)
        return cls(start, tails, heads, _post_order(start, heads), in_start, in_leg, component, tuple(names))


def _post_order(start: IntArray, head: IntArray) -> IntArray:
    hubs = len(start) - 1
    seen = np.zeros(hubs, dtype=bool)
    order: list[int] = []
    for root in range(hubs):
        if seen[root]:
            continue
        seen[root] = True
        stack = [(root, int(start[root]))]
        while stack:
            hub, leg = stack.pop()
            while leg < start[hub + 1] and seen[head[leg]]:
                leg += 1
            if leg == start[hub + 1]:
                order.append(hub)
                continue
            stack.append((hub, leg + 1))
            seen[head[leg]] = True
            stack.append((int(head[leg]), int(start[head[leg]])))
    return np.array(order, dtype=np.int64)


@compiled
def _sweep_values(
    start: IntArray, head: IntArray, order: IntArray, weight: FloatArray, settle: FloatArray, z: FloatArray,
    tolerance: float, most: int, settled: npt.NDArray[np.bool_],
) -> None:  # fmt: skip
    """Sweep some types side by side (their sums do not wait for one another); each stops where it would stop alone."""
    for first in range(0, weight.shape[0], _TYPES):
        last = min(first + _TYPES, weight.shape[0])
        w, v = np.zeros((weight.shape[1], _TYPES)), np.zeros((z.shape[1], _TYPES))
        ends = np.zeros((z.shape[1], _TYPES))
        w[:, : last - first], v[:, : last - first] = weight[first:last].T, z[first:last].T
        ends[:, : last - first] = settle[first:last].T
        active = np.arange(_TYPES) < last - first
        change, value = np.zeros(_TYPES), np.zeros(_TYPES)
        sweep = 0
        while active.any() and sweep < most:
            sweep += 1
            change[:] = 0.0
            for h in order:
                for b in range(_TYPES):
                    value[b] = ends[h, b]
                for leg in range(start[h], start[h + 1]):
                    for b in range(_TYPES):
                        value[b] += w[leg, b] * v[head[leg], b]
                for b in range(_TYPES):
                    if not active[b]:
                        continue
                    if value[b] > 0.0:
                        change[b] = max(change[b], abs(value[b] - v[h, b]) / value[b])
                    if np.isfinite(value[b]):
                        v[h, b] = value[b]
                    else:
                        active[b] = False
            for b in range(_TYPES):
                if active[b] and change[b] <= tolerance:
                    settled[first + b] = True
                    active[b] = False
        z[first:last] = v[:, : last - first].T


def solve_values(
    network: Network, utility: FloatArray, settle: FloatArray, start: FloatArray | None = None,
    *, tolerance: float = 1e-12,
) -> FloatArray:  # fmt: skip
    """Exponentiated values z = exp(V) for each traveller type and hub.

    Parameters
    ----------
    network : Network
    utility : FloatArray, shape (types, legs)
        v, in utils.
    settle : FloatArray, shape (types, hubs)
        exp(u), zero where nobody settles.
    start : FloatArray, optional, shape (types, hubs)
        Starting point (an earlier solution): only speed depends on it.
    tolerance : float
        Largest relative change in the last sweep.

    Returns
    -------
    FloatArray, shape (types, hubs)

    Raises
    ------
    NoFiniteValue
        When no value exists; the message names the hubs whose cycles cost too little and what to change.

    Notes
    -----
    Fosgerau, Frejinger and Karlstrom (2013), equation 7.
    """
    z = np.zeros_like(settle) if start is None else start.copy()
    weight = np.exp(utility)
    settled = np.zeros(len(weight), dtype=np.bool_)
    _sweep_values(
        network.start, network.head, network.order, weight, settle, z, tolerance, SWEEPS, settled
    )
    for k in np.flatnonzero(~settled):
        z[k] = _solve_directly(network, weight[k], settle[k])
    return z


def _solve_directly(network: Network, weight: FloatArray, settle: FloatArray) -> FloatArray:
    """Values of one type by elimination; raises `NoFiniteValue` where there are none."""
    move = np.zeros((network.hubs, network.hubs))
    np.add.at(move, (network.tail, network.head), weight)
    # hubs from which nobody can settle are worth nothing, whatever their cycles cost
    able = settle > 0.0
    while True:
        reach = able | ((move @ able) > 0.0)
        if np.array_equal(reach, able):
            break
        able = reach
    inside = move[np.ix_(able, able)]
    value = np.zeros(network.hubs)
    try:
        value[able] = np.linalg.solve(np.eye(len(inside)) - inside, settle[able])
    except np.linalg.LinAlgError:
        value[able] = -1.0
    if not (np.isfinite(value).all() and (value[able] > 0.0).all()):
        raise NoFiniteValue(
            "the recursive logit has no finite value on this network: a cycle of legs costs too little utility "
            f"({_free_cycle(network, move, able)}); {ADVICE}"
        )
    return value


def _free_cycle(network: Network, move: FloatArray, able: npt.NDArray[np.bool_]) -> str:
    """The hubs whose cycles cost too little, with the spectral radius of their legs."""
    largest, where = 0.0, np.zeros(0, dtype=np.int64)
    for number in np.unique(network.component[able]):
        hubs = np.flatnonzero(able & (network.component == number))
        radius = float(np.abs(np.linalg.eigvals(move[np.ix_(hubs, hubs)])).max())
        if radius > largest:
            largest, where = radius, hubs
    # the hubs that a traveller who goes round passes most, by the dominant eigenvector
    values, vectors = np.linalg.eig(move[np.ix_(where, where)])
    weight = np.abs(vectors[:, np.argmax(np.abs(values))])
    busiest = where[np.argsort(-weight, kind="stable")[:6]]
    names = [network.names[h] if network.names else f"hub {h}" for h in busiest]
    return f"cycles through {', '.join(names)}: spectral radius {largest:.3g}, which has to be below 1"


def easing_on_cycles(network: Network, utility: FloatArray, easing: FloatArray) -> FloatArray:
    """Utility where legs have become easier, counted on cycles only as far as going round still costs.

    Easier legs on a cycle can be worth more than the cycle costs, and then nobody would ever arrive. So a gain on legs of
    a cycle counts in full while it closes no more than half of the gap between the spectral radius of that cycle's legs
    without any gain and 1, beyond which there is no value; what is above that bound counts by the share that reaches it.

    Parameters
    ----------
    network : Network
    utility : FloatArray, shape (types, legs)
        With the whole of `easing` in it.
    easing : FloatArray, shape (legs,)
        Utils that easier legs have gained; what is negative is a loss, and counts in full.

    Returns
    -------
    FloatArray, shape (types, legs)
        The utility itself where no leg on a cycle has gained.
    """
    gained = network.on_cycle & (easing > 0.0)
    if not gained.any():
        return utility
    utility = utility.copy()
    for number in np.unique(network.component[network.tail[gained]]):
        legs = np.flatnonzero(network.on_cycle & (network.component[network.tail] == number))
        gain = np.maximum(easing[legs], 0.0)
        without = utility[:, legs] - gain
        hubs, ends = np.unique([network.tail[legs], network.head[legs]], return_inverse=True)
        tail, head = ends.reshape(2, -1)
        bound = (1.0 + np.minimum(_radius(np.exp(without), tail, head, len(hubs)), 1.0)) / 2.0
        above = np.flatnonzero(_radius(np.exp(without + gain), tail, head, len(hubs)) > bound)
        share = np.full(len(utility), SHARES)
        low, high = np.zeros(len(above), dtype=np.int64), share[above]
        while (high - low > 1).any():
            middle = (low + high) // 2
            weight = np.exp(without[above] + middle[:, None] / SHARES * gain)
            inside = _radius(weight, tail, head, len(hubs)) <= bound[above]
            low, high = np.where(inside, middle, low), np.where(inside, high, middle)
        share[above] = low
        utility[:, legs] = without + share[:, None] / SHARES * gain
    return utility


def _radius(weight: FloatArray, tail: IntArray, head: IntArray, hubs: int) -> FloatArray:
    """Spectral radius of some legs' weights (types, legs), for each type."""
    move = np.zeros((hubs * hubs, len(weight)))
    np.add.at(move, tail * hubs + head, weight.T)
    return np.asarray(np.abs(np.linalg.eigvals(move.T.reshape(-1, hubs, hubs))).max(axis=1, initial=0.0))


@compiled
def _fill_menus(
    start: IntArray, head: IntArray, weight: FloatArray, z: FloatArray, menu: FloatArray
) -> None:
    for k in range(weight.shape[0]):
        for h in range(len(start) - 1):
            total = 0.0
            value = z[k, h]
            for leg in range(start[h], start[h + 1]):
                if value > 0.0:
                    total += weight[k, leg] * z[k, head[leg]] / value
                menu[k, leg] = total


def choice_menus(network: Network, utility: FloatArray, z: FloatArray) -> FloatArray:
    """Cumulative choice probabilities over the legs out of each hub; what is missing to 1 is settling there.

    Parameters
    ----------
    network : Network
    utility : FloatArray, shape (types, legs)
    z : FloatArray, shape (types, hubs)
        From `solve_values`.

    Returns
    -------
    FloatArray, shape (types, legs)
        Within the legs out of a hub, increasing and at most 1.
    """
    menu = np.empty_like(utility)
    _fill_menus(network.start, network.head, np.exp(utility), z, menu)
    return menu


def probabilities(network: Network, menu: FloatArray) -> FloatArray:
    """Choice probability of each leg (shape (types, legs)) from cumulative menus."""
    before = np.concatenate([np.zeros((menu.shape[0], 1)), menu[:, :-1]], axis=1)
    before[:, network.start[:-1][np.diff(network.start) > 0]] = 0.0
    return np.asarray(menu - before)


@compiled
def _sweep_visits(
    order: IntArray, in_start: IntArray, in_leg: IntArray, start: IntArray, tail: IntArray,
    choice: FloatArray, onward: FloatArray, back: FloatArray, origin: FloatArray, x: FloatArray,
    tolerance: float, most: int, settled: npt.NDArray[np.bool_],
) -> None:  # fmt: skip
    for k in range(choice.shape[0]):
        change = 1.0
        sweep = 0
        while change > tolerance and sweep < most:
            sweep += 1
            change = 0.0
            for j in range(len(order)):
                h = order[len(order) - 1 - j]
                value = origin[k, h]
                for i in range(in_start[h], in_start[h + 1]):
                    leg = in_leg[i]
                    value += x[k, tail[leg]] * choice[k, leg] * onward[leg]
                stay = 0.0
                for leg in range(start[h], start[h + 1]):
                    stay += choice[k, leg] * back[k, leg]
                value /= 1.0 - stay
                change = max(change, abs(value - x[k, h]))
                x[k, h] = value
        settled[k] = change <= tolerance


def expected_visits(
    network: Network, choice: FloatArray, onward: FloatArray, back: FloatArray, origin: FloatArray,
    start: FloatArray | None = None, *, tolerance: float = 1e-10,
) -> FloatArray:  # fmt: skip
    """Expected number of decisions taken at each hub per traveller, in the absorbing Markov chain of the choices.

    x = origin + T' x, where a leg leads on with probability `onward`, back to its tail with probability `back`, and
    out of the system otherwise (Kemeny and Snell 1960, Finite Markov Chains, theorem 3.2.4).

    Parameters
    ----------
    network : Network
    choice : FloatArray, shape (types, legs)
    onward : FloatArray, shape (legs,)
    back : FloatArray, shape (types, legs)
    origin : FloatArray, shape (types, hubs)
        Where travellers begin (mass per hub).
    start : FloatArray, optional, shape (types, hubs)
        Starting point (an earlier solution): only speed depends on it.

    Returns
    -------
    FloatArray, shape (types, hubs)
    """
    x = origin.copy() if start is None else start.copy()
    settled = np.zeros(len(choice), dtype=np.bool_)
    _sweep_visits(
        network.order, network.in_start, network.in_leg, network.start, network.tail,
        choice, onward, back, origin, x, tolerance, SWEEPS, settled,
    )  # fmt: skip
    for k in np.flatnonzero(~settled):
        move = np.eye(network.hubs)
        np.add.at(move, (network.head, network.tail), -choice[k] * onward)
        np.add.at(move, (network.tail, network.tail), -choice[k] * back[k])
        try:
            x[k] = np.linalg.solve(move, origin[k])
        except np.linalg.LinAlgError:
            x[k] = -1.0
        if not (np.isfinite(x[k]).all() and (x[k] >= -tolerance).all()):
            raise NoFiniteValue("expected visits do not settle: travellers circle without end")
    return x
