"""The chain: node, artifacts, accounts, transactions, logs, deployment. It knows no feature."""
