"""What ``tiller`` runs; ``chat_app/cli.py`` puts it together."""
