"""The treasury: staking, and what keeps commission, buyback and dividends going. Nothing prints."""
