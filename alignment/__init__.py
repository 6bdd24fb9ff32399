"""How the LLM ranker is trained: tasks, rewards, SFT and RL."""
