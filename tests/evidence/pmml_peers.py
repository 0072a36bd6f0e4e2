"""Whole models of scikit-learn as PMML: the product's scores beside those of JPMML's evaluator and of scikit-learn itself.

    python -m tests.evidence.pmml_peers

Needs `uvx` and a Java runtime. One line for each model: the largest difference to either, over 600 rows.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from apps.evidence.inputs.file_scoring import FileScorer
from tests.benchmarks import peers

PACKAGES = ["sklearn2pmml", "jpmml-evaluator", "jpype1", "scikit-learn<1.8", "pandas<3"]
LARGEST = 1e-12
SCRIPT = """
import json, sys
import numpy as np, pandas as pd
from jpmml_evaluator import make_evaluator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (AdaBoostRegressor, GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier,
                              RandomForestRegressor)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn2pmml import sklearn2pmml
from sklearn2pmml.pipeline import PMMLPipeline

chance, n = np.random.default_rng(0), 600
rows = pd.DataFrame({
    "income": chance.normal(3000, 900, n).round(2), "duration": chance.integers(6, 60, n).astype(float),
    "housing": chance.choice(["own", "rent", "free place"], n), "purpose": chance.choice(["car", "tv", "other"], n),
})
z = rows.income / 900 - rows.duration / 20 + (rows.housing == "own") * 0.7 + chance.normal(size=n)
two = np.where(z > z.median(), "good", "bad")
three = np.array(["a", "b", "c"])[np.digitize(z, np.quantile(z, [0.3, 0.6]))]

def prepared(numbers=None):
    kept = ["income", "duration"]
    return ColumnTransformer([("n", numbers or StandardScaler(), kept), ("c", OneHotEncoder(), ["housing", "purpose"])])

imputed = Pipeline([("i", SimpleImputer()), ("s", StandardScaler())])
bands = KBinsDiscretizer(4, encode="onehot")
models = {
    "logistic": (LogisticRegression(max_iter=500), two, prepared()),
    "logistic, three classes": (LogisticRegression(max_iter=500), three, prepared()),
    "logistic of bands": (LogisticRegression(max_iter=500), two, prepared(bands)),
    "logistic, missing replaced": (LogisticRegression(max_iter=500), two, prepared(imputed)),
    "linear": (LinearRegression(), z, prepared()),
    "tree": (DecisionTreeClassifier(max_depth=5), two, prepared()),
    "tree of numbers": (DecisionTreeRegressor(max_depth=5), z, prepared(MinMaxScaler())),
    "forest": (RandomForestClassifier(20, max_depth=5), two, prepared()),
    "forest, three classes": (RandomForestClassifier(20, max_depth=5), three, prepared()),
    "forest of numbers": (RandomForestRegressor(20, max_depth=5), z, prepared()),
    "boosting": (GradientBoostingClassifier(n_estimators=20), two, prepared()),
    "boosting, three classes": (GradientBoostingClassifier(n_estimators=8), three, prepared()),
    "boosting of numbers": (GradientBoostingRegressor(n_estimators=20), z, prepared()),
    "weighted medians": (AdaBoostRegressor(n_estimators=8), z, prepared()),
}
told = {"columns": {name: rows[name].tolist() for name in rows}, "models": {}}
for name, (model, target, steps) in models.items():
    pipeline = PMMLPipeline([("prepared", steps), ("model", model)])
    pipeline.fit(rows, target)
    path = f"{sys.argv[1]}/{name}.pmml"
    sklearn2pmml(pipeline, path)
    found = make_evaluator(path).verify().evaluateAll(rows)
    classes = getattr(model, "classes_", None)
    own = pipeline.predict(rows) if classes is None else pipeline.predict_proba(rows)[:, -1]
    other = found[found.columns[0] if classes is None else f"probability({classes[-1]})"]
    positive = "1" if classes is None else str(classes[-1])
    told["models"][name] = {"positive": positive, "sklearn": list(map(float, own)), "jpmml": list(map(float, other))}
with open(f"{sys.argv[1]}/told.json", "w") as file:
    json.dump(told, file)
print(json.dumps({"models": len(models)}))
"""


def main() -> int:
    """Make the models, score them three times, print the largest differences; 1 where one is above 1e-12."""
    if subprocess.run(["java", "-version"], capture_output=True, check=False).returncode:
        sys.stderr.write("There is no Java runtime, so nothing was compared.\n")
        return 2
    with tempfile.TemporaryDirectory() as place:
        if peers.ask(PACKAGES, SCRIPT, place) is None:
            return 2
        told = json.loads((Path(place) / "told.json").read_text())
        gaps = {}
        for name, model in told["models"].items():
            scorer = FileScorer((Path(place) / f"{name}.pmml").read_bytes(), name, model["positive"], "pmml")
            scores = scorer.predict(told["columns"])
            gaps[name] = [float(np.abs(scores - np.array(model[peer])).max()) for peer in ("jpmml", "sklearn")]
            print(f"{name}: {gaps[name][0]:.2g} to JPMML, {gaps[name][1]:.2g} to scikit-learn")
    return int(max(max(pair) for pair in gaps.values()) > LARGEST)


if __name__ == "__main__":
    sys.exit(main())
