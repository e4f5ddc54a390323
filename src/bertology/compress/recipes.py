"""Every row of the survey's Table 1 as a recipe, and the methods beside it. `bertology compress --list` prints this file.

A recipe keeps the study's losses, maps and order; layers, widths and rates scale with the encoder it is given. Figures of `Row` are those of
Table 1 as remembered (unchecked).
"""

from bertology.compress.by_ability import ByAbility
from bertology.compress.pruning.learned_gates import NearestLayers
from bertology.compress.pruning.sparse import MagnitudePruning, MovementPruning, ProximalPruning
from bertology.compress.pruning.structured import StructuredPruning
from bertology.compress.recipe import Compression, Goal, Row
from bertology.compress.steps import (
    Bottleneck,
    Convolutional,
    Exits,
    Factored,
    FewerTokens,
    Fresh,
    Gated,
    HeadsByImportance,
    MixedVocabularies,
    Narrow,
    OnText,
    Proximal,
    Recurrent,
    Replaced,
    Rounded,
    Selected,
    Shared,
    Shorten,
    Sparse,
    Structured,
    Ticket,
    Trimmed,
    Tune,
    TuneIfTask,
    Unlayered,
)
from bertology.compress.teaching.distil import (
    Attention,
    Direction,
    Hidden,
    Logits,
    PatientCLS,
    SoftTargets,
    ValueRelations,
)
from bertology.record.errors import BadRequest

GLUE = "all GLUE, SQuAD"

