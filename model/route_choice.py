"""Route choice: recursive logit on the network of hubs and legs.

A traveller at hub i takes leg l with probability exp(v_l + V_head(l) - V_i), where the values solve

    exp(V_i) = exp(u_i) + sum over legs l out of i of exp(v_l) * exp(V_head(l))

(Fosgerau, Frejinger and Karlstrom 2013, "A link based network route choice model with unrestricted choice set",
Transportation Research Part B 56:70-80, equations 5 to 7), u_i being the utility of settling at hub i (minus infinity
where nobody can).  In z = exp(V) this is the sparse linear system z = M z + b, solved here by Gauss-Seidel sweeps in an
order that visits heads before tails, so that a network without cycles needs one sweep.  Path probabilities equal a
multinomial logit over all paths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .compiled import compiled

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class NoFiniteValue(ValueError):
    """The network's cycles are worth more than leaving them: the expected utility of travelling is not finite."""


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
    """

    start: IntArray
    tail: IntArray
    head: IntArray
    order: IntArray
    in_start: IntArray
    in_leg: IntArray

    @property
    def hubs(self) -> int:
        return len(self.start) - 1

    @property
    def legs(self) -> int:
        return len(self.head)

    @classmethod
    def from_legs(cls, tail: npt.ArrayLike, head: npt.ArrayLike, hubs: int) -> Network:
        """Build from tail and head hub numbers; legs have to be sorted by tail."""
        tails, heads = np.asarray(tail, dtype=np.int64), np.asarray(head, dtype=np.int64)
        if np.any(np.diff(tails) < 0):
            raise ValueError("legs have to be sorted by tail hub")
        start = np.searchsorted(tails, np.arange(hubs + 1)).astype(np.int64)
        in_leg = np.argsort(heads, kind="stable").astype(np.int64)
        in_start = np.searchsorted(heads[in_leg], np.arange(hubs + 1)).astype(np.int64)
        return cls(start, tails, heads, _post_order(start, heads), in_start, in_leg)


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
    tolerance: float, most: int,
) -> int:  # fmt: skip
    worst = 0
    for k in range(weight.shape[0]):
        sweep = 0
        change = 1.0
        while change > tolerance:
            if sweep >= most:
                return -1
            sweep += 1
            change = 0.0
            for h in order:
                value = settle[k, h]
                for leg in range(start[h], start[h + 1]):
                    value += weight[k, leg] * z[k, head[leg]]
                old = z[k, h]
                if value > 0.0:
                    change = max(change, abs(value - old) / value)
                if not np.isfinite(value):
                    return -1
                z[k, h] = value
        worst = max(worst, sweep)
    return worst


def solve_values(
    network: Network, utility: FloatArray, settle: FloatArray, start: FloatArray | None = None,
    *, tolerance: float = 1e-12, most_sweeps: int = 2000,
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
    most_sweeps : int
        Sweeps after which the network is refused.

    Returns
    -------
    FloatArray, shape (types, hubs)

    Raises
    ------
    NoFiniteValue
        When the sweeps do not settle: some cycle of legs costs too little.

    Notes
    -----
    Fosgerau, Frejinger and Karlstrom (2013), equation 7.
    """
    z = np.zeros_like(settle) if start is None else start.copy()
    weight = np.exp(utility)
    sweeps = _sweep_values(
        network.start, network.head, network.order, weight, settle, z, tolerance, most_sweeps
    )
    if sweeps < 0:
        raise NoFiniteValue(
            "the recursive logit has no finite value on this network: a cycle of legs costs too little utility; "
            "raise route_choice.leg_disutility, or check fees and days of legs that lead back"
        )
    return z


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
    tolerance: float, most: int,
) -> int:  # fmt: skip
    for k in range(choice.shape[0]):
        change = 1.0
        sweep = 0
        while change > tolerance:
            if sweep >= most:
                return -1
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
    return 0


def expected_visits(
    network: Network, choice: FloatArray, onward: FloatArray, back: FloatArray, origin: FloatArray,
    start: FloatArray | None = None, *, tolerance: float = 1e-10, most_sweeps: int = 2000,
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
    done = _sweep_visits(
        network.order, network.in_start, network.in_leg, network.start, network.tail,
        choice, onward, back, origin, x, tolerance, most_sweeps,
    )  # fmt: skip
    if done < 0:
        raise NoFiniteValue("expected visits do not settle: travellers circle without end")
    return x
