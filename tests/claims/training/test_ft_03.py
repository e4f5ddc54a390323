"""ft-03: several layers against the last alone."""

import torch

from bertology.claims.training.ft_03_several_layers import LastLayerOnly
from bertology.train.classifier import batches, classifier
from bertology.train.finetune import encoded_parts
from bertology.train.tasks import property_of
from bertology.train.techniques import ComplementaryLayers, ScalarMix, Tuning
from tests.claims.training.answered import jitter, tiny, uses, verdict


def score(several: float, parameters: float):
    def of(asked, seed, order):
        gain = several if uses(asked, "ScalarMix", "ComplementaryLayers") else 0
        gain += parameters if uses(asked, "LastLayerOnly") else 0
        return 0.7 + gain + jitter(asked, seed, order, 0.005)

    return of


def test_a_gain_of_layers_holds(corpora):
    assert verdict("ft-03", score(0.05, 0.0), corpora) == "holds"


def test_a_loss_refutes_it(corpora):
    assert verdict("ft-03", score(-0.05, 0.0), corpora) == "fails"


def test_a_gain_that_the_same_parameters_on_the_last_layer_have_too_does_not_hold(corpora):
    assert verdict("ft-03", score(0.05, 0.05), corpora) != "holds"


def test_noise_does_not_hold(corpora):
    assert verdict("ft-03", score(0.0, 0.0), corpora) != "holds"


def test_the_control_has_as_many_parameters_and_reads_the_last_layer_alone(corpora):
    encoder, task = tiny(corpora, layers=3), property_of(corpora.treebank, "tense")
    (batch, *_) = batches(encoded_parts(encoder, task)["dev"], task, 8, 0, encoder.device)
    for way in (ScalarMix(), ComplementaryLayers(size=4)):
        sizes, logits = [], []
        for technique in (way, LastLayerOnly(way)):
            model = classifier(encoder, task, 0).eval()
            tuning = Tuning(model, encoder, task, 0, {}, (technique,))
            torch.manual_seed(0)
            technique.prepare(tuning)
            sizes.append(sum(p.numel() for p in model.parameters()))
            logits.append(tuning.logits(batch))
        plain = classifier(encoder, task, 0).eval()(**batch.inputs).logits
        assert sizes[0] == sizes[1]
        mixed, control = (float((x - plain).detach().abs().max()) for x in logits)
        assert control < 1e-6 and (mixed > 1e-5 or way != ScalarMix())
