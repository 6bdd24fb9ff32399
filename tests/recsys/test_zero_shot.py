import numpy as np
import pytest

from recsys.candidates import Taste
from recsys.catalog import Catalog, CategoricalFacet
from recsys.controls import Clause, ControlIntent
from recsys.errors import TillerError
from recsys.rankers import Request
from recsys.slate import plan_slate
from recsys.zero_shot import ZeroShot

TITLES = ["Heat (1995)", "Matrix, The (1999)", "Emma (1996)", "Emma (2009)", "City of Lost Toys, The (1995)"]
CATALOG = Catalog(
    name="films",
    ids=range(5),
    titles=TITLES,
    categorical={"genre": CategoricalFacet.from_lists("genre", [["Crime"], ["Action"], [], [], ["Fantasy"]])},
    numeric={"popularity": np.array([9, 8, 3, 4, 1], np.float32)},
    noun=("film", "films"),
)


class Written(ZeroShot):
    """Answers with given texts."""

    def __init__(self, texts=()):
        super().__init__(CATALOG, None, None)
        self._texts = list(texts)
        self.asked = []

    def _write(self, prompts, most):
        prompts = list(prompts)
        self.asked += [(prompt, most) for prompt in prompts]
        return [self._texts.pop(0) for _ in prompts]


NOBODY = Taste()


def request(count=3, taste=NOBODY, words=None):
    intent = ControlIntent(count=count, require=(Clause(facet="genre", any_of=("Crime",)),))
    return Request(taste, plan_slate(intent.compile(CATALOG), taste.known), words)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("1. Heat (1995)\n2. The Matrix (1999)\n3. Matrix, The (1999)", [0, 1, 1]),
        ("1) heat\n2) THE MATRIX\n3) “Heat (1995)”\n4) **Heat**", [0, 1, 0, 0]),
        ("- Heat (1996)\n- Heet (1995)\n- The Matrix Reloaded", [-1, -1, -1]),  # never repaired
        ("1. Emma\n2. Emma (1996)", [3, 2]),  # the better known, where nothing tells them apart
        ("Here are some films:\n1. Heat (1995)\nEnjoy!\n2.", [0]),
        ("Sure, here you go:\nHeat (1995)\nI hope you like it.", [0, -1]),
        ("", []),
    ],
)
def test_what_counts_as_an_item(text, rows):
    assert Written().rows_of(text) == rows


def test_the_model_is_told_profile_and_wishes_in_titles():
    taste = Taste.of_timeline([1, 2], ["liked", "disliked"])
    prompt = Written().prompt(request(2, taste))
    assert "- The Matrix (1999)\n- Emma (1996) (I did not like it)" in prompt
    assert "2 items" in prompt and "Crime" in prompt and "films" in prompt
    other = Written().prompt(request(words=("films like ", 0)))
    assert "films like Heat (1995)" in other and "I did not" not in other and "so far" not in other.lower()


def test_lists_are_written_in_batches_and_only_freely():
    ranker = Written(["1. Heat (1995)"] * 20)
    assert ranker.lists([request()] * 20) == [[0]] * 20
    assert [most for _, most in ranker.asked] == [3] * 20
    with pytest.raises(TillerError, match="free"):
        ranker.lists([request()], "guarded")


def test_a_real_generation_ends_and_is_read():
    """With a tiny random network and a made vocabulary."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = {word: i for i, word in enumerate(["<end>", "<unk>", *TITLES[0].split(), "items", "Only"])}
    inner = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<end>", pad_token="<end>", unk_token="<unk>"
    )
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(words), **sizes)).eval()
    ranker = ZeroShot(CATALOG, model, tokenizer)
    short = request(1, Taste.of_timeline([1, 2], ["liked", "liked"]))
    both = ranker.lists([request(1), short])
    assert len(both) == 2 and all(row in range(-1, 5) for rows in both for row in rows)
    assert ranker.lists([short]) == both[1:]  # the padding of a batch changes nothing
