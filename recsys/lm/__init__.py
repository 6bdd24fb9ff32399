"""The item-token language model: one token an item, in a vocabulary that is otherwise the base's."""
