"""Which columns of the tables may be empty."""

from typing import get_args, get_type_hints

from mnist_core.store.run import Run
from mnist_core.store.schema import SERIES, metadata, runs


def test_a_column_may_be_empty_where_a_run_may_lack_its_value():
    hints = get_type_hints(Run)
    # () and None are the same in these.
    hints["devices"] = hints["devices"] | None
    empty = {name: type(None) in get_args(kind) for name, kind in hints.items()}
    assert {name: runs.c[name].nullable for name in empty} == empty


def test_other_columns_are_never_empty_but_for_what_was_not_measured_or_has_no_step():
    others = {table.name: table for table in metadata.sorted_tables if table.name != "runs"}
    empty = {(name, column.name) for name, table in others.items() for column in table.c if column.nullable}
    series = {("measurements", name) for name in SERIES}
    persons = {("sweeps", "owner"), ("drawings", "owner"), ("people", "revoked"), ("polls", "started")}
    assert empty == {("artifacts", "epoch"), ("artifacts", "step"), *persons, *series}
