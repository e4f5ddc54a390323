"""Raw text as one stream of subwords on disk, with the borders of words, sentences and documents."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from bertology.corpus import text
from bertology.record.errors import BadCorpus, BadRequest


@dataclass(frozen=True, eq=False)
class Stream:
    """Subwords of a text in order.

    `ids` are subword ids without special tokens; `starts` marks the subwords that begin a word; `sentences` and
    `documents` hold the positions at which each begins, and after the last one the length of the stream.
    """

    ids: NDArray[np.uint32]
    starts: NDArray[np.bool_]
    sentences: NDArray[np.int64]
    documents: NDArray[np.int64]
    fingerprint: str

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def words(self) -> NDArray[np.int64]:
        """The number of the word that each subword belongs to."""
        return np.cumsum(self.starts, dtype=np.int64)

    @cached_property
    def frequencies(self) -> NDArray[np.int64]:
        """How often each subword id occurs."""
        return np.bincount(self.ids)

    def document_of(self, position: int) -> int:
        """The number of the document that a position lies in."""
        return int(np.searchsorted(self.documents, position, side="right")) - 1


def open_stream(paths: Sequence[str | Path], tokenizer: Any, folder: str | Path) -> Stream:
    """The stream of some text files, made once and kept in `folder`, then read from disk without loading it.

    Raises BadCorpus for a file that is missing, empty or no text, and when the folder cannot be trusted.
    """
    folder = Path(folder)
    identity = fingerprint(paths, tokenizer)
    about = folder / "stream.json"
    if not about.is_file() or json.loads(about.read_text())["fingerprint"] != identity:
        folder.mkdir(parents=True, exist_ok=True)
        about.unlink(missing_ok=True)
        _write(folder, paths, tokenizer)
        part = about.with_suffix(".part")
        part.write_text(json.dumps({"fingerprint": identity}))
        os.replace(part, about)
    load = lambda name, mode: np.load(folder / f"{name}.npy", mmap_mode=mode)
    return Stream(load("ids", "r"), load("starts", "r"), load("sentences", None), load("documents", None), identity)


def fingerprint(paths: Sequence[str | Path], tokenizer: Any) -> str:
    """16 hex digits over the bytes of the files and the tokenizer."""
    if not paths:
        raise BadRequest("no text was given.", "Give --text FILE, once for each file or with a wildcard.")
    digest = hashlib.sha256(tokenizer.backend_tokenizer.to_str().encode())
    for path in paths:
        if not Path(path).is_file():
            raise BadCorpus(f"{path} is not there.", "Check the path.")
        digest.update(hashlib.sha256(Path(path).read_bytes()).digest())
    return digest.hexdigest()[:16]


def paragraphs_of(paths: Sequence[str | Path]) -> Iterator[str]:
    """The paragraphs of the files, as a tokenizer is trained on them."""
    for path in paths:
        for paragraph in text.prose(path):
            yield paragraph.text


def _write(folder: Path, paths: Sequence[str | Path], tokenizer: Any) -> None:
    ids: list[NDArray[Any]] = []
    starts: list[NDArray[Any]] = []
    sentences: list[int] = []
    documents: list[int] = []
    n, document = 0, (-1, "")
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())  # the caller's keeps its truncation and padding
    backend.no_truncation()
    backend.no_padding()
    reading = ((k, p) for k, path in enumerate(paths) for p in text.prose(path))
    while paragraphs := list(islice(reading, 1000)):
        encodings = backend.encode_batch([p.text for _, p in paragraphs], add_special_tokens=False)
        for (file, paragraph), encoding in zip(paragraphs, encodings, strict=True):
            if not encoding.ids:
                continue
            ends = np.array([end for _, end in encoding.offsets])
            words = np.array([-1 if w is None else w for w in encoding.word_ids])
            first = np.searchsorted(ends, paragraph.sentences, side="right")  # the subword that covers the character
            sentences += sorted({n + int(i) for i in first if i < len(ends)} | {n})
            if (file, paragraph.document) != document:
                documents.append(n)
                document = (file, paragraph.document)
            ids.append(np.array(encoding.ids, dtype=np.uint32))
            starts.append(np.concatenate([[True], words[1:] != words[:-1]]))
            n += len(encoding.ids)
    if n == 0:
        raise BadCorpus(
            f"{', '.join(map(str, paths))}: no subword in all of it.", "Give text files with words in them."
        )
    arrays = {
        "ids": np.concatenate(ids), "starts": np.concatenate(starts),
        "sentences": np.array([*sentences, n], dtype=np.int64), "documents": np.array([*documents, n], dtype=np.int64),
    }  # fmt: skip
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
