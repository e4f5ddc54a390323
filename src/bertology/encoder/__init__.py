"""Ground floor: any BERT-family model, seen in one shape."""

from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.load import load, wrap
from bertology.encoder.sites import Site, attention, head, hidden, neuron, value
from bertology.encoder.watch import Observation

__all__ = [
    "Batch",
    "Encoded",
    "Encoder",
    "Observation",
    "Site",
    "attention",
    "head",
    "hidden",
    "load",
    "neuron",
    "value",
    "wrap",
]
