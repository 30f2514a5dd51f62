"""English texts written anew: synonyms, words deleted and swapped, translation there and back."""
