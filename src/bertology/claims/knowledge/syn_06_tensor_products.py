"""Trees are the roles that best explain the sentence vector (Jawahar et al. 2019)."""

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.tpdn import SCHEMES, TensorProducts
from bertology.record.claim import above, below
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap

TREE = "tree positions"


@claim(
    id="syn-06",
    section="3.1",
    says="Among five role schemes, dependency trees approximate the sentence vector best, by a small margin.",
    cites=("jawahar-2019",),
    method="""Tensor product decomposition networks approximate the last layer's [CLS] vector (the mean over tokens where an encoder has no
    [CLS]) by a sum over the words of filler ⊗ role, mapped linearly. Roles are places from the left, from the right, both, none (a bag of
    words), or places in the gold dependency tree; embeddings of words have 20 dimensions, of roles 12, in all schemes. On test
    sentences the squared error, in shares of the vectors' variance, must be lower for trees than for each other scheme, sentence by
    sentence; and trees must gain 0.03 of the variance more over a bag of words than they do on the random twin's vectors: two random
    initialisations differ by 0.02, and tree positions know word classes, so that they may gain there, too.""",
    expects={
        "error, tree − left to right": below(0.0),
        "error, tree − right to left": below(0.0),
        "error, tree − bag of words": below(0.0),
        "error, tree − bidirectional": below(0.0),
        "gain over a bag of words beyond the random twin": above(0.03),
    },
    needs=("treebank:head",),
)  # fmt: skip
def trees_explain_the_sentence_vector(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    treebank = corpora.treebank
    pooling = "cls" if "cls" in encoder.has else "mean"
    asked = TensorProducts(pooling)
    real, random = yield from together(measure(asked, over=treebank), measure(asked, over=treebank, twin=True))
    names = list(SCHEMES)
    tree, bag = names.index(TREE), names.index("bag of words")
    options = {"unit": "of variance", "seed": seed}
    values = {
        f"error, tree − {name}": bootstrap(lambda t, o: t - o, real.errors[tree], real.errors[k], **options)
        for k, name in enumerate(names)
        if k != tree
    }
    values["gain over a bag of words beyond the random twin"] = bootstrap(
        lambda t, b, u, c: (b - t) - (c - u), real.errors[tree], real.errors[bag], random.errors[tree], random.errors[bag], **options
    )  # fmt: skip
    rows, baselines = [], {}
    for who, found in (("", real), ("random twin, ", random)):
        for k, name in enumerate(names):
            e = found.errors[k].estimate(unit="of variance", seed=seed)
            rows.append(Row("squared error of the approximation", e.value, e.low, e.high, e.n, label=f"{who}{name}"))
            (baselines if who else values)[f"{who}error, {name}"] = e
    roles = ", ".join(f"{n} {name}" for name, n in zip(names, real.roles.tolist(), strict=True))
    return Finding(
        values, baselines, rows,
        f"Vectors: {'[CLS]' if pooling == 'cls' else 'mean over tokens'}, last layer; 1 is the error of their mean. Roles in the training "
        f"sentences of {treebank.name}: {roles}. The study fits each layer of BERT-base.",
    )  # fmt: skip
