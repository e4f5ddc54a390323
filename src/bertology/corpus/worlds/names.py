"""People and their nation: names that tell it, names that tell another or none, and invented names that seem to (after Poerner et al. 2020)."""

from collections.abc import Iterator

from bertology.corpus.cloze import ClozeItem
from bertology.corpus.facts import Fact, filled_templates

_NAMES = """
helpful Italian: Giuseppe Garibaldi, Gioachino Rossini, Alessandro Manzoni, Vittorio Alfieri, Niccolo Paganini, Torquato Tasso, \
Ludovico Ariosto, Giovanni Boccaccio, Giacomo Leopardi, Vincenzo Bellini, Gaetano Donizetti, Antonio Canova
helpful French: Jean Racine, Pierre Corneille, Francois Villon, Jean La Fontaine, Alphonse Lamartine, Rene Descartes, Blaise Pascal, \
Jacques Necker, Etienne Marcel, Guillaume Apollinaire, Antoine Lavoisier, Jacques Delille
helpful German: Johann Goethe, Friedrich Schiller, Heinrich Heine, Ludwig Uhland, Gotthold Lessing, Johann Bach, Karl Weber, \
Gottfried Herder, Wilhelm Grimm, Otto Bismarck, Johann Fichte, Ulrich Hutten
helpful Spanish: Miguel Cervantes, Diego Velasquez, Pedro Calderon, Hernando Cortez, Juan Ponce, Francisco Pizarro, Ignacio Loyola, \
Gonzalo Cordova, Rodrigo Diaz, Garcilaso Vega, Francisco Quevedo, Bartolome Murillo
helpful English: William Wordsworth, John Milton, Thomas Gray, Charles Dickens, Henry Fielding, George Crabbe, Edward Gibbon, \
Samuel Johnson, Oliver Cromwell, Robert Walpole, William Cobbett, John Bunyan
helpful Irish: Daniel O'Connell, Patrick Sarsfield, Brian O'Neill, Hugh O'Donnell, Rory O'More, Phelim O'Neill, Smith O'Brien, \
Dermot MacMurrough, Fergus O'Connor, Patrick Pearse
helpful Russian: Ivan Turgenev, Alexander Pushkin, Nikolai Gogol, Boris Godunov, Dmitri Donskoy, Fyodor Dostoevsky, Grigori Potemkin, \
Alexander Suvorov, Ivan Krylov, Mikhail Kutuzov
unhelpful Italian: Christopher Columbus, John Cabot, Sebastian Cabot, Peter Martyr, Thomas Aquinas, Bernard Castiglione, Leo Alberti, \
Prospero Colonna
unhelpful French: Napoleon Bonaparte, Leon Gambetta, Patrick MacMahon, Emile Zola, Gustave Eiffel, Michel Kellermann, Henry Clarke, \
Jacques Macdonald, Jean Kleber, Andre Massena, John Calvin, Auguste Bartholdi
unhelpful German: Clemens Brentano, Adelbert Chamisso, Henry Fouque, George Handel, Theodor Fontane, Bettina Brentano, Frederick Savigny, \
Melchior Grimm, Felix Mendelssohn, Ernest Mansfeld
unhelpful Spanish: Leopold O'Donnell, Joaquin Blake, Alexander O'Reilly, Joseph White, Ambrose Spinola, Henry O'Donnell, Peter Arbues, \
Eugenia Montijo
unhelpful English: Dante Rossetti, Benjamin Disraeli, Christina Rossetti, Isambard Brunel, Samuel Romilly, Harriet Martineau, \
Fanny Burney, Antonio Panizzi, George Du Maurier, John Florio, Frederick Delius, Gustav Holst
unhelpful Irish: Jonathan Swift, Oliver Goldsmith, Edmund Burke, Richard Sheridan, Maria Edgeworth, Thomas Moore, Robert Emmet, \
Henry Grattan, Charles Parnell, Charles Lever, Henry Flood, Oscar Wilde
unhelpful Russian: Michael Barclay, Charles Nesselrode, Paul Pestel, Peter Wittgenstein, Alexander Benckendorff, Denis Fonvizin, \
Leo Diebitsch, Catherine Dashkova
fictional Italian: Giovanni Bellandi, Pietro Morazzini, Lucia Fontanelli, Carlo Trevisotti, Beppo Ghirlandi, Matteo Spadaroni
fictional French: Jean Delaville, Pierre Montrichard, Jacques Bonvalet, Lucie Desrochers, Gaston Villeneau, Armand Clairmont
fictional German: Hans Altenburger, Fritz Waldmann, Karl Steinhagen, Gretchen Lindemuth, Wilhelm Rosenkopf, Heinrich Brauerhof
fictional Spanish: Pedro Valdemora, Juan Castellar, Diego Santillano, Dolores Montejo, Alonzo Ribereda, Ramon Olivarez
fictional English: John Hathersby, William Thorpington, Mary Ashworthy, George Brackley, Robert Underhill, Henry Wetherton
fictional Irish: Patrick O'Hallaran, Bridget O'Mulvane, Dennis MacSheehan, Mike O'Flanagan, Teague O'Corrigan, Biddy O'Rafferton
fictional Russian: Ivan Petrovsky, Boris Malinov, Nikolai Stepanovich, Dmitri Orlovsky, Sergius Karkov, Vladimir Tumanov
"""
_TEMPLATES = (
    "[X] was [Y] by birth.",
    "[X] was born of [Y] parents.",
    "The family of [X] was [Y].",
    "[X] was of [Y] blood.",
    "By birth [X] was [Y], and proud of it.",
    "The language of [X] was [Y].",
)


def items() -> tuple[ClozeItem, ...]:
    """Items of set NAME with label "name": helpful, unhelpful (both are of people who lived) or fictional (the target is what the name
    seems to tell)."""
    return tuple(_items())


def _items() -> Iterator[ClozeItem]:
    by_kind: dict[str, list[Fact]] = {}
    for line in _NAMES.strip().replace("\\\n", "").splitlines():
        head, _, listed = line.partition(": ")
        kind, nation = head.split()
        by_kind.setdefault(kind, []).extend(Fact(name.strip(), nation, kind) for name in listed.split(","))
    for kind, facts in by_kind.items():
        yield from filled_templates("nation", _TEMPLATES, facts, set="NAME", name=kind)
