"""`python -m tests.benchmarks NAME SIZE`, started by `manage.py bench` with a folder of its own in IMPRIMATUR_VAR."""

import importlib
import os
import sys

TITLES = {
    "audit": "what the log costs a transaction, how fast it is sequenced and verified",
    "dossier": "making a dossier against WeasyPrint alone, and verifying it offline",
    "drift": "distances between two datasets against nannyml and evidently",
    "explain": "Shapley values of an endpoint against shap's PermutationExplainer at equal error",
    "fairness": "metrics by group from counts against fairlearn's MetricFrame on every row",
    "gate": "a decision against one committed row, MLflow's registry, and a past of a million decisions",
    "lineage": "taking events in against COPY, impact on a large graph against a search in memory",
    "pages": "every list page against an empty one in the same frame, and its queries",
    "pii": "looking for personal data against presidio's patterns, and how well columns are told",
    "scale": "counting a large Parquet file against DuckDB's own reduction, with peak memory",
}


def main(arguments: list[str]) -> None:
    """Start the database, migrate it, measure, print."""
    if arguments == ["--list"]:
        print("\n".join(f"{name}\t{title}" for name, title in TITLES.items()))
        return
    name, size = arguments
    os.environ["DJANGO_SETTINGS_MODULE"] = "apps.config.settings"
    from apps.config import database

    (database.var() / "static").mkdir(parents=True)  # WhiteNoise warns where there is none
    database.ready()
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    for found in importlib.import_module(f"tests.benchmarks.{name}").measure(size):
        print(found.as_json(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
