import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersmuggling.optimise.linear_model import Builder, LinearModel, ModelError
from countersmuggling.optimise.rendering import from_pulp, to_pulp, write


def two_columns(**kw: object) -> Builder:
    b = Builder()
    b.columns("x", ("i",), [("a",), ("b",)], cost=[2, 3], **kw)  # type: ignore[arg-type]
    return b


def test_entries_for_the_same_place_add_up() -> None:
    b = two_columns()
    b.rows("sum", ("k",), [("1",)], "<=", 4, [0, 0, 0], [0, 0, 1], [1, 2, 5])
    assert b.build().matrix.toarray().tolist() == [[3, 5]]


@pytest.mark.parametrize("field", ["lower", "upper", "cost"])
def test_not_a_number_is_refused(field: str) -> None:
    b = Builder()
    b.columns("x", ("i",), [("a",), ("b",)], **{field: [0.0, np.nan]})  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="x__b is not a number"):
        b.build()


def test_not_a_number_in_a_row_is_refused_with_the_rows_name() -> None:
    b = two_columns()
    b.rows("sum", ("k",), [("1",), ("2",)], "<=", 4, [0, 1], [0, 1], [1, np.nan])
    with pytest.raises(ModelError, match="sum__2"):
        b.build()


def test_crossed_bounds_unlimited_rows_and_equal_names_are_refused() -> None:
    with pytest.raises(ModelError, match="lies above"):
        two_columns(lower=2.0, upper=1.0).build()
    b = two_columns()
    b.rows("free", ("k",), [("1",)], "<=", np.inf, [0], [0], [1])
    with pytest.raises(ModelError, match="no limit"):
        b.build()
    b = Builder()
    b.columns("x", ("i",), [("a-b",), ("a_b",)])
    with pytest.raises(ModelError, match="both called"):
        b.build().column_names()


def test_labels_must_fit_the_axes() -> None:
    with pytest.raises(ModelError, match="every label needs"):
        Builder().columns("x", ("i", "j"), [("a",)])


@st.composite
def models(draw: st.DrawFn) -> LinearModel:
    n, m = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    figures = st.integers(-5, 5).map(float)
    b = Builder()
    low = [draw(st.sampled_from([-np.inf, -2.0, 0.0])) for _ in range(n)]
    high = [draw(st.sampled_from([0.0, 3.0, np.inf])) for _ in range(n)]
    b.columns("v", ("i",), [(str(j),) for j in range(n)], lower=low, upper=high,
              cost=[draw(figures) for _ in range(n)], integer=[draw(st.booleans()) for _ in range(n)])
    for i in range(m):
        coefficients = [draw(figures) for _ in range(n)]
        if not any(coefficients):
            coefficients[0] = 1.0
        b.rows(f"r{i}", ("k",), [("z",)], draw(st.sampled_from(["<=", ">=", "="])), draw(figures),
               np.zeros(n, dtype=int), np.arange(n), coefficients)
    return b.build()


def as_named(model: LinearModel) -> tuple[dict[str, object], dict[str, object]]:
    names = model.column_names()
    columns = {name: (model.cost[j], model.lower[j], model.upper[j], bool(model.integer[j]))
               for j, name in enumerate(names)}
    dense = model.matrix.toarray()
    rows = {name: (model.row_lower[i], model.row_upper[i],
                                          {names[j]: v for j, v in enumerate(dense[i]) if v})
            for i, name in enumerate(model.row_names())}
    return columns, rows  # type: ignore[return-value]


@given(models())
@settings(max_examples=60, deadline=None)
def test_pulp_holds_the_same_costs_rows_and_bounds(model: LinearModel) -> None:
    assert as_named(from_pulp(to_pulp(model))) == as_named(model)


def test_files_are_written_by_ending(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    b = two_columns()
    b.rows("sum", ("k",), [("EUR > 1",)], ">=", 4, [0, 0], [0, 1], [1, 1])
    text = write(b.build(), folder / "m.lp").read_text()
    assert "sum__EUR_1: x__a + x__b >= 4" in text
    assert "sum__EUR_1" in write(b.build(), folder / "m.mps").read_text()
    with pytest.raises(ValueError, match=r"\.lp or \.mps"):
        write(b.build(), folder / "m.txt")