TABLE: tuple[Compression, ...] = (
    Compression(
        "distilbert", "DistilBERT (Sanh et al. 2019)", "distillation", ("sanh-2019",),
        "Half of the layers, taught on running text by soft predictions, the language model's own loss, and the direction of hidden states.",
        (Shorten(0.5, "uniform"), OnText((SoftTargets(5.0, 2.0), Direction(1.0)), hard=2.0), TuneIfTask()),
        Row(1.5, 0.90, 1.6, "BERT, 6 layers", GLUE),
    ),
    Compression(
        "pkd-6", "BERT6-PKD (Sun et al. 2019)", "distillation", ("sun-2019a",),
        "The first half of the layers, taught on the task by soft labels and by the [CLS] vectors of evenly chosen teacher layers.",
        (Shorten(0.5, "first"), Tune(terms=(SoftTargets(0.7, 10.0), PatientCLS(0.3)), hard=0.3, longer=2)),
        Row(1.6, 0.98, 1.9, "BERT, 6 layers", "no WNLI, CoLA, STS-B; RACE"),
    ),
    Compression(
        "pkd-3", "BERT3-PKD (Sun et al. 2019)", "distillation", ("sun-2019a",),
        "As pkd-6 with a quarter of the layers.",
        (Shorten(0.25, "first"), Tune(terms=(SoftTargets(0.7, 10.0), PatientCLS(0.3)), hard=0.3, longer=2)),
        Row(2.4, 0.92, 3.7, "BERT, 3 layers", "no WNLI, CoLA, STS-B; RACE"),
    ),
    Compression(
        "aguilar", "Aguilar et al. 2019, experiment 3", "distillation", ("aguilar-2019",),
        "Half of the layers, taught by what the teacher's layers hold inside: its attention (KL) and its [CLS] vectors (cosine).",
        (Shorten(0.5, "uniform"), Tune(terms=(SoftTargets(0.5, 1.0), Attention(1.0, divergence=True), Direction(1.0)), hard=0.5, longer=2)),
        Row(1.6, 0.93, None, "BERT, 6 layers", "CoLA, MRPC, QQP, RTE"),
        differs="All layers are taught at once; the study teaches them bottom up.",
    ),
    Compression(
        "bert-48", "BERT-48 (Zhao et al. 2019)", "distillation", ("zhao-2019",),
        "A sixteenth of the width and a vocabulary of its own, taught by a teacher that learnt to read both vocabularies.",
        (MixedVocabularies(1 / 16), TuneIfTask(longer=2)),
        Row(62, 0.87, 77, "smaller BERT, 12 layers, smaller vocabulary", "MNLI, MRPC, SST-2"),
        differs="Embeddings start from the teacher's; the student also copies the teacher's predictions; no next-sentence task.",
    ),
    Compression(
        "bert-192", "BERT-192 (Zhao et al. 2019)", "distillation", ("zhao-2019",),
        "As bert-48 with a quarter of the width.",
        (MixedVocabularies(1 / 4), TuneIfTask(longer=2)),
        Row(5.7, 0.93, 22, "smaller BERT, 12 layers, smaller vocabulary", "MNLI, MRPC, SST-2"),
        differs="As bert-48.",
    ),
    Compression(
        "tinybert", "TinyBERT (Jiao et al. 2019)", "distillation", ("jiao-2019",),
        "A narrow, shallow student copies attention, embeddings and hidden states on running text, then on the task, then the predictions.",
        (
            Fresh(1 / 3, 0.41), OnText((Hidden(), Attention()), hard=0.0, epochs=3),
            Tune(terms=(Hidden(), Attention()), hard=0.0, longer=4, faster=4), Tune(terms=(SoftTargets(1.0, 1.0),), hard=0.0, longer=4, faster=4),
        ),
        Row(7.5, 0.96, 9.4, "smaller BERT, 4 layers", "no WNLI; SQuAD"),
        differs="Attention weights are copied, not the scores before the softmax; no augmentation of the task's texts.",
    ),
    Compression(
        "mobilebert", "MobileBERT (Sun et al. 2020)", "distillation", ("sun-2020",),
        "As deep as the teacher, narrow inside each layer; feature maps and attention go over layer by layer, then predictions.",
        (Bottleneck(),),
        Row(4.3, 1.0, 4, "smaller BERT, 24 layers", "no WNLI; SQuAD"),
        differs="The encoder itself teaches; the study trains a teacher with inverted bottlenecks.",
    ),
    Compression(
        "pd", "PD (Turc et al. 2019)", "distillation", ("turc-2019",),
        "A student trained as a language model first, then taught on the task by soft labels alone.",
        (Fresh(0.5, 1.0), OnText((), hard=1.0, epochs=3), Tune(terms=(SoftTargets(1.0, 1.0),), hard=0.0, longer=4, faster=4)),
        Row(1.6, 0.98, 2.5, "smaller BERT, 6 layers", "no WNLI, CoLA, STS-B"),
    ),
    Compression(
        "waldorf", "WaLDORf (Tian et al. 2019)", "distillation", ("tian-2019",),
        "Convolutions shorten the sequence inside each layer; hidden states are copied layer by layer.",
        (Convolutional(),),
        Row(4.4, 0.93, 9, "smaller BERT, 8 layers, convolutions", "SQuAD"),
        differs="The nearest student whose parts are published (compress/teaching/waldorf.py says what is guessed).",
    ),
    Compression(
        "minilm", "MiniLM (Wang et al. 2020)", "distillation", ("wang-2020b",),
        "Half of the layers, taught on running text by the last layer's attention and the relations of its values.",
        (Shorten(0.5, "uniform"), OnText((Attention(1.0, "top", divergence=True), ValueRelations(1.0)), hard=0.0), TuneIfTask()),
        Row(1.65, 0.99, 2.0, "BERT, 6 layers", "no WNLI, STS-B, MNLI-mm; SQuAD"),
        differs="The student starts from layers of the encoder, not from random weights.",
    ),
    Compression(
        "minibert", "MiniBERT (Tsai et al. 2019)", "distillation", ("tsai-2019",),
        "A quarter of the layers, taught on a task that labels words by soft labels, in as many languages as the task has.",
        (Fresh(0.25, 1.0), TuneIfTask(terms=(SoftTargets(1.0, 3.0),), hard=0.0, longer=4, faster=4)),
        Row(6, 0.98, 27, "multilingual BERT, 3 layers", "CoNLL-18 tags", base="multilingual BERT"),
    ),
    Compression(
        "bilstm-soft", "BiLSTM-soft (Tang et al. 2019)", "distillation", ("tang-2019",),
        "A recurrent network of one layer learns the logits on texts that are made up from the task's.",
        (Recurrent(),),
        Row(110, 0.91, 434, "BiLSTM, 1 layer", "MNLI, QQP, SST-2", base="BERT-large (speed-up)"),
        differs="Words are not replaced by others of their part of speech (that takes a tagger).",
    ),
    Compression(
        "q-bert", "Q-BERT-MP (Shen et al. 2019)", "quantisation", ("shen-2019",),
        "2 to 3 bits a weight in groups of rows, more where the loss curves more, tuned with the rounding; embeddings in 8 bits.",
        (Rounded("aware", bits=2.5, embedding_bits=8, group=128, mixed=True, activations=True),),
        Row(13, 0.98, None, "BERT, 12 layers", "MNLI, SST-2, CoNLL-03, SQuAD"),
    ),
    Compression(
        "q8bert", "BERT-QAT, Q8BERT (Zafrir et al. 2019)", "quantisation", ("zafrir-2019",),
        "8 bits a weight and activation, tuned with the rounding.",
        (Rounded("aware", bits=8, embedding_bits=8, activations=True),),
        Row(4, 0.99, None, "BERT, 12 layers", "no WNLI, MNLI; SQuAD"),
    ),
    Compression(
        "gobo", "GOBO (Zadeh & Moshovos 2020)", "quantisation", ("zadeh-2020",),
        "After tuning: a dictionary of 8 values for each matrix (3 bits), outliers as they are.",
        (Rounded("gobo", bits=3, embedding_bits=3),),
        Row(9.8, 0.99, None, "BERT, 12 layers", "MNLI"),
    ),
    Compression(
        "mccarley", "McCarley 2020, ff2", "pruning", ("mccarley-2020",),
        "Gates on heads and neurons learn which go; the tuned encoder teaches.",
        (Gated(("head", "neuron"), terms=(SoftTargets(),)),),
        Row(2.2, 0.98, 1.9, "BERT, 24 layers", "SQuAD, Natural Questions", base="BERT-large"),
        at=Goal(speedup=1.9),
    ),
    Compression(
        "rpp", "RPP (Guo et al. 2019)", "pruning", ("guo-2019",),
        "Reweighted proximal pruning while tuning: small weights shrink to zero, the smaller the faster.",
        (Proximal(method=ProximalPruning(strength=3e-6), longer=2),),
        Row(1.7, 0.99, None, "BERT, 24 layers", "no WNLI, STS-B; SQuAD", base="BERT-large"),
    ),
    Compression(
        "soft-mvp", "Soft MvP (Sanh et al. 2020)", "pruning", ("sanh-2020",),
        "Weights that move away from zero while tuning stay; the tuned encoder teaches.",
        (Sparse(method=MovementPruning(soft=True), terms=(SoftTargets(0.9, 2.0),), hard=0.1, longer=2),),
        Row(33, 0.94, None, "BERT, 12 layers", "MNLI, QQP, SQuAD"),
    ),
    Compression(
        "imp", "IMP (Chen et al. 2020), rewind 50 %", "pruning", ("chen-2020",),
        "Lottery tickets: tune, drop the smallest weights, return to the pre-trained ones, again.",
        (Ticket(0.5),),
        Row((1.4, 2.5), (0.94, 1.0), None, "BERT, 12 layers", "no MNLI-mm; SQuAD"),
        at=Goal(keep=0.5),
    ),
    Compression(
        "albert", "ALBERT-base (Lan et al. 2020)", "other", ("lan-2020",),
        "One layer for all and factored embeddings, begun as the mean of the encoder's layers and taught by it.",
        (Shared(), OnText((Hidden(), SoftTargets()), hard=1.0), TuneIfTask(terms=(SoftTargets(),), longer=2)),
        Row(9, 0.97, None, "smaller BERT, 12 layers", "MNLI, SST-2"),
        differs="The study pre-trains from nothing; the survey's ALBERT-xxlarge (0.47 times as small, 107 %) makes nothing smaller.",
    ),
    Compression(
        "theseus", "BERT-of-Theseus (Xu et al. 2020)", "other", ("xu-2020",),
        "Each layer of a short encoder takes over from two of the tuned one, in more and more of the steps.",
        (Replaced(0.5),),
        Row(1.6, 0.98, 1.9, "BERT, 6 layers", "no WNLI"),
    ),
    Compression(
        "power-bert", "PoWER-BERT (Goyal et al. 2020)", "other", ("goyal-2020",),
        "Tokens that little attention goes to leave, more and more of them from layer to layer.",
        (FewerTokens(),),
        Row(None, 0.99, (2, 4.5), "BERT, 12 layers", "no WNLI; RACE"),
    ),
)  # fmt: skip
"""Table 1 in its order."""

