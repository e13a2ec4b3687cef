"""Holds the server to the tables of `conformance`."""

import pytest

from conformance import documents, rfc9110, rfc9112, rfc9112_bodies
from conformance.case import Case, Trial

CASES = rfc9112.CASES + rfc9112_bodies.CASES + rfc9110.CASES + documents.CASES


def row(case: Case):
    marks = [pytest.mark.xfail(reason=case.deviation, strict=True)] if case.deviation else []
    return pytest.param(case, id=f"{case.rule}: {case.name}", marks=marks)


@pytest.mark.usefixtures("bystanders")
@pytest.mark.parametrize("case", [row(case) for case in CASES])
def test_the_documents_are_kept_to(server, prefix, case):
    Trial(server, prefix, case).run()


def test_rows_have_names_of_their_own():
    names = [(case.rule, case.name) for case in CASES]
    assert [name for name in names if names.count(name) > 1] == []
