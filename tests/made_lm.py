"""A language model of a few thousand weights: its tokenizer, and a base folder as on a disk."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from recsys.catalog import Catalog
from recsys.lm.base import WEIGHTS
from recsys.lm.model import ItemTokenModel

SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
#: Token ids of the words; the base's vocabulary is longer, as that of many models is.
SPARE = 5


@lru_cache
def small_tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte, and the special tokens of the default base."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("Ġ", "o"), ("i", "t"), ("e", "m"), ("it", "em")]
    words = [*SPECIALS, *alphabet, *(a + b for a, b in merges)]
    tokenizer = Tokenizer(models.BPE({word: id for id, word in enumerate(words)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(word, special=True) for word in SPECIALS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=SPECIALS[1],
        eos_token=SPECIALS[2],
        pad_token=SPECIALS[2],
        clean_up_tokenization_spaces=False,
    )


def small_llama(vocabulary: int, seed: int = 0, tied: bool = False, spread: float = 0.3) -> LlamaForCausalLM:
    """Random weights; two layers of 16 numbers."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LlamaForCausalLM(
            LlamaConfig(
                vocab_size=vocabulary,
                hidden_size=16,
                intermediate_size=32,
                num_hidden_layers=2,
                num_attention_heads=2,
                num_key_value_heads=1,
                max_position_embeddings=512,
                initializer_range=spread,
                tie_word_embeddings=tied,
                bos_token_id=1,
                eos_token_id=2,
                pad_token_id=2,
            )
        ).eval()


def words_of(tokenizer: PreTrainedTokenizerFast) -> int:
    """The size of the base's vocabulary."""
    return len(tokenizer) + SPARE


def small_model(catalog: Catalog, seed: int = 0) -> ItemTokenModel:
    """An item-token model that was never trained."""
    tokenizer = small_tokenizer()
    return ItemTokenModel(small_llama(words_of(tokenizer) + len(catalog), seed), tokenizer, catalog)


def made_base(folder: Path, seed: int = 0) -> Path:
    """A base model on disk."""
    tokenizer = small_tokenizer()
    small_llama(words_of(tokenizer), seed, tied=True, spread=0.1).bfloat16().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    assert (folder / WEIGHTS).exists()
    return folder