BESIDE: tuple[Compression, ...] = (
    Compression(
        "structured", "To a measured speed (Kurtic et al. 2023; Michel et al. 2019; Xia et al. 2022)", "pruning", ("michel-2019",),
        "Heads and neurons go, the least sensitive for the time they take on this machine, in rounds with recovery from the whole one.",
        (Structured(),), at=Goal(speedup=2.0),
    ),
    Compression(
        "structured-random", "The control of `structured`", "pruning", (),
        "As `structured`, the parts drawn at random.",
        (Structured(StructuredPruning(by="random")),), at=Goal(speedup=2.0),
    ),
    Compression(
        "michel", "Head pruning (Michel et al. 2019)", "pruning", ("michel-2019",),
        "Heads go in the order of their importance as long as a point of dev is left, without tuning.",
        (HeadsByImportance(),),
    ),
    Compression(
        "voita", "L0 gates on heads (Voita et al. 2019)", "pruning", ("voita-2019b",),
        "Gates on heads learn which close; those heads go.",
        (Gated(("head",), "heads", 0.5),),
    ),
    Compression(
        "cofi", "CoFi (Xia et al. 2022)", "pruning", ("xia-2022",),
        "Gates on heads, neurons and whole sublayers with a wished size, taught layer by layer.",
        (Gated(("head", "neuron", "attention", "ffn"), terms=(SoftTargets(), NearestLayers())),), at=Goal(keep=0.4),
        differs="Hidden dimensions have no gates; `width` prunes them.",
    ),
    Compression(
        "layerdrop", "LayerDrop (Fan et al. 2019)", "pruning", ("fan-2019",),
        "Tuned with layers skipped at random; then every other layer goes.",
        (Selected(0.5),),
    ),
    Compression(
        "width", "Hidden dimensions", "pruning", ("molchanov-2019", "xia-2022"),
        "Hidden dimensions go, the least sensitive first, in rounds with recovery.",
        (Narrow(0.5),),
    ),
    Compression(
        "low-rank", "Low-rank factors", "other", ("chen-2021-drone",),
        "Matrices of the layers as products of thin ones, by singular values weighted by what they read; then tuned.",
        (Factored(0.5), TuneIfTask(terms=(SoftTargets(),))),
    ),
    Compression(
        "deebert", "DeeBERT (Xin et al. 2020)", "other", ("xin-2020",),
        "A classifier after each layer; a text leaves when its answer is sure.",
        (Exits("deebert"),),
    ),
    Compression(
        "pabee", "PABEE (Zhou et al. 2020)", "other", ("zhou-2020",),
        "Classifiers after all layers are tuned together; a text leaves when several in a row agree.",
        (Exits("pabee"),),
    ),
    Compression(
        "magnitude", "Gordon et al. 2020", "pruning", ("gordon-2020",),
        "The smallest weights become zero while tuning, on a cubic schedule.",
        (Sparse(method=MagnitudePruning()),), at=Goal(keep=0.5),
    ),
    Compression(
        "movement", "Sanh et al. 2020, hard", "pruning", ("sanh-2020",),
        "The weights whose movement scores are highest stay, on a cubic schedule.",
        (Sparse(method=MovementPruning(), longer=2),), at=Goal(keep=0.15),
    ),
    Compression(
        "int8", "8 bits after tuning", "quantisation", ("jacob-2018",),
        "Weights rounded to 8 bits after tuning, a scale a row.",
        (Rounded("plain", bits=8, group=1),),
    ),
    Compression(
        "static", "Model2Vec (Tulkens & van Dongen 2024)", "distillation", ("tulkens-2024",),
        "No layer: each subword read alone once, by principal components and rank; a text is the mean of its subwords.",
        (Unlayered(),),
        differs="With a task the table is trained on, and the task's head is linear.",
    ),
    Compression(
        "vocabulary", "Vocabulary trimming", "other", (),
        "Subwords that the task's training texts (or --text) never use go.",
        (Trimmed(),),
    ),
    Compression(
        "logits", "Tang et al. 2019's loss on a short encoder", "distillation", ("tang-2019",),
        "Half of the layers, taught on the task by squared distance of logits.",
        (Shorten(0.5, "uniform"), Tune(terms=(Logits(1.0),), hard=0.0, longer=2)),
    ),
    Compression(
        "by-ability", "Steered by abilities", "pruning", (),
        "Heads, neurons and layers go, those that the abilities of --keep-ability miss least first.",
        (ByAbility("parts"), TuneIfTask(terms=(SoftTargets(),))),
    ),
    Compression(
        "by-ability-bits", "Steered by abilities, bits", "quantisation", (),
        "Matrices go from 8 to 4 bits, those that the abilities of --keep-ability miss least first.",
        (ByAbility("bits"),),
    ),
    Compression(
        "layers", "The control of distillation", "other", (),
        "Half of the layers, tuned without a teacher.",
        (Shorten(0.5, "uniform"), Tune(longer=2)),
    ),
)  # fmt: skip
"""Methods beside Table 1, and controls."""

RECIPES: dict[str, Compression] = {r.name: r for r in (*TABLE, *BESIDE)}


def recipe(name: str) -> Compression:
    """The recipe of a name. Raises BadRequest with the names there are."""
    if name not in RECIPES:
        raise BadRequest(f"there is no compression recipe {name!r}.", f"Choose one of {', '.join(RECIPES)}.")
    return RECIPES[name]
