"""What writes texts anew: synonyms, translation there and back, words left out and swapped."""

from goodfit.regularizers.texts.back_translation import BackTranslation
from goodfit.regularizers.texts.synonyms import Synonyms
from goodfit.regularizers.texts.word_deletion import WordDeletion
from goodfit.regularizers.texts.word_swap import WordSwap

__all__ = ["BackTranslation", "Synonyms", "WordDeletion", "WordSwap"]
