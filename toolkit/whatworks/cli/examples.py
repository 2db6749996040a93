"""Commands as they are typed, one or two for each: shown by help, run by the tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_AREAS = "--role unit=area_name --role period=month"
_LONDON = f"data/synthetic/london.csv {_AREAS}"
_HOTSPOTS = "--role outcome=robbery --role start=start_hotspots --role cluster=bcu"
_RATE = "--role exposure=population --per 1000"
_STAGGERED = "--role outcome=burglary --role start=start_staggered --role cluster=bcu"
_BOROUGH = f"data/synthetic/borough.csv {_AREAS} --role outcome=burglary --role start=start {_RATE}"
_TRIALS = "data/synthetic/trials"
_SPOTS = f"{_TRIALS}/hotspots.csv --role unit=spot --role arm=arm --role outcome=crimes --role block=band"
_CONTROL = "--option control=control"
_OFFERED = (
    f"{_TRIALS}/restorative-justice.csv --role unit=victim --role arm=arm --role outcome=satisfaction "
    "--role block=site --role allow_missing=true --option control='usual practice'"
)
_DAYS = (
    f"{_TRIALS}/place-days.csv --role unit=spot --role arm=arm --role period=day --role outcome=incidents "
    "--option control=control"
)
_WEDGE = (
    f"{_TRIALS}/stepped-wedge.csv --role unit=borough --role arm=arm --role period=period "
    "--role outcome=robbery --role exposure=population --role cluster=bcu --option control=before"
)

METHODS: Final[Mapping[str, str]] = {
    "did.att_gt": f"{_LONDON} {_STAGGERED} {_RATE} --option comparison=not_yet --option by=event_time",
    "did.block": f"{_LONDON} {_HOTSPOTS} {_RATE}",
    "did.compare": f"{_LONDON} {_HOTSPOTS} {_RATE}",
    "did.etwfe": f"{_LONDON} {_STAGGERED} --option model=poisson",
    "did.event_study": f"{_LONDON} {_HOTSPOTS} {_RATE} --option ends=-12,12",
    "did.imputation": f"{_LONDON} {_STAGGERED} {_RATE} --option by=cohort",
    "did.interaction_weighted": f"{_LONDON} {_STAGGERED} {_RATE} --inference cluster",
    "did.poisson": f"{_LONDON} {_HOTSPOTS} --role exposure=population",
    "did.stacked": f"{_LONDON} {_STAGGERED} {_RATE} --option window=-6,6",
    "did.staggered_rollout": f"{_LONDON} {_STAGGERED} {_RATE} --option draws=499",
    "did.switching": (
        f"{_TRIALS}/place-days.csv --role unit=spot --role period=day --role outcome=incidents "
        "--role covariates=delivered --option treated=delivered"
    ),
    "did.twoway": f"{_LONDON} {_STAGGERED} {_RATE}",
    "rct.attrition_bounds": f"{_OFFERED} --option method=lee",
    "rct.balance": f"{_OFFERED} --role baseline=age,violent,distress",
    "rct.cace": f"{_OFFERED} --role taken=met",
    "rct.crossover": f"{_DAYS} --option model=rate_ratio --option washout=1 --inference cluster",
    "rct.dosage": f"{_DAYS} --role taken=minutes --option per=10",
    "rct.flow": f"{_OFFERED} --role taken=met --option units=victims",
    "rct.horvitz_thompson": f"{_SPOTS} {_CONTROL}",
    "rct.itt": f"{_SPOTS} --role exposure=days --role baseline=crimes_before {_CONTROL}",
    "rct.randomisation_test": f"{_SPOTS} {_CONTROL} --option statistic=studentised",
    "rct.stepped_wedge": f"{_WEDGE} --option model=rate_ratio --inference cluster",
    "rct.subgroups": f"{_OFFERED} --role baseline=violent --option by=violent",
    "synth.augmented": f"{_BOROUGH} --option donors=Bexley,Bromley,Croydon,Merton",
    "synth.classic": f"{_BOROUGH} --inference placebo:side=fall",
    "synth.compare": _BOROUGH,
    "synth.completion": _BOROUGH,
    "synth.interactive": f"{_BOROUGH} --option factors=2",
    "synth.micro": (
        "data/synthetic/areas.csv --role unit=area --role period=quarter --role outcome=violence "
        "--role start=start --role covariates=renting --option match=renting --inference linearised"
    ),
    "synth.penalised": f"{_BOROUGH} --option penalty=0.1",
    "synth.staggered": f"{_LONDON} {_STAGGERED} {_RATE} --option leads=6 --inference jackknife",
    "synth.synthdid": f"{_LONDON} {_HOTSPOTS} {_RATE}",
}
"""What follows `whatworks estimate METHOD`, on the synthetic data; methods without one need Python."""

EXAMPLES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "": (
        ("A study of your own, run on synthetic data as it stands:", "new did my-study"),
        ("", "run studies/my-study"),
        ("Does a published study come out the same?", "verify studies/synthetic-hotspots"),
        ("Every report and the ledger as one site:", "publish site"),
    ),
    "init": (("A workspace for your force, with the synthetic data:", "init my-force --title 'My Force'"),),
    "new": (
        ("One start date, others untreated:", "new did my-study"),
        ("A trial:", "new rct my-trial"),
    ),
    "run": (
        ("One study:", "run studies/synthetic-hotspots"),
        ("Every study, with how far it is and how long it will take:", "run --all"),
    ),
    "verify": (
        ("One study: what moved, and why:", "verify studies/synthetic-hotspots"),
        ("Every field with all its digits:", "verify studies/synthetic-hotspots --fields --json"),
        ("Every study:", "verify --all"),
    ),
    "list": (
        ("Templates, and studies with what they found:", "list"),
        ("The same for a program:", "list --json"),
    ),
    "publish": (("Reports and ledger into the folder site:", "publish site"),),
    "checklist": (
        ("What the record of a trial answers, and what is open:", "checklist synthetic-trial"),
        ("The same as a table:", "checklist synthetic-trial --csv items.csv"),
    ),
    "lab": (("After `make lab`:", "lab"),),
    "estimate": (
        ("One start date, a rate, errors by command unit:", f"estimate did.block {METHODS['did.block']}"),
        ("A trial:", f"estimate rct.itt {METHODS['rct.itt']}"),
        ("What a method asks for:", "estimate did.att_gt --help"),
    ),
    "data": (("What breaks a series between two months?", "data breaks 2012-01..2019-01"),),
    "data mps": (
        (
            "Borough tables of the London Datastore:",
            "data mps MPS_Borough_*.csv --out counts.csv --months 2012-01..2019-01",
        ),
    ),
    "data street": (
        (
            "An archive of data.police.uk, by borough, counted files kept for next time:",
            "data street archive/ --by borough --out counts.parquet --cache .whatworks-cache",
        ),
    ),
    "data stops": (
        (
            "Stop and search of one force:",
            "data stops archive/ --forces metropolitan --out stops.csv --months 2021-01..2021-12",
        ),
    ),
    "data outcomes": (("Outcomes by month and type:", "data outcomes archive/ --out outcomes.csv"),),
    "data breaks": (
        ("Everything between two months:", "data breaks 2012-01..2019-01"),
        ("What touches one offence:", "data breaks 2012-01..2019-01 --offence Robbery"),
        (
            "What one series meets:",
            "data breaks 2012-01..2019-01 --series mps_tables --force metropolitan --level ward",
        ),
    ),
    "synthesise": (("The data that ship, made again:", "synthesise made"),),
    "randomise": (
        (
            "Half of the spots of each band, by a seed agreed in public:",
            f"randomise {_TRIALS}/hotspots-list.csv --unit spot --design blocked:by=band "
            "--arms control,patrol --seed 230301 --out my-draw",
        ),
        (
            "Does the record of a draw come out the same?",
            f"randomise {_TRIALS}/hotspots-list.csv --replay {_TRIALS}/hotspots-allocation.json",
        ),
    ),
}
"""For each command (`data mps`), what the example is for and what follows `whatworks`."""
