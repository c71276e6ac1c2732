"""What happens on the chain, told by signed webhook to whoever asked for it."""
