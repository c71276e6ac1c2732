"""The chain: node, artifacts, accounts, transactions, logs, deployment, and what every feature pays
and looks up with. It knows no feature."""
